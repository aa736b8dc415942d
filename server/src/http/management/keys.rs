//! `/api/v2/keys/signing`.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use http::StatusCode;
use serde_json::{Value, json};
use store::signing_keys::{self, SigningKeyRow, Stage};

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::Named;
use crate::App;
use crate::denied::Inexistent;
use crate::failure::Broken;
use crate::flows::administer;

/// Characters of a line of PEM.
const PEM_LINE: usize = 64;

/// `GET /keys/signing`: the newest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
) -> Result<Response, Error> {
    administrator.needs(&["read:signing_keys"])?;
    let rows = signing_keys::list(&app.database, administrator.tenant()).await?;
    let views = rows.iter().rev().map(shown).collect::<Result<Vec<_>, _>>()?;
    Ok(answer(StatusCode::OK, &Value::Array(views)))
}

/// `GET /keys/signing/{kid}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(kid): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:signing_keys"])?;
    let rows = signing_keys::list(&app.database, administrator.tenant()).await?;
    let row = rows.iter().find(|row| row.kid == kid).ok_or(Inexistent::Key)?;
    Ok(answer(StatusCode::OK, &shown(row)?))
}

/// `POST /keys/signing/rotate`: all keys; the answer names the one for RS256, as Auth0 has no other.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    administrator: Administrator,
) -> Result<Response, Error> {
    administrator.needs(&["create:signing_keys", "update:signing_keys"])?;
    let fresh = administer::rotate_keys(&app, administrator.tenant(), administrator.now).await?;
    let named = fresh.iter().find(|row| row.alg == "RS256").or(fresh.first());
    let row = named.ok_or_else(|| Broken::because("no key was made"))?;
    Ok(answer(StatusCode::CREATED, &named_by_certificate(row)?))
}

/// `PUT /keys/signing/{kid}/revoke`.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(kid): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["update:signing_keys"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let row = administer::revoke_key(&app, tenant, &kid, now).await?;
    Ok(answer(StatusCode::OK, &named_by_certificate(&row)?))
}

fn named_by_certificate(row: &SigningKeyRow) -> Result<Value, Broken> {
    Ok(json!({ "kid": row.kid, "cert": pem("CERTIFICATE", &certificate(row)?) }))
}

fn shown(row: &SigningKeyRow) -> Result<Value, Broken> {
    let der = certificate(row)?;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &der);
    let mut view = json!({
        "kid": row.kid,
        "cert": pem("CERTIFICATE", &der),
        "pkcs7": pem("PKCS7", &pkcs7(&der)),
        "fingerprint": hex(hash.as_ref(), ":"),
        "thumbprint": hex(hash.as_ref(), ""),
        "alg": row.alg,
        "current_since": row.created_at.to_iso(),
        "current_until": row.retired_at.map(Timestamp::to_iso),
        "revoked": row.revoked_at.is_some(),
        "revoked_at": row.revoked_at.map(Timestamp::to_iso),
    });
    let stage = match row.stage {
        Stage::Next => "next",
        Stage::Current => "current",
        Stage::Retired => "previous",
    };
    if let Some(members) = view.as_object_mut() {
        members.insert(String::from(stage), true.into());
        members.retain(|_, value| !value.is_null());
    }
    Ok(view)
}

/// The certificate that stands in the published key.
fn certificate(row: &SigningKeyRow) -> Result<Vec<u8>, Broken> {
    let jwk: Value = serde_json::from_str(&row.public_jwk).map_err(Broken::because)?;
    let text = jwk.pointer("/x5c/0").and_then(Value::as_str);
    let text =
        text.ok_or_else(|| Broken::because(format!("key {} has no certificate", row.kid)))?;
    STANDARD.decode(text).map_err(Broken::because)
}

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\r\n");
    for (index, character) in STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index.is_multiple_of(PEM_LINE) {
            text.push_str("\r\n");
        }
        text.push(character);
    }
    let _infallible = write!(text, "\r\n-----END {label}-----\r\n");
    text
}

fn hex(bytes: &[u8], between: &str) -> String {
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push_str(between);
        }
        let _infallible = write!(text, "{byte:02X}");
    }
    text
}

/// A certificate in the wrapping of RFC 2315, section 9.1: signed data that nobody signed.
fn pkcs7(certificate: &[u8]) -> Vec<u8> {
    const SIGNED_DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    const DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    let inner = [
        &[2, 1, 1][..],
        &der(0x31, &[]),
        &der(0x30, DATA),
        &der(0xa0, certificate),
        &der(0x31, &[]),
    ];
    let signed = der(0xa0, &der(0x30, &inner.concat()));
    der(0x30, &[SIGNED_DATA, &signed].concat())
}

/// A tag with its length and content; certificates of ours are far below 64 KiB.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let mut text = vec![tag];
    match length {
        0..=0x7f => text.push(low),
        0x80..=0xff => text.extend([0x81, low]),
        _ => text.extend([0x82, high, low]),
    }
    text.extend(content);
    text
}
