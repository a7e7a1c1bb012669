//! Keeps evidence, results, state and run records in one DynamoDB table.
//!
//! The table is for people too: `docs/table.md` says what each item is and how to ask for it. In short:
//!
//! | partition | an item for each | |
//! |---|---|---|
//! | `FUNCTION#<arn>`, `ROLE#<arn>` | (function, role), role | latest result; history of its suggestion |
//! | `FINDING#<account>#<digit>` | finding | with its state and its queued alert |
//! | `ACCOUNT`, `INDEX#<account>` | account, shard of results | window, coverage; hashes of results |
//! | `LEDGER#<home>#<n>`, `MARKS#<home>` | role, source | evidence, JSON; what was read |
//! | `BASELINE#<home>#<n>`, `KEPT#<home>` | role, shard of documents | what the next run compares with |
//! | `RUN#<home>` | run | lease, last run, former runs |
//!
//! `home` is the account that Whittle runs in. The index `gsi1` finds functions (`NAME#…`) and roles
//! (`ROLENAME#…`) by name, findings by severity (`SEVERITY#…`) and the evidence about a role (`EVIDENCE#…`).
//!
//! Only two calls are made: `Query` and `TransactWriteItems`. Every transaction checks the lease, so a run
//! that lost it can change nothing. What is equal is not written: what is read as a whole brings its hashes
//! along, and results have an index of theirs. A call that failed may be repeated; what it wrote by then is
//! not written again.
//!
//! Reading needs no lease and never writes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use whittle_analysis::result::{CoverageRow, Finding, FunctionResult, Report, ReportWindow, RoleResult};
use whittle_evidence::ledger::Ledger;
use whittle_pipeline::alerts::FindingRecord;
use whittle_pipeline::baseline::RoleBaseline;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::service::{Begun, KeptDocuments, Lease, RunRecord, ServiceStore};
use whittle_pipeline::ports::{Changes, EvidenceBatch, PortError, PortErrorKind, SaveScope, Store};

use crate::clients::Aws;
use fence::Held;
use item::TableKey;
use item_set::KnownItems;
use report::ReportIndex;
use table::DynamoTable;

mod evidence;
mod fence;
mod item;
mod item_set;
mod lease;
mod report;
mod state;
mod table;

/// A [`ServiceStore`] in a DynamoDB table.
#[derive(Debug)]
pub struct DynamoStore {
    table: DynamoTable,
    /// For the account of the credentials, once it is needed.
    aws: Option<Aws>,
    home: Option<String>,
    held: Option<Held>,
    cache: Cache,
}

/// State known to be stored; valid as long as the lease is ours and no call failed.
#[derive(Debug, Default)]
struct Cache {
    ledger: KnownItems,
    marks: Option<KnownItems>,
    documents: Option<KnownItems>,
    baselines: Option<KnownItems>,
    findings: BTreeMap<String, KnownItems>,
    indexes: BTreeMap<String, ReportIndex>,
}

impl DynamoStore {
    /// A store in a table of the Region of `aws`. Calls nothing; whether there is such a table shows at the
    /// first call.
    pub fn open(aws: &Aws, table: &str) -> Result<Self, PortError> {
        if table.trim().is_empty() {
            return Err(PortError::new(PortErrorKind::Invalid, "the name of the table is empty")
                .with_hint("give the table of the stack: it is among the outputs of `sam deploy`"));
        }
        let mut store = Self::with_client(aws.dynamodb(), aws.bridge(), table);
        store.aws = Some(aws.clone());
        Ok(store)
    }

    /// Results of the functions of a CloudFormation stack, by their tags; empty if there are none.
    ///
    /// Requires: `dynamodb:Query`
    pub fn functions_of_stack(&self, stack: &str) -> Result<Vec<FunctionResult>, PortError> {
        report::functions_of_stack(&self.table, stack)
    }

    /// Window and coverage of the last run over `account`; `None` if there was none.
    ///
    /// Requires: `dynamodb:Query`
    pub fn account(&self, account: &str) -> Result<Option<(ReportWindow, Vec<CoverageRow>)>, PortError> {
        report::account(&self.table, account)
    }

    /// The ledger as far as it is about the roles with these ARNs.
    ///
    /// Requires: `dynamodb:Query`
    pub fn ledger_of(&self, role_arns: &BTreeSet<String>) -> Result<Ledger, PortError> {
        evidence::load_roles(&self.table, role_arns)
    }

