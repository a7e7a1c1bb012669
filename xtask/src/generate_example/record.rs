//! One CloudTrail record, in the field order and with the members that version 1.11 has (AWS CloudTrail User
//! Guide, "CloudTrail record contents for management, data, and network activity events").

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::account::{ACCOUNT, GLOBAL_REGION, REGION};
use super::identities::{ExampleCaller, host};
use super::prng::{BASE32_HEX, HEX, Prng};
use super::window::Moment;

/// A record, and what is needed to file it.
#[derive(Clone)]
pub struct ExampleEvent {
    pub at: Moment,
    pub region: &'static str,
    pub id: String,
    pub record: Value,
}

/// An API call, before it is known who makes it and when.
#[derive(Clone)]
pub struct ExampleCall {
    service: &'static str,
    name: &'static str,
    region: &'static str,
    read_only: bool,
    data: bool,
    parameters: Value,
    response: Value,
    resources: Vec<Value>,
    error: Option<(&'static str, String)>,
    additional: Option<Value>,
    event_type: &'static str,
}

impl ExampleCall {
    fn new(service: &'static str, name: &'static str, read_only: bool, parameters: Value) -> Self {
        Self {
            service,
            name,
            region: REGION,
            read_only,
            data: false,
            parameters,
            response: Value::Null,
            resources: Vec::new(),
            error: None,
            additional: None,
            event_type: "AwsApiCall",
        }
    }

    /// A call that reads. `service` is the label of the event source.
    pub fn read(service: &'static str, name: &'static str, parameters: Value) -> Self {
        Self::new(service, name, true, parameters)
    }

    /// A call that changes something.
    pub fn write(service: &'static str, name: &'static str, parameters: Value) -> Self {
        Self::new(service, name, false, parameters)
    }

    /// Makes it a data event.
    pub fn data(mut self) -> Self {
        self.data = true;
        self
    }

    /// Logs in the Region of the global services.
    pub fn global(mut self) -> Self {
        self.region = GLOBAL_REGION;
        self
    }

    /// Adds a resource of this account.
    pub fn on(mut self, kind: &str, arn: &str) -> Self {
        self.resources.push(json!({ "accountId": ACCOUNT, "type": kind, "ARN": arn }));
        self
    }

    /// Adds an object, and its bucket.
    pub fn on_object(mut self, bucket: &str, key: &str) -> Self {
        self.resources.push(json!({ "type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::{bucket}/{key}") }));
        self.on("AWS::S3::Bucket", &format!("arn:aws:s3:::{bucket}"))
    }

    /// Adds a bucket of which objects are listed.
    pub fn on_listed(mut self, bucket: &str) -> Self {
        self.resources.push(json!({ "type": "AWS::S3::Object", "ARNPrefix": format!("arn:aws:s3:::{bucket}/") }));
        self.on("AWS::S3::Bucket", &format!("arn:aws:s3:::{bucket}"))
    }

    pub fn answer(mut self, response: Value) -> Self {
        self.response = response;
        self
    }

    pub fn fails(mut self, code: &'static str, message: impl Into<String>) -> Self {
        self.error = Some((code, message.into()));
        self.response = Value::Null;
        self
    }

    /// Refused: the parameters are left out, as they often are.
    pub fn denied(mut self, code: &'static str, message: impl Into<String>) -> Self {
        self.parameters = Value::Null;
        self.fails(code, message)
    }

    pub fn with(mut self, additional: Value) -> Self {
        self.additional = Some(additional);
        self
    }

    /// Something other than an API call (`AwsServiceEvent`, `AwsConsoleSignIn`).
    pub fn kind(mut self, event_type: &'static str) -> Self {
        self.event_type = event_type;
        self
    }

    /// The record of `caller` making this call.
    pub fn by(self, caller: &ExampleCaller, at: Moment, prng: &mut Prng) -> Result<ExampleEvent> {
        let id = prng.uuid();
        let mut record = Map::new();
        let mut put = |name: &str, value: Value| record.insert(name.to_owned(), value);
        put("eventVersion", json!("1.11"));
        put("userIdentity", caller.identity.clone());
        put("eventTime", json!(at.rfc3339()?));
        put("eventSource", json!(format!("{}.amazonaws.com", self.service)));
        put("eventName", json!(self.name));
        put("awsRegion", json!(self.region));
        put("sourceIPAddress", json!(caller.address));
        put("userAgent", json!(caller.agent.replace("{api}", self.service)));
        if let Some((code, message)) = self.error {
            put("errorCode", json!(code));
            put("errorMessage", json!(message));
        }
        put("requestParameters", self.parameters);
        put("responseElements", self.response);
        let additional = self.additional.or_else(|| (self.service == "s3").then(|| transfer(prng)));
        if let Some(additional) = additional {
            put("additionalEventData", additional);
        }
        if self.event_type == "AwsApiCall" {
            put("requestID", json!(request_id(self.service, prng)));
        }
        put("eventID", json!(id));
        put("readOnly", json!(self.read_only));
        if !self.resources.is_empty() {
            put("resources", Value::Array(self.resources));
        }
        put("eventType", json!(self.event_type));
        put("managementEvent", json!(!self.data));
        put("recipientAccountId", json!(ACCOUNT));
        if let Some(endpoint) = caller.vpc_endpoint {
            put("vpcEndpointId", json!(endpoint));
            put("vpcEndpointAccountId", json!(ACCOUNT));
        }
        put("eventCategory", json!(if self.data { "Data" } else { "Management" }));
        if caller.tls && self.event_type == "AwsApiCall" {
            let host = if self.region == GLOBAL_REGION {
                format!("{}.amazonaws.com", self.service)
            } else {
                host(self.service)
            };
            put(
                "tlsDetails",
                json!({
                    "tlsVersion": "TLSv1.3",
                    "cipherSuite": "TLS_AES_128_GCM_SHA256",
                    "clientProvidedHostHeader": host,
                }),
            );
        }
        Ok(ExampleEvent { at, region: self.region, id, record: Value::Object(record) })
    }
}

/// Fields that S3 adds to an event.
fn transfer(prng: &mut Prng) -> Value {
    json!({
        "SignatureVersion": "SigV4",
        "CipherSuite": "TLS_AES_128_GCM_SHA256",
        "bytesTransferredIn": prng.between(1, 400) * 16,
        "AuthenticationMethod": "AuthHeader",
        "bytesTransferredOut": prng.between(1, 400) * 16,
    })
}

/// Services write request ids in their own ways.
fn request_id(service: &str, prng: &mut Prng) -> String {
    match service {
        "dynamodb" => prng.text(26, BASE32_HEX) + "VV4KQNSO5AEMVJF66Q9ASUAAJG",
        "s3" => prng.text(16, HEX),
        _ => prng.uuid(),
    }
}
