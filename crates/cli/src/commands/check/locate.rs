//! Where findings stand: a role in the snapshot's `authorization-details.json`, a waiver in its file.

use std::collections::HashMap;
use std::path::{Component, Path};

use whittle_analysis::gate::Judged;
use whittle_render::check::Location;

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
    pub fn find(&self, judged: &Judged) -> Location {
        let (path, line) = match judged.waiver_line {
            Some(line) => (&self.waivers_file, line),
            None => (&self.roles_file, self.lines.get(&judged.finding.role_arn).copied().unwrap_or(1)),
        };
        Location { path: path.clone(), line, column: None, end_line: None }
    }
}

/// A path relative to the working folder, which in CI is the root of the repository; with `/`, and without `.` and `..`.
fn relative(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let outside: std::path::PathBuf;
    let path = match path.strip_prefix(&here) {
        Ok(inside) => inside,
        // Not in the repository: the file and its folder are all that a reader can use.
        Err(_) if path.is_absolute() => {
            let last: Vec<_> = path.components().rev().take(2).collect();
            outside = last.into_iter().rev().collect();
            outside.as_path()
        }
        Err(_) => path,
    };
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => {
                parts.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.join("/")
}
