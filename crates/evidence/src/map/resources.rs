//! On which resources an action was used, as far as the event says.

use std::borrow::Cow;

use serde_json::Value;
use whittle_catalog::events::{FieldPath, Transform};
use whittle_catalog::{ActionId, ArnFormat, catalog};

use super::arns::SplitArn;
use super::params::{Leaf, is_masked};
use super::plan::{self, FormatPiece, FormatPlan, PartPlan, ResourcePlan, TypePlan};
use super::transform::{CallPlace, NamedResource, named};
use super::{CallContext, ResourceOrigin, ResourceSeen};
use crate::record::ResourceEntry;

/// ARNs that one template may give for one event; a batch holds at most a few hundred items.
const MAX_ARNS: usize = 1_000;

/// The ARN as a pattern that no policy variable can hide in: `${` of an attacker's key name becomes `?{`.
pub(super) fn harmless(arn: &str) -> String {
    arn.replace("${", "?{")
}

impl CallContext<'_> {
    /// Resources of an action by the usual steps. Never empty.
    pub(super) fn resources_of(&self, action: ActionId) -> Vec<ResourceSeen> {
        let plan = plan::of(action);
        if plan.is_any || plan.any_if.iter().any(|path| self.has(path)) {
            return vec![ResourceSeen::Arn("*".to_owned(), ResourceOrigin::NoResourceTypes)];
        }
        if let Some(arn) = self.denied_resource(plan.full_name) {
            return vec![ResourceSeen::Arn(harmless(arn), ResourceOrigin::DeniedMessage)];
        }
        if !plan.whole_arns.is_empty() {
            return self.whole_arns(&plan.whole_arns);
        }
        let listed = self.record.resources.iter().filter_map(|entry| {
            let arn = entry_arn(entry)?;
            let kind = plan.type_of(&arn)?;
            Some((kind, harmless(&arn)))
        });
        // Where these are all that there can be, nothing else is looked for.
        let (mut all, mut some) = (Vec::new(), Vec::new());
        match plan.types.as_slice() {
            [only] => listed.for_each(|(_, arn)| push_with_tail(only, arn, ResourceOrigin::Listed, &mut all)),
            types if plan.complete && types.iter().all(|kind| !kind.required) => {
                all.extend(listed.map(|(_, arn)| ResourceSeen::Arn(arn, ResourceOrigin::Listed)));
            }
            _ => some.extend(listed),
        }
        if !all.is_empty() {
            return all;
        }
        let mut found: Found = Vec::new();
        for kind in &plan.types {
            let of_type = some.iter().filter(|(name, _)| *name == kind.name);
            let mut arns: Vec<_> = of_type.map(|(_, arn)| (arn.clone(), ResourceOrigin::Listed)).collect();
            if arns.is_empty() {
                arns = self.by_templates(plan, kind);
            }
            found.push(arns);
        }
        forget_ambiguous(plan, &mut found);
        self.collect(plan, found)
    }

    /// Resources at given paths, for clauses that name them.
    pub(super) fn resources_at(&self, paths: &[(FieldPath, Transform)], action: ActionId) -> Vec<ResourceSeen> {
        let info = catalog().info(action);
        if !info.supports_resources() {
            return vec![ResourceSeen::Arn("*".to_owned(), ResourceOrigin::NoResourceTypes)];
        }
        let plan = plan::of(action);
        let mut seen = Vec::new();
        for (path, transform) in paths {
            for text in self.parameters.texts(path) {
                self.push_named(plan, *transform, text, &mut seen);
            }
        }
        if seen.is_empty() {
            seen.push(ResourceSeen::Unnamed);
        }
        seen
    }

    /// Resources of an action that one text names; empty if it names none.
    pub(super) fn resources_named(&self, transform: Transform, text: &str, action: ActionId) -> Vec<ResourceSeen> {
        let mut seen = Vec::new();
        self.push_named(plan::of(action), transform, text, &mut seen);
        seen
    }

    fn push_named(&self, plan: &'static ResourcePlan, transform: Transform, text: &str, seen: &mut Vec<ResourceSeen>) {
        for name in named(transform, text, self.place()) {
            let name = match name {
                NamedResource::Part(bucket) if transform == Transform::S3Bucket => {
                    NamedResource::Arn(Cow::Owned(format!("arn:{}:s3:::{bucket}", self.place().partition)))
                }
                name => name,
            };
            match name {
                NamedResource::Arn(arn) if plan.type_of(&arn).is_some() => {
                    seen.push(ResourceSeen::Arn(harmless(&arn), ResourceOrigin::Template));
                }
                NamedResource::Arn(_) => {}
                NamedResource::Part(part) => seen.extend(self.only_placeholder(&plan.types, &part)),
            }
        }
    }

    /// An ARN of the first format with one placeholder of its own.
    fn only_placeholder(&self, types: &[TypePlan], part: &str) -> Option<ResourceSeen> {
        let mut formats = types.iter().flat_map(|kind| kind.formats.iter());
        let format = formats.find(|format| format.parts.len() == 1)?;
        let placeholder = format.parts.first()?.name;
        let arn = filled(format, &[(placeholder, Cow::Borrowed(part))], self.place())?;
        Some(ResourceSeen::Arn(harmless(&arn), ResourceOrigin::Template))
    }

    /// The ARN of a denied message, if it speaks of this action.
    fn denied_resource(&self, action: &str) -> Option<&str> {
        let detail = self.denied.as_ref()?;
        let named = detail.action.as_deref()?;
        let resource = detail.resource.as_deref()?;
        (named.eq_ignore_ascii_case(action) && !is_masked(resource)).then_some(resource)
    }

    fn has(&self, path: &FieldPath) -> bool {
        self.parameters.has(std::slice::from_ref(path))
    }

    /// Rows whose text is a whole ARN with `{path#transform}` parts.
    fn whole_arns(&self, templates: &[&'static str]) -> Vec<ResourceSeen> {
        let mut seen: Vec<_> = templates
            .iter()
            .filter_map(|template| {
                let mut arn = template
                    .replace("${Partition}", &self.place().partition)
                    .replace("${Region}", &self.place().region)
                    .replace("${Account}", &self.place().account);
                while let Some((head, rest)) = arn.split_once('{') {
                    let (path, tail) = rest.split_once('}')?;
                    // Bodies are often wrapped: createStageInput.restApiId.
                    let paths = [FieldPath::parse(path), FieldPath::parse(&format!("*.{path}"))];
                    let mut leaves = paths.iter().flat_map(|path| self.parameters.leaves(path));
                    let text = leaves.find_map(Leaf::text)?;
                    (!text.contains(['{', '*', '?', ':'])).then_some(())?;
                    arn = format!("{head}{text}{tail}");
                }
                Some(ResourceSeen::Arn(arn, ResourceOrigin::Template))
            })
            .collect();
        if seen.is_empty() {
            seen.push(ResourceSeen::Unnamed);
        }
        seen
    }

    /// ARNs of one resource type from the parameters.
    fn by_templates(&self, plan: &ResourcePlan, kind: &TypePlan) -> Vec<(String, ResourceOrigin)> {
        let mut arns = Vec::new();
        if self.parameters.has_request() {
            let fits = |arn: &str| plan.is_of_type(kind, arn) || fits_exactly(kind, arn);
            for row in &kind.rows {
                for (path, transform) in row.paths() {
                    for text in self.parameters.texts(path) {
                        let whole = named(*transform, text, self.place()).into_iter().filter_map(|name| match name {
                            NamedResource::Arn(arn) if fits(&arn) => Some((arn.into_owned(), ResourceOrigin::Template)),
                            _ => None,
                        });
                        arns.extend(whole);
                    }
                    if !arns.is_empty() {
                        break;
                    }
                }
            }
            if arns.is_empty() {
                for format in &kind.formats {
                    self.by_placeholders(format, &fits, &mut arns);
                }
            }
        }
        if arns.is_empty() && catalog().names_created(self.record.event_name.as_str()) {
            arns.extend(self.in_response(&|arn| plan.is_of_type(kind, arn)));
        }
        arns.truncate(MAX_ARNS);
        arns.into_iter().map(|(arn, step)| (harmless(&arn), step)).collect()
    }

    /// Fills a format: every placeholder must be found, at least one of them in the event itself.
    fn by_placeholders<'p>(
        &'p self,
        format: &'p FormatPlan,
        fits: &dyn Fn(&str) -> bool,
        out: &mut Vec<(String, ResourceOrigin)>,
    ) {
        let mut values = Vec::new();
        let (mut from_event, mut step) = (false, ResourceOrigin::Generic);
        for part in &format.parts {
            let (mut names, curated, defaulted) = self.values(part);
            // Most calls name one thing by one text.
            let text = match (names.len(), names.pop()) {
                (0, _) => return,
                (1, Some(NamedResource::Part(text))) => text,
                _ => return self.by_many_placeholders(format, fits, out),
            };
            if curated {
                step = ResourceOrigin::Template;
            }
            from_event |= !defaulted || curated;
            values.push((part.name, text));
        }
        if from_event {
            push_filled(format, values, self.place(), step, out);
        }
    }

    /// The same where a placeholder has several values, or an ARN that tells more than one of them.
    fn by_many_placeholders<'p>(
        &'p self,
        format: &'p FormatPlan,
        fits: &dyn Fn(&str) -> bool,
        out: &mut Vec<(String, ResourceOrigin)>,
    ) {
        let before = out.len();
        let mut choices = vec![Choice::default()];
        let (mut from_event, mut step) = (false, ResourceOrigin::Generic);
        for part in &format.parts {
            let (values, curated, defaulted) = self.values(part);
            if curated {
                step = ResourceOrigin::Template;
            }
            let mut next = Vec::new();
            let add = |next: &mut Vec<_>, text: &Cow<'p, str>, place: Option<&CallPlace<'static>>| {
                next.extend(choices.iter().take(MAX_ARNS).map(|choice| choice.with(part.name, text, place)));
            };
            for value in values {
                match value {
                    NamedResource::Arn(arn) if fits(&arn) => out.push((arn.into_owned(), step)),
                    // The ARN of what the format is a part of: the index of a table that is named by its ARN.
                    NamedResource::Arn(arn) => {
                        if let Some((place, text)) = outer(format.format, part.name, &arn) {
                            from_event = true;
                            add(&mut next, &Cow::Owned(text.to_owned()), Some(&place));
                        }
                    }
                    NamedResource::Part(text) => {
                        // The service takes the default where a request leaves the parameter out.
                        from_event |= !defaulted || curated;
                        add(&mut next, &text, None);
                    }
                }
            }
            if next.is_empty() && out.len() == before {
                return;
            }
            choices = next;
            choices.truncate(MAX_ARNS);
        }
        if !from_event {
            return;
        }
        for Choice { values, place } in choices {
            push_filled(format, values, place.as_ref().unwrap_or_else(|| self.place()), step, out);
        }
    }

    /// Values of one placeholder; whether a row of the tables gave them; whether they are only the default.
    fn values<'p>(&'p self, part: &'p PartPlan) -> (Vec<NamedResource<'p>>, bool, bool) {
        for row in &part.rows {
            for (path, transform) in row.paths() {
                let leaves = self.parameters.leaves(path);
                let mut given = 0;
                let mut values = Vec::new();
                for text in leaves.iter().filter_map(|leaf| leaf.text()) {
                    given += 1;
                    values.extend(named(*transform, text, self.place()));
                }
                values.truncate(MAX_ARNS);
                if !values.is_empty() {
                    // Items of a batch without the parameter take the default.
                    if let Some(default) = row.default()
                        && given < self.parameters.elements(path)
                    {
                        values.push(NamedResource::Part(Cow::Borrowed(default)));
                    }
                    return (values, true, false);
                }
                if leaves.into_iter().any(Leaf::is_present) {
                    // It is there but names nothing usable (masked, an alias): the default would be a guess.
                    return (Vec::new(), true, false);
                }
            }
            if let Some(default) = row.default() {
                return (vec![NamedResource::Part(Cow::Borrowed(default))], true, true);
            }
        }
        let texts = self.parameters.texts(&part.path);
        (texts.flat_map(|text| named(part.transform, text, self.place())).collect(), false, false)
    }

    /// ARNs in the answer to a create call.
    fn in_response(&self, fits: &dyn Fn(&str) -> bool) -> Vec<(String, ResourceOrigin)> {
        let mut texts = Vec::new();
        if let Some(response) = self.parameters.response() {
            arn_texts(response, 0, &mut texts);
        }
        let fitting = texts.into_iter().filter(|text| !is_masked(text) && fits(text));
        fitting.map(|text| (text.to_owned(), ResourceOrigin::Response)).collect()
    }

    /// The resources of all types of an action, with patterns for those that the request does not name.
    fn collect(&self, plan: &'static ResourcePlan, found: Found) -> Vec<ResourceSeen> {
        if found.iter().all(Vec::is_empty) {
            return vec![ResourceSeen::Unnamed];
        }
        let is_told = |kind: &TypePlan| {
            let tables_apply = || self.parameters.has_request() && !self.parameters.has_mask();
            may_be_told_absent(plan, kind) && tables_apply()
        };
        let mut seen = Vec::new();
        for (kind, arns) in plan.types.iter().zip(found) {
            if arns.is_empty() && !plan.complete && !is_told(kind) {
                let open = CallPlace { account: Cow::Borrowed("*"), ..self.place().clone() };
                for format in &kind.formats {
                    let parts: Vec<_> = format.parts.iter().map(|part| (part.name, Cow::Borrowed("*"))).collect();
                    let pattern = filled(format, &parts, &open);
                    seen.extend(pattern.map(|arn| ResourceSeen::Arn(arn, ResourceOrigin::TypeOnly)));
                }
            }
            for (arn, step) in arns {
                push_with_tail(kind, arn, step, &mut seen);
            }
        }
        seen
    }
}

