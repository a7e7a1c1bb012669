//! One alert, or a digest of many, in every form that subscribers of the topic get.
//!
//! Titles, details and names are partly written by whoever names functions, roles and policies. In text and
//! SMS everything but printable ASCII becomes `?`, so that nothing forges a line, a link or a header; the
//! command to type next has only characters that mean nothing to a shell. The JSON has the texts as they are,
//! escaped.
//!
//! | form | for | bound |
//! |---|---|---|
//! | subject | mail | ASCII, below 100 characters, no line breaks (Amazon SNS API Reference, "Publish") |
//! | text | mail, read on a phone | [`MAX_LISTED`] findings of a digest |
//! | SMS | one message part | 140 bytes (the same page) |
//! | JSON | queues, functions, HTTP | as many findings as fit below 256 KiB with all other forms |
//! | attributes | filter policies | 7 of at most 10 |
//!
//! Attributes: `account`, `form` (`single` or `digest`), `kind`, `severity`, `code`, and where the findings
//! have one `function` (its name) and `region`. In a digest `kind`, `severity`, `code`, `function` and
//! `region` are lists of all values that occur, so that a filter on one of them lets the digest through; at
//! most [`MAX_NAMES`] names of functions, those of the worst findings. The JSON repeats them under
//! `attributes`, for filters on the body, and because SNS hands attributes on "only when the message
//! structure is String, not JSON" (Amazon SNS Developer Guide, "Amazon SNS message attributes").

mod ascii;
mod json;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use whittle_analysis::alert::{Alert, Attribute, Message, Notice};
use whittle_analysis::result::{Finding, Severity};

pub use json::ALERT_SCHEMA_VERSION;

/// Findings of a digest that its text lists.
pub const MAX_LISTED: usize = 10;

/// Names of functions in the attributes of a digest.
pub const MAX_NAMES: usize = 100;

/// Words a notice. See the module documentation.
pub fn message(notice: &Notice) -> Message {
    let attributes = attributes(notice);
    let fingerprints = notice.alerts.iter().map(|alert| alert.finding.fingerprint.clone()).collect();
    let (subject, text, sms) = match notice.alerts.as_slice() {
        [alert] => (text::subject(notice, alert), text::body(notice, alert), text::sms(notice, alert)),
        _ => (text::digest_subject(notice), text::digest_body(notice), text::digest_sms(notice)),
    };
    let mut message = Message { subject, text, json: String::new(), sms, attributes, fingerprints };
    message.json = json::document(notice, &message);
    message
}

/// Subject of a finding, for people.
struct AlertPlace<'a> {
    function: Option<&'a str>,
    region: Option<&'a str>,
    role: Option<&'a str>,
}

impl<'a> AlertPlace<'a> {
    fn of(finding: &'a Finding) -> Self {
        let arn = finding.function_arn.as_deref();
        let part = |arn: &'a str, at: usize| arn.split(':').nth(at).filter(|part| !part.is_empty());
        Self {
            function: arn.and_then(|arn| part(arn, 6)),
            // A finding about a trail has the trail's ARN, with a Region, in place of the role's.
            region: arn.and_then(|arn| part(arn, 3)).or_else(|| part(&finding.role_arn, 3)),
            role: finding.role_arn.contains(":role/").then(|| finding.role_arn.rsplit('/').next()).flatten(),
        }
    }
}

fn attributes(notice: &Notice) -> BTreeMap<String, Attribute> {
    let mut out = BTreeMap::new();
    let alerts = &notice.alerts;
    let places = || alerts.iter().map(|alert| AlertPlace::of(&alert.finding));
    let digest = alerts.len() != 1;
    out.insert("account".to_owned(), Attribute::One(ascii::plain(&notice.account)));
    out.insert("form".to_owned(), Attribute::One(if digest { "digest" } else { "single" }.to_owned()));
    let mut add = |name: &str, values: Vec<&str>| {
        let mut seen = BTreeSet::new();
        let mut values: Vec<String> = values
            .into_iter()
            .map(ascii::plain)
            .filter(|value| !value.is_empty() && seen.insert(value.clone()))
            .collect();
        values.truncate(MAX_NAMES);
        let value = match (digest, values.pop()) {
            (_, None) => return,
            (false, Some(only)) => Attribute::One(only),
            (true, Some(last)) => {
                values.push(last);
                values.sort();
                Attribute::Many(values)
            }
        };
        out.insert(name.to_owned(), value);
    };
    add("kind", alerts.iter().map(|alert| alert.kind.as_str()).collect());
    add("severity", alerts.iter().map(|alert| alert.finding.severity.as_str()).collect());
    add("code", alerts.iter().map(|alert| alert.finding.code.as_str()).collect());
    add("function", places().filter_map(|place| place.function).collect());
    add("region", places().filter_map(|place| place.region).collect());
    out
}

/// Number of alerts of each severity, worst first.
fn by_severity(alerts: &[Alert]) -> Vec<(Severity, usize)> {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for alert in alerts {
        *counts.entry(alert.finding.severity).or_default() += 1;
    }
    counts.into_iter().rev().collect()
}

/// Number of alerts of each `key`, most first.
fn count_by<'a>(alerts: &'a [Alert], key: impl Fn(&'a Alert) -> &'a str) -> Vec<(&'a str, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for alert in alerts {
        *counts.entry(key(alert)).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    counts
}

#[cfg(test)]
mod tests;
