//! Strict JSON for what strangers send: one value, no duplicate members at any level, bounded nesting, nothing after it
//! (RFC 8725 §3.11 asks for validity; RFC 8259 §4 leaves duplicates open, which is how two parsers come to disagree).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The text is not strict JSON, or not of the expected shape.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidJson(#[from] serde_json::Error);

/// Reads a `T` from strict JSON whose objects and arrays nest at most `depth` deep.
pub fn from_slice<'de, T: serde::Deserialize<'de>>(text: &'de [u8], depth: u8) -> Result<T, InvalidJson> {
    check(text, depth)?;
    Ok(serde_json::from_slice(text)?)
}

/// Refuses what is not strict JSON, without making anything of it.
pub fn check(text: &[u8], depth: u8) -> Result<(), InvalidJson> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    Strict { depth }.deserialize(&mut reader)?;
    Ok(reader.end()?)
}

/// Members up to this many are compared in a list; beyond it a set takes over, so that an object of many members costs
/// no quadratic time.
const FEW: usize = 16;

#[derive(Clone, Copy)]
struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        self.depth.checked_sub(1).map(|depth| Self { depth }).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = Seen::default();
        while let Some(name) = members.next_key_seed(Name)? {
            if !seen.insert(name) {
                return Err(A::Error::custom("duplicate member"));
            }
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Seen<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Seen<'de> {
    /// False if the name was there already.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if self.few.contains(&name) {
            return false;
        }
        if self.few.len() < FEW {
            // At once: growing by and by costs claims more than the rest of this.
            self.few.reserve(FEW - self.few.len());
            self.few.push(name);
            return true;
        }
        self.many.insert(name)
    }
}

/// A member's name, borrowed where it was written without escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// Reads past a value that is known to be strict.
pub type Ignored = IgnoredAny;

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn duplicates_are_refused_at_any_level_and_however_they_are_written() {
        assert!(check(br#"{"a":1,"b":{"a":2}}"#, 4).is_ok());
        for bad in [r#"{"a":1,"a":1}"#, r#"{"b":[{"a":1,"a":2}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(check(bad.as_bytes(), 4).is_err(), "{bad}");
        }
        let many: Vec<String> = (0..40).map(|n| format!(r#""m{n}":0"#)).collect();
        assert!(check(format!("{{{}}}", many.join(",")).as_bytes(), 4).is_ok());
        assert!(check(format!("{{{},\"m39\":1}}", many.join(",")).as_bytes(), 4).is_err());
    }

    #[test]
    fn nesting_trailing_data_and_half_values_are_refused() {
        assert!(check(b"[[[[1]]]]", 4).is_ok());
        assert!(check(b"[[[[[1]]]]]", 4).is_err());
        assert!(check(b"{} {}", 4).is_err());
        assert!(check(b"{\"a\":", 4).is_err());
        assert!(check(b"", 4).is_err());
        assert!(check(b"\xff", 4).is_err());
    }
}
