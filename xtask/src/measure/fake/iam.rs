//! Answers of IAM (IAM API Reference).

use std::time::Instant;

use serde_json::Value;

use super::super::account::profiles::{PROFILES, managed, managed_arn};
use super::super::account::{ACCOUNT, MeasuredAccount, REGION, Role, uuid};
use super::super::http::{Response, encode, xml};
use super::{Fake, lock, xml_answer, xml_error};

/// Members of GetAccountAuthorizationDetails: roles first, then managed policies.
pub struct Pages {
    roles: Vec<String>,
    policies: Vec<String>,
}

impl Pages {
    pub fn new(account: &MeasuredAccount) -> Self {
        let roles = account.roles.iter().map(|role| role_detail(account, role)).collect();
        Self { roles, policies: policies(account) }
    }
}

pub fn answer(fake: &Fake, operation: &str, input: &Value) -> Response {
    let text = |name: &str| input[name].as_str();
    match operation {
        "GetAccountAuthorizationDetails" => {
            let wanted = text("MaxItems").and_then(|number| number.parse().ok()).unwrap_or(100);
            let from = text("Marker").and_then(|marker| marker.parse().ok()).unwrap_or(0);
            details(&fake.roles, from, fake.settings.iam_page.min(wanted))
        }
        // The id of a job names its role.
        "GenerateServiceLastAccessedDetails" => {
            let arn = text("Arn").unwrap_or_default();
            match fake.account.roles.iter().position(|role| role.arn == arn) {
                Some(number) => {
                    lock(&fake.reports).insert(number, Instant::now());
                    wrap(operation, &format!("<JobId>{}</JobId>", job(number)))
                }
                None => xml_error(404, "NoSuchEntity", "no such entity"),
            }
        }
        "GetServiceLastAccessedDetails" => {
            let number = text("JobId").and_then(|job| job.rsplit('-').next()?.parse::<usize>().ok());
            let asked = number.and_then(|number| lock(&fake.reports).get(&number).copied());
            match number.and_then(|number| fake.account.roles.get(number)).zip(asked) {
                Some((_, asked)) if asked.elapsed() < fake.settings.report => in_progress(&fake.account),
                Some((role, _)) => last_accessed(&fake.account, role),
                None => xml_error(404, "NoSuchEntity", "no such job"),
            }
        }
        _ => xml_error(400, "InvalidAction", "not known here"),
    }
}

fn wrap(operation: &str, result: &str) -> Response {
    xml_answer(format!(
        "<{operation}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><{operation}Result>{result}\
         </{operation}Result><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></{operation}Response>"
    ))
}

fn details(pages: &Pages, from: usize, count: usize) -> Response {
    let all = pages.roles.len() + pages.policies.len();
    let to = (from + count).min(all);
    let roles: String = pages.roles.iter().take(to).skip(from).map(String::as_str).collect();
    let skipped = from.saturating_sub(pages.roles.len());
    let policies = pages.policies.iter().take(to.saturating_sub(pages.roles.len())).skip(skipped);
    let policies: String = policies.map(String::as_str).collect();
    let more = if to < all { format!("<Marker>{to}</Marker>") } else { String::new() };
    wrap(
        "GetAccountAuthorizationDetails",
        &format!(
            "<IsTruncated>{}</IsTruncated>{more}<UserDetailList/><GroupDetailList/>\
             <RoleDetailList>{roles}</RoleDetailList><Policies>{policies}</Policies>",
            to < all
        ),
    )
}

fn role_detail(account: &MeasuredAccount, role: &Role) -> String {
    const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let inline: String = role
        .inline
        .iter()
        .map(|(name, document)| {
            let document = encode(&document.to_string());
            format!("<member><PolicyName>{name}</PolicyName><PolicyDocument>{document}</PolicyDocument></member>")
        })
        .collect();
    let attached: String = role
        .attached
        .iter()
        .map(|arn| {
            let name = arn.rsplit('/').next().unwrap_or_default();
            format!("<member><PolicyName>{name}</PolicyName><PolicyArn>{arn}</PolicyArn></member>")
        })
        .collect();
    format!(
        "<member><Path>/service-role/</Path><RoleName>{}</RoleName><RoleId>{}</RoleId><Arn>{}</Arn>\
         <CreateDate>{}</CreateDate><AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><InstanceProfileList/>\
         <RolePolicyList>{inline}</RolePolicyList><AttachedManagedPolicies>{attached}</AttachedManagedPolicies>\
         <Tags><member><Key>team</Key><Value>measured</Value></member></Tags>\
         <RoleLastUsed><LastUsedDate>{}</LastUsedDate><Region>{REGION}</Region></RoleLastUsed></member>",
        role.name,
        role.id,
        role.arn,
        account.days_ago(365),
        encode(TRUST),
        account.days_ago(1),
    )
}

