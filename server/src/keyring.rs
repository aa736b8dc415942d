//! A tenant's signing keys, parsed once: what signs now, and what is published.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::jose::{
    Algorithm, HeaderFields, KeyType, NONCE_BYTES, PublicKey, SealingKeys, SigningKey,
};
use domain::{TenantId, Timestamp};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use store::signing_keys::{SigningKeyRow, Stage};

use crate::failure::Broken;
use crate::outside::Entropy;

/// The keys every tenant has from its first day: RS256 as Auth0's SDKs expect, ES256 as we choose.
pub const KEY_TYPES: [KeyType; 2] = [KeyType::Rsa, KeyType::P256];

/// What an RSA key signs beside RS256. A key set says of each key the one algorithm it is for, so
/// the same key stands there once more, under a name of its own (RFC 7517 4.4).
pub(crate) const FURTHER: [Algorithm; 2] = [Algorithm::Rs512, Algorithm::Ps256];

/// What a key set shows beside RSA keys for RS256, which it always does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Elliptic keys, where a client or an API asks for them: auth0-python reads every key of a set
    /// as one of RSA, and fails at others.
    pub elliptic: bool,
    /// Those of [`FURTHER`] that a client or an API asks for.
    pub further: Vec<Algorithm>,
}

/// The name of a key where it signs with one of [`FURTHER`].
fn further_name(kid: &str, algorithm: Algorithm) -> String {
    format!("{kid}.{}", algorithm.name())
}

/// The keys of one tenant.
pub struct Keyring {
    signing: Vec<(String, SigningKey)>,
    published: Vec<(String, PublicKey)>,
    public_set: String,
    further: Vec<Algorithm>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<&String> = self.published.iter().map(|(kid, _)| kid).collect();
        f.debug_struct("Keyring").field("kids", &kids).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Opens the rows of one tenant; `shown` are the keys that its key set shows.
    pub fn open(
        tenant: &TenantId,
        rows: &[SigningKeyRow],
        sealing: &SealingKeys,
        shown: &Shown,
    ) -> Result<Self, Broken> {
        let mut keyring = Self {
            signing: Vec::new(),
            published: Vec::new(),
            public_set: String::new(),
            further: shown.further.clone(),
        };
        let mut set = Vec::new();
        for row in rows.iter().filter(|row| row.revoked_at.is_none()) {
            let jwk: Value = serde_json::from_str(&row.public_jwk).map_err(Broken::because)?;
            let key = PublicKey::from_jwk(&jwk).map_err(Broken::because)?;
            if key.key_type() == KeyType::Rsa {
                for algorithm in FURTHER {
                    let kid = further_name(&row.kid, algorithm);
                    if shown.further.contains(&algorithm) {
                        set.push(renamed(&jwk, &kid, algorithm));
                    }
                    keyring.published.push((kid, key.clone()));
                }
            }
            if shown.elliptic || key.key_type() == KeyType::Rsa {
                set.push(jwk);
            }
            keyring.published.push((row.kid.clone(), key));
            if row.stage == Stage::Current {
                let private = sealing
                    .open(&associated(tenant, &row.kid), &row.sealed_private)
                    .map_err(Broken::because)?;
                let key = SigningKey::from_pkcs8(&private).map_err(Broken::because)?;
                keyring.signing.push((row.kid.clone(), key));
            }
        }
        keyring.public_set = json!({ "keys": set }).to_string();
        Ok(keyring)
    }

    /// The same, whose key set shows one more key: that of receipts.
    pub(crate) fn showing(mut self, jwk: Value) -> Result<Self, Broken> {
        let mut set: Value = serde_json::from_str(&self.public_set).map_err(Broken::because)?;
        if let Some(keys) = set.get_mut("keys").and_then(Value::as_array_mut) {
            keys.push(jwk);
        }
        self.public_set = set.to_string();
        Ok(self)
    }

