//! Keycloak's exports keep a password in two JSON texts, `credentialData` and `secretData`.

use std::collections::HashMap;

use rescind_domain::password::PasswordHash;
use serde::Deserialize;

use super::scheme::{RefusedHash, WRITTEN, base64, recognise};

const NAME: &str = "keycloak";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    algorithm: String,
    hash_iterations: u32,
    #[serde(default)]
    additional_parameters: Option<HashMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
struct SecretData {
    value: String,
    salt: String,
}

/// One text for a password that Keycloak exported: `keycloak$ALGORITHM$ITERATIONS$SALT$HASH` for its PBKDF2, with salt
/// and hash in base64 as they were, and a PHC string for its argon2 (the default since Keycloak 25).
///
/// # Errors
/// [`RefusedHash`]: the JSON lacks something, or [`recognise`] would not accept the outcome.
pub fn from_keycloak(credential_data: &str, secret_data: &str) -> Result<PasswordHash, RefusedHash> {
    let malformed = |part| RefusedHash::Malformed { scheme: NAME, part };
    let data: CredentialData = serde_json::from_str(credential_data).map_err(|_| malformed("credentialData"))?;
    let secret: SecretData = serde_json::from_str(secret_data).map_err(|_| malformed("secretData"))?;
    let encoded = match data.algorithm.as_str() {
        "argon2" => argon2(&data, &secret)?,
        "pbkdf2" | "pbkdf2-sha256" | "pbkdf2-sha512" => {
            format!("keycloak${}${}${}${}", data.algorithm, data.hash_iterations, secret.salt, secret.value)
        }
        _ => return Err(RefusedHash::Unrecognised),
    };
    recognise(&encoded)?;
    Ok(PasswordHash::new(encoded))
}

fn argon2(data: &CredentialData, secret: &SecretData) -> Result<String, RefusedHash> {
    let malformed = |part| RefusedHash::Malformed { scheme: NAME, part };
    let parameter = |name: &'static str| {
        let values = data.additional_parameters.as_ref()?.get(name)?;
        values.first().map(String::as_str)
    };
    let variant = parameter("type").filter(|variant| ["id", "i", "d"].contains(variant));
    let version = match parameter("version") {
        Some("1.3") => 19,
        Some("1.0") => 16,
        _ => return Err(malformed("the version (1.0 or 1.3)")),
    };
    Ok(format!(
        "$argon2{}$v={version}$m={},t={},p={}${}${}",
        variant.ok_or(malformed("the type (id, i or d)"))?,
        parameter("memory").ok_or(malformed("the memory"))?,
        data.hash_iterations,
        parameter("parallelism").ok_or(malformed("the parallelism"))?,
        WRITTEN.encode(&base64(&secret.salt).ok_or(malformed("the salt"))?),
        WRITTEN.encode(&base64(&secret.value).ok_or(malformed("the hash"))?),
    ))
}
