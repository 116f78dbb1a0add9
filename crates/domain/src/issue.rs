//! Issuing access tokens (RFC 9068).

use std::time::Duration;

use rescind_wire::jwt::{self, MAX_TOKEN};
use rescind_wire::{AccessClaims, Algorithm, Audience, ClientId, Position, SessionId, Subject, TokenId};

use crate::audience::DEFAULT_ALGORITHM;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::policy::ISSUE_WITHIN;
use crate::secret::Secret;
use crate::session::Session;
use crate::store::View;
use crate::world::World;

/// What an access token will say, as decided inside a transaction. Signing comes after the commit.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Whom it is about.
    pub subject: Subject,
    /// The session, for a user.
    pub session: Option<SessionTicket>,
    /// The client that it is given to.
    pub client: ClientId,
    /// For whom it is.
    pub audiences: Vec<String>,
    /// How those want it signed.
    pub algorithm: Algorithm,
    /// What it allows.
    pub scope: String,
    /// The position that it carries (R2).
    pub position: Position,
    /// When the log was read for that position, at the earliest.
    pub read_at: Timestamp,
}

/// What an access token says of its session.
#[derive(Clone, Debug)]
pub struct SessionTicket {
    /// The `sid`.
    pub id: SessionId,
    /// When the session ends at the latest: no token outlives it.
    pub expires_at: Timestamp,
    /// When the user last authenticated.
    pub auth_time: Timestamp,
    /// How.
    pub amr: Vec<String>,
}

/// How many bytes header and claims have besides the issuer, the client, the audiences and the scope: some 430 at most, and
/// room for what an access token may say that none says yet.
const REST: usize = 512;

/// How long a signature is, in base64url: 64 bytes, or those of an RSA key of 2,048 bits.
const fn signature(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::EdDSA | Algorithm::ES256 => 86,
        Algorithm::RS256 => 342,
    }
}

/// How long a token of this client for these audiences and with this scope can become at most, in bytes.
pub(crate) fn longest<'a>(
    issuer: &str,
    client: &ClientId,
    audiences: impl IntoIterator<Item = &'a str>,
    scope: &str,
    algorithm: Algorithm,
) -> usize {
    // Names have no characters that JSON escapes; each stands in quotes, after a comma. A client may be the subject, too.
    let audiences: usize = audiences.into_iter().map(|name| name.len() + 3).sum();
    let text = REST + issuer.len() + 2 * client.as_str().len() + audiences + scope.len();
    text.div_ceil(3) * 4 + 4 + signature(algorithm)
}

impl Ticket {
    /// The ticket, unless the token could be one that verifiers do not read. Asked inside the transaction, so that what is
    /// refused has changed nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`], which names the scope.
    pub(crate) fn of_bounded_length(self, world: &World) -> Result<Self, Error> {
        let audiences = self.audiences.iter().map(String::as_str);
        let longest = longest(&world.policy.issuer, &self.client, audiences, &self.scope, self.algorithm);
        if longest <= MAX_TOKEN {
            return Ok(self);
        }
        let problem = format!(
            "the access token could have {longest} bytes, and verifiers read {MAX_TOKEN} at most: ask for fewer scopes or \
             audiences"
        );
        Err(Error::Invalid { field: "scope", problem })
    }
}

impl SessionTicket {
    /// What tokens say of `session`.
    pub fn of(session: &Session) -> Self {
        Self { id: session.id, expires_at: session.expires_at, auth_time: session.auth_time, amr: session.amr.clone() }
    }
}

/// An access token, signed.
#[derive(Debug)]
pub struct AccessToken {
    /// The token.
    pub token: Secret,
    /// Its `jti`.
    pub id: TokenId,
    /// How long it is good for, in whole seconds.
    pub expires_in: Duration,
}

