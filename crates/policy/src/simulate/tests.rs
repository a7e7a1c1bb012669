use serde_json::{Value, json};

use super::*;

fn answer(line: &str) -> Value {
    serde_json::from_str(&simulate_line(line)).unwrap()
}

#[track_caller]
fn refused(line: &str, id: &Value, error: &str) {
    let answer = answer(line);
    assert_eq!(&answer["id"], id, "{answer}");
    let text = answer["error"].as_str().unwrap();
    assert!(text.contains(error), "{text}");
    assert!(answer.get("decision").is_none());
}

fn case(members: &str) -> String {
    format!(
        r#"{{"id":"x","request":{{"principal":"arn:aws:iam::111122223333:user/ann","action":"s3:GetObject","resource":"arn:aws:s3:::photos/a"}}{members}}}"#
    )
}

const READ: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

#[test]
fn answers_keep_the_id_whatever_it_is() {
    for id in ["7", "null", "\"x\"", "[1,{\"a\":2}]", "{\"b\":1,\"a\":2}", "1.5"] {
        let line = format!(r#"{{"id":{id},"request":{{"principal":null,"action":"s3:GetObject","resource":"*"}}}}"#);
        let start = format!(r#"{{"id":{id},"decision":"ImplicitlyDenied","deciding":[]"#);
        assert!(simulate_line(&line).starts_with(&start), "{}", simulate_line(&line));
    }
}

#[test]
fn decisions_name_their_statements() {
    let line = case(&format!(
        r#","identity_policies":[{{"name":"read","document":{READ}}}],"service_control_policies":[[{{"name":"guard","document":
        {{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},
        {{"Sid":"No","Effect":"Deny","Action":"s3:Get*","Resource":"*"}}]}}}}]]"#
    ));
    let expect = json!({"id": "x", "decision": "ExplicitlyDenied",
        "deciding": [{"policy": "guard", "statement": 1, "sid": "No", "layer": "service-control"}]});
    assert_eq!(answer(&line), expect);
}

