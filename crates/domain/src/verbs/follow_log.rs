//! Where a verifier that connects begins to follow the log, and what its tag proves (R9).

use std::time::Duration;

use rescind_wire::{ClientId, Epochs, Jwk, KeyId, Position, Standing, Thing, TokenId};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::key::{KeyRow, Purpose};
use crate::revocation::Tag;
use crate::standing::StoreCuts;
use crate::store::View;
use crate::verbs::keep_house;
use crate::world::World;

/// What a verifier is told first.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The head of the log.
    pub head: Position,
    /// The greatest position that may be forgotten.
    pub floor: u64,
    /// When what may be forgotten was written; nothing if that is not known.
    pub floor_at: Option<Timestamp>,
    /// The longest lifetime that a token still alive may have.
    pub longest: Duration,
    /// Entries after this one are missing.
    pub after: u64,
    /// The epochs and the signing keys, where the verifier needs a whole snapshot.
    pub snapshot: Option<(Epochs, Vec<Jwk>)>,
    /// The verifier showed a tag that this authority never made.
    pub forged: bool,
    /// The verifier showed a tag that this authority did make, of an entry that it does not have: proof that the store
    /// went back (R9).
    pub proof: Option<(Position, Tag)>,
}

/// When all that lies at or below the floor was written, as far as is known. The clocks of a server and of a command line
/// beside it may differ, so the latest of some of the last counts.
pub fn written_by(view: &dyn View, floor: u64) -> Result<Option<Timestamp>, Error> {
    const LOOK: u32 = 100;
    if floor == 0 {
        return Ok(Some(Timestamp(0)));
    }
    Ok(view.log_before(floor.saturating_add(1), LOOK)?.into_iter().map(|row| row.at).max())
}

/// What of the token that a client showed may have been ended since.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The client, which acts for itself.
    pub client: ClientId,
    /// The token.
    pub token: TokenId,
    /// The key that signed it.
    pub key: KeyId,
    /// Its position.
    pub position: Position,
}

/// Whether nothing of this was ended since, as the store says now (R3). The token may have expired.
pub async fn may_follow(world: &World, shown: Shown) -> Result<bool, Error> {
    world
        .store
        .read("may_follow", move |view| {
            let thing = Thing {
                user: None,
                session: None,
                client: Some(&shown.client),
                token: Some(&shown.token),
                key: Some(&shown.key),
                position: shown.position,
                authorized: shown.position,
            };
            Ok(StoreCuts::new(view)?.judge(&thing)? == Standing::Alive)
        })
        .await
}

/// Finds out where to begin for a verifier that holds everything up to a position, and the tag of the entry there.
pub async fn begin(world: &World, held: Option<(Position, Option<String>)>) -> Result<Beginning, Error> {
    let inner = world.clone();
    world
        .store
        .read("begin_to_follow", move |view| {
            let log = view.head()?;
            let longest = keep_house::longest_lifetime(&view.lifetimes()?, &inner.policy, inner.now());
            let mut beginning = Beginning {
                head: log.position,
                floor: log.floor,
                floor_at: written_by(view, log.floor)?,
                longest,
                after: log.floor,
                snapshot: None,
                forged: false,
                proof: None,
            };
            if let Some((position, tag)) = held {
                let current = position.epoch == log.position.epoch;
                let here = view.log_entry(position.number)?.filter(|row| row.position == position);
                let tag = tag.map(|text| text.parse::<Tag>());
                let known = match (&tag, &here) {
                    (None, _) => position.number <= log.position.number,
                    (Some(Ok(tag)), Some(row)) => *tag == row.tag,
                    _ => false,
                };
                if current && known {
                    beginning.after = position.number;
                    return Ok(beginning);
                }
                if let Some(tag) = tag {
                    let made_here = match tag {
                        Ok(tag) => tag.was_made(&view.keys()?, &inner, position)?.then_some(tag),
                        Err(_) => None,
                    };
                    beginning.forged = made_here.is_none();
                    beginning.proof = made_here.filter(|_| current).map(|tag| (position, tag));
                }
            }
            let signing = |row: &KeyRow| row.revoked.is_none() && matches!(row.purpose, Purpose::Sign(_));
            let keys = view.keys()?.into_iter().filter(signing).filter_map(|row| row.public).collect();
            beginning.snapshot = Some((view.epochs()?, keys));
            Ok(beginning)
        })
        .await
}
