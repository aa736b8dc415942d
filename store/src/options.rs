//! Where the database is: one URL, and a few numbers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// PostgreSQL connections of one node; requests are pipelined on them.
const DEFAULT_CONNECTIONS: usize = 4;

/// How long SQLite waits for a lock of another process, such as a backup.
const DEFAULT_BUSY_MS: u64 = 5_000;

/// How long PostgreSQL works on one statement before it gives up.
const DEFAULT_STATEMENT_MS: u64 = 5_000;

/// The longest name of a schema (PostgreSQL cuts longer ones).
const SCHEMA_NAME_LIMIT: usize = 63;

/// Which database, and how to reach it.
#[derive(Clone, Debug)]
pub struct DatabaseOptions {
    pub(crate) place: Place,
    /// The PostgreSQL schema that holds our tables; its default one if there is none here.
    pub schema: Option<String>,
    /// How many PostgreSQL connections to hold.
    pub connections: usize,
    /// How long SQLite waits for another process's lock, in milliseconds.
    pub busy_ms: u64,
    /// How long PostgreSQL may work on one statement, in milliseconds.
    pub statement_ms: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres { config: Box<tokio_postgres::Config>, tls: Tls },
}

/// Whether the connection to PostgreSQL is encrypted. If it is, the server's certificate is
/// always verified.
#[derive(Clone, Debug)]
pub(crate) enum Tls {
    Off,
    Verified { roots: Option<PathBuf> },
}

/// A database URL that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidUrl(String);

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidUrl {}

impl DatabaseOptions {
    /// Reads `sqlite:PATH` or `postgres://user:password@host/database?sslmode=…&schema=…`.
    pub fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
        match scheme {
            "sqlite" => Self::parse_sqlite(rest),
            "postgres" | "postgresql" => Self::parse_postgres(url),
            _ => Err(invalid("it must begin with `sqlite:` or `postgres:`")),
        }
    }

    /// The SQLite file at `path`.
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self::at(Place::Sqlite(path.as_ref().to_owned()))
    }

    /// The same database with our tables in this schema (PostgreSQL only; lower-case letters,
    /// digits and `_`).
    pub fn with_schema(mut self, schema: &str) -> Result<Self, InvalidUrl> {
        let starts_well = schema.starts_with(|first: char| first.is_ascii_lowercase());
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !starts_well || !schema.bytes().all(is_plain) || schema.len() > SCHEMA_NAME_LIMIT {
            return Err(invalid("a schema is named with lower-case letters, digits and `_`"));
        }
        self.schema = Some(schema.to_owned());
        Ok(self)
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            schema: None,
            connections: DEFAULT_CONNECTIONS,
            busy_ms: DEFAULT_BUSY_MS,
            statement_ms: DEFAULT_STATEMENT_MS,
        }
    }

    fn parse_sqlite(path: &str) -> Result<Self, InvalidUrl> {
        let path = path.strip_prefix("//").unwrap_or(path);
        match path {
            "" => Err(invalid("`sqlite:` must be followed by the path of a file")),
            ":memory:" => Err(invalid("a database in memory would lose what it confirmed")),
            _ if path.contains('?') => Err(invalid("`sqlite:` takes a path and no options")),
            _ => Ok(Self::sqlite(path)),
        }
    }

    /// Takes out what the driver does not know: `schema`, `sslrootcert`, and the stricter words
    /// for `sslmode`.
    fn parse_postgres(url: &str) -> Result<Self, InvalidUrl> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut kept, mut schema, mut tls, mut roots) = (Vec::new(), None, false, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("schema", name)) => schema = Some(name),
                Some(("sslrootcert", path)) => roots = Some(PathBuf::from(path)),
                Some(("sslmode", "disable")) => tls = false,
                Some(("sslmode", "require" | "verify-full")) => tls = true,
                Some(("sslmode", _)) => {
                    return Err(invalid("sslmode is disable, require or verify-full"));
                }
                _ => kept.push(pair),
            }
        }
        let mut config = tokio_postgres::Config::from_str(&format!("{base}?{}", kept.join("&")))
            .map_err(|error| invalid(&format!("PostgreSQL's driver says: {error}")))?;
        config.ssl_mode(if tls {
            tokio_postgres::config::SslMode::Require
        } else {
            tokio_postgres::config::SslMode::Disable
        });
        if config.get_application_name().is_none() {
            config.application_name("aizuchi");
        }
        let tls = if tls { Tls::Verified { roots } } else { Tls::Off };
        let options = Self::at(Place::Postgres { config: Box::new(config), tls });
        schema.map_or(Ok(options.clone()), |name| options.with_schema(name))
    }
}

/// Never repeats the URL: it may hold a password.
fn invalid(why: &str) -> InvalidUrl {
    InvalidUrl(format!("not a database URL: {why}"))
}

#[cfg(test)]
mod tests {
    use super::{DatabaseOptions, Place, Tls};

    #[test]
    fn a_path_is_taken_as_it_stands() {
        for url in ["sqlite:/var/lib/a.db", "sqlite:///var/lib/a.db"] {
            let options = DatabaseOptions::parse(url).unwrap();
            assert!(matches!(options.place, Place::Sqlite(path) if path.ends_with("lib/a.db")));
        }
    }

    #[test]
    fn a_url_that_cannot_work_says_why_and_keeps_the_password() {
        for (url, why) in [
            ("mysql://root:hush@db/a", "must begin with"),
            ("sqlite:", "path of a file"),
            ("sqlite::memory:", "would lose"),
            ("postgres://me:hush@db/a?sslmode=allow", "sslmode is"),
            ("postgres://me:hush@db/a?schema=No%20Way", "lower-case"),
            ("postgres://me:hush@db/a?nonsense=1", "driver says"),
        ] {
            let said = DatabaseOptions::parse(url).unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
            assert!(!said.contains("hush"), "{said}");
        }
    }

    #[test]
    fn tls_is_verified_or_off() {
        let tls = |query: &str| match DatabaseOptions::parse(&format!("postgres://db/a{query}"))
            .unwrap()
            .place
        {
            Place::Postgres { tls, .. } => tls,
            Place::Sqlite(_) => panic!("not SQLite"),
        };
        assert!(matches!(tls(""), Tls::Off));
        assert!(matches!(tls("?sslmode=require"), Tls::Verified { roots: None }));
        assert!(matches!(
            tls("?sslmode=verify-full&sslrootcert=/etc/ca.pem"),
            Tls::Verified { roots: Some(_) }
        ));
    }

    #[test]
    fn debug_output_holds_no_password() {
        let options = DatabaseOptions::parse("postgres://me:hush@db/a").unwrap();
        assert!(!format!("{options:?}").contains("hush"));
    }
}
