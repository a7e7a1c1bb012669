//! How the resources of one action are found: the catalog's resource types and the tables' rows, combined
//! once.

use std::borrow::Cow;
use std::sync::{LazyLock, OnceLock};

use whittle_catalog::events::{FieldPath, ParameterSource, Transform};
use whittle_catalog::{ActionId, ArnFormat, ResourceTypeRef, catalog};

use super::arns::{self, ArnShape, SplitArn};

/// Everything about one action that does not depend on the event.
#[derive(Debug)]
pub(super) struct ResourcePlan {
    pub full_name: &'static str,
    /// The resource is always `*`.
    pub is_any: bool,
    /// The resource is `*` if one of these is there.
    pub any_if: Vec<&'static FieldPath>,
    /// Whole ARNs with `{path#transform}` parts; if there are any, nothing else counts.
    pub whole_arns: Vec<&'static str>,
    /// The parts found are all that the request names.
    pub complete: bool,
    /// Parameters whose account owns the resources.
    pub owners: Vec<&'static FieldPath>,
    /// Parameters with what the resources are a part of, by an ARN or a name.
    pub owner_arns: Vec<&'static FieldPath>,
    /// ARNs of the action's types have an account.
    pub has_account: bool,
    /// Start of the resource part of ARNs that are checked without a qualifier.
    unqualified: Option<&'static str>,
    pub types: Vec<TypePlan>,
    /// Formats of all resource types of the service.
    shapes: &'static [ArnShape],
}

/// A resource type of the action.
#[derive(Debug)]
pub(super) struct TypePlan {
    pub name: &'static str,
    pub required: bool,
    pub formats: Vec<FormatPlan>,
    /// Rows that name whole ARNs of the type.
    pub rows: Vec<&'static ParameterSource>,
    /// The tables say where the type would stand, so it was not in a request without it.
    pub tables_know: bool,
    /// A text after the ARN with which it must be granted too.
    pub tail: Option<&'static str>,
}

/// An ARN format and where its parts are found.
#[derive(Debug)]
pub(super) struct FormatPlan {
    pub format: ArnFormat<'static>,
    /// The format in pieces; none where it cannot be filled.
    pub pieces: Vec<FormatPiece>,
    /// The service keeps names in lower case, whatever the request writes.
    pub is_lower_case: bool,
    pub parts: Vec<PartPlan>,
}

/// A piece of an ARN format.
#[derive(Debug, Clone, Copy)]
pub(super) enum FormatPiece {
    Text(&'static str),
    Partition,
    Region,
    Account,
    /// Another placeholder.
    Part(&'static str),
}

/// A placeholder that tells one resource of a type from another.
#[derive(Debug)]
pub(super) struct PartPlan {
    pub name: &'static str,
    pub rows: Vec<&'static ParameterSource>,
    /// The parameter of the same name.
    pub path: FieldPath,
    /// Transform of a text in it.
    pub transform: Transform,
}

impl ResourcePlan {
    /// The resource type of the action that an ARN is of: the most specific format of the service that fits,
    /// if the action has that type, or differs only by a qualifier after `:` (versions and aliases).
    pub fn type_of(&self, arn: &str) -> Option<&'static str> {
        type_among(&self.types, self.shapes, arn)
    }

    /// The forms in which an ARN that an event names may be checked: without its qualifier where the service
    /// checks it so, and also without the label of a state of it.
    pub fn checked_forms<'t>(&self, arn: Cow<'t, str>) -> Vec<Cow<'t, str>> {
        let name = || SplitArn::of(&arn)?.resource.strip_prefix(self.unqualified?);
        let Some(name) = name() else { return vec![arn] };
        let bare = name.split(':').next().unwrap_or(name);
        let whole = bare.split('/').next().unwrap_or(bare);
        let head = arn.get(..arn.len() - name.len()).unwrap_or_default();
        let mut forms = vec![Cow::Owned(format!("{head}{bare}"))];
        if whole != bare {
            forms.push(Cow::Owned(format!("{head}{whole}")));
        }
        forms
    }

    /// True if the ARN is of this type of the action.
    pub fn is_of_type(&self, kind: &TypePlan, arn: &str) -> bool {
        type_among(std::slice::from_ref(kind), self.shapes, arn).is_some()
    }

    /// Every path that the resources are looked for at, apart from whole ARNs.
    pub fn paths(&'static self) -> impl Iterator<Item = &'static FieldPath> {
        let of_type = |kind: &'static TypePlan| {
            let parts = kind.formats.iter().flat_map(|format| &format.parts);
            let of_parts = parts.flat_map(|part| rows(&part.rows).chain([&part.path]));
            rows(&kind.rows).chain(of_parts)
        };
        let owners = self.owner_arns.iter().copied();
        self.any_if.iter().copied().chain(owners).chain(self.types.iter().flat_map(of_type))
    }
}

