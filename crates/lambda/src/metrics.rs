//! One line a run in CloudWatch's embedded metric format (Amazon CloudWatch User Guide, "Specification:
//! Embedded metric format"): metrics without an API call and without a permission.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Namespace of all metrics.
pub const NAMESPACE: &str = "Whittle";

/// A metric. The names are what alarms and the dashboard of `template.yaml` refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Runs that judged everything: 0 or 1.
    CompletedRuns,
    /// Runs that failed: 0 or 1.
    FailedRuns,
    /// Time from start to end.
    RunDuration,
    /// Functions judged.
    Functions,
    /// Records of CloudTrail read, of event history and of files.
    Records,
    /// Findings that are there.
    Findings,
    /// Messages published.
    AlertsPublished,
    /// Things that could not be read or seen.
    Issues,
    /// Calls to AWS.
    AwsCalls,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 9] = [
        Self::CompletedRuns,
        Self::FailedRuns,
        Self::RunDuration,
        Self::Functions,
        Self::Records,
        Self::Findings,
        Self::AlertsPublished,
        Self::Issues,
        Self::AwsCalls,
    ];

    /// Name in CloudWatch.
    pub fn name(self) -> &'static str {
        match self {
            Self::CompletedRuns => "CompletedRuns",
            Self::FailedRuns => "FailedRuns",
            Self::RunDuration => "RunDuration",
            Self::Functions => "Functions",
            Self::Records => "Records",
            Self::Findings => "Findings",
            Self::AlertsPublished => "AlertsPublished",
            Self::Issues => "Issues",
            Self::AwsCalls => "AwsCalls",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::RunDuration => "Milliseconds",
            _ => "Count",
        }
    }
}

/// The line for a run of the installation `service` (the stack's name), with the properties `run_id` and
/// `status`.
pub fn line(service: &str, run_id: &str, status: &str, now: Timestamp, values: &BTreeMap<Metric, u64>) -> String {
    let metrics: Vec<Value> =
        values.keys().map(|metric| json!({"Name": metric.name(), "Unit": metric.unit()})).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["Service"]], "Metrics": metrics}],
        }),
    );
    line.insert("Service".to_owned(), json!(service));
    line.insert("run_id".to_owned(), json!(run_id));
    line.insert("status".to_owned(), json!(status));
    for (metric, value) in values {
        line.insert(metric.name().to_owned(), json!(value));
    }
    Value::Object(line).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_json_object_that_names_its_metrics() {
        let values = BTreeMap::from([(Metric::CompletedRuns, 1), (Metric::RunDuration, 1234)]);
        let text = line("whittle", "run-1", "complete", Timestamp::from_second(1).unwrap(), &values);
        assert!(!text.contains('\n'));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["_aws"]["Timestamp"], 1000);
        let of = &value["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(of["Namespace"], "Whittle");
        assert_eq!(of["Dimensions"], json!([["Service"]]));
        assert_eq!(of["Metrics"][1], json!({"Name": "RunDuration", "Unit": "Milliseconds"}));
        assert_eq!(value["RunDuration"], 1234);
        assert_eq!(value["Service"], "whittle");
    }

    #[test]
    fn the_template_refers_to_metrics_that_exist() {
        let template = include_str!("../../../template.yaml");
        for metric in [Metric::CompletedRuns, Metric::RunDuration] {
            assert!(template.contains(metric.name()), "{}", metric.name());
        }
    }
}
