//! How an ARN is cut into segments, and which segments are not worth remembering.
//!
//! A policy that names `execution:orders:6f1c…` allows nothing tomorrow. Segments that look generated, and ids of resource
//! types that live for minutes, become `*`. Ids that name a lasting resource stay, though they look generated (a KMS key).

use super::resources::Settings;
use crate::bytes;
use crate::record::holds_mask;

/// One step of a path: the separator before the text, and the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment<'a> {
    /// `:` or `/`; the first segment of an ARN counts as after `:`.
    pub(super) separator: Separator,
    pub(super) text: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Separator {
    Colon,
    Slash,
}

impl Separator {
    pub(super) fn as_char(self) -> char {
        match self {
            Self::Colon => ':',
            Self::Slash => '/',
        }
    }
}

/// Number of segments before the resource: `arn`, partition, service, Region, account.
pub(super) const HEAD: usize = 5;

/// Cuts at each `:` and `/`. The first five segments are cut at `:` only, since none of them may hold a slash.
pub(super) fn segments(arn: &str) -> impl Iterator<Item = Segment<'_>> {
    let mut rest = Some(arn);
    let mut separator = Separator::Colon;
    let mut index = 0_usize;
    std::iter::from_fn(move || {
        let text = rest?;
        let here = separator;
        let other = if index < HEAD { b':' } else { b'/' };
        let cut = bytes::find_either(text.as_bytes(), 0, b':', other);
        index += 1;
        let Some((head, by, tail)) =
            cut.and_then(|at| Some((text.get(..at)?, text.get(at..=at)?, text.get(at + 1..)?)))
        else {
            rest = None;
            return Some(Segment { separator: here, text });
        };
        separator = if by == "/" { Separator::Slash } else { Separator::Colon };
        rest = Some(tail);
        Some(Segment { separator: here, text: head })
    })
}

/// Resource types whose ids are used up quickly: service, the first segment of the resource. (Service Authorization
/// Reference: ARN formats of these services; what lives shortly is our judgement.)
const SHORT_LIVED: &[(&str, &str)] = &[
    ("athena", "query"),
    ("batch", "job"),
    ("bedrock", "async-invoke"),
    ("bedrock", "model-invocation-job"),
    ("codebuild", "build"),
    ("ec2", "fleet"),
    ("ec2", "instance"),
    ("ec2", "network-interface"),
    ("ec2", "snapshot"),
    ("ec2", "spot-instances-request"),
    ("ec2", "volume"),
    ("logs", "query"),
    ("rekognition", "job"),
    ("sagemaker", "processing-job"),
    ("sagemaker", "training-job"),
    ("sagemaker", "transform-job"),
    ("transcribe", "transcription-job"),
];

/// Resource types whose second id segment names a lasting resource though it looks generated.
const LASTING: &[(&str, &str)] = &[("cognito-identity", "identitypool")];

/// What the path has been so far; decides whether the next segment is kept.
#[derive(Debug, Default)]
pub(super) struct Context<'a> {
    index: usize,
    service: &'a str,
    kind: &'a str,
    account_is_empty: bool,
    /// Some segment could be damaged: looked for once in the whole ARN, since nearly none is.
    may_be_damaged: bool,
}

/// What to do with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Remember it.
    Exact,
    /// It and all below it become `*`.
    Generalise,
}

impl<'a> Context<'a> {
    /// Before the first segment of an ARN.
    pub(super) fn of(arn: &str) -> Self {
        let is_plain = arn.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !holds_mask(arn);
        Self { may_be_damaged: !is_plain, ..Self::default() }
    }

    /// Judges the next segment of the ARN.
    pub(super) fn judge(&mut self, segment: Segment<'a>, is_last: bool, settings: &Settings) -> Keep {
        let index = self.index;
        self.index += 1;
        let text = segment.text;
        if index == 2 {
            self.service = text;
        }
        if text == "*" && is_last || text.len() > settings.max_segment_bytes || self.may_be_damaged && is_damaged(text)
        {
            return Keep::Generalise;
        }
        if index < HEAD {
            self.account_is_empty = text.is_empty();
            return Keep::Exact;
        }
        let depth = index - HEAD;
        if depth == 0 {
            self.kind = text;
            return Keep::Exact;
        }
        if depth >= settings.max_resource_segments {
            return Keep::Generalise;
        }
        if let Some(first_of_key) = self.first_of_object_key() {
            let Some(level) = depth.checked_sub(first_of_key) else { return Keep::Exact };
            // Object keys are data: the name of an object never stays, and of its folders only the first levels.
            let keep = !is_last && level < settings.object_key_levels && !looks_generated(text);
            return if keep { Keep::Exact } else { Keep::Generalise };
        }
        if depth == 1 {
            let short_lived = SHORT_LIVED.contains(&(self.service, self.kind));
            return if short_lived { Keep::Generalise } else { Keep::Exact };
        }
        let lasting = depth == 2 && LASTING.contains(&(self.service, self.kind));
        if !lasting && looks_generated(text) { Keep::Generalise } else { Keep::Exact }
    }

