//! The dependency law (`ARCHITECTURE.md`): `wire ← verifier`, `wire ← domain ← authority`, `authority → verifier`; no arrow
//! runs back, and I/O stays in the rooms that were made for it.

use super::source::Source;
use super::tree::{File, Problem, Tree};

/// What one crate may depend on.
struct Law {
    /// Its folder below `crates`.
    room: &'static str,
    /// Which of our own crates it may depend on, in tests too.
    ours: &'static [&'static str],
    /// The only foreign crates that it may depend on; any if `None`.
    only: Option<&'static [&'static str]>,
    /// The foreign crates that it must not depend on.
    never: &'static [&'static str],
}

const LAWS: [Law; 4] = [
    Law { room: "wire", ours: &[], only: Some(&["data-encoding", "serde", "serde_json", "thiserror"]), never: &[] },
    Law { room: "verifier", ours: &["rescind-wire"], only: None, never: &[] },
    Law {
        room: "domain",
        ours: &["rescind-wire"],
        only: None,
        never: &["axum", "tokio", "rusqlite", "hyper", "reqwest", "tokio-postgres", "sqlx"],
    },
    Law { room: "authority", ours: &["rescind-wire", "rescind-verifier", "rescind-domain"], only: None, never: &[] },
];

/// One dependency that a manifest declares.
struct Dependency {
    /// The name of the package, also where it was renamed.
    package: String,
    line: usize,
    /// Whether only tests use it.
    dev: bool,
}

/// Crates that depend on what they must not.
pub(crate) fn manifests(tree: &Tree) -> Vec<Problem> {
    let workspace = tree.find("Cargo.toml").and_then(|file| file.text.parse::<toml::Table>().ok()).unwrap_or_default();
    let mut problems = Vec::new();
    for (room, file) in tree.manifests() {
        let Some(law) = LAWS.iter().find(|law| law.room == room) else {
            problems.push(Problem::new(
                &file.path,
                1,
                "has no law: say in the tidy test what this crate may depend on",
            ));
            continue;
        };
        match file.text.parse::<toml::Table>() {
            Ok(manifest) => {
                let declared = dependencies(file, &manifest, &workspace);
                problems.extend(declared.iter().filter_map(|dependency| law.broken_by(file, dependency)));
            }
            Err(error) => problems.push(Problem::new(&file.path, 1, format!("is not TOML: {}", error.message()))),
        }
    }
    let missing = LAWS.iter().filter(|law| !tree.manifests().any(|(room, _)| room == law.room));
    problems.extend(missing.map(|law| Problem::new(&format!("crates/{}/Cargo.toml", law.room), 1, "is not there")));
    problems
}

impl Law {
    fn broken_by(&self, file: &File, dependency: &Dependency) -> Option<Problem> {
        let package = dependency.package.as_str();
        let ours = package == "rescind" || package.starts_with("rescind-");
        let allowed = match self.only {
            _ if ours => self.ours.contains(&package),
            _ if dependency.dev => true,
            Some(only) => only.contains(&package),
            None => !self.never.contains(&package),
        };
        let message = format!("{} must not depend on {package}", self.room);
        (!allowed).then(|| Problem::new(&file.path, dependency.line, message))
    }
}

/// Everything that a manifest depends on, for all targets.
fn dependencies(file: &File, manifest: &toml::Table, workspace: &toml::Table) -> Vec<Dependency> {
    let per_target = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let tables = std::iter::once(manifest).chain(per_target.filter_map(toml::Value::as_table));
    let shared = workspace.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let mut found = Vec::new();
    for table in tables {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (name, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                let package = |value: Option<&toml::Value>| Some(value?.get("package")?.as_str()?.to_owned());
                let package = package(Some(value)).or_else(|| package(shared.and_then(|shared| shared.get(name))));
                let line =
                    file.text.lines().position(|line| line.starts_with(name.as_str())).map_or(1, |line| line + 1);
                let package = package.unwrap_or_else(|| name.clone());
                found.push(Dependency { package, line, dev: kind == "dev-dependencies" });
            }
        }
    }
    found
}

