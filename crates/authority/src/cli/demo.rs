//! `rescind demo`, from the command line.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::folder::log_faults;
use crate::demo::{DemoError, Options, demo};

pub(super) const ABOUT: &str = "\
Show how fast a log-out reaches everybody: a whole authority, three services and two devices, on this machine

Everything is real and ephemeral: the authority keeps its data in a folder of its own, which is removed in the end, \
and everybody listens on free ports of this machine. The services check tokens with embedded verifiers that follow \
the authority's feed, and each device sends each of them almost 50 requests a second. A key ends the phone (p), the \
others (o), all (a) or everyone (e), signs in again (s), or quits (q). What is said of it was measured by the \
devices: from sending what the key asks for to the first refusal of each service, and to the authority's answer that \
the ending is enforced.

Without a terminal, or with --plain, a fixed script runs instead; the exit code is 0 if all was refused and enforced \
as it says, 1 if not. --data, --config and --json have no effect.";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Run a fixed script, say what happens in plain lines, and end
    #[arg(long)]
    plain: bool,
}

/// What a demo takes from its surroundings.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// Whether colours are not wanted (<https://no-color.org>).
    no_colour: bool,
    /// Whether the terminal understands no escape sequences.
    dumb: bool,
    /// Where temporary files go.
    temporary: Option<PathBuf>,
}

impl Surroundings {
    pub(super) fn of(variables: &[(OsString, OsString)]) -> Self {
        let find = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str());
        let given = |name| find(name).filter(|value| !value.is_empty());
        Self {
            no_colour: given("NO_COLOR").is_some(),
            dumb: given("TERM").is_none_or(|term| term == OsStr::new("dumb")),
            temporary: given("TMPDIR").map(PathBuf::from),
        }
    }
}

pub(super) fn run(arguments: &Arguments, surroundings: Surroundings) -> Result<(), Failure> {
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal() && !surroundings.dumb;
    let plain = arguments.plain || !terminal;
    if plain {
        log_faults();
    }
    let below = surroundings.temporary.unwrap_or_else(|| PathBuf::from("/tmp"));
    demo(&Options { plain, colour: !surroundings.no_colour, below }).map_err(Failure::from)
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Output(error) => Self::Output(io::Error::new(error.kind(), error.to_string())),
            other => Self::failed(other.to_string()),
        }
    }
}