fn type_among(types: &[TypePlan], shapes: &[ArnShape], arn: &str) -> Option<&'static str> {
    let parts = SplitArn::of(arn)?;
    let mut fitting = shapes.iter().filter(|shape| shape.fits(parts)).peekable();
    let best = *fitting.peek()?;
    let own = fitting.find(|shape| types.iter().any(|kind| kind.name == shape.kind))?;
    // A qualifier adds nothing but colons to the literal text of the format.
    let is_qualifier = || best.literal - own.literal == best.colons - own.colons.min(best.colons);
    (best.literal == own.literal || is_qualifier()).then_some(own.kind)
}

fn rows(rows: &'static [&'static ParameterSource]) -> impl Iterator<Item = &'static FieldPath> {
    rows.iter().flat_map(|row| row.paths().iter().map(|(path, _)| path))
}

/// A format at its placeholders; `None` if one has no end.
fn pieces(format: &'static str) -> Option<Vec<FormatPiece>> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some((head, tail)) = rest.split_once("${") {
        let (name, after) = tail.split_once('}')?;
        pieces.push(FormatPiece::Text(head));
        pieces.push(match name {
            "Partition" => FormatPiece::Partition,
            "Region" => FormatPiece::Region,
            "Account" => FormatPiece::Account,
            name => FormatPiece::Part(name),
        });
        rest = after;
    }
    pieces.push(FormatPiece::Text(rest));
    Some(pieces)
}

/// The plan of an action of the embedded catalog, made on first use.
#[expect(clippy::indexing_slicing, reason = "an ActionId of the embedded catalog is an index below its action count")]
pub(super) fn of(action: ActionId) -> &'static ResourcePlan {
    static PLANS: LazyLock<Vec<OnceLock<ResourcePlan>>> =
        LazyLock::new(|| catalog().actions().map(|_| OnceLock::new()).collect());
    PLANS[action.index()].get_or_init(|| make(action))
}

fn make(action: ActionId) -> ResourcePlan {
    let info = catalog().info(action);
    let (prefix, name) = (info.prefix(), info.short_name());
    let rows = catalog().parameter_sources(prefix);
    let any: Vec<_> = rows.iter().filter(|row| row.is_any(name)).collect();
    let is_lower_case = rows.iter().any(ParameterSource::is_lower_case);
    let has_account = info.resource_types().flat_map(ResourceTypeRef::arn_formats).any(|format| {
        let mut placeholders = format.placeholders();
        placeholders.any(|part| part == "Account")
    });
    let types = info.resource_types().map(|kind| {
        let formats: Vec<_> = kind
            .arn_formats()
            .map(|format| {
                let service = format.as_str().split(':').nth(2);
                let parts = format.placeholders().filter(|part| !matches!(*part, "Partition" | "Region" | "Account"));
                let parts = parts.map(|part| PartPlan {
                    name: part,
                    rows: rows.iter().filter(|row| row.fills_placeholder(part, name)).collect(),
                    path: FieldPath::parse(part),
                    // An alias is no key, whichever service takes it.
                    transform: if service == Some("kms") { Transform::KmsKey } else { Transform::Plain },
                });
                let pieces = pieces(format.as_str()).unwrap_or_default();
                FormatPlan { format, pieces, is_lower_case, parts: parts.collect() }
            })
            .collect();
        let type_rows: Vec<_> = rows.iter().filter(|row| row.names_type(kind.name(), name)).collect();
        let by_parts =
            |format: &FormatPlan| format.parts.iter().any(|part| part.rows.iter().any(|row| !row.paths().is_empty()));
        TypePlan {
            name: kind.name(),
            required: kind.required(),
            tables_know: type_rows.iter().any(|row| !row.paths().is_empty()) || formats.iter().all(by_parts),
            rows: type_rows,
            tail: rows.iter().find_map(|row| row.tail(kind.name())),
            formats,
        }
    });
    let paths_of = |wanted: &dyn Fn(&ParameterSource) -> bool| -> Vec<&'static FieldPath> {
        let wanted = rows.iter().filter(|row| wanted(row));
        wanted.flat_map(|row| row.paths().iter().map(|(path, _)| path)).collect()
    };
    ResourcePlan {
        full_name: info.name(),
        is_any: !info.supports_resources() || any.iter().any(|row| row.paths().is_empty()),
        any_if: any.iter().flat_map(|row| row.paths().iter().map(|(path, _)| path)).collect(),
        whole_arns: rows.iter().filter_map(|row| row.whole_arn(name)).collect(),
        complete: rows.iter().any(|row| row.is_complete(name)),
        owners: paths_of(&|row| row.names_owner(name)),
        owner_arns: paths_of(&|row| row.names_owner_by_arn(name)),
        has_account,
        unqualified: rows.iter().find_map(ParameterSource::unqualified),
        types: types.collect(),
        shapes: arns::shapes(prefix),
    }
}
