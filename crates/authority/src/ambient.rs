//! The real clock and the real entropy: the only places that reach for either.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rescind_domain::clock::{Clock, Timestamp};
use rescind_domain::entropy::Entropy;
use rescind_verifier::{Clock as Machine, SystemClock as MachineClock};

/// The machine's clocks: the wall, and a steady time line that began at the wall's time as this was made and has counted
/// suspended time since (`CLOCK_BOOTTIME`).
pub struct SystemClock {
    machine: Arc<dyn Machine>,
    began_wall: u64,
    began_boot: Duration,
}

impl SystemClock {
    /// A time line that begins now.
    pub fn start() -> Arc<Self> {
        Self::of(Arc::new(MachineClock))
    }

    /// One that begins now, on a machine with these clocks.
    pub fn of(machine: Arc<dyn Machine>) -> Arc<Self> {
        let (began_wall, began_boot) = (machine.wall(), machine.boottime());
        Arc::new(Self { machine, began_wall, began_boot })
    }

    /// Time since the machine started, suspended time included.
    pub fn boottime(&self) -> Duration {
        self.machine.boottime()
    }
}

impl fmt::Debug for SystemClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemClock").field("began_wall", &self.began_wall).finish_non_exhaustive()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.machine.wall())
    }

    fn steady(&self) -> Timestamp {
        Timestamp(self.began_wall).after(self.boottime().saturating_sub(self.began_boot))
    }
}

/// The operating system's random bytes, by way of aws-lc.
#[derive(Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::disallowed_methods, reason = "this is the one place where entropy comes from")]
        let filled = aws_lc_rs::rand::fill(bytes);
        // There is no answer to a machine without randomness but to stop: nothing may be issued without it.
        assert!(filled.is_ok(), "the operating system gives no random bytes");
    }
}
