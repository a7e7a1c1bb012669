//! Policies in SAM, CloudFormation and Terraform files: read with their places, and edited in place.
//!
//! | question | answer |
//! |---|---|
//! | which functions does a template have, under which roles? | [`template::Template::read`], [`template::Template::functions`] |
//! | what does one of its roles allow, and where is that written? | [`grants::grants_of`] |
//! | what does a whole file propose, before it is deployed? | [`proposal::of_template`], [`proposal::of_module`] |
//! | why is something not known, or a role not edited? | [`reason`] |
//! | what does a value stand for in one deployment? | [`resolve::Resolver`], [`resolve::Context`] |
//! | what is this ARN called in the template? | [`references::References::rewrite`] |
//! | write a narrowed policy into the file | [`edit::apply`], [`terraform::apply`] |
//!
//! Two rules hold everywhere. What cannot be resolved is reported, never guessed: an unknown value equals
//! only itself. And a file is edited correctly or not at all: each edit is read again and proved, and one
//! without a proof is refused with the reason and the text to write by hand.
//!
//! ```
//! use whittle_template::grants::{Documents, grants_of};
//! use whittle_template::resolve::{Context, Resolver};
//! use whittle_template::template::Template;
//!
//! let file = "Resources:
//!   Report:
//!     Type: AWS::Serverless::Function
//!     Properties: { Policies: [ { S3ReadPolicy: { BucketName: sales } } ] }";
//! let template = Template::read(file.as_bytes())?;
//! let resolver = Resolver::new(template.root(), Context::default());
//! let functions = template.functions(&resolver);
//! let grants = grants_of(&template, &resolver, &functions[0].role, &Documents::new());
//! assert!(grants.grants().any(|(_, grant)| grant.statement.action.matches("s3:GetObject")));
//! # Ok::<(), whittle_template::source::ReadError>(())
//! ```
//!
//! The crate is pure: no files, network, clock or randomness. Facts about SAM and CloudFormation are data
//! (`data/SOURCES.md`).

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
