//! Calls of the shop's functions, day by day: the part of the trail that the verdicts rest on.
//!
//! A function that `README.md` calls unused, and each action that `expected.rs` calls unused, must not occur
//! here.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::account::{ExampleFunction, ExampleRole, SECRETS_KEY, function, role, role_arn};
use super::identities::{ExampleCaller, code, forwarded, platform, service};
use super::prng::{HEX, Prng};
use super::record::{ExampleCall, ExampleEvent};
use super::window::{DAYS, Moment};

mod back_office;
mod calls;
mod storefront;

/// All events in which a function, or the Lambda service for it, has a part.
pub fn events() -> Result<Vec<ExampleEvent>> {
    let mut events = Vec::new();
    for day in 0..DAYS {
        for shift in [
            storefront::checkout(day),
            storefront::search(day),
            storefront::search_in_development(day),
            storefront::notify(day),
            storefront::payment(day),
            back_office::order_worker(day),
            back_office::invoice(day),
            back_office::inventory_sync(day),
            back_office::report_daily(day),
            back_office::report_monthly(day),
            back_office::admin_tasks(day),
        ] {
            events.extend(shift?.events);
        }
    }
    Ok(events)
}

/// One function's day.
struct Shift {
    function: &'static ExampleFunction,
    role: &'static ExampleRole,
    /// As in `credentialsIssuedToVersion`; `None`: the events name the function by their session alone.
    version: Option<&'static str>,
    day: u32,
    prng: Prng,
    events: Vec<ExampleEvent>,
}

impl Shift {
    /// The day of `$LATEST` of a function, under its own role.
    fn new(name: &str, day: u32) -> Result<Self> {
        let function = function(name).with_context(|| format!("no function `{name}`"))?;
        Self::under(name, function.role, Some("$LATEST"), day)
    }

    fn under(name: &str, role_name: &str, version: Option<&'static str>, day: u32) -> Result<Self> {
        Ok(Self {
            function: function(name).with_context(|| format!("no function `{name}`"))?,
            role: role(role_name).with_context(|| format!("no role `{role_name}`"))?,
            version,
            day,
            prng: Prng::new(&format!("traffic of {name} under {role_name}"), day),
            events: Vec::new(),
        })
    }

    /// Some time of the day; the last minutes are left for delivery.
    fn sometime(&mut self) -> Moment {
        Moment::new(self.day, self.prng.between(300, 85_500))
    }

    fn caller(&self, at: Moment) -> Result<ExampleCaller> {
        let mut caller = code(self.function, self.role, self.version, at)?;
        if self.function.name == "shop-inventory-sync" {
            caller.vpc_endpoint = Some("vpce-0c4f1b7a29de83560");
        }
        Ok(caller)
    }

    /// The code makes a call.
    fn call(&mut self, at: Moment, call: ExampleCall) -> Result<()> {
        let caller = self.caller(at)?;
        self.events.push(call.by(&caller, at, &mut self.prng)?);
        Ok(())
    }

    /// `service` makes a call with the rights of the code that called it.
    fn forward(&mut self, at: Moment, service: &str, call: ExampleCall) -> Result<()> {
        let caller = forwarded(&self.caller(at)?, service);
        self.events.push(call.by(&caller, at, &mut self.prng)?);
        Ok(())
    }

    /// The Lambda service makes a call with the execution role.
    fn as_platform(&mut self, at: Moment, session: &str, call: ExampleCall) -> Result<()> {
        let caller = platform(self.role, session, at)?;
        self.events.push(call.by(&caller, at, &mut self.prng)?);
        Ok(())
    }

    /// The Lambda service takes on the execution role in the name of `session`.
    fn assume(&mut self, at: Moment, session: &str) -> Result<()> {
        let arn = role_arn(self.role.name);
        let call = ExampleCall::read(
            "sts",
            "AssumeRole",
            json!({
                "roleArn": arn,
                "roleSessionName": session,
                "sourceArn": self.function.arn(),
                "sourceAccount": super::account::ACCOUNT,
            }),
        )
        .answer(json!({
            "credentials": {
                "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
                "sessionToken": "HIDDEN_DUE_TO_SECURITY_REASONS",
                "expiration": at.plus(43_200).format("%b %-d, %Y, %-I:%M:%S %p")?,
            },
            "assumedRoleUser": {
                "assumedRoleId": format!("{}:{session}", self.role.id),
                "arn": format!("arn:aws:sts::{}:assumed-role/{}/{session}", super::account::ACCOUNT, self.role.name),
            }
        }))
        .on("AWS::IAM::Role", &arn);
        self.events.push(call.by(&service("lambda.amazonaws.com"), at, &mut self.prng)?);
        Ok(())
    }

    /// A sandbox starts at `at`: credentials, and a log stream of its own.
    fn start_sandbox(&mut self, at: Moment) -> Result<()> {
        let version = self.version.unwrap_or("$LATEST");
        let stream = format!("{}[{version}]{}", at.format("%Y/%m/%d/")?, self.prng.text(32, HEX).to_lowercase());
        let group = super::configuration::log_group(self.function.name);
        // Not each sandbox needs new credentials.
        if self.prng.once_in(3) {
            self.assume(at, self.function.name)?;
        }
        let call =
            ExampleCall::write("logs", "CreateLogStream", json!({ "logGroupName": group, "logStreamName": stream }));
        self.as_platform(at.plus(2), self.function.name, call)
    }

    /// An event source mapping or dead-letter queue makes the service take on the role without a sandbox.
    fn poll(&mut self, at: Moment) -> Result<()> {
        let session = format!("awslambda_{}_{}", self.prng.between(100, 999), at.format("%Y%m%d%H%M%S")?)
            + &format!("{:03}", self.prng.below(1000));
        self.assume(at, &session)
    }

    /// The secrets key opens the environment when a sandbox starts.
    fn open_environment(&mut self, at: Moment) -> Result<()> {
        let call = ExampleCall::read(
            "kms",
            "Decrypt",
            json!({
                "encryptionContext": { "aws:lambda:FunctionArn": self.function.arn() },
                "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
            }),
        )
        .on("AWS::KMS::Key", SECRETS_KEY);
        self.as_platform(at, self.function.name, call)
    }
}
