//! Rules of the tables `data/events/rules/*.tsv`, and finding the rule of an event.

use std::collections::HashMap;

use super::classes::Class;
use super::path::FieldPath;
use super::table::{self, Row};
use super::tables::Tables;
use super::{EventResolution, EventRule, RuleOrigin, sources};
use crate::{ActionId, Catalog};

/// The rule tables: file name without extension, default service, text.
pub(super) static TEXTS: [(&str, &str, &str); 11] = [
    ("ai-data", "bedrock", include_str!("../../data/events/rules/ai-data.tsv")),
    ("apigateway", "apigateway", include_str!("../../data/events/rules/apigateway.tsv")),
    ("dynamodb", "dynamodb", include_str!("../../data/events/rules/dynamodb.tsv")),
    ("kms-secrets", "kms", include_str!("../../data/events/rules/kms-secrets.tsv")),
    ("lambda", "lambda", include_str!("../../data/events/rules/lambda.tsv")),
    ("long-tail", "es", include_str!("../../data/events/rules/long-tail.tsv")),
    ("ops", "logs", include_str!("../../data/events/rules/ops.tsv")),
    ("pass-role", "ecs", include_str!("../../data/events/rules/pass-role.tsv")),
    ("s3", "s3", include_str!("../../data/events/rules/s3.tsv")),
    ("sqs-sns", "sqs", include_str!("../../data/events/rules/sqs-sns.tsv")),
    ("streams", "kinesis", include_str!("../../data/events/rules/streams.tsv")),
];

/// What a clause does when its tests hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// The actions are what the call is; they take the place of the action of the same name.
    Is,
    /// The actions take the place of those of the `Is` clauses, or of [`Clause::replaces`] alone.
    Instead,
    /// The actions are authorised too; the parameters prove it.
    And,
    /// Another action that authorises the same call: either grant is enough.
    Or,
    /// The actions may be checked. Never counted as used; kept where granted.
    Possible,
}

/// A condition on an event. All tests of a clause must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Test {
    /// One of the paths leads to a value that is not null, not empty and not `false`.
    Has(Vec<FieldPath>),
    /// None of the paths does.
    Lacks(Vec<FieldPath>),
    /// One of the paths leads to this value, in any case.
    Is(Vec<(FieldPath, String)>),
    /// The value at the path contains this text.
    Text(FieldPath, String),
    /// A statement at the path starts with this word.
    Verb(String, FieldPath),
    /// Some statement at the path starts with none of these words, or there is none to read (absent, masked).
    NoVerb(Vec<String>, FieldPath),
    /// The error code is one of these.
    Error(Vec<String>),
}

/// How a text from the parameters becomes an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transform {
    /// The value as it is; where an ARN is wanted, only an ARN counts.
    Plain,
    /// A role: ARN, or a name whose path is not known.
    Role,
    /// A name that may stand after a path that is not known (IAM).
    PathUnknown,
    /// A bucket name, an access-point ARN or alias.
    S3Bucket,
    /// `bucket/key` of a copy source, URL-encoded, maybe with a version id.
    S3CopySource,
    /// `https://sqs.<region>.amazonaws.com/<account>/<name>`.
    SqsUrl,
    /// A function: name, `name:alias`, partial ARN, ARN.
    Function,
    /// A key: id, ARN; an alias does not name the key.
    KmsKey,
    /// A secret: name (six random characters follow in the ARN), partial ARN, ARN.
    Secret,
    /// A parameter name: no leading slash, no `:version` or `:label`.
    SsmName,
    /// A document name; AWS's own documents have no account.
    SsmDocument,
    /// A parameter path: everything below it.
    SsmPath,
    /// A table: name or ARN.
    DynamoTable,
    /// The table named in a PartiQL statement; the first word of the statement where several are listed.
    PartiqlTable(Option<&'static str>),
    /// The last part after `/` of a name or ARN.
    LastPart,
    /// The part before the first `:` (`family:revision`), with `:*` after it.
    Family,
    /// A model: id of a foundation model or ARN.
    BedrockModel,
    /// A guardrail: id or ARN.
    BedrockGuardrail,
    /// The address or domain of a mail identity.
    MailIdentity,
}

