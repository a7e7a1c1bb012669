//! The order of evaluation.

use super::principal::arn_parts;
use super::statement::{self, Miss};
use super::{
    CallerKind, Decision, DecisionOutcome, Explanation, Layer, Naming, Policy, PolicySets, Request, StatementRef,
    StatementReport,
};
use crate::document::Effect;

/// Reach of a kind of policy over a kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
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
struct ReachRule {
    caller: CallerKind,
    identity: Reach,
    boundary: Reach,
    session: Reach,
    service_control: Reach,
}

const fn row(caller: CallerKind, [identity, boundary, session, service_control]: [Reach; 4]) -> ReachRule {
    ReachRule { caller, identity, boundary, session, service_control }
}

/// IAM User Guide, "How AWS enforcement code logic evaluates requests": the root user has full access by
/// default; a session that is no role session is denied without a session policy. "Service control policies
/// (SCPs)": they reach users, roles and root users. Boundaries are of users and roles ("Permissions
/// boundaries for IAM entities"); sessions of `GetFederationToken` come under that of their user.
/// Resource-based, resource control and endpoint policies reach everybody.
static REACH: [ReachRule; 8] = [
    row(CallerKind::Anonymous, [Reach::None, Reach::None, Reach::None, Reach::None]),
    row(CallerKind::RootUser, [Reach::Granted, Reach::None, Reach::None, Reach::If]),
    row(CallerKind::User, [Reach::Must, Reach::If, Reach::If, Reach::If]),
    row(CallerKind::Role, [Reach::Must, Reach::If, Reach::If, Reach::If]),
    row(CallerKind::RoleSession, [Reach::Must, Reach::If, Reach::If, Reach::If]),
    row(CallerKind::FederatedUser, [Reach::Must, Reach::If, Reach::Must, Reach::If]),
    row(CallerKind::Named, [Reach::None, Reach::None, Reach::None, Reach::None]),
    row(CallerKind::Other, [Reach::Must, Reach::If, Reach::If, Reach::If]),
];

/// (Action prefix, service, resource type): here an Allow of the resource's own policy is needed even in the
/// same account.
///
/// IAM User Guide, "How AWS enforcement code logic evaluates requests", resource-based policies: role trust
/// policies and KMS key policies.
static OWN_POLICY_NEEDED: [(&str, &str, &str); 2] = [("sts", "iam", "role/"), ("kms", "kms", "key/")];

/// Actions that resource control policies do not limit (KMS Developer Guide, "Resource control policies in
/// AWS KMS").
static NOT_RESOURCE_CONTROLLED: [&str; 1] = ["kms:RetireGrant"];

/// Decides a request. See the [module](super) for the order.
///
/// ```
/// # use whittle_policy::PolicyDocument;
/// # use whittle_policy::evaluate::{DecisionOutcome, Policy, PolicySets, Request, evaluate};
/// let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;
/// let document = PolicyDocument::parse(text)?;
/// let policies = PolicySets { identity: vec![Policy { name: "read", document: &document }], ..PolicySets::default() };
/// let get = Request::new("arn:aws:iam::111122223333:user/ann", "s3:GetObject", "arn:aws:s3:::photos/a.jpg");
/// assert_eq!(evaluate(&get, &policies).outcome, DecisionOutcome::Allowed);
/// let put = Request { action: "s3:PutObject".to_owned(), ..get };
/// assert_eq!(evaluate(&put, &policies).outcome, DecisionOutcome::ImplicitlyDenied);
/// # Ok::<(), whittle_policy::ParsePolicyError>(())
/// ```
pub fn evaluate<'a>(request: &Request, policies: &PolicySets<'a>) -> Decision<'a> {
    decide(request, &mut Walk { request, policies, witness: &mut |_, _, _| {} })
}

/// Decides a request and accounts for every statement.
pub fn explain<'a>(request: &Request, policies: &PolicySets<'a>) -> Explanation<'a> {
    let mut statements = Vec::new();
    let mut witness = |statement, effect, miss| statements.push(StatementReport { statement, effect, miss });
    let decision = decide(request, &mut Walk { request, policies, witness: &mut witness });
    Explanation { decision, statements }
}

/// Called for each statement, with the reason if it does not match.
type Witness<'w, 'a> = &'w mut dyn FnMut(StatementRef<'a>, Effect, Option<Miss<'a>>);

/// The statements of one layer that match.
#[derive(Default)]
pub(super) struct Matched<'a> {
    /// The layer reaches this caller and limits or grants something.
    pub(super) applies: bool,
    /// Every level allows. True of a layer that does not apply.
    pub(super) allows: bool,
    /// Some Deny matches.
    pub(super) denies: bool,
    /// The strongest way in which a matching Allow names the caller.
    pub(super) naming: Option<Naming>,
    /// The Allow statements that match, if they are wanted.
    pub(super) granting: Vec<StatementRef<'a>>,
    /// The Deny statements that match, if they are wanted.
    pub(super) denying: Vec<StatementRef<'a>>,
}

impl Matched<'_> {
    /// True if a layer allows when this many of its levels allow.
    pub(super) fn is_satisfied(reach: Reach, levels: usize, allowing: usize) -> bool {
        match reach {
            Reach::None | Reach::Granted => true,
            Reach::If => allowing == levels,
            Reach::Must => levels > 0 && allowing == levels,
        }
    }
}

/// Policies, layer by layer, as the order of evaluation asks for them.
pub(super) trait Layers<'a> {
    /// The caller has a permissions boundary.
    fn has_boundary(&self) -> bool;
    /// Goes through one layer, level by level. `has_boundary`: it also applies to this caller.
    fn layer(&mut self, layer: Layer, reach: Reach, has_boundary: bool) -> Matched<'a>;
}

