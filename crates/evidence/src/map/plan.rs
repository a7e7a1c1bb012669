//! How the resources of one action are found: the catalog's types and the tables' rows for it, put together once.

use std::sync::OnceLock;

use whittle_catalog::events::{FieldPath, ParameterSource, Transform};
use whittle_catalog::{ActionId, ArnFormat, catalog};

use super::arns::{self, Shapes};

/// Everything about one action that does not depend on the event.
#[derive(Debug)]
pub(super) struct Plan {
    pub full_name: &'static str,
    /// The resource is always `*`.
    pub is_any: bool,
    /// The resource is `*` if one of these is there.
    pub any_if: Vec<&'static FieldPath>,
    /// Whole ARNs with `{path#transform}` parts; if there are any, nothing else counts.
    pub whole_arns: Vec<&'static str>,
    /// What is found is all that the request names.
    pub complete: bool,
    pub types: Vec<TypePlan>,
    /// Formats of all resource types of the service.
    pub shapes: &'static Shapes,
}

/// A resource type of the action.
#[derive(Debug)]
pub(super) struct TypePlan {
    pub name: &'static str,
    pub required: bool,
    pub formats: Vec<FormatPlan>,
    /// The same among all formats of the service, the most specific ones first.
    pub shapes: Vec<usize>,
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
    pub pieces: Vec<Piece>,
    /// The service keeps names in lower case, whatever the request writes.
    pub is_lower_case: bool,
    pub parts: Vec<PartPlan>,
}

/// A piece of an ARN format.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece {
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
    /// What a text in it stands for.
    pub transform: Transform,
}

impl Plan {
    /// Every path that the resources are looked for at, apart from whole ARNs.
    pub fn paths(&'static self) -> impl Iterator<Item = &'static FieldPath> {
        let of_type = |kind: &'static TypePlan| {
            let parts = kind.formats.iter().flat_map(|format| &format.parts);
            let of_parts = parts.flat_map(|part| rows(&part.rows).chain([&part.path]));
            rows(&kind.rows).chain(of_parts)
        };
        self.any_if.iter().copied().chain(self.types.iter().flat_map(of_type))
    }
}

fn rows(rows: &'static [&'static ParameterSource]) -> impl Iterator<Item = &'static FieldPath> {
    rows.iter().flat_map(|row| row.paths().iter().map(|(path, _)| path))
}

/// A format at its placeholders; `None` if one has no end.
fn pieces(format: &'static str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some((head, tail)) = rest.split_once("${") {
        let (name, after) = tail.split_once('}')?;
        pieces.push(Piece::Text(head));
        pieces.push(match name {
            "Partition" => Piece::Partition,
            "Region" => Piece::Region,
            "Account" => Piece::Account,
            name => Piece::Part(name),
        });
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Some(pieces)
}

/// The plan of an action of the embedded catalog, made on first use.
pub(super) fn of(action: ActionId) -> Option<&'static Plan> {
    static PLANS: OnceLock<Vec<OnceLock<Plan>>> = OnceLock::new();
    let plans = PLANS.get_or_init(|| (0..self::catalog().action_count()).map(|_| OnceLock::new()).collect());
    Some(plans.get(action.index())?.get_or_init(|| make(action)))
}

fn make(action: ActionId) -> Plan {
    let info = catalog().info(action);
    let (prefix, name) = (info.prefix(), info.short_name());
    let rows = catalog().parameter_sources(prefix);
    let any: Vec<_> = rows.iter().filter(|row| row.is_any(name)).collect();
    let is_lower_case = rows.iter().any(ParameterSource::is_lower_case);
    let shapes = arns::shapes(prefix);
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
            shapes: shapes.of_type(kind.name()),
            required: kind.required(),
            tables_know: type_rows.iter().any(|row| !row.paths().is_empty()) || formats.iter().all(by_parts),
            rows: type_rows,
            tail: rows.iter().find_map(|row| row.tail(kind.name())),
            formats,
        }
    });
    Plan {
        full_name: info.name(),
        is_any: !info.supports_resources() || any.iter().any(|row| row.paths().is_empty()),
        any_if: any.iter().flat_map(|row| row.paths().iter().map(|(path, _)| path)).collect(),
        whole_arns: rows.iter().filter_map(|row| row.whole_arn(name)).collect(),
        complete: rows.iter().any(|row| row.is_complete(name)),
        types: types.collect(),
        shapes,
    }
}
