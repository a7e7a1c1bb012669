//! ARNs without the parts that AWS makes anew when the thing is made again.
//!
//! A stack update that replaces a table gives it a new stream; one that replaces a secret gives it a new
//! suffix. A policy on the old ARN then refuses the new thing, though nothing about the function changed.

use whittle_catalog::events::generalise;
use whittle_evidence::map::secret_name;
use whittle_policy::ResourcePattern;

/// The ARN with generated parts as wildcards: those of the catalog's table, and the suffix of a secret.
pub fn stable_arn(arn: &str) -> String {
    let arn = generalise(arn);
    if let Some(name) = secret_name(&arn)
        && name.contains(":secretsmanager:")
        && name.contains(":secret:")
    {
        return format!("{name}-??????");
    }
    arn.into_owned()
}

/// [`stable_arn`] of a pattern.
pub fn stable_pattern(resource: &ResourcePattern) -> ResourcePattern {
    ResourcePattern::new(stable_arn(resource.as_str()))
}

#[cfg(test)]
mod tests {
    use super::stable_arn;

    #[test]
    fn generated_parts_become_wildcards() {
        let arn = |rest: &str| format!("arn:aws:{rest}");
        for (is, becomes) in [
            (
                "dynamodb:eu-west-1:111122223333:table/orders/stream/2026-11-01T10:11:12.345",
                "dynamodb:eu-west-1:111122223333:table/orders/stream/*",
            ),
            ("dynamodb:eu-west-1:111122223333:table/orders", "dynamodb:eu-west-1:111122223333:table/orders"),
            (
                "secretsmanager:eu-west-1:111122223333:secret:db-main-AbC123",
                "secretsmanager:eu-west-1:111122223333:secret:db-main-??????",
            ),
            // A name, not a suffix: too long, too short, or of another service.
            (
                "secretsmanager:eu-west-1:111122223333:secret:db-maintain",
                "secretsmanager:eu-west-1:111122223333:secret:db-maintain",
            ),
            (
                "secretsmanager:eu-west-1:111122223333:secret:db-main-*",
                "secretsmanager:eu-west-1:111122223333:secret:db-main-*",
            ),
            ("sqs:eu-west-1:111122223333:jobs-orders", "sqs:eu-west-1:111122223333:jobs-orders"),
            (
                "kinesis:eu-west-1:111122223333:stream/s/consumer/c:1714000000",
                "kinesis:eu-west-1:111122223333:stream/s/consumer/c:*",
            ),
            (
                "states:eu-west-1:111122223333:execution:export:0a1b2c",
                "states:eu-west-1:111122223333:execution:export:*",
            ),
            (
                "lambda:eu-west-1:111122223333:event-source-mapping:0a1b-2c",
                "lambda:eu-west-1:111122223333:event-source-mapping:*",
            ),
            ("ecs:eu-west-1:111122223333:task/c/0a1b2c", "ecs:eu-west-1:111122223333:task/c/*"),
            ("*", "*"),
        ] {
            let (is, becomes) = if is == "*" { (is.to_owned(), becomes.to_owned()) } else { (arn(is), arn(becomes)) };
            assert_eq!(stable_arn(&is), becomes);
            assert_eq!(stable_arn(&stable_arn(&is)), becomes, "twice is once");
        }
    }
}
