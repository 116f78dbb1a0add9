//! Somebody with a few devices, who remembers everything that was acknowledged, and the one deed that was not.

use std::collections::BTreeSet;
use std::io;

use serde_json::{Value, json};

use super::dice::Dice;
use super::http::{Answer, Connection, Request};
use super::kills::Monitor;

/// As many devices as one person cares to have.
const DEVICES: usize = 6;

/// How many of the dead are looked at after each kill; all of them in the end.
const RECENT: usize = 8;

pub(crate) struct Person {
    login: String,
    password: String,
    passwords: u32,
    devices: Vec<Device>,
    /// Sessions of sign-ins that were never answered, but had happened.
    strangers: BTreeSet<String>,
    /// Devices whose end was acknowledged, or had happened.
    dead: Vec<Device>,
    in_flight: Option<Deed>,
    dice: Dice,
}

#[derive(Clone, Debug)]
struct Device {
    session: String,
    access: String,
    refresh: String,
    /// The refresh token before this one.
    former: Option<String>,
}

/// Something that is asked of the server. Devices by their index.
#[derive(Clone, Debug)]
enum Deed {
    SignIn,
    Refresh(usize),
    LogOut(usize),
    EndOne { by: usize, which: usize },
    EndOthers(usize),
    EndAll(usize),
    ChangePassword { by: usize, new: String },
}

impl Person {
    pub(crate) fn sign_up(login: &str, seed: u64, connection: &mut Connection) -> Self {
        let password = format!("{login} has a long password");
        let body = json!({ "login": login, "password": password });
        connection.ask(&Request::post("/v1/users", body)).unwrap().expect(201);
        Self {
            login: login.to_owned(),
            password,
            passwords: 0,
            devices: Vec::new(),
            strangers: BTreeSet::new(),
            dead: Vec::new(),
            in_flight: None,
            dice: Dice::new(seed),
        }
    }

    /// Does one thing after the other until the server is gone.
    pub(crate) fn live(&mut self, mut connection: Connection, monitor: &Monitor) {
        loop {
            let deed = self.choose();
            let Ok(answer) = self.attempt(&deed, &mut connection, monitor) else {
                self.in_flight = Some(deed);
                return;
            };
            self.take_down(&deed, &answer);
        }
    }

    /// Compares what a server says after a restart with what was acknowledged before, `all` of the dead included.
    pub(crate) fn check(&mut self, connection: &mut Connection, all: bool) {
        let guests = match self.in_flight.take() {
            None => 0,
            Some(deed) => self.resolve(deed, connection),
        };
        for at in 0..self.devices.len() {
            self.check_alive(at, connection);
        }
        if self.devices.is_empty() {
            self.sign_in(connection);
        }
        self.check_list(connection, guests);
        let skipped = if all { 0 } else { self.dead.len().saturating_sub(RECENT) };
        for device in &self.dead[skipped..] {
            assert_eq!(refresh(connection, &device.refresh).status, 401, "revoked, acknowledged, and back: {device:?}");
            assert_eq!(me(connection, device), 401, "revoked, acknowledged, and accepted: {device:?}");
        }
    }

    /// How many of this person's devices are known to have been ended.
    pub(crate) fn buried(&self) -> usize {
        self.dead.len()
    }

    fn choose(&mut self) -> Deed {
        if self.devices.is_empty() {
            return Deed::SignIn;
        }
        let by = self.dice.below(self.devices.len());
        match self.dice.below(100) {
            0..=5 if self.devices.len() < DEVICES => Deed::SignIn,
            0..=7 => Deed::LogOut(by),
            8..=10 => Deed::EndOne { by, which: self.dice.below(self.devices.len()) },
            11 | 12 => Deed::EndOthers(by),
            13 => Deed::EndAll(by),
            14 => {
                self.passwords += 1;
                Deed::ChangePassword { by, new: format!("{} changed it {} times", self.login, self.passwords) }
            }
            _ => Deed::Refresh(by),
        }
    }

