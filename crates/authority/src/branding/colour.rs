//! Colours, and what can be read on them (WCAG 2.2 §1.4.3).

/// A colour of the sRGB space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

const BLACK: Colour = Colour([0; 3]);
const WHITE: Colour = Colour([255; 3]);

/// What links stand on: the darkest ground of the light scheme, and the lightest of the dark one. A test compares them with
/// the style sheet.
const LIGHT_GROUND: Colour = Colour([0xf4, 0xf5, 0xf7]);
const DARK_GROUND: Colour = Colour([0x1d, 0x21, 0x27]);

/// The contrast that text needs (WCAG 2.2, AA).
const READABLE: f64 = 4.5;

impl Colour {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then_some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// How bright it is, from 0 to 1 (WCAG 2.2, relative luminance).
    fn luminance(self) -> f64 {
        let linear = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    /// How well one can be told from the other, from 1 to 21 (WCAG 2.2, contrast ratio).
    pub fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Black or white, whichever can be read better on it.
    fn text_on(self) -> Self {
        if self.contrast(BLACK) > self.contrast(WHITE) { BLACK } else { WHITE }
    }

    /// The colour, moved towards `end` until it can be read on `ground`.
    fn readable_on(self, ground: Self, end: Self) -> Self {
        let steps = (0..=20_u16).map(|step| self.mix(end, step * 5));
        steps.into_iter().find(|colour| colour.contrast(ground) >= READABLE).unwrap_or(end)
    }

    /// With so many parts in a hundred of another.
    fn mix(self, other: Self, percent: u16) -> Self {
        let mut mixed = self.0;
        for (at, part) in mixed.iter_mut().enumerate() {
            let sum = u16::from(*part) * (100 - percent) + u16::from(other.0[at]) * percent;
            *part = u8::try_from(sum / 100).unwrap_or(u8::MAX);
        }
        Self(mixed)
    }

    fn text(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// What follows for the pages from the colour as their accent.
    pub(super) fn style(self) -> String {
        let (accent, on) = (self.text(), self.text_on().text());
        let light = self.readable_on(LIGHT_GROUND, BLACK).text();
        let dark = self.readable_on(DARK_GROUND, WHITE).text();
        format!(
            ":root {{ --accent: {accent}; --on-accent: {on}; --link: {light}; }}\n\
             @media (prefers-color-scheme: dark) {{ :root {{ --accent: {accent}; --on-accent: {on}; --link: {dark}; }} }}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a variable in the first block of the style sheet for a scheme.
    fn variable(dark: bool, name: &str) -> Colour {
        let sheet = include_str!("../../assets/page.css");
        let (light_part, dark_part) = sheet.split_once("@media (prefers-color-scheme: dark)").unwrap();
        let part = if dark { dark_part } else { light_part };
        let (_, rest) = part.split_once(&format!("--{name}:")).unwrap_or_else(|| panic!("{name} is not in the sheet"));
        Colour::parse(rest.split_once(';').unwrap().0.trim()).unwrap_or_else(|| panic!("{name} is no colour"))
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        assert!((Colour([0x77; 3]).contrast(WHITE) - 4.48).abs() < 0.01);
    }

    #[test]
    fn the_style_sheet_can_be_read_in_both_schemes() {
        for dark in [false, true] {
            let at = |name| variable(dark, name);
            for ground in ["ground", "card", "soft"] {
                for text in ["text", "muted", "link", "danger", "good"] {
                    let contrast = at(text).contrast(at(ground));
                    assert!(contrast >= READABLE, "--{text} on --{ground}, dark: {dark}: {contrast:.2}");
                }
                // What marks a field's edge (WCAG 2.2 §1.4.11).
                let contrast = at("edge").contrast(at(ground));
                assert!(contrast >= 3.0, "--edge on --{ground}, dark: {dark}: {contrast:.2}");
            }
            for (text, ground) in [("on-accent", "accent"), ("on-danger", "danger")] {
                assert!(at(text).contrast(at(ground)) >= READABLE, "--{text} on --{ground}, dark: {dark}");
            }
        }
    }

    #[test]
    fn links_stand_on_no_worse_ground_than_is_computed_with() {
        let grounds = ["ground", "card", "soft"];
        for ground in grounds {
            assert!(variable(false, ground).luminance() >= LIGHT_GROUND.luminance(), "{ground}");
            assert!(variable(true, ground).luminance() <= DARK_GROUND.luminance(), "{ground}");
        }
    }

    #[test]
    fn whatever_the_accent_is_what_stands_on_it_and_links_can_be_read() {
        for red in (0..=255).step_by(51) {
            for green in (0..=255).step_by(51) {
                for blue in (0..=255).step_by(51) {
                    let accent = Colour([red, green, blue]);
                    assert!(accent.text_on().contrast(accent) >= READABLE, "{}", accent.text());
                    let (light, dark) =
                        (accent.readable_on(LIGHT_GROUND, BLACK), accent.readable_on(DARK_GROUND, WHITE));
                    assert!(light.contrast(LIGHT_GROUND) >= READABLE, "{}", accent.text());
                    assert!(dark.contrast(DARK_GROUND) >= READABLE, "{}", accent.text());
                }
            }
        }
    }

    #[test]
    fn a_colour_has_one_form() {
        assert_eq!(Colour::parse("#1a2B3c"), Some(Colour([0x1a, 0x2b, 0x3c])));
        for bad in ["", "#", "#123", "1a2b3c", "#1a2b3", "#1a2b3g", "#+a2b3c", "#1a2b3c4", "#é2b3c", "red"] {
            assert_eq!(Colour::parse(bad), None, "{bad}");
        }
    }
}
