//! One line of an import: what it says, and what is wrong with it.

use rescind_domain::login::Login;
use rescind_domain::password::PasswordHash;
use rescind_domain::user::Role;
use rescind_domain::verbs::import_users::{self, ImportedUser};
use serde_json::{Map, Value};

use crate::passwords::{from_keycloak, recognise};

/// The members that a line may have.
const MEMBERS: [&str; 6] = ["login", "password_hash", "keycloak", "external_id", "metadata", "role"];

/// Metadata may nest 16 deep, within the line's own object.
const DEPTH: u8 = 17;

/// Reads one line. The error says what is wrong and what would be right, and never repeats a value: it may be a hash.
pub(super) fn read(line: &str) -> Result<ImportedUser, String> {
    rescind_wire::json::check(line.as_bytes(), DEPTH)
        .map_err(|error| format!("not strict JSON: {}", within_line(&error)))?;
    let row: Value = serde_json::from_str(line).map_err(|_| "not strict JSON")?;
    let Value::Object(row) = row else { return Err("not an object: `rescind import --help` shows one".to_owned()) };
    if let Some(unknown) = row.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(format!("unknown member {unknown:?}: {} are possible", MEMBERS.join(", ")));
    }
    let login = string(&row, "login")?.ok_or("login is missing")?;
    let metadata = match row.get("metadata") {
        None | Some(Value::Null) => None,
        Some(Value::Object(metadata)) => Some(Value::Object(metadata.clone()).to_string()),
        Some(_) => return Err("metadata must be an object".to_owned()),
    };
    let user = ImportedUser {
        login: Login::parse(login).map_err(|wrong| format!("login: {wrong}"))?,
        hash: hash(&row)?,
        role: string(&row, "role")?.map_or(Ok(Role::User), str::parse).map_err(|wrong| format!("role: {wrong}"))?,
        external_id: string(&row, "external_id")?.map(str::to_owned),
        metadata,
    };
    import_users::check(&user).map_err(|wrong| wrong.to_string())?;
    Ok(user)
}

/// Where in it: the number of the line is that of the file's.
fn within_line(error: &impl std::fmt::Display) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

/// A member that must be text, if it is there.
fn string<'a>(row: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} must be a string")),
    }
}

fn hash(row: &Map<String, Value>) -> Result<Option<PasswordHash>, String> {
    match (string(row, "password_hash")?, row.get("keycloak").filter(|value| !value.is_null())) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err("give password_hash or keycloak, not both".to_owned()),
        (Some(encoded), None) => {
            recognise(encoded).map_err(|refused| format!("password_hash: {refused}"))?;
            Ok(Some(PasswordHash::new(encoded.to_owned())))
        }
        (None, Some(keycloak)) => {
            // Keycloak exports two JSON texts; others write the objects that they hold.
            let text = |name: &str| match keycloak.get(name) {
                Some(Value::String(text)) => Ok(text.clone()),
                Some(object @ Value::Object(_)) => Ok(object.to_string()),
                _ => Err(format!("keycloak.{name} is missing: it is exported beside the other one")),
            };
            let hash = from_keycloak(&text("credentialData")?, &text("secretData")?);
            hash.map(Some).map_err(|refused| format!("keycloak: {refused}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: &str) -> String {
        read(line).expect_err("a problem")
    }

    #[test]
    fn a_line_needs_a_login_and_nothing_else() {
        let user = read(r#"{"login": " Ann "}"#).expect("a user");
        assert_eq!((user.login.as_str(), user.login.key(), user.role), ("Ann", "ann", Role::User));
        assert!(user.hash.is_none() && user.external_id.is_none() && user.metadata.is_none());
    }

    #[test]
    fn every_member_is_taken_over() {
        let hash = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
        let line = format!(
            r#"{{"login":"bob","password_hash":"{hash}","external_id":"42","metadata":{{"plan":"pro"}},"role":"administrator"}}"#
        );
        let user = read(&line).expect("a user");
        assert_eq!(user.hash.map(|hash| hash.scheme()), Some("bcrypt"));
        assert_eq!(user.external_id.as_deref(), Some("42"));
        assert_eq!(user.metadata.as_deref(), Some(r#"{"plan":"pro"}"#));
        assert_eq!(user.role, Role::Administrator);
    }

    #[test]
    fn f3_keycloak_credentials_are_taken_as_texts_and_as_objects() {
        let data = r#"{"hashIterations":27500,"algorithm":"pbkdf2-sha256","additionalParameters":{}}"#;
        let secret = r#"{"value":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","salt":"AAAAAAAAAAAAAAAAAAAAAA=="}"#;
        let texts = serde_json::json!({ "login": "a", "keycloak": { "credentialData": data, "secretData": secret } });
        let objects = format!(r#"{{"login":"a","keycloak":{{"credentialData":{data},"secretData":{secret}}}}}"#);
        for line in [texts.to_string(), objects] {
            assert!(read(&line).expect("a user").hash.is_some(), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_a_value() {
        let secret = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$c2VjcmV0";
        for (line, expected) in [
            ("nonsense", "not strict JSON: expected ident at column 2"),
            ("[]", "not an object"),
            (&format!("\"{secret}\""), "not an object"),
            ("{}", "login is missing"),
            (r#"{"login":"a b"}"#, "login: a login name must not contain spaces"),
            (r#"{"login":"a","login":"b"}"#, "not strict JSON"),
            (r#"{"login":"a","password":"x"}"#, "unknown member \"password\""),
            (&format!(r#"{{"login":"a","keycloak":"{secret}"}}"#), "keycloak.credentialData is missing"),
            (&format!(r#"{{"login":"a","metadata":"{secret}"}}"#), "metadata must be an object"),
            (&format!(r#"{{"login":"a","role":"{secret}"}}"#), "role: not a role: user or administrator"),
            (r#"{"login":"a","external_id":1}"#, "external_id must be a string"),
            (r#"{"login":"a","external_id":""}"#, "external_id"),
            (r#"{"login":"a","password_hash":"5f4dcc3b5aa765d61d8327deb882cf99"}"#, "unknown kind of password hash"),
        ] {
            let problem = problem(line);
            assert!(problem.contains(expected), "{line}: {problem}");
            assert!(!problem.contains(secret) && !problem.contains("5f4dcc3b"), "{problem}");
        }
    }
}
