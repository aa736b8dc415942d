//! A client's certificate: what it says of itself. Whether anybody vouches for it is decided by
//! whoever has the roots.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::subject::Subject;
use crate::jose::certificate_in_pem;
use crate::{Fingerprint, Timestamp};

/// No certificate we take is larger.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// No more names of one certificate are looked at.
pub const MAX_NAMES: usize = 500;

/// What a certificate says: subject and time; and which one it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    subject: Option<Subject>,
    thumbprint: Fingerprint,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("thumbprint", &self.thumbprint_text()).finish()
    }
}

impl Certificate {
    /// Reads DER. `None` if it is no certificate, too large, or followed by anything.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return None;
        }
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let moment = |seconds: i64| Timestamp::from_ms(seconds.saturating_mul(1000));
        Some(Self {
            der: der.to_vec(),
            subject: subject(certificate.subject()),
            thumbprint: Fingerprint::of(der),
            not_before: moment(certificate.validity().not_before.timestamp()),
            not_after: moment(certificate.validity().not_after.timestamp()),
        })
    }

    /// Reads the first block of a PEM text, which must be a certificate.
    pub fn from_pem(text: &str) -> Option<Self> {
        Self::from_der(&certificate_in_pem(text)?)
    }

    /// The certificate itself.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whom it names; `None` if it names nobody, or in a way we do not read.
    pub const fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }

    /// SHA-256 of the whole certificate.
    pub const fn thumbprint(&self) -> &Fingerprint {
        &self.thumbprint
    }

    /// The same as text: `x5t#S256` (RFC 8705 3.1).
    pub fn thumbprint_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.thumbprint.as_bytes())
    }

    /// Until when it says that it is good.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The host names it is for, in small letters; at most [`MAX_NAMES`] of them.
    pub fn dns_names(&self) -> Vec<String> {
        let Ok((_, certificate)) = X509Certificate::from_der(&self.der) else { return Vec::new() };
        let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
        let dns = |name: &GeneralName<'_>| {
            let GeneralName::DNSName(name) = name else { return None };
            Some(name.to_ascii_lowercase())
        };
        names.value.general_names.iter().filter_map(dns).take(MAX_NAMES).collect()
    }

    /// Whether `now` lies in the time it is good for, both ends included (RFC 5280 4.1.2.5).
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after.plus_ms(999)
    }
}

fn subject(name: &X509Name<'_>) -> Option<Subject> {
    let mut parts = Vec::new();
    for part in name.iter_rdn() {
        let mut attributes = Vec::new();
        for attribute in part.iter() {
            let value = attribute.as_str().ok()?;
            attributes.push((attribute.attr_type().to_id_string(), value.to_owned()));
        }
        parts.push(attributes);
    }
    Subject::from_parts(&parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Certificate;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(Certificate::from_der(&bytes), None);
        }
    }
}