impl Transform {
    /// Reads the name that the tables use.
    pub fn parse(text: &'static str) -> Option<Self> {
        Some(match text {
            "" | "arn" | "plain" => Self::Plain,
            "role" => Self::Role,
            "path-unknown" => Self::PathUnknown,
            "s3-bucket" => Self::S3Bucket,
            "s3-copy-source" => Self::S3CopySource,
            "sqs-url" => Self::SqsUrl,
            "function" => Self::Function,
            "kms-key" => Self::KmsKey,
            "secret" => Self::Secret,
            "ssm-name" => Self::SsmName,
            "ssm-document" => Self::SsmDocument,
            "ssm-path" => Self::SsmPath,
            "dynamodb-table" => Self::DynamoTable,
            "last-part" => Self::LastPart,
            "family" => Self::Family,
            "bedrock-model" => Self::BedrockModel,
            "bedrock-guardrail" => Self::BedrockGuardrail,
            "mail-identity" => Self::MailIdentity,
            other => match other.strip_prefix("partiql-table")?.strip_prefix(':') {
                Some(verb) => Self::PartiqlTable(Some(verb)),
                None => Self::PartiqlTable(None),
            },
        })
    }
}

/// Where the resource of a clause's actions is found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceSpec {
    /// As for any action: `resources[]`, then the templates.
    Default,
    /// The action has no resource: `*`.
    Any,
    /// The event does not name it.
    Unnamed,
    /// At these paths of the parameters, all that are present.
    At(Vec<(FieldPath, Transform)>),
}

/// One row of the tables for one event name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    effect: Effect,
    actions: Vec<ActionId>,
    replaces: Option<ActionId>,
    tests: Vec<Test>,
    resource: ResourceSpec,
    source: &'static str,
}

impl Clause {
    /// What the clause does.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The actions it names.
    pub fn actions(&self) -> &[ActionId] {
        &self.actions
    }

    /// For [`Effect::Instead`]: the one action that is replaced; `None`: all that the `Is` clauses gave.
    pub fn replaces(&self) -> Option<ActionId> {
        self.replaces
    }

    /// Conditions; empty: it always holds.
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// Where the resource is found.
    pub fn resource(&self) -> &ResourceSpec {
        &self.resource
    }

    /// AWS page, or data set, that says so.
    pub fn source(&self) -> &'static str {
        self.source
    }
}

/// All clauses.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// By prefix, then lower-case event name.
    exact: HashMap<&'static str, HashMap<String, Vec<Clause>>>,
    /// Clauses for every event of a prefix.
    wide: HashMap<&'static str, Vec<Clause>>,
    /// Clauses by prefix and lower-case start of the event name; the first that matches wins.
    starts: Vec<(&'static str, String, Vec<Clause>)>,
    /// Rows that could not be read: a test asserts that there are none.
    pub problems: Vec<String>,
}

impl Rules {
    pub fn read(catalog: &Catalog) -> Self {
        let mut rules = Self::default();
        for (file, service, text) in TEXTS {
            for row in table::rows(text) {
                let service = row.service.unwrap_or(service);
                match clause(catalog, service, row) {
                    Ok(clause) => rules.add(service, row, &clause),
                    Err(problem) => rules.problems.push(format!("{file}.tsv:{}: {problem}", row.line)),
                }
            }
        }
        rules
    }

    fn add(&mut self, service: &'static str, row: Row, clause: &Clause) {
        for name in row.list(0) {
            let key = name.to_ascii_lowercase();
            if name == "*" {
                self.wide.entry(service).or_default().push(clause.clone());
            } else if let Some(start) = key.strip_suffix('*') {
                self.starts.push((service, start.to_owned(), vec![clause.clone()]));
            } else {
                self.exact.entry(service).or_default().entry(key).or_default().push(clause.clone());
            }
        }
    }

    fn exact(&self, prefix: &str, name: &str) -> &[Clause] {
        self.exact.get(prefix).and_then(|events| events.get(name)).map_or(&[], Vec::as_slice)
    }

    fn wide(&self, prefix: &str) -> &[Clause] {
        self.wide.get(prefix).map_or(&[], Vec::as_slice)
    }

    fn start(&self, prefix: &str, name: &str) -> &[Clause] {
        let found = self.starts.iter().find(|row| row.0 == prefix && name.starts_with(row.1.as_str()));
        found.map_or(&[], |row| row.2.as_slice())
    }

    /// The clauses for all names that start so, of an event that has no rows that say what it is and no action of its own.
    pub fn by_start(&self, catalog: &Catalog, prefix: &str, name: &str) -> &[Clause] {
        let is = |clauses: &[Clause]| clauses.iter().any(|clause| clause.effect == Effect::Is);
        let clauses = self.start(prefix, name);
        if clauses.is_empty() || is(self.exact(prefix, name)) || catalog.action(&format!("{prefix}:{name}")).is_some() {
            return &[];
        }
        clauses
    }

    /// Every (prefix, lower-case event name, clauses) of the tables, sorted.
    pub fn events(&self) -> Vec<(&'static str, &str, &[Clause])> {
        let mut events: Vec<_> = self
            .exact
            .iter()
            .flat_map(|(prefix, events)| events.iter().map(|(name, clauses)| (*prefix, name.as_str(), &**clauses)))
            .collect();
        events.sort_unstable_by_key(|event| (event.0, event.1));
        events
    }
}

