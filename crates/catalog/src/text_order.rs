//! The one order of names in the catalog: byte order of the ASCII-lower-cased text.

use std::cmp::Ordering;

fn lowered(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

/// Compares two texts as if both were ASCII-lower-cased, without allocating.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    lowered(a).cmp(lowered(b))
}

/// Compares `text` with the range of all texts that start with `head`: `Less` before it, `Equal` inside,
/// `Greater` after.
pub(crate) fn compare_head(text: &str, head: &str) -> Ordering {
    lowered(text).take(head.len()).cmp(lowered(head))
}
