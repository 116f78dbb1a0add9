//! Clients, as administrators add, see and remove them.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use rescind_wire::feed::FEED_SCOPE;
use rescind_wire::jwt::MAX_TOKEN;
use rescind_wire::{Algorithm, ClientId, Scope};

use crate::acting::Administrator;
use crate::audience::{self, DEFAULT_ALGORITHM};
use crate::client::{
    ADMIN_SCOPE, Algorithms, AudienceRow, Client, ClientKind, ClientPolicy, DEFAULT_CLIENT, PAGES_CLIENT,
};
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::issue;
use crate::key::Purpose;
use crate::label;
use crate::revocation::{self, Receipt};
use crate::secret::{Secret, SecretHash};
use crate::store::EndingTx;
use crate::verbs::administer_keys::Whose;
use crate::world::World;

/// What every client secret begins with, so that people and secret scanners recognise one.
pub const SECRET_PREFIX: &str = "rcs_";

/// The longest lifetime that a client's policy may give its sessions, in seconds: MAC keys are kept for as long.
pub const MAX_SESSION_SECONDS: u64 = 400 * 24 * 60 * 60;

/// The shortest lifetime that a client's policy may give its sessions, in seconds; the deployment's own are not shorter
/// either. In less, nobody can do anything but sign in again.
pub const MIN_SESSION_SECONDS: u64 = 60;

/// What the scopes that mean something to Rescind itself begin with, and which there are.
const OWN_SCOPES: &str = "rescind:";
const KNOWN_SCOPES: [&str; 2] = [ADMIN_SCOPE, FEED_SCOPE];

/// How old a client's policy may let an authentication be that counts as fresh, in seconds: 10 s to 1 day.
pub const FRESH_SECONDS: std::ops::RangeInclusive<u64> = 10..=24 * 60 * 60;

/// How many clients are named that stand in the way of another algorithm.
const NAMED: u32 = 5;

/// What a new client is to be.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Its id.
    pub id: ClientId,
    /// What it is called; its id if empty.
    pub name: String,
    /// What kind of application it is.
    pub kind: ClientKind,
    /// Whom its tokens may be for, and how those have them signed: as is settled already, or `EdDSA`, unless it says.
    pub audiences: Vec<(String, Option<Algorithm>)>,
    /// What its tokens may allow.
    pub scopes: Vec<String>,
    /// Whether it is given a secret. A service always is.
    pub confidential: bool,
    /// Origins whose scripts may call the API for it.
    pub origins: Vec<String>,
    /// How its sessions differ.
    pub policy: ClientPolicy,
}

/// Adds a client; answers its secret, which is shown this once.
pub async fn add_client(
    world: &World,
    admin: &Administrator,
    new: NewClient,
) -> Result<(Client, Option<Secret>), Error> {
    let new = NewClient { scopes: each_once(&new.scopes), ..new };
    check(world, &new)?;
    let confidential = new.confidential || new.kind == ClientKind::Service;
    let secret = confidential.then(|| {
        let text = BASE64URL_NOPAD.encode(&world.entropy.bytes::<32>());
        Secret::new(format!("{SECRET_PREFIX}{text}"))
    });
    let hash = secret.as_ref().map(SecretHash::of);
    let (admin, inner) = (admin.clone(), world.clone());
    let client = world.store.end("add_client", move |tx| add(tx, &inner, &admin, &new, hash)).await?;
    Ok((client, secret))
}

/// Takes the head's lock, since an audience that wants its tokens signed in a new way needs a key, which is an entry of
/// the log.
fn add(
    tx: &mut dyn EndingTx,
    world: &World,
    admin: &Administrator,
    new: &NewClient,
    secret: Option<SecretHash>,
) -> Result<Client, Error> {
    admin.check(tx, world)?;
    if new.id.as_str() == PAGES_CLIENT || tx.client(&new.id)?.is_some() {
        return Err(Error::ClientTaken);
    }
    let now = world.now();
    // What a version before left of clients that are gone settles nothing.
    tx.forget_audiences()?;
    for (name, algorithm) in &new.audiences {
        settle(tx, world, admin, name, *algorithm)?;
    }
    let client = Client {
        id: new.id.clone(),
        name: if new.name.is_empty() { new.id.to_string() } else { new.name.clone() },
        kind: new.kind,
        audiences: each_once(new.audiences.iter().map(|(name, _)| name)),
        scopes: new.scopes.clone(),
        secret,
        origins: new.origins.clone(),
        policy: new.policy.clone(),
        created_at: now,
        // Born with a cut at the head: what a client of the same id was given before stays dead (A18).
        cut: tx.head()?.position.number,
    };
    tx.insert_client(&client)?;
    let event = NewEvent::new(now, EventKind::ClientAdded, admin.actor())
        .client(client.id.clone())
        .from(world.stored_address(admin.address()));
    tx.add_event(&event)?;
    Ok(client)
}

