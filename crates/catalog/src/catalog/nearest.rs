//! "Did you mean": the known actions whose names are nearest to an unknown one.

use super::Catalog;
use crate::text_order;

impl Catalog {
    /// Up to `limit` names of actions like `name`, the nearest first. Meant for messages: O(actions of the
    /// prefix), or O(all actions) when the prefix is not known.
    ///
    /// With a known prefix its actions are ranked by edit distance. With an unknown one, an action of the
    /// same name under a similar prefix comes first, then the same name under any prefix.
    pub fn nearest(&self, name: &str, limit: usize) -> Vec<&str> {
        let wanted = bounded(name).to_ascii_lowercase();
        let (prefix, short_name) = wanted.split_once(':').unwrap_or(("", &wanted));
        let mut ranked: Vec<(usize, &str)> = Vec::new();
        if let Some(service) = self.service(prefix) {
            for id in service.actions() {
                let info = self.info(id);
                if let Some(distance) = close_enough(short_name, info.short_name()) {
                    ranked.push((distance, info.name()));
                }
            }
        } else {
            for service in self.services() {
                let prefix_distance = prefix_distance(prefix, service.prefix());
                let exact_only = prefix_distance == ANY_PREFIX;
                for id in service.actions() {
                    let info = self.info(id);
                    let distance = if info.short_name().eq_ignore_ascii_case(short_name) {
                        Some(0)
                    } else if exact_only {
                        None
                    } else {
                        close_enough(short_name, info.short_name())
                    };
                    if let Some(distance) = distance {
                        ranked.push((prefix_distance + distance, info.name()));
                    }
                }
            }
        }
        ranked.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| text_order::compare(a.1, b.1)));
        ranked.into_iter().take(limit).map(|(_, name)| name).collect()
    }
}

/// Cost of a prefix that has nothing in common with the wanted one.
const ANY_PREFIX: usize = 100;

fn prefix_distance(wanted: &str, prefix: &str) -> usize {
    close_enough(wanted, prefix).unwrap_or(ANY_PREFIX)
}

/// Names of actions are short; a hostile text must not cost more than one of them.
fn bounded(name: &str) -> &str {
    name.char_indices().nth(128).and_then(|(at, _)| name.get(..at)).unwrap_or(name)
}

/// Edit distance without regard to ASCII case (`wanted` is in lower case), if at most a third of the wanted
/// text (but one letter always) differs.
fn close_enough(wanted: &str, candidate: &str) -> Option<usize> {
    let allowed = (wanted.len() / 3).max(1);
    if wanted.len().abs_diff(candidate.len()) > allowed {
        return None;
    }
    Some(strsim::levenshtein(wanted, &candidate.to_ascii_lowercase())).filter(|distance| *distance <= allowed)
}
