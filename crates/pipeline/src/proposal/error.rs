//! Reasons why a template cannot be held against an account.

use whittle_policy::id::ParseIdError;
use whittle_snapshot::SnapshotError;

use super::matching::Unmatched;
use crate::spelling::nearest;

/// A template or its deployment that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProposalError {
    /// The account is not known.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A document of the snapshot about stacks is not JSON.
    #[error("`{file}`: is not JSON: {error}")]
    StackResources {
        /// Name of the document.
        file: String,
        /// The parser's message.
        error: serde_json::Error,
    },
    /// The file has no Lambda function.
    #[error("`{file}` has no Lambda function")]
    NoFunction {
        /// The template.
        file: String,
    },
    /// A function is said to be deployed that the file does not have.
    #[error("`{file}` has no function `{id}`, which --function says to be {name}")]
    NotInFile {
        /// The template.
        file: String,
        /// Logical id or address.
        id: String,
        /// Name or ARN that was given for it.
        name: String,
        /// Ids of the functions in the file.
        hint: String,
    },
    /// A function is said to be deployed as one that the account does not have.
    #[error("--function {id}: the account has no function `{given}`")]
    NotInAccount {
        /// Logical id or address.
        id: String,
        /// Name or ARN that was given for it.
        given: String,
        /// A name that is spelled like it.
        hint: String,
    },
    /// A name that was given for a function means several.
    #[error("--function {id}: {reason}")]
    Ambiguous {
        /// Logical id or address.
        id: String,
        /// The functions.
        reason: Unmatched,
    },
    /// No ARN can be made for a role or function that is not deployed.
    #[error("{id} cannot be given a name: {error}")]
    NoName {
        /// Logical id or address of the role.
        id: String,
        /// The cause.
        error: ParseIdError,
    },
}

impl ProposalError {
    pub(super) fn not_in_file(file: &str, (id, name): &(String, String), known: &[(String, Option<String>)]) -> Self {
        let ids: Vec<&str> = known.iter().map(|(id, _)| id.as_str()).collect();
        let hint = format!("its functions are {}", ids.join(", "));
        Self::NotInFile { file: file.to_owned(), id: id.clone(), name: name.clone(), hint }
    }

    pub(super) fn not_in_account<'a>(id: &str, given: &str, names: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let count = names.len();
        let hint = match nearest(given, names) {
            Some(nearest) => format!("did you mean {id}={nearest}?"),
            None => format!("the account has {count} functions"),
        };
        Self::NotInAccount { id: id.to_owned(), given: given.to_owned(), hint }
    }

    /// Advice for the user.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Snapshot(error) => error.hint(),
            Self::StackResources { .. } => Some("aws cloudformation describe-stack-resources --stack-name STACK"),
            Self::NoFunction { .. } => {
                Some("functions are AWS::Serverless::Function, AWS::Lambda::Function and aws_lambda_function")
            }
            Self::NotInFile { hint, .. } | Self::NotInAccount { hint, .. } => Some(hint),
            Self::Ambiguous { .. } => None,
            Self::NoName { .. } => Some("pass --function for its functions"),
        }
    }
}
