//! The data folder that a command works on, and the server that may be running on it.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use futures_util::FutureExt as _;
use futures_util::future::{Either, join, select};
use rescind_domain::World;
use rescind_domain::acting::Administrator;
use rescind_domain::revocation::{Actor, Receipt};
use rescind_domain::user::User;
use rescind_domain::verbs::{administer_users, end_session};
use rescind_wire::{SessionId, UserId};
use serde_json::{Value, json};

use crate::authority::Authority;
use crate::config::{self, Config, ConfigFile, Environment, Flags, Loaded, Setting};
use crate::data_dir::DataDir;
use crate::feed::Enforcement;
use crate::hint::{self, Answer};
use crate::store::sqlite::Role;

use super::enforcement;
use super::failure::{Failure, warn};
use super::output::Output;
use super::time::{exact, read_patience};

const CONFIG: &str = "The configuration file [default: $RESCIND_CONFIG, or ./rescind.toml if it is there]";

const WAIT: &str =
    "Wait until no verifier can accept it any more, for so long at most: up to 1h, 0 to look once [without TIME: 5s]";

/// What every command takes.
#[derive(Debug, Args)]
pub(super) struct Shared {
    /// The folder that holds the database [default: ./rescind-data]
    #[arg(id = "data", long, global = true, value_name = "FOLDER")]
    data: Option<String>,
    #[arg(long, global = true, value_name = "FILE", help = CONFIG)]
    config: Option<PathBuf>,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

/// What every command takes that ends something.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Waiting {
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "5s",
          value_parser = read_patience, help = WAIT)]
    wait: Option<Duration>,
}

impl Waiting {
    /// Whether somebody waits.
    pub(super) fn is_wanted(self) -> bool {
        self.wait.is_some()
    }
}

/// Reads a reason, which must say something. For clap.
pub(super) fn read_reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say why, for whoever reads the log".to_owned()),
        reason => Ok(reason.to_owned()),
    }
}

/// What a command is given beside its own arguments.
pub(super) struct Context {
    shared: Shared,
    environment: Environment,
    pub(super) output: Output,
}

/// What to do about a data folder that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// Make one.
    Make,
    /// Say so: whoever misspells a folder must not be told that all is well in an empty one.
    Refuse,
}

impl Context {
    pub(super) fn new(shared: Shared, environment: Environment) -> Self {
        let output = Output { json: shared.json };
        Self { shared, environment, output }
    }

    /// The configuration, with these flags on top.
    pub(super) fn load(&self, flags: &Flags) -> Result<Loaded, config::Problems> {
        let file = ConfigFile::find(self.shared.config.as_deref(), &self.environment)?;
        config::load(file.as_ref(), &self.environment, flags)
    }

    /// The configuration of a command that is not the server's.
    pub(super) fn configuration(&self) -> Result<Config, Failure> {
        let data = Setting::find("data").zip(self.shared.data.clone());
        Ok(self.load(&Flags::new(data))?.config)
    }

    /// Opens the data folder as a tool, beside a server or alone.
    pub(super) async fn open(&self, absent: Absent) -> Result<Tool, Failure> {
        let config = Arc::new(self.configuration()?);
        let data = match absent {
            Absent::Make => DataDir::open_or_make(&config.data)?,
            Absent::Refuse => DataDir::open(&config.data)?,
        };
        data.check_database(false)?;
        if absent == Absent::Refuse && !data.database().exists() {
            let message = format!(
                "{} holds no database: name the data folder with --data, or start `rescind serve` once",
                data.path().display()
            );
            return Err(Failure::not_found(message));
        }
        let issuer = config.issuer_for(config.listen);
        let authority = Authority::open(config, &data, Role::Tool, issuer).await?;
        Ok(Tool { authority, data, output: self.output, names: Mutex::default() })
    }
}

/// Logs what went wrong inside, and nothing else, on standard error: a command's answer is its output.
pub(super) fn log_faults() {
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).with_writer(std::io::stderr);
    // Somebody else in this process may have been first.
    let _ = subscriber.try_init();
}

/// A data folder that was opened by the command line.
pub(super) struct Tool {
    pub(super) authority: Arc<Authority>,
    pub(super) data: DataDir,
    output: Output,
    /// Login names that were looked up already: a log names the same few people again and again.
    names: Mutex<HashMap<UserId, String>>,
}

/// The most names that are kept.
const NAMES: usize = 10_000;

/// Whoever may run the command line on the data folder administers it.
pub(super) const ADMIN: Administrator = Administrator::CommandLine;

impl Tool {
    pub(super) fn world(&self) -> &World {
        &self.authority.world
    }

    /// A user by login name or id.
    pub(super) async fn user(&self, login: &str) -> Result<User, Failure> {
        Ok(administer_users::find_user(self.world(), &ADMIN, login).await?)
    }

