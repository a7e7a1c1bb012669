//! Packs [`Facts`] into a catalog file; `crates/catalog/src/blob.rs` describes the format.

use std::collections::BTreeMap;

use whittle_catalog::SourceInfo;

use super::facts::{ActionFacts, Facts, OperationFacts, ServiceFacts};

const MAGIC: &[u8; 4] = b"WCAT";
const FORMAT: u32 = 1;
const SECTIONS: usize = 12;

/// Facts that cannot be packed: AWS has outgrown the format, or a name refers to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A table has more rows than its numbers can count.
    #[error("too many {what} for the catalog format")]
    TooMany {
        /// Which rows.
        what: &'static str,
    },
    /// An action's name is longer than 255 bytes.
    #[error("the action name `{name}` is too long")]
    NameTooLong {
        /// The name.
        name: String,
    },
    /// A row names an action or resource type that is not among the facts.
    #[error("`{from}` refers to `{to}`, which does not exist")]
    Dangling {
        /// The row.
        from: String,
        /// The missing name.
        to: String,
    },
}

/// Packs the facts into the bytes that `Catalog::from_bytes` reads.
///
/// Same facts, same bytes: everything is taken in the order of sorted maps.
pub fn encode(facts: &Facts) -> Result<Vec<u8>, BuildError> {
    let mut packer = Packer::new(facts)?;
    packer.string(&sources_json(&facts.sources))?;
    packer.list(Vec::new())?;
    for service in facts.services.values() {
        packer.service(service)?;
    }
    packer.service_row(0, 0)?;
    packer.finish()
}

fn sources_json(sources: &[SourceInfo]) -> String {
    // Cannot fail: the type holds only texts and numbers. An empty text loads as no sources.
    serde_json::to_string(sources).unwrap_or_default()
}

#[derive(Default)]
struct Packer {
    /// Position of each action by lower-case full name.
    action_numbers: BTreeMap<String, u16>,
    action_names: Vec<String>,
    strings: BTreeMap<String, u16>,
    string_order: Vec<String>,
    lists: BTreeMap<Vec<u16>, u16>,
    list_ends: Vec<u32>,
    list_items: Vec<u16>,
    services: Vec<u8>,
    flags: Vec<u8>,
    resources: Vec<u16>,
    conditions: Vec<u16>,
    dependents: Vec<u16>,
    resource_types: Vec<u16>,
    operations: Vec<u16>,
}

impl Packer {
    fn new(facts: &Facts) -> Result<Self, BuildError> {
        let mut packer = Self::default();
        for (prefix, service) in &facts.services {
            for (name, action) in &service.actions {
                let number = number(packer.action_names.len(), "actions")?;
                packer.action_numbers.insert(format!("{prefix}:{name}"), number);
                packer.action_names.push(format!("{}:{}", service.prefix, action.name));
            }
        }
        Ok(packer)
    }

    fn service(&mut self, service: &ServiceFacts) -> Result<(), BuildError> {
        let (prefix, name) = (self.string(&service.prefix)?, self.string(&service.name)?);
        self.service_row(prefix, name)?;
        for (key, action) in &service.actions {
            self.action(service, key, action)?;
        }
        for kind in service.resource_types.values() {
            let name = self.string(&kind.name)?;
            let arn_formats = self.string_list(&kind.arn_formats)?;
            let condition_keys = self.string_list(&kind.condition_keys)?;
            self.resource_types.extend([name, arn_formats, condition_keys]);
        }
        for (key, operation) in &service.operations {
            if !is_same_named(service, key, operation) {
                let name = self.string(&operation.name)?;
                let authorised_by = self.action_list(&operation.name, &operation.authorised_by)?;
                let flags = u16::from(operation.in_sdk) | u16::from(mark(operation.read_only)) << 1;
                self.operations.extend([name, flags, authorised_by]);
            }
        }
        Ok(())
    }

    fn service_row(&mut self, prefix: u16, name: u16) -> Result<(), BuildError> {
        let actions = u32::from(number(self.flags.len(), "actions")?);
        let resource_types = number(self.resource_types.len() / 3, "resource types")?;
        let operations = number(self.operations.len() / 3, "operations")?;
        self.services.extend(prefix.to_le_bytes());
        self.services.extend(name.to_le_bytes());
        self.services.extend(actions.to_le_bytes());
        self.services.extend(resource_types.to_le_bytes());
        self.services.extend(operations.to_le_bytes());
        Ok(())
    }

