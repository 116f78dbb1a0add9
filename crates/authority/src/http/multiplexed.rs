//! HTTP/2 (RFC 9113): many requests at a time on one connection, so that pages that are open in many tabs do not use up the
//! six that a browser has for HTTP/1.1. What one connection may ask for is bounded, as is what all of them may.
//!
//! Requests are handed on as HTTP/1.1 would have brought them: with a path for a target, a `Host`, and one `Cookie`.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{COOKIE, HOST};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use hyper::Request;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use super::progress::{Exchange, Line};
use super::server::{LONGEST_HEAD, Limits, MOST_HEADERS};
use super::stream::Stopping;
use super::turned_away::TurnedAway;

/// The most bytes of a body that are on their way to, or from, a client that does not take them, or whose request is not read:
/// for each stream, and for a connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// How much of an answer is handed to a connection at once.
const PIECE: usize = 16 * 1024;

/// How many streams a client may have reset before anybody saw them (CVE-2023-44487), and how many it may make the server
/// reset (CVE-2025-8671), before its connection ends.
const MOST_UNSEEN_RESETS: usize = 20;
const MOST_OWN_RESETS: usize = 100;

/// Who answers, and whom.
pub(super) struct Reception {
    pub(super) router: Router,
    pub(super) peer: SocketAddr,
    pub(super) limits: Limits,
    /// Places for requests, of all connections.
    pub(super) places: Arc<Semaphore>,
}

