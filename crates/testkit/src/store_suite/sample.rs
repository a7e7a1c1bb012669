//! Evidence, reports and records to put into a store.

use jiff::Timestamp;
use serde_json::json;
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_analysis::reason::{CoverageReason, Reason, UnusedProof, VerdictReason};
use whittle_analysis::result::{
    CoverageRow, Finding, FunctionResult, Proof, Report, ReportWindow, RoleResult, RowObservability, SCHEMA_VERSION,
    Severity, Suggestion, Verdict, VerdictCounts, VerdictRow,
};
use whittle_evidence::attribute::attribute;
use whittle_evidence::ledger::{Ledger, RecordSource};
use whittle_evidence::record::{ParsedRecord, parse_record};
use whittle_pipeline::alerts::{FindingRecord, FindingState};
use whittle_pipeline::baseline::RoleBaseline;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::service::{KeptDocument, RunRecord};
use whittle_pipeline::trail_object::TrailObject;

/// The account of everything here that does not say otherwise.
pub const ACCOUNT: &str = "111122223333";

/// Another account.
pub const OTHER: &str = "444455556666";

/// A moment of January 2026.
pub fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + hour * 3600).unwrap()
}

/// Unique id of a role.
pub fn role_id(role: &str) -> String {
    format!("AROAEXAMPLE{:0>10}", role.to_uppercase())
}

/// The ledger of one call of `role` on a day of January 2026.
pub fn seen(role: &str, day: u8) -> Ledger {
    let id = role_id(role);
    let record = json!({
        "eventVersion": "1.11", "eventTime": format!("2026-01-{day:02}T10:00:00Z"), "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject", "awsRegion": "eu-central-1", "eventID": "e", "eventType": "AwsApiCall",
        "managementEvent": false, "eventCategory": "Data", "recipientAccountId": ACCOUNT,
        "userIdentity": {"type": "AssumedRole", "principalId": format!("{id}:{role}"), "accountId": ACCOUNT,
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{role}"),
            "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": id, "accountId": ACCOUNT,
                "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"), "userName": role}}}
    })
    .to_string();
    let ParsedRecord::Record(record) = parse_record(&record).unwrap() else { panic!("not a record") };
    let mut ledger = Ledger::default();
    ledger.observe_account(&record, &RecordSource::default());
    ledger.observe_session(&record, &attribute(&record).unwrap());
    ledger
}

/// All of several ledgers.
pub fn joined(parts: &[Ledger]) -> Ledger {
    let mut ledger = Ledger::default();
    for part in parts {
        ledger.merge(part);
    }
    ledger
}

/// An object of a trail.
pub fn object(key: &str, version: &str) -> TrailObject {
    TrailObject { source: "/trail".to_owned(), key: key.to_owned(), version: version.to_owned(), size_bytes: 1 }
}

/// Marks of objects that were read without trouble.
pub fn marks_of(objects: &[TrailObject]) -> ReadMarks {
    let mut marks = ReadMarks::default();
    for object in objects {
        marks.note_read(object, Vec::new());
    }
    marks
}

/// ARN of a function of an account.
pub fn function_arn(account: &str, name: &str) -> String {
    format!("arn:aws:lambda:eu-central-1:{account}:function:{name}")
}

/// ARN of the role of that function.
pub fn role_arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/service-role/{name}-Role")
}

/// Text that hardly compresses.
pub fn noise(bytes: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 1_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(LETTERS[usize::try_from(state >> 58).unwrap()])
    })
    .take(bytes)
    .collect()
}

