use super::*;
use crate::document::PolicyDocument;

fn statements(text: &str) -> Vec<Statement> {
    PolicyDocument::parse(&format!(r#"{{"Version":"2012-10-17","Statement":{text}}}"#)).unwrap().statements.into_vec()
}

#[track_caller]
fn check(input: &str, expect: &str, origins: &[&[usize]]) {
    let merged = minify(&statements(input));
    let told: Vec<Statement> = merged.iter().map(|merged| merged.statement.clone()).collect();
    let text = |statements: Vec<Statement>| PolicyDocument::new(statements).to_json_compact();
    assert_eq!(text(told), text(statements(expect)));
    assert_eq!(merged.iter().map(|merged| merged.origins.as_slice()).collect::<Vec<_>>(), origins);
}

#[test]
fn patterns_that_another_covers_go() {
    check(
        r#"[{"Effect":"Allow","Action":["s3:GetObject","S3:GETOBJECT","s3:Get*","s3:PutObject"],"Resource":["arn:aws:s3:::a/b","arn:aws:s3:::a/*"]}]"#,
        r#"[{"Effect":"Allow","Action":["s3:Get*","s3:PutObject"],"Resource":"arn:aws:s3:::a/*"}]"#,
        &[&[0]],
    );
    check(
        r#"[{"Effect":"Allow","NotAction":["iam:*","iam:PassRole"],"Resource":"*"}]"#,
        r#"[{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]"#,
        &[&[0]],
    );
}

#[test]
fn statements_merge_by_action_and_by_resource() {
    check(
        r#"[{"Sid":"A","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"},
            {"Sid":"B","Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::a/*"},
            {"Sid":"C","Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"arn:aws:s3:::b/*"}]"#,
        r#"[{"Sid":"A","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::a/*","arn:aws:s3:::b/*"]}]"#,
        &[&[0, 1, 2]],
    );
}

#[test]
fn what_differs_in_both_stays_apart() {
    let apart = r#"[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"},
                    {"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/*"}]"#;
    check(apart, apart, &[&[0], &[1]]);
    let effects = apart.replacen("Allow", "Deny", 1).replace("b/*", "a/*");
    check(&effects, &effects, &[&[0], &[1]]);
    let conditions = r#"[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},
                         {"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]"#;
    check(conditions, conditions, &[&[0], &[1]]);
}

#[test]
fn covered_statements_and_actions_go_once() {
    check(
        r#"[{"Effect":"Allow","Action":["s3:GetObject","sqs:SendMessage"],"Resource":"arn:aws:s3:::a/x"},
            {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::a/*"},
            {"Effect":"Allow","Action":"S3:*","Resource":"arn:aws:s3:::a/*"},
            {"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::a/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]"#,
        r#"[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:s3:::a/x"},
            {"Effect":"Allow","Action":"S3:*","Resource":"arn:aws:s3:::a/*"}]"#,
        &[&[0], &[2]],
    );
}

#[test]
fn the_caller_may_refuse_a_merge() {
    let input = statements(
        r#"[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"},{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]"#,
    );
    assert_eq!(minify(&input).len(), 1);
    assert_eq!(minify_where(&input, |_| false).len(), 2);
}

#[test]
fn text_of_an_older_version_stays_text() {
    let old = PolicyDocument::parse(
        r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::a/${aws:username}"}]}"#,
    )
    .unwrap();
    let merged = minify(old.statements.as_slice());
    assert_eq!(
        merged[0].statement.resource.as_ref().unwrap().patterns()[0].as_str(),
        "arn:aws:s3:::a/${$}{aws:username}"
    );
}
