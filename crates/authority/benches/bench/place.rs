//! A data folder of its own for each store that is measured, and the authority on it.

use std::path::Path;
use std::sync::Arc;

use rescind::authority::Authority;
use rescind::config::Config;
use rescind::data_dir::DataDir;
use rescind::store::sqlite::Role;
use rescind_domain::World;
use rescind_domain::boxed::Boxed;
use rescind_domain::password::{HashingError, Password, PasswordHash, Passwords, Stored, Verdict};
use rescind_domain::store::{Store, Tx};
use std::time::Duration;
use tempfile::TempDir;

use crate::Outcome;

/// The issuer of everything, whatever port a server takes.
pub(crate) const ISSUER: &str = "http://localhost";

/// What a server is told in its environment, the same that [`Place::open`] says.
pub(crate) const SETTINGS: [(&str, &str); 3] =
    [("RESCIND_ISSUER", ISSUER), ("RESCIND_TOKENS_ACCESS_LIFETIME", "1d"), ("RESCIND_FEED_CONNECTIONS", "1100")];

/// A data folder, removed in the end. On the disk that the build is on: a folder for temporary files may be in memory,
/// where durable costs nothing.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// An empty folder.
    pub(crate) fn new() -> Outcome<Self> {
        Ok(Self { folder: tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))? })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Opens the authority in this process.
    pub(crate) async fn open(&self) -> Outcome<Arc<Authority>> {
        open(self.path()).await
    }

    /// What the database takes on the disk, in bytes. All of it is in the one file once the store is closed.
    pub(crate) fn disk_bytes(&self) -> Outcome<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(self.path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("rescind.db") {
                bytes += entry.metadata()?.len();
            }
        }
        Ok(bytes)
    }
}

/// Opens the authority on a data folder, with access tokens that outlive the run.
pub(crate) async fn open(folder: &Path) -> Outcome<Arc<Authority>> {
    let data = DataDir::open_or_make(folder)?;
    let mut config = Config { data: folder.to_owned(), issuer: ISSUER.to_owned(), ..Config::default() };
    config.tokens.access_lifetime = Duration::from_hours(24);
    config.feed.connections = 1100;
    Ok(Authority::open(Arc::new(config), &data, Role::Server, ISSUER.to_owned()).await?)
}

/// The world of an authority, but that every password is right at once: argon2 would hide everything else.
pub(crate) fn without_hashing(authority: &Authority) -> World {
    World { passwords: Arc::new(AlwaysRight), ..authority.world.clone() }
}

/// Runs a transaction of the benchmark's own.
pub(crate) async fn transact<F>(world: &World, mut job: F) -> Outcome<()>
where
    F: FnMut(&mut dyn Tx) -> Result<(), rescind_domain::Error> + Send + 'static,
{
    let store: &dyn Store = &*world.store;
    Ok(store.transact("benchmark", move |tx| job(tx)).await?)
}

struct AlwaysRight;

impl Passwords for AlwaysRight {
    fn hash(&self, _: Password) -> Boxed<'_, Result<PasswordHash, HashingError>> {
        Box::pin(async { Err(HashingError::Busy { retry_after: Duration::from_secs(1) }) })
    }

    fn verify(&self, _: Stored, _: Password) -> Boxed<'_, Result<Verdict, HashingError>> {
        Box::pin(async { Ok(Verdict::Right { upgrade: false }) })
    }
}
