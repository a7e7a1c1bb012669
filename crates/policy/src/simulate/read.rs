//! From a line to a case.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::{NamedPolicy, SimulationCase};
use crate::action::ParseActionPatternError;
use crate::context::Context;
use crate::document::PolicyDocument;
use crate::document::parse::Reader;
use crate::error::{ParsePolicyError, ParsePolicyErrorKind as Kind, excerpt};
use crate::evaluate::{Caller, Layer, Request};
use crate::json::{Member, Node, Value as Json, read};
use crate::nearest::nearest;

const CASE_MEMBERS: [&str; 8] = [
    "request",
    "identity_policies",
    "resource_policy",
    "permissions_boundaries",
    "session_policies",
    "service_control_policies",
    "resource_control_policies",
    "endpoint_policies",
];
const REQUEST_MEMBERS: [&str; 5] = ["principal", "action", "resource", "resource_account", "context"];

/// An unreadable line: the error, and the line's id if it has one.
pub(super) struct LineFailure {
    pub(super) id: Value,
    pub(super) error: ParsePolicyError,
}

/// Most (characters of policies × characters of the request) that a case may ask to compare. Far beyond what
/// AWS takes: all its quotas used up, an entity's policies come to some 200,000 characters, and an ARN to
/// 2,048.
const MAX_WORK: usize = 1 << 34;

/// Patterns cost at worst their length times that of the text, and every value of a key may have to be
/// compared with every value of the policy; so the product bounds the work.
fn too_large(case: &SimulationCase) -> Option<Kind> {
    let policies = [&case.identity, &case.boundaries, &case.session, &case.endpoint].into_iter().flatten();
    let levels = case.service_control.iter().chain(&case.resource_control).flatten();
    let policies: usize = policies.chain(levels).chain(&case.resource).map(|policy| policy.document.size()).sum();
    let values = |values: &[String]| values.iter().map(|value| value.len() + "\"\",".len()).sum::<usize>();
    let keys = case.request.context.iter().map(|(_, given)| values(given)).max().unwrap_or_default();
    let request = case.request.resource.len() + case.request.action.len() + keys;
    (policies.saturating_mul(request) > MAX_WORK).then_some(Kind::TooLarge { policies, request })
}

type Result<T> = std::result::Result<T, ParsePolicyError>;

/// Reads a line.
pub(super) fn case(line: &str) -> std::result::Result<SimulationCase, Box<LineFailure>> {
    let text = line.strip_prefix('\u{feff}').unwrap_or(line);
    let node = read(text).map_err(|error| Box::new(LineFailure { id: unread_id(text), error }))?;
    let mut reader = CaseReader { reader: Reader::new(Some(text)) };
    let (id, node) = take_id(node);
    let members = reader.members(node, "a case (an object)", &CASE_MEMBERS);
    match members.and_then(|members| reader.case(id.clone(), members)) {
        Ok(case) => Ok(case),
        Err(error) => Err(Box::new(LineFailure { id, error })),
    }
}

/// The id of a line that cannot be read as a whole, as far as it can be told: the member before the damage,
/// once.
pub(super) fn unread_id(text: &str) -> Value {
    let mut ids = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // How it ends does not matter: it is known to be damaged.
    let _ = DeserializeSeed::deserialize(Ids(&mut ids), &mut deserializer);
    if ids.len() == 1 { ids.remove(0) } else { Value::Null }
}

/// Collects the members `id` of an object, and keeps those before an error.
struct Ids<'i>(&'i mut Vec<Value>);

impl<'de> DeserializeSeed<'de> for Ids<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Ids<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key == "id" {
                self.0.push(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The id of a case apart from the rest, so that errors in the rest can carry it.
fn take_id(node: Node<'_>) -> (Value, Node<'_>) {
    let Node { value: Json::Object(mut members), offset } = node else { return (Value::Null, node) };
    let at = members.iter().position(|member| member.name == "id");
    let id = at.map_or(Value::Null, |at| plain(members.remove(at).value.value));
    (id, Node { value: Json::Object(members), offset })
}

/// The value without places. The reader has bounded its depth.
fn plain(value: Json<'_>) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(value) => Value::Number(value),
        Json::String(text) => Value::String(text.into_owned()),
        Json::Array(items) => items.into_iter().map(|item| plain(item.value)).collect(),
        Json::Object(members) => {
            let entry = |member: Member<'_>| (member.name.into_owned(), plain(member.value.value));
            Value::Object(members.into_iter().map(entry).collect::<Map<_, _>>())
        }
    }
}

/// Members of one object, taken out one by one. Null counts as absent.
struct Members<'a> {
    members: Vec<Option<Member<'a>>>,
    offset: Option<usize>,
}

