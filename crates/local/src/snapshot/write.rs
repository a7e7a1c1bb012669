//! Writes the documents of a snapshot into a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};

use whittle_pipeline::ports::{PortError, PortErrorKind};

use crate::files::{make_private, make_private_folder, write_private};

/// The document that marks a folder as a snapshot.
const MARK: &str = "authorization-details.json";

/// Makes `folder` hold these documents (name with `/` → text), for their owner alone, and gives how many it
/// wrote. Files that are equal are left alone; `.json` files of an earlier snapshot that are not among the
/// documents are removed, so that nothing of a function that is gone stays behind. Other files are not
/// touched.
///
/// Fails (`Invalid`, with a hint) if the folder holds something else than a snapshot: it may be the wrong
/// one.
pub fn write(folder: impl AsRef<Path>, documents: &BTreeMap<String, String>) -> Result<usize, PortError> {
    let folder = folder.as_ref();
    let failed = |path: &Path, error: io::Error| {
        PortError::new(PortErrorKind::Invalid, format!("`{}` cannot be written", path.display())).with_source(error)
    };
    make_private_folder(folder).map_err(|error| failed(folder, error))?;
    let is_empty = std::fs::read_dir(folder).map_err(|error| failed(folder, error))?.next().is_none();
    if !is_empty && !folder.join(MARK).exists() {
        let message = format!("folder `{}` is not empty and holds no snapshot", folder.display());
        return Err(PortError::new(PortErrorKind::Invalid, message).with_hint("give a new folder, or an empty one"));
    }
    let mut wanted = BTreeSet::new();
    let mut written = 0_usize;
    for (name, text) in documents {
        // INVARIANT: names come from an account, and never lead out of the folder.
        if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(PortError::new(PortErrorKind::Bug, format!("`{name}` is no name of a document")));
        }
        let path = folder.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|present| present == *text) {
            make_private(&path).map_err(|error| failed(&path, error))?;
            wanted.insert(path);
            continue;
        }
        if let Some(parent) = path.parent() {
            make_private_folder(parent).map_err(|error| failed(parent, error))?;
        }
        let beside = path.with_extension("json.new");
        write_private(&beside, text).map_err(|error| failed(&beside, error))?;
        std::fs::rename(&beside, &path).map_err(|error| failed(&path, error))?;
        wanted.insert(path);
        written = written.saturating_add(1);
    }
    for path in documents_in(folder).map_err(|error| failed(folder, error))? {
        if !wanted.contains(&path) {
            std::fs::remove_file(&path).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(written)
}

/// `.json` files where a snapshot has them: the root, a folder in it, a Region, a folder in a Region.
fn documents_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![(folder.to_owned(), 0_u8)];
    while let Some((current, depth)) = pending.pop() {
        for entry in std::fs::read_dir(&current)? {
            let path = entry?.path();
            if path.is_dir() && depth < 3 && !path.is_symlink() {
                pending.push((path, depth.saturating_add(1)));
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(names: &[&str]) -> BTreeMap<String, String> {
        names.iter().map(|name| ((*name).to_owned(), format!("{{\"name\": \"{name}\"}}\n"))).collect()
    }

    #[test]
    fn a_second_snapshot_replaces_the_first_and_leaves_other_files_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new/snapshot");
        let first = documents(&[MARK, "regions/r/functions.json", "regions/r/aliases/gone.json"]);
        assert_eq!(write(&folder, &first).unwrap(), 3);
        std::fs::write(folder.join("notes.txt"), "mine").unwrap();
        assert_eq!(write(&folder, &first).unwrap(), 0);
        assert_eq!(write(&folder, &documents(&[MARK, "regions/r/functions.json"])).unwrap(), 0);
        assert!(!folder.join("regions/r/aliases/gone.json").exists());
        assert!(folder.join("notes.txt").exists() && folder.join("regions/r/functions.json").exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_a_snapshot() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new/snapshot");
        let documents = documents(&[MARK, "regions/r/functions.json"]);
        let mode = |path: &str| std::fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
        let open = |path: &str, mode| {
            std::fs::set_permissions(folder.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write(&folder, &documents).unwrap();
        assert_eq!([mode(MARK), mode("regions/r/functions.json")], [0o600; 2]);
        assert_eq!([mode(""), mode("regions"), mode("regions/r"), mode("..")], [0o700; 4]);
        // Files of an earlier version, and what is left of a run that was stopped, are closed to others too.
        open(MARK, 0o644);
        std::fs::write(folder.join("regions/r/functions.json.new"), "old").unwrap();
        std::fs::write(folder.join("regions/r/functions.json"), "old").unwrap();
        open("regions/r/functions.json.new", 0o666);
        write(&folder, &documents).unwrap();
        assert_eq!([mode(MARK), mode("regions/r/functions.json")], [0o600; 2]);
    }

    #[test]
    fn a_folder_of_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("package.json"), "{}").unwrap();
        let error = write(dir.path(), &documents(&[MARK])).unwrap_err();
        assert!(error.to_string().contains("holds no snapshot"), "{error}");
        assert!(dir.path().join("package.json").exists());
    }

    #[test]
    fn names_never_lead_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write(dir.path().join("in"), &documents(&["../out.json"])).is_err());
        assert!(!dir.path().join("out.json").exists());
    }
}
