//! What people call a device or an application: for reading, never for comparing.

use crate::login::is_invisible;

/// Whether a name of at most `most` characters may be shown: something of it can be seen, nothing of it ends the line, and
/// nothing turns the text around it.
pub(crate) fn is_fit(name: &str, most: usize) -> bool {
    name.chars().count() <= most && name.chars().any(is_seen) && !name.chars().any(is_disruptive)
}

fn is_seen(c: char) -> bool {
    // The empty pattern of Braille is a symbol without any mark.
    !c.is_whitespace() && !is_invisible(c) && c != '\u{2800}'
}

/// Control characters, the separators of lines and paragraphs, and those with `Bidi_Control` (Unicode, `PropList.txt`).
fn is_disruptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{200E}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_call_their_things_may_be_shown() {
        for name in ["Laptop", "a", "Ann’s 📱", "\u{1F469}\u{200D}\u{1F4BB}", "❤\u{FE0F}", "הטלפון", "نامه\u{200C}ای"]
        {
            assert!(is_fit(name, 60), "{name:?}");
        }
        assert!(is_fit("äöü", 3) && !is_fit("äöü", 2), "characters count, not bytes");
    }

    #[test]
    fn what_cannot_be_seen_or_turns_the_text_around_it_is_no_name() {
        for name in
            ["", " ", "\u{200B}", "\u{200B}\u{2060}\u{FE0F}", "\u{3164}", "\u{2800}", "\u{E0041}", "\u{200D} \u{A0}"]
        {
            assert!(!is_fit(name, 60), "{name:?}");
        }
        for c in ['\n', '\u{7F}', '\u{202E}', '\u{2066}', '\u{2069}', '\u{200F}', '\u{61C}', '\u{2028}'] {
            assert!(!is_fit(&format!("Phone{c}x"), 60), "{c:?}");
        }
    }
}
