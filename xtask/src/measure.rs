//! `cargo xtask measure`: size, start, memory, time and AWS calls of the Lambda function, against an endpoint
//! and a runtime of its own. `docs/measurements.md` says how to run it and shows the results.
//!
//! Nothing here is a test: wall-clock times depend on the machine, and are for people to compare.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use self::account::{MeasuredAccount, REGION, TRAIL_BUCKET};
use self::fake::{Fake, Settings, TABLE, topic_arn};
use self::http::Server;
use self::report::{ReportRow, Starts};
use self::runtime::Environment;

mod account;
mod fake;
mod http;
mod package;
mod report;
mod runtime;
mod trail;

const USAGE: &str = "\
usage: cargo run --release --package xtask -- measure [OPTION…]

  --functions N,…    sizes of the account (10,100,1000)
  --runs N           ticks of the schedule for each size (2)
  --until-quiet      no more ticks after one that wrote nothing but its lease and record
  --faketime PATH    libfaketime.so.1 (Debian package libfaketime): each tick is a day after the one before
  --binary PATH      program to measure; else `whittle-lambda` is built with the profile `release`
  --evidence WORD    trail-bucket (default), event-history, both
  --timeout SECONDS  timeout of the function (900)
  --lambda-rate N    requests a second that Lambda's control plane takes; AWS takes 15 (0: any number)
  --iam-page N       roles in one answer of IAM at most (1000)
  --report-seconds N time that IAM takes for a last-accessed report (2)
  --trail-days N     days of trail files, 288 files a day (35)
  --starts N         cold starts to be timed (20)
  --logs DIR         where the program's logs go (target/measure)
  --help             this
  --serve            only start the endpoint, for the first of the sizes, and tell its address";

/// Times in a row that the function may invoke itself; a few more than it does.
const MAX_INVOCATIONS: u32 = 20;

struct Options {
    functions: Vec<usize>,
    runs: u32,
    until_quiet: bool,
    faketime: Option<PathBuf>,
    binary: Option<PathBuf>,
    evidence: String,
    timeout: Duration,
    settings: Settings,
    starts: usize,
    logs: PathBuf,
    serve: bool,
}

/// Entry point of `cargo xtask measure`.
pub fn run(args: &[String]) -> Result<()> {
    if args.iter().any(|word| word == "--help") {
        println!("{USAGE}");
        return Ok(());
    }
    let root = crate::workspace_root()?;
    let options = options(args, &root)?;
    if options.serve {
        return serve(&options);
    }
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => build(&root)?,
    };
    // Logs of another measurement would stand before these.
    if options.logs.exists() {
        fs::remove_dir_all(&options.logs).with_context(|| format!("cannot empty `{}`", options.logs.display()))?;
    }
    fs::create_dir_all(&options.logs).with_context(|| format!("cannot create `{}`", options.logs.display()))?;
    let schedule = fs::read_to_string(root.join("events/schedule.json")).context("events/schedule.json")?;
    let package = package::measure(&binary)?;
    let starts = starts(&binary, &options)?;
    let mut rows = Vec::new();
    let mut sizes = Vec::new();
    for functions in &options.functions {
        eprintln!("{functions} functions: making the account");
        let fake = Arc::new(Fake::new(MeasuredAccount::new(*functions, Timestamp::now()), options.settings.clone())?);
        let server = Server::start(Arc::clone(&fake))?;
        for run in 1..=options.runs {
            eprintln!("{functions} functions, run {run}");
            let log = options.logs.join(format!("{functions}-{run}.log"));
            let days = if options.faketime.is_some() { run - 1 } else { 0 };
            let row = tick(&binary, &server, &fake, &options, &Tick { event: &schedule, days, log: &log });
            let row = row.with_context(|| format!("{functions} functions, run {run}; log in {}", log.display()))?;
            let done = options.until_quiet && row.is_quiet();
            rows.push(row);
            if done {
                break;
            }
        }
        sizes.push(report::Size::of(&fake));
    }
    print!("{}", report::text(&package, &starts, &sizes, &rows));
    Ok(())
}

fn options(args: &[String], root: &Path) -> Result<Options> {
    let mut out = Options {
        functions: vec![10, 100, 1_000],
        runs: 2,
        until_quiet: false,
        faketime: None,
        binary: None,
        evidence: "trail-bucket".to_owned(),
        timeout: Duration::from_secs(900),
        settings: Settings::default(),
        starts: 20,
        logs: crate::target_dir(root)?.join("measure"),
        serve: false,
    };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--serve" => {
                out.serve = true;
                continue;
            }
            "--until-quiet" => {
                out.until_quiet = true;
                continue;
            }
            _ => {}
        }
        let value = words.next().with_context(|| format!("`{word}` needs a value\n{USAGE}"))?;
        let number = || value.parse::<usize>().with_context(|| format!("`{word}` needs a number, not `{value}`"));
        match word.as_str() {
            "--functions" => {
                let sizes = value.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>();
                out.functions = sizes.with_context(|| format!("`{value}` is no list of numbers"))?;
            }
            "--runs" => out.runs = u32::try_from(number()?)?,
            "--binary" => out.binary = Some(PathBuf::from(value)),
            "--evidence" => out.evidence.clone_from(value),
            "--timeout" => out.timeout = Duration::from_secs(u64::try_from(number()?)?),
            "--lambda-rate" => {
                out.settings.lambda_per_second = Some(u32::try_from(number()?)?).filter(|rate| *rate > 0)
            }
            "--iam-page" => out.settings.iam_page = number()?.max(1),
            "--trail-days" => out.settings.trail_days = u32::try_from(number()?)?,
            "--report-seconds" => out.settings.report = Duration::from_secs(u64::try_from(number()?)?),
            "--faketime" => out.faketime = Some(PathBuf::from(value)),
            "--starts" => out.starts = number()?,
            "--logs" => out.logs = PathBuf::from(value),
            other => bail!("unknown option `{other}`\n{USAGE}"),
        }
    }
    Ok(out)
}

