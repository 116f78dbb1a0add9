//! Where a visitor goes after signing in: a page of ours that was asked for, never anybody else's.

use data_encoding::HEXUPPER;

use crate::http::form::Form;

/// Where whoever signs in goes unless something was asked for.
pub(crate) const HOME: &str = "/account";

/// Pages that whoever chooses a language may be on without being a member's.
const STRANGERS: [&str; 4] = ["/sign-in", "/sign-up", "/sign-out", "/setup"];

/// The place, if it is one of ours: a path, as browsers will read it. `//host`, `/\host` and what holds control characters
/// or a scheme is not; nor is a path that browsers make another one of, by its dot segments (URL Standard, "path state").
fn allowed(place: &str) -> Option<&str> {
    let ours = place.starts_with('/')
        && place.len() <= 2048
        && place.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\')
        && !path_of(place).contains("//")
        && !path_of(place).split('/').any(is_dots);
    ours.then_some(place)
}

fn path_of(place: &str) -> &str {
    place.split(['?', '#']).next().unwrap_or_default()
}

/// Whether a segment means this folder or the one above, however it is written.
fn is_dots(segment: &str) -> bool {
    [".", ".."].contains(&segment.to_ascii_lowercase().replace("%2e", ".").as_str())
}

/// Where whoever signs in is led: to the page of a member's that was asked for, or home. Not to where members sign out, which
/// nobody signs in for; and to nothing else of ours, which would be a document for programs.
pub(crate) fn after_sign_in(place: &str) -> &str {
    allowed(place).filter(|place| is_members(path_of(place))).unwrap_or(HOME)
}

/// Where whoever has chosen a language is led back to: one of the pages that a choice is on, or home.
pub(crate) fn after_choice(place: &str) -> &str {
    let is_page = |place: &&str| is_members(path_of(place)) || STRANGERS.contains(&path_of(place));
    allowed(place).filter(is_page).unwrap_or(HOME)
}

fn is_members(path: &str) -> bool {
    let is_console = path == "/admin" || (path.starts_with("/admin/") && path != "/admin/live");
    [HOME, "/account/security"].contains(&path) || is_console
}

/// The sign-in page, with the way back.
pub(crate) fn sign_in_then(place: &str) -> String {
    with_place("/sign-in", place)
}

/// A page that leads on to `place`, if that is where whoever signs in may be led.
pub(crate) fn with_place(page: &str, place: &str) -> String {
    match after_sign_in(place) {
        HOME => page.to_owned(),
        place => format!("{page}?return_to={}", encode(place)),
    }
}

/// The place that a query names, for whoever has signed in.
pub(crate) fn asked(target: &str) -> String {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let asked = Form::parse(query.as_bytes(), &[]).unwrap_or_default().take("return_to").unwrap_or_default();
    after_sign_in(&asked).to_owned()
}

/// Percent-encodes a value of a query (RFC 3986 §2.1).
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&HEXUPPER.encode(&[byte]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_paths_are_places_to_return_to() {
        for fine in ["/", "/account", "/admin/users?q=a//b/../c&b=%2F#x/../y", "/a.b/..c/...", "/a:b@c"] {
            assert_eq!(allowed(fine), Some(fine));
        }
        let bad = [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n",
            "/ ",
            " /",
            "/é",
            "///evil",
            "/a\\..\\b",
            "/a//b",
            "/.",
            "/./a",
            "/a/..",
            "/a/../b",
            "/a/%2e%2E/b",
            "/a/.%2e/b?q",
            "/a/%2E#x",
        ];
        for bad in bad {
            assert_eq!(allowed(bad), None, "{bad:?}");
        }
        assert_eq!(allowed(&format!("/{}", "a".repeat(4000))), None);
    }

    #[test]
    fn whoever_signs_in_goes_to_a_page_of_members_and_nowhere_else() {
        for page in ["/account", "/account?after=x", "/account/security#events", "/admin", "/admin/users?q=a"] {
            assert_eq!(after_sign_in(page), page);
        }
        let others = [
            "/sign-out",
            "/sign-in",
            "/account/live",
            "/account/sign-out-others",
            "/admin/live?session=x",
            "/administrators",
            "/openapi.json",
            "/v1/me",
            "//evil.example/account",
            "/admin/../sign-out",
            "/admin/%2e%2e/v1/me",
            "/admin/..//evil.example",
            "/admin//evil.example",
            "",
        ];
        for other in others {
            assert_eq!(after_sign_in(other), HOME, "{other}");
        }
    }

    #[test]
    fn whoever_chooses_a_language_comes_back_to_a_page_and_nowhere_else() {
        for page in ["/account", "/admin/users?q=a", "/sign-in?return_to=/admin", "/setup?token=x", "/sign-out"] {
            assert_eq!(after_choice(page), page);
        }
        for other in ["/v1/me", "/", "/docs", "/sign-in/../v1/me", "/setup/%2e%2e/v1/me", "//evil.example"] {
            assert_eq!(after_choice(other), HOME, "{other}");
        }
    }

    #[test]
    fn the_way_back_is_encoded() {
        assert_eq!(sign_in_then("/admin?a=b&c"), "/sign-in?return_to=/admin%3Fa%3Db%26c");
        assert_eq!(sign_in_then("/account"), "/sign-in");
        assert_eq!(sign_in_then("//evil"), "/sign-in");
        assert_eq!(sign_in_then("/sign-out"), "/sign-in");
    }
}
