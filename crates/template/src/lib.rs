//! Policies in SAM, CloudFormation and Terraform files: read with their places, and edited in place.
//!
//! | question | answer |
//! |---|---|
//! | which functions does a template have, under which roles? | [`template::Template::read`], [`template::Template::functions`] |
//! | what does a role of it allow, and where does it say so? | [`grants::grants_of`] |
//! | what does a whole file propose, before it is deployed? | [`proposal::of_template`], [`proposal::of_module`] |
//! | what does a value stand for in one deployment? | [`resolve::Resolver`], [`resolve::Context`] |
//! | what is this ARN called in the template? | [`references::References::rewrite`] |
//! | put a narrowed policy into the file | [`edit::apply`], [`terraform::apply`] |
//!
//! Two rules hold everywhere. What cannot be resolved is reported, never guessed: an unknown value equals only itself. And a
//! file is either edited right or not at all: each edit is read again and proved, and what cannot be proved is refused with
//! the reason and the text to write by hand.
//!
//! The crate is pure: no files, network, clock or randomness. Facts of SAM and CloudFormation are data (`data/SOURCES.md`).

pub mod dependencies;
pub mod edit;
pub mod expression;
pub mod grants;
mod layout;
pub mod managed;
pub mod narrow;
pub mod node;
pub mod proposal;
pub mod quote;
pub mod reason;
pub mod references;
pub mod resolve;
pub mod sam;
pub mod source;
mod surroundings;
pub mod template;
pub mod terraform;
pub mod verify;
mod yaml;
