//! Answers about the configuration: what every value is and why (`config show`), whether all is well (`config check`),
//! and the tables of the manual.

use super::load::Loaded;
use super::problem::{Origin, Problems};
use super::setting::Setting;
use super::table::{Config, SETTINGS};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Every setting with its value and where that came from, as a table for people. Secrets are masked.
pub fn show(loaded: &Loaded) -> String {
    let rows: Vec<[String; 3]> = SETTINGS
        .iter()
        .map(|setting| [setting.key.to_owned(), shown(setting, &loaded.config), loaded.origin(setting).to_string()])
        .collect();
    columns(&["SETTING", "VALUE", "FROM"].map(str::to_owned), &rows) + &warning_lines(loaded)
}

/// The same as JSON. Durations and sizes are strings, as in the file; secrets are `null`, and `secret` says so.
pub fn show_json(loaded: &Loaded) -> Value {
    let defaults = Config::default();
    let settings = SETTINGS.iter().map(|setting| {
        json!({
            "key": setting.key,
            "value": setting.json(&loaded.config),
            "default": setting.json(&defaults),
            "from": from_json(loaded.origin(setting)),
            "variable": setting.variable(),
            "flag": setting.flag(),
            "secret": setting.is_secret(),
            "help": setting.help,
        })
    });
    json!({ "settings": settings.collect::<Vec<_>>(), "warnings": texts(&loaded.warnings) })
}

/// The outcome of loading in words: what is wrong, else what is unwise, else that all is well.
pub fn check(outcome: &Result<Loaded, Problems>) -> String {
    match outcome {
        Err(problems) => format!("{problems}\n"),
        Ok(loaded) => {
            let is_set = |setting: &&Setting| !matches!(loaded.origin(setting), Origin::Default | Origin::Preset(_));
            let (set, all) = (SETTINGS.iter().filter(is_set).count(), SETTINGS.len());
            format!("{}the configuration is valid; {set} of {all} settings are set\n", warning_lines(loaded))
        }
    }
}

/// The same as JSON: `valid`, `problems` and `warnings`.
pub fn check_json(outcome: &Result<Loaded, Problems>) -> Value {
    match outcome {
        Err(problems) => json!({ "valid": false, "problems": texts(&problems.0), "warnings": [] }),
        Ok(loaded) => json!({ "valid": true, "problems": [], "warnings": texts(&loaded.warnings) }),
    }
}

/// The reference of all settings in Markdown, one table for each section, as in `docs/configuration.md`.
pub fn reference() -> String {
    let defaults = Config::default();
    let mut text = String::new();
    for settings in SETTINGS.chunk_by(|one, next| section(one) == section(next)) {
        let heading = settings.first().and_then(section).map_or("General".to_owned(), |name| format!("`[{name}]`"));
        let _ = write!(text, "### {heading}\n\n| setting | default | allowed | meaning |\n| --- | --- | --- | --- |\n");
        for setting in settings {
            let _ = writeln!(text, "{}", reference_row(setting, &defaults));
        }
        text.push('\n');
    }
    text
}

fn section(setting: &Setting) -> Option<&'static str> {
    setting.key.split_once('.').map(|(section, _)| section)
}

fn reference_row(setting: &Setting, defaults: &Config) -> String {
    let (name, default) = match setting.value(defaults) {
        _ if setting.is_secret() => (setting.variable(), "not set".to_owned()),
        empty if empty.is_empty() && setting.may_be_empty() => (setting.key.to_owned(), "empty".to_owned()),
        none if none.is_empty() => (setting.key.to_owned(), "not set".to_owned()),
        value => (setting.key.to_owned(), format!("`{value}`")),
    };
    format!("| `{name}` | {default} | {} | {} |", setting.allowed(), setting.help)
}

fn warning_lines(loaded: &Loaded) -> String {
    loaded.warnings.iter().fold(String::new(), |mut lines, warning| {
        let _ = writeln!(lines, "warning: {warning}");
        lines
    })
}

/// A value for a table: empty text is visible.
fn shown(setting: &Setting, config: &Config) -> String {
    match setting.value(config) {
        empty if empty.is_empty() && setting.may_be_empty() => "(empty)".to_owned(),
        none if none.is_empty() => "(not set)".to_owned(),
        value => value,
    }
}

fn from_json(origin: &Origin) -> Value {
    match origin {
        Origin::Default => json!({ "source": "default" }),
        Origin::Preset(_) => json!({ "source": "preset", "name": origin.place().trim_start_matches("preset ") }),
        Origin::File { name, line } => json!({ "source": "file", "name": name, "line": line }),
        Origin::Environment(name) | Origin::Flag(name) => json!({ "source": origin.source(), "name": name }),
    }
}

