//! Facts in the key of an object of a trail's bucket.
//!
//! Layout: `[<prefix>/]AWSLogs/[<organisation id>/]<account>/CloudTrail/<Region>/<yyyy>/<mm>/<dd>/<file>`
//! with files named `<account>_CloudTrail_<Region>_<yyyymmddThhmmZ>_<unique>.json.gz` (CloudTrail User Guide,
//! "Getting and viewing your CloudTrail log files"). Digest, Insights, aggregated and network activity files
//! lie in sibling folders.

use jiff::civil::Date;
use whittle_policy::id::is_account;

/// Kind of an object, by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Below `CloudTrail/`: management and data events.
    Records,
    /// Below `CloudTrail-NetworkActivity/`: records of network activity events.
    NetworkActivity,
    /// Below `CloudTrail-Digest/`: no records.
    Digest,
    /// Below `CloudTrail-Insight/`: no records of a principal.
    Insight,
    /// Below `CloudTrail-Aggregated/`: summaries.
    Aggregated,
    /// No key of a trail's bucket; the content decides.
    Other,
}

impl KeyKind {
    /// True if the object need not be opened: it holds no event of a principal.
    pub fn can_be_skipped(self) -> bool {
        matches!(self, Self::Digest | Self::Insight | Self::Aggregated)
    }
}

/// The parts of a key of AWS's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrailKey<'a> {
    /// Kind of the object.
    pub kind: KeyKind,
    /// Organisation id (`o-…`), for an organisation trail.
    pub organization: Option<&'a str>,
    /// The account that the records belong to.
    pub account: &'a str,
    /// The Region.
    pub region: &'a str,
    /// The day on which the file was delivered, in UTC.
    pub date: Date,
}

const FOLDERS: &[(&str, KeyKind)] = &[
    ("CloudTrail", KeyKind::Records),
    ("CloudTrail-NetworkActivity", KeyKind::NetworkActivity),
    ("CloudTrail-Digest", KeyKind::Digest),
    ("CloudTrail-Insight", KeyKind::Insight),
    ("CloudTrail-Aggregated", KeyKind::Aggregated),
];

/// The parts of the name of a digest file.
///
/// `<account>_CloudTrail-Digest_<Region>_<trail>_<home Region>_<yyyymmddThhmmssZ>[_backfill].json.gz`
/// (CloudTrail User Guide, "CloudTrail digest file structure"). The name of a trail may hold underscores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestKey<'a> {
    /// Organisation id (`o-…`), for an organisation trail; only a key with folders has it.
    pub organization: Option<&'a str>,
    /// The account whose log files it lists.
    pub account: &'a str,
    /// The Region of those files.
    pub region: &'a str,
    /// The name of the trail.
    pub trail: &'a str,
    /// The Region in which the trail was made.
    pub home_region: &'a str,
    /// The day of the digest's end, in UTC.
    pub date: Date,
    /// The end of the digest, as `yyyymmddThhmmssZ`.
    pub end: &'a str,
    /// True for one that was added later, with files that the digest of their hour left out.
    pub is_backfill: bool,
}

/// Kind of the object under a key or a path, by its folders, else by the file name.
pub fn key_kind(key: &str) -> KeyKind {
    let of = |name: &str| FOLDERS.iter().find(|(folder, _)| *folder == name).map(|(_, kind)| *kind);
    // The folder comes after `AWSLogs`; a prefix of the user's choice may have any name.
    let mut folders = key.split(['/', '\\']).skip_while(|part| *part != "AWSLogs");
    if let Some(kind) = folders.find_map(of) {
        return kind;
    }
    file_parts(key).and_then(|(_, kind, _, _)| of(kind)).unwrap_or(KeyKind::Other)
}

/// The parts of a key or path, if it has AWS's form; a file name alone is enough.
pub fn parse_key(key: &str) -> Option<TrailKey<'_>> {
    from_folders(key).or_else(|| from_file_name(key))
}

fn from_folders(key: &str) -> Option<TrailKey<'_>> {
    let mut parts = key.split(['/', '\\']).skip_while(|part| *part != "AWSLogs").skip(1);
    let first = parts.next()?;
    let (organization, account) = if first.starts_with("o-") { (Some(first), parts.next()?) } else { (None, first) };
    let folder = parts.next()?;
    let kind = FOLDERS.iter().find(|(name, _)| *name == folder)?.1;
    let region = parts.next()?;
    let date = date(parts.next()?, parts.next()?, parts.next()?)?;
    is_account(account).then_some(TrailKey { kind, organization, account, region, date })
}

/// The parts of the key or path of a digest file, if its name has AWS's form.
pub fn parse_digest_key(key: &str) -> Option<DigestKey<'_>> {
    let file = key.rsplit(['/', '\\']).next()?;
    let stem = file.strip_suffix(".gz").unwrap_or(file).strip_suffix(".json")?;
    let (stem, is_backfill) = match stem.strip_suffix("_backfill") {
        Some(stem) => (stem, true),
        None => (stem, false),
    };
    let mut parts = stem.splitn(4, '_');
    let account = parts.next().filter(|account| is_account(account))?;
    parts.next().filter(|kind| *kind == "CloudTrail-Digest")?;
    let region = parts.next()?;
    let (rest, end) = parts.next()?.rsplit_once('_')?;
    let (trail, home_region) = rest.rsplit_once('_')?;
    let is_time = end.len() == 16 && end.ends_with('Z') && end.as_bytes().get(8) == Some(&b'T');
    let date = date(end.get(..4)?, end.get(4..6)?, end.get(6..8)?)?;
    let organization = from_folders(key).and_then(|key| key.organization);
    (is_time && !trail.is_empty()).then_some(DigestKey {
        organization,
        account,
        region,
        trail,
        home_region,
        date,
        end,
        is_backfill,
    })
}

