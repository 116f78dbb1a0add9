//! Points in time as people and programs read them: RFC 3339, UTC, milliseconds.

use jiff::Timestamp;
use jiff::fmt::StdFmtWrite;
use jiff::fmt::temporal::DateTimePrinter;
use rescind_domain::clock;
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A point in time, written like `2026-11-21T08:15:30.250Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) clock::Timestamp);

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = i64::try_from(self.0.0).unwrap_or(i64::MAX);
        // What lies beyond the year 9999 has no form in RFC 3339.
        let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
        PRINTER.print_timestamp(&time, StdFmtWrite(f)).map_err(|_| std::fmt::Error)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        RefOr::T(schema.build().into())
    }
}

impl ToSchema for Time {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_is_in_utc() {
        assert_eq!(Time(clock::Timestamp(0)).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Time(clock::Timestamp(1_795_248_930_250)).to_string(), "2026-11-21T08:15:30.250Z");
        assert_eq!(&Time(clock::Timestamp(u64::MAX)).to_string()[..4], "9999");
    }
}
