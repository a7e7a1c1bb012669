//! What a template would change about the roles of an account.

use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::issue::Issue;
use whittle_analysis::proposal::compare::Piece;
use whittle_analysis::result::SCHEMA_VERSION;

use crate::check::Location;
use crate::style::Color;
use crate::text::{clean, short_name};

/// Actions and resources that are named one by one.
const NAMED: usize = 6;

/// A template held against an account.
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
    /// What could not be compared.
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
    /// What the template would allow more.
    pub more: Vec<Located>,
    /// What the account allows and the template would not.
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

/// A statement and where it is in the template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Located {
    /// The statement.
    #[serde(flatten)]
    pub piece: Piece,
    /// Its place; `None` for one of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl TemplateDifference {
    /// Nothing compared yet.
    pub fn new(template: String, account: String) -> Self {
        Self { schema_version: SCHEMA_VERSION, template, account, roles: Vec::new(), notes: Vec::new() }
    }
}

/// One JSON document, final newline.
pub fn json(difference: &TemplateDifference) -> Result<String, serde_json::Error> {
    Ok(format!("{}\n", serde_json::to_string_pretty(difference)?))
}

/// A role a line.
pub fn ndjson(difference: &TemplateDifference) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Line<'a> {
        schema_version: u32,
        kind: &'static str,
        #[serde(flatten)]
        role: &'a RoleDifference,
    }
    let mut out = String::new();
    for role in &difference.roles {
        out.push_str(&serde_json::to_string(&Line { schema_version: SCHEMA_VERSION, kind: "role", role })?);
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
        for (sign, pieces) in [('+', &role.more), ('-', &role.less)] {
            for located in pieces {
                piece(sign, located, color, &mut out);
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

fn piece(sign: char, located: &Located, color: Color, out: &mut String) {
    let piece = &located.piece;
    let sign = if piece.certain { sign } else { '?' };
    let place = match &located.location {
        Some(place) => format!("{}:{}, {}/{}", place.path, place.line, piece.policy, piece.statement),
        None => format!("today in {}/{}", piece.policy, piece.statement),
    };
    // What several statements allow together, no list of actions of one tells.
    let actions = if piece.actions.is_empty() { "some resources".to_owned() } else { some(&piece.actions) };
    let _ = writeln!(out, "  {sign} {} on {}", clean(&actions), clean(&some(&piece.resources)));
    let _ = writeln!(out, "      {}", color.faint(&clean(&place)));
    if let Some(reason) = &piece.unknown {
        let _ = writeln!(out, "      {}", color.faint(&clean(&format!("not known: {reason}"))));
    }
    if let Some(example) = piece.example.as_ref().filter(|_| piece.actions.len() != 1) {
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
