//! The `Policies` of a SAM function.

use std::collections::BTreeMap;

use whittle_template::references::References;

use super::sam_template::{Instance, StackPlace, find};
use super::yaml::{Yaml, YamlEntry};
use super::{AnnotatedPolicy, PolicySet, RenderError, cloudformation};

/// The `Policies` property of an `AWS::Serverless::Function`: SAM policy templates where one grants exactly
/// what is needed, else statements. Without a function (a shared role) there is no such property.
pub fn render(set: &PolicySet, references: &References) -> Result<String, RenderError> {
    let Some(function_arn) = &set.function_arn else {
        return Err(RenderError::new(
            format!("role {} is no function, and only functions have Policies in SAM", set.name),
            "name a function, use --format cloudformation, or --split to give each function a role of its own",
        ));
    };
    let mut heading = set.heading.clone();
    let of = match &set.logical_id {
        Some(id) => format!("of {id}"),
        None => "of the AWS::Serverless::Function".to_owned(),
    };
    heading.push(format!("Goes under Properties {of}, in place of its Policies."));
    heading.push(
        "Without a Role, SAM makes one and adds AWSLambdaBasicExecutionRole to it (and what VpcConfig and Tracing need),"
            .to_owned(),
    );
    heading
        .push("whatever stands here; with a Role, SAM ignores Policies: then use --format cloudformation.".to_owned());
    let policies = policies(&set.policies, function_arn, references);
    Ok(Yaml::Map(vec![("Policies".to_owned(), YamlEntry::plain(Yaml::List(policies)))]).document(&heading))
}

/// Entries of `Policies`.
fn policies(policies: &[AnnotatedPolicy], function_arn: &str, references: &References) -> Vec<YamlEntry> {
    let mut parts = function_arn.split(':').skip(1);
    let (partition, _, region, account) = (parts.next(), parts.next(), parts.next(), parts.next());
    let place = StackPlace {
        partition: partition.unwrap_or_default(),
        region: region.unwrap_or_default(),
        account: account.unwrap_or_default(),
    };
    let mut out = Vec::new();
    for policy in policies {
        let statements = policy.document.statements.as_slice();
        let found = find(statements, place);
        let in_template: BTreeMap<usize, &Instance> =
            found.iter().flat_map(|instance| instance.statements.iter().map(move |index| (*index, instance))).collect();
        for instance in &found {
            out.push(template(instance, policy, references));
        }
        if in_template.len() == statements.len() {
            continue;
        }
        let mut rest = policy.document.clone();
        let left = |index: &usize| !in_template.contains_key(index);
        let kept: Vec<usize> = (0..statements.len()).filter(left).collect();
        let statements: Vec<_> = kept.iter().filter_map(|index| statements.get(*index).cloned()).collect();
        rest.statements = whittle_policy::OneOrMany::Many(statements);
        let comments: Vec<Vec<String>> =
            kept.iter().map(|index| policy.comments.get(*index).cloned().unwrap_or_default()).collect();
        out.push(YamlEntry::plain(cloudformation::document(&rest, &comments, references)));
    }
    out
}

fn template(instance: &Instance, policy: &AnnotatedPolicy, references: &References) -> YamlEntry {
    let parameters = instance.parameters.iter().map(|(name, bound)| {
        let value = if bound.arn == bound.value {
            references.rewrite(&bound.arn)
        } else {
            references.rewrite_name(&bound.arn, &bound.value)
        };
        ((*name).to_owned(), YamlEntry::plain(Yaml::expression(&value)))
    });
    let comments = instance.statements.iter().filter_map(|index| policy.comments.get(*index)).flatten().cloned();
    YamlEntry {
        comments: comments.collect(),
        value: Yaml::Map(vec![(instance.name.to_owned(), YamlEntry::plain(Yaml::Map(parameters.collect())))]),
    }
}
