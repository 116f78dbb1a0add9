//! The table of settings. To add one, add a line: its field, default, checks, variable, flag and documentation follow.

use super::preset::Preset;
use super::rule::{
    Address, Choice, CollectorUrl, Count, Filter, Folder, HexColour, IssuerUrl, KIB, MIB, Name, Named, Networks,
    OptionalFile, RootKeyBytes, Rule, SealingKey, Share, Size, Span, Switch, Text, days, hours, minutes, seconds,
};
use super::setting::{Bound, Setting};
use rescind_domain::address::IpNet;
use rescind_domain::policy::AtLimit;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest lease of a verifier that can be permitted.
pub const LONGEST_LEASE: Duration = hours(1);

/// Declares [`Config`], one struct for each section, their defaults, and [`SETTINGS`], from one list.
macro_rules! settings {
    (
        { $( $field:ident: $type:ty = $rule:expr, $help:literal; )* }
        $( #[doc = $about:literal] $section:ident: $Section:ident {
            $( $inner:ident: $inner_type:ty = $inner_rule:expr, $inner_help:literal; )*
        } )*
    ) => {
        /// Everything that can be configured, checked and ready for use.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $( #[doc = $help] pub $field: $type, )*
            $( #[doc = $about] pub $section: $Section, )*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $( $field: $rule.initial(), )* $( $section: $Section::default(), )* }
            }
        }

        $(
            #[doc = $about]
            #[derive(Clone, Debug, PartialEq)]
            pub struct $Section {
                $( #[doc = $inner_help] pub $inner: $inner_type, )*
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $inner: $inner_rule.initial(), )* }
                }
            }
        )*

        /// Every setting there is, in the order in which they are shown.
        pub static SETTINGS: &[Setting] = &[
            $( Setting {
                key: stringify!($field),
                help: $help,
                slot: &Bound { rule: $rule, get: |c| &c.$field, get_mut: |c| &mut c.$field },
            }, )*
            $( $( Setting {
                key: concat!(stringify!($section), ".", stringify!($inner)),
                help: $inner_help,
                slot: &Bound { rule: $inner_rule, get: |c| &c.$section.$inner, get_mut: |c| &mut c.$section.$inner },
            }, )* )*
        ];
    };
}

/// A duration from `min` to `max`.
const fn span(default: Duration, min: Duration, max: Duration) -> Span {
    Span { default, min, max, zero: None }
}

/// A number from `min` to `max`.
const fn count(default: u32, min: u32, max: u32) -> Count {
    Count { default, min, max, zero: None }
}

/// For whoever sets a certificate or a key to nothing.
const WITHOUT_TLS: &str = "leave both tls.cert and tls.key out to serve plain HTTP";

