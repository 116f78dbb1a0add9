//! Sizes in bytes: `65536`, `64KiB`, `32MiB`, `2GiB`. Only units that mean one thing.

use super::{Rule, Shape};

pub(in crate::config) const KIB: usize = 1 << 10;
pub(in crate::config) const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// Units from the largest to the smallest.
const UNITS: [(&str, usize); 3] = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB)];

/// A number of bytes within bounds.
pub(in crate::config) struct Size {
    pub(in crate::config) default: usize,
    pub(in crate::config) min: usize,
    pub(in crate::config) max: usize,
}

impl Rule for Size {
    type Value = usize;

    fn initial(&self) -> usize {
        self.default
    }

    fn kind(&self) -> &'static str {
        "size"
    }

    fn shape(&self) -> Shape {
        Shape::Integer
    }

    fn allowed(&self) -> String {
        format!("{} to {}", show_size(self.min), show_size(self.max))
    }

    fn read(&self, text: &str) -> Result<usize, String> {
        match read_size(text) {
            Some(value) if (self.min..=self.max).contains(&value) => Ok(value),
            Some(_) => Err(format!("must be {}", self.allowed())),
            None => Err(format!("is no size (write 65536, 64KiB or 32MiB); must be {}", self.allowed())),
        }
    }

    fn show(&self, value: &usize) -> String {
        show_size(*value)
    }
}

fn show_size(bytes: usize) -> String {
    match UNITS.iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}

fn read_size(text: &str) -> Option<usize> {
    let (number, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).unwrap_or((text, 1));
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<usize>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_written_in_bytes_or_binary_units() {
        for (text, size) in
            [("0", 0), ("1000", 1000), ("64KiB", 65_536), ("1MiB", MIB), ("2GiB", 2 * GIB), ("1025", 1025)]
        {
            assert_eq!(read_size(text), Some(size), "{text:?}");
            assert_eq!(show_size(size), text);
        }
    }

    #[test]
    fn ambiguous_units_and_other_text_are_refused() {
        for text in ["", "KiB", "+5", "64K", "64KB", "64 KiB", "64kib", "-1", "1.5MiB", "99999999999999999999", "é"] {
            assert_eq!(read_size(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_size_out_of_bounds_is_told_the_bounds() {
        let rule = Size { default: 64 * KIB, min: 4 * KIB, max: 16 * MIB };
        assert_eq!(rule.read("4KiB"), Ok(4 * KIB));
        assert_eq!(rule.read("4095").unwrap_err(), "must be 4KiB to 16MiB");
        assert_eq!(rule.read("64K").unwrap_err(), "is no size (write 65536, 64KiB or 32MiB); must be 4KiB to 16MiB");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_the_same(size: usize) {
            prop_assert_eq!(read_size(&show_size(size)), Some(size));
        }
    }
}
