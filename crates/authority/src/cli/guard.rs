//! `rescind guard`: a verifier for proxies, from the command line.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rescind_verifier::{SetupError, Verifier};
use serde_json::json;
use tracing_subscriber::EnvFilter;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::folder::Context;
use super::time::read_duration;
use crate::guard::{self, Address, GuardError, Options};

const LISTEN: &str = "Where to listen: 127.0.0.1:7090, or unix:/run/guard.sock";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The authority: an http or https URL
    #[arg(long, value_name = "URL")]
    authority: String,
    /// What tokens must name as their issuer [default: the authority's URL]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What tokens must be for [default: the issuer]
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// The client to follow the feed as: one with the scope rescind:feed
    #[arg(long, value_name = "ID")]
    client: String,
    /// The file that holds the client's secret
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7090", help = LISTEN)]
    listen: Address,
    /// Where to serve /healthz, /readyz and /metrics to operators [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    operations: Option<Address>,
    /// For how long tokens are accepted without hearing from the authority
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = read_duration)]
    lease: Duration,
    /// What the guard is called in the authority's list [default: the client's id]
    #[arg(long)]
    name: Option<String>,
    /// A cookie that may hold the token, where there is no Authorization header
    #[arg(long, value_name = "NAME")]
    cookie: Option<String>,
    /// Ask for scopes by the header X-Auth-Required-Scope alone: for proxies that ask with the query of the request itself
    #[arg(long)]
    ignore_query: bool,
    /// How many checked tokens are remembered; 0 for none [default: 16384]
    #[arg(long, value_name = "COUNT")]
    cache_tokens: Option<u32>,
    /// How many revocations may have to be remembered at a time; with more, nothing is accepted [default: 16777216]
    #[arg(long, value_name = "COUNT")]
    revocations: Option<u32>,
    /// The certificates to trust, in PEM [default: the system's]
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let filter = EnvFilter::new("info");
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Somebody else in this process may have been first.
    let _ = subscriber.with_ansi(io::stderr().is_terminal()).try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("no runtime: {error}")))?;
    let output = context.output;
    let options = Options {
        listen: arguments.listen.clone(),
        cookie: arguments.cookie.clone(),
        ignore_query: arguments.ignore_query,
        operations: arguments.operations.clone(),
    };
    let secret = secret(arguments)?;
    runtime.block_on(async {
        let verifier = verifier(arguments, &secret)?;
        let announce = |address: &Address, operations: Option<&Address>| {
            let operations = operations.map(ToString::to_string);
            let text = if output.json {
                let mut said = json!({ "listen": address.to_string() });
                if let Some(operations) = operations {
                    said["operations"] = operations.into();
                }
                said.to_string()
            } else {
                let operations = operations.map(|operations| format!("\nOperators ask at {operations}"));
                format!("The guard listens on {address}{}", operations.unwrap_or_default())
            };
            // Nobody needs to listen.
            let _ = writeln!(io::stdout().lock(), "{text}");
        };
        guard::guard(verifier, options, announce).await.map_err(Failure::from)
    })
}

fn verifier(arguments: &Arguments, secret: &str) -> Result<Verifier, Failure> {
    let authority = arguments.authority.trim_end_matches('/').to_owned();
    let issuer = arguments.issuer.clone().unwrap_or_else(|| authority.clone());
    let audience = arguments.audience.clone().unwrap_or_else(|| issuer.clone());
    let mut builder = Verifier::builder(issuer).audience(audience).authority(authority).lease(arguments.lease);
    builder = builder.client(&arguments.client, secret).name(arguments.name.clone().unwrap_or_default());
    if let Some(tokens) = arguments.cache_tokens {
        builder = builder.cache_tokens(tokens as usize);
    }
    if let Some(entries) = arguments.revocations {
        builder = builder.revocations(entries.into());
    }
    if let Some(path) = &arguments.trust {
        let pem = std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        builder = builder.trust(pem);
    }
    builder.build().map_err(|error| Failure::from(GuardError::from(error)))
}

/// Never an argument, which other users of the machine can read.
fn secret(arguments: &Arguments) -> Result<Zeroizing<String>, Failure> {
    let path = &arguments.secret_file;
    let text = std::fs::read_to_string(path);
    let text = Zeroizing::new(text.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?);
    match text.trim() {
        "" => {
            Err(Failure::usage(format!("{}: is empty: `rescind client add` shows a client's secret", path.display())))
        }
        secret => Ok(Zeroizing::new(secret.to_owned())),
    }
}

impl From<GuardError> for Failure {
    fn from(error: GuardError) -> Self {
        match error {
            GuardError::Setup(SetupError::Runtime | SetupError::Entropy)
            | GuardError::Listen { .. }
            | GuardError::Signals(_) => Self::failed(error.to_string()),
            GuardError::Setup(_) => Self::usage(error.to_string()),
        }
    }
}
