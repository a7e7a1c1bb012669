//! Reasons why a permission is needed.

use serde::{Deserialize, Serialize};

use crate::inventory::EventSourceKind;

/// Reason for one need. The order is that of the sentences: of several needs the first is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum NeedReason {
    /// AWS may check it in calls that were seen; no event shows whether it was.
    PossiblyChecked {
        /// The first of the operations called, as `prefix:Name`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<String>,
        /// Callers.
        by: Callers,
    },
    /// AWS may check it in calls of another action (service authorization reference, "dependent actions").
    Dependent {
        /// The other action.
        action: String,
    },
    /// A companion of another action, by the catalog's table.
    Beside {
        /// The other action.
        action: String,
        /// The reason in the table.
        why: String,
    },
    /// A companion of actions that may have been used unseen.
    BesideUnseen {
        /// The first of these actions.
        actions: Vec<String>,
    },
    /// Calls name a key by an alias, which may stand for another key tomorrow.
    ByAlias {
        /// The alias.
        alias: String,
    },
    /// The parameters of another call show that it was needed.
    Parameters {
        /// Callers.
        by: Callers,
    },
    /// A service needs it for encrypted data in calls of other actions.
    ViaService {
        /// The first of these actions.
        actions: Vec<String>,
    },
    /// It was called.
    Called {
        /// Days with calls.
        days: usize,
        /// Callers.
        by: Callers,
    },
    /// The configuration of the function needs it.
    Configured {
        /// The part of the configuration.
        feature: ConfiguredFeature,
    },
}

/// Callers of an action.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Callers {
    /// Only the Lambda service.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub platform_only: bool,
    /// Only people or CI that assumed the role.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub others_only: bool,
    /// Services with the role's rights (forward access sessions).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
}

/// Part of a function's configuration that needs a permission. The order is that of the sentences.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "feature", rename_all = "kebab-case")]
pub enum ConfiguredFeature {
    /// A part that is not known: it may be any.
    Unknown,
    /// The Application Signals layer.
    ApplicationSignals,
    /// The Lambda Insights extension.
    LambdaInsights,
    /// Active X-Ray tracing.
    Tracing,
    /// An encrypted environment.
    EnvironmentKey {
        /// ARN of the key.
        key: String,
    },
    /// A durable function.
    Durable,
    /// A VPC.
    Vpc,
    /// A file system.
    FileSystem,
    /// An event source.
    EventSource {
        /// The service that is polled.
        source: EventSourceKind,
        /// Its ARN.
        arn: String,
        /// The secret that opens it, if the permission is for that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<String>,
    },
    /// A target that results or failures go to.
    Target {
        /// Its role.
        role: TargetRole,
        /// Its ARN.
        arn: String,
        /// The permission is for its key, should it be encrypted.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        encrypted: bool,
    },
    /// The log.
    Log {
        /// The log group.
        group: String,
    },
}

/// Purpose of a target. The order is that of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetRole {
    /// Dead letters.
    DeadLetter,
    /// Destination of asynchronous invocations.
    AsyncDestination,
    /// Failures of an event source.
    SourceFailure,
}
