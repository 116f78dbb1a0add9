//! The authority put together: the world that verbs work with, and the verifier that protects its own API.

use std::num::NonZeroUsize;
use std::sync::Arc;

use aws_lc_rs::hmac;
use rescind_domain::acting::{Acting, Administrator};
use rescind_domain::entropy::Entropy as _;
use rescind_domain::keyring::{Keyring, RootKey};
use rescind_domain::node::NodeRow;
use rescind_domain::revocation::Receipt;
use rescind_domain::store::{Store, View};
use rescind_domain::throttle::Throttle;
use rescind_domain::verbs::evict_verifier::{Evicted, evict_verifier};
use rescind_domain::verbs::{administer_keys, begin_epoch};
use rescind_domain::{Error, World};
use rescind_verifier::{Authentic, Clock, Keeper, Presented, Rejected, SetupError, Verified, Verifier};
use rescind_wire::{Epoch, Position};
use tokio::sync::{Notify, watch};

use crate::activity::Activity;
use crate::ambient::{SystemClock, SystemEntropy};
use crate::branding::{Branding, BrandingError};
use crate::config::Config;
use crate::cookies::Cookies;
use crate::data_dir::{DataDir, DataDirError};
use crate::feed::lease::Time;
use crate::feed::{FollowerId, Hub, OWN_LEASE, Outcomes, Permitted, Watcher};
use crate::history::History;
use crate::live::Live;
use crate::passwords::{HashingPool, PoolError, PoolOptions, Strength};
use crate::places::{Places, PlacesError};
use crate::store::sqlite::{Fresh, OpenError, Options, Role, Sqlite};
use crate::traces::{self, Step, Tracer, TracesError};

/// An authority on a data folder.
pub struct Authority {
    /// What verbs work with.
    pub world: World,
    /// Checks the tokens of the authority's own API, from memory.
    pub verifier: Verifier,
    /// What was configured.
    pub config: Arc<Config>,
    /// The store, for its counters and for backups.
    pub sqlite: Arc<Sqlite>,
    /// The hashing pool, for its counters.
    pub hashing: Arc<HashingPool>,
    /// When devices were last seen, until it is written down.
    pub activity: Activity,
    /// Where addresses are, if a server was given a database of places.
    pub places: Option<Arc<Places>>,
    /// The verifiers that follow this node.
    pub hub: Arc<Hub>,
    /// What the pages' cookies stand for.
    pub(crate) cookies: Cookies,
    /// What the keys of forms and of requests that are sent twice are derived from.
    pub(crate) form_root: zeroize::Zeroizing<[u8; 32]>,
    /// How the operator makes the pages their own.
    pub(crate) branding: Branding,
    /// Those who watch their sessions change.
    pub live: Arc<Live>,
    /// What happened lately.
    pub history: History,
    /// Traces requests, if that is wanted.
    pub traces: Option<Arc<Tracer>>,
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) hint: Notify,
    /// The position that this node has published as reached by all its verifiers.
    pub(crate) published: watch::Sender<u64>,
    pub(crate) applied: watch::Sender<u64>,
    /// How many who asked on the socket in the data folder are not answered yet.
    pub(crate) asking: watch::Sender<usize>,
    /// Whether the server stops.
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) keeper: std::sync::Mutex<Option<Keeper>>,
    /// Whether it was said that a proxy seems to be in front that nobody named.
    pub(crate) unnamed_proxy: std::sync::Once,
    /// The longest lease that any node on this data folder ever had.
    pub(crate) permitted: Arc<Permitted>,
    /// The epoch whose predecessors' leases may run, and when this process first saw that.
    pub(crate) unsettled_since: std::sync::Mutex<Option<(Epoch, Time)>>,
    /// What this process sees of the nodes.
    pub(crate) watcher: Watcher,
    /// What was told of enforcements lately.
    pub(crate) outcomes: Outcomes,
}