    /// The depth at which an S3 object key begins (Service Authorization Reference, "Resource types defined by Amazon S3"):
    /// `<bucket>/<key>`, `accesspoint/<name>/object/<key>`, `outpost/<id>/bucket/<name>/object/<key>`.
    fn first_of_object_key(&self) -> Option<usize> {
        match (self.service, self.kind) {
            ("s3", _) if self.account_is_empty => Some(1),
            ("s3" | "s3-object-lambda", "accesspoint") => Some(3),
            ("s3-outposts", "outpost") => Some(6),
            _ => None,
        }
    }
}

/// Text that is no part of a name: masked by AWS, or broken on the way here.
fn is_damaged(text: &str) -> bool {
    holds_mask(text) || text.contains('\u{fffd}') || text.chars().any(char::is_control)
}

/// Whether a segment looks like an id, a hash, a date or a number that some code made up.
pub(super) fn looks_generated(text: &str) -> bool {
    let stem = text.strip_prefix("[$LATEST]").unwrap_or(text);
    // The extension of a file says nothing about how its name came to be.
    let stem = stem.split_once('.').map_or(stem, |(stem, _)| stem);
    let digits = stem.bytes().filter(u8::is_ascii_digit).count();
    if stem.is_empty() || digits == 0 {
        return false;
    }
    is_number_or_date(stem)
        || stem.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| is_hash(word) || is_date_word(word))
        || is_uuid(stem)
}

/// `42`, `2026-07-29`, `2026_07_29T10`, `20260729`: digits with date separators, and the `T` and `Z` of ISO 8601.
fn is_number_or_date(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'T' | b'Z' | b'+'))
}

/// `20260729` and longer, as a word inside a name.
fn is_date_word(word: &str) -> bool {
    word.len() >= 8 && word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'T' | b'Z'))
}

/// Long hexadecimal, or long letters mixed with several digits.
fn is_hash(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = word.bytes().all(|b| b.is_ascii_hexdigit());
    (hex && word.len() >= 12 && digits >= 2) || (word.len() >= 20 && digits >= 3)
}

/// `8-4-4-4-12` hexadecimal.
fn is_uuid(text: &str) -> bool {
    let mut lengths = text.split('-').map(|part| (part.len(), part.bytes().all(|b| b.is_ascii_hexdigit())));
    [8, 4, 4, 4, 12].iter().all(|&length| lengths.next() == Some((length, true))) && lengths.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_cut_at_colons_only() {
        let of = |arn| segments(arn).map(|s| format!("{}{}", s.separator.as_char(), s.text)).collect::<Vec<_>>();
        assert_eq!(
            of("arn:aws:logs:us-east-1:1:log-group:/aws/x:*"),
            [":arn", ":aws", ":logs", ":us-east-1", ":1", ":log-group", ":", "/aws", "/x", ":*"]
        );
        assert_eq!(of("arn:aws:s3:::b/é/x"), [":arn", ":aws", ":s3", ":", ":", ":b", "/é", "/x"]);
        assert_eq!(of(""), [":"]);
    }

    #[test]
    fn generated_looking_segments() {
        for text in [
            "6f1c2f3e-1111-4222-8333-abcdefabcdef",
            "2026-07-29",
            "20260729",
            "2026",
            "12345",
            "[$LATEST]0123456789abcdef0123456789abcdef",
            "0123456789abcdef",
            "report-20260729.csv",
            "AbCdEfGh1234567890XyZw",
            "2026-07-29T10",
        ] {
            assert!(looks_generated(text), "{text}");
        }
        for text in ["orders", "orders-v2", "eu-west-1", "db-AbCdEf", "config.json", "s3", "table1", "", "deadbeefdead"]
        {
            assert!(!looks_generated(text), "{text}");
        }
    }
}
