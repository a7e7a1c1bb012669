//! Reads objects of which reading means waiting: many at once, while no more are parsed than there are cores.
//!
//! Each thread waits for its object, then takes one of as many desks as there are cores; a desk has the
//! ledger and the mapper that the object goes to. So memory holds the objects under way (as stored, a batch
//! at most) and one inflated object a core. Which desk an object goes to is chance and without effect:
//! merging ledgers is commutative.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{BatchPart, ReadingContext};
use crate::ports::TrailObjects;
use crate::trail_object::TrailObject;

pub(super) fn read<'d>(
    objects: &impl TrailObjects,
    batch: &[TrailObject],
    parallel_reads: usize,
    context: ReadingContext<'d>,
) -> Vec<BatchPart<'d>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let desks = Desks::new((0..cores).map(|_| BatchPart::new(context)).collect());
    each(batch, parallel_reads, &|| false, &|index, object| {
        let bytes = objects.read(object);
        desks.take().part().take(index, object, bytes);
    });
    desks.into_parts()
}

/// Does `work` with each of `items` and its position, several at once, until `stop` says so.
pub(super) fn each<T: Sync>(
    items: &[T],
    at_once: usize,
    stop: &(dyn Fn() -> bool + Sync),
    work: &(dyn Fn(usize, &T) + Sync),
) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..at_once.min(items.len()) {
            scope.spawn(|| {
                while !stop() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    work(index, item);
                }
            });
        }
    });
}

/// A semaphore whose permits are the desks.
struct Desks<'d> {
    free: Mutex<Vec<BatchPart<'d>>>,
    freed: Condvar,
}

impl<'d> Desks<'d> {
    fn new(parts: Vec<BatchPart<'d>>) -> Self {
        Self { free: Mutex::new(parts), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<BatchPart<'d>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a free desk.
    fn take(&self) -> Desk<'_, 'd> {
        let mut free = self.lock();
        loop {
            if let Some(part) = free.pop() {
                return Desk { desks: self, part: Some(part) };
            }
            free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn into_parts(self) -> Vec<BatchPart<'d>> {
        self.free.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A desk in use. Free again when dropped, so that a thread that panics does not keep others waiting for
/// ever.
struct Desk<'a, 'd> {
    desks: &'a Desks<'d>,
    part: Option<BatchPart<'d>>,
}

impl<'d> Desk<'_, 'd> {
    #[expect(clippy::expect_used, reason = "only `drop` takes the part away; to go on without it would lose events")]
    fn part(&mut self) -> &mut BatchPart<'d> {
        self.part.as_mut().expect("a desk in use has a part")
    }
}

impl Drop for Desk<'_, '_> {
    fn drop(&mut self) {
        self.desks.lock().extend(self.part.take());
        self.desks.freed.notify_one();
    }
}
