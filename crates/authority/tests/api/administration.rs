//! What administrators do.

use rescind_domain::verbs::begin_epoch;
use serde_json::{Value, json};

use super::harness::{Device, Harness, PASSWORD, text};

async fn id_of(device: &Device<'_>) -> String {
    text(&device.me().await.json()["user"]["id"])
}

#[tokio::test]
async fn a14_an_administrator_ends_one_session_one_users_one_clients_or_everyones_with_one_entry_each() {
    let harness = Harness::start().await;
    let mut root = harness.administrator().await;
    let new = json!({"client_id": "app", "kind": "native"});
    root.post("/v1/admin/clients").json(&new).expect(201).await;
    harness.sign_up("ann").await;
    let in_app = json!({"login": "ann", "password": PASSWORD, "client_id": "app"});
    let (one, two) = (harness.sign_in("ann").await, harness.sign_in_with(in_app.clone()).await);
    let (three, bob) = (harness.sign_in("ann").await, harness.newcomer("bob").await);
    let user = id_of(&one).await;
    let before = root.revocations().await.len();

    root.delete(&format!("/v1/admin/sessions/{}?reason=phone%20stolen", one.session)).expect(204).await;
    one.assert_dead().await;
    two.get("/v1/me").expect(200).await;
    let entry = root.revocations().await.pop().unwrap();
    let actor = json!({"type": "user", "user": id_of(&root).await, "session": root.session});
    assert_eq!((&entry["reason"], &entry["actor"]), (&json!("phone stolen"), &actor));

    root.delete("/v1/admin/clients/app/sessions").expect(200).await;
    two.assert_dead().await;
    three.get("/v1/me").expect(200).await;

    let answer = root.delete(&format!("/v1/admin/users/{user}/sessions")).expect(200).await.json();
    assert_eq!(answer["revocation"]["scope"], json!({"type": "user", "user": user}));
    three.assert_dead().await;
    bob.get("/v1/me").expect(200).await;

    let all = json!({"scope": {"type": "everyone"}, "reason": "incident 7"});
    root.post("/v1/admin/revocations").json(&all).expect(201).await;
    bob.assert_dead().await;
    root.assert_dead().await;
    root.0 = harness.sign_in("root").await;
    assert_eq!(root.revocations().await.len(), before + 4);
    harness.sign_in_with(in_app).await;
}

#[tokio::test]
async fn every_scope_can_be_revoked_and_is_read_back_as_it_was_written() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let user = id_of(&ann).await;
    let keys = root.get("/v1/admin/keys").expect(200).await.json();
    let mac = keys["keys"].as_array().unwrap().iter().find(|key| key["purpose"] == "HMAC-SHA256").unwrap();
    let other = harness.sign_in("ann").await;
    let scopes = [
        json!({"type": "token", "token": format!("tok_{}", "0".repeat(26))}),
        json!({"type": "session", "user": user, "session": other.session}),
        json!({"type": "user", "user": user, "except": ann.session}),
        json!({"type": "grant", "user": user, "client": "default"}),
        json!({"type": "client", "client": "default"}),
        json!({"type": "everyone", "services": true}),
    ];
    let mut root = root;
    for scope in scopes {
        let body = json!({"scope": scope, "reason": "because"});
        let made = root.post("/v1/admin/revocations").json(&body).expect(201).await.json()["revocation"].clone();
        assert_eq!((&made["scope"], &made["reason"]), (&scope, &json!("because")));
        root.0 = harness.sign_in("root").await;
        let target = format!("/v1/admin/revocations/{}", text(&made["position"]));
        let read = root.get(&target).expect(200).await.json()["revocation"].clone();
        assert_eq!((&read["scope"], &read["position"], &read["at"]), (&scope, &made["position"], &made["at"]));
    }
    let body = json!({"scope": {"type": "key", "key": mac["kid"]}, "reason": "leaked"});
    root.post("/v1/admin/revocations").json(&body).expect(201).await;
    harness.refresh(&root.refresh).expect(401).await.problem("refresh-refused");
}

