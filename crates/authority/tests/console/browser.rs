//! A browser: it keeps cookies, follows no redirects by itself, and sends the forms that it is shown.

use std::collections::BTreeMap;

use axum::http::Method;

use super::call::{Answer, Call};
use super::harness::{Harness, PASSWORD};

/// A browser.
pub(crate) struct Browser<'a> {
    pub(crate) harness: &'a Harness,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) language: &'static str,
    pub(crate) user_agent: String,
}

impl<'a> Browser<'a> {
    /// In which nobody is signed in.
    pub(crate) fn new(harness: &'a Harness) -> Self {
        let user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned();
        Self { harness, cookies: BTreeMap::new(), language: "en", user_agent }
    }

    /// In which somebody signs in.
    pub(crate) async fn signed_in(harness: &'a Harness, login: &str) -> Self {
        let mut browser = Self::new(harness);
        browser.sign_in(login).await;
        browser
    }

    /// In which the first administrator, `root`, signs in.
    pub(crate) async fn administrator(harness: &'a Harness) -> Self {
        harness.administrator().await;
        Self::signed_in(harness, "root").await
    }

    pub(crate) async fn sign_in(&mut self, login: &str) {
        let page = self.get("/sign-in").await;
        let answer = self.send(&page, "/sign-in", &[("login", login), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 303, "{answer:?}");
    }

    /// The value of the cookie that the session is held by.
    pub(crate) fn session_cookie(&self) -> Option<&str> {
        self.cookies.get("rescind_dev").map(String::as_str)
    }

    pub(crate) fn call(&self, method: Method, target: &str) -> Call {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let call = self.harness.call(method, target).header("accept-language", self.language);
        let call = call.header("user-agent", &self.user_agent);
        if cookies.is_empty() { call } else { call.header("cookie", &cookies.join("; ")) }
    }

    /// Loads a page.
    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        let answer = self.call(Method::GET, target).send().await;
        self.keep(&answer);
        answer
    }

    /// Loads a page, and expects that it is there.
    pub(crate) async fn page(&mut self, target: &str) -> String {
        let answer = self.get(target).await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        answer.text()
    }

    /// Sends these fields, with nothing added but where they come from.
    pub(crate) async fn post_from(&mut self, origin: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs = fields.iter().map(|(name, value)| format!("{name}={}", encode(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let answer = self.call(Method::POST, target).header("origin", origin).form(&body).send().await;
        self.keep(&answer);
        answer
    }

    /// The same, from a page of the server's own.
    pub(crate) async fn post(&mut self, target: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = format!("http://{}", self.harness.address);
        self.post_from(&origin, target, fields).await
    }

    /// Sends the form of a page that goes to `action`: what is hidden in it, and these fields.
    pub(crate) async fn send(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let form = form(&page.text(), action);
        let mut all = hidden(&form);
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(action, &all).await
    }

    /// Loads the page with a form, and sends it.
    pub(crate) async fn fill(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(page).await;
        assert_eq!(page.status, 200, "{page:?}");
        self.send(&page, action, fields).await
    }

    /// Loads a confirmation page, types `word`, and sends it.
    pub(crate) async fn confirm(&mut self, action: &str, word: &str) -> Answer {
        self.fill(action, action, &[("confirm", word)]).await
    }

    fn keep(&mut self, answer: &Answer) {
        for header in answer.headers.get_all("set-cookie") {
            let text = header.to_str().expect("text");
            let (pair, rest) = text.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a value");
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// The form of a page that goes to `action`.
#[track_caller]
pub(crate) fn form(page: &str, action: &str) -> String {
    let begin = page.find(&format!("action=\"{action}\"")).unwrap_or_else(|| panic!("no form to {action}: {page}"));
    page[begin..].split("</form>").next().expect("a form").to_owned()
}

/// What is hidden in a form, and what is filled in already.
pub(crate) fn hidden(form: &str) -> Vec<(String, String)> {
    let inputs = form.split("<input ").skip(1).filter(|input| input.contains("type=\"hidden\""));
    inputs.map(|input| (attribute(input, "name"), attribute(input, "value"))).collect()
}

fn attribute(tag: &str, name: &str) -> String {
    let rest = tag.split_once(&format!("{name}=\"")).expect("the attribute").1;
    let text = rest.split('"').next().expect("its end");
    text.replace("&#39;", "'").replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&")
}

fn encode(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect::<Vec<_>>()
        .concat()
}
