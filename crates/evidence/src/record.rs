//! One CloudTrail record as a borrowed view of its JSON text.
//!
//! In: the text of one JSON object. Out: a [`Record`] whose strings point into that text wherever the JSON
//! holds no escape. Fields follow the CloudTrail User Guide, "CloudTrail record contents for management,
//! data, and network activity events" and "CloudTrail userIdentity element". Fields that AWS may omit are
//! `Option`s; a field of an unusual JSON type becomes `None` and its name is listed in
//! [`Record::odd_fields`]. Only an unusable `eventTime`, `eventSource` or `eventName` makes a record
//! unreadable. Unknown fields are ignored, a repeated key keeps its last value.
//!
//! Not here: shapes that wrap records (see [`crate::read`]) and any meaning of a field.

mod lazy_json;
mod lenient;
mod mend;
mod parse;
mod time;

pub use lazy_json::LazyJson;
pub use lenient::Text;
pub(crate) use lenient::{OddFields, Seed};
pub(crate) use mend::{DAMAGED, mend};
pub(crate) use parse::{Classified, RawRecord, classify};
pub use parse::{ParsedRecord, RecordFault, SkipReason, parse_record};

use jiff::Timestamp;
use lenient::lenient_object;
use serde_json::value::RawValue;

/// One CloudTrail record of an API call or another event.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// `eventTime`: when the request completed, UTC.
    pub event_time: Timestamp,
    /// `eventSource`, such as `s3.amazonaws.com`. Never empty.
    pub event_source: Text<'a>,
    /// `eventName`, such as `GetObject`. Never empty.
    pub event_name: Text<'a>,
    /// `awsRegion`.
    pub aws_region: Option<Text<'a>>,
    /// `errorCode`; absent when the request succeeded. An empty one counts as absent.
    pub error_code: Option<Text<'a>>,
    /// `errorMessage`, cut by AWS at 1 KB.
    pub error_message: Option<Text<'a>>,
    /// `userAgent`, cut by AWS at 1 KB.
    pub user_agent: Option<Text<'a>>,
    /// `sourceIPAddress`: an address, or the name of an AWS service.
    pub source_ip_address: Option<Text<'a>>,
    /// `eventID`.
    pub event_id: Option<Text<'a>>,
    /// `eventType`, such as `AwsApiCall`.
    pub event_type: Option<Text<'a>>,
    /// `eventCategory`: `Management`, `Data` or `NetworkActivity`; absent before event version 1.07.
    pub event_category: Option<Text<'a>>,
    /// `eventVersion`, such as `1.11`.
    pub event_version: Option<Text<'a>>,
    /// `readOnly`.
    pub read_only: Option<bool>,
    /// `managementEvent`.
    pub management_event: Option<bool>,
    /// `recipientAccountId`: the account that the record was delivered to.
    pub recipient_account_id: Option<Text<'a>>,
    /// `sharedEventID`: the same for all copies of one call that several accounts received.
    pub shared_event_id: Option<Text<'a>>,
    /// `vpcEndpointId`.
    pub vpc_endpoint_id: Option<Text<'a>>,
    /// `userIdentity`; all its members are `None` if the record has none.
    pub user_identity: UserIdentity<'a>,
    /// `requestParameters`; `None` for null. AWS omits it above 100 KB.
    pub request_parameters: Option<LazyJson<'a>>,
    /// `responseElements`; `None` for null. AWS omits it above 100 KB.
    pub response_elements: Option<LazyJson<'a>>,
    /// `additionalEventData` as JSON text; `None` for null.
    pub additional_event_data: Option<&'a RawValue>,
    /// `resources`; entries that are no objects are left out.
    pub resources: Vec<ResourceEntry<'a>>,
    /// Names of fields that had an unusual JSON type and were set to `None`.
    pub odd_fields: Vec<&'static str>,
}

/// The log that an event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventCategory {
    /// A control-plane call.
    Management,
    /// A call on data in a resource; logged only where a selector asks for it.
    Data,
    /// A call through a VPC endpoint, as the owner of the endpoint sees it.
    NetworkActivity,
}

