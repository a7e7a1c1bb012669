//! The table of `template.yaml`: keys `pk` and `sk`, index `gsi1` over `gsi1pk` and `gsi1sk` with all
//! attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::{Value, json};

use super::expression::{Comparison, Condition, Operand, Step};
use super::value::{Item, item_bytes, text};

/// Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB".
pub const MAX_ITEM_BYTES: usize = 400 << 10;

/// Bytes of items that one answer of a query reads.
pub const PAGE_BYTES: usize = 1 << 20;

pub type Key = (String, String);

#[derive(Default)]
pub struct Table {
    items: BTreeMap<Key, Stored>,
    /// (`gsi1pk`, `gsi1sk`, `pk`, `sk`).
    index: BTreeSet<(String, String, String, String)>,
}

struct Stored {
    item: Arc<Item>,
    bytes: usize,
}

/// Which sort keys of which partition.
#[derive(Debug, PartialEq, Eq)]
pub struct Range {
    pub partition: String,
    low: Bound<String>,
    high: Bound<String>,
    prefix: Option<String>,
}

/// Names of the key attributes of the table or the index.
pub fn key_names(indexed: bool) -> (&'static str, &'static str) {
    if indexed { ("gsi1pk", "gsi1sk") } else { ("pk", "sk") }
}

/// The key of an item, or of a request.
pub fn key_of(item: &Item) -> Result<Key, String> {
    let part = |name: &str| match text(item, name) {
        Some("") => Err(format!("One or more parameter values are not valid. The value of key {name} is empty")),
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("One or more parameter values were invalid: Missing the key {name} in the item")),
    };
    let key = (part("pk")?, part("sk")?);
    // A partition key has 2,048 bytes at most, a sort key 1,024 (as above).
    if key.0.len() > 2_048 || key.1.len() > 1_024 {
        return Err("One or more parameter values were invalid: Size of a key exceeds its maximum".to_owned());
    }
    Ok(key)
}

