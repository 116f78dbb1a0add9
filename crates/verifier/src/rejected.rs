//! Why a token was not accepted, split by blame.

use rescind_wire::jwt::Malformed;
use rescind_wire::standing::Cause;

/// Why a token was not accepted. Every variant but [`Unavailable`](Self::Unavailable) is the token's own fault; none
/// holds any of its bytes, so all of it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is no access token at all: not a JWS in compact form, another `typ`, claims missing or of the wrong shape.
    #[error("not an access token: {why}")]
    Malformed {
        /// What is wrong with it.
        why: &'static str,
    },
    /// It names a key that its issuer, this authority or another one, does not sign with.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// Its signature is not one that its key made, or it asks for another algorithm than its key's.
    #[error("the signature is wrong")]
    BadSignature,
    /// It is of another issuer.
    #[error("of another issuer")]
    WrongIssuer,
    /// It is for somebody else.
    #[error("for another audience")]
    WrongAudience,
    /// It says to live longer than any token that the authority may have signed (R3, R10).
    #[error("lives for {lifetime} s, which is longer than {longest} s")]
    TooLongLived {
        /// `exp − iat`, in seconds.
        lifetime: u64,
        /// The longest lifetime that is still possible, in seconds.
        longest: u64,
    },
    /// It has expired, the allowed skew included.
    #[error("expired at {at}")]
    Expired {
        /// Its `exp`, in seconds since the Unix epoch.
        at: u64,
    },
    /// It is from the future (`nbf` or `iat`), beyond the allowed skew.
    #[error("not valid before {from}")]
    NotYetValid {
        /// The later of its `nbf` and `iat`, in seconds since the Unix epoch.
        from: u64,
    },
    /// It is bound to a key (`cnf`, RFC 9449 §6.1), or was sent as DPoP, and possession of that key was not proven. A
    /// bound token sent as Bearer is refused, whoever sent it. Proofs are not judged yet, so every bound token is.
    #[error("bound to a key whose possession was not proven")]
    ProofRequired,
    /// A revocation covers it; one of a token of another issuer is cut by time, so it may only be as old as what was revoked.
    #[error("revoked by entry {number} ({scope})")]
    Revoked {
        /// The kind of the revocation's scope, as [`Scope::kind`](rescind_wire::Scope::kind) spells it.
        scope: &'static str,
        /// The entry of the revocation log.
        number: u64,
    },
    /// Its position is below the floor, so what covered it may have been forgotten (R10); or it is of another issuer, and not
    /// later than what was forgotten.
    #[error("older than every revocation that is still remembered")]
    BelowFloor,
    /// Its epoch is not, or not up to its number, part of the log (R9).
    #[error("of a revocation log that was lost")]
    LostEpoch,
    /// The verifier cannot tell; the token may be good. Answer 503 with Retry-After, not 401.
    #[error("cannot tell: {reason}")]
    Unavailable {
        /// Why not.
        reason: Reason,
    },
}

/// Why a verifier cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No snapshot has come from the authority yet.
    #[error("nothing was heard from the authority yet")]
    NeverSynced,
    /// There is a snapshot, but the authority has not granted a lease yet.
    #[error("the authority has not granted a lease yet")]
    NoLease,
    /// The lease has run out: nothing was heard from the authority for too long.
    #[error("the lease has run out")]
    Stale,
    /// The feed cannot be followed any more, until the next snapshot.
    #[error(transparent)]
    Broken(#[from] Break),
    /// The token's key is unknown here, but its position is beyond the verifier's own: the key may be newer than what
    /// the verifier knows.
    #[error("the token is newer than what is known here")]
    AheadUnknownKey,
    /// The keys of the token's issuer, another one, were never got, or are too old, or may have a newer one that is being
    /// asked for.
    #[error("the keys of the token's issuer are not known here")]
    ForeignKeys,
}

