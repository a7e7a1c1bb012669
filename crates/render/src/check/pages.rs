//! The page of each finding code, from `docs/findings/`.

/// Text of the page; `None` for an unknown code.
pub fn page(code: &str) -> Option<&'static str> {
    let (_, text) = PAGES.iter().find(|(known, _)| *known == code)?;
    Some(text)
}

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        /// Code and page. A test compares them with the rules.
        const PAGES: &[(&str, &str)] = &[$(($code, include_str!(concat!("../../../../docs/findings/", $code, ".md")))),*];
    };
}

pages![
    "administrator-access",
    "blind-spot",
    "expired-waiver",
    "over-narrowed",
    "privilege-widened",
    "shared-role",
    "stale-waiver",
    "unlisted-function",
    "unused-actions",
    "unused-function",
    "unused-services",
    "wildcard-action",
    "wildcard-resource",
];
