//! The conversation that `docs/feed.md` shows, had with a server: what the verifier says is said as it stands there, what
//! the authority says is compared, with only what differs each time masked.

use std::fs;
use std::path::Path;

use rescind_wire::feed::Message;
use serde_json::Value;

use crate::line::Line;
use crate::scene::Scene;

/// What is in the block that begins with a verifier's words.
fn conversation() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/feed.md");
    let manual = fs::read_to_string(path).expect("the manual");
    let block = manual.split("```text\n").find(|block| block.starts_with("→ ")).expect("a conversation");
    block.split("```").next().unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The message with what differs each time replaced by a word.
fn masked(mut message: Value) -> String {
    if let Some(current) = message.pointer_mut("/epochs/current") {
        *current = "EPOCH".into();
    }
    for key in message.get_mut("keys").and_then(Value::as_array_mut).into_iter().flatten() {
        *key = "KEY".into();
    }
    for entry in message.get_mut("entries").and_then(Value::as_array_mut).into_iter().flatten() {
        if entry.get("add_key").is_some() {
            *entry = "ENTRY".into();
        } else if entry.is_object() {
            entry["at"] = "TIME".into();
            entry["tag"] = "TAG".into();
            entry["revoke"]["user"] = "USER".into();
            entry["revoke"]["session"] = "SESSION".into();
        }
    }
    let mut text = message.to_string();
    for word in ["KEY", "ENTRY", "TIME", "TAG", "USER", "SESSION"] {
        text = text.replace(&format!("\"{word}\""), word);
    }
    text
}

/// The same value, whatever the order of its members.
fn sorted(line: &str) -> String {
    let mut text = line.to_owned();
    for word in ["KEY", "ENTRY", "TIME", "TAG", "USER", "SESSION"] {
        text = text.replace(word, &format!("\"{word}\""));
    }
    masked(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {line}")))
}

#[test]
fn the_conversation_of_the_manual_is_had_as_it_is_shown() {
    let scene = Scene::new();
    let device = scene.server.sign_in("ann", "Phone");
    let mut line = Line::new(&scene);
    let mut said = 0;
    for step in conversation() {
        if let Some(request) = step.strip_prefix("→ ") {
            line.say_text(request);
        } else if let Some(expected) = step.strip_prefix("← ") {
            let mut message = line.hear_ahead();
            // Where the machine stalled, the lease was in need of it.
            while matches!(message, Message::Echo { number: 2 }) {
                message = line.hear_ahead();
            }
            let message = serde_json::to_value(message).expect("JSON");
            assert_eq!(masked(message), sorted(expected));
        } else if !step.contains("a third of the lease later") {
            assert!(step.contains("phone is signed out"), "{step}");
            scene.house.run(&["session", "end", &device.session]).ok();
        }
        said += 1;
    }
    assert!(said > 8);
    assert!(line.hear_or_end().is_none(), "nothing is said after goodbye");
}
