//! Results of an analysis: verdicts, suggestions, findings. With each reason as a sentence, these types are
//! the JSON that scripts rely on, so a field is never renamed and a new one is optional.

use serde::{Deserialize, Serialize};
use whittle_policy::PolicyDocument;

use crate::issue::Issue;
use crate::reason::{CoverageReason, FindingDetail, NoSuggestion, Reason, StatementReason, VerdictReason};

/// Version of the shapes in this module.
pub const SCHEMA_VERSION: u32 = 1;

/// Result for one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Account id.
    pub account: String,
    /// The observation window.
    pub window: ReportWindow,
    /// Observability by trail and event class.
    pub coverage: Vec<CoverageRow>,
    /// Gaps in what was read or seen.
    pub issues: Vec<Issue>,
    /// One entry per execution role, by ARN.
    pub roles: Vec<RoleResult>,
    /// One entry per (function, role) pair, by function ARN, then role ARN.
    pub functions: Vec<FunctionResult>,
    /// By severity (worst first), code, function, role, fingerprint.
    pub findings: Vec<Finding>,
}

/// Observation window, half open, RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportWindow {
    /// First instant covered; empty text when there is no evidence at all.
    pub start: String,
    /// First instant no longer covered.
    pub end: String,
    /// Whole days between them.
    pub days: u32,
}

/// Observability by one trail, or by event history.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CoverageRow {
    /// Trail ARN, or `event-history:<region>`.
    pub source: String,
    /// `management`, or a `resources.type` of data events.
    pub events: String,
    /// Observability of these events.
    #[serde(rename = "sight")]
    pub observability: RowObservability,
    /// The reason.
    pub reason: Reason<CoverageReason>,
}

/// Observability of a class of events by one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowObservability {
    /// All of them.
    Seen,
    /// Not over the whole window.
    Partly,
    /// None.
    NotSeen,
}

impl RowObservability {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Partly => "partly",
            Self::NotSeen => "not-seen",
        }
    }
}

/// Verdict on one granted action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// An authorised event maps to it.
    Used,
    /// The configuration of the function makes the Lambda service need it.
    Required,
    /// A used action implies it although no event carries its name.
    Companion,
    /// AWS may check it for an operation that was called, and no sourced rule shows that the calls did not.
    Possible,
    /// It would have been seen and was not.
    Unused,
    /// No configured source could have seen it.
    Unobservable,
    /// The catalog does not know it.
    Unknown,
}

impl Verdict {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Required => "required",
            Self::Companion => "companion",
            Self::Possible => "possible",
            Self::Unused => "unused",
            Self::Unobservable => "unobservable",
            Self::Unknown => "unknown",
        }
    }
}

/// Verdict on one granted action (or, where the catalog knows no action, on one pattern).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictRow {
    /// `service:Action` in the catalog's spelling, or the pattern as granted.
    pub action: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Resources the suggestion keeps for it; empty for `unused`.
    pub resources: Vec<String>,
    /// Last authorised call, RFC 3339.
    pub last_seen: Option<String>,
    /// The reason.
    pub reason: Reason<VerdictReason>,
    /// Calls that were seen; `None` if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Box<Seen>>,
}

/// Calls of one action by one function, as the trail shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// First call that was authorised or may have been, RFC 3339.
    pub first: String,
    /// Days with such calls.
    pub days: u32,
    /// `primary`: events carry the action; `secondary`: parameters of other calls show it; `possible`: calls
    /// were seen that may have needed it.
    pub basis: String,
    /// Service principals that made the call with the role's rights (forward access sessions).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// Only the Lambda service itself was seen using it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub platform_only: bool,
    /// The configuration needs it too, so that the Lambda service may call it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// Granted actions, counted by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictCounts {
    /// All granted actions.
    pub granted: usize,
    /// Verdict `used`.
    pub used: usize,
    /// Verdict `required`.
    pub required: usize,
    /// Verdict `companion`.
    pub companion: usize,
    /// Verdict `possible`.
    #[serde(default)]
    pub possible: usize,
    /// Verdicts `unobservable` and `unknown`.
    pub unproven: usize,
    /// Verdict `unused`.
    pub unused: usize,
}

/// Result for one function under one role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionResult {
    /// Unqualified function ARN.
    pub function_arn: String,
    /// The execution role this result is about.
    pub role_arn: String,
    /// Versions and aliases of the function that run under the role.
    pub qualifiers: Vec<String>,
    /// Days of the window on which the function was seen.
    pub active_days: u32,
    /// Summary of `verdicts`.
    pub counts: VerdictCounts,
    /// One row per granted action, by action.
    pub verdicts: Vec<VerdictRow>,
    /// The narrowed policy; `None` when there is none to give.
    pub suggestion: Option<Suggestion>,
    /// Reason why there is no suggestion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_suggestion: Option<Reason<NoSuggestion>>,
    /// The CloudFormation stack it belongs to, if its tags say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackMember>,
}

