//! `cargo xtask test`: everything a change must pass, in the order that fails fastest. Installs what it
//! needs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::emulator;
use crate::tools::{cargo, find, run_in, tools, venv};

/// Runs all steps; `only` names some of them.
pub fn run(args: &[String]) -> Result<()> {
    let root = crate::workspace_root()?;
    let steps: Vec<&str> = args.iter().map(String::as_str).collect();
    let wanted = |step: &str| steps.is_empty() || steps.contains(&step);
    if let Some(unknown) = steps.iter().find(|step| !STEPS.contains(step)) {
        bail!("unknown step `{unknown}`; steps are {}", STEPS.join(", "));
    }
    if wanted("fmt") {
        cargo(&root, &["fmt", "--all", "--check"], &[])?;
    }
    if wanted("clippy") {
        // With the features the scenarios of the step `system` and the commands that talk to AWS are looked
        // at as well.
        let features = ["--features", "whittle-tests/system,whittle-cli/aws"];
        let args = [&["clippy", "--workspace", "--all-targets", "--locked"], &features[..], &["--", "-D", "warnings"]];
        cargo(&root, &args.concat(), &[])?;
        // And without them, as the README's first command builds it.
        cargo(
            &root,
            &["clippy", "--package", "whittle-cli", "--all-targets", "--locked", "--", "-D", "warnings"],
            &[],
        )?;
    }
    if wanted("tests") {
        cargo(&root, &["test", "--workspace", "--features", "whittle-cli/aws", "--locked"], &[("INSTA_UPDATE", "no")])?;
    }
    if wanted("docs") {
        cargo(&root, &["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    }
    if wanted("deny") {
        deny(&root)?;
    }
    if wanted("typos") {
        let tool = tools()?.join("typos");
        run_in(&root, Command::new(tool).arg("--config").arg("typos.toml"))?;
    }
    if wanted("templates") {
        templates(&root)?;
    }
    if wanted("system") {
        emulator::system(&root)?;
    }
    if wanted("example") {
        example(&root)?;
    }
    eprintln!("all checks passed");
    Ok(())
}

const STEPS: &[&str] = &["fmt", "clippy", "tests", "docs", "deny", "typos", "templates", "system", "example"];

/// The README's first command must work, and must not compile the AWS SDK.
fn example(root: &Path) -> Result<()> {
    let tree = Command::new("cargo")
        .args(["tree", "--package", "whittle-cli", "--prefix", "none", "--edges", "normal", "--locked"])
        .current_dir(root)
        .output()
        .context("cargo tree")?;
    if String::from_utf8_lossy(&tree.stdout).lines().any(|line| line.starts_with("aws-sdk-")) {
        bail!("the default build of `whittle` depends on the AWS SDK; it belongs behind the feature `aws`");
    }
    let store = std::env::temp_dir().join(format!("whittle-example-{}.sqlite", std::process::id()));
    let store_text = store.display().to_string();
    let args = ["run", "--release", "--locked", "--", "analyze", "examples/shop", "--trail", "examples/shop/trail"];
    let result = cargo(root, &[&args[..], &["--store", &store_text, "--quiet"]].concat(), &[]);
    for suffix in ["", "-wal", "-shm"] {
        // The file may not exist; there is nothing to do about a left-over in the temporary folder.
        let _ = std::fs::remove_file(format!("{store_text}{suffix}"));
    }
    result
}

/// Software that reads templates, to check ours with.
const TEMPLATE_TOOLS: &[&str] = &["aws-sam-translator==1.115.0", "cfn-lint==1.58.0", "python-hcl2==8.1.4"];

/// Edited templates must mean to SAM's own translator what they mean to us.
fn templates(root: &Path) -> Result<()> {
    let bin = venv("templates", TEMPLATE_TOOLS)?;
    let out = std::env::temp_dir().join(format!("whittle-templates-{}", std::process::id()));
    std::fs::create_dir_all(&out)?;
    let mut files = vec![root.join("tests/system/shop.yaml").display().to_string()];
    for folder in [
        "crates/template/tests/templates",
        "crates/template/tests/terraform",
        "examples/templates",
        "../shared/corpus/sam/input",
    ] {
        // The last folder is not part of the project.
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        for entry in entries {
            files.push(entry?.path().display().to_string());
        }
    }
    files.sort();
    let out_text = out.display().to_string();
    let run = ["run", "--quiet", "--locked", "--package", "whittle-template", "--example", "rehearse", "--", &out_text];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    cargo(root, &[&run[..], &files].concat(), &[])?;
    let result = run_in(
        root,
        Command::new(bin.join("python"))
            .arg("xtask/src/templates.py")
            .arg(&out)
            .arg("crates/template/data/aws-managed-policies.ndjson.gz"),
    );
    let _ = std::fs::remove_dir_all(&out);
    result
}

/// Licences, bans and sources. Advisories need a database from the network and are checked where it can be
/// reached.
fn deny(root: &Path) -> Result<()> {
    let tool = find(&tools()?, &["cargo-deny"])?;
    run_in(root, Command::new(&tool).args(["--locked", "check", "licenses", "bans", "sources"]))?;
    let advisories = Command::new(&tool).args(["--locked", "check", "advisories"]).current_dir(root).output()?;
    if !advisories.status.success() {
        let text = String::from_utf8_lossy(&advisories.stderr);
        if text.contains("failed to fetch advisory database") || text.contains("unable to fetch") {
            eprintln!("note: the advisory database cannot be reached from here; advisories were not checked");
        } else {
            bail!("cargo deny check advisories:\n{text}");
        }
    }
    Ok(())
}
