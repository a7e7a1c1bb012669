//! The 90 days of the example, 2026-08-01 to 2026-10-29, and times within them.

use anyhow::Result;
use jiff::Timestamp;

/// Number of days in the window.
pub const DAYS: u32 = 90;

/// 2026-08-01T00:00:00Z, a Saturday, in seconds since 1970.
const START_SECONDS: i64 = 1_785_542_400;
const DAY_SECONDS: i64 = 86_400;

/// Days of the window, by number from 0, that matter by their date.
pub mod day {
    /// 2026-08-19: `shop-checkout` deployed.
    pub const FIRST_DEPLOYMENT: u32 = 18;
    /// 2026-09-22: `shop-checkout` deployed.
    pub const SECOND_DEPLOYMENT: u32 = 52;
    /// 2026-10-12: a new version of the policy `shop-reporting-analytics`.
    pub const POLICY_CHANGE: u32 = 72;
    /// 2026-10-20: `shop-checkout` deployed for the last time.
    pub const LAST_DEPLOYMENT: u32 = 80;
    /// First days of August, September, October.
    pub const MONTH_STARTS: [u32; 3] = [0, 31, 61];
    /// Last days of August, September, and the last day of the window.
    pub const MONTH_ENDS: [u32; 3] = [30, 60, 89];
}

/// A moment of the window.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// `second` of day number `day`.
    pub fn new(day: u32, second: u32) -> Self {
        Self(START_SECONDS + i64::from(day) * DAY_SECONDS + i64::from(second))
    }

    /// `hour:minute` of day number `day`.
    pub fn at(day: u32, hour: u32, minute: u32) -> Self {
        Self::new(day, hour * 3600 + minute * 60)
    }

    /// This many seconds later.
    pub fn plus(self, seconds: u32) -> Self {
        Self(self.0 + i64::from(seconds))
    }

    /// Number of the day, from 0.
    pub fn day(self) -> u32 {
        u32::try_from((self.0 - START_SECONDS).div_euclid(DAY_SECONDS)).unwrap_or(0)
    }

    /// True in the second half of the day.
    pub fn is_afternoon(self) -> bool {
        (self.0 - START_SECONDS).rem_euclid(DAY_SECONDS) >= DAY_SECONDS / 2
    }

    /// As CloudTrail writes times: `2026-08-01T00:00:00Z`.
    pub fn rfc3339(self) -> Result<String> {
        Ok(Timestamp::from_second(self.0)?.to_string())
    }

    /// In the format of `strftime`.
    pub fn format(self, format: &str) -> Result<String> {
        Ok(Timestamp::from_second(self.0)?.strftime(format).to_string())
    }
}

/// True on Saturday and Sunday.
pub fn is_weekend(day: u32) -> bool {
    day % 7 < 2
}