/// Result for one execution role: the union of what everybody does with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleResult {
    /// Role ARN.
    pub role_arn: String,
    /// Function ARNs that run under it.
    pub functions: Vec<String>,
    /// Summary.
    pub counts: VerdictCounts,
    /// The narrowed policy for the role as it is (shared).
    pub suggestion: Option<Suggestion>,
    /// Reason why there is no suggestion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_suggestion: Option<Reason<NoSuggestion>>,
    /// Settings that a role in its place must have; `None` in results of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<RoleSettings>,
}

/// Place of a function in CloudFormation, by its `aws:cloudformation:*` tags, which CloudFormation itself
/// sets (AWS CloudFormation User Guide, "Resource tag").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackMember {
    /// Name of the stack.
    pub stack: String,
    /// Logical id in its template.
    pub logical_id: String,
}

/// Settings of a role beside the policies that grant: a role that takes its place must have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSettings {
    /// Trust policy; `None` if it could not be read.
    pub trust: Option<PolicyDocument>,
    /// ARN of the permissions boundary; `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary_arn: Option<String>,
}

/// A narrowed set of policies that replaces the identity-based policies of the role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// Policies, each within the size limit of a managed policy.
    pub policies: Vec<SuggestedPolicy>,
    /// Granted actions that it no longer allows.
    pub removed_actions: usize,
    /// Granted actions kept although nothing proves that they are needed.
    pub kept_unproven: usize,
    /// 0 to 1: grows with window, active days; falls after a deployment.
    pub confidence: f64,
    /// Its proof.
    pub proof: Proof,
    /// Origin and reason of each statement, in document order.
    pub statements: Vec<StatementNote>,
}

/// One policy of a suggestion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuggestedPolicy {
    /// Name.
    pub name: String,
    /// Document.
    pub document: PolicyDocument,
}

/// Origin of a suggested statement and the reason why it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementNote {
    /// Sid of the suggested statement.
    pub sid: String,
    /// Policy of the role it narrows.
    pub from_policy: String,
    /// Index of the statement in that policy.
    pub from_statement: usize,
    /// The reason.
    pub reason: Reason<StatementReason>,
}

/// Proof of invariants 1 and 2 (ARCHITECTURE.md) on one suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Each suggested Allow is covered by one original Allow; every Deny is kept.
    pub never_wider: bool,
    /// Everything used, required or companion that the original allows is still allowed.
    pub never_too_narrow: bool,
}

/// Severity of a finding: from the 5×5 matrix of likelihood and impact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Clean up when convenient.
    Low,
    /// Plan it.
    Medium,
    /// Do it soon.
    High,
    /// Do it now.
    Critical,
}

impl Severity {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Something in the user's account that needs action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable kebab-case code; `docs/findings/<code>.md` explains it.
    pub code: String,
    /// From likelihood × impact.
    pub severity: Severity,
    /// 1 (internal) to 5 (open to the internet).
    pub likelihood: u8,
    /// 1 (reads) to 5 (privilege escalation).
    pub impact: u8,
    /// The function concerned; `None` when it is the role as a whole.
    pub function_arn: Option<String>,
    /// The role concerned; for a finding about a trail, the trail's ARN.
    pub role_arn: String,
    /// One line.
    pub title: String,
    /// The facts, with numbers.
    pub detail: Reason<FindingDetail>,
    /// The way to resolve it, with the next command.
    pub remedy: String,
    /// Stable id of this finding, derived from its content's identity.
    pub fingerprint: String,
}

/// One line of usage: an action that a caller of a role used or was denied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UsageRow {
    /// Role ARN; the id where no record has an ARN.
    pub role: String,
    /// `AROA…`.
    pub role_id: String,
    /// Function ARN, with `*` for a Region that no record tells; `None` for a caller that is no (single)
    /// function.
    pub function: Option<String>,
    /// `function`, `function-by-session-name`, `platform` or `other`.
    pub caller: String,
    /// The action.
    pub action: String,
    /// First authorised call, RFC 3339.
    pub first_seen: Option<String>,
    /// Last authorised call, RFC 3339.
    pub last_seen: Option<String>,
    /// Days with authorised calls.
    pub active_days: usize,
    /// Days with denied calls.
    pub denied_days: usize,
    /// Resources of authorised calls.
    pub resources: Vec<String>,
}
