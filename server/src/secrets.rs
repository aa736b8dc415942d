//! The keys that are ours alone, all derived from the root key of the configuration.
//!
//! To change the root key, put a new one in front of it: the newest seals and names, the former ones
//! open and recognise. `aizuchi key reseal` seals everything anew; then the former one can go.

use std::fmt;
use std::fs;
use std::path::Path;

use domain::jose::{CannotOpen, NameLength, RootKey, SealingKeys, auth_req_hash, auth_req_id};
use domain::{Fingerprint, TransactionId};

use crate::config::{ConfigError, Keys};
use crate::outside::Entropy;

/// The version of the names made under these keys; a rotated root key would be version 2.
pub(crate) const VERSION: i64 = 1;

/// No more root keys are held at a time: the newest and former ones.
const MOST_ROOTS: usize = 8;

/// One key for each purpose.
pub struct Secrets {
    /// Names requests: `auth_req_id` (architecture 2).
    pub auth_req_id: [u8; 32],
    /// Signs transaction tokens (`txtkn`).
    pub txtkn: [u8; 32],
    /// Makes the nonces of `DPoP` proofs.
    pub dpop_nonce: [u8; 32],
    /// Signs the `transaction_token` of the enrollment page's program.
    pub enrollment_flow: [u8; 32],
    /// Seals private signing keys and push credentials; opens what former root keys sealed, too.
    pub sealing: SealingKeys,
    /// Makes the keys of virtual phones (`dev` only).
    pub virtual_phones: [u8; 32],
    /// What former root keys named and signed is still good as long as it lives.
    former: Vec<FormerSecrets>,
}

/// The keys under which requests of a former root key go on.
struct FormerSecrets {
    auth_req_id: [u8; 32],
    txtkn: [u8; 32],
    enrollment_flow: [u8; 32],
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// Derives them from the newest root key, and what is needed of those before it.
    pub fn derive(root: &RootKey, former: &[RootKey]) -> Result<Self, CannotOpen> {
        let sealing: Vec<[u8; 32]> = former.iter().map(|root| *root.derive("sealing")).collect();
        Ok(Self {
            auth_req_id: *root.derive("auth_req_id"),
            txtkn: *root.derive("txtkn"),
            dpop_nonce: *root.derive("dpop_nonce"),
            enrollment_flow: *root.derive("enrollment_flow"),
            sealing: SealingKeys::new(&root.derive("sealing"), &sealing)?,
            virtual_phones: *root.derive("virtual_phones"),
            former: former
                .iter()
                .map(|root| FormerSecrets {
                    auth_req_id: *root.derive("auth_req_id"),
                    txtkn: *root.derive("txtkn"),
                    enrollment_flow: *root.derive("enrollment_flow"),
                })
                .collect(),
        })
    }

    /// The keys that name requests and sign their transaction tokens: those of the root key that
    /// named this one, if it is still held.
    pub fn of_request(&self, txn: &TransactionId, hash: &Fingerprint) -> RequestKeys<'_> {
        let newest = RequestKeys { auth_req_id: &self.auth_req_id, txtkn: &self.txtkn };
        let has_named = |former: &&FormerSecrets| named(&former.auth_req_id, txn, hash).is_some();
        self.former.iter().find(has_named).map_or(newest, |former| RequestKeys {
            auth_req_id: &former.auth_req_id,
            txtkn: &former.txtkn,
        })
    }

    /// The keys that transaction tokens may be signed with, the newest first.
    pub fn txtkns(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.txtkn).chain(self.former.iter().map(|former| &former.txtkn))
    }

    /// The keys that enrollment flows may be signed with, the newest first.
    pub fn enrollment_flows(&self) -> impl Iterator<Item = &[u8; 32]> {
        let former = self.former.iter().map(|former| &former.enrollment_flow);
        std::iter::once(&self.enrollment_flow).chain(former)
    }

    /// Reads the root keys that the configuration names.
    pub fn read(keys: &Keys) -> Result<Self, ConfigError> {
        if !keys.root.is_empty() {
            return Self::parse("keys.root", &keys.root);
        }
        if keys.root_file.as_os_str().is_empty() {
            return Err(ConfigError(String::from(
                "keys.root_file: no root key is configured; make one with `openssl rand -hex 32` \
                 in a file that only the server's user can read, or give it as the systemd \
                 credential aizuchi.root or in AIZUCHI_KEYS__ROOT",
            )));
        }
        let text = fs::read_to_string(&keys.root_file).map_err(|error| {
            ConfigError(format!("keys.root_file: {}: {error}", keys.root_file.display()))
        })?;
        Self::parse("keys.root_file", &text)
    }

    /// One key a word, the newest first.
    fn parse(key: &str, text: &str) -> Result<Self, ConfigError> {
        let told = |what: String| ConfigError(format!("{key}: {what}"));
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() > MOST_ROOTS {
            return Err(told(format!("holds more than {MOST_ROOTS} root keys")));
        }
        let mut roots = words.into_iter().map(parse).collect::<Result<Vec<_>, _>>()?.into_iter();
        let newest = roots.next().ok_or_else(|| told(String::from("holds no root key")))?;
        let former: Vec<RootKey> = roots.collect();
        Self::derive(&newest, &former).map_err(|error| told(error.to_string()))
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
        Self::parse(&file.display().to_string(), &text)
    }
}

/// The keys of one root key for one request.
#[derive(Clone, Copy)]
pub struct RequestKeys<'a> {
    auth_req_id: &'a [u8; 32],
    /// Signs its transaction tokens.
    pub txtkn: &'a [u8; 32],
}

impl RequestKeys<'_> {
    /// The `auth_req_id` of that request: the name with this fingerprint.
    pub fn name(&self, txn: &TransactionId, hash: &Fingerprint) -> Option<String> {
        named(self.auth_req_id, txn, hash)
    }
}

fn named(key: &[u8; 32], txn: &TransactionId, hash: &Fingerprint) -> Option<String> {
    let mut names = NameLength::ALL.into_iter().map(|length| auth_req_id(key, length, txn));
    names.find(|name| auth_req_hash(name) == *hash)
}

impl fmt::Debug for RequestKeys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestKeys(…)")
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
