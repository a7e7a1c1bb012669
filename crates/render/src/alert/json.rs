//! The document for machines.

use std::collections::BTreeMap;

use serde::Serialize;
use whittle_analysis::alert::{Alert, Attribute, Level, MAX_MESSAGE_BYTES, Message, Notice};
use whittle_analysis::reason::Reason;
use whittle_analysis::result::Finding;

use crate::words;

/// Version of the JSON of alerts.
pub const ALERT_SCHEMA_VERSION: u32 = 1;

/// Room below the limit for what a transport adds.
const RESERVE: usize = 8 * 1024;

/// Longest text of a finding in bytes; a longer one is cut and marked. Escaped twice, it may grow sevenfold.
const LONGEST_TEXT: usize = 4_000;

#[derive(Serialize)]
struct AlertDocument<'a> {
    schema_version: u32,
    /// `alert` or `digest`.
    kind: &'static str,
    account: &'a str,
    run_id: &'a str,
    at: String,
    attributes: BTreeMap<&'a str, serde_json::Value>,
    counts: AlertCounts<'a>,
    /// Findings that did not fit; `counts` has them too.
    not_listed: usize,
    findings: Vec<AlertEntry<'a>>,
}

#[derive(Serialize)]
struct AlertCounts<'a> {
    total: usize,
    severity: BTreeMap<&'a str, usize>,
    kind: BTreeMap<&'a str, usize>,
    code: BTreeMap<&'a str, usize>,
}

#[derive(Clone, Serialize)]
struct AlertEntry<'a> {
    kind: &'a str,
    since: String,
    first_seen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<Level>,
    docs: String,
    #[serde(flatten)]
    finding: Finding,
}

/// As many findings as fit with the rest of `message` (whose JSON is still empty).
pub(super) fn document(notice: &Notice, message: &Message) -> String {
    let entries: Vec<AlertEntry<'_>> = notice.alerts.iter().map(entry).collect();
    let whole = |listed: usize| {
        let document = AlertDocument {
            schema_version: ALERT_SCHEMA_VERSION,
            kind: if notice.alerts.len() == 1 { "alert" } else { "digest" },
            account: &notice.account,
            run_id: &notice.run_id,
            at: notice.at.to_string(),
            attributes: message.attributes.iter().map(|(name, value)| (name.as_str(), plain(value))).collect(),
            counts: counts(&notice.alerts),
            not_listed: entries.len().saturating_sub(listed),
            findings: entries.get(..listed).unwrap_or_default().to_vec(),
        };
        // Only texts and numbers under text keys: this cannot fail.
        serde_json::to_string(&document).unwrap_or_default()
    };
    let room = MAX_MESSAGE_BYTES.saturating_sub(RESERVE + message.size_bytes() + escaped(&whole(0)));
    let mut used = 0_usize;
    let mut listed = 0_usize;
    for entry in &entries {
        used += escaped(&serde_json::to_string(entry).unwrap_or_default()) + 1;
        if used > room {
            break;
        }
        listed += 1;
    }
    whole(listed)
}

/// Bytes of `text` as a JSON string: SNS takes the document inside one.
fn escaped(text: &str) -> usize {
    serde_json::Value::from(text).to_string().len()
}

fn plain(value: &Attribute) -> serde_json::Value {
    match value {
        Attribute::One(text) => text.as_str().into(),
        Attribute::Many(texts) => texts.clone().into(),
    }
}

fn counts(alerts: &[Alert]) -> AlertCounts<'_> {
    let of = |key: fn(&Alert) -> &str| super::count_by(alerts, key).into_iter().collect();
    AlertCounts {
        total: alerts.len(),
        severity: of(|alert| alert.finding.severity.as_str()),
        kind: of(|alert| alert.kind.as_str()),
        code: of(|alert| alert.finding.code.as_str()),
    }
}

fn entry(alert: &Alert) -> AlertEntry<'_> {
    let mut finding = alert.finding.clone();
    shorten(&mut finding.title);
    let mut detail = words::detail(&finding.detail).into_owned();
    shorten(&mut detail);
    finding.detail = Reason::Text(detail);
    shorten(&mut finding.remedy);
    AlertEntry {
        kind: alert.kind.as_str(),
        since: alert.since.to_string(),
        first_seen: alert.first_seen.to_string(),
        was: alert.was,
        docs: format!("docs/findings/{}.md", alert.finding.code),
        finding,
    }
}

fn shorten(text: &mut String) {
    if text.len() > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT));
        text.push_str("... (cut)");
    }
}
