use super::*;

fn write(root: &Path, key: &str, content: &[u8]) {
    let path = root.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn list(paths: &[&Path]) -> (Vec<String>, Vec<Issue>) {
    let folder = TrailFolder::new(paths.iter().map(|path| path.to_path_buf()).collect());
    let (objects, issues) = folder.list(&ReadMarks::default()).unwrap();
    let mut sorted = objects.clone();
    sorted.sort();
    assert_eq!(objects, sorted, "sorted by source and key");
    (objects.into_iter().map(|object| object.key).collect(), issues)
}

#[test]
fn candidates_are_known_by_extension_or_content() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "AWSLogs/1/CloudTrail/eu-west-1/2026/01/01/a.json.gz", b"\x1f\x8b");
    write(root, "AWSLogs/1/CloudTrail-Digest/eu-west-1/d.json.gz", b"\x1f\x8b");
    write(root, "b.JSON", b"");
    write(root, "c.ndjson", b"");
    write(root, "d.jsonl", b"");
    write(root, "no-extension", b" \n{\"Records\":[]}");
    write(root, "text.log", b"\xef\xbb\xbf[");
    write(root, "packed.part", b"\x1f\x8b\x08");
    write(root, "table.parquet", b"PAR1");
    write(root, "README.md", b"# hello");
    write(root, "empty", b"");
    write(root, ".hidden.json", b"{}");
    write(root, ".cache/x.json", b"{}");
    let (keys, issues) = list(&[root]);
    assert_eq!(
        keys,
        [
            "AWSLogs/1/CloudTrail-Digest/eu-west-1/d.json.gz",
            "AWSLogs/1/CloudTrail/eu-west-1/2026/01/01/a.json.gz",
            "b.JSON",
            "c.ndjson",
            "d.jsonl",
            "no-extension",
            "packed.part",
            "text.log",
        ]
    );
    assert_eq!(issues.len(), 1);
    assert_eq!((issues[0].kind.as_str(), issues[0].count), ("not-a-trail-file", 3));
    assert!(issues[0].message.contains("README.md"), "{}", issues[0].message);
}

#[test]
fn reading_gives_the_stored_bytes_under_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a/b.json", b"{\"Records\":[]}");
    let folder = TrailFolder::new(vec![dir.path().to_owned()]);
    let (objects, _) = folder.list(&ReadMarks::default()).unwrap();
    assert_eq!(objects[0].size_bytes, 14);
    assert!(objects[0].version.starts_with("14-"), "{}", objects[0].version);
    assert_eq!(objects[0].source, dir.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(folder.read(&objects[0]).unwrap(), b"{\"Records\":[]}");

    let error = folder.clone().with_max_object_bytes(5).read(&objects[0]).unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::Invalid);
    assert!(error.hint().is_some());

    std::fs::remove_file(dir.path().join("a/b.json")).unwrap();
    assert_eq!(folder.read(&objects[0]).unwrap_err().kind(), &PortErrorKind::NotFound);
}

#[test]
fn a_key_cannot_leave_its_source() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "secret.json", b"{}");
    write(dir.path(), "trail/a.json", b"{}");
    let source = dir.path().join("trail").to_str().unwrap().to_owned();
    let folder = TrailFolder::new(vec![]);
    for key in ["../secret.json", "/etc/passwd", "x/../../secret.json"] {
        let object = TrailObject { source: source.clone(), key: key.to_owned(), version: String::new(), size_bytes: 0 };
        assert!(folder.read(&object).is_err(), "{key}");
    }
}

#[test]
fn a_changed_file_has_another_version() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.json", b"{}");
    let folder = TrailFolder::new(vec![dir.path().to_owned()]);
    let first = folder.list(&ReadMarks::default()).unwrap();
    assert_eq!(first, folder.list(&ReadMarks::default()).unwrap());
    let file = File::options().write(true).open(dir.path().join("a.json")).unwrap();
    file.set_modified(UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
    assert_ne!(first.0[0].version, folder.list(&ReadMarks::default()).unwrap().0[0].version);
}

