//! The order of evaluation.

use super::principal::arn_parts;
use super::statement::{self, Miss};
use super::{
    Account, CallerKind, Decision, Explanation, Layer, Naming, Outcome, Policy, PolicySets, Request, StatementRef,
};
use crate::document::Effect;

/// What a kind of policy means to a kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// It does not apply.
    None,
    /// It applies if there is one.
    If,
    /// It must be there and allow.
    Must,
    /// It is satisfied from the start; its Deny statements count.
    Granted,
}

/// Which policies reach a caller.
struct Row {
    caller: CallerKind,
    identity: Reach,
    boundary: Reach,
    session: Reach,
    service_control: Reach,
}

const fn row(caller: CallerKind, [identity, boundary, session, service_control]: [Reach; 4]) -> Row {
    Row { caller, identity, boundary, session, service_control }
}

/// IAM User Guide, "How AWS enforcement code logic evaluates requests": the root user has full access by default; a
/// session that is no role session is denied without a session policy. "Service control policies (SCPs)": they reach
/// users, roles and root users. Boundaries are of users and roles ("Permissions boundaries for IAM entities"); sessions
/// of `GetFederationToken` come under that of their user. Resource-based, resource control and endpoint policies reach
/// everybody.
static REACH: [Row; 8] = [
    row(CallerKind::Anonymous, [Reach::None, Reach::None, Reach::None, Reach::None]),
    row(CallerKind::RootUser, [Reach::Granted, Reach::None, Reach::None, Reach::If]),
    row(CallerKind::User, [Reach::Must, Reach::If, Reach::If, Reach::If]),
    row(CallerKind::Role, [Reach::Must, Reach::If, Reach::If, Reach::If]),
    row(CallerKind::RoleSession, [Reach::Must, Reach::If, Reach::If, Reach::If]),
    row(CallerKind::FederatedUser, [Reach::Must, Reach::If, Reach::Must, Reach::If]),
    row(CallerKind::Named, [Reach::None, Reach::None, Reach::None, Reach::None]),
    row(CallerKind::Other, [Reach::Must, Reach::If, Reach::If, Reach::If]),
];

/// (Action prefix, service, resource type): here an Allow of the resource's own policy is needed even in the same account.
///
/// IAM User Guide, "How AWS enforcement code logic evaluates requests", resource-based policies: role trust policies and
/// KMS key policies.
static OWN_POLICY_NEEDED: [(&str, &str, &str); 2] = [("sts", "iam", "role/"), ("kms", "kms", "key/")];

/// Actions that resource control policies do not limit (KMS Developer Guide, "Resource control policies in AWS KMS").
static NOT_RESOURCE_CONTROLLED: [&str; 1] = ["kms:RetireGrant"];

/// Decides a request. See the [module](super) for the order.
///
/// ```
/// # use whittle_policy::PolicyDocument;
/// # use whittle_policy::evaluate::{Outcome, Policy, PolicySets, Request, evaluate};
/// let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;
/// let document = PolicyDocument::parse(text)?;
/// let policies = PolicySets { identity: vec![Policy { name: "read", document: &document }], ..PolicySets::default() };
/// let get = Request::new("arn:aws:iam::111122223333:user/ann", "s3:GetObject", "arn:aws:s3:::photos/a.jpg");
/// assert_eq!(evaluate(&get, &policies).outcome, Outcome::Allowed);
/// let put = Request { action: "s3:PutObject".to_owned(), ..get };
/// assert_eq!(evaluate(&put, &policies).outcome, Outcome::ImplicitlyDenied);
/// # Ok::<(), whittle_policy::ParsePolicyError>(())
/// ```
pub fn evaluate<'a>(request: &Request, policies: &PolicySets<'a>) -> Decision<'a> {
    decide(request, policies, &mut |_, _, _| {})
}

/// Decides a request and accounts for every statement.
pub fn explain<'a>(request: &Request, policies: &PolicySets<'a>) -> Explanation<'a> {
    let mut statements = Vec::new();
    let decision = decide(request, policies, &mut |statement, effect, miss| {
        statements.push(Account { statement, effect, miss });
    });
    Explanation { decision, statements }
}

/// Told of each statement, with why it does not match.
type Witness<'w, 'a> = &'w mut dyn FnMut(StatementRef<'a>, Effect, Option<Miss<'a>>);

/// The statements of one layer that match.
#[derive(Default)]
struct Matched<'a> {
    /// The layer reaches this caller and limits or grants something.
    applies: bool,
    /// Every level allows. True of a layer that does not apply.
    allows: bool,
    /// The strongest way in which a matching Allow names the caller.
    naming: Option<Naming>,
    grants: Vec<StatementRef<'a>>,
    denies: Vec<StatementRef<'a>>,
}

struct Walk<'w, 'a> {
    request: &'w Request,
    has_boundary: bool,
    witness: Witness<'w, 'a>,
}

