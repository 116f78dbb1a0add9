//! A share of something.

use super::{Rule, Shape};

/// A number from 0 to 1.
pub(in crate::config) struct Share {
    pub(in crate::config) default: f64,
}

impl Rule for Share {
    type Value = f64;

    fn initial(&self) -> f64 {
        self.default
    }

    fn kind(&self) -> &'static str {
        "share"
    }

    fn shape(&self) -> Shape {
        Shape::Decimal
    }

    fn allowed(&self) -> String {
        "0 to 1".to_owned()
    }

    fn read(&self, text: &str) -> Result<f64, String> {
        let number: Option<f64> = text.parse().ok();
        let share = number.filter(|number| (0.0..=1.0).contains(number) && number.is_sign_positive());
        share.ok_or_else(|| format!("must be a number, {}", self.allowed()))
    }

    fn show(&self, value: &f64) -> String {
        value.to_string()
    }

    fn json(&self, value: &f64) -> serde_json::Value {
        (*value).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_from_0_to_1() {
        let rule = Share { default: 1.0 };
        for (text, shown) in [("0", "0"), ("1", "1"), ("1.0", "1"), ("0.05", "0.05"), ("1e-3", "0.001")] {
            assert_eq!(rule.read(text).map(|share| rule.show(&share)).as_deref(), Ok(shown), "{text:?}");
        }
        for text in ["", "-0.0", "-0.1", "1.01", "NaN", "inf", "half", "10%"] {
            assert_eq!(rule.read(text).unwrap_err(), "must be a number, 0 to 1", "{text:?}");
        }
    }
}
