//! Why a command failed: one line that says what to do, and an exit code that a script can act on.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use rescind_domain::Error;
use rescind_domain::keyring::KeyError;
use rescind_domain::store::StoreError;

use crate::authority::StartError;
use crate::config::Problems;
use crate::data_dir::DataDirError;
use crate::owner;
use crate::store::sqlite::BackupError;

/// What an exit code means. Stable: scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Late = 3,
    NotFound = 4,
    Refused = 5,
    NotOurs = 6,
    InTheWay = 7,
    InPart = 8,
}

/// Every code with its meaning, for the help and the manual.
pub(super) const CODES: [(Code, &str); 9] = [
    (Code::Done, "done; for verify: the token is alive"),
    (Code::Failed, "failed; the message says why"),
    (Code::Usage, "the arguments, the configuration or the input are wrong"),
    (
        Code::Late,
        "done, but the running server has not confirmed it within a second, or with --wait: not enforced in time",
    ),
    (Code::NotFound, "there is no such thing, or no data folder"),
    (Code::Refused, "refused; for verify: the token is ours, and not alive"),
    (Code::NotOurs, "not a token of this authority"),
    (Code::InTheWay, "something is in the way: a name or a file that is taken, a server that runs"),
    (Code::InPart, "done in part: some lines of an import were bad"),
];

/// The codes as the help ends with them.
pub(super) fn codes_for_help() -> String {
    let mut text = "Exit codes:".to_owned();
    for (code, meaning) in CODES {
        let _ = write!(text, "\n  {}  {meaning}", code as u8);
    }
    text
}

/// Why a command did not do all that it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// It cannot be done, or went wrong; the message is for standard error.
    Because(Code, String),
    /// The outcome was printed; the code repeats it.
    Said(Code),
    /// What was printed could not be written.
    Output(io::Error),
}

impl Failure {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Because(Code::Failed, message.into())
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Because(Code::Usage, message.into())
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::Because(Code::NotFound, message.into())
    }

    /// A file or folder that was named cannot be used; `advice` says what to do about it.
    pub(super) fn named(code: Code, path: &Path, error: &io::Error, advice: &str) -> Self {
        let path = path.display();
        let problem = match error.kind() {
            io::ErrorKind::NotFound => format!("{path} does not exist"),
            io::ErrorKind::IsADirectory => format!("{path} is a folder"),
            _ => format!("{path} cannot be used: {error}"),
        };
        Self::Because(code, format!("{problem}: {advice}"))
    }

    /// What was asked is done and durable, and the server that runs did not say in time that it enforces it.
    pub(super) fn late() -> Self {
        let message = "done and durable, but the running server has not confirmed within 1 s";
        Self::Because(Code::Late, message.to_owned())
    }

    /// What was asked is done and durable, and somebody may still accept what it ended.
    pub(super) fn not_enforced() -> Self {
        let message = "done and durable, but not enforced in time: some verifier may accept until its lease ends";
        Self::Because(Code::Late, message.to_owned())
    }

    /// Says what is to be said on standard error, and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        let (code, message) = match self {
            Self::Because(code, message) => (code, Some(message)),
            Self::Said(code) => (code, None),
            // Whoever stopped reading knows enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => (Code::Done, None),
            Self::Output(error) => (Code::Failed, Some(format!("the output cannot be written: {error}"))),
        };
        if let Some(message) = message {
            warn(&message);
        }
        ExitCode::from(code as u8)
    }
}

/// Writes a message to standard error, each line of it marked as ours. There is nobody to tell if that fails.
pub(super) fn warn(message: &str) {
    let mut stderr = io::stderr().lock();
    for line in message.lines() {
        let _ = writeln!(stderr, "rescind: {}", super::table::visible(line));
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::NotFound(_) | Error::NotInLog(_) => Code::NotFound,
            Error::Invalid { .. } | Error::WeakPassword(_) => Code::Usage,
            Error::LoginTaken | Error::ExternalIdTaken | Error::ClientTaken => Code::InTheWay,
            Error::ExceptionEnded | Error::Forbidden | Error::LastAdministrator => Code::Refused,
            _ => Code::Failed,
        };
        Self::Because(code, explain(&error))
    }
}

/// An error of the domain, with what to do about it.
fn explain(error: &Error) -> String {
    let advice = match error {
        Error::NotFound("user") => "`rescind user list` shows who there is",
        Error::NotFound("session") => "`rescind user sessions LOGIN` shows the living ones",
        Error::NotFound("client") => "`rescind client list` shows them",
        Error::NotFound("key") => "`rescind key list` shows them",
        Error::NotFound("grant") => "that user never signed in with that client",
        Error::NotInLog(_) => "a backup was restored, or this is another store; read without --after, and compare",
        Error::LoginTaken => "choose another, or see whose it is with `rescind user show`",
        Error::ExternalIdTaken => "`rescind user list --external-id` shows whose it is",
        Error::ClientTaken => "choose another, or remove the old one with `rescind client remove`",
        Error::ExceptionEnded => "nothing was ended; `rescind user sessions LOGIN` shows the living ones",
        Error::Store(StoreError::Unconfirmed(_)) => "`rescind log` shows whether it was done",
        Error::Store(StoreError::Corrupt { .. }) => "stop the server and restore a backup",
        Error::Store(StoreError::Conflict) | Error::Busy { .. } => "try again",
        Error::Key(KeyError::Sealed(_)) => "put the right root.key back, or give it as RESCIND_ROOT_KEY",
        _ => return error.to_string(),
    };
    format!("{error}: {advice}")
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Domain(error) => error.into(),
            StartError::DataDir(error) => error.into(),
            StartError::Listen { address, error } if error.kind() == io::ErrorKind::AddrInUse => {
                let message = format!("{address} is in use: stop what listens there, or choose another with --listen");
                Self::Because(Code::InTheWay, message)
            }
            StartError::Branding(error) => Self::usage(error.to_string()),
            StartError::Places(error) => Self::usage(format!("places: {error}")),
            StartError::Tls(error) => Self::usage(format!("HTTPS: {error}")),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<DataDirError> for Failure {
    fn from(error: DataDirError) -> Self {
        let code = match error {
            DataDirError::Missing(_) => Code::NotFound,
            DataDirError::InUse(_) | DataDirError::Taken { .. } => Code::InTheWay,
            _ => Code::Failed,
        };
        Self::Because(code, error.to_string())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Because(Code::Usage, problems.to_string())
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let code = match &error {
            BackupError::File { path, source } => return unwritten(path, source),
            BackupError::Exists(_) | BackupError::InUse(_) => Code::InTheWay,
            BackupError::Unusable { .. } => Code::Usage,
        };
        Self::Because(code, error.to_string())
    }
}

/// A new file that could not be made: where there is nothing of that name, its folder is what is missing.
fn unwritten(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        Failure::named(Code::Failed, owner::folder_of(path), error, "make it, or name a file in another folder")
    } else {
        Failure::named(Code::Failed, path, error, "name another file, in a folder that can be written")
    }
}
