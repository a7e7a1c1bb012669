//! Reads package archives (npm's `.tgz`, Python's `.whl`) into memory.
//!
//! Only what these registries produce is understood: ustar in gzip, and zip with stored or deflated members.
//! Reading the archives as published, instead of unpacking them first, keeps the dates of their members.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use flate2::read::{DeflateDecoder, MultiGzDecoder};

/// Members of a package by path.
#[derive(Debug, Clone, Default)]
pub struct Package {
    members: BTreeMap<String, Vec<u8>>,
    /// Newest day of any member, if the archive carries believable dates.
    newest_day: Option<String>,
}

impl Package {
    /// Reads an archive, and of its members those that `wanted` accepts.
    pub fn open(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let package = match path.extension().and_then(|extension| extension.to_str()) {
            Some("tgz") => Self::from_tgz(&bytes, wanted),
            Some("whl" | "zip") => Self::from_zip(&bytes, wanted),
            _ => bail!("{} is neither a .tgz nor a .whl file", path.display()),
        };
        package.with_context(|| format!("cannot unpack {}", path.display()))
    }

    /// Text of a member.
    pub fn text(&self, path: &str) -> Result<&str> {
        let bytes = self.members.get(path).with_context(|| format!("the package has no {path}"))?;
        str::from_utf8(bytes).with_context(|| format!("{path} is not UTF-8"))
    }

    /// Members whose path starts with `head` and ends with `tail`, in order: (path, bytes).
    pub fn matching<'p>(&'p self, head: &'p str, tail: &'p str) -> impl Iterator<Item = (&'p str, &'p [u8])> {
        let members = self.members.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
        members.filter(move |(path, _)| path.starts_with(head) && path.ends_with(tail))
    }

    /// Newest day of any member (`2026-11-17`).
    pub fn newest_day(&self) -> Option<&str> {
        self.newest_day.as_deref()
    }

    fn from_tgz(bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let mut tar = Vec::new();
        MultiGzDecoder::new(bytes).read_to_end(&mut tar)?;
        let mut members = BTreeMap::new();
        let mut rest = tar.as_slice();
        while let Some((header, after)) = rest.split_first_chunk::<512>() {
            if header.iter().all(|byte| *byte == 0) {
                break;
            }
            let size = octal(&header[124..136])?;
            let prefix = c_text(&header[345..500])?;
            let name = c_text(&header[..100])?;
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            let body = after.get(..size).context("the archive is cut off")?;
            match header[156] {
                b'0' | 0 if wanted(&path) => {
                    members.insert(path, body.to_vec());
                }
                b'0' | 0 | b'5' | b'g' => {}
                other => bail!("{path} is a tar member of kind {:?}, which is not supported", char::from(other)),
            }
            rest = after.get(size.next_multiple_of(512)..).unwrap_or_default();
        }
        // npm writes one constant date to every member.
        Ok(Self { members, newest_day: None })
    }

    fn from_zip(bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let mut members = BTreeMap::new();
        let mut newest = (0, 0, 0);
        let end = bytes.windows(4).rposition(|window| window == b"PK\x05\x06").context("no zip directory")?;
        let count = u16_at(bytes, end + 10)?;
        let mut at = u32_at(bytes, end + 16)?;
        for _ in 0..count {
            ensure!(bytes.get(at..at + 4) == Some(b"PK\x01\x02"), "the zip directory is damaged");
            let method = u16_at(bytes, at + 10)?;
            let date = u16_at(bytes, at + 14)?;
            let (packed, unpacked) = (u32_at(bytes, at + 20)?, u32_at(bytes, at + 24)?);
            let (name_length, extra, comment) =
                (u16_at(bytes, at + 28)?, u16_at(bytes, at + 30)?, u16_at(bytes, at + 32)?);
            let header = u32_at(bytes, at + 42)?;
            let name = bytes.get(at + 46..at + 46 + name_length).context("the zip directory is cut off")?;
            let path = str::from_utf8(name)?.to_owned();
            newest = newest.max((1980 + (date >> 9), (date >> 5) & 15, date & 31));
            if wanted(&path) {
                let start = header + 30 + u16_at(bytes, header + 26)? + u16_at(bytes, header + 28)?;
                let body = bytes.get(start..start + packed).with_context(|| format!("{path} is cut off"))?;
                let mut content = Vec::with_capacity(unpacked);
                match method {
                    0 => content.extend_from_slice(body),
                    8 => drop(DeflateDecoder::new(body).read_to_end(&mut content)?),
                    other => bail!("{path} uses zip method {other}, which is not supported"),
                }
                ensure!(content.len() == unpacked, "{path} has another size than the zip directory says");
                members.insert(path, content);
            }
            at += 46 + name_length + extra + comment;
        }
        // Reproducible builds write a constant: 1980-01-01, or 2020-02-02 (hatchling).
        let constant = [(1980, 1, 1), (2020, 2, 2), (0, 0, 0)].contains(&newest);
        let newest_day = (!constant).then(|| format!("{:04}-{:02}-{:02}", newest.0, newest.1, newest.2));
        Ok(Self { members, newest_day })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Result<usize> {
    let chunk = bytes.get(at..).and_then(<[u8]>::first_chunk::<2>).context("the archive is cut off")?;
    Ok(usize::from(u16::from_le_bytes(*chunk)))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<usize> {
    let chunk = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>).context("the archive is cut off")?;
    Ok(u32::from_le_bytes(*chunk) as usize)
}

fn c_text(field: &[u8]) -> Result<&str> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    Ok(str::from_utf8(&field[..end])?)
}

fn octal(field: &[u8]) -> Result<usize> {
    let text = c_text(field)?.trim();
    usize::from_str_radix(text, 8).with_context(|| format!("`{text}` is not a tar size"))
}
