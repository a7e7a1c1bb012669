//! Callers and `Principal` elements, by comparing text.
//!
//! IAM User Guide, "AWS JSON policy elements: Principal" and "…: NotPrincipal".

use std::collections::BTreeMap;

use serde_json::Value;

use super::account::is_account;

/// Who asks.
#[derive(Debug, Clone)]
pub enum Who {
    /// Nobody that AWS knows.
    Anonymous,
    /// A service, a provider: a name.
    Name(String),
    /// The root user.
    Root {
        /// ARN.
        arn: String,
    },
    /// A user.
    User {
        /// ARN.
        arn: String,
    },
    /// A role whose session is not told.
    Role {
        /// ARN.
        arn: String,
    },
    /// A session of a role.
    Session {
        /// ARN.
        arn: String,
    },
    /// A session of `GetFederationToken`.
    Federated {
        /// ARN.
        arn: String,
    },
}

impl Who {
    /// Reads a principal of a case.
    pub fn of(principal: &Value) -> Self {
        let text = principal.as_str().unwrap_or_default();
        let part = |at: usize| text.splitn(6, ':').nth(at).unwrap_or_default();
        let arn = text.to_owned();
        if text.is_empty() || text == "*" || text == "anonymous" {
            return Self::Anonymous;
        }
        if is_account(text) {
            return Self::Root { arn: format!("arn:aws:iam::{text}:root") };
        }
        match (part(2), part(5)) {
            ("iam", "root") => Self::Root { arn },
            ("iam", name) if name.starts_with("user/") => Self::User { arn },
            ("iam", name) if name.starts_with("role/") => Self::Role { arn },
            ("sts", name) if name.starts_with("assumed-role/") => Self::Session { arn },
            ("sts", name) if name.starts_with("federated-user/") => Self::Federated { arn },
            _ => Self::Name(arn),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Anonymous => "",
            Self::Name(arn)
            | Self::Root { arn }
            | Self::User { arn }
            | Self::Role { arn }
            | Self::Session { arn }
            | Self::Federated { arn } => arn,
        }
    }

    /// Belongs to an account, and so may have identity policies.
    pub fn has_account(&self) -> bool {
        !matches!(self, Self::Anonymous | Self::Name(_))
    }

    /// The account.
    pub fn account(&self) -> Option<&str> {
        if self.has_account() { self.text().split(':').nth(4) } else { None }
    }

    fn partition(&self) -> &str {
        self.text().split(':').nth(1).unwrap_or_default()
    }

    /// ARN of the role of a session, as far as it can be told: without its path unless the context has it.
    fn role_of_session(&self, asked: &Asked) -> Option<(String, bool)> {
        let Self::Session { arn } = self else { return None };
        if let Some(role) = asked.single("aws:PrincipalArn")
            && role.contains(":role/")
        {
            return Some((role, true));
        }
        let name = arn.split('/').nth(1)?;
        Some((format!("arn:{}:iam::{}:role/{name}", self.partition(), self.account()?), false))
    }

    /// A service-linked role, or a session of one.
    pub fn is_service_linked(&self, asked: &Asked) -> bool {
        match self {
            Self::Role { arn } => arn.contains(":role/aws-service-role/"),
            Self::Session { .. } => match self.role_of_session(asked) {
                Some((arn, true)) => arn.contains(":role/aws-service-role/"),
                Some((arn, false)) => arn.contains(":role/AWSServiceRoleFor"),
                None => false,
            },
            _ => false,
        }
    }

