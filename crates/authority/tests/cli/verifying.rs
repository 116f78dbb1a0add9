//! What `rescind verify` says of a token.

use serde_json::{Value, json};

use crate::house::{House, PASSWORD};
use crate::server::Device;

/// What is said to programs, with the exit code.
fn verify(house: &House, token: &str, code: i32) -> Value {
    house.run(&["verify", token, "--json"]).failed_with(code).json()
}

fn state(house: &House, token: &str, code: i32) -> String {
    verify(house, token, code)["state"].as_str().expect("a state").to_owned()
}

#[test]
fn a_living_token_is_shown_with_all_that_it_says() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Laptop");
    let said = verify(&house, &device.access, 0);
    let user = house.json(&["user", "show", "ann"])["user"]["id"].clone();
    let plain = ["kind", "state", "subject", "session_id", "client_id", "audience", "revocation"]
        .map(|name| said[name].clone());
    let issuer = format!("http://{}", server.address);
    let expected = json!(["access token", "alive", user, device.session, "default", [issuer], null]);
    assert_eq!(json!(plain), expected);
    assert!(said["id"].as_str().is_some_and(|id| id.starts_with("tok_")), "{said}");
    let refresh = verify(&house, &device.refresh, 0);
    assert_eq!((&refresh["kind"], &refresh["state"]), (&json!("refresh token"), &json!("alive")));
    assert_eq!(server.refresh(&device.refresh).status, 200, "looking does not use it up");
    let text = house.run_with(&["verify", "-"], &format!("{}\n", device.access)).ok().out;
    assert!(text.starts_with("alive: it is good until ") && text.contains("\n  user      ann (usr_"), "{text}");
    assert!(text.contains(&format!("\n  session   {} (Laptop)\n", device.session)), "{text}");
}

#[test]
fn a_refused_token_is_explained_by_the_revocation_that_covers_it() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Phone");
    house.run(&["session", "end", &device.session, "--reason", "phone stolen"]).ok();
    let number = house.head();
    let text = house.run(&["verify", &device.access]).failed_with(5).out;
    let first = format!("revoked: revocation {number} covers it: session {}\n", device.session);
    assert!(text.starts_with(&first), "{text}");
    assert!(text.contains("\n  by        the command line\n  why       phone stolen\n  when      20"), "{text}");
    let said = verify(&house, &device.refresh, 5);
    let revocation = &said["revocation"];
    let plain = ["number", "reason", "actor"].map(|name| revocation[name].clone());
    assert_eq!(json!(plain), json!([number, "phone stolen", "command line"]));
    assert_eq!(revocation["scope"]["session"], device.session.as_str());
}

#[test]
fn every_scope_is_named_and_whoever_did_it() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let check = |end: &dyn Fn(&Device), covers: &str, by: &str| {
        let device = server.sign_in("ann", "Phone");
        end(&device);
        for token in [&device.access, &device.refresh] {
            let text = house.run(&["verify", token]).failed_with(5).out;
            assert!(text.contains(covers) && text.contains(by), "{covers}: {text}");
        }
    };
    let run = |arguments: &[&str]| drop(house.run(&[arguments, &["--reason", "x"]].concat()).ok());
    check(&|_| run(&["user", "logout", "ann"]), "covers it: user usr_", "the command line");
    check(&|_| run(&["revoke", "everyone"]), "covers it: everyone\n", "the command line");
    check(&|_| run(&["revoke", "client", "default"]), "covers it: client default\n", "the command line");
    check(
        &|_| run(&["revoke", "grant", "ann", "default"]),
        "covers it: grant of client default by usr_",
        "the command line",
    );
    let own = |device: &Device| {
        server.request("DELETE", "/v1/sessions/current", Some(&device.access), None).expect(204);
    };
    check(&own, "covers it: session ses_", "  by        ann, from ses_");
    let device = server.sign_in("ann", "Phone");
    run(&["revoke", "token", &device.access]);
    let text = house.run(&["verify", &device.access]).failed_with(5).out;
    assert!(text.contains("covers it: token tok_"), "{text}");
    assert_eq!(state(&house, &device.refresh, 0), "alive");
    // It says what ends a refresh token, which another one of this house does not.
    let refused = house.run(&["revoke", "token", &device.refresh, "--reason", "x"]).failed_with(2).err;
    assert!(refused.contains(&format!("rescind session end {}", device.session)), "{refused}");
    assert_eq!(state(&house, &device.refresh, 0), "alive");
    house.run(&["user", "delete", "ann"]).ok();
    let text = house.run(&["verify", &device.refresh]).failed_with(5).out;
    assert!(text.contains("(deleted)"), "{text}");
}

