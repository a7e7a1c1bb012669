//! The policy documents as IAM takes them.

use serde_json::{Value, json};

use super::PolicySet;

/// One document as it goes into IAM; several as a list of name and document.
pub fn render(set: &PolicySet) -> String {
    let text = match set.policies.as_slice() {
        [policy] => policy.document.to_json_pretty(),
        policies => {
            let list: Vec<Value> = policies
                .iter()
                .map(|policy| json!({"name": policy.name, "document": policy.document.to_value()}))
                .collect();
            format!("{:#}", Value::Array(list))
        }
    };
    format!("{text}\n")
}
