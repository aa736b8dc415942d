//! Our own internal tokens: HS256 under a key that no key set publishes.
//!
//! Only we make them and only we read them (`txtkn`, the transaction token of the browser client).
//! `typ` is required, so that a token for one purpose is none for another.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::compact::{Parts, refuse_critical, same_type, text};
use super::{Claims, JwsError, json};

/// Signs `claims_json` as a token of type `typ`, which is a constant of ours and needs no escaping.
pub fn sign(key: &[u8; 32], typ: &'static str, claims_json: &str) -> String {
    let header = format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#);
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims_json, &mut token);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(tag, &mut token);
    token
}

/// The claims of a token of type `typ` that we signed. The tag is compared in constant time.
pub fn verify(
    key: &[u8; 32],
    typ: &'static str,
    token: &str,
    most_bytes: usize,
) -> Result<Claims, JwsError> {
    let parts = Parts::split(token, most_bytes)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::verify(&key, parts.signing_input.as_bytes(), &parts.signature)
        .map_err(|_unspecified| JwsError::Signature)?;
    let header = json::parse_object(&parts.header).map_err(JwsError::Header)?;
    refuse_critical(&header)?;
    if text(&header, "alg")? != Some("HS256") {
        return Err(JwsError::Algorithm);
    }
    if !text(&header, "typ")?.is_some_and(|found| same_type(found, typ)) {
        return Err(JwsError::Type);
    }
    Ok(Claims::parse(&parts.payload)?)
}
