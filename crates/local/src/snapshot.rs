//! A snapshot in a folder. [`whittle_snapshot`] describes its files and reads them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use whittle_analysis::issue::IssueKind;
use whittle_pipeline::ports::{PortError, PortErrorKind};
use whittle_snapshot::{FileProblem, SnapshotFiles, check, first_commands};

use crate::files::{MAX_FILE_BYTES, read_text};

/// A folder of AWS CLI output.
#[derive(Debug, Clone)]
pub struct SnapshotFolder {
    root: PathBuf,
    max_file_bytes: u64,
}

impl SnapshotFolder {
    /// Opens a snapshot. The files are read by the methods of the ports.
    ///
    /// Fails (`Invalid`, with a hint) if `path` is no folder, is empty, or has no
    /// `authorization-details.json` or no `functions.json` in it or in any `regions/<region>/`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, PortError> {
        let root = path.as_ref();
        let invalid = |message: String| PortError::new(PortErrorKind::Invalid, message);
        let shown = root.display();
        let metadata = std::fs::metadata(root).map_err(|error| {
            let hint = "make a snapshot of your account there, or give the path of one";
            invalid(format!("snapshot folder `{shown}` cannot be opened")).with_hint(hint).with_source(error)
        })?;
        if !metadata.is_dir() {
            return Err(invalid(format!("snapshot `{shown}` is not a folder"))
                .with_hint("give the folder that holds `authorization-details.json`"));
        }
        let mut entries = std::fs::read_dir(root)
            .map_err(|error| invalid(format!("snapshot folder `{shown}` cannot be listed")).with_source(error))?;
        if entries.next().is_none() {
            return Err(invalid(format!("snapshot folder `{shown}` is empty")).with_hint(first_commands()));
        }
        let folder = Self { root: root.to_owned(), max_file_bytes: MAX_FILE_BYTES };
        check(&folder)?;
        Ok(folder)
    }

    /// Refuses files above this size (1 GiB unless set).
    #[must_use]
    pub fn with_max_file_bytes(mut self, max_file_bytes: u64) -> Self {
        self.max_file_bytes = max_file_bytes;
        self
    }
}

impl SnapshotFiles for SnapshotFolder {
    fn shown(&self) -> String {
        self.root.display().to_string()
    }

    fn text(&self, file: &str) -> Result<Option<String>, FileProblem> {
        read_text(&self.root.join(file), file, self.max_file_bytes)
    }

    fn names(&self, folder: &str) -> Result<Option<BTreeSet<String>>, FileProblem> {
        match folder_names(&self.root.join(folder)) {
            Ok(names) => Ok(Some(names)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => {
                Err(FileProblem::new(IssueKind::UnreadableFile, folder, format!("cannot be listed: {error}")))
            }
        }
    }

    fn exists(&self, file: &str) -> bool {
        self.root.join(file).exists()
    }
}

/// Names in a folder, sorted; names that are not text cannot be names of AWS.
fn folder_names(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        if let Ok(name) = entry?.file_name().into_string() {
            names.insert(name);
        }
    }
    Ok(names)
}

mod write;

pub use write::write;

#[cfg(test)]
mod tests;
