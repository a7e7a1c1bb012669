//! Ledgers as bytes: JSON with sorted keys, so that a row of the store can be read by a person, and equal
//! ledgers are equal bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Ledger;
use super::changes::TrailChange;
use super::entries;
use super::facts::{AccountFacts, RegionFacts, Times};
use super::role::RoleLedger;
use super::settings::LedgerSettings;

/// Version of the layout. Readers refuse others; a new layout gets a new number and a migration.
const VERSION: u32 = 2;

/// The layout whose facts did not say where records were read. Its roles are those of today.
const WITHOUT_SOURCES: u32 = 1;

/// The bytes are no ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The bytes are not UTF-8.
    #[error("stored ledger is not UTF-8")]
    NotText(#[source] std::str::Utf8Error),
    /// The text is no ledger of this layout.
    #[error("stored ledger is damaged")]
    Damaged(#[source] serde_json::Error),
    /// The layout is of another version of this program.
    #[error("stored ledger has layout {found}, expected {VERSION}")]
    OtherVersion {
        /// The version found.
        found: u32,
    },
}

impl LedgerError {
    /// Advice for the user.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotText(_) | Self::Damaged(_) => Some("delete the store and read the trail again"),
            Self::OtherVersion { .. } => {
                Some("use the version of the program that wrote the store, or start a new store")
            }
        }
    }
}

#[derive(Serialize)]
struct StoredLayout<'a, T> {
    version: u32,
    #[serde(skip_serializing_if = "is_default")]
    settings: &'a LedgerSettings,
    #[serde(flatten)]
    body: T,
}

#[derive(Deserialize)]
struct LayoutHead {
    version: u32,
    #[serde(default)]
    settings: LedgerSettings,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
fn is_default(settings: &&LedgerSettings) -> bool {
    **settings == LedgerSettings::default()
}

#[derive(Serialize)]
struct LedgerOut<'a> {
    account: &'a AccountFacts,
    roles: &'a BTreeMap<String, RoleLedger>,
}

#[derive(Deserialize)]
struct LedgerIn {
    account: AccountFacts,
    roles: BTreeMap<String, RoleLedger>,
}

/// The facts of layout 1.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactsWithoutSources {
    #[serde(with = "entries")]
    regions: BTreeMap<(String, String), RegionFacts>,
    #[serde(default, with = "entries")]
    changes: BTreeMap<TrailChange, Times>,
    #[serde(default, rename = "trail_files")]
    _trail_files: bool,
}

#[derive(Deserialize)]
struct AccountWithoutSources {
    account: FactsWithoutSources,
}

#[derive(Deserialize)]
struct RolesIn {
    roles: BTreeMap<String, RoleLedger>,
}

#[derive(Serialize)]
struct RoleOut<'a> {
    role: &'a RoleLedger,
}

#[derive(Deserialize)]
struct RoleIn {
    role: RoleLedger,
}

#[derive(Serialize)]
struct AccountOut<'a> {
    account: &'a AccountFacts,
}

#[derive(Deserialize)]
struct AccountIn {
    account: AccountFacts,
}

fn write<T: Serialize>(settings: &LedgerSettings, body: T) -> Result<Vec<u8>, LedgerError> {
    serde_json::to_vec(&StoredLayout { version: VERSION, settings, body }).map_err(LedgerError::Damaged)
}

/// Reads the head first, so that another version is told from damage.
fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<(LedgerSettings, T), LedgerError> {
    let text = std::str::from_utf8(bytes).map_err(LedgerError::NotText)?;
    let head: LayoutHead = serde_json::from_str(text).map_err(LedgerError::Damaged)?;
    if ![VERSION, WITHOUT_SOURCES].contains(&head.version) {
        return Err(LedgerError::OtherVersion { found: head.version });
    }
    let body = serde_json::from_str(text).map_err(LedgerError::Damaged)?;
    Ok((head.settings, body))
}

/// The facts in a row of layout 1; `None` for a row of today's layout.
fn earlier_facts(bytes: &[u8]) -> Result<Option<AccountFacts>, LedgerError> {
    let (_, VersionOnly { version }) = read(bytes)?;
    if version != WITHOUT_SOURCES {
        return Ok(None);
    }
    let (_, row): (_, AccountWithoutSources) = read(bytes)?;
    Ok(Some(AccountFacts::of_earlier_layout(row.account.regions, row.account.changes)))
}

impl Ledger {
    /// The whole ledger. Equal ledgers give equal bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LedgerError> {
        write(&self.settings, LedgerOut { account: &self.account, roles: &self.roles })
    }

    /// Reads what [`Ledger::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LedgerError> {
        if let Some(account) = earlier_facts(bytes)? {
            let (settings, body): (_, RolesIn) = read(bytes)?;
            return Ok(Self { settings, roles: body.roles, account });
        }
        let (settings, body): (_, LedgerIn) = read(bytes)?;
        Ok(Self { settings, roles: body.roles, account: body.account })
    }

    /// One role as bytes, for stores that keep a row for each; `None` if the ledger does not know the key.
    pub fn role_bytes(&self, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        self.roles.get(key).map(|role| write(&self.settings, RoleOut { role })).transpose()
    }

    /// Joins a row that [`Ledger::role_bytes`] wrote into this ledger.
    pub fn insert_role_bytes(&mut self, key: &str, bytes: &[u8]) -> Result<(), LedgerError> {
        let (settings, body): (_, RoleIn) = read(bytes)?;
        let mut part = Self::new(settings);
        part.roles.insert(key.to_owned(), body.role);
        self.merge(&part);
        Ok(())
    }

    /// The facts of the accounts as bytes, the other half of a store with a row for each role.
    pub fn account_bytes(&self) -> Result<Vec<u8>, LedgerError> {
        write(&self.settings, AccountOut { account: &self.account })
    }

    /// Joins what [`Ledger::account_bytes`] wrote into this ledger.
    pub fn insert_account_bytes(&mut self, bytes: &[u8]) -> Result<(), LedgerError> {
        let part = if let Some(account) = earlier_facts(bytes)? {
            Self { account, ..Self::default() }
        } else {
            let (settings, body): (_, AccountIn) = read(bytes)?;
            Self { account: body.account, ..Self::new(settings) }
        };
        self.merge(&part);
        Ok(())
    }
}
