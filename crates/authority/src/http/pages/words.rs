//! Words for people, in their language: one Fluent catalogue for each, embedded. English is complete; what another one
//! lacks is said in English.
//!
//! Isolation marks are off everywhere: what people wrote stands in `<bdi>`, which does the same without characters that
//! would travel with copied text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use askama::filters::Safe;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use rescind_domain::clock::Timestamp;

use super::moment::Moment;
use crate::http::html::escape;

/// Stands for what a person wrote while the rest is made safe. In no catalogue (there is a test).
const PLACE: char = '\u{e000}';

/// The messages of one language, those of the console apart.
macro_rules! catalogue {
    ($tag:literal) => {
        concat!(
            include_str!(concat!("../../../locales/", $tag, ".ftl")),
            "\n",
            include_str!(concat!("../../../locales/", $tag, "-console.ftl"))
        )
    };
}

/// The catalogues: tag (BCP 47), direction, what it calls itself, messages.
const CATALOGUES: [(&str, &str, &str, &str); 3] = [
    ("en", "ltr", "English", catalogue!("en")),
    ("de", "ltr", "Deutsch", catalogue!("de")),
    ("ar", "rtl", "العربية", catalogue!("ar")),
];

/// All languages.
pub(crate) struct Words(Vec<Language>);

/// One language.
pub(crate) struct Language {
    /// Its tag (BCP 47).
    pub(crate) tag: &'static str,
    /// `ltr` or `rtl`.
    pub(crate) direction: &'static str,
    /// What it calls itself.
    pub(crate) name: &'static str,
    bundle: FluentBundle<FluentResource>,
    /// Messages without arguments, made once.
    plain: HashMap<String, String>,
}

impl Words {
    /// Reads the embedded catalogues.
    pub(crate) fn load() -> Self {
        let english = language(&CATALOGUES[0], &HashMap::new());
        let others: Vec<Language> = CATALOGUES[1..].iter().map(|entry| language(entry, &english.plain)).collect();
        Self(std::iter::once(english).chain(others).collect())
    }

    /// All of them, English first.
    pub(crate) fn all(&self) -> &[Language] {
        &self.0
    }

    /// The one of this tag.
    pub(crate) fn named(&self, tag: &str) -> Option<&Language> {
        self.0.iter().find(|language| language.tag == tag)
    }

    /// The one that an `Accept-Language` header (RFC 9110 §12.5.4) likes best; English if it likes none.
    pub(crate) fn liked(&self, header: &str) -> &Language {
        let mut best: Option<(f32, &Language)> = None;
        for range in header.split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
            let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
            let (Some(quality), Some(language)) = (quality, self.named(&primary)) else { continue };
            if quality > best.map_or(0.0, |(best, _)| best) {
                best = Some((quality, language));
            }
        }
        best.map_or(&self.0[0], |(_, language)| language)
    }
}

fn language(
    entry: &(&'static str, &'static str, &'static str, &'static str),
    english: &HashMap<String, String>,
) -> Language {
    let (tag, direction, name, text) = *entry;
    // A catalogue is part of the program: tests read all of each.
    let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(read, _)| read);
    let tag_id = tag.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![tag_id]);
    bundle.set_use_isolating(false);
    let _ = bundle.add_resource(resource);
    let mut plain = english.clone();
    for key in keys(text) {
        let mut errors = Vec::new();
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else { continue };
        let text = bundle.format_pattern(pattern, None, &mut errors).into_owned();
        if errors.is_empty() {
            plain.insert(key.to_owned(), text);
        }
    }
    Language { tag, direction, name, bundle, plain }
}

/// The names of a catalogue's messages.
fn keys(text: &str) -> impl Iterator<Item = &str> {
    let begins = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
    text.lines().filter(begins).filter_map(|line| Some(line.split_once('=')?.0.trim_end()))
}

impl Language {
    /// A message without arguments; its own name if there is none, which a test of the templates excludes.
    pub(crate) fn say<'a>(&'a self, key: &'a str) -> &'a str {
        self.plain.get(key).map_or(key, String::as_str)
    }

