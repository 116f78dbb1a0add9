//! A partition: packets vanish between the authority and whoever follows it, and nobody is told.

use serde_json::json;

use crate::guarding::{Guard, bearer};
use crate::house::House;
use crate::machines::{ADDRESSES, Machines};
use crate::scene::{Scene, until};
use crate::server::Server;

/// Where the authority runs, and where the guard does.
const HERE: usize = 0;
const THERE: usize = 1;

/// A scene on the first machine; a guard on the second, asked by way of a socket that both see.
fn apart(machines: &Machines) -> (Scene, Guard) {
    let scene = machines.on(HERE, || {
        let house = House::of("ann");
        let command = house.command(&["serve", "--listen", &format!("{}:0", ADDRESSES[HERE])]);
        let server = Server::start(command, house.path("stderr"));
        Scene::of(house, server)
    });
    let listen = format!("unix:{}", scene.house.path("guard.sock").display());
    let guard = machines.on(THERE, || Guard::start(&scene, &listen, &["--lease", "4s", "--name", "far away"]));
    (scene, guard)
}

#[test]
fn g3_g5_across_a_partition_enforced_is_said_only_once_the_other_side_refuses_and_it_recovers_by_itself() {
    let Some(machines) = Machines::new() else { return };
    let (scene, guard) = apart(&machines);
    machines.on(HERE, || {
        let [phone, laptop, tablet] = ["Phone", "Laptop", "Tablet"].map(|name| scene.server.sign_in("ann", name));
        guard.until_heard(&phone);
        assert_eq!(scene.end(&tablet, "20s")["confirmed"], 1);
        assert_eq!(guard.ask("/", &bearer(&tablet)).0, 401);

        machines.cut();
        let early = scene.end(&phone, "1ms");
        let pending = &early["pending"][0];
        let told = [&early["enforced"], &early["confirmed"], &pending["verifier"], &pending["client"]];
        assert_eq!(told, [&json!(false), &json!(0), &json!("far away"), &json!("shop")], "{early}");
        let late = scene.end(&phone, "30s");
        // At this instant, before anything else is read: whoever was told so relies on it.
        let (status, head) = guard.ask("/", &bearer(&phone));
        assert_eq!((&late["enforced"], status), (&json!(true), 503), "{late} {head}");
        assert_eq!((&late["confirmed"], &late["lapsed"], &late["pending"]), (&json!(0), &json!(1), &json!([])));
        assert!(head.contains("\r\nretry-after: 1\r\n"), "{head}");
        // The token may be good, for all that is known there.
        assert_eq!(guard.ask("/", &bearer(&laptop)).0, 503);
        // Nobody is left to wait for.
        assert_eq!(scene.end(&tablet, "30s")["enforced"], true);

        until(|| guard.logged().contains("the authority is silent").then_some(()));
        machines.heal();
        guard.until_heard(&laptop);
        assert_eq!(guard.ask("/", &bearer(&phone)).0, 401);
        assert_eq!(guard.ask("/", &bearer(&tablet)).0, 401);
        assert_eq!(scene.end(&laptop, "20s")["confirmed"], 1);
        assert_eq!(guard.ask("/", &bearer(&laptop)).0, 401);
    });
}

#[test]
fn g5_a_partition_that_heals_within_the_lease_is_waited_for_and_ends_in_a_confirmation() {
    let Some(machines) = Machines::new() else { return };
    let (scene, guard) = apart(&machines);
    machines.on(HERE, || {
        let [phone, laptop] = ["Phone", "Laptop"].map(|name| scene.server.sign_in("ann", name));
        guard.until_heard(&phone);
        scene.until_listed("far away");
        machines.cut();
        let early = scene.end(&phone, "1ms");
        assert_eq!(early["enforced"], false, "{early}");
        machines.heal();
        let late = scene.end(&phone, "30s");
        assert_eq!(late["enforced"], true, "{late}");
        let (status, head) = guard.ask("/", &bearer(&phone));
        assert!(matches!(status, 401 | 503), "{head}");
        guard.until_heard(&laptop);
        assert_eq!(guard.ask("/", &bearer(&phone)).0, 401);
    });
}
