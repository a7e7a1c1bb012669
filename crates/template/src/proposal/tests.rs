use super::{Feature, Proposal, of_module, of_template};
use crate::grants::Documents;
use crate::reason::Unreadable;
use crate::resolve::Context;
use crate::template::Template;
use crate::terraform::{Module, resolver};

fn read(file: &str) -> Proposal {
    let template = Template::read(file.as_bytes()).unwrap();
    let context = Context::of_arn("arn:aws:lambda:eu-west-1:111122223333:function:f");
    let resolver = crate::edit::resolver(&template, &context);
    of_template(&template, &resolver, &Documents::new())
}

/// Each statement that is written in the file as `role policy text`, the text being what its region holds.
#[track_caller]
fn check(file: &str, proposal: &Proposal, expect: &[&str]) {
    let lines: Vec<&str> = file.split('\n').collect();
    let mut found = Vec::new();
    for role in &proposal.roles {
        for statement in role.statements.iter().filter(|statement| !statement.implied) {
            let (start, end) = (statement.region.start, statement.region.end);
            let text: Vec<String> = (start.line..=end.line)
                .map(|number| {
                    let line: Vec<char> = lines[number - 1].chars().collect();
                    let from = if number == start.line { start.column - 1 } else { 0 };
                    let to = if number == end.line { end.column - 1 } else { line.len() };
                    line[from..to].iter().collect::<String>().trim().to_owned()
                })
                .collect();
            found.push(format!("{} {}: {}", role.id, statement.policy, text.join(" | ")));
        }
    }
    assert_eq!(found, expect);
}

const MANY: &str = "\
Transform: AWS::Serverless-2016-10-31
# the shop
Resources:
  Worker:  # does the work
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - AmazonSQSFullAccess
        - DynamoDBReadPolicy:
            TableName: t
        # what it writes
        - Statement:
            - Sid: Grün   # ü is one character
              Effect: Allow
              Action:
                - s3:PutObject
              Resource: '*'
              # of the first

            # of the second
            - {Effect: Allow, Action: 's3:Get*', Resource: '*'}
  # behind it
  Other:
    Type: AWS::Serverless::Function
    Properties:
      Role: !GetAtt Role.Arn
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: other
      Policies:
        - PolicyName: p
          PolicyDocument:
            Statement: {Effect: Allow, Action: s3:ListBucket, Resource: '*'}
";

const EXPECT: &[&str] = &[
    "Worker AmazonSQSFullAccess: AmazonSQSFullAccess",
    "Worker DynamoDBReadPolicy: DynamoDBReadPolicy: | TableName: t",
    "Worker Policies: Sid: Grün   # ü is one character | Effect: Allow | Action: | - s3:PutObject | Resource: '*'",
    "Worker Policies: {Effect: Allow, Action: 's3:Get*', Resource: '*'}",
    "Other p: {Effect: Allow, Action: s3:ListBucket, Resource: '*'}",
];

#[test]
fn regions_hold_the_statement_and_nothing_else() {
    let expect: Vec<String> = EXPECT.iter().map(|line| line.replacen("Other", "Role", 1)).collect();
    let expect: Vec<&str> = expect.iter().map(String::as_str).collect();
    let proposal = read(MANY);
    assert_eq!(proposal.roles[1].name.as_deref(), Some("other"));
    assert_eq!((proposal.roles[0].region.start.line, proposal.roles[1].functions[0].region.start.line), (4, 23));
    check(MANY, &proposal, &expect);
    // The same lines with other line breaks, and behind a byte order mark.
    let windows = MANY.replace('\n', "\r\n");
    check(&windows, &read(&windows), &expect);
    let marked = format!("\u{feff}{MANY}");
    check(MANY, &read(&marked), &expect);
}

#[test]
fn json_has_regions_too() {
    let file = "{\"Resources\": {\"F\": {\"Type\": \"AWS::Serverless::Function\", \"Properties\": {\"Policies\": [\n  {\"Statement\": [\n    {\"Effect\": \"Allow\", \"Action\": \"s3:*\", \"Resource\": \"*\"},\n    {\"Effect\": \"Deny\", \"Action\": \"s3:PutObject\", \"Resource\": \"*\"}]}]}}}}\n";
    check(
        file,
        &read(file),
        &[
            "F Policies: {\"Effect\": \"Allow\", \"Action\": \"s3:*\", \"Resource\": \"*\"}",
            "F Policies: {\"Effect\": \"Deny\", \"Action\": \"s3:PutObject\", \"Resource\": \"*\"}",
        ],
    );
}

