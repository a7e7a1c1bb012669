use super::*;
use crate::document::{PrincipalKind, Principals};

#[track_caller]
fn kind(text: &str, expect: CallerKind, account: Option<&str>) {
    let caller = Caller::parse(text);
    assert_eq!((caller.kind(), caller.account()), (expect, account), "{text}");
}

#[test]
fn callers_are_read_from_their_arns() {
    let account = Some("111122223333");
    kind("", CallerKind::Anonymous, None);
    kind("*", CallerKind::Anonymous, None);
    kind("111122223333", CallerKind::RootUser, account);
    kind("arn:aws:iam::111122223333:root", CallerKind::RootUser, account);
    kind("arn:aws-cn:iam::111122223333:user/a/b", CallerKind::User, account);
    kind("arn:aws:iam::111122223333:role/a/b", CallerKind::Role, account);
    kind("arn:aws:sts::111122223333:assumed-role/r/s", CallerKind::RoleSession, account);
    kind("arn:aws:sts::111122223333:federated-user/f", CallerKind::FederatedUser, account);
    kind("arn:aws:iam::111122223333:saml-provider/p", CallerKind::Named, None);
    kind("lambda.amazonaws.com", CallerKind::Named, None);
    kind("arn:aws:iam::111122223333", CallerKind::Named, None);
    kind("arn:aws:ec2:eu:111122223333:instance/i", CallerKind::Other, account);
}

#[test]
fn the_strongest_naming_counts() {
    let caller = Caller::parse("arn:aws:sts::111122223333:assumed-role/r/s");
    let names = ["111122223333", "arn:aws:iam::111122223333:role/r", "arn:aws:sts::111122223333:assumed-role/r/s", "*"];
    let expect = [Naming::Account, Naming::Role, Naming::Direct, Naming::Everyone];
    for (upto, expect) in expect.into_iter().enumerate() {
        let listed: Vec<String> = names.iter().take(upto + 1).rev().map(|&name| name.to_owned()).collect();
        let principals = Principals::ByKind(vec![(PrincipalKind::Aws, listed.into())]);
        assert_eq!(caller.named_by(&principals, &Context::default()), Some(expect));
    }
}

#[test]
fn the_owner_is_told_or_in_the_arn_or_the_callers() {
    let mut request = Request::new("arn:aws:iam::111122223333:user/a", "s3:GetObject", "arn:aws:s3:::b");
    assert_eq!(request.owner(), Some("111122223333"));
    request.resource = "arn:aws:sqs:eu:444455556666:q".to_owned();
    assert_eq!(request.owner(), Some("444455556666"));
    request.resource_account = Some("123456789012".to_owned());
    assert_eq!(request.owner(), Some("123456789012"));
    request.resource_account = None;
    request.resource = "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned();
    assert_eq!(request.owner(), Some("111122223333"));
}

#[test]
fn layers_are_in_order_and_have_their_own_names() {
    assert!(Layer::ALL.is_sorted());
    let names: std::collections::BTreeSet<_> = Layer::ALL.iter().map(|layer| layer.as_str()).collect();
    assert_eq!(names.len(), Layer::ALL.len());
}
