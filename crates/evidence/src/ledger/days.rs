//! A set of UTC days as a bitmap.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeSeq, Serializer};

/// Seconds of a UTC day.
pub(super) const DAY_SECONDS: i64 = 86_400;

/// The UTC day of a time, counted from 1970-01-01.
pub fn day_of(time: Timestamp) -> i32 {
    // jiff's range is years -9999 to 9999, far inside i32 days; the fallback is never taken.
    i32::try_from(time.as_second().div_euclid(DAY_SECONDS)).unwrap_or(i32::MAX)
}

/// Midnight UTC at which a day begins; `None` outside of years -9999 to 9999.
pub fn start_of_day(day: i32) -> Option<Timestamp> {
    Timestamp::from_second(i64::from(day) * DAY_SECONDS).ok()
}

/// A set of UTC days, counted from 1970-01-01. A join-semilattice under [`DaySet::union`].
///
/// Words of 64 days in ascending order without empty words, so equal sets are equal values. A function that
/// ran on each day of a year takes six words.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DaySet {
    words: Vec<(i32, u64)>,
}

impl DaySet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a day; whether it was new.
    pub fn insert(&mut self, day: i32) -> bool {
        let (word, bit) = locate(day);
        self.or_word(word, bit)
    }

    /// True if the day is in the set.
    pub fn contains(&self, day: i32) -> bool {
        let (word, bit) = locate(day);
        self.words.iter().any(|(at, bits)| *at == word && bits & bit != 0)
    }

    /// Adds all days of `other`.
    pub fn union(&mut self, other: &Self) {
        for &(word, bits) in &other.words {
            self.or_word(word, bits);
        }
    }

    #[expect(clippy::indexing_slicing, reason = "the index is that of the word just found")]
    fn or_word(&mut self, word: i32, bits: u64) -> bool {
        // Events come almost in order, so the last word is the usual one.
        let at = match self.words.last() {
            Some((last, _)) if *last == word => Ok(self.words.len() - 1),
            Some((last, _)) if *last < word => Err(self.words.len()),
            None => Err(0),
            Some(_) => self.words.binary_search_by_key(&word, |(at, _)| *at),
        };
        match at {
            Ok(at) => {
                let (_, old) = &mut self.words[at];
                let new = *old | bits;
                std::mem::replace(old, new) != new
            }
            Err(at) => {
                self.words.insert(at, (word, bits));
                true
            }
        }
    }

    /// Number of days.
    pub fn len(&self) -> usize {
        self.words.iter().map(|(_, bits)| bits.count_ones() as usize).sum()
    }

    /// True if there is no day.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The days, ascending.
    pub fn iter(&self) -> impl Iterator<Item = i32> {
        self.words.iter().flat_map(|&(word, bits)| {
            (0..64_i32).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit)
        })
    }

    /// The first day.
    pub fn first(&self) -> Option<i32> {
        let (word, bits) = self.words.first()?;
        Some(word * 64 + bits.trailing_zeros().cast_signed())
    }

    /// The last day.
    pub fn last(&self) -> Option<i32> {
        let (word, bits) = self.words.last()?;
        Some(word * 64 + 63 - bits.leading_zeros().cast_signed())
    }

    /// True if any day is in `[start, end)`.
    pub fn intersects(&self, start: i32, end: i32) -> bool {
        self.iter().any(|day| (start..end).contains(&day))
    }
}

fn locate(day: i32) -> (i32, u64) {
    // Timestamps keep days within 3,000,000 of the epoch; the clamp keeps `word * 64` from overflowing on
    // other input.
    let day = day.clamp(-(1 << 30), 1 << 30);
    (day.div_euclid(64), 1 << day.rem_euclid(64))
}

impl Extend<i32> for DaySet {
    fn extend<I: IntoIterator<Item = i32>>(&mut self, days: I) {
        for day in days {
            self.insert(day);
        }
    }
}

impl FromIterator<i32> for DaySet {
    fn from_iter<I: IntoIterator<Item = i32>>(days: I) -> Self {
        let mut set = Self::new();
        set.extend(days);
        set
    }
}

impl fmt::Debug for DaySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Runs of days as `[first, length, first, length, …]`, readable in the store.
impl Serialize for DaySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut runs: Vec<(i32, i32)> = Vec::new();
        for day in self.iter() {
            match runs.last_mut() {
                Some((first, length)) if *first + *length == day => *length += 1,
                _ => runs.push((day, 1)),
            }
        }
        let mut seq = serializer.serialize_seq(Some(runs.len() * 2))?;
        for (first, length) in runs {
            seq.serialize_element(&first)?;
            seq.serialize_element(&length)?;
        }
        seq.end()
    }
}

impl<'de> Deserialize<'de> for DaySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DayRuns;
        impl<'de> Visitor<'de> for DayRuns {
            type Value = DaySet;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("runs of days")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<DaySet, A::Error> {
                let mut days = DaySet::new();
                while let Some(first) = seq.next_element::<i32>()? {
                    let length =
                        seq.next_element::<i32>()?.ok_or_else(|| A::Error::custom("a run of days has no length"))?;
                    // Years -9999 to 9999: what a time can hold. Bounds the work on a damaged row.
                    let in_range = |day: i32| (-5_000_000..5_000_000).contains(&day);
                    if length < 1 || !in_range(first) || !in_range(first.saturating_add(length)) {
                        return Err(A::Error::custom("a run of days is out of range"));
                    }
                    for day in first..first + length {
                        days.insert(day);
                    }
                }
                Ok(days)
            }
        }
        deserializer.deserialize_seq(DayRuns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn agrees_with_a_set_of_numbers(a in prop::collection::vec(-200_i32..300, 0..80), b in prop::collection::vec(-200_i32..300, 0..80)) {
            let (set_a, set_b): (BTreeSet<i32>, BTreeSet<i32>) = (a.iter().copied().collect(), b.iter().copied().collect());
            let (mut days, other): (DaySet, DaySet) = (a.into_iter().collect(), b.into_iter().collect());
            prop_assert_eq!(days.iter().collect::<Vec<_>>(), set_a.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(days.len(), set_a.len());
            prop_assert_eq!(days.first(), set_a.first().copied());
            prop_assert_eq!(days.last(), set_a.last().copied());
            prop_assert_eq!(days.intersects(-10, 40), set_a.range(-10..40).next().is_some());
            prop_assert!((-210..310).all(|day| days.contains(day) == set_a.contains(&day)));
            days.union(&other);
            prop_assert_eq!(days.iter().collect::<BTreeSet<_>>(), &set_a | &set_b);
            let text = serde_json::to_string(&days).unwrap();
            prop_assert_eq!(serde_json::from_str::<DaySet>(&text).unwrap(), days);
        }
    }

    #[test]
    fn damaged_runs_are_errors() {
        for text in ["[1]", "[1,0]", "[1,-3]", "[0,2147483647]", "[\"a\",1]", "{}"] {
            assert!(serde_json::from_str::<DaySet>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_begin_at_midnight_utc() {
        assert_eq!(day_of("1970-01-01T23:59:59Z".parse().unwrap()), 0);
        assert_eq!(day_of("1969-12-31T23:59:59Z".parse().unwrap()), -1);
        assert_eq!(start_of_day(1).unwrap().to_string(), "1970-01-02T00:00:00Z");
    }
}
