//! A role with one inline policy, and a function on it, for tests that look at one function.

use serde_json::{Value, json};
use whittle_analysis::inventory::{Exposure, Function, FunctionConfig, Role, RolePolicy};
use whittle_policy::PolicyDocument;

/// Id of [`role`].
pub const ROLE_ID: &str = "AROAEXAMPLEEXAMPLE001";

/// A role that nothing else is known of. `statements`: of its policy `app`.
pub fn role(arn: &str, statements: &Value) -> Role {
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    let document = PolicyDocument::parse(&document.to_string()).unwrap();
    let policies = vec![RolePolicy::inline("app", document)];
    Role { policies, ..Role::new(arn.parse().unwrap(), ROLE_ID.parse().unwrap()) }
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
