//! The `Principal` and `NotPrincipal` elements.

use std::collections::BTreeSet;

use super::OneOrMany;

/// Whom a statement of a resource-based or trust policy is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PrincipalClause {
    /// These.
    Principal(Principals),
    /// All but these (IAM User Guide, "IAM JSON policy elements: NotPrincipal").
    NotPrincipal(Principals),
}

/// A set of principals (IAM User Guide, "AWS JSON policy elements: Principal").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principals {
    /// `"*"`: everyone, anonymous callers included.
    Everyone,
    /// By kind, in the order written.
    ByKind(Vec<(PrincipalKind, OneOrMany<String>)>),
}

/// Kind of principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// Accounts, users, roles, role sessions.
    Aws,
    /// Canonical user ids, in S3 policies.
    CanonicalUser,
    /// SAML and web identity providers.
    Federated,
    /// AWS services.
    Service,
}

impl PrincipalKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Aws, Self::CanonicalUser, Self::Federated, Self::Service];

    /// The key in the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::CanonicalUser => "CanonicalUser",
            Self::Federated => "Federated",
            Self::Service => "Service",
        }
    }
}

impl PrincipalClause {
    /// The principals, whichever way they count.
    pub fn principals(&self) -> &Principals {
        match self {
            Self::Principal(principals) | Self::NotPrincipal(principals) => principals,
        }
    }

    /// `NotPrincipal`.
    pub fn is_negated(&self) -> bool {
        matches!(self, Self::NotPrincipal(_))
    }

    /// The same principals counted the same way, whatever their order and shape.
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_negated() == other.is_negated() && self.principals().set() == other.principals().set()
    }
}

impl Principals {
    /// Each principal with its kind, in the order written; nothing for [`Principals::Everyone`].
    pub fn iter(&self) -> impl Iterator<Item = (PrincipalKind, &str)> {
        let by_kind = match self {
            Self::Everyone => &[],
            Self::ByKind(by_kind) => by_kind.as_slice(),
        };
        by_kind.iter().flat_map(|(kind, names)| names.iter().map(|name| (*kind, name.as_str())))
    }

    /// Everyone: `"*"` or `{"AWS": "*"}`, which AWS treats alike under Allow (same page, "All principals").
    pub fn is_everyone(&self) -> bool {
        *self == Self::Everyone || self.iter().any(|principal| principal == (PrincipalKind::Aws, "*"))
    }

    fn set(&self) -> Option<BTreeSet<(PrincipalKind, &str)>> {
        match self {
            Self::Everyone => None,
            Self::ByKind(_) => Some(self.iter().collect()),
        }
    }
}