settings! {
    {
        data: PathBuf = Folder { default: "./rescind-data" },
            "The folder that holds the database and, unless it comes from the environment, the root key";
        listen: SocketAddr = Address { default: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7080)) },
            "The address and port to serve on; port 0 takes any free one";
        issuer: String = Text::<IssuerUrl>::new(""),
            "The URL that tokens name as their issuer and that clients reach; if empty, http:// (https:// with `tls.cert`) and the address of `listen`";
        preset: Preset = Choice::<Preset>::new(),
            "An assurance level of NIST SP 800-63B-4: it sets the lifetimes of sessions and refuses longer ones";
        root_key: Option<RootKeyBytes> = SealingKey,
            "The key that seals the server keys in the database; if not set, it is made in the data folder";
    }

    #[doc = "HTTPS, built in."]
    tls: Tls {
        cert: Option<PathBuf> = OptionalFile { without: Some(WITHOUT_TLS) },
            "A PEM file with the server's certificate, and after it those that vouch for it; with `tls.key` the server speaks HTTPS";
        key: Option<PathBuf> = OptionalFile { without: Some(WITHOUT_TLS) },
            "A PEM file with the private key of that certificate";
    }

    #[doc = "Who may make an account."]
    sign_up: SignUp {
        enabled: bool = Switch { default: true },
            "Whether people may sign up by themselves; if not, only an administrator makes accounts";
    }

    #[doc = "The pages that people see."]
    pages: LookOfPages {
        name: String = Text::<Name>::new("Rescind"),
            "What the place is called where people sign in";
        logo: Option<PathBuf> = OptionalFile { without: None },
            "An SVG or PNG of at most 256 KiB, shown beside the name";
        accent: String = Text::<HexColour>::new(""),
            "The colour of buttons, as #rrggbb; what stands on it and links of that colour stay readable";
        css: Option<PathBuf> = OptionalFile { without: None },
            "A style sheet of at most 128 KiB that comes after the pages' own";
    }

    #[doc = "The proxies in front of the server."]
    proxies: Proxies {
        trusted: Vec<IpNet> = Networks,
            "The proxies whose `X-Forwarded-For` is believed; from anyone else it is ignored";
    }

    #[doc = "The IP addresses of people."]
    addresses: Addresses {
        store: bool = Switch { default: true },
            "Whether sessions and events keep the IP address that they came from";
    }

    #[doc = "Where addresses are."]
    places: Places {
        database: Option<PathBuf> = OptionalFile { without: None },
            "A database of cities or countries in MaxMind's format (.mmdb); with it, sessions are shown with the place of their address";
    }

    #[doc = "How long sessions and tokens live."]
    tokens: Tokens {
        access_lifetime: Duration = span(minutes(5), seconds(20), days(1)),
            "How long an access token is valid";
        foreign_lifetime: Duration = Span { default: seconds(0), min: seconds(20), max: days(30), zero: Some("none") },
            "The longest lifetime of the tokens of other issuers that verifiers accept: verifiers remember revocations for as long";
        refresh_lifetime: Duration = span(days(30), minutes(1), days(400)),
            "How long a remembered session can be refreshed, counted from its sign-in; use does not extend it";
        session_lifetime: Duration = span(days(1), minutes(1), days(400)),
            "The same for a session that is not remembered";
        remembered_idle_lifetime: Duration = span(days(30), minutes(1), days(400)),
            "How long a remembered session lives without being used";
        idle_lifetime: Duration = span(days(1), minutes(1), days(400)),
            "How long a session that is not remembered lives without being used";
        refresh_grace: Duration = span(seconds(10), seconds(0), minutes(1)),
            "How long after a rotation the same refresh token gets the same successor again";
        skew: Duration = span(seconds(30), seconds(0), minutes(5)),
            "How far the clocks of authority and verifiers may differ when `exp` and `nbf` are judged";
    }

    #[doc = "The keys that sign tokens."]
    keys: Keys {
        rotate_every: Duration = Span { default: days(30), min: hours(1), max: days(400), zero: Some("never") },
            "How often a new signing key takes over by itself";
    }

    #[doc = "How many sessions a user may have."]
    sessions: Sessions {
        limit: u32 = Count { default: 0, min: 1, max: 100_000, zero: Some("no limit") },
            "How many sessions one user may have at a time";
        at_limit: AtLimit = Choice::<AtLimit>::new(),
            "What a sign-in beyond the limit does";
    }

    #[doc = "How a person proves who they are."]
    authentication: Authentication {
        fresh: Duration = span(minutes(5), seconds(10), days(1)),
            "How old an authentication may be for what needs a fresh one, such as ending another device's session";
    }

    #[doc = "How passwords are hashed: argon2id. The least values are those that OWASP recommends for 19 MiB."]
    passwords: Passwords {
        memory_kib: u32 = count(19_456, 19_456, 1_048_576),
            "The memory that one hash takes, in KiB";
        iterations: u32 = count(2, 2, 100),
            "The passes over that memory";
        parallelism: u32 = count(1, 1, 16),
            "The lanes of one hash";
        threads: u32 = Count { default: 0, min: 1, max: 1024, zero: Some("one for each processor core") },
            "The threads that hash";
        queue: u32 = count(64, 1, 65_536),
            "How many hashes may wait for a thread; beyond that, sign-ins are refused with 503 and Retry-After";
    }

    #[doc = "How guessing is slowed down."]
    throttle: Throttle {
        account_failures: u32 = count(5, 1, 1000),
            "The failed sign-ins of one account from one address that cost no wait";
        address_failures: u32 = count(20, 1, 100_000),
            "The failed sign-ins from one address, over all accounts, that cost no wait";
        max_wait: Duration = span(minutes(15), seconds(1), days(1)),
            "The longest wait of an account at an address, and of an address";
    }

    #[doc = "Locked accounts."]
    lock: Lock {
        default: Duration =
            Span { default: Duration::ZERO, min: minutes(1), max: days(400), zero: Some("access-token lifetime + 1m") },
            "How long a lock lasts unless whoever locks says otherwise";
    }

    #[doc = "What is over and done with."]
    purge: Purge {
        retention: Duration = span(days(30), hours(1), days(400)),
            "How long sessions are kept after they ended, and signing keys after they were retired";
    }

    #[doc = "The audit log."]
    events: Events {
        retention: Duration = span(days(400), days(1), days(3650)),
            "How long events are kept, and signing keys that were revoked because they may have leaked";
    }

    #[doc = "Limits on HTTP requests."]
    http: Http {
        body_limit: usize = Size { default: 64 * KIB, min: 4 * KIB, max: 16 * MIB },
            "The largest request body";
        request_timeout: Duration = span(seconds(30), seconds(1), minutes(10)),
            "How long a request may take; its body must be there after half of that";
        header_timeout: Duration = span(seconds(10), seconds(1), minutes(1)),
            "How long a client may take to send the head of a request";
    }

    #[doc = "The embedded database."]
    sqlite: Sqlite {
        cache: usize = Size { default: 32 * MIB, min: MIB, max: 1024 * MIB },
            "The page cache of each connection";
        readers: u32 = count(4, 1, 64),
            "How many connections read at the same time; there is always one that writes";
        busy_timeout: Duration = span(seconds(5), seconds(1), minutes(1)),
            "How long to wait for another process, such as the command line, that is writing";
    }

    #[doc = "The verifier that protects the authority's own API."]
    verifier: Verifier {
        cache_tokens: u32 = Count { default: 65_536, min: 1, max: 16_777_216, zero: Some("no cache") },
            "How many checked tokens are remembered, so that their signature is not checked again";
        revocations: u32 = count(16_777_216, 1, 268_435_456),
            "How many revocations may have to be remembered at a time; with more, no token is accepted, and the feed stands still";
    }

    #[doc = "The feed that keeps verifiers current."]
    feed: Feed {
        max_lease: Duration = span(seconds(30), seconds(1), LONGEST_LEASE),
            "The longest lease that a verifier may declare: how long it may go on accepting tokens without hearing from here";
        connections: u32 = count(1000, 1, 100_000),
            "How many verifiers one client may connect";
    }

    #[doc = "What is written to standard error."]
    log: Logs {
        format: LogFormat = Choice::<LogFormat>::new(),
            "How log lines are written";
        filter: String = Text::<Filter>::new("info"),
            "Which log lines are written";
    }

    #[doc = "Traces, as OpenTelemetry has them."]
    traces: Traces {
        endpoint: String = Text::<CollectorUrl>::new(""),
            "The collector that traces are sent to by OTLP over HTTP, such as `http://127.0.0.1:4318`; if empty, there are none";
        ratio: f64 = Share { default: 1.0 },
            "The share of requests that are traced";
        callers: u32 = Count { default: 10, min: 1, max: 1000, zero: Some("none") },
            "How many traces a second callers may ask for by saying that theirs are sampled; beyond, `traces.ratio` counts for them, too";
        service: String = Text::<Name>::new("rescind"),
            "What the server is called in traces (`service.name`)";
    }
}

