//! One document of one function.

use aws_sdk_lambda::Client;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::Value;
use whittle_pipeline::ports::{PortError, PortErrorKind};

use super::super::listing::{advance, marker};
use super::super::pace::Pacer;
use super::super::shape::{self, lambda};
use super::Detail;
use crate::error::port_error;

/// Most that these lists give in one answer (AWS Lambda API Reference, `MaxItems` of each).
const PAGE: i32 = 50;

/// Fetches a document. A function that has none of it gives an empty one, so that none and unknown differ.
///
/// Requires: `lambda:ListFunctionEventInvokeConfigs`, `lambda:ListFunctionUrlConfigs`, `lambda:GetPolicy`,
/// `lambda:ListAliases`, `lambda:ListTags`
pub(super) async fn fetch(
    client: &Client,
    pacer: &Pacer,
    detail: Detail,
    function: &str,
    arn: &str,
) -> Result<String, PortError> {
    match detail {
        Detail::EventInvokeConfigs => event_invoke_configs(client, pacer, function).await,
        Detail::Urls => urls(client, pacer, function).await,
        Detail::Aliases => aliases(client, pacer, function).await,
        Detail::Policy => policy(client, pacer, function).await,
        Detail::Tags => {
            pacer.turn().await;
            let answer = client.list_tags().resource(arn).send().await;
            answer.map(|answer| lambda::tags(answer.tags()).to_string()).map_err(|e| failed(e, detail, function))
        }
    }
}

fn failed<E>(error: SdkError<E, HttpResponse>, detail: Detail, function: &str) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    port_error(error, detail.action(), &format!("function `{function}` cannot be asked"))
}

async fn event_invoke_configs(client: &Client, pacer: &Pacer, function: &str) -> Result<String, PortError> {
    let detail = Detail::EventInvokeConfigs;
    let mut entries = Vec::new();
    let mut sent = None;
    loop {
        pacer.turn().await;
        let call = client.list_function_event_invoke_configs().function_name(function).max_items(PAGE);
        let page = call.set_marker(sent.clone()).send().await.map_err(|error| failed(error, detail, function))?;
        let configs = page.function_event_invoke_configs();
        entries.extend(configs.iter().map(|config| Value::from(lambda::event_invoke_config(config)).to_string()));
        match advance(sent.as_deref(), marker(page.next_marker), detail.action())? {
            Some(next) => sent = Some(next),
            None => return Ok(document("FunctionEventInvokeConfigs", entries)),
        }
    }
}

async fn urls(client: &Client, pacer: &Pacer, function: &str) -> Result<String, PortError> {
    let detail = Detail::Urls;
    let mut entries = Vec::new();
    let mut sent = None;
    loop {
        pacer.turn().await;
        let call = client.list_function_url_configs().function_name(function).max_items(PAGE);
        let page = call.set_marker(sent.clone()).send().await.map_err(|error| failed(error, detail, function))?;
        let configs = page.function_url_configs();
        entries.extend(configs.iter().map(|config| Value::from(lambda::url_config(config)).to_string()));
        match advance(sent.as_deref(), marker(page.next_marker), detail.action())? {
            Some(next) => sent = Some(next),
            None => return Ok(document("FunctionUrlConfigs", entries)),
        }
    }
}

async fn aliases(client: &Client, pacer: &Pacer, function: &str) -> Result<String, PortError> {
    let detail = Detail::Aliases;
    let mut entries = Vec::new();
    let mut sent = None;
    loop {
        pacer.turn().await;
        let call = client.list_aliases().function_name(function).max_items(PAGE);
        let page = call.set_marker(sent.clone()).send().await.map_err(|error| failed(error, detail, function))?;
        entries.extend(page.aliases().iter().map(|alias| Value::from(lambda::alias(alias)).to_string()));
        match advance(sent.as_deref(), marker(page.next_marker), detail.action())? {
            Some(next) => sent = Some(next),
            None => return Ok(document("Aliases", entries)),
        }
    }
}

async fn policy(client: &Client, pacer: &Pacer, function: &str) -> Result<String, PortError> {
    pacer.turn().await;
    let answer = client.get_policy().function_name(function).send().await;
    match answer.map_err(|error| failed(error, Detail::Policy, function)) {
        Ok(answer) => {
            let object = shape::JsonObject::default().with("Policy", answer.policy());
            Ok(Value::from(object.with("RevisionId", answer.revision_id())).to_string())
        }
        // Most functions have no policy, which Lambda tells in the words that it has for a missing function.
        Err(error) if *error.kind() == PortErrorKind::NotFound => Ok(NO_POLICY.to_owned()),
        Err(error) => Err(error),
    }
}

/// The document of a function without a resource policy; the command line has no answer for it.
const NO_POLICY: &str = "{\"Policy\":null}";

/// Entries sorted: the service promises no order.
fn document(list: &str, mut entries: Vec<String>) -> String {
    entries.sort();
    shape::document(&[(list, entries.iter().map(String::as_str).collect())])
}
