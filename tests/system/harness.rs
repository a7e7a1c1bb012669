//! The emulator with the proxy before it, the tools to deploy with, and calls to look at what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::proxy::Proxy;

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-central-1";

/// Where `cargo xtask test system` put the tools, and what it built.
struct Tools {
    /// Programs of the emulator's virtual environment.
    emulator: PathBuf,
    /// Programs of the virtual environment of the SAM CLI.
    sam: PathBuf,
    /// Output folder of `sam build`.
    built: PathBuf,
    /// The command line, with the commands that talk to AWS.
    whittle: PathBuf,
}

impl Tools {
    fn from_environment() -> Self {
        let path = |name: &str| {
            PathBuf::from(std::env::var_os(name).unwrap_or_else(|| {
                panic!("{name} is not set: run this test with `cargo xtask test system`, which sets it")
            }))
        };
        Self {
            emulator: path("WHITTLE_EMULATOR_BIN"),
            sam: path("WHITTLE_SAM_BIN"),
            built: path("WHITTLE_BUILD_DIR"),
            whittle: path("WHITTLE_CLI"),
        }
    }
}

/// A line to `aws.py`.
struct Helper {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// An error that AWS answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    pub code: String,
    pub message: String,
}

/// An account of its own. Everything ends when it is dropped.
pub struct Harness {
    pub proxy: Proxy,
    /// Of the emulator itself: calls there are not recorded and not disturbed.
    pub endpoint: String,
    pub dir: TempDir,
    tools: Tools,
    emulator: Child,
    helper: Mutex<Helper>,
}

impl Harness {
    /// Starts an empty account.
    pub fn start() -> Self {
        let tools = Tools::from_environment();
        let dir = tempfile::tempdir().expect("a temporary folder");
        let address = free_address();
        let endpoint = format!("http://{address}");
        let proxy = Proxy::start(address).expect("the proxy starts");
        let control = dir.path().join("control.json");
        write_control(&control, &json!({"born": "2025-01-01T00:00:00Z"}));
        let log = std::fs::File::create(dir.path().join("emulator.log")).expect("a log");
        let mut emulator = Command::new(tools.emulator.join("python"));
        without_aws(&mut emulator, dir.path())
            .arg(source("emulator.py"))
            .env("GATEWAY_PORT", address.port().to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("AUTH", "true")
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("LOG_LEVEL", "WARNING")
            // Function processes inherit this: their calls pass the proxy.
            .env("AWS_ENDPOINT_URL", proxy.url())
            .env("WHITTLE_EMULATOR_CONTROL", &control)
            .env("TMPDIR", dir.path())
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("the log"))
            .stdout(log);
        let emulator = emulator.spawn().expect("the emulator starts");
        let helper = Mutex::new(start_helper(&tools, &endpoint, dir.path()));
        let harness = Self { proxy, endpoint, dir, tools, emulator, helper };
        harness.wait_until_up(address);
        harness
    }

