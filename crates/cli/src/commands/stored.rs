//! Looking up what an earlier run stored.

use std::path::Path;

use whittle_analysis::result::{FunctionResult, RoleResult};
use whittle_local::store::SqliteStore;
use whittle_pipeline::ports::Store;

use crate::args::LookupArguments;
use crate::error::CommandError;

/// Opens the store of a run, and makes it and its folder on the first one.
pub fn open_or_make(path: &Path) -> Result<SqliteStore, CommandError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| CommandError::Write { path: folder.to_owned(), source })?;
    }
    Ok(SqliteStore::open(path)?)
}

/// The results of earlier runs: in a file, or in the table of a deployed Whittle.
pub enum Stored {
    /// SQLite.
    Local(Box<SqliteStore>),
    /// DynamoDB.
    #[cfg(feature = "aws")]
    Table(Box<whittle_aws::store::DynamoStore>),
}

impl Stored {
    /// Opens what the arguments name. A file that is not there is an error, not a new store.
    pub fn open(arguments: &LookupArguments) -> Result<Self, CommandError> {
        if let Some(table) = &arguments.table {
            return open_table(arguments, table);
        }
        let path = &arguments.local.store;
        if !path.exists() {
            return Err(CommandError::NotFound {
                message: format!("there is no store at `{}`", path.display()),
                hint: "run `whittle analyze SNAPSHOT --trail PATH` first, or pass --store or --table".to_owned(),
            });
        }
        Ok(Self::Local(Box::new(SqliteStore::open(path)?)))
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

    /// The error for a name that means nothing, with the names that are spelled like it.
    pub fn not_found(&mut self, what: &str, name: &str) -> CommandError {
        let names = self.names().unwrap_or_default();
        let mut near: Vec<(usize, &String)> =
            names.iter().map(|known| (distance(known, name), known)).filter(|(distance, _)| *distance <= 3).collect();
        near.sort();
        let hint = match near.first() {
            Some((_, nearest)) => format!("did you mean `{nearest}`?"),
            None if names.is_empty() => "the store is empty: run `whittle analyze` first".to_owned(),
            None => format!("the store knows {} functions and roles", names.len()),
        };
        CommandError::NotFound { message: format!("no {what} `{name}` in the store"), hint }
    }
}

#[cfg(feature = "aws")]
fn open_table(arguments: &LookupArguments, table: &str) -> Result<Stored, CommandError> {
    let aws = super::aws::load(&arguments.aws)?;
    Ok(Stored::Table(Box::new(whittle_aws::store::DynamoStore::open(&aws, table)?)))
}

#[cfg(not(feature = "aws"))]
fn open_table(_: &LookupArguments, _: &str) -> Result<Stored, CommandError> {
    Err(super::without_aws("--table"))
}

/// Levenshtein distance of two names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let replace = row.get(j).copied().unwrap_or(usize::MAX) + usize::from(from != *to);
            let insert = next.get(j).copied().unwrap_or(usize::MAX) + 1;
            let delete = row.get(j + 1).copied().unwrap_or(usize::MAX) + 1;
            next.push(replace.min(insert).min(delete));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distance_counts_single_edits() {
        assert_eq!(distance("shop", "shop"), 0);
        assert_eq!(distance("shop", "shp"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("checkout", "chekcout"), 2);
    }
}
