//! Conditions read once, to be met or not by many requests.

use super::ConditionBlock;
use super::check::{PolicyValue, is_met_by, read_all};
use super::operator::Operator;
use crate::context::Context;

/// A [`ConditionBlock`] whose operators and values are read.
#[derive(Debug, Clone)]
pub(crate) struct PreparedConditions<'a> {
    constraints: Box<[PreparedConstraint<'a>]>,
}

#[derive(Debug, Clone)]
struct PreparedConstraint<'a> {
    /// None if AWS has no such operator; it is never met.
    operator: Option<Operator>,
    key: &'a str,
    values: &'a [String],
    wanted: Box<[PolicyValue<'a>]>,
}

impl<'a> PreparedConditions<'a> {
    pub(crate) fn new(block: &'a ConditionBlock) -> Self {
        let constraint = |(operator, key, values): (&'a str, &'a str, &'a [String])| {
            let operator = Operator::parse(operator);
            let wanted = operator.map(|operator| read_all(operator, values, !block.literal)).unwrap_or_default();
            PreparedConstraint { operator, key, values, wanted: wanted.into() }
        };
        Self { constraints: block.iter().map(constraint).collect() }
    }

    /// [`ConditionBlock::is_met`].
    pub(crate) fn is_met(&self, context: &Context) -> bool {
        self.constraints.iter().all(|PreparedConstraint { operator, key, values, wanted }| {
            operator.is_some_and(|operator| is_met_by(operator, values, wanted, context.get(key), context))
        })
    }
}
