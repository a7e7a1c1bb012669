//! Finds the SAM policy templates that grant exactly what some statements grant.
//!
//! A template is used only if it grants neither more nor less than whole statements do: the same actions, on
//! the same resources, under the same conditions. AWS SAM Developer Guide, "AWS SAM policy templates".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;
use whittle_policy::{ActionClause, Effect, ResourceClause, Statement};
use whittle_template::sam::{PolicyTemplate, policy_templates};

/// A template with its parameters bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its name, such as `DynamoDBCrudPolicy`.
    pub name: &'static str,
    /// Parameter → value, and the ARN that the value was taken from.
    pub parameters: BTreeMap<&'static str, Bound>,
    /// Indexes of the statements that it stands for, sorted.
    pub statements: Vec<usize>,
}

/// A parameter's value and the ARN that named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The value.
    pub value: String,
    /// A resource that holds it.
    pub arn: String,
}

/// The values of pseudo parameters in the stack that uses a template.
#[derive(Debug, Clone, Copy)]
pub struct StackPlace<'a> {
    /// `AWS::Partition`.
    pub partition: &'a str,
    /// `AWS::Region`.
    pub region: &'a str,
    /// `AWS::AccountId`.
    pub account: &'a str,
}

/// One permission: action in lower case, resource, condition as text.
type Permission = (String, String, String);

/// A text of a template: literal parts and parameters in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TextPart {
    Text(String),
    Partition,
    Region,
    Account,
    Parameter(String),
}

#[derive(Debug)]
struct StatementShape {
    actions: Vec<String>,
    resources: Vec<Vec<TextPart>>,
    /// Operator, key, value.
    conditions: Vec<(String, String, Vec<TextPart>)>,
}

#[derive(Debug)]
struct TemplateShape {
    name: String,
    parameters: Vec<String>,
    rules: Vec<StatementShape>,
}

/// All templates. One of a shape that is not understood is left out, so it is never used.
fn templates() -> &'static [TemplateShape] {
    static TEMPLATES: LazyLock<Vec<TemplateShape>> = LazyLock::new(|| {
        let shape = |(name, template): (&str, &PolicyTemplate)| {
            let mut parameters = template.parameters.clone();
            parameters.sort_unstable();
            let rules = template.statements.iter().map(rule).collect::<Option<_>>()?;
            Some(TemplateShape { name: name.to_owned(), parameters, rules })
        };
        policy_templates().filter_map(shape).collect()
    });
    &TEMPLATES
}

fn rule(statement: &Value) -> Option<StatementShape> {
    let fields = statement.as_object()?;
    if fields.keys().any(|key| !matches!(key.as_str(), "Action" | "Effect" | "Resource" | "Condition" | "Sid"))
        || fields.get("Effect")? != "Allow"
    {
        return None;
    }
    let actions = texts(fields.get("Action")?).into_iter().map(|action| action.as_str().map(str::to_ascii_lowercase));
    let resources = texts(fields.get("Resource")?).into_iter().map(parts);
    let mut conditions = Vec::new();
    for (operator, keys) in fields.get("Condition").and_then(Value::as_object).into_iter().flatten() {
        for (key, value) in keys.as_object()? {
            conditions.push((operator.clone(), key.clone(), parts(value)?));
        }
    }
    Some(StatementShape {
        actions: actions.collect::<Option<_>>()?,
        resources: resources.collect::<Option<_>>()?,
        conditions,
    })
}

fn texts(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    }
}

/// A text, `{"Fn::Sub": text}` or `{"Fn::Sub": [text, {name: {"Ref": parameter}}]}`.
fn parts(value: &Value) -> Option<Vec<TextPart>> {
    let (text, names) = match value {
        Value::String(text) => return Some(vec![TextPart::Text(text.clone())]),
        Value::Object(fields) => match fields.get("Fn::Sub")? {
            Value::String(text) => (text.as_str(), None),
            Value::Array(pair) => (pair.first()?.as_str()?, pair.get(1)?.as_object()),
            _ => return None,
        },
        _ => return None,
    };
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if !before.is_empty() {
            out.push(TextPart::Text(before.to_owned()));
        }
        let (name, tail) = after.split_once('}')?;
        out.push(match name {
            "AWS::Partition" => TextPart::Partition,
            "AWS::Region" => TextPart::Region,
            "AWS::AccountId" => TextPart::Account,
            own => TextPart::Parameter(names?.get(own)?.get("Ref")?.as_str()?.to_owned()),
        });
        rest = tail;
    }
    if !rest.is_empty() {
        out.push(TextPart::Text(rest.to_owned()));
    }
    Some(out)
}

