//! Cuts an ARN into segments and decides which of them to remember.
//!
//! A policy that names `execution:orders:6f1c…` allows nothing tomorrow. Segments that look generated, and
//! ids of resource types that live for minutes, become `*`; so does the part of a name that is a period, such
//! as a year (`periods.rs`). Ids that name a lasting resource stay, though they look generated (a KMS key).

use whittle_catalog::catalog;

use super::periods::open_periods;
use super::settings::LedgerSettings;
use crate::record::holds_mask;

/// One step of a path: the separator before the text, and the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ArnSegment<'a> {
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

/// Cuts at each `:` and `/`. The first five segments are cut at `:` only, since none of them may hold a
/// slash.
pub(super) fn segments(arn: &str) -> impl Iterator<Item = ArnSegment<'_>> {
    let mut rest = Some(arn);
    let mut separator = Separator::Colon;
    let mut index = 0_usize;
    std::iter::from_fn(move || {
        let text = rest?;
        let here = separator;
        let cuts_at_slash = index >= HEAD;
        index += 1;
        let head = text.split(|c| c == ':' || c == '/' && cuts_at_slash).next().unwrap_or(text);
        let tail = text.get(head.len()..).unwrap_or_default();
        separator = if tail.starts_with('/') { Separator::Slash } else { Separator::Colon };
        rest = tail.get(1..);
        Some(ArnSegment { separator: here, text: head })
    })
}

/// The path so far. Decides whether the next segment is kept.
#[derive(Debug, Default)]
pub(super) struct SegmentContext<'a> {
    index: usize,
    service: &'a str,
    kind: &'a str,
    account_is_empty: bool,
    /// Some segment could be damaged: looked for once in the whole ARN, since nearly none is.
    may_be_damaged: bool,
}

/// Fate of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SegmentKeep {
    /// Remember it.
    Exact,
    /// Remember this text in its place: its periods are `*`.
    Opened(String),
    /// It and all below it become `*`.
    Generalise,
}

impl<'a> SegmentContext<'a> {
    /// Before the first segment of an ARN.
    pub(super) fn of(arn: &str) -> Self {
        let is_plain = arn.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !holds_mask(arn);
        Self { may_be_damaged: !is_plain, ..Self::default() }
    }

    /// Judges the next segment of the ARN.
    pub(super) fn judge(&mut self, segment: ArnSegment<'a>, is_last: bool, settings: &LedgerSettings) -> SegmentKeep {
        let is_name = self.index >= HEAD && !(self.index == HEAD + 1 && self.is_published());
        match self.judge_whole(segment, is_last, settings) {
            SegmentKeep::Exact if is_name => match open_periods(segment.text) {
                None => SegmentKeep::Exact,
                Some(open) if open == "*" => SegmentKeep::Generalise,
                Some(open) => SegmentKeep::Opened(open),
            },
            fate => fate,
        }
    }

    /// The names of this resource type are published by AWS: a date there is that of a release.
    fn is_published(&self) -> bool {
        catalog().is_published(self.service, self.kind) || catalog().is_lasting(self.service, self.kind)
    }

    fn judge_whole(&mut self, segment: ArnSegment<'a>, is_last: bool, settings: &LedgerSettings) -> SegmentKeep {
        let index = self.index;
        self.index += 1;
        let text = segment.text;
        if index == 2 {
            self.service = text;
        }
        if text == "*" && is_last || text.len() > settings.max_segment_bytes || self.may_be_damaged && is_damaged(text)
        {
            return SegmentKeep::Generalise;
        }
        if index < HEAD {
            self.account_is_empty = text.is_empty();
            return SegmentKeep::Exact;
        }
        let depth = index - HEAD;
        if depth == 0 {
            self.kind = text;
            return SegmentKeep::Exact;
        }
        if depth >= settings.max_resource_segments {
            return SegmentKeep::Generalise;
        }
        if let Some(first_of_key) = self.first_of_object_key() {
            let Some(level) = depth.checked_sub(first_of_key) else { return SegmentKeep::Exact };
            // Object keys are data: the name of an object never stays, and of its folders only the first
            // levels.
            let keep = !is_last && level < settings.object_key_levels && !looks_generated(text);
            return if keep { SegmentKeep::Exact } else { SegmentKeep::Generalise };
        }
        if depth == 1 {
            let short_lived = catalog().is_short_lived(self.service, self.kind);
            return if short_lived { SegmentKeep::Generalise } else { SegmentKeep::Exact };
        }
        let lasting = depth == 2 && catalog().is_lasting(self.service, self.kind);
        if !lasting && looks_generated(text) { SegmentKeep::Generalise } else { SegmentKeep::Exact }
    }

    /// The depth at which an S3 object key begins (Service Authorization Reference, "Resource types defined
    /// by Amazon S3"): `<bucket>/<key>`, `accesspoint/<name>/object/<key>`,
    /// `outpost/<id>/bucket/<name>/object/<key>`.
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

/// True if a segment looks like an id, a hash, a date or a number that some code made up.
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

/// `42`, `2026-07-29`, `2026_07_29T10`, `20260729`: digits with date separators, and the `T` and `Z` of ISO
/// 8601.
fn is_number_or_date(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'T' | b'Z' | b'+'))
}

/// `20260729` and longer, as a word inside a name.
fn is_date_word(word: &str) -> bool {
    word.len() >= 8 && word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'T' | b'Z'))
}

/// Long hexadecimal, or long letters mixed with several digits.
pub(super) fn is_hash(word: &str) -> bool {
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
