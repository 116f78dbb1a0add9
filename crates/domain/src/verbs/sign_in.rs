//! Signing in: one session on one device.

use std::net::IpAddr;

use rescind_wire::{ClientId, Position, SessionId, Standing, Subject, Thing, UserId};

use crate::audience;
use crate::chain::{Chain, ChainKey};
use crate::client::{Client, ClientKind, DEFAULT_CLIENT, PAGES_CLIENT, scope_of};
use crate::clock::Timestamp;
use crate::credentials::{self, Checked};
use crate::error::Error;
use crate::event::{EventKind, NewEvent};
use crate::grant::Grant;
use crate::issue::{self, AccessToken, SessionTicket, Ticket};
use crate::label;
use crate::password::Password;
use crate::policy::AtLimit;
use crate::refresh_token::{self, Holder};
use crate::revocation::{self, Actor, Receipt, current_mac};
use crate::secret::Secret;
use crate::session::{Binding, Session};
use crate::standing::StoreCuts;
use crate::store::{EndingTx, Tx, View};
use crate::user::{User, UserState};
use crate::verbs::list_sessions::living_sessions;
use crate::verbs::log_out;
use crate::world::World;

/// The longest name that a device may be given, in characters.
pub const MAX_DEVICE_NAME: usize = 100;

/// What somebody asks for who signs in.
#[derive(Debug)]
pub struct SignIn {
    /// The login name as typed.
    pub login: String,
    /// The password.
    pub password: Password,
    /// What to call the device.
    pub device_name: Option<String>,
    /// Whether to stay signed in.
    pub remember: bool,
    /// With which client; the default one if none.
    pub client: Option<ClientId>,
    /// For whom the access tokens are; the issuer if none.
    pub audiences: Vec<String>,
    /// From where.
    pub address: Option<IpAddr>,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
}

/// A session, and the tokens for it.
#[derive(Debug)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// The client that holds the tokens.
    pub client: ClientId,
    /// What they allow.
    pub scope: String,
    /// The access token.
    pub access: AccessToken,
    /// The refresh token, or the value of the cookie for whoever signed in on the pages.
    pub refresh: Secret,
}

/// Signs in. The position is read before the password is looked up (R2), so whatever log-out happens while it is hashed
/// finds this sign-in dead on arrival, and it is told so.
pub async fn sign_in(world: &World, request: SignIn) -> Result<SignedIn, Error> {
    begin(world, request, Holder::Token).await
}

/// Signs in on Rescind's own pages, by the same rules: what the browser holds is a cookie instead of a refresh token. The
/// client is theirs, whatever the request names.
pub async fn sign_in_by_cookie(world: &World, request: SignIn) -> Result<SignedIn, Error> {
    begin(world, SignIn { client: None, ..request }, Holder::Cookie).await
}

/// A session that a browser has proven to hold, and holds no more once another cookie takes its cookie's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    /// Whose it is.
    pub user: UserId,
    /// Which one.
    pub session: SessionId,
    /// Whether it is bound to another address: then it ends only for whoever it belongs to, since a copy of its cookie is of
    /// no use here, and so must not be of any against it.
    pub is_elsewhere: bool,
}

/// As [`sign_in_by_cookie`], in a browser that holds a session: nobody could reach that one any more, so it ends in the same
/// transaction, before the limit counts, and makes room itself. The receipt is that of its ending, unless it was over already.
/// Where the sign-in is refused, the session goes on; where only its token cannot be signed any more, both are over.
pub async fn sign_in_over(
    world: &World,
    request: SignIn,
    former: Former,
) -> Result<(SignedIn, Option<Receipt>), Error> {
    let admission = prepare(world, SignIn { client: None, ..request }, Holder::Cookie).await?;
    let ended = world.store.end("sign_in_over", move |tx| admission.admit_over(tx, former)).await;
    let (admitted, receipt) = ended?;
    Ok((issue_new(world, admitted)?, receipt))
}

