//! What happened over HTTP, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::http::{Method, StatusCode};

use crate::tally::Table;
use crate::traces::known_method;

/// Upper bounds of the buckets for durations, in milliseconds.
pub(crate) const BOUNDS: [u64; 10] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000];

/// The result of what went well, for counting.
pub(crate) const OK: &str = "ok";

/// All counters.
#[derive(Default)]
pub(crate) struct Meter {
    /// Requests, by route, method and status.
    pub(crate) requests: Table<Route, Requests>,
    /// Sign-ins, by result: the slug of the problem where there was one.
    pub(crate) sign_ins: Table<&'static str, AtomicU64>,
    /// Refreshes, likewise.
    pub(crate) refreshes: Table<&'static str, AtomicU64>,
    /// Requests whose access token was accepted.
    pub(crate) accepted: AtomicU64,
}

/// What a counter of requests is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// The template of the path.
    pub(crate) path: Arc<str>,
    /// The method; `other` for those that the API does not use, of which there may be any number.
    pub(crate) method: &'static str,
    /// The status of the answer.
    pub(crate) status: u16,
}

/// The requests of one route, method and status.
#[derive(Default)]
pub(crate) struct Requests {
    /// How many took at most as long as each of [`BOUNDS`] and longer than the one before; the rest in the last.
    pub(crate) buckets: [AtomicU64; BOUNDS.len() + 1],
    /// How long all of them took, in microseconds.
    pub(crate) micros: AtomicU64,
}

impl Meter {
    /// A request was answered.
    pub(crate) fn count_request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let (method, status) = (known_method(method).unwrap_or("other"), status.as_u16());
        let compare = |key: &Route| (&*key.path, key.method, key.status).cmp(&(route, method, status));
        let key = || Route { path: route.into(), method, status };
        let requests = self.requests.counter(compare, key);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| micros <= bound * 1000);
        requests.buckets[bucket.unwrap_or(BOUNDS.len())].fetch_add(1, Relaxed);
        requests.micros.fetch_add(micros, Relaxed);
    }

    /// Somebody signed in, or was refused for this reason.
    pub(crate) fn count_sign_in(&self, result: &'static str) {
        self.sign_ins.counter(|key| key.cmp(&result), || result).fetch_add(1, Relaxed);
    }

    /// Somebody refreshed, or was refused for this reason.
    pub(crate) fn count_refresh(&self, result: &'static str) {
        self.refreshes.counter(|key| key.cmp(&result), || result).fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_method_status_and_duration() {
        let meter = Meter::default();
        for (route, millis) in [("/b", 3), ("/a", 1), ("/b", 60_000), ("/b", 4)] {
            meter.count_request(&Method::GET, route, StatusCode::OK, Duration::from_millis(millis));
        }
        let odd = Method::from_bytes(b"BREW").unwrap();
        meter.count_request(&odd, "/b", StatusCode::METHOD_NOT_ALLOWED, Duration::ZERO);
        let all = meter.requests.all();
        let keys: Vec<_> = all.iter().map(|(key, _)| (&*key.path, key.method, key.status)).collect();
        assert_eq!(keys, [("/a", "GET", 200), ("/b", "GET", 200), ("/b", "other", 405)]);
        let counts: Vec<u64> = all[1].1.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        assert_eq!(counts, [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_counter_that_two_threads_make_at_once_is_one() {
        let meter = Meter::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..1000).for_each(|_| meter.count_sign_in(OK)));
            }
        });
        assert_eq!(meter.sign_ins.all()[0].1.load(Relaxed), 8000);
    }
}
