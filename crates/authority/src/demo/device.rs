//! A device of the demo: signs in, sends requests to every service without end, and refreshes its tokens in time.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::header::AUTHORIZATION;
use hyper::{Request, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::api::{Api, Http, PATIENCE, Tokens, http};
use super::service::Service;
use crate::ambient::SystemClock;

/// Between two requests to one service.
const CALM: Duration = Duration::from_millis(20);

/// The same while an ending is measured: the shortest that the runtime's timer knows.
const HASTE: Duration = Duration::from_millis(1);

/// Before a refresh that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A device and its conversations with the services.
pub(super) struct Device {
    pub(super) name: &'static str,
    signed: watch::Sender<Signed>,
    /// By service.
    heard: Vec<watch::Sender<Heard>>,
}

/// What a device holds.
#[derive(Clone, Default)]
struct Signed {
    /// Counts sign-ins.
    turn: u64,
    /// When the last one was.
    at: Duration,
    tokens: Option<Arc<Tokens>>,
    /// Whether they are known to be dead. They are presented all the same, so that everybody can see them refused.
    ended: bool,
}

/// What one service has answered to one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Requests that were accepted, ever.
    pub(super) accepted: u64,
    /// Requests that were refused, ever.
    pub(super) refused: u64,
    /// Requests that the service could not judge, or did not answer, ever.
    pub(super) unsure: u64,
    /// The sign-in that what follows is about.
    pub(super) turn: u64,
    /// When the first refusal arrived.
    pub(super) first_refused: Option<Duration>,
    /// When the last request that was accepted had been sent.
    pub(super) last_accepted: Option<Duration>,
    /// When the last request that was refused had been sent.
    pub(super) last_refused: Option<Duration>,
    /// Whether a request was accepted that was sent after a refusal had arrived.
    pub(super) revived: bool,
}

/// One request.
#[derive(Clone, Copy, Debug)]
struct Probe {
    turn: u64,
    sent: Duration,
    heard: Duration,
    status: Option<StatusCode>,
}

impl Heard {
    fn begin(&mut self, turn: u64) {
        let Self { accepted, refused, unsure, .. } = *self;
        *self = Self { accepted, refused, unsure, turn, ..Self::default() };
    }

    fn note(&mut self, probe: Probe) {
        // It was sent before the device signed in again.
        if probe.turn != self.turn {
            return;
        }
        match probe.status {
            Some(StatusCode::OK) => {
                self.accepted += 1;
                self.last_accepted = Some(probe.sent);
                self.revived |= self.first_refused.is_some_and(|refused| refused < probe.sent);
            }
            Some(StatusCode::UNAUTHORIZED) => {
                self.refused += 1;
                self.first_refused.get_or_insert(probe.heard);
                self.last_refused = Some(probe.sent);
            }
            _ => self.unsure += 1,
        }
    }
}

impl Device {
    /// A device that is not signed in. What it does by itself runs among `parts`, in haste while `haste` says so.
    pub(super) fn start(
        name: &'static str,
        api: &Api,
        services: &[Service],
        clock: &Arc<SystemClock>,
        haste: &watch::Sender<bool>,
        parts: &mut JoinSet<&'static str>,
    ) -> Arc<Self> {
        let signed = watch::Sender::new(Signed::default());
        let heard = services.iter().map(|_| watch::Sender::new(Heard::default())).collect();
        let device = Arc::new(Self { name, signed, heard });
        for (index, service) in services.iter().enumerate() {
            let caller = Caller {
                device: Arc::clone(&device),
                index,
                url: format!("http://{}/", service.address),
                http: http(),
                clock: Arc::clone(clock),
                haste: haste.subscribe(),
            };
            parts.spawn(async move {
                caller.call().await;
                name
            });
        }
        let (keeper, api) = (Arc::clone(&device), api.clone());
        parts.spawn(async move {
            keeper.keep(&api).await;
            name
        });
        device
    }

    pub(super) fn is_signed_in(&self) -> bool {
        let signed = self.signed.borrow();
        signed.tokens.is_some() && !signed.ended
    }

    /// The tokens of a device that is signed in.
    pub(super) fn tokens(&self) -> Option<Arc<Tokens>> {
        let signed = self.signed.borrow();
        signed.tokens.clone().filter(|_| !signed.ended)
    }

    /// When it last signed in.
    pub(super) fn signed_in_at(&self) -> Duration {
        self.signed.borrow().at
    }

    /// Goes on with the tokens of a new sign-in.
    pub(super) fn signed_in(&self, tokens: Tokens, at: Duration) {
        let turn = self.signed.borrow().turn + 1;
        self.heard.iter().for_each(|heard| heard.send_modify(|heard| heard.begin(turn)));
        self.signed.send_replace(Signed { turn, at, tokens: Some(Arc::new(tokens)), ended: false });
    }

    /// Notes that the session has ended.
    pub(super) fn signed_out(&self) {
        self.signed.send_modify(|signed| signed.ended = true);
    }