/// How an audience's tokens are signed is settled by the first client that names it, and stays so while one does: chains
/// live by it, which may be for several audiences that all have it in the same way, and cannot ask again for fewer.
fn settle(
    tx: &mut dyn EndingTx,
    world: &World,
    admin: &Administrator,
    name: &str,
    asked: Option<Algorithm>,
) -> Result<(), Error> {
    let invalid = |problem| Err(Error::Invalid { field: "audience", problem });
    if audience::is_issuer(tx, world, name)? {
        return match asked {
            None | Some(DEFAULT_ALGORITHM) => Ok(()),
            Some(_) => invalid(format!(
                "{name} is the issuer, which every client has, and whose own tokens are signed with {DEFAULT_ALGORITHM}: \
                 leave its algorithm out, or give your service a name of its own"
            )),
        };
    }
    let others = tx.clients_naming(name, NAMED)?;
    let known = tx.audiences()?.into_iter().find(|row| row.name == name).map(|row| row.algorithm);
    if known.is_none() && others.is_empty() {
        let algorithm = asked.unwrap_or(DEFAULT_ALGORITHM);
        tx.set_audience(&AudienceRow { name: name.to_owned(), algorithm })?;
        return ensure_key(tx, world, Purpose::Sign(algorithm), &Whose::of(admin));
    }
    // A version before left it open where no client wrote one.
    let settled = known.unwrap_or(DEFAULT_ALGORITHM);
    if asked.is_none_or(|asked| asked == settled) {
        return Ok(());
    }
    let others: Vec<&str> = others.iter().map(ClientId::as_str).collect();
    invalid(if others.is_empty() {
        format!("{name} is named twice, with different algorithms")
    } else {
        format!(
            "{name} has its tokens signed with {settled}, and is in use by {}: leave the algorithm out, or write {settled}; \
             it can be another once no client names {name}",
            others.join(", ")
        )
    })
}

/// Adds a key for `purpose` unless there is one that may be used.
pub(crate) fn ensure_key(tx: &mut dyn EndingTx, world: &World, purpose: Purpose, whose: &Whose) -> Result<(), Error> {
    if tx.keys()?.iter().any(|row| row.purpose == purpose && row.revoked.is_none() && row.superseded_at.is_none()) {
        return Ok(());
    }
    crate::verbs::administer_keys::add(tx, world, purpose, "first of its kind", whose)
}

/// All clients, by id.
pub async fn list_clients(
    world: &World,
    admin: &Administrator,
    after: String,
    limit: u32,
) -> Result<Vec<Client>, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("list_clients", move |view| {
            admin.check(view, &inner)?;
            Ok(view.clients(&after, limit)?)
        })
        .await
}

/// One client.
pub async fn find_client(world: &World, admin: &Administrator, id: ClientId) -> Result<Client, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("find_client", move |view| {
            admin.check(view, &inner)?;
            view.client(&id)?.ok_or(Error::NotFound("client"))
        })
        .await
}

/// How the tokens for each audience are signed.
pub async fn list_algorithms(world: &World, admin: &Administrator) -> Result<Algorithms, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("list_algorithms", move |view| {
            admin.check(view, &inner)?;
            let mut rows = Vec::new();
            for row in view.audiences()? {
                // A version before let clients settle it for the issuer, too.
                if !audience::is_issuer(view, &inner, &row.name)? {
                    rows.push(row);
                }
            }
            Ok(Algorithms::new(rows))
        })
        .await
}

/// Removes a client: everything that it was given ends. Audiences that no other one names are not settled any more.
pub async fn remove_client(
    world: &World,
    admin: &Administrator,
    id: ClientId,
    reason: String,
) -> Result<Receipt, Error> {
    if [DEFAULT_CLIENT, PAGES_CLIENT].contains(&id.as_str()) {
        let problem = "this client stays: first-party sign-ins belong to it".to_owned();
        return Err(Error::Invalid { field: "client_id", problem });
    }
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .end("remove_client", move |tx| {
            admin.check(tx, &inner)?;
            let event = NewEvent::new(inner.now(), EventKind::ClientRemoved, admin.actor())
                .client(id.clone())
                .from(inner.stored_address(admin.address()));
            let receipt = revocation::remove_client(tx, &inner, &id, &reason, event)?;
            tx.forget_audiences()?;
            Ok(receipt)
        })
        .await
}

/// What whoever removed this client was told, as long as events tell of it: its end can be waited for again. Nothing while
/// there is a client of that id.
pub async fn removal(world: &World, admin: &Administrator, id: ClientId) -> Result<Receipt, Error> {
    let (admin, inner) = (admin.clone(), world.clone());
    world
        .store
        .read("find_removal", move |view| {
            admin.check(view, &inner)?;
            let gone = view.client(&id)?.is_none();
            let number = view.client_removed(&id)?.filter(|_| gone).ok_or(Error::NotFound("client"))?;
            let scope = Scope::Client { client: id.clone() };
            revocation::receipt_of(view, number, scope)?.ok_or(Error::NotFound("client"))
        })
        .await
}

