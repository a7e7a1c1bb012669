//! A request in a region, found by trying.
//!
//! Candidates are texts that the patterns of the region's statements match, and contexts that meet their
//! conditions; each combination is put to the evaluator, so what is found is in the region whatever the
//! search assumed.

use super::RequestRegion;
use crate::action::ActionPattern;
use crate::condition::operator::{Comparison, Operator, Quantifier};
use crate::context::Context;
use crate::document::{ActionClause, ResourceClause, Statement};
use crate::evaluate::Request;
use crate::resource::ResourcePattern;

/// Candidates of each kind, and pairs of patterns that are asked for a common text.
const MAX_CANDIDATES: usize = 64;

/// True if the statement is about the request. Principals are not looked at.
pub(super) fn matches(statement: &Statement, request: &Request) -> bool {
    let resource = statement.resource.as_ref();
    statement.action.matches(&request.action)
        && resource.is_none_or(|clause| clause.matches_in(&request.resource, &request.context))
        && statement.condition.is_met(&request.context)
}

impl RequestRegion<'_> {
    pub(super) fn witness(&self) -> Option<Request> {
        let mut request = Request::new("", "", "");
        let contexts = self.contexts();
        let actions = self.actions();
        let resources = self.resources();
        for context in contexts {
            request.context = context;
            for action in &actions {
                request.action.clone_from(action);
                for resource in &resources {
                    request.resource.clone_from(resource);
                    if self.contains(&request) {
                        return Some(request);
                    }
                }
            }
        }
        None
    }

    fn actions(&self) -> Vec<String> {
        let lists: Vec<&[ActionPattern]> = self
            .all
            .iter()
            .filter_map(|statement| match &statement.action {
                ActionClause::Action(patterns) => Some(patterns.as_slice()),
                ActionClause::NotAction(_) => None,
            })
            .collect();
        let mut out: Vec<String> = common(&lists, ActionPattern::common_text);
        // Not to match "all but these" is to match one of these.
        for cut in &self.none {
            if let (ActionClause::NotAction(patterns), Some(first)) = (&cut.action, lists.first()) {
                out.extend(common(&[first, patterns.as_slice()], ActionPattern::common_text));
            }
        }
        for pattern in lists.iter().copied().flatten() {
            out.extend(pattern.samples());
        }
        out.push("x:X".to_owned());
        let fits =
            |action: &String| action.contains(':') && self.all.iter().all(|statement| statement.action.matches(action));
        spread(out, fits)
    }

    fn resources(&self) -> Vec<String> {
        let lists: Vec<&[ResourcePattern]> = self
            .all
            .iter()
            .filter_map(|statement| match &statement.resource {
                Some(ResourceClause::Resource(patterns)) => Some(patterns.as_slice()),
                _ => None,
            })
            .collect();
        let mut out: Vec<String> = common(&lists, ResourcePattern::common_text);
        for cut in &self.none {
            if let (Some(ResourceClause::NotResource(patterns)), Some(first)) = (&cut.resource, lists.first()) {
                out.extend(common(&[first, patterns.as_slice()], ResourcePattern::common_text));
            }
        }
        for pattern in lists.iter().copied().flatten() {
            out.extend(pattern.samples(VARIABLE_VALUE));
        }
        out.push("arn:aws:x:xx-x-1:111122223333:x/x".to_owned());
        let fits = |resource: &String| {
            let may = |clause: &ResourceClause| clause.may_match(resource);
            self.all.iter().all(|statement| statement.resource.as_ref().is_none_or(may))
        };
        spread(out, fits)
    }

    /// Contexts that may meet the conditions of all and none of the others.
    fn contexts(&self) -> Vec<Context> {
        let mut meeting = Context::default();
        for statement in &self.all {
            meet(statement, &mut meeting);
        }
        let mut avoiding = meeting.clone();
        for statement in &self.none {
            avoid(statement, &mut avoiding);
        }
        vec![Context::default(), meeting, avoiding]
    }
}

/// Value given to the keys that variables name.
const VARIABLE_VALUE: &str = "v";

/// Texts that a pattern of the first list shares with one of the second.
fn common<P>(lists: &[&[P]], text: impl Fn(&P, &P) -> Option<String>) -> Vec<String> {
    let [first, second, ..] = lists else { return Vec::new() };
    let pairs = first.iter().flat_map(|a| second.iter().map(move |b| (a, b)));
    pairs.take(MAX_CANDIDATES * MAX_CANDIDATES).filter_map(|(a, b)| text(a, b)).take(MAX_CANDIDATES).collect()
}

/// At most so many, from all over the list.
fn spread(texts: Vec<String>, fits: impl Fn(&String) -> bool) -> Vec<String> {
    let mut texts: Vec<String> = texts.into_iter().filter(fits).collect();
    texts.sort();
    texts.dedup();
    let step = texts.len().div_ceil(MAX_CANDIDATES).max(1);
    texts.into_iter().step_by(step).collect()
}

/// Gives keys the values that the statement asks for.
fn meet(statement: &Statement, context: &mut Context) {
    for (operator, key, values) in statement.condition.iter() {
        let Some(operator) = Operator::parse(operator) else { continue };
        let first = values.first().map(String::as_str).unwrap_or_default();
        let wants_absence = operator.comparison() == Comparison::Null && first.eq_ignore_ascii_case("true");
        if operator.is_negated() || wants_absence || !context.get(key).is_empty() {
            continue;
        }
        if operator.quantifier() == Some(Quantifier::ForAllValues) || operator.is_if_exists() {
            continue; // absence meets it
        }
        context.insert(key, [beside(operator.comparison(), first)]);
    }
    if let Some(clause) = &statement.resource {
        for name in clause.patterns().iter().flat_map(ResourcePattern::variable_names) {
            let key = name.split(',').next().unwrap_or(name).trim();
            if context.get(key).is_empty() {
                context.insert(key, [VARIABLE_VALUE]);
            }
        }
    }
}

/// Gives keys values that keep the statement from matching, where absence would not.
fn avoid(statement: &Statement, context: &mut Context) {
    for (operator, key, values) in statement.condition.iter() {
        let Some(operator) = Operator::parse(operator) else { continue };
        if !operator.is_met_by_missing_key() || !context.get(key).is_empty() {
            continue;
        }
        let first = values.first().map(String::as_str).unwrap_or_default();
        let value = if operator.is_negated() {
            beside(operator.comparison(), first)
        } else {
            match operator.comparison() {
                Comparison::Bool => if first.eq_ignore_ascii_case("true") { "false" } else { "true" }.to_owned(),
                _ => "\u{1}".to_owned(),
            }
        };
        context.insert(key, [value]);
    }
}

/// A value of the request that matches this value of the policy.
fn beside(comparison: Comparison, value: &str) -> String {
    use Comparison as C;
    let shifted =
        |by: i64| value.parse::<i64>().map_or_else(|_| value.to_owned(), |n| n.saturating_add(by).to_string());
    match comparison {
        C::StringLike | C::ArnLike => value.replace('*', "").replace('?', "x"),
        C::IpAddress => value.split('/').next().unwrap_or(value).to_owned(),
        C::NumericLessThan => shifted(-1),
        C::NumericGreaterThan => shifted(1),
        C::DateLessThan => "1970-01-01T00:00:00Z".to_owned(),
        C::DateGreaterThan => "9999-12-31T00:00:00Z".to_owned(),
        _ => value.to_owned(),
    }
}
