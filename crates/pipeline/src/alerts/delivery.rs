//! Makes messages of owed alerts, and notes the published ones in the records.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use whittle_analysis::issue::{Issue, IssueKind};

use super::state::clear_pending;
use super::{Alert, FindingRecord, Message, Notice};
use crate::ports::service::{AlertSink, ServiceStore};
use crate::ports::{PortError, PortErrorKind};

/// Alerts about more roles than this in one run become one digest.
pub const MAX_MESSAGES: usize = 5;

/// Puts a notice into words: `whittle_render::alert::message`.
pub type Renderer<'a> = &'a (dyn Fn(&Notice) -> Message + Sync);

/// Result of a delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Messages published.
    pub messages: u64,
    /// Alerts in them.
    pub alerts: u64,
    /// Alerts that are still owed because a message could not be published.
    pub still_owed: u64,
    /// Messages that could not be published.
    pub issues: Vec<Issue>,
}

/// The messages for everything that is owed, worst first: one for each role, since one change of a role often
/// shows in several findings, or one digest of all for more than [`MAX_MESSAGES`].
pub fn plan(account: &str, run_id: &str, at: Timestamp, records: &BTreeMap<String, FindingRecord>) -> Vec<Notice> {
    let mut alerts: Vec<Alert> = records
        .values()
        .filter_map(|record| {
            Some(Alert {
                kind: record.owed?,
                finding: record.finding.clone(),
                was: record.was,
                first_seen: record.first_seen,
                since: record.owed_since.unwrap_or(record.changed),
            })
        })
        .collect();
    alerts.sort_by(|a, b| {
        (b.finding.severity.cmp(&a.finding.severity))
            .then_with(|| a.kind.cmp(&b.kind))
            .then_with(|| b.finding.impact.cmp(&a.finding.impact))
            .then_with(|| a.finding.code.cmp(&b.finding.code))
            .then_with(|| a.finding.function_arn.cmp(&b.finding.function_arn))
            .then_with(|| a.finding.role_arn.cmp(&b.finding.role_arn))
            .then_with(|| a.finding.fingerprint.cmp(&b.finding.fingerprint))
    });
    let notice = |alerts: Vec<Alert>| Notice { account: account.to_owned(), run_id: run_id.to_owned(), at, alerts };
    let roles: BTreeSet<&str> = alerts.iter().map(|alert| alert.finding.role_arn.as_str()).collect();
    if roles.len() > MAX_MESSAGES {
        return vec![notice(alerts)];
    }
    let mut by_role: Vec<Vec<Alert>> = Vec::new();
    for alert in alerts {
        let same = |group: &&mut Vec<Alert>| group.iter().any(|one| one.finding.role_arn == alert.finding.role_arn);
        match by_role.iter_mut().find(same) {
            Some(group) => group.push(alert),
            None => by_role.push(vec![alert]),
        }
    }
    by_role.into_iter().map(notice).collect()
}

/// The records of `fingerprints` as they are after their alert was published at `now`: nothing is owed for
/// them.
pub fn sent(records: &BTreeMap<String, FindingRecord>, fingerprints: &[String], now: Timestamp) -> Vec<FindingRecord> {
    let unique: BTreeSet<&String> = fingerprints.iter().collect();
    unique
        .into_iter()
        .filter_map(|fingerprint| records.get(fingerprint))
        .filter(|record| record.owed.is_some())
        .map(|record| {
            let mut record = FindingRecord { alerted: Some(now), ..record.clone() };
            clear_pending(&mut record);
            record
        })
        .collect()
}

/// Publishes everything that `records` owe and notes in store and `records` what was published, message by
/// message.
///
/// A message that cannot be published is an issue, and its alerts stay owed for the next run. An error is one
/// of the store.
pub async fn deliver<S: ServiceStore, A: AlertSink>(
    store: &mut S,
    sink: &A,
    records: &mut BTreeMap<String, FindingRecord>,
    (account, run_id): (&str, &str),
    now: Timestamp,
    render: Renderer<'_>,
) -> Result<Delivered, PortError> {
    let mut out = Delivered::default();
    for notice in plan(account, run_id, now, records) {
        let message = render(&notice);
        let alerts = u64::try_from(notice.alerts.len()).unwrap_or(u64::MAX);
        if let Err(error) = sink.publish(&message).await {
            out.still_owed += alerts;
            out.issues.push(unpublished(&error, notice.alerts.len()));
            continue;
        }
        // From the notice, not from the message: the record must not depend on the rendering.
        let published: Vec<String> = notice.alerts.into_iter().map(|alert| alert.finding.fingerprint).collect();
        let changed = sent(records, &published, now);
        store.save_finding_records(account, &changed)?;
        records.extend(changed.into_iter().map(|record| (record.finding.fingerprint.clone(), record)));
        out.messages += 1;
        out.alerts += alerts;
    }
    Ok(out)
}

fn unpublished(error: &PortError, alerts: usize) -> Issue {
    let kind = match error.kind() {
        PortErrorKind::AccessDenied { .. } => IssueKind::AlertDenied,
        _ => IssueKind::AlertNotPublished,
    };
    let message = format!("{alerts} owed and not published: {error}");
    Issue::new(kind, "alert topic", message).with_hint(error.hint().unwrap_or("the next run publishes them").to_owned())
}
