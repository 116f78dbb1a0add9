//! Browsers that go away while their password is being checked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use rescind_domain::boxed::Boxed;
use rescind_domain::store::{EndingJob, ReadJob, Store, StoreError, TransactJob};
use rescind_wire::{Position, SessionId, UserId};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::browser::{Browser, SESSION};
use super::harness::{Harness, PASSWORD};

/// How long something takes that never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store whose answers wait at one point: what was asked is done, and nobody has heard so yet.
#[derive(Default)]
struct Held {
    store: Mutex<Option<Arc<dyn Store>>>,
    /// How many calls from now the point is; 0 if there is none.
    ahead: AtomicUsize,
    reached: Notify,
    released: Notify,
}

impl Held {
    async fn after<T>(&self, call: Boxed<'_, T>) -> T {
        let answer = call.await;
        let before = self.ahead.fetch_update(SeqCst, SeqCst, |ahead| ahead.checked_sub(1));
        if before == Ok(1) {
            self.reached.notify_one();
            self.released.notified().await;
        }
        answer
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self.store.lock().unwrap().as_ref().expect("there is one"))
    }
}

/// What stands before the store.
struct Before(Arc<Held>);

impl Store for Before {
    fn position(&self) -> Boxed<'_, Result<Position, StoreError>> {
        let store = self.0.store();
        Box::pin(async move { store.position().await })
    }

    fn run_read(&self, name: &'static str, job: ReadJob) -> Boxed<'_, Result<(), StoreError>> {
        let store = self.0.store();
        // What goes on by itself is not of the request.
        let is_own = !name.contains("log") && !name.contains("watch") && !name.contains("node");
        Box::pin(async move {
            let call = store.run_read(name, job);
            if is_own { self.0.after(call).await } else { call.await }
        })
    }

    fn run_transact(&self, name: &'static str, job: TransactJob) -> Boxed<'_, Result<(), StoreError>> {
        let store = self.0.store();
        let is_own = name.contains("authenticate");
        Box::pin(async move {
            let call = store.run_transact(name, job);
            if is_own { self.0.after(call).await } else { call.await }
        })
    }

    fn run_ending(&self, name: &'static str, job: EndingJob) -> Boxed<'_, Result<(), StoreError>> {
        let store = self.0.store();
        Box::pin(async move { self.0.after(store.run_ending(name, job)).await })
    }
}

/// The form that signs a device out with the password, as the browser sends it.
fn form(harness: &Harness, cookies: &str, action: &str, token: &str) -> Request<Body> {
    let origin = format!("http://{}", harness.address);
    let password = PASSWORD.replace(' ', "+");
    let peer: SocketAddr = ([127, 0, 0, 1], 1).into();
    Request::post(action)
        .header(HOST, harness.address.to_string())
        .header(ORIGIN, origin)
        .header(COOKIE, cookies)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .extension(ConnectInfo(peer))
        .body(Body::from(format!("form_token={token}&password={password}")))
        .expect("a request")
}

/// How often the session's cookie was replaced.
async fn counter(harness: &Harness, user: UserId, session: SessionId) -> u64 {
    let read = move |view: &dyn rescind_domain::store::View| Ok(view.chains(&user, &session)?.remove(0).counter);
    harness.authority.world.store.read("counter_of_the_log", read).await.expect("there")
}

#[tokio::test]
async fn g1_a_browser_that_goes_away_at_any_point_leaves_no_former_cookie_that_goes_on_by_memory() {
    let held = Arc::new(Held::default());
    let before = Arc::clone(&held);
    let wrap = |store| -> Arc<dyn Store> {
        *before.store.lock().unwrap() = Some(store);
        Arc::new(Before(before))
    };
    let harness = Harness::through(wrap, |_| {}, |_| axum::Router::new()).await;
    let user: UserId = harness.sign_up("ann").await.parse().expect("an id");
    let router = rescind::http::router(Arc::clone(&harness.authority));
    let mut points = 0;
    loop {
        points += 1;
        let browser = Browser::signed_in(&harness, "ann").await;
        let former = browser.session().expect("a cookie");
        harness.pass(Duration::from_mins(6));
        let phone = harness.sign_in("ann").await;
        let action = format!("/account/sessions/{}/sign-out", phone.session);
        let asked = browser.submit("/account", &action, &[]).await;
        let own: SessionId = browser.devices().await[0].parse().expect("an id");
        let was = counter(&harness, user, own).await;
        let token = asked.form_token(&action);
        let cookies: Vec<String> =
            browser.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        held.ahead.store(points, SeqCst);
        let mut answer = Box::pin(router.clone().oneshot(form(&harness, &cookies.join("; "), &action, &token)));
        let came = tokio::select! {
            answer = &mut answer => Some(answer.expect("an answer")),
            () = held.reached.notified() => None,
        };
        held.ahead.store(0, SeqCst);
        if let Some(came) = came {
            assert_eq!(came.status(), 303);
            break;
        }
        drop(answer);
        held.released.notify_one();
        // What was begun is done to its end, whoever has gone.
        let done = async {
            while counter(&harness, user, own).await == was {
                tokio::task::yield_now().await;
            }
        };
        let done = tokio::time::timeout(PATIENCE, done).await;
        assert!(done.is_ok(), "the password was right, and nothing came of it (point {points})");
        harness.pass(harness.authority.config.tokens.refresh_grace + Duration::from_secs(1));
        let late = Browser::new(&harness);
        for turn in 0.. {
            late.cookies.borrow_mut().insert(SESSION.to_owned(), former.clone());
            if late.get("/account").await.status.as_u16() == 303 {
                break;
            }
            assert!(turn < 50, "a cookie that was replaced goes on (point {points})");
        }
    }
    assert!(points > 3, "{points}");
}
