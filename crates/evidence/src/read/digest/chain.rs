//! The chain of digests: each names the one before it, its hash and its signature.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Digest, PublicKeys, from_hex};

/// The one signature of digest files.
const SIGNATURE_ALGORITHM: &str = "SHA256withRSA";

/// What a signature says of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SignatureCheck {
    /// CloudTrail signed this content at this place.
    Valid,
    /// The signature is of something else.
    Invalid,
    /// The key is not among those given.
    UnknownKey,
    /// The digest is signed in a way that is not known.
    UnknownAlgorithm,
}

/// Whether a digest is as CloudTrail delivered it. From the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DigestIntegrity {
    /// Its signature is CloudTrail's.
    Signed,
    /// The next digest names its hash, and there is no key for its signature.
    Linked,
    /// Neither a signature nor the next digest is at hand.
    Unchecked,
    /// Its signature or the hash that the next digest names is another one's.
    Changed,
}

/// A digest that another one names and that was not given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MissingDigest {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub object: String,
}

/// Report on digests and how they hang together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// What each digest is, in the order given.
    pub integrity: Vec<DigestIntegrity>,
    /// Digests that others name and that were not given, sorted. The one before the first is among them.
    pub missing: Vec<MissingDigest>,
    /// Times between two digests of one chain that none covers: validation or logging was off, or digests are
    /// missing. Sorted.
    pub gaps: Vec<(Timestamp, Timestamp)>,
}

impl ChainReport {
    /// True if every digest is signed or linked, and no time between them is without one.
    pub fn is_whole(&self) -> bool {
        self.gaps.is_empty() && self.integrity.iter().all(|integrity| *integrity <= DigestIntegrity::Linked)
    }
}

/// Checks the signature of a digest, in hexadecimal as the metadata of its object and the next digest hold
/// it.
pub fn verify_signature(digest: &Digest, signature: &str, keys: &PublicKeys) -> SignatureCheck {
    if !digest.signature_algorithm.eq_ignore_ascii_case(SIGNATURE_ALGORITHM) {
        return SignatureCheck::UnknownAlgorithm;
    }
    let Some(key) = keys.get(&digest.fingerprint) else { return SignatureCheck::UnknownKey };
    let is_valid =
        from_hex(signature).is_some_and(|signature| key.verifies(digest.signed_text().as_bytes(), &signature));
    if is_valid { SignatureCheck::Valid } else { SignatureCheck::Invalid }
}

/// Checks digests, in any order and of any trails, by each other and by keys.
///
/// `signature` gives the signature of a digest where something else than the next digest holds it: the
/// metadata of its object.
pub fn verify_chain(
    digests: &[Digest],
    keys: &PublicKeys,
    signature: &dyn Fn(&Digest) -> Option<String>,
) -> ChainReport {
    let place = |digest: &Digest| (digest.bucket.clone(), digest.object.clone());
    let given: std::collections::BTreeSet<_> = digests.iter().map(place).collect();
    let mut named = BTreeMap::<_, Vec<_>>::new();
    let mut missing = Vec::new();
    for previous in digests.iter().filter_map(|digest| digest.previous.as_ref()) {
        let place = (previous.bucket.clone(), previous.object.clone());
        if !given.contains(&place) {
            let (bucket, object) = place.clone();
            missing.push(MissingDigest { bucket, object });
        }
        named.entry(place).or_default().push(previous);
    }
    missing.sort();
    missing.dedup();
    let integrity = digests
        .iter()
        .map(|digest| {
            let said = named.get(&place(digest)).map(Vec::as_slice).unwrap_or_default();
            let signatures = said.iter().filter_map(|previous| previous.signature.clone()).chain(signature(digest));
            let checks: Vec<SignatureCheck> = signatures.map(|text| verify_signature(digest, &text, keys)).collect();
            let hashes: Vec<_> = said.iter().filter_map(|previous| previous.hash).collect();
            if checks.contains(&SignatureCheck::Valid) {
                DigestIntegrity::Signed
            } else if checks.contains(&SignatureCheck::Invalid) || hashes.iter().any(|hash| *hash != digest.hash) {
                DigestIntegrity::Changed
            } else if hashes.is_empty() {
                DigestIntegrity::Unchecked
            } else {
                DigestIntegrity::Linked
            }
        })
        .collect();
    ChainReport { integrity, missing, gaps: gaps(digests) }
}

/// Times within a chain that no digest covers. Digests of different trails, Regions and accounts are
/// different chains; those that CloudTrail adds later (`_backfill`) are no part of the hours.
fn gaps(digests: &[Digest]) -> Vec<(Timestamp, Timestamp)> {
    let mut chains = BTreeMap::<_, Vec<(Timestamp, Timestamp)>>::new();
    for digest in digests {
        if let Some(key) = digest.key().filter(|key| !key.is_backfill) {
            let chain = (&digest.bucket, key.account, key.region, key.trail, key.home_region);
            chains.entry(chain).or_default().push((digest.start, digest.end));
        }
    }
    let mut out = Vec::new();
    for times in chains.values_mut() {
        times.sort_unstable();
        let mut covered = None;
        for &(start, end) in times.iter() {
            if let Some(covered) = covered.filter(|covered| *covered < start) {
                out.push((covered, start));
            }
            covered = covered.max(Some(end));
        }
    }
    out.sort_unstable();
    out
}
