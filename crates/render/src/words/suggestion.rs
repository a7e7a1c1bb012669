//! Words for suggestions and their absence.

use whittle_analysis::reason::{NoSuggestion, ProofFailure, StatementReason};

use super::needs::need;
use super::verdict::{NO_EVIDENCE, NOT_LEARNED};

pub(super) fn statement(reason: &StatementReason) -> String {
    match reason {
        StatementReason::Deny => "a Deny is never touched".to_owned(),
        StatementReason::Verdicts { counts } => {
            let parts: Vec<String> =
                counts.iter().map(|(verdict, count)| format!("{count} {}", verdict.as_str())).collect();
            parts.join(", ")
        }
        StatementReason::Merged { first, others } => {
            let with = |text: String, other: &whittle_analysis::reason::MergedStatement| {
                format!("{text}; with {}: {}", other.sid, statement(&other.reason))
            };
            others.iter().fold(statement(first), with)
        }
    }
}

pub(super) fn no_suggestion(reason: &NoSuggestion) -> String {
    match reason {
        NoSuggestion::RoleNotFound => "its execution role is not in the inventory".to_owned(),
        NoSuggestion::UnreadablePolicies { policies } => {
            format!("these policies could not be read: {}", policies.join(", "))
        }
        NoSuggestion::NoPolicies => "the role has no identity-based policies".to_owned(),
        NoSuggestion::NoEvidence => NO_EVIDENCE.to_owned(),
        NoSuggestion::NotUsed => NOT_LEARNED.to_owned(),
        NoSuggestion::Unproved { failure } => format!("its proof failed: {}", proof_failure(failure)),
    }
}

fn proof_failure(failure: &ProofFailure) -> String {
    let sid = |sid: &Option<String>| sid.clone().unwrap_or_else(|| "(no Sid)".to_owned());
    match failure {
        ProofFailure::NotCovered { sid: of } => format!("statement `{}` is not covered by one original Allow", sid(of)),
        ProofFailure::DenyMissing { sid: of } => format!("the Deny `{}` is missing", sid(of)),
        ProofFailure::NeedNotAllowed { action, resource, need: of } => {
            let resource = resource.as_deref().unwrap_or("what is granted");
            format!("{action} on {resource} is needed ({}) and no longer allowed", need(of))
        }
        ProofFailure::CallMayCheck { action, operation } => {
            format!("{action} would not be allowed, which {operation} may check and was called")
        }
        ProofFailure::UnseenNotAllowed { action, resource } => {
            format!("{action} on {resource} could have been used unseen and is no longer allowed")
        }
    }
}
