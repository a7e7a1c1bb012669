//! Refusals of DynamoDB, in words that help.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::CancellationReason;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use whittle_pipeline::ports::{PortError, PortErrorKind};

use super::{Expect, Write};
use crate::error::port_error;

/// The error of a call on the table; `action` is the IAM action if the answer does not name one.
pub(super) fn table_error<E>(error: SdkError<E, HttpResponse>, action: &str, table: &str, what: &str) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let (code, message) = match error.as_service_error() {
        Some(service) => (service.meta().code().unwrap_or_default(), service.meta().message().unwrap_or_default()),
        None => ("", ""),
    };
    let missing = code == "ResourceNotFoundException";
    // A transaction and an encrypted table need more than one action; the message says which is missing.
    let named = denied_action(message).map(ToOwned::to_owned);
    let key = message.contains("KMS") || named.as_deref().is_some_and(|action| action.starts_with("kms:"));
    let action = named.as_deref().unwrap_or(action);
    let out = port_error(error, action, &format!("table `{table}` {what}"));
    if missing {
        // Not `NotFound`: a run without its table can do nothing.
        return PortError::new(PortErrorKind::Invalid, format!("there is no table `{table}` in this Region"))
            .with_hint("deploy template.yaml first (`sam deploy`); else check the name of the table, the Region and the account")
            .with_source(out);
    }
    if key {
        return out.with_hint(
            "the table is encrypted: allow `kms:Decrypt` on its key, and check that the key is enabled and not pending deletion",
        );
    }
    out
}

/// The action in “… is not authorized to perform: dynamodb:PutItem on resource …”.
fn denied_action(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("to perform: ")?;
    let action = rest.split([' ', ',']).next()?;
    action.contains(':').then_some(action)
}

/// Which writes of a canceled transaction were unexpected; an error if one says that the lease is another's.
pub(super) fn refusals(
    reasons: &[CancellationReason],
    guards: usize,
    writes: &[Write],
    table: &str,
) -> Result<Vec<usize>, PortError> {
    let mut unexpected = Vec::new();
    for (number, reason) in reasons.iter().enumerate() {
        if reason.code() != Some("ConditionalCheckFailed") {
            continue;
        }
        let write = number.checked_sub(guards).and_then(|number| Some((number, writes.get(number)?)));
        match write {
            Some((number, Write::Put(_, Expect::Absent | Expect::Digest(_) | Expect::Fence(_) | Expect::Below(_)))) => {
                unexpected.push(number);
            }
            // The check of the lease, or an item with a higher fence.
            _ => return Err(lease_lost(table)),
        }
    }
    Ok(unexpected)
}

/// The error of a run that another one took over from.
pub(in crate::store) fn lease_lost(table: &str) -> PortError {
    PortError::new(PortErrorKind::LeaseLost, format!("another run took over table `{table}`; this one stops writing"))
        .with_hint("nothing is lost: the other run goes on")
}

/// The error for a request that lacks something the SDK insists on.
#[expect(clippy::needless_pass_by_value, reason = "is passed to map_err")]
pub(super) fn cannot_build(error: BuildError) -> PortError {
    PortError::new(PortErrorKind::Bug, format!("a request to DynamoDB cannot be built: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_action_is_read_off_the_message() {
        let message = "User: arn:aws:sts::111122223333:assumed-role/w/w is not authorized to perform: \
            dynamodb:ConditionCheckItem on resource: arn:aws:dynamodb:eu-central-1:111122223333:table/t because no policy";
        assert_eq!(denied_action(message), Some("dynamodb:ConditionCheckItem"));
        assert_eq!(denied_action("not allowed"), None);
        assert_eq!(denied_action("to perform: "), None);
    }
}
