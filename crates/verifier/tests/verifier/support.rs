//! A verifier, its keeper, a clock that the test sets, and tokens signed with known keys.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use rescind_verifier::{Builder, Clock, Health, Keeper, Presented, Rejected, Snapshot, Verified, Verifier};
use rescind_wire::jwt::{ACCESS_TOKEN_TYPE, signing_input, with_signature};
use rescind_wire::key::Material;
use rescind_wire::{
    AccessClaims, Algorithm, Audience, Change, ClientId, Entry, Epoch, Epochs, Jwk, KeyId, Position, Scope, SessionId,
    Subject, TokenId, UserId,
};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
/// The wall clock at which every test begins, in seconds.
pub(crate) const START: u64 = 1_800_000_000;
pub(crate) const LIFETIME: u64 = 300;
pub(crate) const SKEW: u64 = 30;
pub(crate) const LEASE: Duration = Duration::from_secs(5);
/// The position that every test begins at, which is also the floor.
pub(crate) const HEAD: u64 = 100;

pub(crate) fn user(n: u8) -> UserId {
    UserId::from_bytes([n; 16])
}

pub(crate) fn session(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

pub(crate) fn numbered_session(n: u64) -> SessionId {
    SessionId::from_bytes(u128::from(n).to_be_bytes())
}

pub(crate) fn client(name: &str) -> ClientId {
    name.parse().expect("a client id")
}

pub(crate) fn epoch(n: u8) -> Epoch {
    Epoch::from_bytes([n; 10])
}

pub(crate) fn at(number: u64) -> Position {
    Position { epoch: epoch(1), number }
}

/// An Ed25519 key that is the same in every run.
pub(crate) struct Signer {
    pub(crate) kid: KeyId,
    pair: Ed25519KeyPair,
}

impl Signer {
    pub(crate) fn new(n: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[n; 32]).expect("a seed");
        Self { kid: format!("key-{n}").parse().expect("a key id"), pair }
    }

    pub(crate) fn jwk(&self) -> Jwk {
        let x = BASE64URL_NOPAD.encode(self.pair.public_key().as_ref());
        let material = Material::Okp { crv: "Ed25519".to_owned(), x };
        Jwk { kid: self.kid.clone(), alg: Algorithm::EdDSA, usage: "sig".to_owned(), material }
    }

    pub(crate) fn sign(&self, claims: &AccessClaims) -> String {
        self.sign_as(ACCESS_TOKEN_TYPE, claims)
    }

    pub(crate) fn sign_as(&self, typ: &str, claims: &impl serde::Serialize) -> String {
        let input = signing_input(&self.kid, Algorithm::EdDSA, typ, claims).expect("claims are JSON");
        self.sign_input(input)
    }

    /// Signs any text before the last dot.
    pub(crate) fn sign_input(&self, input: String) -> String {
        let signature = self.pair.sign(input.as_bytes());
        with_signature(input, signature.as_ref())
    }
}

/// A clock that stands still unless told, and may run something of the test's at the moment when it is read.
#[derive(Default)]
pub(crate) struct ManualClock {
    wall: AtomicU64,
    boottime: AtomicU64,
    at_wall: Mutex<Option<Hook>>,
    at_boottime: Mutex<Option<Hook>>,
}

type Hook = Box<dyn FnOnce() + Send>;

impl ManualClock {
    pub(crate) fn set_wall(&self, seconds: u64) {
        self.wall.store(seconds * 1000, Ordering::SeqCst);
    }

    /// Time goes by on both clocks.
    pub(crate) fn advance(&self, time: Duration) {
        self.wall.fetch_add(u64::try_from(time.as_millis()).expect("short"), Ordering::SeqCst);
        self.boottime.fetch_add(u64::try_from(time.as_nanos()).expect("short"), Ordering::SeqCst);
    }

    /// Runs `hook` once, the next time that the wall clock is about to be read.
    pub(crate) fn at_wall(&self, hook: impl FnOnce() + Send + 'static) {
        *self.at_wall.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
    }

    /// Runs `hook` once, the next time that the boot-time clock is about to be read.
    pub(crate) fn at_boottime(&self, hook: impl FnOnce() + Send + 'static) {
        *self.at_boottime.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
    }
}

