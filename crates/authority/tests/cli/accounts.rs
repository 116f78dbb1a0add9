//! Accounts, from the command line.

use serde_json::{Value, json};

use crate::house::{House, PASSWORD};

fn masked(mut user: Value) -> Value {
    user["id"] = "usr".into();
    user["created_at"] = "then".into();
    user
}

#[test]
fn an_account_is_made_shown_and_listed_without_a_server() {
    let house = House::new();
    let made = house.run_with(&["user", "add", "Ann", "--admin", "--password-stdin", "--json"], PASSWORD).ok().json();
    let expected = json!({
        "id": "usr", "login": "Ann", "role": "administrator", "state": "active", "lock": null, "external_id": null,
        "metadata": null, "created_at": "then",
    });
    assert_eq!(masked(made["user"].clone()), expected);
    let id = made["user"]["id"].as_str().expect("an id");
    for name in ["ann", "ANN", id] {
        assert_eq!(house.json(&["user", "show", name]), made, "{name}");
    }
    assert_eq!(house.json(&["user", "list"]), json!([made["user"]]));
    assert_eq!(house.json(&["user", "list", "nn"]), json!([made["user"]]));
    assert_eq!(house.json(&["user", "list", "bob"]), json!([]));
    let table = house.run(&["user", "list"]).ok().out;
    assert!(
        table.starts_with("LOGIN  ID") && table.contains(&format!("\nAnn    {id}  administrator  active  ")),
        "{table}"
    );
    assert_eq!(house.run(&["user", "list", "bob"]).ok().out, "nobody\n");
}

