//! Condition values read from their text: number, instant, truth value, network, bytes.
//!
//! Each reader answers `None` for a text that AWS would not read either; such a value matches nothing.
//! All are linear in the text.

use core::net::IpAddr;
use std::cmp::Ordering;

/// A decimal number of any length, compared without rounding.
///
/// "Numeric condition operators": an integer or decimal value. No exponents, no separators.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimal<'a> {
    negative: bool,
    /// Without leading zeros.
    whole: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        Some(Self { negative: negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction })
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |a: &Self, b: &Self| {
            let whole = a.whole.len().cmp(&b.whole.len()).then_with(|| a.whole.cmp(b.whole));
            // Without trailing zeros, the longer of two equal beginnings is the larger.
            whole.then_with(|| a.fraction.cmp(b.fraction))
        };
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal<'_> {}

/// `true` or `false` in any case.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// An address with the length of its network prefix: CIDR, or a lone address ("IP address condition
/// operators").
pub(crate) fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
            (address.parse().ok()?, Some(bits.parse().ok()?))
        }
        Some(_) => return None,
        None => (text.parse().ok()?, None),
    };
    let longest = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
    let bits = bits.unwrap_or(longest);
    (bits <= longest).then_some((address, bits))
}

/// The first bits of an address, tagged with its family.
pub(crate) fn prefix(address: IpAddr, bits: u8) -> (bool, u128) {
    let shift = |value: u128, width: u32| value.checked_shr(width.saturating_sub(bits.into())).unwrap_or_default();
    match address {
        IpAddr::V4(address) => (false, shift(u32::from(address).into(), 32)),
        IpAddr::V6(address) => (true, shift(address.into(), 128)),
    }
}

/// An instant in nanoseconds since 1970-01-01T00:00:00Z.
///
/// "Date condition operators": a W3C profile of ISO 8601 (`2026`, `2026-11`, `2026-11-21`,
/// `2026-11-21T08:30Z`, `2026-11-21T08:30:15.25+01:00`) or Unix time in seconds. Four digits are a year. A
/// time without zone is UTC.
pub(crate) fn instant(text: &str) -> Option<i128> {
    let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_year || text.as_bytes().get(4) == Some(&b'-') { calendar(text) } else { epoch(text) }
}

const NANOS: i128 = 1_000_000_000;
/// Digits of Unix seconds that are read; more would be past the end of the universe.
const EPOCH_DIGITS: usize = 18;

fn epoch(text: &str) -> Option<i128> {
    let number = Decimal::parse(text)?;
    if number.whole.len() > EPOCH_DIGITS {
        return None;
    }
    let whole: i128 = if number.whole.is_empty() { 0 } else { number.whole.parse().ok()? };
    let nanos = whole.checked_mul(NANOS)?.checked_add(nanos(number.fraction))?;
    Some(if number.negative { -nanos } else { nanos })
}

/// A fraction of a second; digits past the ninth are dropped.
fn nanos(fraction: &str) -> i128 {
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    digits.fold(0, |sum, digit| sum * 10 + i128::from(digit.wrapping_sub(b'0')))
}

fn calendar(text: &str) -> Option<i128> {
    let mut reader = Digits { rest: text };
    let year = reader.number(4)?;
    let month = if reader.skip(b"-") { reader.number(2)? } else { 1 };
    let day = if reader.skip(b"-") { reader.number(2)? } else { 1 };
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let midnight = days_before(year, month, day) * 86_400 * NANOS;
    if reader.rest.is_empty() {
        return Some(midnight);
    }
    // A time needs a whole date before it.
    if text.len() - reader.rest.len() != "0000-00-00".len() || !reader.skip(b"Tt") {
        return None;
    }
    let hour = reader.number(2)?;
    let minute = if reader.skip(b":") { reader.number(2)? } else { return None };
    let second = if reader.skip(b":") { reader.number(2)? } else { 0 };
    let fraction = if reader.skip(b".") { nanos(reader.digits()?) } else { 0 };
    let zone = reader.zone()?;
    if hour > 23 || minute > 59 || second > 60 || !reader.rest.is_empty() {
        return None;
    }
    Some(midnight + ((hour * 60 + minute) * 60 + second - zone) * NANOS + fraction)
}

struct Digits<'a> {
    rest: &'a str,
}

impl<'a> Digits<'a> {
    fn number(&mut self, width: usize) -> Option<i128> {
        let (digits, rest) = self.rest.split_at_checked(width)?;
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
        self.rest = rest;
        number
    }

