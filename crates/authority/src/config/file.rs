//! The configuration file: finding it, and reading its settings with the line of each.

use super::load::{Assignment, Environment};
use super::problem::{Origin, Problem, Problems};
use super::rule::Shape;
use super::setting::Setting;
use super::table::SETTINGS;
use std::io;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// The file that is read when none is named, if it is there.
const DEFAULT_NAME: &str = "rescind.toml";

/// A configuration file that has been read but not yet understood.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    name: String,
    text: String,
}

impl ConfigFile {
    /// A file whose text is already at hand.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Reads the file that the command line names, else the one that `RESCIND_CONFIG` names, else `rescind.toml` in the
    /// current folder if there is one.
    ///
    /// A named file that cannot be read is an error; so is an unnamed one that is there and cannot be read.
    pub fn find(named: Option<&Path>, environment: &Environment) -> Result<Option<Self>, Problems> {
        match named.or(environment.config_file()) {
            Some(path) => Self::read(path).map(Some).map_err(|error| unreadable(path, &error)),
            None => match Self::read(Path::new(DEFAULT_NAME)) {
                Ok(file) => Ok(Some(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(unreadable(Path::new(DEFAULT_NAME), &error)),
            },
        }
    }

    /// The name of the file as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::new(path.display().to_string(), std::fs::read_to_string(path)?))
    }

    /// Every setting in the file, in the order of its lines, and everything that is wrong with it.
    pub(super) fn assignments(&self) -> (Vec<Assignment>, Vec<Problem>) {
        let mut reading = Reading { file: self, found: Vec::new(), problems: Vec::new() };
        match DeTable::parse(&self.text) {
            Ok(table) => reading.section("", table.get_ref()),
            Err(error) => {
                let at = error.span().unwrap_or_default();
                reading.problem(&at, format!("is not TOML: {}", error.message()));
            }
        }
        (in_order(reading.found), in_order(reading.problems))
    }

    fn line(&self, span: &Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problems {
    let advice = "name the configuration file with --config, or in RESCIND_CONFIG";
    Problem::new(path.display().to_string(), format!("cannot be read: {error}: {advice}")).into()
}

fn in_order<T>(mut lines: Vec<(usize, T)>) -> Vec<T> {
    lines.sort_by_key(|(line, _)| *line);
    lines.into_iter().map(|(_, item)| item).collect()
}

/// A file that is being read: what was found in it so far, each with its line.
struct Reading<'a> {
    file: &'a ConfigFile,
    found: Vec<(usize, Assignment)>,
    problems: Vec<(usize, Problem)>,
}

impl Reading<'_> {
    /// Reads one table; `prefix` is empty or ends with a dot.
    fn section(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let inner = format!("{key}.");
            if let Some(setting) = Setting::find(&key) {
                self.setting(setting, &name.span(), value);
            } else if !SETTINGS.iter().any(|setting| setting.key.starts_with(&inner)) {
                self.unknown(&key, &name.span(), value.get_ref());
            } else if let DeValue::Table(table) = value.get_ref() {
                self.section(&inner, table);
            } else {
                let message = format!("{key} is a section, so it must be a table, not {}", noun(value.get_ref()));
                self.problem(&name.span(), message);
            }
        }
    }

    fn setting(&mut self, setting: &'static Setting, at: &Range<usize>, value: &Spanned<DeValue<'_>>) {
        if setting.is_secret() {
            let variable = setting.variable();
            let message = format!("{} is a secret: set {variable} instead, files are copied and shown", setting.key);
            return self.problem(at, message);
        }
        match text_of(setting, value.get_ref()) {
            Ok(text) => {
                let line = self.file.line(at);
                let origin = Origin::File { name: self.file.name.clone(), line };
                self.found.push((line, Assignment { setting, text, origin }));
            }
            Err(message) => self.problem(at, format!("{} {message}", setting.key)),
        }
    }