/// Why the feed cannot be followed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// An entry is missing.
    #[error("an entry of the revocation log is missing")]
    Gap,
    /// The feed said something that this version does not understand, or gave a key that is none (R7).
    #[error("the feed said something that is not understood")]
    Unreadable,
    /// The verifier gave its lease up, to leave.
    #[error("the verifier has left the feed")]
    Left,
    /// There are more revocations to remember than it has [room](crate::Builder::revocations) for. None is forgotten for that:
    /// it goes on by itself once the authority's floor has risen far enough.
    #[error("there are more revocations to remember than there is room for")]
    Full,
}

impl Rejected {
    /// Whether the verifier is to blame, not the token: HTTP 503, not 401.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// The `error` of the `WWW-Authenticate` answer (RFC 6750 §3.1); none if the verifier is to blame.
    pub const fn error_code(&self) -> Option<&'static str> {
        if self.is_unavailable() { None } else { Some("invalid_token") }
    }

    /// A stable short name, for metrics and logs.
    pub const fn name(&self) -> &'static str {
        Self::NAMES[self.index()]
    }

    /// Every [name](Self::name) there is.
    pub const NAMES: [&'static str; 21] = [
        "malformed",
        "unknown_key",
        "bad_signature",
        "wrong_issuer",
        "wrong_audience",
        "too_long_lived",
        "expired",
        "not_yet_valid",
        "proof_required",
        "revoked",
        "below_floor",
        "lost_epoch",
        "unavailable_never_synced",
        "unavailable_no_lease",
        "unavailable_stale",
        "unavailable_gap",
        "unavailable_unreadable",
        "unavailable_left",
        "unavailable_full",
        "unavailable_ahead_unknown_key",
        "unavailable_foreign_keys",
    ];

    /// Where its name stands in [`NAMES`](Self::NAMES).
    pub(crate) const fn index(&self) -> usize {
        match self {
            Self::Malformed { .. } => 0,
            Self::UnknownKey => 1,
            Self::BadSignature => 2,
            Self::WrongIssuer => 3,
            Self::WrongAudience => 4,
            Self::TooLongLived { .. } => 5,
            Self::Expired { .. } => 6,
            Self::NotYetValid { .. } => 7,
            Self::ProofRequired => 8,
            Self::Revoked { .. } => 9,
            Self::BelowFloor => 10,
            Self::LostEpoch => 11,
            Self::Unavailable { reason } => match reason {
                Reason::NeverSynced => 12,
                Reason::NoLease => 13,
                Reason::Stale => 14,
                Reason::Broken(Break::Gap) => 15,
                Reason::Broken(Break::Unreadable) => 16,
                Reason::Broken(Break::Left) => 17,
                Reason::Broken(Break::Full) => 18,
                Reason::AheadUnknownKey => 19,
                Reason::ForeignKeys => 20,
            },
        }
    }

    /// Whether newer news from the authority could make the token good after all. A verifier without a lease must not
    /// blame the token for these.
    pub(crate) const fn may_be_overturned(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::LostEpoch | Self::TooLongLived { .. })
    }
}

impl From<Cause> for Rejected {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Revoked { scope, number } => Self::Revoked { scope, number },
            Cause::BelowFloor => Self::BelowFloor,
            Cause::LostEpoch | Cause::BeyondHead => Self::LostEpoch,
        }
    }
}

/// Drops what the parser quotes: it may be the token's.
impl From<Malformed> for Rejected {
    fn from(malformed: Malformed) -> Self {
        let why = match malformed {
            Malformed::TooLong => "too long",
            Malformed::Parts => "not three parts",
            Malformed::Base64 => "not canonical base64url",
            Malformed::Json(_) => "not strict JSON, or not of the expected shape",
            Malformed::Critical => "unknown critical extension",
            Malformed::Type => "another type",
            Malformed::NoKey => "no key id",
        };
        Self::Malformed { why }
    }
}
