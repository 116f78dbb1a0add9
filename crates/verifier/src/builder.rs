//! Setting a verifier up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Kind, SEED, TokenCache};
use crate::clock::{Clock, SystemClock};
use crate::foreign::{Foreign, ForeignError, Foreigners, Trusted};
use crate::keeper::Keeper;
use crate::verifier::{Settings, Shared, Verifier};

/// How far two wall clocks may be apart, unless configured.
pub const DEFAULT_SKEW: Duration = Duration::from_secs(30);

/// The most that may be configured. The authority counts on its own `tokens.skew` alone when it raises the floor (R10): one
/// that allows more may refuse a token as [below the floor](crate::Rejected::BelowFloor) that it would still accept by `exp`.
pub const MAX_SKEW: Duration = Duration::from_mins(5);

/// Tokens cached unless configured: some 10 MB once they are all there.
const DEFAULT_CACHE: usize = 16 * 1024;
const MAX_CACHE: usize = 1 << 24;

/// Entries of the log above the floor: more than a busy authority revokes in the longest lifetime of a token.
const DEFAULT_REVOCATIONS: u64 = 1 << 24;
const MAX_REVOCATIONS: u64 = 1 << 28;

/// Sets a verifier up; see [`Verifier::builder`].
#[must_use]
pub struct Builder {
    issuer: String,
    audience: String,
    skew: Duration,
    cache_tokens: usize,
    revocations: u64,
    foreign: Vec<Foreign>,
    seed: Option<[u8; SEED]>,
    clock: Arc<dyn Clock>,
    #[cfg(feature = "follow")]
    following: crate::follow::Following,
}

/// The settings make no verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// There is no issuer.
    #[error("an issuer is required: the exact `iss` of the tokens to accept")]
    Issuer,
    /// There is no audience.
    #[error("an audience is required: this service's own name, as tokens carry it in `aud`")]
    Audience,
    /// The skew is above [`MAX_SKEW`].
    #[error("a skew of more than 5 minutes is not possible")]
    Skew,
    /// The cache would be larger than 16,777,216 tokens.
    #[error("a cache of more than 16,777,216 tokens is not possible")]
    Cache,
    /// There is room for no revocation, or for more than 268,435,456.
    #[error("room for 1 to 268,435,456 revocations is possible")]
    Revocations,
    /// Another issuer cannot be accepted.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Entropy,
    /// The library of ciphers refused a key.
    #[error("the library of ciphers refused a key")]
    Cipher,
    /// There is no client to follow the feed as.
    #[cfg(feature = "follow")]
    #[error("a client is required: the id and secret of one that may follow the feed")]
    Client,
    /// The lease is shorter than a second.
    #[cfg(feature = "follow")]
    #[error("a lease of less than a second is not possible")]
    Lease,
    /// The verifier's name is too long.
    #[cfg(feature = "follow")]
    #[error("a name of more than 100 bytes is not possible")]
    Name,
    /// The authority's address or the certificates to trust cannot be used.
    #[cfg(feature = "follow")]
    #[error(transparent)]
    Authority(crate::follow::BadUrl),
    /// There is no tokio runtime here.
    #[cfg(feature = "follow")]
    #[error("the feed is followed by a task: build the verifier inside a tokio runtime")]
    Runtime,
}

impl Builder {
    pub(crate) fn new(issuer: String) -> Self {
        Self {
            issuer,
            audience: String::new(),
            skew: DEFAULT_SKEW,
            cache_tokens: DEFAULT_CACHE,
            revocations: DEFAULT_REVOCATIONS,
            foreign: Vec::new(),
            seed: None,
            clock: Arc::new(SystemClock),
            #[cfg(feature = "follow")]
            following: crate::follow::Following::default(),
        }
    }

    /// This service's own name: one of the names in the token's `aud` must be it. Required.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// How far the wall clocks of authority and verifier may be apart: added to `exp`, allowed before `nbf` and `iat`.
    /// 30 seconds unless set, 5 minutes at most.
    pub const fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// How many tokens are remembered once their signature was checked, rounded up to a power of two. 16,384 unless set;
    /// 0 remembers none. Where other issuers are accepted, as many of their tokens are remembered, too.
    pub const fn cache_tokens(mut self, tokens: usize) -> Self {
        self.cache_tokens = tokens;
        self
    }

