//! Rows of values below a line of names, as queries and consoles export them (CSV, RFC 4180; tabs as well).
//!
//! A column that holds whole records is read: `eventJson` of CloudTrail Lake, `@message` of CloudWatch Logs,
//! `_raw` of Splunk. Otherwise a row has to give a record by its columns (see [`super::columns`]). Athena
//! writes the identity in a notation of its own, and the console's download of event history leaves it out:
//! such rows are counted, and not read.

use std::borrow::Cow;

/// A text with a line of names that tell of CloudTrail.
pub(super) struct Table<'t> {
    /// The names of the columns.
    pub(super) names: Vec<Cow<'t, str>>,
    /// The rows below them.
    pub(super) rows: Rows<'t>,
}

/// Columns that may hold a whole record.
const WHOLE: &[&str] =
    &["eventjson", "event_json", "eventdata", "event_data", "@message", "message", "_raw", "cloudtrailevent"];

impl<'t> Table<'t> {
    /// The table, if the first line names columns of CloudTrail.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        let first = text.lines().next()?;
        if first.contains(['{', '[']) {
            return None;
        }
        let separator = [b',', b'\t', b';'].into_iter().find(|separator| first.as_bytes().contains(separator));
        let mut rows = Rows { rest: text, separator: separator.unwrap_or(b','), is_cut: false };
        let names = rows.next()?;
        let has = |wanted: &str| {
            names.iter().any(|name| {
                let plain: String = name.chars().filter(|c| !matches!(c, '_' | ' ')).collect();
                plain.eq_ignore_ascii_case(wanted)
            })
        };
        let is_ours = has("eventname") && (has("eventsource") || has("eventtime"))
            || ["eventjson", "eventdata", "@message", "cloudtrailevent"].into_iter().any(has);
        is_ours.then_some(Self { names, rows })
    }

    /// The column that holds whole records.
    pub(super) fn whole_record(&self) -> Option<usize> {
        self.names.iter().position(|name| WHOLE.iter().any(|whole| whole.eq_ignore_ascii_case(name)))
    }
}

/// The rows of a text. Empty lines are none.
pub(super) struct Rows<'t> {
    rest: &'t str,
    separator: u8,
    /// The text ended inside quotes.
    pub(super) is_cut: bool,
}

impl<'t> Iterator for Rows<'t> {
    type Item = Vec<Cow<'t, str>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.trim_start_matches(['\r', '\n']);
        if self.rest.is_empty() {
            return None;
        }
        let mut row = Vec::new();
        loop {
            let (value, after) = value(self.rest, self.separator, &mut self.is_cut);
            row.push(value);
            self.rest = after;
            match self.rest.as_bytes().first() {
                Some(&byte) if byte == self.separator => self.rest = self.rest.get(1..).unwrap_or_default(),
                _ => return Some(row),
            }
        }
    }
}

/// The value at the start of a text, and what follows it: a separator, the end of a line or of the text.
fn value<'t>(text: &'t str, separator: u8, is_cut: &mut bool) -> (Cow<'t, str>, &'t str) {
    let ends = |byte: u8| byte == separator || byte == b'\n' || byte == b'\r';
    let end_of = |text: &str| text.bytes().position(ends).unwrap_or(text.len());
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at_checked(end_of(text)).unwrap_or((text, ""));
        return (Cow::Borrowed(value), rest);
    };
    // Two quotes stand for one.
    let mut at = 0;
    let end = loop {
        match quoted.get(at..).and_then(|rest| rest.find('"')) {
            Some(found) if quoted.as_bytes().get(at + found + 1) == Some(&b'"') => at += found + 2,
            Some(found) => break at + found,
            None => {
                *is_cut = true;
                break quoted.len();
            }
        }
    };
    let value = quoted.get(..end).unwrap_or_default();
    let rest = quoted.get(end + 1..).unwrap_or_default();
    let rest = rest.get(end_of(rest)..).unwrap_or_default();
    let value = if value.contains("\"\"") { Cow::Owned(value.replace("\"\"", "\"")) } else { Cow::Borrowed(value) };
    (value, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_values() {
        let text = "a,\"b\"\r\n\r\n\"x,\"\"y\"\"\n\",\n,\"\"\n\"open";
        let rows: Vec<Vec<String>> = Rows { rest: text, separator: b',', is_cut: false }
            .map(|row| row.iter().map(ToString::to_string).collect())
            .collect();
        assert_eq!(rows, [vec!["a", "b"], vec!["x,\"y\"\n", ""], vec!["", ""], vec!["open"]]);
    }

    #[test]
    fn the_line_of_names_tells_a_table() {
        for text in [
            "\"eventversion\",\"eventtime\",\"eventname\"\n",
            "Event name,Event time,User name",
            "@timestamp\t@message\n",
            "eventJson",
        ] {
            assert!(Table::of(text).is_some(), "{text}");
        }
        for text in ["a,b\nc,d", "{\"eventName\":1,\"eventTime\":2}", "[\"eventJson\"]", "eventname", ""] {
            assert!(Table::of(text).is_none(), "{text}");
        }
    }
}
