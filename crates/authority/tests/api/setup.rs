//! Setting up: the first administrator.

use rescind_domain::verbs::set_up;
use serde_json::json;

use super::harness::{Harness, PASSWORD};
use super::journal;

async fn offered(harness: &Harness) -> String {
    let token = set_up::offer(&harness.authority.world).await.unwrap();
    token.expect("there is no administrator yet").expose().to_owned()
}

#[tokio::test]
async fn the_link_makes_one_administrator_once() {
    let harness = Harness::start().await;
    let token = offered(&harness).await;
    let body = |login: &str| json!({"token": token, "login": login, "password": PASSWORD});
    let user = harness.post("/v1/setup").json(&body("root")).expect(201).await.json()["user"].clone();
    assert_eq!((&user["login"], &user["role"]), (&json!("root"), &json!("administrator")));
    harness.post("/v1/setup").json(&body("eve")).expect(403).await.problem("set-up-refused");
    harness.sign_in("root").await.get("/v1/admin/users").expect(200).await;
}

#[tokio::test]
async fn a_wrong_or_old_link_is_refused() {
    let harness = Harness::start().await;
    let old = offered(&harness).await;
    let token = offered(&harness).await;
    for bad in ["", "stp_", &old, &token[..token.len() - 1]] {
        let body = json!({"token": bad, "login": "root", "password": PASSWORD});
        harness.post("/v1/setup").json(&body).expect(403).await.problem("set-up-refused");
    }
    harness.pass(std::time::Duration::from_mins(61));
    let body = json!({"token": token, "login": "root", "password": PASSWORD});
    harness.post("/v1/setup").json(&body).expect(403).await.problem("set-up-refused");
}

#[tokio::test]
async fn the_page_works_without_script_and_keeps_the_token_to_itself() {
    let harness = Harness::start().await;
    let token = offered(&harness).await;
    harness.secrets.gather(&json!({"token": token}));
    let page = harness.get(&format!("/setup?token={token}")).expect(200).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "no-referrer"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && policy.contains("form-action 'self'"), "{policy}");
    assert!(page.text().contains(&format!("name=\"token\" value=\"{token}\"")));
    assert!(!page.text().contains("<script") && !page.text().contains("http"));

    let form = |password: &str| format!("token={token}&login=ro%2Bot&password={password}");
    let weak = harness.post("/setup").form(&form("short")).expect(400).await;
    assert!(weak.text().contains("too short") && weak.text().contains("value=\"ro+ot\""), "{}", weak.text());
    assert!(!weak.text().contains("value=\"short\""));
    let done = harness.post("/setup").form(&form("four+fine+words+here")).expect(200).await;
    assert!(done.text().contains("ro+ot is an administrator"));
    let again = harness.post("/setup").form(&form("four+fine+words+here")).expect(403).await;
    assert!(again.text().contains("<form"));
    harness.sign_in("ro+ot").await.get("/v1/admin/users").expect(200).await;
    assert!(!journal::lines().contains(&token));
}

#[tokio::test]
async fn what_comes_with_the_link_cannot_become_markup() {
    let harness = Harness::start().await;
    let page = harness.get("/setup?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").expect(200).await;
    assert!(!page.text().contains("<script"), "{}", page.text());
    let form = "token=x&login=%22%3E%3Cimg+src%3Dx%3E&password=four+fine+words";
    let page = harness.post("/setup").form(form).expect(403).await;
    assert!(!page.text().contains("<img"), "{}", page.text());
}