    /// How many revocations may have to be remembered at a time: entries of the log above the authority's floor, at some
    /// 200 bytes each, twice that while a snapshot replaces them. 16,777,216 unless set; 1 at least, 268,435,456 at most.
    ///
    /// With more of them, nothing is forgotten and nothing accepted: every check is
    /// [`Unavailable`](crate::Rejected::Unavailable) ([`Break::Full`](crate::Break::Full)) until the floor has risen far
    /// enough that a new snapshot fits.
    pub const fn revocations(mut self, entries: u64) -> Self {
        self.revocations = entries;
        self
    }

    /// Accepts the tokens of another issuer, too: by [`Verifier::verify_foreign`] and [`Verifier::verify_any`].
    pub fn foreign(mut self, foreign: Foreign) -> Self {
        self.foreign.push(foreign);
        self
    }

    /// The clocks. The machine's own unless set.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What the cache tells tokens apart with. Random unless set; it must be a secret of this process, and serve one verifier
    /// only.
    pub const fn seed(mut self, seed: [u8; 32]) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The verifier, and the one writer that keeps it current, for whoever follows the feed in a way of their own. Never
    /// waits for anything: until the authority was heard, every check is [`Unavailable`](crate::Rejected::Unavailable).
    pub fn parts(self) -> Result<(Verifier, Keeper), SetupError> {
        self.assemble(false)
    }

    fn assemble(self, fetches: bool) -> Result<(Verifier, Keeper), SetupError> {
        if self.issuer.is_empty() {
            return Err(SetupError::Issuer);
        }
        if self.audience.is_empty() {
            return Err(SetupError::Audience);
        }
        if self.skew > MAX_SKEW {
            return Err(SetupError::Skew);
        }
        if self.cache_tokens > MAX_CACHE {
            return Err(SetupError::Cache);
        }
        if !(1..=MAX_REVOCATIONS).contains(&self.revocations) {
            return Err(SetupError::Revocations);
        }
        let seed = self.seed.map_or_else(random, Ok)?;
        let skew = u64::try_from(self.skew.as_millis()).map_err(|_| SetupError::Skew)?;
        let revocations = self.revocations;
        let settings = Settings { issuer: self.issuer, audience: self.audience, skew, revocations };
        let foreigners = foreigners(self.foreign, &settings.issuer, fetches, self.cache_tokens, &seed)?;
        let cache = TokenCache::new(Kind::Own, self.cache_tokens, &seed).map_err(|_| SetupError::Cipher)?;
        let shared = Shared::new(settings, self.clock, cache, foreigners);
        Ok((Verifier::new(Arc::clone(&shared)), Keeper::new(shared)))
    }
}

/// Following the feed over the network.
#[cfg(feature = "follow")]
impl Builder {
    /// The client to follow the feed as. It must be registered at the authority with the scope `rescind:feed`. Required.
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.following.client = id.into();
        self.following.secret = zeroize::Zeroizing::new(secret.into());
        self
    }

    /// Where the authority is, if that is not what the issuer says: an `http` or `https` URL.
    pub fn authority(mut self, url: impl Into<String>) -> Self {
        self.following.authority = Some(url.into());
        self
    }

    /// For how long tokens are accepted without hearing from the authority. 5 seconds unless set, 1 second at least, at
    /// most what the authority permits. A longer one rides out longer failures of the network, and delays the moment at
    /// which the authority can say that a log-out is enforced, should this verifier be cut off.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.following.lease = lease;
        self
    }

    /// What the verifier is called in the authority's list. The client's id unless set; 100 bytes at most.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.following.name = name.into();
        self
    }

    /// The certificates to trust (PEM) in place of the system's.
    pub fn trust(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.following.roots = pem.into();
        self
    }

    /// The verifier, kept current by a task on the current tokio runtime until the last clone is dropped. Never waits for
    /// anything: until the authority was heard, every check is [`Unavailable`](crate::Rejected::Unavailable).
    pub fn build(self) -> Result<Verifier, SetupError> {
        let (following, issuer, clock) = (self.following.clone(), self.issuer.clone(), Arc::clone(&self.clock));
        let (verifier, keeper) = self.assemble(true)?;
        keeper.shared().counters().expect_connection();
        let follower = crate::follow::Follower::start(&following, &issuer, keeper, clock)?;
        Ok(verifier.followed_by(follower))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("skew", &self.skew)
            .field("cache_tokens", &self.cache_tokens)
            .field("revocations", &self.revocations)
            .field("foreign", &self.foreign)
            .finish_non_exhaustive()
    }
}

