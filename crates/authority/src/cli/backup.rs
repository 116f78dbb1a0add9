//! `rescind backup` and `rescind restore`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rescind_domain::verbs::{begin_epoch, keep_node};
use rescind_wire::Position;
use serde_json::json;

use super::failure::{Code, Failure, warn};
use super::folder::Context;
use crate::authority::Authority;
use crate::config::Config;
use crate::data_dir::{DataDir, DataDirError};
use crate::feed::Permitted;
use crate::store::sqlite::{self, Role};

/// Where a backup is made ready before it takes the store's place.
const STAGE: &str = "restoring";

/// What `--keep-sessions` gives up.
const KEPT: &str = "sessions, tokens and keys of the backup are good again; what was revoked after it was made cannot be \
                    known: a device, a token or a key that was ended since may be alive again. `rescind revoke everyone` \
                    puts that right";

#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// The new file; nothing is overwritten. The root key is not in it: keep that elsewhere
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The backup
    file: PathBuf,
    /// Sign nobody out, although what was revoked after the backup was made cannot be known
    #[arg(long)]
    keep_sessions: bool,
}

pub(super) fn backup(arguments: &BackupArguments, context: &Context) -> Result<(), Failure> {
    let config = context.configuration()?;
    let data = DataDir::open(&config.data)?;
    data.check_database(false)?;
    if !data.database().exists() {
        return Err(Failure::not_found(format!("{} holds no database", data.path().display())));
    }
    sqlite::backup(data.database(), &arguments.file)?;
    let file = arguments.file.display().to_string();
    let bytes = fs::metadata(&arguments.file).map_or(0, |metadata| metadata.len());
    let key = match &config.root_key {
        Some(_) => "RESCIND_ROOT_KEY".to_owned(),
        None => data.root_key_file().display().to_string(),
    };
    let lines = [format!("{file}: {bytes} bytes"), format!("to restore it you also need the root key: {key}")];
    context.output.answer(&json!({ "file": file, "bytes": bytes }), &lines)
}

/// Replaces the store. The new epoch begins in a copy, and the copy takes the store's place in one step: whenever this is
/// interrupted, what was revoked after the backup was made does not come back.
pub(super) async fn restore(arguments: RestoreArguments, context: &Context) -> Result<(), Failure> {
    let config = Arc::new(context.configuration()?);
    require_backup(&arguments.file)?;
    let data = DataDir::open_or_make(&config.data)?;
    let _lock = data.lock()?;
    let stage = Stage::make(&data, &config)?;
    sqlite::restore(&arguments.file, stage.0.database())?;
    let issuer = config.issuer_for(config.listen);
    let authority = Authority::open(Arc::clone(&config), &stage.0, Role::Tool, issuer).await?;
    let backup = authority.world.store.position().await.map_err(rescind_domain::Error::Store)?;
    let epoch = begin_epoch::after_restore(&authority.world, arguments.keep_sessions).await?;
    let head = authority.world.store.position().await.map_err(rescind_domain::Error::Store)?;
    // Closes the copy, so that all of it is in its file.
    drop(authority);
    note_leases(&data, backup)?;
    sqlite::restore(stage.0.database(), data.database())?;
    if arguments.keep_sessions {
        warn(KEPT);
    }
    let value = json!({ "epoch": epoch, "position": head, "sessions_kept": arguments.keep_sessions });
    let what =
        if arguments.keep_sessions { "everybody stays signed in" } else { "everybody is signed out, services too" };
    let lines = [format!("restored from {}", arguments.file.display()), format!("epoch {epoch} has begun: {what}")];
    context.output.answer(&value, &lines)
}

/// What the store that is replaced had granted runs on: it is written down before it can no longer be read. Unless
/// that store is one in which the history that ended at `backup` went on, it knows nothing of what others granted.
fn note_leases(data: &DataDir, backup: Position) -> Result<(), Failure> {
    let failed = |error| DataDirError::Io { path: data.path().to_owned(), error };
    let permitted = Permitted::open(data.path(), false).map_err(failed)?;
    let there = data.database().exists();
    let continued = there && sqlite::has_reached(data.database(), backup).unwrap_or(false);
    let found = there.then(|| sqlite::read_setting(data.database(), keep_node::LONGEST_LEASE));
    // One that cannot be read says nothing; one that never had a node granted nothing.
    let longest = match found {
        Some(Ok(Some(text))) => text.parse().ok().map(Duration::from_millis),
        Some(Ok(None)) => Some(Duration::ZERO),
        Some(Err(_)) | None => None,
    };
    permitted.replace(longest, continued).map_err(failed)?;
    Ok(())
}

/// Before a folder is made for it.
fn require_backup(file: &Path) -> Result<(), Failure> {
    let advice = "name a file that `rescind backup` made";
    let found = match fs::metadata(file) {
        Ok(metadata) if metadata.is_dir() => Err(ErrorKind::IsADirectory.into()),
        found => found,
    };
    found.map(drop).map_err(|error| Failure::named(Code::NotFound, file, &error, advice))
}

/// A folder within the data folder, with its root key, which is removed in any case.
struct Stage(DataDir);

impl Stage {
    fn make(data: &DataDir, config: &Config) -> Result<Self, Failure> {
        let path = data.path().join(STAGE);
        let failed = |error| DataDirError::Io { path: path.clone(), error };
        // Left behind by one that was interrupted.
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error).into()),
            Ok(()) | Err(_) => {}
        }
        let stage = Self(DataDir::open_or_make(&path)?);
        if config.root_key.is_none() {
            if !data.root_key_file().exists() {
                return Err(DataDirError::RootKeyLost(data.root_key_file()).into());
            }
            fs::copy(data.root_key_file(), stage.0.root_key_file()).map_err(failed)?;
        }
        Ok(stage)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.path());
    }
}
