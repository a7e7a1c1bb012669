//! Region codes.

/// Region codes are short and plain (AWS General Reference, "AWS service endpoints"); anything else is no
/// Region.
pub(super) fn is_region(text: &str) -> bool {
    (4..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