/// Goes through every statement and reports it.
struct Walk<'w, 'p, 'a> {
    request: &'w Request,
    policies: &'p PolicySets<'a>,
    witness: Witness<'w, 'a>,
}

impl<'a> Walk<'_, '_, 'a> {
    fn levels<'p>(
        &mut self,
        layer: Layer,
        levels: impl Iterator<Item = &'p [Policy<'a>]>,
        reach: Reach,
        has_boundary: bool,
    ) -> Matched<'a>
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
                    _ => statement::matches(statement, layer, self.request, has_boundary),
                };
                let place = StatementRef::new(layer, level, policy.name, index, statement);
                (self.witness)(place, statement.effect, found.err());
                match (found, statement.effect) {
                    (Err(_), _) => {}
                    (Ok(_), Effect::Deny) => {
                        matched.denies = true;
                        matched.denying.push(place);
                    }
                    (Ok(naming), Effect::Allow) => {
                        allows = true;
                        matched.naming = matched.naming.max(Some(naming));
                        matched.granting.push(place);
                    }
                }
            }
            seen_levels += 1;
            allowing_levels += usize::from(allows);
        }
        matched.allows = Matched::is_satisfied(reach, seen_levels, allowing_levels);
        matched
    }
}

impl<'a> Layers<'a> for Walk<'_, '_, 'a> {
    fn has_boundary(&self) -> bool {
        !self.policies.boundaries.is_empty()
    }

    fn layer(&mut self, layer: Layer, reach: Reach, has_boundary: bool) -> Matched<'a> {
        let policies = self.policies;
        match layer {
            Layer::ResourceControl | Layer::ServiceControl => {
                let levels =
                    if layer == Layer::ServiceControl { &policies.service_control } else { &policies.resource_control };
                self.levels(layer, levels.iter().map(Vec::as_slice), reach, has_boundary)
            }
            _ => self.levels(layer, one_level(policies.flat(layer)), reach, has_boundary),
        }
    }
}

/// A layer of policies without levels: none, or one.
fn one_level<'p, 'a>(policies: &'p [Policy<'a>]) -> impl Iterator<Item = &'p [Policy<'a>]> {
    std::iter::once(policies).filter(|policies| !policies.is_empty())
}

/// The order of evaluation.
pub(super) fn decide<'a>(request: &Request, policies: &mut impl Layers<'a>) -> Decision<'a> {
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

    let has_boundary = boundary != Reach::None && policies.has_boundary();
    let rcp = policies.layer(Layer::ResourceControl, resource_control, has_boundary);
    let scp = policies.layer(Layer::ServiceControl, service_control, has_boundary);
    let endpoint = policies.layer(Layer::Endpoint, Reach::If, has_boundary);
    let own = policies.layer(Layer::Resource, Reach::Must, has_boundary);
    let identity = policies.layer(Layer::Identity, reach.identity, has_boundary);
    let boundary = policies.layer(Layer::Boundary, boundary, has_boundary);
    let session = policies.layer(Layer::Session, reach.session, has_boundary);

    if [&rcp, &scp, &endpoint, &own, &identity, &boundary, &session].iter().any(|layer| layer.denies) {
        let layers = [rcp, scp, endpoint, own, identity, boundary, session];
        let deciding = layers.into_iter().flat_map(|layer| layer.denying).collect();
        return Decision { outcome: DecisionOutcome::ExplicitlyDenied, deciding, missing: None };
    }
    let guards =
        [(rcp.allows, Layer::ResourceControl), (scp.allows, Layer::ServiceControl), (endpoint.allows, Layer::Endpoint)];
    let limits = [(boundary.allows, Layer::Boundary), (session.allows, Layer::Session)];
    let first_missing = |layers: &[(bool, Layer)]| layers.iter().find(|(allows, _)| !allows).map(|&(_, layer)| layer);
    let by_identity = || first_missing(&[(identity.allows, Layer::Identity)]).or_else(|| first_missing(&limits));

    let same_account = account.is_none() || account == owner;
    let mut deciding = own.granting;
    let rest = match own.naming {
        // Callers without identity policies: the resource's policy alone.
        naming if !identity.applies => naming.is_none().then_some(Layer::Resource),
        // Across accounts, both sides.
        None if !same_account => Some(Layer::Resource),
        Some(_) if !same_account => by_identity(),
        // A user, a session, or everyone: implicit denies elsewhere do not count.
        Some(Naming::Direct | Naming::Everyone) => None,
        // The role, or the user who federated: limited by their boundary and the session policies.
        Some(Naming::Role) => first_missing(&limits),
        None if needs_own_policy(request) => Some(Layer::Resource),
        // The account delegates to its identity policies; for other resources they do not need that.
        Some(Naming::Account) | None => by_identity(),
    };
    if let Some(missing) = first_missing(&guards).or(rest) {
        return Decision { outcome: DecisionOutcome::ImplicitlyDenied, deciding: Vec::new(), missing: Some(missing) };
    }
    deciding.extend(identity.granting);
    Decision { outcome: DecisionOutcome::Allowed, deciding, missing: None }
}

/// True if the resource's own policy must allow even in the same account.
fn needs_own_policy(request: &Request) -> bool {
    let prefix = request.action.split_once(':').map_or("", |(prefix, _)| prefix);
    let Some([_, service, _, resource]) = arn_parts(&request.resource) else { return false };
    OWN_POLICY_NEEDED
        .iter()
        .any(|&(action, of, kind)| prefix.eq_ignore_ascii_case(action) && service == of && resource.starts_with(kind))
}
