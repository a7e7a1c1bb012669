//! The body of decision cases through two other engines: `iam-rs` and `scratchstack-aspen`.
//!
//! Neither has all that AWS decides by, so each gets the cases that it has words for. Where it differs from
//! the decision that the page of AWS calls for, `second_opinions/differences.tsv` says what it does and which
//! page speaks against it. A difference that is not in the table fails, and so does a row of the table that
//! differs no more.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use scratchstack_aws_principal::{
    FederatedUser, Principal as Actor, PrincipalIdentity, RootUser, Service, SessionData, SessionValue,
};
use serde_json::Value;
use whittle_policy::evaluate::{Caller, CallerKind};
use whittle_policy::simulate::SimulationCase;

const REFUSED: &str = "refused";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second_opinions")
}

fn cases() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/cases/evaluation");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file| serde_json::from_str::<Value>(&fs::read_to_string(file).unwrap()).unwrap();
    files.into_iter().flat_map(|file| read(file)["cases"].as_array().unwrap().clone()).collect()
}

/// The documents of a layer; one that stands as a text is read.
fn documents(layer: &Value) -> Vec<Value> {
    let items = match layer {
        Value::Null => Vec::new(),
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    let document = |item: Value| match item.get("document").cloned().unwrap_or(item) {
        Value::String(text) => serde_json::from_str(&text).unwrap(),
        document => document,
    };
    items.into_iter().map(document).collect()
}

fn is_empty(layer: &Value) -> bool {
    layer.as_array().is_none_or(Vec::is_empty)
}

/// Caller and owner are in one account: neither engine knows of two.
fn is_within_one_account(case: &Value) -> bool {
    let request = SimulationCase::parse(&case.to_string()).unwrap().request;
    request.caller.account().is_none_or(|account| request.owner() == Some(account))
}

fn values(given: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match given {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

/// The type of a key's values. A case has texts only; both engines want a value in the type that its operator
/// compares.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Number,
    Truth,
    Instant,
    Address,
    Bytes,
}

/// The type that the first operator for this key compares.
fn kind(case: &Value, key: &str) -> Kind {
    fn operators(value: &Value, key: &str, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| operators(item, key, found)),
            Value::Object(members) => {
                for (operator, keys) in members.get("Condition").and_then(Value::as_object).into_iter().flatten() {
                    if keys.as_object().unwrap().keys().any(|name| name.eq_ignore_ascii_case(key)) {
                        found.push(operator.rsplit(':').next().unwrap().to_owned());
                    }
                }
                members.values().for_each(|value| operators(value, key, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    operators(case, key, &mut found);
    let starts = |word: &str| found.first().is_some_and(|operator| operator.starts_with(word));
    let kinds =
        [("Numeric", Kind::Number), ("Bool", Kind::Truth), ("Date", Kind::Instant), ("IpAddress", Kind::Address)];
    let kinds = kinds.into_iter().chain([("NotIpAddress", Kind::Address), ("Binary", Kind::Bytes)]);
    kinds.into_iter().find(|(word, _)| starts(word)).map_or(Kind::Text, |(_, kind)| kind)
}

/// A context as `iam-rs` reads it: texts, lists of texts, numbers and truth values.
fn context(case: &Value) -> Value {
    let keys = case["request"]["context"].as_object().into_iter().flatten();
    let mut out = serde_json::Map::new();
    for (key, given) in keys {
        let given = values(given);
        let typed = |text: &String| match kind(case, key) {
            Kind::Number => text.parse::<f64>().map_or_else(|_| text.clone().into(), Value::from),
            Kind::Truth => text.parse::<bool>().map_or_else(|_| text.clone().into(), Value::from),
            _ => text.clone().into(),
        };
        match &given[..] {
            [] => {}
            [one] => drop(out.insert(key.clone(), typed(one))),
            many => drop(out.insert(key.clone(), many.into())),
        }
    }
    Value::Object(out)
}

/// A value as `scratchstack-aspen` reads it.
fn session_value(kind: Kind, text: &str) -> SessionValue {
    let typed = match kind {
        Kind::Number => text.parse().ok().map(SessionValue::Integer),
        Kind::Truth => text.parse().ok().map(SessionValue::Bool),
        Kind::Instant => text.parse().ok().map(SessionValue::Timestamp),
        Kind::Address => text.parse().ok().map(SessionValue::IpAddr),
        Kind::Text | Kind::Bytes => None,
    };
    typed.unwrap_or_else(|| SessionValue::String(text.to_owned()))
}

/// The answer of `iam-rs`; `None` if it has no words for the case: limits, two accounts, anonymous callers,
/// no ARN.
fn iam_rs_answer(case: &Value) -> Option<&'static str> {
    let limits = ["permissions_boundaries", "session_policies", "endpoint_policies"];
    let levels = ["service_control_policies", "resource_control_policies"];
    if limits.iter().chain(&levels).any(|layer| !is_empty(&case[*layer])) || !is_within_one_account(case) {
        return None;
    }
    let request = &case["request"];
    let resource = iam_rs::Arn::parse(request["resource"].as_str()?).ok()?;
    let name = request["principal"].as_str()?;
    let id = iam_rs::PrincipalId::String(name.to_owned());
    let principal = match Caller::parse(name).kind() {
        CallerKind::Anonymous => return None,
        CallerKind::Named if name.len() == 64 => iam_rs::Principal::CanonicalUser(id),
        CallerKind::Named if name.ends_with(".amazonaws.com") && !name.starts_with("cognito") => {
            iam_rs::Principal::Service(id)
        }
        CallerKind::Named => iam_rs::Principal::Federated(id),
        _ => iam_rs::Principal::Aws(id),
    };
    let context: iam_rs::Context = serde_json::from_value(context(case)).unwrap();
    let asked = iam_rs::IAMRequest { principal, action: request["action"].as_str()?.to_owned(), resource, context };
    let policies = documents(&case["identity_policies"]).into_iter().chain(documents(&case["resource_policy"]));
    let read: Result<Vec<iam_rs::IAMPolicy>, _> = policies.map(serde_json::from_value).collect();
    let Ok(policies) = read else { return Some(REFUSED) };
    Some(match iam_rs::evaluate_policies(&policies, &asked) {
        Ok(iam_rs::Decision::Allow) => "Allowed",
        Ok(iam_rs::Decision::Deny) => "ExplicitlyDenied",
        Ok(iam_rs::Decision::NotApplicable) => "ImplicitlyDenied",
        Err(_) => REFUSED,
    })
}

/// Who `scratchstack-aspen` takes the caller for; `None` for roles without a session, providers and anonymous
/// callers.
fn actor(name: &str) -> Option<Actor> {
    let caller = Caller::parse(name);
    let parts: Vec<&str> = name.split(':').collect();
    let identity: PrincipalIdentity = match caller.kind() {
        CallerKind::User | CallerKind::RoleSession => PrincipalIdentity::parse_arn(name).ok()?,
        CallerKind::RootUser => RootUser::new("aws", caller.account()?).ok()?.into(),
        CallerKind::FederatedUser => {
            FederatedUser::new(parts.get(1)?, caller.account()?, name.rsplit('/').next()?).ok()?.into()
        }
        CallerKind::Named => Service::new(name.strip_suffix(".amazonaws.com")?, None, "amazonaws.com").ok()?.into(),
        _ => return None,
    };
    Some(vec![identity].into())
}

/// The answer of `scratchstack-aspen`; `None` if it has no words for the case: two accounts, callers as
/// above, keys with several values or bytes, several policies of which one must allow, resource control and
/// endpoint policies.
///
/// It tells a limit that does not allow from one that denies no more than a caller can see: both are
/// "Denied".
fn aspen_answer(case: &Value) -> Option<&'static str> {
    use scratchstack_aspen::{Context, Decision, Policy, PolicySet, PolicySource};
    let request = &case["request"];
    let levels = case["service_control_policies"].as_array().cloned().unwrap_or_default();
    let limits = [documents(&case["permissions_boundaries"]), documents(&case["session_policies"])].concat();
    let limits_of_levels: Vec<Vec<Value>> = levels.iter().map(documents).collect();
    if !is_within_one_account(case)
        || !["resource_control_policies", "endpoint_policies"].iter().all(|layer| is_empty(&case[*layer]))
        || documents(&case["permissions_boundaries"]).len() > 1
        || documents(&case["session_policies"]).len() > 1
        || limits_of_levels.iter().any(|level| level.len() != 1)
    {
        return None;
    }
    let mut session = SessionData::new();
    for (key, given) in request["context"].as_object().into_iter().flatten() {
        match &values(given)[..] {
            [] => {}
            [_] if kind(case, key) == Kind::Bytes => return None,
            [one] => drop(session.insert(key, session_value(kind(case, key), one))),
            _ => return None,
        }
    }
    let (service, api) = request["action"].as_str()?.split_once(':')?;
    let resources = match request["resource"].as_str()? {
        "*" => Vec::new(),
        arn => vec![arn.parse().ok()?],
    };
    let context = Context::builder()
        .service(service)
        .api(api)
        .actor(actor(request["principal"].as_str()?)?)
        .resources(resources)
        .session_data(session)
        .build()
        .ok()?;

    let grant = |document| (PolicySource::new_entity_inline("", "", ""), document);
    let limit = |document| (PolicySource::new_session(), document);
    let granting = documents(&case["identity_policies"]).into_iter().chain(documents(&case["resource_policy"]));
    let has_limits = !limits.is_empty() || !levels.is_empty();
    let mut set = PolicySet::new();
    let all = granting.map(grant).chain(limits.into_iter().chain(limits_of_levels.concat()).map(limit));
    for (source, document) in all {
        let Ok(policy) = Policy::from_str(&document.to_string()) else { return Some(REFUSED) };
        set.add_policy(source, policy);
    }
    let decided = catch_unwind(|| set.evaluate(&context).map(|(decision, _)| decision));
    Some(match decided {
        Ok(Ok(Decision::Allow)) => "Allowed",
        Ok(Ok(_)) if has_limits => "Denied",
        Ok(Ok(Decision::Deny)) => "ExplicitlyDenied",
        Ok(Ok(Decision::DefaultDeny)) => "ImplicitlyDenied",
        Ok(Err(_)) | Err(_) => REFUSED,
    })
}

/// Case → answer of the engine where it is not the expected one, and how many cases it could be asked.
fn differences(answer: impl Fn(&Value) -> Option<&'static str>) -> (BTreeMap<String, &'static str>, usize) {
    let (mut out, mut asked) = (BTreeMap::new(), 0);
    for case in cases() {
        let Some(answer) = answer(&case) else { continue };
        asked += 1;
        let expect = case["expect"].as_str().unwrap();
        let same = if answer == "Denied" { expect != "Allowed" } else { answer == expect };
        if !same {
            out.insert(case["id"].as_str().unwrap().to_owned(), answer);
        }
    }
    (out, asked)
}

/// Engine → case → answer, as the table tells.
fn known() -> BTreeMap<String, BTreeMap<String, String>> {
    let text = fs::read_to_string(folder().join("differences.tsv")).unwrap();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("engine\tanswer\tcases\tdoes\tright\tsource"));
    let mut out: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in lines {
        let row: Vec<&str> = line.split('\t').collect();
        assert_eq!(row.len(), 6, "{line}");
        assert!(row.iter().all(|cell| !cell.trim().is_empty()), "{line}");
        assert!(
            ["AWS", "open"].contains(&row[4]),
            "who is right: the decision that AWS's page calls for, or open: {line}"
        );
        for case in row[2].split(' ') {
            let before = out.entry(row[0].to_owned()).or_default().insert(case.to_owned(), row[1].to_owned());
            assert_eq!(before, None, "{case} stands in two rows of {}", row[0]);
        }
    }
    out
}

#[track_caller]
fn check(engine: &str, answer: impl Fn(&Value) -> Option<&'static str>) {
    let (found, asked) = differences(answer);
    let known = known().remove(engine).unwrap_or_default();
    let mut wrong = String::new();
    for case in found.keys().map(String::as_str).chain(known.keys().map(String::as_str)).collect::<BTreeSet<_>>() {
        let (found, known) = (found.get(case).copied(), known.get(case).map(String::as_str));
        if found != known {
            writeln!(wrong, "{case}: answers {found:?}, the table says {known:?}").unwrap();
        }
    }
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/correctness/evaluation.md")).unwrap();
    let told = format!("| `{engine}` | {asked} | {} | {} |", asked - found.len(), found.len());
    assert!(wrong.is_empty(), "{engine} ({told}):\n{wrong}");
    assert!(page.contains(&told), "docs/correctness/evaluation.md does not say {told}");
}

#[test]
fn iam_rs_differs_where_the_table_says() {
    check("iam-rs", iam_rs_answer);
}

#[test]
fn scratchstack_aspen_differs_where_the_table_says() {
    check("scratchstack-aspen", aspen_answer);
}
