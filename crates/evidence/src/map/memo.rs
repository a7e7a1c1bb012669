//! Remembers what recent records meant: a function makes the same call many times.
//!
//! The key is everything that the mapping of a record can depend on, compared byte by byte, so a remembered answer is the
//! answer: of the request parameters only those that the rule of the event looks at ([`super::reads`]). Slots are few and
//! each holds one record: memory is bounded whatever the trail holds. A record is remembered when its hash comes a second
//! time, so that records that never come again cost no memory.

use std::hash::BuildHasher;

use serde_json::value::RawValue;

use super::prepared::Prepared;
use super::reads::Members;
use super::transform::partition_of_caller;
use super::{Mapped, conditions, params, s3};
use crate::record::{Record, RequestParameters};

/// Slots; a power of two.
const SLOTS: usize = 4_096;
/// Longer keys are not remembered.
const MAX_KEY_BYTES: usize = 1_536;
/// Longer request parameters are not looked through for the few that count.
const MAX_REQUEST_BYTES: usize = 16_384;

/// After so many records in a row without an answer under one kind of key, the key is made for few records only.
const PATIENCE: u16 = 32;
/// Of so many records one then tries the key again.
const RETRY: u16 = 16;

/// The memory of one mapper.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// Small, so that records that come once touch little memory.
    marks: Vec<Mark>,
    slots: Vec<Option<Box<Remembered>>>,
    hasher: foldhash::fast::RandomState,
    key: Vec<u8>,
    /// By the number of the meaning.
    worth: Vec<Worth>,
}

/// Whether keys have been worth making for the records of one event name.
#[derive(Debug, Default, Clone, Copy)]
struct Worth {
    /// With the whole text of the parameters.
    whole: Misses,
    /// With what counts of it.
    counting: Misses,
}

/// Records in a row that had no answer.
#[derive(Debug, Default, Clone, Copy)]
struct Misses(u16);

impl Misses {
    /// Whether to make the key for the next record. Depends on earlier records, and changes no answer.
    fn are_few(&mut self) -> bool {
        if self.0 < PATIENCE {
            return true;
        }
        self.0 += 1;
        if self.0 < PATIENCE + RETRY {
            return false;
        }
        self.0 = PATIENCE;
        true
    }

    /// Notes whether a key had an answer.
    fn note<T, E>(&mut self, found: &Result<T, E>) {
        self.0 = if found.is_ok() { 0 } else { (self.0 + 1).min(PATIENCE) };
    }
}

#[derive(Debug)]
struct Remembered {
    key: Box<[u8]>,
    mapped: Mapped,
}

/// Parts of two hashes for a slot.
#[derive(Debug, Default, Clone, Copy)]
struct Mark {
    /// Of the record that was seen last at this place, remembered or not.
    seen: u32,
    /// Of the record that is remembered.
    remembered: u32,
}

/// Where an answer is remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(usize);

/// Where the answer for a record belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    at: usize,
    mark: u32,
}

/// No answer is remembered.
#[derive(Debug, Default)]
pub(super) struct Missing<'a> {
    /// Where the answer should be remembered, if at all.
    pub place: Option<Place>,
    /// The parameters that the rule looks at, if they were looked for.
    pub members: Option<Members<'a>>,
    /// Nothing looks through all of the parameters: they hold no tags, no roles and nothing special to S3 that counts.
    pub is_plain: bool,
}

