//! As much of HTTP/1.1 as AWS SDKs and the emulator speak to each other over plain sockets.
//!
//! Not a library's: the faults need hold of the socket, to break off where a well-behaved server never would.

use std::io::{self, BufRead, Read, Write};

/// More than any list answer of the emulator.
const MAX_BODY: usize = 64 << 20;

/// A request, or an answer: what differs is the first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `POST / HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub start: String,
    /// In their order, names as sent.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// Path and query, as sent.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// Of an answer.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { start: format!("HTTP/1.1 {status} Status"), headers, body: body.as_bytes().to_vec() }
    }

    /// Reads one; `None` where the other side closed before its first byte. A body is read by its length, its
    /// chunks or, in an answer without either, up to the end of the connection.
    pub fn read(reader: &mut impl BufRead, answers_head: bool) -> io::Result<Option<Self>> {
        Self::read_asked(reader, answers_head, || Ok(()))
    }

    /// The same; `go_on` is called where the other side waits to be asked for its body
    /// (`Expect: 100-continue`). The header is taken out, which no AWS SDK signs: who gets the message next
    /// has its body.
    pub fn read_asked(
        reader: &mut impl BufRead,
        answers_head: bool,
        go_on: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<Option<Self>> {
        let mut start = String::new();
        if reader.read_line(&mut start)? == 0 {
            return Ok(None);
        }
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
            let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut message = Self { start: start.trim_end().to_owned(), headers, body: Vec::new() };
        if message.header("expect").is_some() {
            go_on()?;
            message.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("expect"));
        }
        if answers_head {
            return Ok(Some(message));
        }
        if message.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            message.body = read_chunks(reader)?;
            message.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("transfer-encoding"));
            let length = message.body.len().to_string();
            message.set_header("content-length", &length);
        } else if let Some(length) = message.header("content-length") {
            let length: usize = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            if length > MAX_BODY {
                return Err(io::ErrorKind::InvalidData.into());
            }
            message.body = vec![0; length];
            reader.read_exact(&mut message.body)?;
        } else if message.start.starts_with("HTTP/") && !matches!(message.status(), 204 | 304) {
            reader.take(MAX_BODY as u64).read_to_end(&mut message.body)?;
        }
        Ok(Some(message))
    }

    /// Everything up to the body; the content length is that of the body unless `length` says another.
    pub fn head(&self, length: Option<usize>) -> Vec<u8> {
        let mut head = vec![self.start.clone()];
        for (name, value) in &self.headers {
            if !name.eq_ignore_ascii_case("content-length") && !name.eq_ignore_ascii_case("connection") {
                head.push(format!("{name}: {value}"));
            }
        }
        if self.start.starts_with("HTTP/") || !self.body.is_empty() || self.header("content-length").is_some() {
            head.push(format!("content-length: {}", length.unwrap_or(self.body.len())));
        }
        head.push("connection: close\r\n\r\n".to_owned());
        head.join("\r\n").into_bytes()
    }

    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&self.head(None))?;
        writer.write_all(&self.body)?;
        writer.flush()
    }
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        if body.len() + size > MAX_BODY {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let from = body.len();
        body.resize(from + size, 0);
        reader.read_exact(&mut body[from..])?;
        line.clear();
        reader.read_line(&mut line)?;
        if size == 0 {
            // Trailers, which nobody here sends, would come before the empty line.
            return Ok(body);
        }
    }
}

/// `%41+b` → `A b`, of a query or a form.
pub fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let code = std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                out.push(code.unwrap_or(b'?'));
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The pairs of a query or form, decoded.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}
