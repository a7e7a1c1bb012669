//! Lists and reads trail files of folders, as S3 holds them or flat.
//!
//! In: files and folders. Out: [`TrailObject`]s sorted by source and key. A folder is walked without
//! recursion, each directory once (a loop of symbolic links ends); hidden entries are left out, and so are
//! links that lead out of the paths given: whoever may write into a trail folder must not choose what is
//! read. A file is listed when its extension is one of trail files, or when its first bytes look like gzip or
//! JSON; anything else is counted in an issue, so that evidence in a format that Whittle does not read is
//! never missed in silence. The path `-` is standard input, read once.
//!
//! Not here: what is inside. Digest, Insights, aggregated and network-activity files are listed like the
//! rest; the evidence reader classes and counts them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use whittle_analysis::issue::{Issue, IssueKind, merge_issues};
use whittle_evidence::read::parse_key;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::{PortError, PortErrorKind, TrailObjects};
use whittle_pipeline::trail_object::TrailObject;

use crate::files::read_bounded;

/// Default limit of one stored (maybe compressed) object. CloudTrail's own files hold at most 50 MB
/// uncompressed (AWS CloudTrail User Guide, "Quotas in AWS CloudTrail").
pub const DEFAULT_MAX_OBJECT_BYTES: u64 = 1 << 30;

/// Bytes that decide whether a file without a known extension is gzip or JSON.
const SNIFF_BYTES: u64 = 512;

/// Extensions that are trail files without looking inside (the last one of `x.json.gz` decides).
const EXTENSIONS: &[&str] = &["json", "gz", "ndjson", "jsonl"];

/// What to do about a link that is not followed.
const OUTSIDE_HINT: &str = "give what it points to as a trail path of its own, or copy it into the folder";

/// The path, and the source of objects, that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// Trail files under some paths.
#[derive(Debug, Clone)]
pub struct TrailFolder {
    paths: Vec<PathBuf>,
    max_object_bytes: u64,
    standard_input: Arc<Mutex<StandardInput>>,
}

/// What is known of standard input. Its bytes are held once, and go to whoever reads the object.
#[derive(Debug, Default)]
struct StandardInput {
    object: Option<TrailObject>,
    bytes: Option<Vec<u8>>,
}

impl TrailFolder {
    /// Files and folders to read. They are looked at when [`TrailObjects::list`] is called.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, max_object_bytes: DEFAULT_MAX_OBJECT_BYTES, standard_input: Arc::default() }
    }

    /// Refuses to read objects that are larger as stored.
    #[must_use]
    pub fn with_max_object_bytes(mut self, max_object_bytes: u64) -> Self {
        self.max_object_bytes = max_object_bytes;
        self
    }

    /// Standard input as one object. What it holds is its version: a store must not take it for what it was
    /// last time.
    fn standard_input(&self) -> Result<TrailObject, PortError> {
        let mut input = self.standard_input.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(object) = &input.object {
            return Ok(object.clone());
        }
        let mut bytes = Vec::new();
        let limit = self.max_object_bytes;
        let read = io::stdin().lock().take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| cannot_read(Path::new("standard input"), error))?;
        if bytes.len() as u64 > limit {
            let message = format!("standard input holds more than {limit} bytes");
            return Err(PortError::new(PortErrorKind::Invalid, message).with_hint("give files instead"));
        }
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let object = TrailObject {
            source: STANDARD_INPUT.to_owned(),
            key: "stdin".to_owned(),
            version: format!("{:016x}", hasher.finish()),
            size_bytes: bytes.len() as u64,
        };
        *input = StandardInput { object: Some(object.clone()), bytes: Some(bytes) };
        Ok(object)
    }

    /// The bytes of standard input, handed out once: a copy of them would double the memory.
    fn take_standard_input(&self) -> Result<Vec<u8>, PortError> {
        let mut input = self.standard_input.lock().unwrap_or_else(PoisonError::into_inner);
        input.bytes.take().ok_or_else(|| {
            PortError::new(PortErrorKind::Invalid, "standard input was read already")
                .with_hint("give it as a file to read it more than once")
        })
    }
}

