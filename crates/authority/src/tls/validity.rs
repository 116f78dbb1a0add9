//! From when to when a certificate is valid: just enough DER to warn of one that clients will refuse.

use rustls_pki_types::CertificateDer;

/// Seconds since the Unix epoch, both included (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: u64,
    pub(super) until: u64,
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

impl Validity {
    /// That of a certificate; `None` if it cannot be read.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate, _) = element(certificate, SEQUENCE)?;
        let (_, signed, _) = element(certificate, SEQUENCE)?;
        let rest = element(signed, VERSION).map_or(signed, |(_, _, rest)| rest);
        // Serial number, algorithm and issuer come first.
        let (_, _, rest) = any_element(rest)?;
        let (_, _, rest) = element(rest, SEQUENCE)?;
        let (_, _, rest) = element(rest, SEQUENCE)?;
        let (_, times, _) = element(rest, SEQUENCE)?;
        let (from_form, from, times) = any_element(times)?;
        let (until_form, until, _) = any_element(times)?;
        Some(Self { from: time(from_form, from)?, until: time(until_form, until)? })
    }
}

/// Tag and content of the first element of this form, and what comes after it.
fn element(bytes: &[u8], tag: u8) -> Option<(u8, &[u8], &[u8])> {
    any_element(bytes).filter(|(found, _, _)| *found == tag)
}

fn any_element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, bytes) = bytes.split_first()?;
    let (first, bytes) = bytes.split_first()?;
    let (length, bytes) = match first {
        0..=0x7f => (usize::from(*first), bytes),
        // The length in one to four bytes; more than that no certificate has.
        0x81..=0x84 => {
            let (length, bytes) = bytes.split_at_checked(usize::from(*first & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), bytes)
        }
        _ => return None,
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(form: u8, text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let whole = match form {
        UTC_TIME if text.len() == 12 => {
            // Two digits below 50 are of this century.
            let century = if text.as_bytes() < b"50".as_slice() { "20" } else { "19" };
            format!("{century}{text}")
        }
        GENERALIZED_TIME if text.len() == 14 => text.to_owned(),
        _ => return None,
    };
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", whole).ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    // One that was valid from before 1970 on is valid from then on.
    Some(u64::try_from(time.timestamp().as_second()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate as far as its times, of which the first two elements are made up.
    fn certificate(times: &[u8]) -> Vec<u8> {
        let sequence = |content: &[u8]| [&[SEQUENCE, 0x81, u8::try_from(content.len()).unwrap()], content].concat();
        let signed = [&[VERSION, 3, 2, 1, 2, 2, 1, 7, SEQUENCE, 0, SEQUENCE, 0][..], &sequence(times)].concat();
        sequence(&sequence(&signed))
    }

    fn read(times: &[u8]) -> Option<Validity> {
        Validity::of(&CertificateDer::from(certificate(times)))
    }

    #[test]
    fn both_forms_of_time_are_read_and_centuries_told_apart() {
        let utc = read(b"\x17\x0d700101000001Z\x17\x0d491231235959Z").expect("read");
        assert_eq!(utc, Validity { from: 1, until: 2_524_607_999 });
        let general = read(b"\x17\x0d500101000000Z\x18\x0f20500101000000Z").expect("read");
        assert_eq!(general, Validity { from: 0, until: 2_524_608_000 });
    }

    #[test]
    fn what_is_no_time_and_what_ends_early_is_none() {
        for bad in [&b"\x17\x0d701301000001Z\x17\x0d491231235959Z"[..], b"\x17\x0d700101000001+", b"\x17\x02xZ", b""] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        let whole = certificate(b"\x17\x0d700101000001Z\x17\x0d491231235959Z");
        for length in 0..whole.len() {
            assert_eq!(Validity::of(&CertificateDer::from(&whole[..length])), None, "{length}");
        }
        assert_eq!(Validity::of(&CertificateDer::from(&b"\x30\x85\xff\xff\xff\xff\xff"[..])), None);
        assert_eq!(Validity::of(&CertificateDer::from(&b"\x30\x84\xff\xff\xff\xff"[..])), None);
    }
}
