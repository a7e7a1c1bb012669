//! The folders of a snapshot: its root and one per Region, and the files in them.

use whittle_analysis::inventory::Function;
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_policy::id::Region;

use crate::files::{FileProblem, SnapshotFiles};

/// The root of a snapshot, or the folder of one Region.
#[derive(Clone)]
pub(crate) struct SnapshotScope<'f> {
    /// `None` for the root, which may hold any Region.
    pub(crate) region: Option<Region>,
    files: &'f dyn SnapshotFiles,
    /// `regions/<region>/`, or nothing; in front of file names.
    prefix: String,
}

/// A file of a scope, maybe unreadable.
#[derive(Debug)]
pub(crate) struct SnapshotDocument {
    /// Region of the scope.
    pub(crate) region: Option<Region>,
    /// Name of the file from the root of the snapshot.
    pub(crate) place: String,
    /// For a file of a folder: its name without extension.
    pub(crate) stem: Option<String>,
    /// Its text, or what is wrong.
    pub(crate) text: Result<String, Issue>,
}

impl SnapshotDocument {
    /// True if the file may be about this function: a file of the root about any, unless it is named after
    /// one.
    pub(crate) fn concerns(&self, function: &Function) -> bool {
        self.region.as_ref().is_none_or(|region| *region == function.region)
            && self.stem.as_ref().is_none_or(|stem| *stem == function.name)
    }
}

/// The root and the Region folders, sorted; a folder that is not named like a Region is an issue.
pub(crate) fn scopes<'f>(files: &'f dyn SnapshotFiles, issues: &mut Vec<Issue>) -> Vec<SnapshotScope<'f>> {
    let mut scopes = vec![SnapshotScope { region: None, files, prefix: String::new() }];
    let names = match files.names("regions") {
        Ok(names) => names.unwrap_or_default(),
        Err(problem) => {
            issues.push(problem.into_issue());
            return scopes;
        }
    };
    for name in names.into_iter().filter(|name| !name.starts_with('.')) {
        match name.parse::<Region>() {
            // A plain file is no folder of a Region.
            Ok(_) | Err(_) if matches!(files.names(&format!("regions/{name}")), Ok(None)) => {}
            Ok(region) => {
                scopes.push(SnapshotScope { region: Some(region), files, prefix: format!("regions/{name}/") });
            }
            Err(error) => issues.push(
                Issue::new(IssueKind::BadName, format!("regions/{name}"), format!("is left out: {error}"))
                    .with_hint("name the folder like the Region, for example `regions/eu-central-1`"),
            ),
        }
    }
    scopes
}

impl SnapshotScope<'_> {
    /// Name of a file of this scope in messages.
    pub(crate) fn place(&self, file: &str) -> String {
        format!("{}{file}", self.prefix)
    }

    /// Text of a file, `Ok(None)` if there is none.
    pub(crate) fn text(&self, file: &str) -> Result<Option<String>, FileProblem> {
        self.files.text(&self.place(file))
    }

    /// `<name>.json` and all of `<name>/*.json`, sorted by name; empty files only as issues.
    pub(crate) fn documents(&self, name: &str, issues: &mut Vec<Issue>) -> Vec<SnapshotDocument> {
        let mut documents = Vec::new();
        self.push_document(&format!("{name}.json"), None, &mut documents);
        match self.files.names(&self.place(name)) {
            Ok(names) => {
                for file in names.unwrap_or_default() {
                    let Some(stem) = file.strip_suffix(".json") else { continue };
                    if !file.starts_with('.') {
                        self.push_document(&format!("{name}/{file}"), Some(stem.to_owned()), &mut documents);
                    }
                }
            }
            Err(problem) => issues.push(problem.into_issue()),
        }
        // A command that fails leaves an empty file behind; most often because the function has none of
        // these.
        let empty = documents.iter().filter(|document| document.stem.is_some() && is_empty(document)).count();
        if empty > 0 {
            let message = "empty files: the function has none of these, or the command failed";
            let mut issue = Issue::new(IssueKind::EmptyFile, self.place(name), message)
                .with_hint("look at what the command printed, and remove the empty files");
            issue.count = u64::try_from(empty).unwrap_or(u64::MAX);
            issues.push(issue);
        }
        documents.retain(|document| document.stem.is_none() || !is_empty(document));
        documents
    }

    /// True if `<name>.json` or the folder `<name>` exists.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.files.exists(&self.place(&format!("{name}.json")))
            || !matches!(self.files.names(&self.place(name)), Ok(None))
    }

    fn push_document(&self, file: &str, stem: Option<String>, documents: &mut Vec<SnapshotDocument>) {
        let text = match self.text(file) {
            Ok(None) => return,
            Ok(Some(text)) => Ok(text),
            Err(problem) => Err(problem.into_issue()),
        };
        documents.push(SnapshotDocument { region: self.region.clone(), place: self.place(file), stem, text });
    }
}

fn is_empty(document: &SnapshotDocument) -> bool {
    document.text.as_ref().is_ok_and(|text| text.trim().is_empty())
}
