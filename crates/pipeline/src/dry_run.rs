//! A run that changes nothing: it reads the store and keeps in memory what it would write.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use whittle_analysis::findings;
use whittle_analysis::result::{Finding, FunctionResult, Report, RoleResult};
use whittle_evidence::ledger::Ledger;
use whittle_policy::id::FunctionArn;

use crate::alerts::{FindingRecord, FindingState};
use crate::baseline::RoleBaseline;
use crate::marks::ReadMarks;
use crate::ports::service::{Begun, KeptDocuments, Lease, RunRecord, ServiceStore};
use crate::ports::{Changes, EvidenceBatch, PortError, SaveScope, Store};

/// Wraps a store so that nothing is written to it. Later reads of the same run see what would be stored by
/// then.
///
/// No lease is taken, so a real run may go on beside it. [`Store::save_report`] counts no changes: to count
/// them, it would have to read every stored result.
#[derive(Debug)]
pub struct DryRun<S> {
    inner: S,
    ledger: Option<Ledger>,
    marks: Option<ReadMarks>,
    reports: Vec<(Report, SaveScope)>,
    findings: BTreeMap<String, BTreeMap<String, FindingRecord>>,
    documents: Option<KeptDocuments>,
    baselines: Option<BTreeMap<String, RoleBaseline>>,
    last: Option<RunRecord>,
}

impl<S> DryRun<S> {
    /// A dry run on what `inner` holds.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            ledger: None,
            marks: None,
            reports: Vec::new(),
            findings: BTreeMap::new(),
            documents: None,
            baselines: None,
            last: None,
        }
    }

    /// The store as it was.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

/// Account of an ARN.
fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// True if the name or ARN, without a version or alias at the end, means the function.
fn is_function(arn: &str, name_or_arn: &str) -> bool {
    if name_or_arn.starts_with("arn:") {
        FunctionArn::split_qualified(name_or_arn).is_ok_and(|(wanted, _)| wanted.to_string() == arn)
    } else {
        arn.rsplit(':').next() == name_or_arn.split(':').next()
    }
}

/// True if the ARN, or the name in any case, means the role: IAM ignores the case of role names.
fn is_role(arn: &str, name_or_arn: &str) -> bool {
    arn == name_or_arn || arn.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(name_or_arn))
}

impl<S: Store> Store for DryRun<S> {
    fn load_ledger(&mut self) -> Result<Ledger, PortError> {
        match &self.ledger {
            Some(ledger) => Ok(ledger.clone()),
            None => self.inner.load_ledger(),
        }
    }

    fn read_marks(&mut self) -> Result<ReadMarks, PortError> {
        match &self.marks {
            Some(marks) => Ok(marks.clone()),
            None => self.inner.read_marks(),
        }
    }

    fn save_evidence(&mut self, batch: EvidenceBatch<'_>) -> Result<(), PortError> {
        let mut ledger = self.load_ledger()?;
        ledger.merge(batch.ledger);
        self.ledger = Some(ledger);
        self.marks = Some(batch.marks.clone());
        Ok(())
    }

    fn save_report(&mut self, report: &Report, scope: &SaveScope) -> Result<Changes, PortError> {
        self.reports.push((report.clone(), scope.clone()));
        Ok(Changes::default())
    }

    fn functions(&mut self, name_or_arn: &str) -> Result<Vec<FunctionResult>, PortError> {
        let mut found = self.inner.functions(name_or_arn)?;
        for (report, scope) in &self.reports {
            let new: Vec<_> =
                report.functions.iter().filter(|one| is_function(&one.function_arn, name_or_arn)).cloned().collect();
            found.retain(|one| {
                let key = (&one.function_arn, &one.role_arn);
                let replaced = new.iter().any(|new| (&new.function_arn, &new.role_arn) == key);
                let gone = account_of(&one.function_arn) == report.account && scope.deletes(&one.role_arn);
                !replaced && !gone
            });
            found.extend(new);
        }
        found.sort_by(|a, b| (&a.function_arn, &a.role_arn).cmp(&(&b.function_arn, &b.role_arn)));
        Ok(found)
    }

