//! Decisions, proofs and minification on every AWS managed policy. `cargo bench -p whittle-policy`.
//!
//! Prints rates; nothing is asserted, since the machine decides. One thread.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program of its own that reads the project's own file"
)]

use std::hint::black_box;
use std::io::Read as _;
use std::time::{Duration, Instant};

/// Time that this thread was running, so that other programs on the machine count less; time of the clock
/// where the system does not tell.
fn now() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let on_cpu = || std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok();
    on_cpu().map_or_else(|| START.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

use whittle_policy::algebra::{GrantSet, Proof};
use whittle_policy::evaluate::{DecisionOutcome, Policy, PolicySets, PreparedPolicies, Request, evaluate};
use whittle_policy::minify::minify;
use whittle_policy::pack::{MANAGED_POLICY_CHARACTERS, pack};
use whittle_policy::{PolicyDocument, Statement, simulate};

const FILE: &[u8] = include_bytes!("../../template/data/aws-managed-policies.ndjson.gz");
const LARGEST: usize = 200;

fn policies() -> Vec<PolicyDocument> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(FILE).read_to_string(&mut text).unwrap();
    let document = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        PolicyDocument::from_value(&row["document"]).unwrap()
    };
    text.lines().map(document).collect()
}

/// For each policy the same number of requests: actions it names, and as many of its neighbours.
fn requests(policies: &[PolicyDocument]) -> Vec<Vec<Request>> {
    const EACH: usize = 8;
    let own = |policy: &PolicyDocument| -> Vec<Request> {
        let mut out = Vec::new();
        for statement in &policy.statements {
            let resource = statement.resource.as_ref().and_then(|clause| clause.patterns().first());
            let resource = resource.map_or("*".to_owned(), |pattern| {
                pattern.as_str().replace("${aws:PrincipalAccount}", "111122223333").replace('*', "x")
            });
            for action in statement.action.patterns() {
                let action = action.as_str().replace('*', "Thing");
                let action = if action.contains(':') { action } else { "s3:GetObject".to_owned() };
                out.push(Request::new("arn:aws:iam::111122223333:role/worker", action, resource.as_str()));
            }
        }
        let step = out.len().div_ceil(EACH).max(1);
        out.into_iter().step_by(step).collect()
    };
    let each: Vec<Vec<Request>> = policies.iter().map(own).collect();
    (0..each.len()).map(|at| each[at].iter().chain(&each[(at + 7) % each.len()]).cloned().collect()).collect()
}

/// Runs `once` for about a second; returns runs and time.
fn repeat(mut once: impl FnMut()) -> (usize, Duration) {
    let start = now();
    let mut runs = 0;
    while now().saturating_sub(start) < Duration::from_secs(1) {
        once();
        runs += 1;
    }
    (runs, now().saturating_sub(start))
}

fn rate(name: &str, things: usize, time: Duration) {
    println!("{name:<58} {:>12.0} a second", things as f64 / time.as_secs_f64());
}

fn sets(policies: &[PolicyDocument]) -> PolicySets<'_> {
    let identity = policies.iter().map(|document| Policy { name: "managed", document }).collect();
    PolicySets { identity, ..PolicySets::default() }
}

