//! Paths into the parameters of an event: `targets[].roleArn`, `*.roleARN`, `x-amz-grant-*`.

/// One step of a [`FieldPath`]. Keys compare in any ASCII case: CloudTrail lower-cases only the first letter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathSegment {
    /// The value of a key.
    Key(Box<str>),
    /// The values of all keys that start so (`x-amz-grant-*`).
    KeyPrefix(Box<str>),
    /// The values of all keys.
    AnyKey,
    /// The keys themselves (`requestItems{}`).
    Keys,
    /// The elements of a list; a value that is no list counts as its only element.
    Each,
}

/// A path, from the request parameters or the response elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    response: bool,
    segments: Box<[PathSegment]>,
}

impl FieldPath {
    /// True if the path starts at `responseElements` and not at `requestParameters`.
    pub fn is_response(&self) -> bool {
        self.response
    }

    /// The steps.
    pub fn segments(&self) -> &[PathSegment] {
        &self.segments
    }

    /// Reads a path as the tables write it.
    pub fn parse(text: &str) -> Self {
        let (response, text) = match text.strip_prefix("responseElements.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut segments = Vec::new();
        for part in text.split('.') {
            let (key, tail) = if let Some(key) = part.strip_suffix("[]") {
                (key, Some(PathSegment::Each))
            } else if let Some(key) = part.strip_suffix("{}") {
                (key, Some(PathSegment::Keys))
            } else {
                (part, None)
            };
            if key == "*" {
                segments.push(PathSegment::AnyKey);
            } else if let Some(start) = key.strip_suffix('*') {
                segments.push(PathSegment::KeyPrefix(start.into()));
            } else if !key.is_empty() {
                segments.push(PathSegment::Key(key.into()));
            }
            segments.extend(tail);
        }
        Self { response, segments: segments.into() }
    }
}
