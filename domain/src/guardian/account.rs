//! The credential with which a device speaks for its own enrollment (guardian B2).

use device_protocol::guardian::account::{MAX_CREDENTIAL_BYTES, Presented};

use super::address::is_api_call;
use super::key::algorithm_of;
use super::{Refused, invalid_token};
use crate::jose::{PublicKey, Unverified};
use crate::{DeviceId, Timestamp, UserId};

/// `exp` may be so far past and `iat` so far ahead (GD6).
const LEEWAY_MS: i64 = 60_000;

/// What the credential must agree with.
#[derive(Clone, Copy, Debug)]
pub struct AccountRules<'a> {
    /// The key of the enrollment in the path.
    pub key: &'a PublicKey,
    /// That enrollment.
    pub device: &'a DeviceId,
    /// Whose device it is.
    pub user: &'a UserId,
    /// Every address of the tenant.
    pub bases: &'a [String],
}

/// Whether a bearer has the shape of a JWT; our opaque tokens have no dots.
pub fn is_jwt(bearer: &str) -> bool {
    bearer.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// Checks the self-signed JWT of a device account (G50). It is good any number of times (G52).
pub fn check_account_token(
    jwt: &str,
    rules: &AccountRules<'_>,
    now: Timestamp,
) -> Result<(), Refused> {
    let claims = Unverified::parse(jwt, MAX_CREDENTIAL_BYTES)
        .and_then(|unverified| unverified.verify(rules.key, &algorithm_of(rules.key)))
        .map_err(invalid_token)?;
    let claims = Presented::from_claims(claims.as_map()).map_err(invalid_token)?;
    if claims.device != rules.device.as_str() {
        return Err(invalid_token("iss is not the enrollment of the path"));
    }
    if claims.user != rules.user.as_str() {
        return Err(invalid_token("sub is not the user of this enrollment"));
    }
    if !is_api_call(&claims.audience, "device-accounts", rules.bases) {
        return Err(invalid_token("aud is not …/api/device-accounts"));
    }
    if claims.expires_at_ms < now.plus_ms(-LEEWAY_MS).ms() {
        return Err(invalid_token("it has expired; is the phone's clock right?"));
    }
    if claims.issued_at_ms.is_some_and(|at| at > now.plus_ms(LEEWAY_MS).ms()) {
        return Err(invalid_token("iat lies in the future; is the phone's clock right?"));
    }
    Ok(())
}
