//! The packed form of the catalog and its reader.
//!
//! File: magic `WCAT`, format number (u32), the lengths of the sections (u32 each, in the order of
//! [`Section`]), the sections. All numbers are little-endian. The file is read where it lies in the program
//! and is not compressed: inflating it took 4 to 6 ms at first use, most of it for touching new memory, in
//! place it takes a tenth of that; release archives and git compress it anyway (to about 300 kB).
//!
//! | section | element | meaning |
//! |---|---|---|
//! | services | 12 bytes | prefix, name (string numbers u16), first action (u32), first resource type, first operation row (u16); one more row closes the ranges |
//! | flags | u8 | per action: access level (bits 0-2), same-named SDK operation (3), its read-only mark (4-5), last accessed support (6-7) |
//! | resources, conditions, dependents | u16 | per action: a list number |
//! | resource types | 6 bytes | name (string), ARN formats (list of strings), condition keys (list of strings) |
//! | operations | 6 bytes | name (string), flags (SDK bit 0, read-only bits 1-2), authorised actions (list of actions) |
//! | list ends | u32 | end of each list in `list items`; list 0 is empty |
//! | list items | u16 | items of all lists, equal lists stored once |
//! | string ends | u32 | end of each string in `text` |
//! | action name lengths | u8 | length of each action's full name |
//! | text | UTF-8 | strings, then the full action names in catalog order |
//!
//! String 0 is the sources as JSON. A resource list holds `position within the service's resource types × 2 +
//! required`. A two-bit mark is 0 unknown, 1 no, 2 yes. An operation has a row only if it is spelled
//! differently from its action, authorises more than the same-named action, or has none; every other
//! operation is bit 3 of its action.
//!
//! INVARIANT: [`Blob::load`] checks every number against the tables that it points into, so the readers below
//! never meet one that is out of range; they answer empty instead of panicking all the same.

mod check;

use std::borrow::Cow;
use std::ops::Range;

use crate::access_level::AccessLevel;

const MAGIC: &[u8; 4] = b"WCAT";
const FORMAT: u32 = 1;
const HEADER_BYTES: usize = 8 + SECTIONS * 4;

#[derive(Debug, Clone, Copy)]
enum Section {
    Services,
    Flags,
    Resources,
    Conditions,
    Dependents,
    ResourceTypes,
    Operations,
    ListEnds,
    ListItems,
    StringEnds,
    ActionNameLengths,
    Text,
}

const SECTIONS: usize = 12;
const SERVICE_BYTES: usize = 12;
const ROW_BYTES: usize = 6;

/// The bytes are no catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes do not start like a catalog.
    #[error("not a catalog file")]
    NotACatalog,
    /// The catalog was written in another format.
    #[error("catalog format {found} is not supported, expected {FORMAT}")]
    Format {
        /// Format number in the file.
        found: u32,
    },
    /// A table does not fit the others.
    #[error("catalog file is damaged: {what}")]
    Damaged {
        /// The table.
        what: &'static str,
    },
}

impl LoadError {
    /// Advice for the user.
    pub fn hint(&self) -> &'static str {
        "write it again with `cargo xtask refresh-catalog`"
    }
}

/// A range of rows that can be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn iter(self) -> Range<u32> {
        self.start..self.end
    }
}

/// One row of the services table, its ranges resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServiceRow {
    pub(crate) prefix: u16,
    pub(crate) name: u16,
    pub(crate) actions: Span,
    pub(crate) resource_types: Span,
    pub(crate) operations: Span,
}

/// One row of the resource types table.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ResourceTypeRow {
    pub(crate) name: u16,
    pub(crate) arn_formats: u16,
    pub(crate) condition_keys: u16,
}

/// One row of the operations table.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OperationRow {
    pub(crate) name: u16,
    pub(crate) flags: u16,
    pub(crate) authorised_by: u16,
}

impl OperationRow {
    pub(crate) fn in_sdk(self) -> bool {
        self.flags & 1 == 1
    }

    pub(crate) fn read_only(self) -> Option<bool> {
        mark((self.flags >> 1) & 3)
    }
}

/// Flags of one action.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActionFlags(u8);

impl ActionFlags {
    pub(crate) fn access_level(self) -> AccessLevel {
        match self.0 & 7 {
            0 => AccessLevel::List,
            1 => AccessLevel::Read,
            2 => AccessLevel::Tagging,
            3 => AccessLevel::Write,
            _ => AccessLevel::PermissionsManagement,
        }
    }

    pub(crate) fn has_operation(self) -> bool {
        self.0 & 8 != 0
    }

    pub(crate) fn operation_read_only(self) -> Option<bool> {
        mark(u16::from(self.0 >> 4) & 3)
    }

    pub(crate) fn last_accessed(self) -> Option<bool> {
        mark(u16::from(self.0 >> 6) & 3)
    }
}

fn mark(bits: u16) -> Option<bool> {
    match bits {
        1 => Some(false),
        2 => Some(true),
        _ => None,
    }
}

/// A catalog file, read in place.
#[derive(Debug)]
pub(crate) struct Blob {
    file: Cow<'static, [u8]>,
    sections: [Range<usize>; SECTIONS],
    text: Cow<'static, str>,
    /// Start of each action's name in the text; one more entry closes the last.
    action_name_starts: Vec<u32>,
    services: Vec<ServiceRow>,
}

impl Blob {
    /// A catalog that knows nothing.
    pub(crate) fn empty() -> Self {
        Self {
            file: Cow::Borrowed(&[]),
            sections: std::array::from_fn(|_| 0..0),
            text: Cow::Borrowed(""),
            action_name_starts: vec![0],
            services: Vec::new(),
        }
    }

