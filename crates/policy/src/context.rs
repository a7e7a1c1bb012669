//! The context keys of a request.

/// Context keys of a request with their values.
///
/// Key names compare without regard to ASCII case, the part after the slash of `aws:PrincipalTag/…` included
/// (IAM User Guide, "AWS global condition context keys"). A key without values is a missing key. Nothing is
/// derived from the principal or the resource: what is not given is missing.
///
/// ```
/// # use whittle_policy::evaluate::Context;
/// let context: Context = [("aws:PrincipalTag/Team", vec!["blue"])].into_iter().collect();
/// assert_eq!(context.get("AWS:principaltag/team"), ["blue"]);
/// assert!(context.get("aws:SourceIp").is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// Sorted by key, in lower case; no key twice, none without values.
    entries: Vec<(Box<str>, Vec<String>)>,
}

impl Context {
    /// Sets the values of a key, in place of those it had.
    pub fn insert<V: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = V>) {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        let place = self.place(key);
        match (place, values.is_empty()) {
            (Ok(at), true) => drop(self.entries.remove(at)),
            (Ok(at), false) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    entry.1 = values;
                }
            }
            (Err(_), true) => {}
            (Err(at), false) => self.entries.insert(at, (key.to_ascii_lowercase().into(), values)),
        }
    }

    /// A context of these keys; `Err` is the place of the first key that is there already, but for case.
    /// Linear but for sorting.
    pub(crate) fn of(entries: Vec<(String, Vec<String>)>) -> Result<Self, usize> {
        let keys = entries.into_iter().enumerate();
        let mut keyed: Vec<_> = keys.map(|(at, (key, values))| (key.to_ascii_lowercase(), at, values)).collect();
        keyed.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let twice = keyed.windows(2).filter_map(|pair| match pair {
            [a, b] if a.0 == b.0 => Some(b.1),
            _ => None,
        });
        if let Some(at) = twice.min() {
            return Err(at);
        }
        let entries = keyed.into_iter().filter(|(_, _, values)| !values.is_empty());
        Ok(Self { entries: entries.map(|(key, _, values)| (key.into(), values)).collect() })
    }

    /// The values of a key; none if it is missing.
    pub fn get(&self, key: &str) -> &[String] {
        let entry = self.place(key).ok().and_then(|at| self.entries.get(at));
        entry.map_or(&[], |(_, values)| values.as_slice())
    }

    /// The value of a key that has exactly one.
    pub fn single(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Each key, in lower case, with its values; sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.entries.iter().map(|(key, values)| (&**key, values.as_slice()))
    }

    /// The value of a policy variable: `key`, or `key, 'default'` ("IAM policy elements: Variables and
    /// tags").
    ///
    /// The default counts if the key is missing. A key with several values cannot be a variable.
    pub(crate) fn variable<'v>(&'v self, text: &'v str) -> Option<&'v str> {
        let (key, default) = match text.split_once(',') {
            Some((key, default)) => (key, Some(default.trim().strip_prefix('\'')?.strip_suffix('\'')?)),
            None => (text, None),
        };
        match self.get(key.trim()) {
            [value] => Some(value),
            [] => default,
            _ => None,
        }
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        let folded = || key.bytes().map(|byte| byte.to_ascii_lowercase());
        self.entries.binary_search_by(|(have, _)| have.bytes().cmp(folded()))
    }
}

impl<'k, V: Into<String>, L: IntoIterator<Item = V>> FromIterator<(&'k str, L)> for Context {
    fn from_iter<I: IntoIterator<Item = (&'k str, L)>>(entries: I) -> Self {
        let mut context = Self::default();
        for (key, values) in entries {
            context.insert(key, values);
        }
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fold_replace_and_vanish() {
        let mut context: Context = [("b", vec!["1"]), ("A", vec!["2", "3"])].into_iter().collect();
        assert_eq!(context.get("a"), ["2", "3"]);
        context.insert("a", ["4"]);
        assert_eq!(context.single("A"), Some("4"));
        context.insert("B", Vec::<String>::new());
        assert_eq!(context.iter().count(), 1);
    }

    #[test]
    fn variables_take_single_values_and_defaults() {
        let context: Context = [("one", vec!["1"]), ("two", vec!["1", "2"])].into_iter().collect();
        let cases = [
            ("one", Some("1")),
            ("ONE", Some("1")),
            ("one, 'x'", Some("1")),
            ("none", None),
            ("none, 'x'", Some("x")),
            ("none,'x'", Some("x")),
            ("none, ''", Some("")),
            ("none, 'it's'", Some("it's")),
            ("none, x", None),
            ("none, 'x", None),
            ("none, '", None),
            ("two", None),
            ("two, 'x'", None),
            ("", None),
        ];
        for (text, expect) in cases {
            assert_eq!(context.variable(text), expect, "{text}");
        }
    }
}
