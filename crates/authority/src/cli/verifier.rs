//! `rescind verifiers`: who follows the running server; and how far an enforcement has come, in words.

use rescind_domain::clock::Timestamp;
use serde_json::{Value, json};

use super::failure::{Code, Failure};
use super::folder::{Absent, Context};
use super::output::Listing;
use super::time::{exact, shown};
use crate::feed::{Enforcement, Pending};
use crate::hint;

/// Lists the verifiers that follow the server that runs on the data folder.
pub(super) async fn list(context: &Context) -> Result<(), Failure> {
    let tool = context.open(Absent::Refuse).await?;
    let found = hint::verifiers(&tool.data.socket()).await;
    let found = found.map_err(|error| Failure::failed(format!("the running server does not answer: {error}")))?;
    let nobody = "no server runs on this data folder: start `rescind serve`, and verifiers connect to it";
    let verifiers = found.ok_or_else(|| Failure::Because(Code::NotFound, nobody.to_owned()))?;
    let mut listing =
        Listing::new(context.output, ["NAME", "CLIENT", "ADDRESS", "POSITION", "LEASE", "LEFT", "LAST ACK"]);
    listing.page(verifiers.into_iter().map(|verifier| (verifier.clone(), cells(&verifier))).collect())?;
    listing.end("nobody follows this server")
}

fn cells(verifier: &Value) -> [String; 7] {
    let text = |name: &str| verifier[name].as_str().unwrap_or("-").to_owned();
    let time = |name: &str| verifier[name].as_u64().map_or_else(|| "-".to_owned(), |millis| format!("{millis} ms"));
    let position = verifier["position"].to_string();
    let address = if verifier["connected"] == true { text("ip") } else { format!("{}, gone", text("ip")) };
    [text("name"), text("client_id"), address, position, time("lease_ms"), time("lease_left_ms"), time("acked_ms_ago")]
}

/// How far an enforcement has come, for programs.
pub(super) fn enforcement_json(enforcement: &Enforcement, now: Timestamp) -> Value {
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
pub(super) fn enforcement_lines(enforcement: &Enforcement, now: Timestamp) -> Vec<String> {
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
