//! Where an address is, as far as a database in MaxMind's format says. Looked up when shown, and never stored.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arc_swap::ArcSwap;
use maxminddb::{MaxMindDbError, Reader};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::renewal::{Cause, Renew};

/// The largest database that is read, several times the largest one there is: it is held in memory.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// How many of its networks are looked at to see whether a database holds places at all.
const SAMPLE: usize = 1000;

/// The language of names unless another one is asked for, and where another one is missing.
pub const ENGLISH: &str = "en";

/// Roughly where an address is. One member is there at least.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Place {
    /// The city.
    pub city: Option<String>,
    /// The largest part of the country that the city is in, such as a state.
    pub region: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The country's code (ISO 3166-1 alpha-2).
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country_code: Option<String>,
}

impl fmt::Display for Place {
    /// The city, or else the region, and the country: "Lisbon, Portugal".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let country = self.country.as_deref().or(self.country_code.as_deref());
        match (self.city.as_deref().or(self.region.as_deref()), country) {
            (Some(here), Some(country)) => write!(f, "{here}, {country}"),
            (here, country) => f.write_str(here.or(country).unwrap_or_default()),
        }
    }
}

/// Why a database of places cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// It cannot be read.
    #[error("{path} cannot be read: {error}", path = path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is larger than any such database.
    #[error("{path} is larger than 1 GiB, so it is no database of places", path = .0.display())]
    TooLarge(PathBuf),
    /// It is none in MaxMind's format, or not a whole one.
    #[error("{path} is no database in MaxMind's format (.mmdb): {error}", path = path.display())]
    Invalid {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        error: MaxMindDbError,
    },
    /// It knows other things of addresses.
    #[error("{path} ({kind}) holds no places: a database of cities or countries does", path = path.display())]
    NoPlaces {
        /// Where it is.
        path: PathBuf,
        /// What it calls itself.
        kind: String,
    },
}

/// A database of places, in memory.
#[derive(Debug)]
pub struct Places {
    path: PathBuf,
    database: ArcSwap<Database>,
}

#[derive(Debug)]
struct Database {
    reader: Reader<Vec<u8>>,
    /// Whether something in it could not be read, which is said once.
    faulty: AtomicBool,
}

impl Places {
    /// Reads a database.
    ///
    /// # Errors
    /// If it cannot be read, or holds no places.
    pub fn open(path: &Path) -> Result<Self, PlacesError> {
        let database = ArcSwap::from_pointee(Database::open(path)?);
        Ok(Self { path: path.to_owned(), database })
    }

    /// Reads the database anew.
    ///
    /// # Errors
    /// As [`Places::open`]; the one in use stays in use.
    pub fn reopen(&self) -> Result<(), PlacesError> {
        self.database.store(Database::open(&self.path)?.into());
        Ok(())
    }

    /// Where an address is, in the words of a language (`de`, `pt-BR`) where the database has them, else in English. None
    /// for one that is unknown, or means nothing outside of somebody's network.
    pub fn find(&self, address: IpAddr, language: &str) -> Option<Place> {
        let address = address.to_canonical();
        if !is_public(address) {
            return None;
        }
        let database = self.database.load();
        match database.find(address, language) {
            Ok(place) => place,
            Err(error) => {
                if !database.faulty.swap(true, Relaxed) {
                    tracing::warn!(path = %self.path.display(), %error, "a part of the database of places cannot be read");
                }
                None
            }
        }
    }
}

impl Renew for Places {
    /// Only when told to: such a database is large, and new once a week.
    fn renew(&self, cause: Cause) {
        if cause == Cause::Look {
            return;
        }
        match self.reopen() {
            Ok(()) => tracing::info!(path = %self.path.display(), "the database of places was read anew"),
            Err(error) => tracing::error!(%error, "no new database of places was taken; the one in use goes on"),
        }
    }
}

