use jiff::Timestamp;
use serde_json::{Value, json};
use whittle_catalog::catalog;
use whittle_evidence::ledger::Ledger;
use whittle_policy::{PolicyDocument, Statement};

use super::compare::{Sides, compare};
use super::{Novelty, Proposal, ProposedStatement, role, statements_of};
use crate::findings::{ProposedFacts, check_proposal};
use crate::inventory::{Exposure, Function, FunctionConfig, PolicyKind, PolicyVersion, Role, RolePolicy};
use crate::reason::{Reason, VerdictReason};
use crate::recently_granted::{PolicyChanges, granted_since};
use crate::result::{Finding, FunctionResult, Severity, Verdict, VerdictCounts, VerdictRow};

const ROLE: &str = "arn:aws:iam::111122223333:role/orders";

fn at(day: &str) -> Timestamp {
    format!("2026-{day}T00:00:00Z").parse().unwrap()
}

fn statements(value: &Value) -> Vec<Statement> {
    let text = json!({"Version": "2012-10-17", "Statement": value}).to_string();
    PolicyDocument::parse(&text).unwrap().statements.into_vec()
}

fn current(value: &Value) -> Role {
    let policies = vec![RolePolicy::inline("app", PolicyDocument::new(statements(value)))];
    Role { policies, ..Role::new(ROLE.parse().unwrap(), "AROAEXAMPLEEXAMPLE001".parse().unwrap()) }
}

fn proposed(value: &Value) -> Vec<ProposedStatement> {
    let own = |(index, statement)| ProposedStatement {
        policy: "Policies".to_owned(),
        place: format!("line {index}"),
        statement,
        loose: None,
        implied: false,
        usual: false,
    };
    statements(value).into_iter().enumerate().map(own).collect()
}

fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn deny(action: &str, resource: &str) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": resource})
}

fn drafted(current: Option<&Role>, own: &[ProposedStatement]) -> (Role, Vec<Novelty>) {
    let proposal = Proposal {
        current,
        arn: "arn:aws:iam::111122223333:role/new".parse().unwrap(),
        id: "AROA0000000000000000".parse().unwrap(),
        statements: own,
        unread: Vec::new(),
        now: at("11-22"),
    };
    role(&Ledger::default(), &proposal)
}

/// Since when the draft's policy grants an action; `None` if that is not known.
fn since(draft: &Role, policy: usize, action: &str) -> Option<Timestamp> {
    granted_since(&PolicyChanges::of(&Ledger::default()), draft, &draft.policies[policy], action)
}

/// The new part of each statement: names of actions, then unknown patterns.
#[track_caller]
fn check(today: &Value, file: &Value, expect: &[&[&str]]) {
    let role = current(today);
    let own = proposed(file);
    let (draft, novelties) = drafted(Some(&role), &own);
    let names: Vec<Vec<String>> = novelties
        .iter()
        .map(|new| {
            let known = new.actions.iter().map(|action| catalog().info(*action).name().to_owned());
            known.chain(new.unknown.iter().map(|pattern| pattern.as_str().to_owned())).collect()
        })
        .collect();
    assert_eq!(names, expect);
    // The versions say the same: what is new is granted since now, the rest since nobody knows when.
    for grant in &crate::grants::Grants::of(&draft).statements {
        for action in &grant.actions {
            let name = catalog().info(*action).name();
            let expect = if novelties[grant.policy].actions.contains(action) { at("11-22") } else { Timestamp::MIN };
            assert_eq!(since(&draft, grant.policy, name), Some(expect), "{name}");
        }
    }
}

