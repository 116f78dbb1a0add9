//! `rescind guard`: a verifier behind a small HTTP endpoint, for proxies that ask before they pass a request on (nginx
//! `auth_request`, Caddy `forward_auth`, Traefik `ForwardAuth`, Envoy `ext_authz`), and with them for services in any
//! language.
//!
//! Whatever the path and method, the answer says what the token is worth: 200 with who it is, 401, 403 where a scope is
//! missing, 503 where the guard has not heard from the authority for too long.

mod answer;
mod door;

use std::io;

use rescind_verifier::{SetupError, Verifier};
use tokio::signal::unix::{SignalKind, signal};

pub use answer::Asked;
pub use door::{Address, InvalidAddress};

use door::Door;

/// How a guard is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens.
    pub listen: Address,
    /// The cookie that may hold the token, where there is no `Authorization` header.
    pub cookie: Option<String>,
}

/// Why a guard does not run.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The verifier's settings.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The network.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: Address,
        /// Why not.
        error: io::Error,
    },
    /// Signals of the system cannot be waited for.
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
}

/// Runs a guard until SIGTERM or SIGINT. `announce` is called with where it listens, once it does.
pub async fn guard(verifier: Verifier, options: Options, announce: impl FnOnce(&Address)) -> Result<(), GuardError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(GuardError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(GuardError::Signals)?;
    let address = options.listen.clone();
    let door = Door::open(&address).map_err(|error| GuardError::Listen { address, error })?;
    announce(door.address());
    let asked = Asked::new(verifier.clone(), options.cookie);
    tokio::select! {
        () = door.answer(asked) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // So that nobody waits for its lease.
    verifier.leave().await;
    Ok(())
}
