//! The items as people see them, and the requests that write them.

use whittle_testkit::store_suite::sample::{
    OTHER, finding, function_arn, joined, marks_of, noise, report_of, role_arn, role_id, seen, suggestion,
};

use super::*;
use whittle_analysis::reason::Reason;

#[test]
fn every_write_has_a_condition() {
    let fakes = Fakes::default();
    every_service_store(|| Fakes { table: fakes.table.clone(), count: Cell::new(0) }.cleared());
    every_store(|| Fakes { table: fakes.table.clone(), count: Cell::new(0) }.cleared());
    let conditions: Vec<String> = fakes.table.conditions().into_iter().collect();
    assert_eq!(
        conditions,
        [
            "ConditionCheck if fence = :fence",
            "Delete if attribute_not_exists(fence) OR fence <= :fence",
            "Put if attribute_not_exists(fence) OR fence < :limit",
            "Put if attribute_not_exists(fence) OR fence <= :fence",
            "Put if attribute_not_exists(pk)",
            "Put if digest = :digest AND fence <= :fence",
            "Put if fence = :seen",
        ]
    );
}

impl Fakes {
    fn cleared(self) -> Self {
        self.table.clear();
        self
    }
}

fn item(table: &FakeTable, pk: &str, sk: &str) -> serde_json::Value {
    let dump = table.dump();
    let found = dump.get(&(pk.to_owned(), sk.to_owned()));
    serde_json::Value::Object(found.unwrap_or_else(|| panic!("no {pk} / {sk} in {:#?}", dump.keys())).clone())
}

#[test]
fn a_person_finds_the_essentials_as_attributes() {
    let table = FakeTable::default();
    let mut store = begun(&table, "one", 0);
    store.save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    store.save_finding_records(ACCOUNT, &[record("orders", Severity::High)]).unwrap();
    let arn = "arn:aws:lambda:eu-central-1:111122223333:function:orders";
    let result = item(&table, &format!("FUNCTION#{arn}"), &format!("ROLE#{}", role_arn(ACCOUNT, "orders")));
    for (name, kind, value) in [
        ("item", "S", "function-result"),
        ("function_name", "S", "orders"),
        ("account", "S", ACCOUNT),
        ("removed_actions", "N", "3"),
        ("confidence", "N", "0.75"),
        ("unused", "N", "3"),
        ("gsi1pk", "S", "NAME#orders"),
        ("suggestion_since", "S", "2026-01-01T00:00:00Z"),
    ] {
        assert_eq!(result[name][kind], value, "{name}");
    }
    let policies: serde_json::Value = serde_json::from_str(result["policies"]["S"].as_str().unwrap()).unwrap();
    assert_eq!(policies[0]["document"]["Statement"][0]["Action"], "s3:GetObject");
    let fingerprint = finding("orders", Severity::High).fingerprint;
    let found = item(&table, "FINDING#111122223333#f", &fingerprint);
    assert_eq!(found["gsi1pk"]["S"], "SEVERITY#high");
    assert_eq!(found["gsi1sk"]["S"], format!("open#{ACCOUNT}#{fingerprint}"));
    assert_eq!(found["remedy"]["S"], "run `whittle policy`");
    assert!(found.get("ttl").is_none());
}

#[test]
fn history_is_kept_of_suggestions_not_of_verdicts() {
    let table = FakeTable::default();
    let history = |table: &FakeTable| -> Vec<String> {
        table.dump().into_keys().map(|(_, sk)| sk).filter(|sk| sk.starts_with("HISTORY#")).collect()
    };
    let mut today = report(&["orders"]);
    today.roles.clear();
    begun(&table, "one", 0).save_report(&today, &SaveScope::Account).unwrap();
    assert_eq!(history(&table).len(), 1);
    today.functions[0].active_days = 8;
    begun(&table, "two", 24).save_report(&today, &SaveScope::Account).unwrap();
    assert_eq!(history(&table).len(), 1);
    today.functions[0].suggestion = Some(suggestion(4));
    begun(&table, "three", 48).save_report(&today, &SaveScope::Account).unwrap();
    today.functions[0].suggestion = None;
    begun(&table, "four", 72).save_report(&today, &SaveScope::Account).unwrap();
    let role = role_arn(ACCOUNT, "orders");
    let expect = ["2026-01-01", "2026-01-03", "2026-01-04"].map(|day| format!("HISTORY#{day}T00:00:00Z#{role}"));
    assert_eq!(history(&table), expect);
    let pk = "FUNCTION#arn:aws:lambda:eu-central-1:111122223333:function:orders";
    let entry = item(&table, pk, &expect[1]);
    assert_eq!(entry["removed_actions"]["N"], "4");
    assert!(entry["ttl"]["N"].as_str().unwrap().parse::<i64>().unwrap() > at(48).as_second());
    // Results are not mistaken for history.
    assert_eq!(store(&table).functions("orders").unwrap(), today.functions);
}

