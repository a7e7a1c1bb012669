//! Subject, body and SMS.

use std::fmt::Write as _;

use jiff::Timestamp;
use whittle_analysis::alert::{Alert, AlertKind, Notice};
use whittle_analysis::result::Severity;

use super::ascii::{command, cut, plain};
use super::{AlertPlace, MAX_LISTED, by_severity, count_by};
use crate::words;

/// Characters of a subject: fewer than 100.
const SUBJECT: usize = 99;
/// Bytes of an SMS part.
const SMS: usize = 140;
/// Characters of a detail in the text. The JSON has more.
const DETAIL: usize = 2_000;
/// Characters of a title, and of a name.
const TITLE: usize = 300;

fn upper(severity: Severity) -> String {
    severity.as_str().to_ascii_uppercase()
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `HIGH new: <title> [account Region]`; only the title is cut if it is too long.
pub(super) fn subject(notice: &Notice, alert: &Alert) -> String {
    let head = format!("{} {}: ", upper(alert.finding.severity), alert.kind.as_str());
    let region =
        AlertPlace::of(&alert.finding).region.map(|region| format!(" {}", cut(region, 20))).unwrap_or_default();
    let tail = format!(" [{}{region}]", cut(&notice.account, 12));
    let room = SUBJECT.saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", cut(&alert.finding.title, room))
}

pub(super) fn body(notice: &Notice, alert: &Alert) -> String {
    let finding = &alert.finding;
    let mut out = format!("{}: {}\n\n", upper(finding.severity), cut(&finding.title, TITLE));
    let _ = writeln!(out, "Why now: {}", why_now(alert));
    let _ = writeln!(
        out,
        "How bad: {} (likelihood {} of 5, impact {} of 5)",
        finding.severity.as_str(),
        finding.likelihood,
        finding.impact
    );
    let _ = writeln!(out, "Where: {}", whereabouts(notice, alert));
    let _ = writeln!(out, "What: {}", cut(&words::detail(&finding.detail), DETAIL));
    if alert.kind != AlertKind::Resolved {
        let _ = writeln!(out, "\nNext: {}", next(alert));
    }
    let _ = writeln!(out, "\nAbout {0}: docs/findings/{0}.md", cut(&finding.code, TITLE));
    let _ = writeln!(out, "Finding {}, run {}", cut(&finding.fingerprint, TITLE), cut(&notice.run_id, TITLE));
    out
}

fn why_now(alert: &Alert) -> String {
    let now = &alert.finding;
    match (alert.kind, alert.was) {
        (AlertKind::New, _) if alert.first_seen < alert.since => {
            format!("its waiver ended {}; first seen {}", minute(alert.since), day(alert.first_seen))
        }
        (AlertKind::New, _) => format!("new, first seen {}", minute(alert.since)),
        (AlertKind::Worse, Some(was)) if was.severity != now.severity => format!(
            "worse since {}: was {}, is {}; first seen {}",
            minute(alert.since),
            was.severity.as_str(),
            now.severity.as_str(),
            day(alert.first_seen)
        ),
        (AlertKind::Worse, Some(was)) => {
            let mut what = Vec::new();
            if now.likelihood != was.likelihood {
                what.push(format!("likelihood was {}, is {}", was.likelihood, now.likelihood));
            }
            if now.impact != was.impact {
                what.push(format!("impact was {}, is {}", was.impact, now.impact));
            }
            format!("worse since {}: {}; first seen {}", minute(alert.since), what.join(", "), day(alert.first_seen))
        }
        (AlertKind::Worse, None) => {
            format!("worse since {}; first seen {}", minute(alert.since), day(alert.first_seen))
        }
        (AlertKind::Resolved, _) => {
            format!("resolved {}; first seen {}", minute(alert.since), day(alert.first_seen))
        }
    }
}

fn whereabouts(notice: &Notice, alert: &Alert) -> String {
    let place = AlertPlace::of(&alert.finding);
    let mut parts = Vec::new();
    if let Some(function) = place.function {
        parts.push(format!("function {}", cut(function, TITLE)));
    }
    match place.role {
        Some(role) => parts.push(format!("role {}", cut(role, TITLE))),
        None => parts.push(cut(&alert.finding.role_arn, TITLE)),
    }
    parts.push(format!("account {}", cut(&notice.account, TITLE)));
    if let Some(region) = place.region {
        parts.push(cut(region, TITLE));
    }
    parts.join(", ")
}

/// The next command; the remedy itself if it has none.
fn next(alert: &Alert) -> String {
    command(&alert.finding.remedy).map_or_else(|| cut(&alert.finding.remedy, TITLE), |command| cut(&command, TITLE))
}

/// Title, place and the next command, as far as there is room: the command goes first, then the end of the
/// name.
pub(super) fn sms(notice: &Notice, alert: &Alert) -> String {
    let finding = &alert.finding;
    let place = AlertPlace::of(finding);
    let name = place.function.or(place.role).or_else(|| finding.role_arn.rsplit('/').next()).unwrap_or_default();
    let head = format!("{} {}: {}", upper(finding.severity), alert.kind.as_str(), plain(&finding.code));
    let tail = format!(
        " [{}{}]",
        plain(&notice.account),
        place.region.map(|region| format!(" {}", plain(region))).unwrap_or_default()
    );
    let short = if name.is_empty() { format!("{head}{tail}") } else { format!("{head}, {}{tail}", plain(name)) };
    let with_command = command(&finding.remedy)
        .filter(|_| alert.kind != AlertKind::Resolved)
        .map(|command| format!("{short} Next: {command}"))
        .filter(|text| text.len() <= SMS);
    with_command.unwrap_or_else(|| {
        let room = SMS.saturating_sub(head.len() + tail.len() + 2);
        if short.len() <= SMS || room < 8 { cut(&short, SMS) } else { format!("{head}, {}{tail}", cut(name, room)) }
    })
}

fn worst(notice: &Notice) -> Severity {
    notice.alerts.iter().map(|alert| alert.finding.severity).max().unwrap_or(Severity::Info)
}

fn severities(notice: &Notice) -> String {
    let counts = by_severity(&notice.alerts);
    counts.iter().map(|(severity, count)| format!("{count} {}", severity.as_str())).collect::<Vec<_>>().join(", ")
}

fn kinds(notice: &Notice) -> String {
    let mut counts = count_by(&notice.alerts, |alert| alert.kind.as_str());
    counts.sort_by_key(|(kind, _)| ["new", "worse", "resolved"].iter().position(|known| known == kind));
    counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}

/// `CRITICAL digest: 312 findings (3 critical, …) [account]`.
pub(super) fn digest_subject(notice: &Notice) -> String {
    let about = common(notice).map(|name| format!(" about {}", cut(name, 40))).unwrap_or_default();
    let head = format!("{} digest: {} findings{about}", upper(worst(notice)), notice.alerts.len());
    let tail = format!(" [{}]", cut(&notice.account, 12));
    let room = SUBJECT.saturating_sub(head.len() + tail.len());
    let counts = format!(" ({})", severities(notice));
    let counts = if counts.len() <= room { counts } else { String::new() };
    format!("{head}{counts}{tail}")
}

/// The function or role that all alerts are about.
fn common(notice: &Notice) -> Option<&str> {
    fn only<'a>(mut names: impl Iterator<Item = Option<&'a str>>) -> Option<&'a str> {
        let first = names.next()??;
        names.all(|name| name == Some(first)).then_some(first)
    }
    let places = || notice.alerts.iter().map(|alert| AlertPlace::of(&alert.finding));
    only(places().map(|place| place.function)).or_else(|| only(places().map(|place| place.role)))
}

