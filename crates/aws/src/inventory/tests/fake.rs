//! AWS as far as the inventory asks it, behind the SDK's HTTP interface: real requests, real paging, no
//! network.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use crate::clients::Aws;

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const REGION: &str = "eu-central-1";

/// A Region's functions and what hangs on them.
#[derive(Debug, Clone, Default)]
pub(super) struct Functions {
    /// As ListFunctions answers them, in any order.
    pub(super) listed: Vec<Value>,
    pub(super) mappings: Vec<Value>,
    /// (kind, function) → entries, or the policy, or the tags.
    pub(super) details: BTreeMap<(&'static str, String), Value>,
    /// Functions that go after the list was made.
    pub(super) gone: BTreeSet<String>,
}

/// An account, and how it misbehaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    pub(super) regions: BTreeMap<String, Functions>,
    /// XML of roles and of policies.
    pub(super) roles: Vec<String>,
    pub(super) policies: Vec<String>,
    /// Region → answers of DescribeTrails; status and selectors by ARN.
    pub(super) trails: BTreeMap<String, Vec<Value>>,
    pub(super) statuses: BTreeMap<String, Value>,
    pub(super) selectors: BTreeMap<String, Value>,
    /// Services of a report by role name; none for others.
    pub(super) reports: BTreeMap<String, Vec<String>>,
    /// Looks at a job before it has ended.
    pub(super) slow_jobs: u32,
    pub(super) page: usize,
    /// Operations (or `operation@Region`) that are refused.
    pub(super) denied: BTreeSet<String>,
    /// Operation → how many tries are throttled from now on.
    pub(super) throttled: BTreeMap<String, u32>,
    /// Operations whose pages repeat for ever.
    pub(super) stuck: BTreeSet<&'static str>,
    jobs: BTreeMap<String, (String, u32)>,
}

/// Calls by operation and subject.
#[derive(Debug, Clone)]
pub(super) struct Fake {
    pub(super) account: Arc<Mutex<Account>>,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(super) fn new(account: Account) -> Self {
        Self { account: Arc::new(Mutex::new(account)), asked: Arc::default() }
    }

    /// Clients that reach this account only.
    pub(super) async fn aws(&self) -> Aws {
        let credentials = aws_sdk_iam::config::Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(credentials)
            .http_client(self.clone())
            .retry_config(aws_config::retry::RetryConfig::standard().with_max_attempts(3))
            .load()
            .await;
        Aws::from_config(config).unwrap()
    }

    pub(super) fn edit(&self, change: impl FnOnce(&mut Account)) {
        change(&mut self.account.lock().unwrap());
    }

    /// Requests since the last time, sorted.
    pub(super) fn take_asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.sort();
        asked
    }

    fn answer(&self, request: &HttpRequest) -> Answer {
        let uri = request.uri().to_owned();
        let (_, rest) = uri.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let region = host.split('.').nth(1).unwrap_or_default().to_owned();
        let body = String::from_utf8(request.body().bytes().unwrap_or_default().to_vec()).unwrap();
        let mut account = self.account.lock().unwrap();
        let call = if host.starts_with("iam.") {
            let form = fields(&body);
            Call { operation: form["Action"].clone(), subject: String::new(), fields: form }
        } else if host.starts_with("cloudtrail.") {
            let target = request.headers().get("x-amz-target").unwrap();
            let subject: Value = serde_json::from_str(&body).unwrap();
            let subject = subject["Name"].as_str().or(subject["TrailName"].as_str()).unwrap_or_default().to_owned();
            Call { operation: target.rsplit('.').next().unwrap().to_owned(), subject, fields: BTreeMap::new() }
        } else {
            lambda_call(path, query)
        };
        self.asked.lock().unwrap().push(format!("{} {}", call.operation, call.subject).trim_end().to_owned());
        let place = format!("{}@{region}", call.operation);
        if account.denied.contains(&call.operation) || account.denied.contains(&place) {
            return Answer::error(403, "AccessDeniedException", "not authorized");
        }
        if let Some(left) = account.throttled.get_mut(&call.operation).filter(|left| **left > 0) {
            *left -= 1;
            return Answer::error(429, "TooManyRequestsException", "Rate exceeded");
        }
        if host.starts_with("iam.") {
            account.iam(&call)
        } else if host.starts_with("cloudtrail.") {
            account.cloudtrail(&call, &region)
        } else {
            account.lambda(&call, &region)
        }
    }
}

