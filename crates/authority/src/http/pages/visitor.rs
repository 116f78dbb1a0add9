//! Whoever asks for a page: in which language, from where, and signed in or not.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{ACCEPT_LANGUAGE, HOST, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use rescind_domain::Error;
use rescind_domain::acting::Acting;
use rescind_domain::refresh_token::{self, Holder};
use rescind_domain::user::Role;
use rescind_domain::verbs::administer_users;
use rescind_domain::verbs::sign_in::Former;
use rescind_wire::{Cause, SessionId, Subject};

use super::Pages;
use super::cookie::{self, Brought, Kind, Transport};
use super::form_token::Owner;
use super::instead::Instead;
use super::words::Language;
use super::{latest, return_to};
use crate::cookies::{LetIn, Refused, is_of_token};
use crate::http::app::App;
use crate::http::caller::{Caller, Device};
use crate::http::form::Form;
use crate::http::passive::is_passive;
use crate::http::problem::{Problem, kinds};

/// Whoever asks for a page.
pub(crate) struct Visitor {
    /// What is needed to answer.
    pub(crate) app: App,
    /// The device.
    pub(crate) device: Device,
    /// Who is signed in, if anybody is.
    pub(crate) caller: Option<Caller>,
    /// The value of the session's cookie, whether it lives or not.
    pub(crate) cookie: Option<String>,
    /// Whether that is good at another address, and not here.
    pub(super) is_elsewhere: bool,
    /// The page that is asked for, for coming back to it; of a form it is the page that most forms are on.
    pub(crate) target: String,
    language: &'static str,
    browser: Option<String>,
    is_new_browser: bool,
    notice: Option<String>,
    /// Nobody asked for it: a script did by itself.
    is_passive: bool,
    /// What is said instead of the notice, which waits for the tab that it was left for.
    said: Option<&'static str>,
    /// The sign-ins that were said to be known in this browser, as its cookie has them.
    pub(super) known: Option<String>,
}

impl Visitor {
    /// The pages' state.
    pub(crate) fn pages(&self) -> &Pages {
        &self.app.pages
    }

    /// The words for this visitor.
    pub(crate) fn words(&self) -> &Language {
        let words = &self.app.pages.words;
        words.named(self.language).unwrap_or_else(|| &words.all()[0])
    }

    /// How the pages are reached.
    pub(crate) fn transport(&self) -> Transport {
        self.app.pages.transport
    }

    /// What is to be said: by this page itself, or what the one before left.
    pub(crate) fn notice(&self) -> Option<&str> {
        self.said.or(self.notice.as_deref())
    }

    /// Whether what the page before left is said with this answer.
    pub(crate) fn takes_notice(&self) -> bool {
        self.said.is_none() && self.notice.is_some()
    }

    /// Says this, and leaves what the page before left to the page that it is for.
    pub(crate) fn say(&mut self, said: &'static str) {
        self.said = Some(said);
    }

    /// Whether the session that the cookie stands for is over.
    pub(crate) fn was_signed_out(&self) -> bool {
        self.cookie.is_some() && self.caller.is_none() && !self.is_elsewhere
    }

    /// Whether somebody is signed in who is an administrator, for what leads to the console. It decides nothing.
    pub(crate) async fn is_administrator(&self) -> bool {
        let Some(caller) = &self.caller else { return false };
        let read = administer_users::who_am_i(&self.app.authority.world, &caller.acting()).await;
        read.is_ok_and(|user| user.role == Role::Administrator)
    }

    /// The session that is signed in.
    pub(crate) fn session(&self) -> Option<SessionId> {
        self.caller.as_ref().and_then(|caller| caller.verified().session().copied())
    }

