//! Results of functions and roles, and the index of their stored states.
//!
//! Results lie in partitions of their own, one for each function and role, so reading all of them to find
//! what changed would take a call for each. Instead an account has [`SHARDS`] index items for functions and
//! as many for roles, which hold the hash of each result. INVARIANT: a result is written in one transaction
//! with its index item, so the index is never ahead and never behind.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use whittle_analysis::reason::Reason;
use whittle_analysis::result::{FunctionResult, Report, RoleResult, Suggestion, VerdictCounts};
use whittle_pipeline::ports::{Changes, PortError, PortErrorKind, SaveScope};

use super::fence::Held;
use super::item::{Packed, Stamp, TableKey, TableRow, digest_of, key_text, shard_of};
use super::item_set;
use super::table::{DynamoTable, Expect, Find, Job, MAX_BYTES, MAX_WRITES, Write, transaction_bytes};
use super::{expiry, function_name, json, parsed, role_name};

pub(super) use look_up::{account, functions, functions_of_stack, names, roles};

mod look_up;

/// Index items of an account for functions, and for roles.
const SHARDS: u8 = 32;

/// Bytes of results that are written at once, so that memory need not hold all of them.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// How long a former suggestion is kept.
const KEEP_HISTORY: SignedDuration = SignedDuration::from_hours(24 * 400);

/// Stored state of one result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct IndexEntry {
    /// Hash of the result.
    #[serde(rename = "d")]
    digest: String,
    /// Hash of its suggestion; empty if it has none.
    #[serde(rename = "s", default, skip_serializing_if = "String::is_empty")]
    suggestion: String,
    /// Since when the suggestion is this one.
    #[serde(rename = "t")]
    since: String,
    /// Name of the CloudFormation stack of the function, by which people look for it.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    stack: Option<String>,
    /// Part items.
    #[serde(rename = "p", default, skip_serializing_if = "is_zero")]
    parts: u32,
    /// Old parts may be left: they are deleted after the transaction that says so, and by the next run if
    /// this one is killed in between.
    #[serde(rename = "o", default, skip_serializing_if = "is_false")]
    old_parts: bool,
}

impl IndexEntry {
    /// Stands for a result that is gone and whose parts may be left.
    fn remains() -> Self {
        let none = String::new;
        Self { digest: none(), suggestion: none(), since: none(), stack: None, parts: 0, old_parts: true }
    }

    /// True if the result itself is there.
    fn is_stored(&self) -> bool {
        !self.digest.is_empty()
    }

    fn has_parts(&self) -> bool {
        self.parts > 0 || self.old_parts
    }

