//! Style and script of the pages: embedded, named by what is in them, so that browsers may keep them for good.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;

use crate::branding::Branding;
use crate::http::app::App;
use crate::http::gzip::{pack, takes_gzip};
use crate::http::problem::{Problem, kinds};

/// An SVG that is opened by itself is a document: it runs nothing, loads nothing, and is of no origin.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// The media type of style sheets.
const STYLE: &str = "text/css; charset=utf-8";

/// The media type of scripts.
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file that pages load.
struct Asset {
    path: String,
    media_type: &'static str,
    body: Cow<'static, [u8]>,
    /// The same in gzip, where that is smaller.
    packed: Option<Vec<u8>>,
}

/// All of them.
pub(crate) struct Assets {
    style: Asset,
    stream: Asset,
    live: Asset,
    logo: Option<Asset>,
    brand: Option<Asset>,
    console_style: Asset,
    console_script: Asset,
}

impl Assets {
    /// Those of the program, and those of the operator.
    pub(crate) fn load(branding: &Branding) -> Self {
        let own = |text: &'static str| Cow::Borrowed(text.as_bytes());
        let logo = branding.logo.as_ref().map(|logo| {
            let (kind, bytes) = (logo.kind, Cow::Owned(logo.bytes.clone()));
            Asset::new("logo", kind.extension(), kind.media_type(), bytes)
        });
        let brand = branding
            .style
            .as_ref()
            .map(|text| Asset::new("brand", "css", STYLE, Cow::Owned(text.clone().into_bytes())));
        let style = own(include_str!("../../../assets/page.css"));
        let stream = Asset::new("stream", "js", SCRIPT, own(include_str!("../../../assets/stream.js")));
        // What a script imports goes by the name that it has here.
        let script = |text: &'static str| Cow::Owned(text.replace("/assets/stream.js", &stream.path).into_bytes());
        Self {
            style: Asset::new("page", "css", STYLE, style),
            live: Asset::new("live", "js", SCRIPT, script(include_str!("../../../assets/live.js"))),
            console_style: Asset::new("console", "css", STYLE, own(include_str!("../../../assets/console.css"))),
            console_script: Asset::new("console", "js", SCRIPT, script(include_str!("../../../assets/console.js"))),
            stream,
            logo,
            brand,
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

    /// Where the operator's logo is.
    pub(crate) fn logo(&self) -> Option<&str> {
        self.logo.as_ref().map(|asset| asset.path.as_str())
    }

    /// Where the operator's style sheet is.
    pub(crate) fn brand(&self) -> Option<&str> {
        self.brand.as_ref().map(|asset| asset.path.as_str())
    }

    /// Where the console's own style sheet is.
    pub(crate) fn console_style(&self) -> &str {
        &self.console_style.path
    }

    /// Where the script is that makes the console live.
    pub(crate) fn console_script(&self) -> &str {
        &self.console_script.path
    }

    fn find(&self, name: &str) -> Option<&Asset> {
        let own = [&self.style, &self.stream, &self.live, &self.console_style, &self.console_script].map(Some);
        let all = own.into_iter().chain([self.logo.as_ref(), self.brand.as_ref()]);
        all.flatten().find(|asset| asset.path.strip_prefix("/assets/") == Some(name))
    }
}

impl Asset {
    fn new(name: &str, extension: &str, media_type: &'static str, body: Cow<'static, [u8]>) -> Self {
        let hash = HEXLOWER.encode(&digest(&SHA256, &body).as_ref()[..8]);
        let packed = Some(pack(&body)).filter(|packed| !packed.is_empty() && packed.len() < body.len());
        Self { path: format!("/assets/{name}-{hash}.{extension}"), media_type, body, packed }
    }
}

/// Answers with a file.
pub(super) async fn serve(State(app): State<App>, Path(name): Path<String>, asked: HeaderMap) -> Response {
    let Some(asset) = app.pages.assets.find(&name) else {
        return Problem::new(kinds::NO_SUCH_PATH).into_response();
    };
    let headers = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (VARY, "accept-encoding"),
    ];
    match asset.packed.as_ref().filter(|_| takes_gzip(&asked)) {
        Some(packed) => (headers, [(CONTENT_ENCODING, "gzip")], packed.clone()).into_response(),
        None => (headers, asset.body.clone()).into_response(),
    }
}