    /// The ways in which one principal of a policy names the caller: `account`, `role`, `itself`, `everyone`.
    fn ways(&self, kind: &str, name: &str, asked: &Asked) -> Vec<String> {
        let mut ways = Vec::new();
        let mut way = |text: &str| ways.push(text.to_owned());
        if name == "*" && (kind == "AWS" || (kind != "CanonicalUser" && matches!(self, Self::Name(_)))) {
            way("everyone");
        }
        if kind != "AWS" {
            if matches!(self, Self::Name(own) if own == name) {
                way("itself");
            }
            return ways;
        }
        if !matches!(self, Self::Anonymous) && name == self.text() {
            way(if matches!(self, Self::Role { .. }) { "role" } else { "itself" });
        }
        if let Some(account) = self.account()
            && (name == account || name == format!("arn:{}:iam::{account}:root", self.partition()))
        {
            way(if matches!(self, Self::Root { .. }) { "itself" } else { "account" });
        }
        if let Some((role, exact)) = self.role_of_session(asked) {
            let last = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
            let start = |arn: &str| arn.split('/').next().unwrap_or_default().to_owned();
            if name == role || (!exact && start(name) == start(&role) && last(name) == last(&role)) {
                way("role");
            }
        }
        // "requests made by the federated user during the session are limited": the grant to the user counts,
        // as one to a role.
        if let Self::Federated { arn } = self
            && name.starts_with(&format!("arn:{}:iam::{}:user/", self.partition(), self.account().unwrap_or_default()))
            && name.rsplit('/').next() == arn.split_once('/').map(|(_, user)| user)
        {
            way("role");
        }
        if let Some(id) = asked.single("aws:userid")
            && !name.starts_with("arn:")
            && !is_account(name)
        {
            let before_colon = id.split(':').next().unwrap_or_default();
            match self {
                Self::User { .. } | Self::Session { .. } if name == id => way("itself"),
                Self::Session { .. } if name == before_colon && id.contains(':') => way("role"),
                Self::Role { .. } if name == before_colon => way("role"),
                _ => {}
            }
        }
        ways
    }

    fn all_ways(&self, element: &Value, asked: &Asked) -> Vec<String> {
        if element == "*" {
            return vec!["everyone".to_owned()];
        }
        let mut ways = Vec::new();
        for (kind, names) in element.as_object().into_iter().flatten() {
            for name in list(names) {
                ways.extend(self.ways(kind, &name, asked));
            }
        }
        ways
    }

    /// The ways a statement reaches the caller; empty if it does not.
    pub fn reached_by(&self, statement: &Value, kind: &str, asked: &Asked) -> Vec<String> {
        if !statement["Principal"].is_null() {
            return self.all_ways(&statement["Principal"], asked);
        }
        let everyone = vec!["everyone".to_owned()];
        let element = &statement["NotPrincipal"];
        if element.is_null() {
            return if kind == "resource" { Vec::new() } else { everyone };
        }
        let listed = self.all_ways(element, asked);
        let has = |way: &str| listed.iter().any(|listed| listed == way || listed == "everyone");
        let spared = if statement["Effect"] == "Allow" {
            !listed.is_empty()
        } else if asked.bounded {
            false
        } else {
            match self {
                Self::Role { .. } => has("role"),
                Self::Session { .. } => has("role") && has("itself"),
                _ => has("itself"),
            }
        };
        if spared { Vec::new() } else { everyone }
    }
}

/// The request of a case.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Caller.
    pub who: Who,
    /// Action.
    pub action: String,
    /// Resource.
    pub resource: String,
    /// Context keys in lower case.
    pub context: BTreeMap<String, Vec<String>>,
    /// The caller has a permissions boundary.
    pub bounded: bool,
}

impl Asked {
    /// Reads the request of a case.
    pub fn of(request: &Value) -> Self {
        let mut context = BTreeMap::new();
        for (key, values) in request["context"].as_object().into_iter().flatten() {
            let values = list(values);
            if !values.is_empty() {
                context.insert(key.to_ascii_lowercase(), values);
            }
        }
        Self {
            who: Who::of(&request["principal"]),
            action: request["action"].as_str().unwrap_or_default().to_owned(),
            resource: request["resource"].as_str().unwrap_or("*").to_owned(),
            context,
            bounded: false,
        }
    }

    /// The values of a key; none if it is absent.
    pub fn values(&self, key: &str) -> Vec<String> {
        self.context.get(&key.to_ascii_lowercase()).cloned().unwrap_or_default()
    }

    /// The value of a key that has one.
    pub fn single(&self, key: &str) -> Option<String> {
        let mut values = self.values(key);
        if values.len() == 1 { values.pop() } else { None }
    }
}

/// A value or a list of values, as texts.
pub fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(list).collect(),
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}
