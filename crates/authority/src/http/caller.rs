//! Who calls, and from where.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use rescind_domain::acting::{Acting, Administrator};
use rescind_domain::address::client_address;
use rescind_domain::verbs::read_log;
use rescind_verifier::{Presented, Scheme, Verified};
use rescind_wire::{SessionId, UserId};

use super::cors::Script;
use super::problem::{Problem, kinds};
use super::waiting::{Misused, Waiting};
use crate::authority::Authority;
use crate::history::Counted;

/// Whoever presents an access token that the authority's own verifier accepts. Extracting it reads no store.
pub struct Caller {
    verified: Verified,
    address: Option<IpAddr>,
}

impl Caller {
    /// Whoever calls from `address` with what was verified so; the request remembers who it was.
    pub(crate) fn let_in(verified: Verified, address: Option<IpAddr>, request: &Extensions) -> Self {
        if let Some(seen) = request.get::<Seen>() {
            let device = verified.user().zip(verified.session());
            let who = device.map_or(Who::Service, |(user, session)| Who::Device(*user, *session));
            // Set once: a request has one caller.
            let _ = seen.0.set(who);
        }
        Self { verified, address }
    }

    /// What the verifier made of the token.
    pub const fn verified(&self) -> &Verified {
        &self.verified
    }

    /// From where.
    pub(crate) const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The caller as verbs want it, who check it again inside their transactions.
    pub(crate) fn acting(&self) -> Acting {
        Authority::acting(&self.verified, self.address)
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Arc<Authority>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let authority = Arc::<Authority>::from_ref(state);
        let address = address(&authority, parts);
        let presented = Presented { peer: address, ..presented(&parts.headers)? };
        let verified = authority.verify(&presented).await.map_err(|rejected| {
            authority.history.count(Counted::Refused);
            Problem::from(rejected)
        })?;
        Script::of(&parts.extensions).check(&verified.claims().client_id)?;
        Misused::refuse(&parts.extensions)?;
        note_administrator(&authority, &verified, address, &parts.extensions).await;
        Ok(Self::let_in(verified, address, &parts.extensions))
    }
}

/// Where the request waits, finds out whether whoever sent it may hear who is missing: before it ends anything, since an
/// administrator may be about to end their own session. In doubt it may not.
async fn note_administrator(authority: &Authority, verified: &Verified, address: Option<IpAddr>, request: &Extensions) {
    let Some(waiting) = request.get::<Waiting>() else { return };
    let caller = Administrator::Caller(Box::new(Authority::acting(verified, address)));
    if read_log::head(&authority.world, &caller).await.is_ok() {
        waiting.is_an_administrators();
    }
}

/// Why a caller is not one. It answers as a problem document.
#[derive(Debug)]
pub struct Refusal(Problem);

impl Refusal {
    /// Whether there is a token, and it is not good (any more).
    pub(crate) fn is_of_a_token(&self) -> bool {
        self.0.kind().slug == kinds::INVALID_TOKEN.slug
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        refusal.0
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl axum::response::IntoResponse for Refusal {
    fn into_response(self) -> axum::response::Response {
        self.0.into_response()
    }
}

/// A caller who may be an administrator: the verb finds out, in the store.
pub(crate) struct Admin(pub(crate) Administrator);

impl Admin {
    /// Who this is, as one word, for idempotency.
    pub(crate) fn caller(&self) -> String {
        match &self.0 {
            Administrator::Caller(acting) | Administrator::Fresh(acting) => acting.caller(),
            Administrator::CommandLine => String::new(),
        }
    }

    /// The session that the administrator calls from.
    pub(crate) fn session(&self) -> Option<SessionId> {
        match &self.0 {
            Administrator::Caller(acting) | Administrator::Fresh(acting) => acting.claims().sid,
            Administrator::CommandLine => None,
        }
    }
}

impl<S> FromRequestParts<S> for Admin
where
    S: Send + Sync,
    Arc<Authority>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let caller = Caller::from_request_parts(parts, state).await?;
        Ok(Self(Administrator::Caller(Box::new(caller.acting()))))
    }
}

/// Whoever presents a token that this authority did sign, expired or revoked as it may be: enough to log out (A11).
pub(crate) struct Leaving {
    pub(crate) authentic: rescind_verifier::Authentic,
    pub(crate) address: Option<IpAddr>,
}

