//! Public keys: from JWK and PEM, to canonical JWK, with their RFC 7638 thumbprint.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::{Algorithm, KeyType, der, pem};
use crate::Fingerprint;

/// RSA keys below are refused.
const MIN_RSA_BITS: usize = 2048;
/// RSA keys above are refused: verifying would cost too much.
const MAX_RSA_BITS: usize = 8192;
/// `n` as text is not longer, leading zero bytes included.
const MAX_MEMBER_CHARS: usize = 1400;
/// Members that only a private or secret key has.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a key was refused. Names members, never values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwkError {
    /// Not a JSON object.
    NotAnObject,
    /// It holds a member that only a private or secret key has.
    Private(&'static str),
    /// A member is missing.
    Missing(&'static str),
    /// A member is of another form than it must be.
    Malformed(&'static str),
    /// `kty` is none of `RSA`, `EC`, `OKP`.
    UnknownKeyType,
    /// `crv` is none of `P-256`, `P-384`, `Ed25519`, or does not belong to `kty`.
    UnknownCurve,
    /// An RSA key of this many bits, outside 2048 to 8192.
    RsaSize(usize),
    /// `alg` does not fit the key.
    AlgorithmMismatch,
    /// `use` or `key_ops` does not allow verifying signatures.
    NotForSignatures,
    /// The numbers make no key: off the curve, even modulus.
    NotAKey,
    /// The PEM text holds no public key or certificate that we read.
    Pem,
    /// The PEM text holds a private key.
    PrivatePem,
}

impl fmt::Display for JwkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("the key is not a JSON object"),
            Self::Private(name) => write!(f, "the key holds the private member {name}"),
            Self::Missing(name) => write!(f, "the key has no member {name}"),
            Self::Malformed(name) => write!(f, "member {name} of the key is malformed"),
            Self::UnknownKeyType => f.write_str("kty is none of RSA, EC and OKP"),
            Self::UnknownCurve => f.write_str("crv is none of P-256, P-384 (EC), Ed25519 (OKP)"),
            Self::RsaSize(bits) => {
                write!(f, "the RSA key has {bits} bits, not {MIN_RSA_BITS} to {MAX_RSA_BITS}")
            }
            Self::AlgorithmMismatch => f.write_str("alg does not fit the key"),
            Self::NotForSignatures => f.write_str("the key is not for signatures"),
            Self::NotAKey => f.write_str("the members make no valid key"),
            Self::Pem => f.write_str(
                "the text holds no PEM public key (RSA, P-256, P-384, Ed25519) or certificate",
            ),
            Self::PrivatePem => f.write_str("the text holds a private key, not a public one"),
        }
    }
}

impl std::error::Error for JwkError {}

/// A public key, checked once; cloning shares it.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    key_type: KeyType,
    material: Material,
    canonical: String,
    thumbprint: Fingerprint,
}

enum Material {
    /// One slot per RSA algorithm, filled when first used: aws-lc-rs parses a key for one algorithm.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
        parsed: Box<[OnceLock<ParsedPublicKey>; 6]>,
    },
    Other(ParsedPublicKey),
}

impl PublicKey {
    /// Reads a public JWK. Other members than those of the key (`alg`, `use`, `kid`, …) may be there
    /// but must not contradict it.
    pub fn from_jwk(jwk: &Value) -> Result<Self, JwkError> {
        Self::from_jwk_members(jwk.as_object().ok_or(JwkError::NotAnObject)?)
    }

    /// Like [`Self::from_jwk`], for members already taken out of their value.
    pub fn from_jwk_members(members: &Map<String, Value>) -> Result<Self, JwkError> {
        if let Some(name) = PRIVATE_MEMBERS.into_iter().find(|name| members.contains_key(*name)) {
            return Err(JwkError::Private(name));
        }
        let curve = members.get("crv").and_then(Value::as_str);
        let key = match (text(members, "kty")?, curve) {
            ("RSA", _) => Self::from_rsa(&bytes(members, "n")?, &bytes(members, "e")?)?,
            ("EC", Some("P-256")) => {
                Self::from_point(KeyType::P256, &bytes(members, "x")?, &bytes(members, "y")?)?
            }
            ("EC", Some("P-384")) => {
                Self::from_point(KeyType::P384, &bytes(members, "x")?, &bytes(members, "y")?)?
            }
            ("OKP", Some("Ed25519")) => Self::from_ed25519(&bytes(members, "x")?)?,
            ("EC" | "OKP", _) => return Err(JwkError::UnknownCurve),
            _ => return Err(JwkError::UnknownKeyType),
        };
        key.check_purpose(members)?;
        Ok(key)
    }

