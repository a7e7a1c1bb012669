//! The two calls that the store makes: `Query`, and `TransactWriteItems` for every write.
//!
//! Each write is part of a transaction that also checks that the lease is still ours, so a run that lost its
//! lease changes nothing any more, not even an item that its successor has not touched. Two transactions that
//! check one item at once may cancel each other (Amazon DynamoDB Developer Guide, "Transaction conflict
//! handling"), so the lease has [`LEASE_COPIES`] copies, and as many transactions are under way at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem};
use tokio::task::JoinSet;
use whittle_pipeline::ports::{PortError, PortErrorKind};

use super::fence::{Held, LEASE_COPIES, lease_copy};
use super::item::{Item, TableKey, item_bytes, string};
use crate::bridge::Bridge;
use failure::{cannot_build, refusals, table_error};

pub(super) use failure::lease_lost;

mod failure;

/// Queries under way at once.
const QUERIES: usize = 8;

/// Writes in one transaction, the check of the lease apart. DynamoDB takes 100 actions; half of that is
/// canceled and repeated as a whole at half the price.
pub(super) const MAX_WRITES: usize = 50;

/// Bytes in one transaction; DynamoDB takes 4 MB.
pub(super) const MAX_BYTES: usize = 3 * 1024 * 1024;

/// Times that a transaction is repeated because of throttling or a conflict, the pause doubling from
/// [`FIRST_PAUSE`] to [`LONGEST_PAUSE`].
const MAX_REPEATS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Name of the index.
const INDEX: &str = "gsi1";

/// A table.
#[derive(Debug, Clone)]
pub(super) struct DynamoTable {
    pub(super) client: Client,
    pub(super) bridge: Bridge,
    pub(super) name: String,
}

/// A query for items.
#[derive(Debug, Clone)]
pub(super) struct Find {
    pk: String,
    sort: Sort,
    indexed: bool,
    keys_only: bool,
}

#[derive(Debug, Clone)]
enum Sort {
    Any,
    Prefix(String),
    Between(String, String),
}

impl Find {
    /// All items of a partition.
    pub(super) fn all(pk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sort: Sort::Any, indexed: false, keys_only: false }
    }

    /// Items whose sort key begins so.
    pub(super) fn prefix(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { sort: Sort::Prefix(sk.into()), ..Self::all(pk) }
    }

    /// Items whose sort key is one of these or between.
    pub(super) fn between(pk: impl Into<String>, first: impl Into<String>, last: impl Into<String>) -> Self {
        Self { sort: Sort::Between(first.into(), last.into()), ..Self::all(pk) }
    }

    /// One item.
    pub(super) fn one(key: &TableKey) -> Self {
        Self::between(key.pk.clone(), key.sk.clone(), key.sk.clone())
    }

    /// All items of a partition of the index. What is in the index may lag behind the table.
    pub(super) fn indexed(gsi1pk: impl Into<String>) -> Self {
        Self { indexed: true, ..Self::all(gsi1pk) }
    }

    /// Only the keys.
    pub(super) fn keys(self) -> Self {
        Self { keys_only: true, ..self }
    }
}

/// One write.
#[derive(Debug, Clone)]
pub(super) enum Write {
    /// Makes an item this one.
    Put(Item, Expect),
    /// Deletes an item.
    Delete(TableKey),
}

/// The condition of a put.
#[derive(Debug, Clone)]
pub(super) enum Expect {
    /// Anything that no later run wrote.
    Any,
    /// No item.
    Absent,
    /// An item with this digest.
    Digest(String),
    /// An item with this very fence.
    Fence(i64),
    /// No item, or one with a lower fence than this.
    Below(i64),
}

impl Write {
    fn bytes(&self) -> usize {
        match self {
            Self::Put(item, _) => item_bytes(item),
            Self::Delete(_) => 0,
        }
    }
}

/// Transactions to be made one after the other.
pub(super) type Job = Vec<Vec<Write>>;

