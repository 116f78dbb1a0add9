//! Login names and passwords as people type them: names settle, what folds together is throttled together, and nothing
//! panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rescind_domain::login::{Login, MAX_KEY_BYTES, throttle_key};
use rescind_domain::password::{Password, check_new};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let folded = throttle_key(text);
    let _ = check_new(text, text);
    if let Ok(password) = Password::new(text.to_owned()) {
        assert!(password.forms().count() <= 2);
        let again = Password::new(password.expose().to_owned()).map(|again| again.as_bytes() == password.as_bytes());
        assert!(again.unwrap_or(true), "composing again changes it");
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
    let Ok(login) = Login::parse(text) else { return };
    assert_eq!(login.as_str(), text.trim());
    assert!((1..=MAX_KEY_BYTES).contains(&login.key().len()));
    let again = Login::parse(login.key()).expect("the key of a login is a login");
    assert_eq!(again.key(), login.key(), "the key of a key is another");
    assert_eq!(login.throttle_key(), folded, "another spelling of a login is counted elsewhere");
    assert_eq!(Login::parse(&format!(" {text}\t")).unwrap(), login);
});
