//! What the policies of a role were at the last run, so that a change of them can be judged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use whittle_policy::PolicyDocument;

/// Policies of one role, now and before they last changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleBaseline {
    /// ARN.
    pub role_arn: String,
    /// `AROA…`.
    pub role_id: String,
    /// Identity-based policies as they were last seen: name → document.
    pub policies: Vec<(String, PolicyDocument)>,
    /// Those before the last change; empty if none was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<(String, PolicyDocument)>,
    /// When the change was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
}
