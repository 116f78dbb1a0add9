//! The name that a person signs in with: a user name or an e-mail address.
//!
//! A login has two forms. The *display* form is what was typed, trimmed. The *key* is what accounts are stored and
//! looked up by: the display form under the PRECIS profile `UsernameCaseMapped` (RFC 8265, section 3.3), which maps
//! width and case, normalises to NFC, and refuses whatever an identifier should not hold (spaces, control and invisible
//! characters, symbols, characters that merely look like others). Two additions of our own, both documented below:
//! final sigma, and the rule on direction applied to each part of an address.
//!
//! A third form, the *throttle key*, folds far more and never fails. It only chooses which counter a failed sign-in
//! falls on (acceptance case B7), and must never choose an account.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::Error as PrecisError;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use rescind_wire::{SessionId, TokenId, UserId};
use unicode_normalization::UnicodeNormalization;

/// The longest key in bytes of UTF-8: that of the longest e-mail address (RFC 5321, section 4.5.3.1.3, less the
/// brackets of the path). The shortest is one byte.
pub const MAX_KEY_BYTES: usize = 254;

/// The longest text, trimmed, that is looked at, in bytes. Full-width and decomposed spellings take up to three times
/// as much room as their key; what is longer still cannot be a login and is refused before any work is done on it.
pub const MAX_TEXT_BYTES: usize = 4 * MAX_KEY_BYTES;

/// Normalising again must change nothing, or two spellings could meet in one account by a detour. A text that has not
/// settled after so many rounds is refused (RFC 8264, section 7, asks for the same and names the same number).
const MAX_ROUNDS: usize = 4;

/// A valid login. Two are equal if their keys are: spellings of one name are one login.
#[derive(Clone, Debug)]
pub struct Login {
    display: String,
    key: String,
}

