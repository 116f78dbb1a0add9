//! G8: a stolen signing key, with any claims that its thief likes.

use rescind_verifier::{Rejected, Snapshot};
use rescind_wire::position::MAX_NUMBER;
use rescind_wire::{Change, Scope, SessionId, Subject, TokenId};

use crate::support::{HEAD, LIFETIME, Signer, World, at, client, entry, one_session, revoked, user};

/// The thief's tokens: they name whomever they like, from far beyond the head.
fn forgeries(world: &World, stolen: &Signer) -> Vec<String> {
    let mut claims = world.claims();
    claims.rev = at(MAX_NUMBER);
    let mut tokens = vec![stolen.sign(&claims)];
    claims.sub = Subject::User(user(42));
    claims.sid = Some(SessionId::from_bytes([42; 16]));
    claims.jti = TokenId::from_bytes([42; 16]);
    tokens.push(stolen.sign(&claims));
    (claims.sub, claims.client_id, claims.sid) = (Subject::Client(client("root")), client("root"), None);
    tokens.push(stolen.sign(&claims));
    tokens
}

fn with_stolen_key() -> (World, Signer) {
    let mut world = World::new();
    let stolen = Signer::new(2);
    world.arrive(Change::AddKey(stolen.jwk()));
    (world, stolen)
}

#[test]
fn g8_forged_tokens_cached_or_not_are_refused_once_the_key_is_revoked() {
    let (mut world, stolen) = with_stolen_key();
    let forged = forgeries(&world, &stolen);
    // Until somebody notices they are as good as any; that is why they end up in the cache.
    assert!(world.accepts(&forged[0]).ahead());
    world.accepts(&forged[1]);
    let honest = world.token(|_| {});
    let number = world.revoke(Scope::Key { key: stolen.kid.clone() });
    for token in &forged {
        assert_eq!(world.refuses(token), revoked("key", number));
        assert_eq!(world.refuses(token), revoked("key", number));
        assert_eq!(world.verifier.authentic(token).unwrap_err(), revoked("key", number));
    }
    world.accepts(&honest);
    assert_eq!(world.health().keys, 1);
}

#[test]
fn g8_a_revoked_key_is_unpinned_for_good() {
    let (mut world, stolen) = with_stolen_key();
    let forged = forgeries(&world, &stolen);
    let number = world.revoke(Scope::Key { key: stolen.kid.clone() });
    // Neither adding it again, nor the floor, nor a snapshot of this epoch that still names it brings it back.
    world.arrive(Change::AddKey(stolen.jwk()));
    assert_eq!(world.refuses(&forged[0]), revoked("key", number));
    world.keeper.raise_floor(world.head);
    assert_eq!(world.refuses(&forged[0]), revoked("key", number));
    let snapshot = Snapshot { keys: vec![world.signer.jwk(), stolen.jwk()], ..world.snapshot(world.head, world.head) };
    world.keeper.reset(snapshot.clone()).expect("a snapshot");
    world.keeper.reset(snapshot).expect("a snapshot");
    world.extend();
    assert_eq!(world.refuses(&forged[0]), revoked("key", number));
    world.arrive(Change::AddKey(stolen.jwk()));
    assert_eq!(world.refuses(&forged[0]), revoked("key", number));
    assert_eq!(world.health().keys, 1);
}

#[test]
fn g8_a_key_revoked_within_a_snapshot_is_not_pinned_whatever_the_snapshots_keys_say() {
    let mut world = World::unsynced(|builder| builder);
    let stolen = Signer::new(2);
    let snapshot = Snapshot {
        keys: vec![world.signer.jwk(), stolen.jwk()],
        entries: vec![
            entry(HEAD + 1, Change::Revoke(Scope::Key { key: stolen.kid.clone() })),
            entry(HEAD + 2, Change::AddKey(stolen.jwk())),
        ],
        ..world.snapshot(HEAD + 2, HEAD + 2)
    };
    world.keeper.reset(Snapshot { floor: HEAD, ..snapshot }).expect("a snapshot");
    world.extend();
    for token in forgeries(&world, &stolen) {
        assert_eq!(world.refuses(&token), revoked("key", HEAD + 1));
    }
}

#[test]
fn g8_a_forged_token_cannot_outlive_the_longest_lifetime() {
    let (world, stolen) = with_stolen_key();
    let mut claims = world.claims();
    claims.exp = claims.iat + 100 * LIFETIME;
    let rejected = world.refuses(&stolen.sign(&claims));
    assert_eq!(rejected, Rejected::TooLongLived { lifetime: 100 * LIFETIME, longest: LIFETIME });
}

#[test]
fn g8_an_ended_session_stays_ended_whatever_position_a_token_claims() {
    let (mut world, stolen) = with_stolen_key();
    let forged = forgeries(&world, &stolen);
    world.accepts(&forged[0]);
    let number = world.revoke(one_session(1, 1));
    assert_eq!(world.refuses(&forged[0]), revoked("session", number));
}
