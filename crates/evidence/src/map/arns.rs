//! Which resource type an ARN is of: formats of the catalog, prepared once for quick matching.

use std::cmp::Reverse;
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
    /// How many of them are colons.
    colons: usize,
    service: &'static str,
    region_fixed: Option<&'static str>,
    account_fixed: Option<&'static str>,
    /// What the resource part starts with.
    start: &'static str,
    /// The texts between its placeholders.
    between: Vec<Between>,
    /// What follows the last placeholder; `None` if there is none.
    end: Option<&'static str>,
}

/// A text between two placeholders: mostly one character, for which no searcher is needed.
#[derive(Debug)]
enum Between {
    Byte(u8),
    Text(Box<memmem::Finder<'static>>),
}

/// Formats of all resource types that a service lists, its own and others'.
#[derive(Debug)]
pub(super) struct Shapes {
    /// The most specific ones first.
    all: Vec<Shape>,
    /// Those whose resource part starts with a placeholder.
    open: Vec<usize>,
    /// For every byte that the resource part of another starts with: those, and the open ones.
    by_start: Vec<(u8, Vec<usize>)>,
}

impl Shapes {
    fn of(mut all: Vec<Shape>) -> Self {
        all.sort_by_key(|shape| Reverse(shape.literal));
        let start = |shape: &Shape| shape.start.bytes().next();
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

    /// Those that an ARN with this resource part may have, the most specific ones first.
    fn that_may_fit(&self, resource: &str) -> &[usize] {
        let first = resource.bytes().next();
        let of_start = self.by_start.iter().find(|(start, _)| Some(*start) == first).map(|(_, shapes)| shapes);
        of_start.unwrap_or(&self.open)
    }

    /// Those of a resource type, the most specific ones first.
    pub fn of_type(&self, kind: &str) -> Vec<usize> {
        self.all.iter().enumerate().filter(|(_, shape)| shape.kind == kind).map(|(at, _)| at).collect()
    }

    fn fit(&self, at: usize, arn: ArnParts<'_>) -> Option<&Shape> {
        self.all.get(at).filter(|shape| shape.fits(arn))
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
    let count = |of: &dyn Fn(&str) -> usize| texts.iter().map(|text| of(text)).sum();
    let (literal, colons) = (count(&str::len), count(&|text| text.matches(':').count()));
    let end = texts.pop().filter(|_| !texts.is_empty());
    let (start, between) = match texts.split_first() {
        Some((start, between)) => (*start, between),
        None => (rest, [].as_slice()),
    };
    let between = between.iter().map(|text| match text.as_bytes() {
        [byte] => Between::Byte(*byte),
        text => Between::Text(Box::new(memmem::Finder::new(text))),
    });
    let (region_fixed, account_fixed) = (fixed(region), fixed(account));
    Some(Shape { kind, literal, colons, service, region_fixed, account_fixed, start, between: between.collect(), end })
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
        // What tells most formats of a service apart comes first.
        let Some(mut rest) = arn.resource.strip_prefix(self.start) else { return false };
        let service = self.service == arn.service || self.service.starts_with("${");
        let region = self.region_fixed.is_none_or(|fixed| fixed == arn.region);
        let account = self.account_fixed.is_none_or(|fixed| fixed == arn.account);
        if !(service && region && account) {
            return false;
        }
        let Some(end) = self.end else { return rest.is_empty() };
        for text in &self.between {
            let Some(next) = text.after(rest) else { return false };
            rest = next;
        }
        rest.strip_suffix(end).is_some_and(|value| !value.is_empty())
    }
}

impl Between {
    /// What follows the first such text, before which a placeholder takes one character at least. Formats are ASCII, so a match
    /// never starts inside a character.
    fn after<'t>(&self, text: &'t str) -> Option<&'t str> {
        let end = match self {
            Self::Byte(byte) => bytes::find(text.as_bytes(), 1, *byte)? + 1,
            Self::Text(finder) => finder.find(text.as_bytes().get(1..)?)? + 1 + finder.needle().len(),
        };
        text.get(end..)
    }
}

/// The resource type of the action that an ARN is of: the most specific format of the service that fits, if the action
/// has that type, or differs only by a qualifier after `:` (versions and aliases).
pub(super) fn type_of(shapes: &Shapes, types: &[TypePlan], arn: &str) -> Option<&'static str> {
    let parts = ArnParts::of(arn)?;
    let own = types
        .iter()
        .filter_map(|kind| kind.shapes.iter().copied().find(|at| shapes.fit(*at, parts).is_some()))
        .min()?;
    let mut more_specific = shapes.that_may_fit(parts.resource).iter().take_while(|at| **at < own);
    let best = more_specific.find_map(|at| shapes.fit(*at, parts));
    let own = shapes.all.get(own)?;
    let Some(best) = best else { return Some(own.kind) };
    if own.literal == best.literal {
        return Some(own.kind);
    }
    // A qualifier adds nothing but colons to the literal text of the format.
    let qualifier = best.literal - own.literal == best.colons - own.colons.min(best.colons);
    qualifier.then_some(own.kind)
}