    /// The session that a sign-in in this browser takes the place of. One at another address was found by the store to be what
    /// the cookie says.
    pub(super) fn former(&self) -> Option<Former> {
        let is_elsewhere = self.is_elsewhere;
        if let Some(caller) = &self.caller {
            let claims = caller.verified().claims();
            let Subject::User(user) = &claims.sub else { return None };
            return claims.sid.map(|session| Former { user: *user, session, is_elsewhere });
        }
        let cookie = self.cookie.as_deref().filter(|_| is_elsewhere)?;
        let chain = refresh_token::take_apart_as(Holder::Cookie, cookie)?.unverified_chain;
        Some(Former { user: chain.user, session: chain.session, is_elsewhere })
    }

    /// Where a page of this visitor's listens: tabs share what is heard at one address, so it is that of the session.
    pub(crate) fn stream(&self, path: &str) -> String {
        self.session().map_or_else(|| path.to_owned(), |session| format!("{path}?session={session}"))
    }

    /// Whoever listens, unless the address is that of another session: since the page was made, somebody else may have
    /// signed in in another tab, whose changes are no business of those that show the former one.
    pub(crate) fn listener(&self) -> Option<&Caller> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let asked = Form::parse(query.as_bytes(), &[]).ok()?.take("session");
        let is_own = asked.is_none_or(|asked| self.session().is_some_and(|own| own.to_string() == asked));
        self.caller.as_ref().filter(|_| is_own)
    }

    /// Whether the browser keeps our cookies: a page with a form brought one.
    pub(crate) fn has_cookies(&self) -> bool {
        self.cookie.is_some() || self.browser.is_some()
    }

    /// A token for a form of this visitor's. A browser that has no cookie yet is given one with the answer.
    pub(crate) fn form_token(&mut self) -> String {
        let session = self.session();
        let app = self.app.clone();
        let entropy = app.authority.world.entropy.as_ref();
        let owner = match session {
            Some(session) => Owner::Session(session),
            None => Owner::Browser(self.browser.get_or_insert_with(|| {
                self.is_new_browser = true;
                BASE64URL_NOPAD.encode(&entropy.bytes::<16>())
            })),
        };
        app.pages.form_tokens.make(owner, entropy)
    }

    /// Whether the token of a form that was sent to `path` is this visitor's. The sign-in form may have been opened before
    /// somebody signed in beside it.
    pub(super) fn owns(&self, token: &str, path: &str) -> bool {
        let tokens = &self.pages().form_tokens;
        let of_browser = || self.browser.as_deref().is_some_and(|browser| tokens.check(token, Owner::Browser(browser)));
        match self.session() {
            Some(session) => tokens.check(token, Owner::Session(session)) || (path == "/sign-in" && of_browser()),
            None => of_browser(),
        }
    }

    /// The cookie that forms are bound to, if it was made for this answer.
    pub(super) fn new_browser(&self) -> Option<&str> {
        self.browser.as_deref().filter(|_| self.is_new_browser)
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(device) = Device::from_request_parts(parts, app).await;
        let transport = app.pages.transport;
        refuse_plain_http(app, parts)?;
        let read = |kind| Brought::read(&parts.headers, kind, transport).one().map(str::to_owned);
        if Brought::read(&parts.headers, Kind::Session, transport) == Brought::Several {
            // Not as if there were none: the sign-in page may get ours alone and lead back here for ever; and if ours were
            // removed, the other one would sign whoever asks in as somebody else.
            return Err(Problem::new(kinds::DOUBLED_COOKIE));
        }
        let cookie = read(Kind::Session);
        let (caller, is_elsewhere) = match &cookie {
            None => (None, false),
            Some(cookie) => sign_in(app, cookie, device.address, parts).await?,
        };
        let language = language(app, parts, read(Kind::Language).as_deref());
        let asked = parts.uri.path_and_query().filter(|_| parts.method == Method::GET);
        let above = if parts.uri.path().starts_with("/admin") { "/admin" } else { return_to::HOME };
        let target = asked.map_or(above, |target| target.as_str()).to_owned();
        let is_passive = is_passive(&parts.headers);
        Ok(Self {
            app: app.clone(),
            device,
            caller,
            cookie,
            is_elsewhere,
            target,
            language,
            browser: read(Kind::Form),
            is_new_browser: false,
            // For whoever is there: it is said once.
            notice: read(Kind::Notice).filter(|_| !is_passive),
            is_passive,
            said: None,
            known: read(Kind::Known),
        })
    }
}

