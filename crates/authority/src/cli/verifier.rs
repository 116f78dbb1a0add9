//! `rescind verifiers`: who follows the running server.

use rescind_domain::clock::Timestamp;
use rescind_wire::Position;
use serde_json::Value;

use super::failure::{Code, Failure};
use super::folder::{Absent, Context};
use super::output::Listing;
use super::time::{exact, shown};
use crate::hint;

/// Lists the verifiers that follow the server that runs on the data folder.
pub(super) async fn list(context: &Context) -> Result<(), Failure> {
    let tool = context.open(Absent::Refuse).await?;
    let found = hint::verifiers(&tool.data).await;
    let found = found.map_err(|error| {
        let message = format!("the running server does not answer: {error}; if it starts or stops just now, ask again");
        Failure::failed(message)
    })?;
    let nobody = "no server runs on this data folder: start `rescind serve`, and verifiers connect to it";
    let verifiers = found.ok_or_else(|| Failure::Because(Code::NotFound, nobody.to_owned()))?;
    let mut listing =
        Listing::new(context.output, ["NAME", "CLIENT", "ADDRESS", "POSITION", "LEASE", "LEFT", "LAST ACK", "SINCE"]);
    listing.page(verifiers.into_iter().map(row).collect())?;
    listing.end("nobody follows this server")
}

/// For programs, and for people: a verifier that has not applied the whole log shows how much there is of it.
fn row(mut verifier: Value) -> (Value, [String; 8]) {
    let since = verifier["since"].as_u64().map(Timestamp);
    let text = |name: &str| verifier[name].as_str().unwrap_or("-").to_owned();
    let time = |name: &str| verifier[name].as_u64().map_or_else(|| "-".to_owned(), |millis| format!("{millis} ms"));
    let head = verifier["head"].as_str().and_then(|head| head.parse().ok()).map(|head: Position| head.number);
    let position = match head {
        Some(head) if verifier["position"] != head => format!("{} of {head}", verifier["position"]),
        _ => verifier["position"].to_string(),
    };
    let address = if verifier["connected"] == true { text("ip") } else { format!("{}, gone", text("ip")) };
    let [lease, left, acked] = ["lease_ms", "lease_left_ms", "acked_ms_ago"].map(time);
    let since_then = since.map_or_else(|| "-".to_owned(), shown);
    let cells = [text("name"), text("client_id"), address, position, lease, left, acked, since_then];
    verifier["since"] = since.map(exact).into();
    (verifier, cells)
}
