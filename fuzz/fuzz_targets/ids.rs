//! Ids, positions, scopes and entries of the log: whatever is read is written back as it was, and there is no second
//! spelling of anything.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use rescind_domain::revocation::Actor;
use rescind_wire::{ClientId, Entry, Epoch, JwkSet, KeyId, Position, Scope, SessionId, Subject, TokenId, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for prefix in ["", UserId::PREFIX, SessionId::PREFIX, TokenId::PREFIX] {
        let text = &format!("{prefix}{text}");
        canonical::<UserId>(text);
        canonical::<SessionId>(text);
        canonical::<TokenId>(text);
        canonical::<ClientId>(text);
        canonical::<KeyId>(text);
        canonical::<Subject>(text);
    }
    canonical::<Epoch>(text);
    canonical::<Position>(text);
    if let Ok(actor) = text.parse::<Actor>() {
        assert_eq!(actor.to_string(), text);
    }
    read_back::<Scope>(text);
    read_back::<Entry>(text);
    read_back::<JwkSet>(text);
});

fn canonical<T: FromStr + Display + Debug + PartialEq + Serialize + DeserializeOwned>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    assert_eq!(value.to_string(), text, "a second spelling");
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), value);
}

fn read_back<T: Debug + PartialEq + Serialize + DeserializeOwned>(text: &str) {
    let Ok(value) = serde_json::from_str::<T>(text) else { return };
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), value);
}
