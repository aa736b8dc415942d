//! The transaction token (`txtkn`) that a push carries (GD4): the device's key to one request.
//!
//! It is made again from the row whenever a push must be sent again, so it is the same every time;
//! the row keeps its SHA-256, by which it is recognised (decision 15). The token's name begins with
//! its moment, so that the SHA-256 can be filed under it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jose::hs256;
use domain::{DeviceId, Fingerprint, Moment, Timestamp, TransactionId, UserId};
use serde::{Deserialize, Serialize};

/// The `typ` of the token, so that no other verifier takes it (G67).
pub const TYP: &str = "txtkn+jwt";

/// No transaction token is longer.
pub const MAX_BYTES: usize = 1024;

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
            jti: &URL_SAFE_NO_PAD.encode(Fingerprint::filed(self.moment(), &name).as_bytes()),
            sub: self.user.as_str(),
        };
        // Texts and numbers can always be written.
        hs256::sign(key, TYP, &serde_json::to_string(&claims).unwrap_or_default())
    }

    /// What `token`, made by [`Self::sign`], is recognised by: the same as [`fingerprint`] finds.
    pub fn fingerprint(&self, token: &str) -> Fingerprint {
        Fingerprint::filed(self.moment(), token.as_bytes())
    }

    const fn moment(&self) -> Moment {
        Moment::of(self.created_at)
    }
}

/// What a token that a device presents is recognised by; nothing of it is believed yet.
pub fn fingerprint(token: &str) -> Fingerprint {
    Fingerprint::filed(claimed_moment(token).unwrap_or_default(), token.as_bytes())
}

/// The moment that the token's name begins with.
fn claimed_moment(token: &str) -> Option<Moment> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        jti: Cow<'a, str>,
    }
    let payload = token.split('.').nth(1).filter(|payload| payload.len() < MAX_BYTES)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let Named { jti } = serde_json::from_slice(&payload).ok()?;
    Some(Moment::leading(&jti))
}
