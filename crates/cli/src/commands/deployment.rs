//! What a deployment calls its resources: answers of `describe-stack-resources`, in files or in a snapshot
//! folder, and Terraform's state.

use std::path::{Path, PathBuf};

use serde_json::Value;
use whittle_template::references::References;

use crate::error::CommandError;
use crate::files::read_text;

/// Answers of `describe-stack-resources` (or `list-stack-resources`): of the files given, and of the
/// snapshot's `stack-resources.json`, beside its functions.
pub fn stack_answers(files: &[PathBuf], snapshot: Option<&Path>) -> Result<Vec<Value>, CommandError> {
    let mut files = files.to_vec();
    if let Some(snapshot) = snapshot {
        let of_regions = regions(snapshot)?.into_iter().map(|folder| folder.join("stack-resources.json"));
        files.extend(of_regions.filter(|path| path.is_file()));
    }
    let mut answers = Vec::new();
    for path in files {
        let value = json(&path)?;
        if References::from_stack_resources(&value).is_none() {
            return Err(CommandError::Unusable {
                message: format!("`{}` is no answer of describe-stack-resources", path.display()),
                hint: "aws cloudformation describe-stack-resources --stack-name STACK".to_owned(),
            });
        }
        answers.push(value);
    }
    Ok(answers)
}

/// Addresses of a Terraform state, and how many modules were left out since root files cannot name what is in
/// them.
pub fn terraform_state(path: &Path) -> Result<(References, usize), CommandError> {
    References::from_terraform_state(&json(path)?).ok_or_else(|| CommandError::Unusable {
        message: format!("`{}` is no Terraform state", path.display()),
        hint: "terraform show -json > state.json".to_owned(),
    })
}

/// The folder itself and its `regions/*`.
pub fn regions(snapshot: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let failed = |source| CommandError::Read { path: snapshot.to_owned(), source };
    if !snapshot.is_dir() {
        return Err(failed(std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such folder")));
    }
    let mut folders = vec![snapshot.to_owned()];
    let regions = snapshot.join("regions");
    if regions.is_dir() {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&regions).map_err(failed)? {
            found.push(entry.map_err(failed)?.path());
        }
        found.sort();
        folders.extend(found);
    }
    Ok(folders)
}

/// A file of JSON.
pub fn json(path: &Path) -> Result<Value, CommandError> {
    serde_json::from_str(&read_text(path)?).map_err(|error| CommandError::File {
        path: path.to_owned(),
        message: format!("is not JSON: {error}"),
        hint: String::new(),
    })
}