fn texts(items: &[super::Problem]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// Left-aligned columns, two spaces apart, no spaces at the end of a line.
fn columns<const N: usize>(head: &[String; N], rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = std::iter::once(head).chain(rows).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    let mut text = String::new();
    for row in std::iter::once(head).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigFile, Environment, Flags, load};
    use super::*;
    use std::path::PathBuf;

    const BEGIN: &str = "<!-- The tables below come from the table of settings; a test compares them. -->\n\n";

    fn loaded(file: &str, variables: &[(&str, &str)]) -> Result<Loaded, Problems> {
        let environment = Environment::new(variables.iter().map(|(name, value)| (name.into(), value.into())));
        load(Some(&ConfigFile::new("rescind.toml", file)), &environment, &Flags::default())
    }

    fn manual_path() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md")
    }

    fn manual() -> String {
        std::fs::read_to_string(manual_path()).expect("docs/configuration.md")
    }

    #[test]
    fn every_setting_is_shown_with_its_value_and_its_origin() {
        let loaded = loaded("listen = '[::1]:1'", &[("RESCIND_LOG_FORMAT", "json")]).expect("loaded");
        let table = show(&loaded);
        let row = |key: &str| {
            let line = table.lines().find(|line| line.split_whitespace().next() == Some(key)).expect("a row");
            line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(table.lines().count(), SETTINGS.len() + 1);
        assert_eq!(row("listen"), "[::1]:1 file rescind.toml:1");
        assert_eq!(row("log.format"), "json environment RESCIND_LOG_FORMAT");
        assert_eq!(row("issuer"), "(empty) default");
        assert_eq!(row("tls.cert"), "(not set) default");
        assert_eq!(row("tokens.access_lifetime"), "5m default");
    }

    #[test]
    fn warnings_follow_the_table() {
        let loaded = loaded("proxies.trusted = ['0.0.0.0/0']", &[]).expect("loaded");
        assert!(show(&loaded).ends_with("any client can forge the address that it comes from\n"));
    }

    #[test]
    fn json_has_typed_values_and_structured_origins() {
        let loaded = loaded("sessions.limit = 3\npreset = 'aal2'\nproxies.trusted = ['::1']", &[]).expect("loaded");
        let json = show_json(&loaded);
        let entry = |key: &str| {
            let mut entries = json["settings"].as_array().expect("a list").iter();
            entries.find(|entry| entry["key"] == key).expect("an entry").clone()
        };
        assert_eq!(entry("sessions.limit")["value"], 3);
        assert_eq!(entry("sessions.limit")["from"], json!({ "source": "file", "name": "rescind.toml", "line": 1 }));
        assert_eq!(entry("sign_up.enabled")["value"], true);
        assert_eq!(entry("proxies.trusted")["value"], json!(["::1/128"]));
        assert_eq!(entry("tokens.idle_lifetime")["value"], "1h");
        assert_eq!(entry("tokens.idle_lifetime")["default"], "1d");
        assert_eq!(entry("tokens.idle_lifetime")["from"], json!({ "source": "preset", "name": "aal2" }));
        assert_eq!(entry("tokens.skew")["variable"], "RESCIND_TOKENS_SKEW");
        assert_eq!(entry("tokens.skew")["flag"], "--tokens-skew");
    }

    #[test]
    fn a_secret_appears_nowhere() {
        let secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
        let loaded = loaded("", &[("RESCIND_ROOT_KEY", secret)]).expect("loaded");
        assert!(loaded.config.root_key.is_some());
        let everything = format!("{}{}{loaded:?}", show(&loaded), show_json(&loaded));
        assert!(!everything.contains(secret) && !everything.contains("0123456789abcdef"), "{everything}");
        assert!(show(&loaded).contains("(set, not shown)"));
    }

    #[test]
    fn a_check_says_what_is_wrong_or_that_all_is_well() {
        assert_eq!(check(&loaded("lisen = 1", &[])), "rescind.toml:1: unknown setting lisen; did you mean listen?\n");
        let fine = check(&loaded("sessions.limit = 3\npreset = 'aal2'", &[]));
        assert_eq!(fine, format!("the configuration is valid; 2 of {} settings are set\n", SETTINGS.len()));
        let unwise = check(&loaded("issuer = 'http://id.example'", &[]));
        assert!(unwise.starts_with("warning: rescind.toml:1: issuer is plain http"), "{unwise}");
    }

    #[test]
    fn a_check_as_json_says_the_same() {
        let wrong = check_json(&loaded("lisen = 1", &[]));
        assert_eq!(wrong["valid"], false);
        assert_eq!(wrong["problems"], json!(["rescind.toml:1: unknown setting lisen; did you mean listen?"]));
        assert_eq!(check_json(&loaded("", &[])), json!({ "valid": true, "problems": [], "warnings": [] }));
    }

    /// With `RESCIND_WRITE_MANUALS` set it writes the tables anew instead.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "asks whoever runs the test, which has no configuration")]
    fn the_manual_has_the_tables_that_the_settings_make() {
        let manual = manual();
        let (before, tables) = manual.split_once(BEGIN).expect("the mark where the tables begin");
        if std::env::var_os("RESCIND_WRITE_MANUALS").is_some() {
            std::fs::write(manual_path(), format!("{before}{BEGIN}{}\n", reference().trim_end())).expect("written");
            return;
        }
        let differs =
            "docs/configuration.md is out of date: RESCIND_WRITE_MANUALS=1 cargo test -p rescind --lib manual";
        assert!(tables.trim_end() == reference().trim_end(), "{differs}");
    }

    #[test]
    fn every_example_in_the_manual_is_a_valid_file() {
        let manual = manual();
        let examples: Vec<&str> =
            manual.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(!examples.is_empty());
        for example in examples {
            assert_eq!(check_json(&loaded(example, &[]))["problems"], json!([]), "{example}");
        }
    }
}