    fn action(&mut self, service: &ServiceFacts, key: &str, action: &ActionFacts) -> Result<(), BuildError> {
        let operation = service.operations.get(key).filter(|operation| is_same_named(service, key, operation));
        let mut flags = action.access_level as u8 | mark(action.last_accessed) << 6;
        if let Some(operation) = operation {
            flags |= 1 << 3 | mark(operation.read_only) << 4;
        }
        let mut resources = Vec::with_capacity(action.resource_types.len());
        for (name, required) in &action.resource_types {
            let at = service.resource_types.keys().position(|kind| *kind == name.to_ascii_lowercase());
            let at = at.ok_or_else(|| BuildError::Dangling { from: action.name.clone(), to: name.clone() })?;
            let at = u16::try_from(at).ok().filter(|at| *at < 1 << 15);
            let at = at.ok_or(BuildError::TooMany { what: "resource types" })?;
            resources.push(at << 1 | u16::from(*required));
        }
        resources.sort_unstable();
        let resources = self.list(resources)?;
        let conditions = self.string_list(&action.condition_keys)?;
        let dependents = self.action_list(&action.name, &action.dependent_actions)?;
        self.flags.push(flags);
        self.resources.push(resources);
        self.conditions.push(conditions);
        self.dependents.push(dependents);
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<u16, BuildError> {
        if let Some(number) = self.strings.get(text) {
            return Ok(*number);
        }
        let number = number(self.string_order.len(), "strings")?;
        self.strings.insert(text.to_owned(), number);
        self.string_order.push(text.to_owned());
        Ok(number)
    }

    fn string_list<'s>(&mut self, texts: impl IntoIterator<Item = &'s String>) -> Result<u16, BuildError> {
        let items = texts.into_iter().map(|text| self.string(text)).collect::<Result<_, _>>()?;
        self.list(items)
    }

    fn action_list<'s>(&mut self, from: &str, names: impl IntoIterator<Item = &'s String>) -> Result<u16, BuildError> {
        let mut items = Vec::new();
        for name in names {
            let number = self.action_numbers.get(&name.to_ascii_lowercase());
            items.push(*number.ok_or_else(|| BuildError::Dangling { from: from.to_owned(), to: name.clone() })?);
        }
        items.sort_unstable();
        self.list(items)
    }

    fn list(&mut self, items: Vec<u16>) -> Result<u16, BuildError> {
        if let Some(number) = self.lists.get(&items) {
            return Ok(*number);
        }
        let number = number(self.list_ends.len(), "lists")?;
        self.list_items.extend(&items);
        let end = u32::try_from(self.list_items.len()).map_err(|_| BuildError::TooMany { what: "list items" })?;
        self.list_ends.push(end);
        self.lists.insert(items, number);
        Ok(number)
    }

    fn finish(self) -> Result<Vec<u8>, BuildError> {
        let mut text = String::new();
        let mut string_ends = Vec::new();
        for string in &self.string_order {
            text.push_str(string);
            let end = u32::try_from(text.len()).map_err(|_| BuildError::TooMany { what: "text bytes" })?;
            string_ends.extend(end.to_le_bytes());
        }
        let mut lengths = Vec::new();
        for name in &self.action_names {
            text.push_str(name);
            lengths.push(u8::try_from(name.len()).map_err(|_| BuildError::NameTooLong { name: name.clone() })?);
        }
        let list_ends = self.list_ends.iter().flat_map(|end| end.to_le_bytes()).collect();
        let sections: [Vec<u8>; SECTIONS] = [
            self.services,
            self.flags,
            little_endian(&self.resources),
            little_endian(&self.conditions),
            little_endian(&self.dependents),
            little_endian(&self.resource_types),
            little_endian(&self.operations),
            list_ends,
            little_endian(&self.list_items),
            string_ends,
            lengths,
            text.into_bytes(),
        ];
        let mut file = MAGIC.to_vec();
        file.extend(FORMAT.to_le_bytes());
        for section in &sections {
            file.extend(length_of(section)?);
        }
        file.extend(sections.iter().flatten());
        Ok(file)
    }
}

/// An operation that its action's flag bit describes completely.
fn is_same_named(service: &ServiceFacts, key: &str, operation: &OperationFacts) -> bool {
    let Some(action) = service.actions.get(key) else { return false };
    let full_name = format!("{}:{}", service.prefix, action.name);
    operation.in_sdk
        && operation.name == action.name
        && operation.authorised_by.iter().all(|name| name.eq_ignore_ascii_case(&full_name))
}

fn mark(known: Option<bool>) -> u8 {
    match known {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    }
}

fn number(length: usize, what: &'static str) -> Result<u16, BuildError> {
    u16::try_from(length).map_err(|_| BuildError::TooMany { what })
}

fn length_of(bytes: &[u8]) -> Result<[u8; 4], BuildError> {
    let length = u32::try_from(bytes.len()).map_err(|_| BuildError::TooMany { what: "bytes" })?;
    Ok(length.to_le_bytes())
}

fn little_endian(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests;