/// A transaction that was canceled since items were not as expected; none of it was written.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) writes: Vec<Write>,
    /// Which of the writes found what it did not expect.
    pub(super) unexpected: Vec<usize>,
}

/// Splits writes so that each part fits into one transaction.
pub(super) fn transactions(writes: Vec<Write>) -> Vec<Vec<Write>> {
    let mut out: Vec<Vec<Write>> = Vec::new();
    let mut bytes = 0_usize;
    for write in writes {
        let own = write.bytes();
        match out.last_mut() {
            Some(last) if last.len() < MAX_WRITES && bytes.saturating_add(own) <= MAX_BYTES => {
                bytes = bytes.saturating_add(own);
                last.push(write);
            }
            _ => {
                bytes = own;
                out.push(vec![write]);
            }
        }
    }
    out
}

/// Bytes of a transaction.
pub(super) fn transaction_bytes(writes: &[Write]) -> usize {
    writes.iter().map(Write::bytes).fold(0, usize::saturating_add)
}

impl DynamoTable {
    /// Items, each partition in the order of its sort keys, all pages of them.
    ///
    /// Requires: `dynamodb:Query`
    pub(super) fn find(&self, find: Find) -> Result<Vec<Item>, PortError> {
        let (client, name) = (self.client.clone(), self.name.clone());
        self.bridge.wait(async move { query(&client, &name, &find).await })
    }

    /// Several at once; the answers are in the order of the questions.
    ///
    /// Requires: `dynamodb:Query`
    pub(super) fn find_each(&self, finds: Vec<Find>) -> Result<Vec<Vec<Item>>, PortError> {
        let (client, name) = (self.client.clone(), self.name.clone());
        self.bridge.wait(async move {
            let mut waiting: VecDeque<(usize, Find)> = finds.into_iter().enumerate().collect();
            let mut running = JoinSet::new();
            let mut answers: Vec<(usize, Vec<Item>)> = Vec::new();
            loop {
                while running.len() < QUERIES {
                    let Some((number, find)) = waiting.pop_front() else { break };
                    let (client, name) = (client.clone(), name.clone());
                    running.spawn(async move { (number, query(&client, &name, &find).await) });
                }
                let Some(answer) = running.join_next().await else { break };
                let (number, items) = answer.map_err(|_| ended())?;
                answers.push((number, items?));
            }
            answers.sort_by_key(|(number, _)| *number);
            Ok(answers.into_iter().map(|(_, items)| items).collect())
        })
    }

