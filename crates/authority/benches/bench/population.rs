//! People and their sessions, written through the store's own insert methods, at most 1,000 sessions in a transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rescind_domain::World;
use rescind_domain::acting::Acting;
use rescind_domain::chain::{Chain, ChainKey};
use rescind_domain::clock::Timestamp;
use rescind_domain::grant::Grant;
use rescind_domain::issue::{self, SessionTicket, Ticket};
use rescind_domain::keyring::MacKey;
use rescind_domain::password::PasswordHash;
use rescind_domain::refresh_token;
use rescind_domain::session::{Binding, Session};
use rescind_domain::user::{Role, User, UserState};
use rescind_wire::{
    AccessClaims, Algorithm, Audience, ClientId, KeyId, Position, SessionId, Subject, TokenId, UserCut, UserId,
};

use crate::Outcome;
use crate::place::{ISSUER, transact};
use crate::random::Random;

/// Rows of one transaction.
const BATCH: usize = 1000;

/// Sessions are inserted in as many passes, each in the order of their ids. One pass would fill every page to the brim,
/// as no store ever is that people signed in to in no order; no order at all would take an hour.
const PASSES: usize = 4;

/// What a browser sends.
pub(crate) const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0";

/// Everybody's password.
pub(crate) const PASSWORD: &str = "seven green bottles";

/// How many people, with how many sessions each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// People.
    pub(crate) people: usize,
    /// Sessions of each.
    pub(crate) each: usize,
}

impl Size {
    /// Sessions of all.
    pub(crate) fn sessions(self) -> usize {
        self.people * self.each
    }
}

/// One session, and what its tokens are made of.
#[derive(Debug)]
pub(crate) struct Held {
    /// Whose.
    pub(crate) user: UserId,
    /// Which.
    pub(crate) session: SessionId,
    /// The salt of its refresh chain.
    salt: [u8; 16],
    /// The number of the refresh token that may be used next.
    counter: AtomicU64,
}

impl Held {
    fn new(user: UserId, session: SessionId, salt: [u8; 16]) -> Self {
        Self { user, session, salt, counter: AtomicU64::new(1) }
    }

