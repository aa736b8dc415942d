//! Compact JWS by a P-256 or an RSA key.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// A private key.
pub(crate) enum Key {
    Es256(Box<EcdsaKeyPair>),
    Rs256(RsaKeyPair),
}

impl Key {
    /// From PKCS#8, DER.
    pub(crate) fn read(der: &[u8], alg: &str) -> Result<Self, String> {
        let refused = |error| format!("key for {alg}: {error}");
        match alg {
            "ES256" => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
                .map(|pair| Self::Es256(Box::new(pair)))
                .map_err(refused),
            "RS256" => RsaKeyPair::from_pkcs8(der).map(Self::Rs256).map_err(refused),
            _ => Err(format!("no alg {alg}")),
        }
    }

    pub(crate) fn alg(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Rs256(_) => "RS256",
        }
    }

    pub(crate) fn jws(&self, header: &Value, payload: &Value) -> Result<String, String> {
        let mut text = URL_SAFE_NO_PAD.encode(header.to_string());
        text.push('.');
        text.push_str(&URL_SAFE_NO_PAD.encode(payload.to_string()));
        let failed = |_| "signing failed".to_owned();
        let random = SystemRandom::new();
        let signature = match self {
            Self::Es256(pair) => {
                pair.sign(&random, text.as_bytes()).map_err(failed)?.as_ref().to_vec()
            }
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
                    .map_err(failed)?;
                signature
            }
        };
        text.push('.');
        text.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(text)
    }
}
