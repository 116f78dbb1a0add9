//! `rescind revoke`: by scope.

use clap::{Args, Subcommand};
use rescind_domain::verbs::revoke;
use rescind_wire::{ClientId, ForeignId, Issuer, KeyId, Scope, SessionId};

use super::failure::Failure;
use super::folder::{ADMIN, Absent, Context, Tool, Waiting, read_reason};
use super::{key, session, user, verify};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Sign everybody out of all devices
    Everyone {
        /// Clients that act for themselves too
        #[arg(long)]
        services: bool,
        #[command(flatten)]
        why: Why,
    },
    /// End everything that was given to one client
    Client {
        /// The client's id
        id: ClientId,
        #[command(flatten)]
        why: Why,
    },
    /// Sign somebody out of all devices, or of all but one
    User {
        /// Login name or id
        login: String,
        /// The session that goes on
        #[arg(long, value_name = "SESSION")]
        except: Option<SessionId>,
        #[command(flatten)]
        why: Why,
    },
    /// End what one client holds for one user
    Grant {
        /// Login name or id
        login: String,
        /// The client's id
        client: ClientId,
        #[command(flatten)]
        why: Why,
    },
    /// End one session
    Session {
        /// The session's id
        id: SessionId,
        #[command(flatten)]
        why: Why,
    },
    /// End one access token
    Token {
        /// Its id (`jti`), the token itself, or - to read either from standard input
        token: String,
        #[command(flatten)]
        why: Why,
    },
    /// Revoke a key that may have leaked, with everything that was made with it; a new one takes its place
    Key {
        /// The key's id
        kid: KeyId,
        #[command(flatten)]
        why: Why,
    },
    /// Refuse the tokens that another issuer has given out so far: all, or those of one subject or session
    Foreign {
        /// The issuer, exactly as its tokens say it (`iss`)
        issuer: Issuer,
        /// Only those of this subject (`sub`)
        #[arg(long, value_name = "SUB")]
        subject: Option<ForeignId>,
        /// Only those of this session (`sid`); those that name no session too, of the subject if one is given
        #[arg(long, value_name = "SID")]
        session: Option<ForeignId>,
        #[command(flatten)]
        why: Why,
    },
}

/// Every revocation says why, and may be waited for.
#[derive(Debug, Args)]
pub(super) struct Why {
    /// Why, for the log
    #[arg(long, value_parser = read_reason)]
    reason: String,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let tool = context.open(Absent::Refuse).await?;
    match command {
        Command::Everyone { services, why } => {
            let done = if services {
                "everyone is signed out of all devices, services too"
            } else {
                "everyone is signed out of all devices"
            };
            end(&tool, Scope::Everyone { services }, why, done).await
        }
        Command::Client { id, why } => {
            let done = format!("everything that client {id} was given has ended");
            end(&tool, Scope::Client { client: id }, why, &done).await
        }
        Command::User { login, except, why } => user::logout(&tool, &login, except, why.reason, why.waiting).await,
        Command::Grant { login, client, why } => {
            let user = tool.user(&login).await?;
            let done = format!("what client {client} held for {} has ended", user.login);
            end(&tool, Scope::Grant { user: user.id, client }, why, &done).await
        }
        Command::Session { id, why } => session::end(&tool, id, why.reason, why.waiting).await,
        Command::Token { token, why } => {
            let token = verify::token_id(&tool, &token).await?;
            end(&tool, Scope::Token { token }, why, &format!("token {token} has ended")).await
        }
        Command::Foreign { issuer, subject, session, why } => {
            let scope = match (session, subject) {
                (Some(session), subject) => Scope::ForeignSession { issuer, session, subject },
                (None, Some(subject)) => Scope::ForeignSubject { issuer, subject },
                (None, None) => Scope::ForeignIssuer { issuer },
            };
            let done = format!("tokens of {scope} that were given out so far are refused");
            end(&tool, scope, why, &done).await
        }
        Command::Key { kid, why } => key::compromise(&tool, kid, why.reason, why.waiting).await,
    }
}

async fn end(tool: &Tool, scope: Scope, why: Why, done: &str) -> Result<(), Failure> {
    let receipt = revoke::revoke(tool.world(), &ADMIN, scope, why.reason, None).await?;
    tool.ended(&receipt, done, why.waiting).await
}