    /// A session that is in no store.
    pub(crate) fn stranger() -> Self {
        Self::new(UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]), [3; 16])
    }

    /// Its refresh token was used.
    pub(crate) fn refreshed(&self) {
        self.counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// All of them, and what they have in common.
pub(crate) struct Population {
    /// The sessions, in no order. They stay where they are: moving a million of them costs more than a round of calls.
    pub(crate) sessions: Arc<[Held]>,
    /// How many people there are.
    pub(crate) people: usize,
    /// Makes their tokens.
    pub(crate) mint: Mint,
}

/// Makes the tokens of a population.
#[derive(Clone)]
pub(crate) struct Mint {
    mac: MacKey,
    key: KeyId,
    position: Position,
    client: ClientId,
}

/// The login name of a person.
pub(crate) fn login(person: usize) -> String {
    format!("person{person:07}@example.org")
}

/// Fills the store. `seed` makes populations differ; `hash` is that of [`PASSWORD`].
pub(crate) async fn fill(world: &World, size: Size, seed: u64, hash: &str) -> Outcome<Population> {
    fill_for(world, size, seed, hash, rescind_domain::client::DEFAULT_CLIENT.parse()?).await
}

/// As [`fill`], with sessions of this client.
pub(crate) async fn fill_for(
    world: &World,
    size: Size,
    seed: u64,
    hash: &str,
    client: ClientId,
) -> Outcome<Population> {
    let mut random = Random::new(seed);
    let mint = Mint::new(world, client).await?;
    let mut users: Vec<UserId> = (0..size.people).map(|_| UserId::from_bytes(random.bytes())).collect();
    users.sort_unstable();
    insert_users(world, &users, mint.position, hash).await?;
    let each = |user: &UserId| std::iter::repeat_n(*user, size.each);
    let owners = users.iter().flat_map(each);
    let mut sessions: Vec<Held> =
        owners.map(|user| Held::new(user, SessionId::from_bytes(random.bytes()), random.bytes())).collect();
    random.shuffle(&mut sessions);
    let sessions: Arc<[Held]> = sessions.into();
    for pass in 0..PASSES {
        let mut part: Vec<usize> = (pass..sessions.len()).step_by(PASSES).collect();
        part.sort_unstable_by_key(|at| (sessions[*at].user, sessions[*at].session));
        insert_sessions(world, &sessions, &part, &mint).await?;
    }
    Ok(Population { sessions, people: size.people, mint })
}

async fn insert_users(world: &World, users: &[UserId], position: Position, hash: &str) -> Outcome<()> {
    let now = world.now();
    for (number, batch) in users.chunks(BATCH).enumerate() {
        let people = batch.iter().enumerate().map(|(at, id)| {
            let login = login(number * BATCH + at);
            User {
                id: *id,
                login_key: login.clone(),
                login,
                password: Some(PasswordHash::new(hash.to_owned())),
                role: Role::User,
                state: UserState::Active,
                external_id: None,
                metadata: None,
                created_at: now,
                cut: UserCut::born(position.number),
            }
        });
        let people: Vec<User> = people.collect();
        transact(world, move |tx| Ok(people.iter().try_for_each(|user| tx.insert_user(user))?)).await?;
    }
    Ok(())
}

async fn insert_sessions(world: &World, sessions: &Arc<[Held]>, order: &[usize], mint: &Mint) -> Outcome<()> {
    let now = world.now();
    for batch in order.chunks(BATCH) {
        let (batch, sessions, mint) = (batch.to_vec(), Arc::clone(sessions), mint.clone());
        transact(world, move |tx| {
            for held in batch.iter().map(|at| &sessions[*at]) {
                let (user, client) = (held.user, mint.client.clone());
                tx.insert_session(&mint.session(held, now))?;
                tx.ensure_grant(&Grant { user, client, created_at: now, cut: mint.position.number })?;
                tx.insert_chain(&mint.chain(held))?;
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

impl Mint {
    async fn new(world: &World, client: ClientId) -> Outcome<Self> {
        Ok(Self {
            mac: world.keyring.current_mac()?,
            key: world.keyring.signing(Algorithm::EdDSA, u64::MAX)?.id().clone(),
            position: world.store.position().await?,
            client,
        })
    }

    fn session(&self, held: &Held, now: Timestamp) -> Session {
        Session {
            id: held.session,
            user: held.user,
            position: self.position,
            started_at: now,
            last_seen_at: now,
            expires_at: now.after(Duration::from_hours(24 * 30)),
            idle_lifetime: Duration::from_hours(24 * 30),
            address: Some([127, 0, 0, 1].into()),
            user_agent: Some(USER_AGENT.to_owned()),
            name: None,
            amr: vec!["pwd".to_owned()],
            auth_time: now,
            remembered: true,
            binding: Binding::None,
            metadata: None,
            ended: None,
        }
    }

    fn chain(&self, held: &Held) -> Chain {
        Chain {
            key: ChainKey { user: held.user, session: held.session, index: 1 },
            client: self.client.clone(),
            position: self.position,
            counter: held.counter.load(Ordering::Relaxed),
            salt: held.salt,
            epoch: self.position.epoch,
            mac_key: self.mac.id(),
            rotations: Vec::new(),
            scope: String::new(),
            audiences: vec![ISSUER.to_owned()],
        }
    }

    /// The refresh token that a session may use next.
    pub(crate) fn refresh_token(&self, held: &Held) -> String {
        refresh_token::mint(&self.chain(held), &self.mac).expose().to_owned()
    }

    /// An access token of a session.
    pub(crate) fn access_token(&self, world: &World, held: &Held) -> Outcome<String> {
        let now = world.now();
        let ticket = Ticket {
            subject: Subject::User(held.user),
            session: Some(SessionTicket::of(&self.session(held, now))),
            client: self.client.clone(),
            audiences: vec![ISSUER.to_owned()],
            algorithm: Algorithm::EdDSA,
            scope: String::new(),
            position: self.position,
            read_at: now,
        };
        Ok(issue::access_token(world, ticket)?.token.expose().to_owned())
    }

    /// Whoever calls from a session that began at `position`, as a handler knows them once their token was verified.
    pub(crate) fn acting(&self, user: UserId, session: SessionId, position: Position, now: Timestamp) -> Acting {
        let claims = AccessClaims {
            iss: ISSUER.to_owned(),
            sub: Subject::User(user),
            aud: Audience::One(ISSUER.to_owned()),
            client_id: self.client.clone(),
            iat: now.seconds(),
            exp: now.seconds() + 300,
            nbf: None,
            jti: TokenId::from_bytes([7; 16]),
            rev: position,
            sid: Some(session),
            scope: String::new(),
            auth_time: Some(now.seconds()),
            amr: vec!["pwd".to_owned()],
            acr: None,
            cnf: None,
        };
        Acting::new(claims, self.key.clone(), None)
    }

    /// The position that the population's sessions have.
    pub(crate) const fn position(&self) -> Position {
        self.position
    }
}
