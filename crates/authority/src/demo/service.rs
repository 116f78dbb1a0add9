//! A service of the demo: one route behind the layer of the verifier crate, with a verifier that follows the feed.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use rescind_verifier::Verifier;
use rescind_verifier::web::VerifyLayer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::DemoError;
use super::api::Credentials;

/// A service that listens.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    verifier: Verifier,
}

impl Service {
    /// Starts one among `parts`, on any free port of this machine.
    pub(super) async fn start(
        name: &'static str,
        authority: &str,
        client: &Credentials,
        parts: &mut JoinSet<&'static str>,
    ) -> Result<Self, DemoError> {
        let builder = Verifier::builder(authority).audience(authority).name(name);
        let verifier = builder.client(&client.id, &client.secret).build()?;
        let app = Router::new().route("/", get(async || "here you are\n")).layer(VerifyLayer::new(verifier.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        // Whoever measures milliseconds must not wait for a fuller packet.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        parts.spawn(async move {
            let _ = axum::serve(listener, app).await;
            name
        });
        Ok(Self { name, address, verifier })
    }

    /// The last entry of the log that its verifier has applied.
    pub(super) fn position(&self) -> Option<u64> {
        self.verifier.health().position.map(|position| position.number)
    }

    /// Has its verifier say goodbye.
    pub(super) async fn leave(&self) {
        self.verifier.leave().await;
    }
}

fn unheard(error: std::io::Error) -> DemoError {
    DemoError::Listen(error.into())
}
