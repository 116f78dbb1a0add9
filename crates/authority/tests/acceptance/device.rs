//! People and their devices: what a signed-in device can do, each act as a method.

use std::net::IpAddr;

use rescind_domain::Error;
use rescind_domain::acting::{Acting, Administrator};
use rescind_domain::client::{ClientKind, ClientPolicy};
use rescind_domain::issue::AccessToken;
use rescind_domain::keyring::SigningKey;
use rescind_domain::login::Login;
use rescind_domain::password::PasswordHash;
use rescind_domain::revocation::Receipt;
use rescind_domain::secret::Secret;
use rescind_domain::user::Role;
use rescind_domain::verbs::administer_clients::{self, NewClient};
use rescind_domain::verbs::client_credentials::{ClientCredentials, client_credentials};
use rescind_domain::verbs::end_sessions::Which;
use rescind_domain::verbs::import_users::{ImportedUser, Outcome, import_users};
use rescind_domain::verbs::list_sessions::Listed;
use rescind_domain::verbs::refresh::Refresh;
use rescind_domain::verbs::sign_in::{SignIn, SignedIn};
use rescind_domain::verbs::sign_up::SignUp;
use rescind_domain::verbs::{
    administer_users, change_password, end_session, end_sessions, list_sessions, log_out, reauthenticate, refresh,
    revoke, sign_in, sign_up,
};
use rescind_wire::{AccessClaims, Algorithm, ClientId, KeyId, Scope, SessionId, UserId, jwt};

use super::house::{House, ISSUER, OPERATOR, password, run};

/// Everybody's password, until they change it.
pub(crate) const OLD: &str = "correct horse battery";
pub(crate) const NEW: &str = "staple a new horse on";

/// Somebody with an account.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) login: String,
}

/// A device that signed in, and what it holds.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) signed: SignedIn,
    pub(crate) address: Option<IpAddr>,
}

impl House {
    /// Somebody makes an account.
    pub(crate) fn person(&self, login: &str) -> Person {
        let request = SignUp { login: login.into(), password: password(OLD), address: None, idempotency: None };
        let user = run(sign_up::sign_up(&self.world, request)).unwrap();
        Person { id: user.id, login: user.login }
    }

    /// Takes somebody over from another system, where they are known by their login name.
    pub(crate) fn import(&self, login: &str, hash: Option<&str>) -> Outcome {
        let user = ImportedUser {
            login: Login::parse(login).unwrap(),
            hash: hash.map(|hash| PasswordHash::new(hash.to_owned())),
            role: Role::User,
            external_id: Some(format!("other:{login}")),
            metadata: None,
        };
        run(import_users(&self.world, vec![user])).unwrap()[0]
    }

    /// As [`import`](Self::import), of somebody who was not here.
    pub(crate) fn imported(&self, login: &str, hash: Option<&str>) -> Person {
        assert_eq!(self.import(login, hash), Outcome::Imported);
        let user = run(administer_users::find_user(&self.world, OPERATOR, login)).unwrap();
        Person { id: user.id, login: user.login }
    }

    /// An administrator, signed in.
    pub(crate) fn administrator(&self) -> (Person, Device) {
        let role = Role::Administrator;
        let user =
            run(administer_users::add_user(&self.world, OPERATOR, "root", password(OLD), role.into(), None)).unwrap();
        let person = Person { id: user.id, login: user.login };
        let device = self.sign_in(&person);
        (person, device)
    }

    /// Signs a device in, remembered.
    pub(crate) fn sign_in(&self, person: &Person) -> Device {
        self.try_sign_in(person.request(OLD)).unwrap()
    }

    pub(crate) fn try_sign_in(&self, request: SignIn) -> Result<Device, Error> {
        let address = request.address;
        let signed = run(sign_in::sign_in(&self.world, request))?;
        Ok(Device { signed, address })
    }

    /// Signs a device in with a client of its own.
    pub(crate) fn sign_in_with(&self, person: &Person, client: &ClientId) -> Device {
        self.try_sign_in(SignIn { client: Some(client.clone()), ..person.request(OLD) }).unwrap()
    }

    /// The living sessions of a user, in the order of the list.
    pub(crate) fn devices_of(&self, user: UserId) -> Vec<Listed> {
        run(list_sessions::list_of_user(&self.world, OPERATOR, user, None, u32::MAX)).unwrap().sessions
    }

    pub(crate) fn is_listed(&self, device: &Device) -> bool {
        self.devices_of(device.user()).iter().any(|listed| listed.session.id == device.session())
    }

    /// The operator revokes.
    pub(crate) fn revoke(&self, scope: Scope) -> Receipt {
        run(revoke::revoke(&self.world, OPERATOR, scope, "because".into(), None)).unwrap()
    }

    /// Adds a client of this kind that may ask for the scopes `read` and `write`.
    pub(crate) fn client(&self, id: &str, kind: ClientKind) -> (ClientId, Option<Secret>) {
        self.client_with(id, kind, ClientPolicy::default(), &["read", "write"])
    }

