//! The acceptance cases, each as it is written: verbs on real SQLite, and a verifier that is fed from the log.

#[expect(
    clippy::unchecked_time_subtraction,
    reason = "the times that tests subtract are constants, written beside each other"
)]
mod acceptance {
    mod clock;
    mod device;
    mod guard;
    mod hasher;
    mod house;
    mod paths;

    mod audiences;
    mod cookies;
    mod crowds;
    mod devices;
    mod endings;
    mod epochs;
    mod expiring;
    mod floor;
    mod garbage;
    mod keys;
    mod limits;
    mod logging_out;
    mod passwords;
    mod positions;
    mod refresh;
    mod reviving;
    mod running;
    mod scale;
    mod scopes;
    mod stubborn;
    mod time;
    mod unsettled;
}
