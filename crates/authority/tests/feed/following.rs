//! The verifier that services embed, following the program.

use std::time::Duration;

use rescind_verifier::{Reason, Rejected, Verifier};
use serde_json::Value;

use crate::line::Line;
use crate::scene::{Scene, check, runtime, until, until_accepted};
use crate::way::Way;

/// Longer than a busy machine stalls.
const LEASE: Duration = Duration::from_secs(10);

#[test]
fn a1_a_log_out_reaches_a_verifier_elsewhere_and_no_other_token() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let verifier = scene.verifier("shop", LEASE);
    let (phone, laptop) = (scene.server.sign_in("ann", "Phone"), scene.server.sign_in("ann", "Laptop"));
    until_accepted(&verifier, &phone);
    let enforcement = scene.end(&phone, "10s");
    assert_eq!((&enforcement["enforced"], &enforcement["confirmed"]), (&true.into(), &1.into()), "{enforcement}");
    assert!(matches!(check(&verifier, &phone), Err(Rejected::Revoked { scope: "session", .. })));
    assert!(check(&verifier, &laptop).is_ok());
}

#[test]
fn the_list_of_verifiers_has_pages_which_together_are_all_of_it_in_order() {
    let scene = Scene::new();
    let names = ["one", "two", "three"];
    let _lines = names.map(|name| {
        let line = Line::following(&scene, name, LEASE);
        scene.until_named(name);
        line
    });
    let list = |query: &str| scene.administer("GET", &format!("/v1/admin/verifiers{query}"), None).expect(200).json();
    let shown = |page: &Value| -> Vec<Value> {
        page["verifiers"].as_array().expect("a list").iter().map(|verifier| verifier["name"].clone()).collect()
    };
    let whole = list("");
    assert_eq!((shown(&whole), &whole["next"]), (names.map(Value::from).to_vec(), &Value::Null));
    let first = list("?limit=2");
    let second = list(&format!("?limit=2&after={}", first["next"].as_str().expect("a next page")));
    assert_eq!((shown(&first), shown(&second)), (shown(&whole)[..2].to_vec(), shown(&whole)[2..].to_vec()));
    assert_eq!((&second["next"], &second["head"]), (&Value::Null, &whole["head"]));
    assert_eq!(scene.house.json(&["verifiers"]).as_array().map(Vec::len), Some(3), "the command line shows all");
}

#[test]
fn before_it_was_heard_nothing_is_accepted_and_building_never_waits() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let device = scene.server.sign_in("ann", "Phone");
    let nobody = rescind_verifier::Verifier::builder(scene.issuer()).audience(scene.issuer());
    let verifier = nobody.authority("http://127.0.0.1:9").client("shop", "secret").build().expect("good settings");
    assert_eq!(check(&verifier, &device).err(), Some(Rejected::Unavailable { reason: Reason::NeverSynced }));
}

#[test]
fn g3_cut_off_it_refuses_after_its_lease_and_recovers_by_itself() {
    let (mut scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let verifier = scene.verifier("shop", Duration::from_secs(1));
    let device = scene.server.sign_in("ann", "Phone");
    until_accepted(&verifier, &device);
    let (address, issuer) = (scene.server.address.to_string(), scene.issuer());
    scene.server.signal(rustix::process::Signal::KILL);
    let (status, _) = scene.server.wait();
    assert!(!status.success());
    let refused = until(|| check(&verifier, &device).err());
    assert_eq!(refused, Rejected::Unavailable { reason: Reason::Stale }, "not that the token is bad");
    let command = scene.house.command(&["serve", "--listen", &address, "--issuer", &issuer]);
    let again = crate::server::Server::start(command, scene.house.path("stderr"));
    until_accepted(&verifier, &device);
    drop(again);
}

#[test]
fn g3_a_connection_that_dies_without_a_word_is_replaced_before_anything_is_refused() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let way = Way::to(scene.server.address);
    let builder = Verifier::builder(scene.issuer()).authority(format!("http://{}", way.address)).lease(LEASE);
    let builder = builder.audience(scene.issuer()).client(&scene.client.0, &scene.client.1);
    let verifier = builder.build().expect("good settings");
    let [phone, tablet] = ["Phone", "Tablet"].map(|name| scene.server.sign_in("ann", name));
    until_accepted(&verifier, &phone);
    way.forget_connections();
    // Enforced is that once the lease of the dead connection is over: by then there is another, or nothing is accepted.
    let told = until(|| {
        assert_eq!(check(&verifier, &phone).err(), None);
        Some(scene.end(&tablet, "1ms")).filter(|told| told["enforced"] == true)
    });
    assert_eq!((check(&verifier, &phone).err(), verifier.health().reconnects), (None, 1), "{told}");
    assert!(matches!(check(&verifier, &tablet), Err(Rejected::Revoked { scope: "session", .. })), "{told}");
}

#[test]
fn what_leaves_says_goodbye_and_nobody_waits_for_it() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let verifier = scene.verifier("shop", Duration::from_secs(30));
    let device = scene.server.sign_in("ann", "Phone");
    until_accepted(&verifier, &device);
    scene.until_listed("shop");
    runtime.block_on(verifier.leave());
    assert!(check(&verifier, &device).is_err_and(|rejected| rejected.is_unavailable()));
    let enforcement = scene.end(&device, "10s");
    assert_eq!((&enforcement["enforced"], &enforcement["confirmed"]), (&true.into(), &0.into()), "{enforcement}");
}

#[test]
fn d1_a_sign_in_right_after_log_out_everywhere_is_accepted_at_once() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _inside = runtime.enter();
    let verifier = scene.verifier("shop", LEASE);
    until_accepted(&verifier, &scene.server.sign_in("ann", "First"));
    for _ in 0..20 {
        let before = scene.server.sign_in("ann", "Phone");
        let all = serde_json::json!({ "scope": { "type": "everyone" }, "reason": "a test" });
        scene.administer("POST", "/v1/admin/revocations?wait=enforced", Some(&all)).expect(200);
        let after = scene.server.sign_in("ann", "Phone");
        assert!(check(&verifier, &after).is_ok(), "R4");
        assert!(matches!(check(&verifier, &before), Err(Rejected::Revoked { scope: "everyone", .. })));
    }
}

#[test]
fn r7_an_authority_with_more_revocations_than_it_has_room_for_accepts_no_token_until_it_has_more_room() {
    let scene = Scene::with(&["--verifier-revocations", "2"]);
    let [phone, laptop, tablet] = ["Phone", "Laptop", "Tablet"].map(|name| scene.server.sign_in("ann", name));
    let issuer = scene.issuer();
    assert_eq!(scene.server.status(&phone), 200);
    for device in [&laptop, &tablet] {
        // It cannot say that the server's own verifier has applied the last one.
        drop(scene.house.run(&["session", "end", &device.session]));
    }
    until(|| (scene.server.status(&phone) == 503).then_some(()));
    assert!(scene.server.logged().contains("raise verifier.revocations"), "{}", scene.server.logged());
    let Scene { house, server, .. } = scene;
    assert!(server.stop().success());
    let server = house.serve(&["--issuer", &issuer, "--verifier-revocations", "3"]);
    assert_eq!([&phone, &laptop, &tablet].map(|device| server.status(device)), [200, 401, 401]);
}
