//! The case for one verdict, for a reader who doubts it: the grant, the events seen, the events that a call
//! would leave, the rule, and what to do for whoever disagrees.

use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::reason::{UnusedProof, VerdictReason};
use whittle_analysis::result::{CoverageRow, FunctionResult, ReportWindow, SCHEMA_VERSION, Verdict, VerdictRow};

use crate::style::Color;
use crate::text::{clean, short_name};
use crate::words::{self, AllInWords, InWords};

/// Grounds of the verdict on one action.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case<'a> {
    /// Function ARN.
    pub function_arn: &'a str,
    /// Role ARN.
    pub role_arn: &'a str,
    /// The verdict.
    #[serde(flatten)]
    pub row: VerdictRow,
    /// The rule that gave it, in words.
    pub rule: String,
    /// Statements of the role that grant it; `None` if no snapshot was given.
    pub granted_by: Option<Vec<Granting>>,
    /// Statements of the narrowed policy that allow it.
    pub kept_by: Vec<Keeping>,
    /// Its usage by caller.
    pub usage: Vec<UsageLine>,
    /// Events, latest first; `None` if no trail was given.
    pub events: Option<Events>,
    /// Events that would show it.
    pub would_show: WouldShow,
    /// The window; `None` if the store does not tell.
    pub window: Option<&'a ReportWindow>,
    /// Coverage of the kinds of events that could show it.
    pub coverage: Vec<CoverageRow>,
}

/// A statement that grants the action today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Granting {
    /// Policy name.
    pub policy: String,
    /// Position in the policy, from 1.
    pub statement: usize,
    /// Action patterns that match it.
    pub actions: Vec<String>,
    /// Its resources.
    pub resources: Vec<String>,
    /// It has a condition.
    pub conditional: bool,
}

/// A statement of the narrowed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Keeping {
    /// Sid.
    pub sid: String,
    /// Its resources.
    pub resources: Vec<String>,
}

/// Use by one caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageLine {
    /// In words.
    pub who: String,
    /// True if it counts for this function.
    pub counts: bool,
    /// First authorised call.
    pub first: Option<String>,
    /// Last authorised call.
    pub last: Option<String>,
    /// Days with authorised calls.
    pub days: usize,
    /// Days with denied calls.
    pub denied_days: usize,
    /// Resources of authorised calls.
    pub resources: Vec<String>,
}

/// Events of the action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Events {
    /// All there are in the trail.
    pub total: usize,
    /// The latest ones.
    pub latest: Vec<EventLine>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventLine {
    /// RFC 3339.
    pub time: String,
    /// `eventSource`.
    pub event_source: String,
    /// `eventName`.
    pub event_name: String,
    /// Region.
    pub region: String,
    /// Its outcome.
    pub outcome: String,
    /// `errorCode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Resources.
    pub resources: Vec<String>,
    /// Its caller.
    pub who: String,
    /// CloudTrail's id.
    pub event_id: String,
}

/// Events that would show the action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WouldShow {
    /// In words.
    pub how: String,
    /// Names of events that reveal it.
    pub events: Vec<String>,
}

/// The rule behind a verdict, with the numbers of this case.
pub fn rule(row: &VerdictRow, window: Option<&ReportWindow>) -> String {
    let days = window.map_or(0, |window| window.days);
    match row.verdict {
        Verdict::Used => {
            "Used: an authorised call of the function, or one that could be the function's, maps to this action. A call that was \
             denied, or failed before it was authorised, does not count. Kept, on the resources that the calls name where every \
             call names them."
                .to_owned()
        }
        Verdict::Required => {
            "Required: the configuration of the function makes the Lambda service call it with the role, today or when the case \
             arises. Kept without any event, because such a call may never have been due in the window."
                .to_owned()
        }
        Verdict::Companion => {
            "Companion: AWS checks it together with an action that is used, without an event that carries its name. Kept; removing \
             it would break calls that work."
                .to_owned()
        }
        Verdict::Possible => {
            "Possible: AWS lists it among what an operation may check that was called, and no event and no rule with a source shows \
             that these calls did not check it. Kept as granted."
                .to_owned()
        }
        Verdict::Unobservable => {
            "Kept unproven: no event of it was seen, but an event could have gone unseen, so its absence proves nothing. It stays as \
             granted until something could see it."
                .to_owned()
        }
        Verdict::Unknown => {
            "Kept: the catalog of actions does not know it, so nobody can say which events would show it.".to_owned()
        }
        Verdict::Unused if is_cleared_by_last_accessed(row) => {
            "Removable, because all of these hold: IAM, which sees every attempt with or without a trail, knows of none on the \
             whole service in its tracking period; there is no event of it either; the configuration does not need it; it is no \
             companion of a used action; it was granted before the window began."
                .to_owned()
        }
        Verdict::Unused if row.action == "iam:PassRole" => format!(
            "Removable, because all of these hold: it is no call of its own, IAM checks it in calls that hand a role to a service; \
             no call of those that the role is granted was seen, and each would have been logged throughout the window \
             ({days} days); no parameter of any other call that was seen names a role; it was granted before the window began."
        ),
        Verdict::Unused => format!(
            "Removable, because all of these hold: a call would have been logged throughout the window ({days} days); \
             there is no call of the function, of the Lambda service for it, or of a session that could be it; no call was seen \
             that may have needed it too; the configuration does not need it; it is no companion of a used action; it was \
             granted before the window began."
        ),
    }
}

