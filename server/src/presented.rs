//! The certificate that came with a request: by the connection, or in a trusted proxy's headers.

use domain::Timestamp;
use domain::oauth::certificate::Certificate;
use domain::oauth::subject::Subject;

use crate::client_roots::ClientRoots;

/// Who looked at the chain of a presented certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assurance {
    /// Nobody yet: we do, against our own authorities.
    Ours,
    /// The proxy, and an authority vouches for it (`client-certificate-ca-verified: SUCCESS`).
    ProxyVouches,
    /// The proxy, and nobody vouches for it (`FAILED`).
    NobodyVouches,
}

/// A certificate whose key the sender of a request holds.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The certificate.
    pub certificate: Certificate,
    /// Those above it, as the sender gave them.
    pub chain: Vec<Vec<u8>>,
    /// Who looked at the chain.
    pub assurance: Assurance,
}

impl Presented {
    /// A certificate as DER with the chain above it; `None` if it cannot be read.
    pub fn read(ders: &[impl AsRef<[u8]>], assurance: Assurance) -> Option<Self> {
        let (first, chain) = ders.split_first()?;
        let certificate = Certificate::from_der(first.as_ref())?;
        let chain = chain.iter().map(|der| der.as_ref().to_vec()).collect();
        Some(Self { certificate, chain, assurance })
    }

    /// Whether an authority vouches for the certificate at `now`, and it names one of `subjects`
    /// (RFC 8705 2.1).
    pub fn is_vouched_for(
        &self,
        subjects: &[&Subject],
        roots: &ClientRoots,
        now: Timestamp,
    ) -> bool {
        let is_named = self
            .certificate
            .subject()
            .is_some_and(|named| subjects.iter().any(|subject| subject.matches(named)));
        is_named
            && self.certificate.is_current(now)
            && match self.assurance {
                Assurance::Ours => roots.vouch_for(self.certificate.der(), &self.chain, now),
                Assurance::ProxyVouches => true,
                Assurance::NobodyVouches => false,
            }
    }
}