#[derive(Debug)]
struct Call {
    operation: String,
    subject: String,
    fields: BTreeMap<String, String>,
}

struct Answer {
    status: u16,
    error: Option<String>,
    body: String,
}

impl Answer {
    #[expect(clippy::needless_pass_by_value, reason = "texts and JSON values, given as they are made")]
    fn ok(body: impl ToString) -> Self {
        Self { status: 200, error: None, body: body.to_string() }
    }

    fn error(status: u16, code: &str, message: &str) -> Self {
        Self { status, error: Some(code.to_owned()), body: json!({"message": message, "__type": code}).to_string() }
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned()
}

fn fields(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn lambda_call(path: &str, query: &str) -> Call {
    let parts: Vec<String> = path.trim_end_matches('/').split('/').skip(1).map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (operation, subject) = match parts.as_slice() {
        ["functions"] => ("ListFunctions", ""),
        ["event-source-mappings"] => ("ListEventSourceMappings", ""),
        ["functions", name, "event-invoke-config", "list"] => ("ListFunctionEventInvokeConfigs", *name),
        ["functions", name, "urls"] => ("ListFunctionUrlConfigs", *name),
        ["functions", name, "policy"] => ("GetPolicy", *name),
        ["functions", name, "aliases"] => ("ListAliases", *name),
        ["tags", arn] => ("ListTags", arn.rsplit(':').next().unwrap()),
        other => panic!("{other:?}"),
    };
    Call { operation: operation.to_owned(), subject: subject.to_owned(), fields: fields(query) }
}

impl Account {
    /// One page of a list and the marker of the next.
    fn page<'a, T>(&self, all: &'a [T], call: &Call, most: usize) -> (&'a [T], Option<String>) {
        let size = if self.page == 0 { most } else { self.page };
        assert!(call.fields.get("MaxItems").and_then(|n| n.parse().ok()).is_some_and(|n: usize| n <= 1_000));
        let from: usize = call.fields.get("Marker").map_or(0, |marker| marker.parse().unwrap());
        if self.stuck.iter().any(|operation| *operation == call.operation) {
            return (all.get(..size.min(all.len())).unwrap(), Some("1".to_owned()));
        }
        let to = (from + size).min(all.len());
        (&all[from..to], (to < all.len()).then(|| to.to_string()))
    }

    fn lambda(&self, call: &Call, region: &str) -> Answer {
        let Some(functions) = self.regions.get(region) else {
            return Answer::error(
                403,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            );
        };
        if functions.gone.contains(&call.subject) {
            return Answer::error(404, "ResourceNotFoundException", "Function not found");
        }
        let detail = |kind| functions.details.get(&(kind, call.subject.clone())).cloned().unwrap_or(Value::Null);
        let list = |name: &str, all: &[Value], most: usize| {
            let (page, next) = self.page(all, call, most);
            Answer::ok(json!({name: page, "NextMarker": next}))
        };
        let entries = |kind| detail(kind).as_array().cloned().unwrap_or_default();
        match call.operation.as_str() {
            "ListFunctions" => {
                assert_eq!(call.fields["FunctionVersion"], "ALL");
                list("Functions", &functions.listed, 50)
            }
            "ListEventSourceMappings" => list("EventSourceMappings", &functions.mappings, 100),
            "ListFunctionEventInvokeConfigs" => {
                list("FunctionEventInvokeConfigs", &entries("event-invoke-configs"), 50)
            }
            "ListFunctionUrlConfigs" => list("FunctionUrlConfigs", &entries("function-urls"), 50),
            "ListAliases" => list("Aliases", &entries("aliases"), 50),
            "ListTags" => Answer::ok(json!({"Tags": detail("tags")})),
            "GetPolicy" => match detail("resource-policies") {
                Value::Null => {
                    Answer::error(404, "ResourceNotFoundException", "The resource you requested does not exist.")
                }
                policy => Answer::ok(json!({"Policy": policy.to_string(), "RevisionId": "r1"})),
            },
            other => panic!("{other}"),
        }
    }

    fn cloudtrail(&self, call: &Call, region: &str) -> Answer {
        let none = || Answer::error(400, "TrailNotFoundException", "Unknown trail");
        match call.operation.as_str() {
            "DescribeTrails" => Answer::ok(json!({"trailList": self.trails.get(region)})),
            "GetTrailStatus" => self.statuses.get(&call.subject).map_or_else(none, Answer::ok),
            "GetEventSelectors" => self.selectors.get(&call.subject).map_or_else(none, Answer::ok),
            other => panic!("{other}"),
        }
    }

    fn iam(&mut self, call: &Call) -> Answer {
        let result = match call.operation.as_str() {
            "GetAccountAuthorizationDetails" => {
                let filters: BTreeSet<&str> = (1..=3)
                    .filter_map(|n| call.fields.get(&format!("Filter.member.{n}")))
                    .map(String::as_str)
                    .collect();
                assert_eq!(filters, BTreeSet::from(["AWSManagedPolicy", "LocalManagedPolicy", "Role"]));
                let all: Vec<(bool, &String)> = self
                    .roles
                    .iter()
                    .map(|role| (true, role))
                    .chain(self.policies.iter().map(|p| (false, p)))
                    .collect();
                let (page, next) = self.page(&all, call, 1_000);
                let of = |wanted: bool| {
                    page.iter().filter(|(role, _)| *role == wanted).fold(String::new(), |mut text, (_, xml)| {
                        write!(text, "<member>{xml}</member>").unwrap();
                        text
                    })
                };
                let paging = next.map_or_else(
                    || "<IsTruncated>false</IsTruncated>".to_owned(),
                    |next| format!("<IsTruncated>true</IsTruncated><Marker>{next}</Marker>"),
                );
                format!("{paging}<RoleDetailList>{}</RoleDetailList><Policies>{}</Policies>", of(true), of(false))
            }
            "GenerateServiceLastAccessedDetails" => {
                assert_eq!(call.fields["Granularity"], "ACTION_LEVEL");
                let job = format!("00000000-0000-0000-0000-{:012}", self.jobs.len());
                self.jobs.insert(job.clone(), (call.fields["Arn"].clone(), self.slow_jobs));
                format!("<JobId>{job}</JobId>")
            }
            "GetServiceLastAccessedDetails" => {
                let Some((arn, left)) = self.jobs.get_mut(&call.fields["JobId"]) else {
                    return Answer::error(404, "NoSuchEntity", "no such job");
                };
                let head = "<JobCreationDate>2026-01-05T00:00:00Z</JobCreationDate>";
                if *left > 0 {
                    *left -= 1;
                    format!("<JobStatus>IN_PROGRESS</JobStatus>{head}")
                } else {
                    let role = arn.rsplit('/').next().unwrap().to_owned();
                    let services = self.reports.get(&role).cloned().unwrap_or_default();
                    let (page, next) = self.page(&services, call, 1_000);
                    let services = page.iter().fold(String::new(), |mut text, service| {
                        write!(text, "<member><ServiceName>S</ServiceName><ServiceNamespace>{service}</ServiceNamespace></member>").unwrap();
                        text
                    });
                    let paging = next.map_or_else(String::new, |next| {
                        format!("<IsTruncated>true</IsTruncated><Marker>{next}</Marker>")
                    });
                    format!(
                        "<JobStatus>COMPLETED</JobStatus>{head}<JobCompletionDate>2026-01-05T00:00:09Z</JobCompletionDate>\
                         <ServicesLastAccessed>{services}</ServicesLastAccessed>{paging}"
                    )
                }
            }
            other => panic!("{other}"),
        };
        let name = &call.operation;
        Answer::ok(format!(
            "<{name}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><{name}Result>{result}</{name}Result></{name}Response>"
        ))
    }

    /// Forgets jobs: another session asks.
    pub(super) fn forget_jobs(&mut self) {
        self.jobs.clear();
    }
}

impl HttpConnector for Fake {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.answer(&request);
        let is_xml = request.uri().contains("://iam.");
        let body = match (&answer.error, is_xml) {
            (Some(code), true) => format!(
                "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
            ),
            _ => answer.body,
        };
        let mut response = HttpResponse::new(answer.status.try_into().unwrap(), SdkBody::from(body));
        if let Some(code) = answer.error {
            response.headers_mut().insert("x-amzn-errortype", code);
        }
        // An answer takes its time, so that calls overlap.
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            Ok(response)
        })
    }
}

