//! Why a new password or login name is refused, in words.

use rescind_domain::Error;
use rescind_domain::password::WeakPassword;

use super::words::Language;

/// Why a password may not be set.
pub(super) fn refusal(w: &Language, weak: WeakPassword) -> &str {
    match weak {
        WeakPassword::TooShort => w.say("password-too-short"),
        WeakPassword::TooLong => w.say("password-too-long"),
        WeakPassword::Common => w.say("password-common"),
        WeakPassword::SameAsLogin => w.say("password-same-as-login"),
    }
}

/// What is wrong with the form for a new account, and where.
#[derive(Default)]
pub(super) struct Wrong {
    pub(super) login: Option<String>,
    pub(super) password: Option<String>,
    /// What concerns neither field.
    pub(super) form: Option<String>,
}

impl Wrong {
    /// What an error says to whoever wants an account.
    pub(super) fn of(w: &Language, error: &Error) -> Self {
        let mut wrong = Self::default();
        match error {
            Error::WeakPassword(weak) => wrong.password = Some(refusal(w, *weak).to_owned()),
            Error::LoginTaken => wrong.login = Some(w.say("problem-login-taken").to_owned()),
            Error::Invalid { field: "login", .. } => wrong.login = Some(w.say("login-invalid").to_owned()),
            _ => wrong.form = Some(w.say("error-title").to_owned()),
        }
        wrong
    }
}
