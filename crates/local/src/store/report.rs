//! Results and findings: saved as differences, read by name.

use std::collections::BTreeSet;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{OptionalExtension, Params, Transaction, params, params_from_iter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use whittle_analysis::result::{Finding, FunctionResult, Report, ReportWindow, RoleResult, Suggestion};
use whittle_pipeline::ports::{Changes, PortError, PortErrorKind, SaveScope};
use whittle_policy::id::FunctionArn;

use super::checksum::{ANALYSIS, FINDING, FUNCTION_RESULT, ROLE_RESULT, Table};
use super::failure::{StorePlace, damaged, sqlite_error};

/// Values of a row, in the order of the table's columns; the last column holds the content.
struct ResultRow {
    keys: Vec<String>,
    columns: Vec<Value>,
    content: String,
}

/// Replaces the results of the report's account.
pub(super) fn save(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    report: &Report,
    scope: &SaveScope,
) -> Result<Changes, PortError> {
    let account = report.account.as_str();
    let mut changes = Changes::default();
    // First, since the other rows refer to it.
    let analysis = ResultRow {
        keys: vec![account.to_owned()],
        columns: vec![
            Value::from(report.schema_version),
            Value::from(report.window.start.clone()),
            Value::from(report.window.end.clone()),
            Value::from(report.window.days),
            Value::from(json(&report.coverage)?),
        ],
        content: json(&report.issues)?,
    };
    let mut writer = ResultWriter { transaction, place, account, scope, changes: &mut changes };
    writer.replace(&ANALYSIS, std::iter::once(Ok(analysis)))?;
    writer.replace(&FUNCTION_RESULT, report.functions.iter().map(|result| function_row(account, result)))?;
    writer.replace(&ROLE_RESULT, report.roles.iter().map(|result| role_row(account, result)))?;
    let findings = report.findings.iter().zip(0_i64..);
    writer.replace(&FINDING, findings.map(|(finding, position)| finding_row(account, position, finding)))?;
    Ok(changes)
}

fn function_row(account: &str, result: &FunctionResult) -> Result<ResultRow, PortError> {
    let name = result.function_arn.rsplit(':').next().unwrap_or_default().to_owned();
    Ok(ResultRow {
        keys: vec![account.to_owned(), result.function_arn.clone(), result.role_arn.clone()],
        columns: summary(name, result.suggestion.as_ref()),
        content: json(result)?,
    })
}

fn role_row(account: &str, result: &RoleResult) -> Result<ResultRow, PortError> {
    let name = result.role_arn.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(ResultRow {
        keys: vec![account.to_owned(), result.role_arn.clone()],
        columns: summary(name, result.suggestion.as_ref()),
        content: json(result)?,
    })
}

fn finding_row(account: &str, position: i64, finding: &Finding) -> Result<ResultRow, PortError> {
    Ok(ResultRow {
        keys: vec![account.to_owned(), finding.fingerprint.clone()],
        columns: vec![
            Value::from(position),
            Value::from(finding.code.clone()),
            Value::from(finding.severity.as_str().to_owned()),
            Value::from(finding.function_arn.clone()),
            Value::from(finding.role_arn.clone()),
            Value::from(finding.title.clone()),
            Value::from(finding.detail.as_attribute().into_owned()),
            Value::from(finding.remedy.clone()),
        ],
        content: json(finding)?,
    })
}

/// Name, removed actions, kept actions, confidence.
fn summary(name: String, suggestion: Option<&Suggestion>) -> Vec<Value> {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    vec![
        Value::from(name),
        Value::from(suggestion.map(|suggestion| count(suggestion.removed_actions))),
        Value::from(suggestion.map(|suggestion| count(suggestion.kept_unproven))),
        Value::from(suggestion.map(|suggestion| suggestion.confidence)),
    ]
}

struct ResultWriter<'a> {
    transaction: &'a Transaction<'a>,
    place: &'a StorePlace,
    account: &'a str,
    scope: &'a SaveScope,
    changes: &'a mut Changes,
}

