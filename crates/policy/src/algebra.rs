//! Sets of requests: what policies grant, compared with each other.
//!
//! In: policy documents whose statements are about one caller (identity policies, boundaries, control
//! policies). Out: a [`GrantSet`], the set of requests that they allow, and answers about such sets that are
//! proofs or [`Proof::Unknown`]:
//!
//! - [`GrantSet::covers`], [`GrantSet::intersects`], [`GrantSet::is_empty`]: a yes and a no are both proved;
//! - [`GrantSet::difference`], [`GrantSet::intersection`]: exact, as sets that can be asked again;
//! - [`effective`]: what is left of identity policies under a boundary and service control policies.
//!
//! A set is a union of [`RequestRegion`]s; a region is all requests that match each statement of one list and
//! none of another. So difference and intersection are exact whatever the conditions are, and every question
//! comes down to one: is this region empty? It is, if its statements contradict each other, or if each piece
//! of it (action pattern × resource pattern) lies within one statement of the other list. It is not, if the
//! evaluator finds a request in it ([`GrantSet::witness`]). Otherwise the answer is unknown.
//!
//! Requests are texts: an action that AWS adds tomorrow is in the set of `s3:*` today. The order of
//! evaluation over several kinds of policies is not here but in [`crate::evaluate`].

mod empty;
#[cfg(test)]
mod tests;
mod witness;

use crate::document::{Effect, PolicyDocument, Statement};
use crate::evaluate::Request;

/// Most regions that a set is split into before an operation gives up.
const MAX_REGIONS: usize = 1 << 14;

/// An answer that is a proof, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// Proved.
    Yes,
    /// Disproved.
    No,
    /// Neither was found.
    Unknown,
}

impl Proof {
    /// Yes for no, and no for yes.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// The sets are so tangled that the work bound was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the combination of the policies has more than {MAX_REGIONS} parts")]
pub struct TooManyRegionsError;

/// The requests that match each statement of `all` and none of `none`, whatever the statements' effects.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestRegion<'a> {
    all: Vec<&'a Statement>,
    none: Vec<&'a Statement>,
}

impl<'a> RequestRegion<'a> {
    /// The statements that must match. An Allow of identity policies comes first.
    pub fn all(&self) -> &[&'a Statement] {
        &self.all
    }

    /// The statements that must not match.
    pub fn none(&self) -> &[&'a Statement] {
        &self.none
    }

    fn contains(&self, request: &Request) -> bool {
        let matches = |statement: &&Statement| witness::matches(statement, request);
        self.all.iter().all(matches) && !self.none.iter().any(matches)
    }

    fn with(&self, all: &[&'a Statement], none: &[&'a Statement]) -> Self {
        let mut region = self.clone();
        for statement in all {
            if !region.all.iter().any(|own| std::ptr::eq(*own, *statement)) {
                region.all.push(statement);
            }
        }
        for statement in none {
            if !region.none.iter().any(|own| std::ptr::eq(*own, *statement)) {
                region.none.push(statement);
            }
        }
        region
    }
}

/// A set of requests.
///
/// ```
/// # use whittle_policy::PolicyDocument;
/// # use whittle_policy::algebra::{GrantSet, Proof};
/// let policy = |text: &str| PolicyDocument::parse(text);
/// let wide = policy(r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#)?;
/// let narrow = policy(r#"{"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::photos/*"}}"#)?;
/// let (wide, narrow) = (GrantSet::of([&wide]), GrantSet::of([&narrow]));
/// assert_eq!(wide.covers(&narrow), Proof::Yes);
/// assert_eq!(narrow.covers(&wide), Proof::No);
/// let lost = wide.difference(&narrow)?.witness().expect("wide grants more");
/// assert!(lost.action.starts_with("s3:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GrantSet<'a> {
    regions: Vec<RequestRegion<'a>>,
}

