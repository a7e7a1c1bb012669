//! Failures of invocations, with error types that alarms and retries may rely on.

use lambda_runtime::Diagnostic;
use whittle_pipeline::ports::{PortError, PortErrorKind};

use crate::event::InvocationError;

/// A failed invocation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvocationFailure {
    /// The event was refused.
    #[error(transparent)]
    Event(#[from] InvocationError),
    /// The run could do nothing useful.
    #[error(transparent)]
    Run(#[from] PortError),
}

impl InvocationFailure {
    /// Stable name of what went wrong; never renamed.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Event(_) => "InvalidEvent",
            Self::Run(error) => match error.kind() {
                PortErrorKind::AccessDenied { .. } => "AccessDenied",
                PortErrorKind::Throttled => "Throttled",
                PortErrorKind::NotFound => "NotFound",
                PortErrorKind::Transient => "Transient",
                PortErrorKind::Invalid => "InvalidConfiguration",
                PortErrorKind::LeaseLost => "LeaseLost",
                _ => "InternalError",
            },
        }
    }

    /// The message with its advice, one line.
    pub fn message(&self) -> String {
        let hint = match self {
            Self::Event(error) => Some(error.hint()),
            Self::Run(error) => error.hint(),
        };
        with_advice(self, hint)
    }
}

/// An error with its advice, one line.
pub fn with_advice(error: &dyn std::error::Error, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{error} (hint: {hint})"),
        None => error.to_string(),
    }
}

impl From<InvocationFailure> for Diagnostic {
    fn from(failure: InvocationFailure) -> Self {
        Self { error_type: failure.error_type().to_owned(), error_message: failure.message() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_stable_and_messages_carry_the_hint() {
        let denied = PortErrorKind::AccessDenied { action: "iam:X".to_owned() };
        let failure = InvocationFailure::from(PortError::new(denied, "no roles").with_hint("allow it"));
        let diagnostic = Diagnostic::from(failure);
        assert_eq!(diagnostic.error_type, "AccessDenied");
        assert_eq!(diagnostic.error_message, "no roles (hint: allow it)");
        let failure = InvocationFailure::from(InvocationError::TwoScopes);
        assert_eq!(Diagnostic::from(failure).error_type, "InvalidEvent");
    }
}
