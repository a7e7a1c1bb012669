//! Goes on with a run that has no time left.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use whittle_pipeline::ports::PortError;

use crate::clients::Aws;
use crate::error::port_error;

/// Invokes `function` (the caller's own) asynchronously with `event`.
///
/// Requires: `lambda:InvokeFunction` on that function only.
pub async fn invoke(aws: &Aws, function: &str, event: &str) -> Result<(), PortError> {
    aws.lambda(&aws.region())
        .invoke()
        .function_name(function)
        .invocation_type(InvocationType::Event)
        .payload(Blob::new(event.as_bytes()))
        .send()
        .await
        .map(|_| ())
        .map_err(|error| port_error(error, "lambda:InvokeFunction", "cannot go on in a new invocation"))
}