#[test]
fn only_what_one_statement_of_today_covers_is_not_new() {
    let get = allow("sqs:ReceiveMessage", "arn:aws:sqs:*:*:a");
    check(&json!([get]), &json!([get]), &[&[]]);
    check(&json!([allow("sqs:*", "*")]), &json!([get]), &[&[]]);
    check(&json!([get]), &json!([allow("sqs:ReceiveMessage", "*")]), &[&["sqs:ReceiveMessage"]]);
    check(&json!([get]), &json!([allow("sqs:DeleteMessage", "arn:aws:sqs:*:*:a")]), &[&["sqs:DeleteMessage"]]);
    // Each resource may have its own statement.
    let two = json!({
        "Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": ["arn:aws:sqs:*:*:a", "arn:aws:sqs:*:*:b"],
    });
    check(&json!([get, allow("sqs:*", "arn:aws:sqs:*:*:b")]), &json!([two]), &[&[]]);
    check(&json!([get]), &json!([two]), &[&["sqs:ReceiveMessage"]]);
    // Statements are judged one by one.
    check(&json!([get]), &json!([get, allow("sqs:ReceiveMessage", "*")]), &[&[], &["sqs:ReceiveMessage"]]);
    // What the catalog does not know is compared as it is written.
    let unknown = json!([allow("new:Thing", "*"), allow("newer:Thing", "*")]);
    check(&json!([allow("new:*", "*")]), &unknown, &[&[], &["newer:Thing"]]);
}

#[test]
fn a_dropped_deny_and_a_dropped_condition_make_it_new() {
    let purge = allow("sqs:PurgeQueue", "*");
    let no = deny("sqs:Purge*", "arn:aws:sqs:*:*:a");
    check(&json!([purge, no]), &json!([purge]), &[&["sqs:PurgeQueue"]]);
    check(&json!([purge, no]), &json!([purge, no]), &[&[], &[]]);
    check(&json!([purge, no]), &json!([allow("sqs:PurgeQueue", "arn:aws:sqs:*:*:b")]), &[&[]]);
    let limited = json!({
        "Effect": "Allow", "Action": "sqs:PurgeQueue", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    });
    check(&json!([limited]), &json!([purge]), &[&["sqs:PurgeQueue"]]);
    check(&json!([purge]), &json!([limited]), &[&[]]);
}

#[test]
fn a_statement_that_is_partly_new_is_recently_granted_for_that_part_only() {
    let role = current(&json!([allow("sns:Publish", "*"), allow("sns:Subscribe", "*")]));
    let (draft, novelties) = drafted(Some(&role), &proposed(&json!([allow("sns:*", "*")])));
    let all = catalog().expand(&"sns:*".parse().unwrap()).len();
    assert_eq!(novelties[0].actions.len(), all - 2);
    for (action, expect) in [("sns:Publish", Timestamp::MIN), ("sns:DeleteTopic", at("11-22"))] {
        assert_eq!(since(&draft, 0, action), Some(expect), "{action}");
    }
}

#[test]
fn what_is_recently_granted_today_stays_so() {
    let mut role = current(&json!([]));
    let version =
        |day, value: &Value| PolicyVersion { created: at(day), document: PolicyDocument::new(statements(value)) };
    let now = json!([allow("sqs:ReceiveMessage", "*"), allow("sqs:SendMessage", "*")]);
    let before = json!([allow("sqs:ReceiveMessage", "*")]);
    role.policies[0].kind = PolicyKind::CustomerManaged;
    role.policies[0].arn = Some("arn:aws:iam::111122223333:policy/app".to_owned());
    role.policies[0].document = PolicyDocument::new(statements(&now));
    role.policies[0].versions = vec![version("11-01", &now), version("03-01", &before)];
    let (draft, _) = drafted(Some(&role), &proposed(&json!([allow("sqs:*", "*")])));
    for (action, expect) in
        [("sqs:ReceiveMessage", "03-01"), ("sqs:SendMessage", "11-01"), ("sqs:DeleteMessage", "11-22")]
    {
        assert_eq!(since(&draft, 0, action), Some(at(expect)), "{action}");
    }
}

fn function() -> Function {
    Function {
        arn: "arn:aws:lambda:eu-central-1:111122223333:function:orders".parse().unwrap(),
        name: "orders".to_owned(),
        region: "eu-central-1".parse().unwrap(),
        role: ROLE.parse().unwrap(),
        versions: Vec::new(),
        runtime: None,
        last_modified: None,
        config: FunctionConfig::default(),
        exposure: Exposure::default(),
    }
}

/// Code and statements of what is said without evidence; answers with the fingerprints.
#[track_caller]
fn check_findings(today: Option<&Value>, file: &Value, expect: &[(&str, &[usize])]) -> Vec<String> {
    let role = today.map(current);
    let own = proposed(file);
    let (draft, novelties) = drafted(role.as_ref(), &own);
    let function = function();
    let found = check_proposal(&ProposedFacts {
        role: &draft,
        is_new: role.is_none(),
        functions: &[&function],
        statements: &own,
        novelties: &novelties,
        now: at("11-22"),
    });
    let codes: Vec<(&str, &[usize])> =
        found.iter().map(|(finding, at)| (finding.code.as_str(), at.as_slice())).collect();
    assert_eq!(codes, expect);
    found.into_iter().map(|(finding, _)| finding.fingerprint).collect()
}

