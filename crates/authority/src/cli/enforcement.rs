//! How far an enforcement has come, for programs and in words.

use rescind_domain::clock::Timestamp;
use serde_json::{Value, json};

use super::time::{exact, shown};
use crate::feed::{Enforcement, Pending};

/// How far an enforcement has come, for programs.
pub(super) fn as_json(enforcement: &Enforcement, now: Timestamp) -> Value {
    let pending = |pending: &Pending| {
        let bound_at = exact(now.after(pending.bound_in));
        json!({ "verifier": pending.verifier, "client": pending.client, "bound_at": bound_at })
    };
    json!({
        "enforced": enforcement.enforced,
        "confirmed": enforcement.confirmed,
        "lapsed": enforcement.lapsed,
        "pending": enforcement.pending.iter().map(pending).collect::<Vec<_>>(),
        "took_ms": u64::try_from(enforcement.took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The same for people.
pub(super) fn as_lines(enforcement: &Enforcement, now: Timestamp) -> Vec<String> {
    let Enforcement { confirmed, lapsed, .. } = enforcement;
    if enforcement.enforced {
        let lapsed = if *lapsed == 0 { String::new() } else { format!(", {lapsed} cut off") };
        let of = confirmed + enforcement.lapsed;
        return vec![format!(
            "enforced: {confirmed} of {of} verifiers have confirmed{lapsed} ({} ms)",
            enforcement.took.as_millis()
        )];
    }
    let missing = |pending: &Pending| {
        let client = pending.client.as_ref().map(|client| format!(" of client {client}")).unwrap_or_default();
        format!("  {}{client}, bound by {}", pending.verifier, shown(now.after(pending.bound_in)))
    };
    let head = format!("not enforced yet: {confirmed} have confirmed; who may still accept it:");
    std::iter::once(head).chain(enforcement.pending.iter().map(missing)).collect()
}
