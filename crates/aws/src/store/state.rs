//! Findings with their state, baselines of roles, documents of the inventory.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use whittle_analysis::result::Finding;
use whittle_pipeline::alerts::{AlertKind, FindingRecord, FindingState};
use whittle_pipeline::baseline::RoleBaseline;
use whittle_pipeline::ports::PortError;
use whittle_pipeline::ports::service::KeptDocuments;

use super::fence::Held;
use super::item::{TableKey, TableRow, key_text, shard_of};
use super::item_set::{self, KnownItems};
use super::table::DynamoTable;
use super::{expiry, function_name, json, parsed};

/// How long a finding is remembered after it was resolved.
const KEEP_RESOLVED: SignedDuration = SignedDuration::from_hours(24 * 400);

/// Partitions of baselines.
const BASELINE_SHARDS: u8 = 8;

/// Items of kept documents: one that changed is written with the others of its item.
const DOCUMENT_SHARDS: u8 = 64;

/// Partitions of the findings of an account: the last part is the first digit of the fingerprint.
pub(super) fn finding_partitions(account: &str) -> Vec<String> {
    "0123456789abcdef".chars().map(|digit| format!("FINDING#{account}#{digit}")).collect()
}

fn finding_key(account: &str, fingerprint: &str) -> TableKey {
    let digit = fingerprint.chars().next().filter(|digit| matches!(digit, '0'..='9' | 'a'..='f')).unwrap_or('0');
    TableKey::new(format!("FINDING#{account}#{digit}"), key_text(fingerprint))
}

/// All findings of an account.
pub(super) fn load_findings(
    table: &DynamoTable,
    account: &str,
) -> Result<(BTreeMap<String, FindingRecord>, KnownItems), PortError> {
    let mut records = BTreeMap::new();
    let known = item_set::load(table, &finding_partitions(account), &mut |head, content| {
        let record: FindingRecord = parsed(&head.key, &content)?;
        records.insert(record.finding.fingerprint.clone(), record);
        Ok(())
    })?;
    Ok((records, known))
}

/// Writes findings whose record is not stored like this.
pub(super) fn save_findings(
    table: &DynamoTable,
    held: &Held,
    known: &mut KnownItems,
    account: &str,
    records: &[FindingRecord],
) -> Result<(), PortError> {
    let rows = records.iter().map(|record| finding_row(account, record)).collect::<Result<_, _>>()?;
    item_set::save(table, held, known, rows, &BTreeSet::new())
}

fn finding_row(account: &str, record: &FindingRecord) -> Result<TableRow, PortError> {
    let finding = &record.finding;
    let state = match record.state {
        FindingState::Open => "open",
        FindingState::Waived => "waived",
        FindingState::Resolved => "resolved",
    };
    let function_arn = finding.function_arn.as_deref().unwrap_or_default();
    let row = TableRow::new(finding_key(account, &finding.fingerprint), "finding", json(record)?)
        .text("account", account)
        .text("fingerprint", &finding.fingerprint)
        .text("code", &finding.code)
        .text("severity", finding.severity.as_str())
        .text("state", state)
        .text("owed", record.owed.map_or("", AlertKind::as_str))
        .number("likelihood", finding.likelihood)
        .number("impact", finding.impact)
        .text("function_arn", function_arn)
        .text("function_name", function_name(function_arn))
        .text("role_arn", &finding.role_arn)
        .text("title", &finding.title)
        .text("detail", &finding.detail.as_attribute())
        .text("remedy", &finding.remedy)
        .text("first_seen", &record.first_seen.to_string())
        .text("changed", &record.changed.to_string())
        .text("waived_until", &record.waived_until.map(|until| until.to_string()).unwrap_or_default())
        .indexed(
            format!("SEVERITY#{}", finding.severity.as_str()),
            format!("{state}#{account}#{}", key_text(&finding.fingerprint)),
        );
    Ok(match record.expires(KEEP_RESOLVED) {
        Some(expires) => row.expires(expiry(expires, SignedDuration::ZERO)),
        None => row,
    })
}

