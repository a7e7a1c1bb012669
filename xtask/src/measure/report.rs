//! Results as tables in Markdown.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::fake::{CallCounts, Fake};
use super::operations;
use super::package::Package;

/// Times from process start to ready, sorted.
pub struct Starts {
    pub times: Vec<Duration>,
}

/// Measurements of an account of one size.
pub struct Size {
    functions: usize,
    roles: usize,
    files: usize,
    events: usize,
    trail_bytes: usize,
    items: usize,
    table_bytes: usize,
}

impl Size {
    pub fn of(fake: &Fake) -> Self {
        let (account, trail, (items, table_bytes)) = (fake.account(), fake.trail(), fake.table_size());
        Self {
            functions: account.functions.len(),
            roles: account.roles.len(),
            files: trail.objects.len(),
            events: trail.events,
            trail_bytes: trail.bytes,
            items,
            table_bytes,
        }
    }
}

/// One tick of the schedule.
#[derive(Default)]
pub struct ReportRow {
    pub functions: usize,
    pub ready: Duration,
    pub invocations: u32,
    /// Of all invocations together.
    pub duration: Duration,
    /// Of the longest invocation.
    pub longest: Duration,
    pub cpu: Duration,
    pub peak_bytes: u64,
    pub status: String,
    /// The last answer.
    pub answer: Value,
    pub counts: CallCounts,
}

impl ReportRow {
    /// True if the tick wrote only what every tick writes, and left nothing for the next.
    pub fn is_quiet(&self) -> bool {
        let of_every_tick = |kind: &String| ["lease", "lease-copy", "run"].contains(&kind.as_str());
        self.status == "complete" && self.counts.deleted == 0 && self.counts.written.keys().all(of_every_tick)
    }
}

pub fn text(package: &Package, starts: &Starts, sizes: &[Size], rows: &[ReportRow]) -> String {
    let mut out = String::new();
    let wrote = write(&mut out, package, starts, sizes, rows);
    debug_assert!(wrote.is_ok(), "writing to a string does not fail");
    out
}

fn write(
    out: &mut String,
    package: &Package,
    starts: &Starts,
    sizes: &[Size],
    rows: &[ReportRow],
) -> Result<(), std::fmt::Error> {
    writeln!(out, "Machine: {}\n", machine())?;
    writeln!(out, "Package: program {} MB, zip {} MB\n", megabytes(package.program), megabytes(package.zip))?;
    if let (Some(least), Some(most), Some(median)) =
        (starts.times.first(), starts.times.last(), starts.times.get(starts.times.len() / 2))
    {
        let ms = |time: &Duration| format!("{:.1}", time.as_secs_f64() * 1_000.0);
        let count = starts.times.len();
        writeln!(out, "Start to ready, {count} times: {} ms median ({} to {} ms)\n", ms(median), ms(least), ms(most))?;
    }
    table(
        out,
        &["functions", "roles", "trail files", "events", "trail MB", "items in the table", "table MB"],
        sizes.iter().map(|size| {
            [size.functions, size.roles, size.files, size.events]
                .map(|number| number.to_string())
                .into_iter()
                .chain([megabytes(size.trail_bytes), size.items.to_string(), megabytes(size.table_bytes)])
                .collect()
        }),
    )?;
    let numbered: Vec<(u32, &ReportRow)> = numbered(rows);
    let heads = [
        "functions",
        "run",
        "status",
        "ready ms",
        "invocations",
        "duration s",
        "CPU s",
        "peak MB",
        "AWS calls",
        "throttled",
        "items written",
        "deleted",
        "messages",
        "issues",
    ];
    table(out, &heads, numbered.iter().map(|(run, row)| cells(*run, row)))?;
    let mut heads = vec!["call".to_owned()];
    heads.extend(numbered.iter().map(|(run, row)| format!("{}, run {run}", row.functions)));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let calls = operations(rows).into_iter().map(|key| {
        let mut line = vec![format!("{} {}", key.0, key.1)];
        line.extend(rows.iter().map(|row| row.counts.calls.get(&key).copied().unwrap_or(0).to_string()));
        line
    });
    table(out, &heads, calls)?;
    for (run, row) in numbered {
        let name = format!("{} functions, run {run}", row.functions);
        writeln!(out, "{name}: counts {}", row.answer["counts"])?;
        if !row.counts.written.is_empty() {
            writeln!(out, "{name}: items written {:?}", row.counts.written)?;
        }
        for subject in row.counts.messages.iter().take(3) {
            writeln!(out, "{name}: message {subject:?}")?;
        }
        if !row.counts.refused.is_empty() {
            writeln!(out, "{name}: refused {:?}", row.counts.refused)?;
        }
    }
    Ok(())
}

/// Rows with the number of the run in their account.
fn numbered(rows: &[ReportRow]) -> Vec<(u32, &ReportRow)> {
    let mut last = (0, 0);
    rows.iter()
        .map(|row| {
            last = if last.1 == row.functions { (last.0 + 1, last.1) } else { (1, row.functions) };
            (last.0, row)
        })
        .collect()
}

fn cells(run: u32, row: &ReportRow) -> Vec<String> {
    let sum = |numbers: &mut dyn Iterator<Item = &u64>| numbers.sum::<u64>().to_string();
    let seconds = |time: Duration| format!("{:.2}", time.as_secs_f64());
    let duration = match row.invocations {
        1 => seconds(row.duration),
        _ => format!("{} (longest {})", seconds(row.duration), seconds(row.longest)),
    };
    vec![
        row.functions.to_string(),
        run.to_string(),
        row.status.clone(),
        format!("{:.1}", row.ready.as_secs_f64() * 1_000.0),
        row.invocations.to_string(),
        duration,
        seconds(row.cpu),
        megabytes(usize::try_from(row.peak_bytes).unwrap_or(usize::MAX)),
        sum(&mut row.counts.calls.values()),
        sum(&mut row.counts.throttled.values()),
        sum(&mut row.counts.written.values()),
        row.counts.deleted.to_string(),
        row.counts.messages.len().to_string(),
        row.answer["issues"].as_array().map_or(0, Vec::len).to_string(),
    ]
}

fn table(out: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<(), std::fmt::Error> {
    writeln!(out, "| {} |", heads.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(heads.len()))?;
    for row in rows {
        writeln!(out, "| {} |", row.join(" | "))?;
    }
    writeln!(out)
}

/// Millions of bytes, to a tenth.
fn megabytes(bytes: usize) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// Processor, cores and memory, from proc(5).
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (processors, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split(':').nth(1)).unwrap_or("?").trim().to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{}, {cores} cores, {} of memory, {}",
        value(&processors, "model name"),
        value(&memory, "MemTotal"),
        std::env::consts::ARCH
    )
}
