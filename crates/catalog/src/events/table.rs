//! Reads the tables: one row a line, columns separated by tabs, `#` for comments and section heads.

/// One row with the section it stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableRow {
    /// Value of the last `# service: …` line.
    pub service: Option<&'static str>,
    /// Value of the last `# source: …` line.
    pub source: &'static str,
    columns: [&'static str; 8],
    /// Line number from one, for messages of the tests.
    pub line: usize,
}

impl TableRow {
    /// A column from zero; `""` where the row is shorter, and for `-`.
    pub fn column(&self, at: usize) -> &'static str {
        match self.columns.get(at).copied().unwrap_or_default() {
            "-" => "",
            text => text,
        }
    }

    /// The items of a column that lists several by comma.
    pub fn list(&self, at: usize) -> impl Iterator<Item = &'static str> + use<> {
        self.column(at).split(',').map(str::trim).filter(|item| !item.is_empty())
    }
}

/// The rows of a table.
pub(super) fn rows(text: &'static str) -> impl Iterator<Item = TableRow> {
    let mut service = None;
    let mut source = "";
    text.lines().zip(1..).filter_map(move |(text, line)| {
        if let Some(head) = text.strip_prefix("# service: ") {
            service = Some(head.trim());
        }
        if let Some(head) = text.strip_prefix("# source: ") {
            source = head.trim();
        }
        if text.starts_with('#') || text.trim().is_empty() {
            return None;
        }
        let mut columns = [""; 8];
        for (slot, column) in columns.iter_mut().zip(text.split('\t')) {
            *slot = column.trim();
        }
        Some(TableRow { service, source, columns, line })
    })
}
