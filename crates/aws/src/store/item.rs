//! Items: what is in them, how content gets in and out.
//!
//! The content of an item is JSON, compressed. What is larger than one item may be (400 KB, Amazon DynamoDB
//! Developer Guide, "Constraints") is split over part items, named by the hash of the whole: parts of two
//! states never mix, and an item whose parts are not all there is not read.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use whittle_pipeline::ports::{PortError, PortErrorKind};

/// An item as the SDK has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Version of the layout of items; readers refuse newer ones.
pub(super) const LAYOUT: u32 = 1;

/// Compressed bytes in one item. Leaves room for the attributes beside them.
const PART_BYTES: usize = 300 * 1024;

/// A longer text is not repeated as an attribute: it is in the content.
const TEXT_BYTES: usize = 8 * 1024;

/// No content is this large; what inflates to more is not ours.
const MAX_CONTENT_BYTES: u64 = 512 * 1024 * 1024;

/// Longest text in a key; a longer one is replaced by its hash (a sort key has 1,024 bytes at most).
const KEY_TEXT_BYTES: usize = 700;

/// Primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TableKey {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl TableKey {
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// The key of an item that was read.
    pub(super) fn of(item: &Item) -> Result<Self, PortError> {
        match (text(item, "pk"), text(item, "sk")) {
            (Some(pk), Some(sk)) => Ok(Self::new(pk, sk)),
            _ => Err(PortError::new(PortErrorKind::Bug, "the table answered an item without key")),
        }
    }

    pub(super) fn attributes(&self) -> Item {
        HashMap::from([("pk".to_owned(), string(&self.pk)), ("sk".to_owned(), string(&self.sk))])
    }

    /// Start of the sort keys of all parts of this item.
    pub(super) fn parts(&self) -> String {
        format!("PART#{}#", short_hash(self.sk.as_bytes()))
    }

    /// Start of the sort keys of the parts of one state of it.
    pub(super) fn parts_of(&self, digest: &str) -> String {
        format!("{}{digest}#", self.parts())
    }
}

impl std::fmt::Display for TableKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "`{}` / `{}`", self.pk, self.sk)
    }
}

/// A text that may stand in a key.
pub(super) fn key_text(text: &str) -> String {
    if text.len() <= KEY_TEXT_BYTES { text.to_owned() } else { format!("sha256:{}", short_hash(text.as_bytes())) }
}

/// 32 hexadecimal digits.
pub(super) fn short_hash(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let (first, _) = digest.split_at(16);
    let number = first.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{number:032x}")
}

/// Which of `shards` parts (at most 256) a key belongs to.
pub(super) fn shard_of(key: &str, shards: u8) -> u8 {
    let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    let [first, ..] = digest;
    first.checked_rem(shards).unwrap_or_default()
}

/// Stored state of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Hash of its content.
    pub(super) digest: String,
    /// Number of part items; 0 if the content is in the item itself.
    pub(super) parts: u32,
}

/// Hash of a content.
pub(super) fn digest_of(content: &[u8]) -> String {
    short_hash(content)
}

/// An item to be written.
#[derive(Debug, Clone)]
pub(super) struct TableRow {
    pub(super) key: TableKey,
    attributes: Item,
    content: Vec<u8>,
    digest: String,
}

/// An item in the form in which it is written.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    pub(super) key: TableKey,
    pub(super) stamp: Stamp,
    pub(super) head: Item,
    pub(super) parts: Vec<Item>,
}

impl TableRow {
    /// An item of kind `item` with its content.
    pub(super) fn new(key: TableKey, item: &str, content: Vec<u8>) -> Self {
        let digest = digest_of(&content);
        let attributes = HashMap::from([("item".to_owned(), string(item))]);
        Self { key, attributes, content, digest }
    }

    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// Adds a text for people, unless it is empty or long.
    #[must_use]
    pub(super) fn text(mut self, name: &str, text: &str) -> Self {
        if !text.is_empty() && text.len() <= TEXT_BYTES {
            self.attributes.insert(name.to_owned(), string(text));
        }
        self
    }

    /// Adds a number for people.
    #[must_use]
    pub(super) fn number(mut self, name: &str, number: impl std::fmt::Display) -> Self {
        self.attributes.insert(name.to_owned(), AttributeValue::N(number.to_string()));
        self
    }

    /// Adds named numbers for people.
    #[must_use]
    pub(super) fn numbers(mut self, name: &str, numbers: &BTreeMap<String, u64>) -> Self {
        let map = numbers.iter().map(|(name, number)| (name.clone(), AttributeValue::N(number.to_string()))).collect();
        self.attributes.insert(name.to_owned(), AttributeValue::M(map));
        self
    }

