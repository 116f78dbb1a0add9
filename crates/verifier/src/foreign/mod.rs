//! Tokens of other issuers: another identity provider's JWTs (RFC 7519, RFC 9068), checked with its own keys.
//!
//! They carry no position of the revocation log, so they are cut by time: a revocation that names their issuer, subject or
//! session refuses those that were not issued clearly after it. And since the log forgets, so are those that were not issued
//! clearly after what was forgotten (R10).

mod check;
mod cuts;
mod jwks;
mod trusted;
mod verified;

use std::time::Duration;

use rescind_wire::{Algorithm, Issuer};

pub use check::Accepted;
pub use jwks::{InvalidKeySet, MAX_KEY_SET};
pub use trusted::ForeignHealth;
pub use verified::VerifiedForeign;

pub(crate) use cuts::ForeignCuts;
pub(crate) use trusted::{Foreigners, Trusted};

use crate::builder::{DEFAULT_SKEW, MAX_SKEW};

/// The longest lifetime that tokens of another issuer can be allowed to have: 30 days.
pub const MAX_FOREIGN_LIFETIME: Duration = Duration::from_hours(24 * 30);

/// The longest lifetime unless configured.
const DEFAULT_LIFETIME: Duration = Duration::from_hours(24);

/// How often keys are asked for again unless configured.
const DEFAULT_REFRESH: Duration = Duration::from_mins(5);

/// How long after they came an unknown key makes them be asked for again, unless configured.
const DEFAULT_COOL_DOWN: Duration = Duration::from_secs(30);

/// Another issuer whose tokens are accepted, for [`Builder::foreign`](crate::Builder::foreign).
#[derive(Clone, Debug)]
#[must_use]
pub struct Foreign {
    issuer: String,
    audience: String,
    algorithms: Vec<Algorithm>,
    longest: Duration,
    skew: Duration,
    untyped: bool,
    refresh: Duration,
    cool_down: Duration,
    keys: Option<String>,
    url: Option<String>,
    roots: Vec<u8>,
}

/// Why an issuer cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// The issuer's name is empty, too long, or no name.
    #[error("a foreign issuer is required: the exact `iss` of its tokens")]
    Issuer,
    /// It is the authority itself, or was named before.
    #[error("a foreign issuer that is named twice, or is the authority itself")]
    Twice,
    /// There is no audience.
    #[error("an audience is required for each foreign issuer")]
    Audience,
    /// No algorithm is allowed.
    #[error("at least one algorithm must be allowed for a foreign issuer")]
    Algorithms,
    /// The longest lifetime is zero, or above [`MAX_FOREIGN_LIFETIME`].
    #[error("foreign tokens can be allowed to live for up to 30 days")]
    Lifetime,
    /// The skew is above [`MAX_SKEW`](crate::MAX_SKEW).
    #[error("a skew of more than 5 minutes is not possible")]
    Skew,
    /// Keys would be asked for all the time: at least a second must pass.
    #[error("keys of a foreign issuer can be asked for once a second")]
    Interval,
    /// The document holds no keys that could be used.
    #[error(transparent)]
    Keys(#[from] InvalidKeySet),
    /// The keys' URL cannot be used: it is `https`, or `http` on this machine itself.
    #[cfg(feature = "follow")]
    #[error("the keys of a foreign issuer: {0}; plain http is for this machine itself only")]
    Url(crate::follow::BadUrl),
    /// The keys are at a URL, and nobody fetches them: the feature `follow` does, in a verifier made by `build`.
    #[error("keys at a URL are fetched by a verifier that follows the feed")]
    Unfetched,
}

impl Foreign {
    /// The issuer of this name, which is compared exactly with `iss`.
    pub fn issuer(name: impl Into<String>) -> Self {
        Self {
            issuer: name.into(),
            audience: String::new(),
            algorithms: Algorithm::ALL.to_vec(),
            longest: DEFAULT_LIFETIME,
            skew: DEFAULT_SKEW,
            untyped: false,
            refresh: DEFAULT_REFRESH,
            cool_down: DEFAULT_COOL_DOWN,
            keys: None,
            url: None,
            roots: Vec::new(),
        }
    }

    /// What the issuer calls this service: one of the names in `aud` must be it. Required.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// The algorithms that its keys may be for. All that there are unless set.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// The longest lifetime (`exp − iat`) that its tokens may have. A day unless set, [`MAX_FOREIGN_LIFETIME`] at most. The
    /// authority should be told the same (`tokens.foreign_lifetime`): tokens are refused once they are as old as what the
    /// authority has forgotten.
    pub const fn longest_lifetime(mut self, lifetime: Duration) -> Self {
        self.longest = lifetime;
        self
    }

    /// How far the wall clocks of the issuer, the authority and this machine may be apart: allowed around `exp`, `nbf` and
    /// `iat`, and added to the time of a revocation. 30 seconds unless set, 5 minutes at most. Whoever signs in again within
    /// that time after a revocation is refused until it has passed.
    pub const fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Accepts tokens whose `typ` is `JWT` or missing, too, as those make them who do not follow RFC 9068. Use an audience
    /// that nothing but access tokens is for: ID tokens look the same.
    pub const fn untyped(mut self) -> Self {
        self.untyped = true;
        self
    }

    /// Its keys: the document that it serves as its JWK set (RFC 7517 §5). Whoever gives it keeps it current with
    /// [`Verifier::set_foreign_keys`](crate::Verifier::set_foreign_keys).
    pub fn keys(mut self, document: impl Into<String>) -> Self {
        self.keys = Some(document.into());
        self
    }
}

/// Keys that are fetched.
#[cfg(feature = "follow")]
impl Foreign {
    /// Where it serves its JWK set: an `https` URL, or one of `http` on this machine. It is fetched on building the
    /// verifier, again every 5 minutes, and when a token names a key that is not there. Where that fails, the keys are
    /// good for a day.
    pub fn keys_at(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The certificates to trust (PEM) in place of the system's where the keys are.
    pub fn trust(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = pem.into();
        self
    }

    /// How often keys are fetched again. 5 minutes unless set, a second at least.
    pub const fn refresh(mut self, every: Duration) -> Self {
        self.refresh = every;
        self
    }

    /// How long after they came an unknown key makes them be fetched again: until then, it is none. 30 seconds unless set,
    /// a second at least.
    pub const fn cool_down(mut self, time: Duration) -> Self {
        self.cool_down = time;
        self
    }
}

impl Foreign {
    /// The issuer as it is trusted, for a verifier of `own` tokens that fetches keys or does not.
    pub(crate) fn into_trusted(self, own: &str, fetches: bool) -> Result<Trusted, ForeignError> {
        let issuer: Issuer = self.issuer.parse().map_err(|_| ForeignError::Issuer)?;
        if self.issuer == own {
            return Err(ForeignError::Twice);
        }
        if self.audience.is_empty() {
            return Err(ForeignError::Audience);
        }
        if self.algorithms.is_empty() {
            return Err(ForeignError::Algorithms);
        }
        if self.longest.is_zero() || self.longest > MAX_FOREIGN_LIFETIME {
            return Err(ForeignError::Lifetime);
        }
        if self.skew > MAX_SKEW {
            return Err(ForeignError::Skew);
        }
        if self.refresh < Duration::from_secs(1) || self.cool_down < Duration::from_secs(1) {
            return Err(ForeignError::Interval);
        }
        if self.url.is_some() && !fetches {
            return Err(ForeignError::Unfetched);
        }
        Trusted::new(issuer, self)
    }
}