    /// An unknown table is reported once for each of its keys, since those are what somebody meant to set.
    fn unknown(&mut self, key: &str, at: &Range<usize>, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) if !table.is_empty() => {
                for (name, value) in table {
                    self.unknown(&format!("{key}.{}", name.get_ref()), &name.span(), value.get_ref());
                }
            }
            _ => {
                let meant = Setting::meant_by(key).map(|setting| format!("; did you mean {}?", setting.key));
                self.problem(at, format!("unknown setting {key}{}", meant.unwrap_or_default()));
            }
        }
    }

    fn problem(&mut self, at: &Range<usize>, message: String) {
        let line = self.file.line(at);
        self.problems.push((line, Problem::new(format!("{}:{line}", self.file.name), message)));
    }
}

/// The text that says the same in the environment, if the type of the value fits the setting.
fn text_of(setting: &Setting, value: &DeValue<'_>) -> Result<String, String> {
    match (value, setting.slot.shape()) {
        (DeValue::String(text), _) => Ok(text.clone().into_owned()),
        (DeValue::Boolean(on), Shape::Boolean) => Ok(on.to_string()),
        (DeValue::Integer(number), Shape::Integer | Shape::Decimal) => Ok(decimal(number)),
        (DeValue::Float(number), Shape::Decimal) => Ok(number.as_str().to_owned()),
        (DeValue::Array(items), Shape::List) => {
            let texts: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
            texts.map(|texts| texts.join(",")).ok_or_else(|| "must be a list of strings".to_owned())
        }
        (other, _) => Err(format!("must be {} ({}), not {}", setting.allowed(), setting.kind(), noun(other))),
    }
}

/// TOML integers may be written in other bases; settings are not.
fn decimal(number: &DeInteger<'_>) -> String {
    i128::from_str_radix(number.as_str(), number.radix()).map_or_else(|_| number.to_string(), |n| n.to_string())
}

