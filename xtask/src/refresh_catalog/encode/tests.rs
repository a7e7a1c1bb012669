//! Packing and reading back small facts, and damaged files.

use std::collections::BTreeSet;

use proptest::prelude::*;

use whittle_catalog::{AccessLevel, Catalog, OperationInfo, SourceInfo};

use super::super::facts::{ActionFacts, Facts, OperationFacts, ResourceTypeFacts, ServiceFacts};
use super::*;

fn texts(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn action(name: &str, access_level: AccessLevel) -> ActionFacts {
    ActionFacts {
        name: name.into(),
        access_level,
        last_accessed: None,
        resource_types: Vec::new(),
        condition_keys: BTreeSet::new(),
        dependent_actions: BTreeSet::new(),
    }
}

fn operation(name: &str, in_sdk: bool, read_only: Option<bool>, authorised_by: &[&str]) -> OperationFacts {
    OperationFacts { name: name.into(), in_sdk, read_only, authorised_by: texts(authorised_by) }
}

/// Two services that exercise every table: `box`, and `box-extra`, whose prefix starts with the other's.
fn facts() -> Facts {
    let mut facts = Facts { sources: vec![source()], ..Facts::default() };
    let mut service = ServiceFacts { prefix: "Box".into(), name: "Boxes".into(), ..ServiceFacts::default() };
    let open = ActionFacts {
        last_accessed: Some(true),
        resource_types: vec![("lid".into(), false), ("box".into(), true)],
        condition_keys: texts(&["aws:TagKeys", "box:Colour"]),
        dependent_actions: texts(&["box-extra:Lend"]),
        ..action("OpenBox", AccessLevel::Write)
    };
    let list = ActionFacts { last_accessed: Some(false), ..action("ListBoxes", AccessLevel::List) };
    for facts in [open, list, action("GetBoxCORS", AccessLevel::Read)] {
        service.actions.insert(facts.name.to_ascii_lowercase(), facts);
    }
    for (name, arn_formats) in [("box", vec!["arn:${Partition}:box:::${Name}".to_owned()]), ("lid", Vec::new())] {
        let kind = ResourceTypeFacts { name: name.into(), arn_formats, condition_keys: texts(&["box:Colour"]) };
        service.resource_types.insert(name.into(), kind);
    }
    let operations = [
        operation("OpenBox", true, Some(false), &["Box:OpenBox"]),
        operation("ListBoxes", true, Some(true), &[]),
        operation("ListBoxesV2", true, None, &["Box:ListBoxes"]),
        operation("GetBoxCors", true, Some(true), &[]),
        operation("MoveBox", false, None, &["Box:OpenBox", "box-extra:Lend"]),
    ];
    for facts in operations {
        service.operations.insert(facts.name.to_ascii_lowercase(), facts);
    }
    facts.services.insert("box".into(), service);
    let mut extra = ServiceFacts { prefix: "box-extra".into(), name: "Extra".into(), ..ServiceFacts::default() };
    extra.actions.insert("lend".into(), action("Lend", AccessLevel::PermissionsManagement));
    facts.services.insert("box-extra".into(), extra);
    facts
}

fn source() -> SourceInfo {
    SourceInfo {
        name: "by hand".into(),
        version: "1".into(),
        date: "2026-11-21".into(),
        licence: "Apache-2.0".into(),
        copyright: String::new(),
        provides: "boxes".into(),
        counts: Vec::new(),
    }
}

#[test]
fn facts_survive_packing() {
    let catalog = Catalog::from_bytes(encode(&facts()).expect("packs")).expect("loads");
    assert_eq!(catalog.sources(), [source()]);
    let names: Vec<_> = catalog.actions().map(|id| catalog.info(id).name()).collect();
    assert_eq!(names, ["Box:GetBoxCORS", "Box:ListBoxes", "Box:OpenBox", "box-extra:Lend"]);

    let open = catalog.info(catalog.action("box:openbox").expect("known"));
    assert_eq!((open.access_level(), open.last_accessed_supported()), (AccessLevel::Write, Some(true)));
    let kinds: Vec<_> = open.resource_types().map(|kind| (kind.name(), kind.required())).collect();
    assert_eq!(kinds, [("box", true), ("lid", false)]);
    assert_eq!(open.condition_keys().collect::<Vec<_>>(), ["aws:TagKeys", "box:Colour"]);
    let dependents: Vec<_> = open.dependent_actions().map(|id| catalog.info(id).name()).collect();
    assert_eq!(dependents, ["box-extra:Lend"]);
    let list = catalog.info(catalog.action("box:listboxes").expect("known"));
    assert_eq!((list.access_level(), list.last_accessed_supported()), (AccessLevel::List, Some(false)));
    assert_eq!(catalog.info(catalog.action("box-extra:lend").expect("known")).last_accessed_supported(), None);
}

#[test]
fn operations_survive_packing() {
    let catalog = Catalog::from_bytes(encode(&facts()).expect("packs")).expect("loads");
    let describe = |name: &str| {
        let found = catalog.operation("box", name)?;
        let actions: Vec<_> = found.authorised_by().into_iter().map(|id| catalog.info(id).name()).collect();
        Some((found.name(), found.in_sdk(), found.read_only(), actions))
    };
    assert_eq!(describe("openbox"), Some(("OpenBox", true, Some(false), vec!["Box:OpenBox"])));
    assert_eq!(describe("ListBoxesV2"), Some(("ListBoxesV2", true, None, vec!["Box:ListBoxes"])));
    assert_eq!(describe("GetBoxCors"), Some(("GetBoxCors", true, Some(true), vec!["Box:GetBoxCORS"])));
    assert_eq!(describe("MoveBox"), Some(("MoveBox", false, None, vec!["Box:OpenBox", "box-extra:Lend"])));
    assert_eq!(describe("CloseBox"), None);
    let lend = catalog.info(catalog.action("box-extra:Lend").expect("known"));
    assert_eq!(lend.operations().iter().map(ToString::to_string).collect::<Vec<_>>(), ["Box:MoveBox"]);
    let service = catalog.service("BOX").expect("known");
    let names: Vec<_> = service.operations().map(OperationInfo::name).collect();
    assert_eq!(names, ["GetBoxCors", "ListBoxes", "ListBoxesV2", "MoveBox", "OpenBox"]);
}

#[test]
fn the_same_facts_give_the_same_bytes() {
    assert_eq!(encode(&facts()), encode(&facts()));
}

#[test]
fn facts_that_refer_to_nothing_are_refused() {
    let mut dangling = facts();
    let service = dangling.services.get_mut("box").expect("there");
    service.actions.get_mut("openbox").expect("there").dependent_actions.insert("box:Burn".into());
    let error = encode(&dangling).expect_err("refused");
    assert_eq!(error.to_string(), "`OpenBox` refers to `box:Burn`, which does not exist");
}

/// Asks a catalog everything.
fn read_all(catalog: &Catalog) -> usize {
    let mut total = catalog.sources().len();
    for service in catalog.services() {
        total += service.prefix().len() + service.name().len() + service.operations().count();
        for kind in service.resource_types() {
            total += kind.name().len() + kind.arn_formats().count() + kind.condition_keys().count();
        }
    }
    for info in catalog.actions().map(|id| catalog.info(id)) {
        total += info.name().len() + info.prefix().len() + info.condition_keys().count();
        total += info.resource_types().count() + info.dependent_actions().count() + info.operations().len();
    }
    total
}

proptest! {
    /// A damaged file is refused or read, and never panics.
    #[test]
    fn damage_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut file = encode(&facts()).expect("packs");
        let at = at.index(file.len());
        file[at] = byte;
        if let Ok(catalog) = Catalog::from_bytes(file.clone()) {
            read_all(&catalog);
        }
        file.truncate(cut.index(file.len()));
        prop_assert!(Catalog::from_bytes(file).is_err());
    }
}
