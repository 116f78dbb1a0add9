//! `rescind log`: the revocation log.

use clap::Args;
use rescind_domain::revocation::LogRow;
use rescind_wire::Change;
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
    /// Only entries after this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
}

pub(super) async fn run(arguments: Arguments, context: &Context) -> Result<(), Failure> {
    let tool = context.open(Absent::Refuse).await?;
    let mut table = Table::new(["NUMBER", "TIME", "WHAT", "BY", "WHY"]);
    let mut after = arguments.after;
    loop {
        let number = after;
        let page = tool.world().store.read("log", move |view| Ok(view.log_after(number, PAGE)?)).await?;
        after = page.last().map_or(after, |last| last.position.number);
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
