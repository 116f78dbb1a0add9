//! Clients and keys, from the command line.

use serde_json::{Value, json};

use crate::endings::service_token;
use crate::house::{House, PASSWORD};
use crate::server::Device;

#[test]
fn a_client_is_added_shown_listed_and_removed() {
    let house = House::new();
    let command = [
        "client",
        "add",
        "shop",
        "--kind",
        "browser",
        "--name",
        "The shop",
        "--audience",
        "orders",
        "--audience",
        "https://api.example=ES256",
        "--scope",
        "buy",
        "--origin",
        "https://shop.example",
        "--session-limit",
        "3",
        "--at-limit",
        "refuse",
        "--fresh",
        "1m",
        "--session-lifetime",
        "8h",
        "--idle-lifetime",
        "30m",
        "--remember",
        "false",
        "--bind-address",
    ];
    let mut added = house.json(&command);
    added["client"]["created_at"] = "then".into();
    let policy = json!({
        "session_limit": 3, "at_limit": "refuse", "fresh_seconds": 60, "session_seconds": 28_800, "idle_seconds": 1_800, "remember": false, "bind_address": true,
    });
    let client = json!({
        "id": "shop", "name": "The shop", "kind": "browser", "audiences": ["orders", "https://api.example"],
        "algorithms": { "orders": "EdDSA", "https://api.example": "ES256" }, "scopes": ["buy"], "confidential": false, "origins": ["https://shop.example"], "policy": policy,
        "created_at": "then",
    });
    assert_eq!(added, json!({ "client": client, "client_secret": null, "server": "none" }));
    let mut shown = house.json(&["client", "show", "shop"]);
    shown["client"]["created_at"] = "then".into();
    assert_eq!(shown, json!({ "client": client }));
    let ids = |value: Value| -> Vec<String> {
        let list = value.as_array().expect("a list").iter();
        list.filter_map(|client| client["id"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(ids(house.json(&["client", "list"])), ["default", "shop"]);
    for command in [&["client", "list"][..], &["client", "show", "shop"]] {
        assert!(house.run(command).ok().out.contains("orders=EdDSA https://api.example=ES256"), "{command:?}");
    }
    let other = ["client", "add", "other", "--kind", "mobile", "--audience", "orders=ES256"];
    house.run(&other).failed_with(2).says("in use by shop").says("leave the algorithm out");
    let purposes: Vec<Value> =
        house.json(&["key", "list"]).as_array().expect("a list").iter().map(|key| key["purpose"].clone()).collect();
    assert!(purposes.contains(&json!("ES256")), "{purposes:?}");
    house.run(&["client", "remove", "shop", "--reason", "closed"]).ok();
    assert_eq!(ids(house.json(&["client", "list"])), ["default"]);
    house.run(&["client", "show", "shop"]).failed_with(4).says("rescind client list");
}

#[test]
fn a_bad_client_is_refused_with_the_reason() {
    let house = House::new();
    let add = |rest: &[&str]| house.run(&[&["client", "add"], rest].concat());
    add(&["shop"]).failed_with(2).says("--kind");
    add(&["shop", "--kind", "toaster"]).failed_with(2).says("browser, native, mobile or service");
    add(&["usr_x", "--kind", "browser"]).failed_with(2);
    add(&["shop", "--kind", "browser", "--confidential"]).failed_with(2).says("a browser cannot keep a secret");
    add(&["shop", "--kind", "browser", "--audience", "a=HS256"]).failed_with(2).says("ES256");
    add(&["shop", "--kind", "browser", "--origin", "*"]).failed_with(2).says("https://app.example");
    add(&["shop", "--kind", "browser", "--at-limit", "end-newest"]).failed_with(2).says("end-oldest or refuse");
    add(&["shop", "--kind", "browser", "--fresh", "9s"]).failed_with(2).says("10 to 86400");
    add(&["shop", "--kind", "browser", "--session-lifetime", "59s"]).failed_with(2).says("60 to ");
    let unknown = add(&["shop", "--kind", "native", "--scope", "read", "--scope", "rescind:nope"]).failed_with(2);
    unknown.says("rescind:nope is not known").says("rescind:admin, rescind:feed");
    let service = ["shop", "--kind", "service", "--origin", "https://app.example"];
    add(&service).failed_with(2).says("a service has none");
    house.write("rescind.toml", "preset = \"aal3\"");
    add(&["shop", "--kind", "browser", "--session-lifetime", "400d"]).failed_with(2).says("60 to 43200");
    add(&["shop", "--kind", "browser", "--idle-lifetime", "16m"]).failed_with(2).says("60 to 900");
    house.run(&["client", "show", "shop"]).failed_with(4);
    add(&["default", "--kind", "browser"]).failed_with(7).says("choose another");
}

#[test]
fn a_service_is_given_its_secret_once_and_a_removed_one_is_refused_at_once() {
    let house = House::new();
    let server = house.serve(&[]);
    let added = house.json(&["client", "add", "jobs", "--kind", "service", "--scope", "rescind:admin"]);
    let secret = added["client_secret"].as_str().expect("a secret");
    assert!(secret.starts_with("rcs_"));
    assert!(!house.run(&["client", "show", "jobs", "--json"]).ok().out.contains(secret));
    let token = service_token(&server, &added);
    let status = || server.request("GET", "/v1/admin/users", Some(&token), None).status;
    assert_eq!(status(), 200);
    house.run(&["client", "remove", "jobs"]).ok();
    assert_eq!(status(), 401);
    // A18: the same id again revives nothing.
    house.run(&["client", "add", "jobs", "--kind", "service", "--scope", "rescind:admin"]).ok();
    assert_eq!(status(), 401);
}

#[test]
fn a_sign_in_for_an_audience_that_was_just_added_is_signed_as_it_asked() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    house.run(&["client", "add", "shop", "--kind", "browser", "--audience", "orders=ES256"]).ok();
    let body = json!({ "login": "ann", "password": PASSWORD, "client_id": "shop", "audience": "orders" });
    let device = Device::of(&server.post("/v1/sessions", &body).expect(201).json());
    let head = device.access.split('.').next().expect("a header");
    let head = data_encoding::BASE64URL_NOPAD.decode(head.as_bytes()).expect("base64url");
    assert!(String::from_utf8(head).expect("text").contains("\"alg\":\"ES256\""));
    // It is for somebody else, and `verify` explains it all the same.
    assert_eq!(house.json(&["verify", &device.access])["audience"], json!(["orders"]));
}

#[test]
fn a_rotated_key_signs_from_then_on_and_the_old_one_still_verifies() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Laptop");
    let rotated = house.json(&["key", "rotate", "--only", "EdDSA"]);
    assert_eq!(rotated["server"], "applied");
    let new = rotated["keys"][0]["kid"].as_str().expect("a key").to_owned();
    assert_eq!(server.status(&device), 200);
    let published = server.request("GET", "/.well-known/jwks.json", None, None).expect(200).body;
    assert!(published.contains(&new), "{published}");
    let keys = house.json(&["key", "list"]);
    let state = |kid: &str| -> Value {
        let mut keys = keys.as_array().expect("a list").iter();
        keys.find(|key| key["kid"] == *kid).expect("the key")["state"].clone()
    };
    assert_eq!(state(&new), "current");
    assert!(keys.as_array().expect("a list").iter().all(|key| key.get("sealed").is_none()));
    let revoked = house.json(&["key", "compromise", &new, "--reason", "leaked"]);
    let keys = house.json(&["key", "list"]).as_array().map(Vec::len);
    // Whoever did not hear the answer asks again, and is told what was done then.
    assert_eq!(house.json(&["key", "compromise", &new, "--reason", "again"])["revocation"], revoked["revocation"]);
    assert_eq!(house.json(&["key", "list"]).as_array().map(Vec::len), keys);
    house.run(&["key", "rotate", "--only", "HS256"]).failed_with(2).says("EdDSA");
    assert_eq!(server.status(&server.sign_in("ann", "Phone")), 200);
}

#[test]
fn g8_refresh_tokens_made_with_a_compromised_mac_key_are_refused() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Laptop");
    let keys = house.json(&["key", "list"]);
    let mac = keys.as_array().expect("a list").iter().find(|key| key["purpose"] == "HMAC-SHA256").expect("a MAC key");
    house.run(&["key", "compromise", mac["kid"].as_str().expect("an id"), "--reason", "leaked"]).ok();
    assert_eq!(server.refresh(&device.refresh).status, 401);
    let next = server.sign_in("ann", "Laptop");
    assert_eq!(server.refresh(&next.refresh).status, 200);
}
