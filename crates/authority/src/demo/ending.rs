//! What a key ends, and what is said of it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::SERVICES;
use super::api::{Enforcement, PATIENCE};
use super::device::{Device, Heard};

/// What can be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// One device, by an administrator.
    Phone,
    /// All devices of the user but the one that asks.
    Others,
    /// All devices of the user, by one of them.
    All,
    /// Every user's devices, by an administrator.
    Everyone,
}

/// An ending with those whom it concerns.
pub(super) struct Deed {
    /// The device that asks, where a device does.
    pub(super) by: Arc<Device>,
    pub(super) ended: Vec<Arc<Device>>,
    pub(super) kept: Vec<Arc<Device>>,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The line to show.
    pub(super) text: String,
    /// What was not as it must be.
    pub(super) faults: Vec<String>,
}

impl Deed {
    /// Nothing if nobody is signed in whom it would end.
    pub(super) fn of(ending: Ending, devices: &[Arc<Device>]) -> Option<Self> {
        let signed_in = devices.iter().filter(|device| device.is_signed_in());
        // The last one asks: so "the others" are not what the key before ends.
        let asks = signed_in.clone().next_back()?;
        let dies = |device: &&Arc<Device>| match ending {
            Ending::Phone => device.name == "Phone",
            Ending::Others => device.name != asks.name,
            Ending::All | Ending::Everyone => true,
        };
        let (ended, kept): (Vec<_>, Vec<_>) = signed_in.partition(dies);
        let owned = |devices: Vec<&Arc<Device>>| devices.into_iter().cloned().collect::<Vec<_>>();
        let deed = Self { by: Arc::clone(asks), ended: owned(ended), kept: owned(kept) };
        (!deed.ended.is_empty()).then_some(deed)
    }

    /// What came of it, asked for and answered at these times.
    pub(super) fn judge(
        &self,
        ending: Ending,
        (pressed, answered): (Duration, Duration),
        enforcement: &Enforcement,
        verifiers: usize,
    ) -> Outcome {
        let services = 0..SERVICES.len();
        let heard = |devices: &[Arc<Device>], service| {
            devices.iter().map(|device| (device.name, device.heard(service))).collect::<Vec<_>>()
        };
        let mut measured =
            Measured { after: Vec::new(), enforcement, verifiers, took: answered.saturating_sub(pressed) };
        let mut faults = Vec::new();
        for service in services {
            let ended = heard(&self.ended, service);
            // With several devices the service refuses once it refuses the last of them.
            let firsts: Option<Vec<Duration>> = ended.iter().map(|(_, heard)| heard.first_refused).collect();
            let last = firsts.and_then(|firsts| firsts.into_iter().max());
            measured.after.push(last.map(|last| last.saturating_sub(pressed)));
            faults.extend(
                ended.iter().filter_map(|(name, heard)| fault_of_ended(name, SERVICES[service], heard, answered)),
            );
            let kept = heard(&self.kept, service);
            faults.extend(
                kept.iter().filter_map(|(name, heard)| fault_of_kept(name, SERVICES[service], heard, answered)),
            );
        }
        if !enforcement.enforced || enforcement.confirmed != verifiers as u64 {
            faults.push(format!("{} of {verifiers} verifiers have confirmed it", enforcement.confirmed));
        }
        let names = |devices: &[Arc<Device>]| and(&devices.iter().map(|device| device.name).collect::<Vec<_>>());
        let (ended, kept) = (names(&self.ended), names(&self.kept));
        let what = match ending {
            Ending::Phone => format!("{ended} signed out"),
            Ending::Others => format!("{} signed the others out ({ended})", self.by.name),
            Ending::All => format!("{} signed out of all devices ({ended})", self.by.name),
            Ending::Everyone => format!("Everyone signed out ({ended})"),
        };
        let goes_on = if self.kept.is_empty() { String::new() } else { format!("; {kept} goes on") };
        Outcome { text: format!("{what}: {}{goes_on}", measured.text()), faults }
    }
}

/// What was measured.
struct Measured<'a> {
    /// For each service, how long after the press it had refused every device that was ended; nothing if it did not.
    after: Vec<Option<Duration>>,
    enforcement: &'a Enforcement,
    verifiers: usize,
    /// How long after the press the authority had answered.
    took: Duration,
}