#[tokio::test]
async fn a_revocation_of_what_is_not_there_or_makes_no_sense_is_refused_and_writes_nothing() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let (user, before) = (id_of(&ann).await, root.revocations().await.len());
    let nobody = format!("usr_{}", "0".repeat(26));
    let ended = harness.sign_in("ann").await;
    ended.delete("/v1/sessions/current").expect(204).await;
    let refused = [
        (json!({"type": "user", "user": nobody}), 404),
        (json!({"type": "client", "client": "nobody"}), 404),
        (json!({"type": "grant", "user": nobody, "client": "default"}), 404),
        (json!({"type": "session", "user": user, "session": root.session}), 404),
        (json!({"type": "key", "key": "nothing"}), 404),
        (json!({"type": "user", "user": user, "except": ended.session}), 409),
        (json!({"type": "user", "user": user, "deleted": true}), 400),
        (json!({"type": "user"}), 400),
        (json!({"type": "tenant", "tenant": "main"}), 400),
        (json!({"type": "user", "user": user, "excepting": ann.session}), 400),
        (json!({"user": user}), 400),
        (json!("everyone"), 400),
        (json!(["everyone"]), 400),
        (json!(["user", user]), 400),
    ];
    for (scope, status) in refused {
        let body = json!({"scope": scope, "reason": "x"});
        root.post("/v1/admin/revocations").json(&body).expect(status).await;
    }
    for blank in ["", " \n\t"] {
        let body = json!({"scope": {"type": "everyone"}, "reason": blank});
        let problem = root.post("/v1/admin/revocations").json(&body).expect(400).await.problem("invalid-request");
        assert_eq!(problem.json()["field"], "reason");
    }
    let body = json!({"scope": {"type": "everyone"}, "reason": "x".repeat(501)});
    root.post("/v1/admin/revocations").json(&body).expect(400).await.problem("invalid-request");
    assert_eq!(root.revocations().await.len(), before + 1);
    ann.get("/v1/me").expect(200).await;
}

#[tokio::test]
async fn accounts_are_listed_by_name_searched_and_paged() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    for login in ["dora", "ann", "cleo", "annette", "bob"] {
        root.post("/v1/admin/users").json(&json!({"login": login, "password": PASSWORD})).expect(201).await;
    }
    let names = |list: &Value| -> Vec<String> {
        list["users"].as_array().unwrap().iter().map(|user| text(&user["login"])).collect()
    };
    let found = root.get("/v1/admin/users?query=ANN").expect(200).await.json();
    assert_eq!(names(&found), ["ann", "annette"]);
    for typed in ["%EF%BC%A1%EF%BD%8E%EF%BD%8E", "%20ANN%20"] {
        assert_eq!(
            names(&root.get(&format!("/v1/admin/users?query={typed}")).expect(200).await.json()),
            ["ann", "annette"]
        );
    }
    let (mut all, mut target) = (Vec::new(), "/v1/admin/users?limit=2".to_owned());
    loop {
        let page = root.get(&target).expect(200).await.json();
        all.extend(names(&page));
        let Some(next) = page["next"].as_str() else { break };
        target = format!("/v1/admin/users?limit=2&after={next}");
    }
    assert_eq!(all, ["ann", "annette", "bob", "cleo", "dora", "root"]);
    for bad in ["limit=0", "limit=101", "limit=x", "after=x", "limt=5", "limit=1&limit=2"] {
        root.get(&format!("/v1/admin/users?{bad}")).expect(400).await.problem("invalid-request");
    }
    let by_name = root.get("/v1/admin/users/ANN").expect(200).await.json();
    assert_eq!(by_name["user"]["login"], "ann");
    root.get("/v1/admin/users/nobody").expect(404).await.problem("not-found");
}

#[tokio::test]
async fn the_list_of_keys_has_pages_which_together_are_all_of_it_in_order() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    for _ in 0..2 {
        root.post("/v1/admin/keys/rotate").expect(200).await;
    }
    let names = |page: &Value| -> Vec<String> {
        page["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"])).collect()
    };
    let added = root.events("key_added").await;
    let by_hand: Vec<_> = added.iter().filter(|event| event["actor"]["type"] == "user").collect();
    assert!(by_hand.len() >= 2 && by_hand.iter().all(|event| event["ip"] == "127.0.0.1"), "{by_hand:?}");
    let whole = root.get("/v1/admin/keys").expect(200).await.json();
    assert_eq!((names(&whole).len(), &whole["next"]), (6, &Value::Null));
    let (mut all, mut target, mut pages) = (Vec::new(), "/v1/admin/keys?limit=4".to_owned(), 0);
    loop {
        let page = root.get(&target).expect(200).await.json();
        all.extend(names(&page));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        target = format!("/v1/admin/keys?limit=4&after={next}");
    }
    assert_eq!((all, pages), (names(&whole), 2));
    for list in ["/v1/admin/keys", "/v1/admin/verifiers"] {
        for query in ["limit=0", "limit=101", "after=x", "x", "limit=1&limit=1"] {
            root.get(&format!("{list}?{query}")).expect(400).await.problem("invalid-request");
        }
    }
}

#[tokio::test]
async fn an_account_is_found_by_its_login_as_it_was_chosen() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    for (login, query) in [("ΑΣ", "%CE%91%CE%A3"), ("e\u{301}a", "e%CC%81a"), ("Ａｌｆ", "%EF%BC%A1%EF%BD%8C%EF%BD%86")]
    {
        root.post("/v1/admin/users").json(&json!({"login": login, "password": PASSWORD})).expect(201).await;
        let found = root.get(&format!("/v1/admin/users?query={query}")).expect(200).await.json();
        assert_eq!(found["users"][0]["login"], login, "{found}");
    }
}

