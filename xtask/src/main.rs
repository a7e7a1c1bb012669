//! Development tasks: `cargo xtask <task>`.

mod check;
mod emulator;
mod generate_example;
mod measure;
mod refresh_catalog;
mod tools;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
usage: cargo xtask <task>

  test [STEP…]        everything a change must pass; installs what it needs
                      steps: fmt clippy tests docs deny typos templates system example
  emulator            an AWS account on this machine with Whittle deployed to it, to try
  refresh-catalog     build the embedded service authorization reference again
  generate-example    write examples/shop again
  measure             size, start, memory, time and AWS calls of the Lambda function";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((task, rest)) => match task.as_str() {
            "test" => check::run(rest),
            "emulator" => emulator::run(rest),
            "refresh-catalog" => refresh_catalog::run(rest),
            "generate-example" => generate_example::run(rest),
            "measure" => measure::run(rest),
            "help" | "--help" | "-h" => {
                println!("{USAGE}");
                Ok(())
            }
            other => bail!("unknown task `{other}`\n{USAGE}"),
        },
        None => bail!("no task given\n{USAGE}"),
    }
}

/// The folder of the workspace's Cargo.toml.
fn workspace_root() -> Result<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).context("xtask has no parent folder")
}

/// Where cargo puts what it builds.
fn target_dir(root: &Path) -> Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    let text = std::str::from_utf8(&output.stdout).context("cargo metadata is no UTF-8")?;
    let metadata: serde_json::Value = serde_json::from_str(text).context("cargo metadata is no JSON")?;
    metadata["target_directory"].as_str().map(PathBuf::from).context("cargo metadata names no target folder")
}
