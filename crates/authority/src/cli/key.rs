//! `rescind key`: server keys.

use clap::Subcommand;
use rescind_domain::key::{KeyRow, Purpose};
use rescind_domain::verbs::administer_keys;
use rescind_wire::KeyId;
use serde_json::{Value, json};

use super::failure::Failure;
use super::folder::{ADMIN, Absent, Context, Tool, Waiting, confirmed, read_reason, server_json};
use super::output::Listing;
use super::time::{exact, shown};

const ONLY: &str = "Only for this purpose: EdDSA, ES256, RS256 or HMAC-SHA256";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the keys, revoked ones too
    List,
    /// Make a new key for each purpose; the old ones verify for as long as their tokens can live
    Rotate {
        #[arg(long, value_name = "PURPOSE", value_parser = read_purpose, help = ONLY)]
        only: Option<Purpose>,
    },
    /// Revoke a key that may have leaked, with everything that was made with it; a new one takes its place
    Compromise {
        /// The key's id
        kid: KeyId,
        /// Why, for the log
        #[arg(long, value_parser = read_reason)]
        reason: String,
        #[command(flatten)]
        waiting: Waiting,
    },
}

fn read_purpose(text: &str) -> Result<Purpose, String> {
    text.parse().map_err(|_| "EdDSA, ES256, RS256 and HMAC-SHA256 are possible".to_owned())
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let tool = context.open(Absent::Refuse).await?;
    match command {
        Command::List => list(&tool, context).await,
        Command::Rotate { only } => rotate(&tool, context, only).await,
        Command::Compromise { kid, reason, waiting } => compromise(&tool, kid, reason, waiting).await,
    }
}

async fn list(tool: &Tool, context: &Context) -> Result<(), Failure> {
    let keys = administer_keys::list_keys(tool.world(), &ADMIN).await?;
    let mut listing = Listing::new(context.output, ["KEY", "PURPOSE", "STATE", "CREATED"]);
    listing.page(keys.iter().map(row).collect())?;
    listing.end("no keys")
}

async fn rotate(tool: &Tool, context: &Context, only: Option<Purpose>) -> Result<(), Failure> {
    let made = administer_keys::rotate_keys(tool.world(), &ADMIN, only).await?;
    let answer = tool.ask_for_all().await?;
    let value = json!({ "keys": made.iter().map(key_json).collect::<Vec<_>>(), "server": server_json(answer) });
    let lines: Vec<String> = made.iter().map(|key| format!("{} is the new key for {}", key.id, key.purpose)).collect();
    let said = context.output.answer(&value, &lines);
    confirmed(answer).and(said)
}

/// Revokes a key that may have leaked.
pub(super) async fn compromise(tool: &Tool, kid: KeyId, reason: String, waiting: Waiting) -> Result<(), Failure> {
    let done = format!("key {kid} is revoked, and everything that was made with it");
    let receipt = administer_keys::compromise_key(tool.world(), &ADMIN, kid, reason, None).await?;
    tool.ended(&receipt, &done, waiting).await
}

fn row(key: &KeyRow) -> (Value, [String; 4]) {
    let state = match (key.revoked, key.superseded_at) {
        (Some(number), _) => format!("revoked ({number})"),
        (None, Some(at)) => format!("superseded {}", shown(at)),
        (None, None) => "current".to_owned(),
    };
    (key_json(key), [key.id.to_string(), key.purpose.to_string(), state, shown(key.created_at)])
}

/// Never its secret part.
fn key_json(key: &KeyRow) -> Value {
    let state = match (key.revoked, key.superseded_at) {
        (Some(_), _) => "revoked",
        (None, Some(_)) => "superseded",
        (None, None) => "current",
    };
    json!({
        "kid": key.id,
        "purpose": key.purpose.as_str(),
        "state": state,
        "public": key.public,
        "added": key.added,
        "revoked": key.revoked,
        "created_at": exact(key.created_at),
        "superseded_at": key.superseded_at.map(exact),
    })
}
