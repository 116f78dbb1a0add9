//! Merging the sources into one [`Config`] that remembers where each value came from.

use super::file::ConfigFile;
use super::flags::Flags;
use super::preset::Preset;
use super::problem::{Origin, Problem, Problems};
use super::rule::{Named, show_duration};
use super::setting::Setting;
use super::table::{Config, SETTINGS};
use crate::passwords::Strength;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// What every variable of ours begins with.
pub(super) const PREFIX: &str = "RESCIND_";

/// The one variable that is no setting: it names the configuration file.
const FILE_VARIABLE: &str = "RESCIND_CONFIG";

/// One value that a source gives to one setting.
#[derive(Clone)]
pub(super) struct Assignment {
    pub(super) setting: &'static Setting,
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// The environment variables that begin with `RESCIND_`.
#[derive(Clone, Default)]
pub struct Environment(Vec<(String, OsString)>);

impl Environment {
    /// Keeps our variables of an environment, such as `std::env::vars_os()`, and nothing else of it.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let ours = |(name, value): (OsString, OsString)| {
            let name = name.to_string_lossy().into_owned();
            name.starts_with(PREFIX).then_some((name, value))
        };
        let mut variables: Vec<_> = variables.into_iter().filter_map(ours).collect();
        variables.sort();
        Self(variables)
    }

    /// The configuration file that the environment names.
    pub(super) fn config_file(&self) -> Option<&Path> {
        self.0.iter().find(|(name, _)| name == FILE_VARIABLE).map(|(_, value)| Path::new(value))
    }

    fn assignments(&self) -> (Vec<Assignment>, Vec<Problem>) {
        let (mut found, mut problems) = (Vec::new(), Vec::new());
        for (name, value) in self.0.iter().filter(|(name, _)| name != FILE_VARIABLE) {
            match (SETTINGS.iter().find(|setting| setting.variable() == *name), value.to_str()) {
                (Some(setting), Some(text)) => {
                    let origin = Origin::Environment(name.clone());
                    found.push(Assignment { setting, text: text.to_owned(), origin });
                }
                (Some(_), None) => problems.push(Problem::new(name, "is not UTF-8")),
                (None, _) => {
                    let meant = Setting::meant_by_variable(name).map(Setting::variable);
                    let meant = meant.map(|variable| format!("; did you mean {variable}?"));
                    problems.push(Problem::new(name, format!("unknown setting{}", meant.unwrap_or_default())));
                }
            }
        }
        (found, problems)
    }
}

/// A configuration, where each of its values came from, and what is allowed in it but unwise.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// What an operator should know although it is allowed.
    pub warnings: Vec<Problem>,
    origins: BTreeMap<&'static str, Origin>,
}

impl Loaded {
    /// Where the value of a setting came from.
    pub fn origin(&self, setting: &Setting) -> &Origin {
        self.origins.get(setting.key).unwrap_or(&Origin::Default)
    }
}

/// Merges defaults, file, environment and flags, where later sources win.
///
/// Every value is checked, also one that a later source replaces. The error lists everything that is wrong at once.
pub fn load(file: Option<&ConfigFile>, environment: &Environment, flags: &Flags) -> Result<Loaded, Problems> {
    let sources = [
        file.map(ConfigFile::assignments).unwrap_or_default(),
        environment.assignments(),
        (flags.assignments(), vec![]),
    ];
    let (assignments, problems): (Vec<_>, Vec<_>) = sources.into_iter().unzip();
    let mut loading = Loading::new(problems.concat());
    let (presets, others): (Vec<_>, Vec<_>) =
        assignments.into_iter().flatten().partition(|assignment| assignment.setting.key == "preset");
    loading.assign(&presets);
    loading.lower_to_preset();
    loading.assign(&others);
    loading.check_preset();
    loading.check_tls();
    loading.check_passwords();
    loading.finish()
}

/// A configuration in the making.
struct Loading {
    config: Config,
    origins: BTreeMap<&'static str, Origin>,
    problems: Vec<Problem>,
}

