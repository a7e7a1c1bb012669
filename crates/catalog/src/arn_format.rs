//! ARN formats with placeholders, as the Service Authorization Reference gives them.
//!
//! AWS page: Service Authorization Reference, "Resource types defined by …": `${…}` stands for a part that
//! varies.

use std::fmt;

/// An ARN format, for example `arn:${Partition}:s3:::${BucketName}/${ObjectName}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArnFormat<'a> {
    text: &'a str,
}

/// A piece of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArnFormatPiece<'a> {
    Literal(&'a str),
    Placeholder(&'a str),
}

impl<'a> ArnFormat<'a> {
    /// Takes a format as it is; a `${` without its `}` is literal text.
    pub const fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// The format as AWS writes it.
    pub const fn as_str(self) -> &'a str {
        self.text
    }

    /// Names of the placeholders, in order: `Partition`, `BucketName`, `ObjectName`.
    pub fn placeholders(self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.pieces().filter_map(|piece| match piece {
            ArnFormatPiece::Placeholder(name) => Some(name),
            ArnFormatPiece::Literal(_) => None,
        })
    }

    /// The resource pattern that matches every ARN of this format: each placeholder becomes `*`.
    pub fn to_pattern(self) -> String {
        let mut pattern = String::with_capacity(self.text.len());
        for piece in self.pieces() {
            match piece {
                ArnFormatPiece::Literal(text) => pattern.push_str(text),
                ArnFormatPiece::Placeholder(_) => pattern.push('*'),
            }
        }
        pattern
    }

    /// True if an ARN has this format.
    ///
    /// A placeholder before the resource part takes one segment; `Region` and `Account` may be empty there,
    /// others may not. A placeholder of the resource part takes one or more characters, and only the last
    /// piece of the format may take `:`; `/` may occur in any of them (a role's path, an object key). A `*`
    /// that the format itself writes matches anything. At most quadratic in the length of the ARN, no
    /// recursion.
    pub fn matches(self, arn: &str) -> bool {
        let mut format_parts = self.text.splitn(6, ':');
        let mut arn_parts = arn.splitn(6, ':');
        for _ in 0..5 {
            match (format_parts.next(), arn_parts.next()) {
                (Some(format), Some(part)) if segment_matches(format, part) => {}
                _ => return false,
            }
        }
        match (format_parts.next(), arn_parts.next()) {
            (Some(format), Some(resource)) => resource_matches(format, resource),
            _ => false,
        }
    }

    fn pieces(self) -> Pieces<'a> {
        Pieces { rest: self.text }
    }
}

impl fmt::Display for ArnFormat<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text)
    }
}

struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = ArnFormatPiece<'a>;

    fn next(&mut self) -> Option<ArnFormatPiece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some((name, rest)) = self.rest.strip_prefix("${").and_then(|inner| inner.split_once('}')) {
            self.rest = rest;
            return Some(ArnFormatPiece::Placeholder(name));
        }
        let skip = if self.rest.starts_with("${") { 2 } else { 0 };
        let end = self.rest.get(skip..).and_then(|text| text.find("${")).map_or(self.rest.len(), |at| at + skip);
        let (literal, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(ArnFormatPiece::Literal(literal))
    }
}

fn segment_matches(format: &str, part: &str) -> bool {
    let pieces: Vec<_> = ArnFormat::new(format).pieces().collect();
    match pieces.as_slice() {
        [ArnFormatPiece::Placeholder("Region" | "Account")] => true,
        [ArnFormatPiece::Placeholder(_)] => !part.is_empty(),
        _ => resource_matches(format, part),
    }
}

/// One unit of a format part, matched against bytes.
#[derive(Clone, Copy)]
enum Unit {
    Byte(u8),
    /// Any one byte; `:` only if `colons`.
    One {
        colons: bool,
    },
    /// Any number of bytes; `:` only if `colons`.
    Run {
        colons: bool,
    },
}

fn units(format: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut pieces = ArnFormat::new(format).pieces().peekable();
    while let Some(piece) = pieces.next() {
        let colons = pieces.peek().is_none();
        match piece {
            ArnFormatPiece::Placeholder(_) => units.extend([Unit::One { colons }, Unit::Run { colons }]),
            ArnFormatPiece::Literal(text) => units.extend(text.bytes().map(|byte| match byte {
                b'*' => Unit::Run { colons: true },
                byte => Unit::Byte(byte),
            })),
        }
    }
    units
}