impl Memo {
    /// Where the meaning of a record is remembered whose event name means `prepared`, the meaning number `meaning`.
    ///
    /// First by the whole text of the parameters, which costs no look at them; then by what of it counts.
    #[expect(clippy::result_large_err, reason = "one lives at a time; a box would cost each new record an allocation")]
    pub fn find<'a>(&mut self, record: &Record<'a>, meaning: usize, prepared: &Prepared) -> Result<Slot, Missing<'a>> {
        let text = record.request_parameters.as_ref().map(RequestParameters::get);
        if response_that_counts(record, prepared).is_some_and(|response| response.len() > MAX_KEY_BYTES)
            || text.is_some_and(|text| text.len() > MAX_REQUEST_BYTES)
        {
            return Err(Missing::default());
        }
        if self.worth.len() <= meaning {
            self.worth.resize(meaning + 1, Worth::default());
        }
        let mut worth = self.worth.get(meaning).copied().unwrap_or_default();
        let found = self.find_as(record, meaning, prepared, &mut worth);
        if let Some(place) = self.worth.get_mut(meaning) {
            *place = worth;
        }
        found
    }

    #[expect(clippy::result_large_err, reason = "one lives at a time; a box would cost each new record an allocation")]
    fn find_as<'a>(
        &mut self,
        record: &Record<'a>,
        meaning: usize,
        prepared: &Prepared,
        worth: &mut Worth,
    ) -> Result<Slot, Missing<'a>> {
        let request = record.request_parameters.as_ref();
        let text = request.map_or("", RequestParameters::get);
        let by_whole = worth.whole.are_few();
        let (mut start, mut place) = (None, None);
        if by_whole {
            let after = self.begin(record, meaning, prepared);
            start = Some(after);
            self.end_whole(after, request);
            let found = self.look();
            worth.whole.note(&found);
            match found {
                Ok(slot) => return Ok(slot),
                Err(free) => place = free,
            }
        }
        let members = request.and_then(|request| prepared.reads.members(request));
        let is_plain = !is_looked_through(record, text, prepared);
        let counting = members.as_ref().filter(|_| is_plain && prepared.reads.are_all() && worth.counting.are_few());
        let Some(counting) = counting else { return Err(Missing { place, members, is_plain }) };
        let start = start.unwrap_or_else(|| self.begin(record, meaning, prepared));
        self.key.truncate(start);
        self.key.push(2 + u8::from(prepared.asks_for_masks && params::is_masked(text)));
        for member in &counting.list {
            self.key.extend_from_slice(member.text().as_bytes());
            self.key.push(b',');
        }
        let found = self.look();
        worth.counting.note(&found);
        if let (Ok(slot), Some(place)) = (&found, place)
            && let Some(mapped) = self.get(*slot).cloned()
        {
            // The whole text came before: the next time it answers.
            self.end_whole(start, request);
            self.remember(place, &mapped);
        }
        found.map_err(|place| Missing { place, members, is_plain })
    }

    /// Ends the key, whose first `start` bytes stay, with the whole text of the parameters.
    fn end_whole(&mut self, start: usize, request: Option<&RequestParameters<'_>>) {
        self.key.truncate(start);
        self.key.push(u8::from(request.is_some()));
        self.key.extend_from_slice(request.map_or("", RequestParameters::get).as_bytes());
    }

    /// What is remembered in a slot that [`Self::find`] gave.
    pub fn get(&self, slot: Slot) -> Option<&Mapped> {
        self.slots.get(slot.0)?.as_ref().map(|remembered| &remembered.mapped)
    }

    /// Remembers the meaning of the record that [`Self::find`] gave the place for.
    pub fn remember(&mut self, place: Place, mapped: &Mapped) {
        if let (Some(slot), Some(marks)) = (self.slots.get_mut(place.at), self.marks.get_mut(place.at)) {
            marks.remembered = place.mark;
            *slot = Some(Box::new(Remembered { key: self.key.as_slice().into(), mapped: mapped.clone() }));
        }
    }

    /// What is remembered under the key; else the place for it, if it came before.
    fn look(&mut self) -> Result<Slot, Option<Place>> {
        if self.key.len() > MAX_KEY_BYTES {
            return Err(None);
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
            self.marks.resize(SLOTS, Mark::default());
        }
        let hash = self.hasher.hash_one(self.key.as_slice());
        // The low bits choose the slot, the high ones tell records apart.
        let at = usize::try_from(hash & u64::from(u32::MAX)).unwrap_or_default() & (SLOTS - 1);
        let mark = u32::try_from(hash >> 32).unwrap_or_default();
        let Some(marks) = self.marks.get_mut(at) else { return Err(None) };
        let comes_again = std::mem::replace(&mut marks.seen, mark) == mark;
        if marks.remembered == mark
            && let Some(Some(remembered)) = self.slots.get(at)
            && *remembered.key == *self.key
        {
            return Ok(Slot(at));
        }
        Err(comes_again.then_some(Place { at, mark }))
    }

    /// Begins the key with everything that the mapping of a record depends on, but the request parameters. After it comes what
    /// they are: 0 none, 1 the whole text, 2 and 3 what counts of it, without and with a masked value anywhere. Returns where.
    fn begin(&mut self, record: &Record<'_>, meaning: usize, prepared: &Prepared) -> usize {
        let key = &mut self.key;
        key.clear();
        let numbers = [
            u32::try_from(meaning).unwrap_or(u32::MAX),
            u32::from(record.read_only.map_or(2, u8::from)),
            u32::try_from(record.resources.len()).unwrap_or(u32::MAX),
        ];
        key.extend_from_slice(numbers.map(u32::to_le_bytes).as_flattened());
        let mut add = |part: Option<&str>| {
            key.extend_from_slice(part.unwrap_or_default().as_bytes());
            // No text holds these bytes: no two records have the same key by chance of their borders.
            key.push(if part.is_some() { 0xff } else { 0xfe });
        };
        add(response_that_counts(record, prepared));
        add(record.aws_region.as_deref());
        add(record.account());
        add(record.error_code.as_deref());
        add(record.error_message.as_deref());
        add(partition_of_caller(record));
        for entry in &record.resources {
            add(entry.arn.as_deref());
            add(entry.arn_prefix.as_deref());
            add(entry.account_id.as_deref());
        }
        key.len()
    }
}

/// The text of `responseElements`, where the mapping can depend on it.
fn response_that_counts<'r>(record: &Record<'r>, prepared: &Prepared) -> Option<&'r str> {
    record.response_elements.filter(|_| prepared.reads_response).map(RawValue::get)
}

/// Whether something looks through all of the parameters, so that the whole text counts.
fn is_looked_through(record: &Record<'_>, request: &str, prepared: &Prepared) -> bool {
    prepared.batch.is_some_and(|batch| record.response_elements.is_some() || !batch.answers().is_response())
        || prepared.tags.is_some() && conditions::may_hold_tags(request)
        || prepared.may_pass_role && record.read_only != Some(true) && conditions::may_hold_roles(request)
        || prepared.rule.prefix() == "s3" && s3::other_prefix(record).is_some()
}
