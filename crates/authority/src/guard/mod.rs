//! `rescind guard`: a verifier behind a small HTTP endpoint, for proxies that ask before they pass a request on (nginx
//! `auth_request`, Caddy `forward_auth`, Traefik `ForwardAuth`, Envoy `ext_authz`), and with them for services in any
//! language.
//!
//! Whatever the path and method, the answer says what the token is worth: 200 with who it is, 401, 403 where a scope is
//! missing, 503 where the guard has not heard from the authority for too long. So health and counters have an address of
//! their own: there are proxies that ask with the path of the request itself, which anybody can choose.

mod answer;
mod door;
mod operations;
mod required;

use std::io;

use rescind_verifier::{SetupError, Verifier};
use tokio::signal::unix::{SignalKind, signal};

pub use answer::Asked;
pub use door::{Access, Address, InvalidAddress};

use door::Door;

/// How a guard is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens.
    pub listen: Address,
    /// Who may connect there, if it is a socket in the file system.
    pub access: Access,
    /// The cookie that may hold the token, where there is no `Authorization` header.
    pub cookie: Option<String>,
    /// Whether scopes are asked for by the header alone, and the query means nothing.
    pub ignore_query: bool,
    /// Where it says to operators how it is, if anywhere.
    pub operations: Option<Address>,
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

/// Runs a guard until SIGTERM or SIGINT. `announce` is called with where it listens, to proxies and to operators, once it
/// does.
pub async fn guard(
    verifier: Verifier,
    options: Options,
    announce: impl FnOnce(&Address, Option<&Address>),
) -> Result<(), GuardError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(GuardError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(GuardError::Signals)?;
    let door = open(&options.listen, options.access)?;
    let office = options.operations.as_ref().map(|address| open(address, Access::OWNER)).transpose()?;
    announce(door.address(), office.as_ref().map(Door::address));
    let (asked, watched) = (Asked::new(verifier.clone(), options.cookie, !options.ignore_query), verifier.clone());
    let operations = async {
        match &office {
            Some(office) => office.answer(move |request| operations::answer(&watched, request)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = door.answer(move |request| asked.answer(request)) => {}
        () = operations => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // So that nobody waits for its lease.
    verifier.leave().await;
    Ok(())
}

fn open(address: &Address, access: Access) -> Result<Door, GuardError> {
    Door::open(address, access).map_err(|error| GuardError::Listen { address: address.clone(), error })
}
