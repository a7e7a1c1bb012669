//! Progress on standard error, for work that takes longer than a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use whittle_pipeline::ingest::{IngestObserver, IngestStep};

use crate::printer::Printer;

/// Draws the reading of trail objects; nothing without a terminal.
pub struct ReadProgress {
    bar: ProgressBar,
}

impl ReadProgress {
    /// Hidden unless `printer` shows progress.
    pub fn new(printer: &Printer) -> Self {
        let target = if printer.shows_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) =
            ProgressStyle::with_template("reading {wide_bar} {bytes}/{total_bytes} {msg} {bytes_per_sec}, {eta} left")
        {
            bar.set_style(style);
        }
        Self { bar }
    }
}

impl IngestObserver for ReadProgress {
    fn step(&mut self, step: &IngestStep) {
        if self.bar.length().is_none() {
            self.bar.set_length(step.bytes_total);
        }
        self.bar.set_position(step.bytes_done);
        self.bar.set_message(format!("{} events", step.records));
    }
}

impl Drop for ReadProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
