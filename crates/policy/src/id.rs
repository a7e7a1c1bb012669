//! Names of AWS things as types: a text is checked once, where it comes in, and not again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {expected}")]
pub struct ParseIdError {
    expected: &'static str,
    found: String,
}

impl ParseIdError {
    /// Longest piece of a rejected text that the error repeats.
    const SHOWN: usize = 80;

    fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.chars().take(Self::SHOWN).collect() }
    }

    /// The form that was expected, with an example.
    pub fn expected(&self) -> &'static str {
        self.expected
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $check:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text as given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.to_owned())) } else { Err(ParseIdError::new($expected, text)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

id!(
    /// A 12-digit AWS account id.
    AccountId,
    is_account,
    "an account id of 12 digits, such as 111122223333"
);

id!(
    /// A Region name such as `eu-central-1` or `us-gov-west-1`.
    Region,
    is_region,
    "a Region name, such as eu-central-1"
);

id!(
    /// The unique id of a role (`AROA…`). It changes when a role is deleted and made again under the same
    /// name (IAM User Guide, "IAM identifiers").
    RoleId,
    |text| is_unique_id(text, "AROA"),
    "a role id, such as AROAEXAMPLEEXAMPLE123"
);

id!(
    /// The ARN of a role: `arn:<partition>:iam::<account>:role/<path><name>`.
    RoleArn,
    |text| arn(text).is_some_and(|arn| {
        arn.service == "iam"
            && arn.region.is_empty()
            && is_account(arn.account)
            && arn.resource.strip_prefix("role/").is_some_and(is_role_path)
    }),
    "a role ARN, such as arn:aws:iam::111122223333:role/name"
);

id!(
    /// The ARN of a Lambda function without version or alias.
    FunctionArn,
    |text| arn(text).is_some_and(|arn| {
        arn.service == "lambda"
            && is_region(arn.region)
            && is_account(arn.account)
            && arn.resource.strip_prefix("function:").is_some_and(is_function_name)
    }),
    "an unqualified function ARN, such as arn:aws:lambda:eu-central-1:111122223333:function:name"
);

impl RoleArn {
    /// The account that owns the role.
    pub fn account(&self) -> &str {
        arn(&self.0).map_or("", |arn| arn.account)
    }

    /// The role's name, without its path.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl FunctionArn {
    /// The account that owns the function.
    pub fn account(&self) -> &str {
        arn(&self.0).map_or("", |arn| arn.account)
    }

    /// The Region the function is in.
    pub fn region(&self) -> &str {
        arn(&self.0).map_or("", |arn| arn.region)
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        self.0.rsplit(':').next().unwrap_or_default()
    }

    /// Splits a version or alias off a function ARN.
    ///
    /// ```
    /// # use whittle_policy::id::FunctionArn;
    /// let text = "arn:aws:lambda:eu-central-1:111122223333:function:orders:live";
    /// let (function, qualifier) = FunctionArn::split_qualified(text)?;
    /// assert_eq!((function.name(), qualifier), ("orders", Some("live")));
    /// # Ok::<(), whittle_policy::id::ParseIdError>(())
    /// ```
    pub fn split_qualified(text: &str) -> Result<(Self, Option<&str>), ParseIdError> {
        match text.rsplit_once(':') {
            Some((function, qualifier)) if text.split(':').count() == 8 => Ok((function.parse()?, Some(qualifier))),
            _ => Ok((text.parse()?, None)),
        }
    }
}

struct ArnParts<'a> {
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

fn arn(text: &str) -> Option<ArnParts<'_>> {
    let mut parts = text.splitn(6, ':');
    let (Some("arn"), Some(partition)) = (parts.next(), parts.next()) else { return None };
    if !partition.starts_with("aws") || !partition.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
        return None;
    }
    Some(ArnParts { service: parts.next()?, region: parts.next()?, account: parts.next()?, resource: parts.next()? })
}

