//! Judging an access token: first its signature by every key that this authority ever had, then the rest.

use rescind_domain::key::Purpose;
use rescind_domain::policy::Policy;
use rescind_domain::secret::Secret;
use rescind_domain::verbs::{explain, keep_house};
use rescind_verifier::{Authentic, MAX_LIFETIME, Snapshot, Verifier};
use rescind_wire::jwt;
use rescind_wire::{AccessClaims, Audience, Epochs, Jwk};
use serde::Deserialize;

use super::report::{Facts, Report, State, by_the_rule};
use crate::cli::failure::Failure;
use crate::cli::folder::{ADMIN, Tool};
use crate::cli::time::{of_claim, shown};
use crate::serve::ISSUER;

/// What is known about the authority that a token is held against.
struct Known {
    epochs: Epochs,
    head: u64,
    /// Revoked ones too: what was made with them is ours, and dead.
    keys: Vec<Jwk>,
    /// What the server last called itself.
    issuer: Option<String>,
    /// The longest lifetime that a token still alive may have, in seconds.
    longest: u64,
}

pub(super) async fn judge(tool: &Tool, token: &Secret) -> Result<Report, Failure> {
    let known = known(tool).await?;
    let signed = match authenticate_by(&known, token.expose()) {
        Ok(signed) => signed,
        Err(why) => return Ok(Report::not_ours(why)),
    };
    let claims = signed.claims();
    let explained = explain::access_token(tool.world(), &ADMIN, claims.clone(), signed.key().clone());
    let mut explanation = explained.await?;
    let wall = tool.world().clock.wall();
    let without_entry = |(state, why)| (state, why, None);
    let (state, why, revocation) = by_the_rule(&mut explanation, &claims.thing(signed.key()))
        .or_else(|| by_its_claims(claims, &known, &tool.world().policy, wall.seconds()).map(without_entry))
        .or_else(|| by_its_session(claims, &explanation).map(without_entry))
        .unwrap_or_else(|| (State::Alive, format!("it is good until {}", shown(of_claim(claims.exp))), None));
    let facts = Facts {
        id: Some(claims.jti),
        subject: Some(claims.sub.clone()),
        session: explanation.session,
        client: Some(claims.client_id.clone()),
        audiences: names(&claims.aud),
        scope: claims.scope.clone(),
        issued: Some(of_claim(claims.iat)),
        expires: Some(of_claim(claims.exp)),
    };
    Ok(Report { kind: "access token", state, why, facts, revocation })
}

/// The token with its claims, if this authority signed it; else why it is none of its own.
pub(super) async fn authenticate(tool: &Tool, token: &str) -> Result<Result<Authentic, String>, Failure> {
    Ok(authenticate_by(&known(tool).await?, token))
}

async fn known(tool: &Tool) -> Result<Known, Failure> {
    let inner = tool.world().clone();
    let read = tool.world().store.read("keys_and_names", move |view| {
        let signing = view.keys()?.into_iter().filter(|row| matches!(row.purpose, Purpose::Sign(_)));
        let longest = keep_house::longest_lifetime(&view.lifetimes()?, &inner.policy, inner.now());
        Ok(Known {
            epochs: view.epochs()?,
            head: view.head()?.position.number,
            keys: signing.filter_map(|row| row.public).collect(),
            issuer: view.setting(ISSUER)?,
            longest: longest.as_secs(),
        })
    });
    Ok(read.await?)
}

/// What a token says of itself before anything is believed: whom to be while checking it.
#[derive(Deserialize)]
struct Unverified {
    iss: String,
    aud: Audience,
}

/// Checks the signature as the token's own audience would, whoever that is: the issuer and the rest are judged after.
fn authenticate_by(known: &Known, token: &str) -> Result<Authentic, String> {
    let parts = jwt::take_apart(token).map_err(|_| "not a token that Rescind makes".to_owned())?;
    let unverified: Unverified =
        serde_json::from_slice(&parts.unverified_claims).map_err(|_| "its claims are not those of an access token")?;
    let audience = names(&unverified.aud).into_iter().next().ok_or("it is for nobody")?;
    let setup = Verifier::builder(unverified.iss).audience(audience).cache_tokens(0).parts();
    let (verifier, mut keeper) = setup.map_err(|error| error.to_string())?;
    let snapshot = Snapshot {
        epochs: known.epochs.clone(),
        position: known.head,
        floor: known.head,
        floor_at: None,
        longest_lifetime: MAX_LIFETIME,
        keys: known.keys.clone(),
        entries: Vec::new(),
    };
    keeper.reset(snapshot).map_err(|error| error.to_string())?;
    verifier.authentic(token).map_err(|rejected| rejected.to_string())
}

