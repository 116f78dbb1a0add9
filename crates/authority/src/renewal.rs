//! What was read from files and is read again while the server runs: at SIGHUP, and when the files change.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
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
    let mut hangups = pin!(
        stream::poll_fn(move |context| match &mut hangups {
            Some(hangups) => hangups.poll_recv(context),
            None => std::task::Poll::Ready(None),
        })
        .fuse()
    );
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

/// Waits for the next time that somebody tells us. Where nobody can any more, it waits for ever.
async fn told(hangups: &mut (impl Stream<Item = ()> + Unpin)) {
    if hangups.next().await.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn where_nobody_can_tell_any_more_nothing_is_told() {
        let mut hangups = stream::iter([()]);
        assert_eq!(told(&mut hangups).now_or_never(), Some(()));
        assert_eq!(told(&mut hangups).now_or_never(), None);
    }
}