    /// Makes all transactions of all jobs. What was refused, and what of its job came after it, is not
    /// written.
    ///
    /// Fails (`LeaseLost`) as soon as the lease is found to be another's.
    ///
    /// Requires: `dynamodb:PutItem`, `dynamodb:DeleteItem`, `dynamodb:ConditionCheckItem`
    pub(super) fn commit(&self, held: &Held, jobs: Vec<Job>) -> Result<Vec<Refused>, PortError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let workers = u8::try_from(jobs.len()).unwrap_or(LEASE_COPIES).min(LEASE_COPIES);
        let jobs = Arc::new(Mutex::new(VecDeque::from(jobs)));
        let (table, held) = (self.clone(), held.clone());
        self.bridge.wait(async move {
            let mut running = JoinSet::new();
            for number in 0..workers {
                let (table, held, jobs) = (table.clone(), held.clone(), Arc::clone(&jobs));
                running.spawn(async move { table.work(&held, number, &jobs).await });
            }
            let mut refused = Vec::new();
            let mut failed: Option<PortError> = None;
            while let Some(answer) = running.join_next().await {
                match answer.unwrap_or_else(|_| Err(ended())) {
                    Ok(part) => refused.extend(part),
                    Err(error) => {
                        // Another worker may be stopped by the same cause; the lost lease says most.
                        jobs.lock().unwrap_or_else(PoisonError::into_inner).clear();
                        let lost = *error.kind() == PortErrorKind::LeaseLost;
                        if failed.is_none() || lost {
                            failed = Some(error);
                        }
                    }
                }
            }
            failed.map_or(Ok(refused), Err)
        })
    }

    /// One transaction that needs no check of the lease: its own conditions are one. `false`: it was refused.
    ///
    /// Requires: `dynamodb:PutItem`
    pub(super) fn transact(&self, fence: i64, writes: Vec<Write>) -> Result<bool, PortError> {
        let table = self.clone();
        self.bridge.wait(async move { Ok(table.try_transaction(fence, None, &writes).await?.is_none()) })
    }

    async fn work(&self, held: &Held, number: u8, jobs: &Mutex<VecDeque<Job>>) -> Result<Vec<Refused>, PortError> {
        let mut refused = Vec::new();
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(job) = job else { return Ok(refused) };
            for writes in job {
                let guard = self.guard(held, number)?;
                if let Some(unexpected) = self.try_transaction(held.fence, Some(guard), &writes).await? {
                    refused.push(Refused { writes, unexpected });
                    break;
                }
            }
        }
    }

    /// Holds if no later run took the lease.
    fn guard(&self, held: &Held, number: u8) -> Result<TransactWriteItem, PortError> {
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(lease_copy(&held.home, number).attributes()))
            .condition_expression("fence = :fence")
            .expression_attribute_values(":fence", fence_value(held.fence))
            .build()
            .map_err(cannot_build)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// `Some`: canceled, since these writes found what they did not expect.
    async fn try_transaction(
        &self,
        fence: i64,
        guard: Option<TransactWriteItem>,
        writes: &[Write],
    ) -> Result<Option<Vec<usize>>, PortError> {
        let guards = usize::from(guard.is_some());
        let mut actions: Vec<TransactWriteItem> = guard.into_iter().collect();
        for write in writes {
            actions.push(self.action(fence, write)?);
        }
        let mut pause = FIRST_PAUSE;
        let mut repeats = 0;
        loop {
            // The SDK gives each call a token of its own, so a try of it whose answer was lost is not made
            // twice.
            let answer = self.client.transact_write_items().set_transact_items(Some(actions.clone())).send().await;
            let Err(error) = answer else { return Ok(None) };
            match outcome(&error) {
                TransactionOutcome::Refused(found) => return refusals(&found, guards, writes, &self.name).map(Some),
                TransactionOutcome::Again if repeats < MAX_REPEATS => {
                    tokio::time::sleep(pause).await;
                    repeats = repeats.saturating_add(1);
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
                TransactionOutcome::Again => {
                    let message = format!("table `{}` is too busy (dynamodb:TransactWriteItems)", self.name);
                    return Err(PortError::new(PortErrorKind::Throttled, message)
                        .with_source(error)
                        .with_hint("the next run goes on where this one stopped"));
                }
                TransactionOutcome::Failed => {
                    return Err(table_error(error, "dynamodb:PutItem", &self.name, "cannot be written"));
                }
            }
        }
    }

    fn action(&self, fence: i64, write: &Write) -> Result<TransactWriteItem, PortError> {
        let action = TransactWriteItem::builder();
        Ok(match write {
            Write::Put(item, expect) => {
                let mut item = item.clone();
                item.insert("fence".to_owned(), fence_value(fence));
                let put = Put::builder().table_name(&self.name).set_item(Some(item));
                let put = match expect {
                    Expect::Any => put
                        .condition_expression("attribute_not_exists(fence) OR fence <= :fence")
                        .expression_attribute_values(":fence", fence_value(fence)),
                    Expect::Absent => put.condition_expression("attribute_not_exists(pk)"),
                    Expect::Digest(digest) => put
                        .condition_expression("digest = :digest AND fence <= :fence")
                        .expression_attribute_values(":digest", string(digest))
                        .expression_attribute_values(":fence", fence_value(fence)),
                    Expect::Fence(seen) => put
                        .condition_expression("fence = :seen")
                        .expression_attribute_values(":seen", fence_value(*seen)),
                    Expect::Below(limit) => put
                        .condition_expression("attribute_not_exists(fence) OR fence < :limit")
                        .expression_attribute_values(":limit", fence_value(*limit)),
                };
                action.put(put.build().map_err(cannot_build)?).build()
            }
            Write::Delete(key) => {
                let delete = Delete::builder()
                    .table_name(&self.name)
                    .set_key(Some(key.attributes()))
                    .condition_expression("attribute_not_exists(fence) OR fence <= :fence")
                    .expression_attribute_values(":fence", fence_value(fence))
                    .build()
                    .map_err(cannot_build)?;
                action.delete(delete).build()
            }
        })
    }
}

