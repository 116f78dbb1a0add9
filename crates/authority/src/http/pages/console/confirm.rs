//! Endings of a wide scope: a page says first how many sessions it will hit, and wants a word typed.

mod wrong;

use askama::Template;
use askama::filters::Safe;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use rescind_domain::key::Purpose;
use rescind_domain::password::Password;
use rescind_domain::verbs::lock_account::LockFor;
use rescind_domain::verbs::preview_revocation::{self, Count};
use rescind_domain::verbs::{administer_clients, administer_keys, administer_users};
use rescind_wire::{ClientId, KeyId, Scope, UserId};

use self::wrong::{Said, Wrong};
use super::act::{Act, Attempt, Outcome, no_choice};
use super::desk::{Chrome, Desk, Room};
use crate::http::app::App;
use crate::http::form::Form;
use crate::http::pages::again::{self, Asked};
use crate::http::pages::fault;
use crate::http::pages::frame::{self, Frame};
use crate::http::pages::instead::Instead;
use crate::http::pages::posted::Posted;
use crate::http::pages::words::Language;
use crate::http::problem::Problem;
use crate::http::query::Named;

/// How long a lock may last, in seconds, and how the catalogue calls that; the first one is what was configured.
const LOCKS: [(&str, &str); 5] = [
    ("", "console-lock-default"),
    ("3600", "console-lock-hour"),
    ("86400", "console-lock-day"),
    ("604800", "console-lock-week"),
    ("0", "console-lock-forever"),
];

pub(super) fn routes() -> Router<App> {
    let everyone = get(async |desk: Desk| show(Kind::Everyone, desk, "").await)
        .post(async |posted: Posted| submit(Kind::Everyone, posted, "").await);
    Router::new()
        .route("/admin/users/{id}/sign-out", page_of(Kind::SignOut))
        .route("/admin/users/{id}/lock", page_of(Kind::Lock))
        .route("/admin/users/{id}/password", page_of(Kind::Password))
        .route("/admin/clients/{id}/revoke", page_of(Kind::Client))
        .route("/admin/keys/{kid}/compromise", page_of(Kind::Key))
        .route("/admin/everyone", everyone)
}

fn page_of(kind: Kind) -> MethodRouter<App> {
    get(async move |desk: Desk, id: Named| show(kind, desk, id.text()).await)
        .post(async move |id: Named, posted: Posted| submit(kind, posted, id.text()).await)
}

/// What is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    SignOut,
    Lock,
    Password,
    Client,
    Key,
    Everyone,
}

impl Kind {
    const fn key(self) -> &'static str {
        match self {
            Self::SignOut => "sign-out",
            Self::Lock => "lock",
            Self::Password => "password",
            Self::Client => "client",
            Self::Key => "key",
            Self::Everyone => "everyone",
        }
    }

    /// The reason that the log gives unless another one is filled in: that of the JSON API, so that the log reads alike.
    const fn reason(self) -> &'static str {
        match self {
            Self::SignOut => "signed out of all devices by an administrator",
            Self::Lock => "locked by an administrator",
            Self::Password => "password set by an administrator",
            Self::Client | Self::Everyone => "revoked by an administrator",
            Self::Key => "compromised",
        }
    }

    const fn room(self) -> Room {
        match self {
            Self::SignOut | Self::Lock | Self::Password => Room::Users,
            Self::Client => Room::Clients,
            Self::Key => Room::Keys,
            Self::Everyone => Room::Everyone,
        }
    }
}

/// What is about to be ended, found by an administrator.
struct Target {
    kind: Kind,
    scope: Scope,
    /// What has to be typed: the name of it.
    word: String,
    /// Where the form is.
    action: String,
    /// Where to go afterwards.
    place: String,
    /// A key that access tokens are signed with: no session hangs on it.
    is_signing_key: bool,
}