#[test]
fn g8_whatever_a_revoked_key_signed_is_explained_by_the_key() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Phone");
    let keys = house.json(&["key", "list"]);
    let mut signing = keys.as_array().expect("a list").iter().filter(|key| key["purpose"] == "EdDSA");
    let kid = signing.next().expect("a key")["kid"].as_str().expect("an id");
    house.run(&["key", "compromise", kid, "--reason", "found in a log"]).ok();
    let text = house.run(&["verify", &device.access]).failed_with(5).out;
    assert!(text.contains(&format!("covers it: key {kid}")) && text.contains("found in a log"), "{text}");
}

#[test]
fn c4_a_refresh_token_that_was_used_is_explained_by_its_turn() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let first = server.sign_in("ann", "Phone");
    let second = Device::of(&server.refresh(&first.refresh).expect(200).json());
    let text = house.run(&["verify", &first.refresh]).ok().out;
    assert!(text.contains("gives the same successor again"), "{text}");
    let third = Device::of(&server.refresh(&second.refresh).expect(200).json());
    assert_eq!(state(&house, &first.refresh, 5), "superseded");
    assert_eq!(state(&house, &third.refresh, 0), "alive");
    assert_eq!(server.status(&third), 200, "looking ended nothing");
}

#[test]
fn a2_what_this_authority_did_not_make_is_not_ours() {
    let (house, other) = (House::of("ann"), House::of("ann"));
    // The same name does not make it the same authority.
    let flags = ["--issuer", "http://localhost"];
    let (server, stranger) = (house.serve(&flags), other.serve(&flags));
    let (device, foreign) = (server.sign_in("ann", "Phone"), stranger.sign_in("ann", "Phone"));
    assert_eq!(state(&house, &device.access, 0), "alive");
    let altered = |token: &str| {
        let (rest, signature) = token.split_at(token.len() - 20);
        let first = if signature.starts_with('A') { "B" } else { "A" };
        format!("{rest}{first}{}", &signature[1..])
    };
    let tokens = [
        foreign.access.clone(),
        foreign.refresh.clone(),
        altered(&device.access),
        altered(&device.refresh),
        "garbage".to_owned(),
        "rrt_garbage".to_owned(),
        device.session.clone(),
        "x".repeat(10_000),
    ];
    for token in &tokens {
        assert_eq!(state(&house, token, 6), "not_ours", "{token}");
        house.run(&["revoke", "token", token, "--reason", "x"]).failed_with(6);
    }
}

#[test]
fn a_token_that_names_a_former_issuer_is_told_so() {
    let house = House::of("ann");
    let server = house.serve(&["--issuer", "http://localhost"]);
    let device = server.sign_in("ann", "Phone");
    server.stop();
    let server = house.serve(&["--issuer", "http://id.localhost"]);
    assert_eq!(server.status(&device), 401);
    let said = verify(&house, &device.access, 5);
    assert_eq!(said["state"], "other_issuer");
    let why = said["why"].as_str().expect("a reason");
    assert!(why.contains("http://localhost ") && why.contains("http://id.localhost"), "{why}");
}

#[test]
fn a_token_of_a_service_is_about_the_client_itself() {
    let house = House::new();
    let server = house.serve(&[]);
    let added = house.json(&["client", "add", "jobs", "--kind", "service", "--scope", "write"]);
    let token = crate::endings::service_token(&server, &added);
    let said = verify(&house, &token, 0);
    assert_eq!(
        (&said["subject"], &said["session_id"], &said["scope"]),
        (&json!("jobs"), &json!(null), &json!("write"))
    );
    house.run(&["client", "remove", "jobs"]).ok();
    assert_eq!(state(&house, &token, 5), "revoked");
}

#[test]
fn a18_what_was_issued_before_a_client_was_made_anew_is_explained_by_its_removal_and_by_nothing_else() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let add = |id: &str| house.run(&["client", "add", id, "--kind", "browser"]).ok();
    let end_session = || {
        let bystander = server.sign_in("ann", "Laptop");
        house.run(&["session", "end", &bystander.session]).ok();
    };
    let remove_other = || {
        add("other");
        house.run(&["client", "remove", "other"]).ok();
    };
    for something_else in [&end_session as &dyn Fn(), &remove_other] {
        add("shop");
        let body = json!({ "login": "ann", "password": PASSWORD, "client_id": "shop" });
        let device = Device::of(&server.post("/v1/sessions", &body).expect(201).json());
        house.run(&["client", "remove", "shop"]).ok();
        let removal = house.head();
        assert_eq!(server.status(&device), 401);
        something_else();
        add("shop");
        assert_eq!(server.status(&device), 401);
        let said = verify(&house, &device.access, 5);
        let revocation = &said["revocation"];
        assert_eq!((&said["state"], &revocation["number"]), (&json!("revoked"), &json!(removal)), "{said}");
        assert_eq!(revocation["scope"], json!({ "type": "client", "client": "shop" }));
        house.run(&["client", "remove", "shop"]).ok();
    }
}
