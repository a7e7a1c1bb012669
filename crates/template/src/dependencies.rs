//! The graph of which resource waits for which: CloudFormation creates a resource after those that it names,
//! and refuses a template in which two wait for each other.
//!
//! A policy written into a role must not name what waits for the role: its functions, and whatever names
//! them. The graph knows SAM's part too: a generated role counts as one with its function, and for some
//! events SAM writes the function's name into the resource that the event comes from.
//!
//! AWS pages: AWS CloudFormation User Guide, "DependsOn attribute"; AWS Serverless Application Model
//! Developer Guide, "Generated CloudFormation resources", and the pages of the event sources.

use std::collections::{BTreeMap, BTreeSet};

use crate::node::{Node, NodeKind};

/// Events for which SAM makes the source of the event name the function, and the property that names the
/// source. Without that property the source is an API that SAM creates for all functions (`S3`, `Api`,
/// `HttpApi`, `Cognito` of the guide above). For other events SAM creates separate resources, for which
/// nothing waits.
const EVENTS: &[(&str, &str, Option<&str>)] = &[
    ("S3", "Bucket", None),
    ("Api", "RestApiId", Some(APIS_OF_ALL[0])),
    ("HttpApi", "ApiId", Some(APIS_OF_ALL[1])),
    ("Cognito", "UserPool", None),
];

/// APIs that SAM creates for all functions whose events name none.
pub const APIS_OF_ALL: [&str; 2] = ["ServerlessRestApi", "ServerlessHttpApi"];

/// The graph of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// Logical id → ids that it names.
    needs: BTreeMap<String, BTreeSet<String>>,
}

impl Dependencies {
    /// Reads what each resource of the template with this root names; in doubt, one too many.
    pub fn of(root: &Node) -> Self {
        let resources = || {
            let entries = root.get("Resources").map(Node::entries).unwrap_or_default();
            entries.iter().filter_map(|(id, node)| Some((id.text()?, node)))
        };
        let ids: BTreeSet<&str> = resources().map(|(id, _)| id).collect();
        let sam: BTreeSet<&str> = resources().filter(|(_, node)| is_sam(node)).map(|(id, _)| id).collect();
        let known = KnownIds { ids, sam };
        let mut out = Self::default();
        let globals = root.get("Globals").map(|node| known.named_in(node)).unwrap_or_default();
        for (id, node) in resources() {
            let needs = out.needs.entry(id.to_owned()).or_default();
            if known.sam.contains(id) {
                needs.extend(known.named_by_sam(node));
                needs.extend(globals.iter().cloned());
            } else {
                needs.extend(known.named_in(node));
            }
            for source in event_sources(node, &known) {
                out.needs.entry(source).or_default().insert(id.to_owned());
            }
        }
        out
    }

    /// The graph of what each resource names.
    pub(crate) fn from_needs(needs: BTreeMap<String, BTreeSet<String>>) -> Self {
        Self { needs }
    }

    /// A resource, and all that wait for it, directly or through others.
    pub fn waiting_for(&self, id: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::from([id.to_owned()]);
        let mut next = vec![id.to_owned()];
        while let Some(id) = next.pop() {
            for (other, needs) in &self.needs {
                if needs.contains(&id) && found.insert(other.clone()) {
                    next.push(other.clone());
                }
            }
        }
        found
    }

    /// Resources that wait for themselves, directly or through others.
    pub fn circular(&self) -> BTreeSet<String> {
        let waits_for_itself = |id: &&String| {
            let names_one = |other: &String| self.needs.get(other).is_some_and(|needs| needs.contains(*id));
            self.waiting_for_strictly(id).contains(*id) || names_one(id)
        };
        self.needs.keys().filter(waits_for_itself).cloned().collect()
    }

    /// All that wait for a resource; the resource itself only if it waits for itself.
    fn waiting_for_strictly(&self, id: &str) -> BTreeSet<String> {
        let direct = self.needs.iter().filter(|(_, needs)| needs.contains(id)).map(|(other, _)| other);
        direct.flat_map(|other| self.waiting_for(other)).collect()
    }
}

fn is_sam(node: &Node) -> bool {
    node.get("Type").and_then(Node::text).is_some_and(|kind| kind.starts_with("AWS::Serverless::"))
}

struct KnownIds<'t> {
    ids: BTreeSet<&'t str>,
    sam: BTreeSet<&'t str>,
}

