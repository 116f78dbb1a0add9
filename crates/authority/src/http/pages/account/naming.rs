//! Naming a device.

use axum::extract::State;
use axum::response::Response;
use rescind_domain::Error;
use rescind_domain::verbs::update_session::{self, Changes};

use super::{Place, back};
use crate::http::app::App;
use crate::http::pages::instead::Instead;
use crate::http::pages::notice::Notice;
use crate::http::pages::posted::Posted;
use crate::http::query::Named;

/// Gives a device another name; none brings back the one that is made from its browser.
pub(super) async fn rename(State(app): State<App>, id: Named, posted: Posted) -> Result<Response, Instead> {
    let (member, mut form) = posted.member()?;
    let name = form.take("name").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let changes = Changes { name: Some(name), metadata: None };
    let place = Place::take(&mut form)?;
    let session = id.id("session")?;
    let said = match update_session::update_session(&app.authority.world, &member.acting, session, changes).await {
        Ok(_) => {
            app.authority.live.poke();
            "named"
        }
        // It ended while somebody looked; one that never was, and another user's, get the same answer (A5).
        Err(Error::NotFound(_)) => "device-gone",
        Err(Error::Invalid { .. }) => "name-refused",
        Err(error) => return Err(member.refused(error)),
    };
    Ok(back(&member, &place, None, &Notice::Said(said)))
}
