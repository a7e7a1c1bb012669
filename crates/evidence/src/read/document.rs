//! From the text of a file to records: which shape, and one pass over it.

use std::fmt;
use std::ops::ControlFlow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::report::{FileKind, FileReport, IssueKind, RecordOrigin};
use super::{Prefilter, RecordRef};
use crate::record::{Classified, OddFields, RawRecord, RecordFault, Seed, SkipReason, classify};

/// The visits of values that are neither objects nor arrays, which all give the same.
macro_rules! scalars_are {
    ($value:expr) => {
        scalars_are!($value; visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64, visit_str &str);

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
    ($value:expr; $($visit:ident $of:ty),*) => {$(
        fn $visit<E: Error>(self, _: $of) -> Result<Self::Value, E> {
            Ok($value)
        }
    )*};
}

/// Reads one file's text. Owns the report until the end.
pub(super) struct DocumentReader<'s> {
    report: FileReport,
    prefilter: Option<Prefilter<'s>>,
    sink: &'s mut dyn FnMut(RecordRef<'_, '_>),
    /// Index of the next element.
    index: u64,
    /// Elements below this index were handed on by an earlier pass over the same document.
    resume_at: u64,
}

/// Way to take the elements of an array.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Parse each in place: one scan, but a broken record ends it.
    Direct,
    /// Cut each out first: two scans, and a broken record is only itself.
    Apart,
}

impl<'s> DocumentReader<'s> {
    pub(super) fn new(
        report: FileReport,
        prefilter: Option<Prefilter<'s>>,
        sink: &'s mut dyn FnMut(RecordRef<'_, '_>),
    ) -> Self {
        Self { report, prefilter, sink, index: 0, resume_at: 0 }
    }

    pub(super) fn read(mut self, text: &str) -> FileReport {
        let body = text.trim();
        if body.is_empty() {
            self.report.kind = FileKind::Empty;
            // Nothing came out of a damaged file: that issue is there already.
            if self.report.issues.is_empty() {
                self.report.issue(None, IssueKind::Empty, "");
            }
        } else if is_lines(body) {
            self.report.kind = FileKind::Lines;
            self.read_lines(body);
        } else if body.starts_with(['{', '[']) {
            self.read_documents(body, None);
        } else {
            self.report.kind = FileKind::NotJson;
            self.report.issue(None, IssueKind::NotJson, "neither JSON nor gzip");
        }
        self.report
    }

