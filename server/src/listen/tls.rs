//! The TLS settings of our listeners: rustls with aws-lc-rs, TLS 1.2 and 1.3.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::cipher_suite::{
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
};

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

/// What one listener offers: the usual, or where a tenant asks for it, no more than FAPI allows.
#[derive(Clone, Debug)]
pub struct Offered {
    usual: Arc<ServerConfig>,
    strict: Arc<ServerConfig>,
    is_strict: Arc<AtomicBool>,
}

impl Offered {
    /// The usual, until `is_strict` says otherwise.
    pub fn until_strict(
        certificates: &Arc<Certificates>,
        clients: ClientCertificates,
        is_strict: Arc<AtomicBool>,
    ) -> Result<Self, TlsError> {
        let usual = server_config(Arc::clone(certificates), clients)?;
        let strict = config(Arc::clone(certificates), clients, strict_provider())?;
        Ok(Self { usual, strict, is_strict })
    }

    /// What the next connection is offered.
    pub(super) fn now(&self) -> Arc<ServerConfig> {
        let is_strict = self.is_strict.load(Ordering::Relaxed);
        Arc::clone(if is_strict { &self.strict } else { &self.usual })
    }
}

impl From<Arc<ServerConfig>> for Offered {
    /// Always this.
    fn from(config: Arc<ServerConfig>) -> Self {
        Self { usual: Arc::clone(&config), strict: config, is_strict: Arc::default() }
    }
}

/// F16, F38: below TLS 1.3 the two suites that both FAPI texts allow.
fn strict_provider() -> CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites = vec![
        TLS13_AES_256_GCM_SHA384,
        TLS13_AES_128_GCM_SHA256,
        TLS13_CHACHA20_POLY1305_SHA256,
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];
    provider
}

/// A server configuration that serves `certificates`; offers HTTP/2 and HTTP/1.1.
pub fn server_config(
    certificates: Arc<Certificates>,
    clients: ClientCertificates,
) -> Result<Arc<ServerConfig>, TlsError> {
    config(certificates, clients, rustls::crypto::aws_lc_rs::default_provider())
}

fn config(
    certificates: Arc<Certificates>,
    clients: ClientCertificates,
    provider: CryptoProvider,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(provider);
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
