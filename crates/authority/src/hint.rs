//! The socket in the data folder: a command line that wrote the log says so to the running server, and learns when the
//! server's own verifier has applied it. A hint only: the server polls the log anyway.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncBufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::authority::Authority;
use crate::data_dir::DataDir;
use crate::feed::{Enforcement, Listed};

/// How long the command line waits for the server.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The longest line that is read.
const LINE: u64 = 64;

/// The longest answer that is read: a list of a hundred thousand verifiers.
const LONGEST: u64 = 32 << 20;

/// The longest time that anybody waits for an enforcement.
const MOST: Duration = Duration::from_hours(1);

/// What a running server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its verifier has applied the entry.
    Applied,
    /// It did not say so within a second, or cannot be asked.
    Late,
    /// No server runs on this data folder.
    NoServer,
}

/// Asks the server on this folder, if one runs, whether its verifier has applied entry `number`. Waits at most a second.
pub async fn ask(data: &DataDir, number: u64) -> Answer {
    match converse(data, &format!("applied {number}\n"), PATIENCE).await {
        Ok(Some(line)) if line.trim() == "applied" => Answer::Applied,
        Ok(None) => Answer::NoServer,
        // Whatever else it is, a server may be running that has not applied the entry.
        Ok(Some(_)) | Err(_) => Answer::Late,
    }
}

/// Asks the server on this folder, if one runs, to wait until entry `number` is enforced, at most for `patience`. Nothing
/// if none runs.
pub async fn enforcement(data: &DataDir, number: u64, patience: Duration) -> io::Result<Option<Enforcement>> {
    let question = format!("enforcement {number} {}\n", patience.as_millis());
    let answer = converse(data, &question, patience + PATIENCE).await?;
    answer.map(|text| serde_json::from_str(&text).map_err(io::Error::from)).transpose()
}

/// Asks the server on this folder, if one runs, who follows it. Nothing if none runs.
pub async fn verifiers(data: &DataDir) -> io::Result<Option<Vec<Value>>> {
    let answer = converse(data, "verifiers\n", PATIENCE).await?;
    answer.map(|text| serde_json::from_str(&text).map_err(io::Error::from)).transpose()
}

/// Resolves once everybody who asked has been answered, or a moment later.
pub async fn finish(authority: &Authority) {
    let mut asking = authority.asking.subscribe();
    let _ = tokio::time::timeout(PATIENCE, asking.wait_for(|asking| *asking == 0)).await;
}

/// One question, and its answer on one line. Nothing if nobody is there to ask.
///
/// Whether a server runs is what the folder's lock says. That there is no socket may only mean that somebody removed it.
async fn converse(data: &DataDir, question: &str, patience: Duration) -> io::Result<Option<String>> {
    let socket = data.socket();
    let asked = async {
        let mut stream = match UnixStream::connect(&socket).await {
            Err(_) if data.is_free() => return Ok(None),
            connected => connected?,
        };
        stream.write_all(question.as_bytes()).await?;
        let mut line = String::new();
        AsyncBufReader::new(stream.take(LONGEST)).read_line(&mut line).await?;
        Ok(Some(line))
    };
    tokio::time::timeout(patience, asked).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Answers on `listener` until the authority goes.
pub async fn listen(authority: Arc<Authority>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let authority = Arc::clone(&authority);
                tokio::spawn(async move {
                    let _asking = Asking::begin(&authority);
                    let _ = tokio::time::timeout(MOST + PATIENCE * 2, answer(&authority, stream)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the socket in the data folder refused a connection");
                tokio::time::sleep(crate::feed::POLL).await;
            }
        }
    }
}

async fn answer(authority: &Authority, stream: UnixStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut question = AsyncBufReader::new(read.take(LINE));
    let asked = tokio::time::timeout(PATIENCE * 2, question.read_line(&mut line)).await;
    asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    let answer = match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["applied", number] => applied(authority, number).await,
        ["enforcement", number, millis] => enforced(authority, number, millis).await,
        ["verifiers"] => serde_json::to_string(&list(authority)).ok(),
        _ => None,
    };
    let answer = answer.unwrap_or_else(|| "what?".to_owned());
    write.write_all(format!("{answer}\n").as_bytes()).await
}

/// Somebody who asked and was not answered yet.
struct Asking<'a>(&'a Authority);

impl<'a> Asking<'a> {
    fn begin(authority: &'a Authority) -> Self {
        authority.asking.send_modify(|asking| *asking += 1);
        Self(authority)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.send_modify(|asking| *asking -= 1);
    }
}

async fn applied(authority: &Authority, number: &str) -> Option<String> {
    let applied = authority.wait_for(number.parse().ok()?).await;
    Some(if applied { "applied" } else { "late" }.to_owned())
}

async fn enforced(authority: &Authority, number: &str, millis: &str) -> Option<String> {
    let patience = Duration::from_millis(millis.parse().ok()?).min(MOST);
    let found = authority.enforcement(number.parse().ok()?, patience).await;
    let found = found.inspect_err(|error| tracing::warn!(%error, "an enforcement cannot be told")).ok()?;
    serde_json::to_string(&found).ok()
}

/// The verifiers that follow this server, for programs.
fn list(authority: &Authority) -> Vec<Value> {
    let now = authority.clock.boottime();
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let shown = |listed: &Listed| {
        json!({
            "id": listed.id.to_string(),
            "name": listed.follower.name,
            "client_id": listed.follower.client,
            "ip": listed.follower.address,
            "connected": listed.connected,
            "position": listed.position,
            "lease_ms": millis(listed.follower.lease),
            "lease_left_ms": listed.until.map(|until| millis(until.saturating_sub(now))),
            "acked_ms_ago": listed.acked_at.map(|at| millis(now.saturating_sub(at))),
        })
    };
    authority.hub.list().iter().map(shown).collect()
}

/// Binds the socket, taking the place of one that a server left behind. The caller holds the folder's lock.
pub fn bind(socket: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(socket) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    UnixListener::bind(socket)
}