/// True if a request without a resource of the type proves that the call was on none.
pub(super) fn may_be_told_absent(plan: &ResourcePlan, kind: &TypePlan) -> bool {
    !plan.complete && !kind.required && kind.tables_know
}

/// The ARNs found for each type of an action.
type Found = Vec<Vec<(String, ResourceOrigin)>>;

/// Values for the placeholders of a format.
type Values<'t> = Vec<(&'static str, Cow<'t, str>)>;

/// One of several choices of values, while they are collected.
#[derive(Debug, Clone, Default)]
struct Choice<'t> {
    values: Values<'t>,
    /// Place of the resource, if an ARN names it; else that of the call.
    place: Option<CallPlace<'static>>,
}

impl<'t> Choice<'t> {
    fn with(&self, placeholder: &'static str, text: &Cow<'t, str>, place: Option<&CallPlace<'static>>) -> Self {
        let mut values = self.values.clone();
        values.push((placeholder, text.clone()));
        Self { values, place: place.cloned().or_else(|| self.place.clone()) }
    }
}

/// The place of the resource and the value of the placeholder, if the ARN ends with that placeholder of the
/// format.
fn outer<'t>(format: ArnFormat<'_>, placeholder: &str, arn: &'t str) -> Option<(CallPlace<'static>, &'t str)> {
    let wanted = SplitArn::of(format.as_str())?;
    let found = SplitArn::of(arn)?;
    let (head, rest) = wanted.resource.split_once(&format!("${{{placeholder}}}"))?;
    let text = found.resource.strip_prefix(head).filter(|text| !text.is_empty())?;
    // The first of several placeholders: what stands before it is fixed, and the ARN ends with its value.
    let inner = rest.starts_with('/') && !head.contains("${") && !text.contains('/') && wanted.service == found.service;
    let place = || {
        Some(CallPlace {
            partition: Cow::Owned(arn.split(':').nth(1)?.to_owned()),
            region: Cow::Owned(found.region.to_owned()),
            account: Cow::Owned(found.account.to_owned()),
        })
    };
    inner.then(place).flatten().map(|place| (place, text))
}