pub(super) fn digest_body(notice: &Notice) -> String {
    let alerts = &notice.alerts;
    let mut out = format!(
        "{} findings in account {}: {}\n{}\n",
        alerts.len(),
        cut(&notice.account, TITLE),
        severities(notice),
        kinds(notice)
    );
    for alert in alerts.iter().take(MAX_LISTED) {
        let finding = &alert.finding;
        let _ = writeln!(out, "\n{} {}: {}", upper(finding.severity), alert.kind.as_str(), cut(&finding.title, TITLE));
        let _ = writeln!(out, "{}", whereabouts(notice, alert));
        if alert.kind != AlertKind::Resolved {
            let _ = writeln!(out, "{}", next(alert));
        }
    }
    let rest = alerts.get(MAX_LISTED..).unwrap_or_default();
    if !rest.is_empty() {
        let _ = writeln!(out, "\n{} more are not listed here:", rest.len());
        for (code, count) in count_by(rest, |alert| alert.finding.code.as_str()) {
            let _ = writeln!(out, "{count} {}", cut(code, TITLE));
        }
    }
    if let Some(first) = alerts.iter().find(|alert| alert.kind != AlertKind::Resolved) {
        let _ = writeln!(out, "\nStart with: {}", next(first));
    }
    let _ = writeln!(out, "\nEach code has a page: docs/findings/CODE.md\nRun {}", cut(&notice.run_id, TITLE));
    out
}

pub(super) fn digest_sms(notice: &Notice) -> String {
    let text = format!(
        "{} digest: {} findings ({}) [{}]",
        upper(worst(notice)),
        notice.alerts.len(),
        severities(notice),
        cut(&notice.account, 12)
    );
    let next = notice
        .alerts
        .iter()
        .find(|alert| alert.kind != AlertKind::Resolved)
        .and_then(|alert| command(&alert.finding.remedy))
        .map(|command| format!("{text} Start with: {command}"))
        .filter(|text| text.len() <= SMS);
    next.unwrap_or_else(|| cut(&text, SMS))
}
