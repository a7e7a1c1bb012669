//! Event selectors: would a trail with them log *every* event of a kind?
//!
//! A trail logs an event if any selector matches it. Fields of a selector are joined by AND; values of a
//! positive operator by OR, of a negative one by AND (CloudTrail API Reference, `EventSelector`,
//! `AdvancedEventSelector`, `AdvancedFieldSelector`; CloudTrail User Guide, "Filtering data events by using
//! advanced event selectors"). Here a selector counts only if it matches every event that a question is
//! about: what is not known matches nothing.

use serde_json::Value;

/// The selectors of one trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selectors {
    /// `EventSelectors`.
    Basic(Vec<BasicSelector>),
    /// `AdvancedEventSelectors`.
    Advanced(Vec<AdvancedSelector>),
}

/// One of `EventSelectors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasicSelector {
    /// True if read events are logged (`ReadWriteType` `ReadOnly` or `All`).
    pub reads: bool,
    /// True if write events are logged (`ReadWriteType` `WriteOnly` or `All`).
    pub writes: bool,
    /// `IncludeManagementEvents`.
    pub includes_management: bool,
    /// `DataResources`.
    pub data_resources: Vec<DataResource>,
    /// `ExcludeManagementEventSources`.
    pub excluded_sources: Vec<String>,
}

/// One of `DataResources`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataResource {
    /// `Type`, such as `AWS::S3::Object`.
    pub kind: String,
    /// `Values`: ARNs, or a bare `arn:aws:s3` for all.
    pub values: Vec<String>,
}

/// One of `AdvancedEventSelectors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvancedSelector {
    /// `Name`.
    pub name: Option<String>,
    /// `FieldSelectors`.
    pub fields: Vec<FieldSelector>,
}

/// One of `FieldSelectors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSelector {
    /// `Field`, such as `resources.ARN`.
    pub field: String,
    /// The operators, all of which must hold.
    pub conditions: Vec<Condition>,
}

/// One operator with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// The values.
    pub values: Vec<String>,
}

/// Operators of advanced event selectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `Equals`.
    Equals,
    /// `StartsWith`.
    StartsWith,
    /// `EndsWith`.
    EndsWith,
    /// `NotEquals`.
    NotEquals,
    /// `NotStartsWith`.
    NotStartsWith,
    /// `NotEndsWith`.
    NotEndsWith,
    /// One that this program does not know: it may exclude anything.
    Unknown,
}

impl Operator {
    /// CloudTrail's name; `None` for one that is not known.
    pub(super) const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Equals => "Equals",
            Self::StartsWith => "StartsWith",
            Self::EndsWith => "EndsWith",
            Self::NotEquals => "NotEquals",
            Self::NotStartsWith => "NotStartsWith",
            Self::NotEndsWith => "NotEndsWith",
            Self::Unknown => return None,
        })
    }

    fn from_name(name: &str) -> Self {
        match name {
            "Equals" => Self::Equals,
            "StartsWith" => Self::StartsWith,
            "EndsWith" => Self::EndsWith,
            "NotEquals" => Self::NotEquals,
            "NotStartsWith" => Self::NotStartsWith,
            "NotEndsWith" => Self::NotEndsWith,
            _ => Self::Unknown,
        }
    }
}

/// Knowledge of a field of the events in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known<'a> {
    /// Every event has one of these values.
    Values(&'a [&'a str]),
    /// Every event's value matches this pattern; `*` and `?` are wildcards.
    Pattern(&'a str),
    /// No event has the field.
    Absent,
    /// Nothing.
    Nothing,
}

impl Condition {
    /// True if the condition holds for every value that `known` allows.
    pub(super) fn holds(&self, known: Known<'_>) -> bool {
        let negative = matches!(self.operator, Operator::NotEquals | Operator::NotStartsWith | Operator::NotEndsWith);
        match known {
            Known::Nothing => false,
            Known::Absent => negative,
            Known::Values(values) => !values.is_empty() && values.iter().all(|value| self.holds_for(value)),
            Known::Pattern(pattern) => self.holds_for_pattern(pattern),
        }
    }

