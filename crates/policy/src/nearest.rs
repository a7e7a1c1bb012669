//! "Did you mean": the closest of a few known words.

/// The word of `known` closest to `word`, if it is close enough to be a slip: same letters in another case, or at
/// most one edit per three letters.
pub(crate) fn nearest(word: &str, known: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let folded = word.trim().to_ascii_lowercase();
    known
        .into_iter()
        .map(|candidate| (distance(&folded, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(edits, candidate)| edits * 3 <= candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace) between two short texts; O(a × b).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (&y, &above) in b.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
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
