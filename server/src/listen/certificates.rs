//! The certificates we serve, chosen by the name that a client asks for (SNI), replaced while
//! connections come and go.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use domain::oauth::certificate::Certificate;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::TlsError;

/// One certificate chain with its key, and the host names it is for.
#[derive(Clone)]
pub struct Served {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Served {
    /// A chain and its key, both PEM; the key must be the first certificate's.
    pub fn from_pem(chain: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<Self, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| TlsError::Certificate(error.to_string()))?;
        let first = chain.first().ok_or_else(|| {
            TlsError::Certificate(String::from("no CERTIFICATE block in the PEM text"))
        })?;
        let names = Certificate::from_der(first)
            .map(|certificate| certificate.dns_names())
            .ok_or_else(|| TlsError::Certificate(String::from("it is no X.509 certificate")))?;
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::Key(error.to_string()))?;
        let key = CertifiedKey::from_der(chain, key, provider)
            .map_err(|error| TlsError::Key(error.to_string()))?;
        Ok(Self { key: Arc::new(key), names })
    }

    /// The host names it is for, in small letters.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// Every certificate of the server.
#[derive(Debug, Default)]
pub struct Certificates {
    chosen: RwLock<Arc<Chosen>>,
}

#[derive(Default)]
struct Chosen {
    by_name: HashMap<String, Arc<CertifiedKey>>,
    /// For clients that name no host, or one that no certificate is for.
    otherwise: Option<Arc<CertifiedKey>>,
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_name.keys()).finish()
    }
}

impl Certificates {
    /// Serves these from now on; the first to name a host has it, the first of all has the rest.
    pub fn replace(&self, all: &[Served]) {
        let mut by_name = HashMap::new();
        for served in all {
            for name in &served.names {
                by_name.entry(name.clone()).or_insert_with(|| Arc::clone(&served.key));
            }
        }
        let otherwise = all.first().map(|served| Arc::clone(&served.key));
        let chosen = Arc::new(Chosen { by_name, otherwise });
        *self.chosen.write().unwrap_or_else(PoisonError::into_inner) = chosen;
    }

    /// The certificate for a host, in small letters; a wildcard stands for one label.
    fn of(&self, host: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let chosen = Arc::clone(&self.chosen.read().unwrap_or_else(PoisonError::into_inner));
        let named = host.and_then(|host| {
            chosen.by_name.get(host).or_else(|| {
                let (_, parent) = host.split_once('.')?;
                chosen.by_name.get(&format!("*.{parent}"))
            })
        });
        named.or(chosen.otherwise.as_ref()).cloned()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // rustls has checked the name and made its letters small.
        self.of(hello.server_name())
    }
}