fn noun(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let (found, problems) = ConfigFile::new("rescind.toml", text).assignments();
        let found = found.iter().map(|a| format!("{} = {} ({})", a.setting.key, a.text, a.origin.place())).collect();
        (found, problems.iter().map(ToString::to_string).collect())
    }

    fn problem(text: &str) -> String {
        let (found, mut problems) = read(text);
        assert_eq!((found.len(), problems.len()), (0, 1), "{found:?} {problems:?}");
        problems.remove(0)
    }

    #[test]
    fn sections_dotted_keys_and_inline_tables_say_the_same() {
        for text in ["\n[tokens]\nskew = '1m'", "\n\ntokens.skew = '1m'", "\n\ntokens = { skew = '1m' }"] {
            assert_eq!(read(text), (vec!["tokens.skew = 1m (rescind.toml:3)".to_owned()], vec![]), "{text:?}");
        }
    }

    #[test]
    fn settings_come_in_the_order_of_their_lines() {
        let (found, problems) = read("listen = '[::1]:1'\n[sign_up]\nenabled = false\n[lock]\ndefault = 0\n");
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            found,
            [
                "listen = [::1]:1 (rescind.toml:1)",
                "sign_up.enabled = false (rescind.toml:3)",
                "lock.default = 0 (rescind.toml:5)"
            ]
        );
    }

    #[test]
    fn lists_are_arrays_of_strings() {
        let (found, _) = read("proxies.trusted = ['10.0.0.0/8', '::1']");
        assert_eq!(found, ["proxies.trusted = 10.0.0.0/8,::1 (rescind.toml:1)"]);
        assert!(problem("proxies.trusted = ['10.0.0.0/8', 5]").ends_with("proxies.trusted must be a list of strings"));
    }

    #[test]
    fn integers_may_be_written_in_any_base() {
        let (found, _) = read("sessions.limit = 0x10\npasswords.queue = 1_000");
        assert_eq!(found, ["sessions.limit = 16 (rescind.toml:1)", "passwords.queue = 1000 (rescind.toml:2)"]);
    }

    #[test]
    fn a_share_is_a_fraction_or_a_whole_number() {
        for (written, read_as) in [("0.25", "0.25"), ("1", "1"), ("'0.5'", "0.5")] {
            let (found, problems) = read(&format!("traces.ratio = {written}"));
            assert_eq!((found, problems), (vec![format!("traces.ratio = {read_as} (rescind.toml:1)")], vec![]));
        }
        assert!(problem("traces.callers = 1.5").contains("(number), not a fraction"));
    }

    #[test]
    fn an_unknown_key_is_reported_with_its_line_and_a_suggestion() {
        assert_eq!(problem("\nlisten_on = 'x'"), "rescind.toml:2: unknown setting listen_on");
        assert_eq!(problem("lisen = 'x'"), "rescind.toml:1: unknown setting lisen; did you mean listen?");
        assert_eq!(
            problem("[tokens]\nacess_lifetime = '1m'"),
            "rescind.toml:2: unknown setting tokens.acess_lifetime; did you mean tokens.access_lifetime?"
        );
    }

    #[test]
    fn an_unknown_section_is_reported_once_for_each_of_its_keys() {
        let (_, problems) = read("[token]\nskew = '1m'\nidle_lifetime = '1h'\n[empty]");
        assert_eq!(
            problems,
            [
                "rescind.toml:2: unknown setting token.skew; did you mean tokens.skew?",
                "rescind.toml:3: unknown setting token.idle_lifetime; did you mean tokens.idle_lifetime?",
                "rescind.toml:4: unknown setting empty",
            ]
        );
    }

    #[test]
    fn a_section_is_no_value_and_a_value_no_section() {
        assert_eq!(problem("tokens = 5"), "rescind.toml:1: tokens is a section, so it must be a table, not an integer");
        assert_eq!(
            problem("[sign_up.enabled]"),
            "rescind.toml:1: sign_up.enabled must be true or false (switch), not a table"
        );
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        assert!(problem("data = true").contains("data must be a path (folder), not true or false"));
        assert!(problem("tokens.skew = 1.5").contains("(duration), not a fraction"));
        assert!(problem("tokens.skew = 1979-05-27").contains("not a date"));
    }

    #[test]
    fn a_secret_in_the_file_is_refused_and_not_repeated() {
        let message = problem("root_key = 'hunter2'");
        assert!(message.starts_with("rescind.toml:1: root_key is a secret: set RESCIND_ROOT_KEY"), "{message}");
        assert!(!message.contains("hunter2"));
    }

    #[test]
    fn what_is_not_toml_names_its_line() {
        assert!(problem("listen = 'x'\nlisten = 'y'").starts_with("rescind.toml:2: is not TOML: "));
        assert!(problem("\n\n[tokens\n").starts_with("rescind.toml:3: is not TOML: "));
    }

    #[test]
    fn a_named_file_must_be_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("my.toml");
        let none = Environment::default();
        let problems = ConfigFile::find(Some(&path), &none).unwrap_err().to_string();
        assert!(problems.contains("my.toml: cannot be read: "), "{problems}");
        std::fs::write(&path, "listen = '[::1]:1'").expect("written");
        let file = ConfigFile::find(Some(&path), &none).expect("read").expect("there");
        assert_eq!(file.name(), path.display().to_string());
    }

    #[test]
    fn the_environment_may_name_the_file_and_the_command_line_wins() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (folder.path().join("one.toml"), folder.path().join("two.toml"));
        std::fs::write(&one, "").expect("written");
        std::fs::write(&two, "").expect("written");
        let environment = Environment::new([("RESCIND_CONFIG".into(), one.clone().into_os_string())]);
        let found = |named| ConfigFile::find(named, &environment).expect("read").expect("there").name().to_owned();
        assert_eq!(found(None), one.display().to_string());
        assert_eq!(found(Some(&two)), two.display().to_string());
    }
}
