//! The side of Lambda that a function's program talks to (AWS Lambda Developer Guide, "Using the Lambda
//! runtime API for custom runtimes"), and the program itself, started as Lambda starts it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::account::{ACCOUNT, REGION};
use super::http::{HttpRequest, Response, Server, Service};

/// A program that is not ready by then never will be.
const MAX_START: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    /// The program has asked for its first event.
    ready: Option<Instant>,
    event: Option<Event>,
    answer: Option<(Instant, Result<Value, String>)>,
    closed: bool,
}

struct Event {
    id: String,
    deadline_ms: u128,
    payload: String,
}

/// The runtime API of one execution environment.
#[derive(Default)]
struct Runtime {
    state: Mutex<State>,
    changed: Condvar,
}

impl Service for Runtime {
    fn answer(&self, request: &HttpRequest) -> Response {
        let accepted = || Response::new(202, "application/json", r#"{"status":"OK"}"#);
        let value = || serde_json::from_str(&request.text()).unwrap_or(Value::Null);
        match request.path.strip_prefix("/2018-06-01/runtime/").unwrap_or_default() {
            "invocation/next" => self.next(),
            "init/error" => {
                self.answered(Err(request.text()));
                accepted()
            }
            path if path.ends_with("/response") => {
                self.answered(Ok(value()));
                accepted()
            }
            path if path.ends_with("/error") => {
                self.answered(Err(request.text()));
                accepted()
            }
            _ => Response::new(404, "text/plain", ""),
        }
    }
}

impl Runtime {
    fn answered(&self, answer: Result<Value, String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.answer = Some((Instant::now(), answer));
        self.changed.notify_all();
    }

    /// Waits for an event.
    fn next(&self) -> Response {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ready.get_or_insert_with(Instant::now);
        self.changed.notify_all();
        loop {
            if state.closed {
                return Response::new(410, "text/plain", "");
            }
            if let Some(event) = state.event.take() {
                let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:whittle");
                return Response::new(200, "application/json", event.payload)
                    .with("lambda-runtime-aws-request-id", event.id)
                    .with("lambda-runtime-deadline-ms", event.deadline_ms.to_string())
                    .with("lambda-runtime-invoked-function-arn", arn)
                    .with("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0");
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until `is` gives something, as long as the program runs.
    fn wait<T>(&self, program: &mut Child, most: Duration, mut is: impl FnMut(&mut State) -> Option<T>) -> Result<T> {
        let began = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = is(&mut state) {
                return Ok(found);
            }
            if let Some(status) = program.try_wait()? {
                bail!("the program ended: {status}");
            }
            if began.elapsed() > most {
                bail!("the program did not answer within {} s", most.as_secs());
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(100));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A program in its execution environment; it ends when dropped.
pub struct Environment {
    runtime: Arc<Runtime>,
    program: Child,
    _server: Server,
    /// From the start of the process to its first request for an event.
    pub ready_in: Duration,
    invocations: u32,
}

/// Cost of an invocation.
pub struct MeasuredInvocation {
    pub duration: Duration,
    /// Processor time of the process meanwhile.
    pub cpu: Duration,
    /// Most memory that was resident since the process began, in bytes.
    pub peak_bytes: u64,
    pub answer: Result<Value, String>,
}

impl Environment {
    /// Starts the program with nothing but `variables` in its environment; what it prints goes to `log`.
    pub fn start(program: &Path, variables: &BTreeMap<String, String>, log: &Path) -> Result<Self> {
        let runtime = Arc::new(Runtime::default());
        let server = Server::start(Arc::clone(&runtime))?;
        let out = File::options().create(true).append(true).open(log).context("cannot write the log")?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(variables)
            .env("AWS_LAMBDA_RUNTIME_API", server.address().to_string())
            .stdin(Stdio::null())
            .stderr(out.try_clone()?)
            .stdout(out);
        let began = Instant::now();
        let program = command.spawn().with_context(|| format!("cannot start `{}`", program.display()))?;
        let mut environment = Self { runtime, program, _server: server, ready_in: Duration::ZERO, invocations: 0 };
        let ready =
            environment.runtime.wait(&mut environment.program, MAX_START, |state| match (&state.answer, state.ready) {
                (Some((_, Err(error))), _) => Some(Err(error.clone())),
                (_, Some(ready)) => Some(Ok(ready)),
                _ => None,
            });
        match ready.with_context(|| format!("see {}", log.display()))? {
            Ok(ready) => environment.ready_in = ready.duration_since(began),
            Err(error) => bail!("the program cannot start: {error}"),
        }
        Ok(environment)
    }

    /// Sends an event and waits for the answer. `ahead`: how much later it is for the program than it really
    /// is.
    pub fn invoke(&mut self, payload: &str, timeout: Duration, ahead: Duration) -> Result<MeasuredInvocation> {
        self.invocations += 1;
        let cpu = self.cpu()?;
        let began = Instant::now();
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + ahead + timeout;
        {
            let mut state = self.runtime.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.answer = None;
            state.event = Some(Event {
                // Ids of runs are unique over all processes.
                id: format!("{:08x}-0000-4000-8000-{:012}", deadline.as_millis() & 0xffff_ffff, self.invocations),
                deadline_ms: deadline.as_millis(),
                payload: payload.to_owned(),
            });
            self.runtime.changed.notify_all();
        }
        // Lambda kills a function at its timeout.
        let (ended, answer) = self.runtime.wait(&mut self.program, timeout, |state| state.answer.take())?;
        Ok(MeasuredInvocation {
            duration: ended.duration_since(began),
            cpu: self.cpu()?.saturating_sub(cpu),
            peak_bytes: self.peak_bytes()?,
            answer,
        })
    }

    /// `VmHWM` of proc_pid_status(5).
    fn peak_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.program.id())).context("/proc is needed")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kilobytes * 1024)
    }

    /// Time on processors of all threads, from proc_pid_stat(5): fields 14 and 15, in ticks of a hundredth of
    /// a second.
    fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.program.id())).context("/proc is needed")?;
        // The second field is a name in parentheses, which may hold blanks.
        let (_, rest) = stat.rsplit_once(") ").context("no /proc/pid/stat")?;
        let ticks: u64 = rest.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.runtime.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.runtime.changed.notify_all();
        // It may have ended already.
        drop(self.program.kill());
        drop(self.program.wait());
    }
}
