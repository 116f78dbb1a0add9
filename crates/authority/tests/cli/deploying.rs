//! What starts the server where it is installed: `deploy` has nothing that this program does not know.

use std::path::Path;

use super::house::House;

fn deployed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
    std::fs::read_to_string(path).expect("there")
}

/// Tries a command line as it stands there, but for running the server, and what it finds in its environment.
fn is_known(arguments: &[&str], environment: &[(&str, &str)]) {
    let house = House::new();
    assert_eq!(arguments[0], "serve");
    house.run(&[arguments, &["--help"]].concat()).ok();
    house.run(&[arguments, &["--no-such-flag", "--help"]].concat()).failed_with(2);
    let mut command = house.command(&["config", "show", "--json"]);
    let said = command.envs(environment.iter().copied()).output().expect("started");
    let shown = String::from_utf8(said.stdout).expect("UTF-8");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    for (name, value) in environment {
        assert!(shown.contains(name) && shown.contains(value), "{name}={value}: {shown}");
    }
}

#[test]
fn the_unit_starts_a_server_with_flags_and_variables_that_there_are() {
    let unit = deployed("rescind.service");
    let after = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)).expect("a line of it");
    let (program, arguments) = after("ExecStart=").split_once(' ').expect("arguments");
    assert!(program.ends_with("/rescind"), "{program}");
    let variable = after("Environment=").split_once('=').expect("a value");
    is_known(&arguments.split(' ').collect::<Vec<_>>(), &[variable]);
}

#[test]
fn the_container_starts_a_server_with_flags_and_variables_that_there_are() {
    let file = deployed("Containerfile");
    let after = |key: &str| file.lines().find_map(|line| line.strip_prefix(key)).expect("a line of it");
    assert_eq!(after("ENTRYPOINT "), "[\"rescind\"]");
    let arguments: Vec<String> = serde_json::from_str(after("CMD ")).expect("a list");
    let variable = after("ENV ").split_once('=').expect("a value");
    is_known(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[variable]);
}
