//! Condition expressions: read, and decided about an item (Amazon DynamoDB Developer Guide, "Condition and
//! filter expressions, operators, and functions").

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::token::{ExpressionToken, tokens};
use super::value::{self, Item};

/// `ExpressionAttributeNames` and `ExpressionAttributeValues` of a request.
pub struct Placeholders<'a> {
    names: Option<&'a Item>,
    values: Option<&'a Item>,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Placeholders<'a> {
    pub fn of(request: &'a Value) -> Self {
        Self {
            names: request.get("ExpressionAttributeNames").and_then(Value::as_object),
            values: request.get("ExpressionAttributeValues").and_then(Value::as_object),
            used: RefCell::default(),
        }
    }

    fn look_up(&self, map: Option<&'a Item>, name: &str) -> Result<&'a Value, String> {
        self.used.borrow_mut().insert(name.to_owned());
        map.and_then(|map| map.get(name))
            .ok_or_else(|| format!("Invalid expression: an attribute used in expression is not defined: {name}"))
    }

    /// DynamoDB refuses what no expression uses.
    pub fn check_all_used(&self) -> Result<(), String> {
        let used = self.used.borrow();
        for map in [self.names, self.values].into_iter().flatten() {
            if let Some(name) = map.keys().find(|name| !used.contains(*name)) {
                return Err(format!("Value provided in an expression attribute is unused in expressions: {name}"));
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Name(String),
    Index(usize),
}

pub type Path = Vec<Step>;

#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    Path(Path),
    Value(Value),
    Size(Path),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    Compare(Comparison, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    HasType(Path, Operand),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

/// Reads an expression, placeholders filled in.
pub fn parse(text: &str, placeholders: &Placeholders<'_>) -> Result<Condition, String> {
    let mut parser = Parser::new(text, placeholders)?;
    let condition = parser.either()?;
    parser.end()?;
    Ok(condition)
}

/// Reads a projection: paths with commas between them.
pub fn parse_paths(text: &str, placeholders: &Placeholders<'_>) -> Result<Vec<Path>, String> {
    let mut parser = Parser::new(text, placeholders)?;
    let mut paths = vec![parser.path()?];
    while parser.takes(",") {
        paths.push(parser.path()?);
    }
    parser.end()?;
    Ok(paths)
}

/// Reads tokens one after the other; update expressions use it too.
pub struct Parser<'a> {
    tokens: Vec<ExpressionToken>,
    next: usize,
    placeholders: &'a Placeholders<'a>,
}

impl<'a> Parser<'a> {
    pub fn new(text: &str, placeholders: &'a Placeholders<'a>) -> Result<Self, String> {
        Ok(Self { tokens: tokens(text)?, next: 0, placeholders })
    }

    fn peek(&self) -> Option<&ExpressionToken> {
        self.tokens.get(self.next)
    }

    pub fn end(&self) -> Result<(), String> {
        match self.peek() {
            None => Ok(()),
            Some(token) => Err(format!("Invalid expression: Syntax error; token: {token}")),
        }
    }

    pub fn is_at_end(&self) -> bool {
        self.peek().is_none()
    }

    /// Takes the symbol or keyword, if it is next.
    pub fn takes(&mut self, wanted: &str) -> bool {
        let found = match self.peek() {
            Some(ExpressionToken::Symbol(symbol)) => *symbol == wanted,
            Some(ExpressionToken::Word(word)) => word.eq_ignore_ascii_case(wanted),
            _ => false,
        };
        self.next += usize::from(found);
        found
    }

    pub fn expect(&mut self, wanted: &str) -> Result<(), String> {
        if self.takes(wanted) {
            return Ok(());
        }
        let found = self.peek().map_or_else(|| "<EOF>".to_owned(), ToString::to_string);
        Err(format!("Invalid expression: Syntax error; token: {found}, wanted: {wanted}"))
    }

    fn either(&mut self) -> Result<Condition, String> {
        let mut left = self.both()?;
        while self.takes("OR") {
            left = Condition::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Condition, String> {
        let mut left = self.negation()?;
        while self.takes("AND") {
            left = Condition::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Condition, String> {
        if self.takes("NOT") { Ok(Condition::Not(Box::new(self.negation()?))) } else { self.simple() }
    }

    fn simple(&mut self) -> Result<Condition, String> {
        if self.takes("(") {
            let inner = self.either()?;
            self.expect(")")?;
            return Ok(inner);
        }
        for function in ["attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"] {
            if self.is_call(function) {
                return self.call(function);
            }
        }
        let left = self.operand()?;
        if self.takes("BETWEEN") {
            let low = self.operand()?;
            self.expect("AND")?;
            return Ok(Condition::Between(left, low, self.operand()?));
        }
        if self.takes("IN") {
            self.expect("(")?;
            let mut members = vec![self.operand()?];
            while self.takes(",") {
                members.push(self.operand()?);
            }
            self.expect(")")?;
            return Ok(Condition::In(left, members));
        }
        let comparisons = [
            ("=", Comparison::Equal),
            ("<>", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        for (symbol, comparison) in comparisons {
            if self.takes(symbol) {
                return Ok(Condition::Compare(comparison, left, self.operand()?));
            }
        }
        self.expect("a comparison").map(|()| Condition::Exists(Vec::new()))
    }

    /// True if the name of this function and a parenthesis are next; function names are case-sensitive.
    pub fn is_call(&self, function: &str) -> bool {
        matches!(self.peek(), Some(ExpressionToken::Word(word)) if word == function)
            && self.tokens.get(self.next + 1) == Some(&ExpressionToken::Symbol("("))
    }

    fn call(&mut self, function: &str) -> Result<Condition, String> {
        self.next += 1;
        self.expect("(")?;
        let condition = match function {
            "attribute_exists" => Condition::Exists(self.path()?),
            "attribute_not_exists" => Condition::NotExists(self.path()?),
            "attribute_type" => {
                let path = self.path()?;
                self.expect(",")?;
                Condition::HasType(path, self.operand()?)
            }
            _ => {
                let first = self.operand()?;
                self.expect(",")?;
                let second = self.operand()?;
                if function == "begins_with" {
                    Condition::BeginsWith(first, second)
                } else {
                    Condition::Contains(first, second)
                }
            }
        };
        self.expect(")")?;
        Ok(condition)
    }

    pub fn operand(&mut self) -> Result<Operand, String> {
        if self.is_call("size") {
            self.next += 1;
            self.expect("(")?;
            let path = self.path()?;
            self.expect(")")?;
            return Ok(Operand::Size(path));
        }
        if let Some(ExpressionToken::Word(word)) = self.peek()
            && word.starts_with(':')
        {
            let value = self.placeholders.look_up(self.placeholders.values, word)?.clone();
            self.next += 1;
            return Ok(Operand::Value(value));
        }
        self.path().map(Operand::Path)
    }

    pub fn path(&mut self) -> Result<Path, String> {
        let mut path = vec![Step::Name(self.name()?)];
        loop {
            if self.takes(".") {
                path.push(Step::Name(self.name()?));
            } else if self.takes("[") {
                let Some(ExpressionToken::Number(index)) = self.peek() else {
                    return self.expect("an index").map(|()| path);
                };
                path.push(Step::Index(*index));
                self.next += 1;
                self.expect("]")?;
            } else {
                return Ok(path);
            }
        }
    }

    fn name(&mut self) -> Result<String, String> {
        let Some(ExpressionToken::Word(word)) = self.peek().cloned() else {
            return self.expect("a name").map(|()| String::new());
        };
        if word.starts_with(':') {
            return self.expect("a name").map(|()| String::new());
        }
        self.next += 1;
        if word.starts_with('#') {
            let name = self.placeholders.look_up(self.placeholders.names, &word)?;
            return Ok(name.as_str().unwrap_or_default().to_owned());
        }
        Ok(word)
    }
}

/// The value at a path.
pub fn at<'a>(item: &'a Item, path: &[Step]) -> Option<&'a Value> {
    let (Step::Name(first), rest) = path.split_first()? else { return None };
    rest.iter().try_fold(item.get(first)?, |value, step| match step {
        Step::Name(name) => value.get("M")?.get(name),
        Step::Index(index) => value.get("L")?.get(index),
    })
}

impl Operand {
    /// Its value for an item; `None` if the item has none.
    pub fn of(&self, item: &Item) -> Option<Value> {
        match self {
            Self::Path(path) => at(item, path).cloned(),
            Self::Value(value) => Some(value.clone()),
            Self::Size(path) => value::size(at(item, path)?).map(|size| json!({ "N": size.to_string() })),
        }
    }
}

impl Condition {
    /// True if it holds for an item; an item that is not there has no attributes.
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::And(left, right) => left.holds(item) && right.holds(item),
            Self::Or(left, right) => left.holds(item) || right.holds(item),
            Self::Not(inner) => !inner.holds(item),
            Self::Exists(path) => at(item, path).is_some(),
            Self::NotExists(path) => at(item, path).is_none(),
            Self::HasType(path, wanted) => {
                let kind = at(item, path).and_then(value::parts).map(|(kind, _)| kind);
                wanted.of(item).is_some_and(|wanted| wanted.get("S").and_then(Value::as_str) == kind)
            }
            Self::Compare(comparison, left, right) => match (left.of(item), right.of(item)) {
                (Some(left), Some(right)) => compare(*comparison, &left, &right),
                (None, None) => false,
                _ => *comparison == Comparison::NotEqual,
            },
            Self::Between(middle, low, high) => match (middle.of(item), low.of(item), high.of(item)) {
                (Some(middle), Some(low), Some(high)) => {
                    compare(Comparison::GreaterOrEqual, &middle, &low)
                        && compare(Comparison::LessOrEqual, &middle, &high)
                }
                _ => false,
            },
            Self::In(member, members) => member
                .of(item)
                .is_some_and(|member| members.iter().any(|other| other.of(item).as_ref() == Some(&member))),
            Self::BeginsWith(whole, start) => match (whole.of(item), start.of(item)) {
                (Some(whole), Some(start)) => {
                    texts(&whole, &start).is_some_and(|(whole, start)| whole.starts_with(start))
                }
                _ => false,
            },
            Self::Contains(whole, part) => match (whole.of(item), part.of(item)) {
                (Some(whole), Some(part)) => contains(&whole, &part),
                _ => false,
            },
        }
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> bool {
    let order = value::compare(left, right);
    match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    }
}

fn texts<'a>(left: &'a Value, right: &'a Value) -> Option<(&'a str, &'a str)> {
    Some((left.get("S")?.as_str()?, right.get("S")?.as_str()?))
}

fn contains(whole: &Value, part: &Value) -> bool {
    if let Some((whole, part)) = texts(whole, part) {
        return whole.contains(part);
    }
    match (value::parts(whole), value::parts(part)) {
        (Some(("L", Value::Array(members))), _) => members.contains(part),
        (Some(("SS" | "NS" | "BS", Value::Array(members))), Some((_, part))) => members.contains(part),
        _ => false,
    }
}
