//! Looking results up by name or ARN.

use std::collections::BTreeSet;

use whittle_analysis::result::{CoverageRow, FunctionResult, ReportWindow, RoleResult};
use whittle_pipeline::ports::PortError;
use whittle_policy::id::FunctionArn;

use super::{AccountItem, FUNCTION, ReportIndex, account_key};
use crate::store::item::{TableKey, key_text};
use crate::store::item_set;
use crate::store::table::{DynamoTable, Find};
use crate::store::{function_name, parsed, role_name};

/// Results of a function by name or ARN; a version or alias at the end is passed over.
pub(in crate::store) fn functions(table: &DynamoTable, name_or_arn: &str) -> Result<Vec<FunctionResult>, PortError> {
    let partitions: BTreeSet<String> = if name_or_arn.starts_with("arn:") {
        let arn = FunctionArn::split_qualified(name_or_arn).map(|(arn, _)| arn.to_string());
        let arn = arn.unwrap_or_else(|_| name_or_arn.to_owned());
        BTreeSet::from([format!("FUNCTION#{}", key_text(&arn))])
    } else {
        let name = name_or_arn.split(':').next().unwrap_or_default();
        partitions_of(table, format!("NAME#{name}"))?
    };
    read_functions(table, partitions.into_iter().map(|partition| Find::prefix(partition, "ROLE#")))
}

/// Results of the functions of a CloudFormation stack, by their tags. Reads the index of each account as a
/// whole.
pub(in crate::store) fn functions_of_stack(table: &DynamoTable, stack: &str) -> Result<Vec<FunctionResult>, PortError> {
    let mut keys = Vec::new();
    for account in accounts(table)? {
        let shards = ReportIndex::load(table, &account)?.shards;
        let entries =
            shards.iter().filter(|(sk, _)| sk.starts_with(FUNCTION.word)).flat_map(|(_, shard)| &shard.entries);
        let of_stack = entries.filter(|(_, entry)| entry.is_stored() && entry.stack.as_deref() == Some(stack));
        keys.extend(of_stack.map(|(name, _)| (FUNCTION.key)(name)));
    }
    read_functions(table, keys.iter().map(Find::one))
}

fn read_functions(table: &DynamoTable, finds: impl Iterator<Item = Find>) -> Result<Vec<FunctionResult>, PortError> {
    let mut out: Vec<(String, FunctionResult)> = Vec::new();
    for find in finds {
        for (head, content) in item_set::read(table, &find)? {
            let account = head.text("account").unwrap_or_default().to_owned();
            out.push((account, parsed(&head.key, &content)?));
        }
    }
    out.sort_by(|(a, one), (b, other)| {
        (a, &one.function_arn, &one.role_arn).cmp(&(b, &other.function_arn, &other.role_arn))
    });
    Ok(out.into_iter().map(|(_, result)| result).collect())
}

/// Window and coverage of the last run over an account; `None` if there was none.
pub(in crate::store) fn account(
    table: &DynamoTable,
    account: &str,
) -> Result<Option<(ReportWindow, Vec<CoverageRow>)>, PortError> {
    let found = item_set::read(table, &Find::one(&account_key(account)))?;
    let stored: Option<AccountItem> = found.first().map(|(head, content)| parsed(&head.key, content)).transpose()?;
    Ok(stored.map(|stored| (stored.window, stored.coverage)))
}

/// All accounts that have results.
fn accounts(table: &DynamoTable) -> Result<Vec<String>, PortError> {
    let mut accounts = Vec::new();
    for item in table.find(Find::all("ACCOUNT").keys())? {
        let key = TableKey::of(&item)?;
        // A part of an account's item is none.
        if !key.sk.starts_with("PART#") {
            accounts.push(key.sk);
        }
    }
    Ok(accounts)
}

/// Results of a role by name (whose case does not matter to IAM) or ARN.
pub(in crate::store) fn roles(table: &DynamoTable, name_or_arn: &str) -> Result<Vec<RoleResult>, PortError> {
    let partitions = if name_or_arn.starts_with("arn:") {
        BTreeSet::from([format!("ROLE#{}", key_text(name_or_arn))])
    } else {
        partitions_of(table, format!("ROLENAME#{}", name_or_arn.to_lowercase()))?
    };
    let mut out: Vec<(String, RoleResult)> = Vec::new();
    for partition in partitions {
        for (head, content) in item_set::read(table, &Find::one(&TableKey::new(partition, "RESULT")))? {
            let account = head.text("account").unwrap_or_default().to_owned();
            out.push((account, parsed(&head.key, &content)?));
        }
    }
    out.sort_by(|(a, one), (b, other)| (a, &one.role_arn).cmp(&(b, &other.role_arn)));
    Ok(out.into_iter().map(|(_, result)| result).collect())
}

fn partitions_of(table: &DynamoTable, gsi1pk: String) -> Result<BTreeSet<String>, PortError> {
    table.find(Find::indexed(gsi1pk).keys())?.iter().map(|item| Ok(TableKey::of(item)?.pk)).collect()
}

/// Names of all functions and roles of all accounts.
pub(in crate::store) fn names(table: &DynamoTable) -> Result<Vec<String>, PortError> {
    let mut names = BTreeSet::new();
    for account in accounts(table)? {
        for (sk, shard) in ReportIndex::load(table, &account)?.shards {
            let of_functions = sk.starts_with(FUNCTION.word);
            for (name, _) in shard.entries.iter().filter(|(_, entry)| entry.is_stored()) {
                let name = match name.split_once(' ') {
                    Some((function, _)) if of_functions => function_name(function),
                    _ => role_name(name),
                };
                names.insert(name.to_owned());
            }
        }
    }
    Ok(names.into_iter().collect())
}
