//! Looking up what an earlier run stored.

use std::path::Path;

use whittle_analysis::result::{FunctionResult, RoleResult};
use whittle_local::store::SqliteStore;
use whittle_pipeline::ports::Store;

use crate::error::CommandError;

/// Opens the store of a run, and makes it and its folder on the first one.
pub fn open_or_make(path: &Path) -> Result<SqliteStore, CommandError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| CommandError::Write { path: folder.to_owned(), source })?;
    }
    Ok(SqliteStore::open(path)?)
}

/// Opens the store of an earlier run; a file that is not there is an error, not a new store.
pub fn open(path: &Path) -> Result<SqliteStore, CommandError> {
    if !path.exists() {
        return Err(CommandError::NotFound {
            message: format!("there is no store at `{}`", path.display()),
            hint: "run `whittle analyze SNAPSHOT --trail PATH` first, or pass --store".to_owned(),
        });
    }
    Ok(SqliteStore::open(path)?)
}

/// Results of the functions that `name` may mean; empty if it means none.
pub fn functions(store: &mut SqliteStore, name: &str) -> Result<Vec<FunctionResult>, CommandError> {
    Ok(store.functions(name)?)
}

/// Results of the roles that `name` may mean; empty if it means none.
pub fn roles(store: &mut SqliteStore, name: &str) -> Result<Vec<RoleResult>, CommandError> {
    Ok(store.roles(name)?)
}

/// The error for a name that means nothing, with the names that are spelled like it.
pub fn not_found(store: &mut SqliteStore, what: &str, name: &str) -> CommandError {
    let names = store.names().unwrap_or_default();
    let mut near: Vec<(usize, &String)> =
        names.iter().map(|known| (distance(known, name), known)).filter(|(distance, _)| *distance <= 3).collect();
    near.sort();
    let hint = match near.first() {
        Some((_, nearest)) => format!("did you mean `{nearest}`?"),
        None if names.is_empty() => "the store is empty: run `whittle analyze` first".to_owned(),
        None => format!("the store knows {} functions and roles; `whittle analyze` lists them", names.len()),
    };
    CommandError::NotFound { message: format!("no {what} `{name}` in the store"), hint }
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