    fn wait_until_up(&self, address: SocketAddr) {
        let give_up = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < give_up, "the emulator does not come up:\n{}", self.emulator_log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Replaces what `emulator.py` answers about the past.
    pub fn set_past(&self, past: &Value) {
        write_control(&self.dir.path().join("control.json"), past);
    }

    /// Calls an operation (in the words of boto3) as the account's root.
    pub fn try_aws(&self, service: &str, operation: &str, parameters: Value) -> Result<Value, AwsError> {
        self.call(&json!({"service": service, "operation": operation, "parameters": parameters}))
    }

    /// The same, with the parameter `name` as bytes.
    pub fn aws_bytes(&self, service: &str, operation: &str, mut parameters: Value, name: &str, bytes: &[u8]) -> Value {
        parameters[name] = Value::String(base64(bytes));
        let request = json!({"service": service, "operation": operation, "parameters": parameters, "bytes": [name]});
        self.call(&request).unwrap_or_else(|error| panic!("{service} {operation}: {error:?}"))
    }

    #[track_caller]
    pub fn aws(&self, service: &str, operation: &str, parameters: Value) -> Value {
        match self.try_aws(service, operation, parameters) {
            Ok(answer) => answer,
            Err(error) => panic!("{service} {operation}: {error:?}"),
        }
    }

    fn call(&self, request: &Value) -> Result<Value, AwsError> {
        let mut helper = self.helper.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        writeln!(helper.input, "{request}").expect("aws.py listens");
        let mut line = String::new();
        helper.output.read_line(&mut line).expect("aws.py answers");
        let mut answer: Value = serde_json::from_str(&line).expect("aws.py answers JSON");
        if answer.get("ok").is_some() {
            return Ok(answer["ok"].take());
        }
        let text = |name: &str| answer["error"][name].as_str().unwrap_or_default().to_owned();
        Err(AwsError { code: text("code"), message: text("message") })
    }

    /// Deploys with the real tool; `template` as it is, or as `sam build` left it.
    pub fn deploy(&self, stack: &str, template: &Path, parameters: &[(&str, &str)]) {
        let mut sam = Command::new(self.tools.sam.join("sam"));
        without_aws(&mut sam, self.dir.path())
            .args(["deploy", "--stack-name", stack, "--template-file"])
            .arg(template)
            .args(["--resolve-s3", "--s3-prefix", stack, "--no-confirm-changeset", "--no-fail-on-empty-changeset"])
            .args(["--no-progressbar", "--region", REGION, "--capabilities", "CAPABILITY_NAMED_IAM"])
            .current_dir(self.dir.path())
            .envs(credentials(&self.endpoint))
            .env("SAM_CLI_TELEMETRY", "0");
        if !parameters.is_empty() {
            sam.arg("--parameter-overrides");
            sam.args(parameters.iter().map(|(name, value)| format!("{name}={value}")));
        }
        let output = sam.output().expect("sam runs");
        assert!(
            output.status.success(),
            "sam deploy of {stack}:\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Runs the command line in a folder, as a developer with access to the account: whether it ended well,
    /// and what it said.
    pub fn whittle(&self, dir: &Path, arguments: &[&str]) -> (bool, String) {
        let mut whittle = Command::new(&self.tools.whittle);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WHITTLE_")) {
            whittle.env_remove(name);
        }
        without_aws(&mut whittle, self.dir.path())
            .args(arguments)
            .current_dir(dir)
            .envs(credentials(&self.endpoint))
            .env("AWS_REGION", REGION)
            .env("NO_COLOR", "1");
        let output = whittle.output().expect("whittle runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// The template as `sam build` left it, with the built function beside it.
    pub fn built_template(&self) -> PathBuf {
        self.tools.built.join("template.yaml")
    }

    /// Outputs of a stack.
    pub fn outputs(&self, stack: &str) -> BTreeMap<String, String> {
        let answer = self.aws("cloudformation", "describe_stacks", json!({"StackName": stack}));
        let outputs = answer["Stacks"][0]["Outputs"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        outputs.iter().map(|output| (text(&output["OutputKey"]), text(&output["OutputValue"]))).collect()
    }

    /// Invokes and waits. `Err` is what the function answered as its error.
    pub fn invoke(&self, function: &str, payload: &Value) -> Result<Value, Value> {
        let parameters = json!({"FunctionName": function, "Payload": payload.to_string()});
        let answer = self.aws("lambda", "invoke", parameters);
        let text = answer["Payload"].as_str().unwrap_or_default();
        let payload = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        if answer.get("FunctionError").is_some() { Err(payload) } else { Ok(payload) }
    }

    /// Everything in a table.
    pub fn items(&self, table: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut parameters = json!({"TableName": table});
        loop {
            let answer = self.aws("dynamodb", "scan", parameters.clone());
            items.extend(answer["Items"].as_array().cloned().unwrap_or_default());
            if answer.get("LastEvaluatedKey").is_none() {
                return items;
            }
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"].clone();
        }
    }

    /// Takes all messages out of a queue: the bodies, of which each is an envelope of SNS.
    pub fn take_messages(&self, queue_url: &str) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let parameters = json!({"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0});
            let answer = self.aws("sqs", "receive_message", parameters);
            let batch = answer["Messages"].as_array().cloned().unwrap_or_default();
            if batch.is_empty() {
                return messages;
            }
            for message in batch {
                let parameters = json!({"QueueUrl": queue_url, "ReceiptHandle": message["ReceiptHandle"]});
                self.aws("sqs", "delete_message", parameters);
                let body = message["Body"].as_str().unwrap_or_default();
                messages.push(serde_json::from_str(body).unwrap_or_else(|_| message["Body"].clone()));
            }
        }
    }

    /// Inline policies of a role, by name.
    pub fn policies(&self, role: &str) -> BTreeMap<String, Value> {
        let names = self.aws("iam", "list_role_policies", json!({"RoleName": role}));
        let names = names["PolicyNames"].as_array().cloned().unwrap_or_default();
        names
            .iter()
            .map(|name| {
                let answer = self.aws("iam", "get_role_policy", json!({"RoleName": role, "PolicyName": name}));
                (name.as_str().unwrap_or_default().to_owned(), answer["PolicyDocument"].clone())
            })
            .collect()
    }

    /// Actions of all policies of a role, as they are written.
    pub fn granted_actions(&self, role: &str) -> BTreeSet<String> {
        let mut granted = actions_of(self.policies(role).values());
        for arn in self.attached(role) {
            let policy = self.aws("iam", "get_policy", json!({"PolicyArn": arn}));
            let parameters = json!({"PolicyArn": arn, "VersionId": policy["Policy"]["DefaultVersionId"]});
            let version = self.aws("iam", "get_policy_version", parameters);
            granted.extend(actions_of([&version["PolicyVersion"]["Document"]]));
        }
        granted
    }

    /// ARNs of the managed policies of a role.
    pub fn attached(&self, role: &str) -> Vec<String> {
        let answer = self.aws("iam", "list_attached_role_policies", json!({"RoleName": role}));
        let policies = answer["AttachedPolicies"].as_array().cloned().unwrap_or_default();
        policies.iter().map(|policy| policy["PolicyArn"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The emulator's log.
    pub fn emulator_log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("emulator.log")).unwrap_or_default()
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        let helper = self.helper.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Both may be gone already.
        helper.child.kill().ok();
        helper.child.wait().ok();
        terminate(&mut self.emulator);
    }
}

/// Ends the emulator so that it can end the processes of functions, and by force if it does not.
fn terminate(emulator: &mut Child) {
    Command::new("kill").arg(emulator.id().to_string()).status().ok();
    let give_up = Instant::now() + Duration::from_secs(10);
    while Instant::now() < give_up {
        if matches!(emulator.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    emulator.kill().ok();
    emulator.wait().ok();
}

/// Actions of all statements.
pub fn actions_of<'a>(policies: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for policy in policies {
        for statement in policy["Statement"].as_array().into_iter().flatten() {
            match &statement["Action"] {
                Value::String(action) => {
                    actions.insert(action.clone());
                }
                Value::Array(list) => actions.extend(list.iter().filter_map(Value::as_str).map(str::to_owned)),
                _ => {}
            }
        }
    }
    actions
}

/// A file beside this one.
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("system").join(name)
}

fn start_helper(tools: &Tools, endpoint: &str, dir: &Path) -> Helper {
    let mut command = Command::new(tools.emulator.join("python"));
    without_aws(&mut command, dir)
        .arg(source("aws.py"))
        .envs(credentials(endpoint))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("aws.py starts");
    let input = child.stdin.take().expect("piped");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    Helper { child, input, output }
}

/// Root of the account; the emulator takes the key of an account's root to be its id.
fn credentials(endpoint: &str) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCOUNT.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
    ]
}

/// Takes the developer's own AWS settings away: nothing here may reach a real account.
fn without_aws<'a>(command: &'a mut Command, dir: &Path) -> &'a mut Command {
    let none = dir.join("no-aws-settings");
    std::fs::write(&none, "").expect("an empty file");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", &none);
    command.env("AWS_SHARED_CREDENTIALS_FILE", none)
}

fn write_control(path: &Path, value: &Value) {
    // Renamed into place: the emulator may be reading.
    let new = path.with_extension("new");
    std::fs::write(&new, value.to_string()).expect("the control file");
    std::fs::rename(&new, path).expect("the control file");
}

fn free_address() -> SocketAddr {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("its address")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 63;
            out.push(if digit <= group.len() { char::from(DIGITS[index as usize]) } else { '=' });
        }
    }
    out
}
