//! Sealed values, derived keys and computed names.

use aws_lc_rs::hkdf;
use domain::TransactionId;
use domain::jose::{CannotOpen, NONCE_BYTES, NameLength, RootKey, SealingKeys, auth_req_id};
use proptest::prelude::{any, proptest};

const NONCE: [u8; NONCE_BYTES] = [3; NONCE_BYTES];

fn sealing(purpose: &str) -> SealingKeys {
    SealingKeys::new(&RootKey::new([9; 32]).derive(purpose), &[]).unwrap()
}

/// Part of O191: the newest seals, any opens, and it is told which did.
#[test]
fn a_former_key_opens_what_it_sealed_and_the_newest_seals() {
    let [old, new] = [1, 2].map(|byte| *RootKey::new([byte; 32]).derive("sealing"));
    let before = SealingKeys::new(&old, &[]).unwrap();
    let both = SealingKeys::new(&new, &[old]).unwrap();
    let after = SealingKeys::new(&new, &[]).unwrap();
    let sealed = before.seal(NONCE, b"here", b"secret").unwrap();
    assert!(before.is_newest(&sealed) && !both.is_newest(&sealed));
    assert_eq!(both.open(b"here", &sealed).unwrap().as_slice(), b"secret");
    assert_eq!(after.open(b"here", &sealed).unwrap_err(), CannotOpen);
    let again = both.seal(NONCE, b"here", b"secret").unwrap();
    assert!(both.is_newest(&again) && after.open(b"here", &again).is_ok());
    assert_eq!(before.open(b"here", &again).unwrap_err(), CannotOpen);
    let nameless: Vec<u8> = [&[1], &sealed[5..]].concat();
    assert_eq!(both.open(b"here", &nameless).unwrap().as_slice(), b"secret", "of the first builds");
    assert!(!both.is_newest(&nameless));
}

#[test]
fn a_sealed_value_opens_only_in_its_place_under_its_key() {
    let key = sealing("push credentials 1");
    let sealed = key.seal(NONCE, b"acme/devices/push_token/7/1", b"secret").unwrap();
    assert_eq!(sealed.len(), 1 + 4 + NONCE_BYTES + 6 + 16);
    assert_eq!(sealed[0], 2);
    assert_eq!(key.open(b"acme/devices/push_token/7/1", &sealed).unwrap().as_slice(), b"secret");
    assert_eq!(key.open(b"acme/devices/push_token/8/1", &sealed).unwrap_err(), CannotOpen);
    let other = sealing("push credentials 2");
    assert_eq!(other.open(b"acme/devices/push_token/7/1", &sealed).unwrap_err(), CannotOpen);
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[at] ^= 1;
        assert!(key.open(b"acme/devices/push_token/7/1", &damaged).is_err(), "byte {at}");
        assert!(key.open(b"acme/devices/push_token/7/1", &sealed[..at]).is_err(), "cut at {at}");
    }
    let empty = key.seal(NONCE, b"", b"").unwrap();
    assert!(key.open(b"", &empty).unwrap().is_empty());
}

#[test]
fn derived_keys_are_those_of_hkdf() {
    struct Length;
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"aizuchi root key 1");
    let mut expected = [0; 32];
    let root = salt.extract(&[9; 32]);
    root.expand(&[b"txtkn"], Length).unwrap().fill(&mut expected).unwrap();
    let root = RootKey::new([9; 32]);
    assert_eq!(*root.derive("txtkn"), expected);
    assert_ne!(root.derive("txtkn"), root.derive("txtkm"));
    assert_eq!(format!("{root:?}"), "RootKey(…)");
}

#[test]
fn an_auth_req_id_has_its_length_and_depends_on_key_and_transaction() {
    for (length, chars) in [(NameLength::Long, 64), (NameLength::Short, 43)] {
        let first = auth_req_id(&[1; 32], length, &TransactionId::new([2; 16]));
        assert_eq!(first.len(), chars);
        assert!(first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert_eq!(first, auth_req_id(&[1; 32], length, &TransactionId::new([2; 16])));
        assert_ne!(first, auth_req_id(&[1; 32], length, &TransactionId::new([3; 16])));
        assert_ne!(first, auth_req_id(&[2; 32], length, &TransactionId::new([2; 16])));
    }
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens_and_nothing_else_does(
        plain in any::<Vec<u8>>(), aad in any::<Vec<u8>>(), junk in any::<Vec<u8>>(),
    ) {
        let key = sealing("test");
        let sealed = key.seal(NONCE, &aad, &plain).unwrap();
        assert_eq!(key.open(&aad, &sealed).unwrap().as_slice(), plain.as_slice());
        assert!(key.open(&aad, &junk).is_err());
    }
}
