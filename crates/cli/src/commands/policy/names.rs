//! Which names the printed policy uses: those of the stack or state that the function was deployed from.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use whittle_pipeline::proposal::stack_rows;
use whittle_template::references::References;

use crate::args::{PolicyArguments, PolicyFormat};
use crate::commands::deployment;
use crate::error::CommandError;
use crate::printer::Printer;

/// Types of resources that may name a function, so that a role of the function which names them closes a
/// circle: bucket notifications, triggers, integrations, targets (AWS CloudFormation Template Reference, the
/// pages of the types).
const MAY_NAME_FUNCTIONS: &[&str] = &[
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGatewayV2::Api",
    "AWS::AppSync::GraphQLApi",
    "AWS::Cognito::UserPool",
    "AWS::Events::Rule",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Function",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SSM::Parameter",
    "AWS::StepFunctions::StateMachine",
];

/// The references that `whittle apply` uses too.
pub struct Names {
    /// Names of the resources of the stack or state.
    pub references: References,
    /// Logical ids of [`MAY_NAME_FUNCTIONS`].
    circular: Vec<String>,
}

impl Names {
    /// The names that the arguments give, for the stack that holds one of `deployed` (ARNs of functions and
    /// roles). `place` gives partition, Region and account.
    pub fn find(
        arguments: &PolicyArguments,
        place: &str,
        deployed: &[&str],
        printer: &Printer,
    ) -> Result<Self, CommandError> {
        let mut names = Self { references: References::default(), circular: Vec::new() };
        if arguments.format == PolicyFormat::Terraform {
            if let Some(path) = &arguments.terraform_state {
                let (references, in_modules) = deployment::terraform_state(path)?;
                names.references = references;
                if in_modules > 0 {
                    printer.hint(&format!(
                        "{in_modules} modules of the state are left out: an address inside a module has no meaning outside of it"
                    ));
                }
            }
            return Ok(names);
        }
        let mut fields = place.split(':').skip(1);
        let mut field = || fields.next().filter(|text| !text.is_empty());
        let (partition, _, region, account) = (field(), field(), field(), field());
        names.references = names.references.with_place(account, region, partition);
        if arguments.format == PolicyFormat::Json {
            return Ok(names);
        }
        let answers = deployment::stack_answers(&arguments.stack_resources, arguments.snapshot.as_deref())?;
        let Some(stack) = the_stack(&answers, deployed, arguments.stack.as_deref(), printer) else { return Ok(names) };
        let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        for row in &stack {
            if MAY_NAME_FUNCTIONS.contains(&text(row, "ResourceType").as_str()) {
                names.circular.push(text(row, "LogicalResourceId"));
            }
        }
        names.references.add_stack_resources(&json!({"StackResources": stack}));
        if arguments.format == PolicyFormat::Sam {
            // Policies of the function make its role, and the function needs that: neither can be named in
            // them.
            let own = stack.iter().filter(|row| {
                ["AWS::Lambda::Function", "AWS::IAM::Role"].contains(&text(row, "ResourceType").as_str())
                    && deployed.iter().any(|arn| name_of(arn) == text(row, "PhysicalResourceId"))
            });
            let own: BTreeSet<String> = own.map(|row| text(row, "LogicalResourceId")).collect();
            names.references = names.references.without(&own);
        }
        Ok(names)
    }

    /// Says what a reader must check in `Policies` of SAM, where a reference may close a circle.
    pub fn warn_of_circles(&self, written: &str, printer: &Printer) {
        let named = |id: &&String| {
            [format!("!Ref {id}\n"), format!("!GetAtt {id}."), format!("${{{id}}}"), format!("${{{id}.")]
                .iter()
                .any(|reference| written.contains(reference))
        };
        let circular: Vec<&str> = self.circular.iter().filter(named).map(String::as_str).collect();
        if !circular.is_empty() {
            printer.hint(&format!(
                "if {} names the function (a notification, a trigger), CloudFormation refuses the circle: write its ARN out \
                 there, or use --format cloudformation",
                circular.join(" or ")
            ));
        }
    }
}

/// Rows of the one stack that holds one of the functions and roles.
fn the_stack(answers: &[Value], deployed: &[&str], wanted: Option<&str>, printer: &Printer) -> Option<Vec<Value>> {
    let mut stacks: BTreeMap<(String, usize), Vec<&Value>> = BTreeMap::new();
    for (number, answer) in answers.iter().enumerate() {
        for row in stack_rows(answer) {
            let text = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
            // list-stack-resources does not say of which stack it is: then the answer is one.
            let key = match text("StackId").or_else(|| text("StackName")) {
                Some(stack) => (stack, 0),
                None => (String::new(), number + 1),
            };
            stacks.entry(key).or_default().push(row);
        }
    }
    let is = |row: &Value, key: &str, expected: &str| row.get(key).and_then(Value::as_str) == Some(expected);
    let field = |arn: &str, index: usize| arn.split(':').nth(index).unwrap_or_default().to_owned();
    let holds = |stack: &str, rows: &[&Value]| {
        rows.iter().any(|row| {
            deployed.iter().any(|arn| {
                let (service, region, account) = (field(arn, 2), field(arn, 3), field(arn, 4));
                let kind = if service == "iam" { "AWS::IAM::Role" } else { "AWS::Lambda::Function" };
                let same_place = !stack.starts_with("arn:")
                    || (field(stack, 4) == account && (region.is_empty() || field(stack, 3) == region));
                same_place
                    && is(row, "ResourceType", kind)
                    && is(row, "PhysicalResourceId", name_of(arn))
                    && wanted.is_none_or(|wanted| row.get("StackName").is_none() || is(row, "StackName", wanted))
            })
        })
    };
    let mut found: Vec<Vec<&Value>> =
        stacks.into_iter().filter(|((stack, _), rows)| holds(stack, rows)).map(|(_, rows)| rows).collect();
    if found.len() == 1 {
        return Some(found.pop()?.into_iter().cloned().collect());
    }
    if !answers.is_empty() {
        let which = if found.is_empty() { "no stack" } else { "more than one stack" };
        printer.hint(&format!(
            "ARNs are written out: {which} of the {} stack resource lists has the function",
            answers.len()
        ));
    }
    None
}

/// `f` of `arn:aws:lambda:…:function:f` and of `arn:aws:iam::…:role/path/f`.
fn name_of(arn: &str) -> &str {
    arn.rsplit([':', '/']).next().unwrap_or(arn)
}