impl Loading {
    fn new(problems: Vec<Problem>) -> Self {
        Self { config: Config::default(), origins: BTreeMap::new(), problems }
    }

    fn assign(&mut self, assignments: &[Assignment]) {
        for Assignment { setting, text, origin } in assignments {
            match setting.slot.read(&mut self.config, text) {
                Ok(()) => {
                    self.origins.insert(setting.key, origin.clone());
                }
                Err(wrong) => {
                    let text = if setting.is_secret() { "(not shown)".to_owned() } else { shortened(text) };
                    self.problems.push(Problem::new(origin.place(), format!("{} = {text} {wrong}", setting.key)));
                }
            }
        }
    }

    /// Where a default is beyond what the preset allows, the preset's bound becomes the default.
    fn lower_to_preset(&mut self) {
        let preset = self.config.preset;
        for limit in preset.limits() {
            let field = (limit.field)(&mut self.config);
            if *field > limit.most {
                *field = limit.most;
                self.origins.insert(limit.key, Origin::Preset(preset));
            }
        }
    }

    /// What was configured beyond the preset is refused; it must never be lowered in silence.
    fn check_preset(&mut self) {
        let preset = self.config.preset;
        for limit in preset.limits() {
            let value = *(limit.field)(&mut self.config);
            if value > limit.most {
                let place = self.origins.get(limit.key).map_or_else(String::new, Origin::place);
                let (value, most, name) = (show_duration(value), show_duration(limit.most), preset.name());
                let message = format!("{} = {value:?} is too long: preset {name} allows at most {most}", limit.key);
                self.problems.push(Problem::new(place, message));
            }
        }
    }

    /// A certificate is of no use without its key, and the other way round: whoever forgets one must not be served over
    /// plain HTTP instead.
    fn check_tls(&mut self) {
        let (there, missing) = match (&self.config.tls.cert, &self.config.tls.key) {
            (Some(_), None) => ("tls.cert", "tls.key"),
            (None, Some(_)) => ("tls.key", "tls.cert"),
            (Some(_), Some(_)) | (None, None) => return,
        };
        let place = self.origins.get(there).map_or_else(String::new, Origin::place);
        self.problems.push(Problem::new(place, format!("{there} is set and {missing} is not: HTTPS takes both")));
    }

    /// What the server would refuse to hash with.
    fn check_passwords(&mut self) {
        let passwords = &self.config.passwords;
        let (memory_kib, passes, lanes) = (passwords.memory_kib, passwords.iterations, passwords.parallelism);
        if let Err(refused) = (Strength { memory_kib, passes, lanes }).cost() {
            let set = |key: &&str| self.origins.contains_key(*key);
            let key = ["passwords.iterations", "passwords.memory_kib"].into_iter().find(set);
            let key = key.unwrap_or("passwords.parallelism");
            let place = self.origins.get(key).map_or_else(String::new, Origin::place);
            self.problems
                .push(Problem::new(place, format!("{key} cannot be used with the rest of [passwords]: {refused}")));
        }
    }

    fn finish(self) -> Result<Loaded, Problems> {
        if self.problems.is_empty() {
            let warnings = warnings(&self.config, &self.origins);
            Ok(Loaded { config: self.config, warnings, origins: self.origins })
        } else {
            Err(Problems(self.problems))
        }
    }
}

/// A value in quotes, cut where somebody pasted more than they meant to.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    let shown: String = text.chars().take(LONGEST).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{more}")
}