impl Target {
    async fn find(desk: &Desk, kind: Kind, id: &str) -> Result<Self, Instead> {
        let found = match kind {
            Kind::SignOut | Kind::Lock | Kind::Password => Self::user(desk, kind, id).await?,
            Kind::Client => Self::client(desk, id).await?,
            Kind::Key => Self::key(desk, id).await?,
            Kind::Everyone => Self {
                kind,
                scope: Scope::Everyone { services: false },
                word: desk.words().say("confirm-everyone-word").to_owned(),
                action: "/admin/everyone".to_owned(),
                place: "/admin/revocations".to_owned(),
                is_signing_key: false,
            },
        };
        Ok(found)
    }

    async fn user(desk: &Desk, kind: Kind, id: &str) -> Result<Self, Instead> {
        let id: UserId = id.parse().map_err(|_| Problem::not_found("user"))?;
        let user = administer_users::find_user(&desk.app().authority.world, &desk.admin, &id.to_string()).await;
        let user = user.map_err(|error| desk.refused(error))?;
        let place = format!("/admin/users/{id}");
        let scope = Scope::User { user: id, except: None, deleted: false };
        let action = format!("{place}/{}", kind.key());
        Ok(Self { kind, scope, word: user.login, action, place, is_signing_key: false })
    }

    async fn client(desk: &Desk, id: &str) -> Result<Self, Instead> {
        let id: ClientId = id.parse().map_err(|_| Problem::not_found("client"))?;
        let client = administer_clients::find_client(&desk.app().authority.world, &desk.admin, id).await;
        let client = client.map_err(|error| desk.refused(error))?.id;
        let (kind, word, place) = (Kind::Client, client.to_string(), format!("/admin/clients/{client}"));
        let (action, scope) = (format!("{place}/revoke"), Scope::Client { client });
        Ok(Self { kind, scope, word, action, place, is_signing_key: false })
    }

    /// One that is revoked already cannot be revoked again.
    async fn key(desk: &Desk, id: &str) -> Result<Self, Instead> {
        let id: KeyId = id.parse().map_err(|_| Problem::not_found("key"))?;
        let keys = administer_keys::list_keys(&desk.app().authority.world, &desk.admin).await;
        let mut keys = keys.map_err(|error| desk.refused(error))?.into_iter();
        let row = keys.find(|row| row.id == id && row.revoked.is_none()).ok_or_else(|| Problem::not_found("key"))?;
        let is_signing_key = matches!(row.purpose, Purpose::Sign(_));
        let (word, action) = (id.to_string(), format!("/admin/keys/{id}/compromise"));
        let scope = Scope::Key { key: id };
        Ok(Self { kind: Kind::Key, scope, word, action, place: "/admin/keys".to_owned(), is_signing_key })
    }

    /// How many sessions it will hit, in words.
    async fn hit(&self, desk: &Desk) -> Result<String, Instead> {
        let w = desk.words();
        if self.is_signing_key {
            return Ok(w.say("console-hit-tokens").to_owned());
        }
        let count = preview_revocation::preview(&desk.app().authority.world, &desk.admin, self.counted()).await;
        let count = count.map_err(|error| desk.refused(error))?;
        Ok(match count {
            Count { sessions, exact: true } if self.kind == Kind::Key => w.count("console-hit-up-to", sessions),
            Count { sessions, exact: true } => w.count("console-hit", sessions),
            Count { sessions: preview_revocation::MOST, exact: false } => w.say("console-hit-more").to_owned(),
            Count { sessions, exact: false } => w.count("console-hit-at-least", sessions),
        })
    }

    /// Whose sessions are counted. A MAC key may have been used for any.
    fn counted(&self) -> preview_revocation::Target {
        use preview_revocation::Target as Counted;
        match &self.scope {
            Scope::User { user, except, .. } => Counted::User { user: *user, except: *except },
            Scope::Client { client } => Counted::Client(client.clone()),
            _ => Counted::Everyone,
        }
    }

    fn is_named_by(&self, typed: &str) -> bool {
        typed.trim() == self.word
    }

    fn act(&self, filled: &mut Filled) -> Result<Act, Wrong> {
        Ok(match (self.kind, &self.scope) {
            (Kind::Lock, Scope::User { user, .. }) => Act::Lock(*user, filled.lasts()?),
            (Kind::Password, Scope::User { user, .. }) => Act::SetPassword(*user, filled.new_password()?),
            (Kind::Everyone, _) => Act::Revoke(Scope::Everyone { services: filled.services }),
            (_, scope) => Act::Revoke(scope.clone()),
        })
    }
}