impl ResultWriter<'_> {
    /// Makes the rows of the account in `table` equal to `rows`, one at a time: a result may be megabytes.
    fn replace(
        &mut self,
        table: &Table,
        rows: impl Iterator<Item = Result<ResultRow, PortError>>,
    ) -> Result<(), PortError> {
        let failed = |error| sqlite_error(self.place, "written", error);
        let mut select = self.transaction.prepare(&table.select()).map_err(failed)?;
        let mut insert = self.transaction.prepare(&table.insert()).map_err(failed)?;
        let mut update = self.transaction.prepare(&table.update()).map_err(failed)?;
        let mut kept: BTreeSet<Vec<String>> = BTreeSet::new();
        for row in rows {
            let row = row?;
            let keys = row.keys.iter().cloned().map(Value::from);
            let all: Vec<Value> = keys.chain(row.columns).chain([Value::from(row.content)]).collect();
            let checksum = table.checksum(all.iter().map(ValueRef::from));
            let all = all.into_iter().chain([Value::from(checksum)]);
            // Equal content, equal columns (a finding may have moved without having changed).
            let same: Option<(bool, bool)> = select
                .query_row(params_from_iter(all.clone()), |found| Ok((found.get(0)?, found.get(1)?)))
                .optional()
                .map_err(failed)?;
            match same {
                None => {
                    insert.execute(params_from_iter(all)).map_err(failed)?;
                    self.changes.inserted = self.changes.inserted.saturating_add(1);
                }
                Some((true, true)) => {}
                Some((content, _)) => {
                    update.execute(params_from_iter(all)).map_err(failed)?;
                    // A finding that only moved did not change; of an analysis, the window is the content
                    // too.
                    let is_change = !content || table.name == ANALYSIS.name;
                    self.changes.updated = self.changes.updated.saturating_add(usize::from(is_change));
                }
            }
            if let Some(twice) = kept.replace(row.keys) {
                let message = format!("the report has two rows for `{}` in {}", twice.join(" "), table.name);
                return Err(
                    PortError::new(PortErrorKind::Bug, message).with_hint("nothing was saved; please report this")
                );
            }
        }
        self.delete_others(table, &kept)
    }

    fn delete_others(&mut self, table: &Table, kept: &BTreeSet<Vec<String>>) -> Result<(), PortError> {
        let failed = |error| sqlite_error(self.place, "written", error);
        let mut keys = self.transaction.prepare(&table.all_keys()).map_err(failed)?;
        let mut delete = self.transaction.prepare(&table.delete()).map_err(failed)?;
        let width = table.key.len();
        let stored = keys
            .query_map([self.account], |row| {
                let names = (0..width).map(|column| row.get(column)).collect::<Result<Vec<String>, _>>()?;
                Ok((names, row.get::<_, String>(width)?))
            })
            .map_err(failed)?;
        let stored: Vec<(Vec<String>, String)> = stored.collect::<Result<_, _>>().map_err(failed)?;
        for (keys, role) in stored.into_iter().filter(|(keys, _)| !kept.contains(keys)) {
            if !self.scope.deletes(&role) {
                continue;
            }
            delete.execute(params_from_iter(keys)).map_err(failed)?;
            self.changes.deleted = self.changes.deleted.saturating_add(1);
        }
        Ok(())
    }
}

impl Table {
    /// The column that holds the content, and the parameter of its value.
    fn content(&self) -> (&'static str, usize) {
        (self.columns.last().copied().unwrap_or_default(), self.key.len().saturating_add(self.columns.len()))
    }

    fn checksum_parameter(&self) -> usize {
        self.content().1.saturating_add(1)
    }

    /// The columns that are neither key nor content, and the checksum.
    fn with_parameters(&self, operator: &str, separator: &str) -> String {
        let (content, _) = self.content();
        let first = self.key.len().saturating_add(1);
        let columns = self.columns.iter().zip(first..).filter(|(column, _)| **column != content);
        let checksum = (&"checksum", self.checksum_parameter());
        let terms: Vec<String> =
            columns.chain([checksum]).map(|(column, number)| format!("{column} {operator} ?{number}")).collect();
        terms.join(separator)
    }

    fn select(&self) -> String {
        let (content, parameter) = self.content();
        let same = self.with_parameters("IS", " AND ");
        format!("SELECT {content} = ?{parameter}, {same} FROM {} WHERE {}", self.name, self.by_key())
    }

    fn insert(&self) -> String {
        let names: Vec<&str> = self.key.iter().chain(self.columns).copied().chain(["checksum"]).collect();
        let marks: Vec<String> = (1..=names.len()).map(|number| format!("?{number}")).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, names.join(", "), marks.join(", "))
    }

    fn update(&self) -> String {
        let (content, parameter) = self.content();
        let columns = self.with_parameters("=", ", ");
        format!("UPDATE {} SET {columns}, {content} = ?{parameter} WHERE {}", self.name, self.by_key())
    }

    fn all_keys(&self) -> String {
        let role = if self.key.contains(&"account") && self.key.len() == 1 { "''" } else { "role_arn" };
        format!("SELECT {}, {role} FROM {} WHERE account = ?1", self.key.join(", "), self.name)
    }

    fn delete(&self) -> String {
        format!("DELETE FROM {} WHERE {}", self.name, self.by_key())
    }
}

