//! Remembers what recent records meant: a function makes the same call many times.
//!
//! The key is everything that the mapping of a record depends on, compared byte by byte, so a remembered answer is the
//! answer. Slots are few and each holds one record: memory is bounded whatever the trail holds. A record is remembered when
//! its hash comes a second time, so that records that never come again cost no memory.

use std::hash::BuildHasher;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::Mapped;
use super::transform::partition_of_caller;
use crate::record::Record;

/// Slots; a power of two.
const SLOTS: usize = 8_192;
/// Longer keys are not remembered.
const MAX_KEY_BYTES: usize = 1_536;

/// The memory of one mapper.
#[derive(Debug, Default)]
pub(super) struct Memo {
    slots: Vec<Slot>,
    hasher: foldhash::fast::RandomState,
    key: Vec<u8>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Hash of the record that was seen last at this place, remembered or not.
    seen: u64,
    remembered: Option<(Box<[u8]>, Arc<Mapped>)>,
}

/// Where the answer for a record belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(usize);

impl Memo {
    /// The remembered meaning of a record; else the place for it, if it should be remembered.
    pub fn find(&mut self, record: &Record<'_>) -> Result<&Arc<Mapped>, Option<Place>> {
        if !self.read(record) {
            return Err(None);
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, Slot::default);
        }
        let hash = self.hasher.hash_one(self.key.as_slice());
        let at = usize::try_from(hash).unwrap_or_default() & (SLOTS - 1);
        let Some(slot) = self.slots.get_mut(at) else { return Err(None) };
        let comes_again = std::mem::replace(&mut slot.seen, hash) == hash;
        match &slot.remembered {
            Some((key, mapped)) if **key == *self.key => Ok(mapped),
            _ => Err(comes_again.then_some(Place(at))),
        }
    }

    /// Remembers the meaning of the record that [`Self::find`] gave the place for.
    pub fn remember(&mut self, place: Place, mapped: &Arc<Mapped>) {
        if let Some(slot) = self.slots.get_mut(place.0) {
            slot.remembered = Some((self.key.as_slice().into(), Arc::clone(mapped)));
        }
    }

    /// Everything that the mapping of the record depends on, as bytes; `false` if that is too much.
    fn read(&mut self, record: &Record<'_>) -> bool {
        let key = &mut self.key;
        key.clear();
        let mut add = |text: Option<&str>| {
            // A length before each part: no two records have the same bytes by chance of their borders.
            let length = text.map_or(u32::MAX, |text| u32::try_from(text.len()).unwrap_or(u32::MAX - 1));
            key.extend_from_slice(&length.to_le_bytes());
            key.extend_from_slice(text.unwrap_or_default().as_bytes());
        };
        let raw = |value: Option<&RawValue>| value.map_or(0, |value| value.get().len());
        if raw(record.request_parameters) + raw(record.response_elements) > MAX_KEY_BYTES {
            return false;
        }
        add(Some(record.event_source.as_str()));
        add(Some(record.event_name.as_str()));
        add(record.request_parameters.map(RawValue::get));
        add(record.response_elements.map(RawValue::get));
        add(record.aws_region.as_deref());
        add(record.account());
        add(record.error_code.as_deref());
        add(record.error_message.as_deref());
        add(record.event_type.as_deref());
        add(record.event_category.as_deref());
        add(partition_of_caller(record));
        for entry in &record.resources {
            add(entry.arn.as_deref());
            add(entry.arn_prefix.as_deref());
            add(entry.account_id.as_deref());
        }
        key.push(record.read_only.map_or(2, u8::from));
        key.len() <= MAX_KEY_BYTES
    }
}
