//! Answers in gzip (RFC 1952): who takes it, and how bytes become it. What may be sent so is up to whoever sends it.

use std::io::Write as _;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;

/// These bytes in gzip, as short as can be, for what is packed once; nothing if that is not possible.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    pack_with(bytes, Compression::best())
}

/// The same with less effort.
pub(crate) fn pack_with(bytes: &[u8], effort: Compression) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), effort);
    // Writing to memory does not fail; if it did, they would be sent as they are.
    gzip.write_all(bytes).and_then(|()| gzip.finish()).unwrap_or_default()
}

/// Whether an answer may come in gzip (RFC 9110 §12.5.3).
pub(crate) fn takes_gzip(asked: &HeaderMap) -> bool {
    let lists = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    let weights = lists.flat_map(|list| list.split(',')).filter_map(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").or(weight.trim().strip_prefix("Q="))?;
        let name = name.trim().to_ascii_lowercase();
        ["gzip", "x-gzip"].contains(&name.as_str()).then(|| weight.trim().parse::<f32>().unwrap_or(0.0))
    });
    weights.reduce(f32::max).is_some_and(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_excluded() {
        let takes =
            |list: &str| takes_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_str(list).unwrap())]));
        for list in
            ["gzip", "GZIP", "deflate, gzip;q=0.5", "br;q=1.0, gzip ; q=0.001", "x-gzip", "gzip, deflate, br, zstd"]
        {
            assert!(takes(list), "{list}");
        }
        for list in ["", "br", "gzip;q=0", "gzip; q=0.000", "identity", "gzip;q=x", "gzipped"] {
            assert!(!takes(list), "{list}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