fn from_file_name(key: &str) -> Option<TrailKey<'_>> {
    if let Some(DigestKey { account, region, date, .. }) = parse_digest_key(key) {
        return Some(TrailKey { kind: KeyKind::Digest, organization: None, account, region, date });
    }
    let (account, kind, region, time) = file_parts(key)?;
    let kind = FOLDERS.iter().find(|(name, _)| *name == kind)?.1;
    let date = date(time.get(..4)?, time.get(4..6)?, time.get(6..8)?)?;
    // What follows the Region in the name of a digest is its trail.
    (kind != KeyKind::Digest).then_some(TrailKey { kind, organization: None, account, region, date })
}

/// `<account>_<kind>_<Region>_<time>_…`; digest files have the trail's name between Region and time (see
/// [`parse_digest_key`]).
fn file_parts(key: &str) -> Option<(&str, &str, &str, &str)> {
    let file = key.rsplit(['/', '\\']).next()?;
    let mut parts = file.splitn(5, '_');
    let account = parts.next().filter(|account| is_account(account))?;
    Some((account, parts.next()?, parts.next()?, parts.next()?))
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_trail_bucket() {
        let key = "logs/AWSLogs/o-abc123/111122223333/CloudTrail/eu-central-1/2026/09/01/111122223333_CloudTrail_eu-central-1_20260901T1015Z_x.json.gz";
        let parsed = parse_key(key).unwrap();
        assert_eq!(
            (parsed.kind, parsed.organization, parsed.account),
            (KeyKind::Records, Some("o-abc123"), "111122223333")
        );
        assert_eq!((parsed.region, parsed.date.to_string().as_str()), ("eu-central-1", "2026-09-01"));
        let (_, file) = key.rsplit_once('/').unwrap();
        assert_eq!(parse_key(file).unwrap(), TrailKey { organization: None, ..parsed });
    }

    #[test]
    fn names_of_digest_files() {
        let name = "111122223333_CloudTrail-Digest_eu-west-1_my_trail_20260101_us-east-1_20260901T110131Z";
        for (suffix, is_backfill) in [(".json.gz", false), ("_backfill.json.gz", true), (".json", false)] {
            let file = format!("{name}{suffix}");
            let key = format!("p/AWSLogs/o-abc123/111122223333/CloudTrail-Digest/eu-west-1/2026/09/01/{file}");
            let parsed = parse_digest_key(&key).unwrap();
            assert_eq!((parsed.account, parsed.region, parsed.home_region), ("111122223333", "eu-west-1", "us-east-1"));
            assert_eq!(
                (parsed.trail, parsed.end, parsed.is_backfill),
                ("my_trail_20260101", "20260901T110131Z", is_backfill)
            );
            assert_eq!(parsed.organization, Some("o-abc123"));
            assert_eq!(parse_digest_key(&file), Some(DigestKey { organization: None, ..parsed }));
            let by_name = parse_key(&file).unwrap();
            assert_eq!((by_name.kind, by_name.account, by_name.region), (KeyKind::Digest, "111122223333", "eu-west-1"));
            assert_eq!(by_name.date.to_string(), "2026-09-01");
            assert_eq!(parse_key(&key), Some(TrailKey { organization: Some("o-abc123"), ..by_name }));
        }
        for name in [
            "111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_20261301T110131Z.json.gz",
            "111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_2026.json.gz",
            "111122223333_CloudTrail-Digest_us-east-1_20260901T110131Z.json.gz",
            "111122223333_CloudTrail_us-east-1_20260901T1015Z_x.json.gz",
            "x_CloudTrail-Digest_us-east-1_t_us-east-1_20260901T110131Z.json.gz",
        ] {
            assert_eq!(parse_digest_key(name), None, "{name}");
            assert_ne!(parse_key(name).map(|key| key.kind), Some(KeyKind::Digest), "{name}");
        }
    }

    #[test]
    fn sibling_folders_hold_no_records() {
        for (folder, kind) in FOLDERS {
            let key = format!("AWSLogs/111122223333/{folder}/us-east-1/2026/09/01/x.json.gz");
            assert_eq!(key_kind(&key), *kind);
            assert_eq!(parse_key(&key).unwrap().kind, *kind);
        }
        assert!(
            key_kind("a/111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_20260901T110131Z.json.gz")
                .can_be_skipped()
        );
        assert_eq!(key_kind("CloudTrail-Digest/AWSLogs/111122223333/CloudTrail/us-east-1/x.json.gz"), KeyKind::Records);
    }

    #[test]
    fn other_names_say_nothing() {
        for key in
            ["", "events.ndjson", "AWSLogs/x/CloudTrail/us-east-1/2026/09/01/a", "1_CloudTrail_us-east-1_2026", "/"]
        {
            assert_eq!(parse_key(key), None, "{key}");
        }
        assert_eq!(key_kind("events.ndjson"), KeyKind::Other);
    }
}
