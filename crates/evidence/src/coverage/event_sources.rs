//! Event sources that CloudTrail treats in a way of their own: the table `data/event-sources.tsv`.

/// Events of the source are global: logged in us-east-1, and by a trail only if it includes global service
/// events.
pub fn is_global(source: &str) -> bool {
    has(source, "global")
}

/// AWS itself offers to leave events of the source out of a trail because of their number.
pub fn is_excludable(source: &str) -> bool {
    has(source, "excludable")
}

/// Events of the source on another account's resource are logged in the caller's account too.
pub fn names_other_accounts(source: &str) -> bool {
    has(source, "caller")
}

fn has(source: &str, property: &str) -> bool {
    rows().any(|(known, own)| known == source && own == property)
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("../../data/event-sources.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut cells = line.split('\t');
        Some((cells.next()?, cells.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_a_known_property_and_a_page() {
        assert!(rows().all(|(source, property)| {
            source.ends_with(".amazonaws.com") && ["global", "excludable", "caller"].contains(&property)
        }));
        let text = include_str!("../../data/event-sources.tsv");
        assert!(text.lines().filter(|line| !line.starts_with('#')).all(|line| line.split('\t').count() == 3));
        assert!(is_global("iam.amazonaws.com") && !is_global("kms.amazonaws.com"));
        assert!(is_excludable("kms.amazonaws.com") && !is_excludable("iam.amazonaws.com"));
    }
}
