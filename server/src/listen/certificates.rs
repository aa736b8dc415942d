//! The certificates we serve, chosen by the name that a client asks for (SNI), replaced while
//! connections come and go.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use domain::oauth::certificate::Certificate;
use rustls::SignatureAlgorithm;
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

    /// The same for what an authority is shown, whose critical extension (RFC 8737 3) no verifier
    /// of ours reads: whether the key fits is not looked at.
    pub fn challenge_from_pem(
        certificate: &[u8],
        key: &[u8],
        provider: &CryptoProvider,
    ) -> Result<Self, TlsError> {
        let certificate = CertificateDer::from_pem_slice(certificate)
            .map_err(|error| TlsError::Certificate(error.to_string()))?;
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::Key(error.to_string()))?;
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|error| TlsError::Key(error.to_string()))?;
        let key = Arc::new(CertifiedKey::new(vec![certificate], key));
        Ok(Self { key, names: Vec::new() })
    }

    /// Whether its key is an RSA key.
    pub fn is_rsa(&self) -> bool {
        self.key.key.algorithm() == SignatureAlgorithm::RSA
    }

    /// The host names it is for, in small letters.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// The protocol by which an authority looks whether a host is ours (RFC 8737).
pub(super) const CHALLENGE_PROTOCOL: &[u8] = b"acme-tls/1";

/// Every certificate of the server: those of files, and those that were fetched.
#[derive(Debug, Default)]
pub struct Certificates {
    sources: Mutex<Sources>,
    chosen: RwLock<Arc<Chosen>>,
    challenges: RwLock<HashMap<String, Served>>,
}

#[derive(Debug, Default)]
struct Sources {
    files: Vec<Served>,
    fetched: Vec<Served>,
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

impl Chosen {
    /// The first to name a host has it, the first of all has the rest.
    fn of(sources: &Sources) -> Self {
        let all = || sources.files.iter().chain(&sources.fetched);
        let mut by_name = HashMap::new();
        for served in all() {
            for name in &served.names {
                by_name.entry(name.clone()).or_insert_with(|| Arc::clone(&served.key));
            }
        }
        Self { by_name, otherwise: all().next().map(|served| Arc::clone(&served.key)) }
    }
}

impl Certificates {
    /// Serves these of files from now on, before any that was fetched.
    pub fn replace(&self, all: &[Served]) {
        self.change(|sources| sources.files = all.to_vec());
    }

    /// Serves these that were fetched from now on.
    pub fn replace_fetched(&self, all: Vec<Served>) {
        self.change(|sources| sources.fetched = all);
    }

    /// Whether every certificate that is served has an RSA key.
    pub fn are_rsa(&self) -> bool {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.files.iter().chain(&sources.fetched).all(Served::is_rsa)
    }

    /// Whether a certificate of a file is for the host.
    pub fn is_in_files(&self, host: &str) -> bool {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let wild = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let is_for = |name: &String| name == host || Some(name) == wild.as_ref();
        sources.files.iter().any(|served| served.names.iter().any(is_for))
    }

    /// Shows an authority these, by host, and no others.
    pub fn answer_challenges(&self, shown: Vec<(String, Served)>) {
        let mut challenges = self.challenges.write().unwrap_or_else(PoisonError::into_inner);
        *challenges = shown.into_iter().collect();
    }

    /// Shows an authority this for a host.
    pub fn answer_challenge(&self, host: &str, shown: &Served) {
        let mut challenges = self.challenges.write().unwrap_or_else(PoisonError::into_inner);
        challenges.insert(host.to_owned(), shown.clone());
    }

    /// Shows an authority nothing for a host any more.
    pub fn forget_challenge(&self, host: &str) {
        self.challenges.write().unwrap_or_else(PoisonError::into_inner).remove(host);
    }

    fn change(&self, change: impl FnOnce(&mut Sources)) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut sources);
        let chosen = Arc::new(Chosen::of(&sources));
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
        let host = hello.server_name();
        let is_challenge = hello
            .alpn()
            .is_some_and(|mut protocols| protocols.any(|one| one == CHALLENGE_PROTOCOL));
        if is_challenge {
            let challenges = self.challenges.read().unwrap_or_else(PoisonError::into_inner);
            return challenges.get(host?).map(|served| Arc::clone(&served.key));
        }
        self.of(host)
    }
}