/// Accounts with results.
pub(super) fn accounts(transaction: &Transaction<'_>, place: &StorePlace) -> Result<Vec<String>, PortError> {
    strings(transaction, place, "SELECT account FROM analysis ORDER BY account", [])
}

/// The whole report of an account, as it was saved.
pub(super) fn load(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    account: &str,
) -> Result<Option<Report>, PortError> {
    let sql = "SELECT schema_version, window_start, window_end, window_days, coverage, issues FROM analysis WHERE account = ?1";
    let row: Option<(u32, String, String, u32, String, String)> = transaction
        .query_row(sql, [account], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .optional()
        .map_err(|error| sqlite_error(place, "read", error))?;
    let Some((schema_version, start, end, days, coverage, issues)) = row else { return Ok(None) };
    Ok(Some(Report {
        schema_version,
        account: account.to_owned(),
        window: ReportWindow { start, end, days },
        coverage: parsed(place, "the coverage", &coverage)?,
        issues: parsed(place, "the list of issues", &issues)?,
        roles: results(
            transaction,
            place,
            "SELECT result FROM role_result WHERE account = ?1 ORDER BY role_arn",
            [account],
        )?,
        functions: results(
            transaction,
            place,
            "SELECT result FROM function_result WHERE account = ?1 ORDER BY function_arn, role_arn",
            [account],
        )?,
        findings: findings(transaction, place, account)?,
    }))
}

/// Results of a function by name or ARN; a version or alias at the end is passed over.
pub(super) fn functions(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    name_or_arn: &str,
) -> Result<Vec<FunctionResult>, PortError> {
    let (column, value) = if name_or_arn.starts_with("arn:") {
        let arn = FunctionArn::split_qualified(name_or_arn).map(|(arn, _)| arn.to_string());
        ("function_arn", arn.unwrap_or_else(|_| name_or_arn.to_owned()))
    } else {
        ("function_name", name_or_arn.split(':').next().unwrap_or_default().to_owned())
    };
    let sql =
        format!("SELECT result FROM function_result WHERE {column} = ?1 ORDER BY account, function_arn, role_arn");
    results(transaction, place, &sql, [value])
}

/// Results of the functions of a CloudFormation stack.
pub(super) fn functions_of_stack(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    stack: &str,
) -> Result<Vec<FunctionResult>, PortError> {
    let sql = "SELECT result FROM function_result WHERE result ->> '$.stack.stack' = ?1 ORDER BY account, function_arn, role_arn";
    results(transaction, place, sql, [stack])
}

/// Results of a role by name (whose case does not matter to IAM) or ARN.
pub(super) fn roles(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    name_or_arn: &str,
) -> Result<Vec<RoleResult>, PortError> {
    let condition = if name_or_arn.starts_with("arn:") { "role_arn = ?1" } else { "role_name = ?1 COLLATE NOCASE" };
    let sql = format!("SELECT result FROM role_result WHERE {condition} ORDER BY account, role_arn");
    results(transaction, place, &sql, [name_or_arn])
}

/// Names of all functions and roles.
pub(super) fn names(transaction: &Transaction<'_>, place: &StorePlace) -> Result<Vec<String>, PortError> {
    let sql = "SELECT function_name AS name FROM function_result UNION SELECT role_name FROM role_result ORDER BY name";
    strings(transaction, place, sql, [])
}

/// Findings of an account, in report order.
pub(super) fn findings(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    account: &str,
) -> Result<Vec<Finding>, PortError> {
    let sql = "SELECT finding FROM finding WHERE account = ?1 ORDER BY position, fingerprint";
    results(transaction, place, sql, params![account])
}

fn results<T: DeserializeOwned>(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<T>, PortError> {
    strings(transaction, place, sql, parameters)?.iter().map(|text| parsed(place, "a result", text)).collect()
}

fn strings(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<String>, PortError> {
    let failed = |error| sqlite_error(place, "read", error);
    let mut statement = transaction.prepare(sql).map_err(failed)?;
    let rows = statement.query_map(parameters, |row| row.get(0)).map_err(failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}

fn parsed<T: DeserializeOwned>(place: &StorePlace, what: &str, text: &str) -> Result<T, PortError> {
    serde_json::from_str(text).map_err(|error| damaged(place, what, error))
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, PortError> {
    serde_json::to_string(value)
        .map_err(|error| PortError::new(PortErrorKind::Bug, "a result cannot be written as JSON").with_source(error))
}
