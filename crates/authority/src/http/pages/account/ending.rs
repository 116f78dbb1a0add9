//! Signing devices out: one, all others, all.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use rescind_domain::Error;
use rescind_domain::verbs::end_session;
use rescind_domain::verbs::end_sessions::{self, Which};
use rescind_wire::SessionId;

use super::{Place, back};
use crate::http::app::App;
use crate::http::pages::again::{self, Asked, Standing};
use crate::http::pages::instead::Instead;
use crate::http::pages::notice::Notice;
use crate::http::pages::posted::Posted;
use crate::http::pages::return_to;
use crate::http::pages::sign_out;
use crate::http::query::Named;

/// Why one device is signed out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Asked,
    /// Whoever holds the account did not sign in there, so somebody else may know the password.
    NotMe,
}

/// Signs one device out.
pub(super) async fn one(State(app): State<App>, id: Named, posted: Posted) -> Result<Response, Instead> {
    end(&app, id.id("session")?, posted, Why::Asked).await
}

/// Signs a device out that somebody else signed in on, and leads to where the password is changed.
pub(super) async fn not_me(State(app): State<App>, id: Named, posted: Posted) -> Result<Response, Instead> {
    end(&app, id.id("session")?, posted, Why::NotMe).await
}

async fn end(app: &App, session: SessionId, posted: Posted, why: Why) -> Result<Response, Instead> {
    let (mut member, mut form) = posted.member()?;
    let last = if why == Why::Asked { "sign-out" } else { "not-me" };
    let action = format!("/account/sessions/{session}/{last}");
    let what = member.visitor.words().say("again-for-device").to_owned();
    let place = Place::take(&mut form)?;
    let asked = Asked { action: &action, fields: &place.fields(), what: &what, back: &place.path() };
    let cookie = match again::renew(&member, &mut form).await? {
        Standing::Go(cookie) => cookie,
        Standing::Wrong(problem) => return Ok(again::ask(&mut member, &asked, Some(&problem)).await),
    };
    let notice = match end_session::end_own(&app.authority.world, &member.acting, session).await {
        Ok(Some(receipt)) => {
            app.authority.enforced_here(&receipt).await;
            Notice::of(app, receipt.position.number).await
        }
        Ok(None) => Notice::Said("device-gone"),
        Err(Error::StaleAuthentication { .. }) => {
            return Ok(again::keep(again::ask(&mut member, &asked, None).await, cookie));
        }
        Err(error) => return Err(again::keep(member.refused(error).into_response(), cookie).into()),
    };
    if session == member.session {
        return Ok(sign_out::leave(&member.visitor, &Notice::Said("signed-out")));
    }
    if why == Why::Asked {
        return Ok(back(&member, &place, cookie, &notice));
    }
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, "/account/security#password")]).into_response();
    response.headers_mut().append(SET_COOKIE, Notice::Said("not-me").leave(&member.visitor));
    Ok(again::keep(response, cookie))
}

/// Signs all other devices out.
pub(super) async fn others(State(app): State<App>, posted: Posted) -> Result<Response, Instead> {
    several(&app, posted, Which::Others).await
}

/// Signs all devices out, this one too.
pub(super) async fn everywhere(State(app): State<App>, posted: Posted) -> Result<Response, Instead> {
    several(&app, posted, Which::All).await
}

async fn several(app: &App, posted: Posted, which: Which) -> Result<Response, Instead> {
    let (mut member, mut form) = posted.member()?;
    let w = member.visitor.words();
    let (action, what) = match which {
        Which::Others => ("/account/sign-out-others", w.say("again-for-others").to_owned()),
        Which::All => ("/account/sign-out-everywhere", w.say("again-for-all").to_owned()),
    };
    let asked = Asked { action, fields: &[], what: &what, back: return_to::HOME };
    let cookie = match again::renew(&member, &mut form).await? {
        Standing::Go(cookie) => cookie,
        Standing::Wrong(problem) => return Ok(again::ask(&mut member, &asked, Some(&problem)).await),
    };
    let receipt = match end_sessions::end_own(&app.authority.world, &member.acting, which, None, None).await {
        Ok(receipt) => receipt,
        Err(Error::StaleAuthentication { .. }) => {
            return Ok(again::keep(again::ask(&mut member, &asked, None).await, cookie));
        }
        Err(error) => return Err(again::keep(member.refused(error).into_response(), cookie).into()),
    };
    app.authority.enforced_here(&receipt).await;
    let notice = Notice::of(app, receipt.position.number).await;
    Ok(match which {
        Which::Others => back(&member, &Place::default(), cookie, &notice),
        Which::All => sign_out::leave(&member.visitor, &notice),
    })
}
