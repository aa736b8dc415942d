//! F11 to F13: hints that are hard to guess and say nothing but whom they mean.

use std::sync::Arc;

use domain::jose::{Algorithm, SigningKey};
use serde_json::{Value, json};
use server::tenancy::TrustedIssuer;
use testkit::{Client, World, p256_key};

use super::{Signer, is_invalid};

const BROKER: &str = "https://device.example/";

/// A World whose tenant trusts the issuer of hints on authentication devices, and its key.
async fn trusting() -> (World, Arc<SigningKey>) {
    let key = p256_key();
    let jwks = json!({"keys": [key.public().to_jwk(Some("k1"), Some(Algorithm::Es256))]});
    let trusted = TrustedIssuer { issuer: BROKER.to_owned(), jwks };
    let world = World::builder()
        .profile("fapi-ciba")
        .settings(move |settings| settings.login_hint_token_issuers = vec![trusted])
        .start()
        .await;
    world.phone_of("alice").is_ready().await;
    (world, key)
}

/// The claims of a request by a hint, which a device showed as a QR code.
fn by_hint(world: &World, signer: &Signer<'_>, key: &SigningKey, more: &Value) -> Value {
    let now = world.now().seconds();
    let mut hint = json!({
        "iss": BROKER, "aud": world.issuer(), "iat": now, "exp": now + 60,
        "jti": world.app().entropy.hex::<8>(),
        "sub_id": {"format": "opaque", "id": world.user_id("alice").as_str()},
    });
    for (name, value) in more.as_object().unwrap() {
        hint[name] = value.clone();
    }
    let mut claims = signer.claims_with("login_hint", Value::Null);
    claims["login_hint_token"] = Client::assertion(key, &hint, None).into();
    claims
}

/// F12, F13: a client that is held to them names people by hints that a device showed, each good
/// once and for a minute, or by its own ID tokens, and in no other way.
#[tokio::test]
async fn a_client_can_be_held_to_hints_that_are_good_once() {
    let (world, key) = trusting().await;
    let members = json!({"hint_parameters": ["login_hint_token", "id_token_hint"]});
    let signer = Signer::with(&world, "Held", members).await;
    is_invalid(&world, signer.starts(&signer.claims()).await).await;
    let claims = by_hint(&world, &signer, &key, &json!({}));
    let started = signer.starts(&claims).await;
    assert_eq!(started.status, 200, "{}", started.text());
    let id = started.member("auth_req_id");
    world.phone_of("alice").approves(&id).await;
    let id_token = signer.client.redeems(&id).await["id_token"].clone();
    let mut again = claims;
    again["jti"] = "another request, the same hint".into();
    assert_eq!(signer.starts(&again).await.summary(), "400 invalid_request");
    let late = by_hint(&world, &signer, &key, &json!({"exp": world.now().seconds() - 60}));
    assert_eq!(signer.starts(&late).await.summary(), "400 expired_login_hint_token");
    let mut next = signer.claims_with("login_hint", Value::Null);
    next["id_token_hint"] = id_token;
    let started = signer.starts(&next).await;
    assert_eq!(started.status, 200, "{}", started.text());
}

/// F11: what a hint says beside whom it means counts for nothing.
#[tokio::test]
async fn a_hint_authorizes_nothing() {
    let (world, key) = trusting().await;
    let signer = Signer::new(&world, "Signer").await;
    let more = json!({
        "openbanking_intent_id": "intent-4711",
        "scope": "openid transfer:funds",
        "authorization_details": [{"type": "payment_initiation", "instructedAmount": 4711}],
    });
    let claims = by_hint(&world, &signer, &key, &more);
    let id = signer.starts(&claims).await.member("auth_req_id");
    world.phone_of("alice").approves(&id).await;
    let tokens = signer.client.redeems(&id).await;
    assert_eq!((&tokens["scope"], tokens.get("authorization_details")), (&json!("openid"), None));
    let id_token = world.verified(tokens["id_token"].as_str().unwrap()).await.claims;
    assert!(!id_token.to_string().contains("4711") && !tokens.to_string().contains("4711"));
}
