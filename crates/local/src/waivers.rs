//! The waivers file: accepted findings, in TOML, beside the code that they are about.
//!
//! ```toml
//! [[waiver]]
//! fingerprint = "5b1c9a2f40d37e86"
//! owner = "team-shop"
//! reason = "the split is planned, SHOP-231"
//! until = "2027-03-31"
//! ```
//!
//! Reading is strict: a waiver that is not understood accepts nothing, and says so with its line. Writing
//! keeps what is there as it is, comments and order too, and replaces the file in one step.

use std::path::Path;

use toml_edit::{ArrayOfTables, Document, DocumentMut, Item, Table, value};
use whittle_analysis::gate::Waiver;
use whittle_pipeline::ports::{PortError, PortErrorKind};

const FIELDS: [&str; 4] = ["fingerprint", "owner", "reason", "until"];

/// All waivers of a file, in order.
pub fn read(path: &Path) -> Result<Vec<Waiver>, PortError> {
    let text = std::fs::read_to_string(path).map_err(|error| invalid(path, "cannot be read", "").with_source(error))?;
    parse(&text).map_err(|(line, message)| {
        invalid(
            path,
            &format!("line {line}: {message}"),
            "each [[waiver]] has fingerprint, owner, reason, until (YYYY-MM-DD)",
        )
    })
}

/// Adds a waiver, or changes the one of the same finding. `about` becomes a comment. Gives whether it was
/// added.
pub fn write(path: &Path, waiver: &Waiver, about: Option<&str>) -> Result<bool, PortError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(invalid(path, "cannot be read", "").with_source(error)),
    };
    let (changed, added) = edit(&text, waiver, about)
        .map_err(|message| invalid(path, &message, "mend the file first; nothing was written"))?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    std::fs::write(&beside, changed)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| invalid(path, "cannot be written", "").with_source(error))?;
    Ok(added)
}

fn invalid(path: &Path, message: &str, hint: &str) -> PortError {
    let error = PortError::new(PortErrorKind::Invalid, format!("waivers file `{}`: {message}", path.display()));
    if hint.is_empty() { error } else { error.with_hint(hint) }
}

fn parse(text: &str) -> Result<Vec<Waiver>, (u32, String)> {
    let line_at = |offset: usize| {
        let before = text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    };
    let line_of = |item: &Item| item.span().map_or(1, |span| line_at(span.start));
    let document = Document::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(span.start));
        (line, error.message().to_owned())
    })?;
    let mut out = Vec::new();
    for (key, item) in document.as_table() {
        if key != "waiver" {
            return Err((line_of(item), format!("`{key}` is not known; only [[waiver]] is")));
        }
        let Some(tables) = item.as_array_of_tables() else {
            return Err((line_of(item), "`waiver` is not a list: write [[waiver]]".to_owned()));
        };
        for table in tables {
            let line = table.span().map_or(1, |span| line_at(span.start));
            out.push(waiver(table, line).map_err(|(item, message)| (item.map_or(line, line_of), message))?);
        }
    }
    Ok(out)
}

fn waiver(table: &Table, line: u32) -> Result<Waiver, (Option<&Item>, String)> {
    for (key, item) in table {
        if !FIELDS.contains(&key) {
            return Err((Some(item), format!("`{key}` is not known; a waiver has {}", FIELDS.join(", "))));
        }
        // What is wrong comes before what is missing: it has a line.
        if item.as_str().is_none() && !(key == "until" && item.as_datetime().is_some()) {
            return Err((Some(item), format!("`{key}` is no text: put it in quotes")));
        }
    }
    let text = |name: &str| -> Result<&str, (Option<&Item>, String)> {
        let item = table.get(name).ok_or_else(|| (None, format!("the waiver has no `{name}`")))?;
        let text = item.as_str().map(str::trim).filter(|text| !text.is_empty());
        text.ok_or_else(|| (Some(item), format!("`{name}` is empty")))
    };
    // A bare TOML date is as good as one in quotes.
    let until = match table.get("until").and_then(Item::as_datetime) {
        Some(date) => date.to_string(),
        None => text("until")?.to_owned(),
    };
    let until = until.parse().map_err(|_| (table.get("until"), format!("`{until}` is no date")))?;
    Ok(Waiver {
        fingerprint: text("fingerprint")?.to_ascii_lowercase(),
        owner: text("owner")?.to_owned(),
        reason: text("reason")?.to_owned(),
        until,
        line,
    })
}

fn edit(text: &str, waiver: &Waiver, about: Option<&str>) -> Result<(String, bool), String> {
    parse(text).map_err(|(line, message)| format!("line {line}: {message}"))?;
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let tables = document
        .entry("waiver")
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .ok_or_else(|| "`waiver` is not a list".to_owned())?;
    let same = |table: &Table| {
        let own = table.get("fingerprint").and_then(Item::as_str);
        own.is_some_and(|own| own.eq_ignore_ascii_case(&waiver.fingerprint))
    };
    let known = tables.iter_mut().find(|table| same(table));
    let added = known.is_none();
    if let Some(table) = known {
        fill(table, waiver);
    } else {
        let mut table = Table::new();
        fill(&mut table, waiver);
        let gap = if text.trim().is_empty() { "" } else { "\n" };
        let comment = about.map(|about| format!("# {about}\n")).unwrap_or_default();
        table.decor_mut().set_prefix(format!("{gap}{comment}"));
        tables.push(table);
    }
    let mut out = document.to_string();
    if text.contains("\r\n") {
        out = out.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    // What was written must say what was asked for.
    let read = parse(&out).map_err(|(line, message)| format!("line {line}: {message}"))?;
    let held = read.iter().any(|own| {
        (&own.fingerprint, &own.owner, &own.reason, own.until)
            == (&waiver.fingerprint, &waiver.owner, &waiver.reason, waiver.until)
    });
    if held { Ok((out, added)) } else { Err("the change cannot be made without damage".to_owned()) }
}

fn fill(table: &mut Table, waiver: &Waiver) {
    let texts = [waiver.fingerprint.clone(), waiver.owner.clone(), waiver.reason.clone(), waiver.until.to_string()];
    for (field, text) in FIELDS.iter().zip(texts) {
        match table.get_mut(field).and_then(Item::as_value_mut) {
            // The space around a value and a comment behind it belong to the file's author.
            Some(old) => {
                let decor = old.decor().clone();
                *old = text.into();
                *old.decor_mut() = decor;
            }
            None => {
                table.insert(field, value(text));
            }
        }
    }
}

#[cfg(test)]
mod tests;
