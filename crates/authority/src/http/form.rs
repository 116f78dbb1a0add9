//! Forms (`application/x-www-form-urlencoded`), strictly: one spelling of each thing, no parameter twice.

use super::problem::Problem;

/// Most parameters that a form may have.
const MOST: usize = 64;

/// The parameters of a form, in order. An empty one counts as left out (RFC 6749 §3.2).
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form in which only the parameters in `repeatable` may come more than once.
    pub(crate) fn parse(bytes: &[u8], repeatable: &[&str]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|_| Problem::invalid("The form is not UTF-8."))?;
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let bad = || Problem::invalid("The form has a % that is not followed by two hexadecimal digits of UTF-8.");
            let (name, value) = (decode(name).ok_or_else(bad)?, decode(value).ok_or_else(bad)?);
            let twice = pairs.iter().any(|(other, _)| *other == name);
            if twice && !repeatable.contains(&name.as_str()) {
                return Err(Problem::invalid("A parameter of the form comes twice."));
            }
            if pairs.len() == MOST {
                return Err(Problem::invalid(format!("A form may have at most {MOST} parameters.")));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()))
    }

    /// The value of a parameter, taken out.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.remove(at).1)
    }

    /// Whether it has a parameter.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own == name)
    }

    /// All values of a parameter, taken out.
    pub(crate) fn take_all(&mut self, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        while let Some(value) = self.take(name) {
            values.push(value);
        }
        values
    }
}

/// Decodes one name or value: `+` is a space, `%XX` a byte. `None` for a broken escape or what is not UTF-8 then.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_and_empty_parameters_count_as_left_out() {
        let mut form = Form::parse(b"a=1+2&b=%C3%A9%26&&c=&d", &[]).unwrap();
        assert_eq!(form.take("a").as_deref(), Some("1 2"));
        assert_eq!(form.take("b").as_deref(), Some("é&"));
        assert_eq!((form.take("c"), form.take("d"), form.take("e")), (None, None, None));
    }

    #[test]
    fn a_parameter_that_comes_twice_is_refused_however_it_is_written() {
        for form in ["a=1&a=2", "a=1&a=", "a&%61=1"] {
            assert!(Form::parse(form.as_bytes(), &["resource"]).is_err(), "{form}");
        }
        let mut form = Form::parse(b"resource=a&resource=b", &["resource"]).unwrap();
        assert_eq!(form.take_all("resource"), ["a", "b"]);
    }

    #[test]
    fn broken_escapes_and_what_is_not_text_are_refused() {
        for form in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff", b"%=1"] {
            assert!(Form::parse(form, &[]).is_err(), "{form:?}");
        }
        let many: Vec<String> = (0..=MOST).map(|n| format!("p{n}=1")).collect();
        assert!(Form::parse(many.join("&").as_bytes(), &[]).is_err());
    }
}
