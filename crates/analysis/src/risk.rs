//! Severity from likelihood × impact.
//!
//! Likelihood: how exposed the function is, 1 (nothing invokes it) to 5 (anybody on the internet), one more
//! when its runtime is past its end of life. Impact: what the *excess* would let an attacker do, 1 (list) to
//! 5 (escalate privilege), one less when it reaches named resources only. Both tables are data with their
//! sources.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use whittle_catalog::{AccessLevel, ActionId, catalog};

use crate::inventory::{EventSource, Function};
use crate::result::Severity;

/// Severity of a likelihood and an impact, both 1 to 5.
///
/// ```
/// use whittle_analysis::{result::Severity, risk::severity};
/// assert_eq!(severity(5, 5), Severity::Critical);
/// assert_eq!(severity(2, 3), Severity::Medium);
/// assert_eq!(severity(1, 1), Severity::Info);
/// ```
pub fn severity(likelihood: u8, impact: u8) -> Severity {
    match u32::from(likelihood) * u32::from(impact) {
        20.. => Severity::Critical,
        12..20 => Severity::High,
        6..12 => Severity::Medium,
        3..6 => Severity::Low,
        _ => Severity::Info,
    }
}

/// Likelihood that somebody reaches `function` with hostile input, 1 to 5. `now` is the end of the window.
pub fn likelihood(function: &Function, now: Option<Timestamp>) -> u8 {
    let exposure = &function.exposure;
    let from_front_door = |principal: &str| {
        ["apigateway.", "elasticloadbalancing.", "cognito-idp.", "iot.", "alexa-", "bedrock."]
            .iter()
            .any(|service| principal.starts_with(service))
    };
    let base = if exposure.public_policy || exposure.url_auth.as_deref() == Some("NONE") {
        5
    } else if exposure.url_auth.is_some() || exposure.invokers.iter().any(|principal| from_front_door(principal)) {
        4
    } else if !exposure.invokers.is_empty() || function.config.event_sources.iter().any(is_enabled) {
        3
    } else {
        2
    };
    let past_end_of_life = now.is_some_and(|now| {
        function.runtime.as_deref().and_then(deprecated_on).is_some_and(|deprecated| deprecated < now)
    });
    (base + u8::from(past_end_of_life)).min(5)
}

fn is_enabled(source: &EventSource) -> bool {
    source.enabled
}

/// The day a Lambda runtime is deprecated; `None` for one that the table does not know.
pub fn deprecated_on(runtime: &str) -> Option<Timestamp> {
    static TABLE: OnceLock<BTreeMap<&'static str, Timestamp>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        include_str!("../data/runtimes.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (runtime, day) = line.split_once('\t')?;
                Some((runtime, format!("{day}T00:00:00Z").parse().ok()?))
            })
            .collect()
    });
    table.get(runtime).copied()
}

/// Impact of `action` in an attacker's hands, 1 to 5, before the reach of its resources is considered.
pub fn impact(action: ActionId) -> u8 {
    static TABLE: OnceLock<BTreeMap<&'static str, u8>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        include_str!("../data/risk.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let mut cells = line.split('\t');
                let impact = cells.next()?.parse().ok()?;
                Some((cells.next()?, impact))
            })
            .collect()
    });
    let info = catalog().info(action);
    if let Some(impact) = table.get(info.name()) {
        return *impact;
    }
    match info.access_level() {
        AccessLevel::PermissionsManagement => 4,
        AccessLevel::Write => {
            let name = info.name().split_once(':').map_or("", |(_, name)| name);
            if ["Delete", "Terminate", "Purge", "Destroy", "Remove"].iter().any(|verb| name.starts_with(verb)) {
                4
            } else {
                3
            }
        }
        AccessLevel::Read | AccessLevel::Tagging => 2,
        AccessLevel::List => 1,
    }
}

/// Impact of a set of actions: the worst of them, one less when none of them reaches `*`.
pub fn impact_of_all(actions: impl IntoIterator<Item = (ActionId, bool)>) -> u8 {
    actions
        .into_iter()
        .map(|(action, everywhere)| impact(action).saturating_sub(u8::from(!everywhere)).max(1))
        .max()
        .unwrap_or(1)
}