impl TrailObjects for TrailFolder {
    fn list(&self, _: &ReadMarks) -> Result<(Vec<TrailObject>, Vec<Issue>), PortError> {
        let mut folders = BTreeSet::new();
        let mut files = BTreeSet::new();
        let mut standard_input = None;
        for path in &self.paths {
            if path.as_os_str() == STANDARD_INPUT {
                standard_input = Some(self.standard_input()?);
                continue;
            }
            let canonical = path.canonicalize().map_err(|error| cannot_open(path, error))?;
            let metadata = std::fs::metadata(&canonical).map_err(|error| cannot_open(path, error))?;
            if metadata.is_dir() {
                folders.insert(canonical);
            } else if metadata.is_file() {
                files.insert(canonical);
            } else {
                let message = format!("trail path `{}` is neither a file nor a folder", path.display());
                return Err(PortError::new(PortErrorKind::Invalid, message));
            }
        }

        let mut walk = FolderWalk { given: folders.iter().chain(&files).cloned().collect(), ..FolderWalk::default() };
        // Sorted, so a folder comes before those inside it, which are then already visited.
        for folder in &folders {
            walk.folder(folder)?;
        }
        let mut objects = walk.objects;
        objects.sort();
        for file in &files {
            let Some(object) = single(file, &folders, &objects)? else { continue };
            objects.push(object);
        }
        objects.extend(standard_input);
        objects.sort();
        objects.dedup();
        Ok((objects, merge_issues(walk.issues)))
    }

    fn read(&self, object: &TrailObject) -> Result<Vec<u8>, PortError> {
        if object.source == STANDARD_INPUT {
            return self.take_standard_input();
        }
        let relative = Path::new(&object.key);
        // INVARIANT: a key never leads out of its source.
        if !relative.components().all(|component| matches!(component, Component::Normal(_))) {
            let message = format!("trail key `{}` is not a path inside its folder", object.key);
            return Err(PortError::new(PortErrorKind::Invalid, message));
        }
        let path = Path::new(&object.source).join(relative);
        // INVARIANT: nor does a link in it; one may have been put there since the folder was listed.
        let real = path.canonicalize().map_err(|error| cannot_read(&path, error))?;
        if !real.starts_with(&object.source) {
            let message = format!("trail file `{}` is a link that leads out of its folder", path.display());
            return Err(PortError::new(PortErrorKind::Invalid, message).with_hint(OUTSIDE_HINT));
        }
        let metadata = std::fs::metadata(&path).map_err(|error| cannot_read(&path, error))?;
        if !metadata.is_file() {
            let message = format!("trail file `{}` is not a regular file", path.display());
            return Err(PortError::new(PortErrorKind::Invalid, message));
        }
        match read_bounded(&path, self.max_object_bytes) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => {
                let limit = self.max_object_bytes;
                let message = format!("trail file `{}` is larger than {limit} bytes", path.display());
                Err(PortError::new(PortErrorKind::Invalid, message).with_hint("split the file"))
            }
            Err(error) => Err(cannot_read(&path, error)),
        }
    }
}

/// The object of a file that was named itself; `None` if the walk of a folder has it already.
fn single(file: &Path, folders: &BTreeSet<PathBuf>, listed: &[TrailObject]) -> Result<Option<TrailObject>, PortError> {
    let nameless = || {
        let message = format!("the name of trail file `{}` is not UTF-8 text", file.display());
        PortError::new(PortErrorKind::Invalid, message).with_hint("rename the file")
    };
    for folder in folders {
        let Some(key) = file.strip_prefix(folder).ok().and_then(key_of) else { continue };
        let Some(source) = folder.to_str() else { continue };
        let found =
            listed.binary_search_by(|object| (object.source.as_str(), object.key.as_str()).cmp(&(source, &key)));
        if found.is_ok() {
            return Ok(None);
        }
    }
    let source = file.parent().and_then(Path::to_str).ok_or_else(nameless)?;
    let key = file.file_name().and_then(OsStr::to_str).ok_or_else(nameless)?;
    let metadata = std::fs::metadata(file).map_err(|error| cannot_read(file, error))?;
    Ok(Some(object(source, key.to_owned(), &metadata)))
}

