//! The conversations that `docs/feed.md` shows, had with a server: what the verifier says is said as it stands there, and
//! what the authority says is compared. A word in capitals stands for whatever is said where it is first heard, and for the
//! same from then on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rescind_wire::Scope;
use rescind_wire::feed::Message;
use serde_json::Value;

use crate::line::Line;
use crate::scene::{Scene, until};
use crate::server::Device;

/// Words that stand for something else each time.
const ANYTHING: [&str; 3] = ["ENTRY", "KEY", "TIME"];

/// The conversations of the manual, by their headings.
fn recorded() -> BTreeMap<String, Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/feed.md");
    let manual = fs::read_to_string(path).expect("the manual");
    let block = |section: &str| {
        let (heading, rest) = section.split_once('\n')?;
        let (_, rest) = rest.split_once("```text\n→ ")?;
        let lines = rest.split("```").next()?.lines();
        let first = lines.clone().take(1).map(|line| format!("→ {line}"));
        Some((heading.to_owned(), first.chain(lines.skip(1).map(str::to_owned)).collect()))
    };
    manual.split("\n### ").skip(1).filter_map(block).collect()
}

#[test]
fn every_scope_is_shown_as_it_is_sent() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/feed.md");
    let manual = fs::read_to_string(path).expect("the manual");
    let shown = manual.split("```jsonl\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let kind = |line: &str| {
        let scope: Scope = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(serde_json::to_string(&scope).expect("JSON"), line);
        scope.kind()
    };
    let mut kinds: Vec<&str> = shown.lines().map(kind).collect();
    kinds.dedup();
    let table = manual.split("| `type` | members | what is covered |").nth(1).expect("a table");
    let rows = table.lines().skip(2).map_while(|row| row.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.collect::<Vec<_>>(), kinds);
    let unknown = serde_json::from_str::<Scope>("{\"type\":\"x\"}").expect_err("there is no such scope").to_string();
    assert_eq!(unknown.matches('`').count() / 2 - 1, kinds.len(), "all of them: {unknown}");
}

