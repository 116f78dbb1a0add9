//! Positions of the revocation log, and the epochs that they are counted in (R9).

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_DNSSEC;
use serde::{Deserialize, Serialize};

use crate::id::{InvalidId, decode_base32, text_serde};

/// A random id of the log: a restore, or a fail-over that may have lost entries, starts a new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch([u8; 10]);

impl Epoch {
    /// The epoch of these 10 bytes, which its maker drew from a CSPRNG.
    pub const fn from_bytes(bytes: [u8; 10]) -> Self {
        Self(bytes)
    }

    /// The 10 bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 10] {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_DNSSEC.encode(&self.0))
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Epoch {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        decode_base32(text).map(Self).ok_or(InvalidPosition)
    }
}

text_serde!(Epoch);

/// A point of the log: everything up to and including entry `number` of `epoch` had happened.
///
/// The text form, also the claim `rev`, is `epoch.number`. Numbers go on counting when an epoch ends: the next epoch's
/// first entry has the number after the last one that the former epoch kept. So two positions that are both
/// [listed](Epochs::place) compare by number alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The epoch that the number is counted in.
    pub epoch: Epoch,
    /// The entry's number; 0 before the first entry of a fresh store.
    pub number: u64,
}

/// The text is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position: expected 16 characters of 0-9 a-v, a dot, and a number without leading zeros")]
pub struct InvalidPosition;

impl From<InvalidId> for InvalidPosition {
    fn from(_: InvalidId) -> Self {
        Self
    }
}

/// Numbers are stored and compared as signed 64-bit integers by the engines below, so nothing above is a number.
pub const MAX_NUMBER: u64 = i64::MAX as u64;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.number)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (epoch, digits) = text.split_once('.').ok_or(InvalidPosition)?;
        let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        let number = digits.parse().ok().filter(|n| canonical && *n <= MAX_NUMBER).ok_or(InvalidPosition)?;
        Ok(Self { epoch: epoch.parse()?, number })
    }
}

text_serde!(Position);

/// The current epoch and the former ones, in order, each with the number at which it ended (R9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    /// Former epochs, oldest first, each with the last number that is still part of the log.
    pub former: Vec<(Epoch, u64)>,
    /// The epoch that entries are written in now.
    pub current: Epoch,
}

/// Where a position lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the log, at this number; comparable with every other listed number.
    Listed(u64),
    /// In the current epoch, beyond the head. At the primary this proves that the store went back (R9); a verifier that
    /// lags cannot know, and treats it as listed.
    BeyondHead(u64),
    /// Beyond the number at which its epoch ended: part of a history that was lost.
    BeyondEnd,
    /// Of an epoch that this log never had.
    Unlisted,
}

impl Epochs {
    /// Epochs of a log that never had another one.
    pub const fn first(current: Epoch) -> Self {
        Self { former: Vec::new(), current }
    }

    /// Where `position` lies in a log whose head is `head`.
    pub fn place(&self, position: Position, head: u64) -> Place {
        if position.epoch == self.current {
            return if position.number <= head {
                Place::Listed(position.number)
            } else {
                Place::BeyondHead(position.number)
            };
        }
        match self.former.iter().find(|(epoch, _)| *epoch == position.epoch) {
            Some((_, end)) if position.number <= *end => Place::Listed(position.number),
            Some(_) => Place::BeyondEnd,
            None => Place::Unlisted,
        }
    }

    /// The number after which whoever has read up to `position` goes on in a log whose head is `head`: that position, or the
    /// end of its epoch, where it was beyond that, in a history that was lost. Nothing if this log never had such a position.
    pub fn go_on(&self, position: Position, head: u64) -> Option<u64> {
        match self.place(position, head) {
            Place::Listed(number) => Some(number),
            Place::BeyondEnd => self.former.iter().find(|(epoch, _)| *epoch == position.epoch).map(|(_, end)| *end),
            Place::BeyondHead(_) | Place::Unlisted => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(n: u8) -> Epoch {
        Epoch::from_bytes([n; 10])
    }

    #[test]
    fn a_position_reads_back_what_it_wrote_and_nothing_else() {
        let position = Position { epoch: epoch(9), number: 42 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in [
            "",
            ".",
            "1.1",
            "x.1",
            &format!("{}.042", epoch(9)),
            &format!("{}.+4", epoch(9)),
            &format!("{}.", epoch(9)),
        ] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
        assert!(format!("{}.{}", epoch(9), MAX_NUMBER).parse::<Position>().is_ok());
        assert!(format!("{}.{}", epoch(9), MAX_NUMBER + 1).parse::<Position>().is_err());
    }

    #[test]
    fn r9_a_position_of_a_lost_or_foreign_history_is_not_listed() {
        let epochs = Epochs { former: vec![(epoch(1), 10)], current: epoch(2) };
        let place = |e, number| epochs.place(Position { epoch: epoch(e), number }, 15);
        assert_eq!(place(1, 10), Place::Listed(10));
        assert_eq!(place(1, 11), Place::BeyondEnd);
        assert_eq!(place(2, 15), Place::Listed(15));
        assert_eq!(place(2, 16), Place::BeyondHead(16));
        assert_eq!(place(3, 1), Place::Unlisted);
    }

    #[test]
    fn r9_who_read_on_in_a_lost_history_goes_on_where_it_parted() {
        let epochs = Epochs { former: vec![(epoch(1), 10), (epoch(2), 12)], current: epoch(3) };
        let go_on = |e, number| epochs.go_on(Position { epoch: epoch(e), number }, 15);
        assert_eq!([go_on(1, 9), go_on(1, 10), go_on(1, 11), go_on(2, 99)], [Some(9), Some(10), Some(10), Some(12)]);
        assert_eq!([go_on(3, 0), go_on(3, 15), go_on(3, 16), go_on(4, 1)], [Some(0), Some(15), None, None]);
    }
}
