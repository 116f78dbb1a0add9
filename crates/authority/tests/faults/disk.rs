//! Disks of our own: small ones that can be filled, and ones that can be made read-only.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file system of its own in memory, unmounted when dropped.
pub(crate) struct Disk {
    folder: TempDir,
}

/// Whether this process may mount things. Whoever may not is told what is left out.
pub(crate) fn may_mount(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED: {test}: mounting takes root");
    }
    root
}

impl Disk {
    /// One of so many MiB. Root, where this is not possible either, should hear of it rather than have tests left out.
    pub(crate) fn small(mib: u32) -> Self {
        let disk = Self { folder: tempfile::tempdir().unwrap() };
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m,mode=700"), "none"])
            .arg(disk.path()));
        disk
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder for data on it.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Takes all the space that there is, to the last byte.
    pub(crate) fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).unwrap();
        for chunk in [1 << 16, 1 << 12, 1] {
            let chunk = vec![0_u8; chunk];
            loop {
                match ballast.write(&chunk) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    pub(crate) fn remount(&self, options: &str) {
        run(Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.path()));
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server that outlives its test for a moment keeps nobody from going.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// Files that nobody may write to, whoever has them open: the attribute `i` of ext4, xfs and btrfs. Taken back when
/// dropped.
pub(crate) struct Immutable(Vec<PathBuf>);

impl Immutable {
    /// Whether it keeps those away who have a file open already, in this folder.
    pub(crate) fn works_in(folder: &Path) -> Result<(), String> {
        let path = folder.join("probe");
        let mut file = File::create(&path).unwrap();
        let immutable = Self::set(vec![path])?;
        let written = file.write(b"x");
        drop(immutable);
        if written.is_ok() { Err("whoever has a file open may go on writing to it".into()) } else { Ok(()) }
    }

    /// Sets it. The folder, if it is among the paths, comes last.
    pub(crate) fn set(paths: Vec<PathBuf>) -> Result<Self, String> {
        let this = Self(paths);
        let output = Command::new("chattr").arg("+i").args(&this.0).output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(this) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        // In the other order: a folder first, then what is in it.
        let _ = Command::new("chattr").arg("-i").args(self.0.iter().rev()).output();
    }
}

/// Writes the log of a database that nobody uses into it: whoever closes it last does that.
pub(crate) fn into_one_file(database: &Path) {
    let conn = rusqlite::Connection::open(database).unwrap();
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(conn);
    assert!(!database.with_extension("db-wal").exists(), "somebody uses it");
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
