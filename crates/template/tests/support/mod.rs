//! A deployment and a narrowing for any template: what the round trips rehearse with.
#![expect(clippy::unwrap_used, reason = "rehearsals stop at the first surprise")]

use serde_json::{Value, json};
use whittle_catalog::catalog;
use whittle_policy::{
    ActionClause, ActionPattern, Effect, OneOrMany, PolicyDocument, ResourceClause, ResourcePattern, Statement,
};
use whittle_template::edit::{EditTarget, Surroundings, resolver};
use whittle_template::grants::{Documents, Origin, grants_of};
use whittle_template::narrow::Narrowing;
use whittle_template::node::Node;
use whittle_template::references::References;
use whittle_template::resolve::Context;
use whittle_template::template::Template;

/// How much of what a role allows its narrowing keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Half of the actions, and a part of the objects of buckets.
    Half,
    /// One action of all.
    One,
    /// Each statement becomes two: one for some of its actions as granted, one for others on less.
    Split,
    /// Everything.
    All,
}

/// The answer of `describe-stack-resources` that a deployment of the template could give.
pub fn stack(template: &Template<'_>) -> Value {
    let row = |(logical_id, resource): (&str, &Node)| {
        let kind = match resource.get("Type")?.text()? {
            "AWS::Serverless::Function" => "AWS::Lambda::Function",
            "AWS::Serverless::SimpleTable" => "AWS::DynamoDB::Table",
            "AWS::Serverless::StateMachine" => "AWS::StepFunctions::StateMachine",
            other => other,
        };
        let arn = |service: &str, tail: &str| {
            format!("arn:aws:{service}:eu-west-1:111122223333:{tail}demo-{logical_id}-1A2B3C")
        };
        let physical = match kind {
            "AWS::SNS::Topic" => arn("sns", ""),
            "AWS::StepFunctions::StateMachine" => arn("states", "stateMachine:"),
            "AWS::SecretsManager::Secret" => arn("secretsmanager", "secret:"),
            "AWS::SQS::Queue" => format!("https://sqs.eu-west-1.amazonaws.com/111122223333/demo-{logical_id}-1A2B3C"),
            "AWS::S3::Bucket" => format!("demo-{}-1a2b3c", logical_id.to_lowercase()),
            _ => format!("demo-{logical_id}-1A2B3C"),
        };
        Some(json!({
            "StackName": "demo",
            "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/demo/1",
            "LogicalResourceId": logical_id, "PhysicalResourceId": physical, "ResourceType": kind,
        }))
    };
    json!({ "StackResources": template.resources().filter_map(row).collect::<Vec<_>>() })
}

/// That deployment.
pub fn surroundings(template: &Template<'_>) -> Surroundings {
    let references = References::from_stack_resources(&stack(template)).unwrap();
    let context = Context {
        account: Some("111122223333".to_owned()),
        region: Some("eu-west-1".to_owned()),
        partition: Some("aws".to_owned()),
        stack_name: Some("demo".to_owned()),
        references,
        ..Context::default()
    };
    Surroundings { context, documents: Documents::new() }
}

/// A narrowing for each function, made of what its role allows.
pub fn targets(template: &Template<'_>, surroundings: &Surroundings, keep: Keep) -> Vec<EditTarget> {
    let resolver = resolver(template, &surroundings.context);
    let functions = template.functions(&resolver);
    functions
        .iter()
        .map(|function| {
            let grants = grants_of(template, &resolver, &function.role, &surroundings.documents);
            let mut out = Vec::new();
            for (entry, grant) in grants.grants() {
                let fixed = matches!(entry.origin, Origin::Implied(_) | Origin::Connector(_));
                let statement = grant.statement.clone();
                if fixed || statement.effect == Effect::Deny || keep == Keep::All {
                    out.push(statement);
                } else if keep == Keep::Split {
                    out.extend(split(&statement));
                } else if keep == Keep::Half || !out.iter().any(|one: &Statement| one.sid.as_deref() == Some("Kept")) {
                    let mut statement = narrowed(&statement, keep);
                    if keep == Keep::One {
                        statement.sid = Some("Kept".to_owned());
                    }
                    out.push(statement);
                }
            }
            let policies = vec![("narrowed".to_owned(), PolicyDocument::new(out))];
            EditTarget {
                function: function.logical_id.to_owned(),
                narrowing: Narrowing { policies, ..Narrowing::default() },
            }
        })
        .collect()
}

