//! The keys that are ours alone, all derived from the one root key of the configuration.

use std::fmt;
use std::fs;
use std::path::Path;

use domain::jose::RootKey;

use crate::config::{ConfigError, Keys};
use crate::outside::Entropy;

/// The version of the names made under these keys; a rotated root key would be version 2.
pub(crate) const VERSION: i64 = 1;

/// One key for each purpose.
pub struct Secrets {
    /// Names requests: `auth_req_id` (architecture 2).
    pub auth_req_id: [u8; 32],
    /// Signs transaction tokens (`txtkn`).
    pub txtkn: [u8; 32],
    /// Signs the `transaction_token` of the enrollment page's program.
    pub enrollment_flow: [u8; 32],
    /// Seals private signing keys and push credentials.
    pub sealing: [u8; 32],
    /// Makes the keys of virtual phones (`dev` only).
    pub virtual_phones: [u8; 32],
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// Derives them from a root key.
    pub fn derive(root: &RootKey) -> Self {
        Self {
            auth_req_id: *root.derive("auth_req_id"),
            txtkn: *root.derive("txtkn"),
            enrollment_flow: *root.derive("enrollment_flow"),
            sealing: *root.derive("sealing"),
            virtual_phones: *root.derive("virtual_phones"),
        }
    }

    /// Reads the root key that the configuration names.
    pub fn read(keys: &Keys) -> Result<Self, ConfigError> {
        let text = if !keys.root.is_empty() {
            keys.root.clone()
        } else if keys.root_file.as_os_str().is_empty() {
            return Err(ConfigError(String::from(
                "keys.root_file: no root key is configured; make one with `openssl rand -hex 32` \
                 in a file that only the server's user can read",
            )));
        } else {
            fs::read_to_string(&keys.root_file).map_err(|error| {
                ConfigError(format!("keys.root_file: {}: {error}", keys.root_file.display()))
            })?
        };
        Ok(Self::derive(&parse(text.trim())?))
    }

    /// Reads the root key of a development folder, made there on first start (0600).
    pub fn open_or_make(file: &Path, entropy: &Entropy) -> Result<Self, ConfigError> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let named = |error| ConfigError(format!("{}: {error}", file.display()));
        if !file.exists() {
            fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(file)
                .and_then(|mut file| file.write_all(entropy.hex::<32>().as_bytes()))
                .map_err(named)?;
        }
        let text = fs::read_to_string(file).map_err(named)?;
        Ok(Self::derive(&parse(text.trim())?))
    }
}

fn parse(hex: &str) -> Result<RootKey, ConfigError> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()
        .unwrap_or_default();
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .filter_map(|pair| Some((pair.first()? << 4) | pair.get(1)?))
        .collect();
    <[u8; 32]>::try_from(bytes)
        .ok()
        .filter(|_| digits.len() == 64)
        .map(RootKey::new)
        .ok_or_else(|| ConfigError(String::from("keys.root: the root key must be 64 hex digits")))
}
