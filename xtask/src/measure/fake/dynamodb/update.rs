//! Update expressions: `SET`, `REMOVE`, `ADD` (Amazon DynamoDB Developer Guide, "Using update expressions in
//! DynamoDB").

use serde_json::{Value, json};

use super::expression::{Operand, Parser, Path, Placeholders, Step, at};
use super::value::{Item, parts};

#[derive(Debug)]
pub enum Change {
    Set(Path, Term),
    Remove(Path),
    Add(Path, Operand),
}

#[derive(Debug)]
pub enum Term {
    One(Operand),
    Sum(Box<Term>, bool, Box<Term>),
    IfNotExists(Path, Operand),
}

pub fn parse(text: &str, placeholders: &Placeholders<'_>) -> Result<Vec<Change>, String> {
    let mut parser = Parser::new(text, placeholders)?;
    let mut changes = Vec::new();
    while !parser.is_at_end() {
        if parser.takes("SET") {
            loop {
                let path = parser.path()?;
                parser.expect("=")?;
                changes.push(Change::Set(path, sum(&mut parser)?));
                if !parser.takes(",") {
                    break;
                }
            }
        } else if parser.takes("REMOVE") {
            loop {
                changes.push(Change::Remove(parser.path()?));
                if !parser.takes(",") {
                    break;
                }
            }
        } else {
            parser.expect("ADD")?;
            loop {
                let path = parser.path()?;
                changes.push(Change::Add(path, parser.operand()?));
                if !parser.takes(",") {
                    break;
                }
            }
        }
    }
    Ok(changes)
}

fn sum(parser: &mut Parser<'_>) -> Result<Term, String> {
    let left = term(parser)?;
    for (symbol, minus) in [("+", false), ("-", true)] {
        if parser.takes(symbol) {
            return Ok(Term::Sum(Box::new(left), minus, Box::new(term(parser)?)));
        }
    }
    Ok(left)
}

fn term(parser: &mut Parser<'_>) -> Result<Term, String> {
    if !parser.is_call("if_not_exists") {
        return parser.operand().map(Term::One);
    }
    parser.expect("if_not_exists")?;
    parser.expect("(")?;
    let path = parser.path()?;
    parser.expect(",")?;
    let otherwise = parser.operand()?;
    parser.expect(")")?;
    Ok(Term::IfNotExists(path, otherwise))
}

/// The item after the changes; what they read is the item before.
pub fn apply(changes: &[Change], before: &Item) -> Result<Item, String> {
    let mut after = before.clone();
    for change in changes {
        match change {
            Change::Set(path, term) => put(&mut after, path, Some(value(term, before)?))?,
            Change::Remove(path) => put(&mut after, path, None)?,
            Change::Add(path, operand) => {
                let added = operand.of(before).ok_or_else(missing)?;
                let value = match at(before, path) {
                    None => added,
                    Some(old) => add(old, &added)?,
                };
                put(&mut after, path, Some(value))?;
            }
        }
    }
    Ok(after)
}

fn value(term: &Term, before: &Item) -> Result<Value, String> {
    match term {
        Term::One(operand) => operand.of(before).ok_or_else(missing),
        Term::IfNotExists(path, otherwise) => {
            at(before, path).cloned().or_else(|| otherwise.of(before)).ok_or_else(missing)
        }
        Term::Sum(left, minus, right) => {
            let (left, right) = (number(&value(left, before)?)?, number(&value(right, before)?)?);
            let sum = if *minus { left.checked_sub(right) } else { left.checked_add(right) };
            Ok(json!({ "N": sum.ok_or("number overflow")?.to_string() }))
        }
    }
}

/// Numbers are added, sets united.
fn add(old: &Value, added: &Value) -> Result<Value, String> {
    match (parts(old), parts(added)) {
        (Some(("N", _)), Some(("N", _))) => {
            let sum = number(old)?.checked_add(number(added)?).ok_or("number overflow")?;
            Ok(json!({ "N": sum.to_string() }))
        }
        (Some((kind, Value::Array(old))), Some((other, Value::Array(added)))) if kind == other && kind != "L" => {
            let mut members = old.clone();
            members.extend(added.iter().filter(|member| !old.contains(member)).cloned());
            Ok(json!({ kind: members }))
        }
        _ => Err("An operand in the update expression has an incorrect data type".to_owned()),
    }
}

fn number(value: &Value) -> Result<i128, String> {
    let digits = value.get("N").and_then(Value::as_str);
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| "An operand in the update expression has an incorrect data type".to_owned())
}

fn missing() -> String {
    "The provided expression refers to an attribute that does not exist in the item".to_owned()
}

fn put(item: &mut Item, path: &[Step], value: Option<Value>) -> Result<(), String> {
    let invalid = || "The document path provided in the update expression is invalid for update".to_owned();
    match path {
        [Step::Name(name)] => {
            match value {
                Some(value) => item.insert(name.clone(), value),
                None => item.remove(name),
            };
            Ok(())
        }
        [Step::Name(name), rest @ ..] => {
            let members = item.get_mut(name).and_then(|value| value.get_mut("M")).and_then(Value::as_object_mut);
            put(members.ok_or_else(invalid)?, rest, value)
        }
        _ => Err(invalid()),
    }
}