#[test]
fn implicit_denials_name_the_layer_that_does_not_allow() {
    let answer = answer(&case(&format!(r#","identity_policies":[{READ}],"endpoint_policies":[{{"Statement":[]}}]"#)));
    assert_eq!(answer["missing"], "endpoint");
}

#[test]
fn explanations_tell_why_a_statement_does_not_match() {
    let line = case(
        r#","identity_policies":[{"name":"p","document":{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"ec2:*","Resource":"*"},
        {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::mail/*"},
        {"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}}]"#,
    );
    let answer: Value = serde_json::from_str(&answer_line(&line, true)).unwrap();
    let because: Vec<&str> =
        answer["statements"].as_array().unwrap().iter().map(|told| told["because"].as_str().unwrap()).collect();
    let expect = [
        "the action does not match",
        "the resource does not match",
        "Bool on aws:SecureTransport is not met: the request does not have the key",
    ];
    assert_eq!(because, expect);
}

#[test]
fn explanations_tell_what_the_request_has_of_a_key() {
    let told = |context: Value| {
        let condition = json!({"StringEquals": {"aws:PrincipalTag/Team": "blue"}});
        let statement = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition});
        let line = json!({
            "request": {"principal": "arn:aws:iam::111122223333:user/ann", "action": "s3:GetObject", "context": context},
            "identity_policies": [{"Version": "2012-10-17", "Statement": statement}],
        });
        let answer: Value = serde_json::from_str(&answer_line(&line.to_string(), true)).unwrap();
        let because = answer["statements"][0]["because"].as_str().unwrap();
        because.strip_prefix("StringEquals on aws:PrincipalTag/Team is not met: ").unwrap().to_owned()
    };
    assert_eq!(told(json!({})), "the request does not have the key");
    assert_eq!(told(json!({"AWS:principaltag/team": "red"})), r#"the request has "red""#);
    let many = json!({"aws:PrincipalTag/Team": ["a", "b", "c", "d", "e"]});
    assert_eq!(told(many), r#"the request has "a", "b", "c" and 2 more"#);
    assert!(told(json!({"aws:PrincipalTag/Team": "x".repeat(1 << 20)})).len() < 200);
}

#[test]
fn explanations_name_what_nobody_means() {
    let policy = r#"{"name":"p","document":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s*:Get*","Resource":"*"}]}}"#;
    let line = case(&format!(r#","identity_policies":[{policy}]"#));
    let answer: Value = serde_json::from_str(&answer_line(&line, true)).unwrap();
    let expect = json!([{"policy": "p", "layer": "identity", "path": "$.Statement[0].Action", "code": "wildcard-prefix",
        "message": "IAM refuses a wildcard in the service prefix; the pattern matches no action"}]);
    assert_eq!(answer["lints"], expect);
    let plain: Value = serde_json::from_str(&answer_line(&line, false)).unwrap();
    assert!(plain.get("lints").is_none());
}

#[test]
fn policies_come_named_bare_or_as_text() {
    let quoted = serde_json::to_string(READ).unwrap();
    let forms = [
        format!(r#","identity_policies":[{{"name":"n","document":{READ}}}]"#),
        format!(r#","identity_policies":[{READ}]"#),
        format!(r#","identity_policies":[{{"name":"n","document":{quoted}}}]"#),
        format!(r#","identity_policies":[{quoted}]"#),
        format!(r#","identity_policies":{READ}"#),
    ];
    for form in forms {
        assert_eq!(answer(&case(&form))["decision"], "Allowed", "{form}");
    }
}

#[test]
fn lines_that_are_no_cases_are_errors() {
    let null = &Value::Null;
    refused("", null, "text ended too early");
    refused("nonsense", null, "expected a value");
    refused("[]", null, "expected a case (an object), found a list");
    refused(r#"{"id":1}"#, &json!(1), "$: request is missing");
    refused(r#"{"id":1,"request":{"principal":null}}"#, &json!(1), "$.request: action is missing");
    refused(r#"{"id":1,"request":{"principal":null,"action":"GetObject"}}"#, &json!(1), "$.request.action: ");
    refused(
        r#"{"id":1,"request":{"principal":7,"action":"s3:GetObject"}}"#,
        &json!(1),
        "$.request.principal: expected",
    );
    refused(r#"{"id":1,"id":2}"#, null, "occurs twice");
    // What cannot be read as a whole keeps its id as far as that can be told.
    refused(r#"{"id":1,"request":{"action":1,"action":2}}"#, &json!(1), "occurs twice");
    refused(&format!(r#"{{"id":1,"request":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000)), &json!(1), "deep");
    refused(r#"{"id":"x","request":"#, &json!("x"), "text ended too early");
    refused(r#"{"request":,"id":1}"#, null, "a value is missing");
    refused(&case(r#","identity_policy":[]"#), &json!("x"), "unknown element \"identity_policy\"");
    refused(
        &case(r#","service_control_policies":[{"Statement":[]}]"#),
        &json!("x"),
        "$.service_control_policies[0]: expected",
    );
}

#[test]
fn context_keys_that_differ_in_case_are_refused() {
    let line = r#"{"id":1,"request":{"principal":null,"action":"s3:A","resource":"*","context":{"aws:A":["1"],"AWS:a":["2"]}}}"#;
    refused(line, &json!(1), "key \"AWS:a\" occurs twice");
}

#[test]
fn policies_that_aws_refuses_are_errors_with_their_place() {
    let id = &json!("x");
    let with = |policies: &str| case(&format!(r#","identity_policies":[{{"name":"p","document":{policies}}}]"#));
    refused(&with("{}"), id, "$.identity_policies[0].document: Statement is missing");
    refused(
        &with(r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}]}"#),
        id,
        "$.identity_policies[0].document.Statement[0].Principal: an identity policy has no Principal",
    );
    refused(&with(r#"{"Statement":{"Effect":"Allow","Action":"*"}}"#), id, ".Statement: Resource is missing");
    refused(&with(r#""{\"Statement\":[7]}""#), id, "$.identity_policies[0].document.Statement[0]: expected");
    let own = case(r#","resource_policy":{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#);
    refused(&own, id, "$.resource_policy.Statement[0]: Principal is missing");
    let two =
        case(&format!(r#","resource_policy":[{READ},{READ}]"#).replace("\"Effect\"", "\"Principal\":\"*\",\"Effect\""));
    refused(&two, id, "$.resource_policy: expected the one policy of the resource, found several");
    let rcp = r#","resource_control_policies":[[{"Statement":[{"Effect":"Deny","NotPrincipal":"*","Action":"*","Resource":"*"}]}]]"#;
    refused(&case(rcp), id, "a resource control policy has no NotPrincipal");
}

#[test]
fn bytes_that_are_no_text_are_an_error() {
    let answer: Value = serde_json::from_str(&answer_bytes(b"{\"id\":\xff}", false, "cases, line 3").json).unwrap();
    assert_eq!(answer["error"], "cases, line 3: not UTF-8 from byte 6");
}

#[test]
fn errors_name_file_line_column_and_path() {
    let told = |line: &str| {
        let answer: Value = serde_json::from_str(&answer_bytes(line.as_bytes(), false, "cases, line 5").json).unwrap();
        answer["error"].as_str().unwrap().to_owned()
    };
    let check = |line: &str, expect: &str| assert!(told(line).starts_with(expect), "{}", told(line));
    check("{\"id\":1,", "cases, line 5, column 9: $: not JSON: text ended too early; the document was cut off");
    let no_action = r#"{"id":"five","request":{"principal":"*","resource":"*"}}"#;
    check(no_action, "cases, line 5, column 24: $.request: action is missing");
    let flood = format!(r#"{{"id":1,"request":{{"context":{{"k":[1{}]}}}}}}"#, ",1".repeat(2 << 20));
    let column = r#"{"id":1,"request":{"context":{"k":["#.len() + 2 * 1_048_571 + 1;
    let expect = format!("cases, line 5, column {column}: $.request.context.k[1048571]: more than 1048576 JSON values");
    check(&flood, &expect);
}

#[test]
fn other_members_are_ignored() {
    let line = case(&format!(r#","rule":"r","expect":"Allowed","identity_policies":[{READ}]"#));
    assert_eq!(answer(&line)["decision"], "Allowed");
}
