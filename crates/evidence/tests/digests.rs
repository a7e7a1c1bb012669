//! Digest files that another implementation of RSA and SHA-256 signed (Python's `cryptography`), with the
//! string to sign of the CloudTrail User Guide, "Custom implementations of CloudTrail log file integrity
//! validation".

#![expect(clippy::unwrap_used, reason = "what a test cannot read is a failure of the test")]

use whittle_evidence::read::digest::{
    Digest, DigestError, DigestIntegrity, FileIntegrity, MissingDigest, PublicKeys, SignatureCheck, parse_digest,
    verify_chain, verify_log_file, verify_signature,
};

const TEXTS: [&str; 3] = [
    include_str!("data/digest/digest-1.json"),
    include_str!("data/digest/digest-2.json"),
    include_str!("data/digest/digest-3.json"),
];
const SIGNATURE: &str = include_str!("data/digest/digest-3.signature");
const KEYS: &str = include_str!("data/digest/public-keys.json");
const LOG: &[u8] = include_bytes!("data/digest/log.json");

fn digests() -> Vec<Digest> {
    TEXTS.iter().map(|text| parse_digest(text).unwrap()).collect()
}

fn keys() -> PublicKeys {
    PublicKeys::parse(KEYS).unwrap()
}

fn integrity(digests: &[Digest], keys: &PublicKeys) -> Vec<DigestIntegrity> {
    verify_chain(digests, keys, &|_| None).integrity
}

#[test]
fn the_fields_of_a_digest() {
    let [first, second, _] = digests().try_into().unwrap();
    assert_eq!(first.previous, None);
    assert_eq!((second.account.as_str(), second.bucket.as_str()), ("111122223333", "example-trail"));
    assert_eq!(
        (second.start.to_string(), second.end.to_string()),
        (first.end.to_string(), "2026-09-01T11:01:31Z".into())
    );
    assert_eq!(second.previous.as_ref().unwrap().object, first.object);
    let key = second.key().unwrap();
    assert_eq!((key.trail, key.region, key.home_region), ("my_trail", "us-east-1", "us-east-1"));
    let [file] = second.log_files() else { panic!("one log file") };
    assert_eq!(file.newest_event.unwrap().to_string(), "2026-09-01T10:02:07Z");
    assert!(second.is_at(&second.object) && second.is_at(&format!("C:\\trail\\{}", second.object.replace('/', "\\"))));
    assert!(!second.is_at(&first.object) && !second.is_at(&format!("x{}", second.object)));
}

#[test]
fn a_log_file_is_compared_uncompressed() {
    let digests = digests();
    let entry = &digests[1].log_files()[0];
    assert_eq!(verify_log_file(entry, LOG), FileIntegrity::Intact);
    assert_eq!(verify_log_file(entry, &LOG[..LOG.len() - 1]), FileIntegrity::Changed);
    let other =
        parse_digest(&TEXTS[1].replace("\"hashAlgorithm\": \"SHA-256\"", "\"hashAlgorithm\": \"SHA-3\"")).unwrap();
    assert_eq!(verify_log_file(&other.log_files()[0], LOG), FileIntegrity::Unknown);
}

#[test]
fn signatures_of_another_implementation_verify() {
    let digests = digests();
    let signature = SIGNATURE.trim();
    assert_eq!(verify_signature(&digests[2], signature, &keys()), SignatureCheck::Valid);
    assert_eq!(verify_signature(&digests[2], &signature.to_uppercase(), &keys()), SignatureCheck::Valid);
    assert_eq!(verify_signature(&digests[1], signature, &keys()), SignatureCheck::Invalid);
    let flipped = if let Some(rest) = signature.strip_prefix('0') {
        format!("1{rest}")
    } else {
        format!("0{}", signature.get(1..).unwrap())
    };
    for bad in [
        flipped.as_str(),
        "",
        "zz",
        signature.get(2..).unwrap(),
        &format!("00{signature}"),
        &"00".repeat(256),
        &"ff".repeat(256),
    ] {
        assert_eq!(verify_signature(&digests[2], bad, &keys()), SignatureCheck::Invalid, "{bad}");
    }
    assert_eq!(verify_signature(&digests[2], signature, &PublicKeys::default()), SignatureCheck::UnknownKey);
    // Anything that is signed, changed by one character.
    for (old, new) in [
        ("12:01:31Z\", \"digestS3B", "12:01:32Z\", \"digestS3B"),
        ("example-trail", "example-trial"),
        ("\"logFiles\": []", "\"logFiles\":  []"),
    ] {
        let text = TEXTS[2].replacen(old, new, 1);
        assert_ne!(text, TEXTS[2]);
        assert_eq!(
            verify_signature(&parse_digest(&text).unwrap(), signature, &keys()),
            SignatureCheck::Invalid,
            "{old}"
        );
    }
    let other_key = TEXTS[2].replace("5e1f0a9c3b7d48e2a6c4f1d09b8e7a65", "0123456789abcdef0123456789abcdef");
    assert_eq!(verify_signature(&parse_digest(&other_key).unwrap(), signature, &keys()), SignatureCheck::Invalid);
    let other_way = parse_digest(&TEXTS[2].replace("SHA256withRSA", "SHA256withECDSA")).unwrap();
    assert_eq!(verify_signature(&other_way, signature, &keys()), SignatureCheck::UnknownAlgorithm);
}

