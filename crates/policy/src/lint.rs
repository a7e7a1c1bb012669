//! Things that parse and that nobody means.
//!
//! Some of these AWS refuses when the policy is saved, some it takes; in either case the statement does not
//! do what it seems to say. A lint never changes how a policy is read.

use std::collections::BTreeMap;
use std::fmt;

use crate::action::ActionPattern;
use crate::algebra::is_shadowed;
use crate::condition::operator::{Comparison, Operator, Quantifier};
use crate::document::{Effect, PolicyDocument, Statement, Version};
use crate::error::excerpt;
use crate::json::Path;
use crate::nearest::nearest;
use crate::resource::ResourcePattern;

/// Something odd in a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lint {
    /// JSON path of the odd value.
    pub path: String,
    /// Kind of oddity.
    pub code: LintCode,
    /// The oddity in words.
    pub message: String,
}

/// Kind of oddity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LintCode {
    /// Two statements with one Sid.
    DuplicateSid,
    /// A Sid that IAM refuses.
    InvalidSid,
    /// No statements, actions, resources or values.
    EmptyList,
    /// A wildcard in the service prefix.
    WildcardPrefix,
    /// A character that no action name has.
    InvalidAction,
    /// A resource that is neither an ARN pattern nor `*`.
    NotAnArn,
    /// A wildcard in the service segment of an ARN.
    WildcardService,
    /// A condition operator that AWS does not know.
    UnknownOperator,
    /// `${…}` in a version that has no variables.
    InactiveVariable,
    /// No version: AWS reads the policy as 2008-10-17.
    MissingVersion,
    /// Allow with NotAction, NotResource or NotPrincipal: grants everything else.
    AllowAllBut,
    /// A wildcard in a part of a principal.
    PartialPrincipal,
    /// A condition value that its operator cannot read.
    UnreadableValue,
    /// A wildcard in the value of an operator that compares the whole text.
    PlainWildcard,
    /// Allow under `ForAllValues` alone: a request without the key passes.
    PassesWithoutKey,
    /// Constraints that no request can meet together.
    Contradiction,
    /// Allow that a Deny of the same policy refuses altogether.
    ShadowedAllow,
}

impl LintCode {
    /// Every code, sorted.
    pub const ALL: [Self; 17] = [
        Self::DuplicateSid,
        Self::InvalidSid,
        Self::EmptyList,
        Self::WildcardPrefix,
        Self::InvalidAction,
        Self::NotAnArn,
        Self::WildcardService,
        Self::UnknownOperator,
        Self::InactiveVariable,
        Self::MissingVersion,
        Self::AllowAllBut,
        Self::PartialPrincipal,
        Self::UnreadableValue,
        Self::PlainWildcard,
        Self::PassesWithoutKey,
        Self::Contradiction,
        Self::ShadowedAllow,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DuplicateSid => "duplicate-sid",
            Self::InvalidSid => "invalid-sid",
            Self::EmptyList => "empty-list",
            Self::WildcardPrefix => "wildcard-prefix",
            Self::InvalidAction => "invalid-action",
            Self::NotAnArn => "not-an-arn",
            Self::WildcardService => "wildcard-service",
            Self::UnknownOperator => "unknown-operator",
            Self::InactiveVariable => "inactive-variable",
            Self::MissingVersion => "missing-version",
            Self::AllowAllBut => "allow-all-but",
            Self::PartialPrincipal => "partial-principal",
            Self::UnreadableValue => "unreadable-value",
            Self::PlainWildcard => "plain-wildcard",
            Self::PassesWithoutKey => "passes-without-key",
            Self::Contradiction => "contradiction",
            Self::ShadowedAllow => "shadowed-allow",
        }
    }
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.path, self.message, self.code)
    }
}

impl PolicyDocument {
    /// Odd things in this document, in document order.
    pub fn lint(&self) -> Vec<Lint> {
        let mut linter = Linter { path: Path::root(), found: Vec::new() };
        linter.document(self);
        linter.found
    }
}

struct Linter {
    path: Path,
    found: Vec<Lint>,
}

impl Linter {
    fn report(&mut self, code: LintCode, message: impl Into<String>) {
        self.found.push(Lint { path: self.path.as_str().to_owned(), code, message: message.into() });
    }

    fn report_in(&mut self, name: &str, code: LintCode, message: impl Into<String>) {
        self.within(name, |linter| linter.report(code, message));
    }

