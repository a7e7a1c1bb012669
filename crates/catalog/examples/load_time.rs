//! Prints how long the embedded catalog takes to load, and some lookups: `cargo run --release -p
//! whittle-catalog --example load_time`. The budget is 5 ms for the load, once a process.

#![expect(clippy::print_stdout, reason = "an example that prints its result")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use whittle_catalog::{Catalog, catalog};
use whittle_policy::ActionPattern;

static FILE: &[u8] = include_bytes!("../data/catalog.bin");

/// The fastest of many runs: the others only add what else the machine did.
fn fastest(mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
    }
    best
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    black_box(catalog().action_count());
    println!("first use          {:>10.1?}", start.elapsed());
    println!("load               {:>10.1?}", fastest(|| drop(black_box(Catalog::from_bytes(black_box(FILE))))));
    println!("one action by name {:>10.1?}", fastest(|| _ = black_box(catalog().action(black_box("s3:GetObject")))));
    println!(
        "operations of one  {:>10.1?}",
        fastest(|| {
            let action = catalog().action(black_box("s3:GetObject"));
            black_box(action.map(|id| catalog().info(id).operations()));
        })
    );
    for text in ["s3:*", "s3:Get*", "ec2:*Instance*", "*"] {
        let pattern: ActionPattern = text.parse()?;
        let count = catalog().expand(&pattern).len();
        let time = fastest(|| drop(black_box(catalog().expand(black_box(&pattern)))));
        println!("expand {text:<15} {time:>7.1?} for {count} actions");
    }
    println!("nearest            {:>10.1?}", fastest(|| drop(black_box(catalog().nearest("s3:GetObjectz", 3)))));
    Ok(())
}