impl Database {
    fn open(path: &Path) -> Result<Self, PlacesError> {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
        match read {
            Ok(length) if length as u64 > LARGEST => return Err(PlacesError::TooLarge(path.to_owned())),
            Ok(_) => {}
            Err(error) => return Err(PlacesError::Unreadable { path: path.to_owned(), error }),
        }
        let invalid = |error| PlacesError::Invalid { path: path.to_owned(), error };
        let database = Self { reader: Reader::from_source(bytes).map_err(invalid)?, faulty: AtomicBool::new(false) };
        if database.has_places().map_err(invalid)? {
            return Ok(database);
        }
        let kind = database.reader.metadata().database_type.chars().take(100).collect();
        Err(PlacesError::NoPlaces { path: path.to_owned(), kind })
    }

    /// Whether the first of its networks have places.
    fn has_places(&self) -> Result<bool, MaxMindDbError> {
        for network in self.reader.networks(maxminddb::WithinOptions::default())?.take(SAMPLE) {
            // One of another kind may hold something else under the same names.
            if network?.decode::<Record<'_>>().ok().flatten().and_then(|record| record.place(ENGLISH)).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn find(&self, address: IpAddr, language: &str) -> Result<Option<Place>, MaxMindDbError> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(None);
        }
        let record: Option<Record<'_>> = self.reader.lookup(address)?.decode()?;
        Ok(record.and_then(|record| record.place(language)))
    }
}

/// What a database of cities or countries says of an address, as far as it is shown.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    city: Part<'a>,
    subdivisions: Vec<Part<'a>>,
    country: Part<'a>,
}

/// A part of the world.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    iso_code: Option<&'a str>,
    /// By language.
    #[serde(borrow)]
    names: BTreeMap<&'a str, &'a str>,
}

impl Record<'_> {
    fn place(&self, language: &str) -> Option<Place> {
        let place = Place {
            city: self.city.name(language),
            // The largest comes first.
            region: self.subdivisions.first().and_then(|part| part.name(language)),
            country: self.country.name(language),
            country_code: self.country.iso_code.map(str::to_owned),
        };
        let Place { city, region, country, country_code } = &place;
        let known = [city, region, country, country_code].into_iter().any(Option::is_some);
        known.then_some(place)
    }
}

impl Part<'_> {
    /// Its name in a language, or in that language as it is spoken elsewhere, or in English.
    fn name(&self, language: &str) -> Option<String> {
        let family = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let exact = self.names.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(language));
        let related = || self.names.iter().find(|(tag, _)| family(tag) == family(language));
        let found = exact.or_else(related).or_else(|| self.names.get_key_value(ENGLISH));
        found.map(|(_, name)| (*name).to_owned())
    }
}

/// Whether an address is somewhere. Others are for a machine itself, a private network, or a provider's own (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = matches!(v4.octets(), [100, 64..=127, ..]);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_people_say_it() {
        let place = |city: &str, region: &str, country: &str, code: &str| {
            let [city, region, country, country_code] =
                [city, region, country, code].map(|text| (!text.is_empty()).then(|| text.to_owned()));
            Place { city, region, country, country_code }.to_string()
        };
        assert_eq!(place("Lisbon", "Lisbon", "Portugal", "PT"), "Lisbon, Portugal");
        assert_eq!(place("", "Oregon", "United States", "US"), "Oregon, United States");
        assert_eq!(place("", "", "Portugal", "PT"), "Portugal");
        assert_eq!(place("Lisbon", "", "", "PT"), "Lisbon, PT");
        assert_eq!(place("Lisbon", "", "", ""), "Lisbon");
    }

    #[test]
    fn addresses_that_mean_nothing_outside_are_nowhere() {
        for text in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "100.64.0.1", "0.0.0.0"] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
        for text in ["::1", "::", "fe80::1", "fd00::1"] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
        for text in ["81.2.69.142", "100.63.0.1", "172.32.0.1", "2001:db9::1"] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
    }
}