/// Over plain HTTP there are pages for this machine alone: asked for from here, by a name of this machine, since a site
/// elsewhere can make its own name lead here (DNS rebinding), and not passed on from elsewhere, unless by a proxy that
/// is named.
fn refuse_plain_http(app: &App, parts: &Parts) -> Result<(), Problem> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    let here = peer.is_some_and(|peer| peer.is_loopback());
    let trusted = &app.authority.config.proxies.trusted;
    let by_a_named_proxy = peer.is_some_and(|peer| trusted.iter().any(|net| net.contains(peer)));
    let passed_on = !by_a_named_proxy && is_from_elsewhere(&parts.headers);
    match app.pages.transport {
        Transport::Secure => Ok(()),
        Transport::Loopback if here && names_this_machine(&parts.headers) && !passed_on => Ok(()),
        Transport::Loopback | Transport::Insecure => Err(Problem::new(kinds::HTTPS_REQUIRED)),
    }
}

/// Whether a request was sent to a name of this machine (RFC 9110 §7.2, RFC 6761 §6.3).
fn names_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let only = hosts.next().filter(|_| hosts.next().is_none());
    only.and_then(|host| host.to_str().ok()).is_some_and(is_loopback)
}

/// Whether whoever passed a request on says that it came from elsewhere. Proxies name the client in one of these;
/// nobody on this machine needs `Forwarded` (RFC 7239).
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let says = ["x-forwarded-for", "x-real-ip", "x-forwarded-host"];
    let all = says.iter().flat_map(|name| headers.get_all(*name));
    let is_here =
        |value: &HeaderValue| value.to_str().is_ok_and(|list| list.split(',').all(|one| is_loopback(one.trim())));
    headers.contains_key("forwarded") || !all.into_iter().all(is_here)
}

/// Whether a host, which may come with a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None if host.matches(':').count() > 1 => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.parse::<IpAddr>().map(|address| address.to_canonical());
    address.map_or_else(|_| name.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

/// Whom the cookie signs in; else whether it would at another address.
async fn sign_in(
    app: &App,
    cookie: &str,
    address: Option<IpAddr>,
    parts: &Parts,
) -> Result<(Option<Caller>, bool), Problem> {
    match app.authority.verify_cookie(cookie, address).await {
        Ok(LetIn { verified, lost }) => {
            if let Some(lost) = lost {
                latest::leave(app, &parts.extensions, &lost);
            }
            Ok((Some(Caller::let_in(verified, address, &parts.extensions)), false))
        }
        Err(Refused::Dead) => Ok((None, false)),
        Err(Refused::Elsewhere) => Ok((None, true)),
        Err(Refused::Unknown(error)) => Err(error.into()),
        Err(Refused::CannotTell(rejected)) => {
            tracing::warn!(%rejected, "whether a cookie is good could not be told");
            Err(Problem::cannot_tell())
        }
    }
}

fn language(app: &App, parts: &Parts, chosen: Option<&str>) -> &'static str {
    let words = &app.pages.words;
    if let Some(language) = chosen.and_then(|tag| words.named(tag)) {
        return language.tag;
    }
    let header = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    header.map_or(words.all()[0].tag, |header| words.liked(header).tag)
}

/// A visitor who is signed in. Whoever is not is led to the sign-in page, and back afterwards.
pub(crate) struct Member {
    /// The visitor.
    pub(crate) visitor: Visitor,
    /// Who acts.
    pub(crate) acting: Acting,
    /// The session.
    pub(crate) session: SessionId,
    /// Whether what was asked for can be asked for again.
    back: bool,
}

impl FromRequestParts<App> for Member {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Instead> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        Self::of(visitor, parts.method == Method::GET)
    }
}

