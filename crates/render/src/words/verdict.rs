//! Words for verdicts.

use whittle_analysis::doubt::Doubt;
use whittle_analysis::reason::{BeyondTrails, KeepReason, NeedReason, UnseenReason, UnusedProof, VerdictReason};
use whittle_evidence::coverage::CoverageRemedy;

use super::needs::{by_alias, need};
use super::{Length, blind_reason, remedy};

pub(super) const NO_EVIDENCE: &str = "there is no evidence at all";
pub(super) const NOT_LEARNED: &str = "not used in the window, so nothing was learned about it";

pub(super) fn too_few_days(days: u32, least: u32) -> String {
    format!("{days} days of evidence are too few; {least} are asked for")
}

pub(super) fn verdict(reason: &VerdictReason, length: Length) -> String {
    match reason {
        VerdictReason::Needed { need: of, by_alias: alias, kept_whole } => {
            let predicate = matches!(of, NeedReason::Configured { .. });
            let mut text = format!("{}{}", if predicate { "the function " } else { "" }, need(of));
            if let Some(alias) = alias {
                text.push_str("; ");
                text.push_str(&by_alias(alias));
            }
            if let Some(because) = kept_whole {
                text.push_str("; resources kept as granted: ");
                text.push_str(&keep(because, length));
            }
            text
        }
        VerdictReason::Kept { because } => keep(because, length),
        VerdictReason::NotLearned => NOT_LEARNED.to_owned(),
        VerdictReason::UnknownAction => "the catalog knows no such action; kept as granted".to_owned(),
        VerdictReason::Unused { proof, other_callers } => {
            let others = other_callers.map(|last| format!("; only other callers of the role used it, last {last}"));
            format!("{}{}", unused(proof), others.unwrap_or_default())
        }
    }
}

fn unused(proof: &UnusedProof) -> String {
    match proof {
        UnusedProof::Window { days } => format!("would have been seen, and was not in {days} days"),
        UnusedProof::PassRoleCalls { days } => {
            format!("granted calls that can pass a role would have been seen, and were not in {days} days")
        }
        UnusedProof::NoPassRoleCall => "no granted call can pass a role".to_owned(),
        UnusedProof::LastAccessed { service } => {
            format!("IAM last accessed: no attempt on {service} in its whole tracking period")
        }
    }
}

fn keep(reason: &KeepReason, length: Length) -> String {
    match reason {
        KeepReason::ResourceNotNamed => "some events do not name the resource".to_owned(),
        KeepReason::NoResource => "the action takes no resource".to_owned(),
        KeepReason::PossiblyChecked { calls } => {
            format!("AWS may check it on other resources when {} is called", calls.join(" or "))
        }
        KeepReason::SeveralResources => {
            "one call may need several kinds of resource, and events name only some".to_owned()
        }
        KeepReason::NotGranted { resource } => format!("no grant names {resource}, which was used"),
        KeepReason::RoleCreated { on } => format!("the role was created {on}, inside the window: too young to judge"),
        KeepReason::RecentlyGranted { on } => format!("granted {on}, inside the window: too young to judge"),
        KeepReason::Unseen { because } => unseen(because, length),
    }
}