    /// Steps over one byte if it is one of these.
    fn skip(&mut self, bytes: &[u8]) -> bool {
        let found = self.rest.as_bytes().first().is_some_and(|byte| bytes.contains(byte));
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        found
    }

    /// A run of at least one digit.
    fn digits(&mut self) -> Option<&'a str> {
        let len = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        (len > 0).then_some(digits)
    }

    /// Seconds east of UTC.
    fn zone(&mut self) -> Option<i128> {
        if self.rest.is_empty() || self.skip(b"Zz") {
            return Some(0);
        }
        let sign = if self.skip(b"-") {
            -1
        } else if self.skip(b"+") {
            1
        } else {
            return None;
        };
        let hours = self.number(2)?;
        self.skip(b":");
        let minutes = self.number(2)?;
        (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60)
    }
}

fn is_leap(year: i128) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i128, month: i128) -> i128 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01.
fn days_before(year: i128, month: i128, day: i128) -> i128 {
    let leaps = |year: i128| year / 4 - year / 100 + year / 400;
    // Years 0..year, in which year 0 is a leap year.
    let before = if year == 0 { 0 } else { year * 365 + leaps(year - 1) + 1 };
    let epoch = 1970 * 365 + leaps(1969) + 1;
    before - epoch + (1..month).map(|month| days_in(year, month)).sum::<i128>() + day - 1
}

/// The bytes that a Base64 text stands for; padding may be left out.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if padding > 2 || digits.len() % 4 == 1 || (padding > 0 && !text.len().is_multiple_of(4)) {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for byte in digits.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = (buffer << 6 | u32::from(six)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(buffer >> bits & 0xFF).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare_by_value() {
        let rising = ["-100", "-99.5", "-0.25", "0", "0.05", "0.5", "1", "9", "10", "10.01", "99999999999999999999999"];
        for (at, low) in rising.iter().enumerate() {
            for high in &rising[at + 1..] {
                assert!(Decimal::parse(low) < Decimal::parse(high), "{low} {high}");
            }
        }
        for (a, b) in [("007", "7"), ("+7", "7"), ("7.0", "7"), ("-0", "0"), (".5", "0.50"), ("5.", "5")] {
            assert_eq!(Decimal::parse(a), Decimal::parse(b), "{a} {b}");
            assert!(Decimal::parse(a).is_some(), "{a}");
        }
        for text in ["", "-", ".", "1e3", "1,000", "0x10", " 1", "1.2.3", "--1", "٣"] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn dates_are_instants() {
        let same = [
            ("2026-11-21T08:30:15Z", "1795249815"),
            ("2026-11-21T08:30:15Z", "2026-11-21T09:30:15+01:00"),
            ("2026-11-21T08:30:15.250Z", "1795249815.25"),
            ("2026-11-21T00:30-01:00", "2026-11-21T01:30:00Z"),
            ("2026", "2026-01-01T00:00:00Z"),
            ("2026-11", "2026-11-01"),
            ("1970-01-01", "0"),
            ("1969-12-31T23:59:59Z", "-1"),
            ("2000-03-01", "951868800"),
            ("2024-02-29", "1709164800"),
        ];
        for (a, b) in same {
            assert_eq!(instant(a), instant(b), "{a} {b}");
            assert!(instant(a).is_some(), "{a}");
        }
        let none = [
            "",
            "x",
            "2026-13-01",
            "2026-02-29",
            "2026-11-21T25:00Z",
            "2026-11-21T08Z",
            "2026-11T08:30Z",
            "2026-11-21 ",
            "2026-11-21T08:30:15.Z",
            "2026-11-21T08:30Z!",
            "99999999999999999999",
        ];
        for text in none {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn base64_reads_with_and_without_padding() {
        assert_eq!(base64("QmluYXJ5").as_deref(), Some(&b"Binary"[..]));
        assert_eq!(base64("QQ=="), base64("QQ"));
        assert_eq!(base64(""), Some(Vec::new()));
        for text in ["Q", "QQ=", "QQ===", "Q*==", "Q=Q="] {
            assert_eq!(base64(text), None, "{text}");
        }
    }

    #[test]
    fn networks_are_cidr_or_an_address() {
        assert_eq!(network("10.0.0.1"), Some(([10, 0, 0, 1].into(), 32)));
        assert!(network("2001:DB8:1234:5678::/64").is_some());
        for text in ["10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/", "10.0.0", "", "::/129"] {
            assert_eq!(network(text), None, "{text}");
        }
    }
}