    fn within(&mut self, name: &str, run: impl FnOnce(&mut Self)) {
        let mark = self.path.enter(name);
        run(self);
        self.path.leave(mark);
    }

    fn each<'a, T>(&mut self, values: &'a [T], one: bool, mut run: impl FnMut(&mut Self, &'a T)) {
        if values.is_empty() {
            self.report(LintCode::EmptyList, "an empty list matches nothing, and AWS refuses it");
        }
        for (index, value) in values.iter().enumerate() {
            if one {
                run(self, value);
            } else {
                let mark = self.path.enter_item(index);
                run(self, value);
                self.path.leave(mark);
            }
        }
    }

    fn document(&mut self, document: &PolicyDocument) {
        if document.version.is_none() {
            self.report(LintCode::MissingVersion, "without Version, AWS reads the policy as 2008-10-17");
        }
        let mut sids: BTreeMap<&str, usize> = BTreeMap::new();
        let is_one = matches!(document.statements, crate::OneOrMany::One(_));
        let inactive = document.version != Some(Version::V2012);
        let mut index = 0;
        self.within("Statement", |linter| {
            linter.each(document.statements.as_slice(), is_one, |linter, statement| {
                let sid = statement.sid.as_deref().filter(|sid| !sid.is_empty());
                if let Some(first) = sid.and_then(|sid| sids.insert(sid, index)) {
                    let message = format!("statement {first} has the same Sid; AWS refuses the policy");
                    linter.report_in("Sid", LintCode::DuplicateSid, message);
                }
                index += 1;
                linter.statement(statement, inactive);
                let denies = document.statements.iter().filter(|other| other.effect == Effect::Deny);
                if statement.effect == Effect::Allow && is_shadowed(statement, denies.collect()) {
                    linter.report(LintCode::ShadowedAllow, "a Deny of this policy refuses all that this grants");
                }
            });
        });
    }

    fn statement(&mut self, statement: &Statement, inactive: bool) {
        if statement.sid.as_deref().is_some_and(|sid| !sid.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            self.report_in("Sid", LintCode::InvalidSid, "IAM takes only the letters A-Z, a-z and digits in a Sid");
        }
        let allow = statement.effect == Effect::Allow;
        if allow && statement.principal.as_ref().is_some_and(crate::PrincipalClause::is_negated) {
            let message = "Allow with NotPrincipal grants everyone else, anonymous callers included";
            self.report_in("NotPrincipal", LintCode::AllowAllBut, message);
        }
        if let Some(clause) = &statement.principal {
            self.principals(clause);
        }
        let (name, one) = match &statement.action {
            crate::ActionClause::Action(list) => ("Action", matches!(list, crate::OneOrMany::One(_))),
            crate::ActionClause::NotAction(list) => ("NotAction", matches!(list, crate::OneOrMany::One(_))),
        };
        self.within(name, |linter| {
            if allow && statement.action.is_negated() {
                linter.report(LintCode::AllowAllBut, "Allow with NotAction grants every other action, of all services");
            }
            linter.each(statement.action.patterns(), one, Self::action);
        });
        if let Some(clause) = &statement.resource {
            let (name, one) = match clause {
                crate::ResourceClause::Resource(list) => ("Resource", matches!(list, crate::OneOrMany::One(_))),
                crate::ResourceClause::NotResource(list) => ("NotResource", matches!(list, crate::OneOrMany::One(_))),
            };
            self.within(name, |linter| {
                if allow && clause.is_negated() {
                    linter.report(LintCode::AllowAllBut, "Allow with NotResource grants every other resource");
                }
                linter.each(clause.patterns(), one, |linter, pattern| linter.resource(pattern, inactive));
            });
        }
        self.within("Condition", |linter| linter.condition(statement, inactive));
    }