impl<S> FromRequestParts<S> for Leaving
where
    S: Send + Sync,
    Arc<Authority>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let authority = Arc::<Authority>::from_ref(state);
        let presented = presented(&parts.headers)?;
        let authentic = authority.authentic(presented.token)?;
        // Logging out is refused to nobody; what comes of it is not for every script to read.
        let _ = Script::of(&parts.extensions).check(&authentic.claims().client_id);
        Misused::refuse(&parts.extensions)?;
        let address = address(&authority, parts);
        if parts.extensions.get::<Waiting>().is_some() {
            // A token that is only good enough to log out with tells nobody who is missing.
            let presented = Presented { peer: address, ..presented };
            if let Ok(verified) = authority.verify(&presented).await {
                note_administrator(&authority, &verified, address, &parts.extensions).await;
            }
        }
        Ok(Self { authentic, address })
    }
}

/// The device that a request comes from, whoever sent it.
pub(crate) struct Device {
    pub(crate) address: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
}

impl<S> FromRequestParts<S> for Device
where
    S: Send + Sync,
    Arc<Authority>: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let authority = Arc::<Authority>::from_ref(state);
        let user_agent = parts.headers.get(USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Ok(Self { address: address(&authority, parts), user_agent })
    }
}

/// Where a request leaves word of the session that it came from. The session counts as seen only once the request has
/// succeeded, for only then was it found to be alive: an expired one must not revive itself by asking.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<OnceLock<Who>>);

/// Whoever was let in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    /// A person, on a device.
    Device(UserId, SessionId),
    /// A client that acts for itself.
    Service,
}

impl Seen {
    /// Whoever was let in, if anybody was.
    pub(crate) fn who(&self) -> Option<Who> {
        self.0.get().copied()
    }
}

/// Where a request comes from, as far as the proxies in front may be believed (E2).
fn address(authority: &Authority, parts: &Parts) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let trusted = &authority.config.proxies.trusted;
    if trusted.is_empty() {
        warn_of_proxy(authority, peer.ip(), &parts.headers);
        return Some(peer.ip().to_canonical());
    }
    let values = parts.headers.get_all("x-forwarded-for").iter();
    // What is not text is no address: the reading of the header ends there.
    let values: Vec<&str> = values.map(|value| value.to_str().unwrap_or("?")).collect();
    Some(client_address(peer.ip(), &values, trusted))
}

/// Where a proxy on this machine is not named, everybody has its address: they share the waits that failed sign-ins cost,
/// and lists of devices show it. The operator is told once.
fn warn_of_proxy(authority: &Authority, peer: IpAddr, headers: &HeaderMap) {
    if peer.to_canonical().is_loopback() && headers.contains_key("x-forwarded-for") {
        authority.unnamed_proxy.call_once(|| {
            tracing::warn!(
                %peer,
                "a request came with X-Forwarded-For, which is ignored, so everyone seems to come from this machine: \
                 if a proxy is in front, name it in proxies.trusted"
            );
        });
    }
}

/// The token of the one `Authorization` header. Without one, or with one of another scheme, no token was presented
/// (RFC 6750 §3: the answer has no error code then).
fn presented(headers: &HeaderMap) -> Result<Presented<'_>, Problem> {
    let missing = || Problem::new(kinds::MISSING_TOKEN).challenge(None);
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        let problem = Problem::invalid("Send one `Authorization` header, not several.");
        return Err(problem.challenge(Some("invalid_request")));
    }
    let bad = || Problem::new(kinds::INVALID_TOKEN).challenge(Some("invalid_token"));
    let text = value.to_str().map_err(|_| bad())?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let scheme = match scheme {
        _ if scheme.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
        _ if scheme.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
        _ => return Err(missing()),
    };
    Ok(Presented { scheme, ..Presented::bearer(token.trim_start_matches(' ')) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<(Scheme, String), &'static str> {
        let headers: HeaderMap = values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect();
        match presented(&headers) {
            Ok(presented) => Ok((presented.scheme, presented.token.to_owned())),
            Err(problem) => Err(problem.kind().slug),
        }
    }

    #[test]
    fn a_token_is_read_whatever_the_case_of_its_scheme() {
        for text in ["Bearer abc", "bearer abc", "BEARER   abc"] {
            assert_eq!(read(&[text]), Ok((Scheme::Bearer, "abc".to_owned())), "{text}");
        }
        assert_eq!(read(&["DPoP abc"]), Ok((Scheme::Dpop, "abc".to_owned())));
    }

    #[test]
    fn no_token_another_scheme_and_two_headers_are_told_apart() {
        assert_eq!(read(&[]), Err("missing-token"));
        assert_eq!(read(&["Basic abc"]), Err("missing-token"));
        assert_eq!(read(&["Bearer a", "Bearer a"]), Err("invalid-request"));
        assert_eq!(read(&["Bearer"]), Ok((Scheme::Bearer, String::new())), "the verifier refuses it");
    }
}
