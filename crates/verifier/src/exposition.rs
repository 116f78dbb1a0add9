//! Counters as Prometheus reads them (text format 0.0.4), those of the health report to begin with. Ids and secrets are in
//! none of it. Written by hand: it is a handful of lines, and a library would hold samples in memory until somebody came
//! for them.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use crate::counters::Health;

impl Health {
    /// The media type of [`exposition`](Self::exposition).
    pub const EXPOSITION_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// All of it in the text format of Prometheus, each family with its `HELP` and `TYPE`. What there is nothing to say
    /// about, a lease that was never granted for instance, is left out.
    pub fn exposition(&self) -> String {
        let mut page = Page::default();
        page.health(self);
        page.into_text()
    }

    fn write_state(&self, page: &mut Page) {
        let ready = u64::from(self.unavailable.is_none());
        page.gauge("rescind_verifier_ready", "Whether access tokens can be checked", ready);
        if let Some(position) = self.position {
            page.gauge("rescind_verifier_position", "The last entry of the log that it knows", position.number);
            page.family("rescind_verifier_epoch_info", "gauge", "The epoch of the log that it knows");
            page.sample("rescind_verifier_epoch_info", &format!("epoch=\"{}\"", position.epoch), 1);
        }
        page.gauge("rescind_verifier_floor", "The last entry that it may have forgotten", self.floor);
        page.gauge("rescind_verifier_entries", "Revocations that it remembers", self.entries);
        let help = "Entries of the log that there may be above the floor";
        page.gauge("rescind_verifier_entry_places", help, self.entries_room);
        page.gauge("rescind_verifier_keys", "Keys that it trusts", self.keys);
        page.gauge("rescind_verifier_cached_tokens", "Tokens that it remembers", self.cached);
        page.gauge("rescind_verifier_cache_places", "Tokens that it has room for", self.cache_room);
    }

    fn write_lease(&self, page: &mut Page) {
        if let Some(age) = self.echo_age {
            page.gauge("rescind_verifier_heard_seconds", "How long ago its lease was last extended", seconds(age));
        }
        if let Some(left) = self.lease_left {
            page.gauge("rescind_verifier_lease_seconds", "How long its lease still runs", seconds(left));
        }
        if let Some(connected) = self.connected {
            page.gauge("rescind_verifier_connected", "Whether there is a connection to the feed", u64::from(connected));
            let help = "Connections to the feed after the first";
            page.count("rescind_verifier_reconnects_total", help, self.reconnects);
        }
    }

    fn write_foreign(&self, page: &mut Page) {
        if self.foreign.is_empty() {
            return;
        }
        if let Some(after) = self.foreign_after {
            let help = "Tokens of other issuers that are not later than this time are refused";
            page.gauge("rescind_verifier_foreign_after_seconds", help, seconds(Duration::from_millis(after)));
        }
        let labels = |issuer: &str| format!("issuer=\"{}\"", issuer.replace('\\', "\\\\").replace('"', "\\\""));
        page.family("rescind_verifier_foreign_keys", "gauge", "Keys of other issuers that it trusts");
        for issuer in &self.foreign {
            page.sample("rescind_verifier_foreign_keys", &labels(issuer.issuer.as_str()), issuer.keys);
        }
        page.family("rescind_verifier_foreign_keys_seconds", "gauge", "How long ago these keys came");
        for issuer in &self.foreign {
            let Some(age) = issuer.keys_age else { continue };
            page.sample("rescind_verifier_foreign_keys_seconds", &labels(issuer.issuer.as_str()), seconds(age));
        }
    }

    fn write_counts(&self, page: &mut Page) {
        page.family("rescind_verifier_refused_total", "counter", "Access tokens refused, by reason");
        for (reason, count) in self.refusals {
            page.sample("rescind_verifier_refused_total", &format!("reason=\"{reason}\""), count);
        }
        page.count("rescind_verifier_cache_hits_total", "Tokens that were remembered", self.hits);
        page.count("rescind_verifier_cache_misses_total", "Tokens that were not", self.misses);
    }
}

/// Seconds as a decimal number.
pub fn seconds(duration: Duration) -> String {
    format!("{:.6}", duration.as_secs_f64())
}

/// A page being written. Names, labels and helps are written as they are given: they are the program's own words.
#[derive(Clone, Debug, Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// Begins a family of samples: its name, its type (`counter`, `gauge` or `histogram`), and what it counts, without the
    /// full stop.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}.\n# TYPE {name} {kind}");
    }

    /// Adds a sample; labels are like `result="ok",route="/v1/me"`, or empty.
    pub fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = match labels {
            "" => writeln!(self.text, "{name} {value}"),
            _ => writeln!(self.text, "{name}{{{labels}}} {value}"),
        };
    }

    /// Adds a counter without labels.
    pub fn count(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(name, "", value);
    }

    /// Adds a gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, "", value);
    }

    /// Adds what a health report tells.
    pub fn health(&mut self, health: &Health) {
        health.write_state(self);
        health.write_lease(self);
        health.write_foreign(self);
        health.write_counts(self);
    }

    /// The page.
    pub fn into_text(self) -> String {
        self.text
    }
}