/// A word that code may use in one place only, or must not use in one place.
struct Confined {
    word: &'static str,
    /// Whether a file may use the word.
    allowed: fn(&str) -> bool,
    message: &'static str,
}

const CONFINED: [Confined; 2] = [
    Confined {
        word: "rusqlite",
        allowed: |path| below(path, "crates/authority/src/store/sqlite"),
        message: "rusqlite belongs into crates/authority/src/store/sqlite",
    },
    Confined {
        word: "axum",
        allowed: |path| !below(path, "crates/authority/src/store"),
        message: "a store knows nothing of axum",
    },
];

fn below(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// Source that brings an engine or a framework into a room where it has no business.
pub(crate) fn sources(tree: &Tree) -> Vec<Problem> {
    let in_crates = |file: &&File| file.path.starts_with("crates/") && file.path.contains("/src/");
    tree.rust_files().filter(in_crates).flat_map(|file| [confined_words(file), sql_in_domain(file)].concat()).collect()
}

fn confined_words(file: &File) -> Vec<Problem> {
    let source = Source::new(&file.text);
    let mut problems = Vec::new();
    for token in source.tokens() {
        let broken = CONFINED.iter().find(|confined| confined.word == token.text && !(confined.allowed)(&file.path));
        problems.extend(broken.map(|confined| Problem::new(&file.path, source.line(token.at), confined.message)));
    }
    problems
}

fn sql_in_domain(file: &File) -> Vec<Problem> {
    if !file.path.starts_with("crates/domain/") {
        return Vec::new();
    }
    let source = Source::new(&file.text);
    let sql = source.strings.iter().filter(|(_, string)| is_sql(string));
    sql.map(|(at, _)| Problem::new(&file.path, source.line(*at), "the domain speaks no SQL")).collect()
}

/// Words that only SQL writes in capitals.
const SHOUTED: [&str; 5] = [" SELECT ", " PRAGMA ", " SAVEPOINT ", " ROLLBACK ", " COMMIT "];
/// Words that only SQL writes next to each other.
const PAIRED: [&str; 8] = [
    " insert into ",
    " delete from ",
    " select * ",
    " create table ",
    " create index ",
    " alter table ",
    " drop table ",
    " begin immediate ",
];

/// Whether a text looks like a statement, and not like prose that happens to contain the word "select".
fn is_sql(literal: &str) -> bool {
    // Escapes stand between words: `\n`, or a backslash at the end of a line.
    let text = literal.replace("\\n", " ").replace('\\', " ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = format!(" {} ", words.join(" "));
    let small = text.to_ascii_lowercase();
    let update = small.starts_with(" update ") && small.contains(" set ") && small.contains('=');
    update || SHOUTED.iter().any(|word| text.contains(word)) || PAIRED.iter().any(|pair| small.contains(pair))
}

fn lawful() -> Vec<(&'static str, &'static str)> {
    vec![
        ("Cargo.toml", "[workspace.dependencies]\nweb = { package = 'axum', version = '1' }\n"),
        ("crates/wire/Cargo.toml", "[dependencies]\nserde.workspace = true\n[dev-dependencies]\nproptest = '1'\n"),
        ("crates/verifier/Cargo.toml", "[dependencies]\nrescind-wire.workspace = true\n"),
        ("crates/domain/Cargo.toml", "[dependencies]\nrescind-wire.workspace = true\n"),
        ("crates/authority/Cargo.toml", "[dependencies]\nrescind-domain.workspace = true\naxum = '1'\n"),
    ]
}

fn complaints(room: &str, manifest: &str) -> Vec<String> {
    let path = format!("crates/{room}/Cargo.toml");
    let mut files = lawful();
    files.retain(|(known, _)| *known != path);
    files.push((&path, manifest));
    manifests(&Tree::of(&files)).iter().map(ToString::to_string).collect()
}

#[test]
fn a_lawful_workspace_has_no_problems() {
    assert_eq!(manifests(&Tree::of(&lawful())), []);
}

#[test]
fn wire_depends_on_nothing_that_does_io() {
    assert_eq!(
        complaints("wire", "[dependencies]\nserde = '1'\ntokio = '1'\n"),
        ["crates/wire/Cargo.toml:3: wire must not depend on tokio"]
    );
    let target = "[target.'cfg(unix)'.dependencies]\nrustix = '1'\n";
    assert_eq!(complaints("wire", target), ["crates/wire/Cargo.toml:2: wire must not depend on rustix"]);
    assert_eq!(complaints("wire", "[build-dependencies]\ncc = '1'").len(), 1);
}

#[test]
fn no_arrow_runs_back_not_even_in_tests() {
    assert_eq!(complaints("wire", "[dependencies]\nrescind-domain.workspace = true").len(), 1);
    assert_eq!(complaints("verifier", "[dependencies]\nrescind-domain = { path = '../domain' }").len(), 1);
    assert_eq!(complaints("domain", "[dev-dependencies]\nrescind = { path = '../authority' }").len(), 1);
    assert_eq!(complaints("domain", "[dependencies]\nrescind-verifier.workspace = true").len(), 1);
}

#[test]
fn the_domain_knows_no_framework_under_any_name() {
    assert_eq!(complaints("domain", "[dependencies]\ntokio = { version = '1', optional = true }").len(), 1);
    assert_eq!(complaints("domain", "[dependencies]\nhttp_things = { package = 'hyper', version = '1' }").len(), 1);
    let renamed_by_the_workspace = complaints("domain", "[dependencies]\nweb.workspace = true");
    assert_eq!(renamed_by_the_workspace, ["crates/domain/Cargo.toml:2: domain must not depend on axum"]);
}

#[test]
fn a_crate_without_a_law_and_a_law_without_a_crate_are_problems() {
    let mut files = lawful();
    files[1].0 = "crates/wires/Cargo.toml";
    let problems: Vec<String> = manifests(&Tree::of(&files)).iter().map(ToString::to_string).collect();
    assert!(problems[0].starts_with("crates/wires/Cargo.toml:1: has no law"), "{problems:?}");
    assert_eq!(problems[1], "crates/wire/Cargo.toml:1: is not there");
    assert!(complaints("wire", "[dependencies").concat().contains("is not TOML"));
}

#[test]
fn rusqlite_stays_in_its_room() {
    let text = "// rusqlite is fine here\nuse rusqlite::Connection;\n";
    let at = |path: &str| sources(&Tree::of(&[(path, text)])).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(at("crates/authority/src/store/sqlite/session.rs"), Vec::<String>::new());
    assert_eq!(at("crates/authority/src/store/sqlite.rs"), Vec::<String>::new());
    assert_eq!(
        at("crates/authority/src/http/api/session.rs"),
        ["crates/authority/src/http/api/session.rs:2: rusqlite belongs into crates/authority/src/store/sqlite"]
    );
    assert_eq!(at("crates/authority/src/store/sqlite_too.rs").len(), 1);
}

#[test]
fn a_store_knows_nothing_of_axum() {
    let text = "fn f() -> axum::Json<u8> { g() }";
    assert_eq!(sources(&Tree::of(&[("crates/authority/src/store/mod.rs", text)])).len(), 1);
    assert_eq!(sources(&Tree::of(&[("crates/authority/src/http/mod.rs", text)])), []);
}

#[test]
fn the_domain_speaks_no_sql() {
    let complains = |literal: &str| {
        let text = format!("// SELECT is fine here\nconst Q: &str = {literal};");
        !sources(&Tree::of(&[("crates/domain/src/session.rs", &text)])).is_empty()
    };
    for sql in [
        "\"SELECT id FROM sessions\"",
        "r#\"delete from sessions\"#",
        "\"update users set name = ?\"",
        "\"INSERT\\n INTO x\"",
        "\"\n  create table x\"",
        "\"PRAGMA wal\"",
    ] {
        assert!(complains(sql), "{sql}");
    }
    for prose in ["\"select a device from the list\"", "\"update the set\"", "\"DELETE\"", "\"commit to it\""] {
        assert!(!complains(prose), "{prose}");
    }
    let elsewhere = Tree::of(&[("crates/authority/src/store/sqlite/x.rs", "const Q: &str = \"SELECT 1\";")]);
    assert_eq!(sources(&elsewhere), []);
}
