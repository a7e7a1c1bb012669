//! From JSON to a document.

use serde::de::{DeserializeSeed, Deserializer, Error as _};

use super::{
    ActionClause, Effect, OneOrMany, PolicyDocument, PrincipalClause, PrincipalKind, Principals, ResourceClause,
    Statement, Version,
};
use crate::action::ActionPattern;
use crate::condition::{ConditionBlock, Scalar, Shape, Values};
use crate::error::{ParsePolicyError, ParsePolicyErrorKind as Kind, Position, excerpt};
use crate::json::{MAX_DEPTH, Member, Node, NodeSeed, Path, Value, read};
use crate::nearest::nearest;
use crate::resource::ResourcePattern;

const DOCUMENT_ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT_ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

impl PolicyDocument {
    /// Reads a policy document from JSON text.
    ///
    /// What AWS takes is taken: white space, empty Sids, single values for lists, one statement without a
    /// list, numbers and booleans as condition values. Element names must be spelled exactly. Never panics;
    /// time is linear in the text.
    pub fn parse(text: &str) -> Result<Self, ParsePolicyError> {
        // A byte order mark is not JSON, but editors write it.
        let node = read(text.strip_prefix('\u{feff}').unwrap_or(text))?;
        Reader::new(Some(text)).document(node)
    }

    /// Reads a policy document from a JSON value. A key that occurred twice is already lost by then.
    pub fn from_value(value: &serde_json::Value) -> Result<Self, ParsePolicyError> {
        let mut reader = Reader::new(None);
        match Node::from_value(value) {
            Some(node) => reader.document(node),
            None => Err(reader.error(None, Kind::TooDeep { limit: MAX_DEPTH })),
        }
    }
}

impl std::str::FromStr for PolicyDocument {
    type Err = ParsePolicyError;

    fn from_str(text: &str) -> Result<Self, ParsePolicyError> {
        Self::parse(text)
    }
}

impl<'de> serde::Deserialize<'de> for PolicyDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = NodeSeed::new().deserialize(deserializer)?;
        Reader::new(None).document(node).map_err(D::Error::custom)
    }
}

type Result<T, E = ParsePolicyError> = std::result::Result<T, E>;

/// Walks a JSON value and knows where it is.
pub(crate) struct Reader<'t> {
    text: Option<&'t str>,
    path: Path,
    /// True if the document's version knows policy variables.
    variables: bool,
}

/// Elements of one object, taken out one by one.
struct Elements<'a> {
    members: Vec<Option<Member<'a>>>,
    offset: Option<usize>,
}

impl<'a> Elements<'a> {
    fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let member = self.members.iter_mut().find(|member| member.as_ref().is_some_and(|member| member.name == name));
        member.and_then(Option::take).map(|member| member.value)
    }
}

impl<'t> Reader<'t> {
    /// A reader at the root of `text`, if there is a text.
    pub(crate) fn new(text: Option<&'t str>) -> Self {
        Self { text, path: Path::root(), variables: true }
    }

    /// An inner failure with its path from the root of this text. A position inside a string's own text is
    /// lost.
    pub(crate) fn nested(&self, inner: ParsePolicyError) -> ParsePolicyError {
        let path = format!("{}{}", self.path.as_str(), inner.path.strip_prefix('$').unwrap_or(&inner.path));
        ParsePolicyError { path, position: None, kind: inner.kind }
    }

    pub(crate) fn error(&self, offset: Option<usize>, kind: Kind) -> ParsePolicyError {
        let position = self.text.zip(offset).map(|(text, offset)| {
            let mark = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
            Position::of(text, offset + mark)
        });
        ParsePolicyError { path: self.path.as_str().to_owned(), position, kind: Box::new(kind) }
    }

    pub(crate) fn wrong_type(&self, node: &Node<'_>, expected: &'static str) -> ParsePolicyError {
        self.error(node.offset, Kind::WrongType { expected, found: node.value.type_name() })
    }

    /// Steps down the path; give the result to [`Reader::leave`].
    pub(crate) fn enter(&mut self, name: &str) -> usize {
        self.path.enter(name)
    }

    /// [`Reader::enter`] for a list item.
    pub(crate) fn enter_item(&mut self, index: usize) -> usize {
        self.path.enter_item(index)
    }

    pub(crate) fn leave(&mut self, mark: usize) {
        self.path.leave(mark);
    }

