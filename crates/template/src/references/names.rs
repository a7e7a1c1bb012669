//! Physical ids and ARNs of each resource type (`data/resource-names.tsv`).

use std::sync::LazyLock;

use super::References;

static ROWS: LazyLock<Vec<ResourceName>> = LazyLock::new(|| parse(include_str!("../../data/resource-names.tsv")));

/// The names of resources of one CloudFormation type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceName {
    /// CloudFormation type.
    pub kind: &'static str,
    /// Property that sets the name.
    pub name_property: Option<&'static str>,
    /// The kind of `Ref` and physical id: `name`, `arn`, `url`.
    pub physical: &'static str,
    /// ARN with `{name}` and so on in it.
    pub arn: Option<&'static str>,
    /// Attribute with the ARN.
    pub arn_attribute: Option<&'static str>,
    /// Attribute with the name.
    pub name_attribute: Option<&'static str>,
}

impl ResourceName {
    /// The row of a type.
    pub fn of(kind: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.kind == kind)
    }

    /// All rows.
    pub fn all() -> &'static [Self] {
        &ROWS
    }

    /// The ARN of a resource of this name.
    pub fn arn_of(&self, name: &str, place: &References) -> Option<String> {
        let name = if self.kind == "AWS::SSM::Parameter" { name.trim_start_matches('/') } else { name };
        let mut arn = self.arn?.replace("{name}", name);
        for (mark, value) in
            [("{partition}", &place.partition), ("{region}", &place.region), ("{account}", &place.account)]
        {
            if arn.contains(mark) {
                arn = arn.replace(mark, value.as_deref()?);
            }
        }
        Some(arn)
    }
}

fn parse(text: &'static str) -> Vec<ResourceName> {
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).skip(1);
    rows.filter_map(|line| {
        let mut fields = line.split('\t').map(|field| (field != "-").then_some(field));
        Some(ResourceName {
            kind: fields.next()??,
            name_property: fields.next()?,
            physical: fields.next()??,
            arn: fields.next()?,
            arn_attribute: fields.next()?,
            name_attribute: fields.next()?,
        })
    })
    .collect()
}
