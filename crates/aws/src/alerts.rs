//! Publishes alerts to an SNS topic.
//!
//! One message carries a text for each kind of subscriber ([`Message::structured`]). Publishing is at least
//! once: a try whose answer was lost is made again by the SDK and by the next run, and SNS has no token that
//! marks it as a repetition.

use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::types::MessageAttributeValue;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use whittle_analysis::alert::{MAX_MESSAGE_BYTES, Message};
use whittle_pipeline::ports::service::AlertSink;
use whittle_pipeline::ports::{PortError, PortErrorKind};

use crate::clients::Aws;
use crate::error::port_error;

/// A subject has fewer than 100 characters (Amazon SNS API Reference, "Publish").
const MAX_SUBJECT_CHARS: usize = 99;

/// An [`AlertSink`] that is an SNS topic.
#[derive(Debug, Clone)]
pub struct SnsTopic {
    client: Client,
    arn: String,
}

impl SnsTopic {
    /// The topic of an ARN, in the Region of `aws`. Calls nothing.
    ///
    /// Fails (`Invalid`) on what is no topic ARN, or one of another Region: SNS answers for its own Region
    /// only.
    pub fn open(aws: &Aws, arn: &str) -> Result<Self, PortError> {
        let parts: Vec<&str> = arn.split(':').collect();
        let region = match parts.as_slice() {
            ["arn", partition, "sns", region, account, name]
                if partition.starts_with("aws") && account.len() == 12 && !name.is_empty() =>
            {
                *region
            }
            _ => {
                return Err(PortError::new(PortErrorKind::Invalid, format!("`{arn}` is no ARN of an SNS topic"))
                    .with_hint("it looks like arn:aws:sns:eu-central-1:111122223333:whittle-alerts"));
            }
        };
        if region != aws.region() {
            let message = format!("topic `{arn}` is in another Region than {}", aws.region());
            return Err(PortError::new(PortErrorKind::Invalid, message).with_hint("give a topic beside the table"));
        }
        Ok(Self { client: aws.sns(), arn: arn.to_owned() })
    }
}

impl AlertSink for SnsTopic {
    /// Requires: `sns:Publish`, and for an encrypted topic `kms:GenerateDataKey` and `kms:Decrypt` on its key
    async fn publish(&self, message: &Message) -> Result<(), PortError> {
        check(message)?;
        let mut request = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(&message.subject)
            .message(message.structured())
            .message_structure("json");
        for (name, attribute) in &message.attributes {
            let value = MessageAttributeValue::builder()
                .data_type(attribute.data_type())
                .string_value(attribute.string_value())
                .build()
                .map_err(|error| PortError::new(PortErrorKind::Bug, format!("attribute `{name}`: {error}")))?;
            request = request.message_attributes(name, value);
        }
        request.send().await.map(drop).map_err(|error| self.failed(error))
    }
}

/// A message that SNS would refuse is our mistake; the check here says more than `InvalidParameter`.
fn check(message: &Message) -> Result<(), PortError> {
    let bug = |what: String| Err(PortError::new(PortErrorKind::Bug, what).with_hint("please report this"));
    let size = message.size_bytes();
    if size > MAX_MESSAGE_BYTES {
        return bug(format!("an alert has {size} bytes; SNS takes {MAX_MESSAGE_BYTES}"));
    }
    let subject = &message.subject;
    // "… ASCII text that begins with a letter, number, or punctuation mark; must not include line breaks or
    // control characters" (Amazon SNS API Reference, "Publish").
    let fits = !subject.is_empty()
        && subject.len() <= MAX_SUBJECT_CHARS
        && subject.chars().all(|c| c == ' ' || c.is_ascii_graphic())
        && !subject.starts_with(' ');
    if !fits {
        return bug("the subject of an alert is not one that SNS takes".to_owned());
    }
    // An attribute without value is refused (Amazon SNS Developer Guide, "Amazon SNS message attributes").
    match message.attributes.iter().find(|(_, attribute)| attribute.string_value().is_empty()) {
        Some((name, _)) => bug(format!("attribute `{name}` of an alert is empty")),
        None => Ok(()),
    }
}

/// Refusals: code, kind, advice (Amazon SNS API Reference, "Publish", "Errors").
const REFUSALS: &[(&str, SnsRefusal, &str)] = &[
    ("NotFound", SnsRefusal::Invalid, "deploy template.yaml again, or give the ARN of a topic that is there"),
    (
        "InvalidParameter",
        SnsRefusal::Invalid,
        "check the ARN of the topic, and that it is a standard topic (no `.fifo`)",
    ),
    ("InvalidParameterValue", SnsRefusal::Invalid, "check the ARN of the topic"),
    ("EndpointDisabled", SnsRefusal::Invalid, "the topic's endpoint is disabled: enable it, or give another topic"),
    (
        "KMSAccessDenied",
        SnsRefusal::KeyDenied,
        "the topic is encrypted: allow `kms:GenerateDataKey` and `kms:Decrypt` on its key for the role of Whittle",
    ),
    (
        "KMSDisabled",
        SnsRefusal::Invalid,
        "the key of the topic is disabled: enable it, or encrypt the topic with another",
    ),
    (
        "KMSInvalidState",
        SnsRefusal::Invalid,
        "the key of the topic is pending deletion or import: cancel that, or use another",
    ),
    ("KMSNotFound", SnsRefusal::Invalid, "the key of the topic is gone: encrypt the topic with another"),
    ("KMSOptInRequired", SnsRefusal::Invalid, "the account has no subscription for AWS KMS"),
    ("KMSThrottling", SnsRefusal::Throttled, "the alert stays queued: the next run sends it"),
];

#[derive(Clone, Copy)]
enum SnsRefusal {
    Invalid,
    KeyDenied,
    Throttled,
}

impl SnsTopic {
    fn failed(&self, error: SdkError<PublishError, HttpResponse>) -> PortError {
        let code = error.as_service_error().and_then(|service| service.meta().code()).unwrap_or_default().to_owned();
        let out = port_error(error, "sns:Publish", &format!("topic `{}` does not take an alert", self.arn));
        let Some((_, refusal, hint)) = REFUSALS.iter().find(|(known, ..)| *known == code) else { return out };
        let kind = match refusal {
            SnsRefusal::Invalid => PortErrorKind::Invalid,
            SnsRefusal::KeyDenied => PortErrorKind::AccessDenied { action: "kms:GenerateDataKey".to_owned() },
            SnsRefusal::Throttled => PortErrorKind::Throttled,
        };
        let message = out.to_string();
        PortError::new(kind, message).with_hint(*hint).with_source(out)
    }
}

#[cfg(test)]
mod tests;
