//! The dialect of our own authenticator: keys made for hardware, an inbox that needs no push, and a
//! signature over what the person saw.
//!
//! A device proves each call with its key ([`proof`]), reads what waits for its person
//! ([`content`]), signs the answer ([`decision`]) over the hash of exactly those bytes, and what
//! was agreed on stays provable ([`receipt`]). All signed texts are compact JWS, each with a `typ`
//! of its own, so that none can stand for another.

pub mod content;
pub mod decision;
pub mod enroll;
pub mod errors;
mod key_code;
pub mod passkey;
pub mod proof;
pub mod receipt;

pub use crate::claims::InvalidClaim;
pub use crate::members::InvalidBody;
pub use key_code::key_code;

/// No name of a signed text (`jti`) is longer.
pub const MAX_JTI_BYTES: usize = 128;

/// A `jti` of 1 to [`MAX_JTI_BYTES`] bytes.
fn jti(claims: &serde_json::Map<String, serde_json::Value>) -> Result<String, InvalidClaim> {
    let jti = crate::claims::text(claims, "jti")?;
    if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
        return Err(InvalidClaim::new("jti", "must have 1 to 128 bytes"));
    }
    Ok(jti)
}

/// base64url(SHA-256(bytes)), as every hash of this dialect is written.
fn hash(bytes: &[u8]) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::Digest as _;
    URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(bytes))
}
