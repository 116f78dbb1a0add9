//! A verifier that says what it likes, and when.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rescind_wire::feed::{Ack, Hello, Message, Request, SUBPROTOCOL};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::scene::{PATIENCE, Scene};

pub(crate) struct Line {
    runtime: Runtime,
    socket: WebSocketStream<TcpStream>,
}

impl Line {
    /// Connects, and says nothing yet.
    pub(crate) fn new(scene: &Scene) -> Self {
        Self::connect(scene.server.address, &scene.feed_token()).expect("connected")
    }

    /// Connects with a token; the status if that is refused.
    pub(crate) fn connect(address: SocketAddr, token: &str) -> Result<Self, u16> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut request = format!("ws://{address}/v1/feed").into_client_request().expect("a request");
        let headers = request.headers_mut();
        headers.insert("authorization", format!("Bearer {token}").parse().expect("a header"));
        headers.insert("sec-websocket-protocol", SUBPROTOCOL.parse().expect("a header"));
        let socket = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.expect("connected");
            match tokio_tungstenite::client_async(request, stream).await {
                Ok((socket, _)) => Ok(socket),
                Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
                Err(error) => panic!("{error}"),
            }
        })?;
        Ok(Self { runtime, socket })
    }

    /// Connects, says hello, and takes what it is told until it has everything.
    pub(crate) fn following(scene: &Scene, name: &str, lease: Duration) -> (Self, u64) {
        let mut line = Self::new(scene);
        line.hello(name, lease);
        let Message::Snapshot(snapshot) = line.hear() else { panic!("no snapshot") };
        let mut position = snapshot.floor;
        while position < snapshot.position {
            let Message::Entries(frame) = line.hear() else { panic!("no entries") };
            position = frame.entries.last().expect("an entry").number;
        }
        (line, position)
    }

    pub(crate) fn hello(&mut self, name: &str, lease: Duration) {
        let lease_ms = u64::try_from(lease.as_millis()).expect("a short one");
        self.say(&Request::Hello(Hello { verifier: name.into(), lease_ms, held: None }));
    }

    pub(crate) fn say(&mut self, request: &Request) {
        self.say_text(&serde_json::to_string(request).expect("JSON"));
    }

    pub(crate) fn say_text(&mut self, text: &str) {
        self.runtime.block_on(self.socket.send(Frame::text(text))).expect("sent");
    }

    pub(crate) fn ack(&mut self, position: u64, number: u64) {
        self.say(&Request::Ack(Ack { position, number }));
    }

    /// Whoever was hung up on is not heard.
    pub(crate) fn try_ack(&mut self, position: u64, number: u64) {
        let text = serde_json::to_string(&Request::Ack(Ack { position, number })).expect("JSON");
        let _ = self.runtime.block_on(self.socket.send(Frame::text(text)));
    }

    /// The next message.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> Message {
        self.hear_or_end().expect("a message before the end")
    }

    /// The next message; nothing at the end.
    #[track_caller]
    pub(crate) fn hear_or_end(&mut self) -> Option<Message> {
        self.runtime.block_on(async {
            loop {
                match timeout(PATIENCE, self.socket.next()).await.expect("something is said") {
                    Some(Ok(Frame::Text(text))) => return Some(serde_json::from_str(&text).expect("a message")),
                    Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                    Some(Ok(_) | Err(_)) | None => return None,
                }
            }
        })
    }

    /// The next message that is not one that only says that nothing is new.
    #[track_caller]
    pub(crate) fn hear_ahead(&mut self) -> Message {
        loop {
            match self.hear() {
                Message::Entries(frame) if frame.entries.is_empty() => {}
                message => return message,
            }
        }
    }

    /// Acknowledges again and again, as a verifier does, until it is echoed.
    #[track_caller]
    pub(crate) fn until_echoed(&mut self, position: u64, mut number: u64) -> u64 {
        loop {
            self.ack(position, number);
            match self.hear_soon() {
                Some(Message::Echo { number: echoed }) => return echoed,
                Some(Message::Close { reason, detail }) => panic!("{reason:?} {detail}"),
                _ => number += 1,
            }
        }
    }

    fn hear_soon(&mut self) -> Option<Message> {
        let next = self.runtime.block_on(async { timeout(Duration::from_millis(200), self.socket.next()).await });
        match next {
            Ok(Some(Ok(Frame::Text(text)))) => Some(serde_json::from_str(&text).expect("a message")),
            Ok(_) | Err(_) => None,
        }
    }

    /// Why the authority closes the connection.
    #[track_caller]
    pub(crate) fn until_closed(&mut self) -> &'static str {
        loop {
            if let Message::Close { reason, .. } = self.hear() {
                return reason.as_str();
            }
        }
    }
}
