use jiff::Timestamp;
use proptest::prelude::*;
use whittle_analysis::alert::{AlertKind, Level, MAX_MESSAGE_BYTES};
use whittle_analysis::reason::Reason;
use whittle_analysis::risk;

use super::*;

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

fn finding(code: &str, name: Option<&str>, likelihood: u8, impact: u8) -> Finding {
    let of = name.unwrap_or("orders-role");
    Finding {
        code: code.to_owned(),
        severity: risk::severity(likelihood, impact),
        likelihood,
        impact,
        function_arn: name.map(|name| format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}")),
        role_arn: "arn:aws:iam::111122223333:role/app/orders-role".to_owned(),
        title: format!("{of} is allowed 42 actions that it does not use"),
        detail: Reason::Text(
            "42 of 57 granted actions were observable for 90 days and not used: iam:PassRole, s3:DeleteObject, \
             s3:PutObject, dynamodb:DeleteItem, dynamodb:PutItem and 37 more"
                .to_owned(),
        ),
        remedy: format!("whittle policy {of}"),
        fingerprint: format!("{code}-{of}"),
    }
}

fn alert(finding: Finding, kind: AlertKind) -> Alert {
    let level = Level { severity: Severity::Medium, likelihood: 2, impact: 4 };
    Alert {
        finding,
        kind,
        was: (kind == AlertKind::Worse).then_some(level),
        first_seen: at(if kind == AlertKind::New { "21T06:00" } else { "03T06:00" }),
        since: at("21T06:00"),
    }
}

fn notice(alerts: Vec<Alert>) -> Notice {
    Notice {
        account: "111122223333".to_owned(),
        run_id: "2026-11-21T06:00:00Z-7f3a".to_owned(),
        at: at("21T06:01"),
        alerts,
    }
}

/// Everything that is published, readable.
fn shown(notice: &Notice) -> String {
    let message = message(notice);
    let json: serde_json::Value = serde_json::from_str(&message.json).unwrap();
    let attributes: Vec<String> = message
        .attributes
        .iter()
        .map(|(name, value)| format!("{name} ({}) = {}", value.data_type(), value.string_value()))
        .collect();
    format!(
        "SUBJECT {}\n\nTEXT\n{}\nSMS {}\n\nATTRIBUTES\n{}\n\nJSON\n{}\n",
        message.subject,
        message.text,
        message.sms,
        attributes.join("\n"),
        serde_json::to_string_pretty(&json).unwrap()
    )
}

#[test]
fn a_new_finding() {
    insta::assert_snapshot!(shown(&notice(vec![alert(
        finding("unused-actions", Some("orders"), 4, 5),
        AlertKind::New
    )])));
}

#[test]
fn a_worse_finding() {
    let mut worse = finding("unused-actions", Some("orders"), 3, 4);
    worse.remedy = "delete the function, or: whittle explain orders".to_owned();
    insta::assert_snapshot!(shown(&notice(vec![alert(worse, AlertKind::Worse)])));
}

#[test]
fn a_finding_whose_waiver_ended() {
    let mut lapsed = alert(finding("shared-role", None, 3, 4), AlertKind::New);
    lapsed.first_seen = at("01T06:00");
    lapsed.finding.remedy = "one role each: whittle policy orders".to_owned();
    insta::assert_snapshot!(shown(&notice(vec![lapsed])));
}

#[test]
fn a_resolved_finding() {
    insta::assert_snapshot!(shown(&notice(vec![alert(
        finding("unused-actions", Some("orders"), 3, 4),
        AlertKind::Resolved
    )])));
}

#[test]
fn a_trail_that_stopped() {
    let mut stopped = finding("blind-spot", None, 4, 3);
    stopped.role_arn = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/org".to_owned();
    stopped.title = "trail org is not logging".to_owned();
    stopped.detail =
        Reason::Text("no event was logged since 2026-11-20 17:12 UTC: use after that cannot be seen".to_owned());
    stopped.remedy = "aws cloudtrail start-logging --name org".to_owned();
    insta::assert_snapshot!(shown(&notice(vec![alert(stopped, AlertKind::New)])));
}

#[test]
fn a_denied_function() {
    let mut denied = finding("over-narrowed", Some("orders"), 4, 4);
    denied.title = "orders is denied 1 action that it was allowed before".to_owned();
    denied.detail = Reason::Text(
        "policies narrowed 2026-11-20 00:00 UTC, last denied 2026-11-20 08:00 UTC: dynamodb:PutItem; restore \
        {\"Sid\":\"Tables\",\"Effect\":\"Allow\",\"Action\":[\"dynamodb:PutItem\"],\"Resource\":\
        [\"arn:aws:dynamodb:eu-central-1:111122223333:table/orders\"]} (was in app/Tables)"
            .to_owned(),
    );
    denied.remedy = "restore the statement; why: whittle explain orders".to_owned();
    insta::assert_snapshot!(shown(&notice(vec![alert(denied, AlertKind::New)])));
}

fn many(count: usize) -> Notice {
    let mut alerts: Vec<Alert> = (0..count)
        .map(|index| {
            let code = ["unused-actions", "wildcard-action", "administrator-access"][index % 3];
            let name = format!("service-{index:04}");
            let impact = if index % 10 == 0 { 5 } else { 3 };
            let role_arn = format!("arn:aws:iam::111122223333:role/{name}-role");
            let finding = Finding { role_arn, ..finding(code, Some(&name), 4, impact) };
            alert(finding, if index == 7 { AlertKind::Worse } else { AlertKind::New })
        })
        .collect();
    alerts.sort_by_key(|alert| std::cmp::Reverse(alert.finding.severity));
    notice(alerts)
}

