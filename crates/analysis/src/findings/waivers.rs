//! `expired-waiver`, `stale-waiver`: a waivers file holds what nobody needs.
//! Pages: docs/findings/expired-waiver.md, docs/findings/stale-waiver.md

use crate::gate::Waiver;
use crate::reason::Reason;
use crate::result::Finding;
use crate::risk;

use super::{FindingIdentity, fingerprint};

/// A rule about waivers.
#[derive(Debug)]
pub struct WaiverRule {
    /// Stable kebab-case code.
    pub code: &'static str,
    /// One line for lists.
    pub summary: &'static str,
}

/// The finding is there, and the waiver has ended.
pub const EXPIRED_WAIVER: WaiverRule =
    WaiverRule { code: "expired-waiver", summary: "a waiver has ended and its finding is still there" };

/// There is no such finding.
pub const STALE_WAIVER: WaiverRule = WaiverRule { code: "stale-waiver", summary: "a waiver matches no finding" };

/// The finding about one waiver. It is low: it says that a file wants tidying.
pub fn waiver_finding(rule: &WaiverRule, waiver: &Waiver, file: &str) -> Finding {
    const LIKELIHOOD: u8 = 1;
    const IMPACT: u8 = 3;
    let (title, remedy) = if rule.code == EXPIRED_WAIVER.code {
        let title = format!("the waiver of {} ended on {}", waiver.fingerprint, waiver.until);
        (title, format!("mend the finding, or extend it: whittle waive {} --until DATE", waiver.fingerprint))
    } else {
        let title = format!("the waiver of {} matches no finding", waiver.fingerprint);
        (title, format!("remove it from {file}"))
    };
    Finding {
        code: rule.code.to_owned(),
        severity: risk::severity(LIKELIHOOD, IMPACT),
        likelihood: LIKELIHOOD,
        impact: IMPACT,
        function_arn: None,
        role_arn: file.to_owned(),
        title,
        detail: Reason::Text(format!("owner {}, reason: {}", waiver.owner, waiver.reason)),
        remedy,
        // Where the file lies does not make it another finding.
        fingerprint: fingerprint(&FindingIdentity {
            code: rule.code,
            function: None,
            role: "",
            also: &format!("{} {}", waiver.fingerprint, waiver.until),
        }),
    }
}
