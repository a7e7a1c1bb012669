use super::parse;
use crate::node::{Node, NodeKind};
use crate::source::{ReadError, Source};

fn tree(text: &str) -> Node {
    parse(&Source::new(text.as_bytes()).unwrap()).unwrap()
}

fn error(bytes: &[u8]) -> ReadError {
    match Source::new(bytes) {
        Ok(source) => parse(&source).unwrap_err(),
        Err(error) => error,
    }
}

/// The text of each value under `key`, by its span.
#[track_caller]
fn check(text: &str, key: &str, expect: &str) {
    let source = Source::new(text.as_bytes()).unwrap();
    let root = parse(&source).unwrap();
    let mut found = None;
    root.walk(&mut |node| {
        if let Some(value) = node.get(key) {
            found = Some(value.span);
        }
    });
    assert_eq!(source.slice(found.unwrap()), expect, "{text:?}");
}

#[test]
fn spans_end_where_values_end() {
    for newline in ["\n", "\r\n"] {
        let lines = |text: &str| text.replace('\n', newline);
        check(&lines("A: x # c\n"), "A", "x");
        check(&lines("A: !Ref x # c\n"), "A", "!Ref x");
        check(&lines("A: !Sub \"x é # y\"  # c\n"), "A", "!Sub \"x é # y\"");
        check(&lines("A: 'it''s' # c\n"), "A", "'it''s'");
        check(&lines("A: \"a \\\" b\" # c\nB: 1\n"), "A", "\"a \\\" b\"");
        check(&lines("A: [a, !Ref b] # c\nB: 1\n"), "A", "[a, !Ref b]");
        check(&lines("A: {a: b,\n  c: d} # c\nB: 1\n"), "A", &lines("{a: b,\n  c: d}"));
        check(&lines("A:\n  - a\n  - b # c\n\n# d\nB: 1\n"), "A", &lines("- a\n  - b"));
        check(&lines("A:\n  b: c # d\nB: 1\n"), "A", "b: c");
        check(&lines("A: |\n  text\n\n  more\n# c\nB: 1\n"), "A", &lines("|\n  text\n\n  more"));
        check(&lines("A: !Sub |\n  text\n\nB: 1\n"), "A", &lines("!Sub |\n  text"));
        check(&lines("A:\n- B: >-\n    text\n  # c\n  D: 1\n"), "B", &lines(">-\n    text"));
        check(&lines("A: one\n  two # c\nB: 1\n"), "A", &lines("one\n  two"));
        check(&lines("A: !If\n  - c\n  - d\nB: 1\n"), "A", &lines("!If\n  - c\n  - d"));
        check(&lines("A:\nB: 1\n"), "B", "1");
        check(&lines("A: a#b\n"), "A", "a#b");
    }
}

#[test]
fn json_is_read_with_the_same_spans() {
    check("{\"A\": \"x\\u00e9\", \"B\": [1, true]}", "A", "\"x\\u00e9\"");
    check("{\"A\": \"x\", \"B\": [1, true]}", "B", "[1, true]");
    check("{\n\t\"A\": {\n\t\t\"b\": \"c\"\n\t}\n}", "A", "{\n\t\t\"b\": \"c\"\n\t}");
}

#[test]
fn anchors_and_aliases_are_seen() {
    let root = tree("A: &x [1]\nB: *x\nC: &y\n  d: 1\n");
    assert!(root.get("A").unwrap().anchored);
    assert_eq!(root.get("B").unwrap().kind, NodeKind::Alias);
    assert!(root.get("C").unwrap().anchored);
}

#[test]
fn bad_input_is_named_with_its_place() {
    for (bytes, expect) in [
        (&b""[..], "the file is empty"),
        (b"A: 1\nA: 2\n", "line 2, column 1: the key `A` is there twice, first on line 1"),
        (b"A:\n  b: 1\n  b: 2\n", "line 3, column 3: the key `b` is there twice, first on line 2"),
        (b"A: 1\n---\nB: 1\n", "line 2, column 1: a second document begins here; a template is one document"),
        (b"A:\n\tb: 1\n", "line 2, column 1: a tab is used for indentation, which YAML forbids"),
        (b"A: \xff\n", "the file is not UTF-8: byte 3 (line 1) is not part of a character"),
        (b"{\"A\": 1,}", "line 1, column 9: key must be a string at line 1 column 9"),
    ] {
        assert_eq!(error(bytes).to_string(), expect, "{:?}", String::from_utf8_lossy(bytes));
    }
    for bytes in [&b"A: [1\n"[..], b"A: \"x\n", b"A: b: c\n", b"- a\nb: c\n"] {
        assert!(matches!(error(bytes), ReadError::Syntax { .. }), "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = format!("A: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(matches!(error(deep.as_bytes()), ReadError::TooDeep(_) | ReadError::Syntax { .. }));
    let deep: String = (0..200).flat_map(|level| [" ".repeat(level), "A:\n".to_owned()]).collect();
    assert!(matches!(error(deep.as_bytes()), ReadError::TooDeep(_)));
    let large = vec![b'#'; crate::source::MAX_BYTES + 1];
    assert!(matches!(error(&large), ReadError::TooLarge { .. }));
}

/// True if the value under `key` is in brackets or braces.
#[track_caller]
fn check_flow(text: &str, key: &str, expect: bool) {
    let root = tree(text);
    let mut found = None;
    root.walk(&mut |node| {
        if let Some(value) = node.get(key) {
            found = Some(value.is_flow());
        }
    });
    assert_eq!(found, Some(expect), "{text:?}");
}

#[test]
fn brackets_and_braces_are_known_whatever_stands_behind_them() {
    for text in [
        "A: {b: c}",
        "A: { b: c }",
        "A: [b]",
        "A: [ b ]",
        "A: {\n  b: c }",
        "A: { # c\n  b: c }",
        "A: &x { b: c }",
        "A: !Sub [ b ]",
        "A: !Sub &x [b]",
        "A: []",
        "A: [ ]",
        "A: {}",
        "A:\n  { b: c }",
    ] {
        check_flow(text, "A", true);
    }
    for text in ["A:\n  b: c", "A:\n  - b", "A:\n- [ b ]", "A: !Join\n  - b", "A:\n  [ b ]: c", "A:\n  { b: c }: d"] {
        check_flow(text, "A", false);
    }
}
