//! Style and script of the pages: embedded, named by what is in them, so that browsers may keep them for good.

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;

use crate::http::app::App;
use crate::http::problem::{Problem, kinds};

/// A file that pages load.
struct Asset {
    path: String,
    media_type: &'static str,
    body: &'static str,
}

/// All of them.
pub(crate) struct Assets {
    style: Asset,
    live: Asset,
}

impl Assets {
    pub(crate) fn load() -> Self {
        Self {
            style: Asset::new("page", "css", "text/css; charset=utf-8", include_str!("../../../assets/page.css")),
            live: Asset::new("live", "js", "text/javascript; charset=utf-8", include_str!("../../../assets/live.js")),
        }
    }

    /// Where the style sheet is.
    pub(crate) fn style(&self) -> &str {
        &self.style.path
    }

    /// Where the script is that makes pages live.
    pub(crate) fn live(&self) -> &str {
        &self.live.path
    }

    fn find(&self, name: &str) -> Option<&Asset> {
        [&self.style, &self.live].into_iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(name))
    }
}

impl Asset {
    fn new(name: &str, extension: &str, media_type: &'static str, body: &'static str) -> Self {
        let hash = HEXLOWER.encode(&digest(&SHA256, body.as_bytes()).as_ref()[..8]);
        Self { path: format!("/assets/{name}-{hash}.{extension}"), media_type, body }
    }
}

/// Answers with a file.
pub(super) async fn serve(State(app): State<App>, Path(name): Path<String>) -> Response {
    match app.pages.assets.find(&name) {
        Some(asset) => {
            let headers = [(CONTENT_TYPE, asset.media_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (StatusCode::OK, headers, asset.body).into_response()
        }
        None => Problem::new(kinds::NO_SUCH_PATH).into_response(),
    }
}
