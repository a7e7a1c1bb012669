//! The IAM policy language: parse, match, prove coverage, measure and emit.
//!
//! Start at [`PolicyDocument::parse`]; everything else hangs off the document it returns.
//!
//! ```
//! use whittle_policy::{ActionPattern, ResourcePattern};
//!
//! let (wide, narrow): (ActionPattern, ActionPattern) = ("s3:Get*".parse()?, "s3:GetObject".parse()?);
//! assert!(wide.covers(&narrow) && !narrow.covers(&wide));
//! // `*` crosses `/`; the bucket itself is not one of its objects.
//! let objects = ResourcePattern::new("arn:aws:s3:::b/*");
//! assert!(objects.covers(&ResourcePattern::new("arn:aws:s3:::b/x/y")));
//! assert!(!objects.intersects(&ResourcePattern::new("arn:aws:s3:::b")));
//! # Ok::<(), whittle_policy::ParseActionPatternError>(())
//! ```
//!
//! | question | answer |
//! |---|---|
//! | does this text mean a policy? | [`PolicyDocument::parse`], [`ParsePolicyError`] |
//! | would AWS refuse it, or does it mean nothing? | [`PolicyDocument::lint`] |
//! | does this pattern match that name? | [`ActionPattern::matches`], [`ResourcePattern::matches`] |
//! | is everything that B allows allowed by A? | `covers` on patterns, clauses, conditions and statements |
//! | can A and B ever meet? | `intersects` |
//! | does AWS allow this request under these policies, and why? | [`evaluate::evaluate`], [`evaluate::explain`] |
//! | the same for cases in JSON | [`simulate`] |
//! | what does A grant that B does not? what is left under a boundary? | [`algebra`] |
//! | the same grants in fewer statements, in policies that fit AWS's quotas? | [`minify`], [`pack`] |
//! | does it fit AWS's size quota? | [`PolicyDocument::size`] |
//!
//! Two words are used with care. `covers` is **sound**: `true` is a proof, `false` may only mean that no
//! proof was found. `intersects` and `may_match` are **complete**: `false` is a proof, `true` may only mean
//! that no disproof was found. Both are exact for patterns without policy variables up to a bound on work
//! that real policies do not reach.
//!
//! The crate is pure: no files, network, clock or randomness. It never panics on any input, uses no recursion
//! whose depth depends on the input, and does work bounded by a polynomial of the input size.

pub mod action;
pub mod algebra;
pub mod condition;
mod context;
pub mod document;
pub mod error;
pub mod evaluate;
mod glob;
pub mod id;
mod json;
mod layer;
pub mod lint;
pub mod minify;
mod nearest;
pub mod pack;
pub mod resource;
pub mod simulate;

pub use action::{ActionPattern, ParseActionPatternError};
pub use condition::ConditionBlock;
pub use document::{
    ActionClause, Effect, OneOrMany, PolicyDocument, PrincipalClause, PrincipalKind, Principals, ResourceClause,
    Statement, Version,
};
pub use error::{ParsePolicyError, ParsePolicyErrorKind, Position};
pub use lint::{Lint, LintCode};
pub use resource::ResourcePattern;
