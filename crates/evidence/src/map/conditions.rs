//! Conditions of clauses, evaluated on one event; tags and roles in the parameters.

use serde_json::{Map, Value};
use whittle_catalog::events::{ClauseTest, FieldPath, FurtherAction, TagKeys};
use whittle_catalog::{ActionId, catalog};

use super::params::{Leaf, is_masked, key_starts_with, present_in};
use super::{Basis, CallContext, CollectedUses, ResourceOrigin, ResourceSeen, plan};

/// Parameters that name a key of KMS, and the action that they are for; empty: every action of the call.
pub(super) const KEY_PARAMETERS: [(&str, &str); 3] =
    [("keyId", ""), ("sourceKeyId", "kms:ReEncryptFrom"), ("destinationKeyId", "kms:ReEncryptTo")];

impl CallContext<'_> {
    /// True if all tests hold.
    pub(super) fn holds(&self, tests: &[ClauseTest]) -> bool {
        tests.iter().all(|test| self.test(test))
    }

    fn test(&self, test: &ClauseTest) -> bool {
        let parameters = &self.parameters;
        match test {
            ClauseTest::Has(paths) => parameters.has(paths),
            ClauseTest::Lacks(paths) => !parameters.has(paths),
            ClauseTest::Is(pairs) => pairs.iter().any(|(path, wanted)| {
                parameters.leaves(path).into_iter().any(|leaf| match leaf {
                    Leaf::Value(Value::Bool(value)) => {
                        wanted.eq_ignore_ascii_case(if *value { "true" } else { "false" })
                    }
                    leaf => leaf.text().is_some_and(|text| text.eq_ignore_ascii_case(wanted)),
                })
            }),
            ClauseTest::Text(path, needle) => parameters.leaves(path).into_iter().any(|leaf| match leaf {
                Leaf::Value(value @ (Value::Object(_) | Value::Array(_))) => {
                    value.to_string().contains(needle.as_str())
                }
                leaf => leaf.text().is_some_and(|text| text.contains(needle.as_str())),
            }),
            ClauseTest::Verb(verb, path) => self.statements(path).iter().any(|text| first_word_is(text, verb)),
            ClauseTest::NoVerb(verbs, path) => {
                let statements = self.statements(path);
                statements.is_empty()
                    || statements.iter().any(|text| !verbs.iter().any(|verb| first_word_is(text, verb)))
            }
            ClauseTest::Unread(paths) => self.is_unread(paths),
            ClauseTest::NoText(path, needle) => {
                parameters.texts(path).any(|text| !text.contains(needle.as_str()))
                    || self.is_unread(std::slice::from_ref(path))
            }
            ClauseTest::Additional(path) => self.record.additional_event_data.is_some_and(|data| {
                let data: Result<Value, _> = serde_json::from_str(data.get());
                data.is_ok_and(|data| present_in(&data, path))
            }),
            ClauseTest::Error(codes) => self
                .record
                .error_code
                .as_deref()
                .is_some_and(|code| codes.iter().any(|wanted| wanted.eq_ignore_ascii_case(code))),
            _ => false,
        }
    }

    /// True if a sourced rule shows that this call did not check an action that AWS lists under its
    /// operation. Parameters that are not there at all show nothing: CloudTrail omits them above 100 KB
    /// (CloudTrail User Guide, "CloudTrail record contents", requestParameters).
    pub(super) fn is_excluded(&self, further: &FurtherAction<'_>) -> bool {
        if further.never.iter().any(|clause| self.holds(clause.tests())) {
            return true;
        }
        let by_rule = || {
            !further.only.is_empty()
                && !further.only.iter().any(|clause| clause.tests().iter().all(|test| self.may_hold(test)))
        };
        let by_tags = || further.needs_tags && self.parameters.request().is_some_and(|value| !shows_tags(value, 0));
        self.parameters.are_given() && (by_rule() || by_tags())
    }

    /// True unless the event shows that a test does not hold.
    fn may_hold(&self, test: &ClauseTest) -> bool {
        let is_masked = |path: &FieldPath| {
            self.parameters.leaves(path).into_iter().any(|leaf| leaf.any_text().is_some_and(is_masked))
        };
        self.test(test)
            || match test {
                ClauseTest::Is(pairs) => pairs.iter().any(|(path, _)| is_masked(path)),
                ClauseTest::Text(path, _) => is_masked(path),
                _ => false,
            }
    }

    /// True if nothing at the paths can be read: there is none, or a value is masked.
    fn is_unread(&self, paths: &[FieldPath]) -> bool {
        let masked = |path| self.parameters.leaves(path).into_iter().any(|leaf| leaf.any_text().is_some_and(is_masked));
        !self.parameters.has(paths) || paths.iter().any(masked)
    }

    /// Texts of statements; a masked one counts as a statement that says nothing.
    fn statements(&self, path: &FieldPath) -> Vec<&str> {
        let leaves = self.parameters.leaves(path).into_iter();
        leaves.filter_map(Leaf::any_text).map(|text| if is_masked(text) { "" } else { text }).collect()
    }

    /// Tags on a create call prove the tagging action (Service Authorization Reference, dependent actions).
    pub(super) fn add_tagging(&self, tags: &TagKeys<'_>, uses: &mut CollectedUses) {
        let is_tags = |key: &str| {
            tags.key_starts.iter().any(|start| {
                key_starts_with(key, start)
                    && !key.get(start.len()..start.len() + 3).is_some_and(|next| next.eq_ignore_ascii_case("get"))
            })
        };
        let Some(Value::Object(map)) = self.parameters.request() else { return };
        let in_map = |map: &Map<String, Value>| map.iter().any(|(key, value)| is_tags(key) && value_has_tags(value));
        let found = in_map(map) || map.values().filter_map(Value::as_object).any(in_map);
        if found {
            let resources = self.resources_of_tagging(tags.action, uses);
            uses.add(tags.action, Basis::Secondary, resources);
        }
    }

    /// The created resource, where the event names it: tags are checked on that, not on its container or
    /// origin. The end of the call's name selects its type among those of the tagging action (`CreateFaq`:
    /// `faq`, not `index`).
    fn resources_of_tagging(&self, action: ActionId, uses: &CollectedUses) -> Vec<ResourceSeen> {
        let plan = plan::of(action);
        let created = created_noun(self.record.event_name.as_str()).and_then(|noun| {
            let types = plan.types.iter().filter(|kind| is_end_of(kind.name, &noun));
            types.max_by_key(|kind| kind.name.len())
        });
        let mut fitting = Vec::new();
        if let Some(created) = created {
            let resources =
                uses.list.iter().filter(|used| used.basis == Basis::Primary).flat_map(|used| &used.resources);
            let is_created = |seen: &&ResourceSeen| match seen {
                ResourceSeen::Arn(_, ResourceOrigin::TypeOnly) | ResourceSeen::Unnamed => false,
                ResourceSeen::Arn(arn, _) => plan.type_of(arn) == Some(created.name),
            };
            fitting.extend(resources.filter(is_created).cloned());
        }
        if fitting.is_empty() {
            fitting.push(ResourceSeen::Unnamed);
        }
        fitting
    }

    /// The alias by which a call of KMS names its key, beside the key itself: tomorrow it may stand for
    /// another key (AWS KMS Developer Guide, "Use aliases to control access to KMS keys").
    pub(super) fn add_key_aliases(&self, uses: &mut CollectedUses) {
        for (parameter, only) in KEY_PARAMETERS {
            let Some(text) = self.parameters.request().and_then(|request| request.get(parameter)?.as_str()) else {
                continue;
            };
            let place = self.place();
            let alias = match text.strip_prefix("alias/") {
                Some(_) => format!("arn:{}:kms:{}:{}:{text}", place.partition, place.region, place.account),
                None if text.starts_with("arn:") && text.contains(":alias/") => text.to_string(),
                None => continue,
            };
            let primary = uses.list.iter_mut().filter(|used| used.basis == Basis::Primary);
            for used in primary.filter(|used| only.is_empty() || catalog().info(used.action).name() == only) {
                used.resources.push(ResourceSeen::Arn(super::resources::harmless(&alias), ResourceOrigin::Template));
            }
        }
    }

    /// A role ARN in the parameters of a call that changes something proves iam:PassRole on it, also where no
    /// row of the tables names the parameter (Service Authorization Reference lists iam:PassRole for nearly a
    /// thousand operations).
    pub(super) fn add_role_passing(&self, uses: &mut CollectedUses) {
        if self.record.read_only == Some(true) {
            return;
        }
        let Some(pass_role) = super::pass_role() else { return };
        let mut roles = Vec::new();
        if let Some(request) = self.parameters.request() {
            collect_roles(request, "", 0, &mut roles);
        }
        for role in roles {
            uses.add(pass_role, Basis::Secondary, vec![ResourceSeen::Arn(role, ResourceOrigin::Generic)]);
        }
    }
}