async fn begin(world: &World, request: SignIn, holder: Holder) -> Result<SignedIn, Error> {
    let admission = std::sync::Arc::new(prepare(world, request, holder).await?);
    let again = std::sync::Arc::clone(&admission);
    let admitted = match world.store.transact("sign_in", move |tx| admission.admit(tx)).await {
        // The limit of sessions is reached: something must end, so it starts again as an ending (R1).
        Err(Error::MustEnd) => world.store.end("sign_in_at_limit", move |tx| again.admit_making_room(tx)).await?,
        other => other?,
    };
    issue_new(world, admitted)
}

/// Signs the first access token of a session that was just made.
fn issue_new(world: &World, admitted: Admitted) -> Result<SignedIn, Error> {
    admitted.issue(world).map_err(|error| match error {
        // It has ended by itself.
        Error::SignedOut(_) => Error::TooLate,
        other => other,
    })
}

/// Reads the position, then checks the password.
async fn prepare(world: &World, request: SignIn, holder: Holder) -> Result<Admission, Error> {
    if let Some(name) = &request.device_name {
        check_device_name(name)?;
    }
    let read_at = world.now();
    let position = world.store.position().await?;
    let checked = credentials::check_login(world, &request.login, request.password, request.address).await?;
    Ok(Admission {
        world: world.clone(),
        checked,
        position,
        read_at,
        device_name: request.device_name,
        remember: request.remember,
        client: request.client,
        holder,
        audiences: request.audiences,
        address: request.address,
        user_agent: request.user_agent.map(|text| text.chars().take(512).collect()),
    })
}

/// A device's name: short, and without anything that is not text.
pub(crate) fn check_device_name(name: &str) -> Result<(), Error> {
    if label::is_fit(name, MAX_DEVICE_NAME) {
        return Ok(());
    }
    let problem = format!("1 to {MAX_DEVICE_NAME} characters, one of them visible, no control characters");
    Err(Error::Invalid { field: "device_name", problem })
}

/// A sign-in whose password was right, before the writing transaction.
struct Admission {
    world: World,
    checked: Checked,
    position: Position,
    read_at: Timestamp,
    device_name: Option<String>,
    remember: bool,
    client: Option<ClientId>,
    holder: Holder,
    audiences: Vec<String>,
    address: Option<IpAddr>,
    user_agent: Option<String>,
}

/// What the transaction wrote; what is left is to sign.
pub(crate) struct Admitted {
    pub(crate) session: Session,
    pub(crate) client: ClientId,
    pub(crate) refresh: Secret,
    pub(crate) ticket: Ticket,
}

impl Admitted {
    /// Signs the access token. [`Error::SignedOut`] if the session has ended by itself.
    pub(crate) fn issue(self, world: &World) -> Result<SignedIn, Error> {
        let scope = self.ticket.scope.clone();
        let access = issue::access_token(world, self.ticket)?;
        Ok(SignedIn { session: self.session, client: self.client, scope, access, refresh: self.refresh })
    }
}

impl Admission {
    /// Checks standing again, and writes session, chain, grant and event.
    fn admit(&self, tx: &mut dyn Tx) -> Result<Admitted, Error> {
        let (user, client) = self.check_standing(tx)?;
        let now = self.world.now();
        if let Some((living, limit)) = self.counted(tx, &user, &client, now)?
            && living.len() >= limit as usize
        {
            return Err(match self.world.policy.at_limit(&client) {
                AtLimit::EndOldest => Error::MustEnd,
                AtLimit::Refuse => Error::TooManySessions { limit },
            });
        }
        self.write(tx, &user, &client, now)
    }

    /// As [`admit`](Self::admit), ending `former` first.
    fn admit_over(&self, tx: &mut dyn EndingTx, former: Former) -> Result<(Admitted, Option<Receipt>), Error> {
        let Former { user, session, is_elsewhere } = former;
        let receipt = if is_elsewhere && user != self.checked.user() {
            None
        } else {
            let (reason, actor) = ("another sign-in took its place", Actor::User { user, session });
            log_out::end_if_standing(tx, &self.world, user, session, reason, &actor, self.address)?
        };
        let admitted = match self.admit(tx) {
            Err(Error::MustEnd) => self.admit_making_room(tx),
            other => other,
        };
        Ok((admitted?, receipt))
    }

