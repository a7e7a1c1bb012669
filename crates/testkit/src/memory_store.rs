//! A store of the service in memory: the contract without a medium, for tests of what uses stores.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use whittle_analysis::findings;
use whittle_analysis::result::{Finding, FunctionResult, Report, RoleResult};
use whittle_evidence::ledger::Ledger;
use whittle_pipeline::alerts::{FindingRecord, FindingState};
use whittle_pipeline::baseline::RoleBaseline;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::service::{Begun, KeptDocuments, Lease, RunRecord, ServiceStore};
use whittle_pipeline::ports::{Changes, EvidenceBatch, PortError, PortErrorKind, SaveScope, Store};

/// Contents shared by stores in memory. Clones share it too; [`Memory::store`] acts like a new process.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<MemoryState>>);

#[derive(Debug, Default)]
struct MemoryState {
    ledger: Ledger,
    marks: ReadMarks,
    accounts: BTreeMap<String, Report>,
    functions: BTreeMap<(String, String), FunctionResult>,
    roles: BTreeMap<String, RoleResult>,
    findings: BTreeMap<String, BTreeMap<String, FindingRecord>>,
    documents: KeptDocuments,
    baselines: BTreeMap<String, RoleBaseline>,
    lease: Option<(String, Timestamp)>,
    fence: u64,
    last: Option<RunRecord>,
    records: Vec<RunRecord>,
    writes: u64,
}

impl Memory {
    /// A store that has not begun a run.
    pub fn store(&self) -> MemoryStore {
        MemoryStore { memory: self.clone(), fence: None }
    }

    /// Calls that changed something; those of the lease do not count.
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Records of runs that changed something, oldest first.
    pub fn records(&self) -> Vec<RunRecord> {
        self.state().records.clone()
    }

    fn state(&self) -> MutexGuard<'_, MemoryState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A [`ServiceStore`] in memory.
#[derive(Debug)]
pub struct MemoryStore {
    memory: Memory,
    fence: Option<u64>,
}

impl MemoryStore {
    fn writing<T>(&self, work: impl FnOnce(&mut MemoryState) -> Result<(T, bool), PortError>) -> Result<T, PortError> {
        let mut state = self.memory.state();
        let Some(fence) = self.fence else {
            return Err(PortError::new(PortErrorKind::Bug, "only a run that holds the lease writes"));
        };
        if fence != state.fence {
            return Err(PortError::new(PortErrorKind::LeaseLost, "another run took over"));
        }
        let (done, changed) = work(&mut state)?;
        state.writes += u64::from(changed);
        Ok(done)
    }
}

fn replace<T: PartialEq>(place: &mut T, with: T) -> bool {
    let changed = *place != with;
    *place = with;
    changed
}

/// Makes `stored` have `new`, and nothing else that `deletes` says to be gone.
fn replace_all<K: Ord + Clone, V: PartialEq>(
    stored: &mut BTreeMap<K, V>,
    new: BTreeMap<K, V>,
    deletes: impl Fn(&K) -> bool,
    changes: &mut Changes,
) {
    let before = stored.len();
    stored.retain(|key, _| new.contains_key(key) || !deletes(key));
    changes.deleted += before - stored.len();
    for (key, value) in new {
        match stored.insert(key, value) {
            None => changes.inserted += 1,
            Some(_) => changes.updated += 1,
        }
    }
}

impl Store for MemoryStore {
    fn load_ledger(&mut self) -> Result<Ledger, PortError> {
        Ok(self.memory.state().ledger.clone())
    }

    fn read_marks(&mut self) -> Result<ReadMarks, PortError> {
        Ok(self.memory.state().marks.clone())
    }

    fn save_evidence(&mut self, batch: EvidenceBatch<'_>) -> Result<(), PortError> {
        self.writing(|state| {
            let before = state.ledger.clone();
            state.ledger.merge(batch.ledger);
            let changed = replace(&mut state.marks, batch.marks.clone());
            Ok(((), changed || state.ledger != before))
        })
    }

    fn save_report(&mut self, report: &Report, scope: &SaveScope) -> Result<Changes, PortError> {
        self.writing(|state| {
            let account = report.account.as_str();
            let is_ours = |arn: &str| arn.split(':').nth(4) == Some(account);
            let functions: BTreeMap<(String, String), FunctionResult> = report
                .functions
                .iter()
                .map(|one| ((one.function_arn.clone(), one.role_arn.clone()), one.clone()))
                .filter(|(key, one)| state.functions.get(key) != Some(one))
                .collect();
            let all: BTreeSet<(&str, &str)> =
                report.functions.iter().map(|one| (one.function_arn.as_str(), one.role_arn.as_str())).collect();
            let all_roles: BTreeSet<&str> = report.roles.iter().map(|one| one.role_arn.as_str()).collect();
            if all.len() < report.functions.len() || all_roles.len() < report.roles.len() {
                return Err(PortError::new(PortErrorKind::Bug, "the report has two results of one key"));
            }
            let roles: BTreeMap<String, RoleResult> = report
                .roles
                .iter()
                .map(|one| (one.role_arn.clone(), one.clone()))
                .filter(|(key, one)| state.roles.get(key) != Some(one))
                .collect();
            let mut changes = Changes::default();
            replace_all(
                &mut state.functions,
                functions,
                |(function, role)| is_ours(function) && !all.contains(&(function, role)) && scope.deletes(role),
                &mut changes,
            );
            replace_all(
                &mut state.roles,
                roles,
                |role| is_ours(role) && !all_roles.contains(role.as_str()) && scope.deletes(role),
                &mut changes,
            );
            let head = Report { functions: Vec::new(), roles: Vec::new(), findings: Vec::new(), ..report.clone() };
            match state.accounts.insert(account.to_owned(), head.clone()) {
                None => changes.inserted += 1,
                Some(before) => changes.updated += usize::from(before != head),
            }
            Ok((changes, changes != Changes::default()))
        })
    }