    /// Checks a catalog file. Linear in its size.
    pub(crate) fn load(file: Cow<'static, [u8]>) -> Result<Self, LoadError> {
        let sections = sections(&file)?;
        let text = sections.get(Section::Text as usize).cloned().unwrap_or_default();
        let text = match &file {
            Cow::Borrowed(file) => utf8(file, text)?.into(),
            Cow::Owned(file) => utf8(file, text)?.to_owned().into(),
        };
        let mut blob = Self { file, sections, text, action_name_starts: Vec::new(), services: Vec::new() };
        blob.check_strings()?;
        blob.check_lists()?;
        blob.read_services()?;
        blob.check_rows()?;
        Ok(blob)
    }

    pub(crate) fn services(&self) -> &[ServiceRow] {
        &self.services
    }

    pub(crate) fn action_count(&self) -> u32 {
        to_u32(self.bytes(Section::Flags).len())
    }

    pub(crate) fn action_name(&self, action: u32) -> &str {
        let start = self.action_name_starts.get(action as usize);
        let end = self.action_name_starts.get(action as usize + 1);
        start.zip(end).map_or("", |(&start, &end)| self.text.get(start as usize..end as usize).unwrap_or_default())
    }

    pub(crate) fn flags(&self, action: u32) -> ActionFlags {
        ActionFlags(self.bytes(Section::Flags).get(action as usize).copied().unwrap_or_default())
    }

    pub(crate) fn resource_list(&self, action: u32) -> u16 {
        self.u16_at(Section::Resources, action as usize)
    }

    pub(crate) fn condition_list(&self, action: u32) -> u16 {
        self.u16_at(Section::Conditions, action as usize)
    }

    pub(crate) fn dependent_list(&self, action: u32) -> u16 {
        self.u16_at(Section::Dependents, action as usize)
    }

    pub(crate) fn service_of_action(&self, action: u32) -> Option<ServiceRow> {
        let after = self.services.partition_point(|row| row.actions.start <= action);
        self.services.get(after.checked_sub(1)?).copied()
    }

    pub(crate) fn resource_type(&self, index: u32) -> ResourceTypeRow {
        let at = index as usize * 3;
        ResourceTypeRow {
            name: self.u16_at(Section::ResourceTypes, at),
            arn_formats: self.u16_at(Section::ResourceTypes, at + 1),
            condition_keys: self.u16_at(Section::ResourceTypes, at + 2),
        }
    }

    pub(crate) fn operation(&self, index: u32) -> OperationRow {
        let at = index as usize * 3;
        OperationRow {
            name: self.u16_at(Section::Operations, at),
            flags: self.u16_at(Section::Operations, at + 1),
            authorised_by: self.u16_at(Section::Operations, at + 2),
        }
    }

    pub(crate) fn operation_row_count(&self) -> u32 {
        to_u32(self.bytes(Section::Operations).len() / ROW_BYTES)
    }

    pub(crate) fn string(&self, string: u16) -> &str {
        let Range { start, end } = self.between(Section::StringEnds, string);
        self.text.get(start..end).unwrap_or_default()
    }

    /// Items of a list.
    pub(crate) fn list(&self, list: u16) -> impl Iterator<Item = u16> + use<'_> {
        let Range { start, end } = self.between(Section::ListEnds, list);
        let items = self.bytes(Section::ListItems).get(start * 2..end * 2).unwrap_or_default();
        items.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair))
    }

    fn bytes(&self, section: Section) -> &[u8] {
        self.sections.get(section as usize).and_then(|range| self.file.get(range.clone())).unwrap_or_default()
    }

    fn u16_at(&self, section: Section, index: usize) -> u16 {
        let bytes = self.bytes(section).get(index * 2..).and_then(<[u8]>::first_chunk::<2>);
        bytes.map_or(0, |bytes| u16::from_le_bytes(*bytes))
    }

    fn u32_at(&self, section: Section, index: usize) -> Option<u32> {
        let bytes = self.bytes(section).get(index * 4..).and_then(<[u8]>::first_chunk::<4>)?;
        Some(u32::from_le_bytes(*bytes))
    }

    fn between(&self, ends: Section, index: u16) -> Range<usize> {
        let end = self.u32_at(ends, usize::from(index)).unwrap_or_default();
        let start = index.checked_sub(1).and_then(|before| self.u32_at(ends, usize::from(before))).unwrap_or_default();
        start as usize..end as usize
    }
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn utf8(file: &[u8], range: Range<usize>) -> Result<&str, LoadError> {
    let bytes = file.get(range).unwrap_or_default();
    str::from_utf8(bytes).map_err(|_| LoadError::Damaged { what: "text" })
}

/// Finds the sections; together with the header they must fill the file.
fn sections(file: &[u8]) -> Result<[Range<usize>; SECTIONS], LoadError> {
    const DAMAGED: LoadError = LoadError::Damaged { what: "section lengths" };
    let header = file.strip_prefix(MAGIC.as_slice()).ok_or(LoadError::NotACatalog)?;
    let mut numbers = header.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
    match numbers.next() {
        Some(FORMAT) => {}
        Some(found) => return Err(LoadError::Format { found }),
        None => return Err(LoadError::NotACatalog),
    }
    let mut sections = std::array::from_fn(|_| 0..0);
    let mut end = HEADER_BYTES;
    for section in &mut sections {
        let start = end;
        end = start.checked_add(numbers.next().ok_or(DAMAGED)? as usize).ok_or(DAMAGED)?;
        *section = start..end;
    }
    if end == file.len() { Ok(sections) } else { Err(DAMAGED) }
}

#[cfg(test)]
mod tests;
