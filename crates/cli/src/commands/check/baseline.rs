//! An earlier answer, in JSON or SARIF.

use std::path::Path;

use serde_json::Value;
use whittle_analysis::gate::Baseline;
use whittle_analysis::result::Severity;
use whittle_render::check::sarif::FINGERPRINT_KEY;

use crate::error::CommandError;
use crate::files::read_text;

/// Fingerprints and severities of an earlier answer. What was waived there is not known: it counts again when
/// its waiver ends.
pub fn read(path: &Path) -> Result<Baseline, CommandError> {
    let text = read_text(path)?;
    let refused = |message: String| CommandError::File {
        path: path.to_owned(),
        message,
        hint: "a baseline is what `whittle check --format json` or sarif, or `whittle analyze --format json`, wrote"
            .to_owned(),
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| refused(format!("is not JSON: {error}")))?;
    let entries: Vec<Option<(String, Severity)>> =
        if let Some(findings) = value.get("findings").and_then(Value::as_array) {
            findings
                .iter()
                .filter(|finding| finding.get("state").is_none_or(|state| state != "waived"))
                .map(|finding| entry(finding.get("fingerprint"), finding.get("severity")))
                .collect()
        } else if let Some(runs) = value.get("runs").and_then(Value::as_array) {
            runs.iter()
                .filter_map(|run| run.get("results").and_then(Value::as_array))
                .flatten()
                .filter(|result| result.get("suppressions").and_then(Value::as_array).is_none_or(Vec::is_empty))
                .map(|result| {
                    let print = result.get("partialFingerprints").and_then(|prints| prints.get(FINGERPRINT_KEY));
                    entry(print, result.get("properties").and_then(|properties| properties.get("severity")))
                })
                .collect()
        } else {
            return Err(refused("has neither `findings` nor `runs`".to_owned()));
        };
    let total = entries.len();
    let baseline: Baseline = entries.into_iter().flatten().collect();
    // A result of another tool must not pass for an empty baseline.
    if baseline.is_empty() && total > 0 {
        return Err(refused(format!("none of its {total} findings has a fingerprint of Whittle")));
    }
    Ok(baseline)
}

fn entry(fingerprint: Option<&Value>, severity: Option<&Value>) -> Option<(String, Severity)> {
    let severity = serde_json::from_value(severity?.clone()).ok()?;
    Some((fingerprint?.as_str()?.to_owned(), severity))
}
