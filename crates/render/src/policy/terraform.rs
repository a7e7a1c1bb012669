//! Terraform: `aws_iam_policy_document` data sources and what attaches them (Terraform Registry, provider
//! `hashicorp/aws`).

use serde_json::Value;
use whittle_policy::{PolicyDocument, PrincipalClause, Statement};
use whittle_template::quote;
use whittle_template::references::References;

use super::hcl::{HclWriter, identifier};
use super::{AnnotatedPolicy, PolicySet, RenderError};
use crate::text::short_name;

/// The policies of a role: data sources, and inline policies where they fit, else managed policies with
/// attachments.
pub fn render(set: &PolicySet, references: &References) -> Result<String, RenderError> {
    let mut writer = HclWriter::default();
    writer.comments(&set.heading);
    let name = short_name(&set.role_arn);
    let role = references.rewrite_name(&set.role_arn, name).to_hcl();
    attached(&mut writer, &set.name, &set.policies, &role, set.fits_inline(), references)?;
    Ok(writer.finish())
}

/// Data sources and attachments of policies to a role; `role` is an expression.
pub(super) fn attached(
    writer: &mut HclWriter,
    name: &str,
    policies: &[AnnotatedPolicy],
    role: &str,
    inline: bool,
    references: &References,
) -> Result<(), RenderError> {
    for (policy, number) in policies.iter().zip(1..) {
        let id = if policies.len() > 1 { format!("{}_{number}", identifier(name)) } else { identifier(name) };
        data(writer, &id, &policy.document, &policy.comments, references)?;
        let json = format!("data.aws_iam_policy_document.{id}.json");
        writer.gap();
        if inline {
            writer.open(&format!("resource \"aws_iam_role_policy\" \"{id}\""));
            writer.attributes(&[("name", quote::hcl(&policy.name)), ("role", role.to_owned()), ("policy", json)]);
        } else {
            writer.open(&format!("resource \"aws_iam_policy\" \"{id}\""));
            writer.attributes(&[("name", quote::hcl(&policy.name)), ("policy", json)]);
            writer.close();
            writer.gap();
            writer.open(&format!("resource \"aws_iam_role_policy_attachment\" \"{id}\""));
            let arn = format!("aws_iam_policy.{id}.arn");
            writer.attributes(&[("role", role.to_owned()), ("policy_arn", arn)]);
        }
        writer.close();
    }
    Ok(())
}

/// A data source with a document.
pub(super) fn data(
    writer: &mut HclWriter,
    id: &str,
    document: &PolicyDocument,
    comments: &[Vec<String>],
    references: &References,
) -> Result<(), RenderError> {
    // The provider turns every `&{` into `${`, and offers no way to write `&{` itself.
    if document.to_json_compact().contains("&{") {
        return Err(RenderError::new(
            "a text of the policy holds `&{`, which aws_iam_policy_document takes for a policy variable",
            "use --format json",
        ));
    }
    writer.gap();
    writer.open(&format!("data \"aws_iam_policy_document\" \"{id}\""));
    // The data source writes 2012-10-17 unless it is told another.
    if let Some(version) = document.version.filter(|version| version.as_str() != "2012-10-17") {
        writer.attributes(&[("version", quote::hcl(version.as_str()))]);
    }
    if let Some(own) = &document.id {
        writer.attributes(&[("policy_id", quote::hcl(own))]);
    }
    for (index, statement) in document.statements.iter().enumerate() {
        writer.gap();
        writer.comments(comments.get(index).map(Vec::as_slice).unwrap_or_default());
        self::statement(writer, statement, references);
    }
    writer.close();
    Ok(())
}

fn statement(writer: &mut HclWriter, statement: &Statement, references: &References) {
    writer.open("statement");
    let mut attributes = Vec::new();
    if let Some(sid) = &statement.sid {
        attributes.push(("sid", quote::hcl(sid)));
    }
    attributes.push(("effect", quote::hcl(statement.effect.as_str())));
    writer.attributes(&attributes);
    let value = statement.to_value();
    for (element, name) in [
        ("Action", "actions"),
        ("NotAction", "not_actions"),
        ("Resource", "resources"),
        ("NotResource", "not_resources"),
    ] {
        let Some(list) = value.get(element) else { continue };
        let resource = element.ends_with("Resource");
        let list: Vec<String> = texts(list)
            .into_iter()
            .map(|text| if resource { expression(&text, references) } else { quote::hcl(&text) })
            .collect();
        writer.gap();
        writer.list(name, &list);
    }
    if let Some(clause) = &statement.principal {
        principals(writer, clause);
    }
    for (operator, key, values) in statement.condition.iter() {
        writer.gap();
        writer.open("condition");
        let values: Vec<String> = values.iter().map(|text| expression(text, references)).collect();
        writer.attributes(&[
            ("test", quote::hcl(operator)),
            ("variable", quote::hcl(key)),
            ("values", format!("[{}]", values.join(", "))),
        ]);
        writer.close();
    }
    writer.close();
}

fn principals(writer: &mut HclWriter, clause: &PrincipalClause) {
    let name = if clause.is_negated() { "not_principals" } else { "principals" };
    let mut by_kind: Vec<(&str, Vec<String>)> = Vec::new();
    if *clause.principals() == whittle_policy::Principals::Everyone {
        by_kind.push(("*", vec![quote::hcl("*")]));
    }
    for (kind, text) in clause.principals().iter() {
        match by_kind.last_mut() {
            Some((last, texts)) if *last == kind.as_str() => texts.push(quote::hcl(text)),
            _ => by_kind.push((kind.as_str(), vec![quote::hcl(text)])),
        }
    }
    for (kind, identifiers) in by_kind {
        writer.gap();
        writer.open(name);
        writer.attributes(&[("type", quote::hcl(kind)), ("identifiers", format!("[{}]", identifiers.join(", ")))]);
        writer.close();
    }
}

/// A text of a resource or condition.
pub(super) fn expression(text: &str, references: &References) -> String {
    references.rewrite(text).to_hcl()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(|own| own.as_str().map(str::to_owned)).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}
