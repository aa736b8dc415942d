//! Public and private keys: JWK, PEM, thumbprints.

use domain::jose::{Algorithm, JwkError, KeyType, PublicKey, SigningKey, parse_set};
use proptest::prelude::{any, proptest};
use serde_json::{Value, json};

use super::{b64, guardian, key_of, rsa_key, unb64};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBGzCBwqADAgECAgISNDAKBggqhkjOPQQDAjAXMRUwEwYDVQQDDAxhaXp1Y2hp
IHRlc3QwHhcNMjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjAXMRUwEwYDVQQD
DAxhaXp1Y2hpIHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAToi80pFaiV
dsQlOqDHhIeYAdXPfkdDi6Pg6FeQcJPt8576KsIhZKj5gjQN3yWu0S9Eg6/IUvwL
CvlMjFcLjmhzMAoGCCqGSM49BAMCA0gAMEUCIQCdlZIzMf3NpUqDQ7SO5gSg3rvY
uXrHaz89uaOixDomLgIgY0ervgY4nu+/q/oHExjgEzAvRzjSoo/ut3qA0BqlJ4I=
-----END CERTIFICATE-----";
const CERTIFIED_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE6IvNKRWolXbEJTqgx4SHmAHVz35H
Q4uj4OhXkHCT7fOe+irCIWSo+YI0Dd8lrtEvRIOvyFL8Cwr5TIxXC45ocw==
-----END PUBLIC KEY-----";
const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE+hht6UqVZU+C7PqE8RsZpVPeX6RrbQhp
g2G7N7vyio8tXyHiaFmwVDFPIsnrRJ5dL/nutVjFmE2foY85amGb94SLA5yGF3De
hoV+W+Y1MTlT1YP2NueJFmQcpCSgJdmG
-----END PUBLIC KEY-----";
const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEArb8TYyMIzlI2GmyyRg8W+zMB8TxdlkNXwjkVCYPel+E=
-----END PUBLIC KEY-----";
const SECP256K1: &str = "-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEElCOjKWisiKvqht5SIfTbtizmz7mx52x
P1Rzobr4UaD9+97mmiZh8vn14TJQHXpRZ7crn+cwrACDnOG4ExNyJw==
-----END PUBLIC KEY-----";
const RSA_1024: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDVla/xKuMLc1gpOPoqF7CEqqt/
Rh0kISmVSnhqzotVs7ekuH72KjDdmi7ZYEjVCzrVDQeTJP4blgx3GSeCm2PMnFqK
1dRno64EHQboyBcb3C3oFuemuTb6ZGtWlYw48akshrTlnesoGJlrlBHQIfcGxzpu
vqPwgvxUc0cNRdez7QIDAQAB
-----END PUBLIC KEY-----";

/// The leading zero byte that both Guardian SDKs send: part of G28 and G29.
#[test]
fn a_modulus_with_a_sign_byte_is_the_same_key() {
    let key = &guardian()["key"];
    let sent = key_of(&key["public_jwk_as_sent"]);
    assert_eq!(unb64(key["public_jwk_as_sent"]["n"].as_str().unwrap()).len(), 257);
    assert_eq!(sent.thumbprint(), key["thumbprint_sha256"].as_str().unwrap());
    assert_ne!(sent.thumbprint(), key["wrong_thumbprint_of_the_form_as_sent"].as_str().unwrap());
    assert_eq!(sent, key_of(&key["public_jwk"]));
    let canonical: Value = serde_json::from_str(sent.canonical_json()).unwrap();
    assert_eq!(canonical, key["public_jwk"]);
    assert_eq!(sent, PublicKey::from_pem(key["public_pem"].as_str().unwrap()).unwrap());
    assert_eq!(&sent, rsa_key().public());
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    // RFC 8037, appendix A.3
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let key = key_of(&json!({ "kty": "OKP", "crv": "Ed25519", "x": x }));
    assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let file: Value =
        serde_json::from_str(include_str!("../../../testkit/vectors/auth0-sdk-requests.json"))
            .unwrap();
    let recorded = &file["client_assertion_key"];
    let key = PublicKey::from_pem(recorded["public_pem"].as_str().unwrap()).unwrap();
    assert_eq!(key.thumbprint(), recorded["thumbprint_sha256"].as_str().unwrap());
}

