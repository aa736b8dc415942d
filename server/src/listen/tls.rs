//! The TLS settings of our listeners: rustls with aws-lc-rs, TLS 1.2 and 1.3.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;

use super::certificates::{CHALLENGE_PROTOCOL, Certificates, Served};
use super::client_certificates::AnyCertificate;

/// Why a certificate cannot be served.
#[derive(Debug)]
pub enum TlsError {
    /// The PEM text has no certificate, or one that cannot be read.
    Certificate(String),
    /// The PEM text has no private key, or one that cannot be read or does not fit.
    Key(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(why) => write!(f, "the certificate cannot be used: {why}"),
            Self::Key(why) => write!(f, "the private key cannot be used: {why}"),
        }
    }
}

impl std::error::Error for TlsError {}

/// Whether a listener asks its clients for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// No: browsers would show a picker.
    Unasked,
    /// Yes, and clients without one are let in all the same.
    Asked,
}

/// A server configuration that serves `certificates`; offers HTTP/2 and HTTP/1.1.
pub fn server_config(
    certificates: Arc<Certificates>,
    clients: ClientCertificates,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| TlsError::Certificate(error.to_string()))?;
    let builder = match clients {
        ClientCertificates::Unasked => builder.with_no_client_auth(),
        ClientCertificates::Asked => {
            builder.with_client_cert_verifier(Arc::new(AnyCertificate::new(provider)))
        }
    };
    let mut config = builder.with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), CHALLENGE_PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

/// A server configuration for one certificate chain and its key, both PEM, that asks for no
/// client certificates.
pub fn server_config_from_pem(chain: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certificates = Arc::new(Certificates::default());
    certificates.replace(&[Served::from_pem(chain, key, &provider)?]);
    server_config(certificates, ClientCertificates::Unasked)
}
