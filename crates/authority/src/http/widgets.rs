//! Widgets for other people's apps: scripts without a build step, from `assets/widgets`, for pages of any origin.
//!
//! An app names the entry scripts alone, which browsers ask for again each time. What these import has the release in its
//! path, a hash of all scripts, and is kept for good; so a page never runs scripts of two versions of the server.

use std::sync::LazyLock;

use aws_lc_rs::digest::{Context, SHA256, digest};
use axum::extract::Path;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, VARY,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::gzip::{pack, takes_gzip};
use super::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(widget)).routes(routes!(widget_module))
}

/// When a script is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// By the app, from a path that stays the same.
    Entry,
    /// With the entry script.
    Module,
    /// Once it is needed, perhaps days after the page was opened: `import()`. What it exports must not change its meaning,
    /// since the page may be of an earlier release.
    Later,
}

const SOURCES: [(&str, Part, &str); 8] = [
    ("session.js", Part::Entry, include_str!("../../assets/widgets/session.js")),
    ("devices.js", Part::Entry, include_str!("../../assets/widgets/devices.js")),
    ("authority.js", Part::Module, include_str!("../../assets/widgets/authority.js")),
    ("look.js", Part::Module, include_str!("../../assets/widgets/look.js")),
    ("words.js", Part::Module, include_str!("../../assets/widgets/words.js")),
    ("words-ar.js", Part::Later, include_str!("../../assets/widgets/words-ar.js")),
    ("words-de.js", Part::Later, include_str!("../../assets/widgets/words-de.js")),
    ("question.js", Part::Later, include_str!("../../assets/widgets/question.js")),
];

/// A script as it is sent.
struct Script {
    name: &'static str,
    part: Part,
    text: String,
    packed: Vec<u8>,
    /// The beginning of the script's hash, 96 bits: there is nobody who could want two scripts to have the same.
    hash: String,
}

/// All scripts of this version of the server.
struct Release {
    id: String,
    scripts: Vec<Script>,
}

static RELEASE: LazyLock<Release> = LazyLock::new(|| {
    let mut all = Context::new(&SHA256);
    for (name, _, text) in SOURCES {
        all.update(name.as_bytes());
        all.update(digest(&SHA256, text.as_bytes()).as_ref());
    }
    let id = HEXLOWER.encode(&all.finish().as_ref()[..10]);
    let scripts = SOURCES.map(|(name, part, source)| Script::new(name, part, source, &id));
    Release { id, scripts: scripts.into() }
});

impl Script {
    fn new(name: &'static str, part: Part, source: &str, release: &str) -> Self {
        let text: String = without_comments(source).flat_map(|(_, line)| [line, "\n"]).collect();
        // Modules find each other beside themselves.
        let text = if part == Part::Entry { text.replace("\"./", &format!("\"./{release}/")) } else { text };
        let hash = BASE64URL_NOPAD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..12]);
        Self { name, part, packed: pack(text.as_bytes()), text, hash }
    }

    /// The answer to whoever asks for it.
    fn send(&'static self, keep: &str, asked: &HeaderMap) -> Response {
        let packs = !self.packed.is_empty() && takes_gzip(asked);
        // Strong validators (RFC 9110 §8.8.3): each form has its own.
        let tag = format!("\"{}{}\"", self.hash, if packs { "-gzip" } else { "" });
        let about = (OPEN, [(CACHE_CONTROL, keep), (ETAG, &tag), (VARY, "accept-encoding")]);
        if asked.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags.as_bytes(), &tag)) {
            return (StatusCode::NOT_MODIFIED, about).into_response();
        }
        let kind = [(CONTENT_TYPE, "text/javascript; charset=utf-8")];
        if packs {
            return (about, kind, [(CONTENT_ENCODING, "gzip")], self.packed.as_slice()).into_response();
        }
        (about, kind, self.text.as_str()).into_response()
    }
}

/// The lines of a script, and their numbers, without those that are comments: the first says what the script is, the others
/// are a third of what would be sent. That none of them is within a template is a test below.
fn without_comments(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut block = false;
    source.lines().enumerate().filter(move |(number, line)| {
        let line = line.trim();
        block |= line.starts_with("/**");
        let comment = block || line.starts_with("//");
        block &= !line.ends_with("*/");
        !comment || *number == 0
    })
}

/// Pages of any origin may load it, also those that isolate themselves (Fetch §3.2 and §3.7).
const OPEN: [(HeaderName, &str); 2] =
    [(ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin")];

/// An entry script.
///
/// `session.js` keeps a browser app signed in, `devices.js` shows the devices of whoever is signed in. They import others
/// from the path of their release.
#[utoipa::path(
    get, path = "/widgets/{name}", tag = "Pages", operation_id = "widget",
    params(("name" = String, Path, description = "The name of the script")),
    responses(
        (status = 200, description = "The script, an ES module", body = String, content_type = "text/javascript"),
        (status = 304, description = "It is still the one that `If-None-Match` names"),
    ),
)]
async fn widget(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let script = RELEASE.scripts.iter().find(|script| script.name == name && script.part == Part::Entry);
    Ok(script.ok_or_else(|| Problem::not_found("widget"))?.send("no-cache", &headers))
}

