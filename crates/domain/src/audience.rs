//! Audiences, as refresh chains keep them. The issuer is one of them for whoever asks for nothing else, and it may be
//! called something else tomorrow: another port, or a name with https in front. What was signed in under its former name
//! goes on under the present one.

use rescind_wire::Algorithm;

use crate::chain::Chain;
use crate::error::Error;
use crate::store::View;
use crate::world::World;

/// The store's setting that says what the server last called itself.
pub const ISSUER_SETTING: &str = "issuer";

/// How tokens are signed where nobody asks for another way.
pub const DEFAULT_ALGORITHM: Algorithm = Algorithm::EdDSA;

/// What stands for the issuer in a chain. No audience's name is empty.
const ISSUER: &str = "";

/// As a chain keeps what was asked for: the issuer by what it is, not by its name.
pub(crate) fn kept(issuer: &str, audiences: &[String]) -> Vec<String> {
    let kept = audiences.iter().map(|name| if name == issuer { ISSUER.to_owned() } else { name.clone() });
    sorted(kept.collect())
}

/// The audiences of a chain's tokens, where the authority calls itself `issuer`.
///
/// Chains of earlier versions keep the name that the issuer had, unless it is the one that the store knew when it was
/// brought up to date. What a chain was given is the issuer or on its client's list, so a name that is neither the present issuer's nor on that list is a former one's.
pub fn of(view: &dyn View, issuer: &str, chain: &Chain) -> Result<Vec<String>, Error> {
    let named = |name: &String| name != ISSUER && name != issuer;
    let client = if chain.audiences.iter().any(named) { view.client(&chain.client)? } else { None };
    let is_other = |name: &String| named(name) && client.as_ref().is_none_or(|client| client.audiences.contains(name));
    let now = chain.audiences.iter().map(|name| if is_other(name) { name.clone() } else { issuer.to_owned() });
    Ok(sorted(now.collect()))
}

/// Whether an audience is the issuer itself, as this process calls it, or as the server last did.
pub(crate) fn is_issuer(view: &dyn View, world: &World, name: &str) -> Result<bool, Error> {
    Ok(name == world.policy.issuer || view.setting(ISSUER_SETTING)?.is_some_and(|issuer| issuer == name))
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}
