//! `rescind client`: the applications that tokens are given to.

use std::time::Duration;

use clap::{Args, Subcommand};
use rescind_domain::Error;
use rescind_domain::client::{Algorithms, Client, ClientKind, ClientPolicy};
use rescind_domain::policy::AtLimit;
use rescind_domain::secret::Secret;
use rescind_domain::verbs::administer_clients::{self, NewClient};
use rescind_wire::{Algorithm, ClientId};
use serde_json::{Value, json};

use super::failure::Failure;
use super::folder::{ADMIN, Absent, Context, Tool, Waiting, confirmed, read_reason, server_json};
use super::output::Listing;
use super::table::pairs;
use super::time::{exact, read_duration, shown};

/// How many rows are read at a time.
const PAGE: u32 = 100;

const AUDIENCE: &str =
    "Whom its tokens may be for, and how they are signed: EdDSA unless it is ES256 or RS256; may be repeated";
const ORIGIN: &str = "An origin whose scripts may call the API for it, such as https://app.example; may be repeated";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a client; a confidential one is given a secret, which is shown this once
    Add(Box<New>),
    /// List the clients
    List,
    /// Show one client
    Show {
        /// The client's id
        id: ClientId,
    },
    /// Remove a client; everything that it was given ends
    Remove {
        /// The client's id
        id: ClientId,
        /// Why, for the log
        #[arg(long, default_value = "client removed by an administrator", value_parser = read_reason)]
        reason: String,
        #[command(flatten)]
        waiting: Waiting,
    },
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// The client's id: 1 to 64 characters of A-Z a-z 0-9 - . _ ~
    id: ClientId,
    /// browser, native, mobile or service
    #[arg(long)]
    kind: ClientKind,
    /// What people read [default: the id]
    #[arg(long, default_value_t, hide_default_value = true)]
    name: String,
    #[arg(long = "audience", value_name = "NAME[=ALG]", value_parser = read_audience, help = AUDIENCE)]
    audiences: Vec<(String, Option<Algorithm>)>,
    /// What its tokens may allow; may be repeated
    #[arg(long = "scope")]
    scopes: Vec<String>,
    /// Give it a secret; a service always gets one
    #[arg(long)]
    confidential: bool,
    #[arg(long = "origin", help = ORIGIN)]
    origins: Vec<String>,
    #[command(flatten)]
    policy: Policy,
}

/// Where its sessions differ from the deployment's policy.
#[derive(Debug, Args)]
struct Policy {
    /// How many sessions a user may have at once with it
    #[arg(long, value_name = "NUMBER")]
    session_limit: Option<u32>,
    /// What a sign-in beyond the limit does: end-oldest or refuse
    #[arg(long, value_name = "end-oldest|refuse", value_parser = read_at_limit)]
    at_limit: Option<AtLimit>,
    /// How long its sessions live
    #[arg(long, value_name = "DURATION", value_parser = read_duration)]
    session_lifetime: Option<Duration>,
    /// How long its sessions live without being used
    #[arg(long, value_name = "DURATION", value_parser = read_duration)]
    idle_lifetime: Option<Duration>,
    /// How old an authentication may be for what needs a fresh one
    #[arg(long, value_name = "DURATION", value_parser = read_duration)]
    fresh: Option<Duration>,
    /// Whether "stay signed in" is honoured
    #[arg(long, value_name = "true|false")]
    remember: Option<bool>,
    /// Bind each session to the address that it signs in from; browser clients only
    #[arg(long)]
    bind_address: bool,
}

fn read_at_limit(text: &str) -> Result<AtLimit, String> {
    match text {
        "end-oldest" => Ok(AtLimit::EndOldest),
        "refuse" => Ok(AtLimit::Refuse),
        _ => Err("write end-oldest or refuse".to_owned()),
    }
}

/// `NAME`, or `NAME=ALG`.
fn read_audience(text: &str) -> Result<(String, Option<Algorithm>), String> {
    let Some((name, algorithm)) = text.rsplit_once('=') else { return Ok((text.to_owned(), None)) };
    match algorithm.parse() {
        Ok(algorithm) => Ok((name.to_owned(), Some(algorithm))),
        Err(_) => Err("write NAME, or NAME=EdDSA, NAME=ES256 or NAME=RS256".to_owned()),
    }
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let absent = if matches!(command, Command::Add(_)) { Absent::Make } else { Absent::Refuse };
    let tool = context.open(absent).await?;
    match command {
        Command::Add(new) => add(&tool, context, *new).await,
        Command::List => list(&tool, context).await,
        Command::Show { id } => show(&tool, context, id).await,
        Command::Remove { id, reason, waiting } => remove(&tool, id, reason, waiting).await,
    }
}

