use serde_json::json;
use whittle_policy::PolicyDocument;

use super::apply;
use crate::edit::{EditOutcome, EditTarget, Surroundings};
use crate::narrow::Narrowing;
use crate::references::References;
use crate::resolve::Context;

const LOG_GROUP: &str = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/reports:*";

/// The function's role is narrowed to its log group; how that is written.
#[track_caller]
fn check(depends_on: &str, expect: &str) {
    let file = format!(
        r#"data "aws_iam_policy_document" "reports" {{
  statement {{
    actions   = ["logs:*"]
    resources = ["*"]
  }}
}}

resource "aws_iam_role" "reports" {{
  assume_role_policy = "{{}}"
}}

resource "aws_iam_role_policy" "reports" {{
  role   = aws_iam_role.reports.id
  policy = data.aws_iam_policy_document.reports.json
}}

resource "aws_lambda_function" "reports" {{
  function_name = "reports"
  role          = aws_iam_role.reports.arn
  {depends_on}
}}
"#
    );
    let state = json!({"values": {"root_module": {"resources": [
        {"mode": "managed", "type": "aws_lambda_function", "name": "reports",
         "values": {"function_name": "reports", "arn": "arn:aws:lambda:eu-west-1:111122223333:function:reports"}},
    ]}}});
    let (references, _) = References::from_terraform_state(&state).unwrap();
    let surroundings =
        Surroundings { context: Context { references, ..Context::default() }, ..Surroundings::default() };
    let statement = json!({"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": LOG_GROUP});
    let document: PolicyDocument =
        serde_json::from_value(json!({"Version": "2012-10-17", "Statement": [statement]})).unwrap();
    let narrowing = Narrowing { policies: vec![("narrowed".to_owned(), document)], ..Narrowing::default() };
    let targets = [EditTarget { function: "aws_lambda_function.reports".to_owned(), narrowing }];
    let edited = apply(file.as_bytes(), &targets, &surroundings).unwrap();
    assert!(matches!(edited.reports[0].outcome, EditOutcome::Changed { .. }), "{:#?}", edited.reports);
    let new = String::from_utf8(edited.bytes).unwrap();
    let found: Vec<&str> = new.lines().filter_map(|line| line.trim().strip_prefix("resources = ")).collect();
    assert_eq!(found, [expect], "{new}");
}

#[test]
fn a_policy_does_not_name_the_function_that_waits_for_it() {
    let by_name = LOG_GROUP.replace("/reports:", "/${aws_lambda_function.reports.function_name}:");
    check("", &format!("[\"{by_name}\"]"));
    check("depends_on    = [aws_iam_role_policy.reports]", &format!("[\"{LOG_GROUP}\"]"));
}
