//! The pages' cookies: their names, how they are read, how they are set (RFC 6265bis; ASVS 5.0 §3.3).

use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// How the pages are reached, as the issuer's URL says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Over HTTPS: cookies have the prefix `__Host-`, so that no other host and no plain HTTP can set them.
    Secure,
    /// Over plain HTTP on this machine, for trying things out: whoever runs something else here can set them, too.
    Loopback,
    /// Over plain HTTP from anywhere: there are no pages.
    Insecure,
}

impl Transport {
    /// How `issuer` is reached.
    pub(crate) fn of(issuer: &str) -> Self {
        let Some(rest) = issuer.strip_prefix("http://") else { return Self::Secure };
        let authority = rest.split('/').next().unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        let loopback = host.parse::<std::net::IpAddr>().map_or(host == "localhost", |address| address.is_loopback());
        if loopback { Self::Loopback } else { Self::Insecure }
    }
}

/// A cookie of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What a session is held by.
    Session,
    /// What forms are bound to while nobody is signed in.
    Form,
    /// What the next page says of what was done.
    Notice,
    /// The language that was chosen.
    Language,
    /// The sign-ins that somebody said to know.
    Known,
}

impl Kind {
    /// What it is called.
    pub(crate) const fn name(self, transport: Transport) -> &'static str {
        match (self, transport) {
            (Self::Session, Transport::Secure) => "__Host-rescind",
            (Self::Session, _) => "rescind_dev",
            (Self::Form, Transport::Secure) => "__Host-rescind-form",
            (Self::Form, _) => "rescind_dev_form",
            (Self::Notice, Transport::Secure) => "__Host-rescind-notice",
            (Self::Notice, _) => "rescind_dev_notice",
            (Self::Language, Transport::Secure) => "__Host-rescind-language",
            (Self::Language, _) => "rescind_dev_language",
            (Self::Known, Transport::Secure) => "__Host-rescind-known",
            (Self::Known, _) => "rescind_dev_known",
        }
    }
}

/// What a request brings under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought<'a> {
    /// Nothing.
    None,
    /// One value.
    One(&'a str),
    /// Several: somebody put one beside ours, and nobody can tell which is which.
    Several,
}

impl<'a> Brought<'a> {
    /// What `headers` bring of `kind`.
    pub(crate) fn read(headers: &'a HeaderMap, kind: Kind, transport: Transport) -> Self {
        let name = kind.name(transport);
        let mut found = Self::None;
        for header in headers.get_all(COOKIE) {
            // Whatever else is in the header, of whichever bytes, is others' business.
            for pair in header.as_bytes().split(|byte| *byte == b';') {
                let Ok(pair) = std::str::from_utf8(pair) else { continue };
                let Some((own, value)) = pair.trim().split_once('=') else { continue };
                if own == name {
                    found = if found == Self::None { Self::One(value) } else { Self::Several };
                }
            }
        }
        found
    }

    /// The one value.
    pub(crate) fn one(self) -> Option<&'a str> {
        match self {
            Self::One(value) => Some(value),
            Self::None | Self::Several => None,
        }
    }
}

/// A `Set-Cookie` header. Without an age it goes when the browser is closed. The value is of our making: letters, digits,
/// `-`, `_` and `.`.
pub(crate) fn set(kind: Kind, transport: Transport, value: &str, age: Option<Duration>) -> HeaderValue {
    let secure = if transport == Transport::Secure { "; Secure" } else { "" };
    let age = age.map_or_else(String::new, |age| format!("; Max-Age={}", age.as_secs()));
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", kind.name(transport));
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A `Set-Cookie` header that removes a cookie.
pub(crate) fn remove(kind: Kind, transport: Transport) -> HeaderValue {
    set(kind, transport, "", Some(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brought(headers: &[&str]) -> Option<String> {
        let value = |text: &&str| axum::http::HeaderValue::from_bytes(text.as_bytes()).unwrap();
        let headers: HeaderMap = headers.iter().map(|text| (COOKIE, value(text))).collect();
        match Brought::read(&headers, Kind::Session, Transport::Loopback) {
            Brought::None => None,
            Brought::One(value) => Some(value.to_owned()),
            Brought::Several => Some("several".to_owned()),
        }
    }

    #[test]
    fn a_cookie_that_comes_twice_counts_as_none_of_them() {
        assert_eq!(brought(&["a=b; rescind_dev=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(brought(&["name=é; rescind_dev=x"]).as_deref(), Some("x"), "a neighbour's cookie is no matter");
        assert_eq!(brought(&["xrescind_dev=x", "rescind_dev2=x"]), None);
        assert_eq!(brought(&["rescind_dev=x; rescind_dev=y"]).as_deref(), Some("several"));
        assert_eq!(brought(&["rescind_dev=x", "rescind_dev=x"]).as_deref(), Some("several"));
    }

    #[test]
    fn only_https_and_this_machine_have_pages() {
        for issuer in ["https://a.example", "https://127.0.0.1:1/x"] {
            assert_eq!(Transport::of(issuer), Transport::Secure, "{issuer}");
        }
        for issuer in ["http://127.0.0.1:7080", "http://localhost", "http://[::1]:80/a", "http://127.9.9.9/"] {
            assert_eq!(Transport::of(issuer), Transport::Loopback, "{issuer}");
        }
        for issuer in ["http://a.example", "http://10.0.0.1:80", "http://localhost.example", "http://0.0.0.0:1"] {
            assert_eq!(Transport::of(issuer), Transport::Insecure, "{issuer}");
        }
    }

    #[test]
    fn a_cookie_is_for_this_host_alone_and_not_for_scripts() {
        let text = |header: HeaderValue| header.to_str().unwrap().to_owned();
        let day = Some(Duration::from_hours(24));
        assert_eq!(
            text(set(Kind::Session, Transport::Secure, "v", day)),
            "__Host-rescind=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=86400"
        );
        assert_eq!(
            text(remove(Kind::Session, Transport::Loopback)),
            "rescind_dev=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }
}
