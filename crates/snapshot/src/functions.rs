//! `functions.json`: functions, their published versions, and the configuration of both.
//!
//! Shape: AWS Lambda API Reference, `ListFunctions`. With `FunctionVersion=ALL` each published version is an
//! entry of its own, maybe under another role, and every ARN is qualified; without it only `$LATEST` is
//! there, unqualified.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use whittle_analysis::inventory::{EventSource, EventSourceKind, Exposure, Function, FunctionConfig, FunctionVersion};
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_policy::id::{FunctionArn, Region, RoleArn};

use crate::document::{BadEntries, JsonObject};
use crate::files::FileProblem;
use crate::keep::{Fields, Shape};
use crate::time::timestamp;

/// File name in the root or a Region folder.
pub(crate) const FILE: &str = "functions.json";
/// Command that makes it.
pub(crate) const COMMAND: &str = "aws lambda list-functions --function-version ALL --output json > functions.json";

/// What is read of it. Not the environment variables, which hold secrets.
pub(crate) static KEPT: Shape = Shape::Answer(&[&[("Functions", Shape::List(&Shape::Object(ENTRY)))]]);

const ENTRY: &Fields = &[
    ("FunctionArn", Shape::Scalar),
    ("Role", Shape::Scalar),
    ("Version", Shape::Scalar),
    ("Runtime", Shape::Scalar),
    ("LastModified", Shape::Scalar),
    ("VpcConfig", Shape::Object(VPC)),
    ("DeadLetterConfig", Shape::Object(DEAD_LETTER)),
    ("KMSKeyArn", Shape::Scalar),
    ("TracingConfig", Shape::Object(TRACING)),
    ("Layers", Shape::List(&Shape::Object(WITH_ARN))),
    ("FileSystemConfigs", Shape::List(&Shape::Object(WITH_ARN))),
    ("LoggingConfig", Shape::Object(LOGGING)),
    ("DurableConfig", Shape::Present),
    ("SnapStart", Shape::Object(SNAP_START)),
];
const VPC: &Fields = &[("SubnetIds", Shape::List(&Shape::Scalar))];
const DEAD_LETTER: &Fields = &[("TargetArn", Shape::Scalar)];
const TRACING: &Fields = &[("Mode", Shape::Scalar)];
const WITH_ARN: &Fields = &[("Arn", Shape::Scalar)];
const LOGGING: &Fields = &[("LogGroup", Shape::Scalar)];
const SNAP_START: &Fields = &[("ApplyOn", Shape::Scalar)];

const LATEST: &str = "$LATEST";

/// Versions of all functions read so far, by function, then version.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    by_function: BTreeMap<FunctionArn, BTreeMap<VersionKey, VersionEntry>>,
    pub(crate) issues: Vec<Issue>,
}

/// `$LATEST` first, then by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct VersionKey(u64, String);

#[derive(Debug, Clone, PartialEq)]
struct VersionEntry {
    role: RoleArn,
    runtime: Option<String>,
    last_modified: Option<jiff::Timestamp>,
    config: FunctionConfig,
    /// File it came from.
    place: String,
}

