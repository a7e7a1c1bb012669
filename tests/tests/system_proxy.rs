//! The proxy of the system test, against a server that counts and answers the same each time.

use std::io::{BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::faults::{Dice, Fault, FaultPlan};
use crate::operation::{Protocol, operation};
use crate::proxy::Proxy;
use crate::wire::Message;

const ROLE: &str = "ASIAEXAMPLE000000001";

fn request(service: &str, start: &str, headers: &[(&str, &str)], body: &str) -> Message {
    let mut message = Message {
        start: format!("{start} HTTP/1.1"),
        headers: vec![("host".to_owned(), "127.0.0.1:1".to_owned())],
        body: body.as_bytes().to_vec(),
    };
    let credential = format!(
        "AWS4-HMAC-SHA256 Credential={ROLE}/20261121/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=00"
    );
    message.set_header("authorization", &credential);
    for (name, value) in headers {
        message.set_header(name, value);
    }
    message
}

fn json(service: &str, target: &str, body: &str) -> Message {
    request(service, "POST /", &[("x-amz-target", target)], body)
}

#[track_caller]
fn check(request: &Message, name: &str, protocol: Protocol, actions: &[&str]) {
    let found = operation(request).expect("a signed request");
    assert_eq!((found.name.as_str(), found.protocol), (name, protocol));
    assert_eq!(found.actions, actions);
    assert_eq!((found.access_key.as_str(), found.region.as_str()), (ROLE, "eu-central-1"));
}

#[test]
fn json_operations_are_named_by_their_target() {
    let target = "DynamoDB_20120810.GetItem";
    check(&json("dynamodb", target, "{}"), "GetItem", Protocol::Json, &["dynamodb:GetItem"]);
    let target = "CloudTrail_20131101.LookupEvents";
    check(&json("cloudtrail", target, "{}"), "LookupEvents", Protocol::Json, &["cloudtrail:LookupEvents"]);
}

#[test]
fn a_transaction_needs_the_actions_of_its_items() {
    let body = r#"{"TransactItems":[{"Put":{}},{"Put":{}},{"ConditionCheck":{}},{"Update":{}},{"Delete":{}}]}"#;
    check(
        &json("dynamodb", "DynamoDB_20120810.TransactWriteItems", body),
        "TransactWriteItems",
        Protocol::Json,
        &["dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
    );
}

#[test]
fn query_operations_are_named_by_their_form() {
    let form = |service, body| request(service, "POST /", &[], body);
    let body = "Action=GetAccountAuthorizationDetails&Version=2010-05-08&Marker=x";
    let name = "GetAccountAuthorizationDetails";
    check(&form("iam", body), name, Protocol::Query, &["iam:GetAccountAuthorizationDetails"]);
    check(&form("sns", "Action=Publish&Message=a%26Action%3DNo"), "Publish", Protocol::Query, &["sns:Publish"]);
    check(&form("sts", "Action=GetCallerIdentity"), "GetCallerIdentity", Protocol::Query, &[]);
}

#[test]
fn lambda_operations_are_named_by_method_and_path() {
    let get = |path: &str| request("lambda", &format!("GET {path}"), &[], "");
    let cases = [
        ("/2015-03-31/functions/?MaxItems=50&FunctionVersion=ALL", "ListFunctions"),
        ("/2015-03-31/functions/checkout/aliases", "ListAliases"),
        ("/2015-03-31/event-source-mappings/?Marker=x", "ListEventSourceMappings"),
        ("/2019-09-25/functions/checkout/event-invoke-config/list", "ListFunctionEventInvokeConfigs"),
        ("/2021-10-31/functions/checkout/urls", "ListFunctionUrlConfigs"),
        ("/2015-03-31/functions/checkout/policy?Qualifier=live", "GetPolicy"),
        ("/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-central-1%3A111122223333%3Afunction%3Acheckout", "ListTags"),
    ];
    for (path, name) in cases {
        check(&get(path), name, Protocol::RestJson, &[&format!("lambda:{name}")]);
    }
    let invoke = request("lambda", "POST /2015-03-31/functions/whittle/invocations", &[], "{}");
    check(&invoke, "Invoke", Protocol::RestJson, &["lambda:InvokeFunction"]);
}

#[test]
fn s3_operations_are_named_by_method_path_and_query() {
    let call = |start: &str| request("s3", start, &[], "");
    let list = call("GET /trail?list-type=2&prefix=AWSLogs%2F");
    check(&list, "ListObjectsV2", Protocol::RestXml, &["s3:ListBucket"]);
    let list = call("GET /trail/?list-type=2&prefix=AWSLogs%2F&continuation-token=x");
    check(&list, "ListObjectsV2", Protocol::RestXml, &["s3:ListBucket"]);
    check(&call("GET /trail/AWSLogs/1/a.json.gz?x-id=GetObject"), "GetObject", Protocol::RestXml, &["s3:GetObject"]);
    check(&call("HEAD /trail/a"), "HeadObject", Protocol::RestXml, &["s3:GetObject"]);
    check(&call("HEAD /trail"), "HeadBucket", Protocol::RestXml, &["s3:ListBucket"]);
}

#[test]
fn what_is_not_in_the_table_names_no_action() {
    check(&json("dynamodb", "DynamoDB_20120810.DeleteTable", "{}"), "DeleteTable", Protocol::Json, &[]);
    check(&request("iam", "POST /", &[], "Action=PutRolePolicy"), "PutRolePolicy", Protocol::Query, &[]);
    check(&request("lambda", "PUT /2015-03-31/functions/x/code", &[], ""), "", Protocol::RestJson, &[]);
    assert_eq!(operation(&Message::answer(200, &[], "")), None);
}

#[test]
fn a_request_for_a_later_page_is_known_in_each_protocol() {
    let continues = |message: &Message| operation(message).unwrap().continues;
    let target = "DynamoDB_20120810.Query";
    assert!(continues(&json("dynamodb", target, r#"{"TableName":"t","ExclusiveStartKey":{"pk":{"S":"a"}}}"#)));
    assert!(!continues(&json("dynamodb", target, r#"{"TableName":"t"}"#)));
    assert!(continues(&request("iam", "POST /", &[], "Action=GetAccountAuthorizationDetails&Marker=x")));
    assert!(continues(&request("lambda", "GET /2015-03-31/functions/?Marker=x", &[], "")));
    assert!(continues(&request("s3", "GET /b?list-type=2&continuation-token=x", &[], "")));
}

#[test]
fn faults_follow_from_the_seed_and_come_at_the_wanted_rate() {
    let draw = |seed| {
        let mut dice = Dice::new(FaultPlan::transient(seed, 0.2));
        (0..20_000).map(|_| dice.draw(ROLE)).collect::<Vec<_>>()
    };
    let faults = draw(7);
    assert_eq!(faults, draw(7));
    assert_ne!(faults, draw(8));
    let struck = faults.iter().flatten().count();
    assert!((3_700..4_300).contains(&struck), "{struck} of 20000 at a rate of 20 %");
    let longest = faults.split(Option::is_none).map(<[_]>::len).max();
    assert_eq!(longest, Some(3), "bursts of up to three, and a free request after each");
    for kind in crate::faults::TRANSIENT {
        assert!(faults.contains(&Some(*kind)), "{kind:?} never struck");
    }
}

#[test]
fn only_requests_that_the_plan_is_about_are_disturbed() {
    let mut dice = Dice::new(FaultPlan { once: vec![(1, Fault::ExpiredToken)], ..FaultPlan::transient(1, 0.0) });
    assert_eq!(dice.draw(ROLE), None);
    assert_eq!(dice.draw("111122223333"), None);
    assert_eq!(dice.draw(ROLE), Some(Fault::ExpiredToken));
    assert_eq!(dice.draw(ROLE), None);
}

/// Answers each request with its number, and a page token.
fn server() -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = socket.local_addr().unwrap();
    let served = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&served);
    std::thread::spawn(move || {
        for client in socket.incoming() {
            let client = client.unwrap();
            let request = Message::read(&mut BufReader::new(&client), false).unwrap().unwrap();
            assert_eq!(request.header("host"), Some("127.0.0.1:1"), "the host that was signed");
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let body = format!(r#"{{"Page":{number},"NextToken":"{number}"}}"#);
            Message::answer(200, &[("content-type", "application/x-amz-json-1.1")], &body).write(&mut &client).unwrap();
        }
    });
    (address, served)
}

fn send(proxy: &Proxy, request: &Message) -> std::io::Result<Message> {
    let address: SocketAddr = proxy.url().trim_start_matches("http://").parse().unwrap();
    let client = TcpStream::connect(address).unwrap();
    request.write(&mut &client)?;
    Message::read(&mut BufReader::new(&client), false)?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
}

/// Everything is disturbed by `fault` until told otherwise.
fn always(fault: Fault) -> FaultPlan {
    FaultPlan { once: (0..100).map(|number| (number, fault)).collect(), ..FaultPlan::transient(1, 0.0) }
}

fn list() -> Message {
    json("cloudtrail", "CloudTrail_20131101.LookupEvents", "{}")
}

#[test]
fn calls_are_forwarded_and_recorded() {
    let (upstream, _) = server();
    let proxy = Proxy::start(upstream).unwrap();
    assert_eq!(send(&proxy, &list()).unwrap().body, br#"{"Page":0,"NextToken":"0"}"#);
    let calls = proxy.take_calls();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].status, calls[0].fault), (200, None));
    assert_eq!(calls[0].operation.actions, ["cloudtrail:LookupEvents"]);
    assert!(calls[0].at > std::time::Duration::ZERO);
    assert!(proxy.take_calls().is_empty());
}

#[test]
fn what_was_said_is_kept_when_asked_for() {
    let (upstream, _) = server();
    let proxy = Proxy::start(upstream).unwrap();
    send(&proxy, &list()).unwrap();
    proxy.keep_exchanges(true);
    send(&proxy, &list()).unwrap();
    let calls = proxy.calls();
    assert!(calls[0].exchange.is_none());
    let exchange = calls[1].exchange.as_ref().unwrap();
    assert_eq!(
        (exchange.request.target(), exchange.answer.body.as_slice()),
        ("/", &br#"{"Page":1,"NextToken":"1"}"#[..])
    );
    assert_eq!(proxy.calls().len(), 2, "looking takes nothing");
}

/// As botocore sends objects: nothing of the body before the server asks for it.
#[test]
fn a_body_that_waits_is_asked_for() {
    let (upstream, _) = server();
    let proxy = Proxy::start(upstream).unwrap();
    let address: SocketAddr = proxy.url().trim_start_matches("http://").parse().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let put = request("s3", "PUT /b/k", &[("expect", "100-continue")], "text");
    client.write_all(&put.head(None)).unwrap();
    let mut go_on = [0; 25];
    client.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    proxy.keep_exchanges(true);
    client.write_all(b"text").unwrap();
    assert_eq!(Message::read(&mut BufReader::new(&client), false).unwrap().unwrap().status(), 200);
    let sent = &proxy.take_calls()[0].exchange.as_ref().unwrap().request.clone();
    assert_eq!((sent.header("expect"), sent.body.as_slice()), (None, &b"text"[..]));
}

#[test]
fn each_protocol_gets_errors_in_its_own_words() {
    let (upstream, served) = server();
    let proxy = Proxy::start(upstream).unwrap();
    let requests = [
        (list(), Fault::Throttle, 400, "ThrottlingException"),
        (json("dynamodb", "DynamoDB_20120810.Query", "{}"), Fault::Throttle, 400, "ProvisionedThroughputExceeded"),
        (request("iam", "POST /", &[], "Action=ListRoles"), Fault::Throttle, 400, "<Code>Throttling</Code>"),
        (request("lambda", "GET /2015-03-31/functions/", &[], ""), Fault::Throttle, 429, "Rate exceeded"),
        (request("s3", "GET /b/k", &[], ""), Fault::Throttle, 503, "<Code>SlowDown</Code>"),
        (list(), Fault::Internal, 500, "InternalFailure"),
        (list(), Fault::Unavailable, 503, "ServiceUnavailable"),
        (list(), Fault::ExpiredToken, 400, "ExpiredTokenException"),
        (request("sns", "POST /", &[], "Action=Publish"), Fault::ExpiredToken, 403, "<Code>ExpiredToken</Code>"),
    ];
    for (request, fault, status, text) in requests {
        proxy.disturb(Some(always(fault)));
        let answer = send(&proxy, &request).unwrap();
        let body = String::from_utf8(answer.body.clone()).unwrap();
        assert_eq!(answer.status(), status, "{body}");
        assert!(body.contains(text), "{text} in {body}");
        let call = proxy.take_calls().pop().unwrap();
        assert_eq!((call.status, call.fault), (status, Some(fault)));
    }
    assert_eq!(served.load(Ordering::SeqCst), 0, "an error answer is the proxy's own");
}

#[test]
fn lambda_errors_carry_their_type_in_a_header() {
    let (upstream, _) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.disturb(Some(always(Fault::Throttle)));
    let answer = send(&proxy, &request("lambda", "GET /2015-03-31/functions/", &[], "")).unwrap();
    assert_eq!(answer.header("x-amzn-errortype"), Some("TooManyRequestsException"));
}

#[test]
fn a_reset_ends_the_connection_without_an_answer() {
    let (upstream, served) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.disturb(Some(always(Fault::Reset)));
    assert_eq!(send(&proxy, &list()).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(served.load(Ordering::SeqCst), 0);
    assert_eq!(proxy.take_calls()[0].status, 0);
}

#[test]
fn a_truncated_answer_falls_short_of_its_length() {
    let (upstream, served) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.disturb(Some(always(Fault::TruncatedBody)));
    assert_eq!(send(&proxy, &list()).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(served.load(Ordering::SeqCst), 1, "the call did take effect");
}

#[test]
fn a_slow_answer_comes_whole() {
    let (upstream, _) = server();
    let proxy = Proxy::start(upstream).unwrap();
    proxy.disturb(Some(always(Fault::SlowBody)));
    let started = Instant::now();
    assert_eq!(send(&proxy, &list()).unwrap().body, br#"{"Page":0,"NextToken":"0"}"#);
    assert!(started.elapsed().as_millis() >= 270, "{:?}", started.elapsed());
}

#[test]
fn a_page_is_repeated_only_in_place_of_a_later_one() {
    let (upstream, _) = server();
    let proxy = Proxy::start(upstream).unwrap();
    let later = json("cloudtrail", "CloudTrail_20131101.LookupEvents", r#"{"NextToken":"0"}"#);
    proxy.disturb(Some(always(Fault::RepeatedPage)));
    let first = send(&proxy, &list()).unwrap();
    assert_eq!(send(&proxy, &later).unwrap().body, first.body, "the first page once more");
    proxy.disturb(None);
    assert_ne!(send(&proxy, &later).unwrap().body, first.body);
    let faults: Vec<_> = proxy.take_calls().iter().map(|call| call.fault).collect();
    assert_eq!(faults, [None, Some(Fault::RepeatedPage), None]);
}

#[test]
fn chunks_are_put_together() {
    let wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nWhit\r\n3;x=y\r\ntle\r\n0\r\n\r\n";
    let message = Message::read(&mut &wire[..], false).unwrap().unwrap();
    assert_eq!(message.body, b"Whittle");
    assert_eq!(message.header("content-length"), Some("7"));
    let mut out = Vec::new();
    message.write(&mut out).unwrap();
    out.flush().unwrap();
    let mut text = String::new();
    out.as_slice().read_to_string(&mut text).unwrap();
    assert_eq!(text, "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nWhittle");
}