#[test]
fn what_is_not_known_is_named() {
    let file = "\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Bucket: {Type: String}
  Known: {Type: String, Default: photos}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - !If [Prod, AmazonS3FullAccess, AmazonS3ReadOnlyAccess]
        - Statement:
            - Effect: Allow
              Action: s3:GetObject
              Resource:
                - !Sub arn:aws:s3:::${Bucket}/*
                - !Sub arn:aws:s3:::${Known}/*
                - !ImportValue shared
  G:
    Type: AWS::Lambda::Function
    Properties:
      Role: !ImportValue role
";
    let proposal = read(file);
    let role = &proposal.roles[0];
    assert_eq!(role.statements.iter().filter(|statement| !statement.implied).count(), 1);
    assert_eq!(role.statements.last().unwrap().unknown, ["!ImportValue \"shared\"", "Bucket"]);
    let loose = role.statements.last().unwrap().loose.as_ref().unwrap().resource.as_ref().unwrap();
    let patterns: Vec<&str> = loose.patterns().iter().map(whittle_policy::ResourcePattern::as_str).collect();
    assert_eq!(patterns, ["arn:aws:s3:::*/*", "arn:aws:s3:::photos/*", "*"]);
    assert_eq!((role.unread.len(), role.unread[0].region.unwrap().start.line), (1, 10));
    let reason = &role.unread[0].reason;
    assert!(matches!(reason, Unreadable::Decided { function, .. } if function == "Fn::If"), "{reason:?}");
    assert_eq!((proposal.elsewhere[0].0.id.as_str(), proposal.elsewhere[0].1.as_str()), ("G", "!ImportValue role"));
}

#[test]
fn the_configuration_is_counted() {
    let file = "\
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Tracing: Active}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionUrlConfig: {AuthType: NONE}
      Tracing: PassThrough
      Events:
        A: {Type: SQS, Properties: {Queue: q}}
        B: {Type: Api, Properties: {Path: /, Method: get}}
      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS}}}
  G:
    Type: AWS::Serverless::Function
    Properties: {VpcConfig: {SubnetIds: [s]}}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref F, EventSourceArn: arn}
";
    let proposal = read(file);
    let features: Vec<Vec<(Feature, usize)>> =
        proposal.functions().map(|function| function.features.clone().into_iter().collect()).collect();
    assert_eq!(
        features,
        [vec![(Feature::EventSource, 2), (Feature::Destination, 1)], vec![(Feature::Vpc, 1), (Feature::Tracing, 1)]]
    );
    assert_eq!(proposal.roles[0].functions[0].url_auth.as_deref(), Some("NONE"));
}

#[test]
fn terraform_statements_have_their_blocks() {
    let file = include_str!("../../tests/terraform/policy-document.tf");
    let module = Module::read(file.as_bytes()).unwrap();
    let root = Module::empty_root();
    let proposal = of_module(&module, &resolver(&module, &root, &Context::default()), &Documents::new());
    let role = &proposal.roles[0];
    assert_eq!((role.id.as_str(), role.name.as_deref()), ("aws_iam_role.checkout", Some("checkout")));
    let lines: Vec<(usize, usize)> =
        role.statements.iter().map(|own| (own.region.start.line, own.region.end.line)).collect();
    assert_eq!(lines, [(26, 35), (37, 47), (49, 53)]);
    assert_eq!(role.statements[0].unknown, ["aws_dynamodb_table.orders.arn"]);
}

#[test]
fn an_anchor_belongs_to_its_statement_and_an_alias_is_not_read() {
    let file = "\
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - Statement:
            - &all   # all of it
              Effect: Allow
              Action: s3:*
              Resource: '*'
            - &other {Effect: Allow, Action: sqs:*, Resource: '*'}
        - Statement:
            - *all
";
    let proposal = read(file);
    let role = &proposal.roles[0];
    let own: Vec<_> = role.statements.iter().filter(|own| !own.implied).collect();
    let lines: Vec<(usize, usize)> = own.iter().map(|own| (own.region.start.line, own.region.end.line)).collect();
    assert!(matches!(lines.as_slice(), [(8 | 9, 11), (12, 12)]), "{lines:?}");
    assert_eq!(role.unread.iter().map(|unread| unread.region.unwrap().start.line).collect::<Vec<_>>(), [13]);
}
