//! On which resources an action was used, as far as the event says.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memmem};
use serde_json_borrow::Value;
use whittle_catalog::events::{FieldPath, Transform};
use whittle_catalog::{ActionId, ArnFormat};

use super::arns::{self, ArnParts, Shape};
use super::params::is_masked;
use super::plan::{self, FormatPlan, PartPlan, Plan, TypePlan};
use super::transform::{Named, Place, named};
use super::{Call, ResourceSeen, Step, Uses};
use crate::record::{Record, ResourceEntry};

/// ARNs that one template may give for one event; a batch holds at most a few hundred items.
const MAX_ARNS: usize = 1_000;

/// The ARN as a pattern that no policy variable can hide in: `${` of an attacker's key name becomes `?{`.
pub(super) fn harmless(arn: &str) -> String {
    if holds_variable(arn) { arn.replace("${", "?{") } else { arn.to_owned() }
}

fn holds_variable(arn: &str) -> bool {
    memchr_iter(b'$', arn.as_bytes()).any(|at| arn.as_bytes().get(at + 1) == Some(&b'{'))
}

impl Call<'_, '_> {
    /// Resources of an action by the usual steps. Never empty.
    pub(super) fn resources_of(&self, action: ActionId) -> Vec<ResourceSeen> {
        let Some(plan) = plan::of(self.catalog, action) else { return vec![ResourceSeen::Unnamed] };
        if plan.is_any || plan.any_if.iter().any(|path| self.has(path)) {
            return vec![ResourceSeen::Arn("*".to_owned(), Step::NoResourceTypes)];
        }
        if let Some(arn) = self.denied_resource(plan.full_name) {
            return vec![ResourceSeen::Arn(harmless(arn), Step::DeniedMessage)];
        }
        if !plan.whole_arns.is_empty() {
            return self.whole_arns(&plan.whole_arns);
        }
        let listed = self.record.resources.iter().filter_map(|entry| {
            let arn = entry_arn(entry)?;
            let kind = arns::type_of(plan.shapes, &plan.types, &arn)?;
            Some((kind, harmless(&arn)))
        });
        let listed: Vec<(&'static str, String)> = if let [only] = plan.types.as_slice() {
            let mut seen = Vec::new();
            listed.for_each(|(_, arn)| push_with_tail(only, arn, Step::Listed, &mut seen));
            if !seen.is_empty() {
                return seen;
            }
            Vec::new()
        } else {
            listed.collect()
        };
        if plan.complete && !listed.is_empty() && plan.types.iter().all(|kind| !kind.required) {
            return listed.into_iter().map(|(_, arn)| ResourceSeen::Arn(arn, Step::Listed)).collect();
        }
        let mut found: Vec<Vec<(String, Step)>> = Vec::with_capacity(plan.types.len());
        for kind in &plan.types {
            let of_type = listed.iter().filter(|(name, _)| *name == kind.name);
            let mut arns: Vec<_> = of_type.map(|(_, arn)| (arn.clone(), Step::Listed)).collect();
            if arns.is_empty() {
                arns = self.by_templates(plan.shapes, kind);
            }
            found.push(arns);
        }
        forget_ambiguous(plan, &mut found);
        self.collect(plan, found)
    }

    /// Resources at given paths, for clauses that name them.
    pub(super) fn resources_at(&self, paths: &[(FieldPath, Transform)], action: ActionId) -> Vec<ResourceSeen> {
        let info = self.catalog.info(action);
        if !info.supports_resources() {
            return vec![ResourceSeen::Arn("*".to_owned(), Step::NoResourceTypes)];
        }
        let Some(plan) = plan::of(self.catalog, action) else { return vec![ResourceSeen::Unnamed] };
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
        if let Some(plan) = plan::of(self.catalog, action) {
            self.push_named(plan, transform, text, &mut seen);
        }
        seen
    }

    fn push_named(&self, plan: &'static Plan, transform: Transform, text: &str, seen: &mut Vec<ResourceSeen>) {
        let types = plan.types.as_slice();
        for name in named(transform, text, self.place()) {
            let name = match name {
                Named::Part(bucket) if transform == Transform::S3Bucket => {
                    Named::Arn(format!("arn:{}:s3:::{bucket}", self.place().partition))
                }
                name => name,
            };
            match name {
                Named::Arn(arn) if arns::type_of(plan.shapes, types, &arn).is_some() => {
                    seen.push(ResourceSeen::Arn(harmless(&arn), Step::Template));
                }
                Named::Arn(_) => {}
                Named::Part(part) => seen.extend(self.only_placeholder(types, &part)),
            }
        }
    }

