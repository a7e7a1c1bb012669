//! Results of earlier runs.

use std::collections::BTreeSet;
use std::path::Path;

use whittle_analysis::result::{CoverageRow, FunctionResult, ReportWindow, RoleResult};
use whittle_evidence::ledger::Ledger;
use whittle_local::files;
use whittle_local::store::{SqliteStore, StoreExposure};
use whittle_pipeline::ports::Store;
use whittle_pipeline::spelling::nearest;

use crate::args::LookupArguments;
use crate::error::CommandError;
use crate::printer::Printer;

/// Opens the store of a run, and makes it and its folder on the first one, for their owner alone.
pub fn open_or_make(path: &Path, printer: &Printer) -> Result<SqliteStore, CommandError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        files::make_private_folder(folder).map_err(|source| CommandError::Write { path: folder.to_owned(), source })?;
    }
    let store = SqliteStore::open(path)?;
    match store.exposure() {
        StoreExposure::Private => {}
        StoreExposure::Tightened => {
            printer.hint(&format!("others could read the store `{}`; now only its owner can", path.display()));
        }
        StoreExposure::Open => {
            printer.warning(&format!(
                "others can read the store `{}`, which says what may be done in the account",
                path.display()
            ));
            printer.hint("ask its owner to run `chmod 600` on it");
        }
    }
    Ok(store)
}

/// Opens the store of earlier runs, to read it. A file that is not there is an error, not a new store.
pub fn open_existing(path: &Path) -> Result<SqliteStore, CommandError> {
    if !path.exists() {
        return Err(CommandError::NoResult {
            message: format!("there is no store at `{}`", path.display()),
            hint: "run `whittle analyze SNAPSHOT --trail PATH` first, or pass --store or --table".to_owned(),
        });
    }
    Ok(SqliteStore::open_to_read(path)?)
}

/// The results of earlier runs: in a file, or in the table of a deployed Whittle.
pub enum StoredResults {
    /// SQLite.
    Local(Box<SqliteStore>),
    /// DynamoDB.
    #[cfg(feature = "aws")]
    Table(Box<whittle_aws::store::DynamoStore>),
}

/// Evidence of an earlier run about an account, beside its results.
pub struct StoredFacts {
    /// Usages of the window.
    pub ledger: Ledger,
    /// The observation window.
    pub window: Option<ReportWindow>,
    /// Coverage by source.
    pub coverage: Vec<CoverageRow>,
}

impl StoredResults {
    /// Opens what the arguments name. A file that is not there is an error, not a new store.
    pub fn open(arguments: &LookupArguments) -> Result<Self, CommandError> {
        if let Some(table) = &arguments.table {
            return open_table(arguments, table);
        }
        Ok(Self::Local(Box::new(open_existing(&arguments.local.store)?)))
    }

    /// Results of the functions that `name` may mean; empty if it means none.
    pub fn functions(&mut self, name: &str) -> Result<Vec<FunctionResult>, CommandError> {
        Ok(match self {
            Self::Local(store) => store.functions(name)?,
            #[cfg(feature = "aws")]
            Self::Table(store) => store.functions(name)?,
        })
    }

    /// Results of the roles that `name` may mean; empty if it means none.
    pub fn roles(&mut self, name: &str) -> Result<Vec<RoleResult>, CommandError> {
        Ok(match self {
            Self::Local(store) => store.roles(name)?,
            #[cfg(feature = "aws")]
            Self::Table(store) => store.roles(name)?,
        })
    }

    /// Names of all functions and roles that have results.
    pub fn names(&mut self) -> Result<Vec<String>, CommandError> {
        Ok(match self {
            Self::Local(store) => store.names()?,
            #[cfg(feature = "aws")]
            Self::Table(store) => store.names()?,
        })
    }

    /// Results of the functions of a CloudFormation stack, by their tags.
    pub fn functions_of_stack(&mut self, stack: &str) -> Result<Vec<FunctionResult>, CommandError> {
        Ok(match self {
            Self::Local(store) => store.functions_of_stack(stack)?,
            #[cfg(feature = "aws")]
            Self::Table(store) => store.functions_of_stack(stack)?,
        })
    }

    /// Evidence of the last run about an account, beside its results. Of a table's ledger only the part about
    /// `roles` (ARNs) is read.
    #[cfg_attr(not(feature = "aws"), expect(unused_variables, reason = "a local store is read as a whole"))]
    pub fn facts(&mut self, account: &str, roles: &BTreeSet<String>) -> Result<StoredFacts, CommandError> {
        match self {
            Self::Local(store) => {
                let report = store.report(account)?;
                let (window, coverage) = report.map(|report| (report.window, report.coverage)).unzip();
                Ok(StoredFacts { ledger: store.load_ledger()?, window, coverage: coverage.unwrap_or_default() })
            }
            #[cfg(feature = "aws")]
            Self::Table(store) => {
                let (window, coverage) = store.account(account)?.unzip();
                Ok(StoredFacts { ledger: store.ledger_of(roles)?, window, coverage: coverage.unwrap_or_default() })
            }
        }
    }

    /// The error for a name that means nothing, with the names that are spelled like it.
    pub fn not_found(&mut self, what: &str, name: &str) -> CommandError {
        let names = self.names().unwrap_or_default();
        let hint = match nearest(name, names.iter().map(String::as_str)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if names.is_empty() => "the store is empty: run `whittle analyze` first".to_owned(),
            None => format!("the store knows {} functions and roles", names.len()),
        };
        CommandError::NotFound { message: format!("no {what} `{name}` in the store"), hint }
    }
}

#[cfg(feature = "aws")]
fn open_table(arguments: &LookupArguments, table: &str) -> Result<StoredResults, CommandError> {
    let aws = super::client::load(&arguments.aws)?;
    Ok(StoredResults::Table(Box::new(whittle_aws::store::DynamoStore::open(&aws, table)?)))
}

#[cfg(not(feature = "aws"))]
fn open_table(_: &LookupArguments, _: &str) -> Result<StoredResults, CommandError> {
    Err(CommandError::NotInBuild { what: "--table" })
}
