//! Passwords: hashes that other programs made, and the pool.

mod known_answers;
mod limits;
mod pool;

use std::num::NonZeroUsize;
use std::sync::Arc;

use rescind_domain::password::Password;

use super::{PoolOptions, Strength};

/// Weak on purpose: one hash takes microseconds.
const QUICK: Strength = Strength { memory_kib: 64, passes: 1, lanes: 1 };

/// One thread, a short queue, and salts that are all the same.
fn options(params: Strength) -> PoolOptions {
    PoolOptions {
        threads: NonZeroUsize::MIN,
        queue: NonZeroUsize::new(2).expect("not zero"),
        params,
        entropy: Arc::new(|salt| salt.fill(7)),
        decoy_key: [9; 32],
    }
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).expect("short enough")
}
