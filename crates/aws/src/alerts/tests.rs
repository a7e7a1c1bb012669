use std::collections::BTreeMap;

use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use whittle_analysis::alert::Attribute;

use super::*;

const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:whittle-alerts";

fn message() -> Message {
    Message {
        subject: "HIGH: orders may read every bucket".to_owned(),
        text: "orders may read every bucket\nNext: whittle policy orders".to_owned(),
        json: r#"{"schema_version":1}"#.to_owned(),
        sms: "HIGH orders".to_owned(),
        attributes: BTreeMap::from([
            ("account".to_owned(), Attribute::One("111122223333".to_owned())),
            ("code".to_owned(), Attribute::Many(vec!["unused-actions".to_owned(), "wildcard-action".to_owned()])),
        ]),
        fingerprints: vec!["f".to_owned()],
    }
}

fn aws(http: Option<StaticReplayClient>) -> Aws {
    let mut config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .region(aws_config::Region::new("eu-central-1"))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
            aws_sdk_dynamodb::config::Credentials::for_tests(),
        ));
    if let Some(http) = http {
        config = config.http_client(http);
    }
    Aws::from_config(config.build()).unwrap()
}

fn answering(status: u16, body: &str) -> StaticReplayClient {
    let answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    StaticReplayClient::new(vec![ReplayEvent::new(HttpRequest::new(SdkBody::empty()), answer)])
}

fn publish(http: &StaticReplayClient, message: &Message) -> Result<(), PortError> {
    let aws = aws(Some(http.clone()));
    let topic = SnsTopic::open(&aws, TOPIC).unwrap();
    let message = message.clone();
    aws.bridge().wait(async move { topic.publish(&message).await })
}

fn refused(code: &str, text: &str) -> PortError {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>"
    );
    publish(&answering(400, &body), &message()).unwrap_err()
}

#[test]
fn every_subscriber_gets_its_own_text() {
    let body = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>";
    let http = answering(200, body);
    publish(&http, &message()).unwrap();
    let sent = http.actual_requests().next().unwrap();
    let sent = std::str::from_utf8(sent.body().bytes().unwrap()).unwrap();
    let fields: BTreeMap<String, String> = sent
        .split('&')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| {
            let value = percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned();
            (name.to_owned(), value)
        })
        .collect();
    assert_eq!(fields["Action"], "Publish");
    assert_eq!(fields["TopicArn"], TOPIC);
    assert_eq!(fields["MessageStructure"], "json");
    let texts: BTreeMap<String, String> = serde_json::from_str(&fields["Message"]).unwrap();
    assert_eq!(texts["sms"], "HIGH orders");
    assert_eq!(texts["email"], message().text);
    assert_eq!(texts["default"], message().json);
    let attribute = |number: u8, field: &str| fields[&format!("MessageAttributes.entry.{number}.{field}")].as_str();
    let numbers: BTreeMap<&str, u8> = [1, 2].map(|number| (attribute(number, "Name"), number)).into();
    assert_eq!(attribute(numbers["code"], "Value.DataType"), "String.Array");
    assert_eq!(attribute(numbers["code"], "Value.StringValue"), r#"["unused-actions","wildcard-action"]"#);
    assert_eq!(attribute(numbers["account"], "Value.DataType"), "String");
}

#[test]
fn refusals_say_what_to_do() {
    for (code, kind, hint) in [
        ("NotFound", PortErrorKind::Invalid, "deploy"),
        ("InvalidParameter", PortErrorKind::Invalid, "standard topic"),
        ("KMSAccessDenied", PortErrorKind::AccessDenied { action: "kms:GenerateDataKey".to_owned() }, "encrypted"),
        ("KMSThrottling", PortErrorKind::Throttled, "queued"),
        ("KMSDisabled", PortErrorKind::Invalid, "enable"),
        ("AuthorizationError", PortErrorKind::AccessDenied { action: "sns:Publish".to_owned() }, "template.yaml"),
    ] {
        let error = refused(code, "no");
        assert_eq!(error.kind(), &kind, "{code}: {error}");
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{code}: {:?}", error.hint());
        assert!(error.to_string().contains(TOPIC), "{error}");
    }
}

#[test]
fn what_sns_would_refuse_is_not_sent() {
    let never = StaticReplayClient::new(Vec::new());
    let long = |change: fn(&mut Message)| {
        let mut message = message();
        change(&mut message);
        publish(&never, &message).unwrap_err().to_string()
    };
    assert!(long(|message| message.text = "x".repeat(MAX_MESSAGE_BYTES)).contains("262144"));
    assert!(long(|message| message.subject = "x".repeat(100)).contains("subject"));
    assert!(long(|message| message.subject = "zwei\nZeilen".to_owned()).contains("subject"));
    assert!(long(|message| message.subject = "über".to_owned()).contains("subject"));
    let empty = long(|message| drop(message.attributes.insert("code".to_owned(), Attribute::One(String::new()))));
    assert!(empty.contains("`code`"), "{empty}");
}

#[test]
fn only_a_topic_of_this_region_is_one() {
    let aws = aws(None);
    assert!(SnsTopic::open(&aws, TOPIC).is_ok());
    for arn in ["", "whittle", "arn:aws:sqs:eu-central-1:111122223333:q", "arn:aws:sns:us-east-1:111122223333:t"] {
        let error = SnsTopic::open(&aws, arn).unwrap_err();
        assert_eq!(error.kind(), &PortErrorKind::Invalid, "{arn}");
    }
}