#[test]
fn what_another_system_knows_an_account_by_is_set_found_changed_and_taken_away() {
    let house = House::new();
    let add = ["user", "add", "ann", "--external-id", "crm 1", "--metadata", r#"{"plan": "pro"}"#, "--password-stdin"];
    house.run_with(&add, PASSWORD).ok();
    let shown = || house.json(&["user", "show", "ann"]);
    assert_eq!(shown()["user"]["external_id"], "crm 1");
    assert_eq!(shown()["user"]["metadata"], json!({"plan": "pro"}));
    assert_eq!(house.json(&["user", "list", "--external-id", "crm 1"]), json!([shown()["user"]]));
    assert_eq!(house.json(&["user", "list", "--external-id", "crm"]), json!([]));

    let said = house.run(&["user", "set", "ann", "--metadata", r#"{"plan":"free"}"#]).ok().out;
    assert_eq!(said, "ann has the external id crm 1 and the metadata {\"plan\":\"free\"}\n");
    let changed = house.json(&["user", "set", "ANN", "--external-id", "2", "--no-metadata"]);
    assert_eq!(changed, shown());
    assert_eq!((&changed["user"]["external_id"], &changed["user"]["metadata"]), (&json!("2"), &Value::Null));

    house.add("bob");
    house.run(&["user", "set", "bob", "--external-id", "2"]).failed_with(7).says("external id");
    house.run(&["user", "set", "bob", "--metadata", "[]"]).failed_with(2).says("a JSON object");
    house.run(&["user", "set", "bob", "--external-id", "3", "--no-external-id"]).failed_with(2);
    house.run(&["user", "set", "bob"]).failed_with(2).says("--external-id");
    house.run(&["user", "set", "ann", "--no-external-id"]).ok();
    assert_eq!(shown()["user"]["external_id"], Value::Null);
    let events = house.json_lines(&["events"]).into_iter().filter(|event| event["kind"] == "user_changed");
    let details: Vec<Value> = events.map(|event| event["detail"].clone()).collect();
    assert_eq!(details, ["metadata", "external_id, metadata", "external_id"]);
}

#[test]
fn an_account_that_is_made_beside_a_running_server_can_sign_in_at_once() {
    let house = House::new();
    let server = house.serve(&[]);
    house.add("ann");
    let device = server.sign_in("ann", "Laptop");
    assert_eq!(server.status(&device), 200);
    let shown = house.run(&["user", "show", "ann"]).ok().out;
    assert!(shown.contains("signed in on  1 device\n"), "{shown}");
}

#[test]
fn a_login_that_is_taken_is_in_the_way_and_a_bad_one_is_refused_with_the_reason() {
    let house = House::of("ann");
    house.run_with(&["user", "add", "ANN", "--password-stdin"], PASSWORD).failed_with(7).says("choose another");
    house.run_with(&["user", "add", "a b", "--password-stdin"], PASSWORD).failed_with(2).says("spaces");
    house.run_with(&["user", "add", "bob", "--password-stdin"], "short\n").failed_with(2).says("at least 8");
    house.run_with(&["user", "add", "bob", "--password-stdin"], "").failed_with(2).says("empty");
    house.run(&["user", "add", "bob"]).failed_with(2).says("--password-stdin");
    house.run(&["user", "show", "bob"]).failed_with(4).says("rescind user list");
}

#[test]
fn the_list_goes_on_beyond_a_page_in_order() {
    let house = House::new();
    let lines: Vec<String> = (0..1203).map(|n| format!("{{\"login\":\"user-{n:04}\"}}\n")).collect();
    house.run_with(&["import", "-"], &lines.concat()).ok();
    let listed = house.json(&["user", "list"]);
    let logins: Vec<&str> =
        listed.as_array().expect("a list").iter().filter_map(|user| user["login"].as_str()).collect();
    assert_eq!(logins.len(), 1203);
    assert!(logins.is_sorted());
    assert_eq!(house.run(&["user", "list"]).ok().out.lines().count(), 1204);
}

#[test]
fn b2_a_new_password_from_the_command_line_signs_its_owner_out_of_all_devices() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Laptop");
    let new = "another good long password";
    let said = house.run_with(&["user", "password", "ann", "--password-stdin"], &format!("{new}\n")).ok();
    assert!(said.out.ends_with("applied by the running server\n"), "{}", said.out);
    assert_eq!(server.status(&device), 401);
    assert_eq!(server.refresh(&device.refresh).status, 401);
    assert_eq!(server.try_sign_in("ann", PASSWORD), 401);
    assert_eq!(server.try_sign_in("ann", new), 201);
}

#[test]
fn b5_a_lock_refuses_sign_in_until_it_is_taken_away_and_what_it_ended_stays_ended() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Laptop");
    house.run(&["user", "lock", "ann", "--until-unlocked", "--reason", "left the company"]).ok();
    assert_eq!(server.status(&device), 401);
    assert_ne!(server.try_sign_in("ann", PASSWORD), 201);
    let user = house.json(&["user", "show", "ann"])["user"].clone();
    assert_eq!((&user["state"], &user["lock"]["until"]), (&json!("locked"), &json!(null)));
    assert_eq!(user["lock"]["reason"], "left the company");
    house.run(&["user", "unlock", "ann"]).ok();
    assert_eq!(server.status(&device), 401);
    assert_eq!(server.try_sign_in("ann", PASSWORD), 201);
}

#[test]
fn b5_a_lock_outlasts_the_longest_access_token_that_the_server_may_have_signed() {
    let house = House::of("ann");
    house.serve(&["--tokens-access-lifetime", "2h"]).stop();
    let lasts = |arguments: &[&str]| {
        house.run(&[&["user", "lock", "ann"], arguments].concat()).ok();
        let lock = house.json(&["user", "show", "ann"])["user"]["lock"].clone();
        let at =
            |name: &str| lock[name].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).expect("a time");
        at("until").duration_since(at("since")).as_secs()
    };
    assert_eq!(lasts(&[]), 2 * 3600 + 60);
    assert_eq!(lasts(&["--for", "1h30m"]), 90 * 60);
    house.run(&["user", "lock", "ann", "--for", "soon"]).failed_with(2).says("1h30m");
    house.run(&["user", "lock", "ann", "--for", "1h", "--until-unlocked"]).failed_with(2);
    // Whoever says no time shortens no lock.
    house.run(&["user", "lock", "ann", "--until-unlocked"]).ok();
    house.run(&["user", "lock", "ann"]).ok();
    assert_eq!(house.json(&["user", "show", "ann"])["user"]["lock"]["until"], json!(null));
}