    /// What to call a user: the login name, or the id of one who is gone.
    pub(super) async fn name(&self, user: UserId) -> Result<String, Failure> {
        if let Some(name) = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&user) {
            return Ok(name.clone());
        }
        let row = self.world().store.read("name_of", move |view| Ok(view.user(&user)?)).await?;
        let name = row.map_or_else(|| user.to_string(), |row| row.login);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= NAMES {
            names.clear();
        }
        names.insert(user, name.clone());
        Ok(name)
    }

    /// Whoever did something, in words.
    pub(super) async fn actor(&self, actor: &Actor) -> Result<String, Failure> {
        Ok(match actor {
            Actor::User { user, session } => format!("{}, from {session}", self.name(*user).await?),
            Actor::CommandLine => "the command line".to_owned(),
            Actor::Client(_) | Actor::System | Actor::Anonymous => actor.to_string(),
        })
    }

    /// Tells what was ended, once the server that runs here, if one does, refuses it.
    pub(super) async fn ended(&self, receipt: &Receipt, done: &str, waiting: Waiting) -> Result<(), Failure> {
        let (answer, found) = self.follow(receipt.position.number, waiting).await?;
        let value = json!({ "revocation": receipt_json(receipt), "server": server_json(answer) });
        let mut lines = vec![format!("{done} (revocation {})", receipt.position.number)];
        lines.extend(applied(answer));
        self.tell(value, lines, found, confirmed(answer))
    }

    /// Tells that a session had ended. Where the entry that ended it is not known any more, it is one up to the head.
    pub(super) async fn had_ended(&self, session: SessionId, done: String, waiting: Waiting) -> Result<(), Failure> {
        let number = match end_session::ended_by(self.world(), session).await? {
            Some(number) => number,
            None => self.world().store.position().await.map_err(rescind_domain::Error::Store)?.number,
        };
        let found = match waiting.wait {
            Some(_) => self.follow(number, waiting).await?.1,
            None => None,
        };
        self.tell(json!({ "revocation": null, "server": null }), vec![done], found, Ok(()))
    }

    /// Tells what was done, and how far its enforcement has come where that is waited for.
    fn tell(
        &self,
        mut value: Value,
        mut lines: Vec<String>,
        found: Option<Enforcement>,
        mut outcome: Result<(), Failure>,
    ) -> Result<(), Failure> {
        if let Some(found) = found {
            let now = self.world().clock.wall();
            value["enforcement"] = enforcement::as_json(&found, now);
            lines.extend(enforcement::as_lines(&found, now));
            // The server is one of those that were waited for: what it said itself matters no more.
            outcome = if found.enforced { Ok(()) } else { Err(Failure::not_enforced()) };
        }
        // Late weighs more than a reader who left.
        let said = self.output.answer(&value, &lines);
        outcome.and(said)
    }

    /// Asks the running server whether it has applied the log up to `number`, and at the same time, where that is waited
    /// for, how far the enforcement has come.
    async fn follow(&self, number: u64, waiting: Waiting) -> Result<(Answer, Option<Enforcement>), Failure> {
        let Some(patience) = waiting.wait else { return Ok((self.ask(number).await, None)) };
        let began = self.authority.clock.boottime();
        let answer = self.ask(number).shared();
        let found = async {
            let found = self.enforcement(number, patience, answer.clone()).await?;
            let took = self.authority.clock.boottime().saturating_sub(began);
            Ok::<_, Failure>(Enforcement { took, ..found })
        };
        let (found, answer) = join(found, answer.clone()).await;
        Ok((answer, Some(found?)))
    }

    /// Waits for an enforcement: by the server that runs here, which knows its verifiers, and by what nodes say of
    /// themselves in the store. Whichever says first that it is reached counts.
    async fn enforcement(
        &self,
        number: u64,
        patience: Duration,
        answer: impl Future<Output = Answer>,
    ) -> Result<Enforcement, Failure> {
        let told = pin!(hint::enforcement(&self.data, number, patience));
        let seen = pin!(self.authority.enforcement(number, patience));
        let (told, seen) = match select(told, seen).await {
            Either::Left((Ok(Some(told)), _)) if told.enforced => return Ok(told),
            Either::Left((told, seen)) => (told, seen.await?),
            // A server that answers knows the same in a moment, and who confirmed; no time is lost on one that hangs.
            Either::Right((seen, told)) => {
                let more = if answer.await == Answer::Late { Duration::ZERO } else { hint::PATIENCE };
                let late = || Err(io::ErrorKind::TimedOut.into());
                (tokio::time::timeout(more, told).await.unwrap_or_else(|_| late()), seen?)
            }
        };
        match told {
            Ok(Some(told)) if told.enforced || !seen.enforced => return Ok(told),
            Ok(_) => {}
            Err(error) => warn(&untold(&error)),
        }
        Ok(seen)
    }

    /// Asks the running server whether it has applied the log up to `number`.
    pub(super) async fn ask(&self, number: u64) -> Answer {
        hint::ask(&self.data, number).await
    }

    /// Waits until the running server has applied the whole log: for what adds keys to it.
    pub(super) async fn ask_for_all(&self) -> Result<Answer, Failure> {
        let head = self.world().store.position().await.map_err(rescind_domain::Error::Store)?;
        Ok(self.ask(head.number).await)
    }
}

/// Why nobody says who has confirmed.
fn untold(error: &io::Error) -> String {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionRefused | ConnectionReset | NotFound | UnexpectedEof => {
            "the running server went away before it could tell who has confirmed".to_owned()
        }
        io::ErrorKind::TimedOut => "the running server does not tell in time who has confirmed".to_owned(),
        _ => format!("the running server does not tell who has confirmed: {error}"),
    }
}

/// What people are told of the server.
fn applied(answer: Answer) -> Option<String> {
    (answer == Answer::Applied).then(|| "applied by the running server".to_owned())
}

/// A server that did not answer in time is an outcome of its own.
pub(super) fn confirmed(answer: Answer) -> Result<(), Failure> {
    match answer {
        Answer::Applied | Answer::NoServer => Ok(()),
        Answer::Late => Err(Failure::late()),
    }
}

/// What programs are told of the server.
pub(super) fn server_json(answer: Answer) -> &'static str {
    match answer {
        Answer::Applied => "applied",
        Answer::Late => "late",
        Answer::NoServer => "none",
    }
}

fn receipt_json(receipt: &Receipt) -> Value {
    json!({
        "position": receipt.position,
        "scope": receipt.scope,
        "reason": receipt.reason,
        "at": exact(receipt.at),
    })
}