    /// Puts the item into the index.
    #[must_use]
    pub(super) fn indexed(mut self, partition: String, order: String) -> Self {
        self.attributes.insert("gsi1pk".to_owned(), AttributeValue::S(partition));
        self.attributes.insert("gsi1sk".to_owned(), AttributeValue::S(order));
        self
    }

    /// Lets DynamoDB delete the item some time after `epoch_seconds`.
    #[must_use]
    pub(super) fn expires(self, epoch_seconds: i64) -> Self {
        self.number("ttl", epoch_seconds)
    }

    /// Compresses the content and splits it if it has to be.
    pub(super) fn pack(self) -> Result<Packed, PortError> {
        let Self { key, attributes: mut head, content, digest } = self;
        let compressed = compress(&content)?;
        head.extend(key.attributes());
        head.insert("layout".to_owned(), AttributeValue::N(LAYOUT.to_string()));
        head.insert("digest".to_owned(), string(&digest));
        if compressed.len() <= PART_BYTES {
            head.insert("content".to_owned(), AttributeValue::B(Blob::new(compressed)));
            return Ok(Packed { key, stamp: Stamp { digest, parts: 0 }, head, parts: Vec::new() });
        }
        let prefix = key.parts_of(&digest);
        let parts: Vec<Item> = compressed
            .chunks(PART_BYTES)
            .enumerate()
            .map(|(number, bytes)| {
                let mut part = TableKey::new(key.pk.clone(), part_key(&prefix, number)).attributes();
                part.insert("item".to_owned(), string("part"));
                part.insert("content".to_owned(), AttributeValue::B(Blob::new(bytes)));
                if let Some(ttl) = head.get("ttl") {
                    part.insert("ttl".to_owned(), ttl.clone());
                }
                part
            })
            .collect();
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        head.insert("content_parts".to_owned(), AttributeValue::N(count.to_string()));
        Ok(Packed { key, stamp: Stamp { digest, parts: count }, head, parts })
    }
}

fn part_key(prefix: &str, number: usize) -> String {
    format!("{prefix}{number:04}")
}

/// An item that was read, apart from its parts.
#[derive(Debug)]
pub(super) struct ItemHead {
    pub(super) key: TableKey,
    pub(super) stamp: Stamp,
    item: Item,
}

/// Contents of part items by key.
pub(super) type Parts = BTreeMap<TableKey, Vec<u8>>;

/// Separates items from their parts.
pub(super) fn sort_out(items: Vec<Item>) -> Result<(Vec<ItemHead>, Parts), PortError> {
    let mut heads = Vec::new();
    let mut parts = Parts::new();
    for mut item in items {
        let key = TableKey::of(&item)?;
        if text(&item, "item") == Some("part") {
            if let Some(AttributeValue::B(bytes)) = item.remove("content") {
                parts.insert(key, bytes.into_inner());
            }
        } else {
            heads.push(ItemHead::of(key, item)?);
        }
    }
    Ok((heads, parts))
}

impl ItemHead {
    fn of(key: TableKey, item: Item) -> Result<Self, PortError> {
        if number(&item, "layout").is_some_and(|layout| layout > i64::from(LAYOUT)) {
            let message = format!("item {key} of the table was written by a newer Whittle");
            return Err(PortError::new(PortErrorKind::Invalid, message).with_hint("update Whittle"));
        }
        let stamp = Stamp {
            digest: text(&item, "digest").unwrap_or_default().to_owned(),
            parts: number(&item, "content_parts").and_then(|parts| u32::try_from(parts).ok()).unwrap_or_default(),
        };
        Ok(Self { key, stamp, item })
    }

    /// A text attribute.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        text(&self.item, name)
    }

    /// A number attribute.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        number(&self.item, name)
    }

    /// Start of the sort keys of its parts, if it has any.
    pub(super) fn needs_parts(&self) -> Option<String> {
        (self.stamp.parts > 0).then(|| self.key.parts_of(&self.stamp.digest))
    }

    /// The content. `None`: parts are missing, as they are for a moment to a reader while somebody else
    /// writes.
    pub(super) fn content(&self, parts: &Parts) -> Result<Option<Vec<u8>>, PortError> {
        let compressed = if self.stamp.parts == 0 {
            match self.item.get("content") {
                Some(AttributeValue::B(bytes)) => bytes.as_ref().to_vec(),
                _ => return Err(self.damaged("it has no content")),
            }
        } else {
            let prefix = self.key.parts_of(&self.stamp.digest);
            let mut all = Vec::new();
            for number in 0..self.stamp.parts {
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                match parts.get(&TableKey::new(self.key.pk.clone(), part_key(&prefix, number))) {
                    Some(bytes) => all.extend_from_slice(bytes),
                    None => return Ok(None),
                }
            }
            all
        };
        let content = inflate(&compressed).map_err(|error| self.damaged("it cannot be inflated").with_source(error))?;
        if digest_of(&content) == self.stamp.digest {
            Ok(Some(content))
        } else {
            Err(self.damaged("its content is not what its digest says"))
        }
    }

    /// The error for an item that is not as it was written.
    pub(super) fn damaged(&self, why: &str) -> PortError {
        damaged(&self.key, why)
    }
}