#[test]
fn a_role_counts_from_the_next_request_on_and_the_last_administrator_stays_one() {
    let house = House::of("ann");
    house.run_with(&["user", "add", "root", "--admin", "--password-stdin"], PASSWORD).ok();
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Laptop");
    let administers = || server.request("GET", "/v1/admin/users", Some(&device.access), None).status;
    assert_eq!(administers(), 403);
    house.run(&["user", "role", "ann", "administrator"]).ok();
    assert_eq!(administers(), 200);
    house.run(&["user", "role", "ann", "user"]).ok();
    assert_eq!(administers(), 403);
    house.run(&["user", "role", "root", "user"]).failed_with(5).says("make another first");
    house.run(&["user", "delete", "root"]).failed_with(5).says("make another first");
    house.run(&["user", "lock", "root"]).failed_with(5).says("make another first");
    house.run(&["user", "role", "root", "emperor"]).failed_with(2).says("user or administrator");
}

#[test]
fn a_deleted_account_is_gone_with_everything_and_its_name_is_free_for_a_stranger() {
    let house = House::of("ann");
    let server = house.serve(&[]);
    let device = server.sign_in("ann", "Laptop");
    let before = house.json(&["user", "show", "ann"])["user"]["id"].clone();
    house.run(&["user", "delete", "ann", "--reason", "asked for it"]).ok();
    assert_eq!(server.status(&device), 401);
    house.run(&["user", "show", "ann"]).failed_with(4);
    house.run(&["user", "delete", "ann"]).failed_with(4);
    let told = house.run(&["events", "--user", before.as_str().expect("an id")]).ok().out;
    assert!(told.contains("user_deleted") && told.contains("signed_in"), "{told}");
    house.run(&["events", "--user", "ann"]).failed_with(4);
    house.add("ann");
    assert_ne!(house.json(&["user", "show", "ann"])["user"]["id"], before);
    assert_eq!(server.status(&device), 401);
}

#[test]
fn the_list_of_devices_shows_what_each_is_and_says_so_to_programs_too() {
    let house = House::of("ann");
    assert_eq!(house.run(&["user", "sessions", "ann"]).ok().out, "ann is not signed in anywhere\n");
    let server = house.serve(&[]);
    let (laptop, phone) = (server.sign_in("ann", "Laptop"), server.sign_in("ann", "Phone"));
    let table = house.run(&["user", "sessions", "ann"]).ok().out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(
        lines[0].starts_with("ID                              DEVICE  SIGNED IN             LAST ACTIVE"),
        "{table}"
    );
    assert!(lines[1].starts_with(&format!("{}  Phone   20", phone.session)), "{table}");
    assert!(lines[2].starts_with(&format!("{}  Laptop  20", laptop.session)), "{table}");
    assert!(lines[1].ends_with("  127.0.0.1  default"), "{table}");
    let listed = house.json(&["user", "sessions", "ann"]);
    let first = &listed[0];
    assert_eq!(first["id"], json!(phone.session));
    assert_eq!(first["device"], json!({ "name": "Phone", "browser": "curl", "os": null, "kind": "program" }));
    let plain = ["user_agent", "ip", "client_id", "amr", "remembered", "metadata"].map(|name| first[name].clone());
    assert_eq!(json!(plain), json!(["curl/8.0", "127.0.0.1", "default", ["pwd"], false, null]));
    for name in ["started_at", "last_seen_at", "expires_at"] {
        let text = first[name].as_str().expect("a time");
        assert!(text.len() == 24 && text.ends_with('Z'), "{text}");
    }
}
