//! Password hashing as a port that costs nothing: what is raced is the order of calls, not the hash.

use rescind_domain::boxed::Boxed;
use rescind_domain::password::{HashingError, Password, PasswordHash, Passwords, Stored, Verdict};

use super::schedule::Gate;

/// `new$` and the password; `old$` asks to be upgraded.
pub(crate) struct Plain {
    pub(crate) gate: Gate,
}

impl Passwords for Plain {
    fn hash(&self, password: Password) -> Boxed<'_, Result<PasswordHash, HashingError>> {
        Box::pin(async move {
            self.gate.pass("hash").await;
            Ok(PasswordHash::new(format!("new${}", password.expose())))
        })
    }

    fn verify(&self, stored: Stored, password: Password) -> Boxed<'_, Result<Verdict, HashingError>> {
        Box::pin(async move {
            self.gate.pass("verify").await;
            let Stored::Known(hash) = stored else { return Ok(Verdict::Wrong) };
            let (age, text) = hash.expose().split_once('$').expect("a plain hash");
            let right = text == password.expose();
            Ok(if right { Verdict::Right { upgrade: age == "old" } } else { Verdict::Wrong })
        })
    }
}
