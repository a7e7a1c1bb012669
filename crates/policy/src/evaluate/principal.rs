//! Who makes a request, and whether a `Principal` element names them.
//!
//! IAM User Guide, "AWS JSON policy elements: Principal" and "…: NotPrincipal".

use std::fmt;

use super::Context;
use crate::document::{Effect, PrincipalClause, PrincipalKind, Principals};
use crate::id::is_account;

/// The principal of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    text: Box<str>,
    kind: CallerKind,
    /// Partition and account, for callers that belong to an account.
    home: Option<(Box<str>, Box<str>)>,
    /// Name of the role of a session, or of the user who federated.
    origin: Option<Box<str>>,
}

/// Kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallerKind {
    /// Nobody signed the request.
    Anonymous,
    /// The root user of an account.
    RootUser,
    /// An IAM user.
    User,
    /// A role without its session.
    Role,
    /// A session of a role.
    RoleSession,
    /// A session of `GetFederationToken`.
    FederatedUser,
    /// An AWS service, an identity provider or a canonical user id: known by its name alone, without identity
    /// policies.
    Named,
    /// Any other ARN that belongs to an account.
    Other,
}

/// The way a `Principal` element names a caller, weakest first.
///
/// It decides what a grant needs besides ("How AWS enforcement code logic evaluates requests", resource-based
/// policies).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Naming {
    /// By account: delegates to the identity policies there.
    Account,
    /// By the role of the session, or by the user who federated.
    Role,
    /// By the user, session, service or provider itself.
    Direct,
    /// By `*`.
    Everyone,
}

impl Caller {
    /// Reads the text of a principal: an ARN, an account id (its root user), a service or provider name; an
    /// empty text or `*` is an anonymous caller.
    ///
    /// ```
    /// # use whittle_policy::evaluate::{Caller, CallerKind};
    /// let session = Caller::parse("arn:aws:sts::111122223333:assumed-role/reader/one");
    /// assert_eq!((session.kind(), session.account()), (CallerKind::RoleSession, Some("111122223333")));
    /// assert_eq!(Caller::parse("lambda.amazonaws.com").kind(), CallerKind::Named);
    /// assert_eq!(Caller::parse("").kind(), CallerKind::Anonymous);
    /// ```
    pub fn parse(text: &str) -> Self {
        let of = |kind| Self { text: text.into(), kind, home: None, origin: None };
        if text.is_empty() || text == "*" || text.eq_ignore_ascii_case("anonymous") {
            return of(CallerKind::Anonymous);
        }
        if is_account(text) {
            return Self { home: Some(("aws".into(), text.into())), ..of(CallerKind::RootUser) };
        }
        let Some([partition, service, account, resource]) = arn_parts(text) else { return of(CallerKind::Named) };
        let (kind, origin) = match (service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => (CallerKind::RootUser, None),
            ("iam", Some(("user", _))) => (CallerKind::User, None),
            ("iam", Some(("role", path))) => (CallerKind::Role, path.rsplit('/').next()),
            ("iam", Some(("saml-provider" | "oidc-provider", _))) => (CallerKind::Named, None),
            ("sts", Some(("assumed-role", rest))) => (CallerKind::RoleSession, rest.split('/').next()),
            ("sts", Some(("federated-user", name))) => (CallerKind::FederatedUser, Some(name)),
            _ => (CallerKind::Other, None),
        };
        let home = (kind != CallerKind::Named).then(|| (partition.into(), account.into()));
        Self { home, origin: origin.map(Into::into), ..of(kind) }
    }

    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The kind of caller.
    pub fn kind(&self) -> CallerKind {
        self.kind
    }

    /// The account that the caller belongs to.
    pub fn account(&self) -> Option<&str> {
        self.home.as_ref().map(|(_, account)| &**account)
    }

    /// True if this is a service-linked role or a session of one.
    ///
    /// Their path is `aws-service-role/`, which a session's ARN does not show; their names begin with
    /// `AWSServiceRoleFor` ("Create a service-linked role"), or the key `aws:PrincipalArn` tells the path.
    pub fn is_service_linked(&self, context: &Context) -> bool {
        let by_path = |arn: &str| arn.contains(":role/aws-service-role/");
        match self.kind {
            CallerKind::Role => by_path(&self.text),
            CallerKind::RoleSession => match context.single("aws:PrincipalArn") {
                Some(arn) if arn.contains(":role/") => by_path(arn),
                _ => self.origin.as_deref().is_some_and(|role| role.starts_with("AWSServiceRoleFor")),
            },
            _ => false,
        }
    }

    /// The way these principals name the caller; `None` if they do not.
    pub fn named_by(&self, principals: &Principals, context: &Context) -> Option<Naming> {
        match principals {
            Principals::Everyone => Some(Naming::Everyone),
            Principals::ByKind(_) => {
                principals.iter().filter_map(|(kind, name)| self.named_as(kind, name, context)).max()
            }
        }
    }

