//! Another issuer as a verifier trusts it: settings, keys, and the tokens whose signature was checked before.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rescind_wire::{Algorithm, ForeignClaims, Issuer, KeyId};

use super::{Foreign, ForeignError, InvalidKeySet, jwks};
use crate::cache::{Cached, Checked, Mac, TokenCache};
use crate::keys::{Pin, PinnedKeys};
use crate::rejected::{Reason, Rejected};
use crate::verifier::Shared;

/// How long fetched keys are trusted if they cannot be fetched again.
const KEYS_LAST: Duration = Duration::from_hours(24);

/// How another issuer is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignHealth {
    /// Its name.
    pub issuer: Issuer,
    /// How many of its keys are trusted.
    pub keys: usize,
    /// How long ago its keys came; nothing if they never did.
    pub keys_age: Option<Duration>,
}

/// All other issuers, and their tokens.
pub(crate) struct Foreigners {
    pub(crate) issuers: Box<[Arc<Trusted>]>,
    pub(crate) cache: TokenCache<RememberedForeign>,
}

impl Foreigners {
    pub(crate) fn find(&self, issuer: &str) -> Option<&Arc<Trusted>> {
        self.issuers.iter().find(|trusted| trusted.issuer.as_str() == issuer)
    }
}

/// A token of another issuer whose signature was verified and whose claims were read.
pub(crate) struct RememberedForeign {
    pub(super) mac: Mac,
    /// The generation that it is compared with.
    pub(super) generation: u64,
    pub(super) claims: ForeignClaims,
    /// All of the claims, as JSON.
    pub(super) json: Box<str>,
    pub(super) issuer: Arc<Trusted>,
    pub(super) pin: Arc<Pin>,
    pub(super) checked: Checked,
    /// Whose it is: for whoever watches it.
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "nobody can watch without that feature"))]
    pub(super) home: Weak<Shared>,
}

impl Cached for RememberedForeign {
    fn mac(&self) -> &Mac {
        &self.mac
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn expires(&self) -> u64 {
        self.claims.exp
    }
}

/// One other issuer.
pub(crate) struct Trusted {
    pub(super) issuer: Issuer,
    pub(super) audience: String,
    /// In seconds.
    pub(super) longest: u64,
    /// In milliseconds.
    pub(super) skew: u64,
    pub(super) untyped: bool,
    algorithms: Vec<Algorithm>,
    keys: ArcSwapOption<KeySet>,
    /// Held by whoever replaces the keys.
    replacing: Mutex<()>,
    fetching: Option<Fetching>,
}

/// Where and when keys are fetched.
struct Fetching {
    cool_down: Duration,
    #[cfg_attr(not(feature = "follow"), expect(dead_code, reason = "nobody fetches without that feature"))]
    url: String,
    #[cfg_attr(not(feature = "follow"), expect(dead_code, reason = "nobody fetches without that feature"))]
    refresh: Duration,
    #[cfg_attr(not(feature = "follow"), expect(dead_code, reason = "nobody fetches without that feature"))]
    roots: Vec<u8>,
    /// Told when a token names a key that is not there.
    #[cfg(feature = "follow")]
    wanted: tokio::sync::Notify,
}

/// Keys, and when they came on the boot-time clock.
struct KeySet {
    keys: PinnedKeys,
    at: Duration,
}

impl Trusted {
    pub(super) fn new(issuer: Issuer, foreign: Foreign) -> Result<Self, ForeignError> {
        let skew = u64::try_from(foreign.skew.as_millis()).map_err(|_| ForeignError::Skew)?;
        let fetching = foreign.url.map(|url| Fetching {
            cool_down: foreign.cool_down,
            url,
            refresh: foreign.refresh,
            roots: foreign.roots,
            #[cfg(feature = "follow")]
            wanted: tokio::sync::Notify::new(),
        });
        let trusted = Self {
            issuer,
            audience: foreign.audience,
            longest: foreign.longest.as_secs(),
            skew,
            untyped: foreign.untyped,
            algorithms: foreign.algorithms,
            keys: ArcSwapOption::empty(),
            replacing: Mutex::new(()),
            fetching,
        };
        if let Some(document) = foreign.keys {
            trusted.set_keys(&document, Duration::ZERO)?;
        }
        Ok(trusted)
    }