    fn read_lines(&mut self, body: &str) {
        for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.read_documents(line, Some(FileKind::Lines));
        }
    }

    /// Reads the JSON documents that stand one after another in `body`: usually one.
    ///
    /// In lines (`lines` is set) a document that cannot be read is an unreadable record; otherwise it ends
    /// the file.
    fn read_documents(&mut self, body: &str, lines: Option<FileKind>) {
        let mut rest = body;
        let mut documents = 0_u64;
        while !rest.is_empty() {
            match self.read_document(rest, lines) {
                ControlFlow::Continue(read) => rest = rest.get(read..).unwrap_or_default().trim_start(),
                ControlFlow::Break(()) => return,
            }
            documents += 1;
        }
        if documents > 1 {
            self.report.kind = FileKind::Lines;
        }
    }

    /// Reads one document at the start of `text`; its length, or that nothing after it can be read.
    fn read_document(&mut self, text: &str, lines: Option<FileKind>) -> ControlFlow<(), usize> {
        if let Some(kind) = lines
            && self.prefilter.is_none()
            && let Some(length) = self.read_plain_line(text)
        {
            self.report.kind = kind;
            return ControlFlow::Continue(length);
        }
        let start = self.index;
        let first = if self.prefilter.is_some() { Pass::Apart } else { Pass::Direct };
        self.resume_at = start;
        let mut outcome = self.pass(text, first, lines);
        if outcome.is_err() && first == Pass::Direct && self.index > start {
            // Some records were handed on: take those after them apart.
            self.resume_at = self.index;
            self.index = start;
            outcome = self.pass(text, Pass::Apart, lines);
        } else if outcome.is_err() && first == Pass::Direct {
            outcome = self.pass(text, Pass::Apart, lines);
        }
        match outcome {
            Ok(length) => ControlFlow::Continue(length),
            Err(error) => {
                self.broken(&error, lines.is_some());
                ControlFlow::Break(())
            }
        }
    }

    /// Reads a document that is one object without an array of records, in one scan; `None` if it is anything
    /// else.
    fn read_plain_line(&mut self, text: &str) -> Option<usize> {
        let mut odd = OddFields::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let seed = Seed::<Option<RawRecord<'_>>>::new("record", &mut odd);
        let raw = seed.deserialize(&mut deserializer).ok()??;
        if raw.records.0 {
            return None;
        }
        let index = self.next_index();
        self.take(index, raw, odd);
        Some(deserializer.into_iter::<IgnoredAny>().byte_offset())
    }

    fn broken(&mut self, error: &serde_json::Error, is_line: bool) {
        if is_line {
            let index = self.next_index();
            self.report.unreadable(index, &RecordFault::Json(error.to_string()));
        } else {
            let kind = if error.is_eof() { IssueKind::Truncated } else { IssueKind::BrokenJson };
            self.report.issue(None, kind, error.to_string());
        }
    }

    /// One pass over one document; the length read.
    fn pass(&mut self, text: &str, pass: Pass, lines: Option<FileKind>) -> Result<usize, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let seen = DocumentSeed { reader: self, pass }.deserialize(&mut deserializer)?;
        let length = deserializer.into_iter::<IgnoredAny>().byte_offset();
        let kind = match seen {
            DocumentShape::Elements(kind) => kind,
            DocumentShape::Object => {
                self.take_text(text.get(..length).unwrap_or_default());
                FileKind::Single
            }
            DocumentShape::Other => {
                let index = self.next_index();
                self.report.unreadable(index, &RecordFault::NotAnObject);
                FileKind::NotJson
            }
        };
        self.report.kind = lines.unwrap_or(kind);
        Ok(length)
    }

    fn next_index(&mut self) -> u64 {
        let index = self.index;
        self.index += 1;
        index
    }

    /// Takes one object as JSON text: the prefilter applies, and any fault is only its own.
    fn take_text(&mut self, text: &str) {
        let index = self.next_index();
        if index < self.resume_at {
            return;
        }
        if self.prefilter.is_some_and(|wanted| !wanted(text)) {
            self.report.prefiltered += 1;
            return;
        }
        match RawRecord::parse(text) {
            Ok((raw, odd)) => self.take(index, raw, odd),
            Err(fault) => self.report.unreadable(index, &fault),
        }
    }

    /// Takes one parsed object: a record, or what wraps one.
    fn take(&mut self, index: u64, raw: RawRecord<'_>, odd: OddFields) {
        if !raw.is_event_like() {
            if let Some(detail) = raw.detail {
                return self.take_wrapped(index, detail.get(), RecordOrigin::Other);
            }
            if let Some(event) = &raw.lookup_event {
                return self.take_wrapped(index, event, RecordOrigin::EventHistory);
            }
            if self.report.kind == FileKind::LookupEvents {
                return self.report.unreadable(index, &RecordFault::MissingField("CloudTrailEvent"));
            }
        }
        let origin = match self.report.kind {
            FileKind::Records => RecordOrigin::TrailFile,
            FileKind::Array | FileKind::Lines => RecordOrigin::Export,
            _ => RecordOrigin::Other,
        };
        self.hand_on(index, raw, odd, origin);
    }

    fn hand_on(&mut self, index: u64, raw: RawRecord<'_>, odd: OddFields, origin: RecordOrigin) {
        match classify(raw, odd) {
            Ok(Classified::Record(record)) => {
                if !record.odd_fields.is_empty() {
                    self.report.issue(Some(index), IssueKind::OddField, record.odd_fields.join(", "));
                }
                self.report.records += 1;
                (self.sink)(RecordRef { index, origin, record: &record });
            }
            Ok(Classified::Skipped(reason)) => self.report.skip(reason),
            Err(fault) => self.report.unreadable(index, &fault),
        }
    }

    /// Takes the record inside an EventBridge event or an entry of LookupEvents.
    fn take_wrapped(&mut self, index: u64, text: &str, origin: RecordOrigin) {
        self.report.has_envelopes = true;
        let is_envelope = origin == RecordOrigin::Other;
        match RawRecord::parse(text) {
            // EventBridge carries events of all services; only CloudTrail's have the fields of a record.
            Ok((raw, _)) if is_envelope && (raw.event_name.is_none() || raw.event_source.is_none()) => {
                self.report.skip(SkipReason::NotCloudTrail);
            }
            Ok((raw, odd)) => self.hand_on(index, raw, odd, origin),
            Err(RecordFault::NotAnObject) if is_envelope => self.report.skip(SkipReason::NotCloudTrail),
            Err(fault) => self.report.unreadable(index, &fault),
        }
    }
}