/// IAM's last-accessed data decided about an action that no trail could see.
fn is_cleared_by_last_accessed(row: &VerdictRow) -> bool {
    matches!(row.reason.known(), Some(VerdictReason::Unused { proof: UnusedProof::LastAccessed { .. }, .. }))
}

impl InWords for Case<'_> {
    fn put_in_words(&mut self) {
        self.row.put_in_words();
        self.coverage.iter_mut().for_each(InWords::put_in_words);
    }
}

/// Cases as one JSON document, final newline.
pub fn json(cases: &[Case<'_>]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema_version: u32,
        cases: AllInWords<'a, Case<'a>>,
    }
    Ok(format!(
        "{}\n",
        serde_json::to_string_pretty(&Document { schema_version: SCHEMA_VERSION, cases: AllInWords(cases) })?
    ))
}

/// One case a line.
pub fn ndjson(cases: &[Case<'_>]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Line<'a> {
        schema_version: u32,
        #[serde(flatten)]
        case: Case<'a>,
    }
    let mut out = String::new();
    for case in cases {
        out.push_str(&serde_json::to_string(&Line { schema_version: SCHEMA_VERSION, case: case.in_words() })?);
        out.push('\n');
    }
    Ok(out)
}

/// One case for a person.
pub fn human(case: &Case<'_>, color: Color) -> String {
    let row = &case.row;
    let mut out = String::new();
    let word = match row.verdict {
        Verdict::Unused => "removable",
        Verdict::Unobservable | Verdict::Unknown => "kept unproven",
        Verdict::Used | Verdict::Required | Verdict::Companion | Verdict::Possible => "kept",
    };
    let _ = writeln!(
        out,
        "{} is {} for {}: {}",
        color.heading(&clean(&row.action)),
        color.verdict(row.verdict, word),
        clean(short_name(case.function_arn)),
        clean(&words::verdict(&row.reason))
    );
    granted(case, &mut out);
    seen(case, color, &mut out);
    observability(case, &mut out);
    section("Rule", &mut out);
    wrapped(&case.rule, &mut out);
    result(case, &mut out);
    doubt(case, color, &mut out);
    out
}

fn section(title: &str, out: &mut String) {
    let _ = writeln!(out, "\n  {title}");
}

fn granted(case: &Case<'_>, out: &mut String) {
    let Some(granting) = &case.granted_by else { return };
    section("Granted by", out);
    if granting.is_empty() {
        out.push_str("    no statement of the role as the snapshot has it now\n");
    }
    for grant in granting {
        let _ = writeln!(
            out,
            "    policy {}, statement {}: {} on {}{}",
            clean(&grant.policy),
            grant.statement,
            clean(&grant.actions.join(", ")),
            clean(&some(&grant.resources, 4)),
            if grant.conditional { ", under a condition" } else { "" }
        );
    }
}

fn seen(case: &Case<'_>, color: Color, out: &mut String) {
    section("Seen", out);
    let days = |count: usize| if count == 1 { "1 day".to_owned() } else { format!("{count} days") };
    if case.usage.is_empty() {
        match &case.row.seen {
            Some(seen) => {
                let _ = writeln!(
                    out,
                    "    on {}, first {}, last {}",
                    days(usize::try_from(seen.days).unwrap_or(usize::MAX)),
                    clean(&seen.first),
                    clean(case.row.last_seen.as_deref().unwrap_or("unknown"))
                );
            }
            None => out.push_str("    no event\n"),
        }
    }
    for line in &case.usage {
        let mut text = clean(&line.who);
        if line.days > 0 {
            let _ = write!(
                text,
                ": {}, first {}, last {}",
                days(line.days),
                clean(line.first.as_deref().unwrap_or("unknown")),
                clean(line.last.as_deref().unwrap_or("unknown"))
            );
        }
        if line.denied_days > 0 {
            let _ = write!(text, "{} denied on {}", if line.days > 0 { ";" } else { ":" }, days(line.denied_days));
        }
        if !line.counts {
            text.push_str(" (does not count for the function)");
        }
        let _ = writeln!(out, "    {text}");
        for resource in line.resources.iter().take(8) {
            let _ = writeln!(out, "      on {}", clean(resource));
        }
        if line.resources.len() > 8 {
            let _ = writeln!(out, "      and on {} more", line.resources.len() - 8);
        }
    }
    let Some(events) = &case.events else { return };
    section(&format!("Events ({} in this trail, {} shown)", events.total, events.latest.len()), out);
    if events.total == 0 {
        out.push_str("    none of this role\n");
    }
    for event in &events.latest {
        let outcome = match &event.error_code {
            Some(code) => format!("{} ({})", event.outcome, clean(code)),
            None => event.outcome.clone(),
        };
        let _ = writeln!(
            out,
            "    {}  {} {}  {outcome}  by {}",
            clean(&event.time),
            clean(&event.event_name),
            clean(&event.region),
            clean(&event.who)
        );
        for resource in event.resources.iter().take(3) {
            let _ = writeln!(out, "      on {}", clean(resource));
        }
        let _ = writeln!(out, "      {}", color.faint(&format!("event {}", clean(&event.event_id))));
    }
}

fn observability(case: &Case<'_>, out: &mut String) {
    section("What a call would leave", out);
    let _ = writeln!(out, "    {}", clean(&case.would_show.how));
    if !case.would_show.events.is_empty() {
        let _ = writeln!(out, "    events: {}", clean(&some(&case.would_show.events, 8)));
    }
    if let Some(window) = case.window {
        let day = |time: &str| clean(time.split('T').next().unwrap_or(time));
        let _ = if window.days == 0 {
            writeln!(out, "    window: no evidence at all")
        } else {
            writeln!(out, "    window: {} days, {} up to {}", window.days, day(&window.start), day(&window.end))
        };
    }
    if case.coverage.is_empty() && !case.would_show.events.is_empty() {
        out.push_str("    no trail is known to log these events\n");
    }
    for row in &case.coverage {
        let reason = words::coverage(&row.reason);
        let why = if reason.is_empty() { String::new() } else { format!(": {}", clean(&reason)) };
        let (events, source) = (clean(&row.events), clean(&row.source));
        let _ = writeln!(out, "    {events} events in {source}: {}{why}", row.observability.as_str());
    }
}

fn result(case: &Case<'_>, out: &mut String) {
    section("In the narrowed policy", out);
    if case.kept_by.is_empty() {
        out.push_str(if case.row.verdict == Verdict::Unused { "    not there\n" } else { "    there is none\n" });
    }
    for keeping in &case.kept_by {
        let _ = writeln!(out, "    {} on {}", clean(&keeping.sid), clean(&some(&keeping.resources, 6)));
    }
}

fn doubt(case: &Case<'_>, color: Color, out: &mut String) {
    let text = match case.row.verdict {
        Verdict::Unused => {
            "If you know of a use that comes more rarely than the window is long (a yearly job, a restore), keep the action by \
             hand, or analyze a longer trail. A denied call after the change is reported as over-narrowed, with the statement \
             to restore."
        }
        Verdict::Unobservable => {
            "To have it judged: log the events named above for the whole window, or collect IAM last-accessed reports \
             (service-last-accessed/ROLE.json in the snapshot)."
        }
        Verdict::Used if case.events.is_none() => "To see the events themselves: add --trail PATH.",
        _ => return,
    };
    section(&color.heading("If you doubt it"), out);
    wrapped(text, out);
}

fn some(items: &[String], most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(most).map(String::as_str).collect();
    let more = items.len().saturating_sub(most);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// Text in lines of about a hundred characters, indented.
fn wrapped(text: &str, out: &mut String) {
    const WIDTH: usize = 100;
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.len() + word.len() + 1 > WIDTH {
            let _ = writeln!(out, "    {line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "    {line}");
}

/// The parts of a function's narrowed policy that allow an action.
pub fn keeping(result: &FunctionResult, action: &str) -> Vec<Keeping> {
    use whittle_policy::{ActionClause, Effect, ResourceClause};
    let statements = result.suggestion.iter().flat_map(|suggestion| &suggestion.policies);
    statements
        .flat_map(|policy| policy.document.statements.iter())
        .filter(|statement| statement.effect == Effect::Allow && statement.action.matches(action))
        .map(|statement| Keeping {
            sid: match (&statement.sid, &statement.action) {
                (Some(sid), ActionClause::Action(_)) => sid.clone(),
                (Some(sid), ActionClause::NotAction(_)) => format!("{sid} (NotAction)"),
                (None, _) => "statement without Sid".to_owned(),
            },
            resources: match &statement.resource {
                Some(ResourceClause::Resource(patterns)) => patterns.iter().map(|p| p.as_str().to_owned()).collect(),
                Some(ResourceClause::NotResource(patterns)) => {
                    patterns.iter().map(|p| format!("everything but {}", p.as_str())).collect()
                }
                None => Vec::new(),
            },
        })
        .collect()
}
