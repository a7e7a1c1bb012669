//! Checksums of rows, and of which rows a table holds.
//!
//! SQLite notices a damaged page only where it breaks the page's structure; a changed byte of a text is
//! another text. Evidence that is less than it was would make needed permissions look unused, so every row
//! has a checksum, each table has their number and their exclusive or, and both are verified before anything
//! of the table is used.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};
use whittle_pipeline::ports::{PortError, PortErrorKind};

use super::failure::{StorePlace, damaged_hint, sqlite_error};

/// A table and its columns, but for the checksum; those of the key come first.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: &'static [&'static str],
    pub(super) columns: &'static [&'static str],
}

pub(super) const ANALYSIS: Table = Table {
    name: "analysis",
    key: &["account"],
    columns: &["schema_version", "window_start", "window_end", "window_days", "coverage", "issues"],
};
pub(super) const FUNCTION_RESULT: Table = Table {
    name: "function_result",
    key: &["account", "function_arn", "role_arn"],
    columns: &["function_name", "removed_actions", "kept_unproven", "confidence", "result"],
};
pub(super) const ROLE_RESULT: Table = Table {
    name: "role_result",
    key: &["account", "role_arn"],
    columns: &["role_name", "removed_actions", "kept_unproven", "confidence", "result"],
};
pub(super) const FINDING: Table = Table {
    name: "finding",
    key: &["account", "fingerprint"],
    columns: &["position", "code", "severity", "function_arn", "role_arn", "title", "detail", "remedy", "finding"],
};
pub(super) const LEDGER_ROLE: Table =
    Table { name: "ledger_role", key: &["role_id"], columns: &["role_arn", "account", "ledger"] };
pub(super) const LEDGER_ACCOUNT: Table = Table { name: "ledger_account", key: &["part"], columns: &["ledger"] };
pub(super) const TRAIL_OBJECT: Table = Table { name: "trail_object", key: &["source", "key"], columns: &["version"] };
pub(super) const EVIDENCE_ISSUE: Table =
    Table { name: "evidence_issue", key: &["source", "place", "kind", "message", "hint"], columns: &["count"] };
pub(super) const SNAPSHOT_DOCUMENT: Table =
    Table { name: "snapshot_document", key: &["account", "name"], columns: &["document"] };

/// Tables that evidence rests on.
pub(super) const EVIDENCE: &[&Table] = &[&LEDGER_ROLE, &LEDGER_ACCOUNT, &TRAIL_OBJECT, &EVIDENCE_ISSUE];
/// Tables of results.
pub(super) const RESULTS: &[&Table] = &[&ANALYSIS, &FUNCTION_RESULT, &ROLE_RESULT, &FINDING];
/// The table of snapshots.
pub(super) const SNAPSHOTS: &[&Table] = &[&SNAPSHOT_DOCUMENT];

fn all_tables() -> impl Iterator<Item = &'static Table> {
    EVIDENCE.iter().chain(RESULTS).chain(SNAPSHOTS).copied()
}

impl Table {
    fn all_columns(&self) -> String {
        self.key.iter().chain(self.columns).copied().collect::<Vec<_>>().join(", ")
    }

    fn width(&self) -> usize {
        self.key.len().saturating_add(self.columns.len())
    }

    /// Condition for one row by its key, the first parameters.
    pub(super) fn by_key(&self) -> String {
        let terms: Vec<String> = self.key.iter().zip(1..).map(|(key, number)| format!("{key} = ?{number}")).collect();
        terms.join(" AND ")
    }

