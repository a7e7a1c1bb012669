//! Throughput of one core from trail file to ledger.
//!
//!     cargo bench -p whittle-evidence --bench ledger
//!
//! The input is the trail of `examples/shop`. Reading alone (inflate and parse) is measured beside the whole
//! way, because a busy machine slows both alike. The best of several rounds is reported.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use whittle_evidence::ledger::{Ledger, RecordSource};
use whittle_evidence::map::Mapper;
use whittle_evidence::read::{Limits, RecordRef, read_bytes};

const ROUNDS: usize = 10;

fn main() {
    let mut files = Vec::new();
    collect_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop/trail"), &mut files);
    let files: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    report("reading", &files, || {
        |record| {
            black_box(record.record);
        }
    });
    report("reading to ledger", &files, || {
        let (mut ledger, mut mapper) = (Ledger::default(), Mapper::default());
        move |record| {
            black_box(ledger.observe_record(record.record, &RecordSource::default(), &mut mapper));
        }
    });
}

fn report<S: FnMut(RecordRef<'_, '_>)>(name: &str, files: &[Vec<u8>], sink: impl Fn() -> S) {
    let mut records = 0;
    let rounds = (0..ROUNDS).map(|_| {
        let mut sink = sink();
        let clock = Instant::now();
        records = files.iter().map(|bytes| read_bytes("", bytes, &Limits::default(), &mut sink).records).sum();
        clock.elapsed().as_secs_f64()
    });
    let seconds = rounds.fold(f64::INFINITY, f64::min) / f64::from(u32::try_from(records).unwrap());
    println!("{name}: {:.0} ns a record, {:.2} million records a second", seconds * 1e9, 1e-6 / seconds);
}

fn collect_files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect_files(&path, out);
        } else {
            out.push(path);
        }
    }
}