/// Signs what `ticket` says.
///
/// # Errors
/// [`Error::TooLate`] if the log was read too long ago (R2); [`Error::SignedOut`] if the session is over by now, or has less
/// than a second left: a token that outlived it would be good after it (C6), and a shorter one for nothing.
pub fn access_token(world: &World, ticket: Ticket) -> Result<AccessToken, Error> {
    let (wall, now) = (world.clock.wall(), world.now());
    check_read(now, ticket.read_at)?;
    let lifetime =
        lifetime(ticket.session.as_ref(), now, world.policy.access_lifetime).ok_or(Error::SignedOut(None))?;
    let id = TokenId::from_bytes(world.entropy.bytes());
    // `auth_time` is kept on the steady time line; others compare it with their walls.
    let on_the_wall = |at: Timestamp| now.since(at).map_or(wall, |age| wall.before(age)).seconds();
    let claims = AccessClaims {
        iss: world.policy.issuer.clone(),
        sub: ticket.subject,
        aud: Audience::of(ticket.audiences),
        client_id: ticket.client,
        iat: wall.seconds(),
        exp: wall.seconds() + lifetime,
        nbf: None,
        jti: id,
        rev: ticket.position,
        sid: ticket.session.as_ref().map(|session| session.id),
        scope: ticket.scope,
        auth_time: ticket.session.as_ref().map(|session| on_the_wall(session.auth_time)),
        amr: ticket.session.map(|session| session.amr).unwrap_or_default(),
        acr: None,
        cnf: None,
    };
    let key = world.keyring.signing(ticket.algorithm, ticket.position.number)?;
    let input = jwt::signing_input(key.id(), key.algorithm(), jwt::ACCESS_TOKEN_TYPE, &claims)
        .unwrap_or_else(|_| unreachable!("claims are strings and numbers"));
    let signature = key.sign(input.as_bytes())?;
    Ok(AccessToken {
        token: Secret::new(jwt::with_signature(input, &signature)),
        id,
        expires_in: Duration::from_secs(lifetime),
    })
}

/// How many whole seconds a token is good for that is signed `now`, or nothing if that is none: no longer than its session,
/// if it has one. The wall's time that is written into the token was read before `now`, so that it errs on the short side.
fn lifetime(session: Option<&SessionTicket>, now: Timestamp, longest: Duration) -> Option<u64> {
    let left = match session {
        Some(session) => session.expires_at.since(now)?,
        None => longest,
    };
    Some(left.min(longest).as_secs()).filter(|seconds| *seconds > 0)
}

/// Refuses what rests on a read of the log at `read_at` that is too old by now (R2). What writes asks before it does, too:
/// a session whose tokens are refused afterwards would be one that nobody holds.
pub(crate) fn check_read(now: Timestamp, read_at: Timestamp) -> Result<(), Error> {
    if now.since(read_at).is_none_or(|age| age > ISSUE_WITHIN) { Err(Error::TooLate) } else { Ok(()) }
}

/// How a token for these audiences is signed, with a position of this `number`: as they all have it, where they do. The
/// issuer reads every way, and has it as the others do; alone, it has `EdDSA`. The key that would sign it is not
/// revoked as this transaction sees it: the ring in memory may lag behind another process that has just revoked one,
/// and what that signs would be dead as it is handed out (R2).
pub fn algorithm_for(view: &dyn View, world: &World, audiences: &[String], number: u64) -> Result<Algorithm, Error> {
    let algorithm = asked_for(view, &world.policy.issuer, audiences)?;
    let revoked = match world.keyring.signing(algorithm, number) {
        Ok(key) => view.key_revoked(key.id())?.is_some(),
        Err(_) => true,
    };
    if revoked {
        world.keyring.catch_up(&view.keys()?)?;
    }
    Ok(algorithm)
}

fn asked_for(view: &dyn View, issuer: &str, audiences: &[String]) -> Result<Algorithm, Error> {
    let mut chosen = None;
    let is_asked = |name: &String| name != issuer && audiences.contains(name);
    for row in view.audiences()?.into_iter().filter(|row| is_asked(&row.name)) {
        if chosen.is_some_and(|algorithm| algorithm != row.algorithm) {
            let problem = "these audiences want their tokens signed differently; ask for one token each".into();
            return Err(Error::Invalid { field: "audience", problem });
        }
        chosen = Some(row.algorithm);
    }
    Ok(chosen.unwrap_or(DEFAULT_ALGORITHM))
}
