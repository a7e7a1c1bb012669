//! A proxy between Whittle and the emulator: records every call with the IAM action it needs, and disturbs
//! some of them.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::faults::{Dice, Fault, FaultPlan, error_answer};
use crate::operation::{AwsOperation, list_key, operation};
use crate::wire::Message;

/// Least time that a slow answer takes in all.
const SLOW: Duration = Duration::from_millis(300);

/// One call that passed.
#[derive(Debug, Clone)]
pub struct Call {
    pub operation: AwsOperation,
    /// When it had been answered, since the proxy started.
    pub at: Duration,
    /// Status that the client was sent; 0 if it got no answer.
    pub status: u16,
    pub fault: Option<Fault>,
    /// Request and answer, if the proxy keeps them.
    pub exchange: Option<Arc<Exchange>>,
}

/// A request and its answer.
#[derive(Debug)]
pub struct Exchange {
    pub request: Message,
    pub answer: Message,
}

#[derive(Default)]
struct ProxyState {
    calls: Vec<Call>,
    keep_exchanges: bool,
    dice: Option<Dice>,
    pages: BTreeMap<String, Message>,
}

struct Shared {
    upstream: SocketAddr,
    started: Instant,
    stopping: AtomicBool,
    state: Mutex<ProxyState>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, ProxyState> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Listens until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port and forwards to `upstream`, which need not be up yet.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            started: Instant::now(),
            stopping: AtomicBool::new(false),
            state: Mutex::default(),
        });
        let of_thread = Arc::clone(&shared);
        let listener = std::thread::spawn(move || {
            for client in socket.incoming() {
                if of_thread.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&of_thread);
                if let Ok(client) = client {
                    // A client that went away is not the proxy's to report.
                    std::thread::spawn(move || serve(&shared, &client).ok());
                }
            }
        });
        Ok(Self { address, shared, listener: Some(listener) })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The calls so far, which are forgotten.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.state().calls)
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// Keeps requests and answers from now on, or stops.
    pub fn keep_exchanges(&self, keep: bool) {
        self.shared.state().keep_exchanges = keep;
    }

    /// Disturbs from now on by `plan`; `None` ends it.
    pub fn disturb(&self, plan: Option<FaultPlan>) {
        self.shared.state().dice = plan.map(Dice::new);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the listener, which waits for a client.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            listener.join().ok();
        }
    }
}

/// Serves one request. The answer closes the connection: clients reconnect within a fraction of a millisecond
/// here.
fn serve(shared: &Shared, client: &TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_mins(1)))?;
    let go_on = || (&mut &*client).write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    let Some(request) = Message::read_asked(&mut BufReader::new(client), false, go_on)? else { return Ok(()) };
    let Some(operation) = operation(&request) else {
        return forward(shared, &request)?.write(&mut &*client);
    };
    let (fault, earlier) = decide(shared, &request, &operation);
    let status = match fault {
        None => {
            let answer = forward(shared, &request)?;
            if answer.status() == 200 {
                shared.state().pages.insert(list_key(&request, &operation), answer.clone());
            }
            let keep = shared.state().keep_exchanges;
            let exchange = keep.then(|| Arc::new(Exchange { request: request.clone(), answer: answer.clone() }));
            record(shared, &operation, answer.status(), None, exchange);
            return if request.method() == "HEAD" {
                // Its length is that of the body that a GET would get.
                let length = answer.header("content-length").and_then(|length| length.parse().ok());
                (&mut &*client).write_all(&answer.head(length))
            } else {
                answer.write(&mut &*client)
            };
        }
        Some(Fault::Reset) => 0,
        Some(Fault::SlowBody | Fault::TruncatedBody) => 200,
        Some(Fault::RepeatedPage) => earlier.as_ref().map_or(0, Message::status),
        Some(fault) => error_answer(fault, &operation).as_ref().map_or(0, Message::status),
    };
    let Some(fault) = fault else { return Ok(()) };
    // Before the answer: whoever has the answer finds the call recorded.
    record(shared, &operation, status, Some(fault), None);
    match fault {
        Fault::Reset => socket2::SockRef::from(client).set_linger(Some(Duration::ZERO)),
        Fault::RepeatedPage => earlier.map_or(Ok(()), |answer| answer.write(&mut &*client)),
        Fault::SlowBody => drip(client, &forward(shared, &request)?),
        Fault::TruncatedBody => {
            let answer = forward(shared, &request)?;
            // An empty answer still has to fall short of the announced length.
            (&mut &*client).write_all(&answer.head(Some(answer.body.len() + 1)))?;
            (&mut &*client).write_all(answer.body.get(..answer.body.len() / 2).unwrap_or_default())
        }
        fault => error_answer(fault, &operation).map_or(Ok(()), |answer| answer.write(&mut &*client)),
    }
}

/// The fault that strikes, and the page to repeat.
fn decide(shared: &Shared, request: &Message, operation: &AwsOperation) -> (Option<Fault>, Option<Message>) {
    let mut state = shared.state();
    let fault = state.dice.as_mut().and_then(|dice| dice.draw(&operation.access_key));
    if fault != Some(Fault::RepeatedPage) {
        return (fault, None);
    }
    // Only a later page can be answered by an earlier one.
    let earlier = state.pages.get(&list_key(request, operation)).filter(|_| operation.continues).cloned();
    (fault.filter(|_| earlier.is_some()), earlier)
}

fn record(
    shared: &Shared,
    operation: &AwsOperation,
    status: u16,
    fault: Option<Fault>,
    exchange: Option<Arc<Exchange>>,
) {
    let call = Call { operation: operation.clone(), at: shared.started.elapsed(), status, fault, exchange };
    shared.state().calls.push(call);
}

fn forward(shared: &Shared, request: &Message) -> io::Result<Message> {
    // `Host` stays as it was signed.
    let upstream = TcpStream::connect(shared.upstream)?;
    upstream.set_read_timeout(Some(Duration::from_mins(15)))?;
    request.write(&mut &upstream)?;
    let answers_head = request.method() == "HEAD";
    let answer = Message::read(&mut BufReader::new(&upstream), answers_head)?;
    answer.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn drip(mut client: &TcpStream, answer: &Message) -> io::Result<()> {
    client.write_all(&answer.head(None))?;
    let step = answer.body.len().div_ceil(10).max(1);
    for piece in answer.body.chunks(step) {
        std::thread::sleep(SLOW / 10);
        client.write_all(piece)?;
        client.flush()?;
    }
    Ok(())
}