    /// The way a statement's clause reaches the caller; `None` if the statement is not about them.
    ///
    /// `has_boundary`: the caller has a permissions boundary. Then a Deny with `NotPrincipal` always applies,
    /// whoever is listed ("AWS JSON policy elements: NotPrincipal"). Without one, the caller is spared only
    /// if each ARN that they act under is listed: the user; the role and the session. Listing the account
    /// spares its root user only.
    pub fn reached_by(
        &self,
        clause: &PrincipalClause,
        effect: Effect,
        has_boundary: bool,
        context: &Context,
    ) -> Option<Naming> {
        let listed = match clause {
            PrincipalClause::Principal(principals) => return self.named_by(principals, context),
            PrincipalClause::NotPrincipal(principals) => principals,
        };
        let spared = match effect {
            Effect::Allow => self.named_by(listed, context).is_some(),
            Effect::Deny => !has_boundary && self.is_spared(listed, context),
        };
        (!spared).then_some(Naming::Everyone)
    }

    fn is_spared(&self, listed: &Principals, context: &Context) -> bool {
        let names = |naming| {
            let all = *listed == Principals::Everyone;
            all || listed.iter().any(|(kind, name)| {
                let found = self.named_as(kind, name, context);
                found == Some(naming) || found == Some(Naming::Everyone)
            })
        };
        match self.kind {
            CallerKind::Role => names(Naming::Role),
            CallerKind::RoleSession => names(Naming::Role) && names(Naming::Direct),
            _ => names(Naming::Direct),
        }
    }

    fn named_as(&self, kind: PrincipalKind, name: &str, context: &Context) -> Option<Naming> {
        match (kind, self.kind) {
            (PrincipalKind::Aws, _) if name == "*" => Some(Naming::Everyone),
            (PrincipalKind::Service | PrincipalKind::Federated, CallerKind::Named) if name == "*" => {
                Some(Naming::Everyone)
            }
            (PrincipalKind::Aws, _) => self.named_as_aws(name, context),
            (_, CallerKind::Named) => (name == self.as_str()).then_some(Naming::Direct),
            _ => None,
        }
    }

    /// The `AWS` key: account ids, ARNs and unique ids. No part of them is a pattern.
    fn named_as_aws(&self, name: &str, context: &Context) -> Option<Naming> {
        let Some((partition, account)) = &self.home else {
            return (name == self.as_str()).then_some(Naming::Direct);
        };
        if name == self.as_str() {
            return Some(if self.kind == CallerKind::Role { Naming::Role } else { Naming::Direct });
        }
        let by_account = if self.kind == CallerKind::RootUser { Naming::Direct } else { Naming::Account };
        if is_account(name) {
            return (name == &**account).then_some(by_account);
        }
        let Some([in_partition, service, of_account, resource]) = arn_parts(name) else {
            return self.named_by_id(name, context);
        };
        if (service, in_partition, of_account) != ("iam", &**partition, &**account) {
            return None;
        }
        if resource == "root" {
            return Some(by_account);
        }
        // A session's ARN drops the path of its role or user; their names are unique in an account whatever
        // the path.
        let is_origin = |path: &str| path.rsplit('/').next() == self.origin.as_deref();
        let is_own = match (self.kind, resource.split_once('/')) {
            (CallerKind::RoleSession, Some(("role", path))) => match context.single("aws:PrincipalArn") {
                Some(arn) if arn.contains(":role/") => arn == name,
                _ => is_origin(path),
            },
            (CallerKind::FederatedUser, Some(("user", path))) => is_origin(path),
            _ => false,
        };
        is_own.then_some(Naming::Role)
    }

    /// A unique id (`AIDA…`, `AROA…`), which a policy shows in place of a deleted user or role. The id of the
    /// caller is in `aws:userid`: `AIDA…` of a user, `AROA…:session` of a role session.
    fn named_by_id(&self, name: &str, context: &Context) -> Option<Naming> {
        let id = context.single("aws:userid")?;
        match (self.kind, id.split_once(':')) {
            (CallerKind::Role | CallerKind::RoleSession, Some((role, _))) if name == role => Some(Naming::Role),
            (CallerKind::Role, None) if name == id => Some(Naming::Role),
            (CallerKind::RoleSession | CallerKind::User, _) if name == id => Some(Naming::Direct),
            _ => None,
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.kind == CallerKind::Anonymous { "anonymous" } else { &self.text })
    }
}

/// Partition, service, account and resource of an ARN.
pub(super) fn arn_parts(text: &str) -> Option<[&str; 4]> {
    let mut parts = text.splitn(6, ':');
    let is_arn = parts.next() == Some("arn");
    let (partition, service, _region) = (parts.next()?, parts.next()?, parts.next()?);
    let (account, resource) = (parts.next()?, parts.next()?);
    is_arn.then_some([partition, service, account, resource])
}
