//! The real clock and the real entropy: the only places that reach for either.

use std::sync::Arc;
use std::time::Duration;

use rescind_domain::clock::{Clock, Timestamp};
use rescind_domain::entropy::Entropy;
use rescind_verifier::SystemClock as VerifierClock;

/// The machine's clocks: the wall, and a steady time line that began at the wall's time as this was made and has counted
/// suspended time since (`CLOCK_BOOTTIME`).
#[derive(Debug)]
pub struct SystemClock {
    began_wall: u64,
    began_boot: Duration,
}

impl SystemClock {
    /// A time line that begins now.
    pub fn start() -> Arc<Self> {
        use rescind_verifier::Clock as _;
        Arc::new(Self { began_wall: VerifierClock.wall(), began_boot: VerifierClock.boottime() })
    }

    /// Time since the machine started, suspended time included.
    pub fn boottime(&self) -> Duration {
        use rescind_verifier::Clock as _;
        VerifierClock.boottime()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        use rescind_verifier::Clock as _;
        Timestamp(VerifierClock.wall())
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
