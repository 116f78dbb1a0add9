//! What Rescind is compared with over HTTP, and the one handler that it has no route for. Each runs as a process of its
//! own, in the runtime of `rescind serve` and behind its HTTP server, so that only the handlers differ.

use std::collections::HashSet;
use std::io::{BufRead as _, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::routing::any;
use rescind::authority::Authority;
use rescind::config::Config;
use rescind::follower;
use rescind::http::{Caller, server};
use serde::{Deserialize, Serialize};

use crate::{Outcome, place};

/// The argument that makes this program a stand-in.
pub(crate) const ARGUMENT: &str = "--stand-in";

/// An answer that the bare handler gives.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Canned {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Canned {
    /// The same as another server answered, so that both send the same bytes.
    pub(crate) fn of(answer: &crate::load::Answer<'_>) -> Outcome<Self> {
        let head = std::str::from_utf8(answer.head)?;
        let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        // These two the HTTP server writes by itself.
        let own = |name: &str| name != "date" && name != "content-length";
        Ok(Self {
            status: answer.status,
            headers: head.lines().filter_map(pair).filter(|(name, _)| own(name)).collect(),
            body: std::str::from_utf8(answer.body)?.to_owned(),
        })
    }

    /// Makes a copy for each request, as whoever makes an answer does.
    fn answer(&self) -> Outcome<impl Fn() -> (StatusCode, HeaderMap, Bytes) + Clone + Send + Sync + use<>> {
        let status = StatusCode::from_u16(self.status)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        let body: Arc<[u8]> = self.body.as_bytes().into();
        Ok(move || (status, headers.clone(), Bytes::copy_from_slice(&body)))
    }
}

/// Serves until the input ends.
pub(crate) fn run(kind: &str) -> Outcome<()> {
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line)?;
    if kind == "member" {
        return crate::member::run(&line);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (router, authority) = runtime.block_on(async {
        match kind {
            "bare" => Ok((bare(&serde_json::from_str(&line)?)?, None)),
            "asked" => Ok((asked(serde_json::from_str(&line)?)?, None)),
            "guarded" => guarded(Path::new(line.trim())).await.map(|(router, authority)| (router, Some(authority))),
            other => Err(format!("no stand-in {other:?}").into()),
        }
    })?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let limits = Config::default().http;
    let server = runtime.spawn(async move { server::run(listener, router, &limits, std::future::pending()).await });
    let mut output = std::io::stdout().lock();
    writeln!(output, "http://{address}")?;
    output.flush()?;
    input.read_to_end(&mut Vec::new())?;
    server.abort();
    drop(authority);
    runtime.shutdown_background();
    Ok(())
}

/// A bare handler.
fn bare(canned: &Canned) -> Outcome<Router> {
    let answer = canned.answer()?;
    let answer = move || std::future::ready(answer());
    Ok(Router::new().route("/", any(answer.clone())).fallback(answer))
}

/// What a handler knows that is asked about tokens.
#[derive(Deserialize)]
struct Knowing {
    canned: Canned,
    known: HashSet<String>,
}

/// A handler that is asked about tokens (RFC 7662 §2.1), and does no more than to find each in a set.
fn asked(knowing: Knowing) -> Outcome<Router> {
    let (answer, known) = (knowing.canned.answer()?, Arc::new(knowing.known));
    let answer = move |question: String| {
        let is_known = question.strip_prefix("token=").is_some_and(|token| known.contains(token));
        std::future::ready(if is_known { Ok(answer()) } else { Err(StatusCode::NOT_FOUND) })
    };
    Ok(Router::new().fallback(answer))
}

/// A handler that does nothing for whoever presents a good access token: Rescind's own extractor, and nothing else.
async fn guarded(folder: &Path) -> Outcome<(Router, Arc<Authority>)> {
    let authority = place::open(folder).await?;
    tokio::spawn(follower::follow(Arc::clone(&authority)));
    let head = authority.world.store.position().await?;
    if !authority.wait_for(head.number).await {
        return Err("the verifier is not current".into());
    }
    let no_op = async |_: Caller| StatusCode::NO_CONTENT;
    Ok((Router::new().route("/", any(no_op)).with_state(Arc::clone(&authority)), authority))
}

/// argon2id as Rescind runs it, and nothing else: `threads` threads for `time`, each with a fresh salt and the memory of
/// one hash. Answers hashes a second.
pub(crate) fn bare_argon2(threads: usize, time: Duration) -> Outcome<f64> {
    use crate::stopwatch::{nanos_since, now};
    let began = now();
    let hash = |thread: usize| -> Outcome<u64> {
        let (argon2, mut random) = (argon2_of_rescind()?, crate::random::Random::new(thread as u64));
        let mut hashed = 0;
        while u128::from(nanos_since(began)) < time.as_nanos() {
            let mut output = [0; 32];
            let salt: [u8; 16] = random.bytes();
            argon2.hash_password_into(crate::population::PASSWORD.as_bytes(), &salt, &mut output)?;
            std::hint::black_box(output);
            hashed += 1;
        }
        Ok(hashed)
    };
    let hashed = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || hash(thread))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread failed")?).sum::<Outcome<u64>>()
    })?;
    Ok(hashed as f64 / (nanos_since(began) as f64 / 1e9))
}

/// The hash of a password as Rescind stores one.
pub(crate) fn password_hash(password: &str) -> Outcome<String> {
    let salt = *b"a salt for bench";
    let mut output = [0; 32];
    argon2_of_rescind()?.hash_password_into(password.as_bytes(), &salt, &mut output)?;
    let (salt, output) = (data_encoding::BASE64_NOPAD.encode(&salt), data_encoding::BASE64_NOPAD.encode(&output));
    Ok(format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${output}"))
}

fn argon2_of_rescind() -> Outcome<argon2::Argon2<'static>> {
    let params = argon2::Params::new(19 * 1024, 2, 1, None)?;
    Ok(argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params))
}
