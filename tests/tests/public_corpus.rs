//! Extra checks on public logs, where they lie beside the project; the project's own fixtures do not need
//! them.

use whittle_analysis::issue::IssueKind;
use whittle_evidence::map::EventClass;
use whittle_evidence::read::IssueKind as FileIssueKind;
use whittle_local::trail::TrailFolder;
use whittle_pipeline::trail_query::map_events;

use crate::support::public_corpus;

#[test]
fn every_record_of_the_public_logs_is_read_or_reported() {
    let Some(corpus) = public_corpus() else { return };
    let trail = TrailFolder::new(vec![corpus.join("cloudtrail")]);
    let (kinds, summary, issues) = map_events(&trail).unwrap();
    assert!(summary.records >= 3_000, "{summary:?}");
    let unread = [FileIssueKind::UnreadableRecord, FileIssueKind::LostRecord, FileIssueKind::UnknownShape];
    let unread = unread.map(IssueKind::from);
    assert_eq!(
        summary.unreadable,
        issues.iter().filter(|issue| unread.contains(&issue.kind)).map(|i| i.count).sum::<u64>()
    );
    let mapped: u64 = kinds.values().map(|kind| kind.events).sum();
    assert_eq!(mapped, summary.records, "every record belongs to a kind");
}

#[test]
fn every_kind_of_event_of_the_real_logs_has_a_class() {
    let Some(corpus) = public_corpus() else { return };
    let trail = TrailFolder::new(vec![corpus.join("cloudtrail/invictus")]);
    let (kinds, summary, _) = map_events(&trail).unwrap();
    assert_eq!((summary.records, kinds.len()), (2_900, 262));
    let unknown: Vec<_> =
        kinds.iter().filter(|(_, kind)| kind.class == EventClass::Unknown).map(|(name, _)| name).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}
