use super::{Documents, Origin, grants_of};
use crate::reason::{PolicyPart, PolicyProblem, Uneditable, Unreadable};
use crate::resolve::{Context, Resolver};
use crate::template::{RoleRef, Template};

const HEAD: &str = "Transform: AWS::Serverless-2016-10-31\nResources:\n";

/// Origin, line and problem of each policy of `Fn`, without what every function gets.
#[track_caller]
fn check(resources: &str, expect: &[(Origin, usize, Option<PolicyProblem>)]) {
    let file = format!("{HEAD}{resources}");
    let template = Template::read(file.as_bytes()).unwrap();
    let resolver = Resolver::new(template.root(), Context::of_arn("arn:aws:lambda:eu-west-1:111122223333:function:f"));
    let function = template.functions(&resolver).into_iter().find(|function| function.logical_id == "Fn").unwrap();
    let grants = grants_of(&template, &resolver, &function.role, &Documents::new());
    let found: Vec<(Origin, usize, Option<PolicyProblem>)> = grants
        .entries
        .iter()
        .filter(
            |entry| !matches!(&entry.origin, Origin::Implied(why) if why.starts_with("AWSLambdaBasicExecutionRole")),
        )
        .map(|entry| (entry.origin.clone(), template.source().place(entry.span.start).line, entry.problem.clone()))
        .collect();
    assert_eq!(found, expect, "{:?}", grants.problems);
}

const FN: &str = "  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n";

#[test]
fn policies_of_a_function_are_told_apart() {
    let managed = |name: &str| Origin::Managed(name.to_owned());
    check(
        &format!(
            "{FN}      Policies:\n      - AmazonSQSFullAccess\n      - !Sub arn:${{AWS::Partition}}:iam::aws:policy/AmazonS3FullAccess\n      - DynamoDBReadPolicy: {{TableName: t}}\n      - Statement: {{Effect: Allow, Action: 's3:*', Resource: '*'}}\n"
        ),
        &[
            (managed("AmazonSQSFullAccess"), 7, None),
            (managed("AmazonS3FullAccess"), 8, None),
            (Origin::SamTemplate("DynamoDBReadPolicy".to_owned()), 9, None),
            (Origin::Inline, 10, None),
        ],
    );
}

#[test]
fn what_is_not_known_is_said() {
    let unknown = |item: &str, origin: Origin, reason: Unreadable| {
        let problem = PolicyProblem::Unreadable(reason);
        check(&format!("{FN}      Policies:\n      - {item}\n"), &[(origin, 7, Some(problem))]);
    };
    let decided = |part: PolicyPart| Unreadable::Decided { function: "Fn::If".to_owned(), part };
    unknown(
        "arn:aws:iam::111122223333:policy/shop",
        Origin::Managed("arn:aws:iam::111122223333:policy/shop".to_owned()),
        Unreadable::UnknownManagedPolicy("arn:aws:iam::111122223333:policy/shop".to_owned()),
    );
    unknown("!If [A, B, C]", Origin::Inline, decided(PolicyPart::Policy));
    unknown(
        "NoSuchPolicy: {}",
        Origin::SamTemplate("NoSuchPolicy".to_owned()),
        Unreadable::NotAPolicyTemplate("NoSuchPolicy".to_owned()),
    );
    unknown(
        "DynamoDBReadPolicy: {Table: t}",
        Origin::SamTemplate("DynamoDBReadPolicy".to_owned()),
        Unreadable::MissingParameter("TableName".to_owned()),
    );
    unknown("Statement: [!If [A, {Effect: Allow}, !Ref AWS::NoValue]]", Origin::Inline, decided(PolicyPart::Statement));
    unknown(
        "Statement: {Effect: Allow, Action: !If [A, b, c], Resource: '*'}",
        Origin::Inline,
        decided(PolicyPart::Element("Action")),
    );
}

#[test]
fn policy_resources_of_the_file_are_found_by_role() {
    check(
        &format!(
            "{FN}      Role: !GetAtt R.Arn\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      ManagedPolicyArns: [!Ref M]\n  M:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument: {{Statement: {{Effect: Allow, Action: 's3:*', Resource: '*'}}}}\n  P:\n    Type: AWS::IAM::Policy\n    Properties:\n      Roles: [!Ref R, other]\n      PolicyDocument: {{Statement: {{Effect: Allow, Action: 's3:*', Resource: '*'}}}}\n  Elsewhere:\n    Type: AWS::IAM::Policy\n    Properties:\n      Roles: [other]\n      PolicyDocument: {{Statement: []}}\n"
        ),
        &[
            (Origin::Attached("M".to_owned()), 12, None),
            (Origin::Attached("P".to_owned()), 16, Some(PolicyProblem::Uneditable(Uneditable::Shared("P".to_owned())))),
        ],
    );
}

#[test]
fn roles_are_followed_to_where_they_are() {
    let file = format!(
        "{HEAD}{FN}      Role: !GetAtt OtherRole.Arn\n  Other:\n    Type: AWS::Serverless::Function\n  Third:\n    Type: AWS::Serverless::Function\n    Properties: {{Role: !Ref Arn}}\n"
    );
    let template = Template::read(file.as_bytes()).unwrap();
    let resolver = Resolver::new(template.root(), Context::default());
    let roles: Vec<RoleRef<'_>> = template.functions(&resolver).into_iter().map(|function| function.role).collect();
    assert_eq!(
        roles,
        [RoleRef::Generated("Other"), RoleRef::Generated("Other"), RoleRef::Elsewhere("!Ref Arn".to_owned())]
    );
}
