//! Names the role behind a record, and what used it, without knowing the inventory.
//!
//! In: one [`Record`]. Out: an [`Attribution`] if a role's session made the call, else `None`: no principal
//! is invented. Rules (CloudTrail User Guide, "CloudTrail userIdentity element"; the rows without a page were
//! observed in public logs):
//!
//! | record | role |
//! |---|---|
//! | `AssumedRole` with a `sessionIssuer` of type `Role` | the issuer's unique id, else its ARN |
//! | `AssumedRole` without an issuer, `Role`, `AWSAccount` | the `AROA…` before the colon of `principalId` |
//! | an issuer below the path `/aws-service-role/` | none: a service-linked role |
//! | anything else | none |
//!
//! `assumed-role/<name>/<session>` lacks the role's path, so names are never compared. The caller is the
//! function of `inScopeOf.credentialsIssuedTo`, the Lambda service (`awslambda_…` sessions; decrypting
//! environment variables), or a named session. [`resolve()`] later compares session names with an inventory.

mod resolve;

pub use resolve::{Caller, FunctionRef, RoleFunctions, resolve};

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::record::{InScopeOf, LazyJson, Record, UserIdentity};

/// The role behind a call and what used it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution<'a> {
    /// The unique id `AROA…` of the role; its ARN where the record carries no unique id.
    pub role_id: &'a str,
    /// The role's ARN with path; `None` in copies that another account's trail holds.
    pub role_arn: Option<&'a str>,
    /// The account of the role.
    pub account: Option<&'a str>,
    /// The user of the role.
    pub caller: CallerRef<'a>,
    /// `invokedBy`: the AWS service that made the call with the role's identity (forward access session).
    pub forwarded_by: Option<&'a str>,
}

/// User of a role, as far as a record alone shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerKey {
    /// Code of a function: CloudTrail says whom the credentials were issued to.
    Function {
        /// ARN without qualifier.
        arn: String,
        /// `$LATEST` or a version number, where the record has it; `*` once a role has seen many versions of
        /// it.
        version: Option<String>,
    },
    /// The Lambda service itself, with the execution role.
    Platform {
        /// The function that it acted for, where the event tells.
        function_name: Option<String>,
    },
    /// A session with this name.
    Session {
        /// The session name; [`CallerKey::ANY_SESSION`] once a role has seen too many different ones.
        name: String,
        /// True if the user agent was that of an SDK inside a Lambda sandbox.
        exec_env: bool,
    },
}

/// [`CallerKey`], borrowed from the record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallerRef<'a> {
    /// See [`CallerKey::Function`].
    Function {
        /// ARN without qualifier.
        arn: &'a str,
        /// `$LATEST` or a version number, where the record has it.
        version: Option<&'a str>,
    },
    /// See [`CallerKey::Platform`].
    Platform {
        /// The function that it acted for, where the event tells.
        function_name: Option<&'a str>,
    },
    /// See [`CallerKey::Session`].
    Session {
        /// The session name.
        name: &'a str,
        /// True if the user agent was that of an SDK inside a Lambda sandbox.
        exec_env: bool,
    },
}

impl CallerRef<'_> {
    /// The key of its own.
    pub fn to_key(&self) -> CallerKey {
        match self {
            Self::Function { arn, version } => {
                CallerKey::Function { arn: (*arn).to_owned(), version: version.map(str::to_owned) }
            }
            Self::Platform { function_name } => CallerKey::Platform { function_name: function_name.map(str::to_owned) },
            Self::Session { name, exec_env } => CallerKey::Session { name: (*name).to_owned(), exec_env: *exec_env },
        }
    }
}

impl CallerKey {
    /// The session name that stands for every session name.
    pub const ANY_SESSION: &'static str = "*";
    /// The version that stands for every version.
    pub const ANY_VERSION: &'static str = "*";
}

impl fmt::Display for CallerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function { arn, version: Some(version) } => write!(f, "{arn}:{version}"),
            Self::Function { arn, version: None } => f.write_str(arn),
            Self::Platform { function_name: Some(name) } => write!(f, "platform of {name}"),
            Self::Platform { function_name: None } => f.write_str("platform"),
            Self::Session { name, .. } => write!(f, "session {name}"),
        }
    }
}

/// A role that the Lambda service assumed: the role is in use, which proves no permission of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssumed {
    /// The unique id `AROA…`; the role's ARN where the record carries no unique id.
    pub role_id: String,
    /// The role's ARN.
    pub role_arn: Option<String>,
}

/// The role and caller behind `record`; `None` if no role's session made the call.
pub fn attribute<'a>(record: &'a Record<'_>) -> Option<Attribution<'a>> {
    let role = role_of(&record.user_identity)?;
    let session = session_name(&record.user_identity).unwrap_or_default();
    Some(Attribution {
        role_id: role.id,
        role_arn: role.arn,
        account: role.account,
        caller: caller_of(record, session),
        forwarded_by: record.user_identity.invoked_by.as_deref().filter(|service| !service.is_empty()),
    })
}

