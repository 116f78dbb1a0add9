//! `rescind config`: what every setting is and why, and whether all is well.

use clap::Subcommand;

use super::failure::{Code, Failure};
use super::folder::Context;
use super::output::{print, print_value};
use crate::ambient::SystemClock;
use crate::branding::Branding;
use crate::config::{self, Flags, Loaded, Problem, Problems, Setting};
use crate::places::Places;
use crate::tls::Tls;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show every setting with its value and where that came from
    Show {
        #[command(flatten)]
        flags: Flags,
    },
    /// Say what is wrong with the configuration, and what is allowed but unwise
    Check {
        #[command(flatten)]
        flags: Flags,
    },
}

pub(super) fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Show { flags } => {
            let loaded = context.load(&flags)?;
            if context.output.json {
                return print_value(&config::show_json(&loaded));
            }
            print(&config::show(&loaded))
        }
        Command::Check { flags } => {
            let outcome = context.load(&flags).and_then(with_good_files);
            let said = if context.output.json {
                print_value(&config::check_json(&outcome))
            } else {
                print(&config::check(&outcome))
            };
            if outcome.is_ok() { said } else { Err(Failure::Said(Code::Usage)) }
        }
    }
}

/// Reads the files that are named, as the server would.
fn with_good_files(mut loaded: Loaded) -> Result<Loaded, Problems> {
    let place = |key| Setting::find(key).map_or_else(String::new, |setting| loaded.origin(setting).place());
    let (mut problems, mut concerns) = (Vec::new(), Vec::new());
    match loaded.config.tls.files().map(|(cert, key)| Tls::read(cert, key, SystemClock::start())) {
        Some(Err(error)) => problems.push(Problem::new(place("tls.cert"), error.to_string())),
        Some(Ok(tls)) => {
            concerns = tls.concerns().into_iter().map(|(key, concern)| Problem::new(place(key), concern)).collect();
        }
        None => {}
    }
    if let Err(error) = Branding::load(&loaded.config) {
        problems.push(Problem::new(place(error.setting()), error.to_string()));
    }
    if let Some(path) = loaded.config.places.database.as_deref()
        && let Err(error) = Places::open(path)
    {
        problems.push(Problem::new(place("places.database"), error.to_string()));
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    loaded.warnings.extend(concerns);
    Ok(loaded)
}
