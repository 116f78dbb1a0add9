//! The command line: one file for each noun. What a command does is a verb of the domain on the same data folder that a
//! server may be running on; what it ended, the server has confirmed before it answers.

mod asking;
mod backup;
mod client;
mod config;
mod demo;
mod enforcement;
mod event;
mod failure;
mod folder;
mod guard;
mod import;
mod key;
mod log;
mod manual;
mod output;
mod reference;
mod revoke;
mod serve;
mod session;
mod table;
mod time;
mod user;
mod verifier;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Environment, Flags};
use failure::Failure;
use folder::{Context, Shared};

/// Signs people in, shows them every device that is signed in, and signs any of those devices out.
#[derive(Debug, Parser)]
#[command(name = "rescind", version, arg_required_else_help = true, after_help = failure::codes_for_help())]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve {
        #[command(flatten)]
        flags: Flags,
    },
    /// Show how fast a log-out reaches everybody: a whole authority, three services and two devices, on this machine
    #[command(long_about = demo::ABOUT)]
    Demo(demo::Arguments),
    /// Run a verifier behind a small HTTP endpoint, for nginx, Caddy, Traefik and Envoy
    Guard(Box<guard::Arguments>),
    /// Accounts of people: add, list, sign out, lock, delete
    #[command(subcommand)]
    User(user::Command),
    /// Sessions: one sign-in on one device each
    #[command(subcommand)]
    Session(session::Command),
    /// Revoke by scope: one entry of the log, however much it ends
    #[command(subcommand)]
    Revoke(revoke::Command),
    /// Server keys: list, replace, revoke
    #[command(subcommand)]
    Key(key::Command),
    /// Clients: the applications that tokens are given to
    #[command(subcommand)]
    Client(client::Command),
    /// Say whether a token is alive, and if not, which revocation ended it, when, by whom and why
    Verify(verify::Arguments),
    /// List the verifiers that follow the running server
    Verifiers,
    /// Show the revocation log
    Log(log::Arguments),
    /// Show what happened: the audit log
    Events(event::Arguments),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Copy the store to a new file, also while the server runs
    Backup(backup::BackupArguments),
    /// Replace the store by a backup and begin a new epoch: everyone is signed out
    Restore(backup::RestoreArguments),
    /// Take users over from another system, with the password hashes that they have there
    Import(import::Arguments),
    /// Print a completion script for a shell
    Completions(manual::Completions),
    /// Print the man page, or write one for every command
    Man(manual::Man),
}

/// Runs one command line, given the program's arguments and environment variables. The outcome is its exit code.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let error = with_tip(error, &arguments);
            // Whoever stopped reading does not want the rest.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    let variables: Vec<_> = variables.into_iter().collect();
    let outcome = match cli.command {
        Command::Demo(arguments) => demo::run(&arguments, demo::Surroundings::of(&variables)),
        command => dispatch(command, &Context::new(cli.shared, Environment::new(variables))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Whoever writes `--wait 5s` is told why `5s` was not expected.
fn with_tip(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let is_time = |text: &OsString| text.to_str().is_some_and(|text| time::read_patience(text).is_ok());
    let apart = arguments.windows(2).any(|pair| matches!(pair, [wait, time] if wait == "--wait" && is_time(time)));
    let stranger = matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(text)) if text != "--wait");
    if apart && stranger && error.kind() == ErrorKind::UnknownArgument {
        let tip = "the time is written right after it: --wait=5s".to_owned().into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// The whole command line, as clap has it: completions, man pages and the manual are made from it.
fn definition() -> clap::Command {
    Cli::command()
}

fn dispatch(command: Command, context: &Context) -> Result<(), Failure> {
    if let Command::Serve { flags } = command {
        return serve::run(&flags, context);
    }
    if let Command::Guard(arguments) = command {
        return guard::run(&arguments, context);
    }
    folder::log_faults();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        match command {
            Command::Serve { .. } | Command::Demo(_) | Command::Guard(_) => Ok(()),
            Command::User(command) => user::run(command, context).await,
            Command::Session(command) => session::run(command, context).await,
            Command::Revoke(command) => revoke::run(command, context).await,
            Command::Key(command) => key::run(command, context).await,
            Command::Client(command) => client::run(command, context).await,
            Command::Verify(arguments) => verify::run(arguments, context).await,
            Command::Verifiers => verifier::list(context).await,
            Command::Log(arguments) => log::run(arguments, context).await,
            Command::Events(arguments) => event::run(arguments, context).await,
            Command::Config(command) => config::run(command, context),
            Command::Backup(arguments) => backup::backup(&arguments, context),
            Command::Restore(arguments) => backup::restore(arguments, context).await,
            Command::Import(arguments) => import::run(arguments, context).await,
            Command::Completions(arguments) => manual::completions(&arguments),
            Command::Man(arguments) => manual::man(&arguments),
        }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        super::definition().debug_assert();
    }
}
