//! Names that go on growing: resources of one action of which there will be more tomorrow.
//!
//! In: the resources that an action was used on, and the day on which each was first seen. Out: patterns that
//! are needed beside them. Two rules:
//! - *counters*: names that differ in numbers alone (`jobs-v2` and `jobs-v3`) are one pattern. One number
//!   that never changed is a name;
//! - *new ones still appear*: a name first seen in the last third of the time in which the action was used is
//!   joined with the names most like it (`tenant-a`, `tenant-b`: `tenant-*`).
//!
//! What is a period in a name (a year, a date) was opened by the ledger, though seen once.

use std::collections::{BTreeMap, BTreeSet};

use whittle_policy::ResourcePattern;

/// A resource and the day on which it was first seen, if that is known.
pub(super) type DatedName<'a> = (&'a ResourcePattern, Option<i32>);

/// The days of an action: its first one, and the end of the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct UseDays {
    pub(super) first: i32,
    pub(super) end: i32,
}

/// Patterns that the names grow into; empty if they do not grow.
pub(super) fn open(names: &[DatedName<'_>], days: Option<UseDays>) -> BTreeSet<ResourcePattern> {
    let mut out = counters(names);
    let Some(UseDays { first, end }) = days else { return out };
    let third = end.saturating_sub(first).saturating_add(2) / 3;
    let is_new = |day: i32| day > first && day >= end.saturating_sub(third);
    let parts: Vec<Vec<Part<'_>>> = names.iter().map(|(name, _)| parts(name.as_str())).collect();
    for (index, (_, day)) in names.iter().enumerate() {
        if !day.is_some_and(is_new) {
            continue;
        }
        let Some(new) = parts.get(index) else { continue };
        let others = || parts.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, parts)| parts);
        let Some(least) = others().map(|other| distance(new, other)).min() else { continue };
        let nearest = others().filter(|other| distance(new, other) == least);
        out.extend(nearest.filter_map(|other| joined(new, other)).map(ResourcePattern::new));
    }
    out
}

/// A segment of an ARN with the separator before it.
type Part<'a> = (char, &'a str);

/// Segments before the resource: `arn`, partition, service, Region, account.
const HEAD: usize = 5;

fn parts(arn: &str) -> Vec<Part<'_>> {
    let mut out: Vec<Part<'_>> = Vec::new();
    let mut separator = ':';
    let mut rest = arn;
    loop {
        let in_head = out.len() < HEAD;
        let Some(at) = rest.find(|c| c == ':' || c == '/' && !in_head) else {
            out.push((separator, rest));
            return out;
        };
        let (text, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push((separator, text));
        separator = if tail.starts_with('/') { '/' } else { ':' };
        rest = tail.get(1..).unwrap_or_default();
    }
}

/// Number of segments in which two names differ. Names of another shape are further away than all others.
fn distance(a: &[Part<'_>], b: &[Part<'_>]) -> usize {
    let differ = a.iter().zip(b).filter(|(a, b)| a != b).count();
    if a.len() == b.len() { differ } else { differ + a.len().max(b.len()) }
}

/// One pattern for both names: what they share, and `*` where they differ; `None` for another service.
fn joined(a: &[Part<'_>], b: &[Part<'_>]) -> Option<String> {
    let mut out = String::new();
    for (index, pair) in a.iter().zip(b).enumerate() {
        let ((separator, text), (other_separator, other)) = pair;
        if separator != other_separator {
            break;
        }
        if index > 0 {
            out.push(*separator);
        }
        if text == other {
            out.push_str(text);
        } else if index < 3 {
            return None;
        } else {
            let start = if index < HEAD { "" } else { shared_start(text, other) };
            out.push_str(start);
            out.push('*');
        }
    }
    if a.len() != b.len() && !out.ends_with('*') {
        out.push('*');
    }
    // Below a `*` that crosses everything another one says nothing.
    while let Some(shorter) = out.strip_suffix("/*").filter(|shorter| shorter.ends_with("/*")) {
        out.truncate(shorter.len());
    }
    Some(out)
}

/// The common start of two texts, up to its last separator.
fn shared_start<'a>(a: &'a str, b: &str) -> &'a str {
    let common =
        a.char_indices().zip(b.chars()).find(|((_, a), b)| a != b).map_or(a.len().min(b.len()), |((at, _), _)| at);
    let start = a.get(..common).unwrap_or_default();
    let end = start.rfind(['-', '_', '.', '=', '+', '@']).map_or(0, |at| at.saturating_add(1));
    start.get(..end).unwrap_or_default()
}

