//! Who makes the calls: `userIdentity`, source address and user agent.

use anyhow::Result;
use serde_json::{Value, json};

use super::account::{ACCOUNT, ExampleFunction, ExampleRole, REGION};
use super::prng::{BASE32, Prng};
use super::window::Moment;

/// The caller of one event.
#[derive(Clone)]
pub struct ExampleCaller {
    pub identity: Value,
    pub address: String,
    pub agent: String,
    /// Absent when an AWS service calls.
    pub tls: bool,
    pub vpc_endpoint: Option<&'static str>,
}

/// Code in a function. `version` is `$LATEST`, a number, or `None` for an event without `inScopeOf`.
pub fn code(
    function: &ExampleFunction,
    role: &ExampleRole,
    version: Option<&str>,
    at: Moment,
) -> Result<ExampleCaller> {
    let mut identity = session(role, function.name, at)?;
    if let (Some(version), Some(members)) = (version, identity.as_object_mut()) {
        members.insert(
            "inScopeOf".to_owned(),
            json!({
                "issuerType": "AWS::Lambda::Function",
                "credentialsIssuedTo": function.arn(),
                "credentialsIssuedToVersion": format!("{}:{version}", function.arn()),
            }),
        );
    }
    let mut address = Prng::new(&format!("address {} {}", role.name, function.name), half_day(at));
    let in_vpc = function.name == "shop-inventory-sync";
    let address = if in_vpc {
        format!("10.20.{}.{}", address.between(1, 2), address.between(10, 240))
    } else {
        format!("198.51.100.{}", address.between(2, 250))
    };
    Ok(ExampleCaller { identity, address, agent: function.agent.to_owned(), tls: true, vpc_endpoint: None })
}

/// Acts of the Lambda service with the execution role. The session is the function's name where it acts for a
/// sandbox, and `awslambda_…` elsewhere.
pub fn platform(role: &ExampleRole, session_name: &str, at: Moment) -> Result<ExampleCaller> {
    let mut address = Prng::new("address of the Lambda service", half_day(at));
    Ok(ExampleCaller {
        identity: session(role, session_name, at)?,
        address: format!("203.0.113.{}", address.between(64, 127)),
        agent: "awslambda-worker/1.0".to_owned(),
        tls: true,
        vpc_endpoint: None,
    })
}

/// The same principal, with `service` making the call for it (forward access session).
pub fn forwarded(caller: &ExampleCaller, service: &str) -> ExampleCaller {
    let mut identity = caller.identity.clone();
    if let Some(members) = identity.as_object_mut() {
        members.insert("invokedBy".to_owned(), json!(service));
    }
    ExampleCaller { identity, address: service.to_owned(), agent: service.to_owned(), tls: false, vpc_endpoint: None }
}

/// Somebody who assumed a role: a person, a pipeline or a service-linked role.
pub fn assumed(
    role: &ExampleRole,
    session_name: &str,
    address: &str,
    agent: &str,
    at: Moment,
) -> Result<ExampleCaller> {
    Ok(ExampleCaller {
        identity: session(role, session_name, at)?,
        address: address.to_owned(),
        agent: agent.to_owned(),
        tls: true,
        vpc_endpoint: None,
    })
}

/// An IAM user at a terminal or in the console.
pub fn user(name: &str, id: &str, agent: &str, at: Moment) -> Result<ExampleCaller> {
    let mut keys = Prng::new(&format!("keys of {name}"), at.day());
    let address = if name == "dana" { "192.0.2.15" } else { "192.0.2.83" };
    Ok(ExampleCaller {
        identity: json!({
            "type": "IAMUser",
            "principalId": id,
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
            "accountId": ACCOUNT,
            "accessKeyId": access_key(&mut keys),
            "userName": name,
            "sessionContext": {
                "attributes": { "creationDate": Moment::at(at.day(), 7, 2).rfc3339()?, "mfaAuthenticated": "true" }
            }
        }),
        address: address.to_owned(),
        agent: agent.to_owned(),
        tls: true,
        vpc_endpoint: None,
    })
}

/// An AWS service in its own name.
pub fn service(name: &str) -> ExampleCaller {
    ExampleCaller {
        identity: json!({ "type": "AWSService", "invokedBy": name }),
        address: name.to_owned(),
        agent: name.to_owned(),
        tls: false,
        vpc_endpoint: None,
    }
}

/// Session and sandbox credentials change twice a day.
fn half_day(at: Moment) -> u32 {
    at.day() * 2 + u32::from(at.is_afternoon())
}

fn session(role: &ExampleRole, session_name: &str, at: Moment) -> Result<Value> {
    let hour = if at.is_afternoon() { 12 } else { 0 };
    let mut keys = Prng::new(&format!("keys of {} {session_name}", role.name), half_day(at));
    Ok(json!({
        "type": "AssumedRole",
        "principalId": format!("{}:{session_name}", role.id),
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/{session_name}", role.name),
        "accountId": ACCOUNT,
        "accessKeyId": access_key(&mut keys),
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role.id,
                "arn": role.arn(),
                "accountId": ACCOUNT,
                "userName": role.name,
            },
            "attributes": {
                "creationDate": Moment::at(at.day(), hour, 0).plus(keys.between(5, 55)).rfc3339()?,
                "mfaAuthenticated": "false"
            }
        }
    }))
}

/// A temporary access key id that says that it is none.
fn access_key(prng: &mut Prng) -> String {
    format!("ASIA{}EXAMPLE", prng.text(9, BASE32))
}

/// Host name of a service in the shop's Region.
pub fn host(service: &str) -> String {
    format!("{service}.{REGION}.amazonaws.com")
}
