//! What `recognise` refuses: damage, unknown forms, and parameters that would take all memory or hours.

use proptest::prelude::*;

use crate::passwords::{RefusedHash, Strength, from_keycloak, recognise};

fn refusal(encoded: &str) -> RefusedHash {
    recognise(encoded).err().unwrap_or_else(|| panic!("accepted {encoded}"))
}

const SALT: &str = "AQIDBAUGBwgJCgsMDQ4PEA";
const HASH: &str = "m33AcPJmtZT4BCk55kw6VMWgiuKxPOc9CEFW8cSB5g8";
const BCRYPT: &str = "abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";

/// Puts a salt for `SALT`, a hash for `HASH`, and both in bcrypt's encoding for `BOTH`.
fn filled(template: &str) -> String {
    template.replace("SALT", SALT).replace("HASH", HASH).replace("BOTH", BCRYPT)
}

#[test]
fn parameters_beyond_the_limits_are_refused_by_name() {
    let iterations = "iterations (of all blocks of the hash)";
    let memory = "memory (128·N·r, bytes)";
    for (template, parameter, value) in [
        ("$argon2id$v=19$m=1048577,t=1,p=1$SALT$HASH", "memory (m, KiB)", 1_048_577),
        ("$argon2id$v=19$m=4294967295,t=4294967295,p=1$SALT$HASH", "memory (m, KiB)", 4_294_967_295),
        ("$argon2id$v=19$m=1048576,t=17,p=1$SALT$HASH", "memory times passes (m·t, KiB)", 17 << 20),
        ("$2b$17$BOTH", "the cost", 17),
        ("bcrypt_sha256$$2b$31$BOTH", "the cost", 31),
        ("$scrypt$ln=19,r=8,p=1$SALT$HASH", memory, 512 << 20),
        ("$scrypt$ln=31,r=4294967295,p=4294967295$SALT$HASH", memory, u64::MAX),
        ("$scrypt$ln=64,r=8,p=1$SALT$HASH", "the binary logarithm of N (ln)", 64),
        ("$scrypt$ln=18,r=8,p=9$SALT$HASH", "memory times parallelism (128·N·r·p, bytes)", 9 << 28),
        ("scrypt$1048576$salt$8$1$HASH", memory, 1 << 30),
        ("$pbkdf2-sha256$10000001$SALT$HASH", iterations, 10_000_001),
        // 32 bytes are two blocks of SHA-1.
        ("$pbkdf2-sha1$i=6000000$SALT$HASH", iterations, 12_000_000),
        ("pbkdf2_sha256$4294967295$salt$HASH", iterations, 4_294_967_295),
        ("keycloak$pbkdf2-sha512$20000000$SALT$HASH", iterations, 20_000_000),
    ] {
        let refused = refusal(&filled(template));
        let RefusedHash::TooCostly { parameter: named, value: asked, limit, .. } = refused else {
            panic!("{template}: {refused}")
        };
        // Products that leave 64 bits count as the largest number there is.
        assert!(named == parameter && asked == value && asked > limit, "{template}: {refused}");
    }
}

#[test]
fn the_costliest_accepted_hash_takes_seconds_not_minutes() {
    for template in [
        "$argon2id$v=19$m=1048576,t=16,p=1$SALT$HASH",
        "$2b$16$BOTH",
        "$scrypt$ln=18,r=8,p=8$SALT$HASH",
        "$pbkdf2-sha512$10000000$SALT$HASH",
    ] {
        let micros = recognise(&filled(template)).map(|scheme| scheme.cost().micros()).expect("within the limits");
        assert!((1_000_000..10_000_000).contains(&micros), "{template}: {micros}");
    }
}

