//! What is stored but must be read again: sealed with AES-256-GCM under a key of the configuration.
//!
//! A sealed value is one version byte, the nonce, the ciphertext and its tag. The associated data
//! (tenant, table, column, id, key version) is the caller's: a value moved elsewhere does not open.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

/// AES-256-GCM with a random nonce. Another number, another algorithm.
const VERSION: u8 = 1;
/// The salt of every derivation.
const SALT: &[u8] = b"aizuchi root key 1";
/// A nonce's length; it must be random and never used twice under one key.
pub const NONCE_BYTES: usize = 12;

/// The root of all keys: 32 bytes from the configuration. It seals nothing itself.
pub struct RootKey(Zeroizing<[u8; 32]>);

impl RootKey {
    /// Takes the 32 bytes, which must be random.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key for one purpose (HKDF-SHA256); another text, another key.
    ///
    /// The one block of RFC 5869 that 32 bytes need, written with HMAC because that cannot fail.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let extract = hmac::Key::new(hmac::HMAC_SHA256, SALT);
        let root = hmac::sign(&extract, self.0.as_slice());
        let mut expand = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, root.as_ref()));
        expand.update(purpose.as_bytes());
        expand.update(&[1]);
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(expand.sign().as_ref());
        key
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(…)")
    }
}

/// The value is not what was sealed here: another key, other associated data, or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotOpen;

impl fmt::Display for CannotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sealed value does not open: wrong key, wrong place or damaged")
    }
}

impl std::error::Error for CannotOpen {}

/// Seals and opens under one key.
pub struct SealingKey(LessSafeKey);

impl SealingKey {
    /// Takes a key that [`RootKey::derive`] made.
    pub fn new(key: &[u8; 32]) -> Result<Self, CannotOpen> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_unspecified| CannotOpen)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals `plaintext`. The nonce must be fresh and random.
    pub fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        associated: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CannotOpen> {
        let head = 1 + NONCE_BYTES;
        let mut sealed = Vec::with_capacity(head + plaintext.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let body = sealed.get_mut(head..).unwrap_or_default();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(associated), body);
        sealed.extend_from_slice(tag.map_err(|_unspecified| CannotOpen)?.as_ref());
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] made with the same associated data.
    pub fn open(&self, associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(CannotOpen)?;
        let (nonce, body) = rest.split_at_checked(NONCE_BYTES).ok_or(CannotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_unspecified| CannotOpen)?;
        let mut body = Zeroizing::new(body.to_vec());
        let opened = self.0.open_in_place(nonce, Aad::from(associated), &mut body);
        let length = opened.map_err(|_unspecified| CannotOpen)?.len();
        body.truncate(length);
        Ok(body)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}