#[test]
fn what_is_new_is_told_by_how_it_is_written() {
    let today = json!([allow("s3:GetObject", "*")]);
    let wild = allow("s3:*", "*");
    let wide = allow("sqs:SendMessage", "*");
    let named = allow("sqs:SendMessage", "arn:aws:sqs:*:*:a");
    check_findings(Some(&today), &today, &[]);
    check_findings(Some(&today), &json!([wild]), &[("wildcard-action", &[0])]);
    let all = [("wildcard-resource", &[1][..]), ("wildcard-action", &[2]), ("privilege-widened", &[0])];
    check_findings(Some(&today), &json!([named, wide, wild]), &all);
    // What is added by itself, or given to every function, is not said.
    for mark in [|own: &mut ProposedStatement| own.implied = true, |own: &mut ProposedStatement| own.usual = true] {
        let mut own = proposed(&json!([wild]));
        own.iter_mut().for_each(mark);
        let (draft, novelties) = drafted(None, &own);
        let facts = ProposedFacts {
            role: &draft,
            is_new: true,
            functions: &[],
            statements: &own,
            novelties: &novelties,
            now: at("11-22"),
        };
        assert_eq!(check_proposal(&facts), []);
        assert_eq!(draft.policies[0].document.statements.is_empty(), own[0].implied);
    }
    // A pattern that stands for one action is that action.
    let one = json!([allow("sqs:SendMessage*", "arn:aws:sqs:*:*:a")]);
    check_findings(Some(&today), &one, &[("privilege-widened", &[0])]);
    // A new role is not wider than anything; one that may do everything is told by `administrator-access`.
    check_findings(None, &json!([named, wide]), &[("wildcard-resource", &[1])]);
    check_findings(None, &json!([allow("*", "*")]), &[]);
    // Each statement is a finding of its own, whatever stands before it.
    let one = check_findings(Some(&today), &json!([wild]), &[("wildcard-action", &[0])]);
    let other = json!([allow("sqs:*", "*"), wild]);
    let two = check_findings(Some(&today), &other, &[("wildcard-action", &[0]), ("wildcard-action", &[1])]);
    assert_eq!(one[0], two[1]);
    assert_ne!(two[0], two[1]);
}

#[test]
fn what_may_be_allowed_today_is_neither_new_nor_unused() {
    let role = current(&json!([allow("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:shop-Queue-1ABC")]));
    let mut own = proposed(&json!([allow("sqs:SendMessage", "<unknown>"), allow("sqs:PurgeQueue", "<unknown>")]));
    for one in &mut own {
        let mut loose = one.statement.clone();
        let any = whittle_policy::ResourcePattern::new("arn:aws:sqs:eu-west-1:111122223333:*");
        loose.resource = Some(whittle_policy::ResourceClause::Resource(any.into()));
        one.loose = Some(loose);
    }
    let (draft, novelties) = drafted(Some(&role), &own);
    assert_eq!((novelties[0].is_empty(), novelties[1].is_empty()), (true, false));
    for (index, action) in [(0, "sqs:SendMessage"), (1, "sqs:PurgeQueue")] {
        assert_eq!(since(&draft, index, action), Some(at("11-22")), "{action} is recently granted");
    }
}

