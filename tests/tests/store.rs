//! The store of `whittle analyze` as a file: what it holds, who may read it, and reading it where nothing may
//! be written.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{call, copy, shop, stderr, stdout, whittle};

fn analyzed(dir: &Path, snapshot: &Path) {
    let (snapshot, trail) = (snapshot.display().to_string(), shop().join("trail").display().to_string());
    let output = call(dir, &["analyze", &snapshot, "--trail", &trail, "--store", "keep/store", "--quiet"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn environment_variables_are_not_in_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = dir.path().join("snapshot");
    copy(&shop(), &snapshot);
    let functions = snapshot.join("regions/eu-central-1/functions.json");
    let text = std::fs::read_to_string(&functions).unwrap();
    let mut answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    for function in answer["Functions"].as_array_mut().unwrap() {
        function["Environment"] = serde_json::json!({"Variables": {"DB_PASSWORD": "hunter2"}});
    }
    std::fs::write(&functions, answer.to_string()).unwrap();
    analyzed(dir.path(), &snapshot);
    let store = std::fs::read(dir.path().join("keep/store")).unwrap();
    assert!(!store.windows(7).any(|window| window == b"hunter2"));
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    analyzed(dir.path(), &shop());
    let store = dir.path().join("keep/store");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&store), mode(&dir.path().join("keep"))), (0o600, 0o700));
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    let output = call(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--store", "keep/store"]);
    assert!(stderr(&output).contains("hint: others could read the store"), "{}", stderr(&output));
    assert_eq!(mode(&store), 0o600);
}

/// Runs the program where it may write nothing: as nobody if these tests run as the superuser, who may write
/// everywhere. `None` where that cannot be done.
#[cfg(unix)]
fn call_as_reader(dir: &Path, args: &[&str]) -> Option<Output> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let superuser = std::fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0);
    let mut command = if superuser {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--"]).arg(whittle());
        command
    } else {
        Command::new(whittle())
    };
    for path in dir.ancestors().take_while(|path| *path != Path::new("/")).chain(whittle().ancestors().skip(1)) {
        let open = std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o001 != 0);
        if superuser && !open {
            return None;
        }
    }
    command.args(args).current_dir(dir).env("NO_COLOR", "1").env_remove("WHITTLE_OUTPUT").output().ok()
}

#[cfg(unix)]
#[test]
fn a_store_that_may_not_be_written_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    analyzed(dir.path(), &shop());
    let chmod = |path: &str, mode| {
        let path = dir.path().join(path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let template = shop().parent().unwrap().join("templates/shop.yaml");
    let before = dir.path().join("before.json");
    let snapshot = shop().display().to_string();
    let trail = shop().join("trail").display().to_string();
    let analyzed = [
        "analyze",
        &snapshot,
        "--trail",
        &trail,
        "--store",
        "keep/store",
        "--format",
        "json",
        "-o",
        "before.json",
        "--quiet",
    ];
    assert!(call(dir.path(), &analyzed).status.success());
    std::fs::copy(&template, dir.path().join("shop.yaml")).unwrap();
    chmod("before.json", 0o644);
    chmod("shop.yaml", 0o644);
    chmod("keep/store", 0o444);
    chmod("keep", 0o555);
    chmod("", 0o755);
    let before = before.display().to_string();
    for args in [
        vec!["policy", "shop-checkout"],
        vec!["explain", "shop-checkout"],
        vec!["explain", "shop-checkout", "dynamodb:*", "--all"],
        vec!["check", "shop.yaml", "--format", "json"],
        vec!["diff", "shop.yaml"],
        vec!["diff", &before],
    ] {
        let args: Vec<&str> = args.into_iter().chain(["--store", "keep/store"]).collect();
        let expect = call(dir.path(), &args);
        assert!(expect.status.code().unwrap() < 2, "{args:?}: {}", stderr(&expect));
        let Some(output) = call_as_reader(dir.path(), &args) else { continue };
        assert_eq!(output.status.code(), expect.status.code(), "{args:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), stdout(&expect), "{args:?}");
    }
    let kept: Vec<_> =
        std::fs::read_dir(dir.path().join("keep")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["store"], "nothing is left beside");
    // To write it is an error that says why.
    if let Some(output) =
        call_as_reader(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--store", "keep/store"])
    {
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("no permission to write there"), "{}", stderr(&output));
    }
    // And one that may not be read.
    chmod("keep/store", 0o600);
    if let Some(output) = call_as_reader(dir.path(), &["policy", "shop-checkout", "--store", "keep/store"])
        && stdout(&output).is_empty()
    {
        assert!(stderr(&output).contains("cannot be read"), "{}", stderr(&output));
    }
    chmod("keep", 0o700);
}
