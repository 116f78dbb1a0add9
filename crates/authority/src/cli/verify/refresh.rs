//! Judging a refresh token. Looking does not use it up.

use rescind_domain::audience;
use rescind_domain::chain::{Chain, Turn};
use rescind_domain::refresh_token;
use rescind_domain::revocation::LogRow;
use rescind_domain::secret::Secret;
use rescind_domain::session::Expiry;
use rescind_domain::verbs::explain;
use rescind_wire::{KeyId, Subject, Thing};

use super::report::{Facts, Report, State, by_the_rule};
use crate::cli::failure::{Code, Failure};
use crate::cli::folder::{ADMIN, Tool};
use crate::cli::time::shown;
use crate::serve::ISSUER;

pub(super) async fn judge(tool: &Tool, token: &Secret) -> Result<Report, Failure> {
    let found = explain::refresh_token(tool.world(), &ADMIN, token.expose()).await?;
    let Some((mut explanation, chain, turn)) = found else {
        let why = "no session here has it: forged, altered, of another authority, or purged long ago";
        return Ok(Report::not_ours(why.to_owned()));
    };
    let key = refresh_token::take_apart(token.expose()).map(|token| token.unverified_key.key_id());
    let by_session = explanation.expiry.map(by_its_session);
    let (state, why, revocation) =
        by_the_rule(&mut explanation, &thing(&chain, key.as_ref())).or(by_session).unwrap_or_else(|| by_its_turn(turn));
    let session = explanation.session;
    let audiences = audiences(tool, chain.clone()).await?;
    let facts = Facts {
        subject: Some(Subject::User(chain.key.user)),
        client: Some(chain.client),
        audiences,
        scope: chain.scope,
        issued: None,
        expires: session.as_ref().map(|session| session.expires_at),
        session,
        id: None,
    };
    let why = match (state, facts.expires) {
        (State::Alive, Some(expires)) => format!("{why}; its session ends at {} at the latest", shown(expires)),
        _ => why,
    };
    Ok(Report { kind: "refresh token", state, why, facts, revocation })
}

/// Why a refresh token is not ended by itself, and what to do.
pub(super) async fn of_session(tool: &Tool, token: &Secret) -> Result<Failure, Failure> {
    let found = explain::refresh_token(tool.world(), &ADMIN, token.expose()).await?;
    Ok(match found {
        Some((_, chain, _)) => Failure::usage(format!(
            "that is a refresh token, which ends with its session: rescind session end {} --reason …",
            chain.key.session
        )),
        None => Failure::Because(Code::NotOurs, "no session here has this refresh token".to_owned()),
    })
}

/// Whom its access tokens are for, as the server calls itself now.
async fn audiences(tool: &Tool, chain: Chain) -> Result<Vec<String>, Failure> {
    let configured = tool.world().policy.issuer.clone();
    let read = tool.world().store.read("audiences", move |view| {
        let issuer = view.setting(ISSUER)?.unwrap_or(configured);
        audience::of(view, &issuer, &chain)
    });
    Ok(read.await?)
}

/// What a revocation of it can be about.
fn thing<'a>(chain: &'a Chain, key: Option<&'a KeyId>) -> Thing<'a> {
    Thing {
        user: Some(&chain.key.user),
        session: Some(&chain.key.session),
        client: Some(&chain.client),
        token: None,
        key,
        position: chain.position,
        authorized: chain.position,
    }
}

fn by_its_session(expiry: Expiry) -> (State, String, Option<LogRow>) {
    let why = match expiry {
        Expiry::Absolute => "its session has reached its end",
        Expiry::Idle => "its session was not used for too long",
    };
    (State::SessionExpired, why.to_owned(), None)
}

fn by_its_turn(turn: Turn) -> (State, String, Option<LogRow>) {
    let (state, why) = match turn {
        Turn::Rotate => (State::Alive, "it may be used"),
        Turn::Repeat => (State::Alive, "it was used a moment ago, and gives the same successor again"),
        Turn::TooLate => (State::Superseded, "it was used, and so was its successor"),
        Turn::Reused => (State::Reused, "it was used long ago; using it again ends its session"),
        Turn::Beyond => (State::LostEpoch, "it was issued in a history of the store that was lost"),
    };
    (state, why.to_owned(), None)
}