#[test]
fn a_digest() {
    insta::assert_snapshot!(shown(&many(12)));
}

#[test]
fn several_findings_of_one_function_name_it() {
    let name = Some("orders");
    let alerts = ["privilege-widened", "unused-actions"].map(|code| alert(finding(code, name, 4, 5), AlertKind::New));
    let message = message(&notice(alerts.to_vec()));
    assert!(message.subject.starts_with("CRITICAL digest: 2 findings about orders"), "{}", message.subject);
    assert!(message.subject.len() < 100);
}

#[test]
fn a_flood_fits_and_says_what_it_leaves_out() {
    let message = message(&many(2_000));
    assert!(message.size_bytes() <= MAX_MESSAGE_BYTES, "{}", message.size_bytes());
    let json: serde_json::Value = serde_json::from_str(&message.json).unwrap();
    let listed = json["findings"].as_array().unwrap().len();
    assert!(listed > 200, "{listed}");
    assert_eq!(json["not_listed"], 2_000 - listed);
    assert_eq!(json["counts"]["total"], 2_000);
    assert_eq!(json["findings"][0]["severity"], "critical");
    assert!(message.text.contains("1990 more are not listed here:"), "{}", message.text);
    assert_eq!(message.fingerprints.len(), 2_000);
    let Attribute::Many(functions) = &message.attributes["function"] else { panic!("{:?}", message.attributes) };
    assert_eq!(functions.len(), MAX_NAMES);
}

#[test]
fn each_protocol_gets_its_form() {
    let message = message(&many(1));
    let structured: serde_json::Value = serde_json::from_str(&message.structured()).unwrap();
    assert_eq!(structured["default"], message.json);
    assert_eq!(structured["email"], message.text);
    assert_eq!(structured["sms"], message.sms);
}

#[test]
fn a_command_is_safe_to_paste() {
    for (remedy, expect) in [
        ("whittle policy orders", Some("whittle policy orders")),
        ("one role each: whittle policy orders", Some("whittle policy orders")),
        ("whittle trail coverage, or collect IAM last-accessed reports", Some("whittle trail coverage")),
        ("whittle policy $(reboot)", Some("whittle policy __reboot_")),
        ("whittle policy a`b`|c&d>e", Some("whittle policy a_b__c_d_e")),
        ("whittle policy a; rm -rf /", Some("whittle policy a")),
        ("aws cloudtrail start-logging --name a;b", Some("aws cloudtrail start-logging --name a")),
        ("start the trail", None),
    ] {
        assert_eq!(ascii::command(remedy).as_deref(), expect, "{remedy}");
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

proptest! {
    /// Whatever names hold, the forms keep their rules.
    #[test]
    fn hostile_names_break_no_form(
        texts in prop::collection::vec("(?s).{0,80}|[\\x00-\\x1f\u{202e}\u{feff}\"\\\\]{0,300}|[a-z]{600}", 7),
        likelihood in 1_u8..6,
        impact in 1_u8..6,
        kind in prop::sample::select(vec![AlertKind::New, AlertKind::Worse, AlertKind::Resolved]),
        count in prop::sample::select(vec![1_usize, 1, 6, 400]),
    ) {
        let one = Finding {
            code: texts[0].clone(),
            severity: risk::severity(likelihood, impact),
            likelihood,
            impact,
            function_arn: Some(format!("arn:aws:lambda:eu-central-1:111122223333:function:{}", texts[1])),
            role_arn: texts[2].clone(),
            title: texts[3].clone(),
            detail: Reason::Text(texts[4].repeat(20)),
            remedy: format!("whittle policy {}", texts[5]),
            fingerprint: texts[6].clone(),
        };
        let notice = notice(vec![alert(one, kind); count]);
        let message = message(&notice);
        prop_assert!(message.subject.len() < 100 && is_plain(&message.subject), "{:?}", message.subject);
        prop_assert!(message.subject.starts_with(|first: char| first.is_ascii_uppercase()));
        prop_assert!(message.sms.len() <= 140 && is_plain(&message.sms), "{:?}", message.sms);
        prop_assert!(message.text.lines().all(is_plain));
        prop_assert!(!message.text.contains('\r'));
        let json: serde_json::Value = serde_json::from_str(&message.json).unwrap();
        let listed = json["findings"].as_array().unwrap().len();
        prop_assert!(listed > 0);
        prop_assert_eq!(json["findings"][0]["function_arn"].as_str(), notice.alerts[0].finding.function_arn.as_deref());
        prop_assert_eq!(json["not_listed"].as_u64(), u64::try_from(count - listed).ok());
        prop_assert!(message.size_bytes() <= MAX_MESSAGE_BYTES);
        prop_assert!(message.attributes.len() <= 10);
        for value in message.attributes.values() {
            prop_assert!(is_plain(&value.string_value()) && !value.string_value().is_empty());
            if let Attribute::Many(values) = value {
                let parsed: Vec<String> = serde_json::from_str(&value.string_value()).unwrap();
                prop_assert_eq!(&parsed, values);
            }
        }
    }
}
