//! From a document to JSON, and its size.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{ActionClause, OneOrMany, PolicyDocument, PrincipalClause, Principals, ResourceClause, Statement};

impl PolicyDocument {
    /// The document as JSON. Parsing the result gives the document back.
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        if let Some(version) = self.version {
            out.insert("Version".to_owned(), version.as_str().into());
        }
        if let Some(id) = &self.id {
            out.insert("Id".to_owned(), id.as_str().into());
        }
        out.insert("Statement".to_owned(), list(&self.statements, Statement::to_value));
        Value::Object(out)
    }

    /// The document as JSON without white space, without a final newline.
    pub fn to_json_compact(&self) -> String {
        self.to_value().to_string()
    }

    /// The document as JSON indented by two spaces, without a final newline.
    pub fn to_json_pretty(&self) -> String {
        format!("{:#}", self.to_value())
    }

    /// Characters that count toward the size quotas of IAM.
    ///
    /// White space between tokens does not count (IAM User Guide, "IAM and AWS STS quotas"). White space
    /// inside strings is counted here, so that the answer is never too small.
    pub fn size(&self) -> usize {
        self.to_json_compact().chars().count()
    }
}

impl Statement {
    /// The statement as JSON.
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        if let Some(sid) = &self.sid {
            out.insert("Sid".to_owned(), sid.as_str().into());
        }
        out.insert("Effect".to_owned(), self.effect.as_str().into());
        if let Some(clause) = &self.principal {
            let (name, principals) = match clause {
                PrincipalClause::Principal(principals) => ("Principal", principals),
                PrincipalClause::NotPrincipal(principals) => ("NotPrincipal", principals),
            };
            out.insert(name.to_owned(), principals.to_value());
        }
        let (name, actions) = match &self.action {
            ActionClause::Action(actions) => ("Action", actions),
            ActionClause::NotAction(actions) => ("NotAction", actions),
        };
        out.insert(name.to_owned(), list(actions, |action| action.as_str().into()));
        if let Some(clause) = &self.resource {
            let (name, resources) = match clause {
                ResourceClause::Resource(resources) => ("Resource", resources),
                ResourceClause::NotResource(resources) => ("NotResource", resources),
            };
            out.insert(name.to_owned(), list(resources, |resource| resource.as_str().into()));
        }
        if let Some(condition) = self.condition.to_value() {
            out.insert("Condition".to_owned(), condition);
        }
        Value::Object(out)
    }

    /// Characters of the statement as [`PolicyDocument::size`] counts them. A document's size is the sum of
    /// its statements' sizes, a comma between each two, and the frame around them.
    pub fn size(&self) -> usize {
        self.to_value().to_string().chars().count()
    }
}

impl Principals {
    fn to_value(&self) -> Value {
        match self {
            Self::Everyone => "*".into(),
            Self::ByKind(by_kind) => {
                let entry = |(kind, names): &(super::PrincipalKind, OneOrMany<String>)| {
                    (kind.as_str().to_owned(), list(names, |name| name.as_str().into()))
                };
                Value::Object(by_kind.iter().map(entry).collect())
            }
        }
    }
}

fn list<T>(values: &OneOrMany<T>, emit: impl Fn(&T) -> Value) -> Value {
    match values {
        OneOrMany::One(value) => emit(value),
        OneOrMany::Many(values) => values.iter().map(emit).collect(),
    }
}

impl Serialize for PolicyDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}
