use super::*;

const FILE: &str = "\
# Accepted by the platform team.

[[waiver]]
fingerprint = \"aaaaaaaaaaaaaaaa\"   # the big one
owner = 'team-a'
reason = \"because\"
until = 2027-01-31
";

fn waiver(fingerprint: &str, reason: &str) -> Waiver {
    Waiver {
        fingerprint: fingerprint.to_owned(),
        owner: "me".to_owned(),
        reason: reason.to_owned(),
        until: "2028-02-29".parse().unwrap(),
        line: 0,
    }
}

#[test]
fn a_file_is_read_with_lines() {
    let read = parse(FILE).unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].owner.as_str(), read[0].until.to_string().as_str(), read[0].line), ("team-a", "2027-01-31", 3));
    assert_eq!(parse("").unwrap(), []);
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    let full = |field: &str, text: &str| {
        let fields: Vec<String> =
            [("fingerprint", "\"f\""), ("owner", "\"o\""), ("reason", "\"r\""), ("until", "\"2027-01-01\"")]
                .iter()
                .filter(|(name, _)| !(*name == field && text.is_empty()))
                .map(|(name, own)| format!("{name} = {}", if *name == field { text } else { own }))
                .collect();
        format!("\n[[waiver]]\n{}\n", fields.join("\n"))
    };
    for (text, line, part) in [
        (full("owner", ""), 2, "no `owner`"),
        (full("owner", "\" \""), 4, "empty"),
        (full("owner", "7"), 4, "quotes"),
        (full("until", "\"2027-02-30\""), 6, "no date"),
        (full("until", "\"soon\""), 6, "no date"),
        (full("x", "") + "ends = \"2027-01-01\"\n", 7, "`ends` is not known"),
        ("[waiver]\nowner = \"x\"\n".to_owned(), 1, "[[waiver]]"),
        ("fail_on = \"high\"\n".to_owned(), 1, "`fail_on` is not known"),
        ("[[waiver]]\nowner = \n".to_owned(), 2, ""),
    ] {
        let (at, message) = parse(&text).unwrap_err();
        assert!(at == line && message.contains(part), "{text}: line {at}: {message}");
    }
}

#[test]
fn an_edit_keeps_everything_else() {
    let (out, added) =
        edit(FILE, &waiver("bbbbbbbbbbbbbbbb", "a \"quoted\" reason\nof two lines"), Some("unused-actions")).unwrap();
    assert!(added && out.starts_with(FILE), "{out}");
    assert!(out.contains("\n# unused-actions\n[[waiver]]\n"), "{out}");
    let (again, added) = edit(&out, &waiver("bbbbbbbbbbbbbbbb", "a \"quoted\" reason\nof two lines"), None).unwrap();
    assert!(!added && again == out, "{again}");
    let (changed, added) = edit(FILE, &waiver("aaaaaaaaaaaaaaaa", "new"), None).unwrap();
    assert!(!added && changed.contains("# the big one") && changed.contains("reason = \"new\""), "{changed}");
    assert_eq!(parse(&changed).unwrap().len(), 1);
}

#[test]
fn line_endings_stay() {
    let file = FILE.replace('\n', "\r\n");
    let (out, _) = edit(&file, &waiver("bbbbbbbbbbbbbbbb", "r"), Some("about")).unwrap();
    assert!(out.starts_with(&file) && !out.replace("\r\n", "").contains('\n'), "{out:?}");
}

#[test]
fn a_broken_file_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("whittle.toml");
    std::fs::write(&path, "[[waiver]\n").unwrap();
    let error = write(&path, &waiver("bbbbbbbbbbbbbbbb", "r"), None).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "[[waiver]\n");
    std::fs::remove_file(&path).unwrap();
    assert!(write(&path, &waiver("bbbbbbbbbbbbbbbb", "r"), None).unwrap());
    assert_eq!(read(&path).unwrap().len(), 1);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
