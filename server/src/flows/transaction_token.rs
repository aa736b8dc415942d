//! The transaction token (`txtkn`) that a push carries (GD4): the device's key to one request.
//!
//! It is made again from the row whenever a push must be sent again, so it is the same every time;
//! the row keeps its SHA-256, by which it is recognised (decision 15).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jose::hs256;
use domain::{DeviceId, Timestamp, TransactionId, UserId};
use serde_json::json;

/// The `typ` of the token, so that no other verifier takes it (G67).
pub const TYP: &str = "txtkn+jwt";

/// What the token is made of.
#[derive(Clone, Copy, Debug)]
pub struct TransactionToken<'a> {
    /// The issuer under which the request came in.
    pub issuer: &'a str,
    /// Who is asked.
    pub user: &'a UserId,
    /// Which request.
    pub txn: TransactionId,
    /// Which device.
    pub device: &'a DeviceId,
    /// When the request began.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl TransactionToken<'_> {
    /// The token.
    pub fn sign(&self, key: &[u8; 32]) -> String {
        let mac = hmac::Key::new(hmac::HMAC_SHA256, key);
        let name =
            [b"jti".as_slice(), self.txn.as_bytes(), self.device.as_str().as_bytes()].concat();
        let tag = hmac::sign(&mac, &name);
        let jti: String = URL_SAFE_NO_PAD.encode(tag.as_ref()).chars().take(22).collect();
        let claims = json!({
            "iss": self.issuer,
            "sub": self.user.as_str(),
            "aud": format!("{}appliance-mfa", self.issuer),
            "iat": self.created_at.seconds(),
            "exp": self.expires_at.seconds(),
            "jti": jti,
        });
        hs256::sign(key, TYP, &claims.to_string())
    }
}
