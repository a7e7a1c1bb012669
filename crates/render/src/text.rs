//! Plain-text building blocks.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// `text` without terminal control characters: each becomes `\u{..}`, so that nothing in a log can move a
/// cursor, recolour or retitle the terminal of whoever reads it. Bidirectional overrides go the same way,
/// since they reorder what is read.
///
/// ```
/// assert_eq!(whittle_render::text::clean("a\u{1b}[31mb"), "a\\u{1b}[31mb");
/// ```
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let bidirectional =
            matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || bidirectional {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

/// A table without borders: one heading row, columns separated by two spaces; the columns in `right` are
/// right-aligned.
pub fn table(heading: &[&str], rows: &[Vec<String>], right: &[usize], width: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    // Without a width the table takes the room that it needs: the same bytes in a pipe and in a file.
    table.set_width(width.unwrap_or(400));
    table.set_header(heading);
    for row in rows {
        table.add_row(row);
    }
    for index in right {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut out = String::new();
    for line in table.to_string().lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The last part of an ARN: the function's or the role's name.
pub fn short_name(arn: &str) -> &str {
    let after_colon = arn.rsplit(':').next().unwrap_or(arn);
    after_colon.rsplit('/').next().unwrap_or(after_colon)
}
