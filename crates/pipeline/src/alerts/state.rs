//! From one run to the next: what each finding's record becomes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use whittle_analysis::result::{Finding, Severity};

use super::{AlertKind, FindingRecord, FindingState, Level};
use crate::ports::SaveScope;

/// Settings of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSettings {
    /// Least severity that is alerted. Lowering it alerts nothing about findings that are already known: they
    /// did not change.
    pub least: Severity,
    /// True if a finding that is gone is alerted too.
    pub report_resolved: bool,
    /// Accepted findings: fingerprint → until when.
    pub waivers: BTreeMap<String, Timestamp>,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self { least: Severity::High, report_resolved: false, waivers: BTreeMap::new() }
    }
}

/// The records that differ after a run, by fingerprint; with the same input again, none.
///
/// `findings` are those of the report. `scope` says what the run looked at: a finding of a role outside of
/// it, or one that is missing where the inventory (or the evidence) is incomplete, is neither resolved nor
/// forgotten.
pub fn advance(
    previous: &BTreeMap<String, FindingRecord>,
    findings: &[Finding],
    scope: &SaveScope,
    settings: &AlertSettings,
    now: Timestamp,
) -> Vec<FindingRecord> {
    let mut current: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in findings {
        // The report has one of each; should it not, the worse one stands, whatever the order.
        let known = current.entry(&finding.fingerprint).or_insert(finding);
        if (finding.severity, finding.likelihood, finding.impact, &finding.detail)
            > (known.severity, known.likelihood, known.impact, &known.detail)
        {
            *known = finding;
        }
    }
    let mut changed: BTreeMap<&str, FindingRecord> = BTreeMap::new();
    for (fingerprint, &finding) in &current {
        let before = previous.get(*fingerprint);
        let after = present(before, finding, settings, now);
        if before != Some(&after) {
            changed.insert(fingerprint, after);
        }
    }
    for (fingerprint, before) in previous.iter().filter(|(fingerprint, _)| !current.contains_key(fingerprint.as_str()))
    {
        let after = absent(before, scope, settings, now);
        if *before != after {
            changed.insert(fingerprint, after);
        }
    }
    changed.into_values().collect()
}

/// The finding is in the report.
fn present(
    before: Option<&FindingRecord>,
    finding: &Finding,
    settings: &AlertSettings,
    now: Timestamp,
) -> FindingRecord {
    let waived_until = settings.waivers.get(&finding.fingerprint).copied().filter(|until| *until > now);
    let Some(before) = before.filter(|before| before.state != FindingState::Resolved) else {
        let mut record = FindingRecord {
            finding: finding.clone(),
            state: if waived_until.is_some() { FindingState::Waived } else { FindingState::Open },
            first_seen: now,
            changed: now,
            waived_until,
            owed: None,
            owed_since: None,
            was: None,
            alerted: before.and_then(|before| before.alerted),
        };
        queue_alert(&mut record, AlertKind::New, now);
        drop_unwanted(&mut record, settings);
        return record;
    };
    let (old, new) = (Level::of(&before.finding), Level::of(finding));
    let mut record = FindingRecord { finding: finding.clone(), waived_until, ..before.clone() };
    if old != new {
        record.changed = now;
    }
    match (before.state, waived_until) {
        (FindingState::Open, Some(_)) => {
            record.state = FindingState::Waived;
            record.changed = now;
        }
        (FindingState::Waived, None) => {
            record.state = FindingState::Open;
            record.changed = now;
            queue_alert(&mut record, AlertKind::New, now);
        }
        (FindingState::Open, None) if new.is_worse_than(old) => match before.owed {
            // No alert went out yet, or not for the last rise: one alert says it all.
            Some(AlertKind::New | AlertKind::Worse) => {}
            Some(AlertKind::Resolved) | None => {
                queue_alert(&mut record, AlertKind::Worse, now);
                record.was = Some(old);
            }
        },
        _ => {}
    }
    // It rose and fell again before an alert went out.
    if record.owed == Some(AlertKind::Worse) && record.was.is_some_and(|was| !new.is_worse_than(was)) {
        clear_pending(&mut record);
    }
    drop_unwanted(&mut record, settings);
    record
}

/// The finding is not in the report.
fn absent(before: &FindingRecord, scope: &SaveScope, settings: &AlertSettings, now: Timestamp) -> FindingRecord {
    let mut record = before.clone();
    if before.state != FindingState::Resolved && scope.deletes(&before.finding.role_arn) {
        record.state = FindingState::Resolved;
        record.changed = now;
        record.waived_until = None;
        clear_pending(&mut record);
        let was_alerted = before.alerted.is_some_and(|alerted| alerted >= before.first_seen);
        if was_alerted && before.state == FindingState::Open {
            queue_alert(&mut record, AlertKind::Resolved, now);
        }
    }
    drop_unwanted(&mut record, settings);
    record
}

fn queue_alert(record: &mut FindingRecord, kind: AlertKind, now: Timestamp) {
    record.owed = Some(kind);
    record.owed_since = Some(now);
    record.was = None;
}

pub(super) fn clear_pending(record: &mut FindingRecord) {
    record.owed = None;
    record.owed_since = None;
    record.was = None;
}

/// Clears an alert that the settings, or a waiver, do not want.
fn drop_unwanted(record: &mut FindingRecord, settings: &AlertSettings) {
    let unwanted = record.finding.severity < settings.least
        || record.state == FindingState::Waived
        || (record.owed == Some(AlertKind::Resolved) && !settings.report_resolved);
    if unwanted {
        clear_pending(record);
    }
}