    fn stamp(&self) -> Option<Stamp> {
        self.is_stored().then(|| Stamp { digest: self.digest.clone(), parts: self.parts })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

type IndexEntries = BTreeMap<String, IndexEntry>;

/// The index items of one account, by sort key.
#[derive(Debug, Default)]
pub(super) struct ReportIndex {
    shards: BTreeMap<String, Shard>,
    /// The item of the account itself.
    account: Option<Stamp>,
}

#[derive(Debug, Default, Clone)]
struct Shard {
    stamp: Option<Stamp>,
    entries: IndexEntries,
}

fn index_partition(account: &str) -> String {
    format!("INDEX#{account}")
}

fn account_key(account: &str) -> TableKey {
    TableKey::new("ACCOUNT", account)
}

impl ReportIndex {
    /// Stored states of the results of an account.
    pub(super) fn load(table: &DynamoTable, account: &str) -> Result<Self, PortError> {
        let mut shards = BTreeMap::new();
        item_set::load(table, &[index_partition(account)], &mut |head, content| {
            let entries = parsed(&head.key, &content)?;
            // The true digest, also where `item_set` gives none to have left-over parts cleared: the next
            // write expects it.
            let stamp = Stamp { digest: digest_of(&content), parts: head.stamp.parts };
            shards.insert(head.key.sk.clone(), Shard { stamp: Some(stamp), entries });
            Ok(())
        })?;
        let found = item_set::read(table, &Find::one(&account_key(account)))?;
        let account = found.into_iter().next().map(|(head, _)| head.stamp);
        Ok(Self { shards, account })
    }
}

/// One result: what it is stored as, without its content.
struct StoredResult<'a> {
    kind: &'static ResultKind,
    /// Name in the index.
    name: String,
    key: TableKey,
    what: What<'a>,
}

enum What<'a> {
    Function(&'a FunctionResult),
    Role(&'a RoleResult),
}

struct ResultKind {
    word: &'static str,
    /// Key of the item that a name of the index stands for.
    key: fn(&str) -> TableKey,
    role_of: fn(&str) -> &str,
}

const FUNCTION: ResultKind = ResultKind {
    word: "FUNCTION",
    key: |name| {
        let (function, role) = name.split_once(' ').unwrap_or((name, ""));
        function_key(function, role)
    },
    role_of: |name| name.split_once(' ').map_or("", |(_, role)| role),
};

const ROLE: ResultKind = ResultKind { word: "ROLE", key: role_key, role_of: |name| name };

fn function_key(function_arn: &str, role_arn: &str) -> TableKey {
    TableKey::new(format!("FUNCTION#{}", key_text(function_arn)), format!("ROLE#{}", key_text(role_arn)))
}

fn role_key(role_arn: &str) -> TableKey {
    TableKey::new(format!("ROLE#{}", key_text(role_arn)), "RESULT")
}

impl ResultKind {
    fn shard(&self, name: &str) -> String {
        format!("{}#{:02}", self.word, shard_of(name, SHARDS))
    }
}

impl StoredResult<'_> {
    fn content(&self) -> Result<Vec<u8>, PortError> {
        match self.what {
            What::Function(result) => json(result),
            What::Role(result) => json(result),
        }
    }

    fn suggestion(&self) -> Option<&Suggestion> {
        match self.what {
            What::Function(result) => result.suggestion.as_ref(),
            What::Role(result) => result.suggestion.as_ref(),
        }
    }

    /// Name of the CloudFormation stack, if its tags say so.
    fn stack(&self) -> Option<String> {
        match self.what {
            What::Function(result) => result.stack.as_ref().map(|member| member.stack.clone()),
            What::Role(_) => None,
        }
    }

    /// Attributes that people look for, beside the content.
    fn describe(&self, account: &str, row: TableRow) -> TableRow {
        let (function_arn, role_arn, counts, none) = match self.what {
            What::Function(one) => (one.function_arn.as_str(), &one.role_arn, one.counts, &one.no_suggestion),
            What::Role(one) => ("", &one.role_arn, one.counts, &one.no_suggestion),
        };
        let row = row
            .text("account", account)
            .text("function_arn", function_arn)
            .text("function_name", function_name(function_arn))
            .text("role_arn", role_arn)
            .text("role_name", role_name(role_arn))
            .text("no_suggestion", none.as_ref().map_or("", Reason::as_str));
        let row = match self.what {
            What::Function(one) => row.number("active_days", one.active_days),
            What::Role(one) => row.number("functions", one.functions.len()),
        };
        suggestion_columns(counted(row, counts), self.suggestion())
    }

    fn indexed(&self, row: TableRow) -> TableRow {
        match self.what {
            What::Function(one) => row.indexed(
                format!("NAME#{}", function_name(&one.function_arn)),
                format!("{}#{}", key_text(&one.function_arn), short(&one.role_arn)),
            ),
            // IAM compares names of roles without regard to case.
            What::Role(one) => {
                row.indexed(format!("ROLENAME#{}", role_name(&one.role_arn).to_lowercase()), key_text(&one.role_arn))
            }
        }
    }
}

/// A sort key of the index has 1,024 bytes; function ARN and role ARN together may have more.
fn short(role_arn: &str) -> String {
    if role_arn.len() <= 300 { role_arn.to_owned() } else { digest_of(role_arn.as_bytes()) }
}

fn counted(row: TableRow, counts: VerdictCounts) -> TableRow {
    row.number("granted", counts.granted)
        .number("used", counts.used)
        .number("required", counts.required)
        .number("companion", counts.companion)
        .number("possible", counts.possible)
        .number("unproven", counts.unproven)
        .number("unused", counts.unused)
}

fn suggestion_columns(row: TableRow, suggestion: Option<&Suggestion>) -> TableRow {
    let Some(suggestion) = suggestion else { return row };
    // A policy that cannot be written here is in the content all the same.
    let policies = serde_json::to_string(&suggestion.policies).unwrap_or_default();
    row.number("removed_actions", suggestion.removed_actions)
        .number("kept_unproven", suggestion.kept_unproven)
        .number("confidence", suggestion.confidence)
        .text("policies", &policies)
}

/// Makes the stored results those of the report.
pub(super) fn save(
    table: &DynamoTable,
    held: &Held,
    index: &mut ReportIndex,
    report: &Report,
    scope: &SaveScope,
) -> Result<Changes, PortError> {
    let results = by_shard(report)?;
    let mut saver =
        Saver { table, held, account: &report.account, changes: Changes::default(), batch: ResultBatch::default() };
    saver.account(index, report)?;
    let shards: BTreeSet<String> = results.keys().chain(index.shards.keys()).cloned().collect();
    let none = BTreeMap::new();
    for sk in shards {
        let stored = index.shards.entry(sk.clone()).or_default();
        let results = results.get(&sk).unwrap_or(&none);
        *stored = saver.shard(&sk, stored, results, scope)?;
        if saver.batch.bytes > BATCH_BYTES {
            saver.flush(index)?;
        }
    }
    saver.flush(index)?;
    Ok(saver.changes)
}

type ByShard<'a> = BTreeMap<String, BTreeMap<String, StoredResult<'a>>>;

fn by_shard(report: &Report) -> Result<ByShard<'_>, PortError> {
    let functions = report.functions.iter().map(|result| StoredResult {
        kind: &FUNCTION,
        name: format!("{} {}", result.function_arn, result.role_arn),
        key: function_key(&result.function_arn, &result.role_arn),
        what: What::Function(result),
    });
    let roles = report.roles.iter().map(|result| StoredResult {
        kind: &ROLE,
        name: result.role_arn.clone(),
        key: role_key(&result.role_arn),
        what: What::Role(result),
    });
    let mut out = ByShard::new();
    for result in functions.chain(roles) {
        let shard = out.entry(result.kind.shard(&result.name)).or_default();
        if let Some(twice) = shard.insert(result.name.clone(), result) {
            let message = format!("the report has two results for `{}`", twice.name);
            return Err(PortError::new(PortErrorKind::Bug, message).with_hint("nothing was saved; please report this"));
        }
    }
    Ok(out)
}

