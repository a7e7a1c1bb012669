//! Invocation payloads: the schedule, or one thing on demand. `events/` in the repository holds one of each.

use serde::Deserialize;
use whittle_pipeline::service::AnalysisScope;

/// Request of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Scope of the analysis.
    pub scope: AnalysisScope,
    /// Write and publish nothing.
    pub dry_run: bool,
    /// Read evidence back to so many days before now, whatever the watermark says.
    pub backfill_days: Option<u16>,
    /// Times in a row that a run has invoked the function again because it ran out of time.
    pub continuation: u8,
}

/// An event that was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvocationError {
    /// The event is not an object of the known members.
    #[error("the event cannot be read: {0}")]
    Shape(#[source] serde_json::Error),
    /// `function` and `role` exclude each other.
    #[error("the event names both a `function` and a `role`")]
    TwoScopes,
    /// Event history and IAM keep less.
    #[error("`backfill_days` is {days}, and must be 1 to 400")]
    BackfillRange {
        /// The scope asked for.
        days: u16,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Direct {
    function: Option<String>,
    role: Option<String>,
    #[serde(default)]
    dry_run: bool,
    backfill_days: Option<u16>,
    #[serde(default)]
    continuation: u8,
}

impl Invocation {
    /// Reads an event: one of EventBridge (`detail-type` present: the schedule), or an object of `function`,
    /// `role`, `dry_run`, `backfill_days` (and `continuation`, which a run sets itself). An empty object is
    /// the whole account.
    pub fn parse(event: &serde_json::Value) -> Result<Self, InvocationError> {
        let account = Self { scope: AnalysisScope::Account, dry_run: false, backfill_days: None, continuation: 0 };
        if event.get("detail-type").is_some() {
            return Ok(account);
        }
        let direct = Direct::deserialize(event).map_err(InvocationError::Shape)?;
        let scope = match (direct.function, direct.role) {
            (Some(_), Some(_)) => return Err(InvocationError::TwoScopes),
            (Some(function), None) => AnalysisScope::Function(function),
            (None, Some(role)) => AnalysisScope::Role(role),
            (None, None) => AnalysisScope::Account,
        };
        if let Some(days) = direct.backfill_days.filter(|days| !(1..=400).contains(days)) {
            return Err(InvocationError::BackfillRange { days });
        }
        Ok(Self {
            scope,
            dry_run: direct.dry_run,
            backfill_days: direct.backfill_days,
            continuation: direct.continuation,
        })
    }
}

impl InvocationError {
    /// Advice: the event to send instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Shape(_) => "members are `function`, `role`, `dry_run` and `backfill_days`; see events/ for examples",
            Self::TwoScopes => "give one of them; a function is analyzed with everything that shares its roles",
            Self::BackfillRange { .. } => "event history goes back 90 days, IAM's tracking period 400",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> serde_json::Value {
        let text = match name {
            "schedule" => include_str!("../../../events/schedule.json"),
            "function" => include_str!("../../../events/function.json"),
            "role" => include_str!("../../../events/role.json"),
            "backfill" => include_str!("../../../events/backfill.json"),
            "dry-run" => include_str!("../../../events/dry-run.json"),
            "malformed" => include_str!("../../../events/malformed.json"),
            other => panic!("no event {other}"),
        };
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_schedule_and_a_dry_run_ask_for_the_account() {
        assert_eq!(Invocation::parse(&event("schedule")).unwrap().scope, AnalysisScope::Account);
        let dry = Invocation::parse(&event("dry-run")).unwrap();
        assert_eq!((dry.scope, dry.dry_run), (AnalysisScope::Account, true));
    }

    #[test]
    fn direct_events_name_their_scope() {
        assert_eq!(
            Invocation::parse(&event("function")).unwrap().scope,
            AnalysisScope::Function("shop-checkout".to_owned())
        );
        assert!(
            matches!(Invocation::parse(&event("role")).unwrap().scope, AnalysisScope::Role(role) if role.starts_with("arn:"))
        );
        assert_eq!(Invocation::parse(&event("backfill")).unwrap().backfill_days, Some(90));
    }

    #[test]
    fn a_wrong_event_is_refused_with_the_member_named() {
        let error = Invocation::parse(&event("malformed")).unwrap_err().to_string();
        assert!(error.contains("fuction"), "{error}");
        let both = serde_json::json!({"function": "a", "role": "b"});
        assert!(matches!(Invocation::parse(&both), Err(InvocationError::TwoScopes)));
        let days = serde_json::json!({"backfill_days": 0});
        assert!(matches!(Invocation::parse(&days), Err(InvocationError::BackfillRange { days: 0 })));
    }
}
