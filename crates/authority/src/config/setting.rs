//! What one setting is: a key, a rule, a line of documentation, and the field of [`Config`] that it fills.

use super::load::PREFIX;
use super::rule::{Rule, Shape};
use super::table::{Config, SETTINGS};

/// One row of the table of settings.
pub struct Setting {
    /// The dotted path in the configuration file, such as `tokens.access_lifetime`.
    pub key: &'static str,
    /// One line that says what it is for.
    pub help: &'static str,
    pub(super) slot: &'static (dyn Slot + Sync),
}

impl Setting {
    /// The setting with this key.
    pub fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// The environment variable that sets it: `RESCIND_TOKENS_ACCESS_LIFETIME`.
    pub fn variable(&self) -> String {
        format!("RESCIND_{}", self.key.replace('.', "_").to_ascii_uppercase())
    }

    /// The flag that sets it: `--tokens-access-lifetime`. A secret has none, since other users can read command lines.
    pub fn flag(&self) -> Option<String> {
        (!self.is_secret()).then(|| format!("--{}", self.key.replace(['.', '_'], "-")))
    }

    /// Whether its value must never be shown. Secrets come from the environment alone.
    pub fn is_secret(&self) -> bool {
        self.slot.is_secret()
    }

    /// What kind of value it takes: `duration`, `true or false`, …
    pub fn kind(&self) -> &'static str {
        self.slot.kind()
    }

    /// What values are allowed, in words.
    pub fn allowed(&self) -> String {
        self.slot.allowed()
    }

    /// Its value in `config`, in the form in which the file, the environment and flags take it.
    pub fn value(&self, config: &Config) -> String {
        self.slot.show(config)
    }

    /// Whether nothing may be written as its value.
    pub(super) fn may_be_empty(&self) -> bool {
        self.slot.read(&mut Config::default(), "").is_ok()
    }

    /// Its value in `config` as JSON; `null` for a secret and for what is not set.
    pub fn json(&self, config: &Config) -> serde_json::Value {
        self.slot.json(config)
    }

    /// The setting that somebody who wrote `key` most likely meant.
    pub(super) fn meant_by(key: &str) -> Option<&'static Self> {
        let last = key.rsplit('.').next().unwrap_or(key);
        closest(|setting| likeness(setting.key, setting.section(), key, last))
    }

    /// The setting that somebody who set the environment variable `name` most likely meant.
    pub(super) fn meant_by_variable(name: &str) -> Option<&'static Self> {
        // What all of them have in common would make all of them alike.
        let name = name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_lowercase();
        closest(|setting| {
            let (key, section) = (setting.key.replace('.', "_"), setting.section());
            let last = key.get(..section).and_then(|section| name.strip_prefix(section)).unwrap_or(&name);
            likeness(&key, section, &name, last)
        })
    }

    /// How much of the key is its section, with what ends that.
    fn section(&self) -> usize {
        self.key.rfind('.').map_or(0, |dot| dot + 1)
    }
}

/// Below this likeness a suggestion confuses more than it helps.
const LIKE_ENOUGH: f64 = 0.7;

/// What is like the first words of a name counts for a little less than what is like all of it, and what is like one of
/// another section for less than what has a letter wrong in its own.
const FIRST_WORDS: f64 = 0.95;
const WITHOUT_SECTION: f64 = 0.8;

fn closest(likeness: impl Fn(&Setting) -> f64) -> Option<&'static Setting> {
    let scored = SETTINGS.iter().map(|setting| (setting, likeness(setting)));
    let (setting, score) = scored.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (score >= LIKE_ENOUGH).then_some(setting)
}

/// How like `key` is what was written, or the `last` part of it without a section.
fn likeness(key: &str, section: usize, written: &str, last: &str) -> f64 {
    let whole = likeness_of_words(key, section, written);
    whole.max(likeness_of_words(key.get(section..).unwrap_or(key), 0, last) * WITHOUT_SECTION)
}

/// How like a name is, or its first words behind the section: `tokens.access` means `tokens.access_lifetime`.
fn likeness_of_words(name: &str, section: usize, written: &str) -> f64 {
    let like = |name: &str| strsim::normalized_damerau_levenshtein(name, written);
    let ends = name.match_indices('_').filter(|(end, _)| *end > section);
    let firsts = ends.filter_map(|(end, _)| name.get(..end)).map(|first| like(first) * FIRST_WORDS);
    firsts.fold(like(name), f64::max)
}

/// A rule together with the field that it fills: what the table stores for each setting.
pub(super) trait Slot {
    fn kind(&self) -> &'static str;
    fn shape(&self) -> Shape;
    fn allowed(&self) -> String;
    fn is_secret(&self) -> bool;
    /// Reads the text into the field, or says what is wrong with it.
    fn read(&self, config: &mut Config, text: &str) -> Result<(), String>;
    fn show(&self, config: &Config) -> String;
    fn json(&self, config: &Config) -> serde_json::Value;
}

