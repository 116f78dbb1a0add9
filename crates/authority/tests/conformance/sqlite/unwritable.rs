//! G2: a file that may not be written is read all the same, and written again as soon as it may be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rescind::store::sqlite::{Role, Sqlite};
use rescind_domain::store::StoreError;
use rustix::fs::{IFlags, Mode, OFlags, ioctl_getflags, ioctl_setflags};

use super::{Handle, Opened, run};
use crate::conformance::engine::options;
use crate::conformance::fixture::{advance, at, event, read, store_error, write};

/// Makes a file writable or not, and says whether that is possible here. Permissions do not stop root; a flag of the
/// file system does.
fn set_writable(path: &Path, writable: bool) -> bool {
    if !rustix::process::geteuid().is_root() {
        return fs::set_permissions(path, fs::Permissions::from_mode(if writable { 0o600 } else { 0o400 })).is_ok();
    }
    let Ok(file) = rustix::fs::open(path, OFlags::RDONLY, Mode::empty()) else { return false };
    ioctl_getflags(&file).is_ok_and(|flags| {
        let flags = if writable { flags - IFlags::IMMUTABLE } else { flags | IFlags::IMMUTABLE };
        ioctl_setflags(&file, flags).is_ok()
    })
}

#[test]
fn g2_a_store_that_is_read_only_reads_refuses_to_write_and_recovers_without_help() {
    run(async {
        let opened = Opened::fresh();
        advance(&opened.store(), 2).await;
        let path = opened.path();
        let directory = opened.close();
        if !set_writable(&path, false) {
            return;
        }
        // Whatever goes wrong, the directory can be removed afterwards.
        let _writable = Writable(&path);
        use_read_only(Arc::new(Sqlite::open(&path, options(Role::Server)).expect("opens")), &path).await;
        drop(directory);
    });
}

struct Writable<'a>(&'a Path);

impl Drop for Writable<'_> {
    fn drop(&mut self) {
        set_writable(self.0, true);
    }
}

async fn use_read_only(store: Handle, path: &Path) {
    assert_eq!(store.position().await, Ok(at(2)));
    assert_eq!(read(&store, |view| view.log_after(0, 9)).await.len(), 2);
    for _ in 0..3 {
        let refused = store.transact("test", |tx| Ok(tx.add_event(&event(1))?)).await;
        let Err(StoreError::Unavailable(text)) = refused.map_err(store_error) else { panic!("written") };
        assert!(text.contains("writable"), "{text}");
    }
    assert_eq!(store.position().await, Ok(at(2)));
    assert!(set_writable(path, true));
    write(&store, |tx| tx.add_event(&event(1))).await;
    assert_eq!(read(&store, |view| view.events(None, 0, 9)).await.len(), 3);
}
