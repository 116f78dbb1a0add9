//! The single writer: applies what the authority's feed says, in the order in which it said it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rescind_wire::position::MAX_NUMBER;
use rescind_wire::{Change, Entry, Epochs, Jwk, Position, Scope};

use crate::generation::Generation;
use crate::keys::{InvalidKey, PinnedKeys};
use crate::rejected::Break;
use crate::verifier::Shared;

/// Keeps a [`Verifier`](crate::Verifier) current. There is one for each, and it is not [`Clone`]: two writers could
/// contradict each other.
pub struct Keeper {
    shared: Arc<Shared>,
    current: Option<Arc<Generation>>,
    generations: u64,
    /// What is in the table, and when it was written, in order, for the floor to find it again.
    remembered: VecDeque<(u64, u64, Scope)>,
    tag: Option<String>,
}

/// All that a verifier must know to begin.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The epochs of the log.
    pub epochs: Epochs,
    /// The last entry that is part of the snapshot.
    pub position: u64,
    /// The greatest position that may be forgotten (R10).
    pub floor: u64,
    /// When the entry at the floor was written, in milliseconds since the Unix epoch; 0 if the floor is. Tokens of other
    /// issuers that are not later are refused; where nothing is said, those that are not later than the snapshot's arrival.
    pub floor_at: Option<u64>,
    /// The longest lifetime that a token still alive may have, in seconds.
    pub longest_lifetime: u64,
    /// The signing keys that are trusted at `position`.
    pub keys: Vec<Jwk>,
    /// Every entry from `floor + 1` to `position`, in order.
    pub entries: Vec<Entry>,
}

/// What a verifier has, to ask the feed for what is missing only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its position.
    pub position: Position,
    /// The tag of the entry at that position, where the verifier has seen that entry (R9).
    pub tag: Option<String>,
}

/// What the feed said cannot be followed. Nothing that it would have allowed is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Entries came before any snapshot did.
    #[error("no snapshot yet")]
    NeverSynced,
    /// The feed was broken off before; a new snapshot is needed.
    #[error("broken off before: {0}")]
    Off(Break),
    /// An entry is missing: the feed is broken off.
    #[error("entry {expected} is missing, {got} came instead")]
    Gap {
        /// The entry that had to come.
        expected: u64,
        /// The entry that came.
        got: u64,
    },
    /// An entry adds a key that is none: the feed is broken off.
    #[error("entry {number} adds a bad key: {cause}")]
    Key {
        /// The entry.
        number: u64,
        /// What is wrong with the key.
        cause: InvalidKey,
    },
    /// There are more entries above the floor than there is room for: the feed is broken off.
    #[error("{entries} entries of the log are above the floor, and there is room for {room}")]
    Full {
        /// The entries above the floor.
        entries: u64,
        /// What [`Builder::revocations`](crate::Builder::revocations) set.
        room: u64,
    },
    /// The snapshot is older than what the verifier already has; it was ignored.
    #[error("a snapshot older than what is known")]
    OlderSnapshot,
    /// The snapshot is not one: entries are missing, or a key is none; it was ignored.
    #[error("a bad snapshot: {0}")]
    BadSnapshot(&'static str),
}

