//! Account ids.

/// True for twelve digits.
pub fn is_account(text: &str) -> bool {
    text.chars().count() == 12 && text.chars().all(|char| char.is_ascii_digit())
}
