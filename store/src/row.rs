//! A row as it comes out, read by column number in the order of the `SELECT`.

use domain::{Fingerprint, Timestamp};

use crate::{Error, Kind, Value};

/// The most rows of one list; statements have smaller limits of their own.
pub(crate) const ROW_LIMIT: usize = 10_000;

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    values: Vec<Value>,
}

impl Row {
    pub(crate) const fn new(values: Vec<Value>) -> Self {
        Self { values }
    }

    /// Text that must be there.
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        self.optional_text(column)?.ok_or_else(|| unexpected(column, Kind::Text))
    }

    /// A number that must be there.
    pub fn int(&self, column: usize) -> Result<i64, Error> {
        self.optional_int(column)?.ok_or_else(|| unexpected(column, Kind::Int))
    }

    /// Bytes that must be there.
    pub fn blob(&self, column: usize) -> Result<&[u8], Error> {
        self.optional_blob(column)?.ok_or_else(|| unexpected(column, Kind::Blob))
    }

    /// A boolean, stored as 0 or 1.
    pub fn flag(&self, column: usize) -> Result<bool, Error> {
        self.int(column).map(|number| number != 0)
    }

    /// A moment that must be there.
    pub fn time(&self, column: usize) -> Result<Timestamp, Error> {
        self.int(column).map(Timestamp::from_ms)
    }

    /// A SHA-256 that must be there.
    pub fn fingerprint(&self, column: usize) -> Result<Fingerprint, Error> {
        self.optional_fingerprint(column)?.ok_or_else(|| unexpected(column, Kind::Blob))
    }

    /// A JSON document that must be there.
    pub fn document(&self, column: usize) -> Result<serde_json::Value, Error> {
        serde_json::from_str(self.text(column)?)
            .map_err(|error| Error::Engine(format!("column {column} is not JSON: {error}")))
    }

    /// Text, if there is any.
    pub fn optional_text(&self, column: usize) -> Result<Option<&str>, Error> {
        match self.value(column)? {
            Value::Null(_) => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            Value::Int(_) | Value::Blob(_) => Err(unexpected(column, Kind::Text)),
        }
    }

    /// A number, if there is one.
    pub fn optional_int(&self, column: usize) -> Result<Option<i64>, Error> {
        match self.value(column)? {
            Value::Null(_) => Ok(None),
            Value::Int(number) => Ok(Some(*number)),
            Value::Text(_) | Value::Blob(_) => Err(unexpected(column, Kind::Int)),
        }
    }

    /// Bytes, if there are any.
    pub fn optional_blob(&self, column: usize) -> Result<Option<&[u8]>, Error> {
        match self.value(column)? {
            Value::Null(_) => Ok(None),
            Value::Blob(bytes) => Ok(Some(bytes)),
            Value::Int(_) | Value::Text(_) => Err(unexpected(column, Kind::Blob)),
        }
    }

    /// A moment, if there is one.
    pub fn optional_time(&self, column: usize) -> Result<Option<Timestamp>, Error> {
        Ok(self.optional_int(column)?.map(Timestamp::from_ms))
    }

    /// A SHA-256, if there is one.
    pub fn optional_fingerprint(&self, column: usize) -> Result<Option<Fingerprint>, Error> {
        self.optional_blob(column)?
            .map(|bytes| bytes.try_into().map(Fingerprint::new))
            .transpose()
            .map_err(|_wrong_length: std::array::TryFromSliceError| unexpected(column, Kind::Blob))
    }

    fn value(&self, column: usize) -> Result<&Value, Error> {
        self.values.get(column).ok_or_else(|| Error::Engine(format!("there is no column {column}")))
    }
}

fn unexpected(column: usize, wanted: Kind) -> Error {
    Error::Engine(format!("column {column} is not {wanted:?}"))
}