/// What was filled in.
struct Filled {
    confirm: String,
    reason: String,
    seconds: String,
    services: bool,
    new_password: Option<String>,
    /// Whether the form asked for the administrator's own password, too, and so does the page if it comes again.
    has_own_password: bool,
}

impl Filled {
    fn nothing(kind: Kind) -> Self {
        let reason = kind.reason().to_owned();
        Self {
            confirm: String::new(),
            reason,
            seconds: String::new(),
            services: false,
            new_password: None,
            has_own_password: false,
        }
    }

    fn take(form: &mut Form, kind: Kind) -> Self {
        Self {
            confirm: form.take("confirm").unwrap_or_default(),
            reason: form.take("reason").unwrap_or_else(|| kind.reason().to_owned()),
            seconds: form.take("seconds").unwrap_or_default(),
            services: form.take("services").is_some(),
            new_password: form.take("new_password"),
            has_own_password: kind == Kind::Password && form.has("password"),
        }
    }

    fn is_for(&self, seconds: &str) -> bool {
        self.seconds == seconds
    }

    fn lasts(&self) -> Result<LockFor, Wrong> {
        if !LOCKS.iter().any(|(seconds, _)| *seconds == self.seconds) {
            return Err(Wrong::Form(no_choice()));
        }
        Ok(match self.seconds.parse() {
            Ok(0) => LockFor::UntilUnlocked,
            Ok(seconds) => LockFor::Duration(std::time::Duration::from_secs(seconds)),
            Err(_) => LockFor::Default,
        })
    }

    fn new_password(&mut self) -> Result<Password, Wrong> {
        Password::new(self.new_password.take().unwrap_or_default()).map_err(Wrong::NewPassword)
    }

    /// What is wrong where the log has no room for what was filled in.
    fn amend(&self, field: &str, problem: Problem) -> Wrong {
        match field {
            "reason" if self.reason.trim().is_empty() => Wrong::Reason("console-reason-missing"),
            "reason" => Wrong::Reason("console-reason-too-long"),
            _ => Wrong::Form(problem),
        }
    }

    /// For the form that asks for the password, which sends them again. A new password is never among them.
    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = vec![("confirm", self.confirm.clone()), ("reason", self.reason.clone())];
        if !self.seconds.is_empty() {
            fields.push(("seconds", self.seconds.clone()));
        }
        if self.services {
            fields.push(("services", "yes".to_owned()));
        }
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[derive(Template)]
#[template(path = "console/confirm.html")]
struct ConfirmPage<'a> {
    page: Frame<'a>,
    chrome: Chrome<'a>,
    form_token: &'a str,
    target: &'a Target,
    filled: &'a Filled,
    locks: &'a [(&'a str, &'a str)],
    about: Safe<String>,
    hit: &'a str,
    type_this: Safe<String>,
    go: &'a str,
    /// Whether the page asks for the administrator's own password, too.
    own_password: bool,
    wrong: &'a Said,
}

impl ConfirmPage<'_> {
    fn is(&self, kind: &str) -> bool {
        self.target.kind.key() == kind
    }
}

async fn show(kind: Kind, mut desk: Desk, id: &str) -> Result<Response, Instead> {
    let target = Target::find(&desk, kind, id).await?;
    render(&mut desk, &target, &Filled::nothing(kind), None, false).await
}

