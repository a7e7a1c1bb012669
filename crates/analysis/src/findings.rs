//! Findings: what in the account wants action. Each rule is a code, a one-line summary and a check; [`RULES`]
//! is all of them.
//!
//! A code is never renamed; `docs/findings/<code>.md` explains each. Findings speak of the user's account,
//! issues (see [`crate::issue`]) of what Whittle could not see.

mod blind_spot;
mod breadth;
mod drift;
mod excess;
mod proposed;
mod unlisted;
mod waivers;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use whittle_catalog::ActionId;

use crate::grants::Grants;
use crate::inventory::{Function, Role};
use crate::reason::{FindingDetail, Reason};
use crate::result::{Finding, FunctionResult};
use crate::risk;

/// One rule.
pub struct Rule {
    /// Stable kebab-case code.
    pub code: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    check: fn(&RoleFacts<'_>, &mut Vec<Finding>),
}

/// Every rule, in the order of the documentation.
pub const RULES: &[Rule] = &[
    excess::UNUSED_ACTIONS,
    excess::UNUSED_SERVICES,
    excess::UNUSED_FUNCTION,
    breadth::ADMINISTRATOR_ACCESS,
    breadth::WILDCARD_ACTION,
    breadth::WILDCARD_RESOURCE,
    breadth::SHARED_ROLE,
    blind_spot::BLIND_SPOT,
    unlisted::UNLISTED_FUNCTION,
];

/// A rule about what changed between two runs; see [`crate::drift`], which finds them.
pub struct DriftRule {
    /// Stable kebab-case code.
    pub code: &'static str,
    /// One line for lists.
    pub summary: &'static str,
}

/// Rules that compare a role with what it was, in the order of the documentation. A code stands here or in
/// [`RULES`].
pub const DRIFT_RULES: &[DriftRule] = &[drift::OVER_NARROWED, drift::PRIVILEGE_WIDENED];

pub use drift::{OverNarrowed, PrivilegeWidened, over_narrowed, privilege_widened};
/// Rules about a waivers file, in the order of the documentation. See [`crate::gate`].
pub const WAIVER_RULES: &[WaiverRule] = &[EXPIRED_WAIVER, STALE_WAIVER];

pub use waivers::{EXPIRED_WAIVER, STALE_WAIVER, WaiverRule, waiver_finding};

pub use blind_spot::{TrailFacts, check_trails};
pub(crate) use breadth::{by_pattern, is_everything};
pub use proposed::{ProposedFacts, check_proposal};

/// Facts for the rules: one role with its functions and their results.
pub struct RoleFacts<'a> {
    /// The role.
    pub role: &'a Role,
    /// Its grants.
    pub grants: &'a Grants<'a>,
    /// Functions that run under it.
    pub functions: &'a [&'a Function],
    /// Granted actions in order: `role_rows` begins with a row for each.
    pub granted: &'a [ActionId],
    /// Verdicts on the role as a whole.
    pub role_rows: &'a [crate::result::VerdictRow],
    /// Results of the functions, in the order of `functions`.
    pub function_results: &'a [FunctionResult],
    /// ARNs of functions that CloudTrail showed to use the role and that were not listed.
    pub unlisted: &'a [String],
    /// Functions (by index) that nothing was learned about.
    pub idle: &'a [bool],
    /// Start of the window.
    pub window_start: Option<Timestamp>,
    /// End of the window.
    pub now: Option<Timestamp>,
    /// Days of the window.
    pub window_days: u32,
}

/// Runs every rule on one role.
pub fn check_role(facts: &RoleFacts<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for rule in RULES {
        (rule.check)(facts, &mut out);
    }
    out
}

/// True for the code of a finding whose remedy is the narrowed policy, as `whittle policy` prints it.
pub fn asks_for_narrowed_policy(code: &str) -> bool {
    let rules = [
        excess::UNUSED_ACTIONS,
        excess::UNUSED_SERVICES,
        breadth::ADMINISTRATOR_ACCESS,
        breadth::WILDCARD_ACTION,
        breadth::WILDCARD_RESOURCE,
    ];
    rules.iter().any(|rule| rule.code == code)
}

/// Worst first, then by code, function, role, fingerprint.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.code.cmp(&b.code))
            .then_with(|| a.function_arn.cmp(&b.function_arn))
            .then_with(|| a.role_arn.cmp(&b.role_arn))
            .then_with(|| a.fingerprint.cmp(&b.fingerprint))
    });
}

impl RoleFacts<'_> {
    /// Likelihood for the role as a whole: that of its most exposed function.
    fn likelihood(&self) -> u8 {
        self.functions.iter().map(|function| risk::likelihood(function, self.now)).max().unwrap_or(1)
    }

    /// Nothing was learned about any function of the role: `unused-function` says all there is to say.
    fn all_idle(&self) -> bool {
        self.idle.iter().all(|idle| *idle)
    }

    /// The only function of the role, so that a role finding can name it.
    fn only_function(&self) -> Option<String> {
        match self.functions {
            [function] => Some(function.arn.to_string()),
            _ => None,
        }
    }

    /// Command that shows the suggestion.
    fn next_command(&self) -> String {
        match self.functions {
            [function] => format!("whittle policy {}", function.name),
            _ => format!("whittle policy {}", self.role.name),
        }
    }
}

/// Content of a finding beyond its rule and place.
struct FindingDraft {
    likelihood: u8,
    impact: u8,
    function_arn: Option<String>,
    title: String,
    detail: Reason<FindingDetail>,
    remedy: String,
}

/// Identity of a finding from run to run.
struct FindingIdentity<'a> {
    code: &'a str,
    function: Option<&'a str>,
    role: &'a str,
    /// Tells it from others of the same code and place; usually empty.
    also: &'a str,
}

fn fingerprint(of: &FindingIdentity<'_>) -> String {
    let mut identity = format!("{}\n{}\n{}", of.code, of.function.unwrap_or_default(), of.role);
    if !of.also.is_empty() {
        identity.push('\n');
        identity.push_str(of.also);
    }
    let digest = Sha256::digest(identity.as_bytes());
    let start = digest.first_chunk::<8>().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(start))
}

fn finding(of: &Rule, role: &Role, draft: FindingDraft) -> Finding {
    let fingerprint = fingerprint(&FindingIdentity {
        code: of.code,
        function: draft.function_arn.as_deref(),
        role: role.arn.as_ref(),
        also: "",
    });
    Finding {
        code: of.code.to_owned(),
        severity: risk::severity(draft.likelihood, draft.impact),
        likelihood: draft.likelihood,
        impact: draft.impact,
        function_arn: draft.function_arn,
        role_arn: role.arn.to_string(),
        title: draft.title,
        detail: draft.detail,
        remedy: draft.remedy,
        fingerprint,
    }
}

/// The first few of `items` and how many more there are.
fn some_of<S: AsRef<str>>(items: &[S], most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(most).map(AsRef::as_ref).collect();
    let rest = items.len().saturating_sub(most);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}

fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
