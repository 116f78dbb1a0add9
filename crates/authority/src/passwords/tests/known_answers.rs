//! Every accepted form, as made by an independent program: argon2-cffi 25.1.0, bcrypt 5.0.0, passlib 1.7.4, Django
//! 5.2.19, and Python 3.11.7's `hashlib` where no program writes the form.

use rescind_domain::password::{PasswordHash, Passwords, Stored, Verdict};

use super::{QUICK, options, password};
use crate::passwords::{HashingPool, PoolOptions, Strength, from_keycloak, recognise};

const PASSWORD: &str = "correct horse battery staple";

/// Hashes of [`PASSWORD`].
const FOREIGN: [(&str, &str); 22] = [
    ("argon2-cffi", "$argon2id$v=19$m=64,t=3,p=2$AQIDBAUGBwgJCgsMDQ4PEA$afz2fH6FtMENBXILxkYUE3j7MoW0OFcqJSU7yXn+Pfo"),
    ("argon2-cffi", "$argon2i$v=19$m=64,t=3,p=2$AQIDBAUGBwgJCgsMDQ4PEA$16p5t5UfAO9FYB9AC+LDYSaczX/MTOkx98xtxI5OotQ"),
    ("argon2-cffi", "$argon2d$v=19$m=64,t=3,p=2$AQIDBAUGBwgJCgsMDQ4PEA$JbX9llbNWOULaI2CaxzEa3kMd/vjAZPdeS/CTKUQ8TI"),
    ("argon2-cffi", "$argon2i$v=16$m=64,t=3,p=1$AQIDBAUGBwgJCgsMDQ4PEA$2dfbSxDncQ+GMPR/TRmyHjjHV00qeyYnm0pah0zVqDI"),
    (
        "the same in the form before version fields",
        "$argon2i$m=64,t=3,p=1$AQIDBAUGBwgJCgsMDQ4PEA$2dfbSxDncQ+GMPR/TRmyHjjHV00qeyYnm0pah0zVqDI",
    ),
    ("bcrypt", "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("bcrypt", "$2a$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("bcrypt", "$2y$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("bcrypt, bits behind the salt", "$2a$04$abcdefghijklmnopqrstuv7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("passlib", "$scrypt$ln=4,r=8,p=1$AQIDBAUGBwgJCgsMDQ4PEA$uRmJ+TMvzIjLXpqUwZJIyRO5wgioWck/zoHOgr162cM"),
    ("passlib", "$scrypt$ln=10,r=8,p=2$AQIDBAUGBwgJCgsMDQ4PEA$HJsvHjwl5rZYbiaTDAjtIkXjavnRuo852+gi2tFMCCA"),
    ("passlib", "$pbkdf2$1000$./8BAgMEBQYHCAkKCwwNDg8Q$u0eOx5KdJMJU73GnNJmifLptV88"),
    ("passlib", "$pbkdf2-sha256$1000$./8BAgMEBQYHCAkKCwwNDg8Q$URlrX3fA5A.U2qQcIfkShGNRwMgDPFmYHC6rmypAysw"),
    (
        "passlib",
        "$pbkdf2-sha512$1000$./8BAgMEBQYHCAkKCwwNDg8Q$JdZEbkv/BjvBd9ozDCmT02rFANCGBndI.ErjNAhh3mUoinIUJFCsKhFU9TF.ltHPH6aUqOugmgiVQW25qHCvQQ",
    ),
    ("hashlib", "$pbkdf2-sha256$i=1000,l=32$AQIDBAUGBwgJCgsMDQ4PEA$m33AcPJmtZT4BCk55kw6VMWgiuKxPOc9CEFW8cSB5g8"),
    (
        "hashlib",
        "$pbkdf2-sha512$i=1000,l=64$AQIDBAUGBwgJCgsMDQ4PEA$6ns5yb20qFEOAZtQC5I5NTYSjJdRm0Q4pr88XAZigT2g733NANqOfPZr8uEnB+zEYNt52uGV2XybZQAOdoT+OQ",
    ),
    ("Django", "pbkdf2_sha256$1000$pinkSalt1234567890ABCD$qzb6V2cqf7HPrMjNex+Z74AFgXhzR07HsdXj3NqKh1o="),
    ("Django", "pbkdf2_sha1$1000$pinkSalt1234567890ABCD$B1H80PCkbodTNJj88aSOpQV/mcA="),
    (
        "Django",
        "argon2$argon2id$v=19$m=64,t=2,p=1$cGlua1NhbHQxMjM0NTY3ODkwQUJDRA$cUJ+59K8VDfadU0E/TImwyctH8W2vMS4Du8XRn8FpEI",
    ),
    (
        "Django",
        "scrypt$64$pinkSalt1234567890ABCD$8$2$ITDVXC0mkYWoUAItYQT6/sCQxbzozCKOhyXdp/aSmygpheSZ1HOmovk0Xl4fwxKDjKYSoU+2xVz15rH6xvpXGA==",
    ),
    ("Django", "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuaBT8mpw5tGdD3eO40znWcQP/dT9hEVK"),
    ("Django", "bcrypt$$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
];

/// Keycloak's `credentialData` and `secretData` for [`PASSWORD`]. The shape is that of its realm exports; the hashes
/// are by `hashlib` and argon2-cffi.
const KEYCLOAK: [(&str, &str); 4] = [
    (
        r#"{"hashIterations":1000,"algorithm":"pbkdf2","additionalParameters":{}}"#,
        r#"{"value":"xwcE2LZrJZWsW0ou7/GDDPerI54=","salt":"AQIDBAUGBwgJCgsMDQ4PEA==","additionalParameters":{}}"#,
    ),
    (
        r#"{"hashIterations":1000,"algorithm":"pbkdf2-sha256"}"#,
        r#"{"value":"m33AcPJmtZT4BCk55kw6VMWgiuKxPOc9CEFW8cSB5g+PV0NmrxLb2quvfflRtPIG4iRPv1Yu9CahP7upFHyQSQ==","salt":"AQIDBAUGBwgJCgsMDQ4PEA=="}"#,
    ),
    (
        r#"{"hashIterations":1000,"algorithm":"pbkdf2-sha512","additionalParameters":null}"#,
        r#"{"value":"6ns5yb20qFEOAZtQC5I5NTYSjJdRm0Q4pr88XAZigT2g733NANqOfPZr8uEnB+zEYNt52uGV2XybZQAOdoT+OQ==","salt":"AQIDBAUGBwgJCgsMDQ4PEA"}"#,
    ),
    (
        r#"{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["64"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}"#,
        r#"{"value":"vyxwlzoPZ0z9KWYhmwfkpb8iGusz/DNpQyDswiEqLRE=","salt":"AQIDBAUGBwgJCgsMDQ4PEA==","additionalParameters":{}}"#,
    ),
];

fn foreign() -> impl Iterator<Item = (&'static str, PasswordHash)> {
    let keycloak = KEYCLOAK.iter().map(|(data, secret)| ("Keycloak", from_keycloak(data, secret).expect("understood")));
    FOREIGN.iter().map(|(program, encoded)| (*program, PasswordHash::new((*encoded).to_owned()))).chain(keycloak)
}

/// `2 MiB, t=2`, which none of the foreign hashes reaches.
fn stronger_pool() -> HashingPool {
    HashingPool::new(options(Strength { memory_kib: 2048, passes: 2, lanes: 1 })).expect("a pool")
}

async fn verify(pool: &HashingPool, hash: &PasswordHash, text: &str) -> Verdict {
    pool.verify(Stored::Known(hash.clone()), password(text)).await.expect("checked")
}

#[tokio::test]
async fn f3_a_hash_made_by_any_accepted_program_signs_in_and_is_upgraded_once() {
    let pool = stronger_pool();
    for (program, hash) in foreign() {
        assert_eq!(verify(&pool, &hash, PASSWORD).await, Verdict::Right { upgrade: true }, "{program}: {hash:?}");
        let upgraded = pool.hash(password(PASSWORD)).await.expect("hashed");
        assert_eq!(verify(&pool, &upgraded, PASSWORD).await, Verdict::Right { upgrade: false }, "{program}");
    }
}

#[tokio::test]
async fn f3_no_imported_hash_accepts_a_password_that_is_not_quite_right() {
    let pool = stronger_pool();
    for (program, hash) in foreign() {
        for wrong in
            ["correct horse battery stapl", "correct horse battery staple ", "Correct horse battery staple", ""]
        {
            assert_eq!(verify(&pool, &hash, wrong).await, Verdict::Wrong, "{program}: {hash:?} took {wrong:?}");
        }
    }
}

#[test]
fn f3_every_foreign_scheme_has_a_name_for_logs() {
    for (program, hash) in foreign() {
        let name = recognise(hash.expose()).expect("understood").cost().name();
        assert!(hash.scheme().starts_with(name), "{program}: {} is {name}", hash.scheme());
    }
}

#[tokio::test]
async fn a_new_hash_reads_as_argon2_cffi_writes_it_and_needs_no_upgrade() {
    // argon2-cffi, default parameters, the salt 01 02 … 10.
    let expected = "$argon2id$v=19$m=19456,t=2,p=1$AQIDBAUGBwgJCgsMDQ4PEA$u7HkQc8NFEyI1fGa9gfr7DIUnvi/UM/saRdXcmsbkMA";
    let counting_up: super::super::Entropy = std::sync::Arc::new(|salt| {
        for (byte, value) in salt.iter_mut().zip(1..) {
            *byte = value;
        }
    });
    let pool = HashingPool::new(PoolOptions { entropy: counting_up, ..options(Strength::default()) }).expect("a pool");
    let hash = pool.hash(password(PASSWORD)).await.expect("hashed");
    assert_eq!(hash.expose(), expected);
    assert_eq!(verify(&pool, &hash, PASSWORD).await, Verdict::Right { upgrade: false });
}

#[tokio::test]
async fn weaker_argon2_is_upgraded_and_stronger_argon2_is_left_alone() {
    let weak = HashingPool::new(options(QUICK)).expect("a pool");
    let strong = stronger_pool();
    let (weak_hash, strong_hash) = (weak.hash(password(PASSWORD)).await, strong.hash(password(PASSWORD)).await);
    let (weak_hash, strong_hash) = (weak_hash.expect("hashed"), strong_hash.expect("hashed"));
    assert_eq!(verify(&strong, &weak_hash, PASSWORD).await, Verdict::Right { upgrade: true });
    assert_eq!(verify(&weak, &strong_hash, PASSWORD).await, Verdict::Right { upgrade: false });
}

#[tokio::test]
async fn passwords_that_differ_only_behind_byte_72_differ() {
    let pool = HashingPool::new(options(QUICK)).expect("a pool");
    // argon2-cffi, of 73 times "a" and "x".
    let foreign = PasswordHash::new(
        "$argon2id$v=19$m=64,t=2,p=1$AQIDBAUGBwgJCgsMDQ4PEA$00RbsnOgRSNUTDmU4eAQPro5CtdBjSjULOlq1Q1NQjo".into(),
    );
    assert_eq!(verify(&pool, &foreign, &("a".repeat(73) + "x")).await, Verdict::Right { upgrade: false });
    assert_eq!(verify(&pool, &foreign, &("a".repeat(73) + "y")).await, Verdict::Wrong);
    let own = pool.hash(password(&("a".repeat(1023) + "x"))).await.expect("hashed");
    assert_eq!(verify(&pool, &own, &("a".repeat(1023) + "x")).await, Verdict::Right { upgrade: false });
    assert_eq!(verify(&pool, &own, &("a".repeat(1023) + "y")).await, Verdict::Wrong);
    // Django, bcrypt_sha256 of 80 times "a".
    let hashed_first = "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuPyIqj2wL6Wc7Io3l2fPv18mNiqjX5p.";
    let hashed_first = PasswordHash::new(hashed_first.into());
    assert_eq!(verify(&pool, &hashed_first, &"a".repeat(80)).await, Verdict::Right { upgrade: true });
    assert_eq!(verify(&pool, &hashed_first, &"a".repeat(81)).await, Verdict::Wrong);
}

#[tokio::test]
async fn f3_bcrypt_sees_72_bytes_and_its_upgrade_the_whole_password() {
    let pool = HashingPool::new(options(QUICK)).expect("a pool");
    // bcrypt, of 72 times "a".
    let imported = PasswordHash::new("$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe".into());
    assert_eq!(verify(&pool, &imported, &"a".repeat(72)).await, Verdict::Right { upgrade: true });
    assert_eq!(verify(&pool, &imported, &"a".repeat(71)).await, Verdict::Wrong);
    let typed = "a".repeat(72) + " and more";
    assert_eq!(verify(&pool, &imported, &typed).await, Verdict::Right { upgrade: true });
    let upgraded = pool.hash(password(&typed)).await.expect("hashed");
    assert_eq!(verify(&pool, &upgraded, &typed).await, Verdict::Right { upgrade: false });
    assert_eq!(verify(&pool, &upgraded, &"a".repeat(72)).await, Verdict::Wrong);
}

#[tokio::test]
async fn f3_letters_beyond_ascii_work_however_they_were_typed() {
    let pool = HashingPool::new(options(QUICK)).expect("a pool");
    // bcrypt.
    let umlauts = PasswordHash::new("$2b$04$abcdefghijklmnopqrstuu5Md9MEM4jraZTPO5Vb5oJrrTS2PcAqm".into());
    assert_eq!(verify(&pool, &umlauts, "pässwörd ключ").await, Verdict::Right { upgrade: true });
    // argon2-cffi, of "cafe", a combining accent, " au lait": strong enough, but not in composed form.
    let decomposed = PasswordHash::new(
        "$argon2id$v=19$m=64,t=2,p=1$AQIDBAUGBwgJCgsMDQ4PEA$izbDnw3iN1IU/IRxqn6sx8SYA0Cu8ODpjfknlyxhNqM".into(),
    );
    let typed = "cafe\u{301} au lait";
    assert_eq!(verify(&pool, &decomposed, typed).await, Verdict::Right { upgrade: true });
    let upgraded = pool.hash(password(typed)).await.expect("hashed");
    for keyboard in [typed, "caf\u{e9} au lait"] {
        assert_eq!(verify(&pool, &upgraded, keyboard).await, Verdict::Right { upgrade: false });
    }
}