#[test]
fn pem_keys_and_certificates_are_read() {
    let certified = PublicKey::from_pem(CERTIFIED_KEY).unwrap();
    assert_eq!(certified.key_type(), KeyType::P256);
    assert_eq!(PublicKey::from_pem(CERTIFICATE).unwrap(), certified);
    assert_eq!(PublicKey::from_pem(P384).unwrap().key_type(), KeyType::P384);
    assert_eq!(PublicKey::from_pem(ED25519).unwrap().key_type(), KeyType::Ed25519);
    let preceded = format!("a line of text\r\n{}", CERTIFIED_KEY.replace('\n', "\r\n"));
    assert_eq!(PublicKey::from_pem(&preceded).unwrap(), certified);

    let private = include_str!("../../../testkit/vectors/guardian-android-key.pem");
    assert_eq!(PublicKey::from_pem(private).unwrap_err(), JwkError::PrivatePem);
    assert_eq!(PublicKey::from_pem(RSA_1024).unwrap_err(), JwkError::RsaSize(1024));
    assert_eq!(PublicKey::from_pem(SECP256K1).unwrap_err(), JwkError::Pem);
    for text in ["", "-----BEGIN PUBLIC KEY-----", "-----BEGIN X-----\nAA==\n-----END Y-----"] {
        assert_eq!(PublicKey::from_pem(text).unwrap_err(), JwkError::Pem);
    }
}

/// Below 2048 bits, other types and curves, private parts: part of G30 and G31.
#[test]
fn keys_we_do_not_take_are_refused_by_name() {
    let says = |jwk: Value| PublicKey::from_jwk(&jwk).unwrap_err();
    let rsa = guardian()["key"]["public_jwk"].clone();
    let with = |name: &str, value: Value| {
        let mut jwk = rsa.clone();
        jwk[name] = value;
        says(jwk)
    };
    let short = b64([0xFF; 255]);
    assert_eq!(with("n", json!(short)), JwkError::RsaSize(2040));
    let mut top_bit_missing = vec![0x7F];
    top_bit_missing.extend([0xFF; 255]);
    assert_eq!(with("n", json!(b64(top_bit_missing))), JwkError::RsaSize(2047));
    assert_eq!(with("n", json!(b64([0xFF; 1025]))), JwkError::RsaSize(8200));
    assert_eq!(with("n", json!("A".repeat(2000))), JwkError::Malformed("n"));
    assert_eq!(with("n", json!(b64([0xFE; 256]))), JwkError::NotAKey);
    assert_eq!(with("n", json!("a=b")), JwkError::Malformed("n"));
    assert_eq!(with("n", json!(7)), JwkError::Malformed("n"));
    for exponent in ["AQ", "Ag", "AA", "AQAAAAAB"] {
        assert_eq!(with("e", json!(exponent)), JwkError::NotAKey, "{exponent}");
    }
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(with(name, json!("AQAB")), JwkError::Private(name));
    }
    assert_eq!(with("alg", json!("ES256")), JwkError::AlgorithmMismatch);
    assert_eq!(with("alg", json!("none")), JwkError::AlgorithmMismatch);
    assert_eq!(with("alg", json!(null)), JwkError::Malformed("alg"));
    assert_eq!(with("use", json!("enc")), JwkError::NotForSignatures);
    assert_eq!(with("key_ops", json!(["encrypt"])), JwkError::NotForSignatures);
    assert_eq!(with("kty", json!("oct")), JwkError::UnknownKeyType);
    assert_eq!(with("kty", json!("EC")), JwkError::UnknownCurve);
    assert_eq!(says(json!({ "kty": "RSA", "e": "AQAB" })), JwkError::Missing("n"));
    assert_eq!(says(json!({})), JwkError::Missing("kty"));
    assert_eq!(says(json!("key")), JwkError::NotAnObject);
    assert_eq!(says(json!({ "kty": "oct", "k": "AAAA" })), JwkError::Private("k"));

    let point = |crv: &str, x: &[u8], y: &[u8]| {
        says(json!({ "kty": "EC", "crv": crv, "x": b64(x), "y": b64(y) }))
    };
    assert_eq!(point("P-256", &[1; 32], &[1; 32]), JwkError::NotAKey);
    assert_eq!(point("P-256", &[1; 31], &[1; 32]), JwkError::Malformed("x"));
    assert_eq!(point("P-256", &[1; 32], &[1; 33]), JwkError::Malformed("y"));
    assert_eq!(point("P-521", &[1; 66], &[1; 66]), JwkError::UnknownCurve);
    assert_eq!(point("Ed25519", &[1; 32], &[1; 32]), JwkError::UnknownCurve);
}