impl HttpClient for Fake {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

pub(super) fn function_arn(region: &str, name: &str) -> String {
    format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{name}")
}

pub(super) fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/service/{name}")
}

/// A version of a function as ListFunctions answers it.
pub(super) fn version(region: &str, name: &str, version: &str, role: &str) -> Value {
    json!({
        "FunctionName": name, "FunctionArn": format!("{}:{version}", function_arn(region, name)), "Version": version,
        "Role": role_arn(role), "Runtime": "python3.13", "Handler": "app.handler", "CodeSize": 1, "Timeout": 3, "MemorySize": 128,
        "LastModified": "2026-01-02T03:04:05.000+0000", "RevisionId": format!("{name}-{version}-1"), "PackageType": "Zip",
        "Description": "A \"quoted\" text\n", "Architectures": ["arm64"], "EphemeralStorage": {"Size": 512},
        "TracingConfig": {"Mode": "PassThrough"}, "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}")},
        "Environment": {"Variables": {"DATABASE_PASSWORD": "hunter2"}},
    })
}

pub(super) fn allow(action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn encoded(document: &Value) -> String {
    percent_encoding::utf8_percent_encode(&document.to_string(), percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// XML of a role: an inline policy, attached policies, maybe a boundary.
pub(super) fn role(name: &str, attached: &[&str], boundary: Option<&str>) -> String {
    let attached = attached.iter().fold(String::new(), |mut text, arn| {
        let policy = arn.rsplit('/').next().unwrap();
        write!(text, "<member><PolicyName>{policy}</PolicyName><PolicyArn>{arn}</PolicyArn></member>").unwrap();
        text
    });
    let boundary = boundary.map_or_else(String::new, |arn| {
        format!("<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>{arn}</PermissionsBoundaryArn></PermissionsBoundary>")
    });
    format!(
        "<Path>/service/</Path><RoleName>{name}</RoleName><RoleId>{}</RoleId><Arn>{}</Arn><CreateDate>2025-01-02T03:04:05Z</CreateDate>\
         <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><InstanceProfileList/>\
         <RolePolicyList><member><PolicyName>own</PolicyName><PolicyDocument>{}</PolicyDocument></member></RolePolicyList>\
         <AttachedManagedPolicies>{attached}</AttachedManagedPolicies>{boundary}\
         <Tags><member><Key>team</Key><Value>b</Value></member><member><Key>app</Key><Value>a</Value></member></Tags>\
         <RoleLastUsed><LastUsedDate>2026-01-01T00:00:00Z</LastUsedDate><Region>{REGION}</Region></RoleLastUsed>",
        role_id(name),
        role_arn(name),
        encoded(&allow("sts:AssumeRole")),
        encoded(&allow("s3:GetObject")),
    )
}

/// `AROA…`, of the letters and digits of the name.
fn role_id(name: &str) -> String {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    let tail: String = plain.chars().take(16).collect();
    format!("AROA{tail:0>17}")
}

/// XML of a managed policy with one version.
pub(super) fn policy(arn: &str, action: &str) -> String {
    let name = arn.rsplit('/').next().unwrap();
    format!(
        "<PolicyName>{name}</PolicyName><PolicyId>ANPA0</PolicyId><Arn>{arn}</Arn><Path>/</Path><DefaultVersionId>v1</DefaultVersionId>\
         <AttachmentCount>1</AttachmentCount><IsAttachable>true</IsAttachable><CreateDate>2020-01-01T00:00:00Z</CreateDate>\
         <PolicyVersionList><member><Document>{}</Document><VersionId>v1</VersionId><IsDefaultVersion>true</IsDefaultVersion>\
         <CreateDate>2020-01-01T00:00:00Z</CreateDate></member></PolicyVersionList>",
        encoded(&allow(action))
    )
}

/// So many functions in one Region, each with a role of its own.
pub(super) fn many(count: usize) -> Account {
    let mut functions = Functions::default();
    let mut account = Account::default();
    for index in 0..count {
        let name = format!("function-{index:05}");
        functions.listed.push(version(REGION, &name, "$LATEST", &name));
        account.roles.push(role(&name, &[], None));
    }
    account.regions.insert(REGION.to_owned(), functions);
    account
}