/// One parameter that would name several types at once names none: it is an id of some kind (`resourceId`).
fn forget_ambiguous(plan: &ResourcePlan, found: &mut [Vec<(String, ResourceOrigin)>]) {
    let generic = |arns: &[(String, ResourceOrigin)]| arns.iter().any(|(_, step)| *step == ResourceOrigin::Generic);
    let parts = |kind: &TypePlan| -> Vec<&str> {
        kind.formats.first().map(|format| format.parts.iter().map(|part| part.name).collect()).unwrap_or_default()
    };
    let guessed: Vec<Vec<&str>> =
        plan.types.iter().zip(&*found).filter(|(_, arns)| generic(arns)).map(|(kind, _)| parts(kind)).collect();
    for (kind, arns) in plan.types.iter().zip(found) {
        if generic(arns) && guessed.iter().filter(|other| **other == parts(kind)).count() > 1 {
            arns.clear();
        }
    }
}

/// True if an ARN or a pattern made by a transform (`table/*`, `role/*name`) has the shape of the type.
fn fits_exactly(kind: &TypePlan, arn: &str) -> bool {
    let Some(parts) = SplitArn::of(arn) else { return false };
    let same_service = |format: &FormatPlan| format.format.as_str().split(':').nth(2) == Some(parts.service);
    kind.formats.iter().any(|format| same_service(format) && format.format.matches(arn))
}