    fn holds_for(&self, value: &str) -> bool {
        let any = |test: fn(&str, &str) -> bool| self.values.iter().any(|wanted| test(value, wanted));
        match self.operator {
            Operator::Equals => any(|value, wanted| value == wanted),
            Operator::StartsWith => any(|value, wanted| value.starts_with(wanted)),
            Operator::EndsWith => any(|value, wanted| value.ends_with(wanted)),
            Operator::NotEquals => !any(|value, wanted| value == wanted),
            Operator::NotStartsWith => !any(|value, wanted| value.starts_with(wanted)),
            Operator::NotEndsWith => !any(|value, wanted| value.ends_with(wanted)),
            Operator::Unknown => false,
        }
    }

    /// Sound, not complete: `true` only if every text that the pattern matches satisfies the condition.
    fn holds_for_pattern(&self, pattern: &str) -> bool {
        let (Some(first), Some(last)) = (pattern.find(['*', '?']), pattern.rfind(['*', '?'])) else {
            return self.holds_for(pattern);
        };
        let head = pattern.get(..first).unwrap_or_default();
        let tail = pattern.get(last + 1..).unwrap_or_default();
        let can_start = |wanted: &str| head.starts_with(wanted) || wanted.starts_with(head);
        let can_end = |wanted: &str| tail.ends_with(wanted) || wanted.ends_with(tail);
        match self.operator {
            Operator::StartsWith => self.values.iter().any(|wanted| head.starts_with(wanted.as_str())),
            Operator::EndsWith => self.values.iter().any(|wanted| tail.ends_with(wanted.as_str())),
            Operator::NotEquals => !self.values.iter().any(|wanted| wanted.starts_with(head) && wanted.ends_with(tail)),
            Operator::NotStartsWith => !self.values.iter().any(|wanted| can_start(wanted)),
            Operator::NotEndsWith => !self.values.iter().any(|wanted| can_end(wanted)),
            Operator::Equals | Operator::Unknown => false,
        }
    }
}

/// The events that a question is about, as selectors see them. `read_only` is settled: a question that does
/// not know asks for both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Events<'a> {
    /// `Management` or `Data`.
    pub(super) category: &'a str,
    /// `resources.type`, for data events.
    pub(super) resource_type: Option<&'a str>,
    pub(super) read_only: bool,
    pub(super) event_source: Option<&'a str>,
    pub(super) event_names: &'a [&'a str],
    /// Pattern of the resource's ARN.
    pub(super) resource: &'a str,
    /// Pattern of `userIdentity.arn`.
    pub(super) principal: Option<&'a str>,
}

impl Events<'_> {
    /// All management events that read, or all that write.
    pub(super) fn all_management(read_only: bool) -> Self {
        Self {
            category: "Management",
            resource_type: None,
            read_only,
            event_source: None,
            event_names: &[],
            resource: "*",
            principal: None,
        }
    }
}

impl Selectors {
    /// Selectors of a trail without custom ones: all management events, nothing else (CloudTrail API
    /// Reference, PutEventSelectors).
    pub fn default_of_trail() -> Self {
        Self::Basic(vec![BasicSelector {
            reads: true,
            writes: true,
            includes_management: true,
            data_resources: Vec::new(),
            excluded_sources: Vec::new(),
        }])
    }

    /// True if some selector matches every one of the events.
    pub(super) fn cover(&self, events: &Events<'_>) -> bool {
        match self {
            Self::Basic(selectors) => selectors.iter().any(|selector| selector.covers(events)),
            Self::Advanced(selectors) => selectors.iter().any(|selector| selector.covers(events)),
        }
    }