#[tokio::test]
async fn an_account_that_an_administrator_deletes_is_gone_with_everything_of_it() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let target = format!("/v1/admin/users/{}", id_of(&ann).await);
    root.delete(&target).expect(200).await;
    ann.assert_dead().await;
    root.get(&target).expect(404).await.problem("not-found");
    root.delete(&target).expect(404).await.problem("not-found");
    for (path, body) in [("password", json!({"password": PASSWORD})), ("lock", json!({}))] {
        let call =
            if path == "lock" { root.post(&format!("{target}/lock")) } else { root.put(&format!("{target}/{path}")) };
        call.json(&body).expect(404).await.problem("not-found");
    }
}

#[tokio::test]
async fn an_administrator_sees_whose_sessions_they_are_and_what_happened() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let user = id_of(&ann).await;
    for target in [format!("/v1/admin/users/{user}/sessions"), "/v1/admin/clients/default/sessions".to_owned()] {
        let list = root.get(&target).expect(200).await.json();
        let sessions = list["sessions"].as_array().unwrap();
        let found = sessions.iter().find(|session| session["id"] == ann.session.as_str()).unwrap();
        assert_eq!((&found["user_id"], &found["current"]), (&json!(user), &json!(false)));
    }
    let events = root.get(&format!("/v1/admin/events?user={user}")).expect(200).await.json();
    let kinds: Vec<_> = events["events"].as_array().unwrap().iter().map(|event| text(&event["kind"])).collect();
    assert_eq!(kinds, ["user_created", "signed_in"]);
    let last = text(&events["events"][1]["id"]);
    ann.delete("/v1/sessions/current").expect(204).await;
    let more = root.get(&format!("/v1/admin/events?user={user}&after={last}")).expect(200).await.json();
    assert_eq!(more["events"].as_array().unwrap().len(), 1);
    assert_eq!(more["events"][0]["kind"], "session_ended");
}

#[tokio::test]
async fn the_log_can_be_paged_and_followed() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    for _ in 0..5 {
        ann.post("/v1/sessions/end-others").expect(200).await;
    }
    let (mut positions, mut target) = (Vec::new(), "/v1/admin/revocations?limit=2".to_owned());
    loop {
        let page = root.get(&target).expect(200).await.json();
        positions.extend(page["revocations"].as_array().unwrap().iter().map(|entry| text(&entry["position"])));
        let Some(next) = page["next"].as_str() else { break };
        target = format!("/v1/admin/revocations?limit=2&after={next}");
    }
    assert_eq!(positions.len(), 5);
    let after = format!("/v1/admin/revocations?after={}", positions[4]);
    assert_eq!(root.get(&after).expect(200).await.json()["revocations"], json!([]));
    ann.post("/v1/sessions/end-others").expect(200).await;
    assert_eq!(root.get(&after).expect(200).await.json()["revocations"].as_array().unwrap().len(), 1);
    // What no log of this store ever had: whoever asks for it would miss all that is there instead.
    let (epoch, head) = positions[4].split_once('.').unwrap();
    let beyond = format!("{epoch}.{}", head.parse::<u64>().unwrap() + 2);
    for gone in ["0000000000000000.1", &beyond] {
        let answer = root.get(&format!("/v1/admin/revocations?after={gone}")).expect(410).await.problem("not-in-log");
        assert_eq!(answer.json()["field"], "after");
    }
    let events = root.get("/v1/admin/events?order=newest&limit=1").expect(200).await.json();
    let last = text(&events["events"][0]["id"]);
    root.get(&format!("/v1/admin/events?after={last}")).expect(200).await;
    let beyond = last.trim_start_matches("evt_").parse::<u64>().unwrap() + 1;
    root.get(&format!("/v1/admin/events?after=evt_{beyond}")).expect(410).await.problem("not-in-log");
    root.get(&format!("/v1/admin/events?order=newest&after=evt_{beyond}")).expect(200).await;
    for bad in ["x", "0.1", "1"] {
        root.get(&format!("/v1/admin/revocations?after={bad}")).expect(400).await.problem("invalid-request");
        root.get(&format!("/v1/admin/revocations/{bad}")).expect(404).await.problem("not-found");
    }
}

