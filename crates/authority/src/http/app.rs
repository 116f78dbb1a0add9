//! What every handler can reach.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::FromRef;

use super::cors::Origins;
use super::meter::{Meter, OK};
use super::openapi::Published;
use super::pages::Pages;
use crate::authority::Authority;
use crate::history::Counted;
use crate::tls::Tls;

/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// What is behind it.
pub(crate) struct Parts {
    /// The authority that answers.
    pub(crate) authority: Arc<Authority>,
    /// What the server speaks HTTPS with, if it does.
    pub(crate) tls: Option<Arc<Tls>>,
    /// What was counted.
    pub(crate) meter: Meter,
    /// The origins whose scripts may call.
    pub(crate) origins: Origins,
    /// The description of the API.
    pub(crate) published: Published,
    /// What the pages need.
    pub(crate) pages: Pages,
}

impl App {
    pub(crate) fn new(authority: Arc<Authority>, tls: Option<Arc<Tls>>, published: Published) -> Self {
        let pages = Pages::new(&authority.world.policy.issuer, authority.form_root.as_ref(), &authority.branding);
        let (meter, origins) = (Meter::default(), Origins::default());
        Self(Arc::new(Parts { authority, tls, meter, origins, published, pages }))
    }
}

impl App {
    /// Somebody signed in, or was refused for this reason.
    pub(crate) fn count_sign_in(&self, result: &'static str) {
        self.meter.count_sign_in(result);
        self.authority.history.count(if result == OK { Counted::SignIn } else { Counted::SignInRefused });
    }

    /// Somebody refreshed, or was refused for this reason.
    pub(crate) fn count_refresh(&self, result: &'static str) {
        self.meter.count_refresh(result);
        self.authority.history.count(if result == OK { Counted::Refresh } else { Counted::RefreshRefused });
    }

    /// Somebody was let in.
    pub(crate) fn count_accepted(&self) {
        self.meter.accepted.fetch_add(1, Relaxed);
        self.authority.history.count(Counted::Accepted);
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<App> for Arc<Authority> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.authority)
    }
}
