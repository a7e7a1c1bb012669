//! Numbers, dates, networks and bytes, spelled out.

use std::cmp::Ordering;
use std::net::IpAddr;

/// A decimal number.
pub struct Number {
    negative: bool,
    whole: String,
    fraction: String,
}

impl Number {
    /// Compares digit by digit.
    pub fn compare(&self, other: &Self) -> Ordering {
        let wide = self.whole.len().max(other.whole.len());
        let deep = self.fraction.len().max(other.fraction.len());
        // Both with as many digits before and after the point.
        let digits = |n: &Self| format!("{:0>wide$}{:0<deep$}", n.whole, n.fraction);
        let (a, b) = (digits(self), digits(other));
        let is_zero = |digits: &str| digits.chars().all(|digit| digit == '0');
        match (self.negative && !is_zero(&a), other.negative && !is_zero(&b)) {
            (false, false) => a.cmp(&b),
            (true, true) => b.cmp(&a),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// Reads an integer or decimal.
pub fn number(text: &str) -> Option<Number> {
    let negative = text.starts_with('-');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let parts: Vec<&str> = digits.split('.').collect();
    let count = digits.chars().filter(char::is_ascii_digit).count();
    if parts.len() > 2 || count == 0 || count + parts.len() - 1 != digits.chars().count() {
        return None;
    }
    let part = |at: usize| parts.get(at).copied().unwrap_or_default().to_owned();
    Some(Number { negative, whole: part(0), fraction: part(1) })
}

/// Billionths of a second since 1970 began: a date, counted day by day, or Unix seconds.
pub fn moment(text: &str) -> Option<i128> {
    let dash = text.chars().nth(4) == Some('-');
    let year_alone = text.chars().count() == 4 && text.chars().all(|char| char.is_ascii_digit());
    if !dash && !year_alone {
        let seconds = number(text)?;
        let nanos: String = format!("{:0<9}", seconds.fraction).chars().take(9).collect();
        if seconds.whole.trim_start_matches('0').len() > 18 {
            return None;
        }
        let total = format!("0{}{nanos}", seconds.whole).parse::<i128>().ok()?;
        return Some(if seconds.negative { -total } else { total });
    }
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let fields: Vec<&str> = date.split('-').collect();
    let field = |at: usize, len: usize| match fields.get(at) {
        None => Some(1),
        Some(field) if field.len() == len && field.chars().all(|char| char.is_ascii_digit()) => field.parse().ok(),
        Some(_) => None,
    };
    let (year, month, day): (i128, i128, i128) = (field(0, 4)?, field(1, 2)?, field(2, 2)?);
    if fields.len() > 3 || !(1..=12).contains(&month) || day < 1 || day > month_days(year, month) {
        return None;
    }
    let mut days = day - 1;
    for month in 1..month {
        days += month_days(year, month);
    }
    for past in 1970..year {
        days += year_days(past);
    }
    for future in year..1970 {
        days -= year_days(future);
    }
    let seconds = match time {
        None => 0,
        Some(_) if fields.len() < 3 => return None,
        Some(time) => clock(time)?,
    };
    Some(days * 86_400 * 1_000_000_000 + seconds)
}

fn month_days(year: i128, month: i128) -> i128 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => year_days(year) - 337,
        _ => 31,
    }
}

fn year_days(year: i128) -> i128 {
    let leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    if leap { 366 } else { 365 }
}

/// `hh:mm[:ss[.fraction]][zone]`
fn clock(time: &str) -> Option<i128> {
    let zone_at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (local, zone) = time.split_at_checked(zone_at)?;
    let two = |text: &str, limit: i128| {
        let good = text.len() == 2 && text.chars().all(|char| char.is_ascii_digit());
        text.parse::<i128>().ok().filter(|&number| good && number <= limit)
    };
    let (whole, fraction) = match local.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.chars().all(|char| char.is_ascii_digit()) => {
            (whole, fraction)
        }
        Some(_) => return None,
        None => (local, ""),
    };
    let parts: Vec<&str> = whole.split(':').collect();
    let (hour, minute) = (two(parts.first()?, 23)?, two(parts.get(1)?, 59)?);
    let second = parts.get(2).map_or(Some(0), |second| two(second, 60))?;
    if parts.len() > 3 || (parts.len() < 3 && !fraction.is_empty()) {
        return None;
    }
    let nanos: i128 = format!("{fraction:0<9}").chars().take(9).collect::<String>().parse().ok()?;
    let offset = match zone {
        "" | "Z" | "z" => 0,
        _ => {
            let digits: String = zone.chars().skip(1).collect();
            let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
            let size = two(hours, 23)? * 3600 + two(minutes, 59)? * 60;
            match zone.chars().next() {
                Some('+') => size,
                Some('-') => -size,
                _ => return None,
            }
        }
    };
    Some((hour * 3600 + minute * 60 + second - offset) * 1_000_000_000 + nanos)
}

/// True if an address lies in a network, by the text of their bits.
pub fn in_network(network: &str, address: &str) -> Option<bool> {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("4{:032b}", u32::from(address)),
        IpAddr::V6(address) => format!("6{:0128b}", u128::from(address)),
    };
    let (base, length) = match network.split_once('/') {
        Some((base, length)) => (base, Some(length.parse::<usize>().ok()?)),
        None => (network, None),
    };
    let (base, address) = (bits(base.parse().ok()?), bits(address.parse().ok()?));
    let length = length.map_or(base.len(), |length| length + 1);
    Some(base.get(..length)? == address.get(..length).unwrap_or_default())
}

/// The bits that a Base64 text stands for.
pub fn bytes(text: &str) -> Option<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) || digits.len() % 4 == 1 {
        return None;
    }
    let sextets: Option<Vec<String>> =
        digits.chars().map(|char| ALPHABET.find(char).map(|value| format!("{value:06b}"))).collect();
    let mut bits = sextets?.concat();
    bits.truncate(bits.len() / 8 * 8);
    Some(bits)
}
