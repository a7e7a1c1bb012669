use std::collections::BTreeSet;
use std::sync::Mutex;

use whittle_snapshot::{FileProblem, SnapshotFiles, read_inventory, read_trails};

use super::reports::report;
use super::*;
use crate::snapshot::SnapshotFolder;

/// Notes what the reader of snapshots asks for and finds.
struct Asked<'a> {
    files: &'a dyn SnapshotFiles,
    found: Mutex<BTreeSet<String>>,
}

impl SnapshotFiles for Asked<'_> {
    fn shown(&self) -> String {
        self.files.shown()
    }

    fn text(&self, file: &str) -> Result<Option<String>, FileProblem> {
        let text = self.files.text(file);
        if !matches!(text, Ok(None)) {
            self.found.lock().unwrap().insert(file.to_owned());
        }
        text
    }

    fn names(&self, folder: &str) -> Result<Option<BTreeSet<String>>, FileProblem> {
        self.files.names(folder)
    }

    fn exists(&self, file: &str) -> bool {
        self.files.exists(file)
    }
}

fn shop(dir: &Path) -> SnapshotFolder {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop");
    copy(&from, dir);
    SnapshotFolder::open(dir).unwrap()
}

/// Copies a folder, but not the trail in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == "trail" {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn store_with(files: &dyn SnapshotFiles, path: &Path) -> SqliteStore {
    let mut store = SqliteStore::open(path).unwrap();
    store.save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    store.keep_snapshot(ACCOUNT, files).unwrap();
    store
}

#[test]
fn a_kept_snapshot_reads_as_the_folder_does() {
    let (dir, path) = file();
    let folder = shop(&dir.path().join("snapshot"));
    // A Region without functions, a file that is no text, one with a status: what is wrong is kept too.
    fs::create_dir_all(dir.path().join("snapshot/regions/eu-west-1")).unwrap();
    fs::write(dir.path().join("snapshot/regions/eu-central-1/tags/shop-invoice.json"), b"\xff").unwrap();
    let mut store = store_with(&folder, &path);
    let kept = store.snapshot(ACCOUNT).unwrap().unwrap();
    let asked = Asked { files: &folder, found: Mutex::default() };
    let (read, of_folder) = (read_inventory(&kept).unwrap(), read_inventory(&asked).unwrap());
    assert_eq!(
        (&read.functions, &read.roles, &read.stacks),
        (&of_folder.functions, &of_folder.roles, &of_folder.stacks)
    );
    // Of what could not be read the store knows that it was there, not what was wrong with it.
    let places = |issues: &[Issue]| -> BTreeSet<String> { issues.iter().map(|issue| issue.place.clone()).collect() };
    assert_eq!(places(&read.issues), places(&of_folder.issues));
    let (trails, of_folder) = (read_trails(&kept), read_trails(&asked));
    assert_eq!(format!("{:?}", trails.trails), format!("{:?}", of_folder.trails));
    // Whatever the reader found is kept; a new kind of file that is not would fail here.
    for name in asked.found.into_inner().unwrap() {
        assert!(kept.exists(&name), "{name} is not kept");
    }
    assert_eq!(store.snapshot("444455556666").unwrap(), None);
}

#[test]
fn no_secret_of_a_snapshot_is_kept() {
    let (dir, path) = file();
    let folder = dir.path().join("snapshot");
    shop(&folder);
    let functions = folder.join("regions/eu-central-1/functions.json");
    let text = fs::read_to_string(&functions).unwrap();
    let mut answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    for function in answer["Functions"].as_array_mut().unwrap() {
        function["Environment"] = json!({"Variables": {"DB_PASSWORD": "hunter2"}});
        function["Description"] = json!("ask for hunter2");
    }
    fs::write(&functions, answer.to_string()).unwrap();
    fs::write(folder.join("regions/eu-central-1/tags/broken.json"), "{\"Tags\": {\"password\": hunter2").unwrap();
    store_with(&SnapshotFolder::open(&folder).unwrap(), &path).close().unwrap();
    let bytes = fs::read(&path).unwrap();
    assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
}

#[test]
fn keeping_again_writes_what_differs() {
    let (dir, path) = file();
    let folder = shop(&dir.path().join("snapshot"));
    store_with(&folder, &path).close().unwrap();
    let before = fs::read(&path).unwrap();
    store_with(&folder, &path).close().unwrap();
    assert_eq!(fs::read(&path).unwrap(), before, "nothing is new");
    fs::remove_dir_all(dir.path().join("snapshot/regions/eu-central-1/tags")).unwrap();
    fs::write(dir.path().join("snapshot/stack-resources.json"), "{}").unwrap();
    let mut store = store_with(&folder, &path);
    let kept = store.snapshot(ACCOUNT).unwrap().unwrap();
    assert_eq!(kept.names("regions/eu-central-1/tags").unwrap(), None);
    assert_eq!(kept.text("stack-resources.json").unwrap().as_deref(), Some("{}"));
    // With its account the snapshot goes.
    let mut empty = report(&[]);
    empty.account = "444455556666".to_owned();
    store.save_report(&empty, &SaveScope::Account).unwrap();
    assert!(store.keep_snapshot("123456789012", &folder).is_err(), "of an account without results");
    assert!(store.snapshot(ACCOUNT).unwrap().is_some(), "that of another account stays");
}
