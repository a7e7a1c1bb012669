//! The graph of which block waits for which: Terraform refuses a configuration in which two wait for each
//! other (Terraform documentation, "Resource behavior", dependencies).

use std::collections::{BTreeMap, BTreeSet};

use super::Module;
use super::address::block_of;
use crate::dependencies::Dependencies;

impl Module<'_> {
    /// The blocks that each block names.
    pub(super) fn dependencies(&self) -> Dependencies {
        let addresses: BTreeSet<String> = self.blocks.iter().filter_map(super::Block::address).collect();
        let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for block in &self.blocks {
            let Some(own) = block.address() else { continue };
            let named = words(self.source.slice(block.span)).filter_map(block_of).map(str::to_owned);
            let named = named.filter(|other| addresses.contains(other));
            needs.entry(own).or_default().extend(named);
        }
        Dependencies::from_needs(needs)
    }
}

/// Runs of letters, digits and joining characters in an expression.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).filter(|word| word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.jobs.arn]
  }
}
resource "aws_iam_role_policy" "p" {
  role   = aws_iam_role.r.id
  policy = data.aws_iam_policy_document.d.json
}
resource "aws_iam_role" "r" { assume_role_policy = "{}" }
resource "aws_lambda_function" "f" {
  role       = aws_iam_role.r.arn
  depends_on = [aws_iam_role_policy.p]
}
resource "aws_lambda_alias" "a" { function_name = "${aws_lambda_function.f["x"].arn}:1" }
resource "aws_sqs_queue" "jobs" {}
"#;

    #[test]
    fn who_waits_for_whom() {
        let module = Module::read(FILE.as_bytes()).unwrap();
        let dependencies = module.dependencies();
        for (address, expect) in [
            (
                "data.aws_iam_policy_document.d",
                &[
                    "aws_iam_role_policy.p",
                    "aws_lambda_alias.a",
                    "aws_lambda_function.f",
                    "data.aws_iam_policy_document.d",
                ][..],
            ),
            ("aws_lambda_alias.a", &["aws_lambda_alias.a"]),
        ] {
            let found = dependencies.waiting_for(address);
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expect);
        }
        assert_eq!(dependencies.circular(), BTreeSet::new());
        let text = FILE.replace("aws_sqs_queue.jobs.arn", "aws_lambda_function.f.arn");
        let circular = Module::read(text.as_bytes()).unwrap().dependencies().circular();
        assert!(circular.contains("aws_lambda_function.f") && circular.len() == 3, "{circular:?}");
    }
}
