//! `whittle apply`.

mod file;
mod lookup;

use std::fmt::Write as _;
use std::path::Path;

use similar::TextDiff;
use whittle_render::template::{refusal, unreadable};
use whittle_template::edit::{self, EditOutcome, Edited, Surroundings};
use whittle_template::template::Template;
use whittle_template::terraform::{self, Module};

use self::lookup::FunctionLookup;
use super::stored::StoredResults;
use crate::args::ApplyArguments;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Puts narrowed policies into a template.
pub fn run(arguments: &ApplyArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let path = &arguments.template;
    let bytes = std::fs::read(path).map_err(|source| CommandError::Read { path: path.clone(), source })?;
    let mut lookup = FunctionLookup::new(arguments, StoredResults::open(&arguments.store)?)?;
    let edited = if is_terraform(path) {
        terraform(arguments, &bytes, &mut lookup, printer)?
    } else {
        template(arguments, &bytes, &mut lookup, printer)?
    };
    report(arguments, &bytes, &edited, printer)
}

fn is_terraform(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tf"))
}

fn template(
    arguments: &ApplyArguments,
    bytes: &[u8],
    lookup: &mut FunctionLookup<'_>,
    printer: &Printer,
) -> Result<Edited, CommandError> {
    let failed = |source| CommandError::Template { path: arguments.template.clone(), source };
    let parsed = Template::read(bytes).map_err(failed)?;
    let resolver = edit::resolver(&parsed, &lookup.context());
    let functions = parsed.functions(&resolver);
    let known: Vec<_> =
        functions.iter().map(|function| (function.logical_id.to_owned(), function.name.clone())).collect();
    let (targets, place) = targets(arguments, &known, lookup, printer)?;
    for (reason, span) in parsed.unread() {
        let place = parsed.source().place(span.start);
        printer.warning(&format!(
            "{}:{}:{}: {}",
            arguments.template.display(),
            place.line,
            place.column,
            unreadable(&reason)
        ));
    }
    let surroundings = Surroundings { context: lookup.context_at(place.as_deref()), documents: lookup.documents() };
    edit::apply(bytes, &targets, &surroundings).map_err(failed)
}

fn terraform(
    arguments: &ApplyArguments,
    bytes: &[u8],
    lookup: &mut FunctionLookup<'_>,
    printer: &Printer,
) -> Result<Edited, CommandError> {
    let failed = |source| CommandError::Template { path: arguments.template.clone(), source };
    let module = Module::read(bytes).map_err(failed)?;
    let root = Module::empty_root();
    let resolver = terraform::resolver(&module, &root, &lookup.terraform_context());
    let known: Vec<_> =
        module.functions(&resolver).into_iter().map(|function| (function.address, function.name)).collect();
    let (targets, _) = targets(arguments, &known, lookup, printer)?;
    let surroundings = Surroundings { context: lookup.terraform_context(), documents: lookup.documents() };
    terraform::apply(bytes, &targets, &surroundings).map_err(failed)
}

/// Narrowed policies of the roles of the chosen functions, and the ARN of one of the functions.
fn targets(
    arguments: &ApplyArguments,
    known: &[(String, Option<String>)],
    lookup: &mut FunctionLookup<'_>,
    printer: &Printer,
) -> Result<(Vec<edit::EditTarget>, Option<String>), CommandError> {
    if known.is_empty() {
        return Err(CommandError::Unusable {
            message: format!("`{}` has no Lambda function", arguments.template.display()),
            hint: "functions are AWS::Serverless::Function, AWS::Lambda::Function and aws_lambda_function".to_owned(),
        });
    }
    let mut targets = Vec::new();
    let mut place = None;
    for (id, name) in lookup.choose(known)? {
        match lookup.target(&id, name.as_deref())? {
            Ok(found) => {
                place = place.or(Some(found.function_arn));
                targets.push(edit::EditTarget { function: id, narrowing: found.narrowing });
            }
            Err(reason) if arguments.functions.is_empty() => printer.warning(&format!("{id}: {reason}")),
            Err(reason) => {
                return Err(CommandError::NoPolicy { message: format!("{id}: {reason}"), hint: String::new() });
            }
        }
    }
    Ok((targets, place))
}

/// Reports each edit, then prints the diff or writes the file.
fn report(arguments: &ApplyArguments, old: &[u8], edited: &Edited, printer: &Printer) -> Result<Exit, CommandError> {
    let path = &arguments.template;
    let (mut refused, mut changed) = (false, false);
    let mut snippets = String::new();
    for report in &edited.reports {
        match &report.outcome {
            EditOutcome::Unchanged => {
                printer.detail(&format!("{}: {} is as narrow as suggested", report.function, report.role));
            }
            EditOutcome::Changed { literals } => {
                changed = true;
                printer.detail(&format!("{}: {} was narrowed", report.function, report.role));
                if !literals.is_empty() {
                    printer.hint(&format!(
                        "{}: written as it is in this deployment: {}; if the file makes more than one stack, make it a parameter",
                        report.function,
                        literals.join(", ")
                    ));
                }
            }
            EditOutcome::Refused { reason, place, snippet } => {
                refused = true;
                let line = place.map(|place| format!(":{}:{}", place.line, place.column)).unwrap_or_default();
                let reason = refusal(reason);
                printer.warning(&format!("{}{line}: {} was left as it is: {reason}", path.display(), report.role));
                let _ = write!(snippets, "# {}, for {}:\n{snippet}", report.function, report.role);
            }
        }
    }
    let different = edited.bytes != old;
    if arguments.diff {
        let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(&edited.bytes));
        let name = path.display().to_string();
        let diff = TextDiff::from_lines(old.as_ref(), new.as_ref());
        printer.data(&diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string())?;
        if !snippets.is_empty() {
            printer.hint("without --diff, the policies to write by hand are printed");
        }
    } else {
        if !snippets.is_empty() {
            printer.data(&snippets)?;
        }
        if different && !arguments.check {
            file::replace(path, &edited.bytes)?;
        }
    }
    let count = edited.reports.iter().filter(|report| matches!(report.outcome, EditOutcome::Changed { .. })).count();
    let done = if arguments.diff || arguments.check { "would be narrowed" } else { "narrowed" };
    if changed && arguments.snapshot.is_none() {
        printer.hint("without --snapshot, only actions are compared: a statement for other resources that is not deployed yet looks unused");
    }
    if changed {
        printer.note(&format!("{count} of {} functions {done} in `{}`", edited.reports.len(), path.display()));
    } else if !refused && !edited.reports.is_empty() {
        printer.note(&format!("`{}` says what is suggested; nothing to change", path.display()));
    }
    Ok(match (arguments.check && different, refused && !arguments.functions.is_empty()) {
        (_, true) => Exit::Error,
        (true, false) => Exit::Findings,
        (false, false) => Exit::Clean,
    })
}
