//! Entries as they travel: many in one message, and never more than a verifier takes.

use axum::extract::ws::Utf8Bytes;
use rescind_wire::Entry;
use rescind_wire::feed::{Entries, MAX_ENTRIES, MAX_MESSAGE, Message};

/// How many entries are sent in one message: some 110 KB, which a line takes in ten seconds that is no faster than a modem.
/// [`MAX_ENTRIES`] is what a verifier has to be ready for.
pub(super) const TOGETHER: usize = 512;

const _: () = assert!(TOGETHER <= MAX_ENTRIES, "a verifier takes it");

/// What is told with entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// The greatest position that may be forgotten.
    pub(super) floor: u64,
    /// The longest lifetime of tokens, in seconds.
    pub(super) longest_lifetime: u64,
}

/// The messages with these entries, in order. Without any it is one all the same, for what is told with them.
pub(super) fn frames(entries: &[Entry], beside: Beside) -> Vec<Utf8Bytes> {
    let mut frames = Vec::new();
    if entries.is_empty() {
        fit(entries, beside, &mut frames);
    }
    for entries in entries.chunks(TOGETHER) {
        fit(entries, beside, &mut frames);
    }
    frames
}

/// Halves what is longer than a message may be. One entry never is: what others may choose of it is bounded.
fn fit(entries: &[Entry], beside: Beside, frames: &mut Vec<Utf8Bytes>) {
    let Beside { floor, longest_lifetime } = beside;
    let frame = text(&Message::Entries(Entries { entries: entries.to_vec(), floor, longest_lifetime }));
    if frame.len() <= MAX_MESSAGE || entries.len() < 2 {
        frames.push(frame.into());
        return;
    }
    let (former, latter) = entries.split_at(entries.len() / 2);
    fit(former, beside, frames);
    fit(latter, beside, frames);
}

/// A message as it is sent.
pub(super) fn text(message: &Message) -> String {
    // Strings and numbers: nothing of it can fail.
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rescind_wire::{Change, Scope};

    use super::*;

    const BESIDE: Beside = Beside { floor: 3, longest_lifetime: 300 };

    /// As long as an entry can be made: each of these bytes is written as two.
    fn longest(number: u64) -> Entry {
        let (issuer, id) = (format!("https://{}", "x".repeat(247)), "\"".repeat(255));
        let scope = Scope::ForeignSession {
            issuer: issuer.parse().expect("an issuer"),
            session: id.parse().expect("an id"),
            subject: Some(id.parse().expect("an id")),
        };
        Entry { number, at: u64::MAX, change: Change::Revoke(scope), tag: "t".repeat(86) }
    }

    fn read(frames: &[Utf8Bytes]) -> Vec<Entries> {
        let read = |frame: &Utf8Bytes| match serde_json::from_str(frame) {
            Ok(Message::Entries(entries)) => entries,
            other => panic!("{other:?}"),
        };
        frames.iter().map(read).collect()
    }

    #[test]
    fn many_long_entries_travel_in_order_in_messages_within_both_limits() {
        let entries: Vec<Entry> = (4..5_004).map(longest).collect();
        let frames = frames(&entries, BESIDE);
        assert!(frames.iter().all(|frame| frame.len() <= MAX_MESSAGE));
        let read = read(&frames);
        assert!(read.iter().all(|frame| (1..=MAX_ENTRIES).contains(&frame.entries.len())));
        assert!(read.iter().all(|frame| (frame.floor, frame.longest_lifetime) == (3, 300)));
        assert!(read.iter().flat_map(|frame| &frame.entries).eq(&entries));
    }

    #[test]
    fn what_is_too_long_is_halved_until_it_fits() {
        let tag = "t".repeat(MAX_MESSAGE / 5);
        let entries: Vec<Entry> = (4..20).map(|number| Entry { tag: tag.clone(), ..longest(number) }).collect();
        let frames = frames(&entries, BESIDE);
        assert!(frames.len() >= 4 && frames.iter().all(|frame| frame.len() <= MAX_MESSAGE));
        assert!(read(&frames).iter().flat_map(|frame| &frame.entries).eq(&entries));
    }

    #[test]
    fn what_is_told_without_entries_is_told_once() {
        let read = read(&frames(&[], BESIDE));
        assert_eq!(read, [Entries { entries: Vec::new(), floor: 3, longest_lifetime: 300 }]);
    }
}
