//! Names that only we can compute from other names.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::TransactionId;

/// How long an `auth_req_id` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameLength {
    /// 64 characters, as Auth0's are (W50).
    Long,
    /// 43 characters: 256 bits (C54).
    Short,
}

impl NameLength {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Long, Self::Short];
}

/// The `auth_req_id` of a transaction: computed, never stored readable (architecture 2,
/// decision 1).
pub fn auth_req_id(key: &[u8; 32], length: NameLength, transaction: &TransactionId) -> String {
    let algorithm = match length {
        NameLength::Long => hmac::HMAC_SHA384,
        NameLength::Short => hmac::HMAC_SHA256,
    };
    let key = hmac::Key::new(algorithm, key);
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, transaction.as_bytes()))
}
