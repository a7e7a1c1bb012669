//! A template held against an account: which of its functions is which, what its roles would be, and what a
//! gate says.
//!
//! [`MatchedProposal::new`] matches functions, [`groups`] builds the roles, [`check`] judges them. In: the
//! text of a template and the documents of a snapshot. Out: findings, and the regions of the file that they
//! are about. Reads no file and no clock.

mod account;
mod check;
mod error;
mod matching;
mod roles;

use std::collections::BTreeMap;

use whittle_analysis::issue::{Issue, IssueKind};
use whittle_policy::id::FunctionArn;
use whittle_template::edit;
use whittle_template::proposal::{self, Proposal, Region};
use whittle_template::reason::Unreadable;
use whittle_template::references::References;
use whittle_template::resolve::Context;
use whittle_template::source::ReadError;
use whittle_template::template::Template;
use whittle_template::terraform::{self, Module};

pub use account::DeployedAccount;
pub use check::{CheckedProposal, FilePlace, ProposalEvidence, check};
pub use error::ProposalError;
use matching::Matcher;
pub use matching::{Deployment, Unmatched, stack_rows};
pub use roles::{RoleGroup, groups};

/// A template, read but not resolved.
pub enum TemplateFile<'t> {
    /// SAM or CloudFormation.
    CloudFormation(Box<Template<'t>>),
    /// A Terraform file.
    Terraform(Box<Module<'t>>),
}

impl<'t> TemplateFile<'t> {
    /// Reads a template; `terraform` says in which language.
    pub fn read(bytes: &'t [u8], terraform: bool) -> Result<Self, ReadError> {
        Ok(if terraform {
            Self::Terraform(Box::new(Module::read(bytes)?))
        } else {
            Self::CloudFormation(Box::new(Template::read(bytes)?))
        })
    }
}

/// A template and its functions in an account.
pub struct MatchedProposal {
    /// The file as results name it.
    pub file: String,
    /// Functions and roles that the file proposes.
    pub content: Proposal,
    /// Function of the template → the one in the account, or the reason why there is none.
    pub matches: BTreeMap<String, Result<FunctionArn, Unmatched>>,
    /// The account.
    pub account: DeployedAccount,
    /// Region of functions that are new; of one that is deployed, if there is one.
    pub region: String,
    /// Words a reason why a piece of the template is not read.
    pub wording: UnreadableWording,
}

/// Words a reason why a piece of a template is not read.
pub type UnreadableWording = fn(&Unreadable) -> String;

impl MatchedProposal {
    /// Finds the functions of a template. `path` is the file as errors name it, `file` as results do.
    pub fn new(
        template: &TemplateFile<'_>,
        (path, file): (&str, String),
        deployment: &Deployment,
        account: DeployedAccount,
        wording: UnreadableWording,
    ) -> Result<Self, ProposalError> {
        let matcher = Matcher::new(deployment, &account);
        let (content, matches) = match template {
            TemplateFile::Terraform(module) => of_module(module, path, &matcher, deployment, &account)?,
            TemplateFile::CloudFormation(template) => of_template(template, path, &matcher, deployment, &account)?,
        };
        if content.functions().next().is_none() {
            return Err(ProposalError::NoFunction { file: path.to_owned() });
        }
        let deployed = matches.values().flatten().map(|arn| arn.region().to_owned()).next();
        let any = || account.inventory.functions.values().map(|function| function.region.to_string()).next();
        let region = deployed.or_else(any).unwrap_or_else(|| "us-east-1".to_owned());
        Ok(Self { file, content, matches, account, region, wording })
    }

    /// Parts of the template that cannot be checked or compared.
    pub fn notes(&self) -> Vec<Issue> {
        let place = |region: Option<Region>| match region {
            Some(region) => format!("{}:{}", self.file, region.start.line),
            None => self.file.clone(),
        };
        let mut out = Vec::new();
        for unread in &self.content.unread {
            out.push(Issue::new(IssueKind::NotRead, place(unread.region), (self.wording)(&unread.reason)));
        }
        for (function, role) in &self.content.elsewhere {
            let message = format!("{}: its role is not in this file ({role}), so nothing is said of it", function.id);
            out.push(Issue::new(IssueKind::RoleElsewhere, place(Some(function.region)), message));
        }
        for role in &self.content.roles {
            for function in &role.functions {
                if let Some(Err(reason)) = self.matches.get(&function.id) {
                    let message = format!("{} is taken as new: {reason}", function.id);
                    out.push(
                        Issue::new(IssueKind::NoEvidenceOfFunction, place(Some(function.region)), message)
                            .with_hint(format!("if it is deployed, pass --function {}=NAME", function.id)),
                    );
                }
            }
            for unread in &role.unread {
                let message = format!("a policy of {} could not be read: {}", role.id, (self.wording)(&unread.reason));
                out.push(Issue::new(IssueKind::NotRead, place(unread.region.or(Some(role.region))), message));
            }
            for statement in role.statements.iter().filter(|statement| !statement.unknown.is_empty()) {
                let names = statement.unknown.join(", ");
                out.push(
                    Issue::new(
                        IssueKind::UnknownValue,
                        place(Some(statement.region)),
                        format!("the value of {names} is not known, so nothing in the statement is called unused"),
                    )
                    .with_hint("pass --parameter, --stack-resources or --terraform-state"),
                );
            }
        }
        out
    }
}

type Matches = BTreeMap<String, Result<FunctionArn, Unmatched>>;

fn of_module(
    module: &Module<'_>,
    path: &str,
    matcher: &Matcher<'_>,
    deployment: &Deployment,
    account: &DeployedAccount,
) -> Result<(Proposal, Matches), ProposalError> {
    let root = Module::empty_root();
    let context = Context {
        parameters: deployment.parameters.clone(),
        references: deployment.state.clone(),
        ..Context::default()
    };
    let resolver = terraform::resolver(module, &root, &context);
    let content = proposal::of_module(module, &resolver, &account.documents());
    let known: Vec<_> = content.functions().map(|function| (function.id.clone(), function.name.clone())).collect();
    let matches = matcher.all(path, &known)?;
    Ok((content, matches))
}

fn of_template(
    template: &Template<'_>,
    path: &str,
    matcher: &Matcher<'_>,
    deployment: &Deployment,
    account: &DeployedAccount,
) -> Result<(Proposal, Matches), ProposalError> {
    let given = Context {
        parameters: deployment.parameters.clone(),
        stack_name: deployment.stack.clone(),
        ..Context::default()
    };
    let resolver = edit::resolver(template, &given);
    let known: Vec<_> = template
        .functions(&resolver)
        .into_iter()
        .map(|function| (function.logical_id.to_owned(), function.name))
        .collect();
    let matches = matcher.all(path, &known)?;
    let mut context = match matches.values().flatten().next() {
        Some(arn) => Context::of_arn(arn.as_ref()),
        None => Context {
            account: Some(account.inventory.account.to_string()),
            partition: Some(account.inventory.partition.clone()),
            ..Context::default()
        },
    };
    context.parameters = given.parameters;
    context.stack_name = matcher.stack_name(matches.values().flatten());
    context.references = references(&context, &matches, account, matcher);
    let resolver = edit::resolver(template, &context);
    let content = proposal::of_template(template, &resolver, &account.documents());
    Ok((content, matches))
}

/// Names of the template's resources in the account.
fn references(context: &Context, matches: &Matches, account: &DeployedAccount, matcher: &Matcher<'_>) -> References {
    let mut references = References::default().with_place(
        context.account.as_deref(),
        context.region.as_deref(),
        context.partition.as_deref(),
    );
    for stack in matcher.stacks() {
        references.add_stack_resources(stack);
    }
    for (id, arn) in matches.iter().filter_map(|(id, found)| Some((id, found.as_ref().ok()?))) {
        references.add_resource(id, "AWS::Lambda::Function", arn.name());
        if let Some(role) = account.inventory.functions.get(arn).and_then(|own| account.inventory.roles.get(&own.role))
        {
            references.add_resource(&format!("{id}Role"), "AWS::IAM::Role", &role.name);
        }
    }
    references
}
