//! Certificates for tests: authorities, and what they or nobody vouch for.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate with its key and those above it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) pem: String,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Clone for Held {
    fn clone(&self) -> Self {
        Self { pem: self.pem.clone(), chain: self.chain.clone(), key: self.key.clone() }
    }
}

impl Held {
    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()))
    }

    /// The same without those above it.
    pub(crate) fn alone(mut self) -> Self {
        self.chain.truncate(1);
        self
    }
}

/// A certificate's subject `CN=…,O=Example` and its time.
pub(crate) fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    params
}

/// A certificate that nobody vouches for but its own key.
pub(crate) fn self_signed(params: &CertificateParams) -> Held {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Held {
        pem: certificate.pem(),
        chain: vec![certificate.der().clone()],
        key: key.serialize_der(),
    }
}

/// An authority, perhaps below others.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Below the root: what stands between.
    between: Vec<CertificateDer<'static>>,
}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(Self::params(name), key).unwrap();
        Self { issuer, between: Vec::new() }
    }

    pub(crate) fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(Self::params(name), key, &self.issuer).unwrap();
        let mut between = vec![issuer.der().clone()];
        between.extend(self.between.iter().cloned());
        Self { issuer, between }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = params(name);
        params.extended_key_usages.clear();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn vouches_for(&self, params: &CertificateParams) -> Held {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let mut chain = vec![certificate.der().clone()];
        chain.extend(self.between.iter().cloned());
        Held { pem: certificate.pem(), chain, key: key.serialize_der() }
    }

    /// The chain for a request, as PEM.
    pub(crate) fn signs(&self, request: &rcgen::CertificateSigningRequestParams) -> String {
        format!("{}{}", request.signed_by(&self.issuer).unwrap().pem(), self.issuer.pem())
    }
}
