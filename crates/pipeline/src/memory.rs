//! A store of tests of evidence: it has no results.

use whittle_analysis::result::{Finding, FunctionResult, Report, RoleResult};
use whittle_evidence::ledger::Ledger;

use crate::marks::ReadMarks;
use crate::ports::{Changes, EvidenceBatch, PortError, PortErrorKind, SaveScope, Store};

/// Keeps what was saved; fails at the save that a test chooses.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) ledger: Ledger,
    pub(crate) marks: ReadMarks,
    pub(crate) saves: usize,
    pub(crate) dies_at_save: Option<usize>,
}

fn not_here<T>() -> Result<T, PortError> {
    Err(PortError::new(PortErrorKind::Bug, "not part of this test"))
}

impl Store for Memory {
    fn load_ledger(&mut self) -> Result<Ledger, PortError> {
        Ok(self.ledger.clone())
    }

    fn read_marks(&mut self) -> Result<ReadMarks, PortError> {
        Ok(self.marks.clone())
    }

    fn save_evidence(&mut self, batch: EvidenceBatch<'_>) -> Result<(), PortError> {
        self.saves += 1;
        if self.dies_at_save == Some(self.saves) {
            return Err(PortError::new(PortErrorKind::Transient, "the table is gone"));
        }
        // As a kill in between would leave it: the ledger first.
        self.ledger.merge(batch.ledger);
        self.marks = batch.marks.durable();
        Ok(())
    }

    fn save_report(&mut self, _: &Report, _: &SaveScope) -> Result<Changes, PortError> {
        not_here()
    }

    fn functions(&mut self, _: &str) -> Result<Vec<FunctionResult>, PortError> {
        not_here()
    }

    fn roles(&mut self, _: &str) -> Result<Vec<RoleResult>, PortError> {
        not_here()
    }

    fn names(&mut self) -> Result<Vec<String>, PortError> {
        not_here()
    }

    fn findings(&mut self, _: &str) -> Result<Vec<Finding>, PortError> {
        not_here()
    }
}
