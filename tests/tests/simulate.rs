//! `whittle simulate` as a program: the body of decision cases, bad input, order, memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{call, root, stderr, stdout, whittle};

/// The program with both ends in hand, to ask and to read in turn.
fn conversation() -> Child {
    let mut command = Command::new(whittle());
    command.arg("simulate").env_remove("WHITTLE_OUTPUT").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Answers to lines given on standard input.
fn simulate(input: &[u8], args: &[&str]) -> Output {
    let mut child = Command::new(whittle())
        .arg("simulate")
        .args(args)
        .env_remove("WHITTLE_OUTPUT")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Written beside reading, or both sides would wait for each other once the pipes are full.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

fn answers(output: &Output) -> Vec<Value> {
    let answers: Vec<Value> = stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Where nothing was decided, the exit code says so.
    let decided = answers.iter().any(|answer| answer.get("decision").is_some());
    assert_eq!(output.status.code(), Some(if decided { 0 } else { 2 }), "{}", stderr(output));
    answers
}

/// The one answer to one line.
#[track_caller]
fn answer(line: &[u8]) -> Value {
    let mut answers = answers(&simulate(line, &[]));
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

fn case(id: usize, action: &str, policy: &Value) -> String {
    json!({
        "id": id,
        "request": {"principal": "arn:aws:iam::111122223333:role/reader", "action": action, "resource": "arn:aws:s3:::photos/a.jpg"},
        "identity_policies": [{"name": "read", "document": policy}],
    })
    .to_string()
}

fn read() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]})
}

#[test]
fn every_decision_case_of_the_project_through_the_binary() {
    let mut lines = String::new();
    let mut expected = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("crates/testkit/cases/evaluation")).unwrap() {
        let file: Value = serde_json::from_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        for case in file["cases"].as_array().unwrap() {
            writeln!(lines, "{case}").unwrap();
            expected.insert(case["id"].as_str().unwrap().to_owned(), case["expect"].clone());
        }
    }
    assert!(expected.len() >= 700);
    let output = simulate(lines.as_bytes(), &[]);
    assert_eq!(stderr(&output), "");
    let decided: BTreeMap<String, Value> = answers(&output)
        .into_iter()
        .map(|answer| (answer["id"].as_str().unwrap().to_owned(), answer["decision"].clone()))
        .collect();
    assert_eq!(decided, expected);
}

#[test]
fn answers_come_in_the_order_of_the_input() {
    let mut lines = String::new();
    for id in 0..20_000 {
        let action = if id % 3 == 0 { "s3:GetObject" } else { "s3:PutObject" };
        writeln!(lines, "{}", case(id, action, &read())).unwrap();
    }
    let answers = answers(&simulate(lines.as_bytes(), &[]));
    assert_eq!(answers.len(), 20_000);
    for (id, answer) in answers.iter().enumerate() {
        assert_eq!(answer["id"], id);
        assert_eq!(answer["decision"], if id % 3 == 0 { "Allowed" } else { "ImplicitlyDenied" });
    }
}

