//! What is wrong with a confirmation that was filled in, and beside which field that is said.

use axum::http::StatusCode;
use rescind_domain::password::WeakPassword;

use crate::http::pages::fault;
use crate::http::pages::new_password;
use crate::http::pages::words::Language;
use crate::http::problem::Problem;

/// Why the page comes again.
pub(super) enum Wrong {
    /// What was typed is not what has to be.
    Word,
    /// The new password may not be set.
    NewPassword(WeakPassword),
    /// The reason cannot be kept, for this one.
    Reason(&'static str),
    /// The administrator's own password is needed, too.
    OwnPasswordMissing,
    /// It was not accepted.
    OwnPassword(Problem),
    /// Something that no form of ours sends.
    Form(Problem),
}

impl Wrong {
    /// The status that goes with it.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Word | Self::NewPassword(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Reason(_) => StatusCode::BAD_REQUEST,
            Self::OwnPasswordMissing => StatusCode::OK,
            Self::OwnPassword(problem) | Self::Form(problem) => problem.kind().status,
        }
    }

    /// In words, where they belong.
    pub(super) fn said(&self, w: &Language) -> Said {
        let (mut said, text) = (Said::default(), |text: &str| Some(text.to_owned()));
        match self {
            Self::Word => said.confirm = text(w.say("console-wrong-word")),
            Self::NewPassword(weak) => said.new_password = text(new_password::refusal(w, *weak)),
            Self::Reason(why) => said.reason = text(w.say(why)),
            Self::OwnPasswordMissing => said.form = text(w.say("console-own-password-too")),
            Self::OwnPassword(problem) => said.password = Some(fault::said(w, problem)),
            Self::Form(problem) => said.form = Some(fault::said(w, problem)),
        }
        said
    }
}

/// What is wrong, beside the fields that it concerns.
#[derive(Default)]
pub(super) struct Said {
    pub(super) confirm: Option<String>,
    pub(super) new_password: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) password: Option<String>,
    /// What concerns no field alone.
    pub(super) form: Option<String>,
}
