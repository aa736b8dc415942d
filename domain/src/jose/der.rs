//! The little DER we need: to find a public key in SPKI, PKCS#1, PKCS#8 and X.509.
//!
//! Only definite, minimal lengths; nothing is decoded that is not asked for.

/// `SEQUENCE`.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// The optional `[0] version` of a certificate.
const CONTEXT_0: u8 = 0xA0;

const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];

use super::KeyType;

/// A cursor over DER elements.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next element: its tag and its content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let count = usize::from(*first & 0x7F);
            if !(1..=3).contains(&count) {
                return None;
            }
            let (digits, rest) = rest.split_at_checked(count)?;
            let length = digits.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            let is_minimal = digits.first() != Some(&0) && length >= 0x80;
            (is_minimal.then_some(length)?, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().and_then(|(found, content)| (found == tag).then_some(content))
    }

    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.expect(SEQUENCE).map(Self)
    }

    /// A non-negative integer, big-endian, with the sign byte DER may put in front.
    pub(super) fn integer(&mut self) -> Option<&'a [u8]> {
        self.expect(INTEGER)
    }

    /// An `AlgorithmIdentifier` of a key we know.
    fn key_type(&mut self) -> Option<KeyType> {
        let mut algorithm = self.sequence()?;
        let oid = algorithm.expect(OBJECT_IDENTIFIER)?;
        if oid == RSA_ENCRYPTION {
            Some(KeyType::Rsa)
        } else if oid == ED25519 {
            Some(KeyType::Ed25519)
        } else if oid == EC_PUBLIC_KEY {
            let curve = algorithm.expect(OBJECT_IDENTIFIER)?;
            if curve == P256 {
                Some(KeyType::P256)
            } else {
                (curve == P384).then_some(KeyType::P384)
            }
        } else {
            None
        }
    }
}

/// Type and key bits of a `SubjectPublicKeyInfo`.
pub(super) fn public_key(spki: &[u8]) -> Option<(KeyType, &[u8])> {
    let mut reader = Reader::new(spki).sequence()?;
    let key_type = reader.key_type()?;
    let bits = reader.expect(BIT_STRING)?;
    let (unused, key) = bits.split_first()?;
    (*unused == 0).then_some((key_type, key))
}

/// Type and key bits of the subject of an X.509 certificate. Nothing else of it is looked at.
pub(super) fn certified_key(certificate: &[u8]) -> Option<(KeyType, &[u8])> {
    let mut body = Reader::new(certificate).sequence()?.sequence()?;
    let (tag, _) = body.next()?;
    if tag == CONTEXT_0 {
        body.integer()?; // serial number
    }
    for _ in ["signature", "issuer", "validity", "subject"] {
        body.sequence()?;
    }
    let mut info = body.sequence()?;
    let key_type = info.key_type()?;
    let (unused, key) = info.expect(BIT_STRING)?.split_first()?;
    (*unused == 0).then_some((key_type, key))
}

/// An ECDSA signature as a JWS has it (RFC 7518 3.4): both numbers in `width` bytes each.
pub(crate) fn fixed_signature(der: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut numbers = Reader::new(der).sequence()?;
    let mut fixed = Vec::with_capacity(2 * width);
    for number in [numbers.integer()?, numbers.integer()?] {
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        fixed.resize(fixed.len() + width.checked_sub(number.len())?, 0);
        fixed.extend(number);
    }
    Some(fixed)
}

/// The type of key in a PKCS#8 `PrivateKeyInfo`.
pub(super) fn private_key_type(pkcs8: &[u8]) -> Option<KeyType> {
    let mut reader = Reader::new(pkcs8).sequence()?;
    reader.integer()?; // version
    reader.key_type()
}

/// The private members of the JWK (RFC 7518 6) for the key in a PKCS#8 `PrivateKeyInfo`.
pub(super) fn private_numbers(
    key_type: KeyType,
    pkcs8: &[u8],
) -> Option<Vec<(&'static str, &[u8])>> {
    let mut info = Reader::new(pkcs8).sequence()?;
    info.integer()?; // version
    info.sequence()?; // algorithm
    let mut key = Reader::new(info.expect(OCTET_STRING)?);
    match key_type {
        KeyType::Rsa => {
            let mut numbers = key.sequence()?;
            for _ in ["version", "n", "e"] {
                numbers.integer()?;
            }
            let mut named = Vec::new();
            for name in ["d", "p", "q", "dp", "dq", "qi"] {
                let number = numbers.integer()?;
                named.push((name, number.strip_prefix(&[0]).unwrap_or(number)));
            }
            Some(named)
        }
        KeyType::P256 | KeyType::P384 => {
            let mut numbers = key.sequence()?;
            numbers.integer()?; // version
            Some(vec![("d", numbers.expect(OCTET_STRING)?)])
        }
        KeyType::Ed25519 => Some(vec![("d", key.expect(OCTET_STRING)?)]),
    }
}

/// Modulus and exponent of a PKCS#1 `RSAPublicKey`.
pub(super) fn rsa_numbers(pkcs1: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(pkcs1).sequence()?;
    Some((reader.integer()?, reader.integer()?))
}