#[test]
fn old_parts_are_deleted_also_those_that_a_killed_run_left() {
    let table = FakeTable::default();
    let parts = |table: &FakeTable| table.dump().keys().filter(|(_, sk)| sk.starts_with("PART#")).count();
    let mut large = report(&["orders"]);
    let mut text = noise(1024 * 1024);
    large.functions[0].verdicts[0].reason = Reason::Text(text.clone());
    begun(&table, "one", 0).save_report(&large, &SaveScope::Account).unwrap();
    let before = parts(&table);
    assert!(before > 2);
    text.push('!');
    large.functions[0].verdicts[0].reason = Reason::Text(text.clone());
    let mut store = begun(&table, "two", 10);
    // Parts and result are written, the old parts are still there.
    table.fail(Some(Fault::KilledBefore(2)));
    store.save_report(&large, &SaveScope::Account).unwrap_err();
    table.fail(None);
    assert_eq!(parts(&table), 2 * before);
    text.push('!');
    large.functions[0].verdicts[0].reason = Reason::Text(text.clone());
    begun(&table, "three", 20).save_report(&large, &SaveScope::Account).unwrap();
    assert_eq!(parts(&table), before);
    begun(&table, "four", 30).save_report(&report(&[]), &SaveScope::Account).unwrap();
    assert_eq!(parts(&table), 0);
}

#[test]
fn a_damaged_item_is_an_error_with_advice() {
    let table = FakeTable::default();
    begun(&table, "one", 0).save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    let pk = "FUNCTION#arn:aws:lambda:eu-central-1:111122223333:function:orders";
    let sk = format!("ROLE#{}", role_arn(ACCOUNT, "orders"));
    for content in ["", "AAAA", "H4sIAAAAAAAA/wMAAAAAAAAAAAA="] {
        table.edit(pk, &sk, |item| {
            item.as_mut().unwrap().insert("content".to_owned(), serde_json::json!({"B": content}));
        });
        let error = store(&table).functions("orders").unwrap_err();
        assert_eq!(error.kind(), &PortErrorKind::Invalid, "{content}");
        assert!(error.to_string().contains("damaged") && error.hint().is_some(), "{error}");
    }
    // As the documentation says: without the index everything is written again.
    let shards: Vec<_> = table.dump().into_keys().filter(|(pk, _)| pk.starts_with("INDEX#")).collect();
    for (pk, sk) in shards {
        table.edit(&pk, &sk, |item| *item = None);
    }
    begun(&table, "two", 10).save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    assert_eq!(store(&table).functions("orders").unwrap(), report(&["orders"]).functions);
}

#[test]
fn functions_of_a_stack_are_found_and_no_longer_when_they_leave_it() {
    let table = FakeTable::default();
    let in_stack = |stack: &str, id: &str| {
        Some(whittle_analysis::result::StackMember { stack: stack.to_owned(), logical_id: id.to_owned() })
    };
    let mut here = report(&["mail", "orders"]);
    here.functions[0].stack = in_stack("shop", "Mail");
    here.functions[1].stack = in_stack("shop", "Orders");
    begun(&table, "one", 0).save_report(&here, &SaveScope::Account).unwrap();
    let mut there = report_of(OTHER, &["orders"]);
    there.functions[0].stack = in_stack("shop", "Orders");
    begun(&table, "two", 10).save_report(&there, &SaveScope::Account).unwrap();
    let found = |stack: &str| -> Vec<String> {
        let found = store(&table).functions_of_stack(stack).unwrap();
        found.into_iter().map(|result| result.function_arn).collect()
    };
    let (here_arns, there_arn) =
        (["mail", "orders"].map(|name| function_arn(ACCOUNT, name)), function_arn(OTHER, "orders"));
    assert_eq!(found("shop"), [&here_arns[..], std::slice::from_ref(&there_arn)].concat());
    assert_eq!(found("Shop"), [""; 0]);
    here.functions[0].stack = in_stack("post", "Mail");
    here.functions.pop();
    begun(&table, "three", 20).save_report(&here, &SaveScope::Account).unwrap();
    assert_eq!(found("shop"), [there_arn]);
    assert_eq!(found("post"), [here_arns[0].clone()]);
}

#[test]
fn the_evidence_of_a_role_is_read_without_that_of_others() {
    let table = FakeTable::default();
    let (mail, orders) = (seen("mail", 3), seen("orders", 4));
    let all = joined(&[mail.clone(), orders]);
    let marks = marks_of(&[]);
    begun(&table, "one", 0).save_evidence(EvidenceBatch { ledger: &all, marks: &marks, objects: &[] }).unwrap();
    let arn = |role: &str| format!("arn:aws:iam::{ACCOUNT}:role/{role}");
    let found = store(&table).ledger_of(&[arn("mail"), arn("nobody")].into()).unwrap();
    assert_eq!(found.roles().map(|(id, _)| id.to_owned()).collect::<Vec<_>>(), [role_id("mail")]);
    assert_eq!(found.role(&role_id("mail")), mail.role(&role_id("mail")));
    assert_eq!(found.account(), all.account(), "and what is known of the account");
    assert!(store(&table).ledger_of(&[arn("nobody")].into()).unwrap().is_empty());
}

#[test]
fn window_and_coverage_of_the_last_run_are_found() {
    let table = FakeTable::default();
    assert_eq!(store(&table).account(ACCOUNT).unwrap(), None);
    let report = report(&["mail"]);
    begun(&table, "one", 0).save_report(&report, &SaveScope::Account).unwrap();
    assert_eq!(store(&table).account(ACCOUNT).unwrap(), Some((report.window, report.coverage)));
}
