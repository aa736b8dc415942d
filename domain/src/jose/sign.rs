//! Private keys: made or parsed once, then signing.

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Algorithm, KeyType, PublicKey, der, pem};

/// Why a private key cannot be made, read or used. Holds nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFailure {
    /// Not an unencrypted PKCS#8 key of a kind we know.
    Unreadable,
    /// The algorithm is not one of the key's.
    AlgorithmMismatch,
    /// The header is no JSON object we could add to, or the library refused: our fault.
    Internal,
}

impl fmt::Display for KeyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "not a PKCS#8 key (RSA from 2048 bits, P-256, P-384, Ed25519)",
            Self::AlgorithmMismatch => "the algorithm is not one of the key's",
            Self::Internal => "signing failed",
        })
    }
}

impl std::error::Error for KeyFailure {}

/// What stands in a header beside `alg`.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeaderFields<'a> {
    /// `typ`.
    pub typ: Option<&'a str>,
    /// `kid`.
    pub kid: Option<&'a str>,
    /// `jwk`: the signing key's own public half.
    pub jwk: Option<&'a PublicKey>,
}

/// A private key, parsed once, with its public half.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Makes a key; RSA of 2048 bits, which takes a good part of a second.
    pub fn generate(key_type: KeyType) -> Result<Self, KeyFailure> {
        let pair = match key_type {
            KeyType::Rsa => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            KeyType::P256 => {
                EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::Ec)
            }
            KeyType::P384 => {
                EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING).map(Pair::Ec)
            }
            KeyType::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        Self::new(key_type, pair.map_err(|_unspecified| KeyFailure::Internal)?)
    }

    /// Reads an unencrypted PKCS#8 key; its kind is told by the key itself.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyFailure> {
        let key_type = der::private_key_type(pkcs8).ok_or(KeyFailure::Unreadable)?;
        let pair = match key_type {
            KeyType::Rsa => RsaKeyPair::from_pkcs8(pkcs8).map(Pair::Rsa),
            KeyType::P256 => {
                EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map(Pair::Ec)
            }
            KeyType::P384 => {
                EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, pkcs8)
                    .map(Pair::Ec)
            }
            KeyType::Ed25519 => Ed25519KeyPair::from_pkcs8(pkcs8).map(Pair::Ed25519),
        };
        Self::new(key_type, pair.map_err(|_rejected| KeyFailure::Unreadable)?)
    }

    /// Reads the first `PRIVATE KEY` block of a PEM text: APNs `.p8` files, FCM service accounts.
    pub fn from_pem(text: &str) -> Result<Self, KeyFailure> {
        match pem::first_block(text) {
            Some(("PRIVATE KEY", pkcs8)) => Self::from_pkcs8(&pkcs8),
            Some(_) | None => Err(KeyFailure::Unreadable),
        }
    }

    fn new(key_type: KeyType, pair: Pair) -> Result<Self, KeyFailure> {
        let bits = match &pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ec(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        };
        let public =
            PublicKey::from_bits(key_type, bits).map_err(|_refused| KeyFailure::Unreadable)?;
        Ok(Self { pair, public })
    }

    /// The key as PKCS#8, to be sealed and stored.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyFailure> {
        let document = match &self.pair {
            Pair::Rsa(pair) => pair.as_der().map(|der| der.as_ref().to_vec()),
            Pair::Ec(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
        };
        document.map(Zeroizing::new).map_err(|_unspecified| KeyFailure::Internal)
    }

    /// The key as a private JWK, for whoever is handed a ready-made one.
    pub fn to_private_jwk(&self, kid: &str, algorithm: Algorithm) -> Result<Value, KeyFailure> {
        let pkcs8 = self.to_pkcs8()?;
        let key_type = self.public.key_type();
        let numbers = der::private_numbers(key_type, &pkcs8).ok_or(KeyFailure::Internal)?;
        let mut jwk = self.public.to_jwk(Some(kid), Some(algorithm));
        let members = jwk.as_object_mut().ok_or(KeyFailure::Internal)?;
        for (name, number) in numbers {
            members.insert(name.to_owned(), URL_SAFE_NO_PAD.encode(number).into());
        }
        Ok(jwk)
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs claims; the header is `alg` and `fields`.
    pub fn sign(
        &self,
        algorithm: Algorithm,
        fields: &HeaderFields<'_>,
        claims_json: &str,
    ) -> Result<String, KeyFailure> {
        let mut header = Map::new();
        header.insert("alg".to_owned(), algorithm.name().into());
        if let Some(typ) = fields.typ {
            header.insert("typ".to_owned(), typ.into());
        }
        if let Some(kid) = fields.kid {
            header.insert("kid".to_owned(), kid.into());
        }
        if let Some(jwk) = fields.jwk {
            let jwk = serde_json::from_str(jwk.canonical_json());
            header.insert("jwk".to_owned(), jwk.map_err(|_never| KeyFailure::Internal)?);
        }
        self.sign_compact(algorithm, &Value::Object(header).to_string(), claims_json)
    }

    /// Signs a header and claims as they are. The caller's header must name `algorithm`.
    pub fn sign_compact(
        &self,
        algorithm: Algorithm,
        header_json: &str,
        claims_json: &str,
    ) -> Result<String, KeyFailure> {
        let mut token = URL_SAFE_NO_PAD.encode(header_json);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims_json, &mut token);
        let signature = self.sign_bytes(algorithm, token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The bare signature; for ECDSA as `r‖s`.
    pub fn sign_bytes(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyFailure> {
        if !self.public.fits(algorithm) {
            return Err(KeyFailure::AlgorithmMismatch);
        }
        let random = SystemRandom::new();
        let signed = match &self.pair {
            Pair::Rsa(pair) => {
                let encoding = rsa_encoding(algorithm).ok_or(KeyFailure::AlgorithmMismatch)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).map(|()| signature)
            }
            Pair::Ec(pair) => pair.sign(&random, message).map(|tag| tag.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.try_sign(message).map(|tag| tag.as_ref().to_vec()),
        };
        signed.map_err(|_unspecified| KeyFailure::Internal)
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Ed25519 => None,
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.public)
    }
}
