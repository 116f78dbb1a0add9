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

/// How long to wait before a server that did not answer is asked again.
const PAUSE: Duration = Duration::from_millis(20);

/// The longest line that is read.
const LINE: u64 = 64;

/// The longest answer that is read: a list of a hundred thousand verifiers.
const LONGEST: u64 = 32 << 20;

/// The longest time that anybody waits for an enforcement.
pub const MOST: Duration = Duration::from_hours(1);

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
/// Whether a server runs is what the folder's lock says. That there is no socket may only mean that somebody removed it,
/// or that the server is starting or stopping; so whoever is not answered asks again, until the server is there or gone.
async fn converse(data: &DataDir, question: &str, patience: Duration) -> io::Result<Option<String>> {
    let socket = data.socket();
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    let asked = async {
        loop {
            match exchange(&socket, question).await {
                Err(_) if data.is_free() => return Ok(None),
                Err(error) if is_passing(&error) => last = error,
                done => return done.map(Some),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(patience, asked).await.unwrap_or(Err(last))
}

/// A line without an end is none: the server went while it wrote.
async fn exchange(socket: &Path, question: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(question.as_bytes()).await?;
    let mut line = String::new();
    AsyncBufReader::new(stream.take(LONGEST)).read_line(&mut line).await?;
    if line.ends_with('\n') { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Whether it is what a server looks like that starts or stops.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionRefused | ConnectionReset | NotFound | UnexpectedEof)
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
    let head = authority.verifier.position();
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
            "since": listed.follower.since.0,
            "head": head.map(|head| head.to_string()),
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

#[cfg(test)]
mod tests {
    use futures_util::future::join;
    use tempfile::TempDir;

    use super::*;
    use crate::data_dir::Lock;

    fn running() -> (TempDir, DataDir, Lock, UnixListener) {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let lock = data.lock().unwrap();
        let listener = bind(&data.socket()).unwrap();
        (dir, data, lock, listener)
    }

    #[tokio::test]
    async fn a_server_that_stops_before_it_answers_is_none_that_runs() {
        let (_dir, data, lock, listener) = running();
        let stopping = async {
            let mut stream = AsyncBufReader::new(listener.accept().await.unwrap().0);
            stream.read_line(&mut String::new()).await.unwrap();
            stream.write_all(b"[{\"name\":").await.unwrap();
            drop(stream);
            // Nobody listens any more, and the folder is not free yet.
            drop(listener);
            tokio::task::yield_now().await;
            std::fs::remove_file(data.socket()).unwrap();
            tokio::task::yield_now().await;
            drop(lock);
        };
        let (found, ()) = join(verifiers(&data), stopping).await;
        assert_eq!(found.unwrap(), None);
        assert_eq!(ask(&data, 1).await, Answer::NoServer);
    }

    #[tokio::test]
    async fn whoever_is_not_answered_asks_again() {
        let (_dir, data, _lock, listener) = running();
        let restarting = async {
            drop(listener.accept().await.unwrap());
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"applied\n").await.unwrap();
            std::future::pending::<()>().await;
        };
        let answer = tokio::select! {
            answer = ask(&data, 1) => answer,
            () = restarting => unreachable!("it waits"),
        };
        assert_eq!(answer, Answer::Applied);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_asked_for_so_long_and_no_longer() {
        let (_dir, data, _lock, listener) = running();
        drop(listener);
        let error = verifiers(&data).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(ask(&data, 1).await, Answer::Late);
    }
}