    /// The message for this key, if the catalogue has one without arguments.
    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        self.plain.get(key).map(String::as_str)
    }

    /// A message with arguments, as plain text.
    pub(crate) fn with(&self, key: &str, args: &[(&'static str, Arg<'_>)]) -> String {
        let mut given = FluentArgs::with_capacity(args.len());
        for (name, value) in args {
            given.set(*name, value.fluent());
        }
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            return key.to_owned();
        };
        self.bundle.format_pattern(pattern, Some(&given), &mut Vec::new()).into_owned()
    }

    /// A message with one number.
    pub(crate) fn count(&self, key: &str, n: impl Into<u64>) -> String {
        self.with(key, &[("n", Arg::Number(n.into()))])
    }

    /// A message around one thing that a person wrote, which stands in `<bdi>` whatever it holds.
    pub(crate) fn around(&self, key: &str, written: &str) -> Safe<String> {
        let mut place = [0; 4];
        let place: &str = PLACE.encode_utf8(&mut place);
        let text = escape(&self.with(key, &[("it", Arg::Text(place))]));
        Safe(text.replace(PLACE, &format!("<bdi>{}</bdi>", escape(written))))
    }

    /// A message around a moment, which a script makes one of the place where it is read.
    pub(crate) fn around_moment(&self, key: &str, moment: &Moment) -> Safe<String> {
        let mut place = [0; 4];
        let place: &str = PLACE.encode_utf8(&mut place);
        let text = escape(&self.with(key, &[("it", Arg::Text(place))]));
        let (at, words) = (&moment.at, escape(&moment.words));
        Safe(text.replace(PLACE, &format!("<time datetime=\"{at}\" title=\"{words}\" dir=\"ltr\">{words}</time>")))
    }

    /// A message with one thing that a person wrote, for attributes and titles: plain text.
    pub(crate) fn about(&self, key: &str, written: &str) -> String {
        self.with(key, &[("it", Arg::Text(written))])
    }

    /// A length of time in words, in the largest unit that it is whole in; from a minute on, at least in minutes.
    pub(crate) fn span(&self, length: Duration) -> String {
        let seconds = length.as_secs();
        match seconds {
            1..60 => self.count("span-seconds", seconds),
            _ if seconds > 0 && seconds.is_multiple_of(86_400) => self.count("span-days", seconds / 86_400),
            _ if seconds > 0 && seconds.is_multiple_of(3600) => self.count("span-hours", seconds / 3600),
            _ => self.count("span-minutes", seconds.div_ceil(60)),
        }
    }

    /// How long ago `at` was at `now`, in words.
    pub(crate) fn ago(&self, now: Timestamp, at: Timestamp) -> String {
        let seconds = now.since(at).map_or(0, |age| age.as_secs());
        match seconds {
            0..60 => self.say("ago-now").to_owned(),
            60..3600 => self.count("ago-minutes", seconds / 60),
            3600..86_400 => self.count("ago-hours", seconds / 3600),
            _ => self.count("ago-days", seconds / 86_400),
        }
    }
}

/// What a message is given.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arg<'a> {
    /// A number; plural forms follow it.
    Number(u64),
    /// Text.
    Text(&'a str),
}

impl<'a> Arg<'a> {
    fn fluent(self) -> FluentValue<'a> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "counts that people read are far below 2^53")]
            Self::Number(n) => FluentValue::from(n as f64),
            Self::Text(text) => FluentValue::String(Cow::Borrowed(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every file below `folder` with one of these endings.
    fn files(folder: &Path, endings: &[&str], found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, endings, found);
            } else if endings.iter().any(|ending| path.extension().is_some_and(|own| own == *ending)) {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    /// What stands in quotes after one of these calls.
    fn said(text: &str) -> impl Iterator<Item = &str> {
        [".say(\"", ".with(\"", ".count(\"", ".around(\"", ".about(\""]
            .into_iter()
            .flat_map(move |call| text.split(call).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)))
    }

    #[test]
    fn every_catalogue_can_be_read_and_no_message_comes_twice() {
        for (tag, _, _, text) in CATALOGUES {
            assert!(FluentResource::try_new(text.to_owned()).is_ok(), "{tag}");
            assert!(!text.contains(PLACE), "{tag}");
            let all: Vec<&str> = keys(text).collect();
            let once: BTreeSet<&&str> = all.iter().collect();
            assert_eq!(all.len(), once.len(), "{tag} has a message twice");
        }
    }

    #[test]
    fn what_templates_and_handlers_say_is_in_the_catalogue() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut texts = Vec::new();
        files(&root.join("templates"), &["html"], &mut texts);
        files(&root.join("src/http/pages"), &["rs"], &mut texts);
        let known: BTreeSet<&str> = keys(CATALOGUES[0].3).collect();
        for text in &texts {
            for key in said(text) {
                assert!(known.contains(key), "{key} is not in the English catalogue");
            }
        }
        assert!(texts.iter().map(|text| said(text).count()).sum::<usize>() > 10, "nothing was looked at");
    }

    #[test]
    fn languages_say_nothing_that_english_does_not() {
        let english: BTreeSet<&str> = keys(CATALOGUES[0].3).collect();
        for (tag, _, _, text) in &CATALOGUES[1..] {
            for key in keys(text) {
                assert!(english.contains(key), "{tag}: {key}");
            }
        }
    }

    #[test]
    fn the_language_that_is_liked_best_is_chosen() {
        let words = Words::load();
        let liked = |header| words.liked(header).tag;
        assert_eq!(liked("de-AT,de;q=0.9,en;q=0.8"), "de");
        assert_eq!(liked("fr, ar;q=0.5, en;q=0.4"), "ar");
        assert_eq!(liked("en;q=0.1, DE;q=0.2"), "de");
        for nothing in ["", "fr", "*", "de;q=0", "de;q=x", ";;;,,,"] {
            assert_eq!(liked(nothing), "en", "{nothing}");
        }
    }

    #[test]
    fn what_a_person_wrote_is_text_and_stands_apart() {
        let words = Words::load();
        let said = words.all()[0].around("signed-in-as", "<b>\u{202e}&\u{e000}");
        assert_eq!(said.0, "Signed in as <bdi>&#60;b&#62;\u{202e}&#38;\u{e000}</bdi>");
    }

    #[test]
    fn how_long_ago_is_said_in_whole_units() {
        let words = Words::load();
        let ago =
            |seconds: u64| words.all()[0].ago(Timestamp(10_000_000_000), Timestamp(10_000_000_000 - seconds * 1000));
        assert_eq!(ago(59), "now");
        assert_eq!(ago(60), "1 minute ago");
        assert_eq!(ago(7199), "1 hour ago");
        assert_eq!(ago(86_400 * 3), "3 days ago");
        assert_eq!(words.all()[0].ago(Timestamp(0), Timestamp(5000)), "now");
    }
}