/// Adds the filled format, in lower case too where the service keeps names so.
fn push_filled(
    format: &FormatPlan,
    mut values: Values<'_>,
    place: &CallPlace<'_>,
    step: ResourceOrigin,
    out: &mut Vec<(String, ResourceOrigin)>,
) {
    out.extend(filled(format, &values, place).map(|arn| (arn, step)));
    let has_upper = |(_, text): &(_, Cow<'_, str>)| text.bytes().any(|byte| byte.is_ascii_uppercase());
    if format.is_lower_case && values.iter().any(has_upper) {
        for (_, text) in &mut values {
            text.to_mut().make_ascii_lowercase();
        }
        out.extend(filled(format, &values, place).map(|arn| (arn, step)));
    }
}

/// The format with its placeholders replaced; `None` if one has no value.
fn filled(format: &FormatPlan, values: &[(&str, Cow<'_, str>)], place: &CallPlace<'_>) -> Option<String> {
    let mut arn = String::with_capacity(format.format.as_str().len() + 64);
    for piece in &format.pieces {
        arn.push_str(match piece {
            FormatPiece::Text(text) => text,
            FormatPiece::Partition => &place.partition,
            FormatPiece::Region => &place.region,
            FormatPiece::Account => &place.account,
            FormatPiece::Part(name) => {
                values.iter().find(|(placeholder, _)| placeholder == name).map(|(_, value)| &**value)?
            }
        });
    }
    (!arn.is_empty()).then_some(arn)
}

/// Adds an ARN, and again with the tail that its type must be granted with (`:*` of log groups and
/// functions), unless it is qualified already.
fn push_with_tail(kind: &TypePlan, arn: String, step: ResourceOrigin, seen: &mut Vec<ResourceSeen>) {
    if let Some(tail) = kind.tail {
        // Six colons end `arn:aws:logs:<region>:<account>:log-group:`; one more is a qualifier.
        match arn.strip_suffix(tail) {
            Some(bare) => seen.push(ResourceSeen::Arn(bare.to_owned(), step)),
            None if arn.bytes().filter(|byte| *byte == b':').count() == 6 => {
                seen.push(ResourceSeen::Arn([&arn, tail].concat(), step));
            }
            None => {}
        }
    }
    seen.push(ResourceSeen::Arn(arn, step));
}

/// The ARN of an entry of `resources[]`; an entry with a prefix only stands for everything below it.
fn entry_arn<'e>(entry: &'e ResourceEntry<'_>) -> Option<Cow<'e, str>> {
    let arn = match (entry.arn.as_deref(), entry.arn_prefix.as_deref()) {
        (Some(arn), _) => Cow::Borrowed(arn),
        (None, Some(start)) => Cow::Owned(format!("{start}*")),
        (None, None) => return None,
    };
    (arn.starts_with("arn:") && !is_masked(&arn)).then_some(arn)
}

fn arn_texts<'v>(value: &'v Value, depth: usize, out: &mut Vec<&'v str>) {
    if depth > 4 || out.len() >= 50 {
        return;
    }
    match value {
        Value::String(text) if text.starts_with("arn:") => out.push(text),
        Value::Array(items) => items.iter().for_each(|item| arn_texts(item, depth + 1, out)),
        Value::Object(map) => map.values().for_each(|value| arn_texts(value, depth + 1, out)),
        _ => {}
    }
}
