//! What was read from files and is read again while the server runs: at SIGHUP, and when the files change.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;

/// How often files are looked at.
pub const EVERY: Duration = Duration::from_mins(1);

/// Why files are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An operator asked for it.
    Told,
    /// They may have changed.
    Look,
}

/// Something that was read from files.
pub trait Renew: Send + Sync {
    /// Reads the files again if need be, takes what they hold if it can be used, and logs what came of it. It may block.
    fn renew(&self, cause: Cause);
}

/// Renews at every SIGHUP, and looks at the files this often, for ever.
pub async fn keep(things: Vec<Arc<dyn Renew>>, mut hangups: Option<Signal>, every: Duration) {
    loop {
        let cause = tokio::select! {
            () = told(&mut hangups) => Cause::Told,
            () = tokio::time::sleep(every) => Cause::Look,
        };
        for thing in &things {
            let thing = Arc::clone(thing);
            let renewed = tokio::task::spawn_blocking(move || thing.renew(cause)).await;
            if let Err(error) = renewed {
                tracing::error!(%error, "files were not read again");
            }
        }
    }
}

async fn told(hangups: &mut Option<Signal>) {
    match hangups {
        Some(hangups) => {
            // None if the runtime ends.
            let _ = hangups.recv().await;
        }
        None => std::future::pending().await,
    }
}
