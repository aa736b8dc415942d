//! The transaction token (`txtkn`) that a push carries (GD4): the device's key to one request.
//!
//! It is made again from the row whenever a push must be sent again, so it is the same every time;
//! the row keeps its SHA-256, by which it is recognised (decision 15).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jose::hs256;
use domain::{DeviceId, Fingerprint, Timestamp, TransactionId, UserId};
use serde::Serialize;

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

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    iat: i64,
    iss: &'a str,
    jti: &'a str,
    sub: &'a str,
}

impl TransactionToken<'_> {
    /// The token.
    pub fn sign(&self, key: &[u8; 32]) -> String {
        let name = [self.txn.as_bytes(), self.device.as_str().as_bytes()].concat();
        let claims = Claims {
            aud: &format!("{}appliance-mfa", self.issuer),
            exp: self.expires_at.seconds(),
            iat: self.created_at.seconds(),
            iss: self.issuer,
            jti: &URL_SAFE_NO_PAD.encode(Fingerprint::of(&name).as_bytes()),
            sub: self.user.as_str(),
        };
        // Texts and numbers can always be written.
        hs256::sign(key, TYP, &serde_json::to_string(&claims).unwrap_or_default())
    }
}
