//! Files that the user named, and today's date.

use std::path::{Component, Path, PathBuf};

use crate::error::CommandError;

/// Text of a file that the user named.
pub fn read_text(path: &Path) -> Result<String, CommandError> {
    std::fs::read_to_string(path).map_err(|error| CommandError::File {
        path: path.to_owned(),
        message: format!("cannot be read: {error}"),
        hint: String::new(),
    })
}

/// A path relative to the working folder, which in CI is the root of the repository; with `/`, and without
/// `.` and `..`.
pub fn relative(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let outside: PathBuf;
    let path = match path.strip_prefix(&here) {
        Ok(inside) => inside,
        // Not in the repository: the file and its folder are all that a reader can use.
        Err(_) if path.is_absolute() => {
            let last: Vec<_> = path.components().rev().take(2).collect();
            outside = last.into_iter().rev().collect();
            outside.as_path()
        }
        Err(_) => path,
    };
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => {
                parts.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.join("/")
}
