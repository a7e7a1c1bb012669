//! Checks of a loaded catalog: every number must point into the table that it means.

use super::{Blob, LoadError, ROW_BYTES, SERVICE_BYTES, Section, ServiceRow, Span, to_u32};

const DAMAGED_STRINGS: LoadError = LoadError::Damaged { what: "strings" };
const DAMAGED_LISTS: LoadError = LoadError::Damaged { what: "lists" };
const DAMAGED_SERVICES: LoadError = LoadError::Damaged { what: "services" };
const DAMAGED_ROWS: LoadError = LoadError::Damaged { what: "rows" };

impl Blob {
    /// Strings and action names must fill the text exactly, cut at character boundaries.
    pub(super) fn check_strings(&mut self) -> Result<(), LoadError> {
        let mut end = 0;
        for next in self.ends(Section::StringEnds) {
            if next < end || !self.text.is_char_boundary(next as usize) {
                return Err(DAMAGED_STRINGS);
            }
            end = next;
        }
        let lengths = self.bytes(Section::ActionNameLengths);
        let mut starts = Vec::with_capacity(lengths.len() + 1);
        for length in lengths {
            starts.push(end);
            end = end.checked_add(u32::from(*length)).ok_or(DAMAGED_STRINGS)?;
        }
        starts.push(end);
        let cut_well = starts.iter().all(|start| self.text.is_char_boundary(*start as usize));
        if !cut_well || end as usize != self.text.len() || lengths.len() != self.bytes(Section::Flags).len() {
            return Err(DAMAGED_STRINGS);
        }
        self.action_name_starts = starts;
        Ok(())
    }

    pub(super) fn check_lists(&self) -> Result<(), LoadError> {
        let items = to_u32(self.bytes(Section::ListItems).len() / 2);
        let mut end = 0;
        for next in self.ends(Section::ListEnds) {
            if next < end || next > items {
                return Err(DAMAGED_LISTS);
            }
            end = next;
        }
        if end == items { Ok(()) } else { Err(DAMAGED_LISTS) }
    }

    /// Resolves the services table; the ranges must follow each other and cover every action and row.
    pub(super) fn read_services(&mut self) -> Result<(), LoadError> {
        let rows = self.bytes(Section::Services).as_chunks::<SERVICE_BYTES>().0;
        let strings = self.string_count();
        let mut services = Vec::with_capacity(rows.len());
        let mut previous: Option<Row> = None;
        for row in rows.iter().map(Row::read) {
            if let Some(before) = previous {
                let service = before.until(&row).ok_or(DAMAGED_SERVICES)?;
                if u32::from(service.prefix) >= strings || u32::from(service.name) >= strings {
                    return Err(DAMAGED_SERVICES);
                }
                services.push(service);
            } else if row.actions != 0 || row.resource_types != 0 || row.operations != 0 {
                return Err(DAMAGED_SERVICES);
            }
            previous = Some(row);
        }
        let closing = previous.ok_or(DAMAGED_SERVICES)?;
        let covered = closing.actions == self.action_count()
            && u32::from(closing.resource_types) == to_u32(self.bytes(Section::ResourceTypes).len() / ROW_BYTES)
            && u32::from(closing.operations) == self.operation_row_count();
        if !covered {
            return Err(DAMAGED_SERVICES);
        }
        self.services = services;
        Ok(())
    }

    /// Lists named by rows must exist, and their items must be in range.
    pub(super) fn check_rows(&self) -> Result<(), LoadError> {
        let (strings, lists) = (self.string_count(), to_u32(self.bytes(Section::ListEnds).len() / 4));
        let actions = self.action_count();
        let columns = [Section::Resources, Section::Conditions, Section::Dependents];
        if columns.iter().any(|column| self.bytes(*column).len() != actions as usize * 2) {
            return Err(DAMAGED_ROWS);
        }
        let mut kinds = ListKinds { seen: vec![0; lists as usize] };
        for service in self.services() {
            let resource_types = service.resource_types.end - service.resource_types.start;
            for action in service.actions.iter() {
                let resources = self.resource_list(action);
                if u32::from(resources) >= lists
                    || self.list(resources).any(|item| u32::from(item >> 1) >= resource_types)
                {
                    return Err(DAMAGED_ROWS);
                }
                kinds.add(self.condition_list(action), ListKinds::STRINGS)?;
                kinds.add(self.dependent_list(action), ListKinds::ACTIONS)?;
            }
            for row in service.resource_types.iter().map(|index| self.resource_type(index)) {
                kinds.add(row.arn_formats, ListKinds::STRINGS)?;
                kinds.add(row.condition_keys, ListKinds::STRINGS)?;
                if u32::from(row.name) >= strings {
                    return Err(DAMAGED_ROWS);
                }
            }
            for row in service.operations.iter().map(|index| self.operation(index)) {
                kinds.add(row.authorised_by, ListKinds::ACTIONS)?;
                if u32::from(row.name) >= strings {
                    return Err(DAMAGED_ROWS);
                }
            }
        }
        for (list, seen) in (0_u16..).zip(&kinds.seen) {
            let in_range = |item: u16| {
                (seen & ListKinds::STRINGS == 0 || u32::from(item) < strings)
                    && (seen & ListKinds::ACTIONS == 0 || u32::from(item) < actions)
            };
            if *seen != 0 && !self.list(list).all(in_range) {
                return Err(DAMAGED_LISTS);
            }
        }
        Ok(())
    }

    fn string_count(&self) -> u32 {
        to_u32(self.bytes(Section::StringEnds).len() / 4)
    }

    fn ends(&self, section: Section) -> impl Iterator<Item = u32> + use<'_> {
        self.bytes(section).as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
    }
}

/// Use of the items of each list.
struct ListKinds {
    seen: Vec<u8>,
}

impl ListKinds {
    const STRINGS: u8 = 1;
    const ACTIONS: u8 = 2;

    fn add(&mut self, list: u16, kind: u8) -> Result<(), LoadError> {
        *self.seen.get_mut(usize::from(list)).ok_or(DAMAGED_ROWS)? |= kind;
        Ok(())
    }
}

/// One row of the services table as stored: where its ranges start.
#[derive(Clone, Copy)]
struct Row {
    prefix: u16,
    name: u16,
    actions: u32,
    resource_types: u16,
    operations: u16,
}

impl Row {
    fn read(bytes: &[u8; SERVICE_BYTES]) -> Self {
        let [p0, p1, n0, n1, a0, a1, a2, a3, r0, r1, o0, o1] = *bytes;
        Self {
            prefix: u16::from_le_bytes([p0, p1]),
            name: u16::from_le_bytes([n0, n1]),
            actions: u32::from_le_bytes([a0, a1, a2, a3]),
            resource_types: u16::from_le_bytes([r0, r1]),
            operations: u16::from_le_bytes([o0, o1]),
        }
    }

    fn until(&self, next: &Self) -> Option<ServiceRow> {
        let span = |start: u32, end: u32| (start <= end).then_some(Span { start, end });
        Some(ServiceRow {
            prefix: self.prefix,
            name: self.name,
            actions: span(self.actions, next.actions)?,
            resource_types: span(self.resource_types.into(), next.resource_types.into())?,
            operations: span(self.operations.into(), next.operations.into())?,
        })
    }
}
