//! Editing any template keeps every byte outside of the edited policies, and never leaves a damaged file.
#![expect(clippy::unwrap_used, reason = "helpers outside the test functions read our own files")]

use std::fmt::Write as _;

use crate::support::{Keep, surroundings, targets};
use proptest::prelude::*;
use whittle_template::edit::{EditOutcome, apply};
use whittle_template::reason::RefusalReason;
use whittle_template::template::Template;

/// Items of `Policies`, written with two spaces a level.
const ITEMS: &[&str] = &[
    "AWSLambdaBasicExecutionRole",
    "AmazonSQSReadOnlyAccess   # why",
    "!Sub arn:${AWS::Partition}:iam::aws:policy/AmazonKinesisReadOnlyAccess",
    "DynamoDBCrudPolicy:\n    TableName: !Ref Orders",
    "S3ReadPolicy: {BucketName: !Ref Uploads}   # some",
    "CloudWatchPutMetricPolicy: {}",
    "Statement:\n  - Effect: Allow\n    Action:\n      - sqs:SendMessage # one\n      # two\n      - sqs:ReceiveMessage\n    Resource: '*'",
    "Version: '2012-10-17'\nStatement:\n- Sid: A\n  Effect: Allow\n  Action: [s3:GetObject, 's3:PutObject']\n  Resource: !Sub ${Uploads.Arn}/*\n- Effect: Deny\n  Action: s3:DeleteObject\n  Resource: \"*\"",
    "Statement: {Effect: Allow, Action: ['sns:*', \"sns:Publish\"], Resource: '*', Condition: {Bool: {aws:SecureTransport: true}}}",
    "Statement:\n  Effect: Allow\n  NotAction: iam:*\n  Resource: '*'",
    "Statement:\n  - Effect: Allow\n    Action: dynamodb:Get*\n    Resource:\n      - !GetAtt Orders.Arn\n      - !Join ['/', [!GetAtt Orders.Arn, index, '*']]\n  - Effect: Allow\n    Action: kms:*\n    Resource: '*'",
    "!If [IsProd, AmazonS3FullAccess, !Ref 'AWS::NoValue']",
    "arn:aws:iam::111122223333:policy/shop",
];

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
struct Case {
    items: Vec<&'static str>,
    comments: Vec<bool>,
    crlf: bool,
    indented: bool,
    final_newline: bool,
    after: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (prop::collection::vec((prop::sample::select(ITEMS), any::<bool>()), 1..5), flags).prop_map(
        |(items, (crlf, indented, final_newline, after))| Case {
            comments: items.iter().map(|(_, comment)| *comment).collect(),
            items: items.into_iter().map(|(item, _)| item).collect(),
            crlf,
            indented,
            final_newline,
            after,
        },
    )
}

/// The text before the policies, the policies, and the text behind them.
fn parts(case: &Case) -> (String, String, String) {
    let before = "# a comment: with 'quotes\nTransform: AWS::Serverless-2016-10-31\nConditions: {IsProd: !Equals [a, b]}\n\nResources:\n  Orders: {Type: AWS::Serverless::SimpleTable}\n  Uploads:\n    Type: AWS::S3::Bucket   # ü\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: \"a.b\"\n".to_owned();
    let pad = if case.indented { "        " } else { "      " };
    let mut policies = "      Policies:\n".to_owned();
    for (item, comment) in case.items.iter().zip(&case.comments) {
        if *comment {
            writeln!(policies, "{pad}# about the next").unwrap();
        }
        let text = item.replace('\n', &format!("\n{pad}  "));
        writeln!(policies, "{pad}- {text}").unwrap();
    }
    let after = if case.after {
        "      Timeout: 3 # last\n\n  Other:\n    Type: AWS::Serverless::Function\n    Properties: {Handler: 'c.d'}\n"
    } else {
        ""
    };
    let fix = |text: String| if case.crlf { text.replace('\n', "\r\n") } else { text };
    let (before, mut policies, mut after) = (fix(before), fix(policies), fix(after.to_owned()));
    if !case.final_newline {
        let last = if after.is_empty() { &mut policies } else { &mut after };
        *last = last.trim_end().to_owned();
    }
    (before, policies, after)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn all_bytes_outside_of_the_policies_stay(case in cases(), half in any::<bool>()) {
        let (before, policies, after) = parts(&case);
        let file = format!("{before}{policies}{after}");
        let keep = if half { Keep::Half } else { Keep::One };
        let template = Template::read(file.as_bytes()).unwrap();
        let surroundings = surroundings(&template);
        let targets = targets(&template, &surroundings, keep);
        let edited = apply(file.as_bytes(), &targets, &surroundings).unwrap();
        let text = String::from_utf8(edited.bytes.clone()).unwrap();
        prop_assert!(text.starts_with(&before), "{text}");
        prop_assert!(text.ends_with(&after), "{text}");
        prop_assert_eq!(case.crlf, text.contains("\r\n"));
        prop_assert_eq!(text.matches('\n').count(), if case.crlf { text.matches("\r\n").count() } else { text.matches('\n').count() });
        for report in &edited.reports {
            if let EditOutcome::Refused { reason, snippet, .. } = &report.outcome {
                prop_assert!(!matches!(reason, RefusalReason::Proof(_) | RefusalReason::Overlap), "{:?}\n{}", reason, file);
                prop_assert!(snippet.starts_with("Policies:"));
            }
        }
        let again = apply(&edited.bytes, &targets, &surroundings).unwrap();
        prop_assert_eq!(String::from_utf8(again.bytes).unwrap(), text);
    }

    /// Whatever the bytes are: an error or an answer, and what is written can be read again.
    #[test]
    fn damaged_templates_do_no_harm(case in cases(), cut in 0_usize..2_000, insert in "[ \t\n:#'\"{}\\[\\]&*!|>-]{0,3}") {
        let (before, policies, after) = parts(&case);
        let mut file = format!("{before}{policies}{after}");
        let at = (0..=cut.min(file.len())).rev().find(|at| file.is_char_boundary(*at)).unwrap_or(0);
        file.insert_str(at, &insert);
        if let Ok(template) = Template::read(file.as_bytes()) {
            let surroundings = surroundings(&template);
            let targets = targets(&template, &surroundings, Keep::Half);
            let edited = apply(file.as_bytes(), &targets, &surroundings).unwrap();
            prop_assert!(Template::read(&edited.bytes).is_ok());
            let again = apply(&edited.bytes, &targets, &surroundings).unwrap();
            prop_assert_eq!(again.bytes, edited.bytes);
        }
    }
}