/// Answers one connection's requests until it ends, idles or asks too much.
pub(super) async fn converse<S>(reception: Reception, stream: S, mut stopping: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (line, limits) = (Arc::new(Line::default()), reception.limits);
    let (watched, told) = (Arc::clone(&line), Stopping(Some(stopping.clone())));
    let service = hyper::service::service_fn(move |request| answer(&reception, &watched, &told, request));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(LONGEST_HEAD).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MOST_UNSEEN_RESETS)
        .max_local_error_reset_streams(MOST_OWN_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(PIECE)
        .keep_alive_interval(limits.request_timeout)
        .keep_alive_timeout(limits.header_timeout)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = &mut connection => outcome,
        () = line.is_abused(limits.request_timeout) => return tracing::debug!("a connection asked too much"),
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = line.idles(limits.header_timeout) => {
            connection.as_mut().graceful_shutdown();
            // What was asked for meanwhile is still answered; whoever has not even begun hears nothing of it.
            tokio::select! {
                outcome = &mut connection => outcome,
                () = line.is_abused(limits.request_timeout) => return tracing::debug!("a connection asked too much"),
                () = line.idles(limits.header_timeout) => Ok(()),
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Answers one request. It is counted from here on, whether anybody waits for the answer or not.
fn answer(
    reception: &Reception,
    line: &Arc<Line>,
    told: &Stopping,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Watched>, Infallible>> + Send + use<> {
    let place = Arc::clone(&reception.places).try_acquire_owned();
    let exchange = place.map(|place| Exchange::begin(line, place));
    let (router, told, peer) = (reception.router.clone(), told.clone(), reception.peer);
    async move {
        let Ok(exchange) = exchange else {
            let busy = TurnedAway::NoRoom.note(router, request.method().clone()).await;
            return Ok(busy.map(|body| Watched { body, rest: Bytes::new(), exchange: None }));
        };
        let response = match hand_on(&mut request) {
            Ok(()) => {
                request.extensions_mut().insert(ConnectInfo(peer));
                request.extensions_mut().insert(told);
                router.oneshot(request).await?
            }
            Err(away) => away.note(router, request.method().clone()).await,
        };
        exchange.moves();
        Ok(response.map(|body| Watched { body, rest: Bytes::new(), exchange: Some(exchange) }))
    }
}

/// Makes a request what it would have been over HTTP/1.1, or says why it cannot be one.
fn hand_on<B>(request: &mut Request<B>) -> Result<(), TurnedAway> {
    let uri = std::mem::take(request.uri_mut());
    let Some(target) = uri.path_and_query().filter(|_| request.method() != hyper::Method::CONNECT) else {
        return Err(TurnedAway::Malformed);
    };
    *request.uri_mut() = Uri::from(target.clone());
    let headers = request.headers_mut();
    if let Some(authority) = uri.authority() {
        // RFC 9113 §8.3.1: one that says two things is malformed.
        if headers.get_all(HOST).iter().any(|host| host != authority.as_str()) {
            return Err(TurnedAway::Malformed);
        }
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| TurnedAway::Malformed)?;
        headers.insert(HOST, host);
    }
    join_cookies(headers);
    if headers.len() > MOST_HEADERS {
        return Err(TurnedAway::TooLarge);
    }
    Ok(())
}

/// Cookies may come in a header each, so that they are compressed better (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(COOKIE, whole);
    }
}

/// The body of an answer, handed out in pieces. Its request counts as open until all of it was.
pub(super) struct Watched {
    body: Body,
    rest: Bytes,
    exchange: Option<Exchange>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Pending => {
                    this.exchange.iter().for_each(Exchange::rests);
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                Poll::Ready(last) => {
                    this.exchange.iter_mut().for_each(Exchange::ends);
                    return Poll::Ready(last);
                }
            }
        }
        // The last byte goes by itself: it is asked for once the client has taken the rest, and what is handed out is kept by
        // nobody who would notice that it is not taken.
        let kept = usize::from(this.rest.len() > 1 && this.rest.len() <= PIECE && this.body.is_end_stream());
        let piece = this.rest.split_to((this.rest.len() - kept).min(PIECE));
        if let Some(exchange) = &mut this.exchange {
            exchange.moves();
            if this.rest.is_empty() && this.body.is_end_stream() {
                exchange.ends();
            }
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.is_end_stream() {
            self.exchange.iter_mut().for_each(Exchange::ends);
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use http_body_util::BodyExt as _;

    use super::*;

    fn handed_on(request: axum::http::request::Builder) -> Result<Request<()>, TurnedAway> {
        let mut request = request.body(()).expect("a request");
        hand_on(&mut request).map(|()| request)
    }

    #[test]
    fn a_request_is_handed_on_as_http_1_1_would_have_brought_it() {
        let request =
            Request::get("https://id.example:8443/a?b=c").header("cookie", "a=1").header("cookie", "b=2; c=3");
        let request = handed_on(request).expect("one");
        assert_eq!(request.uri().to_string(), "/a?b=c");
        assert_eq!(request.headers()["host"], "id.example:8443");
        let cookies: Vec<_> = request.headers().get_all("cookie").iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3"]);
        let same = Request::get("https://a/").header("host", "a");
        assert_eq!(handed_on(same).expect("one").headers().get_all("host").iter().count(), 1);
        let many = (0..MOST_HEADERS * 2)
            .fold(Request::get("https://a/"), |request, n| request.header("cookie", format!("c{n}=1")));
        assert!(handed_on(many).is_ok(), "cookies are one header");
    }

    #[test]
    fn a_request_that_says_two_things_or_too_much_is_refused() {
        let refused = |request| handed_on(request).map(|_| ()).unwrap_err();
        for host in ["b", "a:443", "A"] {
            assert_eq!(refused(Request::get("https://a/").header("host", host)), TurnedAway::Malformed, "{host}");
        }
        assert_eq!(refused(Request::builder().method(Method::CONNECT).uri("a:443")), TurnedAway::Malformed);
        let many =
            (0..=MOST_HEADERS).fold(Request::get("https://a/"), |request, n| request.header(format!("x-{n}"), "y"));
        assert_eq!(refused(many), TurnedAway::TooLarge);
    }

    #[tokio::test]
    async fn a_body_is_handed_out_in_pieces_and_counts_until_the_last() {
        let line = Arc::new(Line::default());
        let places = Arc::new(Semaphore::new(1));
        let exchange = Exchange::begin(&line, Arc::clone(&places).try_acquire_owned().expect("a place"));
        let whole = vec![b'x'; PIECE * 2 + 5];
        let mut body = Watched { body: Body::from(whole), rest: Bytes::new(), exchange: Some(exchange) };
        let length = |body: &Watched| (body.size_hint().exact(), body.is_end_stream());
        assert_eq!(length(&body), (Some(PIECE as u64 * 2 + 5), false));
        let mut pieces = Vec::new();
        while let Some(frame) = body.frame().await {
            assert_eq!(places.available_permits(), 0);
            pieces.push(frame.expect("no error").into_data().expect("data").len());
        }
        assert_eq!(pieces, [PIECE, PIECE, 4, 1]);
        assert_eq!(length(&body), (Some(0), true));
        drop(body);
        assert_eq!((places.available_permits(), line.has_broken_off()), (1, 0));
    }
}
