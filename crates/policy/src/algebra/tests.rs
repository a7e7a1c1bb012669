use super::*;
use crate::document::PolicyDocument;

fn policy(statements: &str) -> PolicyDocument {
    PolicyDocument::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
}

fn allow(action: &str, resource: &str, condition: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":{action},"Resource":{resource},"Condition":{{{condition}}}}}"#)
}

fn deny(action: &str, resource: &str, condition: &str) -> String {
    allow(action, resource, condition).replace("Allow", "Deny")
}

#[track_caller]
fn check_covers(wide: &str, narrow: &str, expect: Proof) {
    let (wide, narrow) = (policy(wide), policy(narrow));
    assert_eq!(GrantSet::of([&wide]).covers(&GrantSet::of([&narrow])), expect);
}

#[track_caller]
fn check_intersects(a: &str, b: &str, expect: Proof) {
    let (a, b) = (policy(a), policy(b));
    assert_eq!(GrantSet::of([&a]).intersects(&GrantSet::of([&b])), expect);
    assert_eq!(GrantSet::of([&b]).intersects(&GrantSet::of([&a])), expect);
}

const ANY: &str = "\"*\"";
const EU: &str = r#""StringEquals":{"aws:RequestedRegion":"eu-central-1"}"#;
const NOT_EU: &str = r#""StringNotEquals":{"aws:RequestedRegion":"eu-central-1"}"#;

