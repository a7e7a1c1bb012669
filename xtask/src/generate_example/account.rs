//! The account: its roles, functions and other resources, as tables that all other modules read.

/// The example account.
pub const ACCOUNT: &str = "111122223333";
/// A partner's account, seen in cross-account calls.
pub const PARTNER_ACCOUNT: &str = "444455556666";
/// Region of the shop.
pub const REGION: &str = "eu-central-1";
/// Region in which global services log.
pub const GLOBAL_REGION: &str = "us-east-1";

/// Customer key of the invoice bucket.
pub const INVOICE_KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/3f0c7a52-91de-4c2b-8a6f-5d1e0b9c7a41";
/// Customer key of secrets and of the environment of `shop-payment`.
pub const SECRETS_KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/b81d4fae-7dec-41d0-a765-00a0c91e6bf6";

/// Bucket of `shop-invoice`.
pub const INVOICE_BUCKET: &str = "shop-invoices-111122223333";
/// Bucket of the two report functions.
pub const REPORT_BUCKET: &str = "shop-reports-111122223333";
/// Bucket that suppliers fill and `shop-inventory-sync` reads.
pub const FEED_BUCKET: &str = "shop-supplier-feeds-111122223333";

/// Name of the permissions boundary and of its policy.
pub const BOUNDARY: &str = "shop-boundary";
/// Customer managed policy of the shared role, with a version younger than the window.
pub const ANALYTICS_POLICY: &str = "shop-reporting-analytics";
/// Customer managed policy of `shop-notify`.
pub const MESSAGING_POLICY: &str = "shop-notify-messaging";

/// A role, without its policies (see `grants.rs`).
pub struct ExampleRole {
    pub name: &'static str,
    pub path: &'static str,
    /// The unique id, fictitious.
    pub id: &'static str,
    pub created: &'static str,
    /// When a role that the trail does not show was last used.
    pub used_before: Option<&'static str>,
}

impl ExampleRole {
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role{}{}", self.path, self.name)
    }
}

/// A function as `$LATEST` has it.
pub struct ExampleFunction {
    pub name: &'static str,
    /// Name of the execution role.
    pub role: &'static str,
    pub runtime: &'static str,
    pub handler: &'static str,
    pub memory_mb: u32,
    pub timeout_seconds: u32,
    pub code_bytes: u32,
    pub last_modified: &'static str,
    pub description: &'static str,
    /// User agent of the SDK in the function; `{api}` is the service.
    pub agent: &'static str,
}

impl ExampleFunction {
    /// The unqualified ARN.
    pub fn arn(&self) -> String {
        function_arn(self.name)
    }
}

pub fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

pub fn role_arn(name: &str) -> String {
    ROLES
        .iter()
        .find(|role| role.name == name)
        .map_or_else(|| format!("arn:aws:iam::{ACCOUNT}:role/{name}"), ExampleRole::arn)
}

pub fn table_arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")
}

pub fn queue_arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

pub fn topic_arn(topic: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{topic}")
}

const NODE: &str = "aws-sdk-js/3.888.0 ua/2.1 os/linux#5.10.244-267.968.amzn2.x86_64 lang/js md/nodejs#22.19.0 api/{api}#3.888.0 exec-env/AWS_Lambda_nodejs22.x m/E,n";
const NODE_OLD: &str = "aws-sdk-js/3.637.0 ua/2.0 os/linux#5.10.244-267.968.amzn2.x86_64 lang/js md/nodejs#20.19.5 api/{api}#3.637.0 exec-env/AWS_Lambda_nodejs20.x";
const BOTO_312: &str = "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#5.10.244-267.968.amzn2.x86_64 md/arch#x86_64 lang/python#3.12.11 md/pyimpl#CPython exec-env/AWS_Lambda_python3.12 m/Z,b,D cfg/retry-mode#legacy Botocore/1.40.21";
const BOTO_313: &str = "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#5.10.244-267.968.amzn2.aarch64 md/arch#aarch64 lang/python#3.13.7 md/pyimpl#CPython exec-env/AWS_Lambda_python3.13 m/Z,b,D cfg/retry-mode#legacy Botocore/1.40.21";
const JAVA: &str = "aws-sdk-java/2.33.4 md/io#sync md/http#UrlConnection ua/2.1 api/{api}#2.33.4 os/Linux#5.10.244-267.968.amzn2.x86_64 lang/java#21.0.8 md/OpenJDK_64-Bit_Server_VM#21.0.8+9-LTS md/vendor#Amazon.com_Inc. exec-env/AWS_Lambda_java21 m/D,N";
const RUST: &str =
    "aws-sdk-rust/1.3.8 ua/2.1 api/{api}/1.90.0 os/linux lang/rust/1.89.0 exec-env/AWS_Lambda_provided.al2023 m/E";

