//! The authorities whose client certificates count for `tls_client_auth` (`tls.client_ca_file`).

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::Timestamp;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::config::ConfigError;

/// The authorities; none until they are read.
#[derive(Default)]
pub struct ClientRoots {
    verifier: RwLock<Option<Arc<dyn ClientCertVerifier>>>,
}

impl fmt::Debug for ClientRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientRoots(…)")
    }
}

impl ClientRoots {
    /// Takes the authorities of a PEM file in place of what was there; an empty path is none.
    pub fn read(&self, file: &Path) -> Result<(), ConfigError> {
        if file.as_os_str().is_empty() {
            return Ok(());
        }
        let told =
            |why: String| ConfigError(format!("tls.client_ca_file: {}: {why}", file.display()));
        let text = std::fs::read(file).map_err(|error| told(error.to_string()))?;
        self.replace(&text).map_err(told)
    }

    /// Takes the authorities of a PEM text in place of what was there, or says why it cannot.
    pub fn replace(&self, pem: &[u8]) -> Result<(), String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| error.to_string())?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
            .build()
            .map_err(|error| error.to_string())?;
        *self.verifier.write().unwrap_or_else(PoisonError::into_inner) = Some(verifier);
        Ok(())
    }

    /// Whether one of the authorities vouches for a client's certificate at `now`.
    pub fn vouch_for(&self, certificate: &[u8], chain: &[Vec<u8>], now: Timestamp) -> bool {
        let verifier = self.verifier.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(verifier) = verifier else { return false };
        let since = Duration::from_millis(u64::try_from(now.ms()).unwrap_or_default());
        let chain: Vec<CertificateDer<'_>> =
            chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let now = UnixTime::since_unix_epoch(since);
        verifier.verify_client_cert(&CertificateDer::from(certificate), &chain, now).is_ok()
    }
}
