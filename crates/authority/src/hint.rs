//! The socket in the data folder: a command line that wrote the log says so to the running server, and learns when the
//! server's own verifier has applied it. A hint only: the server polls the log anyway.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncBufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::authority::Authority;

/// How long the command line waits for the server.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The longest line that is read.
const LINE: u64 = 64;

/// What a running server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its verifier has applied the entry.
    Applied,
    /// It did not say so within a second.
    Late,
    /// No server runs on this data folder.
    NoServer,
}

/// Asks the server on `socket`, if one runs, whether its verifier has applied entry `number`. Waits at most a second.
pub async fn ask(socket: &Path, number: u64) -> Answer {
    let asked = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(format!("applied {number}\n").as_bytes()).await?;
        let mut line = String::new();
        AsyncBufReader::new(stream.take(LINE)).read_line(&mut line).await?;
        Ok::<_, io::Error>(line)
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(line)) if line.trim() == "applied" => Answer::Applied,
        Ok(Err(error)) if is_nobody(&error) => Answer::NoServer,
        // Whatever else it is, a server may be running that has not applied the entry.
        Ok(Ok(_) | Err(_)) | Err(_) => Answer::Late,
    }
}

/// Nobody listens: there is no socket, or one that a killed server left behind.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Answers on `listener` until the authority goes.
pub async fn listen(authority: Arc<Authority>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let authority = Arc::clone(&authority);
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(PATIENCE * 2, answer(authority, stream)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the socket in the data folder refused a connection");
                tokio::time::sleep(crate::follower::POLL).await;
            }
        }
    }
}

async fn answer(authority: Arc<Authority>, stream: UnixStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    AsyncBufReader::new(read.take(LINE)).read_line(&mut line).await?;
    let Some(number) = line.trim().strip_prefix("applied ").and_then(|text| text.parse().ok()) else {
        return write.write_all(b"what?\n").await;
    };
    let answer: &[u8] = if authority.wait_for(number).await { b"applied\n" } else { b"late\n" };
    write.write_all(answer).await
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
