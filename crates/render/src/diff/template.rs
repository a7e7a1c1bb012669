//! Changes that a template would make to the roles of an account.

use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::issue::Issue;
use whittle_analysis::proposal::compare::DifferingStatement;
use whittle_analysis::result::SCHEMA_VERSION;

use crate::check::Location;
use crate::style::Color;
use crate::text::{clean, short_name};
use crate::words::{self, InWords};

/// Actions and resources that are named one by one.
const NAMED: usize = 6;

/// A template compared with an account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TemplateDifference {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The file.
    pub template: String,
    /// Account id.
    pub account: String,
    /// Roles in the order of the file.
    pub roles: Vec<RoleDifference>,
    /// Parts that could not be compared.
    pub notes: Vec<Issue>,
}

/// One role of the template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleDifference {
    /// Logical id of the role, or of the function that SAM generates it for; Terraform: address.
    pub id: String,
    /// The role in the account; `None` for one that is new.
    pub role_arn: Option<String>,
    /// Functions of the template that are compared here: logical id and ARN in the account.
    pub functions: Vec<FunctionOfRole>,
    /// Statements of the template that the account does not allow.
    pub more: Vec<Located>,
    /// Statements of the account that the template does not allow.
    pub less: Vec<Located>,
}

/// A function of the template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionOfRole {
    /// Logical id; Terraform: address.
    pub id: String,
    /// ARN in the account; `None` for one that is new.
    pub function_arn: Option<String>,
}

/// A statement and its place in the template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Located {
    /// The statement.
    #[serde(flatten)]
    pub statement: DifferingStatement,
    /// Its place; `None` for one of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl InWords for RoleDifference {
    fn put_in_words(&mut self) {
        self.more.iter_mut().chain(&mut self.less).for_each(|located| located.statement.put_in_words());
    }
}

impl TemplateDifference {
    /// Nothing compared yet.
    pub fn new(template: String, account: String) -> Self {
        Self { schema_version: SCHEMA_VERSION, template, account, roles: Vec::new(), notes: Vec::new() }
    }
}

/// One JSON document, final newline.
pub fn json(difference: &TemplateDifference) -> Result<String, serde_json::Error> {
    Ok(format!(
        "{}\n",
        serde_json::to_string_pretty(&TemplateDifference {
            roles: difference.roles.iter().map(InWords::in_words).collect(),
            ..difference.clone()
        })?
    ))
}

/// A role a line.
pub fn ndjson(difference: &TemplateDifference) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct RoleLine {
        schema_version: u32,
        kind: &'static str,
        #[serde(flatten)]
        role: RoleDifference,
    }
    let mut out = String::new();
    for role in &difference.roles {
        out.push_str(&serde_json::to_string(&RoleLine {
            schema_version: SCHEMA_VERSION,
            kind: "role",
            role: role.in_words(),
        })?);
        out.push('\n');
    }
    Ok(out)
}

/// For a person. `+` the template allows more, `-` less, `?` not known.
pub fn human(difference: &TemplateDifference, color: Color) -> String {
    let mut out = format!("{} compared with account {}\n", clean(&difference.template), clean(&difference.account));
    for role in &difference.roles {
        let functions: Vec<String> = role.functions.iter().map(function).collect();
        let today = role.role_arn.as_deref().map_or("a new role", short_name);
        let _ = writeln!(out, "\n{} → {}  ({})", color.heading(&clean(&role.id)), clean(today), functions.join(", "));
        for (sign, statements) in [('+', &role.more), ('-', &role.less)] {
            for located in statements {
                statement(sign, located, color, &mut out);
            }
        }
        if role.more.is_empty() && role.less.is_empty() {
            out.push_str("  the same permissions\n");
        }
    }
    if !difference.notes.is_empty() {
        out.push('\n');
    }
    for issue in &difference.notes {
        let hint = if issue.hint.is_empty() { String::new() } else { format!(" ({})", issue.hint) };
        let text = format!("{}: {}{hint}", issue.place, issue.message);
        let _ = writeln!(out, "{} {}", color.faint("note"), clean(&text));
    }
    out
}

fn function(function: &FunctionOfRole) -> String {
    match function.function_arn.as_deref().map(short_name) {
        Some(name) if name != function.id => format!("{} is {}", clean(&function.id), clean(name)),
        Some(name) => clean(name),
        None => format!("{} is new", clean(&function.id)),
    }
}

fn statement(sign: char, located: &Located, color: Color, out: &mut String) {
    let statement = &located.statement;
    let sign = if statement.certain { sign } else { '?' };
    let place = match &located.location {
        Some(place) => format!("{}:{}, {}/{}", place.path, place.line, statement.policy, statement.statement),
        None => format!("today in {}/{}", statement.policy, statement.statement),
    };
    // Several statements may allow more together than the actions of each tell.
    let actions = if statement.actions.is_empty() { "some resources".to_owned() } else { some(&statement.actions) };
    let _ = writeln!(out, "  {sign} {} on {}", clean(&actions), clean(&some(&statement.resources)));
    let _ = writeln!(out, "      {}", color.faint(&clean(&place)));
    if let Some(reason) = &statement.unknown {
        let _ = writeln!(out, "      {}", color.faint(&clean(&format!("not known: {}", words::uncertainty(reason)))));
    }
    if let Some(example) = statement.example.as_ref().filter(|_| statement.actions.len() != 1) {
        let _ = writeln!(
            out,
            "      {}",
            color.faint(&clean(&format!("such as {} on {}", example.action, example.resource)))
        );
    }
}

fn some(items: &[String]) -> String {
    let shown: Vec<&str> = items.iter().take(NAMED).map(String::as_str).collect();
    let more = items.len().saturating_sub(NAMED);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