impl Table {
    pub fn get(&self, key: &Key) -> Option<&Arc<Item>> {
        self.items.get(key).map(|stored| &stored.item)
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Bytes of all items.
    pub fn bytes(&self) -> usize {
        self.items.values().map(|stored| stored.bytes).sum()
    }

    /// Writes an item that was checked already.
    pub fn put(&mut self, key: Key, item: Item) {
        self.delete(&key);
        if let Some(entry) = index_entry(&key, &item) {
            self.index.insert(entry);
        }
        let bytes = item_bytes(&item);
        self.items.insert(key, Stored { item: Arc::new(item), bytes });
    }

    pub fn delete(&mut self, key: &Key) -> bool {
        let Some(old) = self.items.remove(key) else { return false };
        if let Some(entry) = index_entry(key, &old.item) {
            self.index.remove(&entry);
        }
        true
    }

    /// Items of a range in the order of their sort keys, with their size. `start` is where the page before
    /// ended.
    pub fn range(&self, range: &Range, indexed: bool, forward: bool, start: Option<&Item>) -> Vec<(Arc<Item>, usize)> {
        let mut keys: Vec<(&str, &Key)> = Vec::new();
        let indexed_keys: Vec<(String, Key)>;
        if indexed {
            let from = (range.partition.clone(), String::new(), String::new(), String::new());
            indexed_keys = self
                .index
                .range(from..)
                .take_while(|entry| entry.0 == range.partition)
                .map(|(_, sort, pk, sk)| (sort.clone(), (pk.clone(), sk.clone())))
                .collect();
            keys.extend(indexed_keys.iter().map(|(sort, key)| (sort.as_str(), key)));
        } else {
            let from = match (&range.low, &range.prefix) {
                (Bound::Included(low) | Bound::Excluded(low), _) | (Bound::Unbounded, Some(low)) => low.clone(),
                (Bound::Unbounded, None) => String::new(),
            };
            let partition = self.items.range((range.partition.clone(), from)..);
            let partition = partition.take_while(|(key, _)| key.0 == range.partition && range.may_go_on(&key.1));
            keys.extend(partition.map(|(key, _)| (key.1.as_str(), key)));
        }
        keys.retain(|(sort, _)| range.has(sort));
        if !forward {
            keys.reverse();
        }
        if let Some(start) = start {
            let after = text(start, "pk").zip(text(start, "sk"));
            let passed = keys.iter().position(|(_, key)| Some((key.0.as_str(), key.1.as_str())) == after);
            // An item that is gone by now: the page begins where it was.
            let sort = text(start, key_names(indexed).1).unwrap_or_default();
            let beyond = |key: &(&str, &Key)| if forward { key.0 > sort } else { key.0 < sort };
            let from = passed.map_or_else(|| keys.iter().position(beyond).unwrap_or(keys.len()), |passed| passed + 1);
            keys.drain(..from);
        }
        keys.into_iter()
            .filter_map(|(_, key)| self.items.get(key))
            .map(|stored| (Arc::clone(&stored.item), stored.bytes))
            .collect()
    }
}

fn index_entry(key: &Key, item: &Item) -> Option<(String, String, String, String)> {
    Some((text(item, "gsi1pk")?.to_owned(), text(item, "gsi1sk")?.to_owned(), key.0.clone(), key.1.clone()))
}

/// Key that the next page of a query starts after.
pub fn last_key(item: &Item, indexed: bool) -> Value {
    let names: &[&str] = if indexed { &["gsi1pk", "gsi1sk", "pk", "sk"] } else { &["pk", "sk"] };
    names.iter().map(|name| ((*name).to_owned(), item.get(*name).cloned().unwrap_or(json!({})))).collect()
}

impl Range {
    /// The range of a key condition: the partition key equals something, and at most one condition on the
    /// sort key.
    pub fn of(condition: &Condition, indexed: bool) -> Result<Self, String> {
        let (pk, sk) = key_names(indexed);
        let mut parts = Vec::new();
        flatten(condition, &mut parts);
        let mut partition = None;
        let mut range = Self { partition: String::new(), low: Bound::Unbounded, high: Bound::Unbounded, prefix: None };
        for part in parts {
            let unsupported = || format!("Query key condition not supported: {part:?}");
            match part {
                Condition::Compare(comparison, Operand::Path(path), Operand::Value(value)) => {
                    let value = value.get("S").and_then(Value::as_str).ok_or_else(unsupported)?.to_owned();
                    if is_name(path, pk) && *comparison == Comparison::Equal {
                        partition = Some(value);
                        continue;
                    }
                    if !is_name(path, sk) {
                        return Err(unsupported());
                    }
                    match comparison {
                        Comparison::Equal => {
                            (range.low, range.high) = (Bound::Included(value.clone()), Bound::Included(value));
                        }
                        Comparison::Less => range.high = Bound::Excluded(value),
                        Comparison::LessOrEqual => range.high = Bound::Included(value),
                        Comparison::Greater => range.low = Bound::Excluded(value),
                        Comparison::GreaterOrEqual => range.low = Bound::Included(value),
                        Comparison::NotEqual => return Err(unsupported()),
                    }
                }
                Condition::Between(Operand::Path(path), Operand::Value(low), Operand::Value(high))
                    if is_name(path, sk) =>
                {
                    let bound = |value: &Value| value.get("S").and_then(Value::as_str).map(ToOwned::to_owned);
                    let (low, high) = bound(low).zip(bound(high)).ok_or_else(unsupported)?;
                    (range.low, range.high) = (Bound::Included(low), Bound::Included(high));
                }
                Condition::BeginsWith(Operand::Path(path), Operand::Value(prefix)) if is_name(path, sk) => {
                    let prefix = prefix.get("S").and_then(Value::as_str).ok_or_else(unsupported)?;
                    range.prefix = Some(prefix.to_owned());
                }
                _ => return Err(unsupported()),
            }
        }
        range.partition = partition.ok_or_else(|| format!("Query condition missed key schema element: {pk}"))?;
        Ok(range)
    }

    fn has(&self, sort: &str) -> bool {
        let low = match &self.low {
            Bound::Included(low) => sort >= low.as_str(),
            Bound::Excluded(low) => sort > low.as_str(),
            Bound::Unbounded => true,
        };
        low && self.may_go_on(sort)
    }

    /// True if `sort` or a greater key may still be in the range.
    fn may_go_on(&self, sort: &str) -> bool {
        let high = match &self.high {
            Bound::Included(high) => sort <= high.as_str(),
            Bound::Excluded(high) => sort < high.as_str(),
            Bound::Unbounded => true,
        };
        high && self.prefix.as_ref().is_none_or(|prefix| sort.starts_with(prefix.as_str()))
    }
}

fn is_name(path: &[Step], name: &str) -> bool {
    matches!(path, [Step::Name(found)] if found == name)
}

fn flatten<'a>(condition: &'a Condition, out: &mut Vec<&'a Condition>) {
    match condition {
        Condition::And(left, right) => {
            flatten(left, out);
            flatten(right, out);
        }
        other => out.push(other),
    }
}
