//! Password hashing as a port that costs nothing, and that lets something happen while a password is being checked.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rescind_domain::boxed::Boxed;
use rescind_domain::password::{HashingError, Password, PasswordHash, Passwords, Stored, Verdict};

type Meanwhile = Box<dyn FnOnce() + Send>;

/// A hash is `new$` and the password; `old$` asks to be upgraded.
#[derive(Default)]
pub(crate) struct Hasher {
    meanwhile: Mutex<Option<Meanwhile>>,
    checks: AtomicU64,
}

impl Hasher {
    /// Does this once, after the next password was looked at and before the answer is known.
    pub(crate) fn meanwhile(&self, what: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::new(what));
    }

    /// How many passwords were checked.
    pub(crate) fn checks(&self) -> u64 {
        self.checks.load(Ordering::SeqCst)
    }
}

impl Passwords for Hasher {
    fn hash(&self, password: Password) -> Boxed<'_, Result<PasswordHash, HashingError>> {
        Box::pin(async move { Ok(PasswordHash::new(format!("new${}", password.expose()))) })
    }

    fn verify(&self, stored: Stored, password: Password) -> Boxed<'_, Result<Verdict, HashingError>> {
        Box::pin(async move {
            self.checks.fetch_add(1, Ordering::SeqCst);
            let meanwhile = self.meanwhile.lock().unwrap().take();
            if let Some(happens) = meanwhile {
                happens();
            }
            let Stored::Known(hash) = stored else { return Ok(Verdict::Wrong) };
            let (age, text) = hash.expose().split_once('$').expect("a plain hash");
            let right = text == password.expose();
            Ok(if right { Verdict::Right { upgrade: age == "old" } } else { Verdict::Wrong })
        })
    }
}
