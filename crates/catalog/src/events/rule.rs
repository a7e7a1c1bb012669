//! Rules of the tables `data/events/rules/*.tsv`.

use std::collections::HashMap;

use super::path::FieldPath;
use super::table::{self, TableRow};
use super::transform::{Transform, located};
use crate::{ActionId, Catalog};

/// The rule tables: file name without extension, default service, text.
pub(super) static TEXTS: [(&str, &str, &str); 12] = [
    ("ai-data", "bedrock", include_str!("../../data/events/rules/ai-data.tsv")),
    ("apigateway", "apigateway", include_str!("../../data/events/rules/apigateway.tsv")),
    ("dynamodb", "dynamodb", include_str!("../../data/events/rules/dynamodb.tsv")),
    ("excluded", "s3", include_str!("../../data/events/rules/excluded.tsv")),
    ("kms-secrets", "kms", include_str!("../../data/events/rules/kms-secrets.tsv")),
    ("lambda", "lambda", include_str!("../../data/events/rules/lambda.tsv")),
    ("long-tail", "es", include_str!("../../data/events/rules/long-tail.tsv")),
    ("ops", "logs", include_str!("../../data/events/rules/ops.tsv")),
    ("pass-role", "ecs", include_str!("../../data/events/rules/pass-role.tsv")),
    ("s3", "s3", include_str!("../../data/events/rules/s3.tsv")),
    ("sqs-sns", "sqs", include_str!("../../data/events/rules/sqs-sns.tsv")),
    ("streams", "kinesis", include_str!("../../data/events/rules/streams.tsv")),
];

/// Effect of a clause whose tests hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClauseEffect {
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
    /// AWS lists the actions under the operation, and the call checks them only if the tests hold.
    Only,
    /// AWS lists the actions under the operation, and the call does not check them of its caller.
    Never,
}

impl ClauseEffect {
    /// True if a clause takes actions out of what AWS lists under the operation; it says nothing else.
    pub(super) const fn excludes(self) -> bool {
        matches!(self, Self::Only | Self::Never)
    }
}

/// A condition on an event. All tests of a clause must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClauseTest {
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
    /// Nothing at the paths can be read: there is none, or a value is masked.
    Unread(Vec<FieldPath>),
    /// Some value at the path does not contain this text, or none can be read.
    NoText(FieldPath, String),
    /// The path leads to something in `additionalEventData`.
    Additional(FieldPath),
}

/// Place of the resource of a clause's actions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceSpec {
    /// As for any action: `resources[]`, then the templates.
    Default,
    /// The action has no resource: `*`.
    Any,
    /// The event does not name it.
    Unnamed,
    /// As for any action, but by the request alone where it names something: `resources[]` also lists what
    /// another action of the call was checked on.
    Request,
    /// At these paths of the parameters, all that are present.
    At(Vec<(FieldPath, Transform)>),
}

/// One row of the tables for one event name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    effect: ClauseEffect,
    actions: Vec<ActionId>,
    replaces: Option<ActionId>,
    tests: Vec<ClauseTest>,
    resource: ResourceSpec,
    source: &'static str,
}

impl Clause {
    /// The effect.
    pub fn effect(&self) -> ClauseEffect {
        self.effect
    }

    /// The actions it names.
    pub fn actions(&self) -> &[ActionId] {
        &self.actions
    }

    /// For [`ClauseEffect::Instead`]: the one action that is replaced; `None`: all that the `Is` clauses
    /// gave.
    pub fn replaces(&self) -> Option<ActionId> {
        self.replaces
    }

    /// Conditions; empty: it always holds.
    pub fn tests(&self) -> &[ClauseTest] {
        &self.tests
    }

    /// Place of the resource.
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
    exact: ByEvent,
    /// What calls do not check of the actions that AWS lists, by prefix, then lower-case event name or `*`.
    exclusions: ByEvent,
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

    fn add(&mut self, service: &'static str, row: TableRow, clause: &Clause) {
        for name in row.list(0) {
            let key = name.to_ascii_lowercase();
            if clause.effect.excludes() {
                self.exclusions.entry(service).or_default().entry(key).or_default().push(clause.clone());
            } else if name == "*" {
                self.wide.entry(service).or_default().push(clause.clone());
            } else if let Some(start) = key.strip_suffix('*') {
                self.starts.push((service, start.to_owned(), vec![clause.clone()]));
            } else {
                self.exact.entry(service).or_default().entry(key).or_default().push(clause.clone());
            }
        }
    }

    pub fn exact(&self, prefix: &str, name: &str) -> &[Clause] {
        self.exact.get(prefix).and_then(|events| events.get(name)).map_or(&[], Vec::as_slice)
    }