#[test]
fn each_digest_vouches_for_the_one_before() {
    use DigestIntegrity::{Changed, Linked, Signed, Unchecked};
    let all = digests();
    assert_eq!(integrity(&all, &keys()), [Signed, Signed, Unchecked]);
    let reversed: Vec<Digest> = all.iter().rev().cloned().collect();
    assert_eq!(integrity(&reversed, &keys()), [Unchecked, Signed, Signed]);
    assert_eq!(integrity(&all, &PublicKeys::default()), [Linked, Linked, Unchecked]);
    let newest = |digest: &Digest| (digest.object == all[2].object).then(|| SIGNATURE.trim().to_owned());
    let report = verify_chain(&all, &keys(), &newest);
    assert!(report.is_whole() && report.missing.is_empty(), "{report:?}");
    // A log file taken out of a digest, with and without keys.
    let text = TEXTS[1].replace("\"s3Object\"", "\"s3Object\" ");
    let changed = [all[0].clone(), parse_digest(&text).unwrap(), all[2].clone()];
    assert_eq!(integrity(&changed, &keys()), [Signed, Changed, Unchecked]);
    assert_eq!(integrity(&changed, &PublicKeys::default()), [Linked, Changed, Unchecked]);
    assert!(!verify_chain(&changed, &keys(), &newest).is_whole());
}

#[test]
fn what_is_missing_is_named() {
    let all = digests();
    let report = verify_chain(&[all[0].clone(), all[2].clone()], &keys(), &|_| None);
    assert_eq!(report.missing, [MissingDigest { bucket: "example-trail".into(), object: all[1].object.clone() }]);
    assert_eq!(report.gaps, [(all[0].end, all[2].start)]);
    assert!(!report.is_whole());
    let first = TEXTS[0].replace("\"digestStartTime\": \"2026-09-01T09", "\"digestStartTime\": \"2026-09-01T08");
    let report = verify_chain(&[parse_digest(&first).unwrap(), all[1].clone()], &keys(), &|_| None);
    assert!(report.gaps.is_empty() && report.missing.is_empty(), "{report:?}");
}

#[test]
fn what_is_no_digest_is_said() {
    for (text, error) in [
        ("{\"Records\":[]}", DigestError::MissingField("digestEndTime")),
        (&*TEXTS[0].replace("2026-09-01T10:01:31Z", "yesterday"), DigestError::BadTime("digestEndTime")),
        (&*TEXTS[0].replace("2026-09-01T10:01:31Z", "2025-09-01T10:01:31Z"), DigestError::BadTime("digestEndTime")),
        (&*TEXTS[0].replace("logFiles", "files"), DigestError::MissingField("logFiles")),
        (&*TEXTS[1].replace("\"s3Bucket\"", "\"bucket\""), DigestError::MissingField("logFiles[].s3Bucket")),
        (&*TEXTS[1].replace("awsAccountId", "account"), DigestError::MissingField("awsAccountId")),
    ] {
        assert_eq!(parse_digest(text), Err(error), "{text}");
    }
    assert!(matches!(parse_digest("[1]"), Err(DigestError::Json(_))));
    assert!(matches!(PublicKeys::parse("{}"), Err(DigestError::Keys(_))));
}

#[test]
fn a_key_that_is_none_costs_itself() {
    let keys = |value: &str| {
        let text = format!("{{\"PublicKeyList\":[{{\"Value\":\"{value}\",\"Fingerprint\":\"f\"}},{{}}]}}");
        PublicKeys::parse(&text).unwrap()
    };
    // No base64; no DER; a number that is even; one of 16 bits; a length past the end.
    for value in ["*", "AAAA", "MAYCAQgCAQM=", "MAgCAwCAAQIBAw==", "MIIBCgKCAQEA"] {
        let keys = keys(value);
        assert_eq!((keys.is_empty(), keys.unusable()), (true, 2), "{value}");
    }
    let mut all = PublicKeys::default();
    all.extend(PublicKeys::parse(KEYS).unwrap());
    assert_eq!((all.is_empty(), all.unusable()), (false, 0));
}
