//! Taking users over from another system, with the hashes that they have there (F3).

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::event::EventKind;
use crate::login::Login;
use crate::password::PasswordHash;
use crate::revocation::Actor;
use crate::user::{self, Role};
use crate::verbs::sign_up::{Draft, insert};
use crate::world::World;

/// The most users that one transaction takes over, so that it stays short.
pub const BATCH: usize = 200;

/// One user to take over. Login name and hash have been looked at.
#[derive(Clone, Debug)]
pub struct ImportedUser {
    /// The login name.
    pub login: Login,
    /// The hash; none for somebody who has to set a password first.
    pub hash: Option<PasswordHash>,
    /// What the account may do.
    pub role: Role,
    /// The id that the other system knows the user by.
    pub external_id: Option<String>,
    /// A JSON object of at most 4,096 bytes.
    pub metadata: Option<String>,
}

/// What became of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Taken over.
    Imported,
    /// Was here already, by external id or, without one, by login name: nothing was changed.
    AlreadyHere,
    /// The login name belongs to somebody else.
    LoginTaken,
}

/// What can be said against a user without looking at others: so that one bad user does not cost a batch.
pub fn check(user: &ImportedUser) -> Result<(), Error> {
    user::check_data(user.external_id.as_deref(), user.metadata.as_deref())
}

/// Takes over at most [`BATCH`] users in one transaction; can be run again with the same ones.
pub async fn import_users(world: &World, users: Vec<ImportedUser>) -> Result<Vec<Outcome>, Error> {
    users.iter().try_for_each(check)?;
    let inner = world.clone();
    world
        .store
        .transact("import_users", move |tx| {
            let mut outcomes = Vec::with_capacity(users.len());
            for user in &users {
                let known = match &user.external_id {
                    Some(id) => tx.user_by_external_id(id)?.is_some(),
                    None => tx.user_by_login(user.login.key())?.is_some(),
                };
                if known {
                    outcomes.push(Outcome::AlreadyHere);
                    continue;
                }
                let draft = Draft {
                    login: &user.login,
                    hash: user.hash.as_ref(),
                    role: user.role,
                    external: user.external_id.as_deref(),
                    metadata: user.metadata.as_deref(),
                };
                outcomes.push(match insert(tx, &inner, draft, Actor::CommandLine, EventKind::UserImported, None) {
                    Ok(_) => Outcome::Imported,
                    Err(Error::LoginTaken) => Outcome::LoginTaken,
                    Err(error) => return Err(error),
                });
            }
            Ok(outcomes)
        })
        .await
}
