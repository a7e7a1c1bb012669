//! The unit in which evidence is listed, read and remembered.

/// One object of a trail: a file in a folder, or a key in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrailObject {
    /// Source that it belongs to (a folder, or the part of a bucket that holds one account and Region),
    /// stable between runs.
    pub source: String,
    /// Key within the source, with `/`.
    pub key: String,
    /// Changes when the content does (size and modification time, or an ETag).
    pub version: String,
    /// Size in bytes as stored.
    pub size_bytes: u64,
}