fn decisions(name: &str, attached: &[PolicySets<'_>], requests: &[Vec<Request>]) {
    let prepared: Vec<PreparedPolicies<'_>> = attached.iter().map(PreparedPolicies::new).collect();
    let count: usize = requests.iter().map(Vec::len).sum();
    let mut allowed = 0;
    let (runs, time) = repeat(|| {
        allowed = 0;
        for (prepared, requests) in prepared.iter().zip(requests) {
            for request in requests {
                allowed += usize::from(black_box(prepared.outcome(black_box(request))) == DecisionOutcome::Allowed);
            }
        }
    });
    rate(&format!("{name}, prepared (of {count}, {allowed} allowed)"), runs * count, time);
    let (runs, time) = repeat(|| {
        for (policies, requests) in attached.iter().zip(requests) {
            for request in requests {
                black_box(evaluate(black_box(request), policies));
            }
        }
    });
    rate(&format!("{name}, unprepared"), runs * count, time);
}

fn main() {
    let policies = policies();
    let requests = requests(&policies);

    let one: Vec<PolicySets<'_>> = policies.iter().map(std::slice::from_ref).map(sets).collect();
    decisions("decisions, one managed policy", &one, &requests);
    let ten: Vec<PolicySets<'_>> = policies.chunks(10).map(sets).collect();
    let of_ten: Vec<Vec<Request>> = requests.chunks(10).map(<[Vec<Request>]>::concat).collect();
    decisions("decisions, ten managed policies", &ten, &of_ten);
    let (runs, time) = repeat(|| one.iter().for_each(|sets| drop(black_box(PreparedPolicies::new(sets)))));
    rate("policies prepared", runs * one.len(), time);

    println!();
    for statements in [10, 100, 1_000, 10_000] {
        let parts = policies.iter().cycle().flat_map(|policy| policy.statements.iter().cloned());
        let document = PolicyDocument::new(parts.take(statements).collect());
        let sets = sets(std::slice::from_ref(&document));
        let prepared = PreparedPolicies::new(&sets);
        let some: Vec<&Request> = requests.iter().flatten().take(2_000).collect();
        let (runs, time) = repeat(|| {
            for request in &some {
                black_box(prepared.outcome(black_box(request)));
            }
        });
        rate(&format!("decisions, {statements} statements, prepared"), runs * some.len(), time);
    }

    println!();
    let lines: Vec<String> = policies
        .iter()
        .zip(&requests)
        .map(|(policy, requests)| {
            let request = &requests[0];
            serde_json::json!({
                "id": 1,
                "request": {"principal": request.caller.as_str(), "action": request.action, "resource": request.resource},
                "identity_policies": [{"name": "managed", "document": policy.to_value()}],
            })
            .to_string()
        })
        .collect();
    let bytes: usize = lines.iter().map(String::len).sum();
    let (runs, time) = repeat(|| lines.iter().for_each(|line| drop(black_box(simulate::simulate_line(line)))));
    rate("cases of `simulate`, a managed policy in each", runs * lines.len(), time);
    rate("  megabytes", runs * bytes / 1_000_000, time);

    println!();
    let mut largest: Vec<&PolicyDocument> = policies.iter().collect();
    largest.sort_by_key(|policy| std::cmp::Reverse(policy.size()));
    largest.truncate(LARGEST);
    let mut shorter = (0, 0);
    let start = now();
    let small: Vec<Vec<Statement>> = largest
        .iter()
        .map(|policy| minify(policy.statements.as_slice()).into_iter().map(|merged| merged.statement).collect())
        .collect();
    rate(&format!("minify, the {LARGEST} largest"), largest.len(), now().saturating_sub(start));
    for (policy, small) in largest.iter().zip(&small) {
        shorter = (shorter.0 + policy.size(), shorter.1 + PolicyDocument::new(small.clone()).size());
    }
    println!("  {} characters become {}", shorter.0, shorter.1);
    let start = now();
    let packed: usize = small.iter().map(|small| pack(small, MANAGED_POLICY_CHARACTERS).len()).sum();
    rate(&format!("pack, the same, into {packed} policies"), small.len(), now().saturating_sub(start));
    let start = now();
    let mut proved = 0;
    for (policy, small) in largest.iter().zip(&small) {
        let small = PolicyDocument::new(small.clone());
        proved += usize::from(GrantSet::of([*policy]).covers(&GrantSet::of([&small])) == Proof::Yes);
    }
    rate(&format!("covers, each its own minified form ({proved} proved)"), largest.len(), now().saturating_sub(start));
    let start = now();
    let mut answers = [0; 3];
    for pair in largest.windows(2) {
        let answer = GrantSet::of([pair[0]]).covers(&GrantSet::of([pair[1]]));
        answers[answer as usize] += 1;
    }
    let [yes, no, unknown] = answers;
    rate(
        &format!("covers, neighbours ({yes} yes, {no} no, {unknown} unknown)"),
        largest.len() - 1,
        now().saturating_sub(start),
    );
}
