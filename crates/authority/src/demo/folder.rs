//! The folder in which a demo keeps its data: its owner's alone, and removed in the end.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rescind_domain::entropy::Entropy as _;

use crate::ambient::SystemEntropy;

/// How often removing is tried: a database that is being closed may still make a file.
const TRIES: usize = 10;

/// A folder that is removed, with all that is in it, when this is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one of a name that nobody can foresee.
    pub(super) fn make(below: &Path) -> io::Result<Self> {
        let mut name = [0; 8];
        SystemEntropy.fill(&mut name);
        let path = below.join(format!("rescind-demo-{}", HEXLOWER.encode(&name)));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for _ in 0..TRIES {
            if fs::remove_dir_all(&self.0).is_ok() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_folder_is_its_owners_alone_and_goes_with_all_that_is_in_it() {
        let below = tempfile::tempdir().expect("a folder");
        let folder = Folder::make(below.path()).expect("made");
        let other = Folder::make(below.path()).expect("made");
        let mode = fs::metadata(folder.path()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::create_dir(folder.path().join("data")).expect("made");
        fs::write(folder.path().join("data/file"), "x").expect("written");
        drop(folder);
        let left: Vec<PathBuf> =
            fs::read_dir(below.path()).expect("there").map(|entry| entry.expect("an entry").path()).collect();
        assert_eq!(left, [other.path()]);
    }
}
