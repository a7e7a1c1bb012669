//! References from CloudFormation: the answer of `aws cloudformation describe-stack-resources` or
//! `list-stack-resources`.

use serde_json::Value;

use super::{References, ResourceName};
/// Types whose logical ids SAM generates from their content, so that no template can name them (AWS SAM
/// Developer Guide, "Generated CloudFormation resources").
const RENAMED: &[&str] = &["AWS::Lambda::Version", "AWS::Lambda::LayerVersion", "AWS::ApiGateway::Deployment"];

impl References {
    /// Adds the answer of `describe-stack-resources` or `list-stack-resources`. Call [`Self::with_place`]
    /// first, since ARNs need account, Region and partition; those of the answer's `StackId` come first.
    ///
    /// Returns the number of resources; `None` if it is not such an answer.
    pub fn add_stack_resources(&mut self, answer: &Value) -> Option<usize> {
        let list = answer.get("StackResources").or_else(|| answer.get("StackResourceSummaries"))?.as_array()?;
        let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        for row in list {
            let stack = text(row, "StackId");
            let mut fields = stack.split(':').skip(1);
            if let (Some(partition), Some(_), Some(region), Some(account)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            {
                self.partition = Some(partition.to_owned());
                self.region = Some(region.to_owned());
                self.account = Some(account.to_owned());
            }
        }
        for row in list {
            let (logical_id, physical, kind) =
                (text(row, "LogicalResourceId"), text(row, "PhysicalResourceId"), text(row, "ResourceType"));
            if !logical_id.is_empty() && !physical.is_empty() && !RENAMED.contains(&kind.as_str()) {
                self.add_resource(&logical_id, &kind, &physical);
            }
        }
        Some(list.len())
    }

    /// [`Self::add_stack_resources`] on its own; account, Region and partition come from the answer's
    /// `StackId`.
    pub fn from_stack_resources(answer: &Value) -> Option<Self> {
        let mut references = Self::default();
        references.add_stack_resources(answer)?;
        let (account, region, partition) =
            (references.account.clone(), references.region.clone(), references.partition.clone());
        Some(references.with_place(account.as_deref(), region.as_deref(), partition.as_deref()))
    }

    /// Adds one deployed resource.
    pub fn add_resource(&mut self, logical_id: &str, kind: &str, physical: &str) {
        self.insert(logical_id, None, physical);
        let Some(row) = ResourceName::of(kind) else { return };
        let arn = if row.physical == "arn" {
            Some(physical.to_owned())
        } else {
            row.arn_of(physical.rsplit('/').next().filter(|_| row.physical == "url").unwrap_or(physical), self)
        };
        if let (Some(attribute), Some(arn)) = (row.arn_attribute, arn.filter(|arn| arn.starts_with("arn:"))) {
            self.insert(logical_id, Some(attribute), arn);
        }
        if let Some(attribute) = row.name_attribute {
            let name = physical.rsplit(['/', ':']).next().unwrap_or(physical);
            self.insert(logical_id, Some(attribute), name);
        }
    }
}
