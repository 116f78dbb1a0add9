//! `rescind log`: the revocation log.

use clap::Args;
use rescind_domain::Error;
use rescind_domain::revocation::LogRow;
use rescind_domain::store::View;
use rescind_domain::verbs::read_log;
use rescind_wire::{Change, Position};
use serde_json::{Value, json};

use super::failure::Failure;
use super::folder::{Absent, Context, Tool};
use super::output::{json_lines, print};
use super::table::Table;
use super::time::{exact, shown};
use crate::feed::POLL;

/// How many entries are read at a time.
const PAGE: u32 = 500;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Go on, and show each entry as it commits
    #[arg(long)]
    follow: bool,
    /// Only entries after this one: its number, or its position, which holds across a restore
    #[arg(long, value_name = "ENTRY", value_parser = read_entry, default_value = "0")]
    after: Entry,
}

/// An entry, by what shows where it stands.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Number(u64),
    Position(Position),
}

fn read_entry(text: &str) -> Result<Entry, String> {
    let number = text.parse().map(Entry::Number).ok();
    let entry = number.or_else(|| text.parse().map(Entry::Position).ok());
    entry.ok_or_else(|| "expected the number of an entry, or its position as --json shows it".to_owned())
}

impl Entry {
    /// The number after which to go on.
    fn number(self, view: &dyn View) -> Result<u64, Error> {
        let position = match self {
            Self::Number(number) => Position { number, ..view.head()?.position },
            Self::Position(position) => position,
        };
        read_log::go_on(view, position)
    }
}

pub(super) async fn run(arguments: Arguments, context: &Context) -> Result<(), Failure> {
    let tool = context.open(Absent::Refuse).await?;
    let mut table = Table::new(["NUMBER", "TIME", "WHAT", "BY", "WHY"]);
    let mut after = arguments.after;
    loop {
        let from = after;
        // A log that has become shorter is no longer the one that was followed.
        let read = move |view: &dyn View| Ok(view.log_after(from.number(view)?, PAGE)?);
        let page = tool.world().store.read("log", read).await?;
        after = page.last().map_or(after, |last| Entry::Position(last.position));
        let text = if context.output.json {
            json_lines(page.iter().map(entry_json))
        } else {
            table.page(&cells(&tool, &page).await?)
        };
        if !text.is_empty() {
            print(&text)?;
        }
        if page.len() < PAGE as usize {
            if !arguments.follow {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

async fn cells(tool: &Tool, page: &[LogRow]) -> Result<Vec<[String; 5]>, Failure> {
    let mut rows = Vec::with_capacity(page.len());
    for row in page {
        rows.push([
            row.position.number.to_string(),
            shown(row.at),
            what(&row.change),
            tool.actor(&row.actor).await?,
            row.reason.clone(),
        ]);
    }
    Ok(rows)
}

fn what(change: &Change) -> String {
    match change {
        Change::Revoke(scope) => format!("revoked {scope}"),
        Change::AddKey(key) => format!("added key {} ({})", key.kid, key.alg),
    }
}

/// An entry for programs: either `scope` or `key` is set.
pub(super) fn entry_json(row: &LogRow) -> Value {
    let (scope, key) = match &row.change {
        Change::Revoke(scope) => (Some(scope), None),
        Change::AddKey(key) => (None, Some(json!({ "kid": key.kid, "alg": key.alg }))),
    };
    json!({
        "position": row.position,
        "number": row.position.number,
        "scope": scope,
        "key": key,
        "reason": row.reason,
        "actor": row.actor.to_string(),
        "at": exact(row.at),
    })
}