fn foreigners(
    foreign: Vec<Foreign>,
    own: &str,
    fetches: bool,
    cache_tokens: usize,
    seed: &[u8; SEED],
) -> Result<Foreigners, SetupError> {
    let mut issuers: Vec<Arc<Trusted>> = Vec::with_capacity(foreign.len());
    for foreign in foreign {
        let trusted = foreign.into_trusted(own, fetches)?;
        if issuers.iter().any(|other| other.name() == trusted.name()) {
            return Err(ForeignError::Twice.into());
        }
        issuers.push(Arc::new(trusted));
    }
    let room = if issuers.is_empty() { 0 } else { cache_tokens };
    let cache = TokenCache::new(Kind::Foreign, room, seed).map_err(|_| SetupError::Cipher)?;
    Ok(Foreigners { issuers: issuers.into(), cache })
}

#[expect(clippy::disallowed_methods, reason = "provides the input that the builder takes as a parameter")]
fn random() -> Result<[u8; SEED], SetupError> {
    let mut seed = [0; SEED];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| SetupError::Entropy)?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use rescind_wire::feed::{DEFAULT_LEASE, MAX_MESSAGE, MAX_NAME, MIN_LEASE};
    use rescind_wire::jwt::MAX_TOKEN;

    use super::*;

    /// With a comma between thousands.
    fn grouped(number: usize) -> String {
        let digits = number.to_string();
        let with_comma = |(index, digit): (usize, char)| {
            let comma = index > 0 && (digits.len() - index).is_multiple_of(3);
            comma.then_some(',').into_iter().chain([digit]).collect::<Vec<_>>()
        };
        digits.chars().enumerate().flat_map(with_comma).collect()
    }

    #[test]
    fn the_manual_states_the_defaults_and_limits_that_hold() {
        let manual = include_str!("../../../docs/verifier.md");
        let (lease, shortest) = (Duration::from_millis(DEFAULT_LEASE), Duration::from_millis(MIN_LEASE));
        let (skew, most) = (DEFAULT_SKEW.as_secs(), MAX_SKEW.as_secs() / 60);
        let (cache, largest) = (grouped(DEFAULT_CACHE), grouped(MAX_CACHE));
        let [entries, most_entries] =
            [DEFAULT_REVOCATIONS, MAX_REVOCATIONS].map(|n| grouped(n.try_into().expect("a size")));
        for row in [
            format!("| `lease` | {} s | {} s at least |", lease.as_secs(), shortest.as_secs()),
            format!("| `skew` | {skew} s | how far wall clocks may be apart; {most} min at most |"),
            format!(
                "| `cache_tokens` | {cache} | tokens whose signature was checked; some 10 MB when full; {largest} at most"
            ),
            format!("| `revocations` | {entries} | entries of the log above the floor; 1 to {most_entries} |"),
            format!("| `name` | the client's id | what the authority's list calls it; {MAX_NAME} bytes at most |"),
            format!("| the longest access token | {} bytes |", grouped(MAX_TOKEN)),
            format!("what the feed says; an authority permits {} h at most |", crate::MAX_LIFETIME / 3600),
            format!("| the longest message of the feed | {} MiB |", MAX_MESSAGE >> 20),
        ] {
            assert!(manual.contains(&row), "docs/verifier.md does not say {row}");
        }
    }
}
