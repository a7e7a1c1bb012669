//! A CloudFormation template with the policies of a role.

use whittle_policy::PolicyDocument;
use whittle_template::references::References;

use super::yaml::{Yaml, YamlEntry};
use super::{AnnotatedPolicy, PolicySet, logical_id};
use crate::text::short_name;

/// A template that gives the policies to the role that has the old ones: inline where they fit, else as
/// managed policies.
pub fn render(set: &PolicySet, references: &References) -> String {
    let role = short_name(&set.role_arn);
    let mut heading = set.heading.clone();
    heading.push(format!(
        "Where the template has the role itself, put each PolicyDocument into its Policies, drop RoleName {role}, and remove what else grants."
    ));
    let inline = set.fits_inline();
    let many = set.policies.len() > 1;
    let resources = set
        .policies
        .iter()
        .zip(1..)
        .map(|(policy, number)| {
            let number = if many { number.to_string() } else { String::new() };
            let id = logical_id(&set.name, &format!("Policy{number}"));
            let document = Yaml::from_document(policy, references);
            let resource = if inline {
                resource(
                    "AWS::IAM::RolePolicy",
                    vec![
                        ("PolicyName", policy.name.as_str().into()),
                        ("RoleName", Yaml::expression(&references.rewrite_name(&set.role_arn, role))),
                        ("PolicyDocument", document),
                    ],
                )
            } else {
                let roles =
                    Yaml::List(vec![YamlEntry::plain(Yaml::expression(&references.rewrite_name(&set.role_arn, role)))]);
                resource("AWS::IAM::ManagedPolicy", vec![("Roles", roles), ("PolicyDocument", document)])
            };
            (id, YamlEntry::plain(resource))
        })
        .collect();
    Yaml::Map(vec![("Resources".to_owned(), YamlEntry::plain(Yaml::Map(resources)))]).document(&heading)
}

/// A resource of a template.
pub(super) fn resource(kind: &str, properties: Vec<(&str, Yaml)>) -> Yaml {
    let fields: Vec<(&str, Yaml)> = vec![("Type", kind.into()), ("Properties", properties.into())];
    fields.into()
}

impl Yaml {
    /// A policy document with a comment above each statement. Resources and condition values become
    /// references.
    pub(super) fn from_document(policy: &AnnotatedPolicy, references: &References) -> Self {
        document(&policy.document, &policy.comments, references)
    }
}

/// A document whose statements have comments.
pub(super) fn document(document: &PolicyDocument, comments: &[Vec<String>], references: &References) -> Yaml {
    let statements: Vec<YamlEntry> = document
        .statements
        .iter()
        .enumerate()
        .map(|(index, statement)| YamlEntry {
            comments: comments.get(index).cloned().unwrap_or_default(),
            value: self::statement(&statement.to_value(), references),
        })
        .collect();
    let mut fields: Vec<(&str, Yaml)> = Vec::new();
    if let Some(version) = document.version {
        fields.push(("Version", version.as_str().into()));
    }
    if let Some(id) = &document.id {
        fields.push(("Id", id.as_str().into()));
    }
    fields.push(("Statement", Yaml::List(statements)));
    fields.into()
}

fn statement(value: &serde_json::Value, references: &References) -> Yaml {
    let literal = |text: &str| Yaml::Text(text.to_owned());
    let rewritten = |text: &str| Yaml::expression(&references.rewrite(text));
    let fields = value.as_object().into_iter().flatten().map(|(key, own)| {
        let refers = matches!(key.as_str(), "Resource" | "NotResource" | "Condition");
        let value = if refers { Yaml::json(own, &rewritten) } else { Yaml::json(own, &literal) };
        (key.clone(), YamlEntry::plain(value))
    });
    Yaml::Map(fields.collect())
}
