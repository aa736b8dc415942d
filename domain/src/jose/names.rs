//! Names that only we can compute from other names.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Fingerprint, Moment, TransactionId};

/// How long an `auth_req_id` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameLength {
    /// 64 characters, as Auth0's are (W50): the moment, and 352 bits that only we can compute.
    Long,
    /// 43 characters: 256 such bits (C54).
    Short,
}

impl NameLength {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Long, Self::Short];
}

/// Bytes of a long `auth_req_id`.
const LONG_BYTES: usize = 48;

/// The `auth_req_id` of a transaction: computed, never stored readable (architecture 2,
/// decision 1).
pub fn auth_req_id(key: &[u8; 32], length: NameLength, transaction: &TransactionId) -> String {
    let proof = |algorithm| hmac::sign(&hmac::Key::new(algorithm, key), transaction.as_bytes());
    match length {
        NameLength::Short => URL_SAFE_NO_PAD.encode(proof(hmac::HMAC_SHA256)),
        NameLength::Long => {
            let (moment, proof) = (transaction.moment(), proof(hmac::HMAC_SHA384));
            let mut bytes = [0; LONG_BYTES];
            let all = moment.as_bytes().iter().chain(proof.as_ref());
            bytes.iter_mut().zip(all).for_each(|(to, from)| *to = *from);
            URL_SAFE_NO_PAD.encode(bytes)
        }
    }
}

/// What the row of the transaction with this `auth_req_id` is found by. Long ones of one time lie
/// together.
pub fn auth_req_hash(auth_req_id: &str) -> Fingerprint {
    Fingerprint::filed(Moment::leading(auth_req_id), auth_req_id.as_bytes())
}
