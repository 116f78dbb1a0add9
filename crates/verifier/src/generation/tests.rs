//! The one rule through the table, against a model that keeps every entry and scans them all (R3, R4, R9, R10).

use proptest::prelude::*;

use rescind_wire::Epoch;
use rescind_wire::position::MAX_NUMBER;

use super::*;

/// A handful of each, so that entries and things keep meeting.
const FEW: u8 = 3;

#[derive(Clone, Debug)]
struct Issued {
    user: Option<UserId>,
    session: Option<SessionId>,
    client: ClientId,
    token: TokenId,
    key: KeyId,
    number: u64,
}

impl Issued {
    fn thing(&self, epoch: Epoch) -> Thing<'_> {
        let position = Position { epoch, number: self.number };
        Thing {
            user: self.user.as_ref(),
            session: self.session.as_ref(),
            client: Some(&self.client),
            token: Some(&self.token),
            key: Some(&self.key),
            position,
            authorized: position,
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Revoke(Scope),
    RaiseFloor(u64),
}

/// Every entry there ever was. An exception protects its session from that entry, and from nothing else.
#[derive(Default)]
struct Model {
    entries: Vec<(u64, Scope)>,
    floor: u64,
}

impl Model {
    fn is_dead(&self, thing: &Issued) -> bool {
        thing.number < self.floor || self.entries.iter().any(|(number, scope)| Self::ends(*number, scope, thing))
    }

    fn ends(number: u64, scope: &Scope, thing: &Issued) -> bool {
        let older = number > thing.number;
        match scope {
            Scope::Everyone { services } => (thing.user.is_some() || *services) && older,
            Scope::Client { client } => *client == thing.client && older,
            Scope::User { user, except, deleted } => {
                let excepted = except.is_some() && *except == thing.session;
                thing.user == Some(*user) && (*deleted || (older && !excepted))
            }
            Scope::Grant { user, client } => thing.user == Some(*user) && *client == thing.client && older,
            Scope::Session { session, .. } => thing.session == Some(*session),
            Scope::Token { token } => *token == thing.token,
            Scope::Key { key } => *key == thing.key,
            Scope::ForeignIssuer { .. } | Scope::ForeignSubject { .. } | Scope::ForeignSession { .. } => false,
        }
    }

    /// Nothing is issued to what has ended, so an honest thing is older than whatever ends it for good. Only a stolen
    /// key's thief writes otherwise, and keys are never forgotten.
    fn is_honest(&self, thing: &Issued) -> bool {
        let terminal = |scope: &Scope| {
            matches!(scope, Scope::Session { .. } | Scope::Token { .. } | Scope::User { deleted: true, .. })
        };
        !self
            .entries
            .iter()
            .any(|(number, scope)| terminal(scope) && *number <= thing.number && Self::ends(*number, scope, thing))
    }
}

fn user(n: u8) -> UserId {
    UserId::from_bytes([n; 16])
}

/// Session 0 and 1 of each user.
fn session(user: u8, n: u8) -> SessionId {
    SessionId::from_bytes([user * 2 + n; 16])
}

fn client(n: u8) -> ClientId {
    format!("client-{n}").parse().expect("a client id")
}

fn key(n: u8) -> KeyId {
    format!("key-{n}").parse().expect("a key id")
}

fn scope() -> impl Strategy<Value = Scope> {
    let except = (0..FEW, proptest::option::of(0..2u8));
    prop_oneof![
        1 => any::<bool>().prop_map(|services| Scope::Everyone { services }),
        2 => (0..FEW).prop_map(|n| Scope::Client { client: client(n) }),
        8 => except.prop_map(|(u, n)| Scope::User {
            user: user(u),
            except: n.map(|n| session(u, n)),
            deleted: false,
        }),
        1 => (0..FEW).prop_map(|u| Scope::User { user: user(u), except: None, deleted: true }),
        2 => (0..FEW, 0..FEW).prop_map(|(u, n)| Scope::Grant { user: user(u), client: client(n) }),
        2 => (0..FEW, 0..2u8).prop_map(|(u, n)| Scope::Session { user: user(u), session: session(u, n) }),
        1 => (0..FEW).prop_map(|n| Scope::Token { token: TokenId::from_bytes([n; 16]) }),
        1 => (0..FEW).prop_map(|n| Scope::Key { key: key(n) }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![6 => scope().prop_map(Step::Revoke), 1 => (0..4u64).prop_map(Step::RaiseFloor)]
}

fn issued() -> impl Strategy<Value = Issued> {
    let number = prop_oneof![20 => 0..24u64, 1 => Just(MAX_NUMBER)];
    (proptest::option::weighted(0.8, (0..FEW, 0..2u8)), 0..FEW, 0..FEW + 2, 0..FEW, number).prop_map(
        |(who, of, token, by, number)| Issued {
            user: who.map(|(u, _)| user(u)),
            session: who.map(|(u, n)| session(u, n)),
            client: client(of),
            token: TokenId::from_bytes([token; 16]),
            key: key(by),
            number,
        },
    )
}

const EPOCH: Epoch = Epoch::from_bytes([1; 10]);

fn fresh() -> Generation {
    Generation::new(1, Epochs::first(EPOCH), PinnedKeys::default(), 0, 300)
}

/// Forgets as the keeper does: what the floor has passed, oldest first.
fn raise_floor(generation: &Generation, model: &mut Model, by: u64) {
    model.floor = (model.floor + by).min(generation.number());
    generation.raise_floor(model.floor);
    for (_, scope) in model.entries.iter().filter(|(number, _)| *number <= model.floor) {
        generation.table().forget(scope, model.floor);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn r3_a_thing_is_alive_only_if_no_entry_that_covers_it_is_newer(
        steps in proptest::collection::vec(step(), 0..24),
        things in proptest::collection::vec(issued(), 12),
    ) {
        let (generation, mut model) = (fresh(), Model::default());
        // Up to which entry each thing was last found alive.
        let mut checked = vec![None; things.len()];
        for step in &steps {
            match step {
                Step::Revoke(scope) => {
                    let number = generation.number() + 1;
                    generation.revoke(number, 0, scope);
                    generation.publish(number);
                    model.entries.push((number, scope.clone()));
                }
                Step::RaiseFloor(by) => raise_floor(&generation, &mut model, *by),
            }
            for (thing, checked) in things.iter().zip(&mut checked) {
                if !model.is_honest(thing) && model.floor > 0 {
                    continue;
                }
                let number = generation.number();
                let outcome = generation.judge(&thing.thing(EPOCH), *checked == Some(number));
                prop_assert_eq!(outcome.is_err(), model.is_dead(thing), "{:?} {:?}", thing, model.entries);
                if outcome.is_ok() {
                    *checked = Some(number);
                }
            }
        }
    }

    /// The number that a refusal names is an entry of that kind that covers the thing.
    #[test]
    fn r3_a_refusal_names_an_entry_that_covers_the_thing(
        scopes in proptest::collection::vec(scope(), 1..16),
        thing in issued(),
    ) {
        let generation = fresh();
        for (number, scope) in (1..).zip(&scopes) {
            generation.revoke(number, 0, scope);
            generation.publish(number);
        }
        if let Err(Rejected::Revoked { scope: kind, number }) = generation.judge(&thing.thing(EPOCH), false) {
            let named = &scopes[usize::try_from(number - 1).expect("small")];
            prop_assert_eq!(named.kind(), kind);
            // A deletion is remembered, and the latest entry of its user named.
            prop_assert!(kind == "user" || Model::ends(number, named, &thing));
        }
    }
}