impl<'a> Members<'a> {
    fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let member =
            self.members.iter_mut().find(|member| member.as_ref().is_some_and(|member| member.name == name))?;
        member.take().map(|member| member.value).filter(|node| !matches!(node.value, Json::Null))
    }
}

struct CaseReader<'t> {
    reader: Reader<'t>,
}

impl CaseReader<'_> {
    /// The members of an object. Unknown names are ignored unless they look like a known one.
    fn members<'a>(&mut self, node: Node<'a>, expected: &'static str, known: &[&'static str]) -> Result<Members<'a>> {
        let offset = node.offset;
        let members = self.reader.members(node, expected)?;
        for member in &members {
            if !known.contains(&&*member.name)
                && let Some(near) = nearest(&member.name, known.iter().copied())
            {
                let kind = Kind::UnknownElement { name: excerpt(&member.name), nearest: Some(near) };
                return Err(self.reader.error(member.offset, kind));
            }
        }
        Ok(Members { members: members.into_iter().map(Some).collect(), offset })
    }

    fn case(&mut self, id: Value, mut members: Members<'_>) -> Result<SimulationCase> {
        let Some(node) = members.take("request") else {
            return Err(self.reader.error(members.offset, Kind::Missing("request")));
        };
        let mark = self.reader.enter("request");
        let request = self.request(node)?;
        self.reader.leave(mark);
        let mut policies = |name, layer| self.policies(&mut members, name, layer);
        let identity = policies("identity_policies", Layer::Identity)?;
        let boundaries = policies("permissions_boundaries", Layer::Boundary)?;
        let session = policies("session_policies", Layer::Session)?;
        let endpoint = policies("endpoint_policies", Layer::Endpoint)?;
        let mut resource = policies("resource_policy", Layer::Resource)?;
        if resource.len() > 1 {
            let mark = self.reader.enter("resource_policy");
            let found = Kind::WrongType { expected: "the one policy of the resource", found: "several" };
            let error = self.reader.error(members.offset, found);
            self.reader.leave(mark);
            return Err(error);
        }
        let resource = resource.pop();
        let service_control = self.levels(&mut members, "service_control_policies", Layer::ServiceControl)?;
        let resource_control = self.levels(&mut members, "resource_control_policies", Layer::ResourceControl)?;
        let case = SimulationCase {
            id,
            request,
            identity,
            resource,
            boundaries,
            session,
            service_control,
            resource_control,
            endpoint,
        };
        match too_large(&case) {
            Some(kind) => Err(self.reader.error(members.offset, kind)),
            None => Ok(case),
        }
    }

    fn request(&mut self, node: Node<'_>) -> Result<Request> {
        let mut members = self.members(node, "a request (an object)", &REQUEST_MEMBERS)?;
        let caller = match members.take("principal") {
            Some(node) => self.caller(node)?,
            None => Caller::parse(""),
        };
        let Some(node) = members.take("action") else {
            return Err(self.reader.error(members.offset, Kind::Missing("action")));
        };
        let mark = self.reader.enter("action");
        let offset = node.offset;
        let action = self.reader.string(node, "an action (a string)")?;
        match action.split_once(':') {
            Some((prefix, name)) if !prefix.is_empty() && !name.is_empty() => {}
            _ => {
                let error = ParseActionPatternError::NoPrefix(excerpt(&action));
                return Err(self.reader.error(offset, Kind::Action(error)));
            }
        }
        self.reader.leave(mark);
        let resource = self.text(&mut members, "resource")?.unwrap_or_else(|| "*".to_owned());
        let resource_account = self.text(&mut members, "resource_account")?.filter(|account| !account.is_empty());
        let context = match members.take("context") {
            Some(node) => self.context(node)?,
            None => Context::default(),
        };
        Ok(Request { caller, action, resource, resource_account, context })
    }

    fn text(&mut self, members: &mut Members<'_>, name: &'static str) -> Result<Option<String>> {
        let Some(node) = members.take(name) else { return Ok(None) };
        self.reader.within(name, |reader| reader.string(node, "a string")).map(Some)
    }

    fn caller(&mut self, node: Node<'_>) -> Result<Caller> {
        let expected = "a principal (a string)";
        let mark = self.reader.enter("principal");
        let node = match node {
            Node { value: Json::Object(mut members), offset } => match (members.pop(), members.is_empty()) {
                (Some(member), true) => member.value,
                _ => return Err(self.reader.error(offset, Kind::WrongType { expected, found: "an object" })),
            },
            node => node,
        };
        let caller = self.reader.string(node, expected)?;
        self.reader.leave(mark);
        Ok(Caller::parse(&caller))
    }

    fn context(&mut self, node: Node<'_>) -> Result<Context> {
        let mark = self.reader.enter("context");
        let members = self.reader.members(node, "an object of context keys")?;
        let places: Vec<(Option<usize>, String)> =
            members.iter().map(|member| (member.offset, excerpt(&member.name))).collect();
        let mut entries = Vec::with_capacity(members.len());
        for member in members {
            let inner = self.reader.enter(&member.name);
            let values = match member.value.value {
                Json::Null => Vec::new(),
                _ => self.reader.one_or_many(member.value, Self::value)?.into_vec(),
            };
            entries.push((member.name.into_owned(), values));
            self.reader.leave(inner);
        }
        let context = Context::of(entries).map_err(|at| {
            // Names that differ in case only are one key.
            let (offset, name) = places.get(at).cloned().unwrap_or_default();
            self.reader.error(offset, Kind::DuplicateKey(name))
        })?;
        self.reader.leave(mark);
        Ok(context)
    }

    fn value(reader: &mut Reader<'_>, node: Node<'_>) -> Result<String> {
        match node.value {
            Json::String(text) => Ok(text.into_owned()),
            Json::Bool(value) => Ok(value.to_string()),
            Json::Number(value) => Ok(value.to_string()),
            _ => Err(reader.wrong_type(&node, "a string, number or boolean")),
        }
    }

    /// A list of policies, or one without a list.
    fn policies(&mut self, members: &mut Members<'_>, name: &'static str, layer: Layer) -> Result<Vec<NamedPolicy>> {
        let Some(node) = members.take(name) else { return Ok(Vec::new()) };
        let mark = self.reader.enter(name);
        let policies = self.list(node, name, layer)?;
        self.reader.leave(mark);
        Ok(policies)
    }

    fn list(&mut self, node: Node<'_>, name: &str, layer: Layer) -> Result<Vec<NamedPolicy>> {
        let Json::Array(items) = node.value else { return Ok(vec![self.policy(node, name.to_owned(), layer)?]) };
        let mut policies = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let mark = self.reader.enter_item(index);
            policies.push(self.policy(item, format!("{name}[{index}]"), layer)?);
            self.reader.leave(mark);
        }
        Ok(policies)
    }

    fn levels(&mut self, members: &mut Members<'_>, name: &'static str, layer: Layer) -> Result<Vec<Vec<NamedPolicy>>> {
        let Some(node) = members.take(name) else { return Ok(Vec::new()) };
        let mark = self.reader.enter(name);
        let Json::Array(items) = node.value else {
            return Err(self.reader.wrong_type(&node, "a list with a list of policies for each level"));
        };
        let mut levels = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let inner = self.reader.enter_item(index);
            if !matches!(item.value, Json::Array(_)) {
                return Err(self.reader.wrong_type(&item, "the list of policies of a level"));
            }
            levels.push(self.list(item, &format!("{name}[{index}]"), layer)?);
            self.reader.leave(inner);
        }
        self.reader.leave(mark);
        Ok(levels)
    }

    /// `{"name","document"}`, or the document itself; a document may stand as a text in a string.
    fn policy(&mut self, node: Node<'_>, fallback: String, layer: Layer) -> Result<NamedPolicy> {
        let is_wrapped = |members: &[Member<'_>]| members.iter().any(|member| member.name == "document");
        let (name, document) = match node {
            Node { value: Json::Object(members), offset } if is_wrapped(&members) => {
                let mut members = Members { members: members.into_iter().map(Some).collect(), offset };
                let name = self.text(&mut members, "name")?.unwrap_or(fallback);
                let Some(document) = members.take("document") else {
                    return Err(self.reader.error(offset, Kind::Missing("document")));
                };
                let mark = self.reader.enter("document");
                let document = self.document(document, layer)?;
                self.reader.leave(mark);
                (name, document)
            }
            node => (fallback, self.document(node, layer)?),
        };
        Ok(NamedPolicy { name, document })
    }

    fn document(&mut self, node: Node<'_>, layer: Layer) -> Result<PolicyDocument> {
        let document = match node {
            Node { value: Json::String(text), .. } => {
                PolicyDocument::parse(&text).map_err(|error| self.reader.nested(error))?
            }
            node => self.reader.document(node)?,
        };
        document.check_elements(layer).map_err(|error| self.reader.nested(error))?;
        Ok(document)
    }
}