    pub(crate) const fn name(&self) -> &Issuer {
        &self.issuer
    }

    /// Trusts the keys of this document from now on, and no others. Where it is none, nothing changes.
    pub(crate) fn set_keys(&self, document: &str, now: Duration) -> Result<usize, InvalidKeySet> {
        let _alone = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let former = self.keys.load();
        let none = PinnedKeys::default();
        let former = former.as_ref().map_or(&none, |set| &set.keys);
        let keys = jwks::replace(former, document, &self.algorithms)?;
        let count = keys.len();
        self.keys.store(Some(Arc::new(KeySet { keys, at: now })));
        Ok(count)
    }

    /// The key of this name. Where it may have been added since the keys were fetched, they are asked for.
    pub(super) fn pin(&self, kid: &KeyId, now: Duration) -> Result<Arc<Pin>, Rejected> {
        let set = self.keys.load();
        let set = set.as_ref().ok_or(UNKNOWN)?;
        self.check_age(set, now)?;
        match (set.keys.pin(kid), &self.fetching) {
            (Some(pin), _) => Ok(Arc::clone(pin)),
            (None, Some(fetching)) if now.saturating_sub(set.at) >= fetching.cool_down => {
                fetching.want();
                Err(UNKNOWN)
            }
            (None, _) => Err(Rejected::UnknownKey),
        }
    }

    /// Whether the keys are still trusted, and this one is among them.
    pub(super) fn check_pin(&self, pin: &Pin, now: Duration) -> Result<(), Rejected> {
        self.check_age(self.keys.load().as_ref().ok_or(UNKNOWN)?, now)?;
        if pin.is_pinned() { Ok(()) } else { Err(Rejected::UnknownKey) }
    }

    fn check_age(&self, set: &KeySet, now: Duration) -> Result<(), Rejected> {
        let lasts = self.fetching.is_none() || now.saturating_sub(set.at) < KEYS_LAST;
        if lasts { Ok(()) } else { Err(UNKNOWN) }
    }

    pub(crate) fn health(&self, now: Duration) -> ForeignHealth {
        let set = self.keys.load();
        ForeignHealth {
            issuer: self.issuer.clone(),
            keys: set.as_ref().map_or(0, |set| set.keys.len()),
            keys_age: set.as_ref().map(|set| now.saturating_sub(set.at)),
        }
    }
}

const UNKNOWN: Rejected = Rejected::Unavailable { reason: Reason::ForeignKeys };

impl Fetching {
    #[cfg_attr(not(feature = "follow"), expect(clippy::unused_self, reason = "nobody fetches without that feature"))]
    fn want(&self) {
        #[cfg(feature = "follow")]
        self.wanted.notify_one();
    }
}

/// For whoever fetches the keys.
#[cfg(feature = "follow")]
impl Trusted {
    /// Where they are, if they are to be fetched, and how often.
    pub(crate) fn source(&self) -> Option<(&str, Duration, Duration)> {
        self.fetching.as_ref().map(|fetching| (fetching.url.as_str(), fetching.refresh, fetching.cool_down))
    }

    /// The certificates to trust there; none for those that the system does.
    pub(crate) fn roots(&self) -> &[u8] {
        self.fetching.as_ref().map_or(&[], |fetching| &fetching.roots)
    }

    /// Resolves once somebody misses a key.
    pub(crate) async fn wanted(&self) {
        match &self.fetching {
            Some(fetching) => fetching.wanted.notified().await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(all(test, feature = "follow"))]
mod tests;
