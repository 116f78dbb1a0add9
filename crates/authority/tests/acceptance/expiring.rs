//! C6: however long something takes to be issued, it does not outlive the session that it belongs to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rescind_domain::clock::{Clock, Timestamp};
use rescind_domain::error::RefreshRefusal;
use rescind_domain::session::Expiry;
use rescind_domain::verbs::present_cookie::present_cookie;
use rescind_domain::verbs::reauthenticate::reauthenticate;
use rescind_domain::verbs::refresh::{Refresh, refresh};
use rescind_domain::verbs::sign_in::{self, SignedIn};
use rescind_domain::{Error, World};

use super::clock::TestClock;
use super::device::{Device, OLD, Person, claims};
use super::house::{House, password, run};

/// How long sessions last here.
const LIFETIME: Duration = Duration::from_secs(10);

/// A clock that leaps, once, as it is read for the nth time.
struct Leaping {
    clock: Arc<TestClock>,
    by: Duration,
    before: AtomicI64,
}

impl Leaping {
    fn tick(&self) {
        if self.before.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.clock.advance(self.by);
        }
    }

    fn has_leapt(&self) -> bool {
        self.before.load(Ordering::SeqCst) < 0
    }
}

impl Clock for Leaping {
    fn wall(&self) -> Timestamp {
        self.tick();
        self.clock.wall()
    }

    fn steady(&self) -> Timestamp {
        self.tick();
        self.clock.steady()
    }
}

/// What was issued: an access token, and when its session ends.
type Issued = (String, Timestamp);

fn issued(signed: &SignedIn) -> Issued {
    (signed.access.token.expose().to_owned(), signed.session.expires_at)
}

/// What gives an access token, to whom, how long its session has left as it begins, and how it refuses.
struct Way {
    name: &'static str,
    act: fn(&World, &Person, &Device) -> Result<Issued, Error>,
    left: Duration,
    refuses: fn(&Error) -> bool,
}

const WAYS: [Way; 4] = [
    Way {
        name: "sign-in",
        act: |world, ann, _| Ok(issued(&run(sign_in::sign_in(world, ann.request(OLD)))?)),
        left: LIFETIME,
        refuses: |error| matches!(error, Error::TooLate),
    },
    Way {
        name: "refresh",
        act: |world, _, device| {
            let token = device.refresh_token().to_owned();
            Ok(issued(&run(refresh(world, Refresh { token, scope: None, client: None, address: None }))?))
        },
        left: Duration::from_secs(2),
        refuses: |error| matches!(error, Error::RefreshRefused(RefreshRefusal::Expired(Expiry::Absolute))),
    },
    Way {
        name: "authentication",
        act: |world, _, device| Ok(issued(&run(reauthenticate(world, &device.acting(), password(OLD)))?)),
        left: Duration::from_secs(2),
        refuses: |error| matches!(error, Error::SignedOut(_)),
    },
    Way {
        name: "cookie",
        act: |world, _, device| {
            let shown = run(present_cookie(world, device.refresh_token(), None))?;
            Ok((shown.access.token.expose().to_owned(), device.signed.session.expires_at))
        },
        left: Duration::from_secs(2),
        refuses: |error| matches!(error, Error::SignedOut(None)),
    },
];

/// Goes a way whose clock leaps at each of its readings in turn. Answers how often it was refused.
fn leap(house: &House, ann: &Person, way: &Way, by: Duration) -> u32 {
    let mut refused = 0;
    for reading in 0.. {
        let device = if way.name == "cookie" {
            let signed = run(sign_in::sign_in_by_cookie(&house.world, ann.request(OLD))).unwrap();
            Device { signed, address: None }
        } else {
            house.sign_in(ann)
        };
        house.advance(LIFETIME.saturating_sub(way.left));
        let clock = Arc::new(Leaping { clock: Arc::clone(&house.clock), by, before: AtomicI64::new(reading) });
        let world = World { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..house.world.clone() };
        let outcome = (way.act)(&world, ann, &device);
        let what = format!("{}, {by:?} at reading {reading}: {outcome:?}", way.name);
        match &outcome {
            Ok((token, ends)) => {
                let (claims, _) = claims(token);
                assert!(claims.exp * 1000 <= ends.0, "it outlives its session: {what}");
                assert!(claims.exp > claims.iat, "it was never good: {what}");
            }
            Err(error) => {
                assert!((way.refuses)(error), "{what}");
                refused += 1;
            }
        }
        if !clock.has_leapt() {
            assert!(outcome.is_ok(), "nothing was in the way: {what}");
            return refused;
        }
        house.advance(LIFETIME);
    }
    unreachable!("readings are few")
}

#[test]
fn c6_no_access_token_outlives_its_session_or_is_dead_on_arrival_however_long_it_takes_to_issue_it() {
    let house = House::with(|policy| {
        policy.remembered_lifetime = LIFETIME;
        policy.session_lifetime = LIFETIME;
    });
    let ann = house.person("ann");
    for way in &WAYS {
        // To half a second before the end, to the end, and beyond it.
        let half = Duration::from_millis(500);
        for by in [way.left.saturating_sub(half), way.left, way.left + half] {
            let refused = leap(&house, &ann, way, by);
            assert!(refused > 0, "{}: {by:?} made no difference", way.name);
        }
    }
}