    fn with_client(client: aws_sdk_dynamodb::Client, bridge: crate::bridge::Bridge, table: &str) -> Self {
        let table = DynamoTable { client, bridge, name: table.to_owned() };
        Self { table, aws: None, home: None, held: None, cache: Cache::default() }
    }

    /// The same store for the account `home`, which is else that of the credentials.
    #[must_use]
    pub fn for_account(mut self, home: &str) -> Self {
        self.home = Some(home.to_owned());
        self
    }

    /// The account that Whittle runs in: leases, evidence and baselines are its own.
    fn home(&mut self) -> Result<String, PortError> {
        if let Some(home) = &self.home {
            return Ok(home.clone());
        }
        let Some(aws) = self.aws.clone() else {
            return Err(PortError::new(PortErrorKind::Bug, "the store was not told which account it is for"));
        };
        let identity = self.table.bridge.wait(async move { aws.identity().await })?;
        self.home = Some(identity.account.clone());
        Ok(identity.account)
    }

    /// Runs `work` under the lease. After a failure nothing is believed to be known.
    fn writing<T>(
        &mut self,
        work: impl FnOnce(&DynamoTable, &Held, &mut Cache) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let Some(held) = self.held.clone() else {
            return Err(PortError::new(PortErrorKind::Bug, "the table is written only by a run that holds its lease"));
        };
        let done = work(&self.table, &held, &mut self.cache);
        if done.is_err() {
            self.cache = Cache::default();
        }
        done
    }
}

impl Store for DynamoStore {
    /// Requires: `dynamodb:Query`
    fn load_ledger(&mut self) -> Result<Ledger, PortError> {
        let home = self.home()?;
        let (ledger, known) = evidence::load(&self.table, &home)?;
        self.cache.ledger = known;
        Ok(ledger)
    }

    /// Requires: `dynamodb:Query`
    fn read_marks(&mut self) -> Result<ReadMarks, PortError> {
        let home = self.home()?;
        let (marks, known) = evidence::load_marks(&self.table, &home)?;
        self.cache.marks = Some(known);
        Ok(marks)
    }

    /// Requires: `dynamodb:Query`, `dynamodb:PutItem`, `dynamodb:DeleteItem`, `dynamodb:ConditionCheckItem`
    fn save_evidence(&mut self, batch: EvidenceBatch<'_>) -> Result<(), PortError> {
        self.writing(|table, held, cache| {
            evidence::save(table, held, &mut cache.ledger, batch.ledger)?;
            if cache.marks.is_none() {
                cache.marks = Some(evidence::load_marks(table, &held.home)?.1);
            }
            evidence::save_marks(table, held, cache.marks.get_or_insert_default(), batch.marks)
        })
    }

    /// Requires: `dynamodb:Query`, `dynamodb:PutItem`, `dynamodb:DeleteItem`, `dynamodb:ConditionCheckItem`
    fn save_report(&mut self, report: &Report, scope: &SaveScope) -> Result<Changes, PortError> {
        let save = |table: &DynamoTable, held: &Held, cache: &mut Cache| {
            let mut index = match cache.indexes.remove(&report.account) {
                Some(index) => index,
                None => ReportIndex::load(table, &report.account)?,
            };
            let changes = report::save(table, held, &mut index, report, scope)?;
            cache.indexes.insert(report.account.clone(), index);
            Ok(changes)
        };
        self.writing(save)
    }

    /// Requires: `dynamodb:Query`
    fn functions(&mut self, name_or_arn: &str) -> Result<Vec<FunctionResult>, PortError> {
        report::functions(&self.table, name_or_arn)
    }

    /// Requires: `dynamodb:Query`
    fn roles(&mut self, name_or_arn: &str) -> Result<Vec<RoleResult>, PortError> {
        report::roles(&self.table, name_or_arn)
    }

    /// Requires: `dynamodb:Query`
    fn names(&mut self) -> Result<Vec<String>, PortError> {
        report::names(&self.table)
    }

    /// Requires: `dynamodb:Query`
    fn findings(&mut self, account: &str) -> Result<Vec<Finding>, PortError> {
        Ok(state::unresolved(state::load_findings(&self.table, account)?.0))
    }
}

impl ServiceStore for DynamoStore {
    /// Requires: `dynamodb:Query`, `dynamodb:PutItem`
    fn begin_run(&mut self, lease: &Lease) -> Result<Begun, PortError> {
        let home = self.home()?;
        self.held = None;
        self.cache = Cache::default();
        let (held, begun) = lease::begin(&self.table, &home, lease)?;
        self.held = held;
        Ok(begun)
    }

