//! A template held against an account: which of its functions is which, and what its roles would be.
//!
//! `check` and `diff` share it. What the account holds comes from a snapshot folder, or from the snapshot that the store was
//! made from.

mod account;
mod matching;
mod roles;

use std::collections::BTreeMap;
use std::path::Path;

use whittle_analysis::issue::Issue;
use whittle_policy::id::FunctionArn;
use whittle_render::check::Location;
use whittle_render::template::unreadable;
use whittle_template::edit;
use whittle_template::proposal::{self, Proposal, Region};
use whittle_template::references::References;
use whittle_template::resolve::Context;
use whittle_template::template::Template;
use whittle_template::terraform::{self, Module};

use crate::args::DeploymentArguments;
use crate::error::CommandError;

pub use account::Account;
use matching::Matcher;
pub use roles::{Group, groups};

/// A template and what it means in the account.
pub struct Case {
    /// The file as results name it.
    pub file: String,
    /// What it proposes.
    pub proposal: Proposal,
    /// Function of the template → the one in the account, or why there is none.
    pub matches: BTreeMap<String, Result<FunctionArn, String>>,
    /// The account.
    pub account: Account,
    /// Region of functions that are new; of one that is deployed, if there is one.
    pub region: String,
}

impl Case {
    /// Reads the template and finds its functions.
    pub fn read(path: &Path, arguments: &DeploymentArguments, store: &Path) -> Result<Self, CommandError> {
        let bytes = std::fs::read(path).map_err(|source| CommandError::Read { path: path.to_owned(), source })?;
        let failed = |source| CommandError::Template { path: path.to_owned(), source };
        if is_terraform(path) {
            let module = Module::read(&bytes).map_err(failed)?;
            let root = Module::empty_root();
            let account = Account::open(arguments, store)?;
            let finder = Matcher::new(arguments, &account)?;
            let context = Context {
                parameters: arguments.parameters.iter().cloned().collect(),
                references: finder.state().clone(),
                ..Context::default()
            };
            let resolver = terraform::resolver(&module, &root, &context);
            let proposal = proposal::of_module(&module, &resolver, &account.documents());
            let known: Vec<_> =
                proposal.functions().map(|function| (function.id.clone(), function.name.clone())).collect();
            let matches = finder.all(path, &known)?;
            return Self::new(path, proposal, matches, account);
        }
        let template = Template::read(&bytes).map_err(failed)?;
        let account = Account::open(arguments, store)?;
        let finder = Matcher::new(arguments, &account)?;
        let given: BTreeMap<String, String> = arguments.parameters.iter().cloned().collect();
        let plain = Context { parameters: given.clone(), stack_name: arguments.stack.clone(), ..Context::default() };
        let resolver = edit::resolver(&template, &plain);
        let known: Vec<_> = template
            .functions(&resolver)
            .into_iter()
            .map(|function| (function.logical_id.to_owned(), function.name))
            .collect();
        let matches = finder.all(path, &known)?;
        let mut context = match matches.values().flatten().next() {
            Some(arn) => Context::of_arn(arn.as_ref()),
            None => Context {
                account: Some(account.inventory.account.to_string()),
                partition: Some(account.inventory.partition.clone()),
                ..Context::default()
            },
        };
        context.parameters = given;
        context.stack_name = finder.stack_name(matches.values().flatten());
        context.references = references(&context, &matches, &account, &finder);
        let resolver = edit::resolver(&template, &context);
        let proposal = proposal::of_template(&template, &resolver, &account.documents());
        Self::new(path, proposal, matches, account)
    }

    fn new(
        path: &Path,
        proposal: Proposal,
        matches: BTreeMap<String, Result<FunctionArn, String>>,
        account: Account,
    ) -> Result<Self, CommandError> {
        if proposal.functions().next().is_none() {
            return Err(CommandError::NotFound {
                message: format!("`{}` has no Lambda function", path.display()),
                hint: "functions are AWS::Serverless::Function, AWS::Lambda::Function and aws_lambda_function"
                    .to_owned(),
            });
        }
        let deployed = matches.values().flatten().map(|arn| arn.region().to_owned()).next();
        let any = || account.inventory.functions.values().map(|function| function.region.to_string()).next();
        let region = deployed.or_else(any).unwrap_or_else(|| "us-east-1".to_owned());
        Ok(Self { file: super::relative(path), proposal, matches, account, region })
    }

    /// Where a piece of the template is. Of a whole resource only the first line is marked.
    pub fn location(&self, region: Region) -> Location {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Location {
            path: self.file.clone(),
            line: number(region.start.line),
            column: Some(number(region.start.column)),
            end_line: Some(number(region.end.line)),
            end_column: Some(number(region.end.column)),
        }
    }

    /// The first line of a piece of the template.
    pub fn first_line(&self, region: Region) -> Location {
        Location { end_line: None, end_column: None, ..self.location(region) }
    }

    /// What of the template cannot be judged or compared, for whoever reads the answer.
    pub fn notes(&self) -> Vec<Issue> {
        let place = |region: Option<Region>| match region {
            Some(region) => format!("{}:{}", self.file, region.start.line),
            None => self.file.clone(),
        };
        let mut out = Vec::new();
        for unread in &self.proposal.unread {
            out.push(Issue::new("not-read", place(unread.region), unreadable(&unread.reason)));
        }
        for (function, role) in &self.proposal.elsewhere {
            let message = format!("{}: its role is not in this file ({role}), so nothing is said of it", function.id);
            out.push(Issue::new("role-elsewhere", place(Some(function.region)), message));
        }
        for role in &self.proposal.roles {
            for function in &role.functions {
                if let Some(Err(reason)) = self.matches.get(&function.id) {
                    let message = format!("{} is taken as new: {reason}", function.id);
                    out.push(
                        Issue::new("no-evidence-of-function", place(Some(function.region)), message)
                            .with_hint(format!("if it is deployed, pass --function {}=NAME", function.id)),
                    );
                }
            }
            for unread in &role.unread {
                let message = format!("a policy of {} could not be read: {}", role.id, unreadable(&unread.reason));
                out.push(Issue::new("not-read", place(unread.region.or(Some(role.region))), message));
            }
            for statement in role.statements.iter().filter(|statement| !statement.unknown.is_empty()) {
                let names = statement.unknown.join(", ");
                out.push(
                    Issue::new(
                        "unknown-value",
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

fn is_terraform(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tf"))
}

/// What the resources of the template are called in the account, as far as anything tells.
fn references(
    context: &Context,
    matches: &BTreeMap<String, Result<FunctionArn, String>>,
    account: &Account,
    finder: &Matcher<'_>,
) -> References {
    let mut references = References::default().with_place(
        context.account.as_deref(),
        context.region.as_deref(),
        context.partition.as_deref(),
    );
    for stack in finder.stacks() {
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
