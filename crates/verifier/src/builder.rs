//! Setting a verifier up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::TokenCache;
use crate::clock::{Clock, SystemClock};
use crate::keeper::Keeper;
use crate::verifier::{Settings, Shared, Verifier};

/// How far two wall clocks may be apart, unless configured.
pub const DEFAULT_SKEW: Duration = Duration::from_secs(30);

/// The most that may be configured. The authority counts on it when it raises the floor (R10).
pub const MAX_SKEW: Duration = Duration::from_mins(5);

/// Tokens cached unless configured: some 10 MB once they are all there.
const DEFAULT_CACHE: usize = 16 * 1024;
const MAX_CACHE: usize = 1 << 24;

/// Sets a verifier up; see [`Verifier::builder`].
#[must_use]
pub struct Builder {
    issuer: String,
    audience: String,
    skew: Duration,
    cache_tokens: usize,
    seed: Option<[u8; 32]>,
    clock: Arc<dyn Clock>,
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
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Entropy,
}

impl Builder {
    pub(crate) fn new(issuer: String) -> Self {
        Self {
            issuer,
            audience: String::new(),
            skew: DEFAULT_SKEW,
            cache_tokens: DEFAULT_CACHE,
            seed: None,
            clock: Arc::new(SystemClock),
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
    /// 0 remembers none.
    pub const fn cache_tokens(mut self, tokens: usize) -> Self {
        self.cache_tokens = tokens;
        self
    }

    /// The clocks. The machine's own unless set.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What the cache's keys are derived with. Random unless set; it must be a secret of this process.
    pub const fn seed(mut self, seed: [u8; 32]) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The verifier, and the one writer that keeps it current. Never waits for anything: until the authority was heard,
    /// every check is [`Unavailable`](crate::Rejected::Unavailable).
    pub fn build(self) -> Result<(Verifier, Keeper), SetupError> {
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
        let seed = self.seed.map_or_else(random, Ok)?;
        let skew = u64::try_from(self.skew.as_millis()).map_err(|_| SetupError::Skew)?;
        let settings = Settings { issuer: self.issuer, audience: self.audience, skew };
        let shared = Arc::new(Shared::new(settings, self.clock, TokenCache::new(self.cache_tokens, seed)));
        Ok((Verifier::new(Arc::clone(&shared)), Keeper::new(shared)))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("skew", &self.skew)
            .field("cache_tokens", &self.cache_tokens)
            .finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "provides the input that the builder takes as a parameter")]
fn random() -> Result<[u8; 32], SetupError> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| SetupError::Entropy)?;
    Ok(seed)
}