/// The one implementation of [`Slot`].
pub(super) struct Bound<R: Rule> {
    pub(super) rule: R,
    pub(super) get: fn(&Config) -> &R::Value,
    pub(super) get_mut: fn(&mut Config) -> &mut R::Value,
}

impl<R: Rule> Slot for Bound<R> {
    fn kind(&self) -> &'static str {
        self.rule.kind()
    }

    fn shape(&self) -> Shape {
        self.rule.shape()
    }

    fn allowed(&self) -> String {
        self.rule.allowed()
    }

    fn is_secret(&self) -> bool {
        R::SECRET
    }

    fn read(&self, config: &mut Config, text: &str) -> Result<(), String> {
        *(self.get_mut)(config) = self.rule.read(text)?;
        Ok(())
    }

    fn show(&self, config: &Config) -> String {
        self.rule.show((self.get)(config))
    }

    fn json(&self, config: &Config) -> serde_json::Value {
        self.rule.json((self.get)(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_of_variables_and_flags_follow_from_the_key() {
        let setting = Setting::find("tokens.access_lifetime").expect("a setting");
        assert_eq!(setting.variable(), "RESCIND_TOKENS_ACCESS_LIFETIME");
        assert_eq!(setting.flag().as_deref(), Some("--tokens-access-lifetime"));
    }

    #[test]
    fn no_two_settings_share_a_key_a_variable_or_a_flag() {
        let unique = |names: Vec<String>| names.len() == names.iter().collect::<BTreeSet<_>>().len();
        assert!(unique(SETTINGS.iter().map(|setting| setting.key.to_owned()).collect()));
        assert!(unique(SETTINGS.iter().map(Setting::variable).collect()));
        assert!(unique(SETTINGS.iter().filter_map(Setting::flag).collect()));
    }

    #[test]
    fn a_misspelt_key_finds_the_setting_that_was_meant() {
        let meant = |key| Setting::meant_by(key).map(|setting| setting.key);
        assert_eq!(meant("tokens.acess_lifetime"), Some("tokens.access_lifetime"));
        assert_eq!(meant("token.access_lifetime"), Some("tokens.access_lifetime"));
        assert_eq!(meant("access_lifetime"), Some("tokens.access_lifetime"));
        assert_eq!(meant("lisen"), Some("listen"));
        assert_eq!(meant("tokens.acess"), Some("tokens.access_lifetime"));
        assert_eq!(meant("colour_of_the_bicycle_shed"), None);
    }

    #[test]
    fn a_misspelt_variable_finds_the_setting_that_was_meant() {
        let meant = |name| Setting::meant_by_variable(name).map(|setting| setting.key);
        assert_eq!(meant("RESCIND_LISTN"), Some("listen"));
        assert_eq!(meant("RESCIND_TOKEN_ACCESS_LIFETIME"), Some("tokens.access_lifetime"));
        assert_eq!(meant("RESCIND_TOKENS_ACESS"), Some("tokens.access_lifetime"));
        assert_eq!(meant("RESCIND_TOKNES_SKEW"), Some("tokens.skew"));
        assert_eq!(meant("RESCIND_ACCESS_LIFETIME"), Some("tokens.access_lifetime"));
        for nothing in ["RESCIND_X", "RESCIND_", "RESCIND_TOKENS_MINT", "RESCIND_COLOUR_OF_THE_BICYCLE_SHED"] {
            assert_eq!(meant(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn every_variable_and_key_with_a_letter_missing_or_two_in_the_wrong_order_finds_its_setting() {
        for setting in SETTINGS {
            let variable = setting.variable();
            let written = |text: &str, at: usize| {
                let (before, after) = text.split_at(at);
                let swapped: String = after.chars().take(2).collect::<Vec<_>>().iter().rev().collect();
                [format!("{before}{}", &after[1..]), format!("{before}{swapped}{}", &after[2..])]
            };
            for at in PREFIX.len()..variable.len() - 1 {
                for name in written(&variable, at) {
                    let meant = Setting::meant_by_variable(&name).map(|meant| meant.key);
                    assert_eq!(meant, Some(setting.key), "{name}");
                }
            }
            for at in 0..setting.key.len() - 1 {
                for key in written(setting.key, at) {
                    assert_eq!(Setting::meant_by(&key).map(|meant| meant.key), Some(setting.key), "{key}");
                }
            }
        }
    }

    #[test]
    fn a_secret_has_no_flag() {
        let secret = Setting::find("root_key").expect("a setting");
        assert!(secret.is_secret());
        assert_eq!(secret.flag(), None);
        assert_eq!(secret.variable(), "RESCIND_ROOT_KEY");
    }
}
