//! The roles of a template beside those of the account: which one each is today, and which functions it
//! serves.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use whittle_analysis::inventory::{EventSource, EventSourceKind, Exposure, Function, FunctionConfig, Role};
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_analysis::proposal::{Novelty, Proposal, ProposedStatement, role};
use whittle_evidence::ledger::Ledger;
use whittle_policy::id::{FunctionArn, ParseIdError, RoleArn};
use whittle_template::proposal::{Feature, ProposedFunction, ProposedRole};

use super::{MatchedProposal, ProposalError};

/// Stands for the id of a role that is not there yet; no event carries it.
const NO_ID: &str = "AROA0000000000000000";

/// A role of the template for the functions that have one role of the account today. Where functions of
/// several roles come to share one, each of those is a group.
pub struct RoleGroup<'a> {
    /// The role of the template.
    pub proposed: &'a ProposedRole,
    /// The role of the account; `None` for one that is new.
    pub current: Option<&'a Role>,
    /// The account's role as the template makes it; one policy for each statement.
    pub role: Role,
    /// Its statements.
    pub statements: Vec<ProposedStatement>,
    /// Novelty of each statement.
    pub novelties: Vec<Novelty>,
    /// Functions of the template, as far as they belong here, with their ids.
    pub functions: Vec<(String, Function)>,
    /// ARNs of functions that are not deployed.
    pub new: BTreeSet<String>,
    /// Functions of the account that are not in the template and run under the role.
    pub others: Vec<Function>,
    /// Other functions of the template share the role and come from another one.
    pub mixed: bool,
}

/// All groups, in the order of the file, and what else a reader must know.
pub fn groups<'a>(
    proposal: &'a MatchedProposal,
    ledger: &Ledger,
    now: Timestamp,
) -> Result<(Vec<RoleGroup<'a>>, Vec<Issue>), ProposalError> {
    let mut notes = Vec::new();
    let mut out = Vec::new();
    let split: Vec<BTreeSet<&RoleArn>> = proposal
        .content
        .roles
        .iter()
        .map(|proposed| parts(proposal, proposed).into_keys().flatten().collect())
        .collect();
    for proposed in &proposal.content.roles {
        let parts = parts(proposal, proposed);
        let mixed = parts.len() > 1;
        for (arn, members) in parts {
            let current = arn.and_then(|arn| proposal.account.inventory.roles.get(arn));
            let pieces = split.iter().filter(|roles| arn.is_some_and(|arn| roles.contains(arn))).count();
            let stays = current.is_some_and(|current| is_same(proposed, current, pieces == 1));
            let builder = GroupBuilder { proposal, proposed, current, stays, mixed, now };
            out.push(
                builder
                    .group(&members, ledger, &mut notes)
                    .map_err(|error| ProposalError::NoName { id: proposed.id.clone(), error })?,
            );
        }
    }
    Ok((out, notes))
}

/// Functions of a role by the role that they have today. What is new goes with the others.
fn parts<'a>(
    proposal: &'a MatchedProposal,
    proposed: &'a ProposedRole,
) -> BTreeMap<Option<&'a RoleArn>, Vec<&'a ProposedFunction>> {
    let inventory = &proposal.account.inventory;
    let mut out: BTreeMap<Option<&RoleArn>, Vec<&ProposedFunction>> = BTreeMap::new();
    for function in &proposed.functions {
        let deployed = proposal.matches.get(&function.id).and_then(|found| found.as_ref().ok());
        let arn = deployed.and_then(|arn| inventory.functions.get(arn)).map(|function| &function.role);
        out.entry(arn.filter(|arn| inventory.roles.contains_key(*arn))).or_default().push(function);
    }
    let Some(new) = out.remove(&None) else { return out };
    let by_name = || {
        let name = proposed.name.as_ref()?;
        inventory.roles.values().find(|role| role.name == *name).map(|role| &role.arn)
    };
    let home = out.keys().next().copied().flatten().or_else(by_name);
    out.entry(home).or_default().extend(new);
    out
}

/// True if the account's role is the one that the template describes, so that other functions keep it too: by
/// its name, by the name that CloudFormation made from the logical id, or since no other role of the template
/// comes from it.
fn is_same(proposed: &ProposedRole, current: &Role, only: bool) -> bool {
    if let Some(name) = &proposed.name {
        return *name == current.name;
    }
    let logical_id = if proposed.generated { format!("{}Role", proposed.id) } else { proposed.id.clone() };
    only || current.name.contains(&format!("-{logical_id}-"))
}

struct GroupBuilder<'a> {
    proposal: &'a MatchedProposal,
    proposed: &'a ProposedRole,
    current: Option<&'a Role>,
    stays: bool,
    mixed: bool,
    now: Timestamp,
}

impl<'a> GroupBuilder<'a> {
    fn group(
        self,
        members: &[&'a ProposedFunction],
        ledger: &Ledger,
        notes: &mut Vec<Issue>,
    ) -> Result<RoleGroup<'a>, ParseIdError> {
        let statements: Vec<ProposedStatement> = self
            .proposed
            .statements
            .iter()
            .map(|own| ProposedStatement {
                policy: own.policy.clone(),
                place: format!("line {}", own.region.start.line),
                statement: own.statement.clone(),
                loose: own.loose.clone(),
                implied: own.implied,
                usual: own.usual,
            })
            .collect();
        // A macro may put anything into any role.
        let unread = self.proposed.unread.iter().chain(&self.proposal.content.unread);
        let unread = unread.map(|unread| (self.proposal.wording)(&unread.reason));
        let (role, novelties) = role(
            ledger,
            &Proposal {
                current: self.current,
                arn: self.new_arn()?,
                id: NO_ID.parse()?,
                statements: &statements,
                unread: unread.collect(),
                now: self.now,
            },
        );
        let inventory = &self.proposal.account.inventory;
        let mut functions = Vec::new();
        let mut new = BTreeSet::new();
        for member in members {
            let deployed = self.proposal.matches.get(&member.id).and_then(|found| found.as_ref().ok());
            let function = if let Some(deployed) = deployed.and_then(|arn| inventory.functions.get(arn)) {
                self.deployed(member, deployed, &role, notes)
            } else {
                let function = self.new_function(member, &role)?;
                new.insert(function.arn.to_string());
                function
            };
            functions.push((member.id.clone(), function));
        }
        let others = if self.stays { self.others(&role) } else { Vec::new() };
        Ok(RoleGroup {
            proposed: self.proposed,
            current: self.current,
            role,
            statements,
            novelties,
            functions,
            new,
            others,
            mixed: self.mixed,
        })
    }

