//! `rescind verify`: whether a token is alive, and if not, which revocation ended it, when, by whom and why.

mod access;
mod refresh;
mod report;

use std::io::Read;

use clap::Args;
use rescind_domain::refresh_token;
use rescind_domain::secret::Secret;
use rescind_wire::TokenId;
use rescind_wire::jwt::MAX_TOKEN;

use super::failure::{Code, Failure};
use super::folder::{Absent, Context, Tool};
pub(super) use report::State;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// An access token or a refresh token, or - to read it from standard input; looking does not use it up
    token: String,
}

pub(super) async fn run(arguments: Arguments, context: &Context) -> Result<(), Failure> {
    let token = read(arguments.token)?;
    let tool = context.open(Absent::Refuse).await?;
    let report = if token.expose().starts_with(refresh_token::PREFIX) {
        refresh::judge(&tool, &token).await?
    } else {
        access::judge(&tool, &token).await?
    };
    let said = context.output.answer(&report.value(), &report.lines(&tool).await?);
    match report.state {
        State::Alive => said,
        State::NotOurs => Err(Failure::Said(Code::NotOurs)),
        _ => Err(Failure::Said(Code::Refused)),
    }
}

/// The id of an access token, given as it is or as the token that carries it.
pub(super) async fn token_id(tool: &Tool, text: &str) -> Result<TokenId, Failure> {
    let text = read(text.to_owned())?;
    if let Ok(id) = text.expose().parse() {
        return Ok(id);
    }
    if text.expose().starts_with(refresh_token::PREFIX) {
        return Err(refresh::of_session(tool, &text).await?);
    }
    match access::authenticate(tool, text.expose()).await? {
        Ok(signed) => Ok(signed.claims().jti),
        Err(why) => {
            let message = format!("neither a token id (tok_…) nor an access token of this authority: {why}");
            Err(Failure::Because(Code::NotOurs, message))
        }
    }
}

/// The text itself, or standard input for `-`: other users of the machine can read arguments.
fn read(text: String) -> Result<Secret, Failure> {
    let text = if text == "-" { from_stdin()? } else { text };
    Ok(Secret::new(text.trim().to_owned()))
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    // More than any token has is refused as one that is too long.
    let read = std::io::stdin().lock().take(2 * MAX_TOKEN as u64).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("the token cannot be read: {error}")))?;
    Ok(text)
}