#[test]
fn overlapping_paths_list_each_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "a/b/c.json", b"{}");
    write(root, "a/plain.txt", b"not json");
    let (keys, _) = list(&[root, &root.join("a"), &root.join("a/b/c.json"), &root.join("a/../a/b")]);
    assert_eq!(keys, ["a/b/c.json"]);
    // A file named itself is read whatever it looks like: whoever named it wants to hear what is wrong with
    // it.
    let (keys, issues) = list(&[&root.join("a/plain.txt")]);
    assert_eq!(keys, ["plain.txt"]);
    assert!(issues.is_empty());
}

#[test]
fn an_empty_folder_is_an_issue_and_a_missing_one_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, issues) = list(&[dir.path()]);
    assert!(keys.is_empty());
    assert_eq!(issues[0].kind, IssueKind::EmptyTrail);
    assert!(!issues[0].hint.is_empty());

    let missing = dir.path().join("nothing");
    let error = TrailFolder::new(vec![missing]).list(&ReadMarks::default()).unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::Invalid);
    assert!(error.to_string().contains("nothing"), "{error}");
    assert!(error.hint().unwrap().contains("check the path"));
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_never_for_ever() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("trail");
    write(&root, "real/x.json", b"{}");
    write(dir.path(), "outside/y.json", b"{}");
    symlink(&root, root.join("real/loop")).unwrap();
    symlink("self", root.join("self")).unwrap();
    symlink("real", root.join("alias")).unwrap();
    symlink(dir.path().join("outside"), root.join("linked")).unwrap();
    symlink(dir.path().join("gone.json"), root.join("dangling.json")).unwrap();
    let (keys, issues) = list(&[&root]);
    assert_eq!(keys, ["real/x.json"]);
    let kinds: Vec<_> = issues.iter().map(|issue| issue.kind.as_str()).collect();
    assert_eq!(kinds, ["unavailable", "unavailable", "unlisted"], "{issues:?}");
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_named_and_not_followed() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("trail");
    write(&root, "x.json", b"{}");
    write(dir.path(), "outside/y.json", b"{}");
    symlink(dir.path().join("outside"), root.join("folder")).unwrap();
    symlink("../outside/y.json", root.join("file.json")).unwrap();
    symlink("x.json", root.join("inside.json")).unwrap();
    let (keys, issues) = list(&[&root]);
    assert_eq!(keys, ["inside.json", "x.json"]);
    assert_eq!(issues.len(), 1, "{issues:?}");
    assert!(issues[0].kind.loses_evidence() && issues[0].count == 2, "{issues:?}");
    assert!(issues[0].message.contains("`file.json`") && !issues[0].hint.is_empty(), "{issues:?}");
    // What the link points to is read under its own path, and nothing is lost then.
    let (keys, issues) = list(&[&root, &dir.path().join("outside")]);
    assert_eq!((keys, issues), (vec!["y.json".to_owned(), "inside.json".to_owned(), "x.json".to_owned()], vec![]));
    // A link that is put there between listing and reading is not followed either.
    let folder = TrailFolder::new(vec![root.clone()]);
    let (objects, _) = folder.list(&ReadMarks::default()).unwrap();
    std::fs::remove_file(root.join("x.json")).unwrap();
    symlink("../outside/y.json", root.join("x.json")).unwrap();
    let error = folder.read(objects.last().unwrap()).unwrap_err();
    assert!(error.to_string().contains("leads out"), "{error}");
    // A link that is named itself is what somebody asked for.
    let (keys, issues) = list(&[&root.join("folder")]);
    assert_eq!((keys, issues), (vec!["y.json".to_owned()], vec![]));
}

#[cfg(unix)]
#[test]
fn pipes_are_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe.json")).status();
    if made.is_ok_and(|status| status.success()) {
        let (keys, issues) = list(&[dir.path()]);
        assert!(keys.is_empty());
        assert!(issues.iter().any(|issue| issue.kind == IssueKind::NotATrailFile));
        assert!(TrailFolder::new(vec![dir.path().join("pipe.json")]).list(&ReadMarks::default()).is_err());
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_not_text_are_issues() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    if std::fs::write(dir.path().join(OsStr::from_bytes(b"\xff.json")), b"{}").is_ok() {
        let (keys, issues) = list(&[dir.path()]);
        assert!(keys.is_empty());
        assert!(issues.iter().any(|issue| issue.message.contains("UTF-8")), "{issues:?}");
    }
}
