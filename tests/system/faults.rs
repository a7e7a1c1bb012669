//! Faults between Whittle and AWS, chosen by a seeded generator and worded as each service words them.

use std::collections::VecDeque;

use crate::operation::{AwsOperation, Protocol};
use crate::wire::Message;

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// 500.
    Internal,
    /// 503.
    Unavailable,
    /// Too many requests, in the service's own words.
    Throttle,
    /// The connection is reset before an answer.
    Reset,
    /// The answer comes in drops.
    SlowBody,
    /// The answer ends before the length that its head promised.
    TruncatedBody,
    /// An earlier page of the same list once more, in place of a later one.
    RepeatedPage,
    /// The session's token has expired.
    ExpiredToken,
}

/// Faults that a client is expected to get over by itself.
pub const TRANSIENT: &[Fault] =
    &[Fault::Internal, Fault::Unavailable, Fault::Throttle, Fault::Reset, Fault::SlowBody, Fault::TruncatedBody];

/// How often what goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    pub seed: u64,
    /// Share of the requests that are disturbed, below 1.
    pub rate: f64,
    /// Longest burst: a fault strikes up to so many requests in a row, then at least one goes through.
    pub burst: u32,
    /// Chosen among.
    pub kinds: Vec<Fault>,
    /// Strikes once: the request with this number (from 0, among those the plan is about).
    pub once: Vec<(u64, Fault)>,
    /// The plan is about requests signed by keys that begin so: `ASIA` are sessions of roles.
    pub access_key: String,
}

impl FaultPlan {
    /// `rate` of the requests of roles are disturbed, alone and in bursts, by what a client should get over.
    pub fn transient(seed: u64, rate: f64) -> Self {
        Self { seed, rate, burst: 3, kinds: TRANSIENT.to_vec(), once: Vec::new(), access_key: "ASIA".to_owned() }
    }
}

/// Draws faults by a plan. The sequence follows from the seed alone.
#[derive(Debug, Clone)]
pub struct Dice {
    plan: FaultPlan,
    state: u64,
    number: u64,
    pending: VecDeque<Option<Fault>>,
}

impl Dice {
    pub fn new(plan: FaultPlan) -> Self {
        let state = plan.seed;
        Self { plan, state, number: 0, pending: VecDeque::new() }
    }

    /// The fault of the next request, if it has one.
    pub fn draw(&mut self, access_key: &str) -> Option<Fault> {
        if !access_key.starts_with(&self.plan.access_key) {
            return None;
        }
        let number = self.number;
        self.number += 1;
        if let Some((_, fault)) = self.plan.once.iter().find(|(at, _)| *at == number) {
            return Some(*fault);
        }
        if let Some(pending) = self.pending.pop_front() {
            return pending;
        }
        if self.plan.kinds.is_empty() || self.plan.rate <= 0.0 {
            return None;
        }
        // A cycle is a burst, the free request after it, and those before the next: mean / (mean + 1/p) =
        // rate.
        let mean = f64::midpoint(f64::from(self.plan.burst), 1.0);
        let start = self.plan.rate / (mean * (1.0 - self.plan.rate));
        if self.unit() >= start {
            return None;
        }
        let choice = self.below(self.plan.kinds.len() as u64);
        let kind = self.plan.kinds[choice];
        let length = self.below(u64::from(self.plan.burst));
        self.pending.extend(std::iter::repeat_n(Some(kind), length));
        self.pending.push_back(None);
        Some(kind)
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.next() % limit.max(1)).unwrap_or(0)
    }
}

/// The error answer of a fault, or `None` where the fault is not an answer but what happens to one.
pub fn error_answer(fault: Fault, operation: &AwsOperation) -> Option<Message> {
    let service = operation.service.as_str();
    let protocol = operation.protocol;
    let (status, code, message) = match (fault, protocol, service) {
        // Amazon DynamoDB Developer Guide, "Error handling": 400 for both throttles.
        (Fault::Throttle, Protocol::Json, "dynamodb") => (
            400,
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded.",
        ),
        (Fault::Throttle, Protocol::Json | Protocol::Cbor, _) => (400, "ThrottlingException", "Rate exceeded"),
        (Fault::Throttle, Protocol::Query, "sns") => (429, "Throttled", "Rate exceeded"),
        (Fault::Throttle, Protocol::Query, _) => (400, "Throttling", "Rate exceeded"),
        (Fault::Throttle, Protocol::RestJson, _) => (429, "TooManyRequestsException", "Rate exceeded"),
        (Fault::Throttle, Protocol::RestXml, _) => (503, "SlowDown", "Please reduce your request rate."),
        (Fault::Internal, Protocol::Json, "dynamodb") => (500, "InternalServerError", "Internal server error"),
        (Fault::Internal, Protocol::RestJson, "lambda") => (500, "ServiceException", "Internal error"),
        (Fault::Internal, Protocol::RestXml, _) => {
            (500, "InternalError", "We encountered an internal error. Please try again.")
        }
        (Fault::Internal, Protocol::Query, "iam") => (500, "ServiceFailure", "The request processing has failed."),
        (Fault::Internal, ..) => (500, "InternalFailure", "The request processing has failed."),
        (Fault::Unavailable, ..) => (503, "ServiceUnavailable", "Service is unable to handle request."),
        (Fault::ExpiredToken, Protocol::Query, _) => {
            (403, "ExpiredToken", "The security token included in the request is expired")
        }
        (Fault::ExpiredToken, Protocol::RestXml, _) => (400, "ExpiredToken", "The provided token has expired."),
        (Fault::ExpiredToken, Protocol::RestJson, _) => {
            (403, "ExpiredTokenException", "The security token included in the request is expired")
        }
        (Fault::ExpiredToken, ..) => {
            (400, "ExpiredTokenException", "The security token included in the request is expired")
        }
        (Fault::Reset | Fault::SlowBody | Fault::TruncatedBody | Fault::RepeatedPage, ..) => return None,
    };
    Some(worded(protocol, service, status, code, message))
}

/// An error as the protocol wants it.
fn worded(protocol: Protocol, service: &str, status: u16, code: &str, message: &str) -> Message {
    let id = ("x-amzn-requestid", "00000000-0000-4000-8000-000000000000");
    match protocol {
        Protocol::Json | Protocol::Cbor => Message::answer(
            status,
            &[("content-type", "application/x-amz-json-1.0"), id],
            &format!(r#"{{"__type":"com.amazonaws.{service}#{code}","message":"{message}"}}"#),
        ),
        Protocol::RestJson => Message::answer(
            status,
            &[("content-type", "application/json"), ("x-amzn-errortype", code), id],
            &format!(r#"{{"Type":"User","message":"{message}"}}"#),
        ),
        Protocol::Query => {
            let blame = if status < 500 { "Sender" } else { "Receiver" };
            Message::answer(
                status,
                &[("content-type", "text/xml"), id],
                &format!(
                    "<ErrorResponse><Error><Type>{blame}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>{}</RequestId></ErrorResponse>",
                    id.1
                ),
            )
        }
        Protocol::RestXml => Message::answer(
            status,
            &[("content-type", "application/xml"), ("x-amz-request-id", "0000000000000000")],
            &format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
                 <RequestId>0000000000000000</RequestId></Error>"
            ),
        ),
    }
}
