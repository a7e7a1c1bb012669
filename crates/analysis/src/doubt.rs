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
        /// The Region whose events they were, if its place tells; else events of any Region.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<String>,
    },
    /// Functions that could not be listed may need what no other function needs.
    FunctionsNotListed {
        /// Their Region.
        region: String,
    },
}

impl Doubt {
    /// True if the doubt is about events of one of these Regions, or of any.
    pub fn concerns(&self, regions: &[&str]) -> bool {
        match self {
            Self::LostEvents { region: Some(region), .. } => regions.contains(&region.as_str()),
            Self::LostEvents { region: None, .. } | Self::FunctionsNotListed { .. } => true,
        }
    }
}