fn unseen(reason: &UnseenReason, length: Length) -> String {
    match reason {
        UnseenReason::NoEvidence => NO_EVIDENCE.to_owned(),
        UnseenReason::TooFewDays { days, least } => too_few_days(*days, *least),
        UnseenReason::Doubt { doubt } => in_words(doubt),
        UnseenReason::UnknownEventSource { function } => {
            format!("{function} has an event source of a kind that is not known")
        }
        UnseenReason::Unmapped { events } => unmapped(events),
        UnseenReason::AttemptWithoutEvent { on } => format!("IAM saw an attempt on {on}, which no event shows"),
        UnseenReason::NotCovered { reason, remedy: change, beyond_trails } => {
            let mut text = blind_reason(reason);
            let brief = length == Length::Brief;
            if let Some(change) = change.as_ref().filter(|change| !(brief && is_long(change))) {
                text.push_str("; ");
                text.push_str(&remedy(change));
            }
            if let Some(beyond_trails) = beyond_trails.as_ref().filter(|_| !brief) {
                text.push_str("; ");
                text.push_str(&beyond(beyond_trails));
            }
            text
        }
        UnseenReason::PassesRole => "calls were seen that pass a role; which others may do so is not known".to_owned(),
        UnseenReason::UnknownMayTakeRole { pattern } => {
            format!("the catalog does not know {pattern}, which may take a role")
        }
        UnseenReason::NewCodeUnseen { function, on } => {
            format!("{function} was deployed on {on} and was not seen to run since: what it calls now is not known")
        }
        UnseenReason::UsedAfterEvidence { on } => {
            format!("IAM saw the role used on {on}, after the evidence ends: read newer files")
        }
        UnseenReason::FunctionMade { function, on } => {
            format!("{function} was made on {on}: too young to say what it does not need")
        }
        UnseenReason::RanUnderAnotherRole { function, role, on } => {
            let role = role.rsplit('/').next().unwrap_or(role);
            format!("{function} ran under {role} until {on}: what it needs now was seen for too short a time")
        }
        UnseenReason::UsageNotKept { on } => format!(
            "no function had the role when it was last used on {on}, so what it did then was not kept: read those days again"
        ),
        UnseenReason::InitialisationUnseen { function } => format!(
            "{function} has SnapStart: its initialisation runs when a version is published, and none was in the window"
        ),
        UnseenReason::RunsWithStacks { function } => format!(
            "{function} seems to serve a custom resource: what it does when its stack changes or goes was not seen"
        ),
        UnseenReason::FunctionNotInInventory { function } => {
            let region = function.split(':').nth(3).unwrap_or_default();
            format!("{function} uses the role too, and the functions of {region} were not listed: add that Region")
        }
        UnseenReason::ServiceAccessWithoutEvent { service, on } => {
            format!("IAM saw the role access {service} on {on} and no event shows it, so evidence is incomplete")
        }
        UnseenReason::UnmappedMayTakeRole { events } => format!("{}; it may take a role", unmapped(events)),
        UnseenReason::CanPassRole { action } => format!("{action} was called, which can pass a role"),
        UnseenReason::CallerUnseen { operation, because } => {
            let because = unseen(because, length);
            format!("AWS may check it when {operation} is called, which may have been called unseen: {because}")
        }
        UnseenReason::PassRoleCallUnseen { action, because } => {
            let because = unseen(because, length);
            format!("{action} can pass a role, and a call of it may have gone unseen: {because}")
        }
    }
}

/// A remedy that is a whole selector.
fn is_long(remedy: &CoverageRemedy) -> bool {
    matches!(remedy, CoverageRemedy::AddAdvanced { .. })
}

fn unmapped(events: &[String]) -> String {
    format!("the catalog cannot map {}, which was called", events.join(", "))
}

fn beyond(data: &BeyondTrails) -> String {
    match data {
        BeyondTrails::NoReport => "only a last-accessed report of the role could tell".to_owned(),
        BeyondTrails::Attempt { service, on } => format!("IAM saw an attempt on {service}, last on {on}"),
        BeyondTrails::ReportTooOld => "the last-accessed report, which could tell, is older than the window".to_owned(),
        BeyondTrails::NotListed { service } => {
            format!("the last-accessed report, which could tell, does not list {service}")
        }
    }
}

fn in_words(doubt: &Doubt) -> String {
    match doubt {
        Doubt::LostEvents { place, .. } => format!("events of {place} were lost, so absence proves nothing"),
        Doubt::FunctionsNotListed { region } => {
            format!("the functions of {region} could not be listed, and may need what no other function needs")
        }
    }
}
