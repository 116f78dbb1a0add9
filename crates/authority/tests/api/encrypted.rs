//! HTTPS as clients find it that know the protocol, that do not, and that never finish.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rescind::http::server::{self, Entrance, Limits};
use rescind::renewal::{self, Cause, Renew};
use rescind::tls::{Age, Tls, TlsError};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::certificates::{authorities, issue};
use super::clock::TestClock;
use super::harness::Harness;
use super::sockets::{read_all, status};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// For how long the certificate is.
const DAYS: i32 = 90;

const DAY: Duration = Duration::from_hours(24);

/// What a client offers to speak that speaks nothing but HTTP/1.1.
const PLAIN: &[&str] = &["http/1.1"];

/// The API behind TLS.
pub(super) struct Door {
    pub(super) harness: Harness,
    folder: TempDir,
    tls: Arc<Tls>,
    clock: Arc<TestClock>,
    address: SocketAddr,
    pub(super) stop: Option<oneshot::Sender<()>>,
    pub(super) server: JoinHandle<()>,
}

impl Door {
    pub(super) async fn open(limit: impl FnOnce(&mut Limits)) -> Self {
        Self::of(Harness::start().await, limit).await
    }

    pub(super) async fn of(harness: Harness, limit: impl FnOnce(&mut Limits)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        authorities(folder.path());
        issue(folder.path(), "server", "IP:127.0.0.1", DAYS);
        let clock = TestClock::start();
        let [cert, key] = ["server.pem", "server.key"].map(|file| folder.path().join(file));
        let tls = Arc::new(Tls::open(&cert, &key, clock.clone()).expect("certificate and key"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut limits = Limits::from(&harness.authority.config.http);
        limit(&mut limits);
        let (stop, stopped) = oneshot::channel::<()>();
        let entrance = Entrance::new(listener, Some(Arc::clone(&tls)));
        let router = rescind::http::router_with_certificate(Arc::clone(&harness.authority), entrance.tls());
        let server = tokio::spawn(async move {
            server::run(entrance, router, limits, async { drop(stopped.await) }).await.expect("served");
        });
        Self { harness, folder, tls, clock, address, stop: Some(stop), server }
    }

    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connected")
    }

    /// Shakes hands with a client that trusts the operator's authority.
    async fn client(&self) -> TlsStream<TcpStream> {
        self.client_that_speaks(PLAIN).await
    }

    /// The same with one that offers these protocols (RFC 7301).
    pub(super) async fn client_that_speaks(&self, protocols: &[&str]) -> TlsStream<TcpStream> {
        self.shake(self.tcp().await, protocols).await
    }

    /// The same over a connection that has room for little that is not read.
    pub(super) async fn client_with_little_room(&self, protocols: &[&str]) -> TlsStream<TcpStream> {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("set");
        self.shake(socket.connect(self.address).await.expect("connected"), protocols).await
    }

    async fn shake(&self, stream: TcpStream, protocols: &[&str]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        let pem = fs::read(self.folder.path().join("ca.pem")).expect("a certificate");
        roots.add(CertificateDer::from_pem_slice(&pem).expect("PEM")).expect("a certificate");
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("shaken hands")
    }

    /// The certificate that a client is shown.
    async fn shown(&self) -> CertificateDer<'static> {
        let client = self.client().await;
        let (_, session) = client.get_ref();
        session.peer_certificates().and_then(<[_]>::first).expect("a certificate").clone()
    }

    /// The certificate that is on the disk.
    fn issued(&self) -> CertificateDer<'static> {
        let pem = fs::read(self.folder.path().join("server.pem")).expect("a certificate");
        CertificateDer::from_pem_slice(&pem).expect("PEM")
    }

    /// What one request is answered with, and how the connection ends.
    async fn ask(&self, head: &str) -> String {
        let mut client = self.client().await;
        client.write_all(head.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("ended as TLS wants it");
        answer
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.server.abort();
    }
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn over_tls_requests_are_answered_and_the_connection_ends_as_tls_wants_it() {
    let door = Door::open(|_| {}).await;
    assert_eq!(status(&door.ask(HEALTH).await), "200");
    let client = door.client().await;
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let long = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(64_000));
    let mut client = door.client().await;
    client.write_all(long.as_bytes()).await.expect("sent");
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 431", "heads are bounded as they are without");
}

