//! Searches for a byte that is near: most keys, names and parts of ARNs are a few letters long, for which a call of a vector
//! search costs more than the search.

/// Where `wanted` first stands in `bytes`, not before `at`.
pub(crate) fn find(bytes: &[u8], at: usize, wanted: u8) -> Option<usize> {
    let pattern = repeat(wanted);
    match near(bytes, at, |word| zero_bytes(word ^ pattern)) {
        Ok(found) => Some(found),
        Err(at) => memchr::memchr(wanted, bytes.get(at..)?).map(|found| at + found),
    }
}

/// Where `one` or `other` first stands in `bytes`, not before `at`.
pub(crate) fn find_either(bytes: &[u8], at: usize, one: u8, other: u8) -> Option<usize> {
    let (first, second) = (repeat(one), repeat(other));
    match near(bytes, at, |word| zero_bytes(word ^ first) | zero_bytes(word ^ second)) {
        Ok(found) => Some(found),
        Err(at) => memchr::memchr2(one, other, bytes.get(at..)?).map(|found| at + found),
    }
}

/// Whether all are letters or digits of ASCII.
pub(crate) fn are_alphanumeric(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks();
    words.iter().all(|word| is_alphanumeric_word(u64::from_le_bytes(*word)))
        && match bytes.last_chunk() {
            // What is left, and some of what was looked at before.
            Some(last) => is_alphanumeric_word(u64::from_le_bytes(*last)),
            None => rest.iter().all(u8::is_ascii_alphanumeric),
        }
}

/// The same for eight bytes at once: of bytes below 0x80, a sum has the high bit from some byte on.
const fn is_alphanumeric_word(word: u64) -> bool {
    let ascii = word & repeat(0x7f);
    let lower = ascii | repeat(0x20);
    let letters = lower.wrapping_add(repeat(0x80 - b'a')) & !lower.wrapping_add(repeat(0x7f - b'z'));
    let digits = ascii.wrapping_add(repeat(0x80 - b'0')) & !ascii.wrapping_add(repeat(0x7f - b'9'));
    (letters | digits) & !word & repeat(0x80) == repeat(0x80)
}

/// Words that are looked at before a search with vectors pays.
const WORDS: usize = 4;

/// The first hit in a few words of eight bytes; else where to go on.
#[inline]
fn near(bytes: &[u8], mut at: usize, hits: impl Fn(u64) -> u64) -> Result<usize, usize> {
    for _ in 0..WORDS {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) else { break };
        let found = hits(u64::from_le_bytes(*word));
        if found != 0 {
            return Ok(at + (found.trailing_zeros() / 8) as usize);
        }
        at += size_of::<u64>();
    }
    Err(at)
}

const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of the lowest byte that is zero, and perhaps of bytes above it.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(repeat(1)) & !word & repeat(0x80)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{are_alphanumeric, find, find_either};

    #[test]
    fn letters_and_digits_are_told_from_all_other_bytes() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut bytes = *b"AROA0123456789azAZ9z";
                bytes[at] = byte;
                assert_eq!(are_alphanumeric(&bytes), byte.is_ascii_alphanumeric(), "{byte:#x}");
                assert_eq!(are_alphanumeric(&bytes[..=at]), byte.is_ascii_alphanumeric(), "{byte:#x}");
            }
        }
        assert!(are_alphanumeric(b""));
    }

    proptest! {
        #[test]
        fn the_first_place_is_found(bytes in prop::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 0..90), at in 0_usize..100) {
            let first = |is: &dyn Fn(u8) -> bool| {
                let found = bytes.iter().enumerate().find(|(place, byte)| *place >= at && is(**byte));
                found.map(|(place, _)| place)
            };
            for one in [0, 1, 0x80, 0xff] {
                prop_assert_eq!(find(&bytes, at, one), first(&|byte| byte == one));
                for other in [1, 2, 0x7f] {
                    prop_assert_eq!(find_either(&bytes, at, one, other), first(&|byte| byte == one || byte == other));
                }
            }
        }
    }
}