/// True if the text is one JSON object a line: the first line is a whole object and more follow, or the first
/// line is broken and one of the next is a whole object.
fn is_lines(body: &str) -> bool {
    let mut lines = body.lines().map(str::trim).filter(|line| !line.is_empty());
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return false };
    let is_object = |line: &str| line.len() > 2 && line.starts_with('{') && line.ends_with('}');
    if is_object(first) && (second.starts_with('{') || serde_json::from_str::<IgnoredAny>(first).is_ok()) {
        return true;
    }
    // A document over several lines opens something at the end of its first line.
    let opens = first.starts_with('[') || first.ends_with(['{', '[', ',']);
    !opens && std::iter::once(second).chain(lines.take(8)).any(is_object)
}

/// Shape of a document.
enum DocumentShape {
    /// An array of elements was found and taken.
    Elements(FileKind),
    /// An object without such an array.
    Object,
    /// A string, number and so on.
    Other,
}

struct DocumentSeed<'r, 's> {
    reader: &'r mut DocumentReader<'s>,
    pass: Pass,
}

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_, '_> {
    type Value = DocumentShape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<DocumentShape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_, '_> {
    type Value = DocumentShape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DocumentShape, A::Error> {
        let mut seen = DocumentShape::Object;
        while let Some(key) = map.next_key::<DocumentKey>()? {
            let kind = match key {
                DocumentKey::Records => FileKind::Records,
                DocumentKey::Events => FileKind::LookupEvents,
                DocumentKey::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let reader = &mut *self.reader;
            reader.report.kind = kind;
            if map.next_value_seed(ElementsSeed { reader, pass: self.pass })? {
                seen = DocumentShape::Elements(kind);
            }
        }
        Ok(seen)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<DocumentShape, A::Error> {
        self.reader.report.kind = FileKind::Array;
        ElementsSeed { reader: self.reader, pass: self.pass }.visit_seq(seq)?;
        Ok(DocumentShape::Elements(FileKind::Array))
    }

    scalars_are!(DocumentShape::Other);
}

#[derive(serde::Deserialize)]
#[serde(field_identifier)]
enum DocumentKey {
    Records,
    Events,
    #[serde(other)]
    Other,
}

/// Takes the elements of an array; `false` if the value is no array.
struct ElementsSeed<'r, 's> {
    reader: &'r mut DocumentReader<'s>,
    pass: Pass,
}

impl<'de> DeserializeSeed<'de> for ElementsSeed<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ElementsSeed<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let reader = self.reader;
        match self.pass {
            Pass::Apart => {
                while let Some(raw) = seq.next_element::<&RawValue>()? {
                    reader.take_text(raw.get());
                }
            }
            Pass::Direct => loop {
                let mut odd = OddFields::default();
                let Some(raw) = seq.next_element_seed(Seed::<Option<RawRecord<'de>>>::new("record", &mut odd))? else {
                    break;
                };
                let index = reader.next_index();
                match raw {
                    Some(raw) => reader.take(index, raw, odd),
                    None => reader.report.unreadable(index, &RecordFault::NotAnObject),
                }
            },
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    scalars_are!(false);
}