impl Tls {
    /// The files of certificate and key, where the server is to speak HTTPS.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        self.cert.as_deref().zip(self.key.as_deref())
    }
}

impl Named for AtLimit {
    const NAMES: &'static [(&'static str, Self)] = &[("end-oldest", Self::EndOldest), ("refuse", Self::Refuse)];
    const DEFAULT: Self = Self::EndOldest;
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

impl Named for LogFormat {
    const NAMES: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
    const DEFAULT: Self = Self::Text;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_that_may_be_written_or_none() {
        let defaults = Config::default();
        for setting in SETTINGS.iter().filter(|setting| !setting.is_secret()) {
            let mut read = defaults.clone();
            let text = setting.value(&defaults);
            if text.is_empty() && ["tls.cert", "tls.key"].contains(&setting.key) {
                continue;
            }
            assert_eq!(setting.slot.read(&mut read, &text), Ok(()), "{} = {text:?}", setting.key);
            assert_eq!(read, defaults, "{}", setting.key);
        }
    }

    #[test]
    fn a_setting_fills_its_own_field_and_no_other() {
        let mut config = Config::default();
        Setting::find("tokens.idle_lifetime").expect("a setting").slot.read(&mut config, "2h").expect("a value");
        let mut expected = Config::default();
        expected.tokens.idle_lifetime = hours(2);
        assert_eq!(config, expected);
    }

    #[test]
    fn the_defaults_are_those_that_the_manual_promises() {
        let defaults = Config::default();
        assert_eq!(defaults.listen.to_string(), "127.0.0.1:7080");
        assert_eq!(defaults.tokens.access_lifetime, minutes(5));
        assert_eq!(defaults.tokens.refresh_lifetime, days(30));
        assert_eq!(defaults.tokens.refresh_grace, seconds(10));
        assert_eq!(defaults.sessions.at_limit, AtLimit::EndOldest);
        assert_eq!(defaults.log.format, LogFormat::Text);
        assert_eq!(defaults.root_key, None);
    }

    #[test]
    fn every_setting_is_documented_in_one_line_without_a_full_stop() {
        for setting in SETTINGS {
            let help = setting.help;
            assert!(help.len() > 10 && !help.contains('\n') && !help.ends_with('.') && !help.contains('|'), "{help}");
        }
    }
}
