//! `whittle check TEMPLATE` and `whittle diff TEMPLATE` on the example account and its template.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::{call, copy, root, shop, stderr, stdout};

/// A folder with the store of the example account and its template.
fn analyzed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    let output = call(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--quiet"]);
    assert!(output.status.success(), "{}", stderr(&output));
    std::fs::write(dir.path().join("template.yaml"), example()).unwrap();
    dir
}

fn example() -> String {
    std::fs::read_to_string(root().join("examples/templates/shop.yaml")).unwrap()
}

/// The template with text put behind the line that ends the first `after`.
fn with(after: &str, text: &str) -> String {
    let example = example();
    let at = example.find(after).unwrap_or_else(|| panic!("{after} is not in the template"));
    let end = at + after.len();
    let end = end + example[end..].find('\n').unwrap() + 1;
    format!("{}{text}{}", &example[..end], &example[end..])
}

fn check(dir: &Path, more: &[&str]) -> Output {
    call(dir, &[&["check", "template.yaml"], more].concat())
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

fn findings(answer: &Value) -> Vec<&Value> {
    answer["findings"].as_array().unwrap().iter().collect()
}

/// Codes of findings with the trimmed line of the template that they stand at, for functions or roles of this
/// name.
fn lines_of(answer: &Value, template: &str, subject: &str) -> Vec<String> {
    let lines: Vec<&str> = template.lines().collect();
    findings(answer)
        .iter()
        .filter(|finding| {
            let arn = finding["function_arn"].as_str().or(finding["role_arn"].as_str()).unwrap();
            arn.ends_with(&format!("/{subject}")) || arn.ends_with(&format!(":{subject}"))
        })
        .map(|finding| {
            let line = usize::try_from(finding["location"]["line"].as_u64().unwrap()).unwrap();
            format!("{}: {}", finding["code"].as_str().unwrap(), lines[line - 1].trim())
        })
        .collect()
}

#[test]
fn what_the_template_grants_is_judged_where_it_is_written() {
    let dir = analyzed();
    let output = check(dir.path(), &["--format", "json"]);
    let answer = json(&output);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let found = lines_of(&answer, &example(), "shop-checkout");
    assert!(found.contains(&"unused-actions: - Sid: Tables   # orders and carts".to_owned()), "{found:?}");
    assert!(found.contains(&"wildcard-action: - Sid: Tables   # orders and carts".to_owned()), "{found:?}");
    let invoice = lines_of(&answer, &example(), "shop-invoice");
    assert!(invoice.iter().any(|line| line.starts_with("unused-actions: - {Sid: ")), "{invoice:?}");
    // The role of two functions stands at its own resource, and what it grants at the statement.
    let shared = lines_of(&answer, &example(), "shop-reporting-role");
    assert!(shared.contains(&"shared-role: ReportingRole:".to_owned()), "{shared:?}");
    // Nothing is said of functions that the template does not have, and all of it is of the template.
    for finding in findings(&answer) {
        assert_eq!(finding["location"]["path"], "template.yaml", "{finding}");
        assert!(!finding.to_string().contains("shop-admin-tasks"), "{finding}");
    }
    // A waiver of the account that the template has nothing to do with is left alone.
    let waive = ["waive", "0123456789abcdef", "--owner", "o", "--reason", "r", "--until", "9999-12-31", "--force"];
    let waived = call(dir.path(), &waive);
    assert!(stderr(&waived).contains("added 0123456789abcdef to `whittle.toml`"), "{}", stderr(&waived));
    assert_eq!(json(&check(dir.path(), &["--format", "json"]))["findings"], answer["findings"]);
    // The same finding has the same fingerprint as on the snapshot, so that waivers hold for both.
    let snapshot = shop().display().to_string();
    let account = json(&call(dir.path(), &["check", &snapshot, "--format", "json"]));
    let unused = |answer: &Value| -> Vec<String> {
        let own = findings(answer).into_iter().filter(|finding| {
            finding["code"] == "unused-actions" && finding["function_arn"].as_str().unwrap().ends_with(":shop-checkout")
        });
        own.map(|finding| finding["fingerprint"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(unused(&answer), unused(&account));
}

#[test]
fn a_region_is_the_statement_with_any_line_breaks() {
    let dir = analyzed();
    let region = |text: &str| -> Value {
        std::fs::write(dir.path().join("template.yaml"), text).unwrap();
        let log = json(&check(dir.path(), &["--format", "sarif"]));
        let results = log["runs"][0]["results"].as_array().unwrap();
        let unused = results.iter().find(|result| {
            result["ruleId"] == "unused-actions"
                && result["properties"]["function_arn"].as_str().unwrap().ends_with(":shop-checkout")
        });
        unused.unwrap()["locations"][0]["physicalLocation"].clone()
    };
    let text = example();
    let first = text.lines().position(|line| line.contains("Sid: Tables")).unwrap() + 1;
    let expect = serde_json::json!({
        "artifactLocation": {"uri": "template.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": first, "startColumn": 15, "endLine": first + 3, "endColumn": 28},
    });
    assert_eq!(region(&text), expect);
    assert_eq!(region(&text.replace('\n', "\r\n")), expect);
    assert_eq!(region(&format!("\u{feff}{text}")), expect);
    let github = stdout(&check(dir.path(), &["--format", "github"]));
    let place = format!("file=template.yaml,line={first},endLine={},title=unused-actions", first + 3);
    assert!(github.contains(&place), "{github}");
}

#[test]
fn a_permission_that_is_new_is_never_called_unused() {
    let dir = analyzed();
    let new = "            - Sid: Export\n              Effect: Allow\n              Action: [sqs:SendMessage, 'ecr:*']\n              Resource: '*'\n            - Sid: Mark\n              Effect: Allow\n              Action: ses:SendEmail\n              Resource: arn:aws:ses:eu-central-1:111122223333:identity/shop.example.com\n";
    let before = json(&check(dir.path(), &["--format", "json"]));
    std::fs::write(dir.path().join("baseline.json"), before.to_string()).unwrap();
    // Behind the last line of the statement `Tables` of Checkout.
    let text = with("Action: dynamodb:*\n              Resource: '*'", new);
    std::fs::write(dir.path().join("template.yaml"), &text).unwrap();
    let answer = json(&check(dir.path(), &["--format", "json", "--baseline", "baseline.json"]));
    let states = |state: &str| -> Vec<String> {
        let own = findings(&answer).into_iter().filter(|finding| finding["state"] == state);
        let line = |finding: &Value| {
            let number = usize::try_from(finding["location"]["line"].as_u64().unwrap()).unwrap();
            format!("{}: {}", finding["code"].as_str().unwrap(), text.lines().nth(number - 1).unwrap().trim())
        };
        own.map(line).collect()
    };
    let mut new = states("new");
    new.sort();
    assert_eq!(new, ["privilege-widened: - Sid: Mark", "wildcard-action: - Sid: Export"]);
    for finding in findings(&answer) {
        let unused = finding["code"].as_str().unwrap().starts_with("unused");
        assert!(!unused || !finding.to_string().contains("ecr"), "{finding}");
    }
    // The difference says the same, with a call as proof.
    let difference = json(&call(dir.path(), &["diff", "template.yaml", "--format", "json"]));
    let role = difference["roles"].as_array().unwrap().iter().find(|role| role["id"] == "Checkout").unwrap();
    let more: Vec<&str> =
        role["more"].as_array().unwrap().iter().map(|piece| piece["statement"].as_str().unwrap()).collect();
    assert!(more.contains(&"Export") && more.contains(&"Mark"), "{role:#}");
    let human = stdout(&call(dir.path(), &["diff", "template.yaml"]));
    assert!(human.contains("+ ses:SendEmail on arn:aws:ses:"), "{human}");
}

#[test]
fn a_function_without_evidence_is_judged_by_its_policy() {
    let dir = analyzed();
    let new = "\
Transform: AWS::Serverless-2016-10-31
Resources:
  New:
    Type: AWS::Serverless::Function
    Properties:
      FunctionUrlConfig: {AuthType: NONE}
      Policies:
        - AWSLambdaBasicExecutionRole
        - Statement:
            # everything
            - Effect: Allow
              Action: '*'
              Resource: '*'
            - {Effect: Allow, Action: 's3:*', Resource: '*'}
";
    std::fs::write(dir.path().join("template.yaml"), new).unwrap();
    let output = check(dir.path(), &["--format", "json"]);
    let answer = json(&output);
    let codes: Vec<&str> = findings(&answer).iter().map(|own| own["code"].as_str().unwrap()).collect();
    assert_eq!((output.status.code(), codes), (Some(1), vec!["administrator-access", "wildcard-action"]));
    assert_eq!(answer["findings"][0]["location"]["line"], 11);
    assert_eq!(answer["findings"][0]["severity"], "critical", "anybody can reach it");
    assert_eq!(answer["notes"][0]["kind"], "no-evidence-of-function");
    // Nothing found where nothing can be known is no answer.
    let quiet = new.split("        - Statement").next().unwrap();
    std::fs::write(dir.path().join("template.yaml"), quiet).unwrap();
    let output = check(dir.path(), &[]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    assert!(stderr(&output).contains("no function of the template is known to be deployed"), "{}", stderr(&output));
    assert!(stdout(&output).contains("New is taken as new"), "{}", stdout(&output));
    // The same with the function named: a clean answer.
    let output = check(dir.path(), &["--function", "New=shop-checkout", "--format", "json"]);
    let answer = json(&output);
    assert_eq!((output.status.code(), &answer["outcome"]), (Some(0), &"clean".into()), "{answer:#}");
    assert!(answer["notes"].is_null(), "{answer:#}");
}

#[test]
fn what_is_not_known_is_named() {
    let dir = analyzed();
    let policies = "        - !If [Prod, AmazonS3FullAccess, AmazonS3ReadOnlyAccess]\n        - S3ReadPolicy: {BucketName: !ImportValue photos}\n";
    let text = with("      Policies:", policies);
    std::fs::write(dir.path().join("template.yaml"), text).unwrap();
    let answer = json(&check(dir.path(), &["--format", "json"]));
    let notes = answer["notes"].as_array().unwrap();
    let note = |kind: &str| notes.iter().find(|note| note["kind"] == kind).unwrap_or_else(|| panic!("{notes:#?}"));
    let number = example().lines().position(|line| line.contains("Policies:")).unwrap() + 1;
    assert_eq!(note("not-read")["place"], format!("template.yaml:{}", number + 1));
    assert!(note("not-read")["message"].as_str().unwrap().contains("!If"));
    assert_eq!(note("unknown-value")["place"], format!("template.yaml:{}", number + 2));
    assert!(note("unknown-value")["message"].as_str().unwrap().contains("!ImportValue \"photos\""));
    let human = stdout(&call(dir.path(), &["diff", "template.yaml"]));
    assert!(human.contains("? s3:") && human.contains("not known: the value of !ImportValue"), "{human}");
    // In a comment on a pull request too, and as a notice.
    let markdown = stdout(&check(dir.path(), &["--format", "markdown"]));
    assert!(markdown.contains("Not judged, or not wholly"), "{markdown}");
    let github = stdout(&check(dir.path(), &["--format", "github"]));
    assert!(github.contains("::notice file=template.yaml,line=") && github.contains("title=not-read::"), "{github}");
}

#[test]
fn an_event_source_that_is_new_asks_for_what_no_evidence_shows() {
    let dir = analyzed();
    let queue = "      Events:\n        Q: {Type: SQS, Properties: {Queue: !GetAtt Orders.Arn}}\n";
    let text = with("FunctionName: shop-invoice", queue);
    std::fs::write(dir.path().join("template.yaml"), &text).unwrap();
    let answer = json(&check(dir.path(), &["--format", "json"]));
    let found = lines_of(&answer, &text, "shop-invoice");
    assert!(!found.iter().any(|line| line.starts_with("unused")), "{found:?}");
    let notes = answer["notes"].to_string();
    assert!(notes.contains("Invoice is configured for more than today (event source)"), "{notes}");
}

#[test]
fn terraform_is_judged_too() {
    let dir = analyzed();
    let text = r#"
resource "aws_lambda_function" "checkout" {
  function_name = "shop-checkout"
  role          = aws_iam_role.checkout.arn
}
resource "aws_iam_role" "checkout" {
  name = "shop-checkout-role"
}
# what it may do
data "aws_iam_policy_document" "checkout" {
  statement {
    sid       = "Tables"
    actions   = ["dynamodb:*"]
    resources = ["*"]
  }
  statement {
    actions   = ["ecr:*"]
    resources = ["*"]
  }
}
resource "aws_iam_role_policy" "checkout" {
  role   = aws_iam_role.checkout.id
  policy = data.aws_iam_policy_document.checkout.json
}
"#;
    std::fs::write(dir.path().join("main.tf"), text).unwrap();
    let output = call(dir.path(), &["check", "main.tf", "--format", "json"]);
    let answer = json(&output);
    let mut found = lines_of(&answer, text, "shop-checkout");
    found.sort();
    found.dedup();
    assert!(found.contains(&"unused-actions: statement {".to_owned()), "{found:?}");
    let new: Vec<&Value> = findings(&answer)
        .into_iter()
        .filter(|own| own["detail"].as_str().unwrap().contains("nothing allows"))
        .collect();
    assert_eq!((new.len(), &new[0]["location"]["line"]), (1, &16.into()), "{new:#?}");
}

#[test]
fn a_narrowed_template_differs_by_what_it_lost() {
    let dir = analyzed();
    let snapshot = shop().display().to_string();
    let same = stdout(&call(dir.path(), &["diff", "template.yaml"]));
    assert!(same.contains("the same permissions"), "{same}");
    let applied = call(dir.path(), &["apply", "template.yaml", "--snapshot", &snapshot]);
    assert!(applied.status.success(), "{}", stderr(&applied));
    let difference = json(&call(dir.path(), &["diff", "template.yaml", "--format", "json"]));
    for role in difference["roles"].as_array().unwrap() {
        assert_eq!(role["more"], Value::Array(Vec::new()), "{role:#}");
    }
    let checkout = difference["roles"].as_array().unwrap().iter().find(|role| role["id"] == "Checkout").unwrap();
    assert!(checkout["less"].as_array().unwrap().iter().any(|piece| piece["certain"] == true), "{checkout:#}");
    // What was narrowed has nothing left that is unused; of a shared role each function has what the other
    // one needs.
    let answer = json(&check(dir.path(), &["--format", "json"]));
    for finding in findings(&answer) {
        if finding.to_string().contains("shop-report") {
            continue;
        }
        let code = finding["code"].as_str().unwrap();
        assert!(!["unused-actions", "unused-services"].contains(&code), "{finding:#}");
    }
}

#[test]
fn what_cannot_be_answered_says_what_to_do() {
    let dir = analyzed();
    let snapshot = shop().display().to_string();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("list.yaml", "- a\n");
    write("tab.yaml", "Resources:\n\tF: 1\n");
    write("none.yaml", "Resources:\n  Q: {Type: AWS::SQS::Queue}\n");
    write("bad.tf", "resource {");
    for (args, parts) in [
        (vec!["missing.yaml"], &["missing.yaml", "No such file"][..]),
        (vec!["list.yaml"], &["list.yaml", "not a CloudFormation or SAM template"]),
        (vec!["tab.yaml"], &["tab.yaml", "line 2", "hint: indent with spaces"]),
        (vec!["none.yaml"], &["none.yaml", "has no Lambda function"]),
        (vec!["bad.tf"], &["bad.tf", "line 1"]),
        (vec!["template.yaml", "--function", "Chekout=shop-checkout"], &["no function `Chekout`", "Checkout"]),
        (
            vec!["template.yaml", "--function", "Checkout=shop-chekout"],
            &["no function `shop-chekout`", "Checkout=shop-checkout?"],
        ),
        (vec!["template.yaml", "--store", "other.sqlite"], &["no store at `other.sqlite`", "--snapshot"]),
        (vec!["template.yaml", "--account", "444455556666"], &["account 444455556666", "111122223333"]),
        (vec!["template.yaml", "--stack-resources", "template.yaml"], &["template.yaml", "not JSON"]),
        (vec![&snapshot, "--function", "A=b"], &["is a folder", "--function A is for a template"]),
    ] {
        for command in ["check", "diff"] {
            if command == "diff" && args[0] == snapshot {
                continue;
            }
            let output = call(dir.path(), &[&[command][..], &args].concat());
            assert_eq!(output.status.code(), Some(2), "{command} {args:?}: {}", stdout(&output));
            for part in parts {
                assert!(stderr(&output).contains(part), "{command} {args:?} says no {part}: {}", stderr(&output));
            }
        }
    }
    // A JSON template differs from a result by its content.
    write("template.json", "{\"Resources\": {\"Q\": {\"Type\": \"AWS::SQS::Queue\"}}}");
    let bare = call(dir.path(), &["diff", "template.json"]);
    assert!(stderr(&bare).contains("has no Lambda function"), "{}", stderr(&bare));
    let both = call(dir.path(), &["diff", "template.yaml", "bad.tf"]);
    assert!(both.status.code() == Some(2) && stderr(&both).contains("one file too many"), "{}", stderr(&both));
}

#[test]
fn a_macro_is_to_be_expanded_first() {
    let dir = analyzed();
    let function = "{Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.13, CodeUri: .}}";
    let template = format!("Transform: [MyMacro, AWS::Serverless-2016-10-31]\nResources:\n  Fn: {function}\n");
    std::fs::write(dir.path().join("template.yaml"), template).unwrap();
    let output = check(dir.path(), &["--fail-on", "critical"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    for part in ["inconclusive: the macro `MyMacro` may change", "hint: expand it first", "--template-stage Processed"]
    {
        assert!(stderr(&output).contains(part), "{part}: {}", stderr(&output));
    }
}

#[test]
fn a_snapshot_beside_the_store_is_as_good() {
    let dir = analyzed();
    let kept = json(&check(dir.path(), &["--format", "json"]));
    copy(&shop(), &dir.path().join("snapshot"));
    let named = json(&check(dir.path(), &["--format", "json", "--snapshot", "snapshot"]));
    assert_eq!(kept["findings"], named["findings"]);
    assert_eq!(kept["notes"], named["notes"]);
    // Without evidence there is no answer.
    let trail = dir.path().join("snapshot/trail").display().to_string();
    let bare = ["--snapshot", "snapshot", "--store", "none.sqlite", "--fail-on", "critical"];
    let output = check(dir.path(), &bare);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    let with_trail = json(&check(dir.path(), &[&bare[..], &["--trail", &trail, "--format", "json"]].concat()));
    assert_eq!(with_trail["findings"], kept["findings"]);
}