/// What can be said against a new client without looking at others.
fn check(world: &World, new: &NewClient) -> Result<(), Error> {
    let invalid = |field, problem: &str| Err(Error::Invalid { field, problem: problem.to_owned() });
    if !new.name.is_empty() && !label::is_fit(&new.name, 100) {
        return invalid("name", "at most 100 characters, one of them visible, no control characters");
    }
    // RFC 6749 §3.3: printable ASCII but for space, quote and backslash.
    let token = |text: &str| text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    if new.scopes.len() > 100 || new.scopes.iter().any(|s| s.is_empty() || s.len() > 100 || !token(s)) {
        return invalid(
            "scopes",
            "at most 100 of at most 100 printable ASCII characters each, without space, \" and \\",
        );
    }
    let unknown = |scope: &&String| scope.starts_with(OWN_SCOPES) && !KNOWN_SCOPES.contains(&scope.as_str());
    if let Some(scope) = new.scopes.iter().find(unknown) {
        let known = KNOWN_SCOPES.join(", ");
        return invalid("scopes", &format!("{scope} is not known: of those with {OWN_SCOPES} there are {known}"));
    }
    if new.audiences.len() > 20 || new.audiences.iter().any(|(a, _)| a.is_empty() || a.len() > 200 || !token(a)) {
        return invalid("audiences", "at most 20 of at most 200 printable ASCII characters each");
    }
    let (scope, audiences) = (new.scopes.join(" "), each_once(new.audiences.iter().map(|(name, _)| name)));
    let issuer = world.policy.issuer.as_str();
    // Of all signatures those of RSA are the longest.
    let audiences = audiences.iter().map(String::as_str).chain([issuer]);
    let longest = issue::longest(issuer, &new.id, audiences, &scope, Algorithm::RS256);
    if longest > MAX_TOKEN {
        let problem = format!(
            "with all of its scopes and audiences its access tokens could have {longest} bytes, and verifiers read \
             {MAX_TOKEN} at most: fewer or shorter ones"
        );
        return invalid("scopes", &problem);
    }
    if new.origins.len() > 20 || new.origins.iter().any(|origin| !is_origin(origin)) {
        return invalid(
            "origins",
            "at most 20, each like https://app.example or http://localhost:3000, nothing after it; without the port 443 of https and 80 of \
             http, which browsers leave out",
        );
    }
    if new.kind == ClientKind::Service && !new.origins.is_empty() {
        return invalid(
            "origins",
            "a service has none: its tokens are had for its secret, which no script in a browser can keep",
        );
    }
    if new.kind == ClientKind::Browser && new.confidential {
        return invalid("confidential", "a browser cannot keep a secret (RFC 6749 §2.1)");
    }
    if new.policy.bind_address && new.kind != ClientKind::Browser {
        return invalid("policy", "only sessions of browser clients can be bound to their address");
    }
    check_policy(world, &new.policy)
}

/// Names, each once, in the order in which they come first.
fn each_once<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(*name)).cloned().collect()
}

fn check_policy(world: &World, policy: &ClientPolicy) -> Result<(), Error> {
    let invalid = |problem: String| Err(Error::Invalid { field: "policy", problem });
    if policy.bind_address && !world.policy.store_addresses {
        return invalid("sessions cannot be bound to their address where addresses are not stored".to_owned());
    }
    let lifetimes = [
        ("session_seconds", policy.session_seconds, world.policy.longest_session),
        ("idle_seconds", policy.idle_seconds, world.policy.longest_idle),
    ];
    for (name, seconds, longest) in lifetimes {
        let most = longest.as_secs().min(MAX_SESSION_SECONDS);
        if seconds.is_some_and(|seconds| !(MIN_SESSION_SECONDS..=most).contains(&seconds)) {
            return invalid(format!(
                "{name} is {MIN_SESSION_SECONDS} to {most}, for the deployment allows no longer sessions"
            ));
        }
    }
    if policy.fresh_seconds.is_some_and(|seconds| !FRESH_SECONDS.contains(&seconds)) {
        return invalid(format!("fresh_seconds is {} to {}", FRESH_SECONDS.start(), FRESH_SECONDS.end()));
    }
    if policy.session_limit == Some(0) {
        return invalid("session_limit is at least 1; leave it out for no limit".to_owned());
    }
    Ok(())
}

/// An origin as browsers send it (RFC 6454 §6.2), never `null`, never `*`.
fn is_origin(text: &str) -> bool {
    let https = text.strip_prefix("https://").map(|host| (host, ":443"));
    let found = https.or_else(|| text.strip_prefix("http://").map(|host| (host, ":80")));
    found.is_some_and(|(host, usual)| {
        !host.is_empty()
            && !host.ends_with(usual)
            && !host.ends_with(':')
            && host.len() <= 255
            && host
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    })
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for fine in ["https://app.example", "http://localhost:3000", "https://app.example:80", "http://[::1]:443"] {
            assert!(is_origin(fine), "{fine}");
        }
        let never =
            ["https://app.example:443", "http://app.example:80", "https://[::1]:443", "https://app.example:", "null"];
        for bad in never {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