#[test]
fn several_statements_cover_together() {
    let parts = [allow(r#""s3:Get*""#, ANY, ""), allow(r#"["s3:Put*","s3:List*"]"#, ANY, "")].join(",");
    check_covers(&parts, &allow(r#"["s3:GetObject","s3:PutObject"]"#, ANY, ""), Proof::Yes);
    check_covers(&parts, &allow(r#"["s3:GetObject","s3:DeleteObject"]"#, ANY, ""), Proof::No);
}

#[test]
fn conditions_count() {
    check_covers(&allow(ANY, ANY, ""), &allow(ANY, ANY, EU), Proof::Yes);
    check_covers(&allow(ANY, ANY, EU), &allow(ANY, ANY, ""), Proof::No);
    check_covers(&allow(ANY, ANY, EU), &allow(ANY, ANY, EU), Proof::Yes);
}

#[test]
fn a_deny_takes_away_unless_both_have_it() {
    let all_but = |deny: String| [allow(r#""s3:*""#, ANY, ""), deny].join(",");
    let get = &allow(r#""s3:GetObject""#, ANY, "");
    check_covers(&all_but(deny(r#""s3:Get*""#, ANY, "")), get, Proof::No);
    check_covers(&all_but(deny(r#""s3:Delete*""#, ANY, "")), get, Proof::Yes);
    check_covers(&all_but(deny(r#""s3:*""#, ANY, NOT_EU)), &allow(r#""s3:Get*""#, ANY, EU), Proof::Yes);
    let denied = [get.clone(), deny(r#""s3:Get*""#, ANY, EU)].join(",");
    check_covers(&all_but(deny(r#""s3:*""#, ANY, EU)), &denied, Proof::Yes);
    check_covers(&all_but(deny(r#""s3:*""#, ANY, EU)), get, Proof::No);
}

#[test]
fn unknown_rather_than_guess() {
    // Every request is in one of the two, which no single statement shows.
    let halves = [allow(ANY, ANY, EU), allow(ANY, ANY, NOT_EU)].join(",");
    check_covers(&halves, &allow(ANY, ANY, ""), Proof::Unknown);
}

#[test]
fn sets_meet_or_provably_do_not() {
    let get = |resource: &str| allow(r#""s3:Get*""#, resource, "");
    check_intersects(&get(ANY), &allow(r#""s3:*Object""#, ANY, ""), Proof::Yes);
    check_intersects(&get(ANY), &allow(r#""s3:Put*""#, ANY, ""), Proof::No);
    check_intersects(&get(r#""arn:aws:s3:::a/*""#), &get(r#""arn:aws:s3:::b/*""#), Proof::No);
    check_intersects(&allow(ANY, ANY, EU), &allow(ANY, ANY, NOT_EU), Proof::No);
    let absent = r#""Null":{"aws:RequestedRegion":"true"}"#;
    check_intersects(&allow(ANY, ANY, EU), &allow(ANY, ANY, absent), Proof::No);
    check_intersects(&allow(ANY, ANY, NOT_EU), &allow(ANY, ANY, absent), Proof::Yes);
    let present = r#""Null":{"aws:RequestedRegion":"false"}"#;
    check_intersects(&allow(ANY, ANY, present), &allow(ANY, ANY, absent), Proof::No);
    let all_denied = [get(ANY), deny(r#""s3:*""#, ANY, "")].join(",");
    check_intersects(&all_denied, &allow(ANY, ANY, ""), Proof::No);
}

#[test]
fn not_action_and_not_resource_are_exact() {
    let not_iam = r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#;
    check_covers(not_iam, &allow(r#"["s3:*","sqs:*"]"#, ANY, ""), Proof::Yes);
    check_covers(not_iam, &allow(r#"["s3:*","iam:Get*"]"#, ANY, ""), Proof::No);
    check_intersects(not_iam, &allow(r#""iam:PassRole""#, ANY, ""), Proof::No);
    let not_a = r#"{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::a/*"}"#;
    check_covers(not_a, &allow(r#""s3:Get*""#, r#""arn:aws:s3:::b/*""#, ""), Proof::Yes);
    check_covers(not_a, &allow(r#""s3:Get*""#, r#""arn:aws:s3:::a*""#, ""), Proof::No);
}

#[test]
fn what_is_left_under_a_boundary_and_control_policies() {
    let identity = policy(&allow(r#"["s3:*","iam:*"]"#, ANY, ""));
    let boundary = policy(&allow(r#"["s3:Get*","sqs:*"]"#, ANY, ""));
    let full = policy(&allow(ANY, ANY, ""));
    let guard = policy(&[allow(ANY, ANY, ""), deny(r#""s3:GetBucket*""#, ANY, "")].join(","));
    let levels = [vec![&full], vec![&guard]];
    let left = effective([&identity], Some(&boundary), &levels).unwrap();
    let expect = policy(&[allow(r#""s3:Get*""#, ANY, ""), deny(r#""s3:GetBucket*""#, ANY, "")].join(","));
    let expect = GrantSet::of([&expect]);
    assert_eq!((left.covers(&expect), expect.covers(&left)), (Proof::Yes, Proof::Yes));
    assert_eq!(effective([&identity], None, &[vec![]]).unwrap().is_empty(), Proof::Yes);
    assert_eq!(effective([&identity], None, &[]).unwrap(), GrantSet::of([&identity]));
}

#[test]
fn a_difference_is_told_by_a_request() {
    let wide = policy(&allow(r#""s3:*""#, r#"["arn:aws:s3:::a/*","arn:aws:s3:::b/*"]"#, EU));
    let narrow = policy(&allow(r#""s3:*""#, r#""arn:aws:s3:::a/*""#, EU));
    let (wide, narrow) = (GrantSet::of([&wide]), GrantSet::of([&narrow]));
    let request = wide.difference(&narrow).unwrap().witness().unwrap();
    assert!(request.resource.starts_with("arn:aws:s3:::b/"), "{request:?}");
    assert_eq!(request.context.single("aws:requestedregion"), Some("eu-central-1"));
    assert!(wide.contains(&request) && !narrow.contains(&request));
    assert_eq!(wide.difference(&wide).unwrap().is_empty(), Proof::Yes);
}

#[test]
fn variables_are_compared_by_their_text() {
    let own = r#""arn:aws:s3:::home/${aws:username}/*""#;
    check_covers(&allow(ANY, r#""arn:aws:s3:::home/*""#, ""), &allow(ANY, own, ""), Proof::Yes);
    check_covers(&allow(ANY, own, ""), &allow(ANY, own, ""), Proof::Yes);
    check_covers(&allow(ANY, own, ""), &allow(ANY, r#""arn:aws:s3:::home/*""#, ""), Proof::No);
    let other = r#""arn:aws:s3:::home/${aws:userid}/*""#;
    check_intersects(&allow(ANY, own, ""), &allow(ANY, other, ""), Proof::Yes);
}
