//! Facts beside a template: the deployment it describes, and the account's managed policies.

use crate::grants::Documents;
use crate::node::Node;
use crate::references::{References, ResourceName};
use crate::resolve::{Context, Resolver};
use crate::template::Template;

/// Facts from beside a template: values, deployed names, managed policies.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The deployment whose role was analysed.
    pub context: Context,
    /// Documents of managed policies as the account has them.
    pub documents: Documents,
}

/// The resolver for a template in a deployment: with the names that the template itself fixes.
pub fn resolver<'t>(template: &'t Template<'_>, context: &Context) -> Resolver<'t> {
    let plain = Resolver::new(template.root(), context.clone());
    let mut context = context.clone();
    let (account, region, partition) = (context.account.clone(), context.region.clone(), context.partition.clone());
    context.references =
        std::mem::take(&mut context.references).with_place(account.as_deref(), region.as_deref(), partition.as_deref());
    for (logical_id, resource) in template.resources() {
        add_fixed_name(&mut context.references, logical_id, resource, &plain);
    }
    Resolver::new(template.root(), context)
}

/// Adds the name that a template gives to a resource (`TableName: orders`), unless the deployment says
/// another.
fn add_fixed_name(references: &mut References, logical_id: &str, resource: &Node, resolver: &Resolver<'_>) {
    let Some(kind) = resource.get("Type").and_then(Node::text) else { return };
    let Some(row) = ResourceName::of(kind) else { return };
    let property = row.name_property.and_then(|name| resource.get("Properties")?.get(name));
    let Some(name) = property.and_then(|value| resolver.text_of(value)) else { return };
    if references.value(logical_id, None).is_some() {
        return;
    }
    match row.physical {
        "name" => references.add_resource(logical_id, kind, &name),
        "arn" => {
            if let Some(arn) = row.arn_of(&name, references) {
                references.add_resource(logical_id, kind, &arn);
            }
        }
        // The URL of a queue is not known from its name alone.
        _ => {
            if let (Some(attribute), Some(arn)) = (row.arn_attribute, row.arn_of(&name, references)) {
                references.insert(logical_id, Some(attribute), arn);
            }
            if let Some(attribute) = row.name_attribute {
                references.insert(logical_id, Some(attribute), name);
            }
        }
    }
}
