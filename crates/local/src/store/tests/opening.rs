use super::*;

#[track_caller]
fn refused(path: &Path, kind: &PortErrorKind, words: &str) {
    let error = SqliteStore::open_waiting(path, Duration::from_millis(100)).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "`{words}` is not in: {error}");
    assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{error}");
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let (dir, path) = file();
    fs::write(&path, "This is a text of some length, and surely not a database of any kind.".repeat(20)).unwrap();
    let before = fs::read(&path).unwrap();
    refused(&path, &PortErrorKind::Invalid, "not an SQLite database");
    assert_eq!(fs::read(&path).unwrap(), before);

    refused(dir.path(), &PortErrorKind::Invalid, "is a folder");
    refused(&dir.path().join("none/whittle.db"), &PortErrorKind::Invalid, "is no folder");

    let other = dir.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE music (title TEXT)").unwrap();
    let before = fs::read(&other).unwrap();
    refused(&other, &PortErrorKind::Invalid, "of another program");
    assert_eq!(fs::read(&other).unwrap(), before);
}

#[test]
fn an_empty_file_becomes_a_store() {
    let (_dir, path) = file();
    fs::write(&path, "").unwrap();
    SqliteStore::open(&path).unwrap().load_ledger().unwrap();
}

#[test]
fn a_newer_store_is_refused() {
    let (_dir, path) = file();
    SqliteStore::open(&path).unwrap().close().unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", i64::try_from(schema::CURRENT).unwrap() + 1).unwrap();
    connection.close().unwrap();
    refused(&path, &PortErrorKind::Invalid, "newer Whittle");
}

#[test]
fn a_locked_store_is_named() {
    let (_dir, path) = file();
    let mut store = SqliteStore::open_waiting(&path, Duration::from_millis(100)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.save(&seen("orders", 1), &[], &[]).unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::Transient);
    assert!(error.to_string().contains("in use by another process"), "{error}");
    assert!(error.hint().is_some());
    // Reading does not wait for a writer.
    assert!(store.load_ledger().unwrap().is_empty());
    other.execute_batch("ROLLBACK").unwrap();
    store.save(&seen("orders", 1), &[], &[]).unwrap();
}

#[test]
fn a_locked_new_file_is_named() {
    let (_dir, path) = file();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    refused(&path, &PortErrorKind::Transient, "in use by another process");
}

#[test]
fn a_damaged_file_is_an_error() {
    let (_dir, path) = file();
    let mut store = SqliteStore::open(&path).unwrap();
    for day in 1..=28 {
        store.save(&joined(&[seen(&format!("role{day}"), day)]), &[], &[]).unwrap();
    }
    store.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[4096..length].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let error = SqliteStore::open(&path).and_then(|mut store| store.load_ledger()).unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::Invalid, "{error}");
    assert!(error.hint().is_some());
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, path) = file();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser may write everywhere; there is nothing to see then.
    if fs::write(dir.path().join("probe"), "").is_err() {
        refused(&path, &PortErrorKind::Invalid, "no permission to write there");
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_new_store_is_made_once() {
    let (_dir, path) = file();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| SqliteStore::open(&path).unwrap().close().unwrap());
        }
    });
    let before = contents(&path);
    SqliteStore::open(&path).unwrap().close().unwrap();
    assert!(contents(&path) == before);
}
