//! What `User-Agent` headers tell, remembered: a few browsers make up nearly all of a day's lists.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rescind_domain::device::{Device, MAX_USER_AGENT_BYTES};

/// How many headers each thread remembers. One takes the place of another whose hash ends alike.
const PLACES: usize = 64;

/// A header, and what it tells.
type Remembered = (Box<str>, Device);

thread_local! {
    static RECENT: RefCell<[Option<Remembered>; PLACES]> = const { RefCell::new([const { None }; PLACES]) };
}

/// What a `User-Agent` header tells of a device, as [`Device::from_user_agent`] says it.
pub(in crate::http) fn device(user_agent: &str) -> Device {
    if user_agent.len() > MAX_USER_AGENT_BYTES {
        // Nobody's browser, and memory for whoever sends it.
        return Device::from_user_agent(user_agent);
    }
    RECENT.with_borrow_mut(|recent| {
        let place = &mut recent[place(user_agent)];
        match place {
            Some((known, device)) if **known == *user_agent => device.clone(),
            _ => place.insert((user_agent.into(), Device::from_user_agent(user_agent))).1.clone(),
        }
    })
}

fn place(user_agent: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    user_agent.hash(&mut hasher);
    usize::from(hasher.finish().to_le_bytes()[0]) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_the_header_tells_whoever_shares_its_place() {
        let headers: Vec<String> = (0..3 * PLACES).map(|n| format!("program{n}/{n}")).collect();
        for header in headers.iter().chain(&headers).rev() {
            for _ in 0..2 {
                assert_eq!(device(header), Device::from_user_agent(header));
            }
        }
    }

    #[test]
    fn a_header_that_is_longer_than_what_is_read_of_it_is_not_remembered() {
        let long = format!("curl/8.1 {}", "x".repeat(MAX_USER_AGENT_BYTES));
        assert_eq!(device(&long), Device::from_user_agent(&long));
        let remembered = |known: &Option<Remembered>| known.as_ref().is_some_and(|(text, _)| **text == *long);
        assert!(RECENT.with_borrow(|recent| !recent.iter().any(remembered)));
    }
}
