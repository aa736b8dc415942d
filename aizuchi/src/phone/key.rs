//! The device's own key: made here, kept in the state file, never sent.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::terminal::Failed;

/// The kinds of key that a Guardian device may have (G30, G31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// P-256, `ES256`.
    Es256,
    /// RSA of 2048 bits, `RS256`, as the phone SDKs make it.
    Rs256,
}

/// A device key.
pub(crate) enum Key {
    /// `ES256`
    Es256 {
        /// What signs.
        pair: EcdsaKeyPair,
        /// As kept.
        pkcs8: Vec<u8>,
    },
    /// `RS256`
    Rs256 {
        /// What signs.
        pair: RsaKeyPair,
        /// As kept.
        pkcs8: Vec<u8>,
    },
}

impl Key {
    /// A fresh key.
    pub(crate) fn generate(kind: Kind) -> Result<Self, Failed> {
        let broken = || Failed::because("a device key cannot be made on this machine");
        match kind {
            Kind::Es256 => {
                let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pkcs8 = EcdsaKeyPair::generate_pkcs8(alg, &SystemRandom::new())
                    .map_err(|_unspecified| broken())?;
                Self::from_pkcs8(kind, pkcs8.as_ref())
            }
            Kind::Rs256 => {
                let pair =
                    RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_unspecified| broken())?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_unspecified| broken())?;
                Self::from_pkcs8(kind, der.as_ref())
            }
        }
    }

    fn from_pkcs8(kind: Kind, pkcs8: &[u8]) -> Result<Self, Failed> {
        let broken = |_rejected| Failed::because("the device key in the state file is damaged");
        let kept = pkcs8.to_vec();
        Ok(match kind {
            Kind::Es256 => Self::Es256 {
                pair: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map_err(broken)?,
                pkcs8: kept,
            },
            Kind::Rs256 => {
                Self::Rs256 { pair: RsaKeyPair::from_pkcs8(pkcs8).map_err(broken)?, pkcs8: kept }
            }
        })
    }

    /// The key of a state file: its `alg` and its PKCS#8 text.
    pub(crate) fn from_text(algorithm: &str, pkcs8: &str) -> Result<Self, Failed> {
        let damaged = || Failed::because("the device key in the state file is damaged");
        let kind = match algorithm {
            "ES256" => Kind::Es256,
            "RS256" => Kind::Rs256,
            _ => return Err(damaged()),
        };
        let bytes = STANDARD.decode(pkcs8).map_err(|_not_base64| damaged())?;
        Self::from_pkcs8(kind, &bytes)
    }

    /// The key as the state file keeps it.
    pub(crate) fn to_text(&self) -> String {
        let (Self::Es256 { pkcs8, .. } | Self::Rs256 { pkcs8, .. }) = self;
        STANDARD.encode(pkcs8)
    }

    /// The `alg` of its signatures.
    pub(crate) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256 { .. } => "ES256",
            Self::Rs256 { .. } => "RS256",
        }
    }

    /// The public half as the JWK that a Guardian device sends (B1.2).
    pub(crate) fn public_jwk(&self) -> Value {
        match self {
            Self::Es256 { pair, .. } => {
                let point = pair.public_key().as_ref();
                let half =
                    |at: usize| URL_SAFE_NO_PAD.encode(point.get(at..at + 32).unwrap_or_default());
                json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "x": half(1), "y": half(33)})
            }
            Self::Rs256 { pair, .. } => {
                let (n, e) = modulus_and_exponent(pair.public_key().as_ref()).unwrap_or_default();
                json!({"kty": "RSA", "alg": "RS256", "use": "sig", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e)})
            }
        }
    }

    /// A compact JWT over `header` and `claims`.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> Result<String, Failed> {
        let broken = |_unspecified| Failed::because("the device key cannot sign");
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let random = SystemRandom::new();
        let signature = match self {
            Self::Es256 { pair, .. } => {
                pair.sign(&random, input.as_bytes()).map_err(broken)?.as_ref().to_vec()
            }
            Self::Rs256 { pair, .. } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, input.as_bytes(), &mut signature)
                    .map_err(broken)?;
                signature
            }
        };
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The two numbers of an `RSAPublicKey` (RFC 8017 A.1.1: `SEQUENCE { INTEGER, INTEGER }`), without
/// the leading zero that DER puts before a set high bit.
fn modulus_and_exponent(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = tagged(der, 0x30)?;
    let (n, rest) = tagged(sequence, 0x02)?;
    let (e, _) = tagged(rest, 0x02)?;
    Some((n.strip_prefix(&[0]).unwrap_or(n), e.strip_prefix(&[0]).unwrap_or(e)))
}

/// The content of the DER element at the start of `der`, and what follows it.
fn tagged(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => {
            let (high, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*high)), rest)
        }
        _ => return None,
    };
    (found == tag).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
        VerificationAlgorithm,
    };
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::{Key, Kind};

    #[test]
    fn a_kept_key_signs_like_the_one_that_was_made() {
        for kind in [Kind::Es256, Kind::Rs256] {
            let made = Key::generate(kind).unwrap();
            let kept = Key::from_text(made.algorithm(), &made.to_text()).unwrap();
            assert_eq!(made.public_jwk(), kept.public_jwk());
            let jwt = kept.sign(&json!({"alg": kept.algorithm()}), &json!({"sub": "a"})).unwrap();
            let (input, signature) = jwt.rsplit_once('.').unwrap();
            let (algorithm, public): (&dyn VerificationAlgorithm, Vec<u8>) = match &made {
                Key::Es256 { pair, .. } => {
                    (&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref().to_vec())
                }
                Key::Rs256 { pair, .. } => {
                    (&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec())
                }
            };
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            UnparsedPublicKey::new(algorithm, public).verify(input.as_bytes(), &signature).unwrap();
        }
    }

    #[test]
    fn an_rsa_key_has_a_canonical_modulus() {
        let jwk = Key::generate(Kind::Rs256).unwrap().public_jwk();
        let n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
        assert_eq!((n.len(), n[0] >= 0x80, jwk["e"].as_str().unwrap()), (256, true, "AQAB"));
    }

    #[test]
    fn a_damaged_key_is_refused() {
        assert!(Key::from_text("ES256", "AAAA").is_err());
        assert!(Key::from_text("HS256", "AAAA").is_err());
    }
}
