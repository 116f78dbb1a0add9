//! The demo put together: an authority, services that follow it, and devices that call them.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::api::{Api, Enforcement, PATIENCE};
use super::authority::{ADMINISTER, Accounts, Fresh};
use super::device::{Device, Heard};
use super::ending::{Deed, Ending, Outcome, and};
use super::service::Service;
use super::{DEVICES, DemoError, LOGIN, SERVICES};
use crate::ambient::SystemClock;

/// For how long a sign-in surely counts as fresh: a minute less than it does.
const FRESH: Duration = Duration::from_mins(4);

/// What everybody looks at.
pub(super) struct Stage {
    api: Api,
    accounts: Accounts,
    pub(super) services: Vec<Service>,
    pub(super) devices: Vec<Arc<Device>>,
    clock: Arc<SystemClock>,
    /// Whether devices send requests as fast as they can tell apart.
    haste: watch::Sender<bool>,
}

impl Stage {
    /// Sets it up; nobody is signed in. What runs by itself runs among `parts`.
    pub(super) async fn set(authority: Fresh, parts: &mut JoinSet<&'static str>) -> Result<Self, DemoError> {
        let accounts = authority.furnish().await?;
        let api = authority.api;
        let mut services = Vec::new();
        for (name, client) in SERVICES.into_iter().zip(&accounts.services) {
            services.push(Service::start(name, api.url(), client, parts).await?);
        }
        let (clock, haste) = (SystemClock::start(), watch::Sender::new(false));
        let devices = DEVICES.map(|name| Device::start(name, &api, &services, &clock, &haste, parts)).into();
        Ok(Self { api, accounts, services, devices, clock, haste })
    }

    /// Where the authority is.
    pub(super) fn authority(&self) -> &str {
        self.api.url()
    }

    /// Signs the devices in that are not, and waits until every service accepts them. Says so.
    pub(super) async fn sign_in(&self) -> Result<String, DemoError> {
        let mut names = Vec::new();
        for device in self.devices.iter().filter(|device| !device.is_signed_in()) {
            let at = self.clock.boottime();
            device.signed_in(self.api.sign_in(LOGIN, &self.accounts.password, device.name).await?, at);
            names.push(device.name);
        }
        if names.is_empty() {
            return Ok("Every device is signed in".to_owned());
        }
        for device in self.devices.iter().filter(|device| names.contains(&device.name)) {
            let accepted = device.until_all(|heard| heard.last_accepted.is_some());
            timeout(PATIENCE, accepted).await.map_err(|_| DemoError::NotAccepted(device.name))?;
        }
        Ok(format!("{} signed in: accepted by {}", and(&names), and(&SERVICES)))
    }

    /// Ends what it is about, and measures until when every service has refused it. Nothing if there is nobody to end.
    pub(super) async fn end(&self, ending: Ending) -> Result<Option<Outcome>, DemoError> {
        let Some(deed) = Deed::of(ending, &self.devices) else { return Ok(None) };
        // Before anything is measured: it is good for minutes, not for hours.
        let console = self.api.client_token(&self.accounts.console, ADMINISTER).await?;
        let haste = Haste::begin(&self.haste);
        let pressed = self.clock.boottime();
        let told = async {
            let enforcement = self.press(ending, &deed, &console).await;
            (enforcement, self.clock.boottime())
        };
        let refused = until_all(&deed.ended, |heard| heard.first_refused.is_some());
        let ((enforcement, answered), refused) = tokio::join!(told, refused);
        let enforcement = enforcement?;
        if refused {
            // Somebody has to have asked since, or there is nothing to judge by.
            until_all(&deed.ended, |heard| heard.last_refused > Some(answered)).await;
            until_all(&deed.kept, |heard| heard.last_accepted > Some(answered)).await;
        }
        drop(haste);
        let mut outcome = deed.judge(ending, (pressed, answered), &enforcement, self.services.len());
        for device in &deed.ended {
            if let Some(tokens) = device.tokens()
                && self.api.refresh(&tokens.refresh).await?.is_some()
            {
                outcome.faults.push(format!("{} could still refresh", device.name));
            }
            device.signed_out();
        }
        Ok(Some(outcome))
    }

    /// Asks the authority, as an administrator's console or one of the devices would.
    async fn press(&self, ending: Ending, deed: &Deed, console: &str) -> Result<Enforcement, DemoError> {
        let password = self.password_for(deed);
        let by = deed.by.tokens();
        let by = by.as_ref().map(|tokens| tokens.access.as_str()).unwrap_or_default();
        match ending {
            Ending::Phone => {
                let session = deed.ended.first().and_then(|device| device.tokens());
                let session = session.map(|tokens| tokens.session.clone()).unwrap_or_default();
                self.api.end(Method::DELETE, &format!("/v1/admin/sessions/{session}"), console, None).await
            }
            Ending::Others => self.api.end(Method::POST, "/v1/sessions/end-others", by, password.as_ref()).await,
            Ending::All => self.api.end(Method::POST, "/v1/sessions/end-all", by, password.as_ref()).await,
            Ending::Everyone => {
                let scope =
                    json!({ "scope": { "type": "everyone", "services": false }, "reason": "a key was pressed" });
                self.api.end(Method::POST, "/v1/admin/revocations", console, Some(&scope)).await
            }
        }
    }

    /// What shows who asks: nothing where the sign-in is fresh. Checking a password takes longer than all the rest.
    fn password_for(&self, deed: &Deed) -> Option<Value> {
        let age = self.clock.boottime().saturating_sub(deed.by.signed_in_at());
        (age > FRESH).then(|| json!({ "password": self.accounts.password }))
    }

    /// Has the verifiers say goodbye.
    pub(super) async fn leave(&self) {
        for service in &self.services {
            service.leave().await;
        }
    }
}

/// Waits until what every service has answered to every one of the devices is such, for as long as is waited for
/// anything.
async fn until_all(devices: &[Arc<Device>], such: impl Fn(&Heard) -> bool) -> bool {
    let all = async {
        for device in devices {
            device.until_all(&such).await;
        }
    };
    timeout(PATIENCE, all).await.is_ok()
}

/// Devices hurry until this is dropped.
struct Haste<'a>(&'a watch::Sender<bool>);

impl<'a> Haste<'a> {
    fn begin(haste: &'a watch::Sender<bool>) -> Self {
        haste.send_replace(true);
        Self(haste)
    }
}

impl Drop for Haste<'_> {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}