    /// The key set as `/.well-known/jwks.json` shows it.
    pub fn public_set(&self) -> &str {
        &self.public_set
    }

    /// Signs claims with the current key that fits `algorithm`.
    pub fn sign(&self, algorithm: Algorithm, typ: &str, claims: &Value) -> Result<String, Broken> {
        let fitting = self.signing.iter().find(|(_, key)| key.public().fits(algorithm));
        let (kid, key) = fitting
            .ok_or_else(|| Broken::because(format!("no current key for {}", algorithm.name())))?;
        let kid = if self.further.contains(&algorithm) {
            further_name(kid, algorithm)
        } else {
            kid.clone()
        };
        let fields = HeaderFields { typ: Some(typ), kid: Some(&kid), jwk: None };
        let claims = serde_json::to_string(claims).map_err(Broken::because)?;
        key.sign(algorithm, &fields, &claims).map_err(Broken::because)
    }

    /// The published key of that name.
    pub fn public_key(&self, kid: &str) -> Option<&PublicKey> {
        self.published.iter().find(|(name, _)| name == kid).map(|(_, key)| key)
    }
}

/// The same key under another name, for another algorithm.
fn renamed(jwk: &Value, kid: &str, algorithm: Algorithm) -> Value {
    let mut jwk = jwk.clone();
    if let Some(members) = jwk.as_object_mut() {
        members.insert(String::from("kid"), kid.into());
        members.insert(String::from("alg"), algorithm.name().into());
    }
    jwk
}

/// The row of a new key: private half sealed, public half with a certificate around it (W12).
pub(crate) fn new_row(
    tenant: &TenantId,
    key: &SigningKey,
    sealing: &SealingKeys,
    entropy: &Entropy,
    now: Timestamp,
) -> Result<SigningKeyRow, Broken> {
    let kid = entropy.base64url::<16>();
    let algorithm = key.public().key_type().default_algorithm();
    let pkcs8 = key.to_pkcs8().map_err(Broken::because)?;
    let mut jwk = key.public().to_jwk(Some(&kid), Some(algorithm));
    if let (Some(members), Some(certificate)) =
        (jwk.as_object_mut(), certificate(&pkcs8, algorithm)?)
    {
        let thumbprint =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate);
        members.insert(String::from("x5c"), json!([STANDARD.encode(&certificate)]));
        members.insert(String::from("x5t"), URL_SAFE_NO_PAD.encode(thumbprint).into());
    }
    let sealed_private = sealing
        .seal(entropy.bytes::<NONCE_BYTES>(), &associated(tenant, &kid), &pkcs8)
        .map_err(Broken::because)?;
    Ok(SigningKeyRow {
        kid,
        alg: algorithm.name().to_owned(),
        stage: Stage::Current,
        public_jwk: jwk.to_string(),
        sealed_private,
        created_at: now,
        retired_at: None,
        revoked_at: None,
    })
}

/// A sealed key opens only in its own row.
fn associated(tenant: &TenantId, kid: &str) -> Vec<u8> {
    format!("signing_keys/{tenant}/{kid}").into_bytes()
}

/// The certificate that Auth0's key sets carry beside each RSA key.
fn certificate(pkcs8: &[u8], algorithm: Algorithm) -> Result<Option<Vec<u8>>, Broken> {
    let signature = match algorithm.key_type() {
        KeyType::Rsa => &PKCS_RSA_SHA256,
        KeyType::P256 => &PKCS_ECDSA_P256_SHA256,
        KeyType::P384 | KeyType::Ed25519 => return Ok(None),
    };
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8), signature)
        .map_err(Broken::because)?;
    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(Broken::because)?;
    params.distinguished_name.push(DnType::CommonName, "Aizuchi token signing");
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2046, 1, 1);
    let certificate = params.self_signed(&key).map_err(Broken::because)?;
    Ok(Some(certificate.der().to_vec()))
}