    /// Types of data events that some selector asks for, at least in part; sorted.
    pub fn data_types(&self) -> Vec<&str> {
        let mut types: Vec<&str> = match self {
            Self::Basic(selectors) => selectors
                .iter()
                .flat_map(|selector| &selector.data_resources)
                .filter(|resource| !resource.values.is_empty())
                .map(|resource| resource.kind.as_str())
                .collect(),
            Self::Advanced(selectors) => selectors
                .iter()
                .filter(|selector| selector.is_for("Data"))
                .flat_map(|selector| &selector.fields)
                .filter(|field| field.field == "resources.type")
                .flat_map(|field| &field.conditions)
                .flat_map(|condition| condition.values.iter().map(String::as_str))
                .collect(),
        };
        types.sort_unstable();
        types.dedup();
        types
    }

    /// True if some selector asks for management events, at least in part.
    pub fn has_management(&self) -> bool {
        match self {
            Self::Basic(selectors) => selectors.iter().any(|selector| selector.includes_management),
            Self::Advanced(selectors) => selectors.iter().any(|selector| selector.is_for("Management")),
        }
    }

    /// True if some selector tells resources of one type apart.
    pub(super) fn look_at_resources(&self) -> bool {
        match self {
            Self::Basic(selectors) => {
                let mut values = selectors.iter().flat_map(|s| &s.data_resources).flat_map(|resource| &resource.values);
                values.any(|value| !is_all(value))
            }
            Self::Advanced(selectors) => selectors.iter().any(|selector| selector.looks_at("resources.ARN")),
        }
    }

    /// True if some selector looks at who made the call.
    pub(super) fn look_at_principals(&self) -> bool {
        match self {
            Self::Basic(_) => false,
            Self::Advanced(selectors) => selectors.iter().any(|selector| selector.looks_at("userIdentity.arn")),
        }
    }

    /// Reads the value of `EventSelectors`, `AdvancedEventSelectors`, or a whole answer of GetEventSelectors.
    pub(super) fn from_value(key: &str, value: &Value, trail: &str, issues: &mut Vec<String>) -> Option<Self> {
        match value {
            Value::Object(answer) => ["AdvancedEventSelectors", "EventSelectors"].iter().find_map(|key| {
                answer
                    .get(*key)
                    .filter(|list| list.is_array())
                    .and_then(|list| Self::from_value(key, list, trail, issues))
            }),
            // An empty list beside the other kind is how the CLI prints the kind not in use.
            Value::Array(list) if list.is_empty() => None,
            Value::Array(list) => {
                let is_advanced = key == "AdvancedEventSelectors"
                    || list.iter().any(|selector| selector.get("FieldSelectors").is_some());
                let objects = list.iter().filter_map(Value::as_object);
                let skipped = list.len() - objects.clone().count();
                if skipped > 0 {
                    issues.push(format!("trail `{trail}`: {skipped} event selectors are no objects"));
                }
                Some(if is_advanced {
                    Self::Advanced(objects.map(AdvancedSelector::read).collect())
                } else {
                    Self::Basic(objects.map(BasicSelector::read).collect())
                })
            }
            _ => None,
        }
    }
}

type Object = serde_json::Map<String, Value>;