impl<'a> Walk<'_, 'a> {
    /// Goes through one layer, level by level.
    fn layer<'p>(&mut self, layer: Layer, levels: impl Iterator<Item = &'p [Policy<'a>]>, reach: Reach) -> Matched<'a>
    where
        'a: 'p,
    {
        let mut matched = Matched { applies: reach != Reach::None, ..Matched::default() };
        let (mut seen_levels, mut allowing_levels) = (0, 0);
        for (level, policies) in levels.enumerate() {
            let mut allows = reach == Reach::Granted;
            for (policy, index, statement) in policies.iter().flat_map(|policy| {
                policy.document.statements.iter().enumerate().map(move |(index, statement)| (policy, index, statement))
            }) {
                let found = match reach {
                    Reach::None => Err(Miss::Layer),
                    _ => statement::matches(statement, layer, self.request, self.has_boundary),
                };
                let sid = statement.sid.as_deref().filter(|sid| !sid.is_empty());
                let place = StatementRef { layer, level, policy: policy.name, statement: index, sid };
                (self.witness)(place, statement.effect, found.err());
                match (found, statement.effect) {
                    (Err(_), _) => {}
                    (Ok(_), Effect::Deny) => matched.denies.push(place),
                    (Ok(naming), Effect::Allow) => {
                        allows = true;
                        matched.naming = matched.naming.max(Some(naming));
                        matched.grants.push(place);
                    }
                }
            }
            seen_levels += 1;
            allowing_levels += usize::from(allows);
        }
        matched.allows = match reach {
            Reach::None | Reach::Granted => true,
            Reach::If => allowing_levels == seen_levels,
            Reach::Must => seen_levels > 0 && allowing_levels == seen_levels,
        };
        matched
    }
}

/// A layer of policies without levels: none, or one.
fn one_level<'p, 'a>(policies: &'p [Policy<'a>]) -> impl Iterator<Item = &'p [Policy<'a>]> {
    std::iter::once(policies).filter(|policies| !policies.is_empty())
}

fn decide<'a>(request: &Request, policies: &PolicySets<'a>, witness: Witness<'_, 'a>) -> Decision<'a> {
    let (caller, context) = (&request.caller, &request.context);
    let none = row(caller.kind(), [Reach::None; 4]);
    let reach = REACH.iter().find(|row| row.caller == caller.kind()).unwrap_or(&none);
    let account = caller.account();
    let owner = request.owner();
    let service_linked = caller.is_service_linked(context);
    // The account that the organization of the caller is managed from, if the request tells.
    let manager = context.single("aws:PrincipalOrgMasterAccountId");

    // "Tasks and entities not restricted by SCPs": the management account, service-linked roles.
    let service_control =
        if service_linked || (account.is_some() && account == manager) { Reach::None } else { reach.service_control };
    // "Resources and entities not restricted by RCPs": the same. RCPFullAWSAccess is attached to every level.
    let exempt = service_linked
        || (owner.is_some() && owner == manager)
        || NOT_RESOURCE_CONTROLLED.iter().any(|action| action.eq_ignore_ascii_case(&request.action));
    let resource_control = if exempt { Reach::None } else { Reach::Granted };
    // "You cannot apply a permissions boundary to a service-linked role."
    let boundary = if service_linked { Reach::None } else { reach.boundary };

    let has_boundary = boundary != Reach::None && !policies.boundaries.is_empty();
    let mut walk = Walk { request, has_boundary, witness };
    let rcp = walk.layer(Layer::ResourceControl, policies.resource_control.iter().map(Vec::as_slice), resource_control);
    let scp = walk.layer(Layer::ServiceControl, policies.service_control.iter().map(Vec::as_slice), service_control);
    let endpoint = walk.layer(Layer::Endpoint, one_level(&policies.endpoint), Reach::If);
    let own = walk.layer(Layer::Resource, one_level(policies.resource.as_slice()), Reach::Must);
    let identity = walk.layer(Layer::Identity, one_level(&policies.identity), reach.identity);
    let boundary = walk.layer(Layer::Boundary, one_level(&policies.boundaries), boundary);
    let session = walk.layer(Layer::Session, one_level(&policies.session), reach.session);

    let mut denies = rcp.denies;
    for layer in [scp.denies, endpoint.denies, own.denies, identity.denies, boundary.denies, session.denies] {
        denies.extend(layer);
    }
    if !denies.is_empty() {
        return Decision { outcome: Outcome::ExplicitlyDenied, deciding: denies, missing: None };
    }
    let guards =
        [(rcp.allows, Layer::ResourceControl), (scp.allows, Layer::ServiceControl), (endpoint.allows, Layer::Endpoint)];
    let limits = [(boundary.allows, Layer::Boundary), (session.allows, Layer::Session)];
    let first_missing = |layers: &[(bool, Layer)]| layers.iter().find(|(allows, _)| !allows).map(|&(_, layer)| layer);
    let by_identity = || first_missing(&[(identity.allows, Layer::Identity)]).or_else(|| first_missing(&limits));

    let same_account = account.is_none() || account == owner;
    let mut deciding = own.grants;
    let rest = match own.naming {
        // Callers without identity policies: the resource's policy alone.
        naming if !identity.applies => naming.is_none().then_some(Layer::Resource),
        // Across accounts, both sides.
        None if !same_account => Some(Layer::Resource),
        Some(_) if !same_account => by_identity(),
        // A user, a session, or everyone: implicit denies elsewhere do not count.
        Some(Naming::Direct | Naming::Everyone) => None,
        // The role: limited by its boundary and session policies.
        Some(Naming::Role) => first_missing(&limits),
        None if needs_own_policy(request) => Some(Layer::Resource),
        // The account delegates to its identity policies; for other resources they do not need that.
        Some(Naming::Account) | None => by_identity(),
    };
    if let Some(missing) = first_missing(&guards).or(rest) {
        return Decision { outcome: Outcome::ImplicitlyDenied, deciding: Vec::new(), missing: Some(missing) };
    }
    deciding.extend(identity.grants);
    Decision { outcome: Outcome::Allowed, deciding, missing: None }
}

/// Whether the resource's own policy must allow even in the same account.
fn needs_own_policy(request: &Request) -> bool {
    let prefix = request.action.split_once(':').map_or("", |(prefix, _)| prefix);
    let Some([_, service, _, resource]) = arn_parts(&request.resource) else { return false };
    OWN_POLICY_NEEDED
        .iter()
        .any(|&(action, of, kind)| prefix.eq_ignore_ascii_case(action) && service == of && resource.starts_with(kind))
}
