//! `rescind serve` with a database of places.

use rustix::process::Signal;
use serde_json::json;

use crate::house::House;
use crate::https::until_logged;
use crate::mmdb::{city, database};

#[test]
fn a_database_that_cannot_be_used_ends_the_start_and_one_that_can_is_read_anew_at_sighup() {
    let house = House::of("ann");
    house.write("bad.mmdb", "garbage");
    let numbers = json!({"autonomous_system_number": 64500});
    house.write("numbers.mmdb", database("Test-ASN", &[("81.2.69.0", 24, numbers)]));
    for (file, said) in [
        ("bad.mmdb", "bad.mmdb is no database in MaxMind's format"),
        ("numbers.mmdb", "numbers.mmdb (Test-ASN) holds no places"),
        ("none.mmdb", "none.mmdb cannot be read: No such file"),
    ] {
        house.refuses_to_serve(&["--places-database", file]).failed_with(2).says(said);
        let checked = house.run(&["config", "check", "--places-database", file]).failed_with(2);
        assert!(checked.out.contains(said), "{checked:?}");
    }
    let here = city("PT", ["Portugal", "Portugal", "Lissabon"], ["Estremadura", "Lisbon"]);
    let good = database("Test-City", &[("81.2.69.0", 24, here)]);
    house.write("good.mmdb", &good);
    let server = house.serve(&["--places-database", "good.mmdb"]);
    server.signal(Signal::HUP);
    until_logged(&server, "the database of places was read anew", 1);
    house.write("good.mmdb", "garbage");
    server.signal(Signal::HUP);
    until_logged(&server, "no new database of places was taken; the one in use goes on", 1);
    assert_eq!(server.try_sign_in("ann", crate::house::PASSWORD), 201);
    assert_eq!(server.stop().code(), Some(0));
}