/// Templates that stand for whole statements, largest first; each statement is in one at most.
pub fn find(statements: &[Statement], place: StackPlace<'_>) -> Vec<Instance> {
    let permissions: Vec<Option<BTreeSet<Permission>>> = statements.iter().map(permissions).collect();
    let mut order: Vec<&'static TemplateShape> = templates().iter().collect();
    order.sort_by_key(|template| (std::cmp::Reverse(size(template)), &template.name));
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut out = Vec::new();
    for template in order {
        for bound in bindings(template, statements, place) {
            let Some(granted) = instance(template, &bound, place) else { continue };
            let chosen: Vec<usize> = permissions
                .iter()
                .enumerate()
                .filter(|(index, _)| !taken.contains(index))
                .filter(|(_, own)| own.as_ref().is_some_and(|own| !own.is_empty() && own.is_subset(&granted)))
                .map(|(index, _)| index)
                .collect();
            let together: BTreeSet<&Permission> =
                chosen.iter().filter_map(|index| permissions.get(*index)?.as_ref()).flatten().collect();
            if together.len() == granted.len() {
                taken.extend(&chosen);
                out.push(Instance { name: &template.name, parameters: bound, statements: chosen });
            }
        }
    }
    out
}

fn size(template: &TemplateShape) -> usize {
    template.rules.iter().map(|rule| rule.actions.len() * rule.resources.len()).sum()
}

/// The single permissions of a statement; `None` if no template can stand for it.
fn permissions(statement: &Statement) -> Option<BTreeSet<Permission>> {
    let (Effect::Allow, None, ActionClause::Action(actions), Some(ResourceClause::Resource(resources))) =
        (statement.effect, &statement.principal, &statement.action, &statement.resource)
    else {
        return None;
    };
    // A policy variable would have to survive the template's own substitution.
    if statement.has_variables() {
        return None;
    }
    let condition = condition_text(
        statement
            .condition
            .iter()
            .map(|(operator, key, values)| (operator.to_owned(), key.to_owned(), values.to_vec())),
    );
    let mut out = BTreeSet::new();
    for action in actions {
        for resource in resources {
            out.insert((action.as_str().to_ascii_lowercase(), resource.as_str().to_owned(), condition.clone()));
        }
    }
    Some(out)
}

fn condition_text(parts: impl Iterator<Item = (String, String, Vec<String>)>) -> String {
    let mut parts: Vec<(String, String, Vec<String>)> = parts
        .map(|(operator, key, mut values)| {
            values.sort();
            (operator, key.to_ascii_lowercase(), values)
        })
        .collect();
    parts.sort();
    format!("{parts:?}")
}

/// The permissions of a template with its parameters bound; `None` if one is not.
fn instance(
    template: &TemplateShape,
    bound: &BTreeMap<&'static str, Bound>,
    place: StackPlace<'_>,
) -> Option<BTreeSet<Permission>> {
    let fill = |parts: &[TextPart]| -> Option<String> {
        parts
            .iter()
            .map(|part| match part {
                TextPart::Text(text) => Some(text.as_str()),
                TextPart::Partition => Some(place.partition),
                TextPart::Region => Some(place.region),
                TextPart::Account => Some(place.account),
                TextPart::Parameter(name) => bound.get(name.as_str()).map(|bound| bound.value.as_str()),
            })
            .collect()
    };
    let mut out = BTreeSet::new();
    for rule in &template.rules {
        let mut conditions = Vec::new();
        for (operator, key, value) in &rule.conditions {
            conditions.push((operator.clone(), key.clone(), vec![fill(value)?]));
        }
        let condition = condition_text(conditions.into_iter());
        for resource in &rule.resources {
            let resource = fill(resource)?;
            for action in &rule.actions {
                out.insert((action.clone(), resource.clone(), condition.clone()));
            }
        }
    }
    Some(out)
}

