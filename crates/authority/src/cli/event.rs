//! `rescind events`: the audit log.

use clap::Args;
use rescind_domain::event::{Event, EventId};
use rescind_domain::store::View;
use rescind_domain::verbs::read_log;
use serde_json::{Value, json};

use super::failure::Failure;
use super::folder::{Absent, Context, Tool};
use super::output::{json_lines, print};
use super::table::{Table, or_dash};
use super::time::{exact, shown};

/// How many events are read at a time.
const PAGE: u32 = 500;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only what happened to this user: login name, or id, also of one who was deleted
    #[arg(long, value_name = "LOGIN")]
    user: Option<String>,
    /// Only events after this one
    #[arg(long, value_name = "ID")]
    after: Option<EventId>,
}

pub(super) async fn run(arguments: Arguments, context: &Context) -> Result<(), Failure> {
    let tool = context.open(Absent::Refuse).await?;
    let user = match &arguments.user {
        // By its id, one that was deleted, too.
        Some(name) => match name.parse() {
            Ok(id) => Some(id),
            Err(_) => Some(tool.user(name).await?.id),
        },
        None => None,
    };
    let mut table = Table::new(["ID", "TIME", "EVENT", "USER", "BY", "ADDRESS", "DETAIL"]);
    let mut after = arguments.after.map_or(0, |event| event.0);
    loop {
        let id = after;
        let read = move |view: &dyn View| {
            read_log::check_event(view, id)?;
            Ok(view.events(user.as_ref(), id, PAGE)?)
        };
        let page = tool.world().store.read("events", read).await?;
        after = page.last().map_or(after, |last| last.id);
        let text = if context.output.json {
            json_lines(page.iter().map(event_json))
        } else {
            table.page(&cells(&tool, &page).await?)
        };
        print(&text)?;
        if page.len() < PAGE as usize {
            return Ok(());
        }
    }
}

async fn cells(tool: &Tool, page: &[Event]) -> Result<Vec<[String; 7]>, Failure> {
    let mut rows = Vec::with_capacity(page.len());
    for Event { id, what } in page {
        let user = match what.user {
            Some(user) => tool.name(user).await?,
            None => "-".to_owned(),
        };
        let about = [
            what.client.as_ref().map(|client| format!("client {client}")),
            what.session.map(|session| session.to_string()),
            what.revocation.map(|number| format!("revocation {number}")),
            what.detail.clone(),
        ];
        rows.push([
            EventId(*id).to_string(),
            shown(what.at),
            what.kind.to_string(),
            user,
            tool.actor(&what.actor).await?,
            or_dash(what.address),
            about.into_iter().flatten().collect::<Vec<_>>().join(", "),
        ]);
    }
    Ok(rows)
}

fn event_json(event: &Event) -> Value {
    let Event { id, what } = event;
    json!({
        "id": EventId(*id).to_string(),
        "at": exact(what.at),
        "kind": what.kind.as_str(),
        "user_id": what.user,
        "session_id": what.session,
        "client_id": what.client,
        "actor": what.actor.to_string(),
        "ip": what.address,
        "revocation": what.revocation,
        "detail": what.detail,
    })
}