#[tokio::test]
async fn g6_garbage_instead_of_a_handshake_is_hung_up_on_and_the_server_goes_on() {
    let door = Door::open(|_| {}).await;
    let garbage: [&[u8]; 6] = [
        b"\x16\x03\x01\x00\x05garbage that is no handshake",
        b"\x16\x03\x01\xff\xff",
        &[0; 2000],
        b"\x80\x2e\x01\x00\x02",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ];
    for bytes in garbage {
        let mut stream = door.tcp().await;
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let answer = read_all(&mut stream).await;
        assert!(matches!(status(&answer), "none" | "400"), "{bytes:?}: {answer:?}");
    }
    assert_eq!(status(&door.ask(HEALTH).await), "200");
    door.harness.get("/healthz").expect(200).await;
}

#[tokio::test]
async fn whoever_does_not_finish_a_handshake_is_hung_up_on() {
    let door = Door::open(|limits| limits.header_timeout = Duration::from_millis(200)).await;
    for bytes in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\n"] {
        let mut stream = door.tcp().await;
        stream.write_all(bytes).await.expect("sent");
        let answer = read_all(&mut stream).await;
        assert!(matches!(status(&answer), "none" | "400"), "{bytes:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_handshake_under_way_counts_as_a_connection() {
    let door = Door::open(|limits| (limits.connections, limits.header_timeout) = (1, PATIENCE)).await;
    let mut slow = door.tcp().await;
    slow.write_all(b"\x16").await.expect("sent");
    let early = tokio::time::timeout(Duration::from_millis(100), door.client()).await;
    assert!(early.is_err(), "served although there was no room");
    drop(slow);
    let late = tokio::time::timeout(PATIENCE, door.ask(HEALTH)).await;
    assert_eq!(status(&late.expect("there is room again")), "200");
}

#[tokio::test]
async fn a_shutdown_waits_for_no_handshake() {
    let patient =
        |limits: &mut Limits| (limits.header_timeout, limits.request_timeout) = (PATIENCE * 10, PATIENCE * 10);
    let mut door = Door::open(patient).await;
    let mut slow = door.tcp().await;
    slow.write_all(b"\x16").await.expect("sent");
    // It was accepted: what came after it was answered.
    assert_eq!(status(&door.ask(HEALTH).await), "200");
    drop(door.stop.take());
    tokio::time::timeout(PATIENCE, &mut door.server).await.expect("it stops").expect("without a panic");
}

#[tokio::test]
async fn a_new_certificate_is_taken_once_it_is_whole_and_until_then_the_old_one_goes_on() {
    let door = Door::open(|_| {}).await;
    let (old, kept) = (door.shown().await, door.client().await);
    assert_eq!(old, door.issued());
    assert!(matches!(door.tls.take(Cause::Look), Ok(false)), "nothing has changed");
    let key = door.folder.path().join("server.key");
    let old_key = fs::read(&key).expect("a key");
    issue(door.folder.path(), "server", "IP:127.0.0.1", 2);
    let new_key = fs::read(&key).expect("a key");
    // As if the key were written a moment after the certificate.
    fs::write(&key, old_key).expect("written");
    assert!(matches!(door.tls.take(Cause::Look), Err(TlsError::Mismatch { .. })));
    assert!(matches!(door.tls.take(Cause::Look), Ok(false)), "said once");
    assert!(matches!(door.tls.take(Cause::Told), Err(TlsError::Mismatch { .. })), "and when asked");
    fs::remove_file(&key).expect("removed");
    assert!(matches!(door.tls.take(Cause::Look), Err(TlsError::Unreadable { .. })));
    assert!(matches!(door.tls.take(Cause::Look), Ok(false)), "said once");
    assert_eq!(door.shown().await, old);
    fs::write(&key, new_key).expect("written");
    assert!(matches!(door.tls.take(Cause::Look), Ok(true)));
    let new = door.shown().await;
    assert!(new != old && new == door.issued());
    let mut kept = kept;
    kept.write_all(HEALTH.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    kept.read_to_string(&mut answer).await.expect("an answer");
    assert_eq!(status(&answer), "200", "connections outlive the certificate that they began with");
}

#[tokio::test]
async fn a_renewed_certificate_that_clients_would_refuse_is_not_taken() {
    let door = Door::open(|_| {}).await;
    let old = door.shown().await;
    let refused = |cause| match door.tls.take(cause) {
        Err(TlsError::OutOfTime { concern, .. }) => concern,
        other => panic!("{other:?}"),
    };
    issue(door.folder.path(), "server", "IP:127.0.0.1", -1);
    assert!(refused(Cause::Look).starts_with("expired at 20"));
    assert!(matches!(door.tls.take(Cause::Look), Ok(false)), "said once");
    assert!(refused(Cause::Told).starts_with("expired at 20"));
    issue(door.folder.path(), "server", "IP:127.0.0.1", 2);
    door.clock.sign_in_the_past(DAY);
    assert!(refused(Cause::Look).starts_with("is not valid before 20"));
    assert!(matches!(door.tls.take(Cause::Look), Ok(false)), "said once");
    assert_eq!(door.shown().await, old);
    door.clock.pass_on_the_wall(DAY);
    assert!(matches!(door.tls.take(Cause::Look), Ok(true)), "it is valid now");
    assert!(matches!(door.tls.take(Cause::Look), Ok(false)));
    assert_eq!(door.shown().await, door.issued());
}

#[tokio::test]
async fn the_end_of_a_certificate_is_told_daily_from_a_month_before_until_it_is_renewed() {
    let door = Door::open(|_| {}).await;
    let until = door.tls.not_after().expect("it says so");
    let in_the_metrics = format!("\nrescind_tls_certificate_not_after_seconds {until}\n");
    let metrics = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(door.ask(metrics).await.contains(&in_the_metrics));
    assert_eq!(door.tls.remind(), None);
    // And an hour, so that it does not matter in which second the certificate was made.
    door.clock.pass_on_the_wall(DAY * 61 + Duration::from_hours(1));
    door.tls.renew(Cause::Look);
    assert_eq!(door.tls.remind(), None, "it was told as the files were looked at");
    door.clock.pass_on_the_wall(DAY);
    assert_eq!(door.tls.remind(), Some(Age::Ending { until, days: 27 }));
    door.clock.pass_on_the_wall(DAY * 28);
    assert_eq!(door.tls.remind(), Some(Age::Expired { until }));
    assert_eq!(door.tls.remind(), None);
    door.clock.pass_on_the_wall(DAY);
    assert_eq!(door.tls.remind(), Some(Age::Expired { until }));
    issue(door.folder.path(), "server", "IP:127.0.0.1", DAYS * 3);
    door.tls.renew(Cause::Look);
    assert_eq!((door.tls.remind(), door.shown().await), (None, door.issued()));
    assert!(door.tls.not_after().is_some_and(|renewed| renewed > until));
}

#[tokio::test]
async fn files_are_looked_at_again_and_again() {
    let door = Door::open(|_| {}).await;
    let things = vec![Arc::clone(&door.tls) as Arc<dyn Renew>];
    let keeper = tokio::spawn(renewal::keep(things, None, Duration::from_millis(10)));
    for _ in 0..2 {
        issue(door.folder.path(), "server", "IP:127.0.0.1", 2);
        let taken = async { while door.shown().await != door.issued() {} };
        tokio::time::timeout(PATIENCE, taken).await.expect("taken");
    }
    keeper.abort();
}
