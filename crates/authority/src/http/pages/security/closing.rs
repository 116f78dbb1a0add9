//! Locking one's account for a while, and deleting it for good.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use rescind_domain::Error;
use rescind_domain::password::Password;
use rescind_domain::verbs::{delete_account, lock_account};

use super::{HERE, refuse};
use crate::http::app::App;
use crate::http::pages::again::{self, Asked, Standing};
use crate::http::pages::instead::Instead;
use crate::http::pages::notice::Notice;
use crate::http::pages::posted::Posted;
use crate::http::pages::sign_out;
use crate::http::problem::Problem;

/// Locks the account: every session ends, this one too.
pub(super) async fn lock(State(app): State<App>, posted: Posted) -> Result<Response, Instead> {
    let (mut member, mut form) = posted.member()?;
    HERE.clone_into(&mut member.visitor.target);
    let action = "/account/security/lock";
    let what = member.visitor.words().say("again-for-lock").to_owned();
    let asked = Asked { action, fields: &[], what: &what, back: HERE };
    let cookie = match again::renew(&member, &mut form).await? {
        Standing::Go(cookie) => cookie,
        Standing::Wrong(problem) => return Ok(again::ask(&mut member, &asked, Some(&problem)).await),
    };
    match lock_account::lock_own(&app.authority.world, &member.acting, None).await {
        Ok(receipt) => {
            app.authority.enforced_here(&receipt).await;
            Ok(sign_out::leave(&member.visitor, &Notice::Said("locked")))
        }
        Err(Error::StaleAuthentication { .. }) => Ok(again::keep(again::ask(&mut member, &asked, None).await, cookie)),
        Err(error) => Err(again::keep(member.refused(error).into_response(), cookie).into()),
    }
}

/// Deletes the account, for whoever gives its password.
pub(super) async fn delete(State(app): State<App>, posted: Posted) -> Result<Response, Instead> {
    let (member, mut form) = posted.member()?;
    let outcome = match Password::new(form.take("password").unwrap_or_default()) {
        Ok(password) => delete_account::delete_own(&app.authority.world, &member.acting, password, None).await,
        Err(_) => Err(Error::WrongPassword),
    };
    match outcome {
        Ok(receipt) => {
            app.authority.enforced_here(&receipt).await;
            Ok(sign_out::leave(&member.visitor, &Notice::Said("deleted")))
        }
        Err(error @ (Error::WrongPassword | Error::Throttled { .. } | Error::Busy { .. })) => {
            refuse(member, &Problem::from(error), |wrong, said| wrong.delete = Some(said)).await
        }
        Err(error) => Err(member.refused(error)),
    }
}
