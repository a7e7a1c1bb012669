//! Numbers of (event source, event name) pairs: two texts looked up with one hash, without putting them together.

use std::hash::{BuildHasher, Hasher};

/// The pairs that are known. Their number is bounded by the caller, and the hash is seeded, so that no sender can fill one
/// bucket.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Open addressing: a power of two of places, at most half of them taken.
    places: Vec<Option<Pair>>,
    count: usize,
    hasher: foldhash::fast::RandomState,
}

#[derive(Debug)]
struct Pair {
    hash: u64,
    /// Both texts, one after the other.
    text: Box<str>,
    source_length: usize,
    number: usize,
}

impl Names {
    /// The number that was given to a pair.
    pub fn find(&self, source: &str, name: &str) -> Option<usize> {
        let hash = self.hash(source, name);
        let start = self.start(hash)?;
        let (before, after) = (self.places.get(..start)?, self.places.get(start..)?);
        for place in after.iter().chain(before) {
            let pair = place.as_ref()?;
            if pair.hash == hash && pair.is(source, name) {
                return Some(pair.number);
            }
        }
        None
    }

    /// Gives a number to a pair that has none.
    pub fn add(&mut self, source: &str, name: &str, number: usize) {
        if self.count * 2 >= self.places.len() {
            let old = std::mem::take(&mut self.places);
            self.places.resize_with((old.len() * 2).max(64), || None);
            old.into_iter().flatten().for_each(|pair| self.put(pair));
        }
        let hash = self.hash(source, name);
        self.put(Pair { hash, text: format!("{source}{name}").into(), source_length: source.len(), number });
        self.count += 1;
    }

    fn put(&mut self, pair: Pair) {
        let Some(start) = self.start(pair.hash) else { return };
        let count = self.places.len();
        let (before, after) = self.places.split_at_mut(start.min(count));
        if let Some(free) = after.iter_mut().chain(before).find(|place| place.is_none()) {
            *free = Some(pair);
        }
    }

    fn hash(&self, source: &str, name: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(source.as_bytes());
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    /// The first place to look at; `None` if there are none.
    fn start(&self, hash: u64) -> Option<usize> {
        let last = self.places.len().checked_sub(1)?;
        Some(usize::try_from(hash & u64::from(u32::MAX)).unwrap_or_default() & last)
    }
}

impl Pair {
    fn is(&self, source: &str, name: &str) -> bool {
        self.source_length == source.len() && self.text.strip_prefix(source).is_some_and(|rest| rest == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::Names;

    proptest! {
        #[test]
        fn a_pair_has_the_number_that_it_was_given(pairs in prop::collection::vec(("[ab]{0,3}", "[ab]{0,4}"), 0..300)) {
            let (mut names, mut plain) = (Names::default(), HashMap::new());
            for (number, (source, name)) in pairs.iter().enumerate() {
                prop_assert_eq!(names.find(source, name), plain.get(&(source, name)).copied());
                if names.find(source, name).is_none() {
                    names.add(source, name, number);
                    plain.insert((source, name), number);
                }
            }
            for ((source, name), number) in plain {
                prop_assert_eq!(names.find(source, name), Some(number));
            }
        }
    }
}