    pub(crate) fn client_with(
        &self,
        id: &str,
        kind: ClientKind,
        policy: ClientPolicy,
        scopes: &[&str],
    ) -> (ClientId, Option<Secret>) {
        let new = NewClient {
            id: id.parse().unwrap(),
            name: String::new(),
            kind,
            audiences: vec![],
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            confidential: false,
            origins: vec![],
            policy,
        };
        let (client, secret) = run(administer_clients::add_client(&self.world, OPERATOR, new)).unwrap();
        (client.id, secret)
    }

    /// A token that says what it likes, signed with a key that was stolen from the authority.
    pub(crate) fn forge(&self, claims: &AccessClaims) -> String {
        forge_with(&self.world.keyring.signing(Algorithm::EdDSA, u64::MAX).unwrap(), claims)
    }

    /// A token of a client that acts for itself.
    pub(crate) fn service_token(&self, client: &ClientId, secret: &Secret) -> Result<String, Error> {
        let (client, secret) = (client.clone(), secret.clone());
        let request = ClientCredentials { client, secret, scope: None, audiences: vec![ISSUER.into()], address: None };
        let (token, _) = run(client_credentials(&self.world, request))?;
        Ok(token.token.expose().to_owned())
    }
}

impl Person {
    /// What this person sends to sign in, remembered, with the default client.
    pub(crate) fn request(&self, text: &str) -> SignIn {
        SignIn {
            login: self.login.clone(),
            password: password(text),
            device_name: None,
            remember: true,
            client: None,
            audiences: vec![],
            address: None,
            user_agent: None,
        }
    }
}

impl Device {
    pub(crate) fn session(&self) -> SessionId {
        self.signed.session.id
    }

    pub(crate) fn user(&self) -> UserId {
        self.signed.session.user
    }

    /// Its access token.
    pub(crate) fn access(&self) -> &str {
        self.signed.access.token.expose()
    }

    /// Its refresh token.
    pub(crate) fn refresh_token(&self) -> &str {
        self.signed.refresh.expose()
    }

    /// Its access token's claims, and the key that signed it.
    pub(crate) fn claims(&self) -> (AccessClaims, KeyId) {
        claims(self.access())
    }

    pub(crate) fn acting(&self) -> Acting {
        let (claims, key) = self.claims();
        Acting::new(claims, key, self.address)
    }

    /// As an administrator.
    pub(crate) fn administering(&self) -> Administrator {
        Administrator::Caller(Box::new(self.acting()))
    }

    /// The same tokens, held by somebody who calls from elsewhere.
    pub(crate) fn moved_to(&self, address: Option<IpAddr>) -> Self {
        let SignedIn { session, client, scope, access, refresh } = &self.signed;
        let access = AccessToken { token: access.token.clone(), id: access.id, expires_in: access.expires_in };
        let (session, client, scope, refresh) = (session.clone(), client.clone(), scope.clone(), refresh.clone());
        Self { signed: SignedIn { session, client, scope, access, refresh }, address }
    }

    /// Uses its refresh token: the same device, with what it holds now.
    pub(crate) fn refresh(&self, house: &House) -> Result<Self, Error> {
        self.refresh_for(house, None)
    }

    pub(crate) fn refresh_for(&self, house: &House, scope: Option<&str>) -> Result<Self, Error> {
        let (token, scope) = (self.refresh_token().to_owned(), scope.map(str::to_owned));
        let request = Refresh { token, scope, client: None, address: self.address };
        let signed = run(refresh::refresh(&house.world, request))?;
        Ok(Self { signed, address: self.address })
    }

    pub(crate) fn log_out(&self, house: &House) -> Result<Option<Receipt>, Error> {
        run(log_out::log_out(&house.world, &self.claims().0, self.address))
    }

    /// Ends one of its user's sessions.
    pub(crate) fn end(&self, house: &House, session: SessionId) -> Result<Option<Receipt>, Error> {
        run(end_session::end_own(&house.world, &self.acting(), session))
    }

    pub(crate) fn end_others(&self, house: &House) -> Result<Receipt, Error> {
        run(end_sessions::end_own(&house.world, &self.acting(), Which::Others, Some(password(OLD)), None))
    }

    pub(crate) fn end_all(&self, house: &House) -> Result<Receipt, Error> {
        run(end_sessions::end_own(&house.world, &self.acting(), Which::All, Some(password(OLD)), None))
    }

    pub(crate) fn reauthenticate(&self, house: &House, text: &str) -> Result<Self, Error> {
        let signed = run(reauthenticate::reauthenticate(&house.world, &self.acting(), password(text)))?;
        Ok(Self { signed, address: self.address })
    }

    pub(crate) fn change_password(&self, house: &House) -> Result<Receipt, Error> {
        run(change_password::change_own(&house.world, &self.acting(), password(OLD), password(NEW)))
    }
}

pub(crate) fn forge_with(key: &SigningKey, claims: &AccessClaims) -> String {
    let input = jwt::signing_input(key.id(), key.algorithm(), jwt::ACCESS_TOKEN_TYPE, claims).unwrap();
    let signature = key.sign(input.as_bytes()).unwrap();
    jwt::with_signature(input, &signature)
}

/// A token's claims, and the key that signed it: unverified, for it was just made here.
pub(crate) fn claims(token: &str) -> (AccessClaims, KeyId) {
    let parts = jwt::take_apart(token).unwrap();
    (serde_json::from_slice(&parts.unverified_claims).unwrap(), parts.unverified_kid)
}
