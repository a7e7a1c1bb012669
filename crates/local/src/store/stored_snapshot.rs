//! The snapshot that an account was last analysed from, kept beside its results: a gate on a template needs
//! the roles as they are today, and a CI machine has the store but not the folder.
//!
//! Of documents, the part is kept that the one reader of snapshots knows ([`whittle_snapshot::known_part`]):
//! the rest may be secret. Nothing of other names is kept; a trail may lie in the same folder.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use whittle_analysis::issue::IssueKind;
use whittle_pipeline::ports::PortError;
use whittle_snapshot::{FileProblem, SnapshotFiles, document_names, known_part};

use super::checksum::SNAPSHOT_DOCUMENT;
use super::failure::{StorePlace, sqlite_error};

/// A snapshot in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredSnapshot {
    account: String,
    /// Name → text; `None` for one that could not be read. A name that ends in `/` is a folder.
    documents: BTreeMap<String, Option<String>>,
}

/// Replaces the stored documents of `account` by those of `files`, one at a time, since they may be large.
/// Writes only differences.
pub(super) fn save(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    account: &str,
    files: &dyn SnapshotFiles,
) -> Result<(), PortError> {
    let failed = |error| sqlite_error(place, "written", error);
    let mut names = BTreeSet::new();
    for folder in folders(files) {
        names.extend(names_in(files, &folder));
    }
    for name in &names {
        let text = if name.ends_with('/') {
            Some(String::new())
        } else {
            files.text(name).unwrap_or_default().and_then(|text| known_part(name, &text))
        };
        let known: Option<Option<String>> = transaction
            .query_row(
                "SELECT document FROM snapshot_document WHERE account = ?1 AND name = ?2",
                [account, name],
                |row| row.get(0),
            )
            .optional()
            .map_err(failed)?;
        if known.as_ref() != Some(&text) {
            let values = [ValueRef::from(account), name.as_str().into(), text.as_deref().into()];
            let checksum = SNAPSHOT_DOCUMENT.checksum(values);
            let sql = "INSERT INTO snapshot_document (account, name, document, checksum) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (account, name) DO UPDATE SET document = excluded.document, checksum = excluded.checksum";
            transaction.execute(sql, params![account, name, text, checksum]).map_err(failed)?;
        }
    }
    let mut gone = Vec::new();
    let mut select = transaction.prepare("SELECT name FROM snapshot_document WHERE account = ?1").map_err(failed)?;
    let mut rows = select.query([account]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let name: String = row.get(0).map_err(failed)?;
        if !names.contains(&name) {
            gone.push(name);
        }
    }
    for name in gone {
        let sql = "DELETE FROM snapshot_document WHERE account = ?1 AND name = ?2";
        transaction.execute(sql, [account, &name]).map_err(failed)?;
    }
    Ok(())
}

/// Takes out of the documents what an earlier version kept of them beyond what is read.
pub(super) fn clean(connection: &Connection) -> Result<(), rusqlite::Error> {
    let mut select = connection.prepare("SELECT account, name FROM snapshot_document")?;
    let keys: Vec<(String, String)> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (account, name) in keys.iter().filter(|(_, name)| !name.ends_with('/')) {
        let of_row = "account = ?1 AND name = ?2";
        let sql = format!("SELECT document FROM snapshot_document WHERE {of_row}");
        let Some(text) = connection.query_row(&sql, [account, name], |row| row.get::<_, Option<String>>(0))? else {
            continue;
        };
        match known_part(name, &text) {
            Some(kept) if kept == text => {}
            Some(kept) => {
                let sql = format!("UPDATE snapshot_document SET document = ?3 WHERE {of_row}");
                connection.execute(&sql, [account, name, &kept])?;
            }
            None => {
                connection.execute(&format!("DELETE FROM snapshot_document WHERE {of_row}"), [account, name])?;
            }
        }
    }
    Ok(())
}

pub(super) fn load(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    account: &str,
) -> Result<Option<StoredSnapshot>, PortError> {
    let failed = |error| sqlite_error(place, "read", error);
    let mut select =
        transaction.prepare("SELECT name, document FROM snapshot_document WHERE account = ?1").map_err(failed)?;
    let rows = select.query_map([account], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
    let documents = rows.collect::<Result<BTreeMap<String, Option<String>>, _>>().map_err(failed)?;
    Ok((!documents.is_empty()).then(|| StoredSnapshot { account: account.to_owned(), documents }))
}

/// The root (empty) and the folders of Regions, each with a final `/`.
fn folders(files: &dyn SnapshotFiles) -> Vec<String> {
    let regions = files.names("regions").ok().flatten().unwrap_or_default();
    std::iter::once(String::new()).chain(regions.into_iter().map(|region| format!("regions/{region}/"))).collect()
}

/// Names to keep of one folder, itself included.
fn names_in(files: &dyn SnapshotFiles, folder: &str) -> Vec<String> {
    let mut out = Vec::new();
    if !folder.is_empty() {
        // A folder without functions is a Region of which the functions are not known.
        out.extend(["regions/".to_owned(), folder.to_owned()]);
    }
    for name in document_names() {
        let file = format!("{folder}{name}.json");
        if files.exists(&file) {
            out.push(file);
        }
        let inner = format!("{folder}{name}");
        if let Ok(Some(entries)) = files.names(&inner) {
            out.push(format!("{inner}/"));
            out.extend(
                entries
                    .into_iter()
                    .filter(|entry| entry.strip_suffix(".json").is_some())
                    .map(|entry| format!("{inner}/{entry}")),
            );
        }
    }
    out
}

impl SnapshotFiles for StoredSnapshot {
    fn shown(&self) -> String {
        format!("the store, account {}", self.account)
    }

    fn text(&self, file: &str) -> Result<Option<String>, FileProblem> {
        match self.documents.get(file) {
            Some(Some(text)) => Ok(Some(text.clone())),
            Some(None) => Err(FileProblem::new(
                IssueKind::UnreadableFile,
                file,
                "could not be read when the account was analysed",
            )),
            None => Ok(None),
        }
    }

    fn names(&self, folder: &str) -> Result<Option<BTreeSet<String>>, FileProblem> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        if !folder.is_empty() && !self.documents.contains_key(&prefix) {
            return Ok(None);
        }
        let inside = self.documents.keys().filter_map(|name| name.strip_prefix(&prefix)?.split('/').next());
        Ok(Some(inside.filter(|name| !name.is_empty()).map(str::to_owned).collect()))
    }

    fn exists(&self, file: &str) -> bool {
        self.documents.contains_key(file) || self.documents.contains_key(&format!("{file}/"))
    }
}
