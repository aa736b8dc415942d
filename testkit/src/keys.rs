//! Fixed keys: making an RSA key takes a good part of a second. They protect nothing.

use std::sync::Arc;

use domain::jose::{KeyType, SigningKey};

/// The tenant's signing keys: RS256 and ES256.
pub fn tenant_keys() -> Vec<SigningKey> {
    vec![
        read(include_str!("../keys/tenant-rsa.pem")),
        read(include_str!("../keys/tenant-p256.pem")),
    ]
}

/// The RSA key of a client with `private_key_jwt`.
pub fn client_key() -> Arc<SigningKey> {
    Arc::new(read(include_str!("../keys/client-rsa.pem")))
}

/// The RSA key of the golden vectors' Android device.
pub fn device_key() -> Arc<SigningKey> {
    Arc::new(read(include_str!("../vectors/guardian-android-key.pem")))
}

/// A fresh P-256 key.
pub fn p256_key() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(KeyType::P256).unwrap())
}

fn read(pem: &str) -> SigningKey {
    SigningKey::from_pem(pem).unwrap()
}
