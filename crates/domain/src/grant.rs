//! Grants: what one user lets one client do.

use rescind_wire::{ClientId, UserId};

use crate::clock::Timestamp;

/// One client of one user. The row outlives the removal of the grant, so that whatever was issued before stays below its
/// cut (A18).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who grants.
    pub user: UserId,
    /// To whom.
    pub client: ClientId,
    /// When it was first made.
    pub created_at: Timestamp,
    /// The last revocation of it, its birth included (R3).
    pub cut: u64,
}