impl Member {
    /// A visitor who is signed in; whoever is not is led to the sign-in page, and `back` again.
    pub(crate) fn of(visitor: Visitor, back: bool) -> Result<Self, Instead> {
        let acting = visitor.caller.as_ref().map(Caller::acting);
        match acting.map(|acting| (acting.person(), acting)) {
            Some((Ok((_, session)), acting)) => Ok(Self { visitor, acting, session, back }),
            _ => Err(to_sign_in(&visitor, back).into()),
        }
    }

    /// What is answered to whoever is refused: who was signed out meanwhile is led to the sign-in page.
    pub(crate) fn refused(&self, error: Error) -> Instead {
        match error {
            // The token that the cookie stood for is over, and not the session: the same again gets another.
            Error::SignedOut(Some(Cause::Revoked { scope, .. })) if is_of_token(scope) => {
                if let Some(cookie) = &self.visitor.cookie {
                    self.visitor.app.authority.cookies.forget(cookie);
                }
                (StatusCode::SEE_OTHER, [(LOCATION, self.visitor.target.clone())]).into_response().into()
            }
            Error::SignedOut(_) => to_sign_in(&self.visitor, self.back).into(),
            other => Problem::from(other).into(),
        }
    }
}

/// Leads to the sign-in page. A cookie that stands for nothing any more says that this device was signed out; one whose
/// session is bound to another address is kept, for when it is there again. To a script that asked by itself nothing is said,
/// for nobody would read it: it leads there in its turn, and says why.
pub(crate) fn to_sign_in(visitor: &Visitor, come_back: bool) -> Response {
    let place = if come_back { return_to::sign_in_then(&visitor.target) } else { "/sign-in".to_owned() };
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response();
    let told = |what| cookie::set(Kind::Notice, visitor.transport(), what, Some(super::NOTICE));
    if visitor.is_passive {
        return response;
    }
    if visitor.is_elsewhere {
        response.headers_mut().append(SET_COOKIE, told("other-address"));
    } else if visitor.cookie.is_some() {
        response.headers_mut().append(SET_COOKIE, told("signed-out-elsewhere"));
        response.headers_mut().extend(forget(visitor));
    }
    response
}

/// Takes what is left of a session that is over out of the browser.
pub(super) fn forget(visitor: &Visitor) -> [(HeaderName, HeaderValue); 2] {
    let cookie = cookie::remove(Kind::Session, visitor.transport());
    [(SET_COOKIE, cookie), (HeaderName::from_static("clear-site-data"), super::CLEAR)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn only_a_name_of_this_machine_is_one() {
        for host in ["localhost", "LocalHost:80", "127.0.0.1:7080", "127.9.9.9", "[::1]:7080", "[::1]"] {
            let host = headers(&[("host", host)]);
            assert!(names_this_machine(&host), "{host:?}");
        }
        let others =
            ["evil.example:7080", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1", "[::2]:80", "", ":80"];
        for host in others {
            let host = headers(&[("host", host)]);
            assert!(!names_this_machine(&host), "{host:?}");
        }
        let mut twice = headers(&[("host", "localhost")]);
        twice.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(!names_this_machine(&twice) && !names_this_machine(&HeaderMap::new()));
    }

    #[test]
    fn what_was_passed_on_from_elsewhere_is_known_by_what_proxies_say() {
        for here in [&[][..], &[("x-forwarded-for", "127.0.0.1, ::1")], &[("x-forwarded-host", "localhost:7080")]] {
            assert!(!is_from_elsewhere(&headers(here)), "{here:?}");
        }
        let elsewhere = [
            ("x-forwarded-for", "203.0.113.5"),
            ("x-forwarded-for", "127.0.0.1, 203.0.113.5"),
            ("x-forwarded-for", ""),
            ("x-forwarded-host", "public.example"),
            ("x-real-ip", "2001:db8::1"),
            ("forwarded", "for=192.0.2.60;proto=https"),
        ];
        for said in elsewhere {
            assert!(is_from_elsewhere(&headers(&[said])), "{said:?}");
        }
    }
}
