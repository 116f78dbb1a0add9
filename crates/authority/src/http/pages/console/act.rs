//! What is done at the console, and what is answered then. Every act needs a fresh authentication: whoever finds an
//! administrator's computer unlocked must not end everybody's sessions.

use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rescind_domain::Error;
use rescind_domain::acting::Administrator;
use rescind_domain::password::{Password, WeakPassword};
use rescind_domain::revocation::Receipt;
use rescind_domain::verbs::lock_account::{self, LockFor};
use rescind_domain::verbs::{administer_keys, change_password, end_session, read_log, revoke};
use rescind_wire::{Cause, Scope, SessionId, UserId};

use crate::feed::FollowerId;
use crate::http::app::App;
use crate::http::form::Form;
use crate::http::pages::again::{self, Asked, Standing};
use crate::http::pages::instead::Instead;
use crate::http::pages::notice::Notice;
use crate::http::pages::sign_out;
use crate::http::pages::visitor::Member;
use crate::http::problem::{Problem, kinds};

/// Something that administrators do.
pub(super) enum Act {
    EndSession(SessionId),
    Revoke(Scope),
    Lock(UserId, LockFor),
    Unlock(UserId),
    SetPassword(UserId, Password),
    RotateKeys,
    Evict(FollowerId),
}

/// What an act came to.
enum Came {
    /// It ended something.
    Ended(Receipt),
    /// Something else was done, or nothing was left to do.
    Done(&'static str),
}

impl Act {
    async fn perform(self, app: &App, admin: &Administrator, reason: String) -> Result<Came, Error> {
        let world = &app.authority.world;
        Ok(Came::Ended(match self {
            Self::EndSession(session) => match end_session::end_any(world, admin, session, reason).await? {
                Some(receipt) => receipt,
                None => return Ok(Came::Done("signed-out-already")),
            },
            Self::Revoke(scope) => revoke::revoke(world, admin, scope, reason, None).await?,
            Self::Lock(user, lasts) => lock_account::lock_user(world, admin, user, lasts, reason, None).await?,
            Self::SetPassword(user, password) => change_password::set(world, admin, user, password).await?,
            Self::Unlock(user) => {
                lock_account::unlock_user(world, admin, user).await?;
                return Ok(Came::Done("unlocked"));
            }
            Self::RotateKeys => {
                administer_keys::rotate_keys(world, admin, None).await?;
                // They sign once the verifiers have them: here, once the log has been read again.
                app.authority.hint();
                return Ok(Came::Done("rotated"));
            }
            Self::Evict(verifier) => {
                app.authority.evict(admin, Some(verifier)).await?;
                return Ok(Came::Done("evicted"));
            }
        }))
    }
}

/// How an attempt at an act went.
pub(super) struct Attempt {
    /// What takes the place of the cookie, if the form brought a password.
    cookie: Option<HeaderValue>,
    pub(super) outcome: Outcome,
}

/// What is to be answered.
pub(super) enum Outcome {
    /// It was done.
    Done(Response),
    /// It needs the password, or another one than was given.
    Again(Option<Problem>),
    /// The new password is none that may be set.
    Weak(WeakPassword),
    /// Something else that was filled in is not acceptable: what it is called, and why.
    Amend(&'static str, Problem),
    /// It may not be done.
    Refused(Instead),
}

impl Attempt {
    /// Attempts it. Whoever does what they meant to goes to `place` then.
    pub(super) async fn make(member: &Member, form: &mut Form, act: Act, reason: String, place: &str) -> Self {
        let cookie = match again::renew(member, form).await {
            Ok(Standing::Go(cookie)) => cookie,
            Ok(Standing::Wrong(problem)) => return Self { cookie: None, outcome: Outcome::Again(Some(problem)) },
            Err(problem) => return Self { cookie: None, outcome: Outcome::Refused(problem.into()) },
        };
        let app = &member.visitor.app;
        let admin = Administrator::Fresh(Box::new(member.acting.clone()));
        let outcome = match act.perform(app, &admin, reason).await {
            Ok(Came::Ended(receipt)) => Outcome::Done(ended(member, &receipt, place).await),
            Ok(Came::Done(said)) => Outcome::Done(back(place, &Notice::Said(said).leave(&member.visitor))),
            Err(Error::StaleAuthentication { .. }) => Outcome::Again(None),
            Err(Error::WeakPassword(weak)) => Outcome::Weak(weak),
            Err(error @ Error::Invalid { field, .. }) => Outcome::Amend(field, error.into()),
            Err(error @ Error::LastAdministrator) => Outcome::Amend("role", error.into()),
            Err(error) => Outcome::Refused(member.refused(error)),
        };
        Self { cookie, outcome }
    }

    /// The answer, with the cookie that belongs to it.
    pub(super) fn with_cookie(cookie: Option<HeaderValue>, answer: impl IntoResponse) -> Response {
        let mut response = answer.into_response();
        // Whoever is led to sign in has none any more.
        if let Some(cookie) = cookie.filter(|_| !response.headers().contains_key("clear-site-data")) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }

    /// Takes it apart.
    pub(super) fn parts(self) -> (Option<HeaderValue>, Outcome) {
        (self.cookie, self.outcome)
    }
}

/// A form of one button: what it does, in which words it asks for the password, and where it leads.
pub(super) struct Button<'a> {
    pub(super) act: Act,
    pub(super) action: &'a str,
    pub(super) reason: &'a str,
    pub(super) what: &'a str,
    pub(super) place: &'a str,
}

/// Does what a button says, or asks for the password first.
pub(super) async fn press(mut member: Member, mut form: Form, button: Button<'_>) -> Response {
    let reason = button.reason.to_owned();
    let (cookie, outcome) = Attempt::make(&member, &mut form, button.act, reason, button.place).await.parts();
    let answer = match outcome {
        Outcome::Done(response) => response,
        Outcome::Again(problem) => {
            let what = member.visitor.words().say(button.what).to_owned();
            let asked = Asked { action: button.action, fields: &[], what: &what, back: button.place };
            again::ask(&mut member, &asked, problem.as_ref()).await
        }
        Outcome::Weak(weak) => Problem::from(Error::WeakPassword(weak)).into_response(),
        Outcome::Amend(_, problem) => problem.into_response(),
        Outcome::Refused(instead) => instead.into_response(),
    };
    Attempt::with_cookie(cookie, answer)
}

/// What is answered to an ending: the place, which says how far it is enforced; or the sign-in page, which says it to whoever
/// ended their own session with it.
async fn ended(member: &Member, receipt: &Receipt, place: &str) -> Response {
    let app = &member.visitor.app;
    app.authority.enforced_here(receipt).await;
    let number = receipt.position.number;
    let notice = Notice::of(app, number).await;
    let admin = Administrator::Caller(Box::new(member.acting.clone()));
    match read_log::head(&app.authority.world, &admin).await {
        // A signing key was revoked, and the token that the cookie stood for with it: the session lives, and gets another.
        Err(Error::SignedOut(Some(Cause::Revoked { scope: "key", .. }))) => {}
        Err(Error::SignedOut(_)) => return sign_out::leave(&member.visitor, &notice),
        _ => {}
    }
    back(&format!("{place}?done={number}"), &notice.leave(&member.visitor))
}

fn back(place: &str, notice: &HeaderValue) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response();
    response.headers_mut().append(SET_COOKIE, notice.clone());
    response
}

/// A choice that no form of ours offers.
pub(super) fn no_choice() -> Problem {
    Problem::new(kinds::INVALID_REQUEST)
}