/// The package that `sam build` deploys, for this machine's processor.
fn build(root: &Path) -> Result<PathBuf> {
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked"])
        // Where `sam build` runs it: the folder has settings of its own.
        .current_dir(root.join("crates/lambda"))
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("cargo build failed: {status}");
    }
    Ok(crate::target_dir(root)?.join("release/whittle-lambda"))
}

fn serve(options: &Options) -> Result<()> {
    let functions = options.functions.first().copied().unwrap_or(10);
    let fake = Arc::new(Fake::new(MeasuredAccount::new(functions, Timestamp::now()), options.settings.clone())?);
    let server = Server::start(fake)?;
    for (name, value) in variables(&server, options) {
        println!("export {name}='{value}'");
    }
    loop {
        std::thread::park();
    }
}

/// The environment that `template.yaml` gives the function, and the one that Lambda does.
fn variables(server: &Server, options: &Options) -> BTreeMap<String, String> {
    let topic = topic_arn();
    let endpoint = format!("http://{}", server.address());
    let bucket = if options.evidence == "event-history" { "" } else { TRAIL_BUCKET };
    [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "example"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_LAMBDA_FUNCTION_NAME", TABLE),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/whittle"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "measure"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("_HANDLER", "bootstrap"),
        ("MALLOC_ARENA_MAX", "1"),
        ("WHITTLE_SERVICE", TABLE),
        ("WHITTLE_SELF", TABLE),
        ("WHITTLE_TABLE", TABLE),
        ("WHITTLE_TOPIC_ARN", topic.as_str()),
        ("WHITTLE_ALERT_SEVERITY", "high"),
        ("WHITTLE_EVIDENCE", options.evidence.as_str()),
        ("WHITTLE_TRAIL_BUCKET", bucket),
        ("WHITTLE_TRAIL_PREFIX", ""),
        ("WHITTLE_REGIONS", REGION),
        ("WHITTLE_LOOKBACK_DAYS", "90"),
        ("WHITTLE_MIN_WINDOW_DAYS", "30"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Starts the program several times, without an event.
fn starts(binary: &Path, options: &Options) -> Result<Starts> {
    let account = MeasuredAccount::new(1, Timestamp::now());
    let server = Server::start(Arc::new(Fake::new(account, options.settings.clone())?))?;
    let mut times = Vec::new();
    for _ in 0..options.starts.max(1) {
        let environment = Environment::start(binary, &variables(&server, options), &options.logs.join("start.log"))?;
        times.push(environment.ready_in);
    }
    times.sort();
    Ok(Starts { times })
}

/// Kind of a tick.
struct Tick<'a> {
    event: &'a str,
    /// How many days after the first one it is.
    days: u32,
    log: &'a Path,
}

/// One tick of the schedule, in a process of its own as ticks that are hours apart are, and the invocations
/// that the function makes of itself.
fn tick(binary: &Path, server: &Server, fake: &Fake, options: &Options, tick: &Tick<'_>) -> Result<ReportRow> {
    let ahead = Duration::from_secs(u64::from(tick.days) * 86_400);
    let mut variables = variables(server, options);
    if let Some(library) = options.faketime.as_ref().filter(|_| tick.days > 0) {
        variables.insert("LD_PRELOAD".to_owned(), library.display().to_string());
        variables.insert("FAKETIME".to_owned(), format!("+{}", ahead.as_secs()));
        variables.insert("FAKETIME_DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned());
    }
    let mut environment = Environment::start(binary, &variables, tick.log)?;
    let mut row =
        ReportRow { functions: fake.account().functions.len(), ready: environment.ready_in, ..ReportRow::default() };
    fake.take_counts();
    let mut next = Some(tick.event.to_owned());
    while let Some(payload) = next.take() {
        let invocation = environment.invoke(&payload, options.timeout, ahead)?;
        row.invocations += 1;
        row.duration += invocation.duration;
        row.longest = row.longest.max(invocation.duration);
        row.cpu += invocation.cpu;
        row.peak_bytes = row.peak_bytes.max(invocation.peak_bytes);
        match invocation.answer {
            Ok(answer) => {
                row.status = answer["status"].as_str().unwrap_or("?").to_owned();
                row.answer = answer;
            }
            Err(error) => bail!("the run failed: {error}"),
        }
        let again = fake.take_invocation();
        next = again.map(|payload| String::from_utf8_lossy(&payload).into_owned());
        if row.invocations == MAX_INVOCATIONS && next.is_some() {
            bail!("the function invokes itself without end");
        }
    }
    row.counts = fake.take_counts();
    Ok(row)
}

/// Operations of all rows, in order.
fn operations(rows: &[ReportRow]) -> BTreeSet<(String, String)> {
    rows.iter().flat_map(|row| row.counts.calls.keys().cloned()).collect()
}
