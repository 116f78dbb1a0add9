//! `rescind demo`: an authority, three services that follow it and two devices that call them, all real and all in this
//! process, which speak to each other over sockets only. Devices are ended by a key, or by a script where there is no
//! terminal, and what is said of it was measured by the devices themselves.

mod api;
mod authority;
mod device;
mod ending;
mod folder;
mod plain;
mod screen;
mod service;
mod stage;
mod view;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rescind_verifier::SetupError;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::config::Problems;
use crate::serve::ServeError;
use authority::{Authority, Fresh};
use ending::and;
use folder::Folder;
use stage::Stage;

/// The services.
const SERVICES: [&str; 3] = ["catalog", "cart", "payments"];

/// The devices.
const DEVICES: [&str; 2] = ["Laptop", "Phone"];

/// Whose devices they are.
const LOGIN: &str = "ann";

/// For how long tasks that were told to end may take to do so.
const ENDING: Duration = Duration::from_secs(5);

/// How a demo is given.
#[derive(Clone, Debug)]
pub struct Options {
    /// Without a terminal: a fixed script, a line for each happening, no escape sequences.
    pub plain: bool,
    /// Whether a terminal may be coloured.
    pub colour: bool,
    /// The folder in which the demo makes, and removes, one of its own.
    pub below: PathBuf,
}

/// Why a demo ended early, or did not show what it had to.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DemoError {
    /// Its folder cannot be made.
    #[error("no folder can be made in {}: {error}", below.display())]
    Folder {
        /// Where.
        below: PathBuf,
        /// Why not.
        error: Arc<io::Error>,
    },
    /// There is no runtime.
    #[error("no runtime: {0}")]
    Runtime(Arc<io::Error>),
    /// The authority's settings.
    #[error(transparent)]
    Configuration(Problems),
    /// The authority does not run.
    #[error(transparent)]
    Serve(Arc<ServeError>),
    /// A verifier cannot be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A service cannot listen.
    #[error("a service cannot listen: {0}")]
    Listen(Arc<io::Error>),
    /// The authority did not do what it was asked.
    #[error("the authority: {path}: {why}")]
    Call {
        /// What was asked.
        path: String,
        /// What was answered.
        why: String,
    },
    /// A device that signed in is not let in.
    #[error("{0} signed in, and was not accepted by every service in time")]
    NotAccepted(&'static str),
    /// Something that has to run ended.
    #[error("a part of the demo has ended: {0}")]
    Part(&'static str),
    /// The terminal cannot be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(Arc<io::Error>),
    /// Nobody reads what is said.
    #[error("the output cannot be written: {0}")]
    Output(Arc<io::Error>),
    /// Signals of the system cannot be waited for.
    #[error("signals cannot be received: {0}")]
    Signals(Arc<io::Error>),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
    /// Something was not as it must be.
    #[error("not as it must be: {}", .0.join("; "))]
    Faults(Vec<String>),
}

impl DemoError {
    /// The outcome of a demo that came to its end.
    fn judge(faults: Vec<String>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self::Faults(faults)) }
    }
}

/// Gives a demo, until its script or its viewer ends it. Nothing is left of it: no process, no port, no folder.
pub fn demo(options: &Options) -> Result<(), DemoError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| DemoError::Runtime(Arc::new(error)))?;
    // Before there is anything that a signal could leave behind.
    let interrupted = runtime.block_on(async { Interrupted::new() });
    let interrupted = interrupted.map_err(|error| DemoError::Signals(Arc::new(error)))?;
    let folder = Folder::make(&options.below)
        .map_err(|error| DemoError::Folder { below: options.below.clone(), error: Arc::new(error) })?;
    let outcome = runtime.block_on(run(options, &folder, interrupted));
    // Before the folder goes: what still ends may write into it.
    runtime.shutdown_timeout(ENDING);
    outcome
}

async fn run(options: &Options, folder: &Folder, mut interrupted: Interrupted) -> Result<(), DemoError> {
    let (mut authority, fresh) = tokio::select! {
        authority = Authority::start(folder) => authority?,
        () = interrupted.wait() => return Err(DemoError::Interrupted),
    };
    let mut parts = JoinSet::new();
    let outcome = tokio::select! {
        outcome = give(options, fresh, &mut parts) => outcome,
        error = authority.ended() => return Err(error),
        () = interrupted.wait() => Err(DemoError::Interrupted),
    };
    parts.shutdown().await;
    authority.stop().await;
    outcome
}

async fn give(options: &Options, fresh: Fresh, parts: &mut JoinSet<&'static str>) -> Result<(), DemoError> {
    let stage = Arc::new(Stage::set(fresh, parts).await?);
    let shown = async {
        if options.plain {
            plain::run(&stage, &mut io::stdout()).await
        } else {
            screen::run(&stage, options.colour).await
        }
    };
    let outcome = tokio::select! {
        outcome = shown => outcome,
        ended = parts.join_next() => Err(DemoError::Part(ended.and_then(Result::ok).unwrap_or("a task"))),
    };
    stage.leave().await;
    outcome
}

/// What is said first.
fn opening(stage: &Stage) -> String {
    format!("An authority on {}, followed by three services: {}", stage.authority(), and(&SERVICES))
}

/// The signals that end a demo.
struct Interrupted([Signal; 3]);

impl Interrupted {
    fn new() -> io::Result<Self> {
        let of = |kind| signal(kind);
        Ok(Self([of(SignalKind::interrupt())?, of(SignalKind::terminate())?, of(SignalKind::hangup())?]))
    }

    async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_with_a_fault_fails_and_names_it() {
        assert!(DemoError::judge(Vec::new()).is_ok());
        let failed = DemoError::judge(vec!["cart accepted Phone".to_owned(), "two".to_owned()]).expect_err("faults");
        assert_eq!(failed.to_string(), "not as it must be: cart accepted Phone; two");
    }
}
