//! Makes text of unknown writers harmless for mail headers, phones and shells.

/// Printable ASCII only: each other character becomes `?`, and each run of white space one space.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.trim().chars() {
        let shown = match character {
            ' '..='~' => character,
            _ if character.is_whitespace() => ' ',
            _ => '?',
        };
        if shown != ' ' || !out.ends_with(' ') {
            out.push(shown);
        }
    }
    out
}

/// At most `most` bytes of [`plain`] text, with `...` where it was cut.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = plain(text);
    if text.len() <= most {
        return text;
    }
    let kept: String = text.chars().take(most.saturating_sub(3)).collect();
    let dots: String = "...".chars().take(most).collect();
    format!("{}{dots}", kept.trim_end())
}

/// The `whittle …` command in a remedy, or the `aws …` command that it is, with nothing in it that a shell
/// would act on. Ends where the words of a command do.
pub(super) fn command(remedy: &str) -> Option<String> {
    let at = if remedy.starts_with("aws ") { 0 } else { remedy.find("whittle ")? };
    let rest = remedy.get(at..)?;
    let end = rest.find([',', ';', '\n']).unwrap_or(rest.len());
    let safe =
        |character: char| character == ' ' || character.is_ascii_alphanumeric() || "_-./:=@+".contains(character);
    let command: String =
        rest.get(..end)?.trim_end().chars().map(|character| if safe(character) { character } else { '_' }).collect();
    Some(command)
}
