//! `whittle waive`.

use jiff::civil::Date;
use whittle_analysis::gate::Waiver;
use whittle_analysis::result::Finding;
use whittle_local::waivers;
use whittle_pipeline::ports::Store;
use whittle_pipeline::spelling::nearest;

use super::stored;
use crate::args::WaiveArguments;
use crate::clock::today;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Digits of a whole fingerprint.
const DIGITS: usize = 16;

/// Accepts a finding in the waivers file.
pub fn run(arguments: &WaiveArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let until: Date = arguments.until.parse().map_err(|_| CommandError::Usage {
        message: format!("`{}` is no date", arguments.until),
        hint: "write it as YYYY-MM-DD".to_owned(),
    })?;
    let today = today();
    if until < today {
        return Err(CommandError::Usage {
            message: format!("a waiver until {until} has ended already: today is {today}"),
            hint: "give a day in the future".to_owned(),
        });
    }
    for (what, text) in [("owner", &arguments.owner), ("reason", &arguments.reason)] {
        if text.trim().is_empty() {
            return Err(CommandError::Usage {
                message: format!("the {what} is empty"),
                hint: "a waiver needs an owner and a reason".to_owned(),
            });
        }
    }
    let typed = arguments.fingerprint.to_ascii_lowercase();
    let found = find(arguments, &typed)?;
    let fingerprint = found.as_ref().map_or(typed, |finding| finding.fingerprint.clone());
    let waiver =
        Waiver { fingerprint, owner: arguments.owner.clone(), reason: arguments.reason.clone(), until, line: 0 };
    let about = found.as_ref().map(|finding| {
        let subject = finding.function_arn.as_deref().unwrap_or(&finding.role_arn);
        format!("{} ({}): {}, {subject}", finding.code, finding.severity.as_str(), finding.title)
    });
    let added = waivers::write(&arguments.waivers, &waiver, about.as_deref())?;
    printer.note(&format!(
        "{} {} {} `{}`, until {until}",
        if added { "added" } else { "changed" },
        waiver.fingerprint,
        if added { "to" } else { "in" },
        arguments.waivers.display()
    ));
    Ok(Exit::Clean)
}

/// The finding that is meant, if the store knows it.
fn find(arguments: &WaiveArguments, typed: &str) -> Result<Option<Finding>, CommandError> {
    let whole = typed.len() == DIGITS && typed.bytes().all(|byte| byte.is_ascii_hexdigit());
    let unknown = |message: String, hint: String| {
        if arguments.force && whole { Ok(None) } else { Err(CommandError::NotFound { message, hint }) }
    };
    if !arguments.store.store.exists() {
        return unknown(
            format!("there is no store at `{}` to look the finding up in", arguments.store.store.display()),
            "run `whittle analyze` first, pass --store, or write the whole fingerprint with --force".to_owned(),
        );
    }
    let mut store = stored::open_existing(&arguments.store.store)?;
    let mut all: Vec<Finding> = Vec::new();
    for account in store.accounts()? {
        all.extend(store.findings(&account)?);
    }
    let mut matching: Vec<Finding> =
        all.iter().filter(|finding| typed.len() >= 4 && finding.fingerprint.starts_with(typed)).cloned().collect();
    if matching.len() > 1 {
        let names: Vec<&str> = matching.iter().map(|finding| finding.fingerprint.as_str()).collect();
        return Err(CommandError::Ambiguous {
            message: format!("`{typed}` begins {} fingerprints", matching.len()),
            hint: names.join(", "),
        });
    }
    if let Some(finding) = matching.pop() {
        return Ok(Some(finding));
    }
    let nearest = nearest(typed, all.iter().map(|finding| finding.fingerprint.as_str()));
    let hint = match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => {
            "`whittle check` shows fingerprints; --force writes a whole one that the store does not know".to_owned()
        }
    };
    unknown(format!("the store knows no finding `{typed}`"), hint)
}
