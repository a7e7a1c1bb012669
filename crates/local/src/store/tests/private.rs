//! Who may read a store, and how one is read that may not be written.

use super::*;
use crate::store::opening::ReadOnlyWay;

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_a_store() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, path) = file();
    let mut store = SqliteStore::open(&path).unwrap();
    store.save(&seen("orders", 1), &[], &[]).unwrap();
    assert_eq!(store.exposure(), StoreExposure::Private);
    for path in [path.clone(), file::beside(&path, "-wal"), file::beside(&path, "-shm")] {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    store.close().unwrap();
    // One of an earlier version is closed to others when it is written again, not when it is read.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    SqliteStore::open_to_read(&path).unwrap();
    assert_eq!(mode(&path), 0o644);
    assert_eq!(SqliteStore::open(&path).unwrap().exposure(), StoreExposure::Tightened);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(SqliteStore::open(&path).unwrap().exposure(), StoreExposure::Private);
    // What is no store keeps its permissions.
    let other = path.with_file_name("other.db");
    fs::write(&other, "something else, and long enough to be none of ours".repeat(20)).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(SqliteStore::open(&other).is_err());
    assert_eq!(mode(&other), 0o644);
}

#[test]
fn a_store_is_read_without_a_trace() {
    let (_dir, path) = file();
    let ledger = joined(&[seen("orders", 1), seen("mail", 2)]);
    let mut store = SqliteStore::open(&path).unwrap();
    store.save(&ledger, &[object("a.json", "1")], &[]).unwrap();
    store.close().unwrap();
    // Names that mean something in a URI.
    let odd = path.with_file_name("100% what? #1&mode=memory.db");
    fs::rename(&path, &odd).unwrap();
    let before = contents(&odd);
    assert_eq!(ReadOnlyWay::of(&odd), ReadOnlyWay::Unlocked);
    let mut store = SqliteStore::open_read_only(&odd).unwrap();
    assert_eq!(store.load_ledger().unwrap(), ledger);
    assert_eq!(store.objects().unwrap().len(), 1);
    assert!(contents(&odd) == before);
    assert!(store.save(&seen("orders", 2), &[], &[]).is_err());
    drop(store);
    assert!(contents(&odd) == before);
}

#[test]
fn what_a_killed_process_left_beside_a_store_is_read_too() {
    let (dir, path) = file();
    let mut store = SqliteStore::open(&path).unwrap();
    store.save(&seen("orders", 1), &[], &[]).unwrap();
    // The process is gone without closing. Its log may have lost its index, as in a copy.
    for with_index in [true, false] {
        let left = dir.path().join(if with_index { "with" } else { "without" });
        fs::create_dir(&left).unwrap();
        for name in ["whittle.db", "whittle.db-wal", "whittle.db-shm"] {
            if with_index || !name.ends_with("shm") {
                fs::copy(path.with_file_name(name), left.join(name)).unwrap();
            }
        }
        let left = left.join("whittle.db");
        assert_eq!(ReadOnlyWay::of(&left), ReadOnlyWay::WithLeftovers);
        let mut opened = SqliteStore::open_read_only(&left).unwrap();
        assert_eq!(opened.load_ledger().unwrap(), seen("orders", 1), "with index: {with_index}");
    }
    // And while it lives.
    let mut opened = SqliteStore::open_read_only(&path).unwrap();
    assert_eq!(opened.load_ledger().unwrap(), seen("orders", 1));
}

#[test]
fn a_store_that_is_written_while_it_is_read_without_locks_is_an_error() {
    let (_dir, path) = file();
    let mut store = SqliteStore::open(&path).unwrap();
    store.save(&seen("orders", 1), &[], &[]).unwrap();
    store.close().unwrap();
    let mut reading = SqliteStore::open_read_only(&path).unwrap();
    let mut writing = SqliteStore::open(&path).unwrap();
    writing.save(&seen("orders", 2), &[], &[]).unwrap();
    let error = reading.load_ledger().unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::Transient, "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn a_store_that_would_have_to_be_changed_first_is_an_error() {
    let (_dir, path) = file();
    migration::make_old(&path, &[]);
    let before = fs::read(&path).unwrap();
    let error = SqliteStore::open_read_only(&path).unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::Invalid);
    assert!(error.to_string().contains("earlier Whittle (schema 2"), "{error}");
    assert!(error.hint().unwrap().contains("copy it"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    // Where it may be written, it is brought up to date.
    SqliteStore::open_to_read(&path).unwrap();
    SqliteStore::open_read_only(&path).unwrap();
    fs::write(&path, "").unwrap();
    assert!(SqliteStore::open_read_only(&path).unwrap_err().to_string().contains("is empty"));
    fs::remove_file(&path).unwrap();
    assert!(SqliteStore::open_read_only(&path).unwrap_err().to_string().contains("cannot be read"));
    assert!(!path.exists());
}
