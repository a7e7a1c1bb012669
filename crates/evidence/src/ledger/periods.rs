//! Periods in names: parts that stand for a year, a month, a week or a day, and differ in the next one.
//!
//! In: one segment of an ARN. Out: the segment with these parts as `*`. Decided by the text alone, so a
//! period is open though only one was seen: a window is shorter than a year, and may lie inside a month.
//!
//! A period begins at an *anchor*, which is a date whatever stands around it: a year from 1990 to 2099, alone
//! or after letters (`2026`, `fy2026`); a date in digits (`202610`, `20261001`, `2026274`, `20261001T1011`);
//! a year with a week, quarter or half (`2026W40`, `2026q3`); a week or quarter (`W40`, `week-40`, `q3`);
//! three pairs of digits (`26-10-01`); a number or month after the name of a unit (`month=08`, `dt=…`); a
//! month as the whole text. It reaches over the neighbours that may belong to it: short numbers, months, and
//! `h2`, `d7`.
//!
//! No period: other numbers (`v2`, `orders-2`, `us-east-1`, `s3`), account ids, ids in hexadecimal.

use std::ops::Range;

use super::segments::is_hash;

/// The segment with its periods as `*`; `None` if it has none.
pub(super) fn open_periods(segment: &str) -> Option<String> {
    let words = words(segment);
    let anchors: Vec<Option<Range<usize>>> = (0..words.len()).map(|index| anchor(segment, &words, index)).collect();
    let mut open: Vec<Range<usize>> = Vec::new();
    for (index, anchor) in anchors.iter().enumerate() {
        let Some(anchor) = anchor else { continue };
        let mut range = anchor.clone();
        // A word that is open from its start or to its end goes on in its neighbours.
        let neighbours = |indices: &mut dyn Iterator<Item = usize>| {
            indices
                .map_while(|near| words.get(near).filter(|word| is_component(word.text)))
                .last()
                .map(|word| (word.start, word.end()))
        };
        if words.get(index).is_some_and(|word| word.start == range.start)
            && let Some((start, _)) = neighbours(&mut (0..index).rev())
        {
            range.start = start;
        }
        if let Some((_, end)) = neighbours(&mut (index + 1..words.len())) {
            range.end = end;
        }
        match open.last_mut().filter(|last| range.start <= last.end + 1) {
            Some(last) => last.end = last.end.max(range.end),
            None => open.push(range),
        }
    }
    if open.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(segment.len());
    let mut from = 0;
    for range in open {
        out.push_str(segment.get(from..range.start).unwrap_or_default());
        if !out.ends_with('*') {
            out.push('*');
        }
        from = range.end;
    }
    out.push_str(segment.get(from..).unwrap_or_default());
    Some(out)
}

/// A run of ASCII letters and digits.
#[derive(Clone, Copy)]
struct Word<'a> {
    start: usize,
    text: &'a str,
}

impl<'a> Word<'a> {
    fn end(self) -> usize {
        self.start + self.text.len()
    }

    /// Leading letters, the digits after them, and the rest.
    fn parts(self) -> (&'a str, &'a str, &'a str) {
        let letters = self.text.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (letters, rest) = self.text.split_at_checked(letters).unwrap_or((self.text, ""));
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = rest.split_at_checked(digits).unwrap_or((rest, ""));
        (letters, digits, rest)
    }
}