    /// Checksum of a row with these values, in the order of the columns.
    pub(super) fn checksum<'a>(&self, values: impl IntoIterator<Item = ValueRef<'a>>) -> i64 {
        let mut hash = Sha256::new();
        hash.update(self.name);
        for value in values {
            match value {
                ValueRef::Null => hash.update([0]),
                ValueRef::Integer(number) => {
                    hash.update([1]);
                    hash.update(number.to_le_bytes());
                }
                ValueRef::Real(number) => {
                    hash.update([2]);
                    hash.update(number.to_bits().to_le_bytes());
                }
                // The length, so that no two rows are the same bytes.
                ValueRef::Text(bytes) => {
                    hash.update([3]);
                    hash.update(length(bytes));
                    hash.update(bytes);
                }
                ValueRef::Blob(bytes) => {
                    hash.update([4]);
                    hash.update(length(bytes));
                    hash.update(bytes);
                }
            }
        }
        let digest: [u8; 32] = hash.finalize().into();
        let first = digest.first_chunk::<8>().copied().unwrap_or_default();
        i64::from_le_bytes(first) & i64::MAX
    }

    /// Checksum of a row as it was read with all columns in their order.
    fn of_row(&self, row: &rusqlite::Row<'_>) -> Result<i64, rusqlite::Error> {
        let values: Vec<ValueRef<'_>> =
            (0..self.width()).map(|column| row.get_ref(column)).collect::<Result<_, _>>()?;
        Ok(self.checksum(values))
    }

    /// Fails if some row is not what was written, or is not there.
    fn verify(&self, transaction: &Transaction<'_>, place: &StorePlace) -> Result<(), PortError> {
        let failed = |error| sqlite_error(place, "read", error);
        let (mut rows, mut total) = (0_i64, 0_i64);
        // Not by an index, which may hide rows if it is damaged.
        let sql = format!("SELECT {}, checksum FROM {} NOT INDEXED", self.all_columns(), self.name);
        let mut statement = transaction.prepare(&sql).map_err(failed)?;
        let mut found = statement.query([]).map_err(failed)?;
        while let Some(row) = found.next().map_err(failed)? {
            let stored: i64 = row.get(self.width()).map_err(failed)?;
            if stored != self.of_row(row).map_err(failed)? {
                return Err(self.damaged(place, &self.name_of(row)));
            }
            rows = rows.saturating_add(1);
            total ^= stored;
        }
        let sql = "SELECT rows, checksum FROM table_total WHERE name = ?1";
        let expected = transaction.query_row(sql, [self.name], |row| Ok((row.get(0)?, row.get(1)?)));
        match expected.optional().map_err(failed)? {
            Some(expected) if expected == (rows, total) => Ok(()),
            _ => Err(self.damaged(place, "rows of it are lost")),
        }
    }

    /// Verifies one row by its key before it is joined with what is new; nothing if there is none.
    pub(super) fn verify_row(
        &self,
        transaction: &Transaction<'_>,
        place: &StorePlace,
        key: &str,
    ) -> Result<(), PortError> {
        let failed = |error| sqlite_error(place, "read", error);
        let sql = format!("SELECT {}, checksum FROM {} WHERE {}", self.all_columns(), self.name, self.by_key());
        let mut statement = transaction.prepare_cached(&sql).map_err(failed)?;
        let mut rows = statement.query([key]).map_err(failed)?;
        let Some(row) = rows.next().map_err(failed)? else { return Ok(()) };
        let stored: i64 = row.get(self.width()).map_err(failed)?;
        let own = self.of_row(row).map_err(failed)?;
        if stored == own { Ok(()) } else { Err(self.damaged(place, &self.name_of(row))) }
    }

    fn damaged(&self, place: &StorePlace, what: &str) -> PortError {
        let message = format!("store {place} is damaged: in table `{}`, {what}", self.name);
        PortError::new(PortErrorKind::Invalid, message).with_hint(damaged_hint())
    }

    /// The row in words, by its key.
    fn name_of(&self, row: &rusqlite::Row<'_>) -> String {
        let shown = |column| match row.get_ref(column) {
            Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => {
                String::from_utf8_lossy(bytes).chars().take(200).collect()
            }
            Ok(ValueRef::Integer(number)) => number.to_string(),
            _ => "?".to_owned(),
        };
        let key: Vec<String> = (0..self.key.len()).map(shown).collect();
        format!("the row `{}` is not what was written", key.join(" "))
    }
}

fn length(bytes: &[u8]) -> [u8; 8] {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes()
}

/// Verifies every row of the tables.
pub(super) fn verify(tables: &[&Table], transaction: &Transaction<'_>, place: &StorePlace) -> Result<(), PortError> {
    tables.iter().try_for_each(|table| table.verify(transaction, place))
}

/// Gives every row its checksum, then keeps the totals up to date. For tables that got the column just now.
pub(super) fn introduce(connection: &Connection) -> Result<(), rusqlite::Error> {
    for table in all_tables() {
        let Table { name, .. } = table;
        let (key, by_key) = (table.key.join(", "), table.by_key());
        let mut keys = connection.prepare(&format!("SELECT {key} FROM {name}"))?;
        let keys: Vec<Vec<rusqlite::types::Value>> = keys
            .query_map([], |row| (0..table.key.len()).map(|column| row.get(column)).collect())?
            .collect::<Result<_, _>>()?;
        let mut select = connection.prepare(&format!("SELECT {} FROM {name} WHERE {by_key}", table.all_columns()))?;
        let mark = table.key.len().saturating_add(1);
        let mut update = connection.prepare(&format!("UPDATE {name} SET checksum = ?{mark} WHERE {by_key}"))?;
        let (mut rows, mut total) = (0_i64, 0_i64);
        for key in keys {
            let checksum = select.query_row(rusqlite::params_from_iter(&key), |row| table.of_row(row))?;
            update.execute(rusqlite::params_from_iter(key.into_iter().chain([checksum.into()])))?;
            rows = rows.saturating_add(1);
            total ^= checksum;
        }
        connection.execute("INSERT INTO table_total VALUES (?1, ?2, ?3)", params![name, rows, total])?;
        connection.execute_batch(&triggers(name))?;
    }
    Ok(())
}

/// Statements that keep the total of a table; SQL has no exclusive or.
fn triggers(table: &str) -> String {
    let join = |row: &str, count: &str| {
        format!(
            "UPDATE table_total SET rows = rows {count}, \
             checksum = (checksum | {row}.checksum) - (checksum & {row}.checksum) WHERE name = '{table}';"
        )
    };
    format!(
        "CREATE TRIGGER {table}_added AFTER INSERT ON {table} BEGIN {} END;
         CREATE TRIGGER {table}_changed AFTER UPDATE ON {table} BEGIN {} {} END;
         CREATE TRIGGER {table}_removed AFTER DELETE ON {table} BEGIN {} END;",
        join("NEW", "+ 1"),
        join("OLD", "+ 0"),
        join("NEW", "+ 0"),
        join("OLD", "- 1"),
    )
}