/// What is allowed and still likely to be a mistake.
fn warnings(config: &Config, origins: &BTreeMap<&'static str, Origin>) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut warn = |key: &str, message: &str| {
        let place = origins.get(key).unwrap_or(&Origin::Default).place();
        found.push(Problem::new(place, format!("{key} {message}")));
    };
    if config.issuer.is_empty() && !config.listen.ip().is_loopback() {
        warn("issuer", "is not set, so clients elsewhere are sent to the address of listen");
    }
    if config.issuer.starts_with("http://") && !is_local(&config.issuer) {
        warn("issuer", "is plain http: passwords and tokens can be read and altered on their way");
    }
    let (encrypted, open) = (config.tls.files().is_some(), !config.listen.ip().is_loopback());
    if open && !encrypted && !config.issuer.starts_with("https://") {
        warn(
            "listen",
            "is reached from other machines over plain HTTP: set tls.cert and tls.key, or listen on 127.0.0.1 behind a \
             proxy that speaks HTTPS",
        );
    }
    if encrypted && config.issuer.starts_with("http://") {
        warn("issuer", "is plain http, and the server speaks nothing but HTTPS: clients would not reach it");
    }
    if config.proxies.trusted.iter().any(|network| network.to_string().ends_with("/0")) {
        warn("proxies.trusted", "trusts everyone: any client can forge the address that it comes from");
    }
    if config.places.database.is_some() && !config.addresses.store {
        warn("places.database", "is of no use while addresses.store is false: there is nothing to look up");
    }
    if config.tokens.refresh_lifetime < config.tokens.session_lifetime {
        warn("tokens.refresh_lifetime", "is shorter than tokens.session_lifetime: remembered sessions would end first");
    }
    if config.preset == Preset::None && config.tokens.access_lifetime > config.tokens.idle_lifetime {
        warn(
            "tokens.access_lifetime",
            "is longer than tokens.idle_lifetime: a token can outlive its session's idleness",
        );
    }
    found
}

