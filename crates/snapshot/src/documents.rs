//! Documents of a snapshot in memory.

use std::collections::{BTreeMap, BTreeSet};

use crate::files::{FileProblem, SnapshotFiles};

/// The documents of a snapshot by their name in a snapshot folder (`regions/eu-central-1/functions.json`), as
/// compact JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotDocuments {
    texts: BTreeMap<String, String>,
}

impl SnapshotDocuments {
    /// Adds a document, or replaces the one of this name.
    pub fn insert(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.texts.insert(name.into(), text.into());
    }

    /// Text of a document.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// All documents by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Number of documents.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// All documents as files that people read and compare: indented, a line break at the end.
    pub fn files(&self) -> impl Iterator<Item = (&str, String)> {
        self.iter().map(|(name, text)| {
            let pretty = serde_json::from_str::<serde_json::Value>(text)
                .and_then(|value| serde_json::to_string_pretty(&value))
                .unwrap_or_else(|_| text.to_owned());
            (name, format!("{pretty}\n"))
        })
    }
}

impl SnapshotFiles for SnapshotDocuments {
    fn shown(&self) -> String {
        String::new()
    }

    fn text(&self, file: &str) -> Result<Option<String>, FileProblem> {
        Ok(self.texts.get(file).cloned())
    }

    fn names(&self, folder: &str) -> Result<Option<BTreeSet<String>>, FileProblem> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let names: BTreeSet<String> = self
            .texts
            .range(prefix.clone()..)
            .map_while(|(name, _)| name.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('/').next())
            .map(ToOwned::to_owned)
            .collect();
        Ok((!names.is_empty()).then_some(names))
    }

    fn exists(&self, file: &str) -> bool {
        self.texts.contains_key(file) || matches!(self.names(file), Ok(Some(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(folder: &str, expect: Option<&[&str]>) {
        let mut documents = SnapshotDocuments::default();
        for name in
            ["a.json", "regions/eu-central-1/functions.json", "regions/eu-central-1/tags/x.json", "regions2.json"]
        {
            documents.insert(name, "{}");
        }
        let expect = expect.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(documents.names(folder).unwrap(), expect, "{folder}");
        assert_eq!(
            documents.exists(folder),
            folder == "a.json" || (expect.is_some() && !folder.is_empty()) || folder.is_empty()
        );
    }

    #[test]
    fn folders_are_what_names_begin_with() {
        check("", Some(&["a.json", "regions", "regions2.json"]));
        check("regions", Some(&["eu-central-1"]));
        check("regions/eu-central-1", Some(&["functions.json", "tags"]));
        check("regions/eu", None);
        check("a.json", None);
    }

    #[test]
    fn files_are_indented_and_end_in_a_line_break() {
        let mut documents = SnapshotDocuments::default();
        documents.insert("b.json", "{\"z\":1,\"a\":[]}");
        documents.insert("a.json", "no JSON");
        let files: Vec<_> = documents.files().collect();
        assert_eq!(
            files,
            [("a.json", "no JSON\n".to_owned()), ("b.json", "{\n  \"z\": 1,\n  \"a\": []\n}\n".to_owned())]
        );
    }
}