fn clause(catalog: &Catalog, service: &str, row: Row) -> Result<Clause, String> {
    let effect = match row.column(1) {
        "is" => Effect::Is,
        "instead" => Effect::Instead,
        "and" => Effect::And,
        "or" => Effect::Or,
        "possible" => Effect::Possible,
        other => return Err(format!("effect `{other}`")),
    };
    let action = |name: &str| {
        let full = if name.contains(':') { name.to_owned() } else { format!("{service}:{name}") };
        match catalog.action(&full) {
            Some(id) if catalog.info(id).name() == full => Ok(id),
            _ => Err(format!("no action `{full}` in the catalog")),
        }
    };
    let (replaces, names) = match row.column(2).split_once('>') {
        Some((old, new)) => (Some(action(old)?), new),
        None => (None, row.column(2)),
    };
    let actions = names.split(',').map(|name| action(name.trim())).collect::<Result<Vec<_>, _>>()?;
    let tests = match row.column(3) {
        "" => Vec::new(),
        text => text.split('&').map(test).collect::<Result<Vec<_>, _>>()?,
    };
    let resource = match row.column(4) {
        "" => ResourceSpec::Default,
        "*" => ResourceSpec::Any,
        "unnamed" => ResourceSpec::Unnamed,
        text => {
            let spec = text.strip_prefix('@').ok_or_else(|| format!("resource `{text}`"))?;
            ResourceSpec::At(spec.split(',').map(located).collect::<Result<Vec<_>, _>>()?)
        }
    };
    Ok(Clause { effect, actions, replaces, tests, resource, source: row.source })
}

/// `path#transform`.
pub(super) fn located(text: &'static str) -> Result<(FieldPath, Transform), String> {
    let (path, transform) = text.split_once('#').unwrap_or((text, ""));
    let transform = Transform::parse(transform).ok_or_else(|| format!("transform `{transform}`"))?;
    Ok((FieldPath::parse(path), transform))
}

fn test(text: &str) -> Result<Test, String> {
    let (kind, rest) = text.split_once(':').ok_or_else(|| format!("test `{text}`"))?;
    let paths = || rest.split(',').map(FieldPath::parse).collect();
    let words = |text: &str| text.split(',').map(str::to_owned).collect();
    let bad = || format!("test `{text}`");
    Ok(match kind {
        "has" => Test::Has(paths()),
        "lacks" => Test::Lacks(paths()),
        "error" => Test::Error(words(rest)),
        "is" => {
            let pairs = rest.split(',').map(|pair| {
                let (path, value) = pair.split_once('=').ok_or_else(bad)?;
                Ok((FieldPath::parse(path), value.to_owned()))
            });
            Test::Is(pairs.collect::<Result<_, String>>()?)
        }
        "text" => {
            let (path, needle) = rest.split_once('~').ok_or_else(bad)?;
            Test::Text(FieldPath::parse(path), needle.to_owned())
        }
        "verb" => {
            let (verb, path) = rest.split_once('@').ok_or_else(bad)?;
            Test::Verb(verb.to_owned(), FieldPath::parse(path))
        }
        "noverb" => {
            let (verbs, path) = rest.split_once('@').ok_or_else(bad)?;
            Test::NoVerb(words(verbs), FieldPath::parse(path))
        }
        _ => return Err(bad()),
    })
}

pub(super) fn resolve<'a>(
    catalog: &'a Catalog,
    tables: &'static Tables,
    event_source: &str,
    event_name: &str,
) -> EventResolution<'a> {
    let Some(label) = sources::label(event_source) else {
        return EventResolution::NotACall { reason: "the event source is not a service of AWS" };
    };
    let name = event_name.to_ascii_lowercase();
    let prefixes = sources::of_label(catalog, tables, label);
    let class = |label: &str| tables.classes.find(tables.classes.known_label(label)?, &name);
    let classified = |(class, reason)| match class {
        Class::NoPermission => EventResolution::NoPermission { reason },
        Class::NotACall => EventResolution::NotACall { reason },
    };
    if let Some(found) = class(label).or_else(|| prefixes.iter().find_map(|prefix| class(prefix))) {
        return classified(found);
    }
    // INVARIANT: match first, strip second: about fifty actions end in digits of their own.
    let stripped = without_api_date(&name);
    for name in [Some(name.as_str()), stripped].into_iter().flatten() {
        for prefix in &prefixes {
            if let Some(rule) = find(catalog, tables, prefix, name) {
                return EventResolution::Actions(rule);
            }
        }
    }
    let base = stripped.unwrap_or(&name);
    if let Some(rule) = prefixes.iter().find_map(|prefix| by_operation_map(catalog, tables, prefix, base)) {
        return EventResolution::Actions(rule);
    }
    if let Some(found) = tables.classes.otherwise(label, &name) {
        return classified(found);
    }
    // Rows that say only what may be checked, or what parameters prove.
    if let Some(rule) = prefixes.iter().find_map(|prefix| by_clauses_alone(tables, prefix, base)) {
        return EventResolution::Actions(rule);
    }
    let asked = format!("{}:{}", prefixes.first().copied().unwrap_or(label), base);
    let nearest = catalog.nearest(&asked, 3).into_iter().map(str::to_owned).collect();
    EventResolution::Unknown { nearest }
}