    fn functions(&mut self, name_or_arn: &str) -> Result<Vec<FunctionResult>, PortError> {
        let is_arn = name_or_arn.starts_with("arn:");
        let parts = if is_arn { 7 } else { 1 };
        let wanted: String = name_or_arn.split(':').take(parts).collect::<Vec<_>>().join(":");
        let state = self.memory.state();
        let found = state.functions.values().filter(|one| {
            let name = one.function_arn.rsplit(':').next().unwrap_or_default();
            if is_arn { one.function_arn == wanted } else { name == wanted }
        });
        Ok(found.cloned().collect())
    }

    fn roles(&mut self, name_or_arn: &str) -> Result<Vec<RoleResult>, PortError> {
        let state = self.memory.state();
        let found = state.roles.values().filter(|one| {
            let name = one.role_arn.rsplit('/').next().unwrap_or_default();
            one.role_arn == name_or_arn || name.eq_ignore_ascii_case(name_or_arn)
        });
        Ok(found.cloned().collect())
    }

    fn names(&mut self) -> Result<Vec<String>, PortError> {
        let state = self.memory.state();
        let functions = state.functions.keys().filter_map(|(arn, _)| arn.rsplit(':').next());
        let roles = state.roles.keys().filter_map(|arn| arn.rsplit('/').next());
        let names: BTreeSet<String> = functions.chain(roles).map(ToOwned::to_owned).collect();
        Ok(names.into_iter().collect())
    }

    fn findings(&mut self, account: &str) -> Result<Vec<Finding>, PortError> {
        let state = self.memory.state();
        let records = state.findings.get(account).into_iter().flat_map(BTreeMap::values);
        let open = records.filter(|record| record.state != FindingState::Resolved);
        let mut findings: Vec<Finding> = open.map(|record| record.finding.clone()).collect();
        findings::sort(&mut findings);
        Ok(findings)
    }
}

impl ServiceStore for MemoryStore {
    fn begin_run(&mut self, lease: &Lease) -> Result<Begun, PortError> {
        let mut state = self.memory.state();
        self.fence = None;
        if let Some((run_id, until)) = &state.lease
            && *until > lease.now
            && *run_id != lease.run_id
        {
            return Ok(Begun::Busy { run_id: run_id.clone(), until: *until });
        }
        state.lease = Some((lease.run_id.clone(), lease.expires));
        state.fence += 1;
        self.fence = Some(state.fence);
        Ok(Begun::Started { last: state.last.clone() })
    }

    fn renew(&mut self, expires: Timestamp) -> Result<(), PortError> {
        self.writing(|state| {
            if let Some((_, until)) = &mut state.lease {
                *until = expires;
            }
            Ok(((), false))
        })
    }

    fn end_run(&mut self, record: &RunRecord, changed: bool) -> Result<(), PortError> {
        self.writing(|state| {
            state.lease = None;
            state.last = Some(record.clone());
            if changed {
                state.records.push(record.clone());
            }
            Ok(((), false))
        })?;
        self.fence = None;
        Ok(())
    }

    fn last_run(&mut self) -> Result<Option<RunRecord>, PortError> {
        Ok(self.memory.state().last.clone())
    }

    fn kept_documents(&mut self) -> Result<KeptDocuments, PortError> {
        Ok(self.memory.state().documents.clone())
    }

    fn keep_documents(&mut self, documents: &KeptDocuments) -> Result<(), PortError> {
        self.writing(|state| Ok(((), replace(&mut state.documents, documents.clone()))))
    }

    fn finding_records(&mut self, account: &str) -> Result<BTreeMap<String, FindingRecord>, PortError> {
        Ok(self.memory.state().findings.get(account).cloned().unwrap_or_default())
    }

    fn save_finding_records(&mut self, account: &str, changed: &[FindingRecord]) -> Result<(), PortError> {
        self.writing(|state| {
            let records = state.findings.entry(account.to_owned()).or_default();
            let mut differs = false;
            for record in changed {
                let before = records.insert(record.finding.fingerprint.clone(), record.clone());
                differs |= before.as_ref() != Some(record);
            }
            Ok(((), differs))
        })
    }

    fn baselines(&mut self) -> Result<BTreeMap<String, RoleBaseline>, PortError> {
        Ok(self.memory.state().baselines.clone())
    }

    fn save_baselines(&mut self, changed: &[RoleBaseline], gone: &BTreeSet<String>) -> Result<(), PortError> {
        self.writing(|state| {
            let before = state.baselines.clone();
            state.baselines.retain(|role, _| !gone.contains(role));
            state.baselines.extend(changed.iter().map(|one| (one.role_arn.clone(), one.clone())));
            Ok(((), state.baselines != before))
        })
    }
}

#[cfg(test)]
mod tests;
