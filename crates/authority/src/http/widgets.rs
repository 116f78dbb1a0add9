//! Widgets for other people's apps: scripts without a build step, from `assets/widgets`, for pages of any origin.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::Path;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(widget))
}

/// A script as it is sent.
struct Script {
    name: &'static str,
    text: &'static str,
    /// A strong validator (RFC 9110 §8.8.3): the script's hash.
    tag: String,
}

static SCRIPTS: LazyLock<Vec<Script>> = LazyLock::new(|| {
    let sources = [
        ("session.js", include_str!("../../assets/widgets/session.js")),
        ("devices.js", include_str!("../../assets/widgets/devices.js")),
        ("authority.js", include_str!("../../assets/widgets/authority.js")),
        ("look.js", include_str!("../../assets/widgets/look.js")),
        ("words.js", include_str!("../../assets/widgets/words.js")),
    ];
    let script = |(name, text): (&'static str, &'static str)| {
        let tag = format!("\"{}\"", BASE64URL_NOPAD.encode(digest(&SHA256, text.as_bytes()).as_ref()));
        Script { name, text, tag }
    };
    sources.into_iter().map(script).collect()
});

/// How long a copy is used without asking. Short: a new version of the server brings new scripts.
const KEEP: &str = "public, max-age=300";

/// Fetch §3.7: pages that isolate themselves may load it, too.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// A script for other people's apps.
///
/// `session.js` keeps a browser app signed in, `devices.js` shows the devices of whoever is signed in; the others are what
/// these import.
#[utoipa::path(
    get, path = "/widgets/{name}", tag = "Pages", operation_id = "widget",
    params(("name" = String, Path, description = "The name of the script")),
    responses(
        (status = 200, description = "The script, an ES module", body = String, content_type = "text/javascript"),
        (status = 304, description = "It is still the one that `If-None-Match` names"),
    ),
)]
async fn widget(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let script = SCRIPTS.iter().find(|script| script.name == name).ok_or_else(|| Problem::not_found("widget"))?;
    let about = [
        (CACHE_CONTROL, KEEP),
        (ETAG, script.tag.as_str()),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (RESOURCE_POLICY, "cross-origin"),
    ];
    if headers.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags.as_bytes(), &script.tag)) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    Ok((about, [(CONTENT_TYPE, "text/javascript; charset=utf-8")], script.text).into_response())
}

/// Whether a list of entity tags has this one, weak or strong (RFC 9110 §13.1.2), or any.
fn names(tags: &[u8], tag: &str) -> bool {
    let tags = tags.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    tags.map(|one| one.strip_prefix(b"W/").unwrap_or(one)).any(|one| one == tag.as_bytes() || one == b"*")
}

#[cfg(test)]
mod tests {
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
    fn scripts_import_nothing_but_each_other_and_read_nothing_as_markup() {
        for script in SCRIPTS.iter() {
            for line in script.text.lines().filter(|line| line.contains(" from \"")) {
                let name = line.split("\"./").nth(1).and_then(|rest| rest.strip_suffix("\";"));
                assert!(SCRIPTS.iter().any(|other| Some(other.name) == name), "{}: {line}", script.name);
            }
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write", "import("] {
                assert!(!script.text.contains(word), "{}: {word}", script.name);
            }
        }
    }
}