/// The field for want of which nobody can say which role made the call, though some role did or may have:
/// CloudTrail writes `userIdentity` in every record of a call, and with a role's session its unique id
/// (CloudTrail User Guide, "CloudTrail record contents", "CloudTrail userIdentity element"). `None` for a
/// record that names its role, or none.
pub fn missing_identity(record: &Record<'_>) -> Option<&'static str> {
    let identity = &record.user_identity;
    // Copies by other programs may leave out the type of event.
    let is_call = record.event_type.as_deref().is_none_or(|kind| kind == "AwsApiCall");
    let is_told_call = record.event_type.as_deref() == Some("AwsApiCall");
    let issuer = identity.session_issuer();
    let Some(kind) = identity.type_.as_deref() else {
        let says_nothing = identity.principal_id.is_none()
            && identity.arn.is_none()
            && identity.account_id.is_none()
            && identity.invoked_by.is_none()
            && issuer.is_none();
        let in_function = identity.in_scope_of.as_ref().is_some_and(|scope| function_in_scope(scope).is_some());
        return (is_told_call && says_nothing || is_call && in_function).then_some("userIdentity");
    };
    if kind != "AssumedRole" || role_of(identity).is_some() {
        return None;
    }
    let is_other = issuer.and_then(|issuer| issuer.type_.as_deref()).is_some_and(|kind| kind != "Role");
    let is_service_linked = issuer.is_some_and(|issuer| role_arn(issuer.arn.as_deref()).1);
    (is_call && !is_other && !is_service_linked).then_some("userIdentity.principalId")
}

struct RoleRef<'a> {
    id: &'a str,
    arn: Option<&'a str>,
    account: Option<&'a str>,
}

fn role_of<'a>(identity: &'a UserIdentity<'_>) -> Option<RoleRef<'a>> {
    let account = identity.account_id.as_deref();
    match identity.type_.as_deref()? {
        "AssumedRole" => match identity.session_issuer() {
            Some(issuer) => {
                if issuer.type_.as_deref().is_some_and(|kind| kind != "Role") {
                    return None;
                }
                let (arn, is_service_linked) = role_arn(issuer.arn.as_deref());
                if is_service_linked {
                    return None;
                }
                let id = issuer
                    .principal_id
                    .as_deref()
                    .filter(|id| is_role_id(id))
                    .or_else(|| id_of_principal(identity))
                    .or(arn)?;
                Some(RoleRef { id, arn, account: issuer.account_id.as_deref().or(account) })
            }
            None => Some(RoleRef { id: id_of_principal(identity)?, arn: None, account }),
        },
        "Role" => {
            let (arn, is_service_linked) = role_arn(identity.arn.as_deref());
            if is_service_linked {
                return None;
            }
            Some(RoleRef { id: id_of_principal(identity).or(arn)?, arn, account })
        }
        // The copy of a cross-account call in the account of the resource.
        "AWSAccount" => Some(RoleRef { id: id_of_principal(identity)?, arn: None, account }),
        _ => None,
    }
}

/// The part of `principalId` before the colon, if it is a role's unique id.
fn id_of_principal<'a>(identity: &'a UserIdentity<'_>) -> Option<&'a str> {
    let principal = identity.principal_id.as_deref()?;
    let id = principal.split(':').next()?;
    is_role_id(id).then_some(id)
}

/// The rest of an ARN after `arn:<partition>:<service>:`; `None` for another service.
fn after_service<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let (partition, rest) = arn.strip_prefix("arn:")?.split_once(':')?;
    (!partition.is_empty()).then(|| rest.strip_prefix(service)?.strip_prefix(':'))?
}

/// IAM User Guide, "IAM identifiers": unique ids of roles begin with `AROA`.
fn is_role_id(id: &str) -> bool {
    id.len() > 4 && id.len() <= 128 && id.starts_with("AROA") && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The path and name in `arn:<partition>:iam::<account>:role/<path and name>`.
fn path_and_name(arn: &str) -> Option<&str> {
    let (_account, resource) = after_service(arn, "iam")?.strip_prefix(':')?.split_once(':')?;
    resource.strip_prefix("role/")
}

/// The ARN, if it is a role's, and whether the role is service-linked: nobody's to narrow.
///
/// IAM User Guide, "Create a service-linked role": their path is `/aws-service-role/<service>/`.
fn role_arn(arn: Option<&str>) -> (Option<&str>, bool) {
    match arn.and_then(path_and_name) {
        Some(name) => (arn, name.starts_with("aws-service-role/")),
        None => (None, false),
    }
}

fn session_name<'a>(identity: &'a UserIdentity<'_>) -> Option<&'a str> {
    let of_principal = identity.principal_id.as_deref().and_then(|id| id.split_once(':')).map(|(_, session)| session);
    of_principal.or_else(|| {
        let arn = identity.arn.as_deref().filter(|arn| arn.contains(":assumed-role/"))?;
        arn.rsplit_once('/').map(|(_, session)| session)
    })
}

fn caller_of<'a>(record: &'a Record<'_>, session: &'a str) -> CallerRef<'a> {
    let scope = record.user_identity.in_scope_of.as_ref().and_then(|scope| function_in_scope(scope));
    if is_service_session(session) {
        let function_name = scope.and_then(|(arn, _)| function_name(arn));
        return CallerRef::Platform { function_name };
    }
    // Whoever calls writes encryption context and user agent. So these tell the Lambda service from a
    // function's code, and never one function from another: that is CloudTrail's or, without `inScopeOf`, the
    // session's to say.
    let is_environment = |own: &str| {
        !record.has_lambda_user_agent() && environment_decrypt(record).is_some_and(|function| function == own)
    };
    match scope {
        Some((arn, _)) if function_name(arn).is_some_and(is_environment) => {
            CallerRef::Platform { function_name: function_name(arn) }
        }
        Some((arn, version)) => CallerRef::Function { arn, version },
        None if is_environment(session) => CallerRef::Platform { function_name: Some(session) },
        None => CallerRef::Session { name: session, exec_env: record.has_lambda_user_agent() },
    }
}

