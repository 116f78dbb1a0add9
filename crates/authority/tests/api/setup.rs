//! Setting up: the first administrator.

use rescind_domain::verbs::set_up;
use serde_json::json;

use super::harness::{Harness, PASSWORD};

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