impl Measured<'_> {
    fn text(&self) -> String {
        let mut text = "first refused by".to_owned();
        for (index, (name, after)) in SERVICES.iter().zip(&self.after).enumerate() {
            text.push_str(if index == 0 { " " } else { ", " });
            let _ = match (index, after) {
                (0, Some(after)) => write!(text, "{name} after {}", millis(*after)),
                (_, Some(after)) => write!(text, "{name} {}", millis(*after)),
                (_, None) => write!(text, "{name} never"),
            };
        }
        let (confirmed, took) = (self.enforcement.confirmed, millis(self.took));
        if self.enforcement.enforced {
            let _ = write!(text, "; enforced by {confirmed} of {} in {took}", self.verifiers);
        } else {
            let _ = write!(text, "; not enforced: confirmed by {confirmed} of {} in {took}", self.verifiers);
        }
        text
    }
}

/// What is wrong with what a service answered to a device that was signed out.
fn fault_of_ended(device: &str, service: &str, heard: &Heard, enforced: Duration) -> Option<String> {
    let patience = PATIENCE.as_secs();
    if heard.first_refused.is_none() {
        return Some(format!("{service} did not refuse {device} within {patience} s"));
    }
    if heard.last_accepted > Some(enforced) {
        return Some(format!("{service} accepted {device} after it was said to be enforced"));
    }
    if heard.revived {
        return Some(format!("{service} accepted {device} after it had refused it"));
    }
    (heard.last_refused <= Some(enforced)).then(|| format!("{service} answered {device} no more"))
}

/// What is wrong with what a service answered to a device that was not meant.
fn fault_of_kept(device: &str, service: &str, heard: &Heard, enforced: Duration) -> Option<String> {
    if heard.first_refused.is_some() {
        return Some(format!("{service} refused {device}, which goes on"));
    }
    (heard.last_accepted <= Some(enforced)).then(|| format!("{service} accepted {device} no more"))
}

/// Milliseconds with one decimal.
fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Names as in a sentence.
pub(super) fn and(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_line_says_when_each_service_refused_and_who_has_confirmed() {
        let enforcement = Enforcement { enforced: true, confirmed: 3 };
        let after = vec![Some(Duration::from_micros(1_840)), Some(ms(2)), Some(Duration::from_micros(12_160))];
        let mut measured = Measured { after, enforcement: &enforcement, verifiers: 3, took: ms(4) };
        let first = "first refused by catalog after 1.8 ms, cart 2.0 ms, payments 12.2 ms";
        assert_eq!(measured.text(), format!("{first}; enforced by 3 of 3 in 4.0 ms"));
        let late = Enforcement { enforced: false, confirmed: 2 };
        (measured.after[1], measured.enforcement) = (None, &late);
        let expected = "first refused by catalog after 1.8 ms, cart never, payments 12.2 ms; not enforced: confirmed \
                        by 2 of 3 in 4.0 ms";
        assert_eq!(measured.text(), expected);
    }

    #[test]
    fn an_ended_device_is_refused_for_good_from_the_answer_on() {
        let fine = Heard {
            first_refused: Some(ms(5)),
            last_accepted: Some(ms(4)),
            last_refused: Some(ms(11)),
            ..Heard::default()
        };
        let fault = |heard: Heard| fault_of_ended("Phone", "cart", &heard, ms(10)).unwrap_or_default();
        assert_eq!(fault(fine), "");
        assert!(fault(Heard { first_refused: None, ..fine }).contains("did not refuse"));
        assert!(fault(Heard { last_accepted: Some(ms(11)), ..fine }).contains("after it was said to be enforced"));
        assert!(fault(Heard { revived: true, ..fine }).contains("after it had refused it"));
        assert!(fault(Heard { last_refused: Some(ms(10)), ..fine }).contains("answered Phone no more"));
    }

    #[test]
    fn a_device_that_was_not_meant_is_accepted_all_along() {
        let fine = Heard { last_accepted: Some(ms(11)), ..Heard::default() };
        let fault = |heard: Heard| fault_of_kept("Laptop", "cart", &heard, ms(10)).unwrap_or_default();
        assert_eq!(fault(fine), "");
        assert!(fault(Heard { first_refused: Some(ms(9)), ..fine }).contains("which goes on"));
        assert!(fault(Heard { last_accepted: Some(ms(10)), ..fine }).contains("no more"));
    }

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        assert_eq!((and(&[]).as_str(), and(&["a"]).as_str(), and(&["a", "b", "c"]).as_str()), ("", "a", "a, b and c"));
    }
}
