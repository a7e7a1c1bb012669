//! What a template would allow more and less than the roles of the account do today.

use std::path::Path;

use jiff::Timestamp;
use whittle_analysis::proposal::compare::{DifferingStatement, Sides, compare};
use whittle_evidence::ledger::Ledger;
use whittle_pipeline::proposal::{MatchedProposal, RoleGroup, groups};
use whittle_render::diff::template::{FunctionOfRole, Located, RoleDifference, TemplateDifference};
use whittle_template::resolve::shown;

use crate::args::DiffArguments;
use crate::commands::proposal::{self, location};
use crate::error::CommandError;

/// Compares a template with the account.
pub fn compare_template(arguments: &DiffArguments, path: &Path) -> Result<TemplateDifference, CommandError> {
    let proposal = proposal::read(path, &arguments.deployment, &arguments.store.store)?;
    // Only what is allowed is compared, and no evidence says what that is.
    let (groups, _) = groups(&proposal, &Ledger::default(), Timestamp::now())?;
    let mut out = TemplateDifference::new(proposal.file.clone(), proposal.account.inventory.account.to_string());
    out.roles = groups.iter().map(|group| role(&proposal, group)).collect();
    out.notes = proposal.notes();
    Ok(out)
}

fn role(proposal: &MatchedProposal, group: &RoleGroup<'_>) -> RoleDifference {
    let unknown: Vec<Vec<String>> = group.proposed.statements.iter().map(|own| own.unknown.clone()).collect();
    let found = compare(&Sides {
        proposed: &group.role,
        statements: &group.statements,
        unknown: &unknown,
        current: group.current,
    });
    let readable = |own: DifferingStatement| DifferingStatement {
        resources: own.resources.iter().map(|text| shown(text)).collect(),
        ..own
    };
    let more = found.more.into_iter().map(|statement| {
        let place = group.proposed.statements.get(statement.index).map(|own| location(&proposal.file, own.region));
        Located { location: place, statement: readable(statement) }
    });
    let less = found.less.into_iter().map(|statement| Located { location: None, statement });
    let functions = group.functions.iter().map(|(id, function)| {
        let arn = function.arn.to_string();
        FunctionOfRole { id: id.clone(), function_arn: (!group.new.contains(&arn)).then_some(arn) }
    });
    RoleDifference {
        id: group.proposed.id.clone(),
        role_arn: group.current.map(|role| role.arn.to_string()),
        functions: functions.collect(),
        more: more.collect(),
        less: less.collect(),
    }
}