    /// Reads the first block of a PEM text: `PUBLIC KEY` (SPKI), `RSA PUBLIC KEY` or `CERTIFICATE`,
    /// of which only the key counts.
    pub fn from_pem(text: &str) -> Result<Self, JwkError> {
        let (label, block) = pem::first_block(text).ok_or(JwkError::Pem)?;
        match label {
            "PUBLIC KEY" => Self::from_spki(&block),
            "RSA PUBLIC KEY" => Self::from_bits(KeyType::Rsa, &block),
            "CERTIFICATE" => Self::from_certificate(&block),
            _ if label.ends_with("PRIVATE KEY") => Err(JwkError::PrivatePem),
            _ => Err(JwkError::Pem),
        }
    }

    /// Reads a DER `SubjectPublicKeyInfo`.
    pub fn from_spki(spki: &[u8]) -> Result<Self, JwkError> {
        let (key_type, bits) = der::public_key(spki).ok_or(JwkError::Pem)?;
        Self::from_bits(key_type, bits)
    }

    /// Takes the subject's key out of a DER certificate. Nothing about the certificate is verified.
    pub fn from_certificate(certificate: &[u8]) -> Result<Self, JwkError> {
        let (key_type, bits) = der::certified_key(certificate).ok_or(JwkError::Pem)?;
        Self::from_bits(key_type, bits)
    }

    /// The key in the bits of a `SubjectPublicKeyInfo`.
    pub(super) fn from_bits(key_type: KeyType, bits: &[u8]) -> Result<Self, JwkError> {
        match key_type {
            KeyType::Rsa => {
                let (n, e) = der::rsa_numbers(bits).ok_or(JwkError::NotAKey)?;
                Self::from_rsa(n, e)
            }
            KeyType::P256 | KeyType::P384 => {
                let point = bits.strip_prefix(&[4]).ok_or(JwkError::NotAKey)?;
                let (x, y) = point.split_at_checked(point.len() / 2).ok_or(JwkError::NotAKey)?;
                Self::from_point(key_type, x, y)
            }
            KeyType::Ed25519 => Self::from_ed25519(bits),
        }
    }

