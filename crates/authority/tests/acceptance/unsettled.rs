//! R8 across epochs: what a history that was lost had granted is waited for, as far as verifiers go that nobody can hear.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rescind::authority::Authority;
use rescind::config::Config;
use rescind::data_dir::DataDir;
use rescind::feed::lease::{counted, of_node};
use rescind::feed::{Follower, Line, Out, POLL};
use rescind::follower;
use rescind::store::sqlite::Role;
use rescind_domain::clock::Timestamp;
use rescind_domain::verbs::sign_in::{SignedIn, sign_in};
use rescind_domain::verbs::sign_up::{SignUp, sign_up};
use rescind_domain::verbs::{begin_epoch, keep_house, log_out};
use rescind_verifier::{Clock as _, Keeper, Presented, Verifier};
use rescind_wire::TokenId;
use rescind_wire::feed::Ack;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::clock::{GuardClock, TestClock};
use super::device::{OLD, Person, claims};
use super::guard::snapshot;
use super::house::{ISSUER, directory, password};

/// The lease of the verifier that is cut off.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

const SECOND: Duration = Duration::from_secs(1);

/// Of the tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A server on a machine whose clocks stand still.
pub(crate) struct Serving {
    pub(crate) authority: Arc<Authority>,
    follower: JoinHandle<()>,
}

impl Serving {
    pub(crate) async fn begin(folder: &Path, max_lease: Duration, machine: &Arc<GuardClock>) -> Self {
        let authority = open(folder, max_lease, Role::Server, machine).await;
        keep_house::record_lifetime(&authority.world).await.unwrap();
        let follower = tokio::spawn(follower::follow(Arc::clone(&authority)));
        let serving = Self { authority, follower };
        let head = serving.authority.world.store.position().await.unwrap();
        assert!(serving.authority.wait_for(head.number).await);
        while serving.authority.hub.row().is_none() {
            tokio::task::yield_now().await;
        }
        serving
    }

    /// The process is killed.
    pub(crate) async fn die(self) {
        self.follower.abort();
        assert!(self.follower.await.unwrap_err().is_cancelled());
        drop(Arc::into_inner(self.authority).expect("nothing else holds it"));
    }

    pub(crate) async fn sign_up(&self, login: &str) -> Person {
        let request = SignUp { login: login.into(), password: password(OLD), address: None, idempotency: None };
        let user = sign_up(&self.authority.world, request).await.unwrap();
        Person { id: user.id, login: user.login }
    }

    pub(crate) async fn sign_in(&self, person: &Person) -> SignedIn {
        sign_in(&self.authority.world, person.request(OLD)).await.unwrap()
    }
}

async fn open(folder: &Path, max_lease: Duration, role: Role, machine: &Arc<GuardClock>) -> Arc<Authority> {
    let data = DataDir::open_or_make(folder).unwrap();
    let mut config = Config::default();
    config.feed.max_lease = max_lease;
    Authority::open_by(Arc::new(config), &data, role, ISSUER.into(), Arc::clone(machine) as Arc<_>).await.unwrap()
}

/// A verifier with a lease, which hears no more from now on.
async fn cut_off(authority: &Authority, machine: &Arc<GuardClock>) -> (Verifier, Keeper) {
    let builder = Verifier::builder(ISSUER).audience(ISSUER).clock(Arc::clone(machine) as Arc<_>);
    let (verifier, mut keeper) = builder.parts().unwrap();
    let world = authority.world.clone();
    let read = authority.world.store.read("snapshot", move |view| snapshot(view, &world, None));
    keeper.reset(read.await.unwrap()).unwrap();
    let Following { written, .. } = follow(authority, machine).await;
    keeper.extend(written + LEASE).unwrap();
    (verifier, keeper)
}

/// A connection to the node, which holds a lease.
pub(crate) struct Following {
    pub(crate) line: Line,
    /// What was acknowledged, and echoed.
    pub(crate) ack: Ack,
    /// When that was written: the lease runs from then on.
    pub(crate) written: Duration,
}