fn is_local(issuer: &str) -> bool {
    let host = issuer.trim_start_matches("http://").split('/').next().unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|local| host.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| (name.into(), value.into())))
    }

    fn load_from(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded, Problems> {
        let flags =
            Flags::new(flags.iter().map(|(key, value)| (Setting::find(key).expect("a setting"), (*value).to_owned())));
        load(Some(&ConfigFile::new("rescind.toml", file)), &environment(variables), &flags)
    }

    fn origin(loaded: &Loaded, key: &str) -> String {
        loaded.origin(Setting::find(key).expect("a setting")).to_string()
    }

    fn problems(result: Result<Loaded, Problems>) -> Vec<String> {
        result.expect_err("a problem").0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn with_no_source_everything_is_default() {
        let loaded = load(None, &Environment::default(), &Flags::default()).expect("the defaults");
        assert_eq!(loaded.config, Config::default());
        assert_eq!(loaded.warnings, []);
        for setting in SETTINGS {
            assert_eq!(loaded.origin(setting), &Origin::Default);
        }
    }

    #[test]
    fn later_sources_win_and_are_remembered() {
        let file = "listen = '127.0.0.1:1'\n[tokens]\naccess_lifetime = '1m'\nskew = '1s'";
        let variables = [("RESCIND_LISTEN", "127.0.0.1:2"), ("RESCIND_TOKENS_SKEW", "2s"), ("HOME", "/")];
        let loaded = load_from(file, &variables, &[("listen", "127.0.0.1:3")]).expect("loaded");
        assert_eq!(loaded.config.listen.port(), 3);
        assert_eq!(loaded.config.tokens.skew, Duration::from_secs(2));
        assert_eq!(loaded.config.tokens.access_lifetime, Duration::from_mins(1));
        assert_eq!(origin(&loaded, "listen"), "flag --listen");
        assert_eq!(origin(&loaded, "tokens.skew"), "environment RESCIND_TOKENS_SKEW");
        assert_eq!(origin(&loaded, "tokens.access_lifetime"), "file rescind.toml:3");
        assert_eq!(origin(&loaded, "data"), "default");
    }

    #[test]
    fn every_problem_of_every_source_is_listed() {
        let result = load_from(
            "lisen = 'x'\ntokens.skew = '1y'",
            &[("RESCIND_LISTN", "127.0.0.1:1"), ("RESCIND_SESSIONS_LIMIT", "-1")],
            &[("http.body_limit", "1")],
        );
        assert_eq!(
            problems(result),
            [
                "rescind.toml:1: unknown setting lisen; did you mean listen?",
                "RESCIND_LISTN: unknown setting; did you mean RESCIND_LISTEN?",
                "rescind.toml:2: tokens.skew = \"1y\" is no duration (write 20s, 5m, 1h30m or 30d); must be 0 to 5m",
                "RESCIND_SESSIONS_LIMIT: sessions.limit = \"-1\" must be a whole number, 0 (no limit), or 1 to 100000",
                "--http-body-limit: http.body_limit = \"1\" must be 4KiB to 16MiB",
            ]
        );
    }

    #[test]
    fn a_bad_value_is_a_problem_even_where_a_later_source_replaces_it() {
        let result = load_from("tokens.skew = 'x'", &[("RESCIND_TOKENS_SKEW", "1s")], &[]);
        assert_eq!(problems(result).len(), 1);
    }

    #[test]
    fn an_unknown_variable_does_not_repeat_its_value() {
        let found = problems(load_from("", &[("RESCIND_SECRET_SAUCE", "tomatoes")], &[]));
        assert_eq!(found, ["RESCIND_SECRET_SAUCE: unknown setting"]);
    }

    #[test]
    fn the_variable_that_names_the_file_is_no_setting() {
        assert!(load_from("", &[("RESCIND_CONFIG", "x.toml")], &[]).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_text_is_refused_only_if_it_is_ours() {
        use std::os::unix::ffi::OsStringExt;
        let garbage = || OsString::from_vec(vec![0xff, 0xfe]);
        let others = Environment::new([("PATH".into(), garbage()), (garbage(), "x".into())]);
        assert!(load(None, &others, &Flags::default()).is_ok());
        let ours = Environment::new([("RESCIND_DATA".into(), garbage())]);
        assert_eq!(problems(load(None, &ours, &Flags::default())), ["RESCIND_DATA: is not UTF-8"]);
    }

    #[test]
    fn a_wrong_root_key_is_not_repeated() {
        let found = problems(load_from("", &[("RESCIND_ROOT_KEY", "hunter2")], &[]));
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("(not shown)") && !found[0].contains("hunter2"), "{found:?}");
    }

    #[test]
    fn a_pasted_novel_is_not_repeated_in_full() {
        let found = problems(load_from("", &[("RESCIND_LISTEN", &"x".repeat(10_000))], &[]));
        assert!(found[0].len() < 300);
    }

    #[test]
    fn a_preset_lowers_the_defaults() {
        let loaded = load_from("preset = 'aal2'", &[], &[]).expect("loaded");
        let tokens = &loaded.config.tokens;
        assert_eq!(tokens.refresh_lifetime, Duration::from_hours(24));
        assert_eq!(tokens.session_lifetime, Duration::from_hours(24));
        assert_eq!(tokens.idle_lifetime, Duration::from_hours(1));
        assert_eq!(tokens.remembered_idle_lifetime, Duration::from_hours(1));
        assert_eq!(tokens.access_lifetime, Duration::from_mins(5));
        assert_eq!(origin(&loaded, "tokens.idle_lifetime"), "preset aal2");
        assert_eq!(origin(&loaded, "tokens.access_lifetime"), "default");
        assert_eq!(origin(&loaded, "tokens.session_lifetime"), "default", "24 hours is the ordinary default too");
    }

    #[test]
    fn a_preset_takes_shorter_values_and_refuses_longer_ones() {
        let file = "preset = 'aal3'\n[tokens]\nidle_lifetime = '10m'";
        let loaded = load_from(file, &[], &[]).expect("loaded");
        assert_eq!(loaded.config.tokens.idle_lifetime, Duration::from_mins(10));
        assert_eq!(loaded.config.tokens.refresh_lifetime, Duration::from_hours(12));
        let found = problems(load_from(file, &[("RESCIND_TOKENS_REFRESH_LIFETIME", "13h")], &[]));
        assert_eq!(
            found,
            [
                "RESCIND_TOKENS_REFRESH_LIFETIME: tokens.refresh_lifetime = \"13h\" is too long: preset aal3 allows at most 12h"
            ]
        );
    }

    #[test]
    fn a_preset_from_a_later_source_judges_what_an_earlier_one_set() {
        let found = problems(load_from("tokens.idle_lifetime = '2h'", &[("RESCIND_PRESET", "aal2")], &[]));
        assert!(found[0].starts_with("rescind.toml:1: tokens.idle_lifetime = \"2h\" is too long"), "{found:?}");
        assert!(load_from("preset = 'aal2'\ntokens.idle_lifetime = '2h'", &[], &[("preset", "")]).is_ok());
    }

    #[test]
    fn what_is_allowed_and_unwise_is_a_warning() {
        let warned = |file: &str| load_from(file, &[], &[]).expect("loaded").warnings;
        let first = |file: &str| warned(file).first().map(ToString::to_string).unwrap_or_default();
        assert!(first("listen = '0.0.0.0:80'").starts_with("default: issuer is not set"));
        assert!(first("issuer = 'http://id.example'").starts_with("rescind.toml:1: issuer is plain http"));
        assert!(first("issuer = 'http://localhost.example'").contains("plain http"));
        assert!(warned("listen = '0.0.0.0:80'")[1].to_string().contains("set tls.cert and tls.key"));
        let tls = "[tls]\ncert = 'id.pem'\nkey = 'id.key'";
        assert_eq!(warned(&format!("listen = '0.0.0.0:443'\nissuer = 'https://id.example'\n{tls}")), []);
        assert_eq!(warned("listen = '10.0.0.1:80'\nissuer = 'https://id.example'"), [], "a proxy on another machine");
        assert!(first(&format!("issuer = 'http://localhost'\n{tls}")).contains("speaks nothing but HTTPS"));
        assert!(first("proxies.trusted = ['::/0']").contains("trusts everyone"));
        assert!(first("places.database = 'x'\naddresses.store = false").contains("nothing to look up"));
        assert!(first("tokens.refresh_lifetime = '1h'").contains("shorter than"));
        assert!(first("[tokens]\naccess_lifetime = '1h'\nidle_lifetime = '1m'").contains("longer than"));
        for fine in ["issuer = 'http://localhost:7080'", "issuer = 'http://[::1]'", "issuer = 'https://id.example'"] {
            assert_eq!(warned(fine), [], "{fine}");
        }
    }

    #[test]
    fn a_cost_of_passwords_that_the_server_would_refuse_is_a_problem() {
        let found = problems(load_from("passwords.memory_kib = 2097152", &[], &[]));
        assert!(found[0].contains("must be 19456 to 1048576"), "{found:?}");
        let file = "[passwords]\nmemory_kib = 1048576\niterations = 17";
        let found = problems(load_from(file, &[], &[]));
        assert!(found[0].starts_with("rescind.toml:3: passwords.iterations cannot be used with"), "{found:?}");
        assert!(load_from("[passwords]\nmemory_kib = 1048576\niterations = 16", &[], &[]).is_ok());
    }

    #[test]
    fn a_certificate_without_a_key_is_a_problem_and_so_is_a_key_without_a_certificate() {
        let found = problems(load_from("[tls]\ncert = 'id.pem'", &[], &[]));
        assert_eq!(found, ["rescind.toml:2: tls.cert is set and tls.key is not: HTTPS takes both"]);
        let found = problems(load_from("", &[], &[("tls.key", "id.key")]));
        assert_eq!(found, ["--tls-key: tls.key is set and tls.cert is not: HTTPS takes both"]);
        for file in ["tls.cert = 'id.pem'\ntls.key = 'id.key'", ""] {
            let found = problems(load_from(file, &[("RESCIND_TLS_CERT", ""), ("RESCIND_TLS_KEY", "")], &[]));
            let plain = "names no file: write its path, or leave both tls.cert and tls.key out to serve plain HTTP";
            let each = ["cert", "key"]
                .map(|name| format!("RESCIND_TLS_{}: tls.{name} = \"\" {plain}", name.to_ascii_uppercase()));
            assert_eq!(found, each);
        }
    }
}