/// The unqualified function ARN and the version of `inScopeOf`.
///
/// Documentation-style records name a role in `credentialsIssuedTo`; only a function's ARN counts.
fn function_in_scope<'a>(scope: &'a InScopeOf<'_>) -> Option<(&'a str, Option<&'a str>)> {
    if scope.issuer_type.as_deref() != Some("AWS::Lambda::Function") {
        return None;
    }
    let (arn, qualifier) = split_function_arn(scope.credentials_issued_to.as_deref()?)?;
    let version = scope
        .credentials_issued_to_version
        .as_deref()
        .and_then(split_function_arn)
        .filter(|(of, _)| *of == arn)
        .and_then(|(_, version)| version)
        .or(qualifier);
    Some((arn, version))
}

/// Splits `arn:<partition>:lambda:<Region>:<account>:function:<name>[:<qualifier>]` before the qualifier;
/// `None` for anything else.
pub fn split_function_arn(arn: &str) -> Option<(&str, Option<&str>)> {
    let (_region, rest) = after_service(arn, "lambda")?.split_once(':')?;
    let (_account, rest) = rest.split_once(':')?;
    let name = rest.strip_prefix("function:")?;
    let (name, qualifier) = name.split_once(':').map_or((name, None), |(name, qualifier)| (name, Some(qualifier)));
    if name.is_empty() {
        return None;
    }
    let Some(qualifier) = qualifier else { return Some((arn, None)) };
    if qualifier.contains(':') {
        return None;
    }
    let unqualified = arn.len() - qualifier.len() - 1;
    Some((arn.get(..unqualified)?, Some(qualifier).filter(|qualifier| !qualifier.is_empty())))
}

/// The name in a function ARN.
pub fn function_name(arn: &str) -> Option<&str> {
    split_function_arn(arn)?.0.rsplit(':').next()
}

/// `awslambda_<n>_<yyyymmddhhmmssSSS>`: sessions that the Lambda service opens outside the sandbox.
fn is_service_session(session: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    session
        .strip_prefix("awslambda_")
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(number, time)| digits(number) && time.len() == 17 && digits(time))
}

/// The function whose environment variables the Lambda service decrypts with the role. The session then has
/// the function's name; only the encryption context tells.
fn environment_decrypt(record: &Record<'_>) -> Option<String> {
    const CONTEXT: &str = "aws:lambda:FunctionArn";
    if record.event_source.as_str() != "kms.amazonaws.com" || record.event_name.as_str() != "Decrypt" {
        return None;
    }
    let parameters = record.request_parameters.as_ref()?.value();
    let arn = parameters.get("encryptionContext")?.get(CONTEXT)?.as_str()?;
    function_name(arn).map(str::to_owned)
}

/// The role that the Lambda service assumed in this record, if that is what it shows.
///
/// `sts:AssumeRole` by `lambda.amazonaws.com` is a use of the trust policy, not of the role's permissions.
pub fn assumed_by_lambda(record: &Record<'_>) -> Option<RoleAssumed> {
    let identity = &record.user_identity;
    if record.event_source.as_str() != "sts.amazonaws.com"
        || record.event_name.as_str() != "AssumeRole"
        || record.error_code.is_some()
        || identity.type_.as_deref() != Some("AWSService")
        || !identity.invoked_by.as_deref().is_some_and(|service| service.starts_with("lambda.amazonaws.com"))
    {
        return None;
    }
    let parameters = record.request_parameters.as_ref().map(LazyJson::value);
    let role_arn = parameters
        .and_then(|parameters| parameters.get("roleArn")?.as_str().map(str::to_owned))
        .filter(|arn| path_and_name(arn).is_some());
    let response = record.response_elements.as_ref().map(LazyJson::value);
    let role_id = response
        .and_then(|response| response.get("assumedRoleUser")?.get("assumedRoleId")?.as_str().map(str::to_owned))
        .and_then(|id| id.split(':').next().filter(|id| is_role_id(id)).map(str::to_owned))
        .or_else(|| role_arn.clone())?;
    Some(RoleAssumed { role_id, role_arn })
}

#[cfg(test)]
mod tests;
