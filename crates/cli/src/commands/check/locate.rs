//! Where findings stand: a role in the snapshot's `authorization-details.json`, a waiver in its file.

use std::collections::HashMap;
use std::path::Path;

use whittle_analysis::gate::JudgedFinding;
use whittle_render::check::Location;

use crate::files::relative;

/// The snapshot's file with the roles.
const ROLES: &str = "authorization-details.json";

/// Lines of the roles of a snapshot.
pub struct Places {
    roles_file: String,
    lines: HashMap<String, u32>,
    waivers_file: String,
}

impl Places {
    /// Reads where the roles stand. A file that cannot be read gives no lines.
    pub fn read(snapshot: &Path, waivers: &Path) -> Self {
        let file = snapshot.join(ROLES);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let mut lines = HashMap::new();
        for (line, number) in text.lines().zip(1_u32..) {
            // `"Arn": "arn:…:role/…"`: the role's own line, not that of a policy that names it.
            for (at, _) in line.match_indices("\"Arn\"") {
                let rest = line.get(at + 5..).unwrap_or_default().trim_start().strip_prefix(':').unwrap_or_default();
                let value = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                if let Some(arn) = value {
                    lines.entry(arn.to_owned()).or_insert(number);
                }
            }
        }
        Self { roles_file: relative(&file), lines, waivers_file: relative(waivers) }
    }

    /// The place of a finding; the first line where the role is not found.
    pub fn find(&self, judged: &JudgedFinding) -> Location {
        let (path, line) = match judged.waiver_line {
            Some(line) => (&self.waivers_file, line),
            None => (&self.roles_file, self.lines.get(&judged.finding.role_arn).copied().unwrap_or(1)),
        };
        Location { path: path.clone(), line, column: None, end_line: None, end_column: None }
    }
}