/// Patterns for names that differ in numbers alone.
fn counters(names: &[DatedName<'_>]) -> BTreeSet<ResourcePattern> {
    let mut alike: BTreeMap<String, BTreeSet<Vec<&str>>> = BTreeMap::new();
    for (name, _) in names {
        let (skeleton, numbers) = without_numbers(name.as_str());
        if !numbers.is_empty() {
            alike.entry(skeleton).or_default().insert(numbers);
        }
    }
    let mut out = BTreeSet::new();
    for (skeleton, values) in alike.iter().filter(|(_, values)| values.len() > 1) {
        let mut text = String::new();
        for (slot, piece) in skeleton.split(SLOT).enumerate() {
            if let Some(slot) = slot.checked_sub(1) {
                let mut here = values.iter().filter_map(|values| values.get(slot).copied());
                let first = here.next().unwrap_or("*");
                text.push_str(if here.all(|other| other == first) { first } else { "*" });
            }
            text.push_str(piece);
        }
        out.insert(ResourcePattern::new(text));
    }
    out
}

/// Stands for a number. No ARN holds it: the ledger opens segments with control characters.
const SLOT: char = '\u{0}';

/// The name with its counting numbers as slots, and the numbers: those at the end of a word, as in
/// `orders-2`, `v2`, `shard7`. Not that of a Region in a name, account ids, and what is mixed with letters,
/// as ids are.
fn without_numbers(name: &str) -> (String, Vec<&str>) {
    let resource = name.match_indices(':').nth(4).map_or(0, |(at, _)| at.saturating_add(1));
    let (head, resource) = name.split_at_checked(resource).unwrap_or(("", name));
    let mut skeleton = head.to_owned();
    let mut numbers = Vec::new();
    let mut before = ("", "");
    let mut from = 0;
    for (at, separator) in resource.match_indices(|c: char| !c.is_ascii_alphanumeric()).chain([(resource.len(), "")]) {
        let word = resource.get(from..at).unwrap_or_default();
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = word.get(letters.len()..).unwrap_or_default();
        let mixed = letters.bytes().any(|b| b.is_ascii_digit());
        let of_region = letters.is_empty() && digits.len() == 1 && is_region(before);
        if digits.is_empty() || mixed || digits.len() == 12 || of_region {
            skeleton.push_str(word);
        } else {
            skeleton.push_str(letters);
            skeleton.push(SLOT);
            numbers.push(digits);
        }
        skeleton.push_str(separator);
        before = (before.1, word);
        from = at + separator.len();
    }
    (skeleton, numbers)
}

/// Words before the number of a Region: `eu` and `central`.
fn is_region((area, direction): (&str, &str)) -> bool {
    let directions = ["north", "south", "east", "west", "central", "northeast", "northwest", "southeast", "southwest"];
    directions.contains(&direction) && (area.len() == 2 || area == "gov" || area.starts_with("iso"))
}

#[cfg(test)]
mod tests {
    use super::{ResourcePattern, UseDays, open};

    #[track_caller]
    fn check(names: &[(&str, i32)], expect: &[&str]) {
        let names: Vec<(ResourcePattern, i32)> =
            names.iter().map(|(name, day)| (ResourcePattern::new(*name), *day)).collect();
        let dated: Vec<_> = names.iter().map(|(name, day)| (name, Some(*day))).collect();
        let open = open(&dated, Some(UseDays { first: 100, end: 190 }));
        assert_eq!(open.iter().map(ResourcePattern::as_str).collect::<Vec<_>>(), expect, "{names:?}");
    }

    const QUEUES: &str = "arn:aws:sqs:eu-west-1:111122223333:";

    #[test]
    fn numbers_that_changed_are_open() {
        let queue = |name: &str| format!("{QUEUES}{name}");
        for (names, expect) in [
            (&["jobs-v2", "jobs-v3"][..], &["jobs-v*"][..]),
            (&["shard1", "shard2", "other"], &["shard*"]),
            (&["a-1-of-8", "a-2-of-8"], &["a-*-of-8"]),
            (&["2/x", "3/x"], &["*/x"]),
            (&["orders-2"], &[]),
            (&["orders-2", "api-v2"], &[]),
            (&["q-us-east-1", "q-us-east-2"], &[]),
            (&["q-us-gov-west-1", "q-us-gov-west-2"], &[]),
            (&["b-111122223333", "b-444455556666"], &[]),
            (&["0a1b2c3d", "0a1b2c4d"], &[]),
        ] {
            let names: Vec<String> = names.iter().map(|name| queue(name)).collect();
            let expect: Vec<String> = expect.iter().map(|name| queue(name)).collect();
            check(
                &names.iter().map(|name| (name.as_str(), 100)).collect::<Vec<_>>(),
                &expect.iter().map(String::as_str).collect::<Vec<_>>(),
            );
        }
    }

    #[test]
    fn a_set_with_new_names_is_open() {
        let table = |name: &str| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}");
        let (a, b, c, x) = (table("tenant-a"), table("tenant-b"), table("tenant-c"), table("x"));
        check(&[(&a, 100), (&b, 159)], &[]);
        check(&[(&a, 100), (&b, 160)], &[&table("tenant-*")]);
        check(&[(&a, 100), (&b, 120), (&c, 189)], &[&table("tenant-*")]);
        check(&[(&a, 100), (&x, 189)], &[&table("*")]);
        // The only one there is, however late.
        check(&[(&a, 189)], &[]);
        let role = |account: &str| format!("arn:aws:iam::{account}:role/reader");
        check(&[(&role("111122223333"), 100), (&role("444455556666"), 170)], &["arn:aws:iam::*:role/reader"]);
        let key = |prefix: &str| format!("arn:aws:s3:::data/{prefix}/*");
        check(&[(&key("in"), 100), (&key("out"), 170)], &["arn:aws:s3:::data/*"]);
        check(&[("arn:aws:s3:::a", 100), ("arn:aws:s3:::b/in/*", 170)], &["arn:aws:s3:::*"]);
        check(&[("arn:aws:s3:::a", 100), ("arn:aws:sqs:eu-west-1:111122223333:q", 170)], &[]);
    }
}
