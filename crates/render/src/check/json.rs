//! The answer for scripts, and the baseline of a later run.

use std::borrow::Cow;

use serde::Serialize;
use whittle_analysis::gate::{Gate, Standing};
use whittle_analysis::issue::Issue;
use whittle_analysis::result::{Finding, ReportWindow, SCHEMA_VERSION};

use super::{Locate, Location};
use crate::words::{self, InWords as _};

#[derive(Serialize)]
struct GateAnswer<'a> {
    schema_version: u32,
    account: &'a str,
    window: &'a ReportWindow,
    outcome: &'static str,
    fail_on: &'static str,
    failing: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    inconclusive: Option<Cow<'a, str>>,
    findings: Vec<FindingRow<'a>>,
    issues: &'a [Issue],
    #[serde(skip_serializing_if = "<[Issue]>::is_empty")]
    notes: &'a [Issue],
}

#[derive(Serialize)]
struct FindingRow<'a> {
    #[serde(flatten)]
    finding: Finding,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<WaiverRow<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_locations: Vec<Location>,
}

#[derive(Serialize)]
struct WaiverRow<'a> {
    owner: &'a str,
    reason: &'a str,
    until: String,
}

/// One document, final newline.
pub fn render(gate: &Gate, locate: Locate<'_>) -> Result<String, serde_json::Error> {
    let findings = gate.findings.iter().map(|judged| {
        let mut places = locate(judged).into_iter();
        let (location, other_locations) = (places.next(), places.collect());
        FindingRow {
            finding: judged.finding.in_words(),
            state: match judged.standing {
                Standing::New => "new",
                Standing::Known => "known",
                Standing::Waived(_) => "waived",
            },
            waiver: match &judged.standing {
                Standing::Waived(waiver) => {
                    Some(WaiverRow { owner: &waiver.owner, reason: &waiver.reason, until: waiver.until.to_string() })
                }
                Standing::New | Standing::Known => None,
            },
            location,
            other_locations,
        }
    });
    let answer = GateAnswer {
        schema_version: SCHEMA_VERSION,
        account: &gate.account,
        window: &gate.window,
        outcome: gate.outcome().as_str(),
        fail_on: gate.fail_on.as_str(),
        failing: gate.failing(),
        inconclusive: gate.inconclusive.as_ref().map(words::inconclusive),
        findings: findings.collect(),
        issues: &gate.issues,
        notes: &gate.notes,
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&answer)?))
}
