//! An account of any size: functions, roles and policies as such accounts have them. The same size gives the
//! same account.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use profiles::PROFILES;

pub mod profiles;

pub const ACCOUNT: &str = "111122223333";
/// Its events of global services are in the same Region, so that one is enough.
pub const REGION: &str = "us-east-1";
pub const TRAIL_BUCKET: &str = "trail-111122223333";

/// Every which function has a published version with an alias.
const VERSIONED_EVERY: usize = 10;

pub struct MeasuredAccount {
    pub roles: Vec<Role>,
    pub functions: Vec<Function>,
    by_name: BTreeMap<String, usize>,
    /// When the measurement began.
    pub now: Timestamp,
}

pub struct Role {
    pub name: String,
    pub id: String,
    pub arn: String,
    /// Number in [`PROFILES`].
    pub profile: usize,
    /// Name and document.
    pub inline: Vec<(String, Value)>,
    /// ARNs.
    pub attached: Vec<String>,
}

pub struct Function {
    pub name: String,
    pub arn: String,
    /// Index of its role.
    pub role: usize,
    pub versions: usize,
}

impl MeasuredAccount {
    /// `functions` functions on three quarters as many roles.
    pub fn new(functions: usize, now: Timestamp) -> Self {
        let count = (functions * 3 / 4).max(1);
        let roles: Vec<Role> = (0..count).map(role).collect();
        let functions: Vec<Function> = (0..functions)
            .map(|number| {
                let name = function_name(number);
                let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}");
                Function {
                    name,
                    arn,
                    role: number % count,
                    versions: usize::from(number.is_multiple_of(VERSIONED_EVERY)),
                }
            })
            .collect();
        let by_name = functions.iter().enumerate().map(|(number, function)| (function.name.clone(), number)).collect();
        Self { roles, functions, by_name, now }
    }

    /// The function of this name, and its number.
    pub fn function(&self, name: &str) -> Option<(usize, &Function)> {
        let number = *self.by_name.get(name)?;
        self.functions.get(number).map(|function| (number, function))
    }

    /// The role that a function runs under.
    pub fn role_of(&self, function: &Function) -> Option<&Role> {
        self.roles.get(function.role)
    }

    pub fn days_ago(&self, days: i64) -> Timestamp {
        self.now.saturating_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MIN)
    }
}

impl Function {
    /// An entry of ListFunctions for a version (0: `$LATEST`).
    pub fn configuration(&self, account: &MeasuredAccount, version: usize) -> Value {
        let qualifier = if version == 0 { "$LATEST".to_owned() } else { version.to_string() };
        let modified = account.days_ago(60).strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string();
        json!({
            "FunctionName": self.name,
            "FunctionArn": format!("{}:{qualifier}", self.arn),
            "Runtime": "python3.13",
            "Role": account.role_of(self).map(|role| role.arn.clone()),
            "Handler": "app.handler",
            "CodeSize": 48_213,
            "Description": format!("Does the work of {}", self.name),
            "Timeout": 30,
            "MemorySize": 256,
            "LastModified": modified,
            "CodeSha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "Version": qualifier,
            "Environment": { "Variables": { "STAGE": "prod", "TABLE": table_name(&self.name) } },
            "TracingConfig": { "Mode": "PassThrough" },
            "RevisionId": uuid(&format!("revision {} {version}", self.name)),
            "PackageType": "Zip",
            "Architectures": ["arm64"],
            "EphemeralStorage": { "Size": 512 },
            "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
            "LoggingConfig": { "LogFormat": "JSON", "LogGroup": format!("/aws/lambda/{}", self.name) },
        })
    }
}

pub fn function_name(number: usize) -> String {
    const TEAMS: [&str; 6] = ["orders", "billing", "search", "identity", "reporting", "logistics"];
    let team = TEAMS.get(number % TEAMS.len()).copied().unwrap_or_default();
    format!("{team}-service-{number:05}")
}

pub fn table_name(function: &str) -> String {
    format!("{function}-table")
}

fn role(number: usize) -> Role {
    let function = function_name(number);
    let name = format!("{function}-role");
    let profile = number % PROFILES.len();
    let (inline, attached) = profiles::policies(profile, &function);
    Role {
        id: format!("AROA{:0>17}", upper_digits(&name)),
        arn: format!("arn:aws:iam::{ACCOUNT}:role/service-role/{name}"),
        name,
        profile,
        inline,
        attached,
    }
}

/// Sixteen characters of the alphabet of ids.
fn upper_digits(text: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut left, mut out) = (u128::from(hash(text)) << 64 | u128::from(hash(&format!("{text}#"))), String::new());
    for _ in 0..16 {
        let index = usize::try_from(left % 32).unwrap_or(0);
        out.extend(ALPHABET.get(index).map(|byte| char::from(*byte)));
        left /= 32;
    }
    out
}

pub fn uuid(text: &str) -> String {
    let (high, low) = (hash(text), hash(&format!("{text}#")));
    let group = |value: u64, bits: u32| value & ((1 << bits) - 1);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        group(high >> 16, 16),
        group(high, 12),
        group(low >> 48, 12),
        group(low, 48)
    )
}

/// FNV-1a, spread once more: the same on each machine.
pub fn hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}