/// True if `text` has the form of an account id: twelve digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let last = parts.next_back().unwrap_or_default();
    (2..=8).contains(&first.len())
        && text.len() <= 32
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && (1..=2).contains(&last.len())
        && last.bytes().all(|byte| byte.is_ascii_digit())
        && parts.clone().count() >= 1
        && parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()))
}

fn is_unique_id(text: &str, prefix: &str) -> bool {
    (16..=128).contains(&text.len())
        && text.starts_with(prefix)
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Path and name: printable ASCII without spaces in the path, `[\w+=,.@-]{1,64}` in the name.
fn is_role_path(text: &str) -> bool {
    let (path, name) = text.rsplit_once('/').unwrap_or(("", text));
    path.bytes().all(|byte| byte.is_ascii_graphic())
        && (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

fn is_function_name(text: &str) -> bool {
    (1..=140).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: FromStr<Err = ParseIdError>>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(text.parse::<T>().is_ok(), "{text:?} should parse");
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text:?} should not parse");
        }
    }

    #[test]
    fn account_ids_have_twelve_digits() {
        check::<AccountId>(
            &["111122223333"],
            &["", "11112222333", "1111222233334", "11112222333a", "１１１１２２２２３３３３"],
        );
    }

    #[test]
    fn regions_look_like_regions() {
        check::<Region>(
            &["eu-central-1", "us-gov-west-1", "ap-southeast-5", "us-iso-east-1", "mx-central-1"],
            &["", "eu", "eu-1", "EU-central-1", "eu-central", "eu--1", "eu-central-1a", "*"],
        );
    }

    #[test]
    fn role_ids_start_with_aroa() {
        check::<RoleId>(&["AROAEXAMPLEEXAMPLE123"], &["", "AROA", "AIDAEXAMPLEEXAMPLE123", "AROAexampleexample123"]);
    }

    #[test]
    fn role_arns_may_have_a_path() {
        check::<RoleArn>(
            &[
                "arn:aws:iam::111122223333:role/a",
                "arn:aws-cn:iam::111122223333:role/service-role/deep/a.b@c",
                "arn:aws-us-gov:iam::111122223333:role/a",
            ],
            &[
                "arn:aws:iam::111122223333:role/",
                "arn:aws:iam::111122223333:user/a",
                "arn:aws:iam:eu-central-1:111122223333:role/a",
                "arn:aws:sts::111122223333:assumed-role/a/b",
                "arn:aws:iam::*:role/a",
                "arn:gcp:iam::111122223333:role/a",
                "arn:aws:iam::111122223333:role/a b",
            ],
        );
        let arn: RoleArn = "arn:aws:iam::111122223333:role/service-role/a".parse().unwrap();
        assert_eq!((arn.account(), arn.name()), ("111122223333", "a"));
    }

    #[test]
    fn function_arns_carry_no_qualifier() {
        check::<FunctionArn>(
            &["arn:aws:lambda:eu-central-1:111122223333:function:a_b-C"],
            &[
                "arn:aws:lambda:eu-central-1:111122223333:function:a:1",
                "arn:aws:lambda:eu-central-1:111122223333:function:",
                "arn:aws:lambda:eu-central-1:111122223333:layer:a",
                "arn:aws:lambda::111122223333:function:a",
            ],
        );
    }

    #[test]
    fn qualifiers_are_split_off() {
        let base = "arn:aws:lambda:eu-central-1:111122223333:function:a";
        assert_eq!(FunctionArn::split_qualified(base).unwrap().1, None);
        let qualified = format!("{base}:$LATEST");
        assert_eq!(FunctionArn::split_qualified(&qualified).unwrap().1, Some("$LATEST"));
        assert!(FunctionArn::split_qualified(&format!("{qualified}:x")).is_err());
    }

    #[test]
    fn serde_checks_too() {
        assert!(serde_json::from_str::<AccountId>("\"111122223333\"").is_ok());
        assert!(serde_json::from_str::<AccountId>("\"1\"").is_err());
    }

    #[test]
    fn a_huge_text_does_not_flood_the_error() {
        let error = "x".repeat(1_000_000).parse::<AccountId>().unwrap_err();
        assert!(error.to_string().len() < 300);
    }
}
