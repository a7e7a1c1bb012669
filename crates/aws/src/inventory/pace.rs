//! How fast calls are made, and when to stop making them.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Longest pause between two calls, however often AWS asks for patience.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Gives each caller its turn, at most so many a second. Slows down when AWS asks for it and recovers by and
/// by.
#[derive(Debug, Clone)]
pub(super) struct Pacer {
    state: Arc<Mutex<PaceState>>,
    pause: Duration,
}

#[derive(Debug)]
struct PaceState {
    next: Option<Instant>,
    pause: Duration,
}

impl Pacer {
    /// `per_second` turns a second at most.
    pub(super) fn new(per_second: u32) -> Self {
        let pause = Duration::from_secs(1) / per_second.max(1);
        Self { state: Arc::new(Mutex::new(PaceState { next: None, pause })), pause }
    }

    /// Waits for the next turn.
    pub(super) async fn turn(&self) {
        let at = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let at = state.next.map_or(now, |next| next.max(now));
            state.next = Some(at + state.pause);
            // An eighth faster each second or so, until the pace is back.
            state.pause = (state.pause * 99 / 100).max(self.pause);
            at
        };
        sleep_until(at).await;
    }

    /// Half as fast from now on.
    pub(super) fn slow_down(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.pause = (state.pause * 2).min(MAX_PAUSE);
    }
}

/// Tells tasks that the time is up.
#[derive(Debug, Clone, Default)]
pub(super) struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_keep_their_distance_and_slow_down_when_asked() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let pacer = Pacer::new(10);
            let began = Instant::now();
            for _ in 0..11 {
                pacer.turn().await;
            }
            assert!(began.elapsed() >= Duration::from_secs(1) && began.elapsed() < Duration::from_millis(1_050));
            pacer.slow_down();
            pacer.turn().await;
            let slow = Instant::now();
            pacer.turn().await;
            assert!(slow.elapsed() > Duration::from_millis(150), "{:?}", slow.elapsed());
            for _ in 0..200 {
                pacer.turn().await;
            }
            let again = Instant::now();
            pacer.turn().await;
            assert!(again.elapsed() < Duration::from_millis(120), "{:?}", again.elapsed());
        });
    }
}