/// What is wrong with what it says, if something is: what every verifier refuses.
fn by_its_claims(claims: &AccessClaims, known: &Known, policy: &Policy, wall: u64) -> Option<(State, String)> {
    let skew = policy.skew.as_secs();
    let issuer = known.issuer.as_ref().unwrap_or(&policy.issuer);
    let from = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
    let lifetime = claims.exp.saturating_sub(claims.iat);
    if claims.iss != *issuer {
        let why = format!("it names {} as its issuer, and the server calls itself {issuer} now", claims.iss);
        return Some((State::OtherIssuer, why));
    }
    if lifetime > known.longest {
        return Some((
            State::TooLongLived,
            format!("it lives for {lifetime} s, and none does for more than {} s", known.longest),
        ));
    }
    if wall >= claims.exp.saturating_add(skew) {
        return Some((State::Expired, format!("it expired at {}", shown(of_claim(claims.exp)))));
    }
    (from > wall.saturating_add(skew))
        .then(|| (State::NotYetValid, format!("it is not valid before {}", shown(of_claim(from)))))
}

fn by_its_session(claims: &AccessClaims, explanation: &explain::Explanation) -> Option<(State, String)> {
    if claims.sid.is_some() && explanation.session.is_none() {
        return Some((State::SessionGone, "its session ended, and was purged".to_owned()));
    }
    explanation.expiry.map(|_| (State::SessionExpired, "its session has expired".to_owned()))
}

fn names(audience: &Audience) -> Vec<String> {
    match audience {
        Audience::One(name) => vec![name.clone()],
        Audience::Many(names) => names.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use rescind_wire::{Epoch, Position};

    const NOW: u64 = 1_795_247_580;

    fn state(change: impl FnOnce(&mut AccessClaims)) -> Option<State> {
        let epoch = Epoch::from_bytes([1; 10]);
        let known = Known {
            epochs: Epochs::first(epoch),
            head: 1,
            keys: Vec::new(),
            issuer: Some("http://a".to_owned()),
            longest: 300,
        };
        let mut claims: AccessClaims = serde_json::from_value(serde_json::json!({
            "iss": "http://a", "sub": "jobs", "aud": "http://a", "client_id": "jobs", "iat": NOW, "exp": NOW + 300,
            "jti": rescind_wire::TokenId::from_bytes([2; 16]), "rev": Position { epoch, number: 1 },
        }))
        .expect("claims");
        change(&mut claims);
        // Its own issuer is what the configuration says; what the store says counts.
        let policy = Config::default().policy("http://b".to_owned());
        by_its_claims(&claims, &known, &policy, NOW).map(|(state, _)| state)
    }

    #[test]
    fn d4_a_token_is_judged_by_its_times_as_every_verifier_does() {
        let at = |iat: u64, exp: u64| state(|claims| (claims.iat, claims.exp) = (iat, exp));
        assert_eq!(state(|_| {}), None);
        // 30 s of skew are allowed unless configured.
        assert_eq!(at(NOW - 300, NOW - 29), None);
        assert_eq!(at(NOW - 300, NOW - 30), Some(State::Expired));
        assert_eq!(at(NOW + 30, NOW + 300), None);
        assert_eq!(at(NOW + 31, NOW + 300), Some(State::NotYetValid));
        assert_eq!(state(|claims| claims.nbf = Some(NOW + 31)), Some(State::NotYetValid));
        assert_eq!(at(NOW, NOW + 301), Some(State::TooLongLived));
        assert_eq!(at(0, u64::MAX), Some(State::TooLongLived));
    }

    #[test]
    fn a_token_of_another_name_is_told_apart_from_one_of_another_authority() {
        assert_eq!(state(|claims| claims.iss = "http://b".to_owned()), Some(State::OtherIssuer));
    }
}
