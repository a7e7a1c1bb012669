//! Code that the evidence could not have seen run: deployed later, run only when a version is published or a
//! stack changes, or of a function that nobody listed.

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

/// A function that CloudFormation invokes when a stack is made, changed or deleted, as far as its name tells
/// (`data/custom_resources.tsv`): what it does when the stack goes was not seen while the stack is there (AWS
/// CloudFormation User Guide, "Create custom provisioning logic with custom resources"). Which function is
/// the `ServiceToken` of a custom resource stands in templates alone.
pub(crate) fn runs_with_stacks(function: &Function, inventory: &Inventory) -> Option<UnseenReason> {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let logical_id = inventory.stacks.get(&function.arn).map(|stack| plain(&stack.logical_id));
    let names = [Some(plain(&function.name)), logical_id];
    let parts = include_str!("../data/custom_resources.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').next())
        .filter(|part| !part.is_empty());
    let known = parts.into_iter().any(|part| names.iter().flatten().any(|name| name.contains(part)));
    known.then(|| UnseenReason::RunsWithStacks { function: function.name.clone() })
}

/// ARNs of functions that CloudTrail named as users of the role, in Regions and accounts whose functions were
/// not listed, sorted: their needs are not known.
pub(crate) fn unlisted_functions(evidence: AnalysisEvidence<'_>, role: &Role, inventory: &Inventory) -> Vec<String> {
    let Some(ledger) = evidence.ledger.of_role(role.id.as_ref(), role.arn.as_ref()) else { return Vec::new() };
    let is_listed = |arn: &str| {
        let mut parts = arn.split(':').skip(3);
        inventory.lists(parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    };
    let mut unlisted: Vec<String> = ledger.functions().filter(|arn| !is_listed(arn)).map(str::to_owned).collect();
    unlisted.sort();
    unlisted
}
