//! Whatever bytes come: no panic, and never an acceptance.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use rescind_verifier::Presented;

use crate::support::World;

/// One change to a text.
#[derive(Clone, Debug)]
enum Edit {
    Replace(Index, char),
    Insert(Index, char),
    Remove(Index),
    Swap(Index, Index),
    Cut(Index),
    Repeat(Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let character = || prop_oneof![proptest::char::range('!', '~'), any::<char>(), Just('.'), Just('=')];
    prop_oneof![
        (any::<Index>(), character()).prop_map(|(at, c)| Edit::Replace(at, c)),
        (any::<Index>(), character()).prop_map(|(at, c)| Edit::Insert(at, c)),
        any::<Index>().prop_map(Edit::Remove),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Edit::Swap(a, b)),
        any::<Index>().prop_map(Edit::Cut),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Edit::Repeat(a, b)),
    ]
}

fn apply(text: &mut Vec<char>, edit: &Edit) {
    if text.is_empty() {
        return;
    }
    let length = text.len();
    match edit {
        Edit::Replace(at, c) => text[at.index(length)] = *c,
        Edit::Insert(at, c) => text.insert(at.index(length + 1), *c),
        Edit::Remove(at) => drop(text.remove(at.index(length))),
        Edit::Swap(a, b) => text.swap(a.index(length), b.index(length)),
        Edit::Cut(at) => text.truncate(at.index(length)),
        Edit::Repeat(a, b) => {
            let (from, to) = (a.index(length).min(b.index(length)), a.index(length).max(b.index(length)));
            text.extend_from_within(from..to);
        }
    }
}

/// One for all cases: nothing that is refused changes it.
static WORLD: LazyLock<World> = LazyLock::new(World::new);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn g6_arbitrary_text_is_refused(text in any::<String>(), dots in proptest::collection::vec(any::<String>(), 3)) {
        let world = &*WORLD;
        for text in [text, dots.join(".")] {
            prop_assert!(world.check(&text).is_err());
            prop_assert!(world.verifier.authentic(&text).is_err());
        }
    }

    #[test]
    fn g6_a_token_that_was_changed_is_refused(edits in proptest::collection::vec(edit(), 1..4)) {
        let world = &*WORLD;
        let token = world.token(|_| {});
        world.accepts(&token);
        let mut text: Vec<char> = token.chars().collect();
        for edit in &edits {
            apply(&mut text, edit);
        }
        let text: String = text.into_iter().collect();
        prop_assume!(text != token);
        prop_assert!(world.check(&text).is_err());
        prop_assert!(world.verifier.authentic(&text).is_err());
    }

    /// Signed claims of any shape: what the signature covers is parsed like a stranger's.
    #[test]
    fn g6_signed_nonsense_is_refused(claims in "\\PC*") {
        let world = &*WORLD;
        let header = r#"{"alg":"EdDSA","typ":"at+jwt","kid":"key-1"}"#;
        let input = [header, &claims].map(|part| data_encoding::BASE64URL_NOPAD.encode(part.as_bytes())).join(".");
        let token = world.signer.sign_input(input);
        prop_assert!(world.verifier.verify(&Presented::bearer(&token)).is_err());
        prop_assert!(world.verifier.authentic(&token).is_err());
    }
}
