//! Code that the evidence could not have seen run: deployed later, run only when a version is published, or
//! of a function that nobody listed.

use whittle_evidence::ledger::ChangeKind;

use crate::input::AnalysisEvidence;
use crate::inventory::{Function, Inventory, Role};
use crate::need::SubjectUsage;
use crate::reason::{UnseenReason, day};

/// Reason why what the function's code calls today could not have been seen.
pub(crate) fn unseen_code(
    evidence: AnalysisEvidence<'_>,
    function: &Function,
    usage: &SubjectUsage,
) -> Option<UnseenReason> {
    let start = evidence.window.start()?;
    if let Some(deployed) = function.last_modified.filter(|deployed| *deployed > start)
        && usage.last_seen.is_none_or(|last| last < deployed)
    {
        return Some(UnseenReason::NewCodeUnseen { function: function.name.clone(), on: day(deployed) });
    }
    if !function.config.snap_start {
        return None;
    }
    // Lambda Developer Guide, "Improving startup performance with Lambda SnapStart": the initialisation code
    // runs when a version is published.
    let published = evidence.ledger.account().changes(ChangeKind::Code).any(|(change, times)| {
        change.event_name == "PublishVersion"
            && times.last >= start
            && (change.subject == function.name || change.subject.starts_with(function.arn.as_ref()))
    });
    (!published).then(|| UnseenReason::InitialisationUnseen { function: function.name.clone() })
}

/// A function that CloudTrail named as a user of the role, in a Region or account whose functions were not
/// listed: its needs are not known.
pub(crate) fn unseen_functions(
    evidence: AnalysisEvidence<'_>,
    role: &Role,
    inventory: &Inventory,
) -> Option<UnseenReason> {
    let ledger = evidence.ledger.of_role(role.id.as_ref(), role.arn.as_ref())?;
    let is_listed = |arn: &str| {
        let mut parts = arn.split(':').skip(3);
        inventory.lists(parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    };
    let unseen = ledger.functions().find(|arn| !is_listed(arn)).map(str::to_owned);
    unseen.map(|function| UnseenReason::FunctionNotInInventory { function })
}
