//! The proof of possession with which a device reads a consent.
//!
//! ```
//! use device_protocol::guardian::proof::{Proof, ath};
//!
//! let claims = Proof {
//!     url: "https://login.example.com/rich-consents/cns_AbCdEfGhIjKlMnOpQrStUv",
//!     txtkn: "aValidTransactionToken",
//!     jti: "c3163287-43e6-44d9-b573-318337c29c75",
//!     issued_at: 1_795_409_781,
//! }
//! .claims();
//! assert_eq!(claims["ath"], ath("aValidTransactionToken"));
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::claims::{self, InvalidClaim};

/// The `typ` of the proof's header.
pub const TYP: &str = "dpop+jwt";
/// The scheme of the `Authorization` header, and the name of the proof's own header.
pub const SCHEME: &str = "MFA-DPoP";
/// No proof is longer.
pub const MAX_PROOF_BYTES: usize = 8192;
/// No `jti` is longer.
pub const MAX_JTI_BYTES: usize = 128;

/// The hash of a transaction token that its proof carries: base64url(SHA-256(ASCII)).
pub fn ath(txtkn: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(txtkn.as_bytes()))
}

/// The header of a proof, for a signature with `alg` by the key `jwk`.
pub fn header(alg: &str, jwk: &Value) -> Value {
    json!({ "typ": TYP, "alg": alg, "jwk": jwk })
}

/// What a device signs.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// The URL that will be called, without query.
    pub url: &'a str,
    /// The transaction token of the push.
    pub txtkn: &'a str,
    /// Never the same twice.
    pub jti: &'a str,
    /// Unix seconds.
    pub issued_at: i64,
}

impl Proof<'_> {
    /// The claims.
    pub fn claims(&self) -> Value {
        json!({
            "htm": "GET",
            "htu": self.url,
            "ath": ath(self.txtkn),
            "jti": self.jti,
            "iat": self.issued_at,
        })
    }
}

/// The claims of a proof whose signature the caller has verified, each of the right type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// `htu`, to be compared in its [`super::url::normalized`] form.
    pub url: String,
    /// `ath`.
    pub ath: String,
    /// `jti`, not empty.
    pub jti: String,
    /// `iat` in Unix milliseconds.
    pub issued_at_ms: i64,
}

impl Presented {
    /// Reads the claims; `htm` must be `GET`.
    pub fn from_claims(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        if claims::text(members, "htm")? != "GET" {
            return Err(InvalidClaim::new("htm", "must be GET"));
        }
        let jti = claims::text(members, "jti")?;
        if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
            return Err(InvalidClaim::new("jti", "must have 1 to 128 bytes"));
        }
        Ok(Self {
            url: claims::text(members, "htu")?,
            ath: claims::text(members, "ath")?,
            jti,
            issued_at_ms: claims::date_ms(members, "iat")?,
        })
    }
}