#[derive(Debug, Default)]
struct FolderWalk {
    /// All folders and files that were named, canonical.
    given: BTreeSet<PathBuf>,
    visited: BTreeSet<PathBuf>,
    objects: Vec<TrailObject>,
    issues: Vec<Issue>,
}

impl FolderWalk {
    fn folder(&mut self, root: &Path) -> Result<(), PortError> {
        let source = root.to_str().ok_or_else(|| {
            let message = format!("the name of trail folder `{}` is not UTF-8 text", root.display());
            PortError::new(PortErrorKind::Invalid, message).with_hint("rename the folder")
        })?;
        // A folder that cannot be listed at all is an error; one further down is an issue.
        std::fs::read_dir(root).map_err(|error| cannot_open(root, error))?;
        let nested = self.visited.contains(root);
        let before = self.objects.len();
        let mut folder = Folder { source, skipped: LeftOut::default(), outside: LeftOut::default() };
        // Linked directories come last, so that the keys of real files do not depend on links to them.
        let mut pending = vec![root.to_owned()];
        let mut linked: BTreeSet<PathBuf> = BTreeSet::new();
        loop {
            while let Some(directory) = pending.pop() {
                self.directory(root, &directory, &mut folder, &mut pending, &mut linked);
            }
            let Some(next) = linked.pop_first() else { break };
            pending.push(next);
        }
        if let Some(example) = &folder.skipped.example {
            let message = format!("files that are neither JSON nor gzip were left out, such as `{example}`");
            let mut issue = Issue::new(IssueKind::NotATrailFile, source, message)
                .with_hint("they count for nothing; move them elsewhere if they are none of the trail");
            issue.count = folder.skipped.count;
            self.issues.push(issue);
        }
        if let Some(example) = &folder.outside.example {
            let message = format!("links that lead out of the folder were not followed, such as `{example}`");
            // What they point to may be trail files, so absence proves nothing.
            let mut issue = Issue::new(IssueKind::Unlisted, source, message).with_hint(OUTSIDE_HINT);
            issue.count = folder.outside.count;
            self.issues.push(issue);
        }
        if self.objects.len() == before && !nested {
            self.issues.push(
                Issue::new(IssueKind::EmptyTrail, source, "no trail file is in this folder").with_hint(
                    "copy the trail with `aws s3 sync s3://<bucket>/AWSLogs/ <folder>`, or give another path",
                ),
            );
        }
        Ok(())
    }

    fn directory(
        &mut self,
        root: &Path,
        directory: &Path,
        folder: &mut Folder<'_>,
        pending: &mut Vec<PathBuf>,
        linked: &mut BTreeSet<PathBuf>,
    ) {
        let place = |path: &Path| {
            let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
            if relative.is_empty() { folder.source.to_owned() } else { format!("{}/{relative}", folder.source) }
        };
        let unreadable = |path: &Path, error: &io::Error| {
            // It may hold trail files, so absence proves nothing.
            Issue::new(IssueKind::Unavailable, place(path), format!("cannot be read: {error}"))
                .with_hint("check its permissions, or that a link leads somewhere; until then nothing is called unused")
        };
        match directory.canonicalize() {
            // INVARIANT: each real directory is listed once, whatever links lead to it.
            Ok(canonical) => {
                if !self.visited.insert(canonical) {
                    return;
                }
            }
            Err(error) => return self.issues.push(unreadable(directory, &error)),
        }
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => return self.issues.push(unreadable(directory, &error)),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.issues.push(unreadable(directory, &error));
                    continue;
                }
            };
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if is_link {
                match path.canonicalize() {
                    Ok(target) if target.starts_with(root) => {}
                    // It is listed under its own path.
                    Ok(target) if self.given.iter().any(|given| target.starts_with(given)) => continue,
                    Ok(_) => {
                        folder.outside.add(path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned());
                        continue;
                    }
                    Err(error) => {
                        self.issues.push(unreadable(&path, &error));
                        continue;
                    }
                }
            }
            let metadata = match std::fs::metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) => {
                    self.issues.push(unreadable(&path, &error));
                    continue;
                }
            };
            if metadata.is_dir() {
                if is_link {
                    linked.insert(path);
                } else {
                    pending.push(path);
                }
                continue;
            }
            let Some(key) = path.strip_prefix(root).ok().and_then(key_of) else {
                self.issues.push(
                    Issue::new(IssueKind::Unavailable, place(&path), "its name is not UTF-8 text")
                        .with_hint("rename the file; until then nothing is called unused"),
                );
                continue;
            };
            // Opening a pipe would wait for a writer for ever.
            let wanted = metadata.is_file()
                && (has_trail_extension(&path)
                    || match looks_like_trail(&path) {
                        Ok(looks) => looks,
                        Err(error) => {
                            self.issues.push(unreadable(&path, &error));
                            continue;
                        }
                    });
            if wanted {
                self.objects.push(object(folder.source, key, &metadata));
            } else if parse_key(&key).is_some_and(|key| !key.kind.can_be_skipped()) {
                let message = "is named like a trail file, and is neither JSON nor gzip";
                self.issues.push(
                    Issue::new(IssueKind::Unavailable, place(&path), message)
                        .with_hint("unpack it or fetch it again; until then nothing is called unused"),
                );
            } else {
                folder.skipped.add(key);
            }
        }
    }
}

