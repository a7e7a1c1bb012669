//! Gzip under a limit. Trail files may have several members; S3 tools pad some with zeros.
//!
//! `GzDecoder` alone returns only the first member, without an error: evidence would be lost.
//! `MultiGzDecoder` reads all, and fails on padding only after all data came out.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::{GzDecoder, MultiGzDecoder};

use super::report::{FileReport, IssueKind};

/// Members that the look for padding walks through; only damaged or hostile files have that many.
const MAX_MEMBERS: usize = 10_000;
const CHUNK: usize = 16 * 1024;

/// The bytes inflated, or as they are if they are not gzip.
pub(super) fn inflate<'a>(bytes: &'a [u8], max_bytes: usize, report: &mut FileReport) -> Cow<'a, [u8]> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(capacity(bytes, max_bytes));
    let mut decoder = MultiGzDecoder::new(bytes);
    loop {
        let room = max_bytes.saturating_sub(out.len());
        if room == 0 {
            // Exactly at the limit is fine if nothing follows.
            let mut probe = [0_u8; 1];
            if matches!(decoder.read(&mut probe), Ok(1..)) {
                report.issue(None, IssueKind::TooLarge, format!("inflates past {max_bytes} bytes"));
            }
            break;
        }
        match decoder.by_ref().take(room as u64).read_to_end(&mut out) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                let (kind, detail) = judge(bytes, &error);
                report.issue(None, kind, detail);
                break;
            }
        }
    }
    Cow::Owned(out)
}

/// A guess at the inflated size. The size field at the end of a gzip file is in the hand of whoever wrote it,
/// so it is bounded by what deflate can reach in practice on JSON.
fn capacity(bytes: &[u8], max_bytes: usize) -> usize {
    let stated = match bytes.last_chunk::<4>() {
        Some(&size) => usize::try_from(u32::from_le_bytes(size)).unwrap_or(usize::MAX),
        None => 0,
    };
    stated.min(bytes.len().saturating_mul(32)).min(max_bytes)
}

/// Tells padding and other trailing bytes from truncation and damage, member by member.
fn judge(bytes: &[u8], error: &std::io::Error) -> (IssueKind, String) {
    let mut rest = bytes;
    let mut chunk = vec![0_u8; CHUNK];
    for _ in 0..MAX_MEMBERS {
        if !rest.starts_with(&[0x1f, 0x8b]) {
            let what =
                if rest.iter().all(|&byte| byte == 0) { "zero bytes of padding" } else { "bytes that are not gzip" };
            return (IssueKind::TrailingBytes, format!("{} {what} after the compressed data", rest.len()));
        }
        let mut decoder = GzDecoder::new(rest);
        loop {
            match decoder.read(&mut chunk) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return (IssueKind::Truncated, "the compressed data ends early".to_owned());
                }
                Err(error) => return (IssueKind::BrokenGzip, error.to_string()),
            }
        }
        rest = decoder.into_inner();
    }
    (IssueKind::BrokenGzip, error.to_string())
}
