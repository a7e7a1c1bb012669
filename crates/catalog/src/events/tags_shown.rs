//! Operations whose event shows whether the request has tags.

use std::collections::{HashMap, HashSet};

use super::table;
use crate::{ActionId, Catalog};

pub(super) static TEXT: &str = include_str!("../../data/events/tags-shown.tsv");

/// Rows of `tags-shown.tsv`.
#[derive(Debug, Default)]
pub(super) struct TagsShown {
    /// By tagging action: operations as `prefix:Name`, or `Name` under the action's own prefix.
    operations: HashMap<&'static str, HashSet<&'static str>>,
}

impl TagsShown {
    pub fn read() -> Self {
        let mut shown = Self::default();
        for row in table::rows(TEXT) {
            shown.operations.entry(row.column(0)).or_default().extend(row.list(1));
        }
        shown
    }

    /// True if the event of an operation shows whether the tagging action was checked.
    pub fn contains(&self, catalog: &Catalog, action: ActionId, prefix: &str, operation: &str) -> bool {
        let info = catalog.info(action);
        self.operations.get(info.name()).is_some_and(|operations| {
            if info.prefix() == prefix {
                operations.contains(operation)
            } else {
                operations.contains(format!("{prefix}:{operation}").as_str())
            }
        })
    }

    /// Every (tagging action, operation as `prefix:Name`).
    #[cfg(test)]
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.operations.iter().flat_map(|(action, operations)| {
            let prefix = action.split(':').next().unwrap_or_default();
            operations.iter().map(move |operation| {
                (
                    *action,
                    if operation.contains(':') { (*operation).to_owned() } else { format!("{prefix}:{operation}") },
                )
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::tables;
    use crate::catalog;

    /// The names under which AWS's table may know the operation of an event.
    fn operations(event: &str) -> [String; 2] {
        [event.to_owned(), format!("{event}configuration")]
    }

    #[test]
    fn what_is_excluded_is_listed_by_aws() {
        let lists = |prefix: &str, event: &str, action| {
            operations(event).iter().any(|operation| catalog().authorised_by(prefix, operation).contains(&action))
        };
        let mut problems = Vec::new();
        for (prefix, event, clauses) in tables().rules.excluding() {
            for (clause, action) in
                clauses.iter().flat_map(|clause| clause.actions().iter().map(move |id| (clause, *id)))
            {
                let listed = if event == "*" {
                    let mut of_service = catalog().service(prefix).unwrap().operations();
                    of_service.any(|operation| operation.authorised_by().contains(&action))
                } else {
                    lists(prefix, event, action)
                };
                if !listed {
                    problems.push(format!("{prefix}:{event}: {}: {}", catalog().info(action).name(), clause.source()));
                }
            }
        }
        for (action, operation) in tables().tags_shown.rows() {
            let (prefix, name) = operation.split_once(':').unwrap();
            if !catalog().action(action).is_some_and(|action| lists(prefix, name, action)) {
                problems.push(format!("tags-shown.tsv: {operation}: {action}"));
            }
        }
        assert!(problems.is_empty(), "not in AWS's table:\n{}", problems.join("\n"));
    }

    #[test]
    fn tags_are_asked_of_the_operations_that_show_them() {
        let tagged = |prefix: &str, operation: &str, action: &str| {
            tables().tags_shown.contains(catalog(), catalog().action(action).unwrap(), prefix, operation)
        };
        assert!(tagged("sqs", "CreateQueue", "sqs:TagQueue"));
        assert!(tagged("ec2", "CreateVolume", "ec2:CreateTags"));
        // A launch template, or the copied object, may carry tags that no parameter shows.
        assert!(!tagged("ec2", "RunInstances", "ec2:CreateTags"));
        assert!(!tagged("s3", "CopyObject", "s3:PutObjectTagging"));
    }
}