    /// What the service of this number has answered.
    pub(super) fn heard(&self, service: usize) -> Heard {
        self.heard.get(service).map(|heard| *heard.borrow()).unwrap_or_default()
    }

    /// Waits until what every service has answered is such.
    pub(super) async fn until_all(&self, such: impl Fn(&Heard) -> bool) {
        for heard in &self.heard {
            // Its sender is this device's own.
            let _ = heard.subscribe().wait_for(&such).await;
        }
    }

    /// Refreshes before the access token expires.
    async fn keep(&self, api: &Api) {
        let mut changes = self.signed.subscribe();
        let mut again = false;
        loop {
            let Signed { turn, tokens, ended, .. } = changes.borrow_and_update().clone();
            let due = tokens.as_ref().map(|tokens| if again { AGAIN } else { tokens.lifetime * 4 / 5 });
            let Some((tokens, due)) = tokens.zip(due).filter(|_| !ended) else {
                if changes.changed().await.is_err() {
                    return;
                }
                continue;
            };
            tokio::select! {
                _ = changes.changed() => continue,
                () = sleep(due) => {}
            }
            let next = api.refresh(&tokens.refresh).await;
            again = next.is_err();
            self.signed.send_if_modified(|signed| {
                // Signing in or out may have been faster.
                let current = signed.turn == turn && !signed.ended;
                match next {
                    Ok(Some(next)) if current => signed.tokens = Some(Arc::new(next)),
                    Ok(None) if current => signed.ended = true,
                    _ => return false,
                }
                true
            });
        }
    }
}

/// Sends requests to one service.
struct Caller {
    device: Arc<Device>,
    index: usize,
    url: String,
    http: Http,
    clock: Arc<SystemClock>,
    haste: watch::Receiver<bool>,
}

impl Caller {
    async fn call(mut self) {
        let mut changes = self.device.signed.subscribe();
        loop {
            let Signed { turn, tokens, .. } = changes.borrow_and_update().clone();
            let Some(tokens) = tokens else {
                if changes.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let sent = self.clock.boottime();
            let status = self.ask(&tokens.access).await;
            let probe = Probe { turn, sent, heard: self.clock.boottime(), status };
            if let Some(heard) = self.device.heard.get(self.index) {
                heard.send_modify(|heard| heard.note(probe));
            }
            let pause = if *self.haste.borrow_and_update() { HASTE } else { CALM };
            tokio::select! {
                () = sleep(pause) => {}
                gone = self.haste.changed() => if gone.is_err() { return },
            }
        }
    }

    async fn ask(&self, token: &str) -> Option<StatusCode> {
        let request = Request::get(&self.url).header(AUTHORIZATION, format!("Bearer {token}"));
        let request = request.body(Full::default()).ok()?;
        let exchange = async {
            let answer = self.http.request(request).await.ok()?;
            let status = answer.status();
            // Read to its end, so that the connection serves the next request.
            answer.into_body().collect().await.ok().map(|_| status)
        };
        timeout(PATIENCE, exchange).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(turn: u64, sent: u64, status: u16) -> Probe {
        let (sent, heard) = (Duration::from_millis(sent), Duration::from_millis(sent + 2));
        Probe { turn, sent, heard, status: StatusCode::from_u16(status).ok() }
    }

    fn heard(probes: &[Probe]) -> Heard {
        let mut heard = Heard::default();
        heard.begin(1);
        for probe in probes {
            heard.note(*probe);
        }
        heard
    }

    #[test]
    fn the_first_refusal_counts_from_its_arrival_and_what_cannot_be_told_is_none() {
        let heard = heard(&[probe(1, 10, 200), probe(1, 20, 503), probe(1, 30, 401), probe(1, 40, 401)]);
        assert_eq!((heard.accepted, heard.refused, heard.unsure), (1, 2, 1));
        assert_eq!(heard.first_refused, Some(Duration::from_millis(32)));
        assert_eq!(heard.last_accepted, Some(Duration::from_millis(10)));
        assert_eq!(heard.last_refused, Some(Duration::from_millis(40)));
        assert!(!heard.revived);
    }

    #[test]
    fn what_is_accepted_after_a_refusal_had_arrived_is_noticed() {
        // Sent before the refusal had arrived, it says nothing.
        assert!(!heard(&[probe(1, 10, 401), probe(1, 11, 200)]).revived);
        assert!(heard(&[probe(1, 10, 401), probe(1, 13, 200)]).revived);
    }

    #[test]
    fn answers_to_a_former_sign_in_say_nothing_of_the_next() {
        let mut heard = heard(&[probe(1, 10, 401)]);
        heard.begin(2);
        heard.note(probe(1, 12, 401));
        assert_eq!((heard.refused, heard.first_refused), (1, None));
        heard.note(probe(2, 14, 200));
        assert!(!heard.revived && heard.accepted == 1);
    }
}
