use serde_json::json;
use whittle_analysis::inventory::{Exposure, Function, FunctionConfig, Role, RolePolicy};
use whittle_policy::PolicyDocument;

use super::*;

fn arn(name: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{name}")
}

/// An account with a function on each of these roles, which may do these actions.
fn account(roles: &[(&str, &[&str])]) -> Inventory {
    let mut inventory = Inventory::new("111122223333".parse().unwrap(), "aws");
    for (name, actions) in roles {
        let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
        let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let id = format!("AROAEXAMPLEEXAMPLE{:0>3}", name.len()).parse().unwrap();
        let policies = vec![RolePolicy::inline("app", PolicyDocument::parse(&document).unwrap())];
        let role = Role { policies, ..Role::new(arn(name).parse().unwrap(), id) };
        let function = Function {
            arn: format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}").parse().unwrap(),
            name: (*name).to_owned(),
            region: "eu-central-1".parse().unwrap(),
            role: role.arn.clone(),
            versions: Vec::new(),
            runtime: None,
            last_modified: None,
            config: FunctionConfig::default(),
            exposure: Exposure::default(),
        };
        inventory.functions.insert(function.arn.clone(), function);
        inventory.roles.insert(role.arn.clone(), role);
    }
    inventory
}

fn run(inventory: &Inventory, known: &mut BTreeMap<String, RoleBaseline>, scope: &SaveScope) -> Drift {
    let now = "2026-11-21T06:00:00Z".parse().unwrap();
    let drift = compare(inventory, &Ledger::default(), known, scope, now);
    known.extend(drift.changed.iter().map(|baseline| (baseline.role_arn.clone(), baseline.clone())));
    known.retain(|arn, _| !drift.gone.contains(arn));
    drift
}

#[test]
fn only_what_changed_is_written() {
    let mut known = BTreeMap::new();
    let before = account(&[("alpha", &["s3:GetObject"]), ("beta", &["s3:GetObject"])]);
    let first = run(&before, &mut known, &SaveScope::Account);
    assert_eq!((first.findings.len(), first.changed.len(), first.gone.len()), (0, 2, 0));
    assert_eq!(run(&before, &mut known, &SaveScope::Account), Drift::default());

    let after = account(&[("alpha", &["s3:GetObject", "s3:PutObject"]), ("beta", &["s3:GetObject"])]);
    let second = run(&after, &mut known, &SaveScope::Account);
    assert_eq!(second.findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), ["privilege-widened"]);
    assert_eq!(second.changed.iter().map(|baseline| &baseline.role_arn).collect::<Vec<_>>(), [&arn("alpha")]);
    let third = run(&after, &mut known, &SaveScope::Account);
    assert_eq!((third.findings, third.changed), (second.findings, vec![]));
}

#[test]
fn what_was_not_looked_at_stays() {
    let mut known = BTreeMap::new();
    run(&account(&[("alpha", &["s3:GetObject"]), ("beta", &["s3:GetObject"])]), &mut known, &SaveScope::Account);
    let fewer = account(&[("alpha", &["s3:*"])]);
    let beta = SaveScope::Roles(BTreeSet::from([arn("other")]));
    assert_eq!(run(&fewer, &mut known, &beta), Drift::default());
    let incomplete = run(&fewer, &mut known, &SaveScope::Incomplete);
    assert_eq!((incomplete.findings.len(), incomplete.gone.len()), (1, 0));
    assert_eq!(run(&fewer, &mut known, &SaveScope::Account).gone, BTreeSet::from([arn("beta")]));
    assert!(!known.contains_key(&arn("beta")));
}
