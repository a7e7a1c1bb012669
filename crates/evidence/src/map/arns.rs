//! ARN formats of a service's resource types, prepared for matching.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::OnceLock;

use whittle_catalog::catalog;

/// One ARN format of a service.
#[derive(Debug)]
pub(super) struct ArnShape {
    /// Resource type.
    pub kind: &'static str,
    /// Bytes of the format's resource part that are not placeholders: more is more specific.
    pub literal: usize,
    /// Colons among them.
    pub colons: usize,
    service: &'static str,
    fixed_region: Option<&'static str>,
    fixed_account: Option<&'static str>,
    /// The text before the first placeholder.
    start: &'static str,
    /// The texts between the placeholders.
    between: Vec<&'static str>,
    /// The text after the last placeholder; `None` without placeholders.
    end: Option<&'static str>,
}

/// The formats of all resource types that a service lists, its own and others', the most specific ones first.
pub(super) fn shapes(prefix: &str) -> &'static [ArnShape] {
    static SHAPES: OnceLock<HashMap<&'static str, Vec<ArnShape>>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        let services = catalog().services();
        services
            .map(|service| {
                let formats = service.resource_types().flat_map(|kind| {
                    kind.arn_formats().filter_map(move |format| ArnShape::of(kind.name(), format.as_str()))
                });
                let mut shapes: Vec<_> = formats.collect();
                shapes.sort_by_key(|shape| Reverse(shape.literal));
                (service.prefix(), shapes)
            })
            .collect()
    });
    shapes.get(prefix).map_or(&[], Vec::as_slice)
}

/// An ARN in its parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct SplitArn<'a> {
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub resource: &'a str,
}

impl<'a> SplitArn<'a> {
    pub fn of(arn: &'a str) -> Option<Self> {
        let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
        let (_partition, service, region, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let resource = parts.next().filter(|resource| !resource.is_empty())?;
        Some(Self { service, region, account, resource })
    }
}

impl ArnShape {
    fn of(kind: &'static str, format: &'static str) -> Option<Self> {
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
            Some((start, between)) => (*start, between.to_vec()),
            None => (rest, Vec::new()),
        };
        let (fixed_region, fixed_account) = (fixed(region), fixed(account));
        Some(Self { kind, literal, colons, service, fixed_region, fixed_account, start, between, end })
    }

    /// True if the ARN has this format. Leftmost matching of the literal texts decides: linear in practice.
    pub fn fits(&self, arn: SplitArn<'_>) -> bool {
        let Some(mut rest) = arn.resource.strip_prefix(self.start) else { return false };
        let service = self.service == arn.service || self.service.starts_with("${");
        let region = self.fixed_region.is_none_or(|fixed| fixed == arn.region);
        let account = self.fixed_account.is_none_or(|fixed| fixed == arn.account);
        if !(service && region && account) {
            return false;
        }
        let Some(end) = self.end else { return rest.is_empty() };
        for text in &self.between {
            let Some(next) = after_placeholder(rest, text) else { return false };
            rest = next;
        }
        rest.strip_suffix(end).is_some_and(|value| !value.is_empty())
    }
}

/// The rest after the first such text that follows a placeholder's value, which has one character at least.
fn after_placeholder<'t>(rest: &'t str, text: &str) -> Option<&'t str> {
    let mut value = rest.chars();
    value.next()?;
    let at = value.as_str().find(text)?;
    value.as_str().get(at + text.len()..)
}