/// Results that are written together.
#[derive(Default)]
struct ResultBatch {
    bytes: usize,
    /// Results with parts, which go first.
    parted: Vec<Packed>,
    jobs: Vec<Job>,
    /// Items whose old parts are deleted last, with their last state (an index item may pass through
    /// several).
    split: BTreeMap<TableKey, Option<Stamp>>,
    /// Index items that then no longer say that old parts are left.
    littered: BTreeSet<String>,
}

struct Saver<'a> {
    table: &'a DynamoTable,
    held: &'a Held,
    account: &'a str,
    changes: Changes,
    batch: ResultBatch,
}

/// Writes of one result that belong together, and what the index says of it then.
struct ResultChange {
    name: String,
    entry: Option<IndexEntry>,
    writes: Vec<Write>,
}

impl Saver<'_> {
    /// Window, coverage and issues.
    fn account(&mut self, index: &mut ReportIndex, report: &Report) -> Result<(), PortError> {
        let stored = AccountItem {
            schema_version: report.schema_version,
            window: report.window.clone(),
            coverage: report.coverage.clone(),
            issues: report.issues.clone(),
        };
        let window = &report.window;
        let row = TableRow::new(account_key(self.account), "account", json(&stored)?)
            .text("account", self.account)
            .text("window_start", &window.start)
            .text("window_end", &window.end)
            .number("window_days", window.days)
            .number("issues", report.issues.len());
        if index.account.as_ref().is_some_and(|stamp| stamp.digest == row.digest()) {
            return Ok(());
        }
        let packed = row.pack()?;
        let before = index.account.replace(packed.stamp.clone());
        self.count(before.is_some());
        let write = Write::Put(packed.head.clone(), Expect::Any);
        let was_split = before.is_some_and(|before| before.parts > 0);
        self.add(vec![vec![write]]);
        self.parted(packed, was_split);
        Ok(())
    }

    /// Plans the writes of one index item; gives what it holds then.
    fn shard(
        &mut self,
        sk: &str,
        stored: &Shard,
        results: &BTreeMap<String, StoredResult<'_>>,
        scope: &SaveScope,
    ) -> Result<Shard, PortError> {
        let mut changes = Vec::new();
        for (name, result) in results {
            changes.extend(self.change(result, stored.entries.get(name))?);
        }
        let kind = if sk.starts_with(FUNCTION.word) { &FUNCTION } else { &ROLE };
        for (name, entry) in &stored.entries {
            if results.contains_key(name) || !scope.deletes((kind.role_of)(name)) {
                continue;
            }
            if !entry.is_stored() {
                continue;
            }
            let key = (kind.key)(name);
            let remains = entry.has_parts().then(IndexEntry::remains);
            self.changes.deleted = self.changes.deleted.saturating_add(1);
            changes.push(ResultChange { name: name.clone(), entry: remains, writes: vec![Write::Delete(key)] });
        }
        let mut next = stored.clone();
        if changes.is_empty() {
            self.clear_up(sk, kind, &next);
            return Ok(next);
        }
        let mut job = Job::new();
        let mut waiting = changes.into_iter().peekable();
        while waiting.peek().is_some() {
            let mut writes = Vec::new();
            // The index item itself is one of the writes.
            while let Some(change) = waiting.next_if(|change| {
                let fits = writes.len() + change.writes.len() < MAX_WRITES
                    && transaction_bytes(&writes) + transaction_bytes(&change.writes) < MAX_BYTES;
                writes.is_empty() || fits
            }) {
                match change.entry {
                    Some(entry) => next.entries.insert(change.name, entry),
                    None => next.entries.remove(&change.name),
                };
                writes.extend(change.writes);
            }
            let expect = next.stamp.as_ref().map_or(Expect::Absent, |stamp| Expect::Digest(stamp.digest.clone()));
            let packed = index_row(self.account, sk, &next.entries)?;
            let was_split = next.stamp.replace(packed.stamp.clone()).is_some_and(|before| before.parts > 0);
            writes.insert(0, Write::Put(packed.head.clone(), expect));
            job.push(writes);
            self.parted(packed, was_split);
        }
        self.add(job);
        self.clear_up(sk, kind, &next);
        Ok(next)
    }

    /// Notes results whose old parts may be left, by this run or by one that was killed.
    fn clear_up(&mut self, sk: &str, kind: &ResultKind, shard: &Shard) {
        for (name, entry) in shard.entries.iter().filter(|(_, entry)| entry.old_parts) {
            self.batch.split.insert((kind.key)(name), entry.stamp());
            self.batch.littered.insert(sk.to_owned());
        }
    }

    /// Old parts are deleted: the index items need not say any more that they may be left.
    fn note_cleared(&self, index: &mut ReportIndex, littered: BTreeSet<String>) -> Result<(), PortError> {
        let mut jobs = Vec::new();
        let mut packed_items = Vec::new();
        for sk in littered {
            let Some(shard) = index.shards.get_mut(&sk) else { continue };
            shard.entries.retain(|_, entry| entry.is_stored());
            for entry in shard.entries.values_mut() {
                entry.old_parts = false;
            }
            let expect = shard.stamp.as_ref().map_or(Expect::Absent, |stamp| Expect::Digest(stamp.digest.clone()));
            let packed = index_row(self.account, &sk, &shard.entries)?;
            shard.stamp = Some(packed.stamp.clone());
            jobs.push(vec![vec![Write::Put(packed.head.clone(), expect)]]);
            packed_items.push(packed);
        }
        item_set::put_parts(self.table, self.held, &packed_items)?;
        self.commit(jobs)?;
        let split = packed_items.into_iter().filter(|packed| packed.stamp.parts > 0);
        let split: Vec<_> = split.map(|packed| (packed.key, Some(packed.stamp))).collect();
        item_set::drop_old_parts(self.table, self.held, &split)
    }

    fn commit(&self, jobs: Vec<Job>) -> Result<(), PortError> {
        if self.table.commit(self.held, jobs)?.is_empty() {
            return Ok(());
        }
        // Nobody else writes; a try whose answer was lost may have.
        let message = format!("the index of table `{}` is not what it was", self.table.name);
        Err(PortError::new(PortErrorKind::Transient, message).with_hint("the next run goes on from what is stored"))
    }

    fn change(
        &mut self,
        result: &StoredResult<'_>,
        before: Option<&IndexEntry>,
    ) -> Result<Option<ResultChange>, PortError> {
        let content = result.content()?;
        let digest = digest_of(&content);
        if before.is_some_and(|before| before.digest == digest) {
            return Ok(None);
        }
        let had_parts = before.is_some_and(IndexEntry::has_parts);
        let before = before.filter(|before| before.is_stored());
        self.count(before.is_some());
        let suggestion = match result.suggestion() {
            Some(suggestion) => digest_of(&json(&suggestion.policies)?),
            None => String::new(),
        };
        let now = self.held.since.to_string();
        // Verdicts change from day to day; history is of suggestions.
        let same = before.filter(|before| before.suggestion == suggestion);
        let since = same.map_or_else(|| now.clone(), |before| before.since.clone());
        let row = TableRow::new(result.key.clone(), &format!("{}-result", result.kind.word.to_lowercase()), content)
            .text("changed", &now)
            .text("suggestion_since", &since);
        let packed = result.indexed(result.describe(self.account, row)).pack()?;
        let mut writes = vec![Write::Put(packed.head.clone(), Expect::Any)];
        let news = same.is_none() && (before.is_some() || !suggestion.is_empty());
        if news {
            let history = self.history(result, &now)?;
            writes.push(Write::Put(history.head.clone(), Expect::Any));
            self.parted(history, false);
        }
        let parts = packed.stamp.parts;
        let entry =
            IndexEntry { digest, suggestion, since, stack: result.stack(), parts, old_parts: parts > 0 || had_parts };
        self.parted(packed, had_parts);
        Ok(Some(ResultChange { name: result.name.clone(), entry: Some(entry), writes }))
    }

    /// The suggestion as it is from now on.
    fn history(&self, result: &StoredResult<'_>, now: &str) -> Result<Packed, PortError> {
        let of = match result.what {
            What::Function(one) => format!("#{}", short(&one.role_arn)),
            What::Role(_) => String::new(),
        };
        let key = TableKey::new(result.key.pk.clone(), format!("HISTORY#{now}{of}"));
        let row = TableRow::new(key, "history", json(&result.suggestion())?).text("changed", now);
        result.describe(self.account, row).expires(expiry(self.held.since, KEEP_HISTORY)).pack()
    }

    fn count(&mut self, known: bool) {
        let count = if known { &mut self.changes.updated } else { &mut self.changes.inserted };
        *count = count.saturating_add(1);
    }

    /// Notes an item whose parts are to be written before it, and whose old parts are to be deleted after.
    fn parted(&mut self, packed: Packed, was_split: bool) {
        if packed.stamp.parts > 0 || was_split {
            self.batch.split.insert(packed.key.clone(), Some(packed.stamp.clone()));
        }
        if packed.stamp.parts > 0 {
            self.batch.bytes = self.batch.bytes.saturating_add(packed.parts.len().saturating_mul(300 * 1024));
            self.batch.parted.push(packed);
        }
    }

    /// Adds a job; one of a single transaction joins another one if both fit together.
    fn add(&mut self, mut job: Job) {
        let bytes = job.iter().map(|writes| transaction_bytes(writes)).fold(0, usize::saturating_add);
        self.batch.bytes = self.batch.bytes.saturating_add(bytes);
        if let ([writes], Some([last])) = (job.as_mut_slice(), self.batch.jobs.last_mut().map(Vec::as_mut_slice))
            && last.len().saturating_add(writes.len()) <= MAX_WRITES
            && transaction_bytes(last).saturating_add(bytes) <= MAX_BYTES
        {
            last.append(writes);
            return;
        }
        self.batch.jobs.push(job);
    }

    fn flush(&mut self, index: &mut ReportIndex) -> Result<(), PortError> {
        let ResultBatch { parted, jobs, split, littered, .. } = std::mem::take(&mut self.batch);
        item_set::put_parts(self.table, self.held, &parted)?;
        self.commit(jobs)?;
        item_set::drop_old_parts(self.table, self.held, &split.into_iter().collect::<Vec<_>>())?;
        self.note_cleared(index, littered)
    }
}

fn index_row(account: &str, sk: &str, entries: &IndexEntries) -> Result<Packed, PortError> {
    let stored = entries.values().filter(|entry| entry.is_stored()).count();
    TableRow::new(TableKey::new(index_partition(account), sk), "index", json(entries)?).number("results", stored).pack()
}

/// Content of the item of an account.
#[derive(Serialize, Deserialize)]
struct AccountItem {
    schema_version: u32,
    window: whittle_analysis::result::ReportWindow,
    coverage: Vec<whittle_analysis::result::CoverageRow>,
    issues: Vec<whittle_analysis::issue::Issue>,
}