fn policies(account: &MeasuredAccount) -> Vec<String> {
    let (created, updated) = (account.days_ago(900), account.days_ago(300));
    managed()
        .into_iter()
        .map(|(name, document, from_aws)| {
            let arn = if from_aws { managed_arn(name) } else { format!("arn:aws:iam::{ACCOUNT}:policy/{name}") };
            let (path, short) = name.rsplit_once('/').unwrap_or(("", name));
            let path = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
            let uses = account.roles.iter().filter(|role| role.attached.contains(&arn)).count();
            format!(
                "<member><PolicyName>{short}</PolicyName><PolicyId>ANPA{}</PolicyId><Arn>{arn}</Arn><Path>{path}</Path>\
                 <DefaultVersionId>v1</DefaultVersionId><AttachmentCount>{uses}</AttachmentCount>\
                 <PermissionsBoundaryUsageCount>0</PermissionsBoundaryUsageCount><IsAttachable>true</IsAttachable>\
                 <CreateDate>{created}</CreateDate><UpdateDate>{updated}</UpdateDate><PolicyVersionList><member>\
                 <Document>{}</Document><VersionId>v1</VersionId><IsDefaultVersion>true</IsDefaultVersion>\
                 <CreateDate>{updated}</CreateDate></member></PolicyVersionList></member>",
                uuid(name).replace('-', "").to_uppercase().chars().take(17).collect::<String>(),
                encode(&document.to_string()),
            )
        })
        .collect()
}

fn job(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn in_progress(account: &MeasuredAccount) -> Response {
    let status = "<JobStatus>IN_PROGRESS</JobStatus><JobType>SERVICE_LEVEL</JobType><IsTruncated>false</IsTruncated>";
    wrap("GetServiceLastAccessedDetails", &format!("{status}<JobCreationDate>{}</JobCreationDate>", account.now))
}

/// Services that the policies of the role allow; used are those that its functions call.
fn last_accessed(account: &MeasuredAccount, role: &Role) -> Response {
    let allowed = [
        "athena",
        "autoscaling",
        "cloudwatch",
        "dynamodb",
        "ec2",
        "events",
        "glue",
        "iam",
        "kms",
        "lambda",
        "logs",
        "s3",
        "s3-object-lambda",
        "secretsmanager",
        "ses",
        "sns",
        "sqs",
        "ssm",
        "states",
        "xray",
    ];
    let texts: String = role.inline.iter().map(|(_, document)| document.to_string()).collect();
    let managed: String = managed()
        .iter()
        .filter(|(name, ..)| role.attached.iter().any(|arn| arn.ends_with(name)))
        .map(|(_, document, _)| document.to_string())
        .collect();
    let calls = PROFILES.get(role.profile).map_or(&[][..], |profile| profile.calls);
    let used_at = account.days_ago(10);
    let services: String = allowed
        .iter()
        .filter(|service| [&texts, &managed].iter().any(|text| text.contains(&format!("\"{service}:"))))
        .map(|service| {
            let used = *service == "logs" || calls.iter().any(|call| call.service == *service);
            let last = if used {
                format!(
                    "<LastAuthenticated>{used_at}</LastAuthenticated><LastAuthenticatedEntity>{}</LastAuthenticatedEntity>\
                     <LastAuthenticatedRegion>{REGION}</LastAuthenticatedRegion>",
                    role.arn
                )
            } else {
                String::new()
            };
            format!(
                "<member><ServiceName>{}</ServiceName><ServiceNamespace>{service}</ServiceNamespace>{last}\
                 <TotalAuthenticatedEntities>{}</TotalAuthenticatedEntities></member>",
                xml(service),
                u8::from(used)
            )
        })
        .collect();
    wrap(
        "GetServiceLastAccessedDetails",
        &format!(
            "<JobStatus>COMPLETED</JobStatus><JobType>SERVICE_LEVEL</JobType><JobCreationDate>{0}</JobCreationDate>\
             <JobCompletionDate>{0}</JobCompletionDate><IsTruncated>false</IsTruncated>\
             <ServicesLastAccessed>{services}</ServicesLastAccessed>",
            account.now
        ),
    )
}