impl Record<'_> {
    /// The category by `eventCategory`, else by `managementEvent` (records before event version 1.07); `None`
    /// if the record says neither.
    pub fn category(&self) -> Option<EventCategory> {
        match self.event_category.as_deref() {
            Some("Management") => Some(EventCategory::Management),
            Some("Data") => Some(EventCategory::Data),
            Some("NetworkActivity") => Some(EventCategory::NetworkActivity),
            _ => self.management_event.map(
                |management| {
                    if management { EventCategory::Management } else { EventCategory::Data }
                },
            ),
        }
    }

    /// The account whose trail holds the record: `recipientAccountId`, else (records before event version
    /// 1.02) the account of the identity.
    pub fn account(&self) -> Option<&str> {
        self.recipient_account_id.as_deref().or(self.user_identity.account_id.as_deref())
    }

    /// True if the user agent is that of an AWS SDK inside a Lambda sandbox (`exec-env/AWS_Lambda_…`).
    pub fn has_lambda_user_agent(&self) -> bool {
        self.user_agent.as_deref().is_some_and(|agent| agent.contains("exec-env/AWS_Lambda_"))
    }
}

lenient_object! {
    /// `userIdentity`: who made the request.
    pub struct UserIdentity<'a> {
        /// `type`, such as `AssumedRole`, `AWSAccount` or `AWSService`.
        pub type_: Option<Text<'a>> = "type",
        /// `principalId`: for a role session `AROA…:<session name>`.
        pub principal_id: Option<Text<'a>> = "principalId",
        /// `arn`: for a role session `arn:<partition>:sts::<account>:assumed-role/<role name, without
        /// path>/<session>`.
        pub arn: Option<Text<'a>> = "arn",
        /// `accountId` of the caller.
        pub account_id: Option<Text<'a>> = "accountId",
        /// `invokedBy`: the AWS service that made the request, if one did.
        pub invoked_by: Option<Text<'a>> = "invokedBy",
        /// `sessionContext`.
        pub session_context: SessionContext<'a> = "sessionContext",
        /// `inScopeOf`: what the temporary credentials were issued to.
        pub in_scope_of: Option<InScopeOf<'a>> = "inScopeOf",
    }
}

impl<'a> UserIdentity<'a> {
    /// `sessionContext.sessionIssuer`, if the record has one.
    pub fn session_issuer(&self) -> Option<&SessionIssuer<'a>> {
        self.session_context.session_issuer.as_ref()
    }
}

lenient_object! {
    /// `userIdentity.sessionContext`.
    pub struct SessionContext<'a> {
        /// `sessionIssuer`: the role or user behind the temporary credentials.
        pub session_issuer: Option<SessionIssuer<'a>> = "sessionIssuer",
    }
}

lenient_object! {
    /// `userIdentity.sessionContext.sessionIssuer`.
    pub struct SessionIssuer<'a> {
        /// `type`: `Role`, `IAMUser` or `Root`.
        pub type_: Option<Text<'a>> = "type",
        /// `principalId`: the unique id of the issuer (`AROA…` for a role).
        pub principal_id: Option<Text<'a>> = "principalId",
        /// `arn` of the issuer; for a role with its path.
        pub arn: Option<Text<'a>> = "arn",
        /// `accountId` of the issuer.
        pub account_id: Option<Text<'a>> = "accountId",
        /// `userName`: for a role its name.
        pub user_name: Option<Text<'a>> = "userName",
    }
}

lenient_object! {
    /// `userIdentity.inScopeOf`.
    pub struct InScopeOf<'a> {
        /// `issuerType`, such as `AWS::Lambda::Function`.
        pub issuer_type: Option<Text<'a>> = "issuerType",
        /// `credentialsIssuedTo`: for Lambda the unqualified ARN of the function.
        pub credentials_issued_to: Option<Text<'a>> = "credentialsIssuedTo",
        /// `credentialsIssuedToVersion`: the same with `:$LATEST` or `:<version>`. Not documented, so
        /// optional.
        pub credentials_issued_to_version: Option<Text<'a>> = "credentialsIssuedToVersion",
    }
}

lenient_object! {
    /// One element of `resources`.
    pub struct ResourceEntry<'a> {
        /// `ARN` (some producers write `arn`).
        pub arn: Option<Text<'a>> = "ARN" | "arn",
        /// `ARNPrefix`: what all resources of a list operation begin with.
        pub arn_prefix: Option<Text<'a>> = "ARNPrefix",
        /// `accountId` of the owner.
        pub account_id: Option<Text<'a>> = "accountId",
        /// `type`, such as `AWS::S3::Object`.
        pub type_: Option<Text<'a>> = "type",
    }
}

/// CloudTrail writes this in place of a value that it does not show.
const MASK: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// True if part of a text is masked.
pub(crate) fn holds_mask(text: &str) -> bool {
    text.contains(MASK)
}

/// True if a text was broken on the way here: no name of AWS holds such a character.
pub(crate) fn is_damaged(text: &str) -> bool {
    let is_plain = text.bytes().fold(true, |is_plain, byte| is_plain & (b' '..0x7f).contains(&byte));
    !is_plain && text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests;
