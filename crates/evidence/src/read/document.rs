//! From the text of a file to records: which shape, and one pass over it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::report::{FileKind, FileReport, IssueKind, RecordOrigin};
use super::table::Table;
use super::{Limits, Prefilter, RecordRef};
use crate::attribute::missing_identity;
use crate::record::{Classified, OddFields, RawRecord, RecordFault, Seed, SkipReason, Text, classify, mend};

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
    pub(super) report: FileReport,
    prefilter: Option<Prefilter<'s>>,
    sink: &'s mut dyn FnMut(RecordRef<'_, '_>),
    /// Index of the next object.
    index: u64,
    /// Position of the next element in this document.
    element: u64,
    /// Elements of this document below this position were dealt with by an earlier pass.
    done: u64,
    /// Bytes that compressed envelopes inside the file may still inflate to.
    pub(super) inflate_left: usize,
}

/// Way to take the elements of an array.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Parse each in place: one scan, but whatever is no plain record ends it.
    Direct,
    /// Cut each out first: two scans, and a broken record is only itself.
    Apart,
}

impl<'s> DocumentReader<'s> {
    pub(super) fn new(
        report: FileReport,
        limits: &Limits,
        prefilter: Option<Prefilter<'s>>,
        sink: &'s mut dyn FnMut(RecordRef<'_, '_>),
    ) -> Self {
        Self { report, prefilter, sink, index: 0, element: 0, done: 0, inflate_left: limits.max_inflated_bytes }
    }