impl Login {
    /// Reads what somebody typed. Space around it is dropped.
    ///
    /// # Errors
    /// [`InvalidLogin`] says, in words fit for a person, what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidLogin> {
        let display = text.trim();
        if display.is_empty() {
            return Err(InvalidLogin::Empty);
        }
        if display.len() > MAX_TEXT_BYTES {
            return Err(InvalidLogin::TooLong);
        }
        if let Some(refusal) = display.chars().find_map(refused_outright) {
            return Err(refusal);
        }
        let key = normalise(display)?;
        if key.len() > MAX_KEY_BYTES {
            return Err(InvalidLogin::TooLong);
        }
        if is_id(&key) {
            return Err(InvalidLogin::Id);
        }
        Ok(Self { display: display.to_owned(), key })
    }

    /// The login as it was typed, trimmed: for showing it, never for comparing it.
    pub fn as_str(&self) -> &str {
        &self.display
    }

    /// The normalised form, 1 to [`MAX_KEY_BYTES`] bytes: unique in a tenant, and what accounts are looked up by. The
    /// key of a key is itself.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// [`throttle_key`] of this login, the same for every spelling of it.
    pub fn throttle_key(&self) -> String {
        throttle_key(&self.key)
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

impl PartialEq for Login {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Login {}

impl Hash for Login {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

/// Why a text is not a login. The messages are for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLogin {
    /// Nothing but white space.
    #[error("a login name must not be empty")]
    Empty,
    /// More than [`MAX_KEY_BYTES`] bytes once normalised, or more than [`MAX_TEXT_BYTES`] as typed.
    #[error("a login name is at most {MAX_KEY_BYTES} bytes long (some characters take several)")]
    TooLong,
    /// White space between other characters.
    #[error("a login name must not contain spaces")]
    Space,
    /// A control character (general category `Cc`), which has no business in a name and forges lines in logs.
    #[error("a login name must not contain control characters (U+{:04X})", *.0 as u32)]
    Control(char),
    /// A character that one cannot see and that would make two names look the same.
    #[error("a login name must not contain invisible characters (U+{:04X})", *.0 as u32)]
    Invisible(char),
    /// A character that PRECIS does not allow in an identifier, or not at this place (symbols, compatibility forms).
    #[error("a login name must not contain the character “{}” (U+{:04X}) here", .0, *.0 as u32)]
    Character(char),
    /// Left-to-right and right-to-left characters mixed in one part of the name, so that it would read as another
    /// (RFC 5893, section 2).
    #[error("a login name must not mix writing directions within one part")]
    Direction,
    /// A character that is allowed between certain others stands at an end of a part, without them.
    #[error("a character of this login name must not stand at the beginning or end of a part")]
    Misplaced,
    /// It reads as an id of this server's. Accounts are found by either, so it could name somebody else's.
    #[error("a login name must not have the form of an id, such as usr_ and 26 letters and digits")]
    Id,
    /// Normalising it again and again keeps changing it.
    #[error("this login name can be read in more than one way")]
    Ambiguous,
}

/// Whether a key is what an id of ours looks like.
fn is_id(key: &str) -> bool {
    key.parse::<UserId>().is_ok() || key.parse::<SessionId>().is_ok() || key.parse::<TokenId>().is_ok()
}

/// What gets a message of its own, ahead of PRECIS, which would only call it a bad code point.
fn refused_outright(c: char) -> Option<InvalidLogin> {
    if c.is_control() {
        Some(InvalidLogin::Control(c))
    } else if c.is_whitespace() {
        Some(InvalidLogin::Space)
    } else if is_invisible(c) && !is_joiner(c) {
        Some(InvalidLogin::Invisible(c))
    } else {
        None
    }
}

/// Normalises until nothing changes any more.
fn normalise(text: &str) -> Result<String, InvalidLogin> {
    let mut now = normalise_once(text)?;
    for _ in 1..MAX_ROUNDS {
        let next = normalise_once(&now)?;
        if next == now {
            return Ok(now);
        }
        now = next;
    }
    Err(InvalidLogin::Ambiguous)
}

/// PRECIS for each part of the name, with the separators put back.
///
/// Parts end at `@` and `.`: the rule on direction is one for labels (RFC 5893), and an address like
/// `דוד@example.com` has labels of both directions.
fn normalise_once(text: &str) -> Result<String, InvalidLogin> {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_separator) {
        let end = piece.char_indices().next_back().filter(|&(_, c)| is_separator(c));
        let (part, separator) = end.map_or((piece, None), |(at, c)| (&piece[..at], Some(c)));
        if !part.is_empty() {
            out.push_str(&normalise_part(part)?);
        }
        out.extend(separator.map(|c| if matches!(c, '@' | '＠') { '@' } else { '.' }));
    }
    Ok(out)
}

fn is_separator(c: char) -> bool {
    matches!(c, '@' | '.' | '＠' | '．')
}

fn normalise_part(part: &str) -> Result<String, InvalidLogin> {
    let enforced: Cow<'_, str> = UsernameCaseMapped::enforce(part).map_err(|error| refusal(&error))?;
    // Lower-casing letter by letter makes `Σ` a `σ`, while people write `ς` at the end of a word: one name in two cases.
    Ok(enforced.replace('ς', "σ"))
}

fn refusal(error: &PrecisError) -> InvalidLogin {
    use precis_profiles::precis_core::UnexpectedError;
    match error {
        PrecisError::BadCodepoint(info)
        | PrecisError::Unexpected(
            UnexpectedError::ContextRuleNotApplicable(info) | UnexpectedError::MissingContextRule(info),
        ) => {
            let c = char::from_u32(info.cp).unwrap_or(char::REPLACEMENT_CHARACTER);
            if is_invisible(c) { InvalidLogin::Invisible(c) } else { InvalidLogin::Character(c) }
        }
        PrecisError::Invalid => InvalidLogin::Direction,
        PrecisError::Unexpected(_) => InvalidLogin::Misplaced,
    }
}

/// What the keys of logins begin with that begin with this text, in any spelling. What cannot begin a login begins none.
/// Some beginnings are no logins themselves, such as those that end before the second letter of a pair that has to stand
/// together; those are taken as they are typed, in lower case.
pub fn prefix_key(text: &str) -> String {
    let text = truncated(text.trim(), MAX_TEXT_BYTES);
    normalise(text).unwrap_or_else(|_| text.nfc().collect::<String>().to_lowercase())
}

/// The key under which failed sign-ins for this text are counted, whether or not it could be a login.
///
/// Folds case, width and compatibility forms (NFKD), drops white space, accents, invisible and control characters, and
/// replaces Cyrillic, Greek and a few other letters by the Latin ones that they resemble. It is coarse on purpose: names
/// that share a key merely share a wait, while a variant that slipped through would get attempts of its own. Every
/// spelling of one login has the same throttle key. At most [`MAX_TEXT_BYTES`] bytes of the text count. Empty if nothing
/// is left.
pub fn throttle_key(text: &str) -> String {
    let mut now = fold_once(truncated(text.trim(), MAX_TEXT_BYTES));
    // The second round folds the case of what the first one decomposed. Whether a third is ever needed depends on the
    // edition of Unicode; the bound is there so that nobody need know.
    for _ in 0..MAX_ROUNDS {
        let next = fold_once(&now);
        if next == now {
            break;
        }
        now = next;
    }
    now
}

fn fold_once(text: &str) -> String {
    // Decomposed first: marks in either order are one spelling, and one of them (U+0345) becomes a letter.
    text.nfkd()
        // Up and down again is case folding in all but name: `ß` becomes `ss`, `ς` becomes `σ`, `ſ` becomes `s`.
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfkd()
        .filter(|&c| !(c.is_whitespace() || c.is_control() || is_invisible(c) || is_accent(c)))
        .map(latin_look_alike)
        .collect()
}

/// The longest prefix of at most `limit` bytes that ends between two characters.
fn truncated(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// Zero-width joiner and non-joiner: Persian and several Indic scripts need them, PRECIS says where.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// Characters that leave no mark: those with `Default_Ignorable_Code_Point` (Unicode, `DerivedCoreProperties.txt`), and
/// the interlinear annotation characters.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The blocks of combining marks that decorate letters of any script. The vowel signs of single scripts stay: without
/// them, whole languages would share a few keys.
fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{487}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// The small Latin letter that a small letter passes for, in its small or its capital form.
#[rustfmt::skip]
fn latin_look_alike(c: char) -> char {
    match c {
        'а' | 'α' | 'ɑ' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' | 'đ' => 'd',
        'е' | 'ε' | 'є' => 'e',
        'ɡ' | 'ց' => 'g',
        'н' | 'һ' | 'η' | 'հ' => 'h',
        'і' | 'ι' | 'ı' | 'ɩ' => 'i',
        'ј' | 'ϳ' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' | 'ł' | 'ⅼ' | 'ǀ' => 'l',
        'м' | 'μ' | 'ϻ' => 'm',
        'ν' | 'п' | 'ո' => 'n',
        'о' | 'ο' | 'օ' | 'σ' | 'ø' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'ս' | 'ц' => 'u',
        'ѵ' => 'v',
        'ԝ' | 'ω' | 'ѡ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'υ' | 'ү' | 'γ' => 'y',
        'ζ' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Login::parse(text).unwrap_or_else(|e| panic!("{text:?}: {e}")).key().to_owned()
    }

    #[test]
    fn what_begins_a_login_is_normalised_as_the_login_is_and_never_refused() {
        for (typed, key) in [
            ("ANN", "ann"),
            ("  ａｎｎ＠", "ann@"),
            ("Zoe\u{308}", "zo\u{eb}"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("", ""),
            ("l\u{b7}", "l\u{b7}"),
            ("A B", "a b"),
        ] {
            assert_eq!(prefix_key(typed), key, "{typed:?}");
        }
        assert!(prefix_key(&"x".repeat(1_000_000)).len() <= MAX_TEXT_BYTES);
    }

    #[test]
    fn user_names_and_addresses_are_logins() {
        for (text, expected) in [
            ("alice", "alice"),
            ("Alice", "alice"),
            ("a", "a"),
            ("alice.b+tag@Example.COM", "alice.b+tag@example.com"),
            ("o'brien_99!#$%", "o'brien_99!#$%"),
            ("ÉMILE", "émile"),
            ("e\u{301}mile", "émile"),
            ("Ангелина", "ангелина"),
            ("ΝΙΚΟΣ", "νικοσ"),
            ("νικος", "νικοσ"),
            ("李雷", "李雷"),
            ("ﾃｽﾄ", "テスト"),
            ("김철수", "김철수"),
            ("محمد", "محمد"),
            ("דוד@example.com", "דוד@example.com"),
            ("straße", "straße"),
            ("نامه\u{200C}ای", "نامه\u{200C}ای"),
            ("..@@", "..@@"),
        ] {
            assert_eq!(key(text), expected, "{text:?}");
        }
    }

    #[test]
    fn b7_case_width_and_surrounding_space_lead_to_one_key() {
        for text in [
            "alice@example.com",
            " alice@example.com\t",
            "ALICE@EXAMPLE.COM",
            "\u{3000}Alice@Example.com\u{A0}",
            "ａｌｉｃｅ＠ｅｘａｍｐｌｅ．ｃｏｍ",
            "ＡＬＩＣＥ@example．com\n",
        ] {
            assert_eq!(key(text), "alice@example.com", "{text:?}");
        }
    }

    #[test]
    fn the_display_form_is_what_was_typed_without_the_space_around_it() {
        let login = Login::parse("  Émile@Example.com ").unwrap();
        assert_eq!(login.as_str(), "Émile@Example.com");
        assert_eq!(login.to_string(), "Émile@Example.com");
        assert_eq!(login, Login::parse("émile@example.com").unwrap());
        assert_ne!(login, Login::parse("emile@example.com").unwrap());
    }

    #[test]
    fn what_is_not_a_login_is_refused_with_its_reason() {
        for (text, expected) in [
            ("", InvalidLogin::Empty),
            (" \u{3000}\t\n", InvalidLogin::Empty),
            ("al ice", InvalidLogin::Space),
            ("al\u{A0}ice", InvalidLogin::Space),
            ("al\u{3000}ice", InvalidLogin::Space),
            ("al\nice", InvalidLogin::Control('\n')),
            ("al\0ice", InvalidLogin::Control('\0')),
            ("al\u{7F}ice", InvalidLogin::Control('\u{7F}')),
            ("al\u{85}ice", InvalidLogin::Control('\u{85}')),
            ("al\u{200B}ice", InvalidLogin::Invisible('\u{200B}')),
            ("\u{FEFF}alice", InvalidLogin::Invisible('\u{FEFF}')),
            ("al\u{202E}ice", InvalidLogin::Invisible('\u{202E}')),
            ("al\u{AD}ice", InvalidLogin::Invisible('\u{AD}')),
            ("al\u{200D}ice", InvalidLogin::Invisible('\u{200D}')),
            ("alice😀", InvalidLogin::Character('😀')),
            ("ﬁona", InvalidLogin::Character('ﬁ')),
            ("ᴮᴵᴳᴮᴵᴿᴰ", InvalidLogin::Character('ᴮ')),
            ("\u{212A}elvin", InvalidLogin::Character('\u{212A}')),
            ("=\u{338}", InvalidLogin::Character('≠')),
            ("aדוד", InvalidLogin::Direction),
            ("·alice", InvalidLogin::Misplaced),
        ] {
            assert_eq!(Login::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn what_reads_as_an_id_in_any_spelling_is_no_login() {
        for (text, id) in [
            (UserId::from_bytes([7; 16]).to_string(), true),
            (SessionId::from_bytes([7; 16]).to_string().to_uppercase(), true),
            (TokenId::from_bytes([7; 16]).to_string().replace("tok", "ｔｏｋ"), true),
            (format!("  {}", UserId::from_bytes([0; 16])), true),
            (format!("{}a", UserId::from_bytes([0; 16])), false),
            ("usr_ann".to_owned(), false),
        ] {
            assert_eq!(Login::parse(&text).is_err_and(|error| error == InvalidLogin::Id), id, "{text:?}");
        }
    }

    #[test]
    fn the_messages_say_what_to_change() {
        assert_eq!(InvalidLogin::Space.to_string(), "a login name must not contain spaces");
        assert_eq!(
            InvalidLogin::Control('\n').to_string(),
            "a login name must not contain control characters (U+000A)"
        );
        assert_eq!(
            InvalidLogin::Character('😀').to_string(),
            "a login name must not contain the character “😀” (U+1F600) here"
        );
        assert_eq!(
            InvalidLogin::TooLong.to_string(),
            "a login name is at most 254 bytes long (some characters take several)"
        );
    }

    #[test]
    fn the_bound_is_on_the_key_and_the_text_is_bounded_too() {
        assert_eq!(key(&"a".repeat(254)).len(), 254);
        assert_eq!(Login::parse(&"a".repeat(255)), Err(InvalidLogin::TooLong));
        assert_eq!(key(&"ａ".repeat(254)).len(), 254, "762 bytes typed, 254 in the key");
        assert_eq!(key(&format!("{}a", " ".repeat(100_000))), "a", "space around it does not count");
        let long = "a b".repeat(1_000_000);
        assert_eq!(Login::parse(&long), Err(InvalidLogin::TooLong), "no time is lost on what it holds");
    }

    #[test]
    fn b7_unicode_look_alikes_share_a_throttle_key() {
        let expected = throttle_key("alice.cooper@example.com");
        assert_eq!(expected, "alice.cooper@example.com");
        for text in [
            "ALICE.COOPER@EXAMPLE.COM",
            "аlісе.соореr@example.com",
            "аӏісе.сοορеr@ехамрӏе.сом",
            "a l i c e . c o o p e r @ e x a m p l e . c o m",
            "al\u{200B}i\u{AD}ce\u{FEFF}.cooper@example.com",
            "álïcë.cōöpêr@example.com",
            "𝐚𝐥𝐢𝐜𝐞.𝕔𝕠𝕠𝕡𝕖𝕣@ⓔⓧⓐⓜⓟⓛⓔ.com",
            "𝐀𝐋𝐈𝐂𝐄.𝕮𝖔𝖔𝖕𝖊𝖗@ᴱxample.ℂom",
            "ａｌｉｃｅ．ｃｏｏｐｅｒ＠ｅｘａｍｐｌｅ．ｃｏｍ",
            "al\0ice.coo\u{202E}per@example.com\r\n",
        ] {
            assert_eq!(throttle_key(text), expected, "{text:?}");
        }
        assert_eq!(throttle_key("STRASSE"), throttle_key("straße"));
        assert_ne!(throttle_key("alice"), throttle_key("alicf"));
        assert_ne!(throttle_key("कि"), throttle_key("की"), "vowel signs tell names apart");
    }

    #[test]
    fn b7_marks_in_another_order_are_counted_with_the_login_that_they_spell() {
        for text in ["n\u{345}\u{5A9}x", "n\u{5A9}\u{345}x"] {
            let login = Login::parse(text).unwrap();
            assert_eq!(login.throttle_key(), throttle_key(text), "{text:?}");
        }
        assert_eq!(throttle_key("n\u{345}\u{5A9}x"), throttle_key("n\u{5A9}\u{345}x"));
    }

    #[test]
    fn the_throttle_key_of_no_login_at_all_exists_and_is_bounded() {
        assert_eq!(throttle_key(""), "");
        assert_eq!(throttle_key(" \u{200B}\0 "), "");
        assert_eq!(throttle_key("two words"), "twowords");
        assert_eq!(throttle_key(&"x".repeat(10_000_000)).len(), MAX_TEXT_BYTES);
        // The compatibility decomposition of this one is 18 letters long.
        assert!(throttle_key(&"\u{FDFA}".repeat(1_000_000)).len() < 20 * MAX_TEXT_BYTES);
    }

    /// Text of all sorts: any characters, letters of the scripts that matter here, and things like addresses.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[a-zA-Z0-9._+@-]{1,20}",
            "[\u{C0}-\u{24F}\u{300}-\u{340}]{1,12}",
            "[\u{370}-\u{3FF}\u{1F00}-\u{1FFF}@.]{1,12}",
            "[\u{400}-\u{52F}@.]{1,12}",
            "[\u{5D0}-\u{64A}0-9@.\u{200C}\u{200D}]{1,10}",
            "[\u{900}-\u{97F}\u{200C}\u{200D}]{1,10}",
            "[\u{1100}-\u{11FF}\u{AC00}-\u{AC40}]{1,8}",
            "[\u{FF01}-\u{FFDC} ]{1,12}",
            "[=<>a\u{338}\u{301}\u{345}]{1,6}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn b7_the_key_of_a_key_is_itself(text in texts()) {
            if let Ok(login) = Login::parse(&text) {
                let again = Login::parse(login.key());
                prop_assert_eq!(again.as_ref().map(Login::key), Ok(login.key()));
                prop_assert!((1..=MAX_KEY_BYTES).contains(&login.key().len()));
                prop_assert_eq!(Login::parse(login.as_str()), Ok(login));
            }
        }

        #[test]
        fn b7_every_spelling_of_a_login_has_its_throttle_key(text in texts()) {
            if let Ok(login) = Login::parse(&text) {
                prop_assert_eq!(throttle_key(&text), login.throttle_key());
                prop_assert_eq!(throttle_key(login.as_str()), login.throttle_key());
            }
        }

        #[test]
        fn b7_the_throttle_key_of_a_throttle_key_is_itself(text in texts()) {
            let once = throttle_key(&text);
            prop_assert!(!once.chars().any(|c| c.is_whitespace() || c.is_control()));
            if once.len() <= MAX_TEXT_BYTES {
                prop_assert_eq!(throttle_key(&once), once);
            }
        }

        #[test]
        fn b7_case_does_not_make_another_login(text in "[a-zà-öø-þабвгдежзийклмноαβγδεζηθικλνξοπστυφχψω0-9@.+-]{1,40}") {
            prop_assert_eq!(Login::parse(&text.to_uppercase()), Login::parse(&text));
        }
    }
}
