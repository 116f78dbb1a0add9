//! `rescind verifiers`: who follows the running server.

use serde_json::Value;

use super::failure::{Code, Failure};
use super::folder::{Absent, Context};
use super::output::Listing;
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