/// A suggestion that removes so many actions.
pub fn suggestion(removed_actions: usize) -> Suggestion {
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::bucket-{removed_actions}/*")}
    ]});
    serde_json::from_value(json!({
        "policies": [{"name": "whittle", "document": document}],
        "removed_actions": removed_actions, "kept_unproven": 2, "confidence": 0.75,
        "proof": Proof { never_wider: true, never_too_narrow: true }, "statements": []
    }))
    .unwrap()
}

fn function(account: &str, name: &str) -> FunctionResult {
    FunctionResult {
        function_arn: function_arn(account, name),
        role_arn: role_arn(account, name),
        qualifiers: vec!["$LATEST".to_owned()],
        active_days: 7,
        counts: VerdictCounts { granted: 4, used: 1, unused: 3, ..VerdictCounts::default() },
        verdicts: vec![VerdictRow {
            action: "s3:PutObject".to_owned(),
            verdict: Verdict::Unused,
            resources: vec![],
            last_seen: None,
            reason: VerdictReason::Unused { proof: UnusedProof::Window { days: 31 }, other_callers: None }.into(),
            seen: None,
        }],
        suggestion: Some(suggestion(3)),
        no_suggestion: None,
        stack: None,
    }
}

fn role(account: &str, name: &str) -> RoleResult {
    RoleResult {
        role_arn: role_arn(account, name),
        functions: vec![function_arn(account, name)],
        counts: VerdictCounts { granted: 4, used: 1, unused: 3, ..VerdictCounts::default() },
        suggestion: Some(suggestion(3)),
        no_suggestion: None,
        settings: None,
    }
}

/// A finding about a function of [`ACCOUNT`].
pub fn finding(name: &str, severity: Severity) -> Finding {
    Finding {
        code: "unused-actions".to_owned(),
        severity,
        likelihood: 2,
        impact: 3,
        function_arn: Some(function_arn(ACCOUNT, name)),
        role_arn: role_arn(ACCOUNT, name),
        title: format!("{name} has unused actions"),
        detail: Reason::Text("3 of 4".to_owned()),
        remedy: "run `whittle policy`".to_owned(),
        fingerprint: format!("fp-{name}"),
    }
}

/// A report of `account` with one function, role and finding for each name, everything in report order.
pub fn report_of(account: &str, names: &[&str]) -> Report {
    let mut names = names.to_vec();
    names.sort_unstable();
    Report {
        schema_version: SCHEMA_VERSION,
        account: account.to_owned(),
        window: ReportWindow {
            start: "2026-01-01T00:00:00Z".to_owned(),
            end: "2026-02-01T00:00:00Z".to_owned(),
            days: 31,
        },
        coverage: vec![CoverageRow {
            source: "trail".to_owned(),
            events: "management".to_owned(),
            observability: RowObservability::Seen,
            reason: CoverageReason::Covered.into(),
        }],
        issues: vec![Issue::new(IssueKind::MissingFile, "trails.json", "is not in the snapshot")],
        roles: names.iter().map(|name| role(account, name)).collect(),
        functions: names.iter().map(|name| function(account, name)).collect(),
        findings: names.iter().map(|name| finding(name, Severity::High)).collect(),
    }
}

/// A report of [`ACCOUNT`].
pub fn report(names: &[&str]) -> Report {
    report_of(ACCOUNT, names)
}

/// The record of an open finding.
pub fn record(name: &str, severity: Severity) -> FindingRecord {
    FindingRecord {
        finding: finding(name, severity),
        state: FindingState::Open,
        first_seen: at(0),
        changed: at(0),
        waived_until: None,
        owed: None,
        owed_since: None,
        was: None,
        alerted: None,
    }
}

/// A baseline of the role of a function.
pub fn baseline(name: &str, id: &str) -> RoleBaseline {
    RoleBaseline { role_arn: role_arn(ACCOUNT, name), role_id: id.to_owned(), ..RoleBaseline::default() }
}

/// A kept document.
pub fn document(text: &str) -> KeptDocument {
    KeptDocument { text: text.to_owned(), revision: "1".to_owned(), fetched: at(0) }
}

/// The record of a run that ended well.
pub fn run_record(run_id: &str) -> RunRecord {
    RunRecord {
        run_id: run_id.to_owned(),
        started: at(0),
        ended: at(1),
        status: "complete".to_owned(),
        counts: [("functions".to_owned(), 2)].into(),
        issues: [("missing-file".to_owned(), 1)].into(),
        error: None,
        completed: None,
    }
}