/// The error for an item that is not as it was written.
pub(super) fn damaged(key: &TableKey, why: &str) -> PortError {
    PortError::new(PortErrorKind::Invalid, format!("item {key} of the table is damaged: {why}"))
        .with_hint("restore the table to a point in time, or delete the item (docs/table.md, \"Mending\")")
}

fn compress(content: &[u8]) -> Result<Vec<u8>, PortError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(content)
        .and_then(|()| encoder.finish())
        .map_err(|error| PortError::new(PortErrorKind::Bug, "content cannot be compressed").with_source(error))
}

fn inflate(compressed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    MultiGzDecoder::new(compressed).take(MAX_CONTENT_BYTES).read_to_end(&mut content)?;
    Ok(content)
}

/// A text as an attribute.
pub(super) fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A text attribute of an item.
pub(super) fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Some(text),
        _ => None,
    }
}

/// A whole number of an item.
pub(super) fn number(item: &Item, name: &str) -> Option<i64> {
    match item.get(name) {
        Some(AttributeValue::N(number)) => number.parse().ok(),
        _ => None,
    }
}

/// Bytes of an item as DynamoDB counts them, roughly: names and values (Amazon DynamoDB Developer Guide,
/// "DynamoDB item sizes and formats").
pub(super) fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len().saturating_add(value_bytes(value))).fold(0, usize::saturating_add)
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(_) => 21,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::M(map) => item_bytes(map).saturating_add(3),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that do not compress.
    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 1_u64;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .take(bytes)
        .collect()
    }

    #[track_caller]
    fn round_trip(content: Vec<u8>, parts: u32) {
        let packed = TableRow::new(TableKey::new("P", "S"), "thing", content.clone()).pack().unwrap();
        assert_eq!(packed.stamp.parts, parts);
        let items: Vec<Item> = packed.parts.iter().cloned().chain([packed.head.clone()]).collect();
        assert!(items.iter().all(|item| item_bytes(item) < 400 * 1024));
        let (heads, found) = sort_out(items).unwrap();
        assert_eq!(heads[0].content(&found).unwrap(), Some(content));
    }

    #[test]
    fn content_comes_back_whatever_its_size() {
        round_trip(Vec::new(), 0);
        round_trip(b"{}".to_vec(), 0);
        round_trip(noise(PART_BYTES - 200), 0);
        round_trip(noise(PART_BYTES + 1), 2);
        round_trip(noise(2 * 1024 * 1024), 7);
    }

    #[test]
    fn an_item_with_missing_or_foreign_parts_is_not_read() {
        let packed = TableRow::new(TableKey::new("P", "S"), "thing", noise(PART_BYTES * 2)).pack().unwrap();
        let (heads, mut parts) = sort_out(packed.parts.into_iter().chain([packed.head]).collect()).unwrap();
        let (key, _) = parts.pop_last().unwrap();
        assert_eq!(heads[0].content(&parts).unwrap(), None);
        parts.insert(key, b"other".to_vec());
        assert_eq!(heads[0].content(&parts).unwrap_err().kind(), &PortErrorKind::Invalid);
    }

    #[test]
    fn a_newer_layout_is_refused() {
        let mut head = TableRow::new(TableKey::new("P", "S"), "thing", Vec::new()).pack().unwrap().head;
        head.insert("layout".to_owned(), AttributeValue::N("2".to_owned()));
        let error = sort_out(vec![head]).unwrap_err();
        assert_eq!(error.hint(), Some("update Whittle"));
    }

    #[test]
    fn long_texts_are_left_to_the_content_and_long_keys_are_hashed() {
        let row = TableRow::new(TableKey::new("P", "S"), "thing", Vec::new());
        let packed = row.text("short", "a").text("long", &"a".repeat(TEXT_BYTES + 1)).text("none", "").pack().unwrap();
        assert!(packed.head.contains_key("short"));
        assert!(!packed.head.contains_key("long") && !packed.head.contains_key("none"));
        assert_eq!(key_text("a"), "a");
        assert!(key_text(&"a".repeat(2000)).len() < 50);
    }
}
