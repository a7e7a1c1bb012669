use whittle_policy::{PolicyDocument, Statement};
use whittle_template::reason::{
    InconclusiveProposal, LayoutObstacle, PolicyPart, ProofFailure, RefusalReason, Uneditable, Unreadable,
};

use super::{inconclusive, inconclusive_hint, refusal, unreadable};

fn text(text: &str) -> String {
    text.to_owned()
}

fn statement() -> Box<Statement> {
    let json = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject",
        "s3:ListBucket", "s3:DeleteObject"], "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*", "arn:aws:s3:::c/*"]}}"#;
    Box::new(PolicyDocument::parse(json).unwrap().statements.into_vec().remove(0))
}

#[test]
fn what_is_not_known_is_said() {
    let decided = |function: &str, part| Unreadable::Decided { function: text(function), part };
    let invalid = PolicyDocument::parse("{}").unwrap_err();
    for (reason, expect) in [
        (Unreadable::Macro(text("M")), "the macro `M` may change the template before it is deployed"),
        (Unreadable::Loop(text("Fn::ForEach::All")), "what `Fn::ForEach::All` makes is not read"),
        (Unreadable::NestedTemplate(text("Net")), "the template of `Net` is another file and not read"),
        (Unreadable::RoleElsewhere(text("!Ref Arn")), "the role is not in this file: !Ref Arn"),
        (Unreadable::NotAPlainList("Policies"), "`Policies` is no plain list"),
        (decided("Fn::If", PolicyPart::Policy), "`!If` decides which policy it is"),
        (decided("Fn::If", PolicyPart::Element("Action")), "`!If` decides `Action`"),
        (decided("Fn::hcl", PolicyPart::Statement), "an expression decides the statement"),
        (Unreadable::Alias(PolicyPart::Policy), "this is an alias (`*name`), which CloudFormation does not support"),
        (
            Unreadable::Alias(PolicyPart::Statements),
            "`Statement` is an alias (`*name`), which CloudFormation does not support",
        ),
        (Unreadable::InnerAlias, "it uses an alias (`*name`), which CloudFormation does not support"),
        (Unreadable::UnknownManagedPolicy(text("!Ref P")), "the document of the managed policy `!Ref P` is not known"),
        (Unreadable::Repeated("count"), "`count` decides how many of it there are"),
        (Unreadable::Invalid(Box::new(invalid.clone())), &format!("IAM would refuse it: {invalid}")),
    ] {
        assert_eq!(unreadable(&reason), expect);
        assert_eq!(refusal(&reason.into()), expect, "a refusal says the same");
    }
}

#[test]
fn a_refusal_says_what_is_in_the_way() {
    let own = "s3:GetObject, s3:PutObject, s3:ListBucket on arn:aws:s3:::a/*, arn:aws:s3:::b/*";
    let proof = |failure| refusal(&RefusalReason::Proof(failure));
    let left = |was_there| ProofFailure::LeftOver { statement: statement(), was_there };
    for (found, expect) in [
        (refusal(&RefusalReason::Uneditable(Uneditable::Shared(text("P")))), "`P` is attached to more than this role"),
        (
            refusal(&RefusalReason::NotGranted(statement())),
            &format!("no statement of the file grants {own}, which the suggestion keeps"),
        ),
        (refusal(&LayoutObstacle::KeySharesLine.into()), "the key does not begin its own line"),
        (
            proof(ProofFailure::Wider(statement())),
            &format!("the edited file could not be proved: {own} would be wider than before"),
        ),
        (
            proof(left(true)),
            &format!("the edited file could not be proved: {own} would stay, which the suggestion does not keep"),
        ),
        (
            proof(ProofFailure::TooLong { role: text("Role"), characters: 10_241 }),
            "the inline policies of Role would have 10241 characters; IAM allows 10240",
        ),
    ] {
        assert_eq!(found, expect);
    }
}

#[test]
fn a_macro_is_to_be_expanded_first() {
    let reason = InconclusiveProposal::Macro(text("M"));
    assert_eq!(inconclusive(&reason), "the macro `M` may change the template before it is deployed");
    let hint = inconclusive_hint(&reason);
    assert!(hint.contains("get-template --stack-name STACK --template-stage Processed"), "{hint}");
    assert!(!inconclusive_hint(&InconclusiveProposal::NothingDeployed).contains("get-template"));
}
