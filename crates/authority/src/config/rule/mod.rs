//! The rules that values follow: what may be written, what is allowed, and how a value is shown again.
//!
//! A rule knows nothing of keys, files or [`super::Config`]. Its messages say what is wrong and what is allowed; the
//! caller adds where.

mod duration;
mod network;
mod root_key;
mod share;
mod size;
mod text;

pub use root_key::RootKeyBytes;

pub(super) use duration::{Span, days, hours, minutes, seconds, show_duration};
pub(super) use network::Networks;
pub(super) use root_key::SealingKey;
pub(super) use share::Share;
pub(super) use size::{KIB, MIB, Size};
pub(super) use text::{CollectorUrl, Filter, Folder, HexColour, IssuerUrl, Name, OptionalFile, Text};

use std::marker::PhantomData;
use std::net::SocketAddr;

/// How one kind of value is read, checked and shown.
///
/// `read(show(v)) == v` holds for every value that `read` can return, except for secrets.
pub(super) trait Rule {
    /// What the field of the configuration holds.
    type Value;
    /// Whether the value must never be shown.
    const SECRET: bool = false;

    /// The default value. It obeys the rule.
    fn initial(&self) -> Self::Value;
    /// The kind of value, as a noun for documentation.
    fn kind(&self) -> &'static str;
    /// The form of the value in the file, besides a string.
    fn shape(&self) -> Shape {
        Shape::Text
    }
    /// What is allowed, completing "must be …"; empty if anything of the kind is.
    fn allowed(&self) -> String;
    /// Reads a value, or says what is wrong with it.
    fn read(&self, text: &str) -> Result<Self::Value, String>;
    /// The text that reads back as this value.
    fn show(&self, value: &Self::Value) -> String;
    /// The value as JSON.
    fn json(&self, value: &Self::Value) -> serde_json::Value {
        self.show(value).into()
    }
}

/// The types that a value may have in the configuration file. A string is always possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing but a string.
    Text,
    /// `true` or `false`.
    Boolean,
    /// An integer.
    Integer,
    /// A number, whole or not.
    Decimal,
    /// An array of strings.
    List,
}

/// A `bool`.
pub(super) struct Switch {
    pub(super) default: bool,
}

impl Rule for Switch {
    type Value = bool;

    fn initial(&self) -> bool {
        self.default
    }

    fn kind(&self) -> &'static str {
        "switch"
    }

    fn shape(&self) -> Shape {
        Shape::Boolean
    }

    fn allowed(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&self, text: &str) -> Result<bool, String> {
        text.parse().map_err(|_| "must be true or false".to_owned())
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }

    fn json(&self, value: &bool) -> serde_json::Value {
        (*value).into()
    }
}

/// A whole number within bounds. If `zero` is given, 0 is allowed besides and means that.
pub(super) struct Count {
    pub(super) default: u32,
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) zero: Option<&'static str>,
}

impl Rule for Count {
    type Value = u32;

    fn initial(&self) -> u32 {
        self.default
    }

    fn kind(&self) -> &'static str {
        "number"
    }

    fn shape(&self) -> Shape {
        Shape::Integer
    }

    fn allowed(&self) -> String {
        with_zero(self.zero, format!("{} to {}", self.min, self.max))
    }

    fn read(&self, text: &str) -> Result<u32, String> {
        let value = match text.parse::<u128>() {
            Ok(number) => u32::try_from(number).unwrap_or(u32::MAX),
            Err(_) => return Err(format!("must be a whole number, {}", self.allowed())),
        };
        if (self.min..=self.max).contains(&value) || (value == 0 && self.zero.is_some()) {
            Ok(value)
        } else {
            Err(format!("must be {}", self.allowed()))
        }
    }

    fn show(&self, value: &u32) -> String {
        value.to_string()
    }

    fn json(&self, value: &u32) -> serde_json::Value {
        (*value).into()
    }
}

/// "0 (never), or …" where zero has a meaning of its own.
fn with_zero(zero: Option<&str>, range: String) -> String {
    match zero {
        Some(meaning) => format!("0 ({meaning}), or {range}"),
        None => range,
    }
}

