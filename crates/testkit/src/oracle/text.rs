//! Patterns with policy variables, as lists of pieces, matched by trying every way to spend a star.

/// One piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// This character.
    Char(char),
    /// `*`. In a resource, it crosses colons only if it ends its segment.
    Any {
        /// Ends its segment.
        ends_segment: bool,
    },
    /// `?`
    One,
}

/// Values of the variables of a pattern.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Vec<String>;

/// Splits a text into pieces. `None`: a variable has no value. Without `lookup`, variables are plain text.
///
/// IAM User Guide, "IAM policy elements: Variables and tags".
pub fn pieces(text: &str, wildcards: bool, lookup: Option<Lookup<'_>>) -> Option<Vec<Piece>> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        let rest: String = chars.iter().skip(at).collect();
        if let Some(lookup) = lookup
            && let Some(inside) = variable(&rest)
        {
            at += inside.chars().count() + 3;
            out.extend(value(&inside, lookup)?.chars().map(Piece::Char));
            continue;
        }
        at += 1;
        out.push(match char {
            '*' if wildcards => Piece::Any { ends_segment: matches!(chars.get(at), None | Some(':' | '*')) },
            '?' if wildcards => Piece::One,
            _ => Piece::Char(char),
        });
    }
    Some(out)
}

/// The text inside the `${…}` that a text begins with.
fn variable(text: &str) -> Option<String> {
    let rest = text.strip_prefix("${")?;
    let end = rest.find('}')?;
    let inside = rest.get(..end)?;
    (!inside.contains("${")).then(|| inside.to_owned())
}

fn value(inside: &str, lookup: Lookup<'_>) -> Option<String> {
    if ["*", "?", "$"].contains(&inside) {
        return Some(inside.to_owned());
    }
    let mut halves = inside.splitn(2, ',');
    let values = lookup(halves.next().unwrap_or_default().trim());
    let default = halves.next().map(str::trim);
    if let Some(default) = default
        && (default.len() < 2 || !default.starts_with('\'') || !default.ends_with('\''))
    {
        return None;
    }
    match values.len() {
        1 => values.first().cloned(),
        0 => default.map(|default| default.get(1..default.len() - 1).unwrap_or_default().to_owned()),
        _ => None,
    }
}

/// True if the pattern matches the text; stars cross everything.
pub fn like(pattern: &[Piece], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([Piece::Any { .. }, rest @ ..], _) if like(rest, text) => true,
        ([Piece::Any { .. }, ..], [_, later @ ..]) => like(pattern, later),
        ([Piece::One, rest @ ..], [_, later @ ..]) => like(rest, later),
        ([Piece::Char(a), rest @ ..], [b, later @ ..]) => a == b && like(rest, later),
        _ => false,
    }
}

/// True if the pattern of a `Resource` element matches the ARN. See [`super::pattern::resource_matches`].
pub fn resource(pattern: &[Piece], arn: &[char]) -> bool {
    match (pattern, arn) {
        ([], []) => true,
        ([Piece::Any { .. }, rest @ ..], _) if resource(rest, arn) => true,
        ([Piece::Any { ends_segment }, ..], [first, later @ ..]) => {
            (*first != ':' || *ends_segment) && resource(pattern, later)
        }
        ([Piece::One, rest @ ..], [first, later @ ..]) => *first != ':' && resource(rest, later),
        ([Piece::Char(a), rest @ ..], [b, later @ ..]) => a == b && resource(rest, later),
        _ => false,
    }
}

/// True if the pattern of an ARN operator matches the ARN: six components, one by one.
pub fn arn(pattern: &[Piece], arn: &str) -> bool {
    let mut parts: Vec<Vec<Piece>> = vec![Vec::new()];
    for &piece in pattern {
        if piece == Piece::Char(':') && parts.len() < 6 {
            parts.push(Vec::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(piece);
        }
    }
    let given: Vec<Vec<char>> = arn.splitn(6, ':').map(|part| part.chars().collect()).collect();
    parts.len() == 6 && given.len() == 6 && parts.iter().zip(&given).all(|(pattern, text)| like(pattern, text))
}
