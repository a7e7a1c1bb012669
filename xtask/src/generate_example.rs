//! Writes the example account `examples/shop`: a snapshot folder, a CloudTrail folder and the verdicts that
//! its design intends.
//!
//! Everything is fictitious and follows from [`SEED`]: the same source gives the same bytes on each machine,
//! gzip included (`miniz_oxide`, no time in the header). What each function is there to show is told in
//! `examples/shop/README.md`, which is written by hand; `expected.rs` holds the verdicts.
//!
//! Usage: `cargo xtask generate-example [DIR]`, by default into `examples/shop`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

mod account;
mod configuration;
mod expected;
mod grants;
mod identities;
mod last_accessed;
mod others;
mod prng;
mod record;
mod traffic;
mod trail_files;
mod window;

#[cfg(test)]
mod tests;

/// Where all pseudo-random choices start.
const SEED: u64 = 0x5348_4f50_2026_0801;

/// Folders of the example that hold nothing but generated files.
const GENERATED_FOLDERS: [&str; 3] = ["regions", "service-last-accessed", "trail"];

/// Relative path (with `/`) to content.
type Files = BTreeMap<String, Vec<u8>>;

/// Entry point of `cargo xtask generate-example [DIR]`.
pub fn run(args: &[String]) -> Result<()> {
    let target = match args {
        [] => default_folder(),
        [folder] => PathBuf::from(folder),
        _ => bail!("usage: cargo xtask generate-example [DIR]"),
    };
    let files = generate()?;
    write(&files, &target)?;
    let bytes: usize = files.values().map(Vec::len).sum();
    writeln!(std::io::stdout().lock(), "{} files, {bytes} bytes in {}", files.len(), target.display())?;
    Ok(())
}

/// `examples/shop` of this workspace.
fn default_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop")
}

/// All generated files of the example.
fn generate() -> Result<Files> {
    let mut files = Files::new();
    let events: Vec<_> = traffic::events()?.into_iter().chain(others::events()?).collect();
    grants::add_files(&mut files, &events)?;
    configuration::add_files(&mut files)?;
    last_accessed::add_files(&mut files)?;
    trail_files::add_files(&mut files, events)?;
    files.insert("expected-verdicts.tsv".to_owned(), expected::table().into_bytes());
    Ok(files)
}

/// Replaces the generated part of `target`; other files there stay.
fn write(files: &Files, target: &Path) -> Result<()> {
    for folder in GENERATED_FOLDERS {
        let folder = target.join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
        }
    }
    for (path, content) in files {
        let path = target.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create `{}`", parent.display()))?;
        }
        fs::write(&path, content).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

/// Adds `value` the way the AWS CLI prints it: indented by four, with a final newline.
fn add_json(files: &mut Files, path: &str, value: &Value) -> Result<()> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut bytes, formatter))?;
    bytes.push(b'\n');
    files.insert(path.to_owned(), bytes);
    Ok(())
}