/// Findings that are not resolved, in report order: worst first, then by code, function, role and
/// fingerprint.
pub(super) fn unresolved(records: BTreeMap<String, FindingRecord>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = records
        .into_values()
        .filter(|record| record.state != FindingState::Resolved)
        .map(|record| record.finding)
        .collect();
    whittle_analysis::findings::sort(&mut findings);
    findings
}

fn baseline_partitions(home: &str) -> Vec<String> {
    (0..BASELINE_SHARDS).map(|shard| format!("BASELINE#{home}#{shard}")).collect()
}

fn baseline_key(home: &str, role_arn: &str) -> TableKey {
    TableKey::new(format!("BASELINE#{home}#{}", shard_of(role_arn, BASELINE_SHARDS)), key_text(role_arn))
}

/// Baselines by role ARN.
pub(super) fn load_baselines(
    table: &DynamoTable,
    home: &str,
) -> Result<(BTreeMap<String, RoleBaseline>, KnownItems), PortError> {
    let mut baselines = BTreeMap::new();
    let known = item_set::load(table, &baseline_partitions(home), &mut |head, content| {
        let baseline: RoleBaseline = parsed(&head.key, &content)?;
        baselines.insert(baseline.role_arn.clone(), baseline);
        Ok(())
    })?;
    Ok((baselines, known))
}

/// Stored states of baselines.
pub(super) fn known_baselines(table: &DynamoTable, home: &str) -> Result<KnownItems, PortError> {
    item_set::stamps(table, &baseline_partitions(home))
}

/// Writes baselines that are not stored like this, and deletes those of roles that are gone.
pub(super) fn save_baselines(
    table: &DynamoTable,
    held: &Held,
    known: &mut KnownItems,
    changed: &[RoleBaseline],
    gone: &BTreeSet<String>,
) -> Result<(), PortError> {
    let rows = changed
        .iter()
        .map(|baseline| {
            let key = baseline_key(&held.home, &baseline.role_arn);
            Ok(TableRow::new(key, "baseline", json(baseline)?).text("role_arn", &baseline.role_arn))
        })
        .collect::<Result<_, PortError>>()?;
    let gone = gone.iter().map(|role| baseline_key(&held.home, role)).collect();
    item_set::save(table, held, known, rows, &gone)
}

fn document_partition(home: &str) -> String {
    format!("KEPT#{home}")
}

/// Kept documents by name.
pub(super) fn load_documents(table: &DynamoTable, home: &str) -> Result<(KeptDocuments, KnownItems), PortError> {
    let mut documents = KeptDocuments::new();
    let known = item_set::load(table, &[document_partition(home)], &mut |head, content| {
        documents.extend(parsed::<KeptDocuments>(&head.key, &content)?);
        Ok(())
    })?;
    Ok((documents, known))
}

/// Stored states of kept documents.
pub(super) fn known_documents(table: &DynamoTable, home: &str) -> Result<KnownItems, PortError> {
    item_set::stamps(table, &[document_partition(home)])
}

/// Makes the kept documents these.
pub(super) fn save_documents(
    table: &DynamoTable,
    held: &Held,
    known: &mut KnownItems,
    documents: &KeptDocuments,
) -> Result<(), PortError> {
    let mut shards: BTreeMap<u8, BTreeMap<&String, _>> = BTreeMap::new();
    for (name, document) in documents {
        shards.entry(shard_of(name, DOCUMENT_SHARDS)).or_default().insert(name, document);
    }
    let pk = document_partition(&held.home);
    let mut rows = Vec::new();
    for (shard, documents) in shards {
        let row = TableRow::new(TableKey::new(pk.clone(), format!("SHARD#{shard:02}")), "documents", json(&documents)?);
        rows.push(row.number("documents", documents.len()));
    }
    let kept: BTreeSet<&TableKey> = rows.iter().map(|row| &row.key).collect();
    let gone = known.keys().filter(|key| !kept.contains(key)).cloned().collect();
    item_set::save(table, held, known, rows, &gone)
}
