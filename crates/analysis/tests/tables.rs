//! Every row of the analysis' data tables means something.

use std::collections::BTreeSet;

use whittle_analysis::risk::deprecated_on;
use whittle_catalog::catalog;
use whittle_policy::ResourcePattern;

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| line.split('\t').collect())
}

#[test]
fn required_actions_exist_and_carry_their_source() {
    let mut seen = BTreeSet::new();
    for row in rows(include_str!("../data/required.tsv")) {
        let [feature, action, resource, source] = row[..] else { panic!("{row:?}") };
        let known = catalog().action(action).map(|id| catalog().info(id).name());
        assert_eq!(known, Some(action), "{action}: not in the catalog, or spelled otherwise");
        assert!(!source.is_empty() && !feature.is_empty());
        assert!(resource == "*" || resource == "granted" || resource.starts_with("arn:") || resource.starts_with('{'));
        assert!(seen.insert((feature, action, resource)), "{feature} {action} stands twice");
    }
    assert!(seen.len() > 70);
}

#[test]
fn templates_of_required_actions_fit_an_arn_format_of_the_catalog() {
    for row in rows(include_str!("../data/required.tsv")) {
        let (action, resource) = (row[1], row[2]);
        if !resource.starts_with("arn:") {
            continue;
        }
        let text =
            [("{partition}", "aws"), ("{region}", "eu-west-1"), ("{account}", "111122223333"), ("{log_group}", "/g")]
                .iter()
                .fold(resource.to_owned(), |text, (name, value)| text.replace(name, value));
        let pattern = ResourcePattern::new(text);
        let info = catalog().info(catalog().action(action).unwrap());
        let fits = info
            .resource_types()
            .flat_map(|kind| {
                kind.arn_formats().map(|format| ResourcePattern::new(format.to_pattern())).collect::<Vec<_>>()
            })
            .any(|format| format.intersects(&pattern));
        assert!(fits, "{action} cannot be granted on {}", pattern.as_str());
    }
}

#[test]
fn risk_rows_name_actions_of_the_catalog() {
    for row in rows(include_str!("../data/risk.tsv")) {
        let [impact, action, why, source] = row[..] else { panic!("{row:?}") };
        assert!((1..=5).contains(&impact.parse::<u8>().unwrap()), "{action}");
        assert!(catalog().action(action).is_some(), "{action} is not in the catalog");
        assert!(!why.is_empty() && !source.is_empty());
    }
}

#[test]
fn one_resource_rows_name_actions_or_services_of_the_catalog() {
    for row in rows(include_str!("../data/one_resource_per_call.tsv")) {
        let name = row[0].trim_start_matches('!');
        let known = match name.strip_suffix(":*") {
            Some(prefix) => catalog().service(prefix).is_some(),
            None => catalog().action(name).is_some(),
        };
        assert!(known, "{name}");
        assert_eq!(row.len(), 3, "{name} lacks its source");
    }
}

#[test]
fn every_runtime_has_a_day() {
    for row in rows(include_str!("../data/runtimes.tsv")) {
        assert!(deprecated_on(row[0]).is_some(), "{row:?}");
    }
    assert_eq!(deprecated_on("cobol85"), None);
}
