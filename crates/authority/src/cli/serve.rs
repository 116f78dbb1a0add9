//! `rescind serve`: the server, from the command line.

use std::io::{IsTerminal as _, Write as _};

use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::failure::{Code, Failure};
use super::folder::Context;
use super::output::Output;
use crate::config::{Flags, LogFormat, Logs};
use crate::serve::{Ready, ServeError, serve};

pub(super) fn run(flags: &Flags, context: &Context) -> Result<(), Failure> {
    let loaded = context.load(flags)?;
    log_to_stderr(&loaded.config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("no runtime: {error}")))?;
    let output = context.output;
    runtime.block_on(serve(loaded, |ready| announce(output, ready))).map_err(Failure::from)
}

/// Structured logs, which never hold a secret: secrets are types that print nothing.
fn log_to_stderr(logs: &Logs) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&logs.filter);
    let filter = filter.map_err(|error| Failure::Because(Code::Usage, format!("log.filter: {error}")))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match logs.format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    started.map_err(|error| Failure::failed(format!("no log: {error}")))
}

/// Says that the server is ready. Nobody needs to listen.
fn announce(output: Output, ready: &Ready) {
    let (url, reached_at) = (&ready.url, &ready.reached_at);
    let offered = ready.set_up.as_ref();
    let link = offered.filter(|_| ready.has_pages).map(|token| format!("{reached_at}/setup?token={}", token.expose()));
    let text = if output.json {
        format!("{}\n", json!({ "url": url, "set_up": link }))
    } else {
        let begin = match link {
            Some(link) => format!("Set-up link (valid for one hour): {link}\n"),
            None if offered.is_some() => "To make the first administrator: rescind user add LOGIN --admin\n".to_owned(),
            None => String::new(),
        };
        format!("Rescind listens on {url}\n{begin}")
    };
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Start(error) => error.into(),
            other => Self::failed(other.to_string()),
        }
    }
}
