//! Killing a server under load, again and again, on one data folder.

use std::path::Path;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::database;
use super::dice::Dice;
use super::operator::{Command, Operator};
use super::person::Person;
use super::server::Server;

/// Kills, unless `RESCIND_KILLS` says otherwise.
const KILLS: u32 = 20;
const PEOPLE: usize = 8;

/// A kill comes after this many acknowledgements at most.
const LATEST: usize = 240;

/// Longer than so many acknowledgements take, however slow the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Nothing here may be refused for its age, however many kills there are.
const SETTINGS: &[(&str, &str)] = &[
    ("RESCIND_TOKENS_ACCESS_LIFETIME", "1d"),
    ("RESCIND_TOKENS_REFRESH_GRACE", "1m"),
    ("RESCIND_AUTHENTICATION_FRESH", "1d"),
    ("RESCIND_LOG_FILTER", "warn"),
];

#[test]
fn g1_r6_what_was_acknowledged_survives_kill_9_under_load_and_what_was_in_flight_is_whole_or_absent() {
    let kills = number("RESCIND_KILLS").map_or(KILLS, |kills| u32::try_from(kills).unwrap());
    let seed = number("RESCIND_SEED").unwrap_or(0x5eed);
    eprintln!("{kills} kills, seed {seed}");
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let server = Server::start(&data, SETTINGS);
    let people = (0..PEOPLE).map(|at| {
        let seed = seed.wrapping_add(1 + at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Person::sign_up(&format!("person{at}"), seed, &mut server.connect())
    });
    let mut people: Vec<Person> = people.collect();
    let mut operator = Operator::sign_up(&server);
    server.stop();
    let mut dice = Dice::new(seed);
    let (mut killed, mut acknowledged, mut unanswered) = (0, 0, 0);
    for attempt in 0.. {
        let outcome = kill_once(&data, &mut people, &mut operator, 1 + dice.below(LATEST));
        acknowledged += outcome.acknowledged;
        unanswered += outcome.unanswered;
        // One that hit nothing in flight shows nothing.
        killed += u32::from(outcome.acknowledged > 0 && outcome.unanswered > 0);
        if killed == kills {
            break;
        }
        assert!(attempt < 2 * kills, "{killed} of {attempt} kills found a request in flight");
    }
    let server = Server::start(&data, SETTINGS);
    check(&server, &data, &mut people, &mut operator, true);
    server.stop();
    let (buried, done): (usize, _) = (people.iter().map(Person::buried).sum(), operator.done);
    eprintln!("{acknowledged} deeds acknowledged, {unanswered} in flight as the server was killed");
    eprintln!("{buried} devices ended, and {done} by the command line");
    assert!(buried > 0 && done > 0, "nothing was revoked");
}

/// Starts a server, checks everything, puts it under load, and kills it after so many acknowledgements.
fn kill_once(data: &Path, people: &mut [Person], operator: &mut Operator, after: usize) -> Count {
    let mut server = Server::start(data, SETTINGS);
    check(&server, data, people, operator, false);
    let (monitor, command) = (Monitor::default(), Command::default());
    thread::scope(|scope| {
        for person in people {
            let (connection, monitor) = (server.connect(), &monitor);
            scope.spawn(move || person.live(connection, monitor));
        }
        let connection = server.connect();
        scope.spawn(|| operator.live(connection, data, &command));
        monitor.strike(after, || {
            server.kill();
            // Every other time the command goes on alone.
            if after.is_multiple_of(2) {
                command.kill();
            }
        });
    });
    server.wait();
    monitor.count()
}

fn check(server: &Server, data: &Path, people: &mut [Person], operator: &mut Operator, all: bool) {
    thread::scope(|scope| {
        scope.spawn(|| operator.check(&mut server.connect()));
        for person in people {
            scope.spawn(move || person.check(&mut server.connect(), all));
        }
    });
    database::check(&data.join("rescind.db"));
}

/// Counts what is sent and what is answered, so that the kill comes while something is in flight.
#[derive(Default)]
pub(crate) struct Monitor {
    count: Mutex<Count>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    in_flight: usize,
    acknowledged: usize,
    unanswered: usize,
}

impl Monitor {
    /// A request is on its way.
    pub(crate) fn sent(&self) {
        self.count.lock().unwrap().in_flight += 1;
        self.changed.notify_all();
    }

    /// It was answered, or never will be.
    pub(crate) fn done(&self, answered: bool) {
        let mut count = self.count.lock().unwrap();
        count.in_flight -= 1;
        *(if answered { &mut count.acknowledged } else { &mut count.unanswered }) += 1;
        drop(count);
        self.changed.notify_all();
    }

    /// Waits for so many acknowledgements and for a request in flight, whose answer nobody takes before the kill.
    fn strike(&self, after: usize, kill: impl FnOnce()) {
        let too_early = |count: &mut Count| count.acknowledged < after || count.in_flight == 0;
        let waited = self.changed.wait_timeout_while(self.count.lock().unwrap(), PATIENCE, too_early);
        let (count, timeout) = waited.unwrap();
        kill();
        assert!(!timeout.timed_out(), "{after} acknowledgements were awaited: {count:?}");
    }

    fn count(&self) -> Count {
        *self.count.lock().unwrap()
    }
}

pub(crate) fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "how long to go on is for whoever runs the tests to say")]
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
