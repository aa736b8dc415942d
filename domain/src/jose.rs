//! Keys, signatures and sealed texts, on aws-lc-rs alone.
//!
//! What comes from outside is bounded before it is decoded, and its algorithm is pinned to the key:
//! `none` and secret-key algorithms have no value of [`Algorithm`]. An unverified token gives its
//! claims to nobody who does not say so. Where keys are kept, and which key is whose, is not known
//! here; claims of our own tokens are built elsewhere.

mod algorithm;
pub mod assertion;
mod claims;
mod compact;
mod der;
pub mod dpop;
pub mod hs256;
pub mod json;
mod jwk;
mod jwk_set;
mod names;
mod pem;
mod seal;
mod sign;
pub mod web_push;

pub(crate) use der::fixed_signature;

pub use algorithm::{Algorithm, KeyType};
pub use claims::{ClaimError, Claims};
pub use compact::{Header, JwsError, Unverified};
pub use jwk::{JwkError, PublicKey};
pub use jwk_set::{Jwk, MAX_JWKS_KEYS, candidates, parse_set, verify_by_set};
pub use names::{NameLength, auth_req_hash, auth_req_id};
pub use pem::certificate_in_pem;
pub use seal::{CannotOpen, NONCE_BYTES, RootKey, SealingKeys};
pub use sign::{HeaderFields, KeyFailure, SigningKey};