/// Two statements of at most three actions each; one where there is but one action.
fn split(statement: &Statement) -> Vec<Statement> {
    let ActionClause::Action(patterns) = &statement.action else { return vec![statement.clone()] };
    let expanded = |pattern: &ActionPattern| -> Vec<ActionPattern> {
        if !pattern.is_wildcard() {
            return vec![pattern.clone()];
        }
        let names = catalog().expand(pattern).into_iter().take(6).map(|id| catalog().info(id).name().to_owned());
        names.filter_map(|name| name.parse().ok()).collect()
    };
    let actions: Vec<ActionPattern> = patterns.iter().flat_map(expanded).take(6).collect();
    let mut halves: Vec<Statement> = Vec::new();
    for (index, half) in actions.chunks(actions.len().div_ceil(2).max(1)).enumerate() {
        let mut one = if index == 0 { statement.clone() } else { narrowed(statement, Keep::Half) };
        one.sid = statement.sid.as_deref().map(|sid| format!("{sid}Part{index}"));
        one.action = ActionClause::Action(OneOrMany::from(half.to_vec()));
        halves.push(one);
    }
    halves
}

fn narrowed(statement: &Statement, keep: Keep) -> Statement {
    let mut out = statement.clone();
    if let ActionClause::Action(patterns) = &statement.action {
        let mut actions: Vec<ActionPattern> = Vec::new();
        for pattern in patterns {
            if pattern.is_wildcard() {
                let names =
                    catalog().expand(pattern).into_iter().take(2).map(|id| catalog().info(id).name().to_owned());
                actions.extend(names.filter_map(|name| name.parse().ok()));
            } else {
                actions.push(pattern.clone());
            }
        }
        let count = if keep == Keep::One { 1 } else { actions.len().div_ceil(2) };
        actions.truncate(count);
        if !actions.is_empty() {
            out.action = ActionClause::Action(OneOrMany::from(actions));
        }
    }
    if let Some(ResourceClause::Resource(patterns)) = &statement.resource {
        let narrow = |pattern: &ResourcePattern| match pattern.as_str().strip_suffix("/*") {
            Some(prefix) if prefix.starts_with("arn:") && prefix.contains(":s3:::") => {
                ResourcePattern::new(format!("{prefix}/in/*"))
            }
            _ => pattern.clone(),
        };
        let patterns: Vec<ResourcePattern> = patterns.iter().map(narrow).collect();
        out.resource = Some(ResourceClause::Resource(OneOrMany::from(patterns)));
    }
    out
}

/// A narrowing for each function of a Terraform file.
pub fn terraform_targets(bytes: &[u8], keep: Keep) -> Vec<EditTarget> {
    use whittle_template::terraform::{Module, resolver};
    let module = Module::read(bytes).unwrap();
    let root = Module::empty_root();
    let resolver = resolver(&module, &root, &Context::default());
    let functions = module.functions(&resolver);
    functions
        .into_iter()
        .map(|function| {
            let mut out = Vec::new();
            if let Ok(role) = &function.role {
                for (_, grant) in module.grants(&resolver, role, &Documents::new()).grants() {
                    let statement = grant.statement.clone();
                    let stays = keep == Keep::All || statement.effect == Effect::Deny;
                    if stays || keep == Keep::Half || out.len() < 2 {
                        out.push(if stays { statement } else { narrowed(&statement, keep) });
                    }
                }
            }
            let policies = vec![("narrowed".to_owned(), PolicyDocument::new(out))];
            EditTarget { function: function.address, narrowing: Narrowing { policies, ..Narrowing::default() } }
        })
        .collect()
}
