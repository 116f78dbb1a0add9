//! Revocations of what other issuers gave out. Their tokens carry no position, so they are cut by time.

use std::sync::atomic::{AtomicU64, Ordering};

use papaya::HashMap;
use rescind_wire::foreign::is_cut;
use rescind_wire::{ForeignClaims, ForeignId, Issuer, Scope};

use crate::generation::Generation;
use crate::rejected::Rejected;

/// What a revocation covers.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Covered {
    Issuer(Issuer),
    Subject(Issuer, ForeignId),
    Session(Issuer, ForeignId),
    /// Tokens that name no session, of an issuer: they may be of the one that was revoked.
    Unsessioned(Issuer),
    /// The same, of a subject.
    UnsessionedOf(Issuer, ForeignId),
}

/// The last entry about something, and the latest time that an entry about it has.
#[derive(Clone, Copy)]
struct Cut {
    number: u64,
    at: u64,
}

/// Shared by one writer and any number of readers, as the table that it is part of.
#[derive(Default)]
pub(crate) struct ForeignCuts {
    cuts: HashMap<Covered, Cut>,
    /// The last entry that ended everyone, whoever issued their tokens; 0 without any.
    everyone: AtomicU64,
    everyone_at: AtomicU64,
}

impl ForeignCuts {
    /// Everyone was revoked: whoever asks for that does not mean all but those whom others signed in. Never forgotten, for
    /// two numbers cost nothing.
    pub(crate) fn cut_everyone(&self, number: u64, at: u64) {
        self.everyone_at.fetch_max(at, Ordering::Release);
        self.everyone.fetch_max(number, Ordering::Release);
    }

    pub(crate) fn add(&self, number: u64, at: u64, scope: &Scope) {
        let cuts = self.cuts.pin();
        for covered in covered(scope) {
            let before = cuts.get(&covered).map_or(0, |cut| cut.at);
            cuts.insert(covered, Cut { number, at: at.max(before) });
        }
    }

    pub(crate) fn forget(&self, scope: &Scope, floor: u64) {
        let cuts = self.cuts.pin();
        for covered in covered(scope) {
            let _ = cuts.remove_if(&covered, |_, cut| cut.number <= floor);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.cuts.len()
    }

    /// The kind of the first revocation that covers a token, and its entry.
    fn find(&self, claims: &ForeignClaims, tolerance: u64) -> Option<(&'static str, u64)> {
        let everyone = self.everyone.load(Ordering::Acquire);
        if everyone != 0 && is_cut(claims.iat, self.everyone_at.load(Ordering::Acquire), tolerance) {
            return Some(("everyone", everyone));
        }
        let (issuer, subject) = (|| claims.iss.clone(), || claims.sub.clone());
        let sessions = match &claims.sid {
            Some(sid) => [Some(Covered::Session(issuer(), sid.clone())), None],
            None => [Some(Covered::Unsessioned(issuer())), Some(Covered::UnsessionedOf(issuer(), subject()))],
        };
        let sessions = sessions.into_iter().flatten().map(|covered| ("foreign_session", covered));
        let others =
            [("foreign_subject", Covered::Subject(issuer(), subject())), ("foreign_issuer", Covered::Issuer(issuer()))];
        let cuts = self.cuts.pin();
        sessions.chain(others).find_map(|(kind, covered)| {
            let cut = cuts.get(&covered).filter(|cut| is_cut(claims.iat, cut.at, tolerance))?;
            Some((kind, cut.number))
        })
    }
}

/// What a scope covers of other issuers' tokens.
fn covered(scope: &Scope) -> Vec<Covered> {
    match scope {
        Scope::ForeignIssuer { issuer } => vec![Covered::Issuer(issuer.clone())],
        Scope::ForeignSubject { issuer, subject } => vec![Covered::Subject(issuer.clone(), subject.clone())],
        Scope::ForeignSession { issuer, session, subject } => {
            let unsessioned = match subject {
                Some(subject) => Covered::UnsessionedOf(issuer.clone(), subject.clone()),
                None => Covered::Unsessioned(issuer.clone()),
            };
            vec![Covered::Session(issuer.clone(), session.clone()), unsessioned]
        }
        Scope::Everyone { .. }
        | Scope::Client { .. }
        | Scope::User { .. }
        | Scope::Grant { .. }
        | Scope::Session { .. }
        | Scope::Token { .. }
        | Scope::Key { .. } => Vec::new(),
    }
}

impl Generation {
    /// Judges a token of another issuer. Where nothing is newer than what it was last checked against, only what was
    /// forgotten is looked at.
    pub(crate) fn judge_foreign(
        &self,
        claims: &ForeignClaims,
        tolerance: u64,
        nothing_newer: bool,
    ) -> Result<(), Rejected> {
        if !nothing_newer && let Some((scope, number)) = self.table().foreign().find(claims, tolerance) {
            return Err(Rejected::Revoked { scope, number });
        }
        // Loaded last: whoever missed a record that was being forgotten sees until when what was forgotten was written.
        match self.floor_at() {
            0 => Ok(()),
            at if is_cut(claims.iat, at, tolerance) => Err(Rejected::BelowFloor),
            _ => Ok(()),
        }
    }
}