fn find<'a>(catalog: &'a Catalog, tables: &'static Tables, prefix: &'a str, name: &str) -> Option<EventRule<'a>> {
    let exact = tables.rules.exact(prefix, name);
    let is = |clauses: &[Clause]| clauses.iter().any(|clause| clause.effect == Effect::Is);
    let same_named = if is(exact) { None } else { catalog.action(&format!("{prefix}:{name}")) };
    let start = if is(exact) || same_named.is_some() { &[] } else { tables.rules.start(prefix, name) };
    let curated = is(exact) || is(start);
    (curated || same_named.is_some()).then(|| EventRule {
        prefix,
        same_named,
        origin: if curated { RuleOrigin::Curated } else { RuleOrigin::SameName },
        clauses: [exact, start, tables.rules.wide(prefix)],
    })
}

/// An event that has no action of its own, but rows that name further ones.
fn by_clauses_alone<'a>(tables: &'static Tables, prefix: &'a str, name: &str) -> Option<EventRule<'a>> {
    let exact = tables.rules.exact(prefix, name);
    (!exact.is_empty()).then(|| EventRule {
        prefix,
        same_named: None,
        origin: RuleOrigin::Curated,
        clauses: [exact, &[], tables.rules.wide(prefix)],
    })
}

/// The one action of the service itself that AWS's operation map names, when what is checked only sometimes is left
/// out: role passing, tagging, bearer tokens.
fn by_operation_map<'a>(
    catalog: &'a Catalog,
    tables: &'static Tables,
    prefix: &'a str,
    name: &str,
) -> Option<EventRule<'a>> {
    let mut own = catalog.authorised_by(prefix, name).into_iter().filter(|id| {
        let info = catalog.info(*id);
        info.prefix() == prefix
            && info.access_level() != crate::AccessLevel::Tagging
            && info.short_name() != "CallWithBearerToken"
    });
    let only = own.next()?;
    own.next().is_none().then(|| EventRule {
        prefix,
        same_named: Some(only),
        origin: RuleOrigin::OperationMap,
        clauses: [tables.rules.exact(prefix, name), &[], tables.rules.wide(prefix)],
    })
}

/// The name without an API date: `…20150331`, `…20150331v2`, `…2020_05_31`.
///
/// AWS page: Lambda Developer Guide, "Logging AWS Lambda API calls using AWS CloudTrail".
fn without_api_date(name: &str) -> Option<&str> {
    let digits = |text: &str, count: usize| -> Option<usize> {
        let start = text.len().checked_sub(count)?;
        let tail = text.get(start..)?;
        (start > 0 && tail.bytes().all(|byte| byte.is_ascii_digit())).then_some(start)
    };
    let undashed = digits(name, 8).or_else(|| {
        let at = name.rfind('v')?;
        let version = name.get(at + 1..)?;
        let numeric = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        if numeric { digits(name.get(..at)?, 8) } else { None }
    });
    let start = undashed.or_else(|| {
        let start = name.len().checked_sub(10)?;
        let tail = name.get(start..)?.as_bytes();
        let shape = tail.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'_',
            _ => byte.is_ascii_digit(),
        });
        (shape && start > 0).then_some(start)
    })?;
    name.get(..start)
}

#[cfg(test)]
mod tests {
    use super::without_api_date;

    #[test]
    fn only_api_dates_are_cut() {
        for (name, expect) in [
            ("createfunction20150331", Some("createfunction")),
            ("getfunction20150331v2", Some("getfunction")),
            ("tagresource20170331v2", Some("tagresource")),
            ("createdistribution2020_05_31", Some("createdistribution")),
            ("getqueueurl20121105", Some("getqueueurl")),
            ("restoredbclusterfroms3", None),
            ("describeclusterv2", None),
            ("20150331", None),
            ("v2", None),
            ("", None),
        ] {
            assert_eq!(without_api_date(name), expect, "{name}");
        }
    }
}
