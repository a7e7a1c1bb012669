//! Policies to write by hand where a file is not edited.

use std::fmt::Write as _;

use super::write::{Notation, StatementWriter};
use crate::grants::RoleGrants;
use crate::layout::{Layout, Tree};
use crate::narrow::Narrowing;
use crate::references::References;
use crate::resolve::Resolver;
use crate::source::Source;

/// The policies as YAML: for a SAM function, or for an `AWS::IAM::Role`.
pub fn snippet(narrowing: &Narrowing, sam: bool, references: &References, resolver: &Resolver<'_>) -> String {
    let Ok(source) = Source::new(b"") else { return String::new() };
    let writer = StatementWriter::new(&source, Notation::Yaml, resolver, &RoleGrants::default(), references);
    let layout = Layout { step: 2, indented_lists: true, newline: "\n", indent: " ", hcl: false };
    let item = |(name, document): &(String, whittle_policy::PolicyDocument)| {
        let statements = document.to_version_2012().statements.into_vec();
        let document = writer.document(&statements, false);
        if sam {
            return document;
        }
        Tree::Map(vec![
            ("PolicyName".to_owned(), Tree::Scalar(writer.text(name, false))),
            ("PolicyDocument".to_owned(), document),
        ])
    };
    let list = Tree::List(narrowing.policies.iter().map(item).collect());
    let mut out = layout.block(&Tree::Map(vec![("Policies".to_owned(), list)]), 0);
    let _ = writeln!(out);
    out
}