/// Noun of the thing that a call makes, in lower case, without what it is made from
/// (`RestoreTableFromBackup`, `RestoreTableToPointInTime`) and without an API date. `None` for a copy, which
/// names its source.
fn created_noun(event_name: &str) -> Option<String> {
    let upper = |at: usize| event_name.as_bytes().get(at).is_some_and(u8::is_ascii_uppercase);
    let of_word = |word: &'static str| {
        event_name.match_indices(word).map(|(at, _)| at).find(move |at| *at > 0 && upper(at + word.len()))
    };
    let digit = event_name.find(|c: char| c.is_ascii_digit());
    let end = [of_word("From"), of_word("To"), digit].into_iter().flatten().min();
    let noun = end.map_or(Some(event_name), |end| event_name.get(..end))?;
    (!noun.starts_with("Copy")).then(|| noun.to_ascii_lowercase())
}

/// True if a name ends in a resource type of the catalog: `log-group`, `stateMachine`, `branches`.
fn is_end_of(kind: &str, name: &str) -> bool {
    let kind = kind.replace(|c: char| !c.is_ascii_alphanumeric(), "").to_ascii_lowercase();
    let singular = [kind.strip_suffix("es"), kind.strip_suffix('s')];
    let mut forms = singular.into_iter().flatten().chain([kind.as_str()]);
    forms.any(|form| !form.is_empty() && name.ends_with(form))
}

