//! JSON text made readable where it only nearly is JSON.
//!
//! What other programs write into trail files on the way: lone surrogates, control characters and unknown
//! escapes inside strings, `NaN` and `Infinity` (Python's `json.dumps`), numbers that no float holds. Each is
//! replaced by a text of the same length that the ledger keeps no name with: U+FFFD, or the control character
//! DEL. So a record stays, offsets stay, and memory does not grow.

use std::borrow::Cow;

/// Stands for one byte that is no text. A control character, so no name that holds it is kept.
pub(crate) const DAMAGED: u8 = 0x7f;
/// A string that says nothing.
const DAMAGED_STRING: &[u8] = b"\"\x7f\"";

/// The text with everything replaced that is known to stop a JSON parser inside a value; borrowed if nothing
/// is. Mending what is mended changes nothing.
pub(crate) fn mend(text: &str) -> Cow<'_, str> {
    let mut mender = Mender { bytes: text.as_bytes(), out: None };
    let mut at = 0;
    while let Some(&byte) = mender.bytes.get(at) {
        at = match byte {
            b'"' => mender.string(at + 1),
            b'N' | b'I' | b'-' | b'0'..=b'9' => mender.word(at),
            _ => at + 1,
        };
    }
    // Only ASCII was written over ASCII.
    mender.out.and_then(|out| String::from_utf8(out).ok()).map_or(Cow::Borrowed(text), Cow::Owned)
}

struct Mender<'t> {
    bytes: &'t [u8],
    out: Option<Vec<u8>>,
}

impl Mender<'_> {
    fn put(&mut self, at: usize, new: &[u8]) {
        let out = self.out.get_or_insert_with(|| self.bytes.to_vec());
        for (old, new) in out.iter_mut().skip(at).zip(new) {
            *old = *new;
        }
    }

    /// From the first byte of a string; the place after it.
    fn string(&mut self, mut at: usize) -> usize {
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'"' => return at + 1,
                b'\\' => at = self.escape(at),
                ..0x20 => {
                    self.put(at, &[DAMAGED]);
                    at += 1;
                }
                _ => at += 1,
            }
        }
        at
    }

    /// From a backslash; the place after the escape.
    fn escape(&mut self, at: usize) -> usize {
        match self.bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => return at + 2,
            Some(b'u') => match self.unit(at) {
                Some(0xd800..=0xdbff) if matches!(self.unit(at + 6), Some(0xdc00..=0xdfff)) => return at + 12,
                Some(0xd800..=0xdfff) => {
                    self.put(at, b"\\ufffd");
                    return at + 6;
                }
                Some(_) => return at + 6,
                None => {}
            },
            _ => {}
        }
        self.put(at, &[DAMAGED]);
        at + 1
    }

    /// The UTF-16 unit of an escape `\uXXXX`.
    fn unit(&self, at: usize) -> Option<u16> {
        let escape = self.bytes.get(at..at + 6)?;
        let digits = escape.strip_prefix(b"\\u").filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    /// From the first byte of a number or of a word that stands for one; the place after it.
    fn word(&mut self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        for word in [b"NaN".as_slice(), b"Infinity", b"-Infinity"] {
            if rest.starts_with(word) {
                self.blank(at, word.len());
                return at + word.len();
            }
        }
        let is_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(|byte| is_number(byte)).count();
        let number = rest.get(..length).and_then(|number| std::str::from_utf8(number).ok()).unwrap_or_default();
        if length > 3 && number.parse().is_ok_and(f64::is_infinite) {
            self.blank(at, length);
        }
        at + length.max(1)
    }

    fn blank(&mut self, at: usize, length: usize) {
        let mut new = DAMAGED_STRING.to_vec();
        new.resize(length, b' ');
        self.put(at, &new);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(mend(text), expect);
        assert_eq!(mend(text).len(), text.len());
        let value: Result<serde_json::Value, _> = serde_json::from_str(expect);
        assert!(value.is_ok(), "{expect}: {value:?}");
        assert!(serde_json::from_str::<serde_json::Value>(text).is_err() || text == expect, "{text}");
    }

    #[test]
    fn what_stops_a_parser_is_replaced() {
        check(r#"{"a":"\ud800x","b":"\udc00"}"#, r#"{"a":"\ufffdx","b":"\ufffd"}"#);
        check(r#""\ud800\ud83d\ude00\uD83D""#, r#""\ufffd\ud83d\ude00\ufffd""#);
        check("{\"a\":\"x\ty\u{0}\n\"}", "{\"a\":\"x\u{7f}y\u{7f}\u{7f}\"}");
        check(r#"["\x41","\u12G4","\'"]"#, "[\"\u{7f}x41\",\"\u{7f}u12G4\",\"\u{7f}'\"]");
        check("[NaN,Infinity,-Infinity]", "[\"\u{7f}\",\"\u{7f}\"     ,\"\u{7f}\"      ]");
        check("[1e999,-2E+400]", "[\"\u{7f}\"  ,\"\u{7f}\"    ]");
    }

    #[test]
    fn what_is_json_stays() {
        for text in [
            r#"{"a":[1,-2.5e3,0.1e-9,12345678901234567890123],"b":"\\\"\/\b\f\n\r\t\u00e9é","c":null}"#,
            r#""NaN Infinity 1e999 \\ud800""#,
            "",
            "\n\t {}",
        ] {
            assert!(matches!(mend(text), Cow::Borrowed(_)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_length(text in "[\\PC\u{0}-\u{1f}\"\\\\u{}d8N:,-]{0,60}") {
            let mended = mend(&text);
            prop_assert_eq!(mended.len(), text.len());
            prop_assert_eq!(&mend(&mended), &mended);
        }

        #[test]
        fn valid_json_is_not_touched(text in "\\PC{0,40}", number in any::<f64>()) {
            let json = serde_json::json!({ text.clone(): [text, number] }).to_string();
            prop_assert!(matches!(mend(&json), Cow::Borrowed(_)));
        }
    }
}