/// All ways of binding the parameters so that each resource that names one is a resource of the statements.
fn bindings(
    template: &'static TemplateShape,
    statements: &[Statement],
    place: StackPlace<'_>,
) -> Vec<BTreeMap<&'static str, Bound>> {
    let mut texts: BTreeSet<&str> = BTreeSet::new();
    for statement in statements {
        if let Some(ResourceClause::Resource(patterns)) = &statement.resource {
            texts.extend(patterns.iter().map(whittle_policy::ResourcePattern::as_str));
        }
        texts.extend(statement.condition.iter().flat_map(|(_, _, values)| values.iter().map(String::as_str)));
    }
    // A text with two parameters shows one of them only if the other is known, so the order matters.
    let forward = bind(template, template.parameters.iter(), &texts, place);
    let mut all = bind(template, template.parameters.iter().rev(), &texts, place);
    all.retain(|bound| !forward.contains(bound));
    forward.into_iter().chain(all).collect()
}

fn bind(
    template: &'static TemplateShape,
    parameters: impl Iterator<Item = &'static String>,
    texts: &BTreeSet<&str>,
    place: StackPlace<'_>,
) -> Vec<BTreeMap<&'static str, Bound>> {
    let mut all: Vec<BTreeMap<&'static str, Bound>> = vec![BTreeMap::new()];
    for parameter in parameters {
        let shapes: Vec<&[TextPart]> = template
            .rules
            .iter()
            .flat_map(|rule| rule.resources.iter().chain(rule.conditions.iter().map(|(_, _, value)| value)))
            .filter(|parts| parts.contains(&TextPart::Parameter(parameter.clone())))
            .map(Vec::as_slice)
            .collect();
        let mut next = Vec::new();
        for known in all {
            let mut values: BTreeMap<String, Bound> = BTreeMap::new();
            for text in texts {
                for shape in &shapes {
                    if let Some(value) = value_in(shape, parameter, text, place, &known) {
                        values.entry(value.clone()).or_insert(Bound { value, arn: (*text).to_owned() });
                    }
                }
            }
            for bound in values.into_values() {
                let mut known = known.clone();
                known.insert(parameter.as_str(), bound);
                next.push(known);
            }
        }
        all = next;
    }
    all
}

