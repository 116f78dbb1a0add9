//! A client of its own: raw HTTP/1.1 over kept-alive connections, so that as little as possible of what is measured is
//! the client.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::histogram::Histogram;
use crate::stopwatch::{nanos_since, now};

/// Whoever sits at one end of a connection. Each writes a new request for each call.
pub(crate) trait Visitor: Send {
    /// Writes the next request.
    fn ask(&mut self, request: &mut Vec<u8>);

    /// Takes the answer. An error ends the measurement.
    fn hear(&mut self, answer: &Answer<'_>) -> Outcome<()>;
}

/// An answer, as far as it matters here.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// The status.
    pub(crate) status: u16,
    /// The lines of the head after the first, each with its end.
    pub(crate) head: &'a [u8],
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// An error that says what came instead of `status`, unless that came.
    pub(crate) fn expect(&self, status: u16) -> Outcome<()> {
        if self.status == status {
            return Ok(());
        }
        Err(format!("status {} instead of {status}: {}", self.status, String::from_utf8_lossy(self.body)).into())
    }
}

/// How long to warm up, and how long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Before the measurement.
    pub(crate) warm_up: Duration,
    /// The measurement.
    pub(crate) measured: Duration,
}

/// What a measurement found.
pub(crate) struct Load {
    /// Answers a second.
    pub(crate) rate: f64,
    /// How long each took.
    pub(crate) latency: Histogram,
    /// All answers, those of the warm-up too.
    pub(crate) answers: u64,
}

/// Lets every visitor ask over a connection of its own, one request at a time, and counts the answers that come within
/// the window, whenever they were asked for. The visitors come back for the next round.
pub(crate) async fn drive<V: Visitor + 'static>(
    address: SocketAddr,
    visitors: Vec<V>,
    window: Window,
) -> Outcome<(Load, Vec<V>)> {
    let begin = now() + window.warm_up;
    let end = begin + window.measured;
    let mut connections = JoinSet::new();
    for visitor in visitors {
        connections.spawn(visit(address, visitor, begin, end));
    }
    let mut load = Load { rate: 0.0, latency: Histogram::new(), answers: 0 };
    let mut visitors = Vec::new();
    while let Some(visit) = connections.join_next().await {
        let (visitor, latency, answers) = visit??;
        load.latency.add(&latency);
        load.answers += answers;
        visitors.push(visitor);
    }
    load.rate = load.latency.total() as f64 / window.measured.as_secs_f64();
    Ok((load, visitors))
}

async fn visit<V: Visitor>(
    address: SocketAddr,
    mut visitor: V,
    begin: Instant,
    end: Instant,
) -> Outcome<(V, Histogram, u64)> {
    let mut connection = Connection::open(address).await?;
    let (mut latency, mut answers) = (Histogram::new(), 0);
    loop {
        let asked = now();
        if asked >= end {
            return Ok((visitor, latency, answers));
        }
        connection.call(&mut visitor).await?;
        answers += 1;
        let took = nanos_since(asked);
        if (begin..end).contains(&(asked + Duration::from_nanos(took))) {
            latency.count(took);
        }
    }
}

/// One kept-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), answer: Vec::new() })
    }

    /// Asks once, and waits for the whole answer.
    pub(crate) async fn call(&mut self, visitor: &mut impl Visitor) -> Outcome<()> {
        self.request.clear();
        visitor.ask(&mut self.request);
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if let Some(answer) = parse(&self.answer)? {
                return visitor.hear(&answer);
            }
        }
    }
}

/// The answer, once all of it is there.
fn parse(bytes: &[u8]) -> Outcome<Option<Answer<'_>>> {
    let Some(head_end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, rest) = (&bytes[..head_end + 2], &bytes[head_end + 4..]);
    let status = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let status: u16 = status.ok_or("an answer without a status")?;
    let first = head.iter().position(|byte| *byte == b'\n').map_or(head.len(), |at| at + 1);
    let mut length = 0;
    for line in head[first..].split(|byte| *byte == b'\n') {
        if let Some((name, value)) = line.split_first_chunk::<15>()
            && name.eq_ignore_ascii_case(b"content-length:")
        {
            length = std::str::from_utf8(value)?.trim().parse()?;
        } else if line.get(..18).is_some_and(|name| name.eq_ignore_ascii_case(b"transfer-encoding:")) {
            return Err("an answer of unknown length".into());
        }
    }
    Ok(rest.get(..length).map(|body| Answer { status, head: &head[first..], body }))
}