    /// Operators that do not do what they seem to (IAM User Guide, "Condition operators"; "Single-valued vs.
    /// multivalued context keys").
    fn traps(&mut self, statement: &Statement) {
        let constraints = || statement.condition.iter();
        for (name, key, values) in constraints() {
            let Some(operator) = Operator::parse(name) else { continue };
            let whole_text =
                matches!(operator.comparison(), Comparison::StringEquals | Comparison::StringEqualsIgnoreCase);
            let is_pattern = |value: &String| value.replace("${*}", "").replace("${?}", "").contains(['*', '?']);
            if whole_text && values.iter().any(is_pattern) {
                let message = format!("{name} reads * and ? as plain text; StringLike knows them as wildcards");
                self.within(name, |linter| linter.report_in(key, LintCode::PlainWildcard, message));
            }
            let is_guarded = || {
                constraints().any(|(other, other_key, other_values)| {
                    other_key.eq_ignore_ascii_case(key)
                        && other.eq_ignore_ascii_case("Null")
                        && other_values.iter().any(|value| value.eq_ignore_ascii_case("false"))
                })
            };
            let all_values = operator.quantifier() == Some(Quantifier::ForAllValues);
            // "Controlling access … using tags": without tags, there is nothing to refuse.
            let may_be_absent = key.eq_ignore_ascii_case("aws:TagKeys");
            if statement.effect == Effect::Allow && all_values && !may_be_absent && !is_guarded() {
                let message = "a request without the key passes too; add a Null condition to ask for the key";
                self.within(name, |linter| linter.report_in(key, LintCode::PassesWithoutKey, message));
            }
        }
    }

    fn principals(&mut self, clause: &crate::PrincipalClause) {
        let name = if clause.is_negated() { "NotPrincipal" } else { "Principal" };
        for (kind, principal) in clause.principals().iter() {
            if principal.len() > 1 && principal.contains(['*', '?']) {
                let message = "a wildcard cannot match part of a principal; this names nobody";
                self.within(name, |linter| linter.report_in(kind.as_str(), LintCode::PartialPrincipal, message));
            }
        }
    }

    fn action(&mut self, action: &ActionPattern) {
        let Some((prefix, name)) = action.service_prefix().zip(action.name()) else { return };
        if prefix.contains(['*', '?']) {
            self.report(
                LintCode::WildcardPrefix,
                "IAM refuses a wildcard in the service prefix; the pattern matches no action",
            );
        }
        let is_prefix = |byte: u8| byte.is_ascii_alphanumeric() || b"-*?".contains(&byte);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*?".contains(&byte);
        if !prefix.bytes().all(is_prefix) || !name.bytes().all(is_name) {
            self.report(LintCode::InvalidAction, "no action has such a name; the pattern matches nothing");
        }
    }

    fn resource(&mut self, pattern: &ResourcePattern, inactive: bool) {
        let text = pattern.as_str();
        self.variable(text, inactive);
        let mut segments = text.splitn(6, ':');
        if !pattern.intersects(&ResourcePattern::new("arn:*")) {
            self.report(LintCode::NotAnArn, "a resource is an ARN or *");
        } else if segments.next() == Some("arn") {
            let service = segments.nth(1);
            if service.is_some_and(|service| service.contains(['*', '?'])) {
                self.report(LintCode::WildcardService, "IAM refuses a wildcard in the service segment of an ARN");
            }
            if service.is_some() && segments.count() < 3 && !text.ends_with('*') {
                self.report(LintCode::NotAnArn, "an ARN has six segments; the pattern matches nothing");
            }
        }
    }

    fn variable(&mut self, text: &str, inactive: bool) {
        if inactive && text.contains("${") {
            self.report(LintCode::InactiveVariable, "policy variables need Version 2012-10-17; here ${ is plain text");
        }
    }

    fn condition(&mut self, statement: &Statement, inactive: bool) {
        for (operator, keys) in statement.condition.operator_names() {
            if keys == 0 {
                self.report_in(operator, LintCode::EmptyList, "an operator without keys constrains nothing");
            }
            if Operator::parse(operator).is_none() {
                let message = match nearest(operator, Operator::names()) {
                    Some(near) => format!("unknown condition operator; did you mean {near}?"),
                    None => "unknown condition operator".to_owned(),
                };
                self.report_in(operator, LintCode::UnknownOperator, message);
            }
        }
        if statement.condition.excludes(&statement.condition) {
            let message = "two of the constraints contradict each other; no request meets both";
            self.report(LintCode::Contradiction, message);
        }
        self.traps(statement);
        for (operator, key, value) in statement.condition.unreadable() {
            let message = format!("{operator} cannot read {:?}; it matches nothing", excerpt(value));
            self.within(operator, |linter| linter.report_in(key, LintCode::UnreadableValue, message));
        }
        for (operator, key, values) in statement.condition.iter() {
            self.within(operator, |linter| {
                linter.within(key, |linter| {
                    if values.is_empty() {
                        linter.report(LintCode::EmptyList, "a key without values");
                    }
                    for value in values {
                        linter.variable(value, inactive);
                    }
                });
            });
        }
    }
}