impl<'a> GrantSet<'a> {
    /// The requests that policies of one kind allow together: each Allow, less what a Deny refuses.
    pub fn of(documents: impl IntoIterator<Item = &'a PolicyDocument>) -> Self {
        let statements = documents.into_iter().flat_map(|document| document.statements.iter());
        let (allows, denies): (Vec<_>, Vec<_>) = statements.partition(|statement| statement.effect == Effect::Allow);
        let region = |allow: &'a Statement| {
            let denies = denies.iter().copied().filter(|deny| !empty::disjoint(allow, deny));
            RequestRegion { all: vec![allow], none: denies.collect() }
        };
        Self { regions: allows.into_iter().map(region).filter(|region| !region.is_proved_empty()).collect() }
    }

    /// The parts of the set. They may overlap.
    pub fn regions(&self) -> &[RequestRegion<'a>] {
        &self.regions
    }

    /// True if the request is in the set.
    pub fn contains(&self, request: &Request) -> bool {
        self.regions.iter().any(|region| region.contains(request))
    }

    /// True if no request is in the set.
    pub fn is_empty(&self) -> Proof {
        if self.regions.iter().all(RequestRegion::is_proved_empty) {
            Proof::Yes
        } else if self.witness().is_some() {
            Proof::No
        } else {
            Proof::Unknown
        }
    }

    /// Some request in the set, if one is found.
    pub fn witness(&self) -> Option<Request> {
        self.regions.iter().find_map(RequestRegion::witness)
    }

    /// True if every request of `other` is in this set.
    pub fn covers(&self, other: &Self) -> Proof {
        match other.difference(self) {
            Ok(rest) => rest.is_empty(),
            Err(TooManyRegionsError) => Proof::Unknown,
        }
    }

    /// True if some request is in both sets.
    pub fn intersects(&self, other: &Self) -> Proof {
        match self.intersection(other) {
            Ok(common) => common.is_empty().negated(),
            Err(TooManyRegionsError) => Proof::Unknown,
        }
    }

    /// The requests that are in both sets.
    pub fn intersection(&self, other: &Self) -> Result<Self, TooManyRegionsError> {
        let mut regions = Vec::new();
        for a in &self.regions {
            for b in &other.regions {
                push(&mut regions, a.with(&b.all, &b.none))?;
            }
        }
        Ok(Self { regions })
    }

    /// The requests of this set that are not in `other`.
    pub fn difference(&self, other: &Self) -> Result<Self, TooManyRegionsError> {
        let mut regions = self.regions.clone();
        // Parts of `other` with one statement that must match and nothing else cut away without splitting:
        // first.
        let is_plain = |region: &&RequestRegion<'a>| region.all.len() == 1 && region.none.is_empty();
        let (plain, tangled): (Vec<_>, Vec<_>) = other.regions.iter().partition(is_plain);
        let all_plain: Vec<&Statement> = plain.iter().flat_map(|region| region.all.iter().copied()).collect();
        if !all_plain.is_empty() {
            let less = |region: &RequestRegion<'a>| {
                let near = all_plain.iter().copied().filter(|s| !region.all.iter().any(|own| empty::disjoint(own, s)));
                let near: Vec<&Statement> = near.collect();
                region.with(&[], &near)
            };
            regions = regions.iter().map(less).filter(|region| !region.is_proved_empty()).collect();
        }
        for cut in tangled {
            let mut next = Vec::new();
            for region in &regions {
                if region.with(&cut.all, &cut.none).is_proved_empty() {
                    push(&mut next, region.clone())?;
                    continue;
                }
                for statement in &cut.all {
                    push(&mut next, region.with(&[], &[*statement]))?;
                }
                for statement in &cut.none {
                    push(&mut next, region.with(&[*statement], &[]))?;
                }
            }
            regions = next;
        }
        Ok(Self { regions })
    }
}

/// Adds a region that is not proved empty.
fn push<'a>(regions: &mut Vec<RequestRegion<'a>>, region: RequestRegion<'a>) -> Result<(), TooManyRegionsError> {
    if region.is_proved_empty() {
        return Ok(());
    }
    if regions.len() >= MAX_REGIONS {
        return Err(TooManyRegionsError);
    }
    regions.push(region);
    Ok(())
}

/// The grants of identity policies within a permissions boundary and, level by level, service control
/// policies (IAM User Guide, "Permissions boundaries for IAM entities"; Organizations User Guide, "SCP
/// evaluation"). No boundary: `None`; no organization: no levels. A level without policies allows nothing.
pub fn effective<'a>(
    identity: impl IntoIterator<Item = &'a PolicyDocument>,
    boundary: Option<&'a PolicyDocument>,
    service_control: &[Vec<&'a PolicyDocument>],
) -> Result<GrantSet<'a>, TooManyRegionsError> {
    let mut set = GrantSet::of(identity);
    for limit in boundary.map(|boundary| vec![boundary]).iter().chain(service_control) {
        set = set.intersection(&GrantSet::of(limit.iter().copied()))?;
    }
    Ok(set)
}

/// True if some of `denies` provably refuse all that `allow` grants.
pub(crate) fn is_shadowed<'a>(allow: &'a Statement, denies: Vec<&'a Statement>) -> bool {
    !denies.is_empty()
        && !allow.action.patterns().is_empty()
        && RequestRegion { all: vec![allow], none: denies }.is_proved_empty()
}
