//! The bytes of a file as text with positions, and the errors that refuse a whole file.

use std::fmt;

/// Largest template that is read, in bytes: CloudFormation takes 1 MB (AWS CloudFormation User Guide,
/// "Understand CloudFormation quotas").
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A half-open range of bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// True if `other` lies inside.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// A place in a file, both counted from one; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePosition {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// More than [`MAX_BYTES`].
    #[error("the file has {bytes} bytes; templates of more than {MAX_BYTES} are not read")]
    TooLarge {
        /// Size of the file.
        bytes: usize,
    },
    /// The text is not UTF-8.
    #[error("the file is not UTF-8: byte {offset} (line {line}) is not part of a character")]
    NotUtf8 {
        /// Byte offset.
        offset: usize,
        /// Line.
        line: usize,
    },
    /// A tab indents a line of YAML.
    #[error("{0}: a tab is used for indentation, which YAML forbids")]
    Tab(FilePosition),
    /// Not YAML, JSON or HCL.
    #[error("{place}: {message}")]
    Syntax {
        /// The place that the reason is about.
        place: FilePosition,
        /// The parser's message.
        message: String,
    },
    /// Nested too deep.
    #[error("{0}: nested more than {MAX_DEPTH} deep")]
    TooDeep(FilePosition),
    /// A mapping repeats a key.
    #[error("{place}: the key `{key}` is there twice, first on line {first_line}")]
    DuplicateKey {
        /// Where the second one is.
        place: FilePosition,
        /// The key.
        key: String,
        /// Line of the first.
        first_line: usize,
    },
    /// More than one YAML document.
    #[error("{0}: a second document begins here; a template is one document")]
    ManyDocuments(FilePosition),
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// No `Resources` mapping.
    #[error("this is not a CloudFormation or SAM template: {0}")]
    NotATemplate(&'static str),
}

/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 100;

impl ReadError {
    /// Advice for the user.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotUtf8 { .. } => Some("save the file as UTF-8"),
            Self::Tab(_) => Some("indent with spaces"),
            Self::DuplicateKey { .. } => Some("CloudFormation keeps only one of them; remove the other"),
            Self::ManyDocuments(_) => Some("split the file"),
            _ => None,
        }
    }
}

/// Text of a file, without a byte order mark.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    text: &'a str,
    /// A byte order mark stands before `text`; part of the file, never edited.
    has_mark: bool,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    /// Decodes a file.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ReadError> {
        if bytes.len() > MAX_BYTES {
            return Err(ReadError::TooLarge { bytes: bytes.len() });
        }
        let whole = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().fold(1, |line, byte| line + usize::from(*byte == b'\n'));
            ReadError::NotUtf8 { offset: error.valid_up_to(), line }
        })?;
        let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Ok(Self { text, has_mark: text.len() < whole.len(), line_starts })
    }

    /// The text. Every [`Span`] counts from its start.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The bytes of a file with another text: behind a byte order mark, if this file has one.
    pub fn file_of(&self, text: &str) -> Vec<u8> {
        let mark = if self.has_mark { "\u{feff}" } else { "" };
        [mark.as_bytes(), text.as_bytes()].concat()
    }

    /// The text of a span; empty for one that is not on character boundaries.
    pub fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// Line and column of a byte.
    pub fn place(&self, offset: usize) -> FilePosition {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_start(offset);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        FilePosition { line, column }
    }

    /// First byte of the line that holds `offset`.
    pub fn line_start(&self, offset: usize) -> usize {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        line.checked_sub(1).and_then(|index| self.line_starts.get(index)).copied().unwrap_or(0)
    }

    /// The end of the line that holds `offset`, without its line break.
    pub fn line_end(&self, offset: usize) -> usize {
        let rest = self.text.get(offset..).unwrap_or_default();
        let end = rest.find('\n').map_or(self.text.len(), |at| offset + at);
        if self.text.get(..end).is_some_and(|before| before.ends_with('\r')) && end > offset { end - 1 } else { end }
    }

    /// The end of the line that holds `offset`, with its line break.
    pub fn next_line(&self, offset: usize) -> usize {
        let rest = self.text.get(offset..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |at| offset + at + 1)
    }

    /// Columns before the first character of the line that holds `offset` that is no space (or, in JSON,
    /// tab).
    pub fn indentation(&self, offset: usize) -> usize {
        let start = self.line_start(offset);
        let line = self.text.get(start..).unwrap_or_default();
        line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
    }

    /// Columns (bytes) between the start of the line and `offset`.
    pub fn column(&self, offset: usize) -> usize {
        offset.saturating_sub(self.line_start(offset))
    }

    /// The line break of the line at `offset`, else the first one of the file.
    pub fn newline(&self, offset: usize) -> &'static str {
        let end = self.next_line(offset);
        let line = self.text.get(..end).unwrap_or_default();
        let crlf = if line.ends_with('\n') {
            line.ends_with("\r\n")
        } else {
            self.text.find('\n').is_some_and(|at| self.text.get(..at).is_some_and(|before| before.ends_with('\r')))
        };
        if crlf { "\r\n" } else { "\n" }
    }

    /// True if the text is JSON, by its first character.
    pub fn is_json(&self) -> bool {
        self.text.trim_start().starts_with('{')
    }
}
