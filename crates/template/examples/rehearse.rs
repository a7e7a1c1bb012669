//! Narrows every function of the given templates and writes, for each, what a check by other software needs:
//! `<name>.before`, `<name>.after` and `<name>.json` (what each role shall allow, and what references stand
//! for); of a Terraform file, the file before and after.
//!
//! `cargo run --example rehearse -p whittle-template -- OUT TEMPLATE…`

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{Keep, surroundings, targets, terraform_targets};
use whittle_template::edit::{EditOutcome, Surroundings, apply};
use whittle_template::template::Template;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("usage: rehearse OUT TEMPLATE…")?;
    for path in arguments {
        let bytes = std::fs::read(&path)?;
        let name = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|extension| extension == "tf") {
            if whittle_template::terraform::Module::read(&bytes).is_ok() {
                let targets = terraform_targets(&bytes, Keep::Half);
                let edited = whittle_template::terraform::apply(&bytes, &targets, &Surroundings::default())?;
                std::fs::write(format!("{out}/{name}.before.tf"), &bytes)?;
                std::fs::write(format!("{out}/{name}.after.tf"), &edited.bytes)?;
            }
            continue;
        }
        let Ok(template) = Template::read(&bytes) else { continue };
        let surroundings = surroundings(&template);
        let resolver = whittle_template::edit::resolver(&template, &surroundings.context);
        for (keep, suffix) in [(Keep::Half, "half"), (Keep::One, "one"), (Keep::Split, "split"), (Keep::All, "all")] {
            let targets = targets(&template, &surroundings, keep);
            let edited = apply(&bytes, &targets, &surroundings)?;
            let functions: Vec<Value> = edited
                .reports
                .iter()
                .zip(&targets)
                .map(|(report, target)| {
                    json!({
                        "function": report.function,
                        "refused": matches!(report.outcome, EditOutcome::Refused { .. }),
                        "role": target.narrowing.policies.iter().map(|(_, document)| document.to_value()).collect::<Vec<_>>(),
                    })
                })
                .collect();
            let references: Vec<Value> = resolver
                .context
                .references
                .iter()
                .map(|(id, attribute, value)| json!([id, attribute, value]))
                .collect();
            let base = format!("{out}/{name}.{suffix}");
            std::fs::write(format!("{base}.before"), &bytes)?;
            std::fs::write(format!("{base}.after"), &edited.bytes)?;
            let facts = json!({ "functions": functions, "references": references });
            std::fs::write(format!("{base}.json"), format!("{facts:#}\n"))?;
        }
    }
    Ok(())
}
