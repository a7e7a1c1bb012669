//! Wildcards, by trying every way to spend a star.

/// Every text of at most `longest` characters of `alphabet`, shortest first.
pub fn words(alphabet: &[char], longest: usize) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut from = 0;
    for _ in 0..longest {
        let to = out.len();
        for index in from..to {
            let Some(word) = out.get(index).cloned() else { continue };
            out.extend(alphabet.iter().map(|&char| format!("{word}{char}")));
        }
        from = to;
    }
    out
}

/// IAM User Guide, "IAM JSON policy elements: Action": `*` is any text, `?` any character, case does not
/// matter. "Grammar of the IAM JSON policy language", `action_string`: a service namespace, a colon, the
/// name; *names* can include wildcards.
pub fn action_matches(pattern: &str, action: &str) -> bool {
    let like = |pattern: &str, text: &str| {
        string_like(&chars(&pattern.to_ascii_lowercase()), &chars(&text.to_ascii_lowercase()))
    };
    match (pattern.split_once(':'), action.split_once(':')) {
        (None, _) => like(pattern, action),
        (Some(("*", "*")), _) => true,
        (Some((service, name)), Some((of, called))) => service.eq_ignore_ascii_case(of) && like(name, called),
        (Some(_), None) => false,
    }
}

/// IAM User Guide, "IAM JSON policy elements: Resource": wildcards stay within a colon-separated segment, but
/// a `*` that ends a segment may expand across colons. Without policy variables.
pub fn resource_matches(pattern: &str, arn: &str) -> bool {
    resource(&chars(pattern), &chars(arn))
}

/// `StringLike` of a condition: `*` is any text, `?` any character, case matters.
pub fn string_like_matches(pattern: &str, text: &str) -> bool {
    string_like(&chars(pattern), &chars(text))
}

/// `ArnLike` of a condition: six components, each matched by itself. "Condition operators", ARN operators.
pub fn arn_like_matches(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    pattern.len() == 6
        && arn.len() == 6
        && pattern.iter().zip(&arn).all(|(pattern, part)| string_like_matches(pattern, part))
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn string_like(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], []) => string_like(rest, text),
        (['*', rest @ ..], [_, later @ ..]) => string_like(rest, text) || string_like(pattern, later),
        (['?', rest @ ..], [_, later @ ..]) => string_like(rest, later),
        ([a, rest @ ..], [b, later @ ..]) => a == b && string_like(rest, later),
        _ => false,
    }
}

fn resource(pattern: &[char], arn: &[char]) -> bool {
    match (pattern, arn) {
        ([], []) => true,
        (['*', rest @ ..], []) => resource(rest, arn),
        (['*', rest @ ..], [first, later @ ..]) => {
            let ends_its_segment = matches!(rest, [] | [':', ..]);
            resource(rest, arn) || ((*first != ':' || ends_its_segment) && resource(pattern, later))
        }
        (['?', rest @ ..], [first, later @ ..]) => *first != ':' && resource(rest, later),
        ([a, rest @ ..], [b, later @ ..]) => a == b && resource(rest, later),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_all_and_only_the_short_texts() {
        assert_eq!(words(&['a', 'b'], 2), ["", "a", "b", "aa", "ab", "ba", "bb"]);
    }

    #[test]
    fn the_guides_own_examples() {
        assert!(resource_matches(
            "arn:aws:iam::111122223333:user/accounting/*",
            "arn:aws:iam::111122223333:user/accounting/a/b"
        ));
        assert!(resource_matches("arn:aws:s3:::*/test/?/*", "arn:aws:s3:::bucket/1/2/test/3/object.jpg"));
        assert!(!resource_matches("arn:aws:s3:::*/test/?/*", "arn:aws:s3:::bucket/test/object.jpg"));
        assert!(resource_matches(
            "arn:aws:lambda:eu-central-1:111122223333:function:f*",
            "arn:aws:lambda:eu-central-1:111122223333:function:f:1"
        ));
        assert!(!arn_like_matches("arn:aws:sns:*:topic", "arn:aws:sns:eu-central-1:111122223333:topic"));
    }
}