fn fence_value(fence: i64) -> AttributeValue {
    AttributeValue::N(fence.to_string())
}

fn ended() -> PortError {
    PortError::new(PortErrorKind::Bug, "a call to DynamoDB ended without an answer")
}

enum TransactionOutcome {
    /// Conditions did not hold.
    Refused(Vec<CancellationReason>),
    /// The same transaction may succeed in a moment.
    Again,
    Failed,
}

/// Reasons to make a transaction again (Amazon DynamoDB API Reference, `TransactWriteItems`, "Cancellation
/// reason codes").
const AGAIN: &[&str] =
    &["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "ThrottlingException"];

fn outcome<R>(error: &SdkError<TransactWriteItemsError, R>) -> TransactionOutcome {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            let reasons = canceled.cancellation_reasons();
            let has =
                |codes: &[&str]| reasons.iter().filter_map(CancellationReason::code).any(|code| codes.contains(&code));
            // What is refused stays refused, whatever else was in the way.
            if has(&["ConditionalCheckFailed"]) {
                TransactionOutcome::Refused(reasons.to_vec())
            } else if has(AGAIN) {
                TransactionOutcome::Again
            } else {
                TransactionOutcome::Failed
            }
        }
        Some(
            TransactWriteItemsError::TransactionInProgressException(_)
            | TransactWriteItemsError::ProvisionedThroughputExceededException(_)
            | TransactWriteItemsError::ThrottlingException(_)
            | TransactWriteItemsError::RequestLimitExceeded(_),
        ) => TransactionOutcome::Again,
        _ => TransactionOutcome::Failed,
    }
}

async fn query(client: &Client, table: &str, find: &Find) -> Result<Vec<Item>, PortError> {
    let (pk, sk) = if find.indexed { ("gsi1pk", "gsi1sk") } else { ("pk", "sk") };
    let mut request = client.query().table_name(table).expression_attribute_values(":pk", string(&find.pk));
    request = match &find.sort {
        Sort::Any => request.key_condition_expression(format!("{pk} = :pk")),
        Sort::Prefix(prefix) => request
            .key_condition_expression(format!("{pk} = :pk AND begins_with({sk}, :prefix)"))
            .expression_attribute_values(":prefix", string(prefix)),
        Sort::Between(first, last) => request
            .key_condition_expression(format!("{pk} = :pk AND {sk} BETWEEN :first AND :last"))
            .expression_attribute_values(":first", string(first))
            .expression_attribute_values(":last", string(last)),
    };
    // An index cannot be read consistently.
    request = if find.indexed { request.index_name(INDEX) } else { request.consistent_read(true) };
    if find.keys_only {
        request = request.projection_expression("pk, sk");
    }
    let mut items = Vec::new();
    let mut start: Option<Item> = None;
    loop {
        let page = request
            .clone()
            .set_exclusive_start_key(start.clone())
            .send()
            .await
            .map_err(|error| table_error(error, "dynamodb:Query", table, "cannot be read"))?;
        items.extend(page.items.unwrap_or_default());
        match page.last_evaluated_key.filter(|key| !key.is_empty()) {
            None => return Ok(items),
            next if next == start => {
                let message = format!("table `{table}` answers the same page again and again (dynamodb:Query)");
                return Err(PortError::new(PortErrorKind::Transient, message));
            }
            next => start = next,
        }
    }
}