    fn attempt(&self, deed: &Deed, connection: &mut Connection, monitor: &Monitor) -> io::Result<Answer> {
        connection.send(&self.request(deed))?;
        monitor.sent();
        let answer = connection.receive();
        monitor.done(answer.is_ok());
        answer
    }

    fn request(&self, deed: &Deed) -> Request {
        let token = |at: &usize| self.devices[*at].access.as_str();
        match deed {
            Deed::SignIn => sign_in(&self.login, &self.password),
            Deed::Refresh(at) => refreshing(&self.devices[*at].refresh),
            Deed::LogOut(at) => Request::delete("/v1/sessions/current").bearing(token(at)),
            Deed::EndOne { by, which } => {
                Request::delete(&format!("/v1/sessions/{}", self.devices[*which].session)).bearing(token(by))
            }
            Deed::EndOthers(by) => Request::post("/v1/sessions/end-others", json!({})).bearing(token(by)),
            Deed::EndAll(by) => Request::post("/v1/sessions/end-all", json!({})).bearing(token(by)),
            Deed::ChangePassword { by, new } => {
                let body = json!({ "current_password": self.password, "new_password": new });
                Request::put("/v1/me/password", body).bearing(token(by))
            }
        }
    }

    /// What is true once a deed was acknowledged.
    fn take_down(&mut self, deed: &Deed, answer: &Answer) {
        let expected = match deed {
            Deed::SignIn => 201,
            Deed::LogOut(_) | Deed::EndOne { .. } => 204,
            Deed::Refresh(_) | Deed::EndOthers(_) | Deed::EndAll(_) | Deed::ChangePassword { .. } => 200,
        };
        assert_eq!(answer.status, expected, "{deed:?}: {answer:?}");
        match deed {
            Deed::SignIn => self.devices.push(Device::of(answer)),
            Deed::Refresh(at) => self.devices[*at].refreshed(answer),
            Deed::LogOut(at) | Deed::EndOne { which: at, .. } => self.bury(|other| other == *at),
            Deed::EndOthers(by) => self.bury_others(Some(*by)),
            Deed::EndAll(_) => self.bury_others(None),
            Deed::ChangePassword { by, new } => {
                self.password.clone_from(new);
                self.bury_others(Some(*by));
            }
        }
    }

    /// Finds out what became of a deed that was never answered: it is whole or absent. Answers how many sessions it may
    /// have left that nobody was told of.
    fn resolve(&mut self, deed: Deed, connection: &mut Connection) -> usize {
        match deed {
            Deed::SignIn => return 1,
            Deed::Refresh(at) => {
                // Whether it had happened or happens now: there is one successor, and asking again gives the same.
                let token = self.devices[at].refresh.clone();
                let first = refresh(connection, &token).expect(200);
                let again = refresh(connection, &token).expect(200);
                assert_eq!(first.text("/refresh_token"), again.text("/refresh_token"), "two successors of one token");
                self.devices[at].refreshed(&again);
            }
            Deed::LogOut(at) | Deed::EndOne { which: at, .. } => {
                if !self.lives(at, connection) {
                    self.bury(|other| other == at);
                }
            }
            Deed::EndOthers(by) => {
                if self.all_or_none_ended(Some(by), connection) {
                    self.bury_others(Some(by));
                }
            }
            Deed::EndAll(_) => {
                if self.all_or_none_ended(None, connection) {
                    self.bury_others(None);
                }
            }
            Deed::ChangePassword { by, new } => {
                let changed = connection.ask(&sign_in(&self.login, &new)).unwrap();
                assert!([201, 401].contains(&changed.status), "{changed:?}");
                let happened = changed.status == 201;
                let alone = self.devices.len() == 1;
                assert!(alone || self.all_or_none_ended(Some(by), connection) == happened, "half a change of password");
                if happened {
                    self.password = new;
                    self.bury_others(Some(by));
                    self.devices.push(Device::of(&changed));
                } else {
                    self.sign_in(connection);
                }
            }
        }
        0
    }