/// Objects and issues of one walk of a folder.
struct Folder<'a> {
    source: &'a str,
    /// Files that are no trail files.
    skipped: LeftOut,
    /// Links that lead out of the folder.
    outside: LeftOut,
}

/// Entries that were left out for one reason.
#[derive(Debug, Default)]
struct LeftOut {
    count: u64,
    /// The first in the order of names, so that a message does not depend on the order of the file system.
    example: Option<String>,
}

impl LeftOut {
    fn add(&mut self, name: String) {
        self.count = self.count.saturating_add(1);
        if self.example.as_ref().is_none_or(|example| name < *example) {
            self.example = Some(name);
        }
    }
}

fn object(source: &str, key: String, metadata: &Metadata) -> TrailObject {
    TrailObject { source: source.to_owned(), key, version: version(metadata), size_bytes: metadata.len() }
}

/// Size and modification time in nanoseconds.
fn version(metadata: &Metadata) -> String {
    let size = metadata.len();
    match metadata.modified().map(|time| time.duration_since(UNIX_EPOCH)) {
        Ok(Ok(after)) => format!("{size}-{}", after.as_nanos()),
        Ok(Err(before)) => format!("{size}--{}", before.duration().as_nanos()),
        // No modification time on this file system: the size alone.
        Err(_) => format!("{size}-"),
    }
}

/// A relative path with `/`; `None` if it is not UTF-8.
fn key_of(relative: &Path) -> Option<String> {
    let mut key = String::new();
    for component in relative.components() {
        let Component::Normal(part) = component else { return None };
        if !key.is_empty() {
            key.push('/');
        }
        key.push_str(part.to_str()?);
    }
    (!key.is_empty()).then_some(key)
}

fn has_trail_extension(path: &Path) -> bool {
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|extension| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

/// True if the file begins like gzip (RFC 1952, section 2.3.1) or like a JSON object or list.
fn looks_like_trail(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(SNIFF_BYTES).read_to_end(&mut start)?;
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
    Ok(start.starts_with(&[0x1f, 0x8b]) || text.trim_ascii_start().first().is_some_and(|byte| b"{[".contains(byte)))
}

fn cannot_open(path: &Path, error: io::Error) -> PortError {
    let message = format!("trail path `{}` cannot be opened", path.display());
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "check the path; it is a file or folder with CloudTrail logs",
        io::ErrorKind::PermissionDenied => "check that you may read it",
        _ => "check the path",
    };
    PortError::new(PortErrorKind::Invalid, message).with_hint(hint).with_source(error)
}

fn cannot_read(path: &Path, error: io::Error) -> PortError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => PortErrorKind::NotFound,
        _ => PortErrorKind::Invalid,
    };
    PortError::new(kind, format!("trail file `{}` cannot be read", path.display())).with_source(error)
}

#[cfg(test)]
mod tests;
