//! The trace that a caller says a request belongs to (W3C Trace Context, `traceparent` and `tracestate`).

use axum::http::{HeaderMap, HeaderName};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The longest `tracestate` that is handed on, and the most members of it (Trace Context §3.3.1).
const LONGEST_STATE: usize = 512;
const MOST_MEMBERS: usize = 32;

/// Who called, in a trace of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
    /// Whether the caller says that it records its part.
    pub(super) sampled: bool,
    /// What other systems keep in the trace.
    pub(super) state: Option<Box<str>>,
}

impl Parent {
    /// What the headers say; nothing if they say nothing, or nothing that can be understood.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut said = headers.get_all(TRACEPARENT).iter();
        let (first, None) = (said.next()?, said.next()) else { return None };
        let parent = Self::parse(first.as_bytes())?;
        Some(Self { state: state(headers), ..parent })
    }

    /// Version, trace, span and flags, each in lower-case hexadecimal (Trace Context §3.2). Later versions may say more
    /// behind another hyphen.
    fn parse(text: &[u8]) -> Option<Self> {
        let (known, more) = text.split_at_checked(55)?;
        let [version, trace, span, flags] = [0..2, 3..35, 36..52, 53..55].map(|part| &known[part]);
        if [2, 35, 52].iter().any(|hyphen| known[*hyphen] != b'-') {
            return None;
        }
        let ([version], [flags]): ([u8; 1], [u8; 1]) = (hex(version)?, hex(flags)?);
        let ends = if version == 0 { more.is_empty() } else { more.first().is_none_or(|next| *next == b'-') };
        let (trace, span) = (hex(trace)?, hex(span)?);
        let is_valid = version != 0xff && ends && trace != [0; 16] && span != [0; 8];
        is_valid.then_some(Self { trace, span, sampled: flags & 1 == 1, state: None })
    }
}

fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let written = data_encoding::HEXLOWER.decode_mut(text, &mut bytes).ok()?;
    (written == N).then_some(bytes)
}

/// All of `tracestate`, if it is a list of members as it should be; a trace without is still one.
fn state(headers: &HeaderMap) -> Option<Box<str>> {
    let lines: Option<Vec<&str>> = headers.get_all(TRACESTATE).iter().map(|line| line.to_str().ok()).collect();
    let members: Vec<&str> = lines.as_ref()?.iter().flat_map(|line| line.split(',')).map(str::trim).collect();
    let members: Vec<&str> = members.into_iter().filter(|member| !member.is_empty()).collect();
    if members.is_empty() || members.len() > MOST_MEMBERS || !members.iter().all(|member| is_member(member)) {
        return None;
    }
    Some(members.join(",")).filter(|state| state.len() <= LONGEST_STATE).map(String::into_boxed_str)
}

/// `key=value` (Trace Context §3.3.1.3).
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let of_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let of_value = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'=';
    let (long_key, long_value) = (key.len() > 256, value.len() > 256);
    !key.is_empty()
        && !value.is_empty()
        && !long_key
        && !long_value
        && key.bytes().all(of_key)
        && value.bytes().all(of_value)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn read(headers: &[(&'static str, &str)]) -> Option<Parent> {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter().map(header) {
            map.append(name, value);
        }
        Parent::read(&map)
    }

    #[test]
    fn a_caller_names_its_trace_and_whether_it_is_sampled() {
        for (flags, sampled) in [("01", true), ("00", false), ("03", true), ("02", false), ("ff", true)] {
            let parent = read(&[("traceparent", &format!("00-{TRACE}-{SPAN}-{flags}"))]).expect("a parent");
            assert_eq!((parent.trace[0], parent.span[7], parent.sampled), (0x0a, 0x31, sampled), "{flags}");
            assert_eq!(parent.state, None);
        }
        for later in [format!("01-{TRACE}-{SPAN}-01"), format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings")] {
            assert!(read(&[("traceparent", &later)]).is_some(), "{later}");
        }
    }

    #[test]
    fn g6_what_is_no_trace_parent_is_passed_over() {
        let zeros = ["0".repeat(32), "0".repeat(16)];
        for wrong in [
            String::new(),
            "00".to_owned(),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-0x"),
            format!("01-{TRACE}-{SPAN}-01more"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", zeros[0]),
            format!("00-{TRACE}-{}-01", zeros[1]),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("0 -{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-01").replace('a', "é"),
        ] {
            assert_eq!(read(&[("traceparent", &wrong)]), None, "{wrong:?}");
        }
        let good = format!("00-{TRACE}-{SPAN}-01");
        assert_eq!(read(&[("traceparent", &good), ("traceparent", &good)]), None, "nobody can tell which");
    }

    #[test]
    fn the_state_of_other_systems_is_handed_on_if_it_is_what_it_should_be() {
        let good = format!("00-{TRACE}-{SPAN}-01");
        let state = |lines: &[&str]| {
            let mut headers = vec![("traceparent", good.as_str())];
            headers.extend(lines.iter().map(|line| ("tracestate", *line)));
            read(&headers).expect("a parent all the same").state.map(String::from)
        };
        assert_eq!(
            state(&["rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE"]).as_deref(),
            Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
        );
        assert_eq!(state(&["a=1", "b@c=2,"]).as_deref(), Some("a=1,b@c=2"));
        let many = vec!["a=1"; 33].join(",");
        let long = format!("a={}", "x".repeat(257));
        let longer = ["a", "b", "c"].map(|key| format!("{key}={}", "x".repeat(200))).join(",");
        for wrong in ["", "a", "A=1", "a=", "=1", "a=1=2", "a=\u{7f}", &many, &long, &longer] {
            if let Ok(value) = HeaderValue::from_str(wrong) {
                assert_eq!(state(&[value.to_str().unwrap_or("a")]), None, "{wrong:?}");
            }
        }
    }
}