    fn roles(&mut self, name_or_arn: &str) -> Result<Vec<RoleResult>, PortError> {
        let mut found = self.inner.roles(name_or_arn)?;
        for (report, scope) in &self.reports {
            let new: Vec<_> = report.roles.iter().filter(|one| is_role(&one.role_arn, name_or_arn)).cloned().collect();
            found.retain(|one| {
                let replaced = new.iter().any(|new| new.role_arn == one.role_arn);
                let gone = account_of(&one.role_arn) == report.account && scope.deletes(&one.role_arn);
                !replaced && !gone
            });
            found.extend(new);
        }
        found.sort_by(|a, b| a.role_arn.cmp(&b.role_arn));
        Ok(found)
    }

    /// Also names that a real run would have deleted: they are for "did you mean".
    fn names(&mut self) -> Result<Vec<String>, PortError> {
        let mut names: BTreeSet<String> = self.inner.names()?.into_iter().collect();
        for (report, _) in &self.reports {
            let functions = report.functions.iter().filter_map(|one| one.function_arn.rsplit(':').next());
            let roles = report.roles.iter().filter_map(|one| one.role_arn.rsplit('/').next());
            names.extend(functions.chain(roles).map(ToOwned::to_owned));
        }
        Ok(names.into_iter().collect())
    }

    /// Those of a report, if one was saved and no records were; else those of the store with the saved
    /// records in their place.
    fn findings(&mut self, account: &str) -> Result<Vec<Finding>, PortError> {
        let Some(records) = self.findings.get(account) else {
            let saved = self.reports.iter().rev().find(|(report, _)| report.account == account);
            return match saved {
                Some((report, SaveScope::Account)) => Ok(report.findings.clone()),
                _ => self.inner.findings(account),
            };
        };
        let stored = self.inner.findings(account)?;
        let mut all: BTreeMap<String, Finding> =
            stored.into_iter().map(|finding| (finding.fingerprint.clone(), finding)).collect();
        for (fingerprint, record) in records {
            if record.state == FindingState::Resolved {
                all.remove(fingerprint);
            } else {
                all.insert(fingerprint.clone(), record.finding.clone());
            }
        }
        let mut findings: Vec<Finding> = all.into_values().collect();
        findings::sort(&mut findings);
        Ok(findings)
    }
}

impl<S: ServiceStore> ServiceStore for DryRun<S> {
    fn begin_run(&mut self, _: &Lease) -> Result<Begun, PortError> {
        Ok(Begun::Started { last: self.last_run()? })
    }

    fn renew(&mut self, _: Timestamp) -> Result<(), PortError> {
        Ok(())
    }

    fn end_run(&mut self, record: &RunRecord, _: bool) -> Result<(), PortError> {
        self.last = Some(record.clone());
        Ok(())
    }

    fn last_run(&mut self) -> Result<Option<RunRecord>, PortError> {
        match &self.last {
            Some(last) => Ok(Some(last.clone())),
            None => self.inner.last_run(),
        }
    }

    fn kept_documents(&mut self) -> Result<KeptDocuments, PortError> {
        match &self.documents {
            Some(documents) => Ok(documents.clone()),
            None => self.inner.kept_documents(),
        }
    }

    fn keep_documents(&mut self, documents: &KeptDocuments) -> Result<(), PortError> {
        self.documents = Some(documents.clone());
        Ok(())
    }

    fn finding_records(&mut self, account: &str) -> Result<BTreeMap<String, FindingRecord>, PortError> {
        let mut records = self.inner.finding_records(account)?;
        records.extend(self.findings.get(account).cloned().unwrap_or_default());
        Ok(records)
    }

    fn save_finding_records(&mut self, account: &str, changed: &[FindingRecord]) -> Result<(), PortError> {
        let records = self.findings.entry(account.to_owned()).or_default();
        records.extend(changed.iter().map(|record| (record.finding.fingerprint.clone(), record.clone())));
        Ok(())
    }

    fn baselines(&mut self) -> Result<BTreeMap<String, RoleBaseline>, PortError> {
        match &self.baselines {
            Some(baselines) => Ok(baselines.clone()),
            None => self.inner.baselines(),
        }
    }

    fn save_baselines(&mut self, changed: &[RoleBaseline], gone: &BTreeSet<String>) -> Result<(), PortError> {
        let mut baselines = self.baselines()?;
        baselines.retain(|role, _| !gone.contains(role));
        baselines.extend(changed.iter().map(|one| (one.role_arn.clone(), one.clone())));
        self.baselines = Some(baselines);
        Ok(())
    }
}