    /// As [`admit`](Self::admit), ending the oldest sessions first until there is room for one more.
    fn admit_making_room(&self, tx: &mut dyn EndingTx) -> Result<Admitted, Error> {
        let (user, client) = self.check_standing(tx)?;
        let now = self.world.now();
        if let Some((mut living, limit)) = self.counted(tx, &user, &client, now)? {
            living.sort_by_key(|session| (session.started_at, session.id));
            let excess = (living.len() + 1).saturating_sub(limit as usize);
            for session in living.into_iter().take(excess) {
                let scope = rescind_wire::Scope::Session { user: user.id, session: session.id };
                let event = NewEvent::new(now, EventKind::SessionDisplaced, Actor::System)
                    .user(user.id)
                    .session(session.id)
                    .from(self.world.stored_address(self.address));
                revocation::end(tx, &self.world, scope, "made room for a newer session", event)?;
            }
        }
        self.write(tx, &user, &client, now)
    }

    /// The living sessions that the limit counts, and the limit, if there is one. A client's own limit counts, and ends,
    /// that client's sessions alone.
    fn counted(
        &self,
        view: &dyn View,
        user: &User,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<(Vec<Session>, u32)>, Error> {
        let Some(limit) = self.world.policy.limit(client) else { return Ok(None) };
        let own = client.policy.session_limit.map(|_| &client.id);
        Ok(Some((living_sessions(view, user, now, own)?, limit)))
    }

    /// What the time, a log-out, a lock or a removal since the position was read makes of this sign-in.
    fn check_standing(&self, view: &dyn View) -> Result<(User, Client), Error> {
        issue::check_read(self.world.now(), self.read_at)?;
        let user = view.user(&self.checked.user())?.ok_or(Error::InvalidCredentials)?;
        if matches!(user.state, UserState::Deleted { .. }) {
            return Err(Error::InvalidCredentials);
        }
        if let Some(lock) = user.lock_at(self.world.now()) {
            return Err(Error::Locked { until: lock.until });
        }
        let client = match self.holder {
            Holder::Token => find_client(view, self.client.as_ref())?,
            Holder::Cookie => self.pages_client(view)?,
        };
        if self.world.policy.binds_address(&client) && !self.world.policy.store_addresses {
            // Whoever switched storing off later: neither is the address kept, nor the session left unbound.
            let problem = "its sessions are bound to their address, and addresses are not stored here".to_owned();
            return Err(Error::Invalid { field: "client_id", problem });
        }
        let thing = Thing {
            user: Some(&user.id),
            session: None,
            // The client of the pages may not be there yet: then nothing ended what it was given.
            client: view.client_cut(&client.id)?.map(|_| &client.id),
            token: None,
            key: None,
            position: self.position,
            authorized: self.position,
        };
        match StoreCuts::new(view)?.judge(&thing)? {
            Standing::Alive => Ok((user, client)),
            Standing::Ended(_) => Err(Error::Overtaken),
        }
    }

    /// The client of the pages. Where it is not there yet, as it will be made: it has been given nothing, so nothing can be
    /// older than this sign-in.
    fn pages_client(&self, view: &dyn View) -> Result<Client, Error> {
        let id: ClientId = PAGES_CLIENT.parse().unwrap_or_else(|_| unreachable!("a valid client id"));
        if let Some(client) = view.client(&id)? {
            return Ok(client);
        }
        Ok(Client::own(PAGES_CLIENT, self.read_at, self.position.number))
    }

    fn write(&self, tx: &mut dyn Tx, user: &User, client: &Client, now: Timestamp) -> Result<Admitted, Error> {
        let world = &self.world;
        let audiences = choose_audiences(world, client, &self.audiences)?;
        let algorithm = issue::algorithm_for(tx, world, &audiences, self.position.number)?;
        let session = self.session(user, client, now);
        let mac = current_mac(tx, world)?;
        let chain = Chain {
            key: ChainKey { user: user.id, session: session.id, index: 1 },
            client: client.id.clone(),
            position: self.position,
            counter: 1,
            salt: world.entropy.bytes(),
            epoch: tx.head()?.position.epoch,
            mac_key: mac.id(),
            rotations: Vec::new(),
            scope: first_party_scope(client),
            audiences: audience::kept(&world.policy.issuer, &audiences),
        };
        if self.holder == Holder::Cookie && tx.client(&client.id)?.is_none() {
            tx.insert_client(client)?;
        }
        tx.insert_session(&session)?;
        // Its cut is this sign-in's position, not the head: nothing of this grant can be older, for there was none.
        let cut = self.position.number;
        tx.ensure_grant(&Grant { user: user.id, client: client.id.clone(), created_at: now, cut })?;
        tx.insert_chain(&chain)?;
        let actor = Actor::User { user: user.id, session: session.id };
        let event = NewEvent::new(now, EventKind::SignedIn, actor)
            .user(user.id)
            .session(session.id)
            .client(client.id.clone())
            .from(session.address);
        tx.add_event(&event)?;
        self.checked.upgrade(tx, user, event)?;
        let ticket = Ticket {
            subject: Subject::User(user.id),
            session: Some(SessionTicket::of(&session)),
            client: client.id.clone(),
            audiences,
            algorithm,
            scope: chain.scope.clone(),
            position: self.position,
            read_at: self.read_at,
        };
        let ticket = ticket.of_bounded_length(world)?;
        Ok(Admitted { session, client: client.id.clone(), refresh: refresh_token::mint(&chain, &mac), ticket })
    }

    fn session(&self, user: &User, client: &Client, now: Timestamp) -> Session {
        let lifetimes = self.world.policy.lifetimes(client, self.remember);
        let binding = match self.address.filter(|_| self.world.policy.binds_address(client)) {
            Some(address) => Binding::Address(address),
            None => Binding::None,
        };
        Session {
            id: SessionId::from_bytes(self.world.entropy.bytes()),
            user: user.id,
            position: self.position,
            started_at: now,
            last_seen_at: now,
            expires_at: now.after(lifetimes.absolute),
            idle_lifetime: lifetimes.idle,
            address: self.world.stored_address(self.address),
            user_agent: self.user_agent.clone(),
            name: self.device_name.clone(),
            amr: vec!["pwd".to_owned()],
            auth_time: self.read_at,
            remembered: lifetimes.remembered,
            binding,
            metadata: None,
            ended: None,
        }
    }
}

/// The client of a first-party sign-in that names none.
pub fn default_client() -> ClientId {
    DEFAULT_CLIENT.parse().unwrap_or_else(|_| unreachable!("a valid client id"))
}

/// The client that a first-party sign-in is for. One with a secret, or that acts for itself, does not sign people in
/// with their passwords.
fn find_client(view: &dyn View, id: Option<&ClientId>) -> Result<Client, Error> {
    let id = id.cloned().unwrap_or_else(default_client);
    let unknown = |problem: &str| Error::Invalid { field: "client_id", problem: problem.to_owned() };
    let client = view.client(&id)?.ok_or_else(|| unknown("there is no such client"))?;
    if client.kind == ClientKind::Service || client.secret.is_some() || client.id.as_str() == PAGES_CLIENT {
        return Err(unknown("this client does not sign people in with their password"));
    }
    Ok(client)
}

/// The audiences that were asked for, if the client may ask for them; the issuer if none was.
fn choose_audiences(world: &World, client: &Client, asked: &[String]) -> Result<Vec<String>, Error> {
    let issuer = &world.policy.issuer;
    if asked.is_empty() {
        return Ok(vec![issuer.clone()]);
    }
    if let Some(other) = asked.iter().find(|name| *name != issuer && !client.audiences.contains(name)) {
        let problem = format!("{other} is not among this client's audiences");
        return Err(Error::Invalid { field: "audience", problem });
    }
    let mut audiences = asked.to_vec();
    audiences.sort();
    audiences.dedup();
    Ok(audiences)
}

/// What a first-party sign-in allows: all that the client may, but for what is Rescind's own.
fn first_party_scope(client: &Client) -> String {
    scope_of(client.scopes.iter().map(String::as_str).filter(|name| !name.starts_with("rescind:")))
}
