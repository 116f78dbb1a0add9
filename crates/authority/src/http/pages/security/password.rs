//! Changing the password.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use rescind_domain::Error;
use rescind_domain::password::Password;
use rescind_domain::revocation::Receipt;
use rescind_domain::verbs::change_password;
use rescind_domain::verbs::sign_in::SignedIn;

use super::{HERE, Wrong, page, refuse};
use crate::http::app::App;
use crate::http::pages::again;
use crate::http::pages::instead::Instead;
use crate::http::pages::new_password;
use crate::http::pages::notice::Notice;
use crate::http::pages::posted::Posted;
use crate::http::pages::visitor::Member;
use crate::http::problem::{Problem, kinds};

/// Changes it: every other session ends, this one goes on (B1). What is wrong is said beside its field.
pub(super) async fn change(State(app): State<App>, posted: Posted) -> Result<Response, Instead> {
    let (member, mut form) = posted.member()?;
    let mut field = |name| Password::new(form.take(name).unwrap_or_default());
    let outcome = match (field("current_password"), field("new_password")) {
        (Ok(current), Ok(new)) => again::to_its_end(change_to(&member, current, new)).await,
        (Err(_), _) => Err(Error::WrongPassword),
        (_, Err(weak)) => Err(Error::WeakPassword(weak)),
    };
    match outcome {
        Ok((receipt, renewed)) => {
            app.authority.enforced_here(&receipt).await;
            let cookie = renewed.map(|renewed| again::set(&app, &renewed));
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
            refuse(member, &Problem::from(error), |wrong, said| wrong.current = Some(said)).await
        }
        Err(error) => Err(member.refused(error)),
    }
}

/// Changes it, and gives this browser another cookie: whoever copied the former one is out, too.
fn change_to(
    member: &Member,
    current: Password,
    new: Password,
) -> impl Future<Output = Result<(Receipt, Option<SignedIn>), Error>> + Send + use<> {
    let (app, acting) = (member.visitor.app.clone(), member.acting.clone());
    let anew = again::anew(member, new.clone());
    async move {
        let receipt = change_password::change_own(&app.authority.world, &acting, current, new).await?;
        // The change stands, whatever becomes of this.
        Ok((receipt, anew.await.ok()))
    }
}