    /// Runs `read` one step down the path.
    pub(crate) fn within<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let mark = self.path.enter(name);
        let out = read(self)?;
        self.path.leave(mark);
        Ok(out)
    }

    /// Reads one value or a list of values.
    pub(crate) fn one_or_many<'a, T>(
        &mut self,
        node: Node<'a>,
        mut read: impl FnMut(&mut Self, Node<'a>) -> Result<T>,
    ) -> Result<OneOrMany<T>> {
        let Value::Array(items) = node.value else { return read(self, node).map(OneOrMany::One) };
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let mark = self.path.enter_item(index);
            out.push(read(self, item)?);
            self.path.leave(mark);
        }
        Ok(OneOrMany::Many(out))
    }

    pub(crate) fn string(&self, node: Node<'_>, expected: &'static str) -> Result<String> {
        match node.value {
            Value::String(text) => Ok(text.into_owned()),
            _ => Err(self.wrong_type(&node, expected)),
        }
    }

    pub(crate) fn members<'a>(&self, node: Node<'a>, expected: &'static str) -> Result<Vec<Member<'a>>> {
        match node.value {
            Value::Object(members) => Ok(members),
            _ => Err(self.wrong_type(&node, expected)),
        }
    }

    fn elements<'a>(&mut self, node: Node<'a>, expected: &'static str, known: &[&'static str]) -> Result<Elements<'a>> {
        let offset = node.offset;
        let members = self.members(node, expected)?;
        for member in &members {
            if !known.contains(&&*member.name) {
                self.path.enter(&member.name);
                let nearest = nearest(&member.name, known.iter().copied());
                let kind = Kind::UnknownElement { name: excerpt(&member.name), nearest };
                return Err(self.error(member.offset, kind));
            }
        }
        Ok(Elements { members: members.into_iter().map(Some).collect(), offset })
    }

    fn word<T>(&self, node: Node<'_>, expected: &'static str, words: &[(&'static str, T)]) -> Result<T>
    where
        T: Copy,
    {
        let offset = node.offset;
        let text = self.string(node, expected)?;
        let known = words.iter().find(|(word, _)| *word == text);
        known.map(|(_, value)| *value).ok_or_else(|| {
            let nearest = nearest(&text, words.iter().map(|(word, _)| *word));
            self.error(offset, Kind::UnknownWord { found: excerpt(&text), expected, nearest })
        })
    }

    pub(crate) fn document(&mut self, node: Node<'_>) -> Result<PolicyDocument> {
        let mut elements = self.elements(node, "a policy document (an object)", &DOCUMENT_ELEMENTS)?;
        let versions = [Version::V2012, Version::V2008].map(|version| (version.as_str(), version));
        let version = match elements.take("Version") {
            Some(node) => {
                Some(self.within("Version", |r| r.word(node, "\"2012-10-17\" or \"2008-10-17\"", &versions))?)
            }
            None => None,
        };
        self.variables = version == Some(Version::V2012);
        let id = match elements.take("Id") {
            Some(node) => Some(self.within("Id", |r| r.string(node, "a string"))?),
            None => None,
        };
        let Some(node) = elements.take("Statement") else {
            return Err(self.error(elements.offset, Kind::Missing("Statement")));
        };
        let statements = self.within("Statement", |r| r.one_or_many(node, Self::statement))?;
        Ok(PolicyDocument { version, id, statements })
    }

    fn statement(&mut self, node: Node<'_>) -> Result<Statement> {
        let mut elements = self.elements(node, "a statement (an object)", &STATEMENT_ELEMENTS)?;
        let sid = match elements.take("Sid") {
            Some(node) => Some(self.within("Sid", |r| r.string(node, "a string"))?),
            None => None,
        };
        let effects = [Effect::Allow, Effect::Deny].map(|effect| (effect.as_str(), effect));
        let effect = match elements.take("Effect") {
            Some(node) => self.within("Effect", |r| r.word(node, "\"Allow\" or \"Deny\"", &effects))?,
            None => return Err(self.error(elements.offset, Kind::Missing("Effect"))),
        };
        let principal =
            self.either(&mut elements, ["Principal", "NotPrincipal"], Self::principals)?.map(|(negated, who)| {
                if negated { PrincipalClause::NotPrincipal(who) } else { PrincipalClause::Principal(who) }
            });
        let action = self
            .either(&mut elements, ["Action", "NotAction"], |r, node| r.one_or_many(node, Self::action))?
            .map(|(negated, what)| if negated { ActionClause::NotAction(what) } else { ActionClause::Action(what) });
        let Some(action) = action else { return Err(self.error(elements.offset, Kind::Missing("Action"))) };
        let resource = self
            .either(&mut elements, ["Resource", "NotResource"], |r, node| r.one_or_many(node, Self::resource))?
            .map(|(negated, on)| if negated { ResourceClause::NotResource(on) } else { ResourceClause::Resource(on) });
        let condition = match elements.take("Condition") {
            Some(node) => self.within("Condition", |r| r.condition(node))?,
            None => ConditionBlock::default(),
        };
        Ok(Statement { sid, effect, principal, action, resource, condition })
    }

    /// Reads whichever of two elements is there; `true` if it is the second, negated one.
    fn either<'a, T>(
        &mut self,
        elements: &mut Elements<'a>,
        [plain, negated]: [&'static str; 2],
        read: impl FnOnce(&mut Self, Node<'a>) -> Result<T>,
    ) -> Result<Option<(bool, T)>> {
        let (name, node) = match (elements.take(plain), elements.take(negated)) {
            (None, None) => return Ok(None),
            (Some(node), None) => (plain, node),
            (None, Some(node)) => (negated, node),
            (Some(_), Some(node)) => return Err(self.error(node.offset, Kind::Conflict(plain, negated))),
        };
        let value = self.within(name, |r| read(r, node))?;
        Ok(Some((name == negated, value)))
    }

    fn action(&mut self, node: Node<'_>) -> Result<ActionPattern> {
        let offset = node.offset;
        let text = self.string(node, "an action (a string)")?;
        text.parse().map_err(|error| self.error(offset, Kind::Action(error)))
    }

    fn resource(&mut self, node: Node<'_>) -> Result<ResourcePattern> {
        let text = self.string(node, "a resource (a string)")?;
        Ok(ResourcePattern::with_variables(text, self.variables))
    }

    fn principals(&mut self, node: Node<'_>) -> Result<Principals> {
        if let Value::String(text) = &node.value {
            if text == "*" {
                return Ok(Principals::Everyone);
            }
            let kind =
                Kind::UnknownWord { found: excerpt(text), expected: "\"*\" or an object of principals", nearest: None };
            return Err(self.error(node.offset, kind));
        }
        let members = self.members(node, "\"*\" or an object of principals")?;
        let mut by_kind = Vec::with_capacity(members.len());
        for member in members {
            let mark = self.path.enter(&member.name);
            let Some(kind) = PrincipalKind::ALL.into_iter().find(|kind| kind.as_str() == member.name) else {
                let nearest = nearest(&member.name, PrincipalKind::ALL.map(PrincipalKind::as_str));
                let kind = Kind::UnknownElement { name: excerpt(&member.name), nearest };
                return Err(self.error(member.offset, kind));
            };
            let names = self.one_or_many(member.value, |r, node| r.string(node, "a principal (a string)"))?;
            self.path.leave(mark);
            by_kind.push((kind, names));
        }
        Ok(Principals::ByKind(by_kind))
    }

    fn condition(&mut self, node: Node<'_>) -> Result<ConditionBlock> {
        let mut operators = Vec::new();
        for operator in self.members(node, "an object of condition operators")? {
            let mark = self.path.enter(&operator.name);
            let mut keys = Vec::new();
            for key in self.members(operator.value, "an object of condition keys")? {
                let values = self.within(&key.name, |r| r.one_or_many(key.value, Self::scalar))?;
                let shape = if matches!(values, OneOrMany::One(_)) { Shape::One } else { Shape::List };
                keys.push((key.name.into_owned(), Values::new(shape, values.into_vec())));
            }
            self.path.leave(mark);
            operators.push((operator.name.into_owned(), keys));
        }
        Ok(ConditionBlock::from_parts(operators, self.variables))
    }

    fn scalar(&mut self, node: Node<'_>) -> Result<(String, Scalar)> {
        match node.value {
            Value::String(text) => Ok((text.into_owned(), Scalar::Text)),
            Value::Bool(value) => Ok((value.to_string(), Scalar::Bool)),
            Value::Number(value) => Ok((value.to_string(), Scalar::Number)),
            _ => Err(self.wrong_type(&node, "a string, number or boolean")),
        }
    }
}