    /// Whether a device goes on; its refresh token and its access token must agree.
    fn lives(&mut self, at: usize, connection: &mut Connection) -> bool {
        let device = &mut self.devices[at];
        let accepted = me(connection, device);
        let answer = refresh(connection, &device.refresh);
        assert_eq!(answer.status, accepted, "half an end: {answer:?}");
        match answer.status {
            200 => device.refreshed(&answer),
            401 => return false,
            _ => panic!("{answer:?}"),
        }
        true
    }

    /// Whether all devices but `spared` were ended together; none, otherwise.
    fn all_or_none_ended(&mut self, spared: Option<usize>, connection: &mut Connection) -> bool {
        let living = (0..self.devices.len()).filter(|at| Some(*at) != spared).map(|at| self.lives(at, connection));
        let living: Vec<bool> = living.collect();
        assert!(living.iter().all(|lives| *lives == living[0]), "some ended, some not: {living:?}");
        living.first().is_some_and(|lives| !lives)
    }

    fn check_alive(&mut self, at: usize, connection: &mut Connection) {
        let device = &mut self.devices[at];
        if at % 2 == 1
            && let Some(former) = &device.former
        {
            // The acknowledged one is the only successor there is.
            let again = refresh(connection, former).expect(200);
            assert_eq!(again.text("/refresh_token"), device.refresh, "another successor than the one acknowledged");
        }
        assert_eq!(me(connection, device), 200, "acknowledged, and gone: {device:?}");
        let answer = refresh(connection, &device.refresh);
        assert_eq!(answer.status, 200, "acknowledged, and refused: {answer:?}");
        device.refreshed(&answer);
    }

    /// The list shows what was acknowledged, and beyond it at most what was in flight.
    fn check_list(&mut self, connection: &mut Connection, guests: usize) {
        let request = Request::get("/v1/sessions?limit=100").bearing(&self.devices[0].access);
        let answer = connection.ask(&request).unwrap().expect(200);
        let listed = answer.body["sessions"].as_array().unwrap();
        let mut listed: BTreeSet<String> = listed.iter().map(|session| text(&session["id"])).collect();
        for device in &self.devices {
            assert!(listed.remove(&device.session), "acknowledged, and not listed: {device:?}");
        }
        let new = listed.difference(&self.strangers).count();
        assert!(new <= guests, "{new} sessions that nobody asked for, {guests} at most were in flight");
        self.strangers = listed;
    }

    fn sign_in(&mut self, connection: &mut Connection) {
        let answer = connection.ask(&sign_in(&self.login, &self.password)).unwrap();
        self.take_down(&Deed::SignIn, &answer);
    }

    fn bury_others(&mut self, spared: Option<usize>) {
        self.strangers.clear();
        self.bury(|at| Some(at) != spared);
    }

    fn bury(&mut self, ended: impl Fn(usize) -> bool) {
        for at in (0..self.devices.len()).rev() {
            if ended(at) {
                self.dead.push(self.devices.remove(at));
            }
        }
    }
}

impl Device {
    fn of(answer: &Answer) -> Self {
        Self {
            session: answer.text("/session/id").to_owned(),
            access: answer.text("/access_token").to_owned(),
            refresh: answer.text("/refresh_token").to_owned(),
            former: None,
        }
    }

    fn refreshed(&mut self, answer: &Answer) {
        let next = Self::of(answer);
        assert_eq!(next.session, self.session, "refreshed into another session");
        let former = std::mem::replace(self, next).refresh;
        self.former = Some(former);
    }
}

fn sign_in(login: &str, password: &str) -> Request {
    Request::post("/v1/sessions", json!({ "login": login, "password": password }))
}

fn refreshing(token: &str) -> Request {
    Request::post("/v1/sessions/refresh", json!({ "refresh_token": token }))
}

fn refresh(connection: &mut Connection, token: &str) -> Answer {
    connection.ask(&refreshing(token)).unwrap()
}

/// What the server's own API says to an access token.
fn me(connection: &mut Connection, device: &Device) -> u16 {
    connection.ask(&Request::get("/v1/me").bearing(&device.access)).unwrap().status
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