impl KnownIds<'_> {
    /// Logical ids that intrinsic functions, `DependsOn` and SAM connectors below a node name.
    fn named_in(&self, node: &Node) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        self.collect(node, false, &mut out);
        out
    }

    /// The same without `Events`, which become separate resources: the function waits for none of them.
    fn named_by_sam(&self, node: &Node) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for (key, value) in node.entries() {
            if key.text() == Some("Properties") {
                for (_, value) in value.entries().iter().filter(|(key, _)| key.text() != Some("Events")) {
                    out.extend(self.named_in(value));
                }
            } else {
                self.collect(value, key.text() == Some("DependsOn"), &mut out);
            }
        }
        out
    }

    fn collect(&self, node: &Node, inside: bool, out: &mut BTreeSet<String>) {
        let inside = inside || node.tag.is_some();
        match &node.kind {
            NodeKind::Scalar { text, .. } if inside => {
                out.extend(self.id(text));
                let holes = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
                out.extend(holes.filter_map(|name| self.id(name)));
            }
            NodeKind::Scalar { .. } | NodeKind::Alias => {}
            NodeKind::Sequence { items, .. } => items.iter().for_each(|item| self.collect(item, inside, out)),
            NodeKind::Mapping { entries, .. } => {
                for (key, value) in entries {
                    let name = key.text().unwrap_or_default();
                    let names = matches!(name, "Ref" | "DependsOn" | "Id") || name.starts_with("Fn::");
                    self.collect(value, inside || names, out);
                }
            }
        }
    }

    /// The resource that `Orders`, `Orders.Arn` or, for what SAM derives from a resource, `CheckoutRole.Arn`
    /// stands for.
    fn id(&self, text: &str) -> Option<String> {
        let name = text.trim().split('.').next().unwrap_or_default();
        if self.ids.contains(name) {
            return Some(name.to_owned());
        }
        let made = APIS_OF_ALL.into_iter().find(|made| name.starts_with(made));
        let of_sam = || self.sam.iter().filter(|id| name.starts_with(**id)).max_by_key(|id| id.len()).copied();
        made.or_else(of_sam).map(str::to_owned)
    }
}

/// The resources into which SAM writes the name of this function.
fn event_sources(function: &Node, known: &KnownIds<'_>) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let events = function.get("Properties").and_then(|properties| properties.get("Events"));
    for (_, event) in events.map(Node::entries).unwrap_or_default() {
        let kind = event.get("Type").and_then(Node::text).unwrap_or_default();
        let Some((_, property, made)) = EVENTS.iter().find(|(known, _, _)| *known == kind) else { continue };
        match (event.get("Properties").and_then(|properties| properties.get(property)), made) {
            (Some(source), _) => out.extend(known.named_in(source)),
            (None, Some(made)) => {
                out.insert((*made).to_owned());
            }
            (None, None) => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn dependencies(template: &str) -> Dependencies {
        Dependencies::of(&crate::yaml::parse(&Source::new(template.as_bytes()).unwrap()).unwrap())
    }

    const SHOP: &str = "\
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Environment: { Variables: { TABLE: !Ref Orders } } } }
Resources:
  Checkout:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: Checkout
      Policies: [ { SQSPollerPolicy: { QueueName: !GetAtt Jobs.QueueName } } ]
      Events:
        Uploads: { Type: S3, Properties: { Bucket: !Ref Uploads, Events: s3:ObjectCreated:* } }
        Jobs: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn } }
        Get: { Type: Api, Properties: { Path: /, Method: get } }
  Report:
    Type: AWS::Lambda::Function
    Properties: { Role: { Fn::GetAtt: [Batch, Arn] } }
  Batch: { Type: AWS::IAM::Role, Properties: { RoleName: Report } }
  Alarm: { Type: AWS::CloudWatch::Alarm, DependsOn: Rule }
  Rule: { Type: AWS::Events::Rule, Properties: { Targets: [ { Arn: !Sub 'x${Report.Arn}' } ] } }
  Key: { Type: AWS::KMS::Key, Properties: { Note: !Sub '${CheckoutRole.Arn}' } }
  Site: { Type: AWS::CloudFront::Distribution, Properties: { Origin: !Sub '${ServerlessRestApi}.x' } }
  Orders: { Type: AWS::DynamoDB::Table }
  Jobs: { Type: AWS::SQS::Queue }
  Uploads: { Type: AWS::S3::Bucket }
";

    #[test]
    fn who_waits_for_whom() {
        let dependencies = dependencies(SHOP);
        for (id, expect) in [
            ("Batch", &["Alarm", "Batch", "Report", "Rule"][..]),
            ("Checkout", &["Checkout", "Key", "ServerlessRestApi", "Site", "Uploads"]),
            ("Orders", &["Checkout", "Key", "Orders", "ServerlessRestApi", "Site", "Uploads"]),
            ("Site", &["Site"]),
        ] {
            let found = dependencies.waiting_for(id);
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expect, "{id}");
        }
        assert_eq!(dependencies.circular(), BTreeSet::new());
    }

    #[test]
    fn circles_are_found() {
        for (from, to, circle) in [
            ("Properties: { RoleName: Report }", "Properties: { RoleName: !Ref Report }", &["Batch", "Report"][..]),
            ("QueueName: !GetAtt Jobs.QueueName", "QueueName: !Ref Uploads", &["Checkout", "Uploads"]),
            ("FunctionName: Checkout", "FunctionName: !Ref Checkout", &["Checkout"]),
        ] {
            let text = SHOP.replace(from, to);
            let found = dependencies(&text).circular();
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), circle, "{to}");
        }
    }
}
