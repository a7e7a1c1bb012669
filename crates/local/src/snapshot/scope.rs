//! The folders of a snapshot: its root and one per Region, and the files in them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use whittle_analysis::inventory::Function;
use whittle_analysis::issue::Issue;
use whittle_policy::id::Region;

use crate::files::{Problem, read_text};

/// The root of a snapshot, or the folder of one Region.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// `None` for the root, which may hold any Region.
    pub(super) region: Option<Region>,
    folder: PathBuf,
    /// `regions/<region>/`, or nothing; in front of file names in messages.
    prefix: String,
    max_file_bytes: u64,
}

/// A file of a scope, maybe unreadable.
#[derive(Debug)]
pub(super) struct Document {
    /// Region of the scope.
    pub(super) region: Option<Region>,
    /// Name of the file from the root of the snapshot.
    pub(super) place: String,
    /// For a file of a folder: its name without extension.
    pub(super) stem: Option<String>,
    /// Its text, or what is wrong.
    pub(super) text: Result<String, Issue>,
}

impl Document {
    /// Whether the file may be about this function: a file of the root about any, unless it is named after one.
    pub(super) fn concerns(&self, function: &Function) -> bool {
        self.region.as_ref().is_none_or(|region| *region == function.region)
            && self.stem.as_ref().is_none_or(|stem| *stem == function.name)
    }
}

/// The root and the Region folders, sorted; a folder that is not named like a Region is an issue.
pub(super) fn scopes(root: &Path, max_file_bytes: u64, issues: &mut Vec<Issue>) -> Vec<Scope> {
    let mut scopes = vec![Scope { region: None, folder: root.to_owned(), prefix: String::new(), max_file_bytes }];
    let names = match folder_names(&root.join("regions")) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return scopes,
        Err(error) => {
            issues.push(Issue::new("unreadable-file", "regions", format!("cannot be listed: {error}")));
            return scopes;
        }
    };
    for name in names {
        let folder = root.join("regions").join(&name);
        if name.starts_with('.') || !folder.is_dir() {
            continue;
        }
        match name.parse::<Region>() {
            Ok(region) => {
                scopes.push(Scope { region: Some(region), folder, prefix: format!("regions/{name}/"), max_file_bytes });
            }
            Err(error) => issues.push(
                Issue::new("bad-name", format!("regions/{name}"), format!("is left out: {error}"))
                    .with_hint("name the folder like the Region, for example `regions/eu-central-1`"),
            ),
        }
    }
    scopes
}

impl Scope {
    /// Name of a file of this scope in messages.
    pub(super) fn place(&self, file: &str) -> String {
        format!("{}{file}", self.prefix)
    }

    /// Text of a file, `Ok(None)` if there is none.
    pub(super) fn text(&self, file: &str) -> Result<Option<String>, Problem> {
        read_text(&self.folder.join(file), &self.place(file), self.max_file_bytes)
    }

    /// `<name>.json` and all of `<name>/*.json`, sorted by name; empty files only as issues.
    pub(super) fn documents(&self, name: &str, issues: &mut Vec<Issue>) -> Vec<Document> {
        let mut documents = Vec::new();
        self.push_document(&format!("{name}.json"), None, &mut documents);
        match folder_names(&self.folder.join(name)) {
            Ok(names) => {
                for file in names {
                    let Some(stem) = file.strip_suffix(".json") else { continue };
                    if !file.starts_with('.') {
                        self.push_document(&format!("{name}/{file}"), Some(stem.to_owned()), &mut documents);
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                issues.push(Issue::new("unreadable-file", self.place(name), format!("cannot be listed: {error}")));
            }
        }
        // A command that fails leaves an empty file behind; most often because the function has none of these.
        let empty = documents.iter().filter(|document| document.stem.is_some() && is_empty(document)).count();
        if empty > 0 {
            let message = "empty files: the function has none of these, or the command failed";
            let mut issue = Issue::new("empty-file", self.place(name), message)
                .with_hint("look at what the command printed, and remove the empty files");
            issue.count = u64::try_from(empty).unwrap_or(u64::MAX);
            issues.push(issue);
        }
        documents.retain(|document| document.stem.is_none() || !is_empty(document));
        documents
    }

    /// Whether `<name>.json` or the folder `<name>` exists.
    pub(super) fn has(&self, name: &str) -> bool {
        self.folder.join(format!("{name}.json")).exists() || self.folder.join(name).is_dir()
    }

    fn push_document(&self, file: &str, stem: Option<String>, documents: &mut Vec<Document>) {
        let text = match self.text(file) {
            Ok(None) => return,
            Ok(Some(text)) => Ok(text),
            Err(problem) => Err(problem.into_issue()),
        };
        documents.push(Document { region: self.region.clone(), place: self.place(file), stem, text });
    }
}

fn is_empty(document: &Document) -> bool {
    document.text.as_ref().is_ok_and(|text| text.trim().is_empty())
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
