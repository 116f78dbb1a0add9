//! Reading and writing rows: every value is checked as it is read, and one that cannot be read names its table, column
//! and row (R7).

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use rescind_domain::clock::Timestamp;
use rescind_domain::store::StoreError;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::error::refused;

/// How deep a column's JSON may nest; what we write there are lists and flat objects.
const DEPTH: u8 = 8;

/// The one row of a query, if there is one.
pub(super) fn one<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(refused)?;
    let mut rows = statement.query(params).map_err(refused)?;
    rows.next().map_err(refused)?.map(read).transpose()
}

/// All rows of a query.
pub(super) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    each(conn, sql, params, |row| read(row).map(|read| found.push(read)))?;
    Ok(found)
}

/// Reads one row of a query after the other.
pub(super) fn each(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(refused)?;
    let mut rows = statement.query(params).map_err(refused)?;
    while let Some(row) = rows.next().map_err(refused)? {
        read(row)?;
    }
    Ok(())
}

/// Runs a statement that changes rows, and answers how many.
pub(super) fn change(conn: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    conn.prepare_cached(sql).map_err(refused)?.execute(params).map_err(refused)
}

/// Runs a statement that changes one row of `table`. That row is there, or somebody would be told of a change that
/// never was.
pub(super) fn change_one(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    table: &'static str,
    key: impl Display,
) -> Result<(), StoreError> {
    match change(conn, sql, params)? {
        1 => Ok(()),
        changed => {
            let problem = format!("{changed} rows instead of one");
            Err(StoreError::Corrupt { table, column: "*", key: key.to_string(), problem })
        }
    }
}

/// A number to compare with, or a time, as SQLite counts; beyond the end of that it is the end.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A length of time in milliseconds; rounded up, so that nothing ends before its time.
pub(super) fn millis(duration: Duration) -> i64 {
    let whole = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    if duration.subsec_nanos().is_multiple_of(1_000_000) { whole } else { whole.saturating_add(1) }
}

/// A time, where there is one.
pub(super) fn time(at: Option<Timestamp>) -> Option<i64> {
    at.map(|at| int(at.0))
}

/// JSON for a column.
pub(super) fn json(value: &impl Serialize, table: &'static str, column: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt {
        table,
        column,
        key: "(to be written)".into(),
        problem: error.to_string(),
    })
}

/// Reads the cells of one row from left to right. The first ones are the row's key.
pub(super) struct Cells<'r> {
    row: &'r Row<'r>,
    table: &'static str,
    key: Range<usize>,
    next: usize,
}

impl<'r> Cells<'r> {
    /// The cells of `row`, whose first `key` columns identify it in `table`.
    pub(super) fn new(row: &'r Row<'r>, table: &'static str, key: usize) -> Self {
        Self { row, table, key: 0..key, next: 0 }
    }

    /// The cells that come next in `row` are of another table, and the first `key` of them identify its row.
    pub(super) fn then(&self, table: &'static str, key: usize) -> Self {
        Self { row: self.row, table, key: self.next..self.next + key, next: self.next }
    }

    /// What `read` reads, unless the row has no partner in this table: the first cell is null then, and `cells` many
    /// are passed over.
    pub(super) fn joined<T>(
        &mut self,
        cells: usize,
        read: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let after = self.next + cells;
        let found = match self.row.get_ref(self.next) {
            Ok(ValueRef::Null) => None,
            _ => Some(read(self)?),
        };
        self.next = after;
        Ok(found)
    }

    /// Passes over so many cells.
    pub(super) fn pass(&mut self, cells: usize) -> &mut Self {
        self.next += cells;
        self
    }

    /// Whether the cell at this place of the row holds these bytes.
    pub(super) fn is_blob_at(&self, at: usize, bytes: &[u8]) -> bool {
        matches!(self.row.get_ref(at), Ok(ValueRef::Blob(found)) if found == bytes)
    }

    /// A cell of this row is not what it must be.
    pub(super) fn corrupt(&self, column: &'static str, problem: impl Display) -> StoreError {
        let key: Vec<String> =
            self.key.clone().map(|at| self.row.get_ref(at).map_or_else(|_| "?".into(), shown)).collect();
        StoreError::Corrupt { table: self.table, column, key: key.join(" "), problem: problem.to_string() }
    }

    /// A number from 0.
    pub(super) fn number(&mut self, column: &'static str) -> Result<u64, StoreError> {
        self.number_or_null(column)?.ok_or_else(|| self.missing(column))
    }