/// The words, without those of a UUID and other ids in hexadecimal.
fn words(segment: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut start = 0;
    for text in segment.split(|c: char| !c.is_ascii_alphanumeric()) {
        words.push(Word { start, text });
        // Separators of several bytes end at the next word.
        let end = start + text.len();
        start = end + segment.get(end..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    }
    let mut id = vec![false; words.len()];
    for (index, part) in words.windows(5).enumerate() {
        let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
        if part.iter().zip([8, 4, 4, 4, 12]).all(|(word, length)| word.text.len() == length && hex(word.text)) {
            id.iter_mut().skip(index).take(5).for_each(|part| *part = true);
        }
    }
    let mut id = id.into_iter();
    words.retain(|word| !id.next().unwrap_or(false) && !word.text.is_empty());
    words
}

/// The part of a word that is a period in itself.
fn anchor(segment: &str, words: &[Word<'_>], index: usize) -> Option<Range<usize>> {
    let word = *words.get(index)?;
    let before = index.checked_sub(1).and_then(|before| words.get(before));
    let between = |a: &Word<'_>, b: &Word<'_>| segment.get(a.end()..b.start).unwrap_or_default().to_owned();
    let (letters, digits, rest) = word.parts();
    let whole = word.start..word.end();
    let number = word.start + letters.len()..word.start + letters.len() + digits.len();
    if let Some(unit) = before {
        let link = between(unit, &word);
        let value = is_number(word.text) || is_month(word.text) || is_component(word.text);
        let of_unit = link == "=" && is_unit(unit.text, KEYS) || link.len() == 1 && is_unit(unit.text, UNITS);
        if value && of_unit {
            return Some(whole);
        }
    }
    if digits.is_empty() {
        let alone = word.text.len() == segment.len() || before.is_some_and(|key| between(key, &word) == "=");
        return (alone && is_month(letters)).then_some(whole);
    }
    // `20261001T101112Z` is long and has digits enough for an id.
    if is_date(digits) && is_time_of_day(rest) {
        return Some(if letters.is_empty() || is_month(letters) { whole } else { number.start..word.end() });
    }
    if is_hash(word.text) {
        return None;
    }
    if letters.is_empty() {
        let part = is_year(digits) && (is_component(rest) || is_month(rest));
        let short = two_digit_date(segment, words, index)
            || digits.len() <= 2 && is_month(rest.trim_end_matches(|c: char| c.is_ascii_digit()));
        return (part || short).then_some(whole);
    }
    let value = digits.parse::<u32>().ok()?;
    let unit = letters.to_ascii_lowercase();
    let period = match unit.as_str() {
        "w" => digits.len() == 2 && (1..=53).contains(&value),
        "wk" | "cw" | "kw" | "week" => (1..=53).contains(&value),
        // `q3` alone is as well the third queue.
        "q" => word.text.len() < segment.len() && digits.len() == 1 && (1..=4).contains(&value),
        "qtr" | "quarter" => (1..=4).contains(&value),
        "fy" | "year" | "month" => true,
        _ => is_month(&unit) && digits.len() <= 2,
    };
    let tail = rest.is_empty() || is_component(rest) || rest.get(1..).is_some_and(is_date);
    (period && tail).then(|| if is_month(&unit) { whole } else { number.start..word.end() })
}

/// `2026`, `202610`, `2026274` (day of the year), `20261001` in either order, with an hour, or with the time.
/// Twelve digits are an account id.
fn is_date(digits: &str) -> bool {
    let number = |range: Range<usize>| digits.get(range).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    let year = |from: usize| digits.get(from..from + 4).is_some_and(is_year);
    let (month, day) = (1..=12, 1..=31);
    let pair = |at: usize| {
        let (a, b) = (number(at..at + 2), number(at + 2..at + 4));
        month.contains(&a) && day.contains(&b) || day.contains(&a) && month.contains(&b)
    };
    match digits.len() {
        4 => year(0),
        6 => year(0) && month.contains(&number(4..6)) || year(2) && month.contains(&number(0..2)),
        7 => year(0) && (1..=366).contains(&number(4..7)),
        8 => year(0) && pair(4) || year(4) && pair(0),
        10 => year(0) && pair(4) && number(8..10) < 24,
        14 => year(0) && pair(4) && number(8..10) < 24 && number(10..12) < 60,
        _ => false,
    }
}

fn is_year(digits: &str) -> bool {
    digits.len() == 4 && is_number(digits) && digits.parse::<u32>().is_ok_and(|year| (1990..=2099).contains(&year))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Nothing, `Z`, `T10`, `T101112Z`.
fn is_time_of_day(text: &str) -> bool {
    let text = text.strip_suffix(['z', 'Z']).unwrap_or(text);
    text.is_empty() || text.strip_prefix(['t', 'T']).is_some_and(|time| time.len() <= 9 && is_number(time))
}

/// One of three pairs of digits that read as a date: `26-10-01`, `01.10.26`.
fn two_digit_date(segment: &str, words: &[Word<'_>], index: usize) -> bool {
    let pairs = |word: &&Word<'_>| word.text.len() == 2 && is_number(word.text);
    let run = || words.iter().skip(index).take_while(pairs);
    if index > 0 && words.get(index - 1).as_ref().is_some_and(pairs) || run().count() != 3 {
        return false;
    }
    let parts: Vec<u32> = run().filter_map(|word| word.text.parse().ok()).collect();
    let [first, month, last] = parts[..] else { return false };
    let day = |value: u32| (1..=31).contains(&value);
    let separated =
        |word: &Word<'_>| segment.get(word.end()..=word.end()).is_some_and(|c| matches!(c, "-" | "_" | "."));
    run().take(2).all(separated) && (1..=12).contains(&month) && (day(first) || day(last))
}

/// May belong to a period beside it: a number of one or two digits, `0731` and `101112`, a month or weekday,
/// `w40`, `q3`, `h2`, `d07`, `t10`, `29T10Z`.
fn is_component(text: &str) -> bool {
    let marked = |text: &str| {
        text.strip_prefix(['w', 'q', 'h', 'm', 'd', 't', 's', 'W', 'Q', 'H', 'M', 'D', 'T', 'S'])
            .map(|digits| digits.strip_suffix(['z', 'Z']).unwrap_or(digits))
            .is_some_and(|digits| digits.len() <= 6 && is_number(digits))
    };
    let (digits, rest) =
        text.split_at_checked(text.bytes().take_while(u8::is_ascii_digit).count()).unwrap_or((text, ""));
    let number = matches!(digits.len(), 1 | 2 | 3 | 4 | 6) || is_date(digits);
    number && is_time_of_day(rest) || marked(text) || is_month(text) || is_unit(text, WEEKDAYS)
}

/// Names of units before a separator.
const UNITS: &[&str] = &["year", "month", "week", "quarter", "hour", "qtr", "wk", "fy"];

/// Names of units before `=`, as partitions have them.
const KEYS: &[&str] = &[
    "year",
    "yr",
    "y",
    "yyyy",
    "yy",
    "month",
    "mon",
    "mm",
    "m",
    "day",
    "dd",
    "d",
    "date",
    "dt",
    "ds",
    "hour",
    "hr",
    "hh",
    "h",
    "minute",
    "min",
    "mi",
    "week",
    "wk",
    "ww",
    "w",
    "quarter",
    "qtr",
    "q",
    "fy",
    "period",
    "time",
    "timestamp",
    "ts",
];

const WEEKDAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const MONTHS: &[&str] = &[
    "jan",
    "january",
    "feb",
    "february",
    "mar",
    "march",
    "apr",
    "april",
    "may",
    "jun",
    "june",
    "jul",
    "july",
    "aug",
    "august",
    "sep",
    "sept",
    "september",
    "oct",
    "october",
    "nov",
    "november",
    "dec",
    "december",
];

fn is_month(text: &str) -> bool {
    is_unit(text, MONTHS)
}

fn is_unit(text: &str, names: &[&str]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::open_periods;

    #[test]
    fn periods_are_open() {
        for (name, expect) in [
            ("year=2026", "year=*"),
            ("month=08", "month=*"),
            ("dt=2026-10-01", "dt=*"),
            ("date=20261001", "date=*"),
            ("event_date=2026-10-01", "event_date=*"),
            ("hour=7", "hour=*"),
            ("month=Oct", "month=*"),
            ("events_2026_11", "events_*"),
            ("events-2026-11-prod", "events-*-prod"),
            ("events-202611", "events-*"),
            ("events.20261101", "events.*"),
            ("events202611", "events*"),
            ("orders2026", "orders*"),
            ("FY2026", "FY*"),
            ("fy26", "fy*"),
            ("2026W40", "*"),
            ("2026-W40", "*"),
            ("W40-2026", "W*"),
            ("2026q3", "*"),
            ("Q3-2026", "Q*"),
            ("sales-q3", "sales-q*"),
            ("2026-H2", "*"),
            ("2026-oct", "*"),
            ("oct-2026", "*"),
            ("Oct2026", "*"),
            ("october", "*"),
            ("01-10-2026", "*"),
            ("backup-26-10-01", "backup-*"),
            ("week-40", "week-*"),
            ("2026-week-40", "*-week-*"),
            ("quarter=q3", "quarter=*"),
            ("report_week40", "report_week*"),
            ("2026-07-29T10", "*"),
            ("x-20260729T101112Z", "x-*"),
            ("x-2026274", "x-*"),
            ("app-2026-10-01-10", "app-*"),
            ("jobs-v3-2026", "jobs-v3-*"),
            ("s3-events-2026-10", "s3-events-*"),
            ("é2026", "é*"),
            ("2026", "*"),
        ] {
            assert_eq!(open_periods(name).as_deref(), Some(expect), "{name}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for name in [
            "",
            "orders",
            "orders-2",
            "orders-12",
            "api-v2",
            "v2",
            "s3",
            "ec2-logs",
            "us-east-1",
            "eu-central-1-orders",
            "prod-1",
            "111122223333",
            "assets-202611012359-eu-west-1",
            "cdk-hnb659fds-assets-111122223333-eu-west-1",
            "6f1c2f3e-2026-4222-8333-abcdefabcdef",
            "k-6f1c2f3e-1111-2026-2027-abcdefabcdef",
            "0123456789ab2026",
            "db-AbCdEf",
            "tenant-4711",
            "port-8080",
            "x-1234567890",
            "worker1",
            "q3",
            "march-orders",
            "sunday",
            "h2-database",
            "10-20-30-40",
            "events_*",
            "year=*",
        ] {
            assert_eq!(open_periods(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn twice_is_once(name in "([a-z0-9_=.*é-]|20[0-9]{2}|q3|w40|oct|year|=|-){0,12}") {
            if let Some(open) = open_periods(&name) {
                prop_assert_eq!(open_periods(&open), None, "{} {}", name, open);
            }
        }
    }
}
