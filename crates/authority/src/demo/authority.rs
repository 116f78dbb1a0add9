//! The demo's authority: the same server as `rescind serve`, in a folder of its own, with an account and clients in it.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use rescind_domain::entropy::Entropy as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::api::{Api, Credentials, PATIENCE};
use super::folder::Folder;
use super::{DemoError, LOGIN, SERVICES};
use crate::ambient::SystemEntropy;
use crate::config::{self, Environment, Flags, Setting};
use crate::serve::{Ready, ServeError, Stop, serve_until};

/// The scope of those who may end everyone's sessions.
pub(super) const ADMINISTER: &str = "rescind:admin";

/// A server that runs.
pub(super) struct Authority {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// A server that nobody has set up yet.
pub(super) struct Fresh {
    pub(super) api: Api,
    /// The token of the set-up link.
    set_up: String,
}

/// Whom the authority knows.
pub(super) struct Accounts {
    /// The password of [`LOGIN`].
    pub(super) password: String,
    /// A client that may administer.
    pub(super) console: Credentials,
    /// A client for each of [`SERVICES`], which may follow the feed.
    pub(super) services: Vec<Credentials>,
}

impl Authority {
    /// Starts one on any free port of this machine, with no configuration but its own.
    pub(super) async fn start(folder: &Folder) -> Result<(Self, Fresh), DemoError> {
        let data = folder.path().join("data").display().to_string();
        let given = [("data", data), ("listen", "127.0.0.1:0".to_owned())];
        let flags = given.into_iter().filter_map(|(key, text)| Setting::find(key).zip(Some(text)));
        let nothing = Environment::new(std::iter::empty());
        let loaded = config::load(None, &nothing, &Flags::new(flags)).map_err(DemoError::Configuration)?;
        let (tell, told) = oneshot::channel();
        let announce = |ready: &Ready| {
            let set_up = ready.set_up.as_ref().map(|token| token.expose().to_owned());
            let _ = tell.send((ready.address, set_up.unwrap_or_default()));
        };
        let (stop, stopped) = Stop::told();
        let mut task = tokio::spawn(serve_until(loaded, announce, stopped));
        let ready = tokio::select! {
            ready = told => ready.ok(),
            ended = &mut task => return Err(ended_early(ended)),
        };
        let Some((address, set_up)) = ready else { return Err(ended_early((&mut task).await)) };
        let api = Api::new(format!("http://{address}"));
        Ok((Self { stop, task }, Fresh { api, set_up }))
    }

    /// Resolves once it has ended by itself.
    pub(super) async fn ended(&mut self) -> DemoError {
        ended_early((&mut self.task).await)
    }

    /// Stops it as a signal would, and waits for its end.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        let task = self.task.abort_handle();
        if timeout(PATIENCE, self.task).await.is_err() {
            task.abort();
        }
    }
}

impl Fresh {
    /// Makes an account, and a client for each service, as an operator would.
    pub(super) async fn furnish(&self) -> Result<Accounts, DemoError> {
        let api = &self.api;
        let (root, password) = (password(), password());
        api.set_up(&self.set_up, "root", &root).await?;
        let operator = api.sign_in("root", &root, "Console").await?;
        let console = api.add_service(&operator.access, "console", ADMINISTER).await?;
        let mut services = Vec::new();
        for name in SERVICES {
            services.push(api.add_service(&operator.access, name, rescind_wire::feed::FEED_SCOPE).await?);
        }
        api.sign_up(LOGIN, &password).await?;
        Ok(Accounts { password, console, services })
    }
}

fn ended_early(ended: Result<Result<(), ServeError>, tokio::task::JoinError>) -> DemoError {
    match ended {
        Ok(Err(error)) => DemoError::Serve(Arc::new(error)),
        Ok(Ok(())) | Err(_) => DemoError::Part("the authority"),
    }
}

/// One that nobody can guess: others on this machine reach the authority, too.
fn password() -> String {
    let mut bytes = [0; 18];
    SystemEntropy.fill(&mut bytes);
    BASE64URL_NOPAD.encode(&bytes)
}