/// Why an authority cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The hashing pool.
    #[error(transparent)]
    Hashing(#[from] PoolError),
    /// The verifier.
    #[error(transparent)]
    Verifier(#[from] SetupError),
    /// Anything that a verb refused.
    #[error(transparent)]
    Domain(#[from] Error),
    /// What makes the pages the operator's own.
    #[error(transparent)]
    Branding(#[from] BrandingError),
    /// Certificate and key.
    #[error("HTTPS: {0}")]
    Tls(#[from] crate::tls::TlsError),
    /// The database of places.
    #[error("places: {0}")]
    Places(#[from] PlacesError),
    /// The collector of traces.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// The network.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
}

impl Authority {
    /// Opens the authority on a data folder, with `issuer` as its name. Keys that are missing are made.
    pub async fn open(
        config: Arc<Config>,
        data: &DataDir,
        role: Role,
        issuer: String,
    ) -> Result<Arc<Self>, StartError> {
        Self::open_by(config, data, role, issuer, Arc::new(rescind_verifier::SystemClock)).await
    }

    /// The same, by the clocks of a machine that may be another one.
    pub async fn open_by(
        config: Arc<Config>,
        data: &DataDir,
        role: Role,
        issuer: String,
        machine: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartError> {
        // The command line makes no pages.
        let branding = if role == Role::Server { Branding::load(&config)? } else { Branding::plain() };
        data.check_database(role == Role::Server)?;
        let root = match &config.root_key {
            Some(key) => zeroize::Zeroizing::new(*key.expose()),
            None => data.root_key(&SystemEntropy)?,
        };
        // The command line shows none.
        let database = config.places.database.as_deref().filter(|_| role == Role::Server);
        let places = database.map(Places::open).transpose()?.map(Arc::new);
        let clock = SystemClock::of(Arc::clone(&machine));
        let fresh = !data.database().exists();
        let sqlite = Arc::new(Sqlite::open(data.database(), store_options(&config, role, &clock))?);
        let permitted = Permitted::open(data.path(), fresh)
            .map_err(|error| DataDirError::Io { path: data.path().to_owned(), error })?;
        let hashing = Arc::new(HashingPool::new(pool_options(&config, &root))?);
        // The command line answers no requests.
        let traces = if role == Role::Server { tracer(&config, &issuer, Arc::clone(&machine))? } else { None };
        let (verifier, keeper) = own_verifier(&config, role, &issuer, machine)?;
        let world = World {
            store: Arc::clone(&sqlite) as Arc<dyn Store>,
            clock: Arc::clone(&clock) as Arc<dyn rescind_domain::clock::Clock>,
            entropy: Arc::new(SystemEntropy),
            passwords: Arc::clone(&hashing) as Arc<dyn rescind_domain::password::Passwords>,
            keyring: Arc::new(Keyring::new(RootKey::new(&root))),
            throttle: Arc::new(Throttle::new(config.throttle_options(), entropy_bytes())),
            policy: Arc::new(config.policy(issuer)),
        };
        let authority = Arc::new(Self {
            world,
            verifier,
            config,
            sqlite,
            hashing,
            activity: Activity::default(),
            places,
            hub: Arc::default(),
            cookies: Cookies::default(),
            form_root: form_root(&root),
            branding,
            live: Arc::default(),
            history: History::default(),
            traces,
            clock,
            hint: Notify::new(),
            published: watch::Sender::new(0),
            applied: watch::Sender::new(0),
            asking: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
            keeper: std::sync::Mutex::new(Some(keeper)),
            unnamed_proxy: std::sync::Once::new(),
            permitted: Arc::new(permitted),
            unsettled_since: std::sync::Mutex::default(),
            watcher: Watcher::default(),
            outcomes: Outcomes::default(),
        });
        authority.load_keys().await?;
        administer_keys::ensure_keys(&authority.world).await?;
        authority.load_keys().await?;
        Ok(authority)
    }

    /// Takes the store's keys into the ring, for whoever runs without a follower.
    pub async fn load_keys(&self) -> Result<(), Error> {
        let read = |view: &dyn View| Ok((view.keys()?, view.nodes()?, view.head()?.position.number));
        let (rows, nodes, number) = self.world.store.read("load_keys", read).await?;
        Ok(self.world.keyring.load(&rows, self.acknowledged(&nodes, number))?)
    }

    /// The position that every live verifier has acknowledged, where the log was read up to `applied` together with these
    /// rows: this node knows of its own, and the others say it of theirs.
    pub(crate) fn acknowledged(&self, nodes: &[NodeRow], applied: u64) -> u64 {
        let (here, own) = self.hub.acknowledged().unzip();
        let others = nodes.iter().filter(|row| Some(row.id) != here).map(|row| row.reached);
        others.chain(own).fold(applied, u64::min)
    }

    /// Checks an access token from memory. Only where it speaks of a position beyond this verifier's own is the log's
    /// head read: whoever lags waits; a position beyond the head proves that the store went back, and begins an epoch
    /// (R9).
    pub async fn verify(&self, presented: &Presented<'_>) -> Result<Verified, Rejected> {
        let verified = self.verifier.verify(presented)?;
        if !verified.ahead() {
            return Ok(verified);
        }
        let proof = verified.position();
        if let Err(error) = self.judge_proof(proof).await {
            tracing::error!(%error, "a token beyond this verifier's position could not be judged");
        }
        self.wait_for(proof.number).await;
        let again = self.verifier.verify(presented)?;
        // Still ahead: the log could not be read. In doubt it is refused (R7).
        if again.ahead() {
            let reason = rescind_verifier::Reason::Stale;
            return Err(Rejected::Unavailable { reason });
        }
        Ok(again)
    }

    /// Begins a new epoch if `proof` is beyond the head as it stands at the primary.
    async fn judge_proof(&self, proof: Position) -> Result<(), Error> {
        let head = self.world.store.position().await?;
        if proof.epoch == head.epoch && proof.number > head.number {
            begin_epoch::if_proven(&self.world, proof, "an access token").await?;
        }
        Ok(())
    }

    /// Whether a token's signature is right, expired or revoked as it may be: for logging out.
    pub fn authentic(&self, token: &str) -> Result<Authentic, Rejected> {
        self.verifier.authentic(token)
    }

    /// Whoever presents this verified token, calling from `address`.
    pub fn acting(verified: &Verified, address: Option<std::net::IpAddr>) -> Acting {
        Acting::new(verified.claims().clone(), verified.key().clone(), address)
    }

    /// Resolves once this authority's own verifier refuses what `receipt` covers: every ending answers after that.
    pub async fn enforced_here(&self, receipt: &Receipt) {
        let number = receipt.position.number;
        let _appending = traces::step(Step::Append(number));
        self.wait_for(number).await;
    }

    /// Resolves once the verifier has applied entry `number`, or has not heard from the log for so long that it refuses
    /// everything. Answers whether it applied it.
    pub async fn wait_for(&self, number: u64) -> bool {
        let mut applied = self.applied.subscribe();
        self.hint();
        let reached = applied.wait_for(|at| *at >= number);
        matches!(tokio::time::timeout(OWN_LEASE, reached).await, Ok(Ok(_)))
    }

    /// Closes a verifier's connection, for an administrator, and writes that down.
    pub(crate) async fn evict(&self, admin: &Administrator, id: Option<FollowerId>) -> Result<(), Error> {
        let known = id.and_then(|id| self.hub.find(id));
        let evicted = known.map(|listed| Evicted {
            name: listed.follower.name.clone(),
            client: listed.follower.client.clone(),
            gone: !listed.connected,
        });
        evict_verifier(&self.world, admin, evicted).await?;
        // It may have gone by itself meanwhile.
        id.map(|id| self.hub.evict(id));
        Ok(())
    }

    /// The server stops: verifiers are sent away, and whoever waits for an enforcement is told what is known.
    pub(crate) fn stop(&self) {
        self.hub.stop();
        self.stopping.send_replace(true);
    }

    /// Whether it does.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Where addresses are, if that is known.
    pub(crate) fn atlas(&self) -> Option<&Places> {
        self.places.as_deref()
    }

    /// Says that the log may have grown, and that something may have happened to sessions. Losing a hint costs latency,
    /// never truth.
    pub fn hint(&self) {
        self.read_log_soon();
        self.live.poke();
    }

    /// Has the log read again, for a verifier's sake: nothing need have happened.
    pub(crate) fn read_log_soon(&self) {
        self.hint.notify_one();
    }
}

fn entropy_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}

/// The verifier that protects the authority's own API. The command line checks few tokens, and remembers none.
fn own_verifier(
    config: &Config,
    role: Role,
    issuer: &str,
    machine: Arc<dyn Clock>,
) -> Result<(Verifier, Keeper), SetupError> {
    let cached = if role == Role::Server { config.verifier.cache_tokens as usize } else { 0 };
    let builder = Verifier::builder(issuer).audience(issuer).skew(config.tokens.skew).clock(machine);
    builder.cache_tokens(cached).revocations(config.verifier.revocations.into()).parts()
}

fn tracer(config: &Config, issuer: &str, clock: Arc<dyn Clock>) -> Result<Option<Arc<Tracer>>, TracesError> {
    Tracer::new(&config.traces, issuer, clock, Arc::new(SystemEntropy))
}

fn form_root(root: &[u8; 32]) -> zeroize::Zeroizing<[u8; 32]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, root);
    let mut derived = zeroize::Zeroizing::new([0; 32]);
    derived.copy_from_slice(hmac::sign(&key, b"rescind forms v1").as_ref());
    derived
}

fn store_options(config: &Config, role: Role, clock: &SystemClock) -> Options {
    use rescind_domain::clock::Clock as _;
    let fresh = Fresh { epoch: entropy_bytes(), now: clock.wall() };
    let readers = NonZeroUsize::new(config.sqlite.readers as usize).unwrap_or(NonZeroUsize::MIN);
    let usual = Options::new(role, fresh);
    // In all, however many attempts there are.
    let busy_timeout = config.sqlite.busy_timeout / usual.attempts.get();
    Options { readers, cache: config.sqlite.cache, busy_timeout, ..usual }
}

fn pool_options(config: &Config, root: &[u8; 32]) -> PoolOptions {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let number = |count: u32| NonZeroUsize::new(count as usize);
    // Decoys must stay the same across restarts, or a login whose decoy changes is one that nobody has.
    let key = hmac::Key::new(hmac::HMAC_SHA256, root);
    let mut decoy_key = [0; 32];
    decoy_key.copy_from_slice(hmac::sign(&key, b"rescind password decoys v1").as_ref());
    PoolOptions {
        threads: number(config.passwords.threads).unwrap_or(cores),
        queue: number(config.passwords.queue).unwrap_or(NonZeroUsize::MIN),
        params: Strength {
            memory_kib: config.passwords.memory_kib,
            passes: config.passwords.iterations,
            lanes: config.passwords.parallelism,
        },
        entropy: Arc::new(|bytes: &mut [u8]| SystemEntropy.fill(bytes)),
        decoy_key,
    }
}
