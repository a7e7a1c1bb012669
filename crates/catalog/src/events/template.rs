//! Request parameters that hold the parts of ARNs: `data/events/templates.tsv`; tagging actions of create
//! calls.

use std::collections::HashMap;

use super::path::FieldPath;
use super::table;
use super::transform::{Transform, located};
use crate::{ActionId, Catalog};

static TEMPLATES: &str = include_str!("../../data/events/templates.tsv");
static TAGGING: &str = include_str!("../../data/events/tagging.tsv");

/// The part of an ARN, or of an answer about it, that a row fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowTarget {
    Placeholder(&'static str),
    ResourceType(&'static str),
    Whole(&'static str),
    Any,
    Complete,
    LowerCase,
    Tail(&'static str),
    Owner,
    OwnerArn,
    Unqualified(&'static str),
}

/// Source of a placeholder of a service's ARN formats, or of a whole ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSource {
    target: RowTarget,
    actions: Vec<&'static str>,
    paths: Vec<(FieldPath, Transform)>,
    default: Option<&'static str>,
}

impl ParameterSource {
    /// True if the row fills this placeholder for this action (name without the prefix).
    pub fn fills_placeholder(&self, placeholder: &str, action: &str) -> bool {
        matches!(self.target, RowTarget::Placeholder(name) if name.eq_ignore_ascii_case(placeholder))
            && self.is_for(action)
    }

    /// True if the row names whole ARNs of this resource type for this action (name without the prefix).
    pub fn names_type(&self, resource_type: &str, action: &str) -> bool {
        matches!(self.target, RowTarget::ResourceType(name) if name.eq_ignore_ascii_case(resource_type))
            && self.is_for(action)
    }

    /// For a row that is a whole ARN with `{path#transform}` parts: its text, if it is for this action.
    ///
    /// Where a service has such a row for an action, nothing else names the action's resource.
    pub fn whole_arn(&self, action: &str) -> Option<&'static str> {
        match self.target {
            RowTarget::Whole(text) if self.is_for(action) => Some(text),
            _ => None,
        }
    }

    /// True if the action's resource is `*`, if one of [`Self::paths`] is there, or anyway if there are none.
    pub fn is_any(&self, action: &str) -> bool {
        self.target == RowTarget::Any && self.is_for(action)
    }

    /// True if the other rows find all that the request names: further resource types of the action were not
    /// in it.
    pub fn is_complete(&self, action: &str) -> bool {
        self.target == RowTarget::Complete && self.is_for(action)
    }

    /// True if names in ARNs of this service may be in lower case where those of the request are not.
    pub fn is_lower_case(&self) -> bool {
        self.target == RowTarget::LowerCase
    }

    /// A text after the ARN of this resource type with which it must be granted too (`:*` of log groups).
    pub fn tail(&self, resource_type: &str) -> Option<&'static str> {
        match self.target {
            RowTarget::Tail(name) if name.eq_ignore_ascii_case(resource_type) => self.default,
            _ => None,
        }
    }

    /// True if [`Self::paths`] lead to the account that owns the action's resources.
    pub fn names_owner(&self, action: &str) -> bool {
        self.target == RowTarget::Owner && self.is_for(action)
    }

    /// True if [`Self::paths`] lead to what the action's resources are a part of: its ARN, if the text is
    /// one, has their account.
    pub fn names_owner_by_arn(&self, action: &str) -> bool {
        self.target == RowTarget::OwnerArn && self.is_for(action)
    }

    /// The start of the resource part of ARNs that are checked without the qualifier (version, alias) after
    /// their name.
    pub fn unqualified(&self) -> Option<&'static str> {
        match self.target {
            RowTarget::Unqualified(start) => Some(start),
            _ => None,
        }
    }

    fn is_for(&self, action: &str) -> bool {
        self.actions.is_empty() || self.actions.iter().any(|name| name.eq_ignore_ascii_case(action))
    }

    /// Paths in the order of trial; the first that leads to a value is taken.
    pub fn paths(&self) -> &[(FieldPath, Transform)] {
        &self.paths
    }

    /// The value that the service takes when no path leads to one.
    pub fn default(&self) -> Option<&'static str> {
        self.default
    }
}

/// A tagging action that a create call with tags needs too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagKeys<'a> {
    /// The tagging action.
    pub action: ActionId,
    /// Lower-case starts of the parameter names that hold tags.
    pub key_starts: &'a [&'a str],
}

/// Names that tags of a create call have: `tags`, `tagList`, `tagSpecificationSet`, `Tagging`.
static TAG_KEYS: [&str; 1] = ["tag"];

#[derive(Debug, Default)]
pub(super) struct Templates {
    sources: HashMap<&'static str, Vec<ParameterSource>>,
    tagging: HashMap<&'static str, Vec<(&'static str, &'static str)>>,
    pub problems: Vec<String>,
}

impl Templates {
    pub fn read() -> Self {
        let mut templates = Self::default();
        for row in table::rows(TEMPLATES) {
            let target = match row.column(0).split_once(':') {
                Some(("type", name)) => RowTarget::ResourceType(name),
                Some((_, name)) => RowTarget::Tail(name),
                None => match row.column(0) {
                    "arn" => RowTarget::Whole(row.column(1)),
                    "any" => RowTarget::Any,
                    "complete" => RowTarget::Complete,
                    "lower-case" => RowTarget::LowerCase,
                    "owner" => RowTarget::Owner,
                    "owner-arn" => RowTarget::OwnerArn,
                    "unqualified" => RowTarget::Unqualified(row.column(1)),
                    name => RowTarget::Placeholder(name),
                },
            };
            let mut source =
                ParameterSource { target, actions: row.list(2).collect(), paths: Vec::new(), default: None };
            let items = row.list(1).filter(|_| !matches!(target, RowTarget::Whole(_) | RowTarget::Unqualified(_)));
            for item in items {
                match item.strip_prefix('=') {
                    Some(default) => source.default = Some(default),
                    None => match located(item) {
                        Ok(path) => source.paths.push(path),
                        Err(problem) => templates.problems.push(format!("templates.tsv:{}: {problem}", row.line)),
                    },
                }
            }
            templates.sources.entry(row.service.unwrap_or_default()).or_default().push(source);
        }
        for row in table::rows(TAGGING) {
            for event in row.list(1) {
                templates.tagging.entry(row.column(0)).or_default().push((event, row.column(2)));
            }
        }
        templates
    }

    pub fn sources(&self, prefix: &str) -> &[ParameterSource] {
        self.sources.get(prefix).map_or(&[], Vec::as_slice)
    }

    /// The tagging action of a call that may carry tags.
    pub fn tagging_of(&self, catalog: &Catalog, prefix: &str, event_name: &str) -> Option<TagKeys<'static>> {
        let name = match self.tagging.get(prefix) {
            Some(rows) => rows.iter().find(|row| row.0 == "*" || event_name.starts_with(row.0))?.1,
            None => "TagResource",
        };
        if name.is_empty() {
            return None;
        }
        let action = catalog.action(&format!("{prefix}:{name}"))?;
        Some(TagKeys { action, key_starts: &TAG_KEYS })
    }

    /// Tagging actions of the table, as `prefix:Name`, for the test that they exist.
    #[cfg(test)]
    pub fn tagging_actions(&self) -> Vec<String> {
        let rows = self.tagging.iter().flat_map(|(prefix, rows)| rows.iter().map(move |row| (prefix, row.1)));
        rows.filter(|(_, name)| !name.is_empty()).map(|(prefix, name)| format!("{prefix}:{name}")).collect()
    }
}