    /// Requires: `dynamodb:PutItem`
    fn renew(&mut self, expires: Timestamp) -> Result<(), PortError> {
        self.writing(|table, held, _| lease::renew(table, held, expires))
    }

    /// Requires: `dynamodb:PutItem`
    fn end_run(&mut self, record: &RunRecord, changed: bool) -> Result<(), PortError> {
        self.writing(|table, held, _| lease::end(table, held, record, changed))?;
        self.held = None;
        self.cache = Cache::default();
        Ok(())
    }

    /// Requires: `dynamodb:Query`
    fn last_run(&mut self) -> Result<Option<RunRecord>, PortError> {
        let home = self.home()?;
        lease::last_run(&self.table, &home)
    }

    /// Requires: `dynamodb:Query`
    fn kept_documents(&mut self) -> Result<KeptDocuments, PortError> {
        let home = self.home()?;
        let (documents, known) = state::load_documents(&self.table, &home)?;
        self.cache.documents = Some(known);
        Ok(documents)
    }

    /// Requires: `dynamodb:Query`, `dynamodb:PutItem`, `dynamodb:DeleteItem`, `dynamodb:ConditionCheckItem`
    fn keep_documents(&mut self, documents: &KeptDocuments) -> Result<(), PortError> {
        self.writing(|table, held, cache| {
            if cache.documents.is_none() {
                cache.documents = Some(state::known_documents(table, &held.home)?);
            }
            state::save_documents(table, held, cache.documents.get_or_insert_default(), documents)
        })
    }

    /// Requires: `dynamodb:Query`
    fn finding_records(&mut self, account: &str) -> Result<BTreeMap<String, FindingRecord>, PortError> {
        let (records, known) = state::load_findings(&self.table, account)?;
        self.cache.findings.insert(account.to_owned(), known);
        Ok(records)
    }

    /// Requires: `dynamodb:Query`, `dynamodb:PutItem`, `dynamodb:DeleteItem`, `dynamodb:ConditionCheckItem`
    fn save_finding_records(&mut self, account: &str, changed: &[FindingRecord]) -> Result<(), PortError> {
        self.writing(|table, held, cache| {
            if !cache.findings.contains_key(account) {
                cache
                    .findings
                    .insert(account.to_owned(), item_set::stamps(table, &state::finding_partitions(account))?);
            }
            let known = cache.findings.entry(account.to_owned()).or_default();
            state::save_findings(table, held, known, account, changed)
        })
    }

    /// Requires: `dynamodb:Query`
    fn baselines(&mut self) -> Result<BTreeMap<String, RoleBaseline>, PortError> {
        let home = self.home()?;
        let (baselines, known) = state::load_baselines(&self.table, &home)?;
        self.cache.baselines = Some(known);
        Ok(baselines)
    }

    /// Requires: `dynamodb:Query`, `dynamodb:PutItem`, `dynamodb:DeleteItem`, `dynamodb:ConditionCheckItem`
    fn save_baselines(&mut self, changed: &[RoleBaseline], gone: &BTreeSet<String>) -> Result<(), PortError> {
        self.writing(|table, held, cache| {
            if cache.baselines.is_none() {
                cache.baselines = Some(state::known_baselines(table, &held.home)?);
            }
            state::save_baselines(table, held, cache.baselines.get_or_insert_default(), changed, gone)
        })
    }
}

/// The last part of a function's ARN.
fn function_name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

/// The last part of a role's ARN.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

/// Epoch seconds, `keep` after `from`.
fn expiry(from: Timestamp, keep: SignedDuration) -> i64 {
    from.saturating_add(keep).unwrap_or(Timestamp::MAX).as_second()
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, PortError> {
    serde_json::to_vec(value)
        .map_err(|error| PortError::new(PortErrorKind::Bug, "a result cannot be written as JSON").with_source(error))
}

fn parsed<T: DeserializeOwned>(key: &TableKey, content: &[u8]) -> Result<T, PortError> {
    let text =
        std::str::from_utf8(content).map_err(|error| item::damaged(key, "it is not UTF-8").with_source(error))?;
    serde_json::from_str(text)
        .map_err(|error| item::damaged(key, "its content is not what is expected").with_source(error))
}

#[cfg(test)]
mod tests;
