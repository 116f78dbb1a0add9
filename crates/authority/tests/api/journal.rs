//! Everything that is logged while these tests run, so that each can look for its secrets in it.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::EnvFilter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static BEGUN: Once = Once::new();

/// Begins to gather lines, more of them than any operator asks for.
pub(crate) fn begin() {
    BEGUN.call_once(|| {
        let filter = EnvFilter::new("debug,rescind=trace,rescind_domain=trace,rescind_verifier=trace");
        let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Pen);
        tracing::subscriber::set_global_default(subscriber.finish()).expect("nobody else logs");
    });
}

/// All lines so far.
pub(crate) fn lines() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

struct Pen;

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
