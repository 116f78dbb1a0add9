//! A browser without a script: it keeps cookies, follows links, and fills in forms.

use std::cell::RefCell;
use std::collections::BTreeMap;

use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, LOCATION, ORIGIN, SET_COOKIE, USER_AGENT};
use serde_json::json;

use super::call::{Answer, Call};
use super::harness::{Harness, PASSWORD};

pub(crate) const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0";

/// The cookie of the session, where the issuer is on this machine.
pub(crate) const SESSION: &str = "rescind_dev";

/// A browser, which is a device.
pub(crate) struct Browser<'a> {
    pub(crate) harness: &'a Harness,
    pub(crate) cookies: RefCell<BTreeMap<String, String>>,
    pub(crate) agent: String,
    pub(crate) language: String,
    /// Where the forms come from.
    pub(crate) origin: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(harness: &'a Harness) -> Self {
        Self {
            harness,
            cookies: RefCell::default(),
            agent: FIREFOX.to_owned(),
            language: "en".to_owned(),
            origin: format!("http://{}", harness.address),
        }
    }

    /// One that is signed in.
    pub(crate) async fn signed_in(harness: &'a Harness, login: &str) -> Self {
        let browser = Self::new(harness);
        browser.sign_in(login).await;
        browser
    }

    /// Signs in, and expects to be let in.
    pub(crate) async fn sign_in(&self, login: &str) {
        let answer = self.submit("/sign-in", "/sign-in", &[("login", login), ("password", PASSWORD)]).await;
        assert_eq!(answer.leads_to(), "/account", "{}", answer.text());
        assert!(self.session().is_some());
    }

    /// The value of the session's cookie.
    pub(crate) fn session(&self) -> Option<String> {
        self.cookies.borrow().get(SESSION).cloned()
    }

    /// Asks for a page, and follows nothing.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.harness.get(path)).await
    }

    /// Asks for a page, and goes where it leads. Answers with the page there.
    pub(crate) async fn visit(&self, path: &str) -> Answer {
        let mut answer = self.get(path).await;
        for _ in 0..5 {
            if answer.status.as_u16() != 303 {
                return answer;
            }
            let place = answer.leads_to().split('#').next().unwrap_or_default().to_owned();
            answer = self.get(&place).await;
        }
        panic!("{path} leads in circles");
    }

    /// Sends a form as it is, from our own origin.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.form(path, fields).header(ORIGIN.as_str(), &self.origin)).await
    }

    /// A form, which says nothing of where it comes from yet.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> Call {
        let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        self.harness.post(path).form(&pairs.join("&"))
    }

    /// Opens `page`, and sends the form on it that goes to `action`, filled in.
    pub(crate) async fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.visit(page).await.form_token(action);
        self.post(action, &[&[("form_token", token.as_str())], fields].concat()).await
    }

    /// Sends a call with what a browser adds, and keeps the cookies that come back.
    pub(crate) async fn send(&self, call: Call) -> Answer {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let call = call.header(ACCEPT.as_str(), "text/html,application/xhtml+xml,*/*;q=0.8");
        let call = call.header(USER_AGENT.as_str(), &self.agent).header(ACCEPT_LANGUAGE.as_str(), &self.language);
        let call = if cookies.is_empty() { call } else { call.header(COOKIE.as_str(), &cookies.join("; ")) };
        let answer = call.send().await;
        for cookie in answer.cookies() {
            let (name, value) = cookie.split_once(';').unwrap_or((&cookie, "")).0.split_once('=').expect("a cookie");
            if value.is_empty() {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.harness.secrets.gather(&json!({ "token": value }));
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Asserts that it is signed in.
    pub(crate) async fn assert_in(&self) {
        assert_eq!(self.get("/account").await.status.as_u16(), 200);
    }

    /// Asserts that it is not, and is told so.
    pub(crate) async fn assert_out(&self) {
        assert!(self.get("/account").await.leads_to().starts_with("/sign-in"));
    }

    /// The ids of the devices in the list, in their order.
    pub(crate) async fn devices(&self) -> Vec<String> {
        let page = self.get("/account").await.text();
        let cards = page.split("<div class=\"card device current\" id=\"").skip(1);
        let cards = cards.chain(page.split("<li class=\"card device\" id=\"").skip(1));
        cards.map(|rest| rest.split('"').next().expect("an id").to_owned()).collect()
    }
}

impl Answer {
    /// Where a redirect leads.
    #[track_caller]
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status.as_u16(), 303, "{}", self.text());
        self.header(LOCATION)
    }

    /// The `Set-Cookie` headers.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let all = self.headers.get_all(SET_COOKIE).iter();
        all.map(|value| value.to_str().expect("text").to_owned()).collect()
    }

    /// The token in the form that goes to `action`.
    #[track_caller]
    pub(crate) fn form_token(&self, action: &str) -> String {
        let page = self.text();
        let mark = format!("action=\"{action}\"");
        let (_, form) = page.split_once(&mark).unwrap_or_else(|| panic!("no form goes to {action}: {page}"));
        let form = form.split_once("</form>").expect("a whole form").0;
        let (_, token) = form.split_once("name=\"form_token\" value=\"").expect("a token");
        token.split('"').next().expect("a token").to_owned()
    }

    /// What the page says of what was done.
    pub(crate) fn notice(&self) -> String {
        let page = self.text();
        let notice = page.split_once("<p class=\"notice\">").map(|(_, rest)| rest.split("</p>").next());
        notice.flatten().unwrap_or_default().to_owned()
    }

    /// Asserts that the page is one for what went wrong, of this kind.
    #[track_caller]
    pub(crate) fn says(&self, status: u16, slug: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert!(self.text().contains(&format!("data-problem=\"{slug}\"")), "{}", self.text());
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
