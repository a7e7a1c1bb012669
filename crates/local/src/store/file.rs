//! The file of a store: who may read it, and whether it is still the one that was opened.

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Who could read the store before it was opened for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreExposure {
    /// Nobody but its owner.
    Private,
    /// Others too, until now.
    Tightened,
    /// Others too, and this program may not change that.
    Open,
}

/// Files that SQLite keeps beside a database: the write-ahead log, its index, the rollback journal.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Those of them that belong to its content.
const CONTENT: [&str; 2] = ["-wal", "-journal"];

/// A file beside the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes an empty file that only its owner may read, if there is none. SQLite gives the files beside it the
/// same permissions.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Takes the permissions of others away from a store and the files beside it.
#[cfg(unix)]
pub(super) fn tighten(path: &Path) -> StoreExposure {
    use std::os::unix::fs::PermissionsExt;
    let mut exposure = StoreExposure::Private;
    for path in std::iter::once(path.to_owned()).chain(BESIDE.iter().map(|suffix| beside(path, suffix))) {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        // Neither the group nor others may do anything.
        if metadata.permissions().mode().trailing_zeros() >= 6 {
            continue;
        }
        let tightened = fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).is_ok();
        if !tightened {
            exposure = StoreExposure::Open;
        } else if exposure == StoreExposure::Private {
            exposure = StoreExposure::Tightened;
        }
    }
    exposure
}

/// Other systems have other rules; the folder decides there.
#[cfg(not(unix))]
pub(super) fn tighten(_: &Path) -> StoreExposure {
    StoreExposure::Private
}

/// True if the file may be changed; nothing is.
pub(super) fn may_write(path: &Path) -> bool {
    OpenOptions::new().append(true).open(path).is_ok()
}

/// True if SQLite left something beside the database that belongs to its content.
pub(super) fn has_leftovers(path: &Path) -> bool {
    CONTENT.iter().any(|suffix| fs::metadata(beside(path, suffix)).is_ok_and(|found| found.len() > 0))
}

/// Copies a store with what SQLite left beside it; gives the copy of the store itself.
pub(super) fn copy(path: &Path, to: &Path) -> io::Result<PathBuf> {
    // The permissions are not copied: SQLite has to write to the copy.
    let bytes_of = |from: &Path, to: &Path| {
        let mut source = fs::File::open(from)?;
        make_private(to)?;
        io::copy(&mut source, &mut OpenOptions::new().append(true).open(to)?)
    };
    let copy = to.join("store");
    bytes_of(path, &copy)?;
    for suffix in CONTENT {
        match bytes_of(&beside(path, suffix), &beside(&copy, suffix)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(copy)
}

/// Which file a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileIdentity {
    #[cfg(unix)]
    number: (u64, u64),
}

impl FileIdentity {
    /// `None` if there is no file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::of_metadata(&metadata))
    }

    #[cfg(unix)]
    fn of_metadata(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { number: (metadata.dev(), metadata.ino()) }
    }

    #[cfg(not(unix))]
    fn of_metadata(_: &Metadata) -> Self {
        Self {}
    }
}

/// A file that must not change while it is read without locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileState {
    identity: FileIdentity,
    length: u64,
    modified: Option<std::time::SystemTime>,
    leftovers: bool,
}

impl FileState {
    /// `None` if there is no file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            identity: FileIdentity::of_metadata(&metadata),
            length: metadata.len(),
            modified: metadata.modified().ok(),
            leftovers: has_leftovers(path),
        })
    }
}
