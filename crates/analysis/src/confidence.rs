//! Confidence in a suggestion: 0 to 1.

use jiff::Timestamp;

use crate::need::SubjectUsage;

/// Days of evidence after which a longer window adds no confidence: what event history keeps.
const FULL_WINDOW_DAYS: u32 = 90;
/// Days with activity after which more of them add no confidence.
const FULL_ACTIVE_DAYS: u32 = 20;

/// Grows with the length of the window, the `density` of its evidence (share of days with any event of the
/// account) and the number of active days; halved when code or configuration was `deployed` after it was last
/// seen, so that its new code has not run yet. Two decimals.
///
/// Invocation counts would say more; the sources read so far do not have them.
pub fn confidence(window_days: u32, density: f64, usage: &SubjectUsage, deployed: Option<Timestamp>) -> f64 {
    let share = |value: u32, full: u32| f64::from(value.min(full)) / f64::from(full);
    let window = share(window_days, FULL_WINDOW_DAYS);
    let activity = 0.4 + 0.6 * share(u32::try_from(usage.days.len()).unwrap_or(u32::MAX), FULL_ACTIVE_DAYS);
    let new_code_has_run = match (deployed, usage.last_seen) {
        (Some(deployed), Some(last)) => last >= deployed,
        (Some(_), None) => false,
        (None, _) => true,
    };
    let freshness = if new_code_has_run { 1.0 } else { 0.5 };
    (window * density * activity * freshness * 100.0).round() / 100.0
}
