//! Access tokens: taking one apart never panics, what it gives is what was in it, claims are read back as they are
//! written, and a verifier accepts nothing that its authority did not sign.

#![no_main]

use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;
use rescind_verifier::{Foreign, Keeper, Presented, Reason, Rejected, Snapshot, Verifier};
use rescind_wire::key::Material;
use rescind_wire::{AccessClaims, Algorithm, Epoch, Epochs, Jwk, JwkSet, json, jwt};

const ISSUER: &str = "https://id.example";

/// Another issuer, with the same key.
const OTHER: &str = "https://kc.example";

/// Accepts what the key of RFC 8037, appendix A.2, has signed, which nobody here can do. It holds a lease for ever.
static VERIFIER: LazyLock<(Verifier, Keeper)> = LazyLock::new(|| {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned();
    let material = Material::Okp { crv: "Ed25519".to_owned(), x };
    let key = Jwk { kid: "k".parse().unwrap(), alg: Algorithm::EdDSA, usage: "sig".to_owned(), material };
    let keys = serde_json::to_string(&JwkSet { keys: vec![key.clone()] }).unwrap();
    let foreign = Foreign::issuer(OTHER).audience(ISSUER).untyped().keys(keys);
    let (verifier, mut keeper) = Verifier::builder(ISSUER).audience(ISSUER).foreign(foreign).parts().unwrap();
    let snapshot = Snapshot {
        epochs: Epochs { former: Vec::new(), current: Epoch::from_bytes([0; 10]) },
        position: 0,
        floor: 0,
        floor_at: Some(0),
        longest_lifetime: u64::MAX,
        keys: vec![key],
        entries: Vec::new(),
    };
    keeper.reset(snapshot).unwrap();
    keeper.extend(std::time::Duration::MAX / 2).unwrap();
    (verifier, keeper)
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check(text);
    // Three lines are header, claims and signature, which nobody finds in base64 by chance.
    let mut lines = text.splitn(3, '\n');
    if let (Some(header), Some(claims), Some(signature)) = (lines.next(), lines.next(), lines.next()) {
        let parts = [header, claims, signature].map(|part| BASE64URL_NOPAD.encode(part.as_bytes()));
        check(&parts.join("."));
    }
});

fn check(token: &str) {
    let rejected = VERIFIER.0.verify(&Presented::bearer(token)).expect_err("accepted");
    // A key that is not known, and a position that is beyond what is: it may be newer than what is known here.
    let newer = rejected == Rejected::Unavailable { reason: Reason::AheadUnknownKey };
    assert!(newer || !rejected.is_unavailable(), "not judged: {rejected}");
    assert!(
        VERIFIER.0.verify_foreign(&Presented::bearer(token)).is_err()
            && VERIFIER.0.verify_any(&Presented::bearer(token)).is_err()
    );
    let _ = jwt::take_apart_jws(token, None);
    let Ok(parts) = jwt::take_apart(token) else { return };
    assert!(token.len() <= jwt::MAX_TOKEN);
    let mut again = BASE64URL_NOPAD.encode(&parts.unverified_claims);
    again = format!("{}.{again}.{}", &token[..token.find('.').unwrap()], BASE64URL_NOPAD.encode(&parts.signature));
    assert_eq!(again, token, "a second spelling");
    assert_eq!(parts.signing_input, &token.as_bytes()[..token.rfind('.').unwrap()]);
    json::check(&parts.unverified_claims, 8).unwrap();
    if let Ok(claims) = serde_json::from_slice::<AccessClaims>(&parts.unverified_claims) {
        let written = serde_json::to_vec(&claims).unwrap();
        assert_eq!(serde_json::from_slice::<AccessClaims>(&written).unwrap(), claims);
    }
}
