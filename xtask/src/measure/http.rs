//! As much of an HTTP/1.1 server as SDKs and the runtime of a function need: keep-alive, bodies with a
//! length.
//!
//! A thread for each connection: requests may be made to wait, and nothing but the standard library is
//! compiled for it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result};

/// No request of Whittle is larger: DynamoDB takes 16 MB at most.
const MAX_BODY: usize = 32 << 20;

pub struct HttpRequest {
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl HttpRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Answers requests, several at once.
pub trait Service: Send + Sync + 'static {
    fn answer(&self, request: &HttpRequest) -> Response;
}

/// A server on a free port of this machine; it ends when dropped.
pub struct Server {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Server {
    pub fn start(service: Arc<impl Service>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), service) = (stream, Arc::clone(&service)) else { continue };
                // The other side closed, or spoke no HTTP: it will say what it missed.
                thread::spawn(move || drop(serve(&stream, service.as_ref())));
            }
        });
        Ok(Self { address, stopped })
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the loop above.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(stream: &TcpStream, service: &impl Service) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    while let Some(request) = read(&mut reader)? {
        let response = service.answer(&request);
        let mut bytes = format!("HTTP/1.1 {} -\r\n", response.status).into_bytes();
        for (name, value) in &response.headers {
            bytes.extend(format!("{name}: {value}\r\n").bytes());
        }
        bytes.extend(format!("content-length: {}\r\n\r\n", response.body.len()).bytes());
        bytes.extend(&response.body);
        (&*stream).write_all(&bytes)?;
    }
    Ok(())
}

/// `None` where the other side closed before a request.
fn read(reader: &mut impl BufRead) -> io::Result<Option<HttpRequest>> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(bad("no request line")) };
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("no header"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut request = HttpRequest { method, path: decode(path, false), query: pairs(query), headers, body: Vec::new() };
    if request.header("transfer-encoding").is_some() {
        read_chunks(reader, &mut request.body)?;
    } else if let Some(length) = request.header("content-length") {
        let length: usize = length.parse().map_err(|_| bad("no content length"))?;
        if length > MAX_BODY {
            return Err(bad("too long"));
        }
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

/// The runtime of a function sends its answers in chunks.
fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let digits = line.trim().split(';').next().unwrap_or_default();
        let length = usize::from_str_radix(digits, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        if body.len() + length > MAX_BODY {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let start = body.len();
        body.resize(start + length, 0);
        if let Some(chunk) = body.get_mut(start..) {
            reader.read_exact(chunk)?;
        }
        // The end of the chunk; after the last one, the end of the trailers.
        loop {
            let mut end = String::new();
            if reader.read_line(&mut end)? == 0 || end.trim().is_empty() {
                break;
            }
        }
        if length == 0 {
            return Ok(());
        }
    }
}

/// `a=b&c=d`, as in queries and forms.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        })
        .collect()
}

fn decode(text: &str, form: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match byte {
            b'%' => {
                let (high, low) = (hex(bytes.next()), hex(bytes.next()));
                let value = high.zip(low).map_or(u32::from(b'?'), |(high, low)| high * 16 + low);
                out.push(u8::try_from(value).unwrap_or(b'?'));
            }
            b'+' if form => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encoding as IAM encodes policies (RFC 3986).
pub fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Text for XML content.
pub fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A request as text, for tests of services.
#[cfg(test)]
pub fn parsed(text: &str) -> HttpRequest {
    read(&mut text.as_bytes()).unwrap().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let text = r#"{"Action":"s3:*","a b":"ü+%"}"#;
        assert_eq!(decode(&encode(text), false), text);
        assert_eq!(pairs("a+b=c%2Bd&e"), [("a b".to_owned(), "c+d".to_owned()), ("e".to_owned(), String::new())]);
    }

    #[test]
    fn bodies_have_a_length_or_come_in_chunks() {
        let text = "POST /a%20b?x=1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\
            POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\n\r\n";
        let mut reader = text.as_bytes();
        let first = read(&mut reader).unwrap().unwrap();
        assert_eq!((first.path.as_str(), first.parameter("x"), first.text().as_str()), ("/a b", Some("1"), "abc"));
        assert_eq!(read(&mut reader).unwrap().unwrap().text(), "def");
        assert!(read(&mut reader).unwrap().is_none());
    }
}
