//! Pages in gzip: a list of fifty devices is mostly the same words fifty times.
//!
//! Compressing gives away by the length what a page repeats (CRIME, BREACH): whoever reads the lengths of what is sent,
//! has text of their own put beside something secret, and does so again and again, learns it letter by letter. Nothing
//! on a page lets anybody in: cookies and access tokens are never on one, and the tokens of forms are masked anew each
//! time. The rest, one's login name and one's devices with their addresses, is private all the same, and stands beside
//! text that others can choose: a link from elsewhere chooses the page's own address, which the links of the languages
//! repeat, and the page asks for itself at that address again. So a page is compressed only at an address without a
//! query, and where the browser says that one of our pages or the person asked for it (`Sec-Fetch-Site`, Fetch Metadata
//! §2.3). The console is never compressed: it shows what many people wrote side by side, and loads itself anew whenever
//! one of them does something.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;

use crate::http::gzip::{pack_with, takes_gzip};
use crate::http::problem::{Problem, kinds};

/// What is shorter is sent as it is, in bytes: it goes in one or two packets.
const LEAST: u64 = 2048;

/// A page of fifty devices takes well below a millisecond so; more effort makes it a tenth shorter, and takes thrice as long.
const EFFORT: Compression = Compression::new(2);

/// Sends a page in gzip to whoever takes it, and asked for it themselves.
pub(super) async fn pack_page(request: Request, next: Next) -> Response {
    let asked = request.headers();
    let site = asked.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let may = takes_gzip(asked)
        && request.uri().query().is_none_or(str::is_empty)
        && matches!(site, Some(b"same-origin" | b"none"));
    let mut response = next.run(request).await;
    if !is_page(&response) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("Accept-Encoding, Sec-Fetch-Site"));
    let length = response.body().size_hint().exact();
    if !may || length.is_none_or(|length| length < LEAST) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // A page is in memory as a whole.
    let Ok(page) = to_bytes(body, usize::MAX).await else { return Problem::new(kinds::INTERNAL).into_response() };
    let packed = pack_with(&page, EFFORT);
    if packed.is_empty() {
        return Response::from_parts(head, Body::from(page));
    }
    head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(packed))
}

fn is_page(response: &Response) -> bool {
    let headers = response.headers();
    let media = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    media.is_some_and(|media| media.starts_with(b"text/html")) && !headers.contains_key(CONTENT_ENCODING)
}