/// The service-linked role of the account.
pub const SCALING_ROLE: &str = "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable";

/// Roles in the order of the inventory.
pub const ROLES: [ExampleRole; 14] = [
    ExampleRole {
        name: SCALING_ROLE,
        path: "/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/",
        id: "AROAEXAMPLEASC7Q2M4XK",
        created: "2024-11-04T08:12:40+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-admin-tasks-role",
        path: "/shop/",
        id: "AROAEXAMPLEADM5T3J7WN",
        created: "2025-02-17T14:03:51+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-checkout-role",
        path: "/shop/",
        id: "AROAEXAMPLECHK2V6R4PD",
        created: "2024-12-02T09:24:31+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-deploy",
        path: "/ci/",
        id: "AROAEXAMPLECID6H5Y2QS",
        created: "2024-11-20T16:45:08+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-inventory-sync-role",
        path: "/shop/",
        id: "AROAEXAMPLEINV4L7B3ZG",
        created: "2025-01-21T11:37:19+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-invoice-role",
        path: "/shop/",
        id: "AROAEXAMPLEINC3F5K6MT",
        created: "2024-12-09T10:02:26+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-legacy-export-role",
        path: "/",
        id: "AROAEXAMPLELEG7C2W5HJ",
        created: "2024-06-11T07:50:00+00:00",
        used_before: Some("2026-03-14T02:00:12+00:00"),
    },
    ExampleRole {
        name: "shop-notify-role",
        path: "/shop/",
        id: "AROAEXAMPLENTF4D3R6XB",
        created: "2025-01-14T13:16:45+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-order-worker-role",
        path: "/shop/",
        id: "AROAEXAMPLEORD6N2P7VQ",
        created: "2024-12-02T09:31:07+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-payment-role",
        path: "/shop/",
        id: "AROAEXAMPLEPAY5S4G3LC",
        created: "2024-12-03T15:20:54+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-reporting-role",
        path: "/service-role/",
        id: "AROAEXAMPLERPT2Z7K5FY",
        created: "2025-03-05T08:41:33+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-search-role",
        path: "/shop/",
        id: "AROAEXAMPLESRC3M6T4WD",
        created: "2025-04-08T12:09:17+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-search-v3-role",
        path: "/shop/",
        id: "AROAEXAMPLESV37B5Q2NK",
        created: "2026-05-19T09:55:02+00:00",
        used_before: None,
    },
    ExampleRole {
        name: "shop-task-role",
        path: "/ecs/",
        id: "AROAEXAMPLETSK6J4H3PR",
        created: "2025-05-13T10:28:49+00:00",
        used_before: None,
    },
];