/// A script that others import.
///
/// Its path has the release in it, so that it may be kept for good. Pages of an earlier release are led to what they load
/// once they need it, and get nothing else.
#[utoipa::path(
    get, path = "/widgets/{release}/{name}", tag = "Pages", operation_id = "widget_module",
    params(
        ("release" = String, Path, description = "A hash of all scripts"),
        ("name" = String, Path, description = "The name of the script"),
    ),
    responses(
        (status = 200, description = "The script, an ES module", body = String, content_type = "text/javascript"),
        (status = 304, description = "It is still the one that `If-None-Match` names"),
        (status = 307, description = "It is in another release now"),
    ),
)]
async fn widget_module(Path((release, name)): Path<(String, String)>, headers: HeaderMap) -> Result<Response, Problem> {
    let script = RELEASE.scripts.iter().find(|script| script.name == name && script.part != Part::Entry);
    let script = script.ok_or_else(|| Problem::not_found("widget"))?;
    if release == RELEASE.id {
        return Ok(script.send("public, max-age=31536000, immutable", &headers));
    }
    if script.part == Part::Module {
        return Err(Problem::not_found("widget"));
    }
    // Relative: the server may be below a path of a proxy's.
    let there = format!("../{}/{name}", RELEASE.id);
    Ok((StatusCode::TEMPORARY_REDIRECT, OPEN, [(LOCATION, there)]).into_response())
}

/// Whether a list of entity tags has this one, weak or strong (RFC 9110 §13.1.2), or any.
fn names(tags: &[u8], tag: &str) -> bool {
    let tags = tags.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    tags.map(|one| one.strip_prefix(b"W/").unwrap_or(one)).any(|one| one == tag.as_bytes() || one == b"*")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn a_list_of_tags_names_one_weak_or_strong_or_any() {
        for list in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*", "\"b\",W/\"a\""] {
            assert!(names(list.as_bytes(), "\"a\""), "{list}");
        }
        for list in ["", "a", "\"b\"", "\"a", "\"ab\""] {
            assert!(!names(list.as_bytes(), "\"a\""), "{list}");
        }
    }

    #[test]
    fn what_is_left_out_of_scripts_is_comments_alone() {
        for (name, _, source) in SOURCES {
            let sent: Vec<usize> = without_comments(source).map(|(number, _)| number).collect();
            let (mut block, mut left_out, mut marks) = (false, 0, 0);
            for (number, line) in source.lines().enumerate() {
                if !sent.contains(&number) {
                    assert_eq!(marks % 2, 0, "{name}:{number} may be within a template: {line}");
                    let line = line.trim();
                    block |= line.starts_with("/**");
                    assert!(line.starts_with(if block { &['/', '*'][..] } else { &['/'] }), "{name}:{number}: {line}");
                    assert!(!line.trim_end_matches("*/").contains("*/"), "{name}:{number} has code: {line}");
                    block &= !line.ends_with("*/");
                    left_out += 1;
                }
                marks += line.matches('`').count();
            }
            assert!(!block, "{name}");
            assert_eq!(sent.len() + left_out, source.lines().count());
            assert!(sent.starts_with(&[0]), "{name}");
        }
        let text =
            "// What this is.\n/** One. */\nlet a = 1; // two\n  /**\n   * Three.\n   */\n  // Four.\nlet b = a * 2;";
        let sent: Vec<&str> = without_comments(text).map(|(_, line)| line).collect();
        assert_eq!(sent, ["// What this is.", "let a = 1; // two", "let b = a * 2;"]);
    }

    #[test]
    fn what_is_packed_is_what_was_written() {
        for script in &RELEASE.scripts {
            let mut text = String::new();
            GzDecoder::new(script.packed.as_slice()).read_to_string(&mut text).unwrap();
            assert_eq!(text, script.text, "{}", script.name);
            assert!(script.packed.len() < script.text.len(), "{}", script.name);
        }
    }

    #[test]
    fn scripts_import_nothing_but_each_other_and_read_nothing_as_markup() {
        for (name, _, text) in SOURCES {
            for (word, part) in [(" from \"", Part::Module), ("import(", Part::Later)] {
                for rest in text.split(word).skip(1) {
                    let rest = rest.trim_start_matches('"');
                    let imported = rest.strip_prefix("./").and_then(|rest| rest.split('"').next()).unwrap_or(rest);
                    let known = SOURCES.iter().any(|(other, its, _)| *other == imported && *its == part);
                    assert!(known, "{name}: {word}{imported}");
                }
            }
            // Where an entry script's paths are changed, there is an import.
            let imports = text.matches(" from \"./").count() + text.matches("import(\"./").count();
            assert_eq!(text.matches("\"./").count(), imports, "{name}");
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write"] {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
    }
}
