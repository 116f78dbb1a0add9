//! Somebody with a laptop that stays signed in and a phone that was signed out, and everything that both may ask for.

use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;

use super::http::{Answer, Connection, Request};
use super::server::Server;

pub(crate) const LOGIN: &str = "ann";
pub(crate) const PASSWORD: &str = "a long password that nobody has";

/// The longest that is waited for is the end of a lease of 5 s. Four times that is enough on any machine.
const MOST_LOOKS: u32 = 200;
const BETWEEN: Duration = Duration::from_millis(100);

/// Tokens of one device.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) session: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// See the module.
pub(crate) struct Visitor {
    pub(crate) laptop: Device,
    /// Signed out, and told so.
    pub(crate) phone: Device,
    connection: Connection,
}

impl Device {
    pub(crate) fn of(answer: &Answer) -> Self {
        let text = |pointer: &str| answer.text(pointer).to_owned();
        Self { session: text("/session/id"), access: text("/access_token"), refresh: text("/refresh_token") }
    }

    pub(crate) fn sign_in(server: &Server) -> Self {
        Self::of(&server.ask(&sign_in(LOGIN, PASSWORD)).expect(201))
    }

    pub(crate) fn refreshing(&self) -> Request {
        Request::post("/v1/sessions/refresh", json!({ "refresh_token": self.refresh }))
    }

    pub(crate) fn looking(&self) -> Request {
        Request::get("/v1/sessions").bearing(&self.access)
    }

    pub(crate) fn leaving(&self) -> Request {
        Request::delete("/v1/sessions/current").bearing(&self.access)
    }
}

impl Visitor {
    /// Signs up, signs in twice, and signs one device out again.
    pub(crate) fn arrive(server: &Server) -> Self {
        let mut connection = server.connect();
        connection.ask(&sign_up(LOGIN)).unwrap().expect(201);
        let [laptop, phone] = [(); 2].map(|()| Device::sign_in(server));
        connection.ask(&phone.leaving()).unwrap().expect(204);
        Self { laptop, phone, connection }
    }

    /// Goes on with another server on the same folder.
    pub(crate) fn meet(&mut self, server: &Server) {
        self.connection = server.connect();
    }

    pub(crate) fn ask(&mut self, request: &Request) -> Answer {
        self.connection.ask(request).unwrap()
    }

    /// Everything that changes something, by what to call it.
    pub(crate) fn changes(&self) -> Vec<(&'static str, Request)> {
        let bearing = |request: Request| request.bearing(&self.laptop.access);
        let passwords = json!({ "current_password": PASSWORD, "new_password": "another password that nobody has" });
        vec![
            ("refresh", self.laptop.refreshing()),
            ("sign in", sign_in(LOGIN, PASSWORD)),
            ("sign up", sign_up("newcomer")),
            ("reauthenticate", bearing(Request::post("/v1/reauthenticate", json!({ "password": PASSWORD })))),
            ("change the password", bearing(Request::put("/v1/me/password", passwords))),
            ("end the others", bearing(Request::post("/v1/sessions/end-others", json!({})))),
            ("end all", bearing(Request::post("/v1/sessions/end-all", json!({})))),
            ("lock", bearing(Request::post("/v1/me/lock", json!({})))),
            ("end this one", bearing(Request::delete(&format!("/v1/sessions/{}", self.laptop.session)))),
            ("log out", self.laptop.leaving()),
        ]
    }

    /// Nothing that changes something is done, and each says so with a 503 that explains itself (A12).
    pub(crate) fn expect_no_change(&mut self) {
        for (name, request) in self.changes() {
            expect_refusal(name, &self.ask(&request));
        }
    }

    /// Reading goes on, for whoever is signed in.
    pub(crate) fn expect_to_read(&mut self) {
        for path in ["/v1/sessions", "/v1/me", "/healthz"] {
            let request = Request::get(path).bearing(&self.laptop.access);
            self.ask(&request).expect(200);
        }
    }

    /// What was revoked is refused, whatever else is the matter.
    pub(crate) fn expect_phone_refused(&mut self) {
        for request in [self.phone.looking(), self.phone.refreshing()] {
            let answer = self.ask(&request);
            assert!([401, 503].contains(&answer.status), "revoked, and accepted: {answer:?}");
        }
    }

    /// Looks at the list until it is answered as wanted.
    pub(crate) fn until(&mut self, wanted: impl FnMut(&Answer) -> bool) {
        let request = self.laptop.looking();
        self.ask_until(&request, wanted);
    }

    /// Asks until it is told this status. Until then it is told to wait.
    pub(crate) fn until_told(&mut self, request: &Request, status: u16) {
        self.ask_until(request, |answer| {
            assert!(answer.status == status || answer.status == 503, "{answer:?}");
            answer.status == status
        });
    }

    /// Nothing else tells when a lease ends, or when the log has been read again.
    fn ask_until(&mut self, request: &Request, mut wanted: impl FnMut(&Answer) -> bool) {
        let (_never, pause) = mpsc::channel::<()>();
        for _ in 0..MOST_LOOKS {
            if wanted(&self.ask(request)) {
                return;
            }
            let _ = pause.recv_timeout(BETWEEN);
        }
        panic!("it does not come: {request:?}");
    }

    /// All is well, and nothing that was refused has happened.
    pub(crate) fn expect_recovery(&mut self) {
        self.expect_to_read();
        for request in [self.phone.looking(), self.phone.refreshing()] {
            self.ask(&request).expect(401);
        }
        let listed = self.ask(&self.laptop.looking()).expect(200);
        assert_eq!(listed.body["sessions"].as_array().unwrap().len(), 1, "a sign-in that was refused: {listed:?}");
        self.ask(&sign_up("newcomer")).expect(201);
        let refreshed = self.ask(&self.laptop.refreshing()).expect(200);
        self.laptop = Device::of(&refreshed);
        let other = Device::of(&self.ask(&sign_in(LOGIN, PASSWORD)).expect(201));
        let others = Request::post("/v1/sessions/end-others", json!({})).bearing(&self.laptop.access);
        self.ask(&others).expect(200);
        self.ask(&other.looking()).expect(401);
        self.expect_to_read();
    }
}

pub(crate) fn sign_in(login: &str, password: &str) -> Request {
    Request::post("/v1/sessions", json!({ "login": login, "password": password }))
}

fn sign_up(login: &str) -> Request {
    Request::post("/v1/users", json!({ "login": login, "password": PASSWORD }))
}

/// The store did not do it, or cannot say whether it did.
#[track_caller]
pub(crate) fn expect_refusal(name: &str, answer: &Answer) {
    assert_eq!(answer.status, 503, "{name}: {answer:?}");
    let unconfirmed = answer.text("/type") == "/problems/unconfirmed";
    expect_problem(name, answer, if unconfirmed { "unconfirmed" } else { "store-unavailable" });
}

/// An RFC 9457 document of this type, which says what to do and when to try again.
#[track_caller]
pub(crate) fn expect_problem(name: &str, answer: &Answer, slug: &str) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}: {answer:?}");
    assert_eq!(answer.text("/type"), format!("/problems/{slug}"), "{name}: {answer:?}");
    assert!(!answer.text("/detail").is_empty(), "{name}: {answer:?}");
    let wait = answer.header("retry-after").and_then(|text| text.parse::<u32>().ok());
    assert!(wait.is_some_and(|seconds| seconds > 0), "{name}: {answer:?}");
}