/// The value of `parameter` if `text` has the shape and the shape's other parameters are known.
fn value_in(
    shape: &[TextPart],
    parameter: &str,
    text: &str,
    place: StackPlace<'_>,
    known: &BTreeMap<&'static str, Bound>,
) -> Option<String> {
    let at = shape.iter().position(|part| *part == TextPart::Parameter(parameter.to_owned()))?;
    let literal = |parts: &[TextPart]| -> Option<String> {
        parts
            .iter()
            .map(|part| match part {
                TextPart::Text(text) => Some(text.as_str()),
                TextPart::Partition => Some(place.partition),
                TextPart::Region => Some(place.region),
                TextPart::Account => Some(place.account),
                TextPart::Parameter(name) => known.get(name.as_str()).map(|bound| bound.value.as_str()),
            })
            .collect()
    };
    let (before, after) = (literal(shape.get(..at)?)?, literal(shape.get(at + 1..)?)?);
    let value = text.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
    // A value is a text of `Fn::Sub`'s map, so nothing in it is substituted again; a wildcard stays one.
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use whittle_policy::PolicyDocument;

    const PLACE: StackPlace<'static> = StackPlace { partition: "aws", region: "eu-central-1", account: "111122223333" };

    #[test]
    fn every_template_of_the_translator_is_understood() {
        assert_eq!(templates().len(), policy_templates().count());
        assert_eq!(templates().len(), 81);
    }

    /// Each template, filled with values and taken apart into statements, is found again: by itself, or as
    /// one that grants the same.
    #[test]
    fn every_template_is_found_from_what_it_grants() {
        for template in templates() {
            let bound: BTreeMap<&'static str, Bound> = template
                .parameters
                .iter()
                .map(|name| (name.as_str(), Bound { value: format!("my-{name}"), arn: String::new() }))
                .collect();
            let granted = instance(template, &bound, PLACE).unwrap();
            let statements: Vec<Statement> = template.rules.iter().map(|rule| statement_of(rule, &bound)).collect();
            let found = find(&statements, PLACE);
            let together: BTreeSet<Permission> = found
                .iter()
                .flat_map(|found| {
                    let template = templates().iter().find(|template| template.name == found.name).unwrap();
                    instance(template, &found.parameters, PLACE).unwrap()
                })
                .collect();
            assert_eq!(together, granted, "{}", template.name);
        }
    }

    fn statement_of(rule: &StatementShape, bound: &BTreeMap<&'static str, Bound>) -> Statement {
        let fill = |parts: &[TextPart]| -> String {
            parts
                .iter()
                .map(|part| match part {
                    TextPart::Text(text) => text.as_str(),
                    TextPart::Partition => PLACE.partition,
                    TextPart::Region => PLACE.region,
                    TextPart::Account => PLACE.account,
                    TextPart::Parameter(name) => bound[name.as_str()].value.as_str(),
                })
                .collect()
        };
        let mut condition = serde_json::Map::new();
        for (operator, key, value) in &rule.conditions {
            condition.insert(operator.clone(), serde_json::json!({key: fill(value)}));
        }
        let mut statement = serde_json::json!({
            "Effect": "Allow", "Action": rule.actions,
            "Resource": rule.resources.iter().map(|parts| fill(parts)).collect::<Vec<_>>(),
        });
        if !condition.is_empty() {
            statement["Condition"] = Value::Object(condition);
        }
        let document =
            PolicyDocument::from_value(&serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}));
        document.unwrap().statements.iter().next().unwrap().clone()
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "JSON literals read best as arguments")]
    fn check(statements: Value, expected: &[(&str, &[usize])]) {
        let document =
            PolicyDocument::from_value(&serde_json::json!({"Version": "2012-10-17", "Statement": statements})).unwrap();
        let found = find(document.statements.as_slice(), PLACE);
        let found: Vec<(&str, &[usize])> =
            found.iter().map(|found| (found.name, found.statements.as_slice())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_an_exact_fit_counts() {
        let send = |actions: Value, resource: &str| serde_json::json!([{"Effect": "Allow", "Action": actions, "Resource": resource}]);
        let own = "arn:aws:sqs:eu-central-1:111122223333:q";
        check(send(serde_json::json!(["sqs:SendMessage*"]), own), &[("SQSSendMessagePolicy", &[0])]);
        check(send(serde_json::json!(["SQS:sendmessage*"]), own), &[("SQSSendMessagePolicy", &[0])]);
        check(send(serde_json::json!(["sqs:SendMessage"]), own), &[]);
        check(send(serde_json::json!(["sqs:SendMessage*", "sqs:ListQueues"]), own), &[]);
        check(send(serde_json::json!("sqs:SendMessage*"), "arn:aws:sqs:us-east-1:111122223333:q"), &[]);
        check(send(serde_json::json!("sqs:SendMessage*"), "arn:aws:sqs:eu-central-1:444455556666:q"), &[]);
    }

    #[test]
    fn several_statements_may_be_one_template_and_a_condition_is_none() {
        let one = |action: &str| serde_json::json!({"Effect": "Allow", "Action": action, "Resource": "arn:aws:sns:eu-central-1:111122223333:t"});
        check(serde_json::json!([one("sns:Publish"), one("sns:Subscribe")]), &[("SNSPublishMessagePolicy", &[0])]);
        let mut conditional = one("sns:Publish");
        conditional["Condition"] = serde_json::json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}});
        check(serde_json::json!([conditional]), &[]);
    }
}
