//! Keys, tokens, client assertions and sealed values, against recorded and published vectors.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod assertions;
mod keys;
mod secrets;
mod tokens;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jose::{Algorithm, HeaderFields, PublicKey, SigningKey};
use serde_json::Value;

/// The recordings of the Guardian SDK for Android.
fn guardian() -> Value {
    serde_json::from_str(include_str!("../../../testkit/vectors/guardian-android.json")).unwrap()
}

/// The throw-away RSA key of the recordings: reading it is fast, making one is not.
fn rsa_key() -> SigningKey {
    SigningKey::from_pem(include_str!("../../../testkit/vectors/guardian-android-key.pem")).unwrap()
}

/// Every JWT of the recordings.
fn recorded_jwts(file: &Value) -> Vec<String> {
    let cases = file["cases"].as_array().unwrap().iter();
    let jwts = cases.flat_map(|case| case["jwts"].as_array().unwrap());
    jwts.map(|jwt| jwt["raw"].as_str().unwrap().to_owned()).collect()
}

/// A token with this very header and payload, rightly signed by the RSA key whatever they say.
fn signed_as_is(header: &str, payload: &str) -> String {
    rsa_key().sign_compact(Algorithm::Rs256, header, payload).unwrap()
}

fn signed(algorithm: Algorithm, key: &SigningKey, claims: &str) -> String {
    key.sign(algorithm, &HeaderFields::default(), claims).unwrap()
}

fn b64(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn unb64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn key_of(jwk: &Value) -> PublicKey {
    PublicKey::from_jwk(jwk).unwrap()
}