#[test]
fn a_finding_is_about_the_statements_that_grant_its_actions() {
    let file = json!([allow("sqs:SendMessage", "*"), allow("s3:*", "*"), allow("sns:Publish", "*"), allow("*", "*")]);
    let (draft, _) = drafted(None, &proposed(&file));
    let row = |action: &str, verdict, resources: &[&str]| VerdictRow {
        action: action.to_owned(),
        verdict,
        resources: resources.iter().map(|text| (*text).to_owned()).collect(),
        last_seen: None,
        reason: VerdictReason::UnknownAction.into(),
        seen: None,
    };
    let result = FunctionResult {
        function_arn: function().arn.to_string(),
        role_arn: ROLE.to_owned(),
        qualifiers: Vec::new(),
        active_days: 1,
        counts: VerdictCounts::default(),
        verdicts: vec![
            row("s3:DeleteBucket", Verdict::Unused, &[]),
            row("s3:PutObject", Verdict::Unused, &[]),
            row("sqs:SendMessage", Verdict::Unused, &[]),
            row("sns:Publish", Verdict::Used, &["arn:aws:sns:eu-central-1:111122223333:t"]),
        ],
        suggestion: None,
        no_suggestion: None,
        stack: None,
    };
    for (code, expect) in [
        ("unused-actions", &[3, 1, 0][..]),
        ("wildcard-action", &[1]),
        ("wildcard-resource", &[2]),
        ("administrator-access", &[3]),
        ("unused-services", &[0]),
        ("shared-role", &[]),
    ] {
        let finding = Finding {
            code: code.to_owned(),
            severity: Severity::High,
            likelihood: 1,
            impact: 1,
            function_arn: Some(result.function_arn.clone()),
            role_arn: ROLE.to_owned(),
            title: String::new(),
            detail: Reason::Text(String::new()),
            remedy: String::new(),
            fingerprint: String::new(),
        };
        assert_eq!(statements_of(&draft, &finding, &[&result]), expect, "{code}");
    }
}

/// `+` what the file allows more, `-` less, `?` not known; each with its actions.
#[track_caller]
fn check_compare(today: &Value, file: &Value, unknown: &[&[&str]], expect: &[&str]) {
    let role = current(today);
    let own = proposed(file);
    let (draft, _) = drafted(Some(&role), &own);
    let unknown: Vec<Vec<String>> =
        unknown.iter().map(|names| names.iter().map(|name| (*name).to_owned()).collect()).collect();
    let sides = Sides { proposed: &draft, statements: &own, unknown: &unknown, current: Some(&role) };
    let found = compare(&sides);
    let line = |sign: &str, piece: &super::compare::DifferingStatement| {
        assert_eq!(piece.example.is_some(), piece.certain, "a certain answer has its example");
        let sign = if piece.certain { sign } else { "?" };
        format!("{sign} {} {}", piece.statement, piece.actions.join(" "))
    };
    let more = found.more.iter().map(|piece| line("+", piece));
    let lines: Vec<String> = more.chain(found.less.iter().map(|piece| line("-", piece))).collect();
    assert_eq!(lines, expect);
}

#[test]
fn both_sides_are_compared_as_a_whole() {
    let (send, receive) = (allow("sqs:SendMessage", "*"), allow("sqs:ReceiveMessage", "*"));
    check_compare(&json!([send]), &json!([send]), &[&[]], &[]);
    check_compare(&json!([send]), &json!([receive]), &[&[]], &["+ line 0 sqs:ReceiveMessage", "- #1 sqs:SendMessage"]);
    // Two statements together allow what one does: no difference in either direction.
    let both = json!({"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"], "Resource": "*"});
    check_compare(&json!([send, receive]), &json!([both]), &[&[]], &[]);
    check_compare(&json!([both]), &json!([send, receive]), &[&[], &[]], &[]);
    // A Deny that goes gives more, one that comes gives less.
    let no = deny("sqs:SendMessage", "*");
    check_compare(&json!([send, no]), &json!([send]), &[&[]], &["+ line 0 sqs:SendMessage"]);
    check_compare(&json!([both]), &json!([both, no]), &[&[], &[]], &["- #1 sqs:SendMessage"]);
}

#[test]
fn what_is_not_known_is_no_difference_for_certain() {
    let (one, other) = (allow("sqs:SendMessage", "arn:aws:sqs:*:*:a"), allow("sqs:SendMessage", "<unknown>"));
    check_compare(&json!([one]), &json!([other]), &[&["Queue"]], &["? line 0 sqs:SendMessage", "? #1 sqs:SendMessage"]);
    // A value that does not matter to a statement leaves it certain.
    let sns = allow("sns:Publish", "*");
    check_compare(
        &json!([one, sns]),
        &json!([other]),
        &[&["Queue"]],
        &["? line 0 sqs:SendMessage", "? #1 sqs:SendMessage", "- #2 sns:Publish"],
    );
}
