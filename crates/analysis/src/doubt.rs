//! Reasons why the absence of events proves nothing, for any action of the account.

use serde::{Deserialize, Serialize};

/// A reason why absence of evidence proves nothing anywhere in the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Doubt {
    /// Events of a file, folder or Region were lost.
    LostEvents {
        /// Where they were lost.
        place: String,
    },
    /// Functions that could not be listed may need what no other function needs.
    FunctionsNotListed {
        /// Their Region.
        region: String,
    },
}
