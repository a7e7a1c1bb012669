use hcl_edit::expr::Expression;
use proptest::prelude::*;

use super::{hcl, json, push_hcl, yaml, yaml_double};

#[test]
fn yaml_is_plain_only_where_nothing_else_could_be_meant() {
    for text in
        ["Allow", "s3:GetObject", "arn:aws:s3:::b/*", "aws:SourceArn", "shop-orders", "/shop/a", "a${Table.Arn}/x"]
    {
        assert_eq!(yaml(text), text);
    }
    for (text, single, double) in [
        ("*", "'*'", r#""*""#),
        ("", "''", r#""""#),
        ("yes", "'yes'", r#""yes""#),
        ("Off", "'Off'", r#""Off""#),
        ("2012-10-17", "'2012-10-17'", r#""2012-10-17""#),
        ("123456789012", "'123456789012'", r#""123456789012""#),
        ("it's", "'it''s'", r#""it's""#),
        ("a: b", "'a: b'", r#""a: b""#),
        ("a #b", "'a #b'", r#""a #b""#),
        ("a:", "'a:'", r#""a:""#),
        ("!Sub x", "'!Sub x'", r#""!Sub x""#),
        ("{a}", "'{a}'", r#""{a}""#),
        ("a\nb: c", r#""a\nb: c""#, r#""a\nb: c""#),
        ("\u{85}\u{2028}\u{1b}", r#""\x85\u2028\x1b""#, r#""\x85\u2028\x1b""#),
        ("\u{1f600}\u{10ffff}", "\"\u{1f600}\\U0010ffff\"", "\"\u{1f600}\\U0010ffff\""),
    ] {
        assert_eq!((yaml(text).as_str(), yaml_double(text).as_str()), (single, double));
    }
}

#[test]
fn nothing_in_a_text_is_a_template_of_hcl() {
    for (text, written) in [
        ("arn:aws:s3:::b/*", r#""arn:aws:s3:::b/*""#),
        ("${aws:username}", r#""$${aws:username}""#),
        ("%{ if x }", r#""%%{ if x }""#),
        ("$${x}", r#""\u0024$${x}""#),
        ("a\"b\\c\nd", r#""a\"b\\c\nd""#),
        ("100% $5", r#""100% $5""#),
        ("\u{1b}\u{2028}", r#""\u001b\u2028""#),
    ] {
        assert_eq!(hcl(text), written);
    }
}

/// The text that an HCL expression stands for.
fn read_hcl(written: &str) -> String {
    match written.parse::<Expression>().unwrap() {
        Expression::String(text) => text.as_str().to_owned(),
        Expression::StringTemplate(template) => {
            let literals = template.iter().map(|element| element.as_literal().map(|text| text.as_str().to_owned()));
            literals.map(|text| text.unwrap_or_else(|| "<reference>".to_owned())).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Texts that writers get wrong.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-z]{1,4}",
        1 => "[ -~äé\n\t]{0,8}",
        2 => proptest::sample::select(vec![
            "*", "?", "${", "${aws:username}", "%{", "$$", "%%", "$", "}", "\"", "'", "''", "\\", "\n", "\r", "\t", "#", ": ",
            " #", "- ", "!", "&", "|", ">", "@", "`", "\u{85}", "\u{2028}", "\u{feff}", "\u{7f}", "\u{1b}", "\u{202e}", "é",
            "\u{1f600}", "~", "no", "null", "1e3", "<<", "---", "...", "${!", "{{", "//", "/*", " ",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(|c| c.to_string()),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_text_reads_back_as_itself(text in texts()) {
        for written in [yaml(&text), yaml_double(&text), json(&text)] {
            let read: yaml_serde::Value = yaml_serde::from_str(&format!("a: {written}\n")).unwrap();
            prop_assert_eq!(read["a"].as_str(), Some(text.as_str()), "{}", written);
        }
        prop_assert_eq!(read_hcl(&hcl(&text)), text);
    }

    #[test]
    fn a_reference_behind_a_text_stays_one(text in texts()) {
        let mut written = "\"".to_owned();
        push_hcl(&text, true, &mut written);
        written.push_str("${a.b}\"");
        prop_assert_eq!(read_hcl(&written), format!("{text}<reference>"));
    }
}