fn run(hook: &Mutex<Option<Hook>>) {
    let hook = hook.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(hook) = hook {
        hook();
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> u64 {
        run(&self.at_wall);
        self.wall.load(Ordering::SeqCst)
    }

    fn boottime(&self) -> Duration {
        run(&self.at_boottime);
        Duration::from_nanos(self.boottime.load(Ordering::SeqCst))
    }
}

/// Everything that a test needs. It begins synced, at position [`HEAD`] of epoch 1, with a fresh lease.
pub(crate) struct World {
    pub(crate) verifier: Verifier,
    pub(crate) keeper: Keeper,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) signer: Signer,
    pub(crate) head: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let mut world = Self::unsynced(configure);
        world.keeper.reset(world.snapshot(HEAD, HEAD)).expect("a good snapshot");
        world.extend();
        world
    }

    /// Before the authority was heard.
    pub(crate) fn unsynced(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = Arc::new(ManualClock::default());
        clock.advance(Duration::from_secs(1000));
        clock.set_wall(START);
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE).skew(Duration::from_secs(SKEW)).seed([9; 32]);
        let (verifier, keeper) = configure(builder.clock(clock.clone())).parts().expect("good settings");
        Self { verifier, keeper, clock, signer: Signer::new(1), head: HEAD }
    }

    /// A snapshot of epoch 1 whose entries revoke sessions that nobody has.
    pub(crate) fn snapshot(&self, position: u64, floor: u64) -> Snapshot {
        Snapshot {
            epochs: Epochs::first(epoch(1)),
            position,
            floor,
            floor_at: Some(0),
            longest_lifetime: LIFETIME,
            keys: vec![self.signer.jwk()],
            entries: (floor + 1..=position).map(unrelated).collect(),
        }
    }

    pub(crate) fn extend(&mut self) {
        let deadline = self.clock.boottime() + LEASE;
        self.keeper.extend(deadline).expect("followed");
    }

    /// The next entry of the log arrives, and the lease is renewed.
    pub(crate) fn revoke(&mut self, scope: Scope) -> u64 {
        self.arrive(Change::Revoke(scope))
    }

    pub(crate) fn arrive(&mut self, change: Change) -> u64 {
        self.head += 1;
        self.keeper.apply(&[entry(self.head, change)]).expect("the next entry");
        self.extend();
        self.head
    }

    /// Claims of user 1 in session 1 through the client `app`, issued now at the head.
    pub(crate) fn claims(&self) -> AccessClaims {
        let now = self.clock.wall() / 1000;
        AccessClaims {
            iss: ISSUER.to_owned(),
            sub: Subject::User(user(1)),
            aud: Audience::One(AUDIENCE.to_owned()),
            client_id: client("app"),
            iat: now,
            exp: now + LIFETIME,
            nbf: None,
            jti: TokenId::from_bytes([1; 16]),
            rev: at(self.head),
            sid: Some(session(1)),
            scope: "read write".to_owned(),
            auth_time: None,
            amr: Vec::new(),
            acr: None,
            cnf: None,
        }
    }

    /// The next entry of the log arrives, which was written `at` that time (in milliseconds since the Unix epoch).
    pub(crate) fn revoke_at(&mut self, at: u64, scope: Scope) -> u64 {
        self.head += 1;
        let entry = Entry { at, ..revocation(self.head, scope) };
        self.keeper.apply(&[entry]).expect("the next entry");
        self.extend();
        self.head
    }

    /// A token with those claims, changed.
    pub(crate) fn token(&self, change: impl FnOnce(&mut AccessClaims)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.signer.sign(&claims)
    }

    /// The token of session `n` of user `u`, issued now at the head.
    pub(crate) fn token_of(&self, u: u8, n: u8) -> String {
        self.token(|claims| {
            claims.sub = Subject::User(user(u));
            claims.sid = Some(session(n));
            claims.jti = TokenId::from_bytes([n; 16]);
        })
    }

    /// A client's own token, issued now at the head.
    pub(crate) fn service_token(&self, name: &str) -> String {
        self.token(|claims| {
            claims.sub = Subject::Client(client(name));
            claims.client_id = client(name);
            claims.sid = None;
        })
    }

    pub(crate) fn check(&self, token: &str) -> Result<Verified, Rejected> {
        self.verifier.verify(&Presented::bearer(token))
    }

    pub(crate) fn health(&self) -> Health {
        self.verifier.health()
    }

    #[track_caller]
    pub(crate) fn accepts(&self, token: &str) -> Verified {
        self.check(token).expect("a good token")
    }

    #[track_caller]
    pub(crate) fn refuses(&self, token: &str) -> Rejected {
        match self.check(token) {
            Ok(verified) => panic!("accepted {verified:?}"),
            Err(rejected) => rejected,
        }
    }
}

pub(crate) fn entry(number: u64, change: Change) -> Entry {
    Entry { number, at: START * 1000, change, tag: format!("tag-{number}") }
}

pub(crate) fn revocation(number: u64, scope: Scope) -> Entry {
    entry(number, Change::Revoke(scope))
}

/// An entry that covers nothing that a test looks at.
pub(crate) fn unrelated(number: u64) -> Entry {
    revocation(number, Scope::Session { user: user(250), session: numbered_session(number) })
}

pub(crate) fn all_of(u: u8) -> Scope {
    all_but(u, None)
}

pub(crate) fn all_but(u: u8, except: Option<u8>) -> Scope {
    Scope::User { user: user(u), except: except.map(session), deleted: false }
}

pub(crate) fn one_session(u: u8, n: u8) -> Scope {
    Scope::Session { user: user(u), session: session(n) }
}

pub(crate) fn revoked(scope: &'static str, number: u64) -> Rejected {
    Rejected::Revoked { scope, number }
}
