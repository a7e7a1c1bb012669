//! The parameters that the mapping of an event can depend on: a function of the tables, for readers that can
//! leave out the rest (SQL over trail tables). It steers no mapping.

use std::collections::BTreeSet;

use whittle_catalog::events::{Clause, ClauseTest, EventResolution, EventRule, FieldPath, PathSegment, ResourceSpec};
use whittle_catalog::{ActionId, catalog};

use super::params::key_starts_with;
use super::prepared::PreparedRule;
use super::{plan, resources, s3};

/// The top-level request parameters, and the answer, that the mapping of an event can depend on. Keys compare
/// in any case.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ParametersRead {
    /// Keys.
    pub keys: BTreeSet<&'static str>,
    /// Starts of keys.
    pub key_starts: BTreeSet<&'static str>,
    /// Any parameter counts.
    pub all: bool,
    /// It counts whether any parameter is masked.
    pub masks: bool,
    /// `responseElements` count.
    pub response: bool,
}

/// The parameters that the mapping of an event can depend on: none unless the event proves actions.
pub fn parameters_read(event_source: &str, event_name: &str) -> ParametersRead {
    match catalog().resolve_event(event_source, event_name) {
        EventResolution::Actions(rule) => ParametersRead::of(&PreparedRule::of(rule, event_name), event_name),
        _ => ParametersRead::default(),
    }
}

impl ParametersRead {
    /// True if the mapping can depend on this parameter.
    pub fn contains(&self, key: &str) -> bool {
        self.all
            || self.keys.iter().any(|known| known.eq_ignore_ascii_case(key))
            || self.key_starts.iter().any(|start| key_starts_with(key, start))
    }

    fn of(prepared: &PreparedRule, event_name: &str) -> Self {
        let rule = &prepared.rule;
        let mut reads = Self {
            // Tags, roles, and the ARNs of the other services that share S3's event source may stand
            // anywhere; and an absent parameter excludes an action only where parameters are given at all.
            all: prepared.tags.is_some()
                || prepared.may_pass_role
                || rule.prefix() == "s3"
                || prepared.further.iter().any(|further| further.needs_tags || !further.only.is_empty()),
            response: catalog().names_created(event_name),
            ..Self::default()
        };
        if catalog().may_have_source(event_name) {
            reads.key_starts.insert("source");
        }
        reads.add_clauses(rule);
        let of_clauses = rule.clauses().flat_map(Clause::actions).copied();
        for action in rule.same_named().into_iter().chain(of_clauses) {
            reads.add_resources(action);
            s3::under_other_prefixes(action).for_each(|other| reads.add_resources(other));
        }
        if let Some(batch) = prepared.batch {
            reads.add(batch.items());
            reads.add(batch.answers());
        }
        if rule.prefix() == "kms" {
            reads.keys.extend(super::conditions::KEY_PARAMETERS.map(|(key, _)| key));
        }
        reads
    }

    fn add_clauses(&mut self, rule: &EventRule<'static>) {
        for clause in rule.clauses() {
            for test in clause.tests() {
                match test {
                    ClauseTest::Has(paths) | ClauseTest::Lacks(paths) | ClauseTest::Unread(paths) => {
                        for path in paths {
                            self.add(path);
                        }
                    }
                    ClauseTest::Is(pairs) => pairs.iter().for_each(|(path, _)| self.add(path)),
                    ClauseTest::Text(path, _)
                    | ClauseTest::NoText(path, _)
                    | ClauseTest::Verb(_, path)
                    | ClauseTest::NoVerb(_, path) => {
                        self.add(path);
                    }
                    ClauseTest::Error(_) => {}
                    _ => (self.all, self.response) = (true, true),
                }
            }
            match clause.resource() {
                ResourceSpec::Any | ResourceSpec::Unnamed | ResourceSpec::Default => {}
                ResourceSpec::At(paths) => paths.iter().for_each(|(path, _)| self.add(path)),
                _ => (self.all, self.response) = (true, true),
            }
        }
    }

    fn add(&mut self, path: &'static FieldPath) {
        if path.is_response() {
            self.response = true;
            return;
        }
        match path.segments().first() {
            Some(PathSegment::Key(key)) => {
                self.keys.insert(key);
            }
            Some(PathSegment::KeyPrefix(start)) => {
                self.key_starts.insert(start);
            }
            _ => self.all = true,
        }
    }

    fn add_resources(&mut self, action: ActionId) {
        let plan = plan::of(action);
        // Whole ARNs are also looked for below any key.
        self.all |= !plan.whole_arns.is_empty();
        self.response |= !plan.whole_arns.is_empty();
        if plan.has_account {
            self.keys.extend(catalog().owner_account_keys());
        }
        self.masks |= plan.types.iter().any(|kind| resources::may_be_told_absent(plan, kind));
        plan.paths().for_each(|path| self.add(path));
    }
}