/// Functions in the order of their names.
pub const FUNCTIONS: [ExampleFunction; 11] = [
    ExampleFunction {
        name: "shop-admin-tasks",
        role: "shop-admin-tasks-role",
        runtime: "python3.13",
        handler: "tasks.handler",
        memory_mb: 256,
        timeout_seconds: 300,
        code_bytes: 48_213,
        last_modified: "2026-04-14T12:31:08.000+0000",
        description: "Chores that nobody wants to do by hand",
        agent: BOTO_313,
    },
    ExampleFunction {
        name: "shop-checkout",
        role: "shop-checkout-role",
        runtime: "nodejs22.x",
        handler: "dist/checkout.handler",
        memory_mb: 512,
        timeout_seconds: 29,
        code_bytes: 812_044,
        last_modified: "2026-10-20T09:25:14.000+0000",
        description: "API of the shopping cart",
        agent: NODE,
    },
    ExampleFunction {
        name: "shop-inventory-sync",
        role: "shop-inventory-sync-role",
        runtime: "provided.al2023",
        handler: "bootstrap",
        memory_mb: 256,
        timeout_seconds: 120,
        code_bytes: 4_918_330,
        last_modified: "2026-05-06T07:12:55.000+0000",
        description: "Copies stock figures from the suppliers",
        agent: RUST,
    },
    ExampleFunction {
        name: "shop-invoice",
        role: "shop-invoice-role",
        runtime: "python3.12",
        handler: "invoice.render.handler",
        memory_mb: 1024,
        timeout_seconds: 60,
        code_bytes: 9_340_512,
        last_modified: "2026-06-18T08:11:42.000+0000",
        description: "Renders and stores invoices",
        agent: BOTO_312,
    },
    ExampleFunction {
        name: "shop-legacy-export",
        role: "shop-legacy-export-role",
        runtime: "python3.9",
        handler: "export.main",
        memory_mb: 128,
        timeout_seconds: 900,
        code_bytes: 15_873,
        last_modified: "2024-10-22T10:44:36.000+0000",
        description: "Nightly export to the old warehouse",
        agent: BOTO_312,
    },
    ExampleFunction {
        name: "shop-notify",
        role: "shop-notify-role",
        runtime: "nodejs22.x",
        handler: "dist/notify.handler",
        memory_mb: 256,
        timeout_seconds: 15,
        code_bytes: 402_671,
        last_modified: "2026-03-24T15:48:20.000+0000",
        description: "Tells customers about their orders",
        agent: NODE,
    },
    ExampleFunction {
        name: "shop-order-worker",
        role: "shop-order-worker-role",
        runtime: "python3.13",
        handler: "worker.handler",
        memory_mb: 256,
        timeout_seconds: 30,
        code_bytes: 61_402,
        last_modified: "2026-06-30T13:05:27.000+0000",
        description: "Works through the order queue",
        agent: BOTO_313,
    },
    ExampleFunction {
        name: "shop-payment",
        role: "shop-payment-role",
        runtime: "java21",
        handler: "shop.payment.Handler::handleRequest",
        memory_mb: 1024,
        timeout_seconds: 30,
        code_bytes: 22_618_907,
        last_modified: "2026-02-11T09:40:03.000+0000",
        description: "Talks to the payment provider",
        agent: JAVA,
    },
    ExampleFunction {
        name: "shop-report-daily",
        role: "shop-reporting-role",
        runtime: "python3.12",
        handler: "reports.daily",
        memory_mb: 512,
        timeout_seconds: 300,
        code_bytes: 33_918,
        last_modified: "2026-01-27T11:22:49.000+0000",
        description: "Report of the day before",
        agent: BOTO_312,
    },
    ExampleFunction {
        name: "shop-report-monthly",
        role: "shop-reporting-role",
        runtime: "nodejs20.x",
        handler: "index.handler",
        memory_mb: 512,
        timeout_seconds: 600,
        code_bytes: 208_115,
        last_modified: "2025-09-16T14:59:31.000+0000",
        description: "Mails the report of the month",
        agent: NODE_OLD,
    },
    ExampleFunction {
        name: "shop-search",
        role: "shop-search-role",
        runtime: "nodejs22.x",
        handler: "dist/search.handler",
        memory_mb: 512,
        timeout_seconds: 10,
        code_bytes: 377_290,
        last_modified: "2026-07-16T16:34:12.000+0000",
        description: "Finds products",
        agent: NODE,
    },
];

/// The role named so, if it is in the account.
pub fn role(name: &str) -> Option<&'static ExampleRole> {
    ROLES.iter().find(|role| role.name == name)
}

/// The function named so, if it is in the account.
pub fn function(name: &str) -> Option<&'static ExampleFunction> {
    FUNCTIONS.iter().find(|function| function.name == name)
}