    /// An ARN of the first format with one placeholder of its own.
    fn only_placeholder(&self, types: &[TypePlan], part: &str) -> Option<ResourceSeen> {
        let mut formats = types.iter().flat_map(|kind| kind.formats.iter());
        let format = formats.find(|format| format.parts.len() == 1)?;
        let placeholder = format.parts.first()?.name;
        let arn = filled(format.format, &[(placeholder, part.to_owned())], self.place())?;
        Some(ResourceSeen::Arn(harmless(&arn), Step::Template))
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
                    let text = paths.iter().find_map(|path| self.parameters.texts(path).first().copied())?;
                    (!text.contains(['{', '*', '?', ':'])).then_some(())?;
                    arn = format!("{head}{text}{tail}");
                }
                Some(ResourceSeen::Arn(arn, Step::Template))
            })
            .collect();
        if seen.is_empty() {
            seen.push(ResourceSeen::Unnamed);
        }
        seen
    }

    /// ARNs of one resource type from the parameters.
    fn by_templates(&self, shapes: &[Shape], kind: &TypePlan) -> Vec<(String, Step)> {
        let mut arns = Vec::new();
        if self.parameters.has_request() {
            let one_type = std::slice::from_ref(kind);
            let fits = |arn: &str| arns::type_of(shapes, one_type, arn).is_some() || fits_exactly(kind, arn);
            for row in &kind.rows {
                for (path, transform) in row.paths() {
                    for text in self.parameters.texts(path) {
                        let whole = named(*transform, text, self.place()).into_iter().filter_map(|name| match name {
                            Named::Arn(arn) if fits(&arn) => Some((arn, Step::Template)),
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
                    arns.extend(self.by_placeholders(format, &fits));
                }
            }
        }
        if arns.is_empty() && creates(self.record.event_name.as_str()) {
            let one_type = std::slice::from_ref(kind);
            arns.extend(self.in_response(&|arn| arns::type_of(shapes, one_type, arn).is_some()));
        }
        arns.truncate(MAX_ARNS);
        for (arn, _) in arns.iter_mut().filter(|(arn, _)| holds_variable(arn)) {
            *arn = harmless(arn);
        }
        arns
    }

    /// Fills a format: every placeholder must be found, at least one of them in the event itself.
    fn by_placeholders(&self, format: &FormatPlan, fits: &dyn Fn(&str) -> bool) -> Vec<(String, Step)> {
        let mut choices = vec![Choice::default()];
        let (mut from_event, mut step, mut whole) = (false, Step::Generic, Vec::new());
        for part in &format.parts {
            let (mut values, curated, defaulted) = self.values(part);
            if curated {
                step = Step::Template;
            }
            // Most calls name one thing by one text.
            if let [Named::Part(_)] = values.as_slice()
                && let [choice] = choices.as_mut_slice()
                && let Some(Named::Part(text)) = values.pop()
            {
                from_event |= !defaulted || curated;
                choice.values.push((part.name, text));
                continue;
            }
            let mut next = Vec::new();
            let add = |next: &mut Vec<Choice>, text: &str, place: Option<&Place>| {
                next.extend(choices.iter().take(MAX_ARNS).map(|choice| choice.with(part.name, text, place)));
            };
            for value in values {
                match value {
                    Named::Arn(arn) if fits(&arn) => whole.push((arn, step)),
                    // The ARN of what the format is a part of: the index of a table that is named by its ARN.
                    Named::Arn(arn) => {
                        if let Some((place, text)) = outer(format.format, part.name, &arn) {
                            from_event = true;
                            add(&mut next, text, Some(&place));
                        }
                    }
                    Named::Part(text) => {
                        // The service takes the default where a request leaves the parameter out.
                        from_event |= !defaulted || curated;
                        add(&mut next, &text, None);
                    }
                }
            }
            if next.is_empty() && whole.is_empty() {
                return Vec::new();
            }
            choices = next;
            choices.truncate(MAX_ARNS);
        }
        if from_event {
            let filled = choices.iter().filter_map(|choice| {
                let place = choice.place.as_ref().unwrap_or_else(|| self.place());
                Some((filled(format.format, &choice.values, place)?, step))
            });
            whole.extend(filled);
        }
        whole
    }

    /// Values of one placeholder; whether a row of the tables gave them; whether they are only the default.
    fn values(&self, part: &PartPlan) -> (Vec<Named>, bool, bool) {
        for row in &part.rows {
            for (path, transform) in row.paths() {
                let texts = self.parameters.texts(path);
                let given = texts.len();
                let mut values: Vec<_> =
                    texts.into_iter().flat_map(|text| named(*transform, text, self.place())).take(MAX_ARNS).collect();
                if !values.is_empty() {
                    // Items of a batch without the parameter take the default.
                    if let Some(default) = row.default()
                        && given < self.parameters.elements(path)
                    {
                        values.push(Named::Part(default.to_owned()));
                    }
                    return (values, true, false);
                }
                if self.has(path) {
                    // It is there but names nothing usable (masked, an alias): the default would be a guess.
                    return (Vec::new(), true, false);
                }
            }
            if let Some(default) = row.default() {
                return (vec![Named::Part(default.to_owned())], true, true);
            }
        }
        let texts = self.parameters.texts(&part.path);
        (texts.into_iter().flat_map(|text| named(Transform::Plain, text, self.place())).collect(), false, false)
    }

    /// ARNs in the answer to a create call.
    fn in_response(&self, fits: &dyn Fn(&str) -> bool) -> Vec<(String, Step)> {
        let mut texts = Vec::new();
        if let Some(response) = self.parameters.response() {
            arn_texts(response, 0, &mut texts);
        }
        let fitting = texts.into_iter().filter(|text| !is_masked(text) && fits(text));
        fitting.map(|text| (text.to_owned(), Step::Response)).collect()
    }

    /// What was found for all types of an action, with patterns for those that were in the request but are not named.
    fn collect(&self, plan: &'static Plan, found: Vec<Vec<(String, Step)>>) -> Vec<ResourceSeen> {
        if found.iter().all(Vec::is_empty) {
            return vec![ResourceSeen::Unnamed];
        }
        let tables_apply = self.parameters.has_request() && !is_masked(self.parameters.raw_request());
        let mut seen = Vec::new();
        for (kind, arns) in plan.types.iter().zip(found) {
            if arns.is_empty() && !plan.complete && (kind.required || !(tables_apply && kind.tables_know)) {
                let open = Place { account: "*".to_owned(), ..self.place().clone() };
                for format in &kind.formats {
                    let parts: Vec<_> = format.parts.iter().map(|part| (part.name, "*".to_owned())).collect();
                    let pattern = filled(format.format, &parts, &open);
                    seen.extend(pattern.map(|arn| ResourceSeen::Arn(arn, Step::TypeOnly)));
                }
            }
            for (arn, step) in arns {
                push_with_tail(kind, arn, step, &mut seen);
            }
        }
        seen
    }
}

/// Values for the placeholders of a format, while it is filled.
#[derive(Debug, Clone, Default)]
struct Choice {
    values: Vec<(&'static str, String)>,
    /// Where the resource is, if an ARN told; else where the call took place.
    place: Option<Place>,
}

impl Choice {
    fn with(&self, placeholder: &'static str, text: &str, place: Option<&Place>) -> Self {
        let mut values = self.values.clone();
        values.push((placeholder, text.to_owned()));
        Self { values, place: place.cloned().or_else(|| self.place.clone()) }
    }
}

/// If the ARN is the format up to and with one placeholder: where the resource is, and what the placeholder stands for.
fn outer<'t>(format: ArnFormat<'_>, placeholder: &str, arn: &'t str) -> Option<(Place, &'t str)> {
    let wanted = ArnParts::of(format.as_str())?;
    let found = ArnParts::of(arn)?;
    let (head, rest) = wanted.resource.split_once(&format!("${{{placeholder}}}"))?;
    let text = found.resource.strip_prefix(head).filter(|text| !text.is_empty())?;
    // The first of several placeholders: what stands before it is fixed, and the ARN ends with its value.
    let inner = rest.starts_with('/') && !head.contains("${") && !text.contains('/') && wanted.service == found.service;
    let place = || {
        Some(Place {
            partition: arn.split(':').nth(1)?.to_owned(),
            region: found.region.to_owned(),
            account: found.account.to_owned(),
        })
    };
    inner.then(place).flatten().map(|place| (place, text))
}

/// One parameter that would name several types at once names none: it is an id of some kind (`resourceId`).
fn forget_ambiguous(plan: &Plan, found: &mut [Vec<(String, Step)>]) {
    let generic = |arns: &[(String, Step)]| arns.iter().any(|(_, step)| *step == Step::Generic);
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

/// Whether an ARN or a pattern made by a transform (`table/*`, `role/*name`) has the shape of the type.
fn fits_exactly(kind: &TypePlan, arn: &str) -> bool {
    let Some(parts) = ArnParts::of(arn) else { return false };
    let same_service = |format: &FormatPlan| format.format.as_str().split(':').nth(2) == Some(parts.service);
    kind.formats.iter().any(|format| same_service(format) && format.format.matches(arn))
}

/// The format with its placeholders replaced; `None` if one has no value.
fn filled(format: ArnFormat<'_>, values: &[(&str, String)], place: &Place) -> Option<String> {
    let mut arn = String::with_capacity(format.as_str().len() + 32);
    let mut rest = format.as_str();
    while let Some(open) = memchr(b'$', rest.as_bytes()) {
        let (head, tail) = rest.split_at_checked(open)?;
        let close = memchr(b'}', tail.as_bytes())?;
        arn.push_str(head);
        arn.push_str(match tail.get(..close)?.strip_prefix("${")? {
            "Partition" => &place.partition,
            "Region" => &place.region,
            "Account" => &place.account,
            name => values.iter().find(|(placeholder, _)| *placeholder == name).map(|(_, value)| value.as_str())?,
        });
        rest = tail.get(close + 1..)?;
    }
    arn.push_str(rest);
    Some(arn)
}

/// Adds an ARN, and again with the tail that its type must be granted with (`:*` of log groups and functions), unless
/// it is qualified already.
fn push_with_tail(kind: &TypePlan, arn: String, step: Step, seen: &mut Vec<ResourceSeen>) {
    if let Some(tail) = kind.tail {
        // Six colons end `arn:aws:logs:<region>:<account>:log-group:`; one more is a qualifier.
        match arn.strip_suffix(tail) {
            Some(bare) => seen.push(ResourceSeen::Arn(bare.to_owned(), step)),
            None if arn.matches(':').count() == 6 => seen.push(ResourceSeen::Arn(format!("{arn}{tail}"), step)),
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

/// Whether an event creates something (§9 of the mapping rules: only creates name their resource in the answer).
pub(super) fn creates(event_name: &str) -> bool {
    ["Create", "Run", "Register", "Import", "Allocate", "Copy", "Restore", "Upload", "Start", "Publish", "Put"]
        .iter()
        .any(|start| event_name.starts_with(start))
}

fn arn_texts<'v>(value: &'v Value<'v>, depth: usize, out: &mut Vec<&'v str>) {
    if depth > 4 || out.len() >= 50 {
        return;
    }
    match value {
        Value::Str(text) if text.starts_with("arn:") => out.push(text),
        Value::Array(items) => items.iter().for_each(|item| arn_texts(item, depth + 1, out)),
        Value::Object(map) => map.values().for_each(|value| arn_texts(value, depth + 1, out)),
        _ => {}
    }
}

/// Whether a call of the event source of S3 may be one of another prefix: a directory bucket in the parameters, or an ARN
/// of another service there or in `resources[]`.
pub(super) fn is_special_to_s3(record: &Record<'_>, request: &str) -> bool {
    static TEXTS: LazyLock<[memmem::Finder<'static>; 2]> =
        LazyLock::new(|| ["--x-s3\"", ":s3-o"].map(memmem::Finder::new));
    TEXTS.iter().any(|finder| finder.find(request.as_bytes()).is_some())
        || record.resources.iter().filter_map(|entry| entry.arn.as_deref()).any(|arn| service_of(arn) != Some("s3"))
}

fn service_of(arn: &str) -> Option<&str> {
    ArnParts::of(arn).map(|parts| parts.service)
}

/// Directory buckets and object lambdas have service prefixes of their own, with the same event source.
///
/// AWS page: S3 User Guide, "Directory buckets: identity and access management"; Service Authorization Reference, S3
/// Express, S3 Object Lambda, S3 on Outposts.
pub(super) fn switch_s3_prefix(call: &Call<'_, '_>, uses: &mut Uses) {
    let raw = call.parameters.raw_request();
    if !is_special_to_s3(call.record, raw) {
        return;
    }
    let arns = || call.record.resources.iter().filter_map(|entry| entry.arn.as_deref());
    let listed = |service: &str| arns().any(|arn| service_of(arn) == Some(service));
    let (prefix, fallback) = if raw.contains("--x-s3\"") || listed("s3express") {
        ("s3express", Some("s3express:CreateSession"))
    } else if raw.contains(":s3-object-lambda:") || listed("s3-object-lambda") {
        ("s3-object-lambda", None)
    } else if raw.contains(":s3-outposts:") || listed("s3-outposts") {
        ("s3-outposts", None)
    } else {
        return;
    };
    for used in std::mem::take(&mut uses.list) {
        let info = call.catalog.info(used.action);
        let switched = (info.prefix() == "s3")
            .then(|| {
                call.catalog
                    .action(&format!("{prefix}:{}", info.short_name()))
                    .or_else(|| call.catalog.action(fallback?))
            })
            .flatten();
        match switched {
            Some(action) => uses.add(action, used.basis, call.resources_of(action)),
            None => uses.add(used.action, used.basis, used.resources),
        }
    }
}
