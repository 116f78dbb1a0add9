//! `rescind import`: users of another system (F3).

use serde_json::{Value, json};

use crate::house::{House, PASSWORD};

/// The password of all these is `correct horse battery staple`.
const HASHES: [(&str, &str); 5] = [
    ("argon2", "$argon2id$v=19$m=64,t=3,p=2$AQIDBAUGBwgJCgsMDQ4PEA$afz2fH6FtMENBXILxkYUE3j7MoW0OFcqJSU7yXn+Pfo"),
    ("bcrypt", "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("scrypt", "$scrypt$ln=4,r=8,p=1$AQIDBAUGBwgJCgsMDQ4PEA$uRmJ+TMvzIjLXpqUwZJIyRO5wgioWck/zoHOgr162cM"),
    ("pbkdf2", "$pbkdf2-sha256$i=1000,l=32$AQIDBAUGBwgJCgsMDQ4PEA$m33AcPJmtZT4BCk55kw6VMWgiuKxPOc9CEFW8cSB5g8"),
    ("django", "pbkdf2_sha256$1000$pinkSalt1234567890ABCD$qzb6V2cqf7HPrMjNex+Z74AFgXhzR07HsdXj3NqKh1o="),
];

fn keycloak() -> Value {
    let data = r#"{"hashIterations":1000,"algorithm":"pbkdf2","additionalParameters":{}}"#;
    let secret =
        r#"{"value":"xwcE2LZrJZWsW0ou7/GDDPerI54=","salt":"AQIDBAUGBwgJCgsMDQ4PEA==","additionalParameters":{}}"#;
    json!({ "login": "keycloak", "keycloak": { "credentialData": data, "secretData": secret } })
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn f3_users_of_every_scheme_are_taken_over_sign_in_and_are_upgraded_by_it() {
    let house = House::new();
    let server = house.serve(&[]);
    let mut rows: Vec<Value> =
        HASHES.iter().map(|(login, hash)| json!({ "login": login, "password_hash": hash })).collect();
    rows.push(keycloak());
    let said = house.run_with(&["import", "-"], &lines(&rows)).ok();
    assert_eq!((said.out.as_str(), said.err.as_str()), ("6 imported, 0 already here, 0 bad lines\n", ""));
    for row in &rows {
        let login = row["login"].as_str().expect("a login");
        let scheme = || {
            let shown = house.run(&["user", "show", login]).ok().out;
            let line = shown.lines().find(|line| line.starts_with("password ")).expect("a line").to_owned();
            line.rsplit(' ').next().expect("a word").to_owned()
        };
        if login != "argon2" {
            assert_ne!(scheme(), "argon2id", "{login}");
        }
        assert_eq!(server.try_sign_in(login, "not the password"), 401, "{login}");
        assert_eq!(server.try_sign_in(login, PASSWORD), 201, "{login}");
        assert_eq!(scheme(), "argon2id", "{login}");
        let upgraded = house.json_lines(&["events", "--user", login]);
        assert!(upgraded.iter().any(|event| event["kind"] == "password_upgraded"), "{login}");
        assert_eq!(server.try_sign_in(login, PASSWORD), 201, "{login}");
    }
}

#[test]
fn f3_bad_lines_are_reported_by_number_and_the_good_ones_are_taken_over() {
    let house = House::of("taken");
    let file = [
        r#"{"login":"ann","external_id":"42","metadata":{"plan":"pro"},"role":"administrator"}"#,
        "",
        "{\"login\":",
        r#"{"login":"a b"}"#,
        r#"{"login":"bob","password_hash":"5f4dcc3b5aa765d61d8327deb882cf99"}"#,
        r#"{"login":"taken","external_id":"43"}"#,
        r#"{"login":"carol","password_hash":"$argon2id$v=19$m=4194304,t=99,p=1$AQIDBAUGBwgJCgsMDQ4PEA$afz2fH6FtMENBXILxkYUE3j7MoW0OFcqJSU7yXn+Pfo"}"#,
        r#"{"login":"dave"}"#,
    ];
    let path = house.write("users.jsonl", file.join("\n"));
    let said = house.run(&["import", &path]).failed_with(8);
    assert_eq!(said.out, "2 imported, 0 already here, 5 bad lines\n");
    for (line, why) in [
        (3, "not strict JSON"),
        (4, "must not contain spaces"),
        (5, "unknown kind of password hash"),
        (6, "belongs to another account"),
        (7, "argon2"),
    ] {
        let begins = format!("rescind: line {line}: ");
        assert!(said.err.lines().any(|text| text.starts_with(&begins) && text.contains(why)), "{line}: {}", said.err);
    }
    assert_eq!(said.err.lines().count(), 5);
    let ann = house.json(&["user", "show", "ann"])["user"].clone();
    assert_eq!(
        json!([ann["external_id"], ann["metadata"], ann["role"]]),
        json!(["42", { "plan": "pro" }, "administrator"])
    );
    let shown = house.run(&["user", "show", "dave"]).ok().out;
    assert!(shown.contains("\npassword      none\n"), "{shown}");
    let again = house.run(&["import", &path, "--json"]).failed_with(8);
    let answers: Vec<Value> = again.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut numbers: Vec<u64> = answers[..5].iter().filter_map(|bad| bad["line"].as_u64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [3, 4, 5, 6, 7]);
    assert_eq!(answers[5], json!({ "imported": 0, "already_here": 2, "bad": 5 }));
    assert_eq!(again.err, "");
}

#[test]
fn f3_a_file_of_many_batches_can_be_run_again_and_says_what_is_new() {
    let house = House::new();
    let rows = |count: u32| {
        lines(
            &(0..count)
                .map(|n| json!({ "login": format!("user-{n}"), "external_id": n.to_string() }))
                .collect::<Vec<_>>(),
        )
    };
    let said = house.run_with(&["import", "-"], &rows(450)).ok();
    assert_eq!(said.out, "450 imported, 0 already here, 0 bad lines\n");
    let said = house.run_with(&["import", "-"], &rows(1000)).ok();
    assert_eq!(said.out, "550 imported, 450 already here, 0 bad lines\n");
}

#[test]
fn g6_lines_without_end_and_bytes_without_sense_cost_neither_memory_nor_the_rest() {
    let house = House::new();
    let mut file = b"{\"login\":\"first\"}\n{\"login\":\"".to_vec();
    file.extend(std::iter::repeat_n(b'x', 5_000_000));
    file.extend(b"\"}\n\xff\xfe\n{\"login\":\"last\"}");
    let path = house.write("users.jsonl", &file);
    // 64 MiB of address space beyond what it needs anyway would not hold a line of many times that.
    let said = house.run(&["import", &path]).failed_with(8);
    assert_eq!(said.out, "2 imported, 0 already here, 2 bad lines\n");
    assert!(said.err.contains("line 2: longer than 64 KiB") && said.err.contains("line 3: not UTF-8"), "{}", said.err);
}

#[test]
fn a_file_that_is_not_there_is_not_found_and_makes_no_data_folder() {
    let house = House::new();
    house.run(&["import", "gone.jsonl"]).failed_with(4).says("gone.jsonl");
    house.run(&["import", "/"]).failed_with(2).says("is a folder");
    assert!(!house.data().exists());
}

#[test]
fn no_progress_is_drawn_where_there_is_no_terminal() {
    let house = House::new();
    let path = house.write("users.jsonl", lines(&[json!({ "login": "ann" })]));
    let said = house.run(&["import", &path]).ok();
    assert_eq!(said.err, "");
}