/// Follows, and acknowledges until it holds a lease.
pub(crate) async fn follow(authority: &Authority, machine: &Arc<GuardClock>) -> Following {
    let head = authority.world.store.position().await.unwrap();
    let follower = Follower {
        name: "edge".into(),
        client: "edge".parse().unwrap(),
        token: TokenId::from_bytes([1; 16]),
        key: "key_one".parse().unwrap(),
        position: head,
        address: None,
        lease: LEASE,
        since: Timestamp(0),
    };
    let mut line = authority.hub.connect(follower, 1).expect("let in");
    assert!(authority.hub.go_live(line.id, head).expect("the same epoch"));
    let written = machine.boottime();
    let mut ack = Ack { position: head.number, number: 1 };
    loop {
        if authority.hub.ack(line.id, ack, written).expect("in its turn") {
            authority.hint();
        }
        if echoed(&mut line).await {
            return Following { line, ack, written };
        }
        ack.number += 1;
    }
}

async fn echoed(line: &mut Line) -> bool {
    let heard = async {
        while let Some(out) = line.queue.recv().await {
            if matches!(out, Out::Echo(_)) {
                return true;
            }
        }
        false
    };
    timeout(SECOND, heard).await.unwrap_or(false)
}

/// A backup is made before a verifier is granted a long lease; then that verifier is cut off, the server killed, and the
/// backup put in the store's place. No verifier that it grants now may have a lease as long.
async fn nothing_is_enforced_before_the_lost_lease_is_over(restored: bool) {
    let (dir, truth) = (directory(), TestClock::new());
    let machine = GuardClock::beside(&truth);
    let (folder, backup) = (dir.path().join("data"), dir.path().join("backup.db"));
    let serving = Serving::begin(&folder, LEASE, &machine).await;
    let ann = serving.sign_up("ann").await;
    serving.authority.sqlite.backup(&backup).unwrap();
    // The log goes on beyond the backup.
    let former = serving.sign_in(&ann).await;
    let receipt = log_out::log_out(&serving.authority.world, &claims(former.access.token.expose()).0, None).await;
    serving.authority.enforced_here(&receipt.unwrap().unwrap()).await;
    let phone = serving.sign_in(&ann).await;
    let token = phone.access.token.expose();
    let (verifier, _keeper) = cut_off(&serving.authority, &machine).await;
    verifier.verify(&Presented::bearer(token)).unwrap();
    serving.die().await;

    for name in ["rescind.db", "rescind.db-wal", "rescind.db-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    std::fs::copy(&backup, folder.join("rescind.db")).unwrap();
    if restored {
        let tool = open(&folder, SECOND, Role::Tool, &machine).await;
        begin_epoch::after_restore(&tool.world, false).await.unwrap();
    }
    let serving = Serving::begin(&folder, SECOND, &machine).await;
    assert!(serving.authority.verify(&Presented::bearer(token)).await.is_err(), "it proves that the store went back");
    let ended = serving.authority.world.store.position().await.unwrap().number;
    let accepted = || verifier.verify(&Presented::bearer(token)).is_ok();
    let enforcement = |patience| serving.authority.enforcement(ended, patience);
    // By the clock that stands still. It sees now what rows of nodes there are.
    let mut waiting = Box::pin(enforcement(Duration::from_hours(10)));
    assert!(timeout(POLL * 3, &mut waiting).await.is_err());
    truth.advance(LEASE - SECOND);
    // In the end nothing keeps it but that verifier.
    let nodes_are_gone = async {
        loop {
            tokio::select! {
                found = &mut waiting => panic!("{found:?}, and it is accepted: {}", accepted()),
                found = enforcement(Duration::ZERO) => {
                    if found.unwrap().pending.iter().all(|pending| !pending.verifier.starts_with("node")) {
                        break;
                    }
                }
            }
        }
    };
    timeout(PATIENCE, nodes_are_gone).await.expect("they lapse");
    assert!(accepted());
    truth.advance(counted(of_node(LEASE)) - LEASE);
    assert!(!accepted());
    assert!(!enforcement(Duration::ZERO).await.unwrap().enforced, "it may have been another node's");
    let enforced = async {
        while timeout(POLL, &mut waiting).await.is_err() {
            truth.advance(SECOND);
        }
    };
    timeout(PATIENCE, enforced).await.expect("in the end it is enforced");
    drop(waiting);
    serving.die().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g7_after_a_restore_nothing_is_enforced_while_a_verifier_of_the_lost_history_accepts() {
    nothing_is_enforced_before_the_lost_lease_is_over(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g7_after_a_data_file_was_put_back_nothing_is_enforced_while_a_verifier_of_the_lost_history_accepts() {
    nothing_is_enforced_before_the_lost_lease_is_over(false).await;
}
