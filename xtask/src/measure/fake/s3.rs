//! Answers of S3, addressed by path (Amazon S3 API Reference).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Bound;

use super::super::account::{REGION, TRAIL_BUCKET, uuid};
use super::super::http::{HttpRequest, Response, encode, xml};
use super::super::trail::Trail;
use super::xml_answer;

pub fn operation(request: &HttpRequest) -> &'static str {
    let key = request.path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
    match (request.method.as_str(), key.is_empty()) {
        ("HEAD", true) => "HeadBucket",
        ("GET", true) => "ListObjectsV2",
        ("GET", false) => "GetObject",
        _ => "unknown",
    }
}

pub fn answer(trail: &Trail, operation: &str, request: &HttpRequest) -> Response {
    let path = request.path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket != TRAIL_BUCKET {
        return refusal(404, "NoSuchBucket", "The specified bucket does not exist");
    }
    match operation {
        "HeadBucket" => Response::new(200, "application/xml", "").with("x-amz-bucket-region", REGION),
        "ListObjectsV2" => list(trail, request),
        "GetObject" => match trail.objects.get(key) {
            Some(bytes) => Response::new(200, "application/x-gzip", bytes.clone()).with("etag", etag(key)),
            None => refusal(404, "NoSuchKey", "The specified key does not exist."),
        },
        _ => refusal(405, "MethodNotAllowed", "not known here"),
    }
}

fn refusal(status: u16, code: &'static str, message: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>0</RequestId></Error>");
    Response::new(status, "application/xml", body).with("x-amzn-errortype", code)
}

fn etag(key: &str) -> String {
    format!("\"{}\"", uuid(key).replace('-', ""))
}

fn list(trail: &Trail, request: &HttpRequest) -> Response {
    let parameter = |name: &str| request.parameter(name).unwrap_or_default();
    let (prefix, delimiter) = (parameter("prefix"), parameter("delimiter"));
    let most = parameter("max-keys").parse::<usize>().unwrap_or(1_000).min(1_000);
    let after = match parameter("continuation-token") {
        "" => parameter("start-after"),
        token => token,
    };
    let start = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
    let shown =
        |text: &str| if parameter("encoding-type") == "url" { encode(text).replace("%2F", "/") } else { xml(text) };
    let (mut contents, mut folders) = (String::new(), BTreeSet::new());
    let (mut count, mut last, mut more) = (0, String::new(), false);
    for (key, bytes) in trail.objects.range::<str, _>((start, Bound::Unbounded)) {
        if !key.starts_with(prefix) {
            break;
        }
        let rest = key.get(prefix.len()..).unwrap_or_default();
        let folder = match rest.split_once(delimiter) {
            Some((folder, _)) if !delimiter.is_empty() => Some(format!("{prefix}{folder}{delimiter}")),
            _ => None,
        };
        // All that follows in a folder that was listed already belongs to it.
        if folder.as_ref().is_some_and(|folder| folders.contains(folder) || after.starts_with(folder.as_str())) {
            continue;
        }
        if count == most {
            more = true;
            break;
        }
        count += 1;
        last = folder.clone().unwrap_or_else(|| key.clone());
        if let Some(folder) = folder {
            folders.insert(folder);
            continue;
        }
        // Writing to a string does not fail.
        let _ = write!(
            contents,
            "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{}</ETag><Size>{}</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>",
            shown(key),
            xml(&etag(key)),
            bytes.len(),
        );
    }
    let folders: String = folders
        .iter()
        .map(|folder| format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", shown(folder)))
        .collect();
    let next =
        if more { format!("<NextContinuationToken>{}</NextContinuationToken>", xml(&last)) } else { String::new() };
    let encoding = if parameter("encoding-type") == "url" { "<EncodingType>url</EncodingType>" } else { "" };
    xml_answer(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>{TRAIL_BUCKET}</Name><Prefix>{}</Prefix>{encoding}<KeyCount>{count}</KeyCount><MaxKeys>{most}</MaxKeys>\
         <IsTruncated>{more}</IsTruncated>{next}{contents}{folders}</ListBucketResult>",
        shown(prefix),
    ))
}