    fn new_arn(&self) -> Result<RoleArn, ParseIdError> {
        let inventory = &self.proposal.account.inventory;
        let name = self.proposed.name.clone().unwrap_or_else(|| {
            let id = text_id(&self.proposed.id);
            if self.proposed.generated { format!("{id}Role") } else { id }
        });
        format!("arn:{}:iam::{}:role/{name}", inventory.partition, inventory.account).parse()
    }

    /// A function of the account as the template configures it. Where that is more than it is configured for
    /// today, and what it needs depends on what it names, nothing about it may be called unused.
    fn deployed(
        &self,
        member: &ProposedFunction,
        deployed: &Function,
        role: &Role,
        notes: &mut Vec<Issue>,
    ) -> Function {
        let mut function = Function { role: role.arn.clone(), ..deployed.clone() };
        function.versions.retain(|version| version.role == role.arn);
        if let Some(auth) = &member.url_auth {
            let open = function.exposure.url_auth.as_deref() == Some("NONE");
            function.exposure.url_auth = if open { Some("NONE".to_owned()) } else { Some(auth.clone()) };
        }
        let today = features(&deployed.config);
        let new = |feature: &Feature| member.features.get(feature) > today.get(feature);
        // What these need is the same whatever they name, so it is required from now on.
        function.config.in_vpc |= new(&Feature::Vpc);
        function.config.active_tracing |= new(&Feature::Tracing);
        function.config.durable |= new(&Feature::Durable);
        if new(&Feature::FileSystem) {
            function.config.file_systems.push("not deployed".to_owned());
        }
        let others = [Feature::EventSource, Feature::Destination, Feature::DeadLetter, Feature::Key];
        let more: Vec<&str> = others.iter().filter(|feature| new(feature)).map(|feature| feature.as_str()).collect();
        if !more.is_empty() {
            function.config.event_sources.push(not_known());
            notes.push(Issue::new(
                IssueKind::NewConfiguration,
                format!("{}:{}", self.proposal.file, member.region.start.line),
                format!(
                    "{} is configured for more than today ({}), so nothing it is granted is called unused",
                    member.id,
                    more.join(", ")
                ),
            ));
        }
        function
    }

    fn new_function(&self, member: &ProposedFunction, role: &Role) -> Result<Function, ParseIdError> {
        let inventory = &self.proposal.account.inventory;
        let name = member.name.clone().unwrap_or_else(|| text_id(&member.id));
        let arn: FunctionArn = format!(
            "arn:{}:lambda:{}:{}:function:{name}",
            inventory.partition, self.proposal.region, inventory.account
        )
        .parse()?;
        Ok(Function {
            name: arn.name().to_owned(),
            region: self.proposal.region.parse()?,
            arn,
            role: role.arn.clone(),
            versions: Vec::new(),
            runtime: member.runtime.clone(),
            last_modified: None,
            config: FunctionConfig { event_sources: vec![not_known()], ..FunctionConfig::default() },
            exposure: Exposure { url_auth: member.url_auth.clone(), ..Exposure::default() },
        })
    }

    /// Functions under the role that the template does not have.
    fn others(&self, role: &Role) -> Vec<Function> {
        let inventory = &self.proposal.account.inventory;
        let own: BTreeSet<&FunctionArn> = self.proposal.matches.values().flatten().collect();
        let under = |function: &&Function| function.roles().contains(&&role.arn) && !own.contains(&function.arn);
        let only_here = |function: &Function| {
            let mut function = Function { role: role.arn.clone(), ..function.clone() };
            function.versions.retain(|version| version.role == role.arn);
            function
        };
        inventory.functions.values().filter(under).map(only_here).collect()
    }
}

/// A logical id or address as a name.
fn text_id(id: &str) -> String {
    id.rsplit('.').next().unwrap_or(id).to_owned()
}

/// Says that something of the configuration is not known. Disabled, since exposure is another question.
fn not_known() -> EventSource {
    EventSource {
        kind: EventSourceKind::Unknown,
        arn: Some("not deployed".to_owned()),
        enabled: false,
        ..EventSource::default()
    }
}

/// Features that a function is configured for, counted as [`whittle_template::proposal`] counts it.
fn features(config: &FunctionConfig) -> BTreeMap<Feature, usize> {
    BTreeMap::from([
        (Feature::Vpc, usize::from(config.in_vpc)),
        (Feature::Tracing, usize::from(config.active_tracing)),
        (Feature::DeadLetter, usize::from(config.dead_letter_target.is_some())),
        (Feature::Key, usize::from(config.kms_key.is_some())),
        (Feature::FileSystem, config.file_systems.len()),
        (Feature::EventSource, config.event_sources.len()),
        (Feature::Destination, config.destinations.len()),
        (Feature::Durable, usize::from(config.durable)),
    ])
}
