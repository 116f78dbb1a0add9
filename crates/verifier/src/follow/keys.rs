//! Fetches the keys of other issuers: at first, every now and then, and when a token names one that is not there.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::header::{ACCEPT, HOST};
use hyper::{Request, StatusCode};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::link::LinkError;
use super::origin::{BadUrl, Origin};
use super::pause::Pause;
use super::{PATIENCE, told};
use crate::clock::Clock;
use crate::foreign::{ForeignError, InvalidKeySet, MAX_KEY_SET, Trusted};

/// Fetches the keys of one issuer.
pub(super) struct KeyFetcher {
    trusted: Arc<Trusted>,
    origin: Origin,
    path: String,
    refresh: Duration,
    cool_down: Duration,
    clock: Arc<dyn Clock>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
enum NoKeys {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the answer has the status {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Set(#[from] InvalidKeySet),
    #[error("fetching took too long")]
    TooLong,
}

impl KeyFetcher {
    /// For an issuer; nothing if its keys are not fetched.
    pub(super) fn new(trusted: &Arc<Trusted>, clock: &Arc<dyn Clock>) -> Result<Option<Self>, ForeignError> {
        let Some((url, refresh, cool_down)) = trusted.source() else { return Ok(None) };
        let (origin, url) = Origin::of(url, trusted.roots()).map_err(ForeignError::Url)?;
        // Whoever can change the keys on their way can sign tokens.
        if !origin.is_safe() {
            return Err(ForeignError::Url(BadUrl::NoUrl));
        }
        let path = url.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let (trusted, clock) = (Arc::clone(trusted), Arc::clone(clock));
        Ok(Some(Self { trusted, origin, path, refresh, cool_down, clock }))
    }

    /// Fetches until the verifier leaves.
    pub(super) async fn run(self, mut left: watch::Receiver<bool>) {
        let mut pause = Pause::new(self.cool_down * 2);
        let issuer = self.trusted.name().clone();
        loop {
            let fetched = tokio::select! {
                fetched = timeout(PATIENCE, self.fetch()) => fetched.unwrap_or(Err(NoKeys::TooLong)),
                () = told(&mut left) => return,
            };
            let rest = async {
                match fetched {
                    Ok(keys) => {
                        tracing::debug!(%issuer, keys, "the keys of another issuer came");
                        pause.reset();
                        // Never more often than this, whatever tokens name.
                        sleep(self.cool_down).await;
                        let _ = timeout(self.refresh.saturating_sub(self.cool_down), self.trusted.wanted()).await;
                    }
                    Err(error) => {
                        tracing::warn!(%issuer, %error, "the keys of another issuer could not be fetched");
                        sleep(pause.next()).await;
                    }
                }
            };
            tokio::select! {
                () = rest => {}
                () = told(&mut left) => return,
            }
        }
    }

    async fn fetch(&self) -> Result<usize, NoKeys> {
        let request = Request::get(&self.path)
            .header(HOST, self.origin.name())
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .body(Full::default())
            .map_err(|error| LinkError::Unreadable(error.to_string()))?;
        // What came after this was asked for may be missing in the answer.
        let asked_at = self.clock.boottime();
        let (status, body) = self.origin.ask(request, MAX_KEY_SET).await?;
        if status != StatusCode::OK {
            return Err(NoKeys::Status(status));
        }
        let document = std::str::from_utf8(&body).map_err(|_| InvalidKeySet::Shape)?;
        Ok(self.trusted.set_keys(document, asked_at)?)
    }
}
