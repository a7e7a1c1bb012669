//! "Did you mean": the closest of a few known words.

/// The word of `known` closest to `word`, if it is close enough to be a slip: same letters in another case,
/// or at most one edit per three letters.
pub(crate) fn nearest(word: &str, known: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let folded = word.trim().to_ascii_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::levenshtein(&folded, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(edits, candidate)| edits * 3 <= candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expect: Option<&str>) {
        assert_eq!(nearest(word, ["Action", "NotAction", "Resource", "Effect"]), expect, "{word:?}");
    }

    #[test]
    fn finds_slips_and_nothing_else() {
        check("action", Some("Action"));
        check("Actions", Some("Action"));
        check("Acton", Some("Action"));
        check("Ressource", Some("Resource"));
        check("Not Action", Some("NotAction"));
        check("Zebra", None);
        check("", None);
        check(&"Action".repeat(100), None);
    }
}
