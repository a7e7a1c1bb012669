//! Any bytes as a trail file, a digest file or a key: read or accounted for, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whittle_evidence::read::digest::{PublicKeys, parse_digest, verify_chain, verify_log_file};
use whittle_evidence::read::{IssueKind, Limits, key_kind, parse_digest_key, parse_key, read_bytes, read_filtered};

fuzz_target!(|data: &[u8]| {
    let limits = Limits { max_inflated_bytes: 1 << 20, ..Limits::default() };
    let mut next = 0;
    let report = read_bytes("fuzz", data, &limits, &mut |found| {
        assert!(found.index >= next, "indices grow");
        next = found.index + 1;
        let record = found.record;
        for json in [&record.request_parameters, &record.response_elements].into_iter().flatten() {
            let _ = json.value();
        }
    });
    assert!(report.records <= next && next <= report.total());
    let unread = [IssueKind::UnreadableRecord, IssueKind::LostRecord, IssueKind::UnknownShape];
    assert_eq!(unread.iter().filter_map(|kind| report.issue_counts.get(kind)).sum::<u64>(), report.unreadable);
    assert_eq!(read_filtered("fuzz", data, &limits, Some(&|_| false), &mut |_| ()).records, 0);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = (key_kind(text), parse_key(text), parse_digest_key(text));
    let keys = PublicKeys::parse(text).unwrap_or_default();
    if let Ok(digest) = parse_digest(text) {
        let _ = digest.log_files().iter().map(|entry| verify_log_file(entry, data)).count();
        let _ = verify_chain(&[digest], &keys, &|digest| Some(digest.fingerprint.clone()));
    }
});
