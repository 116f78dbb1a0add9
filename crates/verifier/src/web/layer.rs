//! The layer for tower: lets requests through that present a good token, and hangs up on answers that outlive it.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower_layer::Layer;
use tower_service::Service;

use super::{Requirement, presented};
use crate::rejected::Rejected;
use crate::verified::Verified;
use crate::verifier::Verifier;

/// Checks the token of each request. The inner service finds the [`Verified`] in the request's extensions.
#[derive(Clone, Debug)]
pub struct VerifyLayer {
    verifier: Verifier,
    requirement: Requirement,
    watch: bool,
}

impl VerifyLayer {
    /// Asks for a good token.
    pub const fn new(verifier: Verifier) -> Self {
        Self { verifier, requirement: Requirement::none(), watch: false }
    }

    /// Asks for more than that.
    #[must_use]
    pub fn require(mut self, requirement: Requirement) -> Self {
        self.requirement = requirement;
        self
    }

    /// Breaks answers off that are still being sent when the token would not be accepted any more: for streams.
    #[must_use]
    pub const fn watch(mut self) -> Self {
        self.watch = true;
        self
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = Verify<S>;

    fn layer(&self, inner: S) -> Verify<S> {
        Verify { inner, layer: self.clone() }
    }
}

/// A service behind a [`VerifyLayer`].
#[derive(Clone, Debug)]
pub struct Verify<S> {
    inner: S,
    layer: VerifyLayer,
}

impl<S, B, R> Service<Request<B>> for Verify<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<Watched<R>>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Self::Response, S::Error>>, Answering<S::Future>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let VerifyLayer { verifier, requirement, watch } = &self.layer;
        let judged = presented(request.headers()).and_then(|presented| {
            let verified = verifier.verify(&presented)?;
            requirement.check(verifier, &verified).map(|()| verified)
        });
        match judged {
            Err(refusal) => Either::Left(ready(Ok(refusal.response()))),
            Ok(verified) => {
                request.extensions_mut().insert(verified.clone());
                let watched = watch.then_some(verified);
                Either::Right(Answering { answer: self.inner.call(request), watched })
            }
        }
    }
}

pin_project_lite::pin_project! {
    /// The inner service is answering.
    #[derive(Debug)]
    pub struct Answering<F> {
        #[pin]
        answer: F,
        watched: Option<Verified>,
    }
}

impl<F, R, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Watched<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.answer.poll(context).map(|answer| {
            let revoked = this.watched.as_ref().map(|verified| Box::pin(verified.revoked()) as Revoked);
            Ok(answer?.map(|body| Watched { body, revoked }))
        })
    }
}

type Revoked = Pin<Box<dyn Future<Output = Rejected> + Send>>;

pin_project_lite::pin_project! {
    /// The body of an answer, broken off once the token of its request would not be accepted any more.
    pub struct Watched<R> {
        #[pin]
        body: R,
        revoked: Option<Revoked>,
    }
}

impl<R: Default> Default for Watched<R> {
    fn default() -> Self {
        Self { body: R::default(), revoked: None }
    }
}

impl<R> std::fmt::Debug for Watched<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("watched", &self.revoked.is_some()).finish_non_exhaustive()
    }
}

/// Why a body was broken off.
#[derive(Debug, thiserror::Error)]
pub enum HangUp<E> {
    /// The token of the request would not be accepted any more.
    #[error("hung up: {0}")]
    Rejected(Rejected),
    /// The body itself failed.
    #[error(transparent)]
    Body(E),
}

impl<R: Body> Body for Watched<R> {
    type Data = R::Data;
    type Error = HangUp<R::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<R::Data>, Self::Error>>> {
        let this = self.project();
        if let Some(revoked) = this.revoked
            && let Poll::Ready(rejected) = revoked.as_mut().poll(context)
        {
            *this.revoked = None;
            return Poll::Ready(Some(Err(HangUp::Rejected(rejected))));
        }
        this.body.poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(HangUp::Body)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
