//! Splits a shared role: a role for each function, with the trust policy and the permissions boundary of the
//! old one.

use serde_json::{Value, json};
use whittle_analysis::result::{FunctionResult, RoleResult};
use whittle_policy::PolicyDocument;
use whittle_template::expression::Expression;
use whittle_template::quote;
use whittle_template::references::References;

use super::cloudformation::{document, resource};
use super::hcl::{HclWriter, identifier};
use super::yaml::{Yaml, YamlEntry};
use super::{PolicySet, RenderError, logical_id, terraform};
use crate::text::short_name;
use crate::words;

/// The roles that take the place of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    heading: Vec<String>,
    trust: PolicyDocument,
    boundary_arn: Option<String>,
    roles: Vec<PolicySet>,
}

impl Split {
    /// One role for each function that has a narrowed policy. The other functions keep the old role.
    pub fn of(role: &RoleResult, functions: &[FunctionResult]) -> Result<Self, RenderError> {
        let name = short_name(&role.role_arn);
        let Some(settings) = &role.settings else {
            return Err(RenderError::new(
                format!("the result for role {name} does not say its trust policy and permissions boundary"),
                "it is of an earlier version: run `whittle analyze` again",
            ));
        };
        let Some(trust) = settings.trust.clone() else {
            return Err(RenderError::new(
                format!("the trust policy of role {name} could not be read, and new roles must have the same"),
                "is AssumeRolePolicyDocument in authorization-details.json?",
            ));
        };
        let mut roles = Vec::new();
        let mut staying = Vec::new();
        for arn in &role.functions {
            let result = functions.iter().find(|result| result.function_arn == *arn);
            if let Some(set) = result.and_then(PolicySet::of_function) {
                roles.push(set);
            } else {
                let reason = result.and_then(|result| result.no_suggestion.as_ref());
                let why = reason.map_or("it has no result".into(), words::no_suggestion);
                staying.push(format!("{} keeps the role {name}: {why}.", short_name(arn)));
            }
        }
        if roles.is_empty() {
            return Err(RenderError::new(
                format!("no function of role {name} has a narrowed policy"),
                staying.join(" "),
            ));
        }
        let mut heading = vec![
            format!(
                "The shared role {name} taken apart: a role for each function, with its trust policy and boundary."
            ),
            "Set each function's Role to its own, deploy, and remove the old role when nothing runs under it."
                .to_owned(),
        ];
        heading.extend(staying);
        Ok(Self { heading, trust, boundary_arn: settings.boundary_arn.clone(), roles })
    }

    /// `{"roles": […]}`, with everything that `aws iam create-role` and `put-role-policy` need.
    pub fn json(&self) -> String {
        let roles: Vec<Value> = self
            .roles
            .iter()
            .map(|set| {
                json!({
                    "role_name": role_name(set),
                    "function_arn": set.function_arn,
                    "assume_role_policy_document": self.trust.to_value(),
                    "permissions_boundary": self.boundary_arn,
                    "policies": set.policies.iter().map(|policy| {
                        json!({"name": policy.name, "document": policy.document.to_value()})
                    }).collect::<Vec<_>>(),
                })
            })
            .collect();
        format!("{:#}\n", json!({"schema_version": 1, "roles": roles}))
    }

    /// Resources for a CloudFormation or SAM template.
    pub fn cloudformation(&self, references: &References) -> String {
        let mut resources = Vec::new();
        for set in &self.roles {
            let id = logical_id(&set.name, "Role");
            let policies = set.policies.iter().map(|policy| {
                let fields: Vec<(&str, Yaml)> = vec![
                    ("PolicyName", policy.name.as_str().into()),
                    ("PolicyDocument", Yaml::from_document(policy, references)),
                ];
                YamlEntry::plain(fields)
            });
            let inline = set.fits_inline();
            let mut properties: Vec<(&str, Yaml)> =
                vec![("AssumeRolePolicyDocument", document(&self.trust, &[], &References::default()))];
            if let Some(arn) = &self.boundary_arn {
                properties.push(("PermissionsBoundary", Yaml::expression(&references.rewrite(arn))));
            }
            if inline {
                properties.push(("Policies", Yaml::List(policies.collect())));
            }
            let comment = vec![
                format!("For function {}: Role: !GetAtt {id}.Arn", set.name),
                set.heading.get(2).cloned().unwrap_or_default(),
            ];
            let role = resource("AWS::IAM::Role", properties);
            resources.push((id.clone(), YamlEntry { comments: comment, value: role }));
            if !inline {
                for (policy, number) in set.policies.iter().zip(1..) {
                    let roles = Yaml::List(vec![YamlEntry::plain(Yaml::expression(&Expression::reference(&id)))]);
                    let properties =
                        vec![("Roles", roles), ("PolicyDocument", Yaml::from_document(policy, references))];
                    let own = resource("AWS::IAM::ManagedPolicy", properties);
                    resources.push((logical_id(&set.name, &format!("Policy{number}")), YamlEntry::plain(own)));
                }
            }
        }
        Yaml::Map(vec![("Resources".to_owned(), YamlEntry::plain(Yaml::Map(resources)))]).document(&self.heading)
    }

    /// Roles with their policies in Terraform.
    pub fn terraform(&self, references: &References) -> Result<String, RenderError> {
        let mut writer = HclWriter::default();
        writer.comments(&self.heading);
        for set in &self.roles {
            let id = identifier(&set.name);
            let trust = format!("{id}_trust");
            terraform::data(&mut writer, &trust, &self.trust, &[], &References::default())?;
            writer.gap();
            writer.comments(&[
                format!("For function {}: role = aws_iam_role.{id}.arn", set.name),
                set.heading.get(2).cloned().unwrap_or_default(),
            ]);
            writer.open(&format!("resource \"aws_iam_role\" \"{id}\""));
            let mut attributes = vec![
                ("name", quote::hcl(&role_name(set))),
                ("assume_role_policy", format!("data.aws_iam_policy_document.{trust}.json")),
            ];
            if let Some(arn) = &self.boundary_arn {
                attributes.push(("permissions_boundary", terraform::expression(arn, references)));
            }
            writer.attributes(&attributes);
            writer.close();
            let role = format!("aws_iam_role.{id}.name");
            terraform::attached(&mut writer, &set.name, &set.policies, &role, set.fits_inline(), references)?;
        }
        Ok(writer.finish())
    }
}

/// A name for the new role: the function's, marked, within the 64 characters that IAM allows (IAM User Guide,
/// "IAM and AWS STS quotas").
fn role_name(set: &PolicySet) -> String {
    const MARK: &str = "-whittled";
    let name: String = set.name.chars().take(64 - MARK.len()).collect();
    format!("{name}{MARK}")
}