fn is_word(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// What the words have stood for so far.
#[derive(Default)]
struct Words(BTreeMap<String, Value>);

impl Words {
    /// The same JSON, with what the words stand for.
    fn said(&self, line: &str) -> String {
        let mut text = line.to_owned();
        for (word, value) in self.0.iter().filter(|(_, value)| value.is_string()) {
            text = text.replace(word, value.as_str().expect("a string"));
        }
        text
    }

    #[track_caller]
    fn hear(&mut self, line: &str, said: &Value) {
        let expected = serde_json::from_str(&quoted(line)).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(self.fits(&expected, said), "expected {line}\n     not {said}");
    }

    fn fits(&mut self, expected: &Value, said: &Value) -> bool {
        match (expected, said) {
            (Value::String(word), _) if ANYTHING.contains(&word.as_str()) => true,
            (Value::String(word), _) if is_word(word) => {
                self.0.entry(word.clone()).or_insert_with(|| said.clone()) == said
            }
            (Value::Object(expected), Value::Object(said)) => {
                expected.len() == said.len()
                    && expected.iter().all(|(key, value)| said.get(key).is_some_and(|said| self.fits(value, said)))
            }
            (Value::Array(expected), Value::Array(said)) => {
                expected.len() == said.len() && expected.iter().zip(said).all(|(value, said)| self.fits(value, said))
            }
            _ => expected == said,
        }
    }
}

/// Words that stand where a value does, made strings.
fn quoted(line: &str) -> String {
    let (mut text, mut word) = (String::new(), String::new());
    let mut inside = false;
    for c in line.chars() {
        if !inside && c.is_ascii_uppercase() {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            text.extend(["\"", &word, "\""]);
            word.clear();
        }
        inside ^= c == '"';
        text.push(c);
    }
    text
}

/// A server, and the verifier that has the conversation.
struct Stage {
    scene: Scene,
    phone: Device,
    /// The database as it was before the conversation.
    before: Vec<u8>,
    line: Line,
    words: Words,
}

impl Stage {
    fn new(puts_back: bool) -> Self {
        let mut scene = Scene::new();
        let phone = scene.server.sign_in("ann", "Phone");
        let mut before = Vec::new();
        if puts_back {
            scene = restarted(scene, |database| before = fs::read(database).expect("the database"));
        }
        let line = Line::new(&scene);
        Self { scene, phone, before, line, words: Words::default() }
    }

    /// Does what happens between two messages.
    fn happens(mut self, what: &str) -> Self {
        if what.contains("a third of the lease later") {
            return self;
        }
        if what.contains("ann's phone is signed out") {
            self.scene.house.run(&["session", "end", &self.phone.session]).ok();
        }
        if what.contains("an administrator evicts it") {
            let id = self.scene.until_listed("shop")["id"].as_str().expect("an id").to_owned();
            self.scene.administer("DELETE", &format!("/v1/admin/verifiers/{id}"), None).expect(204);
            return self;
        }
        if what.contains("the authority's store is put back to before that") {
            let before = std::mem::take(&mut self.before);
            self.scene = restarted(self.scene, |database| fs::write(database, before).expect("written"));
        }
        if what.contains("the verifier connects again") {
            self.line = until(|| Line::connect(self.scene.server.address, &self.scene.feed_token()).ok());
        } else {
            assert!(what.contains("ann's phone is signed out"), "nobody knows how this happens: {what}");
        }
        self
    }

    /// What the authority says next, but for what need not come.
    #[track_caller]
    fn hear(&mut self, expected: &str) -> Value {
        loop {
            let message = self.line.hear_ahead();
            // Where the machine stalled, the lease was in need of it.
            if matches!(message, Message::Echo { .. }) && !expected.contains("\"echo\"") {
                continue;
            }
            let said = serde_json::to_value(message).expect("JSON");
            if expected.contains("\"echo\"")
                && said["type"] == "echo"
                && !expected.contains(&said["number"].to_string())
            {
                continue;
            }
            return said;
        }
    }
}

/// The scene with its server stopped, something done to its database, and the server started again.
fn restarted(scene: Scene, meanwhile: impl FnOnce(&Path)) -> Scene {
    let issuer = scene.issuer();
    let Scene { house, server, client, admin } = scene;
    assert!(server.stop().success());
    meanwhile(&house.data().join("rescind.db"));
    let server = house.serve(&["--issuer", &issuer]);
    Scene { house, server, client, admin }
}

/// Has the conversation under this heading.
fn is_had(heading: &str) {
    let steps = recorded().remove(heading).expect("a conversation");
    assert!(steps.len() >= 2, "{steps:?}");
    let mut stage = Stage::new(steps.iter().any(|step| step.contains("put back")));
    for step in &steps {
        if let Some(request) = step.strip_prefix("→ ") {
            stage.line.say_text(&stage.words.said(request));
        } else if let Some(expected) = step.strip_prefix("← ") {
            let said = stage.hear(expected);
            stage.words.hear(expected, &said);
        } else {
            stage = stage.happens(step);
        }
    }
    if steps.last().is_some_and(|step| step.contains("goodbye") || step.contains("close")) {
        assert!(stage.line.hear_or_end().is_none(), "nothing is said after that");
    }
}

const HEADINGS: [&str; 6] =
    ["From the beginning", "Resuming", "After a gap", "A new epoch", "A lease that is too long", "Evicted"];

#[test]
fn every_conversation_of_the_manual_is_had_by_a_test() {
    let mut headings = HEADINGS.map(str::to_owned).to_vec();
    headings.sort();
    assert_eq!(recorded().into_keys().collect::<Vec<_>>(), headings);
}

#[test]
fn the_conversation_of_the_manual_from_the_beginning_is_had_as_it_is_shown() {
    is_had(HEADINGS[0]);
}

#[test]
fn whoever_resumes_with_what_it_has_is_told_what_the_manual_shows() {
    is_had(HEADINGS[1]);
}

#[test]
fn whoever_lost_an_entry_is_told_what_the_manual_shows() {
    is_had(HEADINGS[2]);
}

#[test]
fn r9_who_proves_that_the_store_went_back_is_told_of_a_new_epoch_as_the_manual_shows() {
    is_had(HEADINGS[3]);
}

#[test]
fn a_lease_that_is_not_permitted_is_refused_as_the_manual_shows() {
    is_had(HEADINGS[4]);
}

#[test]
fn a_verifier_is_evicted_as_the_manual_shows() {
    is_had(HEADINGS[5]);
}

#[test]
fn a_word_stands_for_the_same_wherever_it_comes_again() {
    let mut words = Words::default();
    let line = r#"{"a":EPOCH,"b":["EPOCH",TIME,TIME],"c":1}"#;
    words.hear(line, &serde_json::json!({ "c": 1, "a": "x", "b": ["x", 2, 3] }));
    assert_eq!(words.said(r#"{"held":"EPOCH.7"}"#), r#"{"held":"x.7"}"#);
    let expected: Value = serde_json::from_str(&quoted(line)).unwrap();
    for other in [
        serde_json::json!({ "c": 1, "a": "y", "b": ["y", 2, 3] }),
        serde_json::json!({ "c": 2, "a": "x", "b": ["x", 2, 3] }),
        serde_json::json!({ "c": 1, "a": "x", "b": ["x", 2, 3], "d": 4 }),
        serde_json::json!({ "c": 1, "a": "x", "b": ["x", 2] }),
    ] {
        assert!(!words.fits(&expected, &other), "{other}");
    }
}
