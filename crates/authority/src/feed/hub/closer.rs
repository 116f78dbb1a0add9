//! How a connection is told to close.

use std::sync::OnceLock;
use std::time::Duration;

use rescind_wire::feed::Closing;
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long a verifier whose client was cut may take to acknowledge that.
const PARTING: Duration = Duration::from_secs(1);

/// How a connection is told to close.
#[derive(Debug, Default)]
pub struct Closer {
    parting: OnceLock<()>,
    reason: OnceLock<Closing>,
    told: Notify,
}

impl Closer {
    /// At once.
    pub(super) fn close(&self, reason: Closing) {
        // The first reason counts.
        let _ = self.reason.set(reason);
        self.told.notify_one();
    }

    /// Soon, unless it is told to close before: the client was cut.
    pub(super) fn part(&self) {
        let _ = self.parting.set(());
        self.told.notify_one();
    }

    /// Resolves when the connection has to close.
    pub async fn closed(&self) -> Closing {
        while self.parting.get().is_none() && self.reason.get().is_none() {
            self.told.notified().await;
        }
        let closed = async {
            loop {
                if let Some(reason) = self.reason.get() {
                    return *reason;
                }
                self.told.notified().await;
            }
        };
        timeout(PARTING, closed).await.unwrap_or(Closing::Evicted)
    }
}