#[test]
fn one_question_at_a_time_is_answered_at_once() {
    use std::io::{BufRead, BufReader};
    let mut child = conversation();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in 0..3 {
        writeln!(stdin, "{}", case(id, "s3:GetObject", &read())).unwrap();
        let answer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["id"], id);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn explain_names_what_decided_and_why_the_rest_did_not() {
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Write", "Effect": "Allow", "Action": "s3:Put*", "Resource": "*"},
        {"Sid": "Other", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::other/*"},
        {"Sid": "Net", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        {"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]});
    let output = simulate(case(1, "s3:GetObject", &policy).as_bytes(), &["--explain"]);
    let answer = &answers(&output)[0];
    assert_eq!(answer["deciding"], json!([{"policy": "read", "statement": 3, "sid": "Read", "layer": "identity"}]));
    let reported: Vec<(bool, &str)> = answer["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reported| (reported["matches"].as_bool().unwrap(), reported["because"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        reported,
        [
            (false, "the action does not match"),
            (false, "the resource does not match"),
            (false, "IpAddress on aws:SourceIp is not met: the request does not have the key"),
            (true, ""),
        ]
    );
}

#[test]
fn files_standard_input_and_an_output_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("one.ndjson"), case(1, "s3:GetObject", &read())).unwrap();
    std::fs::write(dir.path().join("two.ndjson"), format!("\n{}\r\n\n", case(2, "s3:PutObject", &read()))).unwrap();
    let output = call(dir.path(), &["simulate", "one.ndjson", "two.ndjson", "-o", "out.ndjson"]);
    assert!(output.status.success());
    assert_eq!(stdout(&output), "");
    let text = std::fs::read_to_string(dir.path().join("out.ndjson")).unwrap();
    let ids: Vec<Value> = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "nothing is left beside");

    let missing = call(dir.path(), &["simulate", "one.ndjson", "none.ndjson"]);
    assert_eq!(missing.status.code(), Some(2));
    assert_eq!(stdout(&missing), "", "nothing is answered if a file is missing");
    assert!(stderr(&missing).contains("cannot read `none.ndjson`"), "{}", stderr(&missing));
    let folder = call(dir.path(), &["simulate", "."]);
    assert_eq!(folder.status.code(), Some(2));

    std::fs::write(dir.path().join("empty.ndjson"), "\n").unwrap();
    let empty = call(dir.path(), &["simulate", "empty.ndjson"]);
    assert_eq!(empty.status.code(), Some(2));
    assert!(stderr(&empty).starts_with("error: there is no case in the input\n"), "{}", stderr(&empty));
}

#[test]
fn where_no_case_can_be_read_the_exit_code_says_so() {
    let output = simulate(b"{\"id\":1,\nnull\n", &[]);
    assert_eq!(answers(&output).len(), 2, "each line has its answer");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: none of the 2 cases could be read"), "{}", stderr(&output));
    // One that can be read is enough.
    let input = format!("null\n{}\n", case(1, "s3:GetObject", &read()));
    assert_eq!(simulate(input.as_bytes(), &[]).status.code(), Some(0));
}

#[test]
fn a_bad_line_has_its_answer_and_ends_nothing() {
    let mut input = Vec::new();
    for line in [
        b"{\"id\":1,".to_vec(),
        b"\xff\xfe".to_vec(),
        case(3, "s3:GetObject", &read()).into_bytes(),
        b"[]".to_vec(),
        br#"{"id":"five","request":{"principal":"*","resource":"*"}}"#.to_vec(),
        br#"{"id":6,"id":7}"#.to_vec(),
        b"null".to_vec(),
    ] {
        input.extend(line);
        input.push(b'\n');
    }
    let output = simulate(&input, &[]);
    let answers = answers(&output);
    let cut_off = answers[0]["error"].as_str().unwrap();
    assert!(cut_off.starts_with("standard input, line 1, column 9: $: not JSON: text ended too early"), "{cut_off}");
    assert_eq!(answers[1]["error"], "standard input, line 2: not UTF-8 from byte 0");
    assert_eq!(answers[2]["decision"], "Allowed");
    assert_eq!(answers[4]["id"], "five");
    let reported = answers[4]["error"].as_str().unwrap();
    assert!(reported.starts_with("standard input, line 5, column 24: $.request: action is missing"), "{reported}");
    assert!(answers[5]["error"].as_str().unwrap().contains("\"id\" occurs twice"), "{}", answers[5]);
    for at in [3, 6] {
        assert!(answers[at]["error"].as_str().unwrap().contains("a case (an object)"), "{}", answers[at]);
    }
    assert_eq!(stderr(&output), "warning: 6 of 7 cases could not be read; their answers say why\n");
}

#[test]
fn hostile_lines_are_bounded() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let error = answer(deep.as_bytes());
    assert!(error["error"].as_str().unwrap().contains("nested more than"), "{error}");
    let inside = format!(r#"{{"id":1,"request":{{"principal":"*","action":"s3:Get","context":{{"k":{deep}}}}}}}"#);
    assert!(answer(inside.as_bytes())["error"].as_str().unwrap().contains("nested more than"));

    let ten_megabytes = "a".repeat(10 << 20);
    let long = case(1, &format!("s3:{ten_megabytes}"), &read());
    assert_eq!(answer(long.as_bytes())["decision"], "ImplicitlyDenied");
    let long_id = format!(r#"{{"id":"{ten_megabytes}","request":7}}"#);
    assert!(answer(long_id.as_bytes())["error"].as_str().unwrap().len() < 1_000);

    let stars = format!("arn:aws:s3:::{}b", "a*".repeat(1_000));
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": stars}]});
    let request = case(1, "s3:GetObject", &policy).replace("photos/a.jpg", &"a".repeat(100_000));
    assert_eq!(answer(request.as_bytes())["decision"], "ImplicitlyDenied");

    let twice = case(1, "s3:GetObject", &read()).replace(r#""Effect":"#, r#""Effect":"Deny","Effect":"#);
    assert!(answer(twice.as_bytes())["error"].as_str().unwrap().contains("\"Effect\" occurs twice"));
}

#[test]
fn a_line_of_a_hundred_megabytes_is_refused_and_the_next_is_answered() {
    let mut input = vec![b'x'; 100 << 20];
    input.push(b'\n');
    input.extend(case(2, "s3:GetObject", &read()).into_bytes());
    let answers = answers(&simulate(&input, &[]));
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["error"], "standard input, line 1: longer than 67108864 bytes");
    assert_eq!(answers[1]["decision"], "Allowed");
}

#[test]
fn byte_order_marks_empty_lines_and_line_ends_of_other_systems_do_not_matter() {
    let one = |id| case(id, "s3:GetObject", &read());
    let input = format!("\u{feff}{}\r\n\r\n \t\n\u{feff}{}\n\n{}", one(1), one(2), one(3));
    let output = simulate(input.as_bytes(), &[]);
    let answers = answers(&output);
    assert_eq!(stderr(&output), "");
    let reported: Vec<(&Value, &Value)> = answers.iter().map(|answer| (&answer["id"], &answer["decision"])).collect();
    let allowed = json!("Allowed");
    assert_eq!(reported, [(&json!(1), &allowed), (&json!(2), &allowed), (&json!(3), &allowed)]);
}

/// Peak memory of a process in kilobytes, where the system reports it.
#[cfg(target_os = "linux")]
fn peak_kilobytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A list of one-digit numbers is the text that takes the most memory for its length.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_number_of_values_in_a_line() {
    use std::io::{BufRead, BufReader};
    let mut child = conversation();
    let mut stdin = child.stdin.take().unwrap();
    let flood = format!("{{\"id\":1,\"request\":{{\"context\":{{\"k\":[1{}]}}}}}}\n", ",1".repeat(20 << 20));
    stdin.write_all(flood.as_bytes()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reported: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let error = reported["error"].as_str().unwrap();
    assert!(error.starts_with("standard input, line 1, column "), "{error}");
    assert!(error.contains(": $.request.context.k[1048571]: more than 1048576 JSON values"), "{error}");
    let peak = peak_kilobytes(child.id());
    writeln!(stdin, "{}", case(2, "s3:GetObject", &read())).unwrap();
    let next: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next["decision"], "Allowed");
    drop(stdin);
    assert!(child.wait().unwrap().success());
    // The line itself takes 40 MB, and twice that while it is read.
    assert!(peak < 300_000, "{peak} kB");
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_number_of_cases() {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "x".repeat(2_000)}]});
    let line = case(1, "s3:GetObject", &policy);
    let mut child = Command::new(whittle())
        .arg("simulate")
        .env_remove("WHITTLE_OUTPUT")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..40_000 {
        stdin.write_all(line.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
    }
    // 90 MB went in, and the process still lives, waiting for more.
    let kilobytes = peak_kilobytes(child.id());
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert!(kilobytes < 60_000, "{kilobytes} kB");
}
