//! From a caller as a record names it to a function of the inventory.

use std::collections::BTreeSet;

use super::{CallerKey, function_name};

/// The functions that may use one role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleFunctions {
    arns: BTreeSet<String>,
}

impl RoleFunctions {
    /// From unqualified function ARNs: those whose current or published version has the role, and those that
    /// the ledger saw with it (see [`crate::ledger::RoleLedger::functions`]).
    pub fn new<I, S>(arns: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self { arns: arns.into_iter().map(Into::into).collect() }
    }

    /// The unqualified ARNs, sorted.
    pub fn arns(&self) -> impl Iterator<Item = &str> {
        self.arns.iter().map(String::as_str)
    }

    fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.arns().filter(move |arn| function_name(arn) == Some(name))
    }
}

/// Who used a role, after comparison with the inventory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// Code of a function.
    Function(FunctionRef),
    /// The Lambda service, for the named function or for any function of the role.
    Platform {
        /// The function's name, where the event tells.
        function_name: Option<String>,
    },
    /// A person, a pipeline or another program that assumed the role. Never counts as a function silently.
    Other,
}

/// A function as a record names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FunctionRef {
    /// The unqualified ARN.
    Arn(String),
    /// Every function of this name: the record names no Region, and several or no function of the role has
    /// the name.
    Name(String),
    /// Some function of the role, it is not known which: session names were generalised.
    Any,
}

impl Caller {
    /// True if usage of this caller may be usage of the function `arn` of the role.
    pub fn may_be(&self, arn: &str) -> bool {
        match self {
            Self::Function(FunctionRef::Arn(of)) => of == arn,
            Self::Function(FunctionRef::Name(name)) | Self::Platform { function_name: Some(name) } => {
                function_name(arn) == Some(name)
            }
            Self::Function(FunctionRef::Any) | Self::Platform { function_name: None } => true,
            Self::Other => false,
        }
    }
}

/// Resolves a caller of one role.
///
/// A session whose name is that of one of the role's functions is that function; a session from inside a
/// sandbox with another name is a function that the inventory does not know (deleted, or of another account);
/// any other session is [`Caller::Other`]. Generalised session names could be any function.
pub fn resolve(key: &CallerKey, functions: &RoleFunctions) -> Caller {
    match key {
        CallerKey::Function { arn, .. } => Caller::Function(FunctionRef::Arn(arn.clone())),
        CallerKey::Platform { function_name } => {
            let function_name = function_name.clone().filter(|name| name != CallerKey::ANY_SESSION);
            Caller::Platform { function_name }
        }
        CallerKey::Session { name, .. } if name == CallerKey::ANY_SESSION => Caller::Function(FunctionRef::Any),
        CallerKey::Session { name, exec_env } => {
            // Replicas of Lambda@Edge run under `us-east-1.<name>` (seen in public logs, not documented); a
            // name of a function holds no full stop.
            let name = name.strip_prefix("us-east-1.").unwrap_or(name);
            let mut named = functions.named(name);
            match (named.next(), named.next()) {
                (Some(arn), None) => Caller::Function(FunctionRef::Arn(arn.to_owned())),
                (Some(_), Some(_)) => Caller::Function(FunctionRef::Name(name.to_owned())),
                (None, _) if *exec_env => Caller::Function(FunctionRef::Name(name.to_owned())),
                (None, _) => Caller::Other,
            }
        }
    }
}