/// ARNs of roles under keys that name a role, at most eight levels deep.
fn collect_roles(value: &Value, key: &str, depth: usize, out: &mut Vec<String>) {
    if depth > 8 || out.len() > 50 {
        return;
    }
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| collect_roles(value, key, depth + 1, out)),
        Value::Array(items) => items.iter().for_each(|item| collect_roles(item, key, depth + 1, out)),
        Value::String(text) if names_a_role(key) && is_role_arn(text) => out.push(super::resources::harmless(text)),
        _ => {}
    }
}

fn names_a_role(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let key = key.strip_suffix("arn").unwrap_or(&key);
    key.ends_with("role") && !["assume", "principal", "grantee"].iter().any(|word| key.contains(word))
}

/// `arn:<partition>:iam::<account>:role/<path and name>`.
pub(super) fn is_role_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    parts.next() == Some("arn")
        && parts.next().is_some_and(|partition| partition.starts_with("aws"))
        && parts.next() == Some("iam")
        && parts.next() == Some("")
        && parts.next().is_some_and(|account| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()))
        && parts.next().and_then(|rest| rest.strip_prefix("role/")).is_some_and(|name| !name.is_empty())
}

/// True if a key at any depth is of tags and leads to something.
fn shows_tags(value: &Value, depth: usize) -> bool {
    let is_tag_key = |key: &str| key_starts_with(key, "tag") || key.contains("Tag") || key.contains("-tag");
    match value {
        // What lies deeper is not looked at: it may be tags.
        _ if depth > 16 => true,
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| (is_tag_key(key) && Leaf::Value(value).is_present()) || shows_tags(value, depth + 1)),
        Value::Array(items) => items.iter().any(|item| shows_tags(item, depth + 1)),
        _ => false,
    }
}

fn value_has_tags(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        value => Leaf::Value(value).is_present() && !matches!(value, Value::Bool(_) | Value::Number(_)),
    }
}

fn first_word_is(statement: &str, word: &str) -> bool {
    let statement = statement.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let end = statement.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(statement.len());
    statement.get(..end).is_some_and(|first| first.eq_ignore_ascii_case(word))
}
