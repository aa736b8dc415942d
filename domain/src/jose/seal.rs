//! What is stored but must be read again: sealed with AES-256-GCM under a key of the configuration.
//!
//! A sealed value is one version byte, four bytes that tell the key, the nonce, the ciphertext and
//! its tag. The associated data (tenant, table, column, id) is the caller's: a value moved elsewhere
//! does not open. The newest of several keys seals, any of them opens, so that a key can be changed.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

/// AES-256-GCM with a random nonce, under the key that the next four bytes tell.
const VERSION: u8 = 2;
/// The same without a word of the key, as the first builds wrote it.
const NAMELESS: u8 = 1;
/// How many bytes tell a key from others.
const NAME_BYTES: usize = 4;
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

/// One key and what tells it from others.
struct Named {
    name: [u8; NAME_BYTES],
    key: LessSafeKey,
}

/// Seals under the newest key, opens under any.
pub struct SealingKeys {
    newest: Named,
    former: Vec<Named>,
}

impl SealingKeys {
    /// Takes keys that [`RootKey::derive`] made: the newest, and those before it.
    pub fn new(newest: &[u8; 32], former: &[[u8; 32]]) -> Result<Self, CannotOpen> {
        let former = former.iter().map(named).collect::<Result<_, _>>()?;
        Ok(Self { newest: named(newest)?, former })
    }

    /// Seals `plaintext`. The nonce must be fresh and random.
    pub fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        associated: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CannotOpen> {
        let head = 1 + NAME_BYTES + NONCE_BYTES;
        let mut sealed = Vec::with_capacity(head + plaintext.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.newest.name);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let body = sealed.get_mut(head..).unwrap_or_default();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.newest.key.seal_in_place_separate_tag(nonce, Aad::from(associated), body);
        sealed.extend_from_slice(tag.map_err(|_unspecified| CannotOpen)?.as_ref());
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] made with the same associated data, under any of the keys.
    pub fn open(&self, associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let mut keys = std::iter::once(&self.newest).chain(&self.former);
        let (version, rest) = sealed.split_first().ok_or(CannotOpen)?;
        match *version {
            NAMELESS => keys.find_map(|one| open(&one.key, associated, rest)).ok_or(CannotOpen),
            VERSION => {
                let (name, rest) = rest.split_at_checked(NAME_BYTES).ok_or(CannotOpen)?;
                keys.filter(|one| one.name == name)
                    .find_map(|one| open(&one.key, associated, rest))
                    .ok_or(CannotOpen)
            }
            _ => Err(CannotOpen),
        }
    }

    /// Whether the newest key sealed the value: others go when all values are so.
    pub fn is_newest(&self, sealed: &[u8]) -> bool {
        let rest = sealed.strip_prefix(&[VERSION]);
        rest.is_some_and(|rest| rest.starts_with(&self.newest.name))
    }
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKeys(…)")
    }
}

/// A key's name tells nothing of the key: it is an HMAC under it.
fn named(key: &[u8; 32]) -> Result<Named, CannotOpen> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"name of a sealing key");
    let name = tag.as_ref().first_chunk().copied().ok_or(CannotOpen)?;
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_unspecified| CannotOpen)?;
    Ok(Named { name, key: LessSafeKey::new(key) })
}

fn open(key: &LessSafeKey, associated: &[u8], rest: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, body) = rest.split_at_checked(NONCE_BYTES)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut body = Zeroizing::new(body.to_vec());
    let length = key.open_in_place(nonce, Aad::from(associated), &mut body).ok()?.len();
    body.truncate(length);
    Some(body)
}
