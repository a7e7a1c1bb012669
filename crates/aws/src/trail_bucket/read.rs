//! One object, whole or not at all.

use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use tokio::time::{Instant, timeout, timeout_at};
use whittle_pipeline::ports::{PortError, PortErrorKind};

use crate::error::port_error;

const ACTION: &str = "s3:GetObject";

/// Tries of one object. Those of the SDK end when the answer begins; these are for bodies that break off.
const MAX_TRIES: u32 = 4;

const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Without any byte for so long, a body is taken for broken.
const SILENCE: Duration = Duration::from_secs(20);

/// For a whole body, beside the time that its size takes at [`SLOWEST`].
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes a second.
const SLOWEST: u64 = 256 * 1024;

/// The content of `key`; `None` if there is no such object.
pub(super) async fn object(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
    max_bytes: u64,
) -> Result<Option<Vec<u8>>, PortError> {
    let mut tries = 0;
    loop {
        let error = match once(client, bucket, key, max_bytes).await {
            Ok(content) => return Ok(content),
            Err(error) => error,
        };
        tries += 1;
        if tries >= MAX_TRIES || !matches!(error.kind(), PortErrorKind::Transient | PortErrorKind::Throttled) {
            return Err(error);
        }
        tokio::time::sleep(FIRST_PAUSE * 2_u32.saturating_pow(tries)).await;
    }
}

async fn once(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
    max_bytes: u64,
) -> Result<Option<Vec<u8>>, PortError> {
    let answer = match client.get_object().bucket(bucket).key(key).send().await {
        Ok(answer) => answer,
        Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
        Err(error) => return Err(read_error(error, bucket, key)),
    };
    let broken =
        |why: &str| PortError::new(PortErrorKind::Transient, format!("`{key}` could not be read whole: {why}"));
    let too_large = || {
        PortError::new(PortErrorKind::Invalid, format!("`{key}` is larger than {max_bytes} bytes"))
            .with_hint("no file of CloudTrail is so large; see what it is and take it out of the trail's folders")
    };
    let length = answer.content_length().and_then(|length| u64::try_from(length).ok());
    if length.is_some_and(|length| length > max_bytes) {
        return Err(too_large());
    }
    let expected = length.unwrap_or_default();
    let deadline = Instant::now() + PATIENCE + Duration::from_secs(expected / SLOWEST);
    // The header is a hint: a wrong one must not make memory be taken that nothing fills.
    let mut bytes = Vec::with_capacity(usize::try_from(expected.min(64 << 20)).unwrap_or_default());
    let mut body = answer.body;
    loop {
        let chunk = match timeout_at(deadline, timeout(SILENCE, body.next())).await {
            Ok(Ok(None)) => break,
            Ok(Ok(Some(Ok(chunk)))) => chunk,
            Ok(Ok(Some(Err(error)))) => return Err(broken("its body broke off").with_source(error)),
            Ok(Err(_)) => return Err(broken("its body came to a halt")),
            Err(_) => return Err(broken("its body came too slowly")),
        };
        bytes.extend_from_slice(&chunk);
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max_bytes {
            return Err(too_large());
        }
    }
    match length {
        Some(length) if u64::try_from(bytes.len()).ok() != Some(length) => {
            Err(broken(&format!("{} of {length} bytes arrived", bytes.len())))
        }
        _ => Ok(Some(bytes)),
    }
}

/// The error, with what to do about it where S3's code allows it.
fn read_error(error: SdkError<GetObjectError, HttpResponse>, bucket: &str, key: &str) -> PortError {
    let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
    let code = meta.and_then(|meta| meta.code()).unwrap_or_default().to_owned();
    // S3 decrypts with the caller's permissions and passes the refusal of KMS on as its own.
    let by_key =
        code == "AccessDenied" && meta.and_then(|meta| meta.message()).is_some_and(|text| text.contains("kms:Decrypt"));
    let what = format!("`{key}` cannot be read");
    if by_key {
        return port_error(error, "kms:Decrypt", &what).with_hint(
            "allow `kms:Decrypt` on the key of the trail for the role that Whittle runs under, in the role and in the key's \
             policy",
        );
    }
    let error = port_error(error, ACTION, &what);
    match code.as_str() {
        "AccessDenied" => error.with_hint(format!(
            "allow `s3:GetObject` on bucket `{bucket}` for the role that Whittle runs under, and in the bucket's policy if \
             it is another account's; for encrypted files also `kms:Decrypt` on their key (see template.yaml)"
        )),
        "InvalidObjectState" => PortError::new(PortErrorKind::Invalid, error.to_string())
            .with_source(error)
            .with_hint("the file is archived: restore it, or choose a lookback that ends before it"),
        _ if code.starts_with("KMS.") => PortError::new(PortErrorKind::Invalid, error.to_string())
            .with_source(error)
            .with_hint("the key that the file is encrypted with is disabled or deleted"),
        _ => error,
    }
}