/// Members without which an entry says nothing.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionIdentity {
    function_arn: String,
    role: String,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration<'a> {
    runtime: Option<String>,
    #[serde(borrow)]
    last_modified: Option<&'a RawValue>,
    vpc_config: Option<VpcConfig>,
    dead_letter_config: Option<DeadLetterConfig>,
    #[serde(rename = "KMSKeyArn")]
    kms_key_arn: Option<String>,
    tracing_config: Option<TracingConfig>,
    layers: Option<Vec<WithArn>>,
    file_system_configs: Option<Vec<WithArn>>,
    logging_config: Option<LoggingConfig>,
    durable_config: Option<IgnoredAny>,
    snap_start: Option<SnapStart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStart {
    apply_on: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VpcConfig {
    subnet_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    target_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TracingConfig {
    mode: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingConfig {
    log_group: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WithArn {
    arn: String,
}

impl Versions {
    /// Adds the functions of one file. Only a file that is no such answer at all is a [`FileProblem`].
    pub(crate) fn add_file(&mut self, text: &str, place: &str) -> Result<(), FileProblem> {
        let object = JsonObject::parse(text, place, COMMAND)?;
        let entries = object.required_list("Functions", COMMAND)?;
        self.issues.extend(object.truncation());
        let mut bad = BadEntries::new(place, "Functions");
        let mut all_versions = entries.is_empty();
        for (index, raw) in entries.iter().enumerate() {
            if let Err(reason) = self.add(&object, raw, &mut all_versions) {
                bad.add(index, || reason);
            }
        }
        self.issues.extend(bad.into_issues());
        if !all_versions {
            self.issues.push(
                Issue::new(
                    IssueKind::VersionsNotCollected,
                    place,
                    "published versions, and the roles they run under, are not in it",
                )
                .with_hint(format!("collect them with `{COMMAND}`")),
            );
        }
        Ok(())
    }

    fn add(&mut self, object: &JsonObject<'_>, raw: &RawValue, all_versions: &mut bool) -> Result<(), String> {
        let identity: FunctionIdentity = object.typed(raw)?;
        let (arn, qualifier) =
            FunctionArn::split_qualified(&identity.function_arn).map_err(|error| error.to_string())?;
        *all_versions |= qualifier.is_some();
        let role: RoleArn = identity.role.parse().map_err(|error| format!("function `{arn}`: {error}"))?;
        let name = identity.version.as_deref().or(qualifier).unwrap_or(LATEST);
        let key = if name == LATEST {
            VersionKey(0, LATEST.to_owned())
        } else {
            VersionKey(name.parse::<u64>().unwrap_or(u64::MAX), name.to_owned())
        };
        let mut version = VersionEntry {
            role,
            runtime: None,
            last_modified: None,
            config: FunctionConfig::default(),
            place: object.place().to_owned(),
        };
        match object.typed::<Configuration<'_>>(raw) {
            Ok(configuration) => self.fill(&mut version, configuration, &arn, object.place()),
            Err(reason) => {
                // The role still has this function: without its configuration, nothing may be called unused.
                version.config.event_sources.push(unknown_source());
                self.issues.push(
                    Issue::new(IssueKind::BadEntry, object.place(), format!("the configuration of `{arn}` {reason}"))
                        .with_hint("nothing is called unused for this function until it is readable"),
                );
            }
        }
        match self.by_function.entry(arn).or_default().entry(key) {
            MapEntry::Vacant(slot) => {
                slot.insert(version);
            }
            MapEntry::Occupied(slot) => {
                let first = slot.get();
                if (&first.role, &first.config) != (&version.role, &version.config) {
                    return Err(format!("`{}` differs from its entry in `{}`", identity.function_arn, first.place));
                }
            }
        }
        Ok(())
    }

    fn fill(&mut self, version: &mut VersionEntry, from: Configuration<'_>, arn: &FunctionArn, place: &str) {
        version.last_modified = timestamp(from.last_modified).unwrap_or_else(|reason| {
            self.issues.push(Issue::new(IssueKind::BadEntry, place, format!("LastModified of `{arn}`: {reason}")));
            None
        });
        version.runtime = filled(from.runtime);
        version.config = FunctionConfig {
            log_group: from.logging_config.and_then(|logging| filled(logging.log_group)),
            in_vpc: from.vpc_config.and_then(|vpc| vpc.subnet_ids).is_some_and(|subnets| !subnets.is_empty()),
            snap_start: from.snap_start.and_then(|snap| snap.apply_on).is_some_and(|on| on == "PublishedVersions"),
            active_tracing: from.tracing_config.and_then(|tracing| tracing.mode).is_some_and(|mode| mode == "Active"),
            dead_letter_target: from.dead_letter_config.and_then(|target| filled(target.target_arn)),
            kms_key: filled(from.kms_key_arn),
            file_systems: arns(from.file_system_configs),
            layers: arns(from.layers),
            durable: from.durable_config.is_some(),
            event_sources: Vec::new(),
            destinations: Vec::new(),
        };
        let default_group = format!("/aws/lambda/{}", arn.name());
        version.config.log_group.take_if(|group| *group == default_group);
    }

    /// One [`Function`] per ARN. What a published version has configured counts for the function: it still
    /// runs.
    #[expect(clippy::expect_used, reason = "an ARN has a checked Region; an entry is made with its first version")]
    pub(crate) fn into_functions(self) -> (BTreeMap<FunctionArn, Function>, Vec<Issue>) {
        let mut issues = self.issues;
        let mut functions = BTreeMap::new();
        for (arn, versions) in self.by_function {
            let region = arn.region().parse::<Region>().expect("the ARN of a function has a Region");
            // The lowest version stands in for a missing `$LATEST`, and is a version as well.
            let (VersionKey(number, _), base) = versions.first_key_value().expect("a function has a version");
            if *number != 0 {
                let message = format!("`{arn}` has no entry for {LATEST}");
                issues.push(Issue::new(IssueKind::IncompleteFunction, &base.place, message));
            }
            let mut function = Function {
                name: arn.name().to_owned(),
                region,
                role: base.role.clone(),
                versions: Vec::new(),
                runtime: base.runtime.clone(),
                last_modified: base.last_modified,
                config: base.config.clone(),
                exposure: Exposure::default(),
                arn: arn.clone(),
            };
            for (VersionKey(number, name), version) in versions {
                if number == 0 {
                    continue;
                }
                merge_config(&mut function.config, &version, &name, &arn, &mut issues);
                function.versions.push(FunctionVersion { version: name, role: version.role, aliases: Vec::new() });
            }
            functions.insert(arn, function);
        }
        (functions, issues)
    }
}

/// Adds to `config` what `version` has and `$LATEST` has not.
fn merge_config(
    config: &mut FunctionConfig,
    version: &VersionEntry,
    name: &str,
    arn: &FunctionArn,
    issues: &mut Vec<Issue>,
) {
    let other = &version.config;
    config.in_vpc |= other.in_vpc;
    config.active_tracing |= other.active_tracing;
    config.snap_start |= other.snap_start;
    config.durable |= other.durable;
    add_new(&mut config.layers, &other.layers);
    add_new(&mut config.file_systems, &other.file_systems);
    add_new(&mut config.event_sources, &other.event_sources);
    match (&config.dead_letter_target, &other.dead_letter_target) {
        (None, Some(_)) => config.dead_letter_target.clone_from(&other.dead_letter_target),
        // A second target needs what a destination of the same service needs.
        (Some(one), Some(two)) if one != two => add_new(&mut config.destinations, std::slice::from_ref(two)),
        _ => {}
    }
    if config.kms_key.is_none() {
        config.kms_key.clone_from(&other.kms_key);
    }
    for (what, one, two) in
        [("KMS key", &config.kms_key, &other.kms_key), ("log group", &config.log_group, &other.log_group)]
    {
        // No key needs nothing; no log group is the default one, which needs its own permission.
        if one != two && (two.is_some() || what == "log group") {
            // There is room for one only: rather keep everything than narrow to the wrong one.
            add_new(&mut config.event_sources, &[unknown_source()]);
            issues.push(
                Issue::new(
                    IssueKind::VersionConfiguration,
                    &version.place,
                    format!("version {name} of `{arn}` has another {what} than {LATEST}"),
                )
                .with_hint("nothing is called unused for this function; publish a new version and delete the old one"),
            );
        }
    }
}

/// A source that nothing is known about, so that nothing is called unused.
pub(crate) fn unknown_source() -> EventSource {
    EventSource { kind: EventSourceKind::Unknown, enabled: true, ..EventSource::default() }
}

/// Appends the items that are not there yet.
pub(crate) fn add_new<T: Clone + PartialEq>(to: &mut Vec<T>, items: &[T]) {
    for item in items {
        if !to.contains(item) {
            to.push(item.clone());
        }
    }
}

fn arns(items: Option<Vec<WithArn>>) -> Vec<String> {
    items.unwrap_or_default().into_iter().map(|item| item.arn).collect()
}

/// The command line prints some absent texts as empty ones.
pub(crate) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::tests::keeps_what_is_read;

    #[test]
    fn all_that_is_read_is_kept() {
        keeps_what_is_read::<FunctionIdentity>(ENTRY);
        keeps_what_is_read::<Configuration<'_>>(ENTRY);
        keeps_what_is_read::<VpcConfig>(VPC);
        keeps_what_is_read::<DeadLetterConfig>(DEAD_LETTER);
        keeps_what_is_read::<TracingConfig>(TRACING);
        keeps_what_is_read::<LoggingConfig>(LOGGING);
        keeps_what_is_read::<SnapStart>(SNAP_START);
        keeps_what_is_read::<WithArn>(WITH_ARN);
    }
}
