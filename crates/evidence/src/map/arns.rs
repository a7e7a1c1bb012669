//! Which resource type an ARN is of: formats of the catalog, prepared once for quick matching.

use std::collections::HashMap;
use std::sync::OnceLock;

use memchr::memmem;
use whittle_catalog::catalog;

use super::plan::TypePlan;

/// One ARN format of a service.
#[derive(Debug)]
pub(super) struct Shape {
    /// Resource type.
    pub kind: &'static str,
    /// Bytes of the format's resource part that are not placeholders: more is more specific.
    pub literal: usize,
    service: &'static str,
    region_fixed: Option<&'static str>,
    account_fixed: Option<&'static str>,
    /// Literal texts between the placeholders of the resource part: n placeholders, n + 1 texts.
    texts: Vec<&'static str>,
}

/// Formats of all resource types that a service lists, its own and others'.
pub(super) fn shapes(prefix: &str) -> &'static [Shape] {
    static SHAPES: OnceLock<HashMap<&'static str, Vec<Shape>>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        let services = catalog().services();
        services
            .map(|service| {
                let formats = service
                    .resource_types()
                    .flat_map(|kind| kind.arn_formats().filter_map(move |format| shape(kind.name(), format.as_str())));
                (service.prefix(), formats.collect())
            })
            .collect()
    });
    shapes.get(prefix).map_or(&[], Vec::as_slice)
}

fn shape(kind: &'static str, format: &'static str) -> Option<Shape> {
    let mut parts = format.splitn(6, ':');
    let (_, _, service) = (parts.next()?, parts.next()?, parts.next()?);
    let fixed = |part: &'static str| (!part.contains("${") && part != "*").then_some(part);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let mut texts = Vec::new();
    let mut rest = resource;
    loop {
        let (start, after) = match (rest.find("${"), rest.find('*')) {
            (Some(open), star) if star.is_none_or(|star| open < star) => {
                let close = rest.get(open..)?.find('}')?;
                (open, open + close + 1)
            }
            (_, Some(star)) => (star, star + 1),
            _ => break,
        };
        texts.push(rest.get(..start)?);
        rest = rest.get(after..)?;
    }
    texts.push(rest);
    Some(Shape {
        kind,
        literal: texts.iter().map(|text| text.len()).sum(),
        service,
        region_fixed: fixed(region),
        account_fixed: fixed(account),
        texts,
    })
}

/// An ARN in its parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArnParts<'a> {
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub resource: &'a str,
}

impl<'a> ArnParts<'a> {
    pub fn of(arn: &'a str) -> Option<Self> {
        let rest = arn.strip_prefix("arn:")?;
        let mut colons = memchr::memchr_iter(b':', rest.as_bytes());
        let (partition, service, region, account) = (colons.next()?, colons.next()?, colons.next()?, colons.next()?);
        let resource = rest.get(account + 1..)?;
        (!resource.is_empty()).then_some(Self {
            service: rest.get(partition + 1..service)?,
            region: rest.get(service + 1..region)?,
            account: rest.get(region + 1..account)?,
            resource,
        })
    }
}

impl Shape {
    /// Whether the ARN has this format. Leftmost matching of the literal texts decides: linear in practice.
    pub fn fits(&self, arn: ArnParts<'_>) -> bool {
        let Some((first, others)) = self.texts.split_first() else { return false };
        // What tells most formats of a service apart comes first.
        let Some(mut rest) = arn.resource.strip_prefix(first) else { return false };
        let service = self.service == arn.service || self.service.starts_with("${");
        let region = self.region_fixed.is_none_or(|fixed| fixed == arn.region);
        let account = self.account_fixed.is_none_or(|fixed| fixed == arn.account);
        if !(service && region && account) {
            return false;
        }
        let Some((last, between)) = others.split_last() else { return rest.is_empty() };
        for text in between {
            // A placeholder takes at least one character.
            let Some(step) = rest.chars().next().map(char::len_utf8) else { return false };
            let found =
                rest.get(step..).and_then(|tail| memmem::find(tail.as_bytes(), text.as_bytes())).map(|at| at + step);
            let Some(next) = found.and_then(|at| rest.get(at + text.len()..)) else { return false };
            rest = next;
        }
        rest.strip_suffix(last).is_some_and(|value| !value.is_empty())
    }
}

/// The resource type of the action that an ARN is of: the most specific format of the service that fits, if the action
/// has that type, or differs only by a qualifier after `:` (versions and aliases).
pub(super) fn type_of(shapes: &[Shape], types: &[TypePlan], arn: &str) -> Option<&'static str> {
    let parts = ArnParts::of(arn)?;
    let (mut best, mut own): (Option<&Shape>, Option<&Shape>) = (None, None);
    for shape in shapes.iter().filter(|shape| shape.fits(parts)) {
        if best.is_none_or(|best| best.literal < shape.literal) {
            best = Some(shape);
        }
        if own.is_none_or(|own| own.literal < shape.literal) && types.iter().any(|kind| kind.name == shape.kind) {
            own = Some(shape);
        }
    }
    let (best, own) = (best?, own?);
    if own.literal == best.literal {
        return Some(own.kind);
    }
    // A qualifier adds nothing but colons to the literal text of the format.
    let colons = |shape: &Shape| shape.texts.iter().map(|text| text.matches(':').count()).sum::<usize>();
    let qualifier = best.literal - own.literal == colons(best) - colons(own).min(colons(best));
    qualifier.then_some(own.kind)
}
