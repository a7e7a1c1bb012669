//! On which resources an action was used, as far as the event says.

use std::borrow::Cow;

use whittle_catalog::events::{FieldPath, Transform};
use whittle_catalog::{ActionId, catalog};

use super::fill::{
    Choice, arn_texts, entry_arn, filled, fits_exactly, only_placeholder, outer, push_filled, push_with_tail,
};
use super::params::{Leaf, is_masked};
use super::plan::{self, FormatPlan, PartPlan, ResourcePlan, TypePlan};
use super::transform::{CallPlace, NamedResource, named};
use super::{CallContext, ResourceOrigin, ResourceSeen, s3};

/// ARNs that one template may give for one event; a batch holds at most a few hundred items.
const MAX_ARNS: usize = 1_000;

/// The ARN as a pattern that no policy variable can hide in: `${` of an attacker's key name becomes `?{`.
pub(super) fn harmless(arn: &str) -> String {
    arn.replace("${", "?{")
}

impl CallContext<'_> {
    /// Resources of an action by the usual steps. Never empty.
    pub(super) fn resources_of(&self, action: ActionId) -> Vec<ResourceSeen> {
        self.resources_by_plan(plan::of(action), true)
    }

    /// The same by the request alone, where it names something: `resources[]` also lists what another action
    /// of the call was checked on.
    pub(super) fn resources_of_request(&self, action: ActionId) -> Vec<ResourceSeen> {
        let plan = plan::of(action);
        let seen = self.resources_by_plan(plan, false);
        if seen.contains(&ResourceSeen::Unnamed) { self.resources_by_plan(plan, true) } else { seen }
    }

    fn resources_by_plan(&self, plan: &'static ResourcePlan, with_listed: bool) -> Vec<ResourceSeen> {
        if plan.is_any || plan.any_if.iter().any(|path| self.has(path)) {
            return vec![ResourceSeen::Arn("*".to_owned(), ResourceOrigin::NoResourceTypes)];
        }
        if let Some(arn) = self.denied_resource(plan.full_name) {
            return vec![ResourceSeen::Arn(harmless(arn), ResourceOrigin::DeniedMessage)];
        }
        if !plan.whole_arns.is_empty() {
            return self.whole_arns(plan);
        }
        let mut seen = self.without_access_points(plan, with_listed);
        s3::add_access_points(self, plan, with_listed, &mut seen);
        seen
    }

    fn without_access_points(&self, plan: &'static ResourcePlan, with_listed: bool) -> Vec<ResourceSeen> {
        let entries = self.record.resources.iter().filter(|_| with_listed).filter_map(entry_arn);
        let listed = entries.flat_map(|arn| plan.checked_forms(arn)).filter_map(|arn| {
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
        let place = self.place_for(plan);
        let mut found: Found = Vec::new();
        for kind in &plan.types {
            let of_type = some.iter().filter(|(name, _)| *name == kind.name);
            let mut arns: Vec<_> = of_type.map(|(_, arn)| (arn.clone(), ResourceOrigin::Listed)).collect();
            if arns.is_empty()
                && let Some(place) = &place
            {
                arns = self.by_templates(plan, kind, place);
            }
            found.push(arns);
        }
        forget_ambiguous(plan, &mut found);
        let mut seen = self.collect(plan, found);
        if place.is_none() || self.has_source() {
            seen.push(ResourceSeen::Unnamed);
        }
        seen
    }

    /// True if the request names a source beside the target, and no row says which of them is checked.
    fn has_source(&self) -> bool {
        let starts = || FieldPath::parse("source*");
        catalog().may_have_source(self.record.event_name.as_str()) && self.has(&starts())
    }

    /// Resources at given paths, for clauses that name them.
    pub(super) fn resources_at(&self, paths: &[(FieldPath, Transform)], action: ActionId) -> Vec<ResourceSeen> {
        let info = catalog().info(action);
        if !info.supports_resources() {
            return vec![ResourceSeen::Arn("*".to_owned(), ResourceOrigin::NoResourceTypes)];
        }
        let plan = plan::of(action);
        if let Some(arn) = self.denied_resource(plan.full_name) {
            return vec![ResourceSeen::Arn(harmless(arn), ResourceOrigin::DeniedMessage)];
        }
        let mut seen = Vec::new();
        for (path, transform) in paths {
            for leaf in self.parameters.leaves(path).into_iter().filter(|leaf| leaf.is_present()) {
                let before = seen.len();
                if let Some(text) = leaf.text() {
                    self.push_named(plan, *transform, text, &mut seen);
                }
                // Of several texts some speak of another action: statements, references to secrets.
                let may_be_of_another = matches!(transform, Transform::PartiqlTable(Some(_)) | Transform::SsmSecret);
                if seen.len() == before && !(may_be_of_another && leaf.text().is_some()) {
                    seen.push(ResourceSeen::Unnamed);
                }
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
        let Some(place) = self.place_for(plan) else { return };
        for name in named(transform, text, &place) {
            let name = match name {
                NamedResource::Part(bucket) if transform == Transform::S3Bucket => {
                    NamedResource::Arn(Cow::Owned(format!("arn:{}:s3:::{bucket}", place.partition)))
                }
                name => name,
            };
            let arns = match name {
                NamedResource::Arn(arn) => {
                    let forms = plan.checked_forms(arn).into_iter().filter(|arn| plan.type_of(arn).is_some());
                    forms.map(|arn| (arn.into_owned(), ResourceOrigin::Template)).collect()
                }
                NamedResource::Part(part) => only_placeholder(&plan.types, part, &place),
            };
            seen.extend(arns.into_iter().map(|(arn, step)| ResourceSeen::Arn(harmless(&arn), step)));
        }
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
    fn whole_arns(&self, plan: &ResourcePlan) -> Vec<ResourceSeen> {
        let Some(place) = self.place_for(plan) else { return vec![ResourceSeen::Unnamed] };
        let mut seen: Vec<_> = plan
            .whole_arns
            .iter()
            .filter_map(|template| {
                let mut arn = template
                    .replace("${Partition}", &place.partition)
                    .replace("${Region}", &place.region)
                    .replace("${Account}", &place.account);
                while let Some((head, rest)) = arn.split_once('{') {
                    let (path, tail) = rest.split_once('}')?;
                    // Bodies are often wrapped: createStageInput.restApiId.
                    let paths = [FieldPath::parse(path), FieldPath::parse(&format!("*.{path}"))];
                    let mut leaves = paths.iter().flat_map(|path| self.parameters.leaves(path));
                    let text = leaves.find_map(Leaf::text)?;
                    // At the start the text is the ARN of what the resource is a part of.
                    let is_arn = head.is_empty() && text.starts_with("arn:");
                    (!text.contains(['{', '*', '?']) && (is_arn || !text.contains(':'))).then_some(())?;
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
    fn by_templates(
        &self,
        plan: &ResourcePlan,
        kind: &TypePlan,
        place: &CallPlace<'_>,
    ) -> Vec<(String, ResourceOrigin)> {
        let mut arns = Vec::new();
        if self.parameters.has_request() {
            let fits = |arn: &str| plan.is_of_type(kind, arn) || fits_exactly(kind, arn);
            for row in &kind.rows {
                for (path, transform) in row.paths() {
                    for text in self.parameters.texts(path) {
                        let names = named(*transform, text, place).into_iter();
                        let whole = names.flat_map(|name| match name {
                            NamedResource::Arn(arn) => plan.checked_forms(arn),
                            NamedResource::Part(_) => Vec::new(),
                        });
                        let fitting = whole.filter(|arn| fits(arn));
                        arns.extend(fitting.map(|arn| (arn.into_owned(), ResourceOrigin::Template)));
                    }
                    if !arns.is_empty() {
                        break;
                    }
                }
            }
            if arns.is_empty() {
                for format in &kind.formats {
                    self.by_placeholders(format, place, &fits, &mut arns);
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
        place: &CallPlace<'_>,
        fits: &dyn Fn(&str) -> bool,
        out: &mut Vec<(String, ResourceOrigin)>,
    ) {
        let mut values = Vec::new();
        let (mut from_event, mut step) = (false, ResourceOrigin::Generic);
        for part in &format.parts {
            let (mut names, curated, defaulted) = self.values(part, place);
            // Most calls name one thing by one text.
            let text = match (names.len(), names.pop()) {
                (0, _) => return,
                (1, Some(NamedResource::Part(text))) => text,
                _ => return self.by_many_placeholders(format, place, fits, out),
            };
            if curated {
                step = ResourceOrigin::Template;
            }
            from_event |= !defaulted || curated;
            values.push((part.name, text));
        }
        if from_event {
            push_filled(format, values, place, step, out);
        }
    }

    /// The same where a placeholder has several values, or an ARN that tells more than one of them.
    fn by_many_placeholders<'p>(
        &'p self,
        format: &'p FormatPlan,
        place: &CallPlace<'_>,
        fits: &dyn Fn(&str) -> bool,
        out: &mut Vec<(String, ResourceOrigin)>,
    ) {
        let before = out.len();
        let mut choices = vec![Choice::default()];
        let (mut from_event, mut step) = (false, ResourceOrigin::Generic);
        for part in &format.parts {
            let (values, curated, defaulted) = self.values(part, place);
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
        for Choice { values, place: named } in choices {
            push_filled(format, values, named.as_ref().unwrap_or(place), step, out);
        }
    }

    /// Values of one placeholder; whether a row of the tables gave them; whether they are only the default.
    fn values<'p>(&'p self, part: &'p PartPlan, place: &CallPlace<'_>) -> (Vec<NamedResource<'p>>, bool, bool) {
        for row in &part.rows {
            for (path, transform) in row.paths() {
                let leaves = self.parameters.leaves(path);
                let mut given = 0;
                let mut values = Vec::new();
                for text in leaves.iter().filter_map(|leaf| leaf.text()) {
                    given += 1;
                    values.extend(named(*transform, text, place));
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
        (texts.flat_map(|text| named(part.transform, text, place)).collect(), false, false)
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
