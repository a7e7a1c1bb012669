//! AWS errors as [`PortError`]s; their codes as [`PortErrorKind`]s, from one table for all services.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use whittle_pipeline::ports::{PortError, PortErrorKind};

/// Error codes and what a caller may do about them.
///
/// Sources: "Common errors" in the API references of IAM, Lambda, CloudTrail, DynamoDB, SNS and S3.
/// CloudTrail answers `LookupEvents` beyond two calls a second with HTTP 400 and `ThrottlingException`, so
/// the status never decides.
const CODES: &[(&str, ErrorMeaning)] = &[
    ("AccessDenied", ErrorMeaning::Denied),
    ("AccessDeniedException", ErrorMeaning::Denied),
    ("AuthorizationError", ErrorMeaning::Denied),
    ("UnauthorizedOperation", ErrorMeaning::Denied),
    ("Throttling", ErrorMeaning::Throttled),
    ("ThrottlingException", ErrorMeaning::Throttled),
    ("ThrottledException", ErrorMeaning::Throttled),
    ("TooManyRequestsException", ErrorMeaning::Throttled),
    ("RequestLimitExceeded", ErrorMeaning::Throttled),
    ("ProvisionedThroughputExceededException", ErrorMeaning::Throttled),
    ("SlowDown", ErrorMeaning::Throttled),
    ("NoSuchEntity", ErrorMeaning::NotFound),
    ("NoSuchEntityException", ErrorMeaning::NotFound),
    ("NoSuchKey", ErrorMeaning::NotFound),
    ("NoSuchBucket", ErrorMeaning::NotFound),
    ("NotFound", ErrorMeaning::NotFound),
    ("NotFoundException", ErrorMeaning::NotFound),
    ("ResourceNotFoundException", ErrorMeaning::NotFound),
    ("TrailNotFoundException", ErrorMeaning::NotFound),
    ("InternalError", ErrorMeaning::Transient),
    ("InternalFailure", ErrorMeaning::Transient),
    ("InternalServerError", ErrorMeaning::Transient),
    ("ServiceException", ErrorMeaning::Transient),
    ("ServiceFailure", ErrorMeaning::Transient),
    ("ServiceUnavailable", ErrorMeaning::Transient),
    ("RequestTimeout", ErrorMeaning::Transient),
    ("ExpiredToken", ErrorMeaning::Invalid),
    ("ExpiredTokenException", ErrorMeaning::Invalid),
    ("InvalidClientTokenId", ErrorMeaning::Invalid),
    ("UnrecognizedClientException", ErrorMeaning::Invalid),
    ("ValidationError", ErrorMeaning::Invalid),
    ("ValidationException", ErrorMeaning::Invalid),
    ("InvalidParameterValueException", ErrorMeaning::Invalid),
];

#[derive(Clone, Copy)]
enum ErrorMeaning {
    Denied,
    Throttled,
    NotFound,
    Transient,
    Invalid,
}

/// The meaning of `code` as the answer of a call that needs the IAM action `action`.
///
/// A code that the table does not know is [`PortErrorKind::Transient`] for a 5xx `status` and
/// [`PortErrorKind::Bug`] otherwise: a request that AWS refuses for an unforeseen reason was built wrongly.
pub fn kind_of(code: &str, status: u16, action: &str) -> PortErrorKind {
    match CODES.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning) {
        Some(ErrorMeaning::Denied) => PortErrorKind::AccessDenied { action: action.to_owned() },
        Some(ErrorMeaning::Throttled) => PortErrorKind::Throttled,
        Some(ErrorMeaning::NotFound) => PortErrorKind::NotFound,
        Some(ErrorMeaning::Transient) => PortErrorKind::Transient,
        Some(ErrorMeaning::Invalid) => PortErrorKind::Invalid,
        None if status >= 500 => PortErrorKind::Transient,
        None => PortErrorKind::Bug,
    }
}

/// The error of a call that needs the IAM action `action`; `what` says in a few words what failed.
pub fn port_error<E>(error: SdkError<E, HttpResponse>, action: &str, what: &str) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16()).unwrap_or_default();
    let (kind, detail) = match &error {
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            let code = meta.code().unwrap_or_default();
            let detail = match meta.message() {
                Some(message) if !message.is_empty() => format!("{code}: {}", one_line(message)),
                _ if code.is_empty() => format!("HTTP status {status} without an error code"),
                _ => code.to_owned(),
            };
            (kind_of(code, status, action), detail)
        }
        SdkError::TimeoutError(_) => (PortErrorKind::Transient, "no answer in time".to_owned()),
        SdkError::ResponseError(_) => (PortErrorKind::Transient, "the answer cannot be read".to_owned()),
        // No connection, or no credentials to sign with: the cause says which.
        SdkError::DispatchFailure(_) => (PortErrorKind::Transient, "the call did not get through".to_owned()),
        _ => (PortErrorKind::Invalid, "the call could not be built".to_owned()),
    };
    let hint = match &kind {
        PortErrorKind::AccessDenied { action } => {
            Some(format!("allow `{action}` for the role that Whittle runs under (see template.yaml)"))
        }
        PortErrorKind::Invalid if matches!(error, SdkError::ServiceError(_)) => None,
        PortErrorKind::Transient if matches!(error, SdkError::DispatchFailure(_)) => {
            Some("check the network, the endpoint and the credentials".to_owned())
        }
        _ => None,
    };
    let out = PortError::new(kind, format!("{what} ({action}): {detail}")).with_source(error);
    match hint {
        Some(hint) => out.with_hint(hint),
        None => out,
    }
}

/// Messages of services may hold what a user named: no control characters, and not without end.
fn one_line(message: &str) -> String {
    const MAX_CHARS: usize = 500;
    message.chars().take(MAX_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, status: u16, expect: &PortErrorKind) {
        assert_eq!(&kind_of(code, status, "iam:GetRole"), expect, "{code} {status}");
    }

    #[test]
    fn codes_decide_before_the_status() {
        check("ThrottlingException", 400, &PortErrorKind::Throttled);
        check("AccessDenied", 403, &PortErrorKind::AccessDenied { action: "iam:GetRole".to_owned() });
        check("NoSuchEntity", 404, &PortErrorKind::NotFound);
        check("ServiceException", 500, &PortErrorKind::Transient);
    }

    #[test]
    fn an_unknown_code_is_transient_only_when_the_server_says_so() {
        check("SomethingNew", 503, &PortErrorKind::Transient);
        check("SomethingNew", 400, &PortErrorKind::Bug);
    }

    #[test]
    fn no_code_stands_twice() {
        let mut codes: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        let before = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), before);
    }
}