    /// A number from 0, or nothing.
    pub(super) fn number_or_null(&mut self, column: &'static str) -> Result<Option<u64>, StoreError> {
        match self.cell(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(value) => {
                u64::try_from(value).map(Some).map_err(|_| self.corrupt(column, format!("{value} is below zero")))
            }
            other => Err(self.corrupt(column, format!("{} instead of a number", other.data_type()))),
        }
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, column: &'static str) -> Result<bool, StoreError> {
        match self.number(column)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.corrupt(column, format!("{other} is neither 0 nor 1"))),
        }
    }

    /// A time.
    pub(super) fn time(&mut self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.number(column).map(Timestamp)
    }

    /// A time, or nothing.
    pub(super) fn time_or_null(&mut self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.number_or_null(column)?.map(Timestamp))
    }

    /// A length of time.
    pub(super) fn millis(&mut self, column: &'static str) -> Result<Duration, StoreError> {
        self.number(column).map(Duration::from_millis)
    }

    /// Bytes of any length.
    pub(super) fn blob(&mut self, column: &'static str) -> Result<&'r [u8], StoreError> {
        self.blob_or_null(column)?.ok_or_else(|| self.missing(column))
    }

    /// `N` bytes.
    pub(super) fn bytes<const N: usize>(&mut self, column: &'static str) -> Result<[u8; N], StoreError> {
        self.bytes_or_null(column)?.ok_or_else(|| self.missing(column))
    }

    /// `N` bytes, or nothing.
    pub(super) fn bytes_or_null<const N: usize>(
        &mut self,
        column: &'static str,
    ) -> Result<Option<[u8; N]>, StoreError> {
        let Some(bytes) = self.blob_or_null(column)? else { return Ok(None) };
        let wrong = || self.corrupt(column, format!("{} bytes instead of {N}", bytes.len()));
        bytes.try_into().map(Some).map_err(|_| wrong())
    }

    /// Text.
    pub(super) fn text(&mut self, column: &'static str) -> Result<&'r str, StoreError> {
        self.text_or_null(column)?.ok_or_else(|| self.missing(column))
    }

    /// Text, or nothing.
    pub(super) fn text_or_null(&mut self, column: &'static str) -> Result<Option<&'r str>, StoreError> {
        match self.cell(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map(Some).map_err(|error| self.corrupt(column, error)),
            other => Err(self.corrupt(column, format!("{} instead of text", other.data_type()))),
        }
    }

    /// Text that means a `T`.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, column: &'static str) -> Result<T, StoreError> {
        self.parsed_or_null(column)?.ok_or_else(|| self.missing(column))
    }

    /// Text that means a `T`, or nothing.
    pub(super) fn parsed_or_null<T: FromStr<Err: Display>>(
        &mut self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let Some(text) = self.text_or_null(column)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| self.corrupt(column, error))
    }

    /// JSON that means a `T`.
    pub(super) fn json<T: DeserializeOwned>(&mut self, column: &'static str) -> Result<T, StoreError> {
        self.json_or_null(column)?.ok_or_else(|| self.missing(column))
    }

    /// JSON that means a `T`, or nothing.
    pub(super) fn json_or_null<T: DeserializeOwned>(&mut self, column: &'static str) -> Result<Option<T>, StoreError> {
        let Some(text) = self.text_or_null(column)? else { return Ok(None) };
        let read = rescind_wire::json::from_slice(text.as_bytes(), DEPTH);
        read.map(Some).map_err(|error| self.corrupt(column, error))
    }

    /// Somebody else's JSON as its text, or nothing.
    pub(super) fn raw_json_or_null(&mut self, column: &'static str) -> Result<Option<String>, StoreError> {
        let Some(text) = self.text_or_null(column)? else { return Ok(None) };
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| self.corrupt(column, error))?;
        Ok(Some(text.to_owned()))
    }

    fn blob_or_null(&mut self, column: &'static str) -> Result<Option<&'r [u8]>, StoreError> {
        match self.cell(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(bytes) => Ok(Some(bytes)),
            other => Err(self.corrupt(column, format!("{} instead of bytes", other.data_type()))),
        }
    }

    fn cell(&mut self, column: &'static str) -> Result<ValueRef<'r>, StoreError> {
        let cell = self.row.get_ref(self.next).map_err(|error| self.corrupt(column, error))?;
        self.next += 1;
        Ok(cell)
    }

    fn missing(&self, column: &'static str) -> StoreError {
        self.corrupt(column, "nothing there")
    }
}

/// A part of a key for people.
fn shown(cell: ValueRef<'_>) -> String {
    match cell {
        ValueRef::Null => "null".into(),
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Real(value) => value.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => HEXLOWER.encode(bytes),
    }
}
