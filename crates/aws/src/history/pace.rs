//! Turns: no two calls closer to each other than the service allows.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two calls: two a second are allowed, and a little more time keeps calls that meet delays on their
/// way from arriving as three in one second.
const SHORTEST: Duration = Duration::from_millis(520);

/// Between two calls where others in the account use up what is allowed.
const LONGEST: Duration = Duration::from_secs(8);

/// When the next call may be made.
#[derive(Debug)]
pub(super) struct Pace {
    turns: Mutex<Turns<Instant>>,
}

impl Pace {
    /// At most so many percent of the calls that the account may make.
    pub(super) fn with_share(percent: u8) -> Self {
        Self { turns: Mutex::new(Turns::with_share(percent)) }
    }

    /// Waits for the next turn.
    pub(super) async fn turn(&self) {
        let at = self.turns().next(Instant::now());
        tokio::time::sleep_until(at).await;
    }

    /// The service answered.
    pub(super) fn answered(&self) {
        self.turns().answered();
    }

    /// The service said that it was asked too often.
    pub(super) fn refused(&self) {
        self.turns().refused(Instant::now());
    }

    fn turns(&self) -> MutexGuard<'_, Turns<Instant>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The times of the turns. Apart from waiting for them, so that tests need no clock.
#[derive(Debug)]
struct Turns<I> {
    next: Option<I>,
    /// Between two calls where nobody else asks.
    shortest: Duration,
    interval: Duration,
}

impl<I> Turns<I> {
    fn with_share(percent: u8) -> Self {
        let shortest = SHORTEST * 100 / u32::from(percent.clamp(1, 100));
        Self { next: None, shortest, interval: shortest }
    }
}

impl<I: Copy + Ord + std::ops::Add<Duration, Output = I>> Turns<I> {
    /// When the caller's turn is.
    fn next(&mut self, now: I) -> I {
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.interval);
        at
    }

    /// Somebody else asks too: make room, and come back to the old pace slowly.
    fn refused(&mut self, now: I) {
        self.interval = (self.interval * 2).min(LONGEST.max(self.shortest));
        let after = now + self.interval;
        self.next = Some(self.next.map_or(after, |next| next.max(after)));
    }

    fn answered(&mut self) {
        self.interval = (self.interval * 9 / 10).max(self.shortest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes `calls` calls that take `each`; the times at which they begin.
    fn calls(turns: &mut Turns<Duration>, calls: usize, each: Duration) -> Vec<Duration> {
        let mut now = Duration::ZERO;
        (0..calls)
            .map(|_| {
                let at = turns.next(now);
                now = at + each;
                turns.answered();
                at
            })
            .collect()
    }

    #[test]
    fn at_most_two_calls_in_any_second() {
        for each in [0, 100, 700] {
            let times = calls(&mut Turns::with_share(100), 50, Duration::from_millis(each));
            let most = |at: &Duration| {
                times.iter().filter(|other| **other >= *at && **other < *at + Duration::from_secs(1)).count()
            };
            assert!(times.iter().all(|at| most(at) <= 2), "{times:?}");
        }
    }

    #[test]
    fn fast_answers_leave_no_more_than_the_interval_between_calls() {
        let times = calls(&mut Turns::with_share(100), 101, Duration::from_millis(50));
        assert_eq!(times.last(), Some(&(SHORTEST * 100)));
    }

    #[test]
    fn a_share_leaves_the_other_calls_to_others() {
        for (percent, between) in [(100, SHORTEST), (50, SHORTEST * 2), (1, SHORTEST * 100), (0, SHORTEST * 100)] {
            let times = calls(&mut Turns::with_share(percent), 3, Duration::ZERO);
            assert_eq!(times[2], between * 2, "{percent} %");
        }
    }

    #[test]
    fn a_refused_call_slows_down_and_answers_speed_up_again() {
        let mut turns = Turns::with_share(100);
        let mut now = Duration::ZERO;
        let mut waits = Vec::new();
        for _ in 0..6 {
            let at = turns.next(now);
            waits.push(at.saturating_sub(now).as_millis());
            now = at;
            turns.refused(now);
        }
        assert_eq!(waits, [0, 1_040, 2_080, 4_160, 8_000, 8_000]);
        for _ in 0..100 {
            now = turns.next(now);
            turns.answered();
        }
        assert_eq!(turns.interval, SHORTEST);
    }
}
