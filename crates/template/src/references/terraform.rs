//! References from Terraform: a state file (version 4) or the output of `terraform show -json`.

use serde_json::Value;

use super::{ExpressionPart, References};

/// Attributes that identify a resource, the best first.
pub(super) const ATTRIBUTES: &[&str] = &["arn", "id", "name", "bucket", "function_name"];

impl References {
    /// Reads a state file or the output of `terraform show -json`. Resources of modules have no address in
    /// the root files, so they are left out and counted. `None` if it is neither.
    pub fn from_terraform_state(state: &Value) -> Option<(Self, usize)> {
        let mut references = Self::default();
        let mut in_modules = 0;
        if let Some(root) = state.get("values").and_then(|values| values.get("root_module")) {
            for resource in list(root, "resources") {
                let (kind, name, mode) = (text(resource, "type"), text(resource, "name"), text(resource, "mode"));
                let index = resource.get("index");
                references.add_terraform(mode, kind, name, index, resource.get("values"));
            }
            in_modules = list(root, "child_modules").len();
            return Some((references, in_modules));
        }
        state.get("version").filter(|_| state.get("resources").is_some())?;
        for resource in list(state, "resources") {
            if resource.get("module").is_some() {
                in_modules += 1;
                continue;
            }
            let (kind, name, mode) = (text(resource, "type"), text(resource, "name"), text(resource, "mode"));
            for instance in list(resource, "instances") {
                let index = instance.get("index_key");
                references.add_terraform(mode, kind, name, index, instance.get("attributes"));
            }
        }
        Some((references, in_modules))
    }

    fn add_terraform(&mut self, mode: &str, kind: &str, name: &str, index: Option<&Value>, values: Option<&Value>) {
        let prefix = if mode == "data" { "data." } else { "" };
        let index = index.filter(|index| !index.is_null()).map(|index| format!("[{index}]")).unwrap_or_default();
        let address = format!("{prefix}{kind}.{name}{index}");
        let attribute = |name: &str| values.and_then(|values| values.get(name)).and_then(Value::as_str);
        let known = |name: &str| Some(ExpressionPart::Address(format!("{address}.{name}")));
        match (mode, kind) {
            ("data", "aws_caller_identity") => {
                self.account = attribute("account_id").map(str::to_owned);
                self.pseudo.account = known("account_id");
                self.attributes.extend(self.account.clone().map(|value| (format!("{address}.account_id"), value)));
            }
            ("data", "aws_partition") => {
                self.partition = attribute("partition").map(str::to_owned);
                self.pseudo.partition = known("partition");
                self.attributes.extend(self.partition.clone().map(|value| (format!("{address}.partition"), value)));
            }
            ("data", "aws_region") => {
                // `name` was renamed to `region` in version 6 of the provider.
                let field = if attribute("region").is_some() { "region" } else { "name" };
                self.region = attribute(field).map(str::to_owned);
                self.pseudo.region = known(field);
                self.attributes.extend(self.region.clone().map(|value| (format!("{address}.{field}"), value)));
            }
            // A policy document is what is edited; it need not name itself.
            (_, "aws_iam_policy_document") => {}
            _ => {
                for name in ATTRIBUTES {
                    if let Some(value) = attribute(name).filter(|value| !value.is_empty()) {
                        self.attributes.insert(format!("{address}.{name}"), value.to_owned());
                        self.addresses.entry(value.to_owned()).or_insert_with(|| format!("{address}.{name}"));
                    }
                }
            }
        }
    }
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
