//! What can go wrong, in few codes. One place maps them to HTTP, another to exit codes.

use std::time::Duration;

use rescind_wire::Cause;

use crate::keyring::KeyError;
use crate::password::WeakPassword;
use crate::store::StoreError;

/// Why a verb did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store could not do it, or could not say whether it did.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A server key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Sign-in failed: unknown login name or wrong password, which are not told apart.
    #[error("login name or password is wrong")]
    InvalidCredentials,
    /// The password of whoever is signed in is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// The new password is refused.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The account is locked. Only told to who knows the password.
    #[error("the account is locked")]
    Locked {
        /// Until when, if the lock runs out.
        until: Option<crate::clock::Timestamp>,
    },
    /// Sign-up is switched off.
    #[error("sign-up is switched off")]
    SignUpOff,
    /// The login name belongs to another account.
    #[error("the login name is taken")]
    LoginTaken,
    /// The external id belongs to another account.
    #[error("the external id is taken")]
    ExternalIdTaken,
    /// There is a client of that id already.
    #[error("the client id is taken")]
    ClientTaken,
    /// Too many failures; wait.
    #[error("too many failed attempts")]
    Throttled {
        /// How long.
        retry_after: Duration,
    },
    /// Too many passwords are being hashed; wait.
    #[error("too busy")]
    Busy {
        /// How long.
        retry_after: Duration,
    },
    /// It does not exist, or is not the caller's to know of.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Whoever reads on has come further than this log: to a position or an event of a history that was lost (R9), or of
    /// another store.
    #[error("this log has no such {0}, or no longer")]
    NotInLog(&'static str),
    /// The caller's token, session or user is no longer alive.
    #[error("signed out")]
    SignedOut(Option<Cause>),
    /// The caller's session goes on, and is bound to another address: from here, nothing may be done in its name.
    #[error("the session is bound to another address")]
    OtherAddress,
    /// What is asked needs a more recent authentication.
    #[error("authenticate again")]
    StaleAuthentication {
        /// How old it may be.
        max_age: Duration,
    },
    /// A log-out overtook the sign-in (R2).
    #[error("signed out while signing in")]
    Overtaken,
    /// The refresh token is refused: unknown, revoked, expired and reused are not told apart to whoever presents it.
    #[error("the refresh token is refused")]
    RefreshRefused(RefreshRefusal),
    /// The user has as many sessions as the policy allows.
    #[error("too many sessions")]
    TooManySessions {
        /// How many are allowed.
        limit: u32,
    },
    /// The session to be spared has itself ended (R1).
    #[error("the session that should go on has itself ended")]
    ExceptionEnded,
    /// Nobody would be left who may administer.
    #[error("the last administrator must stay one, and unlocked: make another first")]
    LastAdministrator,
    /// The caller may not do this.
    #[error("not allowed")]
    Forbidden,
    /// The same idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// A value is not acceptable.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The script that asks is of an origin that the client does not list.
    #[error("the client does not list this origin")]
    OtherOrigin,
    /// Signing took so long after the log was read that the tokens would be out of date (R2).
    #[error("took too long")]
    TooLate,
    /// The transaction found that it must end something, and starts again as one that may (R1). Never leaves a verb.
    #[error("must end something")]
    MustEnd,
    /// The transaction found another hash than the one by which the password was right, which is checked again. Never
    /// leaves a verb.
    #[error("the hash was replaced")]
    HashReplaced,
}

/// Why a refresh token was refused. For the audit log; whoever presents it learns nothing of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRefusal {
    /// Not a refresh token, of an unknown chain, or its MAC is wrong.
    Unknown,
    /// A revocation covers it.
    Revoked(Cause),
    /// Its session has expired.
    Expired(crate::session::Expiry),
    /// It belongs to another client.
    OtherClient,
    /// It comes from another address than its session is bound to.
    OtherAddress,
    /// Its successor is in use already, within the grace time.
    TooLate,
    /// It came back after the grace time: the session was ended.
    Reused,
    /// Its number is beyond the chain's: the store went back, and a new epoch began (R9).
    Beyond,
}

impl RefreshRefusal {
    /// For the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Revoked(_) => "revoked",
            Self::Expired(_) => "expired",
            Self::OtherClient => "other client",
            Self::OtherAddress => "other address",
            Self::TooLate => "successor in use",
            Self::Reused => "reused",
            Self::Beyond => "beyond the counter",
        }
    }
}
