//! One new connection: its encryption, its limits, its schema.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::Failure;
use crate::options::Tls;
use crate::{DatabaseOptions, Error};

/// Reaching the server and signing in.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long a network may swallow what we sent.
const NETWORK_LIMIT: Duration = Duration::from_secs(10);

/// Where systems keep the certificates they trust.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

pub(super) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    schema: Option<String>,
    statement_ms: u64,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Connector {
    pub(super) fn new(
        mut config: Config,
        tls: &Tls,
        options: &DatabaseOptions,
    ) -> Result<Self, Error> {
        let (schema, statement_ms) = (options.schema.clone(), options.statement_ms);
        config.keepalives_idle(NETWORK_LIMIT).tcp_user_timeout(NETWORK_LIMIT);
        let tls = match tls {
            Tls::Off => None,
            Tls::Verified { roots } => Some(verifying(roots.as_deref())?),
        };
        Ok(Self { config, tls, schema, statement_ms })
    }

    /// The schema that holds our tables, if it is not the default one.
    pub(super) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// A connection for requests.
    pub(super) async fn connect(&self) -> Result<Client, Error> {
        self.connect_within(self.statement_ms).await
    }

    /// A connection whose statements may take as long as they need.
    pub(super) async fn connect_without_limit(&self) -> Result<Client, Error> {
        self.connect_within(0).await
    }

    async fn connect_within(&self, statement_ms: u64) -> Result<Client, Error> {
        let connected = tokio::time::timeout(CONNECT_LIMIT, self.dial(statement_ms)).await;
        connected.unwrap_or_else(|_elapsed| {
            Err(Error::Unavailable(format!("PostgreSQL was not reached in {CONNECT_LIMIT:?}")))
        })
    }

    async fn dial(&self, statement_ms: u64) -> Result<Client, Error> {
        let refused = |error: tokio_postgres::Error| {
            let (Error::Unavailable(why) | Error::Engine(why)) = Failure::of(&error).error else {
                return Error::Unavailable(error.to_string());
            };
            Error::Unavailable(format!("PostgreSQL cannot be reached: {why}"))
        };
        let client = match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(refused)?;
                drive(connection);
                client
            }
            Some(tls) => {
                let connected = self.config.connect(tls.clone()).await;
                let (client, connection) = connected.map_err(refused)?;
                drive(connection);
                client
            }
        };
        let schema = self.schema.as_ref();
        let path = schema.map(|name| format!("SET search_path TO \"{name}\"")).unwrap_or_default();
        let settings = format!("SET statement_timeout = {statement_ms}; {path}");
        client.batch_execute(&settings).await.map_err(refused)?;
        Ok(client)
    }
}

/// Carries the words of one connection until it ends.
fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "a connection to PostgreSQL was lost");
        }
    });
}

fn verifying(roots: Option<&Path>) -> Result<MakeRustlsConnect, Error> {
    let mut system = SYSTEM_ROOTS.iter().map(PathBuf::from).filter(|path| path.exists());
    let path = roots.map(Path::to_owned).or_else(|| system.next()).ok_or_else(|| {
        Error::Engine(String::from(
            "no certificates to verify PostgreSQL's with: name a file with sslrootcert",
        ))
    })?;
    let failed = |error: &dyn fmt::Display| {
        Error::Engine(format!("the certificates in {} cannot be used: {error}", path.display()))
    };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&path).map_err(|error| failed(&error))? {
        let certificate = certificate.map_err(|error| failed(&error))?;
        store.add(certificate).map_err(|error| failed(&error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