impl Keeper {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, current: None, generations: 0, remembered: VecDeque::new(), tag: None }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Begins anew from a snapshot, atomically: a check that runs meanwhile sees all of the old or all of the new.
    ///
    /// Within one epoch, a snapshot older than what is known is refused, the keys that were revoked stay revoked, the
    /// floor does not fall, and a lease that still runs goes on: the new table is at least as new as what it vouched
    /// for. Another epoch drops all that (R9); a former epoch never comes back. One that there is no
    /// [room](crate::Builder::revocations) for breaks the feed off.
    pub fn reset(&mut self, snapshot: Snapshot) -> Result<(), Broken> {
        self.make_room(snapshot.position.saturating_sub(snapshot.floor))?;
        complete(&snapshot)?;
        let former = self.current.clone();
        let same_epoch = match &former {
            Some(former) => continues(former, &snapshot)?,
            None => false,
        };
        let keys = PinnedKeys::new(&snapshot.keys).map_err(|_| Broken::BadSnapshot("a key is none"))?;
        let Snapshot { epochs, position, floor, floor_at, longest_lifetime, entries, .. } = snapshot;
        self.generations += 1;
        let generation = Generation::new(self.generations, epochs, keys, floor, longest_lifetime);
        generation.raise_floor_at(floor_at.unwrap_or_else(|| self.shared.clock().wall()));
        if same_epoch && let Some(former) = &former {
            for (key, number) in former.table().revoked_keys() {
                generation.revoke(number, 0, &Scope::Key { key });
            }
            generation.raise_floor(former.floor());
            generation.raise_floor_at(former.floor_at());
            generation.inherit_lease(former);
        }
        self.remembered.clear();
        self.tag = entries.last().map(|entry| entry.tag.clone());
        for entry in entries {
            if let Change::Revoke(scope) = entry.change {
                generation.revoke(entry.number, entry.at, &scope);
                self.remembered.push_back((entry.number, entry.at, scope));
            }
        }
        generation.publish(position);
        let generation = Arc::new(generation);
        self.current = Some(Arc::clone(&generation));
        self.shared.replace(generation);
        self.shared.tell();
        Ok(())
    }

    /// Applies entries that committed since. Those that the verifier already has are ignored. One that is missing, or
    /// adds a bad key, or that there is no [room](crate::Builder::revocations) for, breaks the feed off: the verifier refuses
    /// everything until the next [`reset`](Self::reset).
    pub fn apply(&mut self, entries: &[Entry]) -> Result<(), Broken> {
        let generation = Arc::clone(self.followed()?);
        let mut number = generation.number();
        let mut outcome = Ok(());
        for entry in entries {
            if entry.number <= number {
                continue;
            }
            outcome = self.apply_one(&generation, entry, number + 1);
            if outcome.is_err() {
                break;
            }
            number = entry.number;
        }
        generation.publish(number);
        match &outcome {
            Err(Broken::Gap { .. }) => generation.break_off(Break::Gap),
            Err(Broken::Full { .. }) => generation.break_off(Break::Full),
            Err(_) => generation.break_off(Break::Unreadable),
            Ok(()) => {}
        }
        self.shared.tell();
        outcome
    }

    /// Applies entries, and the floor and the longest lifetime that are told with them. The floor counts first, for the
    /// [room](crate::Builder::revocations) that it makes; then for those of these entries that are below it as well.
    pub fn advance(&mut self, entries: &[Entry], floor: u64, longest_lifetime: u64) -> Result<(), Broken> {
        self.raise_floor(floor);
        self.apply(entries)?;
        self.raise_floor(floor);
        self.set_longest_lifetime(longest_lifetime);
        Ok(())
    }

    fn apply_one(&mut self, generation: &Generation, entry: &Entry, expected: u64) -> Result<(), Broken> {
        if entry.number != expected {
            return Err(Broken::Gap { expected, got: entry.number });
        }
        self.has_room(entry.number.saturating_sub(generation.floor()))?;
        match &entry.change {
            Change::Revoke(scope) => {
                generation.revoke(entry.number, entry.at, scope);
                self.remembered.push_back((entry.number, entry.at, scope.clone()));
            }
            Change::AddKey(key) => {
                let number = entry.number;
                generation.add_key(key).map_err(|cause| Broken::Key { number, cause })?;
            }
        }
        self.tag = Some(entry.tag.clone());
        Ok(())
    }

    /// Breaks the feed off if there is no room for so many entries above the floor. None is forgotten for their sake.
    pub(crate) fn make_room(&mut self, entries: u64) -> Result<(), Broken> {
        let room = self.has_room(entries);
        if room.is_err() {
            self.shared.set_full();
            self.break_off(Break::Full);
        }
        room
    }

    fn has_room(&self, entries: u64) -> Result<(), Broken> {
        let room = self.shared.revocations();
        if entries > room { Err(Broken::Full { entries, room }) } else { Ok(()) }
    }

    /// The authority says that nothing up to `floor` needs to be remembered (R10): tokens below it are refused from now
    /// on, then what lies below it is forgotten. A floor lower than the present one is ignored.
    pub fn raise_floor(&mut self, floor: u64) {
        let Some(generation) = &self.current else { return };
        generation.raise_floor(floor);
        let floor = generation.floor();
        let below = self.remembered.iter().take_while(|(number, ..)| *number <= floor);
        generation.raise_floor_at(below.map(|(_, at, _)| *at).max().unwrap_or(0));
        while let Some((_, _, scope)) = self.remembered.pop_front_if(|(number, ..)| *number <= floor) {
            generation.table().forget(&scope, floor);
        }
    }

    /// The authority says how long a token that is still alive may live, in seconds.
    pub fn set_longest_lifetime(&mut self, seconds: u64) {
        if let Some(generation) = &self.current {
            generation.set_longest_lifetime(seconds);
        }
    }

    /// The authority has echoed an acknowledgement: the verifier may accept tokens until `deadline` (boot time). Call it
    /// only after everything that the acknowledgement covered was applied. An earlier deadline than the present one
    /// changes nothing.
    pub fn extend(&mut self, deadline: Duration) -> Result<(), Broken> {
        self.followed()?.extend(deadline, self.shared.clock().boottime());
        Ok(())
    }

    /// Drops the lease for good: the verifier refuses everything until the next [`reset`](Self::reset).
    pub fn break_off(&mut self, cause: Break) {
        if let Some(generation) = &self.current {
            generation.break_off(cause);
            self.shared.tell();
        }
    }

    /// What to name in the hello; nothing if a whole snapshot is needed.
    pub fn held(&self) -> Option<Held> {
        let generation = self.followed().ok()?;
        Some(Held { position: generation.position(), tag: self.tag.clone() })
    }

    fn followed(&self) -> Result<&Arc<Generation>, Broken> {
        let generation = self.current.as_ref().ok_or(Broken::NeverSynced)?;
        match generation.broken() {
            Some(cause) => Err(Broken::Off(cause)),
            None => Ok(generation),
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("held", &self.held()).finish_non_exhaustive()
    }
}

/// Positions are dense, so a snapshot that lost entries shows it.
fn complete(snapshot: &Snapshot) -> Result<(), Broken> {
    let Snapshot { floor, position, entries, .. } = snapshot;
    if floor > position || *position > MAX_NUMBER {
        return Err(Broken::BadSnapshot("a position that is none"));
    }
    if !entries.iter().map(|entry| entry.number).eq(floor + 1..=*position) {
        return Err(Broken::BadSnapshot("entries are missing"));
    }
    Ok(())
}

/// Whether the snapshot is of the same epoch; refuses one of the past.
fn continues(former: &Generation, snapshot: &Snapshot) -> Result<bool, Broken> {
    if snapshot.epochs.current == former.epochs.current {
        return if snapshot.position < former.number() { Err(Broken::OlderSnapshot) } else { Ok(true) };
    }
    if former.epochs.former.iter().any(|(epoch, _)| *epoch == snapshot.epochs.current) {
        return Err(Broken::OlderSnapshot);
    }
    Ok(false)
}
