//! Names that only we can compute from other names.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::TransactionId;

/// The `auth_req_id` of a transaction: 64 characters, computed, never stored readable
/// (architecture 2, decision 1).
pub fn auth_req_id(key: &[u8; 32], transaction: &TransactionId) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA384, key);
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, transaction.as_bytes()))
}
