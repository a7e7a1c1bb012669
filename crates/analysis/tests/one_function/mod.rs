//! A role with one inline policy, and a function on it, for tests that look at one function.

use serde_json::{Value, json};
use whittle_analysis::inventory::{Exposure, Function, FunctionConfig, PolicyKind, Role, RolePolicy};
use whittle_policy::PolicyDocument;

/// Id of [`role`].
pub const ROLE_ID: &str = "AROAEXAMPLEEXAMPLE001";

/// A role that nothing else is known of. `statements`: of its policy `app`.
pub fn role(arn: &str, statements: &Value) -> Role {
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    Role {
        arn: arn.parse().unwrap(),
        id: ROLE_ID.parse().unwrap(),
        name: arn.rsplit('/').next().unwrap().to_owned(),
        created: None,
        policies: vec![RolePolicy {
            name: "app".to_owned(),
            arn: None,
            kind: PolicyKind::Inline,
            document: PolicyDocument::parse(&document.to_string()).unwrap(),
            versions: Vec::new(),
        }],
        boundary: None,
        has_boundary: false,
        last_used: None,
        last_accessed: None,
        unreadable_policies: Vec::new(),
    }
}

/// A function on the role, of which nothing else is known.
pub fn function(region: &str, name: &str, role: &Role) -> Function {
    Function {
        arn: format!("arn:aws:lambda:{region}:111122223333:function:{name}").parse().unwrap(),
        name: name.to_owned(),
        region: region.parse().unwrap(),
        role: role.arn.clone(),
        versions: Vec::new(),
        runtime: None,
        last_modified: None,
        config: FunctionConfig::default(),
        exposure: Exposure::default(),
    }
}
