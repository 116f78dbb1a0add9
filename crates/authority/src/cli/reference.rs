//! The commands and exit codes as `docs/cli.md` lists them. A test compares.

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::PathBuf;

    use clap::{Arg, Command};

    use crate::cli::verify::State;
    use crate::cli::{definition, failure};

    const BEGIN: &str = "<!-- What follows comes from the definition of the command line; a test compares it. -->\n\n";

    /// The flags that every command takes; they are listed once.
    const SHARED: [&str; 3] = ["data", "config", "json"];

    fn manual_path() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md")
    }

    fn manual() -> String {
        std::fs::read_to_string(manual_path()).expect("docs/cli.md")
    }

    fn reference() -> String {
        let mut text = "## Exit codes\n\n| code | meaning |\n| --- | --- |\n".to_owned();
        for (code, meaning) in failure::CODES {
            let _ = writeln!(text, "| {} | {meaning} |", code as u8);
        }
        text.push_str("\n## Commands\n\n");
        let mut root = definition();
        root.build();
        let _ = writeln!(text, "Every command takes:\n");
        root.get_arguments().filter(|arg| is_shared(arg)).for_each(|arg| write_argument(&mut text, arg));
        for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
            write_command(&mut text, "rescind", command);
        }
        text
    }

    fn write_command(text: &mut String, parent: &str, command: &Command) {
        let path = format!("{parent} {}", command.get_name());
        if command.has_subcommands() {
            for inner in command.get_subcommands().filter(|command| command.get_name() != "help") {
                write_command(text, &path, inner);
            }
            return;
        }
        let usage = usage(&path, command);
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = write!(text, "\n### `{path}`\n\n{about}.\n\n```text\n{usage}\n```\n");
        let is_setting = |arg: &Arg| arg.get_help_heading() == Some("Settings");
        let own = |arg: &&Arg| !is_setting(arg) && !is_shared(arg) && !is_about_help(arg);
        let mut list = String::new();
        command.get_arguments().filter(own).for_each(|arg| write_argument(&mut list, arg));
        if command.get_arguments().any(is_setting) {
            list.push_str("- every setting of `docs/configuration.md` as a flag\n");
        }
        if !list.is_empty() {
            let _ = write!(text, "\n{list}");
        }
    }

    fn usage(path: &str, command: &Command) -> String {
        let mut command = command.clone().bin_name(path);
        command.render_usage().to_string().trim_start_matches("Usage: ").to_owned()
    }

    fn is_shared(arg: &Arg) -> bool {
        SHARED.contains(&arg.get_id().as_str())
    }

    fn is_about_help(arg: &Arg) -> bool {
        matches!(arg.get_id().as_str(), "help" | "version")
    }

    fn write_argument(text: &mut String, arg: &Arg) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "- `{}`: {help}", arg.to_string().trim_end_matches("..."));
    }

    /// With `RESCIND_WRITE_MANUALS` set it writes its commands anew instead.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "asks whoever runs the test, which has no configuration")]
    fn the_manual_lists_every_command_and_exit_code() {
        let manual = manual();
        let (before, commands) = manual.split_once(BEGIN).expect("the mark where the commands begin");
        if std::env::var_os("RESCIND_WRITE_MANUALS").is_some() {
            std::fs::write(manual_path(), format!("{before}{BEGIN}{}\n", reference().trim_end())).expect("written");
            return;
        }
        let differs = "docs/cli.md is out of date: RESCIND_WRITE_MANUALS=1 cargo test -p rescind --lib manual";
        assert!(commands.trim_end() == reference().trim_end(), "{differs}");
    }

    #[test]
    fn the_manual_names_everything_that_verify_may_say() {
        let manual = manual();
        for state in State::ALL {
            assert!(manual.contains(&format!("| `{}` |", state.as_str())), "{state:?}");
        }
    }

    #[test]
    fn the_help_names_every_exit_code() {
        let help = definition().render_long_help().to_string();
        for (code, meaning) in failure::CODES {
            assert!(help.contains(&format!("{}  {meaning}", code as u8)), "{meaning}");
        }
    }
}