fn texts(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl BasicSelector {
    /// True if management events of this source are left out.
    pub(super) fn excludes(&self, source: &str) -> bool {
        self.excluded_sources.iter().any(|excluded| excluded == source)
    }

    fn read(object: &Object) -> Self {
        let kind = object.get("ReadWriteType").and_then(Value::as_str).unwrap_or("All");
        let data_resources = object.get("DataResources").and_then(Value::as_array).into_iter().flatten();
        Self {
            reads: matches!(kind, "All" | "ReadOnly"),
            writes: matches!(kind, "All" | "WriteOnly"),
            includes_management: object.get("IncludeManagementEvents").and_then(Value::as_bool).unwrap_or(true),
            data_resources: data_resources
                .filter_map(|resource| {
                    let kind = resource.get("Type")?.as_str()?.to_owned();
                    Some(DataResource { kind, values: texts(resource.get("Values")) })
                })
                .collect(),
            excluded_sources: texts(object.get("ExcludeManagementEventSources")),
        }
    }

    fn covers(&self, events: &Events<'_>) -> bool {
        if !(if events.read_only { self.reads } else { self.writes }) {
            return false;
        }
        match events.resource_type {
            None if events.category == "Management" => {
                self.includes_management
                    && (self.excluded_sources.is_empty()
                        || events.event_source.is_some_and(|source| !self.excludes(source)))
            }
            None => false,
            Some(kind) => {
                let resources = self.data_resources.iter().filter(|resource| resource.kind == kind);
                resources.flat_map(|resource| &resource.values).any(|value| value_covers(value, events.resource))
            }
        }
    }
}

/// A value of `DataResources` is all resources of the service (`arn:aws:s3`, `arn:aws:s3:::`), or what its
/// ARN begins with: a bucket's objects `arn:aws:s3:::bucket/`, a table, a function.
fn value_covers(value: &str, resource: &str) -> bool {
    if is_all(value) {
        return true;
    }
    let head = resource.split(['*', '?']).next().unwrap_or_default();
    if value.ends_with('/') || value.starts_with("arn:aws:s3:::") || value.contains(":s3:::") {
        return head.starts_with(value);
    }
    // A function or table: itself, its versions, its indexes and streams.
    head == value && head.len() == resource.len()
        || head.strip_prefix(value).is_some_and(|rest| rest.starts_with([':', '/']))
}

/// `arn:aws:s3`, `arn:aws:s3:::`, `arn:aws:lambda`: all resources of the service.
fn is_all(value: &str) -> bool {
    let rest_is_empty = value.split(':').skip(3).all(str::is_empty);
    rest_is_empty && value.split(':').nth(2).is_some_and(|service| !service.is_empty())
}

impl AdvancedSelector {
    fn looks_at(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.field == name)
    }

    fn read(object: &Object) -> Self {
        let fields = object.get("FieldSelectors").and_then(Value::as_array).into_iter().flatten();
        Self {
            name: object.get("Name").and_then(Value::as_str).map(str::to_owned),
            fields: fields.filter_map(Value::as_object).map(FieldSelector::read).collect(),
        }
    }

    pub(super) fn is_for(&self, category: &str) -> bool {
        let field = self.fields.iter().find(|field| field.field == "eventCategory");
        field.is_some_and(|field| field.conditions.iter().all(|condition| condition.holds(Known::Values(&[category]))))
    }

    fn covers(&self, events: &Events<'_>) -> bool {
        // A selector names its category (`eventCategory` is required); without one nothing is certain.
        self.is_for(events.category)
            && (events.resource_type.is_none() || self.looks_at("resources.type"))
            && self.fields.iter().all(|field| field.admits(events))
    }
}

impl FieldSelector {
    /// True if the field lets every one of the events through.
    pub(super) fn admits(&self, events: &Events<'_>) -> bool {
        let read_only = [if events.read_only { "true" } else { "false" }];
        let resource_type: &[&str] = events.resource_type.as_slice();
        let known = match self.field.as_str() {
            "eventCategory" => Known::Values(std::slice::from_ref(&events.category)),
            "resources.type" => Known::Values(resource_type),
            "readOnly" => Known::Values(&read_only),
            "eventName" => Known::Values(events.event_names),
            "eventSource" => {
                events.event_source.as_ref().map_or(Known::Nothing, |s| Known::Values(std::slice::from_ref(s)))
            }
            "eventType" => Known::Values(&["AwsApiCall"]),
            "resources.ARN" => Known::Pattern(events.resource),
            "userIdentity.arn" => events.principal.map_or(Known::Nothing, Known::Pattern),
            // Only console sessions carry it; a function has none.
            "sessionCredentialFromConsole" => Known::Absent,
            _ => Known::Nothing,
        };
        self.conditions.iter().all(|condition| condition.holds(known))
    }

    fn read(object: &Object) -> Self {
        let conditions = object
            .iter()
            .filter(|(key, value)| *key != "Field" && value.as_array().is_some_and(|values| !values.is_empty()))
            .map(|(key, value)| Condition { operator: Operator::from_name(key), values: texts(Some(value)) });
        Self {
            field: object.get("Field").and_then(Value::as_str).unwrap_or_default().to_owned(),
            conditions: conditions.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
