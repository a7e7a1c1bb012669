//! Replacing a file in one step.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::CommandError;

/// Writes beside the file, then renames: the file is the old one or the new one, never a part. Permissions
/// stay; a link is followed, so that it stays a link.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let failed = |source| CommandError::Write { path: path.to_owned(), source };
    let target = std::fs::canonicalize(path).map_err(failed)?;
    let folder = target.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    let permissions = std::fs::metadata(&target).map_err(failed)?.permissions();
    let mut beside = tempfile::Builder::new().prefix(".whittle-").tempfile_in(folder).map_err(failed)?;
    beside.write_all(bytes).map_err(failed)?;
    beside.as_file().set_permissions(permissions).map_err(failed)?;
    beside.as_file().sync_all().map_err(failed)?;
    beside.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}
