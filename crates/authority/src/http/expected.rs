//! What is wrong with a body or a query, in the API's own words: which member or parameter it is, and what it must be. A
//! value is never repeated: it may be a password in the wrong place.

use std::borrow::Cow;

use rescind_wire::json;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The longest part of anything that is passed on, in characters.
const LONGEST: usize = 200;

/// Why a body is no `T`, for one that is none. Its objects and lists may nest `depth` deep.
pub(crate) fn of_body<T: DeserializeOwned>(bytes: &[u8], depth: u8) -> Problem {
    if let Err(error) = json::check(bytes, depth) {
        return Problem::invalid(format!("The body {}.", unreadable(&error.to_string())));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Err(error) => of(Whole::Body, &error.path().to_string(), &error.inner().to_string()),
        Ok(_) => Problem::invalid("The body is not what is expected."),
    }
}

/// The same of a query, of which the router's parser says this.
pub(crate) fn of_query(message: &str) -> Problem {
    let message = message.strip_prefix("Failed to deserialize query string: ").unwrap_or(message);
    let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match message.split_once(": ").filter(|(path, _)| is_name(path)) {
        Some((path, message)) => of(Whole::Query, path, message),
        None => of(Whole::Query, ROOT, message),
    }
}

/// What cannot be read at all.
fn unreadable(message: &str) -> Cow<'static, str> {
    let (said, place) = message.rsplit_once(" at line ").unwrap_or((message, ""));
    match said {
        "duplicate member" => "has a member that comes twice".into(),
        "nested too deeply" | "recursion limit exceeded" => "is nested too deeply".into(),
        _ if said.starts_with("EOF ") => "breaks off: it is not whole".into(),
        _ if place.is_empty() => "is not JSON".into(),
        _ => format!("is not JSON: see line {}", place.replace(" column ", ", column ")).into(),
    }
}

/// The path of the whole.
const ROOT: &str = ".";

#[derive(Clone, Copy)]
enum Whole {
    Body,
    Query,
}

fn of(whole: Whole, path: &str, message: &str) -> Problem {
    let message = message.rsplit_once(" at line ").map_or(message, |(said, _)| said);
    if let Some((name, _)) = quoted(message, "missing field `") {
        return about(&join(path, name), "is missing");
    }
    if let Some((name, rest)) = quoted(message, "unknown field `") {
        let known = rest.split('`').skip(1).step_by(2).collect::<Vec<_>>().join("`, `");
        let known = if known.is_empty() { "nothing is".to_owned() } else { format!("`{known}`") };
        return about(&join(path, name), &format!("is not known here; known: {known}"));
    }
    if let Some((name, _)) = quoted(message, "duplicate field `") {
        return about(&join(path, name), "comes twice");
    }
    let subject = match whole {
        Whole::Body => "The body",
        Whole::Query => "The query",
    };
    let told = |said: String| if path == ROOT { Problem::invalid(said_of(subject, &said)) } else { about(path, &said) };
    let is_parsers = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if is_parsers.iter().any(|parsers| message.starts_with(parsers)) => {
            told(format!("must be {}", wanted(expected)))
        }
        _ if message == "expected value" => told("must be a string".to_owned()),
        _ if is_parsers.iter().any(|parsers| message.starts_with(parsers)) => told("is of the wrong type".to_owned()),
        _ if message.starts_with("not a") => {
            told(format!("must be {}", message.split_once(": expected ").map_or(message, |(_, expected)| expected)))
        }
        // What our own types say.
        _ => told(format!("must be {message}")),
    }
}

/// What is quoted after `before`, and what follows it.
fn quoted<'m>(message: &'m str, before: &str) -> Option<(&'m str, &'m str)> {
    message.strip_prefix(before)?.split_once('`')
}

/// The path of a member of what is at `path`, which may name it already.
fn join(path: &str, name: &str) -> String {
    match path.rsplit_once('.') {
        _ if path == ROOT || path == name => name.to_owned(),
        Some((_, last)) if last == name => path.to_owned(),
        _ => format!("{path}.{name}"),
    }
}

/// What a parser expected, for people.
fn wanted(expected: &str) -> &str {
    match expected {
        "a boolean" => "`true` or `false`",
        "a borrowed string" | "variant identifier" | "string or map" => "a string",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "a map" => "an object",
        _ if expected.starts_with("a sequence") => "a list",
        _ if expected.starts_with("struct ") || expected.contains("enum ") => "an object",
        other => other,
    }
}

fn about(path: &str, said: &str) -> Problem {
    let path = bounded(path);
    Problem::invalid(said_of(&format!("`{path}`"), said)).field(path)
}

fn said_of(subject: &str, said: &str) -> String {
    format!("{subject} {}.", bounded(said).trim_end_matches('.'))
}

/// Without control characters, and not longer than anybody reads.
fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, message: &str) -> String {
        of(Whole::Body, path, message).text().to_owned()
    }

    #[test]
    fn what_the_parser_says_is_said_in_other_words() {
        for (path, message, expected) in [
            (".", "missing field `login` at line 1 column 2", "`login` is missing."),
            ("audiences[0]", "missing field `name`", "`audiences[0].name` is missing."),
            (".", "unknown field `x`, expected `a` or `b`", "`x` is not known here; known: `a`, `b`."),
            (
                "policy.x",
                "unknown field `x`, expected one of `a`, `b`, `c`",
                "`policy.x` is not known here; known: `a`, `b`, `c`.",
            ),
            (".", "unknown field `x`, there are no fields", "`x` is not known here; known: nothing is."),
            ("remember", "invalid type: null, expected a boolean", "`remember` must be `true` or `false`."),
            ("seconds", "invalid value: integer `-1`, expected u64", "`seconds` must be a whole number, 0 or more."),
            ("scopes", "invalid type: string \"x, expected y\", expected a sequence", "`scopes` must be a list."),
            ("kind", "unknown variant `x`, expected `a` or `b`", "`kind` must be `a` or `b`."),
            (".", "invalid type: sequence, expected an object at line 1 column 0", "The body must be an object."),
            ("scope", "invalid type: map, expected struct Secret", "`scope` must be an object."),
        ] {
            assert_eq!(said(path, message), expected, "{path} {message}");
        }
    }

    #[test]
    fn a_value_is_not_repeated() {
        for message in ["invalid type: string \"hunter2\"", "unknown variant `hunter2`, expected `a`"] {
            assert!(!said("x", message).contains("hunter2"), "{message}");
        }
    }
}