    fn from_rsa(n: &[u8], e: &[u8]) -> Result<Self, JwkError> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let unused_bits = n.first().map_or(0, |byte| byte.leading_zeros());
        let bits = (n.len() * 8).saturating_sub(unused_bits as usize);
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
            return Err(JwkError::RsaSize(bits));
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        if e.len() > 4 || e == [1] || !is_odd(e) || !is_odd(n) {
            return Err(JwkError::NotAKey);
        }
        let canonical = format!(
            r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
            URL_SAFE_NO_PAD.encode(e),
            URL_SAFE_NO_PAD.encode(n)
        );
        let material = Material::Rsa { n: n.to_vec(), e: e.to_vec(), parsed: Box::default() };
        let key = Self::new(KeyType::Rsa, material, canonical);
        key.parsed(Algorithm::Rs256).ok_or(JwkError::NotAKey)?;
        Ok(key)
    }

    fn from_point(key_type: KeyType, x: &[u8], y: &[u8]) -> Result<Self, JwkError> {
        let (curve, length, algorithm) = match key_type {
            KeyType::P256 => ("P-256", 32, &signature::ECDSA_P256_SHA256_FIXED),
            KeyType::P384 => ("P-384", 48, &signature::ECDSA_P384_SHA384_FIXED),
            KeyType::Rsa | KeyType::Ed25519 => return Err(JwkError::UnknownCurve),
        };
        if x.len() != length {
            return Err(JwkError::Malformed("x"));
        }
        if y.len() != length {
            return Err(JwkError::Malformed("y"));
        }
        let point = [&[4], x, y].concat();
        let parsed =
            ParsedPublicKey::new(algorithm, point).map_err(|_rejected| JwkError::NotAKey)?;
        let canonical = format!(
            r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#,
            URL_SAFE_NO_PAD.encode(x),
            URL_SAFE_NO_PAD.encode(y)
        );
        Ok(Self::new(key_type, Material::Other(parsed), canonical))
    }

    fn from_ed25519(x: &[u8]) -> Result<Self, JwkError> {
        if x.len() != 32 {
            return Err(JwkError::Malformed("x"));
        }
        let parsed =
            ParsedPublicKey::new(&signature::ED25519, x).map_err(|_rejected| JwkError::NotAKey)?;
        let x = URL_SAFE_NO_PAD.encode(x);
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Ok(Self::new(KeyType::Ed25519, Material::Other(parsed), canonical))
    }

    fn new(key_type: KeyType, material: Material, canonical: String) -> Self {
        let thumbprint = Fingerprint::of(canonical.as_bytes());
        Self(Arc::new(Inner { key_type, material, canonical, thumbprint }))
    }

    fn check_purpose(&self, members: &Map<String, Value>) -> Result<(), JwkError> {
        if let Some(alg) = members.get("alg") {
            let alg = alg.as_str().ok_or(JwkError::Malformed("alg"))?;
            let fits = Algorithm::from_name(alg).is_some_and(|alg| self.fits(alg));
            if !fits {
                return Err(JwkError::AlgorithmMismatch);
            }
        }
        match members.get("use").map(Value::as_str) {
            None | Some(Some("sig")) => {}
            Some(Some(_)) => return Err(JwkError::NotForSignatures),
            Some(None) => return Err(JwkError::Malformed("use")),
        }
        let allows_verify = |operations: &Value| {
            operations.as_array().is_some_and(|list| list.iter().any(|op| op == "verify"))
        };
        match members.get("key_ops") {
            Some(operations) if !allows_verify(operations) => Err(JwkError::NotForSignatures),
            Some(_) | None => Ok(()),
        }
    }

    /// What kind of key it is.
    pub fn key_type(&self) -> KeyType {
        self.0.key_type
    }

    /// Whether `algorithm` belongs to this kind of key.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        algorithm.key_type() == self.0.key_type
    }

    /// The canonical JWK of RFC 7638: required members only, in order, no spaces.
    pub fn canonical_json(&self) -> &str {
        &self.0.canonical
    }

    /// The RFC 7638 thumbprint as bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.thumbprint
    }

    /// The RFC 7638 thumbprint as text, 43 characters: a `kid`, a `jkt`.
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.thumbprint.as_bytes())
    }

    /// The JWK as key sets publish it: with `use`, and `kid` and `alg` where they are given.
    pub fn to_jwk(&self, kid: Option<&str>, alg: Option<Algorithm>) -> Value {
        let mut jwk: Value = serde_json::from_str(&self.0.canonical).unwrap_or_default();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("use".to_owned(), "sig".into());
            if let Some(kid) = kid {
                members.insert("kid".to_owned(), kid.into());
            }
            if let Some(alg) = alg {
                members.insert("alg".to_owned(), alg.name().into());
            }
        }
        jwk
    }

    /// Whether `signature` is this key's over `message`. False too if the algorithm does not fit.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.parsed(algorithm).is_some_and(|key| key.verify_sig(message, signature).is_ok())
    }

    fn parsed(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        match &self.0.material {
            Material::Other(key) => self.fits(algorithm).then_some(key),
            Material::Rsa { n, e, parsed } => {
                let parameters = algorithm.rsa_parameters()?;
                let slot = parsed.get(algorithm as usize)?;
                if let Some(key) = slot.get() {
                    return Some(key);
                }
                let components = PublicKeyComponents { n, e };
                let key = components.to_parsed_public_key(parameters).ok()?;
                Some(slot.get_or_init(|| key))
            }
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.canonical == other.0.canonical
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?} {})", self.0.key_type, self.thumbprint())
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, JwkError> {
    let value = members.get(name).ok_or(JwkError::Missing(name))?;
    value.as_str().ok_or(JwkError::Malformed(name))
}

fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    let text = text(members, name)?;
    if text.len() > MAX_MEMBER_CHARS {
        return Err(JwkError::Malformed(name));
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_not_base64url| JwkError::Malformed(name))
}

/// Both Guardian SDKs put the sign byte of DER in front of `n`, which RFC 7518 forbids.
fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