#[tokio::test]
async fn a_number_alone_names_an_entry_of_the_current_epoch() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let made = root.post("/v1/sessions/end-others").expect(200).await.json()["revocation"].clone();
    let position = text(&made["position"]);
    let number = position.split_once('.').expect("a position").1;
    let by_position = root.get(&format!("/v1/admin/revocations/{position}")).expect(200).await.json();
    let by_number = root.get(&format!("/v1/admin/revocations/{number}")).expect(200).await.json();
    assert_eq!(by_number["revocation"], by_position["revocation"]);
    assert!(by_number["enforcement"]["enforced"].is_boolean(), "{by_number}");
    for bad in [&format!("0{number}"), &format!("+{number}"), "0", "99", "9223372036854775808", "-1", "."] {
        root.get(&format!("/v1/admin/revocations/{bad}")).expect(404).await.problem("not-found");
    }
    begin_epoch::after_restore(&harness.authority.world, false).await.expect("begun");
    let root = harness.sign_in("root").await;
    root.get(&format!("/v1/admin/revocations/{position}")).expect(200).await;
    root.get(&format!("/v1/admin/revocations/{number}")).expect(404).await.problem("not-found");
}

#[tokio::test]
async fn a4_whoever_deletes_an_account_or_a_client_again_may_wait_for_what_ended_it() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let ann = harness.newcomer("ann").await;
    let app = json!({"client_id": "app", "kind": "native"});
    root.post("/v1/admin/clients").json(&app).expect(201).await;
    let user = format!("/v1/admin/users/{}", id_of(&ann).await);
    for target in [user.as_str(), "/v1/admin/clients/app"] {
        let first = root.delete(&format!("{target}?reason=no%20more")).expect(200).await.json()["revocation"].clone();
        root.post("/v1/sessions/end-others").expect(200).await;
        let log = root.revocations().await.len();
        let again = root.delete(&format!("{target}?wait=enforced&timeout=60s")).expect(200).await.json();
        assert_eq!((&again["revocation"], &again["enforcement"]["enforced"]), (&first, &json!(true)));
        root.delete(target).expect(404).await.problem("not-found");
        assert_eq!(root.revocations().await.len(), log, "nothing was written");
        let bob = harness.newcomer(if target == user { "bob" } else { "cleo" }).await;
        bob.delete(&format!("{target}?wait=enforced")).expect(403).await.problem("forbidden");
    }
    let never = [format!("/v1/admin/users/usr_{}", "0".repeat(26)), "/v1/admin/clients/never".to_owned()];
    for target in never {
        root.delete(&format!("{target}?wait=enforced")).expect(404).await.problem("not-found");
    }
    // One of the same id is another.
    root.post("/v1/admin/clients").json(&app).expect(201).await;
    let removed = root.delete("/v1/admin/clients/app").expect(200).await.json()["revocation"].clone();
    let again = root.delete("/v1/admin/clients/app?wait=enforced&timeout=60s").expect(200).await.json();
    assert_eq!(again["revocation"], removed);
}

#[tokio::test]
async fn keys_are_listed_without_secrets_rotated_and_compromised() {
    let harness = Harness::start().await;
    let root = harness.administrator().await;
    let published = async || {
        let set = harness.get("/.well-known/jwks.json").expect(200).await;
        assert_eq!(set.header("content-type"), "application/jwk-set+json");
        let keys = set.json()["keys"].as_array().unwrap().clone();
        assert!(keys.iter().all(|key| key["d"].is_null() && key["alg"] == "EdDSA" && key["use"] == "sig"));
        keys.iter().map(|key| text(&key["kid"])).collect::<Vec<_>>()
    };
    let first = published().await;
    assert_eq!(first.len(), 1);
    let made = root.post("/v1/admin/keys/rotate").json(&json!({"purpose": "EdDSA"})).expect(200).await.json();
    let second = text(&made["keys"][0]["kid"]);
    assert_eq!(made["keys"][0]["state"], "current");
    assert_eq!(published().await, [first[0].clone(), second.clone()]);
    root.get("/v1/me").expect(200).await;

    let target = format!("/v1/admin/keys/{}/compromise", first[0]);
    let reason = json!({"reason": "found on a laptop"});
    let answer = root.post(&target).json(&reason).expect(200).await.json();
    assert_eq!(answer["revocation"]["scope"], json!({"type": "key", "key": first[0]}));
    assert_eq!(published().await, std::slice::from_ref(&second));
    root.get("/v1/me").expect(401).await.problem("invalid-token");
    let root = Device::new(&harness, &harness.refresh(&root.refresh).expect(200).await.json());
    let states = root.get("/v1/admin/keys").expect(200).await.json()["keys"].clone();
    let state = |kid: &str| states.as_array().unwrap().iter().find(|key| key["kid"] == kid).unwrap()["state"].clone();
    assert_eq!((state(&first[0]), state(&second)), (json!("revoked"), json!("current")));
    // Whoever did not hear the answer asks again, and is told what was done then.
    assert_eq!(root.post(&target).json(&reason).expect(200).await.json(), answer);
    assert_eq!(published().await, std::slice::from_ref(&second));
    root.post("/v1/admin/keys/nothing/compromise").json(&reason).expect(404).await.problem("not-found");
    root.post("/v1/admin/keys/rotate").expect(200).await;
}