async fn submit(kind: Kind, posted: Posted, id: &str) -> Result<Response, Instead> {
    let (member, mut form) = posted.member()?;
    let mut desk = Desk::of(member);
    let target = Target::find(&desk, kind, id).await?;
    target.action.clone_into(&mut desk.member.visitor.target);
    let mut filled = Filled::take(&mut form, kind);
    let act = if target.is_named_by(&filled.confirm) { target.act(&mut filled) } else { Err(Wrong::Word) };
    let act = match act {
        Ok(act) => act,
        // Nothing was done with the password that came along: it is asked for again.
        Err(wrong) => return render(&mut desk, &target, &filled, Some(wrong), filled.has_own_password).await,
    };
    let attempt = Attempt::make(&desk.member, &mut form, act, filled.reason.clone(), &target.place).await;
    let (cookie, outcome) = attempt.parts();
    let (wrong, own_password) = match outcome {
        Outcome::Done(response) => return Ok(Attempt::with_cookie(cookie, response)),
        Outcome::Refused(instead) => return Ok(Attempt::with_cookie(cookie, instead)),
        // A new password is not written into a page, not even a hidden field of it: it is typed again.
        Outcome::Again(problem) if kind == Kind::Password => {
            (problem.map_or(Wrong::OwnPasswordMissing, Wrong::OwnPassword), true)
        }
        Outcome::Again(problem) => {
            let what = desk.words().say(&format!("confirm-{}-title", kind.key())).to_owned();
            let (action, fields) = (&target.action, &filled.fields());
            let asked = Asked { action, fields, what: &what, back: action };
            return Ok(Attempt::with_cookie(cookie, again::ask(&mut desk.member, &asked, problem.as_ref()).await));
        }
        Outcome::Weak(weak) => (Wrong::NewPassword(weak), false),
        Outcome::Amend(field, problem) => (filled.amend(field, problem), false),
    };
    let page = render(&mut desk, &target, &filled, Some(wrong), own_password).await;
    Ok(Attempt::with_cookie(cookie, page.unwrap_or_else(IntoResponse::into_response)))
}

/// The page, which says what is wrong, if anything is.
async fn render(
    desk: &mut Desk,
    target: &Target,
    filled: &Filled,
    wrong: Option<Wrong>,
    own_password: bool,
) -> Result<Response, Instead> {
    let hit = target.hit(desk).await?;
    let form_token = desk.member.visitor.form_token();
    let (w, key): (&Language, _) = (desk.words(), target.kind.key());
    let (title, go) = (format!("confirm-{key}-title"), format!("confirm-{key}-go"));
    let said = wrong.as_ref().map(|wrong| wrong.said(w)).unwrap_or_default();
    let page = ConfirmPage {
        page: desk.frame(&title),
        chrome: desk.chrome(target.kind.room()),
        form_token: &form_token,
        target,
        filled,
        locks: &LOCKS,
        about: w.around(&format!("confirm-{key}-about"), &target.word),
        hit: &hit,
        type_this: w.around("console-type", &target.word),
        go: w.say(&go),
        own_password,
        wrong: &said,
    };
    let page = frame::answer(&desk.member.visitor, wrong.as_ref().map_or(StatusCode::OK, Wrong::status), &page);
    Ok(match wrong {
        Some(Wrong::OwnPassword(problem) | Wrong::Form(problem)) => fault::told(page, &problem),
        _ => page,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pages::words::Words;

    #[test]
    fn every_ending_has_its_words_in_every_language() {
        for language in Words::load().all() {
            for kind in [Kind::SignOut, Kind::Lock, Kind::Password, Kind::Client, Kind::Key, Kind::Everyone] {
                for part in ["title", "about", "go"] {
                    let key = format!("confirm-{}-{part}", kind.key());
                    assert_ne!(language.about(&key, "x"), key, "{}", language.tag);
                }
            }
            for (_, key) in LOCKS {
                assert!(language.find(key).is_some(), "{}: {key}", language.tag);
            }
        }
    }

    #[test]
    fn a_lock_lasts_as_long_as_one_of_the_choices() {
        let lasts = |seconds: &str| {
            let filled = Filled { seconds: seconds.to_owned(), ..Filled::nothing(Kind::Lock) };
            filled.lasts().map_err(|wrong| wrong.status())
        };
        assert_eq!(lasts(""), Ok(LockFor::Default));
        assert_eq!(lasts("0"), Ok(LockFor::UntilUnlocked));
        assert_eq!(lasts("3600"), Ok(LockFor::Duration(std::time::Duration::from_hours(1))));
        for bad in ["1", "-1", "x", "00"] {
            assert_eq!(lasts(bad), Err(StatusCode::BAD_REQUEST), "{bad}");
        }
    }
}
