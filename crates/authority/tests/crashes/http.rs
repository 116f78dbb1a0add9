//! Just enough of an HTTP/1.1 client: one connection that stays open, requests and answers apart from each other, so
//! that a test knows which requests were sent and never answered.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than the server itself lets a request take.
const PATIENCE: Duration = Duration::from_secs(40);

/// A connection.
pub(crate) struct Connection(BufReader<TcpStream>);

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    token: Option<String>,
    body: Option<Value>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: Vec<String>,
    /// Null where there was none.
    pub(crate) body: Value,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), token: None, body: None }
    }

    pub(crate) fn delete(path: &str) -> Self {
        Self { method: "DELETE", ..Self::get(path) }
    }

    pub(crate) fn post(path: &str, body: Value) -> Self {
        Self { method: "POST", body: Some(body), ..Self::get(path) }
    }

    pub(crate) fn put(path: &str, body: Value) -> Self {
        Self { method: "PUT", ..Self::post(path, body) }
    }

    pub(crate) fn bearing(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        self.send(request)?;
        self.receive()
    }

    pub(crate) fn send(&mut self, request: &Request) -> io::Result<()> {
        let Request { method, path, token, body } = request;
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: curl/8.0\r\n");
        if let Some(token) = token {
            text.extend(["authorization: Bearer ", token, "\r\n"]);
        }
        match body {
            None => text.push_str("\r\n"),
            Some(body) => {
                let body = body.to_string();
                let length = body.len().to_string();
                text.extend(["content-type: application/json\r\ncontent-length: ", &length, "\r\n\r\n", &body]);
            }
        }
        self.0.get_mut().write_all(text.as_bytes())
    }

    pub(crate) fn receive(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let status = head[0].split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
        let mut answer = Answer { status, head, body: Value::Null };
        if let Some(length) = answer.header("content-length") {
            let mut body = vec![0; length.parse().expect("a length")];
            self.0.read_exact(&mut body)?;
            if !body.is_empty() {
                answer.body = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
            }
        }
        assert!(answer.header("transfer-encoding").is_none(), "{answer:?}");
        Ok(answer)
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .iter()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(own, value)| own.eq_ignore_ascii_case(name).then(|| value.trim()))
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Text at a JSON pointer.
    #[track_caller]
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer}: {self:?}"))
    }
}