    /// The `only` and `never` clauses of an event, then those of every event of the service.
    pub fn exclusions(&self, prefix: &str, name: &str) -> impl Iterator<Item = &Clause> {
        let of = |name: &str| self.exclusions.get(prefix).and_then(|events| events.get(name));
        of(name).into_iter().chain(of("*")).flatten()
    }

    pub fn wide(&self, prefix: &str) -> &[Clause] {
        self.wide.get(prefix).map_or(&[], Vec::as_slice)
    }

    pub fn start(&self, prefix: &str, name: &str) -> &[Clause] {
        let found = self.starts.iter().find(|row| row.0 == prefix && name.starts_with(row.1.as_str()));
        found.map_or(&[], |row| row.2.as_slice())
    }

    /// The clauses for all names that start so, of an event that has no rows that say what it is and no
    /// action of its own.
    pub fn by_start(&self, catalog: &Catalog, prefix: &str, name: &str) -> &[Clause] {
        let is = |clauses: &[Clause]| clauses.iter().any(|clause| clause.effect == ClauseEffect::Is);
        let clauses = self.start(prefix, name);
        if clauses.is_empty() || is(self.exact(prefix, name)) || catalog.action(&format!("{prefix}:{name}")).is_some() {
            return &[];
        }
        clauses
    }

    /// Every (prefix, lower-case event name, clauses) of the tables that exclude, sorted.
    #[cfg(test)]
    pub fn excluding(&self) -> Vec<(&'static str, &str, &[Clause])> {
        sorted(&self.exclusions)
    }

    /// Every (prefix, lower-case event name, clauses) of the tables, sorted.
    pub fn events(&self) -> Vec<(&'static str, &str, &[Clause])> {
        sorted(&self.exact)
    }
}

/// Clauses by prefix, then lower-case event name.
type ByEvent = HashMap<&'static str, HashMap<String, Vec<Clause>>>;

fn sorted(clauses: &ByEvent) -> Vec<(&'static str, &str, &[Clause])> {
    let mut events: Vec<_> = clauses
        .iter()
        .flat_map(|(prefix, events)| events.iter().map(|(name, clauses)| (*prefix, name.as_str(), &**clauses)))
        .collect();
    events.sort_unstable_by_key(|event| (event.0, event.1));
    events
}

fn clause(catalog: &Catalog, service: &str, row: TableRow) -> Result<Clause, String> {
    let effect = match row.column(1) {
        "is" => ClauseEffect::Is,
        "instead" => ClauseEffect::Instead,
        "and" => ClauseEffect::And,
        "or" => ClauseEffect::Or,
        "possible" => ClauseEffect::Possible,
        "only" => ClauseEffect::Only,
        "never" => ClauseEffect::Never,
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
        "request" => ResourceSpec::Request,
        text => {
            let spec = text.strip_prefix('@').ok_or_else(|| format!("resource `{text}`"))?;
            ResourceSpec::At(spec.split(',').map(located).collect::<Result<Vec<_>, _>>()?)
        }
    };
    Ok(Clause { effect, actions, replaces, tests, resource, source: row.source })
}

fn test(text: &str) -> Result<ClauseTest, String> {
    let (kind, rest) = text.split_once(':').ok_or_else(|| format!("test `{text}`"))?;
    let paths = || rest.split(',').map(FieldPath::parse).collect();
    let words = |text: &str| text.split(',').map(str::to_owned).collect();
    let bad = || format!("test `{text}`");
    Ok(match kind {
        "has" => ClauseTest::Has(paths()),
        "lacks" => ClauseTest::Lacks(paths()),
        "unread" => ClauseTest::Unread(paths()),
        "additional" => ClauseTest::Additional(FieldPath::parse(rest)),
        "error" => ClauseTest::Error(words(rest)),
        "is" => {
            let pairs = rest.split(',').map(|pair| {
                let (path, value) = pair.split_once('=').ok_or_else(bad)?;
                Ok((FieldPath::parse(path), value.to_owned()))
            });
            ClauseTest::Is(pairs.collect::<Result<_, String>>()?)
        }
        "text" | "notext" => {
            let (path, needle) = rest.split_once('~').ok_or_else(bad)?;
            let (path, needle) = (FieldPath::parse(path), needle.to_owned());
            if kind == "text" { ClauseTest::Text(path, needle) } else { ClauseTest::NoText(path, needle) }
        }
        "verb" => {
            let (verb, path) = rest.split_once('@').ok_or_else(bad)?;
            ClauseTest::Verb(verb.to_owned(), FieldPath::parse(path))
        }
        "noverb" => {
            let (verbs, path) = rest.split_once('@').ok_or_else(bad)?;
            ClauseTest::NoVerb(words(verbs), FieldPath::parse(path))
        }
        _ => return Err(bad()),
    })
}
