//! Inventory of an account: functions, their execution roles and the configuration that makes Lambda use
//! them.
//!
//! Plain data. Adapters (snapshot folder, AWS) fill it; nothing here reads anything. What an adapter could
//! not read goes into [`Inventory::issues`], and the member it concerns stays empty, so that "absent" and
//! "unreadable" never look alike.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use whittle_policy::PolicyDocument;
use whittle_policy::id::{AccountId, FunctionArn, Region, RoleArn, RoleId};

use crate::issue::Issue;
use crate::result::{RoleSettings, StackMember};

/// Functions and roles of one account at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    /// The account everything here belongs to.
    pub account: AccountId,
    /// Partition of its ARNs: `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// Functions by unqualified ARN.
    pub functions: BTreeMap<FunctionArn, Function>,
    /// Roles by ARN. Roles that no function uses may be here too; they are not analysed.
    pub roles: BTreeMap<RoleArn, Role>,
    /// Functions that belong to a CloudFormation stack. Their logical ids tell which serve custom resources.
    pub stacks: BTreeMap<FunctionArn, StackMember>,
    /// Trust policy and boundary of roles, for outputs that make a role anew. The trust policy tells too
    /// whether functions run at the edge.
    pub role_settings: BTreeMap<RoleArn, RoleSettings>,
    /// Regions whose functions were listed, beside those of the functions here: one without functions too.
    pub regions: BTreeSet<Region>,
    /// Files and answers that could not be read.
    pub issues: Vec<Issue>,
}

impl Inventory {
    /// An empty inventory of `account`.
    pub fn new(account: AccountId, partition: impl Into<String>) -> Self {
        Self {
            account,
            partition: partition.into(),
            functions: BTreeMap::new(),
            roles: BTreeMap::new(),
            stacks: BTreeMap::new(),
            role_settings: BTreeMap::new(),
            regions: BTreeSet::new(),
            issues: Vec::new(),
        }
    }

    /// True if the functions of this Region and account were listed.
    pub fn lists(&self, region: &str, account: &str) -> bool {
        account == self.account.as_ref()
            && (self.regions.iter().any(|listed| listed.as_str() == region)
                || self.functions.values().any(|function| function.region.as_str() == region))
    }

    /// Every (role, function) pair that runs today: the role of `$LATEST` and the roles of published
    /// versions, which may differ from it (Lambda API, `ListFunctions` with `FunctionVersion=ALL`).
    pub fn assignments(&self) -> BTreeMap<&RoleArn, Vec<&Function>> {
        let mut by_role: BTreeMap<&RoleArn, Vec<&Function>> = BTreeMap::new();
        for function in self.functions.values() {
            for role in function.roles() {
                by_role.entry(role).or_default().push(function);
            }
        }
        by_role
    }
}

/// One Lambda function with all its versions.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Unqualified ARN.
    pub arn: FunctionArn,
    /// Name; equals the session name of calls that its code makes.
    pub name: String,
    /// Region it runs in.
    pub region: Region,
    /// Execution role of `$LATEST`.
    pub role: RoleArn,
    /// Published versions whose role is known.
    pub versions: Vec<FunctionVersion>,
    /// Runtime identifier; `None` for container images.
    pub runtime: Option<String>,
    /// Time of the last change of code or configuration.
    pub last_modified: Option<Timestamp>,
    /// Configuration that makes the Lambda service use the role.
    pub config: FunctionConfig,
    /// Ways of callers to reach it; the likelihood of misuse grows with them.
    pub exposure: Exposure,
}

impl Function {
    /// The distinct roles of `$LATEST` and of the published versions, `$LATEST` first.
    pub fn roles(&self) -> Vec<&RoleArn> {
        let mut roles = vec![&self.role];
        for version in &self.versions {
            if !roles.contains(&&version.role) {
                roles.push(&version.role);
            }
        }
        roles
    }

    /// Versions (and the aliases on them) that run under `role`; `$LATEST` included.
    pub fn qualifiers_under(&self, role: &RoleArn) -> Vec<String> {
        let mut out = Vec::new();
        if &self.role == role {
            out.push("$LATEST".to_owned());
        }
        for version in self.versions.iter().filter(|version| &version.role == role) {
            out.push(version.version.clone());
            out.extend(version.aliases.iter().cloned());
        }
        out
    }
}

/// A published version and the role it runs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionVersion {
    /// Version number.
    pub version: String,
    /// Its execution role.
    pub role: RoleArn,
    /// Aliases that point to it.
    pub aliases: Vec<String>,
}

/// Configuration that needs permissions of the execution role (AWS Lambda Developer Guide, "Defining Lambda
/// function permissions with an execution role" and the page of each feature).
#[expect(clippy::struct_excessive_bools, reason = "switches of a function, as the API has them")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FunctionConfig {
    /// `LoggingConfig.LogGroup`, if it replaces `/aws/lambda/<name>`.
    pub log_group: Option<String>,
    /// Has `VpcConfig` with subnets.
    pub in_vpc: bool,
    /// `TracingConfig.Mode` is `Active`.
    pub active_tracing: bool,
    /// `DeadLetterConfig.TargetArn`.
    pub dead_letter_target: Option<String>,
    /// `KMSKeyArn` of the environment variables.
    pub kms_key: Option<String>,
    /// ARNs of `FileSystemConfigs`.
    pub file_systems: Vec<String>,
    /// Layer version ARNs.
    pub layers: Vec<String>,
    /// `DurableConfig` is present.
    pub durable: bool,
    /// `SnapStart.ApplyOn` is `PublishedVersions`: initialisation code runs when a version is published.
    pub snap_start: bool,
    /// Event source mappings.
    pub event_sources: Vec<EventSource>,
    /// On-success and on-failure destinations of asynchronous invocations.
    pub destinations: Vec<String>,
}