/// True if a part has the format. Follows all ways to read it at once, so no choice has to be undone.
fn resource_matches(format: &str, part: &str) -> bool {
    let units = units(format);
    // reached[i]: the first i units can account for the bytes so far.
    let mut reached = vec![false; units.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    skip_empty_runs(&units, &mut reached);
    for byte in part.bytes() {
        let mut next = vec![false; reached.len()];
        for ((unit, from), at) in units.iter().zip(&reached).zip(0..) {
            let target = match *unit {
                Unit::Byte(expected) if byte == expected => at + 1,
                Unit::One { colons } if colons || byte != b':' => at + 1,
                Unit::Run { colons } if colons || byte != b':' => at,
                _ => continue,
            };
            if let Some(slot) = next.get_mut(target) {
                *slot |= from;
            }
        }
        skip_empty_runs(&units, &mut next);
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

fn skip_empty_runs(units: &[Unit], reached: &mut [bool]) {
    let mut carried = false;
    for (at, slot) in reached.iter_mut().enumerate() {
        *slot |= carried;
        carried = *slot && matches!(units.get(at), Some(Unit::Run { .. }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, arn: &str, expect: bool) {
        assert_eq!(ArnFormat::new(format).matches(arn), expect, "{format} matches {arn}");
    }

    const OBJECT: &str = "arn:${Partition}:s3:::${BucketName}/${ObjectName}";
    const BUCKET: &str = "arn:${Partition}:s3:::${BucketName}";
    const STREAM: &str =
        "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}:log-stream:${LogStreamName}";

    #[test]
    fn the_last_placeholder_takes_slashes_and_colons() {
        check(OBJECT, "arn:aws:s3:::orders/2026/11/a:b", true);
        check(OBJECT, "arn:aws:s3:::orders", false);
        check(OBJECT, "arn:aws:s3:::orders/", false);
        check(BUCKET, "arn:aws:s3:::orders", true);
        check(BUCKET, "arn:aws:s3:::", false);
    }

    #[test]
    fn region_and_account_may_be_empty_but_other_segments_may_not() {
        check("arn:${Partition}:iam:${Region}:${Account}:role/${Name}", "arn:aws:iam::111122223333:role/r", true);
        check("arn:${Partition}:ec2:${Region}::image/${ImageId}", "arn:aws:ec2:eu-west-1::image/ami-1", true);
        check(
            "arn:${Partition}:ec2:${Region}::image/${ImageId}",
            "arn:aws:ec2:eu-west-1:111122223333:image/ami-1",
            false,
        );
        check(BUCKET, "arn::s3:::orders", false);
        check(BUCKET, "arn:aws:sqs:::orders", false);
    }

    #[test]
    fn a_placeholder_inside_the_resource_part_stops_at_a_colon() {
        check(
            STREAM,
            "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f:log-stream:2026/11/[$LATEST]0a",
            true,
        );
        check(STREAM, "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f", false);
        check("arn:${Partition}:x:::a:${One}:b", "arn:aws:x:::a:1:2:b", false);
        check("arn:${Partition}:x:::a/${Path}/b", "arn:aws:x:::a/1/2/b", true);
    }

    #[test]
    fn stars_and_unclosed_placeholders_of_the_format_are_text() {
        check("arn:${Partition}:x:::*", "arn:aws:x:::anything/at:all", true);
        check("arn:${Partition}:x:::*", "arn:aws:x:::", true);
        check("arn:${Partition}:x:::${Open", "arn:aws:x:::${Open", true);
        check("", "", false);
        check(BUCKET, "not an arn", false);
    }

    #[test]
    fn placeholders_become_stars() {
        let format = ArnFormat::new(OBJECT);
        assert_eq!(format.placeholders().collect::<Vec<_>>(), ["Partition", "BucketName", "ObjectName"]);
        assert_eq!(format.to_pattern(), "arn:*:s3:::*/*");
        assert_eq!(ArnFormat::new("${Open").to_pattern(), "${Open");
    }
}
