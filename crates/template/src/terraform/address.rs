//! Addresses of blocks: `aws_iam_role.shop`, `data.aws_region.here`.

/// The block that an expression such as `aws_lambda_function.report.arn` or `data.aws_region.here.name`
/// begins with.
pub fn block_of(expression: &str) -> Option<&str> {
    let labels = if expression.starts_with("data.") { 3 } else { 2 };
    let end = expression.match_indices('.').nth(labels - 1).map_or(expression.len(), |(at, _)| at);
    let address = expression.get(..end)?;
    // An index of `count` or `for_each` follows the name.
    let address = address.split('[').next()?;
    (address.matches('.').count() == labels - 1).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::block_of;

    #[test]
    fn an_expression_begins_with_its_block() {
        for (expression, expect) in [
            ("aws_sqs_queue.jobs.arn", Some("aws_sqs_queue.jobs")),
            ("aws_sqs_queue.jobs", Some("aws_sqs_queue.jobs")),
            ("aws_sqs_queue.jobs[0].arn", Some("aws_sqs_queue.jobs")),
            ("data.aws_region.here.name", Some("data.aws_region.here")),
            ("data.aws_region", None),
            ("jobs", None),
        ] {
            assert_eq!(block_of(expression), expect, "{expression}");
        }
    }
}
