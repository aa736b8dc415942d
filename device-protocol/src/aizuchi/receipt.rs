//! The receipt of a decision: what can be shown to a third party (D18).

use serde_json::{Map, Value, json};

use super::InvalidClaim;
use crate::claims;

/// The `typ` of a receipt.
pub const TYP: &str = "aizuchi-receipt+jwt";
/// No receipt is longer.
pub const MAX_BYTES: usize = 256 * 1024;

/// What a receipt holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who signs it.
    pub issuer: String,
    /// The transaction's public name.
    pub txn: String,
    /// When it was written, in Unix seconds.
    pub issued_at: i64,
    /// The content that was shown: a JWS.
    pub content: String,
    /// The key that signed the content.
    pub server_key: Value,
    /// The decision: a JWS.
    pub decision: String,
    /// The device's id.
    pub device: String,
    /// The device's public key at that moment.
    pub device_key: Value,
    /// When the device enrolled, in Unix seconds.
    pub enrolled_at: i64,
}

impl Receipt {
    /// The claims.
    pub fn claims(&self) -> Value {
        json!({
            "iss": self.issuer,
            "txn": self.txn,
            "iat": self.issued_at,
            "content": self.content,
            "server_key": self.server_key,
            "decision": self.decision,
            "device": {
                "id": self.device, "key": self.device_key, "enrolled_at": self.enrolled_at,
            },
        })
    }

    /// Reads the claims of a receipt whose signature the caller has verified.
    pub fn from_claims(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        let device = members.get("device").and_then(Value::as_object);
        let device = device.ok_or_else(|| InvalidClaim::new("device", "must be an object"))?;
        let key = |members: &Map<String, Value>, name: &'static str| {
            let key = members.get(name).filter(|key| key.is_object()).cloned();
            key.ok_or_else(|| InvalidClaim::new(name, "must be a key"))
        };
        Ok(Self {
            issuer: claims::text(members, "iss")?,
            txn: claims::text(members, "txn")?,
            issued_at: claims::date_ms(members, "iat")? / 1000,
            content: claims::text(members, "content")?,
            server_key: key(members, "server_key")?,
            decision: claims::text(members, "decision")?,
            device: claims::text(device, "id")?,
            device_key: key(device, "key")?,
            enrolled_at: claims::date_ms(device, "enrolled_at")? / 1000,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_as_it_was_made() {
        let receipt = Receipt {
            issuer: "https://login.example.com/".into(),
            txn: "t".into(),
            issued_at: 9,
            content: "a.b.c".into(),
            server_key: json!({ "kty": "EC" }),
            decision: "d.e.f".into(),
            device: "dev_1".into(),
            device_key: json!({ "kty": "OKP" }),
            enrolled_at: 5,
        };
        let claims = receipt.claims();
        assert_eq!(Receipt::from_claims(claims.as_object().unwrap()).unwrap(), receipt);
        let mut broken = claims.as_object().unwrap().clone();
        broken.remove("device");
        assert!(Receipt::from_claims(&broken).is_err());
    }
}
