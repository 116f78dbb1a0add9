//! Changing the password.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use rescind_domain::Error;
use rescind_domain::password::Password;
use rescind_domain::verbs::{change_password, reauthenticate};

use super::{HERE, Wrong, page, said};
use crate::http::app::App;
use crate::http::pages::again;
use crate::http::pages::instead::Instead;
use crate::http::pages::new_password;
use crate::http::pages::notice::Notice;
use crate::http::pages::posted::Posted;
use crate::http::problem::{Problem, kinds};

/// Changes it: every other session ends, this one goes on (B1). What is wrong is said beside its field.
pub(super) async fn change(State(app): State<App>, posted: Posted) -> Result<Response, Instead> {
    let (member, mut form) = posted.member()?;
    let mut field = |name| Password::new(form.take(name).unwrap_or_default());
    let (world, acting) = (&app.authority.world, &member.acting);
    let mut cookie = None;
    let outcome = match (field("current_password"), field("new_password")) {
        (Ok(current), Ok(new)) => {
            let changed = change_password::change_own(world, acting, current, new.clone()).await;
            if changed.is_ok() {
                // Whoever copied this browser's cookie is out, too. The change stands, whatever becomes of this.
                let renewed = reauthenticate::reauthenticate(world, acting, new).await;
                cookie = renewed.ok().map(|renewed| again::replace(&member.visitor, &renewed));
            }
            changed
        }
        (Err(_), _) => Err(Error::WrongPassword),
        (_, Err(weak)) => Err(Error::WeakPassword(weak)),
    };
    match outcome {
        Ok(receipt) => {
            app.authority.enforced_here(&receipt).await;
            let mut response = (StatusCode::SEE_OTHER, [(LOCATION, HERE)]).into_response();
            let notice = Notice::Said("password-changed").leave(&member.visitor);
            response.headers_mut().append(SET_COOKIE, notice);
            Ok(again::keep(response, cookie))
        }
        Err(Error::WeakPassword(weak)) => {
            let new = Some(new_password::refusal(member.visitor.words(), weak).to_owned());
            let status = kinds::WEAK_PASSWORD.status;
            page(member, Wrong { status, new, ..Wrong::default() }).await
        }
        Err(error @ (Error::WrongPassword | Error::Throttled { .. } | Error::Busy { .. })) => {
            let problem = Problem::from(error);
            let current = Some(said(&member, &problem));
            page(member, Wrong { status: problem.kind().status, current, ..Wrong::default() }).await
        }
        Err(error) => Err(member.refused(error)),
    }
}
