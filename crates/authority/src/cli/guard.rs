//! `rescind guard`: a verifier for proxies, from the command line.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rescind_verifier::{SetupError, Verifier};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;
use tracing_subscriber::EnvFilter;
use zeroize::Zeroizing;

use super::failure::{Code, Failure};
use super::folder::Context;
use super::time::read_within;
use crate::config::LONGEST_LEASE;
use crate::guard::{self, Address, GuardError, Options};
use crate::owner;

const LISTEN: &str = "Where to listen: 127.0.0.1:7090, or unix:/run/guard.sock";

const MODE: &str = "Who may connect where --listen is a socket, as chmod writes it; connecting takes the right to write \
                    [default: 600, with --socket-group 660]";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The authority: an http or https URL
    #[arg(long, value_name = "URL", value_parser = read_authority)]
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
    #[arg(long, value_name = "MODE", value_parser = read_mode, help = MODE)]
    socket_mode: Option<u32>,
    /// The group that may connect where --listen is a socket: one of /etc/group, or its number
    #[arg(long, value_name = "GROUP")]
    socket_group: Option<String>,
    /// Where to serve /healthz, /readyz and /metrics to operators [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    operations: Option<Address>,
    /// For how long tokens are accepted without hearing from the authority
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = read_lease)]
    lease: Duration,
    /// What the guard is called in the authority's list [default: the client's id]
    #[arg(long)]
    name: Option<String>,
    /// A cookie that may hold the token, where there is no Authorization header
    #[arg(long, value_name = "NAME", value_parser = read_cookie)]
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
    // Every command takes these two, and a guard has no data: they are taken, and not shown.
    #[arg(id = "data", long, hide = true)]
    _data: Option<String>,
    #[arg(id = "config", long, hide = true)]
    _config: Option<PathBuf>,
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
        access: access(arguments)?,
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

/// Who may connect to the socket: its owner alone, unless more is said.
fn access(arguments: &Arguments) -> Result<guard::Access, Failure> {
    let (mode, group) = (arguments.socket_mode, arguments.socket_group.as_deref());
    if matches!(arguments.listen, Address::Tcp(_)) && (mode.is_some() || group.is_some()) {
        return Err(Failure::usage("--socket-mode and --socket-group are for --listen unix:PATH"));
    }
    let Some(group) = group else {
        return Ok(guard::Access { mode: mode.unwrap_or(guard::Access::OWNER.mode), group: None });
    };
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let found = group.parse().ok().or_else(|| id_of(group, &groups));
    let unknown = || Failure::usage(format!("there is no group {group} in /etc/group: give its number"));
    Ok(guard::Access { mode: mode.unwrap_or(0o660), group: Some(found.ok_or_else(unknown)?) })
}

/// The id of a group, by the text of group(5): name, password, id and members, with colons between them.
fn id_of(group: &str, groups: &str) -> Option<u32> {
    let found =
        groups.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.first() == Some(&group));
    found?.get(2)?.parse().ok()
}

/// Reads the permissions of a socket, as `chmod` takes them. For clap.
fn read_mode(text: &str) -> Result<u32, String> {
    let octal = (3..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| octal && *mode <= 0o777);
    mode.ok_or_else(|| "write it as chmod takes it: 660, or 0660".to_owned())
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
        let advice = "name a file with certificates in PEM";
        let pem = std::fs::read(path).map_err(|error| Failure::named(Code::Usage, path, &error, advice))?;
        if !has_certificates(&pem) {
            return Err(Failure::usage(format!("{}: holds no certificates in PEM", path.display())));
        }
        builder = builder.trust(pem);
    }
    builder.build().map_err(|error| Failure::from(GuardError::from(error)))
}

/// Reads the authority's URL, to which paths are added. For clap.
fn read_authority(text: &str) -> Result<String, String> {
    let (_, rest) = text.split_once("://").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') || text.contains(['?', '#']) {
        return Err("the URL of an authority has no user, query or fragment".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads a lease that an authority can be configured to permit. For clap.
fn read_lease(text: &str) -> Result<Duration, String> {
    let possible = "1s to 1h are possible, where feed.max_lease permits it";
    read_within(text, Duration::from_secs(1)..=LONGEST_LEASE, possible)
}

/// Reads the name of a cookie, a token of RFC 9110 §5.6.2 (RFC 6265 §4.1.1). For clap.
fn read_cookie(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !text.is_empty() && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("write a cookie's name: letters, digits and !#$%&'*+-.^_`|~".to_owned())
    }
}

fn has_certificates(pem: &[u8]) -> bool {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.is_ok_and(|found| !found.is_empty())
}

/// Never an argument, which other users of the machine can read.
fn secret(arguments: &Arguments) -> Result<Zeroizing<String>, Failure> {
    let path = &arguments.secret_file;
    let text = std::fs::read_to_string(path);
    let advice = "name the file with the secret that `rescind client add` showed";
    let text = Zeroizing::new(text.map_err(|error| Failure::named(Code::Usage, path, &error, advice))?);
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
            GuardError::Listen { address: Address::Unix(path), error } if error.kind() == io::ErrorKind::NotFound => {
                let advice = "make it, or name a socket in another folder";
                Self::named(Code::Failed, owner::folder_of(&path), &error, advice)
            }
            GuardError::Setup(SetupError::Runtime | SetupError::Entropy)
            | GuardError::Listen { .. }
            | GuardError::Signals(_) => Self::failed(error.to_string()),
            GuardError::Setup(_) => Self::usage(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_never_work_is_refused_before_the_guard_starts() {
        assert_eq!(read_authority("https://id.example/base/@x"), Ok("https://id.example/base/@x".into()));
        for wrong in ["https://id.example/?a=b", "https://id.example#x", "https://ann:secret@id.example/"] {
            assert!(read_authority(wrong).is_err(), "{wrong}");
        }
        assert_eq!(read_lease("1h"), Ok(LONGEST_LEASE));
        for wrong in ["61m", "5h", "500ms", "soon"] {
            assert!(read_lease(wrong).is_err_and(|said| !said.contains("400d")), "{wrong}");
        }
        assert_eq!(["600", "0660", "777"].map(read_mode), [0o600, 0o660, 0o777].map(Ok));
        for wrong in ["", "6", "8", "680", "1777", "0o660", "+66", "00660", "rw-"] {
            assert!(read_mode(wrong).is_err(), "{wrong}");
        }
        let groups = "root:x:0:\nwww-data:x:33:ann,bob\nbroken:x\n";
        assert_eq!(
            ["root", "www-data", "broken", "www"].map(|group| id_of(group, groups)),
            [Some(0), Some(33), None, None]
        );
        assert_eq!(read_cookie("__Host-session"), Ok("__Host-session".into()));
        for wrong in ["", "a b;=", "a=b", "a;", "\u{e9}"] {
            assert!(read_cookie(wrong).is_err(), "{wrong}");
        }
        let certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(has_certificates(certificate));
        for wrong in [&b""[..], b"no certificate", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert!(!has_certificates(wrong), "{}", String::from_utf8_lossy(wrong));
        }
    }
}
