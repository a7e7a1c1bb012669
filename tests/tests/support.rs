//! Paths, the built binary, and a run through the library.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use whittle_analysis::result::{FunctionResult, Report};
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::store::SqliteStore;
use whittle_local::trail::TrailFolder;
use whittle_pipeline::run::{RunOutcome, RunSettings, run};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

pub fn shop() -> PathBuf {
    root().join("examples/shop")
}

/// The public corpus beside the project, where there is one.
pub fn public_corpus() -> Option<PathBuf> {
    let path = root().parent()?.join("shared/corpus");
    path.is_dir().then_some(path)
}

/// The binary, built once from this workspace.
pub fn whittle() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        escargot::CargoBuild::new()
            .manifest_path(root().join("crates/cli/Cargo.toml"))
            .bin("whittle")
            .run()
            .expect("whittle builds")
            .path()
            .to_path_buf()
    })
}

/// Runs the binary in a folder of its own, without the caller's settings.
pub fn call(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(whittle());
    command.args(args).current_dir(dir).env("NO_COLOR", "1");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WHITTLE_")) {
        command.env_remove(name);
    }
    command.output().expect("whittle runs")
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn try_analyze(snapshot: &Path, trail: &Path, store: &mut SqliteStore) -> Result<RunOutcome, String> {
    let snapshot = SnapshotFolder::open(snapshot).map_err(|error| error.to_string())?;
    let trail = TrailFolder::new(vec![trail.to_path_buf()]);
    let settings = RunSettings::default();
    run(&snapshot, &trail, store, &settings, &mut ()).map_err(|error| error.to_string())
}

/// One analysis through the library, with a store in memory.
pub fn analyze(snapshot: &Path, trail: &Path) -> Report {
    try_analyze(snapshot, trail, &mut SqliteStore::open_in_memory().unwrap()).unwrap().report
}

pub fn function<'a>(report: &'a Report, name: &str, role: &str) -> &'a FunctionResult {
    report
        .functions
        .iter()
        .find(|result| {
            result.function_arn.ends_with(&format!(":{name}")) && result.role_arn.ends_with(&format!("/{role}"))
        })
        .unwrap_or_else(|| panic!("no result for {name} under {role}"))
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