    pub(super) fn read(mut self, text: &str) -> FileReport {
        let body = text.trim();
        if body.is_empty() {
            self.report.kind = FileKind::Empty;
            // Nothing came out of a damaged file: that issue is there already.
            if self.report.issues.is_empty() {
                self.report.issue(None, IssueKind::Empty, "");
            }
        } else if let Some(table) = Table::of(body) {
            self.report.kind = FileKind::Table;
            self.read_table(table);
        } else if is_lines(body) {
            self.report.kind = FileKind::Lines;
            self.read_lines(body);
        } else if body.starts_with(['{', '[']) || serde_json::from_str::<IgnoredAny>(body).is_ok() {
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
        // `mend` changes no offset, so a document that it helps is read on where the first try ended.
        let mut mended = None;
        let (mut at, mut documents) = (0, 0_u64);
        self.done = 0;
        loop {
            let text = mended.as_deref().unwrap_or(body).get(at..).unwrap_or_default();
            let rest = text.trim_start();
            at += text.len() - rest.len();
            if rest.is_empty() {
                break;
            }
            match self.read_document(rest, lines) {
                Ok(read) => {
                    at += read;
                    documents += 1;
                    self.done = 0;
                }
                Err(error) => match mend(body) {
                    Cow::Owned(text) if mended.is_none() => mended = Some(text),
                    _ => return self.broken(&error, lines.is_some()),
                },
            }
        }
        if documents > 1 {
            self.report.kind = FileKind::Lines;
        }
    }

    /// Reads one document at the start of `text`; its length, or why nothing after it can be read.
    fn read_document(&mut self, text: &str, lines: Option<FileKind>) -> Result<usize, serde_json::Error> {
        let is_first = self.done == 0 && self.prefilter.is_none();
        if let Some(kind) = lines
            && is_first
            && let Some(length) = self.read_plain_line(text)
        {
            self.report.kind = kind;
            return Ok(length);
        }
        if is_first && let Ok(length) = self.pass(text, Pass::Direct, lines) {
            return Ok(length);
        }
        self.pass(text, Pass::Apart, lines)
    }

    /// Reads a document that is one plain record, in one scan; `None` if it is anything else.
    fn read_plain_line(&mut self, text: &str) -> Option<usize> {
        let mut odd = OddFields::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let seed = Seed::<Option<RawRecord<'_>>>::new("record", &mut odd);
        let raw = seed.deserialize(&mut deserializer).ok()??;
        if raw.records.0 || !raw.is_plain() {
            return None;
        }
        self.report.kind = FileKind::Lines;
        self.hand_on(raw, odd, RecordOrigin::Export);
        Some(deserializer.into_iter::<IgnoredAny>().byte_offset())
    }

    fn broken(&mut self, error: &serde_json::Error, is_line: bool) {
        if is_line {
            self.refuse(&RecordFault::Json(error.to_string()), IssueKind::LostRecord);
        } else {
            let kind = if error.is_eof() { IssueKind::Truncated } else { IssueKind::BrokenJson };
            self.report.issue(None, kind, error.to_string());
        }
    }

    /// One pass over one document; the length read.
    fn pass(&mut self, text: &str, pass: Pass, lines: Option<FileKind>) -> Result<usize, serde_json::Error> {
        self.element = 0;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let seen = DocumentSeed { reader: self, pass }.deserialize(&mut deserializer)?;
        let length = deserializer.into_iter::<IgnoredAny>().byte_offset();
        let kind = seen.unwrap_or(FileKind::Single);
        self.report.kind = lines.unwrap_or(kind);
        if seen.is_none() {
            self.take_element(text.get(..length).unwrap_or_default());
        }
        Ok(length)
    }

    fn next_index(&mut self) -> u64 {
        let index = self.index;
        self.index += 1;
        index
    }

    /// Moves past one element; `false` if an earlier pass dealt with it.
    fn enter_element(&mut self) -> bool {
        self.element += 1;
        let is_new = self.element > self.done;
        self.done = self.done.max(self.element);
        is_new
    }

    /// Takes one element as JSON text: the prefilter applies, and any fault is only its own.
    fn take_element(&mut self, text: &str) {
        if self.enter_element() {
            self.take(text);
        }
    }

    fn take(&mut self, text: &str) {
        if self.is_held_back(text) {
            return;
        }
        match RawRecord::parse(text) {
            Ok((raw, odd)) if self.is_direct(&raw) => self.take_direct(raw, odd),
            Err(RecordFault::Json(_)) if let Cow::Owned(mended) = mend(text) => self.take(&mended),
            Err(fault @ RecordFault::Json(_)) => self.refuse(&fault, IssueKind::LostRecord),
            _ => self.open(text),
        }
    }

    /// True if the object needs no second look at its text.
    fn is_direct(&self, raw: &RawRecord<'_>) -> bool {
        raw.is_plain()
            || raw.lookup_event.is_some()
            || self.report.kind == FileKind::LookupEvents && raw.detail.is_none() && !raw.is_event_like()
    }

    /// Takes a record, or an entry of LookupEvents.
    fn take_direct(&mut self, raw: RawRecord<'_>, odd: OddFields) {
        if raw.is_plain() {
            let origin = match self.report.kind {
                FileKind::Records => RecordOrigin::TrailFile,
                FileKind::Array | FileKind::Lines => RecordOrigin::Export,
                _ => RecordOrigin::Other,
            };
            return self.hand_on(raw, odd, origin);
        }
        self.report.has_envelopes = true;
        let missing = RecordFault::MissingField("CloudTrailEvent");
        let Some(event) = &raw.lookup_event else { return self.refuse(&missing, IssueKind::UnreadableRecord) };
        let event = match RawRecord::parse(event) {
            Err(RecordFault::Json(_)) => mend(event),
            _ => Cow::Borrowed(&**event),
        };
        match RawRecord::parse(&event) {
            Ok((raw, odd)) => self.hand_on(raw, odd, RecordOrigin::EventHistory),
            // An entry whose event is no event is an entry without its event.
            Err(_) => self.refuse(&missing, IssueKind::UnreadableRecord),
        }
    }

    /// Hands a record to the sink, or says why not.
    pub(super) fn hand_on(&mut self, raw: RawRecord<'_>, odd: OddFields, origin: RecordOrigin) {
        let kind = kind_of_loss(&raw);
        let is_history = origin == RecordOrigin::EventHistory;
        // Programs that index records add a time of their own; some drop the one of the event.
        let is_indexed = raw.event_time.is_none() && !is_history;
        self.report.has_envelopes |= is_indexed;
        let origin = if is_indexed { RecordOrigin::Other } else { origin };
        match classify(raw, odd) {
            Ok(Classified::Record(record)) => {
                let index = self.next_index();
                if !record.odd_fields.is_empty() {
                    self.report.issue(Some(index), IssueKind::OddField, record.odd_fields.join(", "));
                }
                if let Some(field) = missing_identity(&record) {
                    self.report.issue(Some(index), IssueKind::NoIdentity, RecordFault::MissingField(field).to_string());
                }
                self.report.records += 1;
                (self.sink)(RecordRef { index, origin, record: &record });
            }
            Ok(Classified::Skipped(reason)) => self.skip(reason),
            Err(fault) if is_history => {
                // A page of event history stays whole: the entry lacks its event, and that is said of it.
                let is_lost = kind == IssueKind::LostRecord || matches!(fault, RecordFault::DamagedName(_));
                let fault = if is_lost { RecordFault::MissingField("CloudTrailEvent") } else { fault };
                self.refuse(&fault, IssueKind::UnreadableRecord);
            }
            Err(fault @ RecordFault::DamagedName(_)) => self.refuse(&fault, IssueKind::LostRecord),
            Err(fault) => self.refuse(&fault, kind),
        }
    }

    /// True if the prefilter does not want the object; it is then counted.
    pub(super) fn is_held_back(&mut self, text: &str) -> bool {
        let is_held_back = self.prefilter.is_some_and(|wanted| !wanted(text));
        if is_held_back {
            self.next_index();
            self.report.prefiltered += 1;
        }
        is_held_back
    }

    /// Counts an object that is no event of a principal.
    pub(super) fn skip(&mut self, reason: SkipReason) {
        self.next_index();
        self.report.skip(reason);
    }

    /// Counts a record that cannot be used.
    pub(super) fn refuse(&mut self, fault: &RecordFault, kind: IssueKind) {
        let index = self.next_index();
        self.report.unreadable(Some(index), kind, fault.to_string());
    }

    /// Counts an object of a kind that is not known.
    pub(super) fn unknown(&mut self, what: &str) {
        let index = self.next_index();
        let place = (self.report.kind != FileKind::Single).then_some(index);
        self.report.unreadable(place, IssueKind::UnknownShape, what);
    }
}

/// What it means if an object cannot be used: a record of a role is a loss, and what has too little of a
/// record to be one is of an unknown kind.
pub(super) fn kind_of_loss(raw: &RawRecord<'_>) -> IssueKind {
    let identity = &raw.user_identity;
    let names_role =
        |text: &Option<Text<'_>>| text.as_deref().is_some_and(|text| text.contains("AROA") || text.contains("role/"));
    let is_role = identity.session_issuer().is_some()
        || identity.in_scope_of.is_some()
        || matches!(identity.type_.as_deref(), Some("AssumedRole" | "Role"))
        || names_role(&identity.principal_id)
        || names_role(&identity.arn);
    match (is_role, raw.core_fields()) {
        (true, _) => IssueKind::LostRecord,
        (false, 0 | 1) => IssueKind::UnknownShape,
        (false, _) => IssueKind::UnreadableRecord,
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

/// Takes the elements of the arrays of records in a document; the kind of the file, or `None` if there is
/// none.
struct DocumentSeed<'r, 's> {
    reader: &'r mut DocumentReader<'s>,
    pass: Pass,
}

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_, '_> {
    type Value = Option<FileKind>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_, '_> {
    type Value = Option<FileKind>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut seen = None;
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
                seen = Some(kind);
            }
        }
        Ok(seen)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        self.reader.report.kind = FileKind::Array;
        ElementsSeed { reader: self.reader, pass: self.pass }.visit_seq(seq)?;
        Ok(Some(FileKind::Array))
    }

    scalars_are!(None);
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
                    reader.take_element(raw.get());
                }
            }
            Pass::Direct => loop {
                let mut odd = OddFields::default();
                let Some(raw) = seq.next_element_seed(Seed::<Option<RawRecord<'de>>>::new("record", &mut odd))? else {
                    break;
                };
                // The pass that has the text takes whatever this is.
                let Some(raw) = raw.filter(|raw| reader.is_direct(raw)) else {
                    return Err(A::Error::custom("an element is no plain record"));
                };
                reader.enter_element();
                reader.take_direct(raw, odd);
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