async fn add(tool: &Tool, context: &Context, new: New) -> Result<(), Failure> {
    let New { id, kind, name, audiences, scopes, confidential, origins, policy } = new;
    let policy = ClientPolicy {
        session_limit: policy.session_limit,
        at_limit: policy.at_limit,
        fresh_seconds: policy.fresh.map(|fresh| fresh.as_secs()),
        session_seconds: policy.session_lifetime.map(|lifetime| lifetime.as_secs()),
        idle_seconds: policy.idle_lifetime.map(|lifetime| lifetime.as_secs()),
        remember: policy.remember,
        bind_address: policy.bind_address,
    };
    let new = NewClient { id, name, kind, audiences, scopes, confidential, origins, policy };
    let (client, secret) = administer_clients::add_client(tool.world(), &ADMIN, new).await?;
    // An audience that wants its tokens signed in a new way has brought a key, which the server must have seen.
    let answer = tool.ask_for_all().await?;
    let secret = secret.as_ref().map(Secret::expose);
    let algorithms = administer_clients::list_algorithms(tool.world(), &ADMIN).await?;
    let value =
        json!({ "client": client_json(&client, &algorithms), "client_secret": secret, "server": server_json(answer) });
    let mut lines = vec![format!("client {} is added ({})", client.id, client.kind)];
    lines.extend(secret.map(|secret| format!("its secret, shown this once: {secret}")));
    let said = context.output.answer(&value, &lines);
    confirmed(answer).and(said)
}

/// Removes a client. The end of one that was removed before can be waited for (A4).
async fn remove(tool: &Tool, id: ClientId, reason: String, waiting: Waiting) -> Result<(), Failure> {
    let (receipt, done) = match administer_clients::remove_client(tool.world(), &ADMIN, id.clone(), reason).await {
        Err(Error::NotFound(_)) if waiting.is_wanted() => {
            let receipt = administer_clients::removal(tool.world(), &ADMIN, id.clone()).await?;
            (receipt, format!("client {id} was removed before"))
        }
        removed => (removed?, format!("client {id} is removed, and everything that it was given has ended")),
    };
    tool.ended(&receipt, &done, waiting).await
}

async fn list(tool: &Tool, context: &Context) -> Result<(), Failure> {
    let mut listing = Listing::new(context.output, ["ID", "NAME", "KIND", "AUDIENCES", "CREATED"]);
    let mut after = String::new();
    loop {
        let clients = administer_clients::list_clients(tool.world(), &ADMIN, after, PAGE).await?;
        let algorithms = administer_clients::list_algorithms(tool.world(), &ADMIN).await?;
        let last = clients.last().filter(|_| clients.len() == PAGE as usize).map(|client| client.id.to_string());
        listing.page(clients.iter().map(|client| row(client, &algorithms)).collect())?;
        match last {
            Some(last) => after = last,
            None => return listing.end("no clients"),
        }
    }
}

async fn show(tool: &Tool, context: &Context, id: ClientId) -> Result<(), Failure> {
    let client = administer_clients::find_client(tool.world(), &ADMIN, id).await?;
    let algorithms = administer_clients::list_algorithms(tool.world(), &ADMIN).await?;
    let policy = serde_json::to_value(&client.policy).unwrap_or_default();
    let differs = policy.as_object().filter(|policy| !policy.is_empty());
    let rows = [
        ("id", client.id.to_string()),
        ("name", client.name.clone()),
        ("kind", client.kind.to_string()),
        ("audiences", audiences(&client, &algorithms)),
        ("scopes", listed(&client.scopes)),
        ("origins", listed(&client.origins)),
        ("secret", if client.secret.is_some() { "set" } else { "none" }.to_owned()),
        ("policy", differs.map_or_else(|| "as the deployment's".to_owned(), |_| policy.to_string())),
        ("created", shown(client.created_at)),
    ];
    context.output.answer(&json!({ "client": client_json(&client, &algorithms) }), &pairs(&rows))
}

fn listed(items: &[String]) -> String {
    if items.is_empty() { "-".to_owned() } else { items.join(" ") }
}

/// The audiences as they are given: `NAME=ALG`.
fn audiences(client: &Client, algorithms: &Algorithms) -> String {
    let named = client.audiences.iter().map(|name| format!("{name}={}", algorithms.of(name)));
    listed(&named.collect::<Vec<_>>())
}

fn row(client: &Client, algorithms: &Algorithms) -> (Value, [String; 5]) {
    let cells = [
        client.id.to_string(),
        client.name.clone(),
        client.kind.to_string(),
        audiences(client, algorithms),
        shown(client.created_at),
    ];
    (client_json(client, algorithms), cells)
}

fn client_json(client: &Client, algorithms: &Algorithms) -> Value {
    let by_audience = client.audiences.iter().map(|name| (name.clone(), algorithms.of(name).as_str().into()));
    json!({
        "id": client.id,
        "name": client.name,
        "kind": client.kind.as_str(),
        "audiences": client.audiences,
        "algorithms": by_audience.collect::<serde_json::Map<_, _>>(),
        "scopes": client.scopes,
        "confidential": client.secret.is_some(),
        "origins": client.origins,
        "policy": client.policy,
        "created_at": exact(client.created_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_may_say_how_its_tokens_are_signed() {
        assert_eq!(read_audience("orders"), Ok(("orders".to_owned(), None)));
        assert_eq!(read_audience("https://a=ES256"), Ok(("https://a".to_owned(), Some(Algorithm::ES256))));
        assert!(read_audience("orders=HS256").is_err());
    }
}
