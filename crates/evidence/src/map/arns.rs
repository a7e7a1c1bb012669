//! Which resource type an ARN is of: formats of the catalog, prepared once for quick matching.

use std::collections::HashMap;
use std::sync::OnceLock;

use memchr::memmem;
use whittle_catalog::catalog;

use super::plan::TypePlan;
use crate::bytes;

/// One ARN format of a service.
#[derive(Debug)]
struct Shape {
    /// Resource type.
    kind: &'static str,
    /// Bytes of the format's resource part that are not placeholders: more is more specific.
    literal: usize,
    service: &'static str,
    region_fixed: Option<&'static str>,
    account_fixed: Option<&'static str>,
    /// Literal texts between the placeholders of the resource part: n placeholders, n + 1 texts.
    texts: Vec<&'static str>,
}

/// Formats of all resource types that a service lists, its own and others'.
#[derive(Debug)]
pub(super) struct Shapes {
    all: Vec<Shape>,
    /// Those whose resource part starts with a placeholder, in order.
    open: Vec<usize>,
    /// For every byte that the resource part of another starts with: those, and the open ones, in order.
    by_start: Vec<(u8, Vec<usize>)>,
}

impl Shapes {
    fn of(all: Vec<Shape>) -> Self {
        let start = |shape: &Shape| shape.texts.first().and_then(|text| text.bytes().next());
        let mut starts: Vec<u8> = all.iter().filter_map(start).collect();
        starts.sort_unstable();
        starts.dedup();
        let fitting = |byte: Option<u8>| {
            let may_fit = all.iter().enumerate().filter(|(_, shape)| start(shape).is_none_or(|own| Some(own) == byte));
            may_fit.map(|(at, _)| at).collect()
        };
        let by_start = starts.into_iter().map(|byte| (byte, fitting(Some(byte)))).collect();
        Self { open: fitting(None), by_start, all }
    }

    /// Those that an ARN with this resource part may have.
    fn that_may_fit(&self, resource: &str) -> impl Iterator<Item = &Shape> {
        let first = resource.bytes().next();
        let of_start = self.by_start.iter().find(|(start, _)| Some(*start) == first).map(|(_, shapes)| shapes);
        of_start.unwrap_or(&self.open).iter().filter_map(|at| self.all.get(*at))
    }
}

/// The formats of a service.
pub(super) fn shapes(prefix: &str) -> &'static Shapes {
    static SHAPES: OnceLock<HashMap<&'static str, Shapes>> = OnceLock::new();
    static NONE: Shapes = Shapes { all: Vec::new(), open: Vec::new(), by_start: Vec::new() };
    let shapes = SHAPES.get_or_init(|| {
        let services = catalog().services();
        services
            .map(|service| {
                let formats = service
                    .resource_types()
                    .flat_map(|kind| kind.arn_formats().filter_map(move |format| shape(kind.name(), format.as_str())));
                (service.prefix(), Shapes::of(formats.collect()))
            })
            .collect()
    });
    shapes.get(prefix).unwrap_or(&NONE)
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
        let colon = |from| bytes::find(rest.as_bytes(), from, b':');
        let partition = colon(0)?;
        let service = colon(partition + 1)?;
        let region = colon(service + 1)?;
        let account = colon(region + 1)?;
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
    fn fits(&self, arn: ArnParts<'_>) -> bool {
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
            let Some(next) = after(rest, text) else { return false };
            rest = next;
        }
        rest.strip_suffix(last).is_some_and(|value| !value.is_empty())
    }
}

/// What follows the first `part` in a text after its first character, which a placeholder takes at least.
fn after<'t>(text: &'t str, part: &str) -> Option<&'t str> {
    let step = text.chars().next()?.len_utf8();
    let found = match part.as_bytes() {
        // Most texts between placeholders are one character, for which no searcher is made.
        [byte] => bytes::find(text.as_bytes(), step, *byte)?,
        part => memmem::find(text.as_bytes().get(step..)?, part)? + step,
    };
    text.get(found + part.len()..)
}

/// The resource type of the action that an ARN is of: the most specific format of the service that fits, if the action
/// has that type, or differs only by a qualifier after `:` (versions and aliases).
pub(super) fn type_of(shapes: &Shapes, types: &[TypePlan], arn: &str) -> Option<&'static str> {
    let parts = ArnParts::of(arn)?;
    let (mut best, mut own): (Option<&Shape>, Option<&Shape>) = (None, None);
    for shape in shapes.that_may_fit(parts.resource).filter(|shape| shape.fits(parts)) {
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