/// An enum whose variants have names.
pub(super) trait Named: Copy + PartialEq + 'static {
    /// Every variant with its name.
    const NAMES: &'static [(&'static str, Self)];
    /// The default.
    const DEFAULT: Self;

    /// The name of this variant.
    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, variant)| *variant == self).map_or("", |(name, _)| name)
    }
}

/// One of a few names.
pub(super) struct Choice<T>(PhantomData<fn() -> T>);

impl<T> Choice<T> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Named> Rule for Choice<T> {
    type Value = T;

    fn initial(&self) -> T {
        T::DEFAULT
    }

    fn kind(&self) -> &'static str {
        "choice"
    }

    fn allowed(&self) -> String {
        let names: Vec<String> = T::NAMES.iter().map(|(name, _)| format!("{name:?}")).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => names.concat(),
        }
    }

    fn read(&self, text: &str) -> Result<T, String> {
        let found = T::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, variant)| *variant).ok_or_else(|| format!("must be {}", self.allowed()))
    }

    fn show(&self, value: &T) -> String {
        value.name().to_owned()
    }
}

/// An IP address and a port.
pub(super) struct Address {
    pub(super) default: SocketAddr,
}

impl Rule for Address {
    type Value = SocketAddr;

    fn initial(&self) -> SocketAddr {
        self.default
    }

    fn kind(&self) -> &'static str {
        "address"
    }

    fn allowed(&self) -> String {
        "an IP address and a port, such as 127.0.0.1:7080 or [::1]:7080".to_owned()
    }

    fn read(&self, text: &str) -> Result<SocketAddr, String> {
        text.parse().map_err(|_| format!("must be {}", self.allowed()))
    }

    fn show(&self, value: &SocketAddr) -> String {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Colour {
        Red,
        Green,
    }

    impl Named for Colour {
        const NAMES: &'static [(&'static str, Self)] = &[("red", Self::Red), ("green", Self::Green)];
        const DEFAULT: Self = Self::Red;
    }

    #[test]
    fn a_switch_is_true_or_false_and_nothing_else() {
        let rule = Switch { default: true };
        assert_eq!(rule.read("false"), Ok(false));
        for text in ["", "1", "yes", "True", " true"] {
            assert_eq!(rule.read(text).unwrap_err(), "must be true or false", "{text:?}");
        }
    }

    #[test]
    fn a_count_names_its_bounds_when_it_refuses() {
        let rule = Count { default: 5, min: 2, max: 9, zero: None };
        assert_eq!(rule.read("2"), Ok(2));
        assert_eq!(rule.read("9"), Ok(9));
        for text in ["0", "1", "10", "4294967296", "99999999999999999999"] {
            assert_eq!(rule.read(text).unwrap_err(), "must be 2 to 9", "{text:?}");
        }
        for text in ["", "-1", "2.5", "two"] {
            assert_eq!(rule.read(text).unwrap_err(), "must be a whole number, 2 to 9", "{text:?}");
        }
    }

    #[test]
    fn zero_is_allowed_only_where_it_means_something() {
        let rule = Count { default: 0, min: 2, max: 9, zero: Some("no limit") };
        assert_eq!(rule.read("0"), Ok(0));
        assert_eq!(rule.read("1").unwrap_err(), "must be 0 (no limit), or 2 to 9");
    }

    #[test]
    fn a_choice_lists_its_names_when_it_refuses() {
        let rule = Choice::<Colour>::new();
        assert_eq!(rule.initial(), Colour::Red);
        assert_eq!(rule.read("green"), Ok(Colour::Green));
        assert_eq!(rule.show(&Colour::Green), "green");
        assert_eq!(rule.read("Green").unwrap_err(), "must be \"red\" or \"green\"");
    }

    #[test]
    fn an_address_needs_its_port() {
        let rule = Address { default: SocketAddr::from(([127, 0, 0, 1], 7080)) };
        assert_eq!(rule.show(&rule.read("[::1]:80").expect("an address")), "[::1]:80");
        for text in ["", "7080", "127.0.0.1", "localhost:7080", "127.0.0.1:70800"] {
            assert!(rule.read(text).unwrap_err().contains("127.0.0.1:7080"), "{text:?}");
        }
    }
}
