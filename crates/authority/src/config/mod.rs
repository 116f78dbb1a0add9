//! Configuration: one table of settings, four places that a value may come from, and an answer to "why this value?".
//!
//! [`SETTINGS`] is the only list of settings. The fields of [`Config`], their defaults, the names of environment
//! variables and flags, the checks, `rescind config show` and the tables in `docs/configuration.md` all follow from it.
//!
//! Later sources win: default (or preset), file, environment, flags. What nobody knows or cannot read is an error that
//! names its place; nothing is skipped in silence. Nothing here reads the ambient environment: the caller passes it in.
//!
//! ```no_run
//! # use rescind::config::{self, ConfigFile, Environment, Flags};
//! # fn main() -> Result<(), config::Problems> {
//! let environment = Environment::new(std::env::vars_os());
//! let file = ConfigFile::find(None, &environment)?;
//! let loaded = config::load(file.as_ref(), &environment, &Flags::default())?;
//! println!("listening on {}", loaded.config.listen);
//! # Ok(())
//! # }
//! ```

mod explain;
mod file;
mod flags;
mod load;
mod policy;
mod preset;
mod problem;
mod rule;
mod setting;
mod table;

pub use explain::{check, check_json, reference, show, show_json};
pub use file::ConfigFile;
pub use flags::Flags;
pub use load::{Environment, Loaded, load};
pub use preset::Preset;
pub use problem::{Origin, Problem, Problems};
pub use rescind_domain::policy::AtLimit;
pub use rule::RootKeyBytes;
pub use setting::Setting;
pub use table::{
    Addresses, Authentication, Config, Events, Http, Keys, LONGEST_LEASE, Lock, LogFormat, Logs, LookOfPages,
    Passwords, Places, Proxies, Purge, SETTINGS, Sessions, SignUp, Sqlite, Throttle, Tls, Tokens, Traces, Verifier,
};
