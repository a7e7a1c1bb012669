//! The AWS emulator: what `template.yaml` is checked, built, deployed and tried with. No account and no
//! container is needed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{run_in, venv};

/// Packages for the emulator and the build. The corrections of `tests/system/emulator.py` are for this
/// version.
const EMULATOR: &[&str] = &["ministack[full]==1.5.33", "boto3==1.43.106", "cargo-lambda==1.9.2", "ziglang==0.17.1"];

/// The SAM CLI pins another boto3 than the emulator: an environment of its own.
const SAM: &[&str] = &["aws-sam-cli==1.170.0", "cfn-lint==1.58.0"];

/// For tools that want to know one; nothing is called there.
const REGION: &str = "eu-central-1";

struct Tools {
    emulator: PathBuf,
    sam: PathBuf,
}

impl Tools {
    fn install() -> Result<Self> {
        Ok(Self { emulator: venv("emulator", EMULATOR)?, sam: venv("sam", SAM)? })
    }

    /// A command that finds the tools, and no AWS account of the developer's.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command> {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [self.emulator.clone(), self.sam.clone()].into_iter().chain(std::env::split_paths(&path));
        let path: OsString = std::env::join_paths(folders).context("a folder of PATH has a colon in its name")?;
        command
            .env("PATH", path)
            .env("SAM_CLI_TELEMETRY", "0")
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        Ok(command)
    }
}

/// The step `system`: the template by both linters, the build by the SAM CLI, the deployment in the emulator.
pub fn system(root: &Path) -> Result<()> {
    let tools = Tools::install()?;
    lint(root, &tools)?;
    scenarios(root, &tools, &[])
}

/// `cargo xtask emulator`: the account of the system test, for a person.
pub fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask emulator");
    }
    let root = crate::workspace_root()?;
    scenarios(&root, &Tools::install()?, &["--", "--ignored", "--nocapture", "--exact", "scenario::stay"])
}

fn lint(root: &Path, tools: &Tools) -> Result<()> {
    // `-i I` adds the informational rules to errors and warnings.
    run_in(root, tools.command(tools.sam.join("cfn-lint"))?.args(["-i", "I", "--", "template.yaml"]))?;
    let samples = ["--", "tests/system/sample.yaml", "tests/system/shop.yaml"];
    run_in(root, tools.command(tools.sam.join("cfn-lint"))?.args(samples))?;
    run_in(root, tools.command(tools.sam.join("sam"))?.args(["validate", "--lint"]))
}

fn scenarios(root: &Path, tools: &Tools, more: &[&str]) -> Result<()> {
    let built = build(root, tools)?;
    // As the step `tests` builds, so that nothing of the AWS SDK is compiled once more.
    let features = ["--workspace", "--features", "whittle-cli/aws,whittle-tests/system", "--locked"];
    let programs = ["--bin", "whittle", "--test", "system"];
    run_in(root, tools.command("cargo")?.arg("build").args(features).args(programs))?;
    let mut test = tools.command("cargo")?;
    test.arg("test")
        .args(features)
        .args(["--test", "system"])
        .args(more)
        .env("WHITTLE_CLI", crate::target_dir(root)?.join("debug").join("whittle"))
        .env("WHITTLE_EMULATOR_BIN", &tools.emulator)
        .env("WHITTLE_SAM_BIN", &tools.sam)
        .env("WHITTLE_BUILD_DIR", built);
    run_in(root, &mut test)
}

/// Builds the function for this machine, which is where the emulator runs it. The folder holds template and
/// function.
fn build(root: &Path, tools: &Tools) -> Result<PathBuf> {
    let built = crate::target_dir(root)?.join("sam");
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let mut sam = tools.command(tools.sam.join("sam"))?;
    sam.args(["build", "--parameter-overrides", &format!("Architecture={architecture}"), "--build-dir"])
        .arg(&built)
        // Not through zig, which links for older systems than this one, and unoptimised: minutes less.
        .env("CARGO_LAMBDA_COMPILER", "cargo")
        .env("SAM_BUILD_MODE", "debug");
    run_in(root, &mut sam)?;
    Ok(built)
}
