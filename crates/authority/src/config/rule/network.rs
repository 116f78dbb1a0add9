//! Lists of IP networks, such as `10.0.0.0/8, fd00::/8`.

use super::{Rule, Shape};
use rescind_domain::address::IpNet;

/// A list of networks, empty by default. In the environment and in flags they are separated by commas.
pub(in crate::config) struct Networks;

impl Rule for Networks {
    type Value = Vec<IpNet>;

    fn initial(&self) -> Vec<IpNet> {
        Vec::new()
    }

    fn kind(&self) -> &'static str {
        "list of networks"
    }

    fn shape(&self) -> Shape {
        Shape::List
    }

    fn allowed(&self) -> String {
        "IP networks or addresses".to_owned()
    }

    fn read(&self, text: &str) -> Result<Vec<IpNet>, String> {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let network = |part: &str| IpNet::parse(part).map_err(|error| format!("has {:?}: {error}", part.trim()));
        text.split(',').map(network).collect()
    }

    fn show(&self, value: &Vec<IpNet>) -> String {
        texts(value).join(",")
    }

    fn json(&self, value: &Vec<IpNet>) -> serde_json::Value {
        texts(value).into()
    }
}

fn texts(networks: &[IpNet]) -> Vec<String> {
    networks.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_separated_by_commas() {
        assert_eq!(Networks.read(""), Ok(vec![]));
        let two = Networks.read("10.0.0.0/8, ::1").expect("two networks");
        assert_eq!(Networks.show(&two), "10.0.0.0/8,::1/128");
        assert_eq!(Networks.json(&two), serde_json::json!(["10.0.0.0/8", "::1/128"]));
    }

    #[test]
    fn the_one_that_is_no_network_is_named() {
        assert!(Networks.read("::1,10.0.0.1/8").unwrap_err().contains("10.0.0.1/8"));
        for text in ["10.0.0.0/8,", "host", "10.0.0.0/33", ","] {
            assert!(Networks.read(text).is_err(), "{text:?}");
        }
    }
}
