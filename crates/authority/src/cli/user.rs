//! `rescind user`: accounts of people.

use std::time::Duration;

use clap::{Args, Subcommand};
use rescind_domain::clock::Timestamp;
use rescind_domain::user::{Particulars, Role, User, UserState};
use rescind_domain::verbs::administer_users::Changes;
use rescind_domain::verbs::lock_account::LockFor;
use rescind_domain::verbs::{
    administer_users, change_password, delete_account, keep_house, list_sessions, lock_account, revoke,
};
use rescind_wire::{Scope, SessionId};
use serde_json::{Value, json};

use super::asking::Source;
use super::failure::{Code, Failure};
use super::folder::{ADMIN, Absent, Context, Tool, Waiting, read_reason};
use super::output::Listing;
use super::session;
use super::table::{or_dash, pairs};
use super::time::{exact, read_duration, shown};

/// How many rows are read at a time.
const PAGE: u32 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an account
    Add {
        /// The login name: a name or an e-mail address
        login: String,
        /// Let it administer: everybody's sessions, clients and keys
        #[arg(long)]
        admin: bool,
        /// The id that another system knows it by
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
        /// An object of your own, of at most 4,096 bytes
        #[arg(long, value_name = "JSON")]
        metadata: Option<String>,
        #[command(flatten)]
        password: Source,
    },
    /// List accounts, by login name
    List {
        /// Only those whose login name contains this
        query: Option<String>,
        /// Only the one that another system knows by this id
        #[arg(long, value_name = "ID", conflicts_with = "query")]
        external_id: Option<String>,
    },
    /// Show one account
    Show {
        /// Login name or id
        login: String,
    },
    /// List the devices on which somebody is signed in
    Sessions {
        /// Login name or id
        login: String,
    },
    /// Sign somebody out of all devices, or of all but one
    Logout {
        /// Login name or id
        login: String,
        /// The session that goes on
        #[arg(long, value_name = "SESSION")]
        except: Option<SessionId>,
        /// Why, for the log
        #[arg(long, default_value = "signed out by an administrator", value_parser = read_reason)]
        reason: String,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Refuse somebody's sign-ins, and sign them out of all devices
    Lock {
        /// Login name or id
        login: String,
        /// For how long [default: as configured, and at least as long as an access token lives]
        #[arg(long = "for", value_name = "DURATION", value_parser = read_duration, conflicts_with = "until_unlocked")]
        duration: Option<Duration>,
        /// Until `rescind user unlock`
        #[arg(long)]
        until_unlocked: bool,
        /// Why, for the log
        #[arg(long, default_value = "locked by an administrator", value_parser = read_reason)]
        reason: String,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Let somebody sign in again; what the lock ended stays ended
    Unlock {
        /// Login name or id
        login: String,
    },
    /// Set a new password, and sign its owner out of all devices
    Password {
        /// Login name or id
        login: String,
        #[command(flatten)]
        password: Source,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Delete an account for good; its id is never used again
    Delete {
        /// Login name or id
        login: String,
        /// Why, for the log
        #[arg(long, default_value = "account deleted by an administrator", value_parser = read_reason)]
        reason: String,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Change what other systems know an account by, or the data that was attached to it
    Set {
        /// Login name or id
        login: String,
        #[command(flatten)]
        data: Data,
    },
    /// Change what an account may do
    Role {
        /// Login name or id
        login: String,
        /// user or administrator
        role: Role,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Data {
    /// The id that another system knows it by
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// No such id any more
    #[arg(long, conflicts_with = "external_id")]
    no_external_id: bool,
    /// An object of your own, of at most 4,096 bytes, in place of the former one
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// No such object any more
    #[arg(long, conflicts_with = "metadata")]
    no_metadata: bool,
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let absent = if matches!(command, Command::Add { .. }) { Absent::Make } else { Absent::Refuse };
    let tool = context.open(absent).await?;
    match command {
        Command::Add { login, admin, external_id, metadata, password } => {
            let role = if admin { Role::Administrator } else { Role::User };
            add(&tool, context, &login, Particulars { role, external_id, metadata }, password).await
        }
        Command::List { external_id: Some(id), .. } => list_external(&tool, context, &id).await,
        Command::List { query, external_id: None } => list(&tool, context, query.unwrap_or_default()).await,
        Command::Show { login } => show(&tool, context, &login).await,
        Command::Sessions { login } => sessions(&tool, context, &login).await,
        Command::Logout { login, except, reason, waiting } => logout(&tool, &login, except, reason, waiting).await,
        Command::Lock { login, duration, until_unlocked, reason, waiting } => {
            let duration = if until_unlocked { Some(LockFor::UntilUnlocked) } else { duration.map(LockFor::Duration) };
            lock(&tool, &login, duration, reason, waiting).await
        }
        Command::Unlock { login } => unlock(&tool, context, &login).await,
        Command::Password { login, password, waiting } => set_password(&tool, &login, password, waiting).await,
        Command::Delete { login, reason, waiting } => delete(&tool, &login, reason, waiting).await,
        Command::Set { login, data } => set(&tool, context, &login, data).await,
        Command::Role { login, role } => set_role(&tool, context, &login, role).await,
    }
}

async fn add(
    tool: &Tool,
    context: &Context,
    login: &str,
    particulars: Particulars,
    password: Source,
) -> Result<(), Failure> {
    let password = password.read(login)?;
    let new = administer_users::add_user(tool.world(), &ADMIN, login, password, particulars, None).await?;
    let user = tool.user(&new.id.to_string()).await?;
    let value = json!({ "user": user_json(tool, &user) });
    context.output.answer(&value, &[format!("{} is {} ({})", user.login, user.id, user.role)])
}

const HEAD: [&str; 5] = ["LOGIN", "ID", "ROLE", "STATE", "CREATED"];

async fn list_external(tool: &Tool, context: &Context, id: &str) -> Result<(), Failure> {
    let found = administer_users::find_external_user(tool.world(), &ADMIN, id).await?;
    let mut listing = Listing::new(context.output, HEAD);
    listing.page(found.iter().map(|user| user_row(tool, user)).collect())?;
    listing.end("nobody")
}

async fn list(tool: &Tool, context: &Context, query: String) -> Result<(), Failure> {
    let mut listing = Listing::new(context.output, HEAD);
    let mut after = String::new();
    loop {
        let users = administer_users::list_users(tool.world(), &ADMIN, query.clone(), after, PAGE).await?;
        let last = users.last().filter(|_| users.len() == PAGE as usize).map(|user| user.login_key.clone());
        listing.page(users.iter().map(|user| user_row(tool, user)).collect())?;
        match last {
            Some(last) => after = last,
            None => return listing.end("nobody"),
        }
    }
}

async fn show(tool: &Tool, context: &Context, login: &str) -> Result<(), Failure> {
    const COUNTED: u32 = 100;
    let user = tool.user(login).await?;
    let (mut count, mut after) = (0, None);
    let devices = loop {
        let page = list_sessions::list_of_user(tool.world(), &ADMIN, user.id, after, COUNTED).await?;
        count += page.sessions.len();
        match page.next {
            _ if count > COUNTED as usize => break format!("more than {COUNTED} devices"),
            Some(next) => after = Some(next),
            None if count == 1 => break "1 device".to_owned(),
            None => break format!("{count} devices"),
        }
    };
    let rows = [
        ("login", user.login.clone()),
        ("id", user.id.to_string()),
        ("role", user.role.to_string()),
        ("state", state_in_words(tool, &user)),
        ("signed in on", devices),
        ("password", user.password.as_ref().map_or("none", |hash| hash.scheme()).to_owned()),
        ("external id", or_dash(user.external_id.as_deref())),
        ("metadata", or_dash(user.metadata.as_deref())),
        ("created", shown(user.created_at)),
    ];
    context.output.answer(&json!({ "user": user_json(tool, &user) }), &pairs(&rows))
}

async fn sessions(tool: &Tool, context: &Context, login: &str) -> Result<(), Failure> {
    let user = tool.user(login).await?;
    let mut listing = Listing::new(context.output, session::HEAD);
    let mut after = None;
    loop {
        let page = list_sessions::list_of_user(tool.world(), &ADMIN, user.id, after, PAGE).await?;
        listing.page(page.sessions.iter().map(session::row).collect())?;
        match page.next {
            Some(next) => after = Some(next),
            None => return listing.end(&format!("{} is not signed in anywhere", user.login)),
        }
    }
}

/// Signs a user out of all devices, or of all but one.
pub(super) async fn logout(
    tool: &Tool,
    login: &str,
    except: Option<SessionId>,
    reason: String,
    waiting: Waiting,
) -> Result<(), Failure> {
    let user = match tool.user(login).await {
        Err(missing) if except.is_none() => return again(tool, login, missing, waiting).await,
        found => found?,
    };
    let scope = Scope::User { user: user.id, except, deleted: false };
    let receipt = revoke::revoke(tool.world(), &ADMIN, scope, reason, None).await?;
    let done = match except {
        Some(session) => format!("{} is signed out of all devices but {session}", user.login),
        None => format!("{} is signed out of all devices", user.login),
    };
    tool.ended(&receipt, &done, waiting).await
}

async fn lock(
    tool: &Tool,
    login: &str,
    duration: Option<LockFor>,
    reason: String,
    waiting: Waiting,
) -> Result<(), Failure> {
    let user = tool.user(login).await?;
    let duration = match duration {
        Some(duration) => duration,
        None => LockFor::AtLeast(default_lock(tool).await?),
    };
    let receipt = lock_account::lock_user(tool.world(), &ADMIN, user.id, duration, reason, None).await?;
    let user = tool.user(&user.id.to_string()).await?;
    let done = format!("{} is {}, and signed out of all devices", user.login, state_in_words(tool, &user));
    tool.ended(&receipt, &done, waiting).await
}

/// As configured, and never shorter than the longest access token that the server may have signed lives and a minute: the
/// server's flags are not known here, its lifetimes are.
async fn default_lock(tool: &Tool) -> Result<Duration, Failure> {
    let inner = tool.world().clone();
    let longest = tool.world().store.read("longest_lifetime", move |view| {
        Ok(keep_house::longest_lifetime(&view.lifetimes()?, &inner.policy, inner.now()))
    });
    Ok((longest.await? + Duration::from_mins(1)).max(tool.world().policy.lock))
}

async fn unlock(tool: &Tool, context: &Context, login: &str) -> Result<(), Failure> {
    let user = tool.user(login).await?;
    lock_account::unlock_user(tool.world(), &ADMIN, user.id).await?;
    let user = tool.user(&user.id.to_string()).await?;
    context.output.answer(&json!({ "user": user_json(tool, &user) }), &[format!("{} may sign in again", user.login)])
}

async fn set_password(tool: &Tool, login: &str, password: Source, waiting: Waiting) -> Result<(), Failure> {
    let user = tool.user(login).await?;
    let password = password.read(&user.login)?;
    let receipt = change_password::set(tool.world(), &ADMIN, user.id, password).await?;
    let done = format!("{} has a new password, and is signed out of all devices", user.login);
    tool.ended(&receipt, &done, waiting).await
}

async fn delete(tool: &Tool, login: &str, reason: String, waiting: Waiting) -> Result<(), Failure> {
    let user = match tool.user(login).await {
        Err(missing) => return again(tool, login, missing, waiting).await,
        Ok(user) => user,
    };
    let receipt = delete_account::delete_user(tool.world(), &ADMIN, user.id, reason).await?;
    tool.ended(&receipt, &format!("the account {} ({}) is deleted", user.login, user.id), waiting).await
}

/// Waits for the end of an account that is not there any more, where it was deleted (A4). Nothing else is done.
async fn again(tool: &Tool, login: &str, missing: Failure, waiting: Waiting) -> Result<(), Failure> {
    match missing {
        Failure::Because(Code::NotFound, said) if waiting.is_wanted() => {
            let Ok(id) = login.parse() else {
                return Err(Failure::not_found(format!("{said}; an account that was deleted is waited for by its id")));
            };
            let receipt = delete_account::deletion(tool.world(), &ADMIN, id).await?;
            tool.ended(&receipt, &format!("the account {id} was deleted before"), waiting).await
        }
        missing => Err(missing),
    }
}

async fn set(tool: &Tool, context: &Context, login: &str, data: Data) -> Result<(), Failure> {
    let user = tool.user(login).await?;
    let said = |given: Option<String>, taken: bool| if taken { Some(None) } else { given.map(Some) };
    let changes = Changes {
        role: None,
        external_id: said(data.external_id, data.no_external_id),
        metadata: said(data.metadata, data.no_metadata),
    };
    let user = administer_users::change_user(tool.world(), &ADMIN, user.id, changes).await?;
    let (known, data) = (or_dash(user.external_id.as_deref()), or_dash(user.metadata.as_deref()));
    let line = format!("{} has the external id {known} and the metadata {data}", user.login);
    context.output.answer(&json!({ "user": user_json(tool, &user) }), &[line])
}

async fn set_role(tool: &Tool, context: &Context, login: &str, role: Role) -> Result<(), Failure> {
    let user = tool.user(login).await?;
    let user = administer_users::set_role(tool.world(), &ADMIN, user.id, role).await?;
    let line = format!("{} is {}", user.login, user.role);
    context.output.answer(&json!({ "user": user_json(tool, &user) }), &[line])
}

fn user_row(tool: &Tool, user: &User) -> (Value, [String; 5]) {
    let cells = [
        user.login.clone(),
        user.id.to_string(),
        user.role.to_string(),
        state_in_words(tool, user),
        shown(user.created_at),
    ];
    (user_json(tool, user), cells)
}

fn user_json(tool: &Tool, user: &User) -> Value {
    let now = tool.world().now();
    let lock = user
        .lock_at(now)
        .map(|lock| json!({ "since": exact(lock.since), "until": lock.until.map(exact), "reason": lock.reason }));
    json!({
        "id": user.id,
        "login": user.login,
        "role": user.role.as_str(),
        "state": state(user, now),
        "lock": lock,
        "external_id": user.external_id,
        "metadata": session::parsed(user.metadata.as_deref()),
        "created_at": exact(user.created_at),
    })
}

/// A lock that has run out is none.
fn state(user: &User, now: Timestamp) -> &'static str {
    match user.state {
        UserState::Deleted { .. } => "deleted",
        _ if user.lock_at(now).is_some() => "locked",
        UserState::Active | UserState::Locked(_) => "active",
    }
}

fn state_in_words(tool: &Tool, user: &User) -> String {
    let now = tool.world().now();
    match user.lock_at(now).map(|lock| lock.until) {
        Some(Some(until)) => format!("locked until {}", shown(until)),
        Some(None) => "locked until unlocked".to_owned(),
        None => state(user, now).to_owned(),
    }
}
