//! `Device-Proof`: the signature that comes with every call of an enrolled device (D7).
//!
//! ```
//! use device_protocol::aizuchi::proof::{Proof, body_hash};
//!
//! let claims = Proof {
//!     method: "DELETE",
//!     url: "https://login.example.com/device/v1/device",
//!     jti: "c3163287-43e6-44d9-b573-318337c29c75",
//!     issued_at: 1_795_409_781,
//!     body: b"",
//! }
//! .claims();
//! assert!(claims.get("bh").is_none());
//! assert_eq!(body_hash(b"{}"), "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o");
//! ```

use serde_json::{Map, Value, json};

use super::InvalidClaim;
use crate::claims;

/// The header of the call.
pub const HEADER: &str = "device-proof";
/// The `typ` of the proof.
pub const TYP: &str = "aizuchi-proof+jwt";
/// No proof is longer.
pub const MAX_BYTES: usize = 4096;
/// How far the device's clock may be off, either way, in seconds.
pub const WINDOW_S: i64 = 120;

/// The hash of a body.
pub fn body_hash(body: &[u8]) -> String {
    super::hash(body)
}

/// The header of a proof by `device`, signed with `alg`.
pub fn header(alg: &str, device: &str) -> Value {
    json!({ "typ": TYP, "alg": alg, "kid": device })
}

/// What a device signs.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// The method of the call.
    pub method: &'a str,
    /// The URL that is called, without query.
    pub url: &'a str,
    /// Never the same twice.
    pub jti: &'a str,
    /// Unix seconds.
    pub issued_at: i64,
    /// The body, empty if there is none.
    pub body: &'a [u8],
}

impl Proof<'_> {
    /// The claims.
    pub fn claims(&self) -> Value {
        let mut claims = json!({
            "htm": self.method,
            "htu": self.url,
            "iat": self.issued_at,
            "jti": self.jti,
        });
        if let Some(members) = claims.as_object_mut().filter(|_| !self.body.is_empty()) {
            members.insert(String::from("bh"), body_hash(self.body).into());
        }
        claims
    }
}

/// The claims of a proof whose signature the caller has verified, each of the right type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// `htm`.
    pub method: String,
    /// `htu`, to be compared without letter case of the host, default port and query.
    pub url: String,
    /// `jti`, not empty.
    pub jti: String,
    /// `iat` in Unix milliseconds.
    pub issued_at_ms: i64,
    /// `bh`.
    pub body_hash: Option<String>,
}

impl Presented {
    /// Reads the claims.
    pub fn from_claims(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        Ok(Self {
            method: claims::text(members, "htm")?,
            url: claims::text(members, "htu")?,
            jti: super::jti(members)?,
            issued_at_ms: claims::date_ms(members, "iat")?,
            body_hash: claims::optional_text(members, "bh")?,
        })
    }

    /// Whether it is a proof of a call with this body.
    pub fn is_about(&self, body: &[u8]) -> bool {
        match &self.body_hash {
            Some(hash) => *hash == body_hash(body),
            None => body.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Presented, Proof};

    #[test]
    fn a_proof_is_of_its_own_body_alone() {
        let proof = Proof { method: "POST", url: "u", jti: "j", issued_at: 7, body: b"{}" };
        let claims = proof.claims();
        let presented = Presented::from_claims(claims.as_object().unwrap()).unwrap();
        assert!(presented.is_about(b"{}"));
        assert!(!presented.is_about(b"{ }") && !presented.is_about(b""));
        let without = Proof { body: b"", ..proof }.claims();
        let presented = Presented::from_claims(without.as_object().unwrap()).unwrap();
        assert!(presented.is_about(b"") && !presented.is_about(b"{}"));
        assert_eq!(presented.issued_at_ms, 7000);
    }

    #[test]
    fn a_claim_that_is_missing_or_of_another_type_is_named() {
        let claims = Proof { method: "GET", url: "u", jti: "j", issued_at: 7, body: b"" }.claims();
        for name in ["htm", "htu", "jti", "iat"] {
            let mut broken = claims.as_object().unwrap().clone();
            broken.remove(name);
            let missing = Presented::from_claims(&broken).unwrap_err().to_string();
            broken.insert(name.to_owned(), serde_json::json!([1]));
            let wrong = Presented::from_claims(&broken).unwrap_err().to_string();
            assert!(missing.contains(name) && wrong.contains(name), "{missing} {wrong}");
        }
    }
}
