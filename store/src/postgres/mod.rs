//! The engine of many nodes. Placeholder until the next change.
use domain::Timestamp;

use crate::migrate::Migrated;
use crate::options::Tls;
use crate::{DatabaseOptions, Error, Row, Value, Write, Written};

#[derive(Debug)]
pub(crate) struct Postgres {}

#[expect(clippy::unused_async, reason = "written next")]
impl Postgres {
    pub(crate) async fn open(
        _config: &tokio_postgres::Config,
        _tls: &Tls,
        _options: &DatabaseOptions,
    ) -> Result<Self, Error> {
        Err(Error::Unavailable(String::from("PostgreSQL is not there yet")))
    }

    pub(crate) async fn migrate(&self, _now: Timestamp) -> Result<Migrated, Error> {
        Err(Error::Unavailable(String::from("PostgreSQL is not there yet")))
    }

    pub(crate) async fn run(&self, _write: &Write) -> Result<Written, Error> {
        Err(Error::Unavailable(String::from("PostgreSQL is not there yet")))
    }

    pub(crate) async fn one(
        &self,
        _sql: &'static str,
        _params: &[Value],
    ) -> Result<Option<Row>, Error> {
        Err(Error::Unavailable(String::from("PostgreSQL is not there yet")))
    }

    pub(crate) async fn all(
        &self,
        _sql: &'static str,
        _params: &[Value],
    ) -> Result<Vec<Row>, Error> {
        Err(Error::Unavailable(String::from("PostgreSQL is not there yet")))
    }

    pub(crate) async fn search(&self, _sql: String, _params: &[Value]) -> Result<Vec<Row>, Error> {
        Err(Error::Unavailable(String::from("PostgreSQL is not there yet")))
    }
}