#[test]
fn a_published_key_reads_back_as_itself() {
    for key_type in [KeyType::P256, KeyType::P384, KeyType::Ed25519] {
        let key = SigningKey::generate(key_type).unwrap();
        let jwk = key.public().to_jwk(Some("k1"), Some(key_type.default_algorithm()));
        assert_eq!(jwk["kty"], key_type.kty());
        assert_eq!(jwk["use"], "sig");
        assert_eq!(jwk["kid"], "k1");
        assert_eq!(jwk["alg"], key_type.default_algorithm().name());
        assert!(jwk.get("d").is_none());
        assert_eq!(&key_of(&jwk), key.public());
    }
}

#[test]
fn a_private_key_survives_storage() {
    let golden = rsa_key();
    let mut keys = vec![golden];
    for key_type in [KeyType::P256, KeyType::P384, KeyType::Ed25519] {
        keys.push(SigningKey::generate(key_type).unwrap());
    }
    for key in keys {
        let again = SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        let algorithm = key.public().key_type().default_algorithm();
        let signature = again.sign_bytes(algorithm, b"message").unwrap();
        assert!(key.public().verifies(algorithm, b"message", &signature));
        assert!(!key.public().verifies(algorithm, b"massage", &signature));
        assert!(!format!("{key:?}").contains(&b64(key.to_pkcs8().unwrap())));
    }
    assert!(SigningKey::from_pkcs8(b"").is_err());
    assert!(SigningKey::from_pem(CERTIFIED_KEY).is_err());
}

#[test]
fn a_set_skips_what_it_cannot_use_and_breaks_at_what_is_wrong() {
    let rsa = guardian()["key"]["public_jwk_as_sent"].clone();
    let mut named = rsa.clone();
    named["kid"] = json!("first");
    let mut for_encryption = rsa.clone();
    for_encryption["use"] = json!("enc");
    let foreign = json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA" });
    let keys = parse_set(&json!({ "keys": [for_encryption, foreign, named, rsa] })).unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].kid.as_deref(), Some("first"));
    assert_eq!(keys[0].alg, Some(Algorithm::Rs256));
    assert_eq!(keys[1].kid, None);

    let private = json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] });
    assert_eq!(parse_set(&private).unwrap_err(), JwkError::Private("k"));
    let too_many = json!({ "keys": vec![rsa; 33] });
    assert_eq!(parse_set(&too_many).unwrap_err(), JwkError::Malformed("keys"));
    assert!(parse_set(&json!([])).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_key_parsers_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        drop(PublicKey::from_pem(&text));
        drop(PublicKey::from_pem(&format!(
            "-----BEGIN CERTIFICATE-----{text}-----END CERTIFICATE-----"
        )));
        drop(PublicKey::from_spki(&bytes));
        drop(PublicKey::from_certificate(&bytes));
        drop(SigningKey::from_pkcs8(&bytes));
        for (kty, crv) in [("RSA", ""), ("EC", "P-256"), ("OKP", "Ed25519")] {
            let member = b64(&bytes);
            let jwk = json!({ "kty": kty, "crv": crv, "n": member, "e": member, "x": member,
                              "y": text });
            drop(PublicKey::from_jwk(&jwk));
        }
    }

    #[test]
    fn no_damage_to_a_certificate_makes_the_walk_panic(at in 0_usize..400, byte in any::<u8>()) {
        use base64::Engine as _;
        let text: String = CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        let length = der.len();
        der[at % length] = byte;
        drop(PublicKey::from_certificate(&der));
        der.truncate(at % length);
        drop(PublicKey::from_certificate(&der));
    }
}