/// One event source mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSource {
    /// The service that is polled.
    pub kind: EventSourceKind,
    /// `EventSourceArn`; self-managed Kafka has none.
    pub arn: Option<String>,
    /// `DestinationConfig.OnFailure.Destination`.
    pub on_failure: Option<String>,
    /// Secrets of `SourceAccessConfigurations`.
    pub secrets: Vec<String>,
    /// Schema registry of a Kafka source.
    pub schema_registry: SchemaRegistry,
    /// Enabled; a disabled mapping still needs its permissions when it is switched on again.
    pub enabled: bool,
}

/// Schema registry of a Kafka event source (`SchemaRegistryConfig`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SchemaRegistry {
    /// The configuration of the source does not say.
    #[default]
    Unknown,
    /// There is none, or one that is reached without permissions of the role.
    NotGlue,
    /// A registry of AWS Glue.
    Glue,
}

/// Services that Lambda polls with the execution role, by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventSourceKind {
    /// Amazon MQ broker.
    Mq,
    /// Amazon MSK cluster.
    Msk,
    /// Self-managed Apache Kafka.
    SelfManagedKafka,
    /// Amazon DocumentDB change stream.
    DocumentDb,
    /// DynamoDB stream.
    DynamoDbStream,
    /// Kinesis data stream or consumer.
    Kinesis,
    /// Amazon SQS queue.
    Sqs,
    /// A source that this version does not know: nothing can be called unused because of it.
    #[default]
    Unknown,
}

/// Ways to reach a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Auth type of a function URL, if it has one (`NONE` means anybody).
    pub url_auth: Option<String>,
    /// Service principals and accounts that its resource policy allows to invoke it.
    pub invokers: Vec<String>,
    /// The resource policy allows every principal.
    pub public_policy: bool,
}

/// An IAM role with everything that decides what it may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// ARN with path.
    pub arn: RoleArn,
    /// `AROA…`; changes when a role is deleted and made again.
    pub id: RoleId,
    /// Name without path.
    pub name: String,
    /// Time of creation.
    pub created: Option<Timestamp>,
    /// Inline and attached identity-based policies.
    pub policies: Vec<RolePolicy>,
    /// Permissions boundary. It limits and never grants.
    pub boundary: Option<PolicyDocument>,
    /// A boundary is attached, whether or not its document could be read.
    pub has_boundary: bool,
    /// `RoleLastUsed.LastUsedDate` (trailing 400 days).
    pub last_used: Option<Timestamp>,
    /// IAM last-accessed report, if one was collected.
    pub last_accessed: Option<LastAccessed>,
    /// Policies that are attached but could not be read; with one of them no suggestion is made.
    pub unreadable_policies: Vec<String>,
}

impl Role {
    /// A role that nothing else is known of.
    pub fn new(arn: RoleArn, id: RoleId) -> Self {
        Self {
            name: arn.name().to_owned(),
            arn,
            id,
            created: None,
            policies: Vec::new(),
            boundary: None,
            has_boundary: false,
            last_used: None,
            last_accessed: None,
            unreadable_policies: Vec::new(),
        }
    }
}

/// One identity-based policy of a role.
#[derive(Debug, Clone, PartialEq)]
pub struct RolePolicy {
    /// Policy name.
    pub name: String,
    /// ARN of a managed policy; `None` for an inline one.
    pub arn: Option<String>,
    /// Inline, customer-managed or AWS-managed.
    pub kind: PolicyKind,
    /// The document in force (default version).
    pub document: PolicyDocument,
    /// Earlier versions, newest first, the default one included: since when a grant exists.
    pub versions: Vec<PolicyVersion>,
}

impl RolePolicy {
    /// An inline policy.
    pub fn inline(name: impl Into<String>, document: PolicyDocument) -> Self {
        Self { name: name.into(), arn: None, kind: PolicyKind::Inline, document, versions: Vec::new() }
    }
}

/// A version of a managed policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyVersion {
    /// Time of creation.
    pub created: Timestamp,
    /// Its document.
    pub document: PolicyDocument,
}

/// Attachment and owner of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyKind {
    /// Embedded in the role.
    Inline,
    /// Managed by the account.
    CustomerManaged,
    /// Managed by AWS.
    AwsManaged,
}

/// Last-accessed report of one role (IAM User Guide, "Refine permissions in AWS using last accessed
/// information"): attempts of at least 400 days, the data plane included, denied ones too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastAccessed {
    /// Service prefix → last attempt; `None`: no attempt within the tracking period.
    pub services: BTreeMap<String, Option<Timestamp>>,
    /// In a report of action level: action (`lambda:GetFunction`) → last attempt; `None`: no attempt within
    /// the tracking period. Only management actions that IAM tracks are there; an attempt proves no need, and
    /// absence here no disuse.
    pub actions: BTreeMap<String, Option<Timestamp>>,
    /// Time of the report.
    pub completed: Option<Timestamp>,
}
