//! Does an event read or write? CloudTrail says so in each record (`readOnly`), and selectors go by it.
//!
//! No list of AWS gives the mark of each operation. Where the verb of the event and the access level of the
//! action agree, the mark is taken as known; elsewhere both have to be logged. (CloudTrail User Guide, "Read
//! and write events"; `kms:Decrypt` shows why one alone will not do: its level is Write, its events are
//! read-only.)

use whittle_catalog::AccessLevel;

/// Verbs of events that only read.
const READS: &[&str] = &["Describe", "Get", "Head", "List"];

/// Verbs of events that write.
const WRITES: &[&str] = &[
    "Abort",
    "Add",
    "Associate",
    "Attach",
    "Cancel",
    "Create",
    "Delete",
    "Deregister",
    "Detach",
    "Disable",
    "Disassociate",
    "Enable",
    "Modify",
    "Purge",
    "Put",
    "Reboot",
    "Register",
    "Remove",
    "Run",
    "Send",
    "Set",
    "Start",
    "Stop",
    "Tag",
    "Terminate",
    "Untag",
    "Update",
];

/// True if such events only read, false if they write; `None` where it is not certain.
pub(super) fn only_reads(event_name: &str, level: AccessLevel) -> Option<bool> {
    let has = |verbs: &[&str]| {
        verbs.iter().any(|verb| {
            event_name
                .strip_prefix(verb)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()))
        })
    };
    match level {
        AccessLevel::List | AccessLevel::Read if has(READS) => Some(true),
        AccessLevel::Tagging | AccessLevel::Write | AccessLevel::PermissionsManagement if has(WRITES) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verb_and_level_have_to_agree() {
        assert_eq!(only_reads("DescribeInstances", AccessLevel::List), Some(true));
        assert_eq!(only_reads("RunInstances", AccessLevel::Write), Some(false));
        assert_eq!(only_reads("Decrypt", AccessLevel::Write), None);
        assert_eq!(only_reads("GetSessionToken", AccessLevel::Write), None);
        assert_eq!(only_reads("StartQuery", AccessLevel::Read), None);
        assert_eq!(only_reads("Settle", AccessLevel::Write), None);
    }
}