#[test]
fn damaged_hashes_are_refused_by_the_part_that_is_wrong() {
    let too_long = format!("$argon2id$v=19$m=64,t=1,p=1$SALT${}", "A".repeat(200));
    let too_short = format!("$2b$10${}", &BCRYPT[..52]);
    for (template, part) in [
        ("$argon2id$v=18$m=64,t=1,p=1$SALT$HASH", "the version (16 or 19)"),
        ("$argon2id$v=19$m=64,t=1$SALT$HASH", "the list of parameters m, t, p"),
        ("$argon2id$v=19$m=64,t=1,p=1,m=64$SALT$HASH", "the list of parameters m, t, p"),
        ("$argon2id$v=19$m=64,t=1,p=1,keyid=1$SALT$HASH", "the list of parameters m, t, p"),
        ("$argon2id$v=19$m=+64,t=1,p=1$SALT$HASH", "the list of parameters m, t, p"),
        ("$argon2id$v=19$m=64,t=0,p=1$SALT$HASH", "a parameter (m, t or p)"),
        ("$argon2id$v=19$m=64,t=1,p=9$SALT$HASH", "a parameter (m, t or p)"),
        ("$argon2id$v=19$m=64,t=1,p=0$SALT$HASH", "a parameter (m, t or p)"),
        ("$argon2id$v=19$m=64,t=1,p=1$c2hvcnQ$HASH", "the salt"),
        ("$argon2id$v=19$m=64,t=1,p=1$SALT$c2hvcnQ", "the hash"),
        ("$argon2id$v=19$m=64,t=1,p=1$SALT$", "the hash"),
        (&too_long, "the hash"),
        ("$argon2id$", "a field"),
        ("$2b$03$BOTH", "the cost (4 to 31)"),
        ("$2b$xx$BOTH", "the cost (4 to 31)"),
        (&too_short, "the hash"),
        ("$2b$10$BOTH.", "the hash"),
        ("$2b$10$short", "the salt"),
        // A character lies across the end of the salt.
        ("$2b$10$xäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüä", "the salt"),
        ("$scrypt$ln=0,r=8,p=1$SALT$HASH", "a parameter (N, r or p)"),
        ("$scrypt$ln=4,r=8,p=0$SALT$HASH", "a parameter (N, r or p)"),
        ("scrypt$1000$salt$8$1$HASH", "N (a power of two)"),
        ("$pbkdf2-md5$1000$SALT$HASH", "the digest (sha1, sha256 or sha512)"),
        ("$pbkdf2-sha256$0$SALT$HASH", "the number of iterations"),
        ("$pbkdf2-sha256$i=1000,l=31$SALT$HASH", "the length (l)"),
        ("pbkdf2_sha256$1000$$HASH", "the salt"),
    ] {
        let refused = refusal(&filled(template));
        let RefusedHash::Malformed { part: named, .. } = refused else { panic!("{template}: {refused}") };
        assert_eq!(named, part, "{template}");
    }
}

#[test]
fn unknown_forms_are_refused_and_never_repeated() {
    for encoded in [
        "",
        "$",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$6$salt$hash",
        "$2x$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
        "md5$salt$hash",
        "keycloak$pbkdf2",
        &format!("$argon2id$v=19$m=64,t=1,p=1${}${HASH}", "A".repeat(1024)),
    ] {
        let refused = refusal(encoded);
        assert_eq!(refused, RefusedHash::Unrecognised, "{encoded}");
        assert!(encoded.len() < 20 || !refused.to_string().contains(encoded));
    }
}

#[test]
fn f3_keycloak_credentials_that_lack_something_are_refused() {
    let secret = format!(r#"{{"value":"{HASH}","salt":"{SALT}"}}"#);
    for (data, message) in [
        ("", "keycloak: credentialData is missing or malformed"),
        (r#"{"algorithm":"pbkdf2"}"#, "keycloak: credentialData is missing or malformed"),
        (r#"{"algorithm":"pbkdf2","hashIterations":-1}"#, "keycloak: credentialData is missing or malformed"),
        (r#"{"algorithm":"argon2","hashIterations":5}"#, "keycloak: the version (1.0 or 1.3) is missing or malformed"),
        (
            r#"{"algorithm":"argon2","hashIterations":5,"additionalParameters":{"version":["1.3"],"type":["id$v=19"]}}"#,
            "keycloak: the type (id, i or d) is missing or malformed",
        ),
    ] {
        assert_eq!(from_keycloak(data, &secret).expect_err("refused").to_string(), message, "{data}");
    }
    let data = r#"{"algorithm":"pbkdf2","hashIterations":1000}"#;
    for secret in ["", "{}", r#"{"value":"","salt":""}"#, r#"{"value":"a$b","salt":"c$d"}"#] {
        assert!(from_keycloak(data, secret).is_err(), "{secret}");
    }
    let unknown = r#"{"algorithm":"md5","hashIterations":1}"#;
    assert_eq!(from_keycloak(unknown, r#"{"value":"x","salt":"y"}"#), Err(RefusedHash::Unrecognised));
}

#[test]
fn a_configuration_is_held_to_the_same_limits() {
    assert!(Strength::default().cost().is_ok());
    assert!(Strength { memory_kib: 7, passes: 1, lanes: 1 }.cost().is_err());
    assert!(Strength { memory_kib: 2 << 20, ..Strength::default() }.cost().is_err());
}

proptest! {
    #[test]
    fn no_text_whatever_makes_recognise_panic_or_accept_minutes_of_work(
        scheme in "(\\$?(argon2id?|2[aby]|bcrypt(_sha256)?\\$|scrypt|pbkdf2([-_]sha(1|256|512))?|keycloak))?",
        fields in proptest::collection::vec("(v=19|[mtplirn]+=[0-9]{1,10}(,[mtplirn]+=[0-9]{1,10}){0,3}|[0-9]{1,10}|\\PC{0,60}|[A-Za-z0-9./+]{22,53}=?)", 0..7),
    ) {
        let encoded = format!("{scheme}${}", fields.join("$"));
        if let Ok(scheme) = recognise(&encoded) {
            prop_assert!(scheme.cost().micros() < 10_000_000);
        }
    }
}
