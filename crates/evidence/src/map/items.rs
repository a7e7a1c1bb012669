//! Items of a batch that were denied inside a call that succeeded.
//!
//! In: the uses of a call and the catalog's row about its answer. Out: the denied part, taken out of the
//! uses. Where the answer is left out of the event (read calls, large answers) nothing is taken out.

use serde_json::Value;
use whittle_catalog::catalog;
use whittle_catalog::events::{AnswerKind, BatchItems, CallOutcome, FieldPath};

use super::params::{Leaf, texts_in};
use super::{ActionUse, CallContext, CollectedUses, ResourceSeen};

impl CallContext<'_> {
    /// Moves the items that the answer calls denied out of `uses`.
    #[expect(clippy::indexing_slicing, reason = "the position was just found, and nothing was removed since")]
    pub(super) fn take_denied_items(
        &self,
        prefix: &str,
        batch: &BatchItems,
        uses: &mut CollectedUses,
    ) -> Vec<ActionUse> {
        let answers = self.parameters.leaves(batch.answers());
        if answers.is_empty() {
            return Vec::new();
        }
        let is_denied = |answer: &Leaf<'_>| denied(prefix, self.record.event_name.as_str(), batch, *answer);
        let items = self.parameters.leaves(batch.items());
        let (denied, others): (Vec<Leaf<'_>>, Vec<Leaf<'_>>) = match batch.kind() {
            AnswerKind::Aligned => {
                let pairs: Vec<_> = items.iter().zip(&answers).collect();
                let of = |wanted: bool| {
                    pairs.iter().filter(|(_, answer)| is_denied(answer) == wanted).map(|(item, _)| **item).collect()
                };
                (of(true), of(false))
            }
            _ => (answers.iter().copied().filter(is_denied).collect(), Vec::new()),
        };
        if denied.is_empty() {
            return Vec::new();
        }
        let all = !items.is_empty() && denied.len() >= items.len();
        let mut out = Vec::new();
        for action in batch.actions() {
            let Some(at) = uses.list.iter().position(|used| used.action == *action) else { continue };
            if all {
                out.push(uses.list.remove(at));
                continue;
            }
            let Some((path, transform)) = batch.resource() else { continue };
            let named = |items: &[Leaf<'_>]| -> Vec<ResourceSeen> {
                let texts = items.iter().flat_map(|item| texts_of(*item, path));
                texts.flat_map(|text| self.resources_named(*transform, text, *action)).collect()
            };
            let allowed = named(&others);
            let refused: Vec<_> = named(&denied).into_iter().filter(|seen| !allowed.contains(seen)).collect();
            let found = &mut uses.list[at];
            let (gone, kept): (Vec<ResourceSeen>, Vec<ResourceSeen>) =
                found.resources.drain(..).partition(|seen| refused.contains(seen));
            let nothing_left = kept.is_empty() && !gone.is_empty();
            found.resources = kept;
            if !gone.is_empty() {
                out.push(ActionUse { action: *action, basis: found.basis, resources: gone });
            }
            if nothing_left {
                uses.list.remove(at);
            }
        }
        out
    }
}

/// True if an element of the answer carries the code of a denial.
fn denied(prefix: &str, event_name: &str, batch: &BatchItems, answer: Leaf<'_>) -> bool {
    texts_of(answer, batch.code())
        .iter()
        .any(|code| catalog().outcome_of_error(prefix, event_name, code, "") == CallOutcome::Denied)
}

/// Texts below one element; the element itself where it is a text.
fn texts_of<'v>(element: Leaf<'v>, path: &FieldPath) -> Vec<&'v str> {
    match element {
        Leaf::Value(value @ Value::Object(_)) => texts_in(value, path),
        leaf => leaf.text().into_iter().collect(),
    }
}
