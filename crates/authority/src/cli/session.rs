//! `rescind session`: ending one, and how sessions are shown.

use clap::Subcommand;
use rescind_domain::device::Device;
use rescind_domain::session::Session;
use rescind_domain::verbs::end_session;
use rescind_domain::verbs::list_sessions::Listed;
use rescind_wire::SessionId;
use serde_json::{Value, json};

use super::failure::Failure;
use super::folder::{ADMIN, Absent, Context, Tool, Waiting, read_reason};
use super::table::or_dash;
use super::time::{exact, shown};

/// What the reason is where none is given.
const REASON: &str = "signed out by an administrator";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// End one session: that device is signed out, and no other
    End {
        /// The session's id, as `rescind user sessions` lists it
        id: SessionId,
        /// Why, for the log
        #[arg(long, default_value = REASON, value_parser = read_reason)]
        reason: String,
        #[command(flatten)]
        waiting: Waiting,
    },
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let Command::End { id, reason, waiting } = command;
    let tool = context.open(Absent::Refuse).await?;
    end(&tool, id, reason, waiting).await
}

/// Ends a session. One that has ended already stays as it is, and no second entry is written.
pub(super) async fn end(tool: &Tool, id: SessionId, reason: String, waiting: Waiting) -> Result<(), Failure> {
    if let Some(receipt) = end_session::end_any(tool.world(), &ADMIN, id, reason).await? {
        return tool.ended(&receipt, &format!("session {id} has ended"), waiting).await;
    }
    tool.had_ended(id, format!("session {id} had ended before"), waiting).await
}

/// The head of a table of sessions.
pub(super) const HEAD: [&str; 6] = ["ID", "DEVICE", "SIGNED IN", "LAST ACTIVE", "ADDRESS", "CLIENT"];

/// A session of a list: for programs, and for people.
pub(super) fn row(listed: &Listed) -> (Value, [String; 6]) {
    let Listed { session, client, .. } = listed;
    let device = Device::from_user_agent(session.user_agent.as_deref().unwrap_or_default());
    let value = json!({
        "id": session.id,
        "user_id": session.user,
        "device": { "name": name(session), "browser": device.browser, "os": device.os, "kind": device.kind },
        "user_agent": session.user_agent,
        "ip": session.address,
        "started_at": exact(session.started_at),
        "last_seen_at": exact(session.last_seen_at),
        "expires_at": exact(session.expires_at),
        "client_id": client,
        "amr": session.amr,
        "remembered": session.remembered,
        "metadata": parsed(session.metadata.as_deref()),
    });
    let cells = [
        session.id.to_string(),
        name(session),
        shown(session.started_at),
        shown(session.last_seen_at),
        or_dash(session.address),
        client.to_string(),
    ];
    (value, cells)
}

/// The name that was given to a device, or the one made from its user agent.
pub(super) fn name(session: &Session) -> String {
    let made = || Device::from_user_agent(session.user_agent.as_deref().unwrap_or_default()).name;
    session.name.clone().unwrap_or_else(made)
}

/// Metadata as the object that it is.
pub(super) fn parsed(metadata: Option<&str>) -> Value {
    metadata.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}
