//! One flag for each setting, made from the table.

use super::load::Assignment;
use super::problem::Origin;
use super::setting::Setting;
use super::table::{Config, SETTINGS};
use clap::{Arg, ArgMatches, Command};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// The settings that the short help lists; `--help` lists all.
const PROMINENT: [&str; 4] = ["data", "listen", "issuer", "preset"];

/// clap wants flag names that live as long as the program.
static LONG_NAMES: LazyLock<Vec<(&'static Setting, String)>> = LazyLock::new(|| {
    let named = |setting: &'static Setting| Some((setting, setting.flag()?.trim_start_matches('-').to_owned()));
    SETTINGS.iter().filter_map(named).collect()
});

/// The settings that the command line gives. Flatten it into a clap command: `#[command(flatten)] flags: Flags`.
#[derive(Clone, Debug, Default)]
pub struct Flags(Vec<(&'static str, String)>);

impl Flags {
    /// Flags that are already at hand.
    pub fn new(given: impl IntoIterator<Item = (&'static Setting, String)>) -> Self {
        Self(given.into_iter().map(|(setting, text)| (setting.key, text)).collect())
    }

    pub(super) fn assignments(&self) -> Vec<Assignment> {
        let assignment = |(key, text): &(&'static str, String)| {
            let setting = Setting::find(key)?;
            Some(Assignment { setting, text: text.clone(), origin: Origin::Flag(setting.flag()?) })
        };
        self.0.iter().filter_map(assignment).collect()
    }
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        let defaults = Config::default();
        LONG_NAMES.iter().fold(command, |command, (setting, long)| {
            let default = setting.value(&defaults);
            let mut help = setting.help.to_owned();
            if !default.is_empty() {
                let _ = write!(help, " [default: {default}]");
            }
            if ["number", "duration", "size", "choice"].contains(&setting.kind()) {
                let _ = write!(help, " [allowed: {}]", setting.allowed());
            }
            command.arg(
                Arg::new(setting.key)
                    .long(long.as_str())
                    .value_name(value_name(setting))
                    .help(help)
                    .help_heading("Settings")
                    .hide_short_help(!PROMINENT.contains(&setting.key)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for (setting, _) in LONG_NAMES.iter() {
            if let Some(text) = matches.get_one::<String>(setting.key) {
                self.0.push((setting.key, text.clone()));
            }
        }
        Ok(())
    }
}

/// What stands for the value in the help.
fn value_name(setting: &Setting) -> &'static str {
    match setting.kind() {
        "address" => "ADDRESS:PORT",
        "switch" => "true|false",
        "list of networks" => "NETWORK,…",
        "number" => "NUMBER",
        "duration" => "DURATION",
        "size" => "SIZE",
        "folder" => "FOLDER",
        "file" => "FILE",
        "URL" => "URL",
        "choice" => "NAME",
        _ => "TEXT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    fn parse(arguments: &[&str]) -> Result<Flags, clap::Error> {
        let command = Flags::augment_args(Command::new("serve").no_binary_name(true));
        Flags::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    #[test]
    fn every_setting_but_a_secret_has_a_flag() {
        Flags::augment_args(Command::new("serve")).debug_assert();
        for setting in SETTINGS {
            let flag = setting.flag().unwrap_or_else(|| "--root-key".to_owned());
            assert_eq!(parse(&[&flag, "x"]).is_ok(), !setting.is_secret(), "{flag}");
        }
    }

    #[test]
    fn flags_become_assignments_that_name_them() {
        let flags = parse(&["--listen", "[::1]:1", "--tokens-access-lifetime=1m"]).expect("flags");
        let shown = |a: &Assignment| format!("{} = {} from {}", a.setting.key, a.text, a.origin);
        let shown: Vec<String> = flags.assignments().iter().map(shown).collect();
        assert_eq!(
            shown,
            ["listen = [::1]:1 from flag --listen", "tokens.access_lifetime = 1m from flag --tokens-access-lifetime"]
        );
    }

    #[test]
    fn the_short_help_lists_a_few_settings_and_the_long_help_all() {
        let mut command = Flags::augment_args(Command::new("serve"));
        let (short, long) = (command.render_help().to_string(), command.render_long_help().to_string());
        assert!(short.contains("--listen") && !short.contains("--sqlite-readers"), "{short}");
        for setting in SETTINGS {
            assert!(setting.flag().is_none_or(|flag| long.contains(&flag)), "{}", setting.key);
        }
        let allowed = ["[default: 5m] [allowed: 20s to 1d]", "[default: 0] [allowed: 0 (no limit), or 1 to 100000]"];
        assert!(allowed.iter().all(|allowed| long.contains(allowed)), "{long}");
    }
}
