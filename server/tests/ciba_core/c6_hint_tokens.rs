//! C26, C27, C48 to C50, C79, C81: hints that are tokens.

use std::sync::Arc;

use domain::jose::{Algorithm, HeaderFields, SigningKey};
use serde_json::{Value, json};
use server::tenancy::TrustedIssuer;
use testkit::{Client, Form, World, p256_key, tenant_keys};

use super::is_refused;

const BROKER: &str = "https://broker.example/";

/// A World whose tenant trusts an issuer of hints, and that issuer's key.
async fn trusting() -> (World, Arc<SigningKey>) {
    let key = p256_key();
    let jwks = json!({"keys": [key.public().to_jwk(Some("k1"), Some(Algorithm::Es256))]});
    let trusted = TrustedIssuer { issuer: BROKER.to_owned(), jwks };
    let settings = move |settings: &mut server::tenancy::Settings| {
        settings.login_hint_token_issuers = vec![trusted];
    };
    let world = World::builder().profile("ciba").settings(settings).start().await;
    world.phone_of("alice").is_ready().await;
    (world, key)
}

fn claims(world: &World, jti: &str) -> Value {
    let now = world.now().seconds();
    json!({
        "iss": BROKER, "aud": world.issuer(), "iat": now, "exp": now + 120, "jti": jti,
        "sub_id": {"format": "email", "email": "alice@example.com"},
    })
}

fn by_token(client: &Client<'_>, token: impl Into<String>) -> Form {
    client.asking("alice").without("login_hint").with("login_hint_token", token)
}

fn signed(key: &SigningKey, claims: &Value) -> String {
    Client::assertion(key, claims, None)
}

/// C26, C79, N36: a good one, once; anything else never.
#[tokio::test]
async fn a_login_hint_token_is_signed_by_whom_the_tenant_trusts_and_good_once() {
    let (world, key) = trusting().await;
    let client = world.client();
    let stranger = p256_key();
    let changed = |name: &str, value: Value| {
        let mut claims = claims(&world, "refused");
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        claims
    };
    let now = world.now().seconds();
    let wrong = [
        changed("iss", json!("https://other.example/")),
        changed("iss", Value::Null),
        changed("aud", json!("https://other.example/")),
        changed("aud", Value::Null),
        changed("aud", json!([world.issuer(), 5])),
        changed("exp", Value::Null),
        changed("exp", json!(now + 3600)),
        changed("exp", json!("soon")),
        changed("iat", json!(now + 60)),
        changed("nbf", json!(now + 60)),
        changed("jti", Value::Null),
        changed("jti", json!("")),
        changed("sub_id", Value::Null),
        changed("sub_id", json!("auth0|alice")),
        changed("sub_id", json!({"format": "account", "uri": "acct:a@b"})),
        changed("sub_id", json!({"format": "email", "email": "alice"})),
    ];
    for claims in wrong {
        let form = by_token(&client, signed(&key, &claims));
        is_refused(&client, &world, form, "400 invalid_request").await;
    }
    let good = claims(&world, "once");
    for token in [
        signed(&stranger, &good),
        String::from("x"),
        String::from("a.b.c.d.e"),
        unsigned(&good),
        Client::assertion(&key, &good, Some("at+jwt")),
        Client::assertion(&key, &good, Some("client-authentication+jwt")),
    ] {
        is_refused(&client, &world, by_token(&client, token), "400 invalid_request").await;
    }
    let late = changed("exp", json!(now - 1));
    let form = by_token(&client, signed(&key, &late));
    is_refused(&client, &world, form, "400 expired_login_hint_token").await;
    let nobody = changed("sub_id", json!({"format": "opaque", "id": "nobody"}));
    let form = by_token(&client, signed(&key, &nobody));
    is_refused(&client, &world, form, "400 unknown_user_id").await;
    let token = signed(&key, &good);
    assert_eq!(client.starts(by_token(&client, &token)).await.status, 200);
    let again = client.starts(by_token(&client, &token)).await;
    assert_eq!(again.summary(), "400 invalid_request", "{}", again.text());
    world.restart().await;
    let again = client.starts(by_token(&client, &token)).await;
    assert_eq!(again.summary(), "400 invalid_request", "{}", again.text());
    if let Some(node) = world.second_node().await {
        let client = client.at(&node);
        assert_eq!(client.starts(by_token(&client, &token)).await.summary(), "400 invalid_request");
    }
    assert_eq!(world.phone_of("alice").pushes().await.len(), 1);
}

/// A token without a signature.
fn unsigned(claims: &Value) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({"alg": "none"})), part(claims))
}

/// C26, A17: an issuer's keys are set by the administrator, and are good for something.
#[tokio::test]
async fn trusted_issuers_are_the_tenants_setting() {
    let world = World::builder().profile("ciba").start().await;
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    let key = p256_key();
    let jwk = key.public().to_jwk(None, None);
    let set = async |jwks: Value| {
        let body = json!({"login_hint_token_issuers": [{"issuer": BROKER, "jwks": jwks}]});
        world.operator().patches("tenants/settings", &body).await.status
    };
    for wrong in [json!({}), json!({"keys": []}), json!({"keys": [{"kty": "oct", "k": "AA"}]})] {
        assert_eq!(set(wrong.clone()).await, 400, "{wrong}");
    }
    let token = signed(&key, &claims(&world, "1"));
    is_refused(&client, &world, by_token(&client, &token), "400 invalid_request").await;
    assert_eq!(set(json!({"keys": [jwk]})).await, 200);
    assert_eq!(client.starts(by_token(&client, &token)).await.status, 200);
    let shown = world.operator().gets("tenants/settings").await.json();
    assert_eq!(shown["login_hint_token_issuers"][0]["issuer"], BROKER);
}

fn by_id_token(client: &Client<'_>, token: impl Into<String>) -> Form {
    client.asking("alice").without("login_hint").with("id_token_hint", token)
}

/// C27, C48, C49: an ID token of ours for this client, also when it expired a while ago.
#[tokio::test]
async fn an_id_token_of_ours_is_a_hint_until_long_after_it_expired() {
    let (world, _) = trusting().await;
    let client = world.client();
    let tokens = client.gets_tokens("alice", |form| form).await;
    let token = tokens["id_token"].as_str().unwrap();
    assert_eq!(client.starts(by_id_token(&client, token)).await.status, 200);
    let other = world.registers("Other", json!({})).await;
    let refused = "400 invalid_request";
    assert_eq!(other.starts(by_id_token(&other, token)).await.summary(), refused);
    let lifetime_s = 36_000;
    world.advance_seconds(lifetime_s + 2_592_000 - 2);
    assert_eq!(client.starts(by_id_token(&client, token)).await.status, 200);
    world.advance_seconds(2);
    assert_eq!(client.starts(by_id_token(&client, token)).await.summary(), refused);
}

/// C50: keys that no longer sign are kept for it; a revoked one is not.
#[tokio::test]
async fn an_id_token_is_a_hint_after_its_key_was_rotated() {
    let (world, _) = trusting().await;
    let client = world.client();
    let tokens = client.gets_tokens("alice", |form| form).await;
    let token = tokens["id_token"].as_str().unwrap();
    let kid = world.verified(token).await.header["kid"].clone();
    let rotated = world.operator().posts("keys/signing/rotate", &json!({})).await;
    assert!(rotated.status < 300, "{}", rotated.text());
    world.advance_seconds(2_592_000);
    let rotated = world.operator().posts("keys/signing/rotate", &json!({})).await;
    assert!(rotated.status < 300, "{}", rotated.text());
    assert_eq!(client.starts(by_id_token(&client, token)).await.status, 200);
    let path = format!("keys/signing/{}/revoke", kid.as_str().unwrap());
    let revoked = world.operator().request(http::Method::PUT, &path, &json!({})).await;
    assert!(revoked.status < 300, "{}", revoked.text());
    let answer = client.starts(by_id_token(&client, token)).await;
    assert_eq!(answer.summary(), "400 invalid_request");
}

/// A17, C81, N35: whatever is not an ID token of ours for this client.
#[tokio::test]
async fn other_tokens_are_no_hint() {
    let (world, _) = trusting().await;
    let client = world.client();
    let payments = "https://api.example.com/payments";
    let tokens = client.gets_tokens("alice", |form| form.with("audience", payments)).await;
    let pushes = world.phone_of("alice").pushes().await.len();
    let good = world.verified(tokens["id_token"].as_str().unwrap()).await;
    let keys = tenant_keys();
    let key = keys.iter().find(|key| key.public().fits(Algorithm::Rs256)).unwrap();
    let kid = good.header["kid"].as_str().unwrap();
    let sign = |key: &SigningKey, kid: Option<&str>, typ: Option<&str>, claims: &Value| {
        let algorithm = key.public().key_type().default_algorithm();
        let fields = HeaderFields { typ, kid, jwk: None };
        key.sign(algorithm, &fields, &claims.to_string()).unwrap()
    };
    let changed = |name: &str, value: Value| {
        let mut claims = good.claims.clone();
        claims[name] = value;
        sign(key, Some(kid), Some("JWT"), &claims)
    };
    let stranger = p256_key();
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    for token in [
        tokens["access_token"].as_str().unwrap().to_owned(),
        changed("iss", json!("https://other.example/")),
        changed("aud", json!("Other")),
        changed("aud", json!([client.id(), 5])),
        changed("exp", json!("later")),
        changed("events", events),
        sign(key, Some(kid), Some("logout+jwt"), &good.claims),
        sign(key, Some(kid), Some("at+jwt"), &good.claims),
        sign(key, None, None, &good.claims),
        sign(key, Some("other"), None, &good.claims),
        sign(&stranger, Some(kid), None, &good.claims),
        unsigned(&good.claims),
        String::from("a.b.c.d.e"),
        String::from("x"),
    ] {
        let answer = client.starts(by_id_token(&client, token.as_str())).await;
        assert_eq!(answer.summary(), "400 invalid_request", "{token}");
    }
    assert_eq!(world.phone_of("alice").pushes().await.len(), pushes);
    let resigned = sign(key, Some(kid), Some("JWT"), &good.claims);
    assert_eq!(client.starts(by_id_token(&client, resigned)).await.status, 200);
}

/// F21: the kinds of tokens are told, and a client that registers some may use no others.
#[tokio::test]
async fn a_client_uses_the_kinds_of_hint_tokens_that_it_registered() {
    let (world, key) = trusting().await;
    let metadata = world.get(".well-known/openid-configuration").await.json();
    let told = metadata["backchannel_endpoint_login_hint_token_types_supported"].clone();
    let member = "backchannel_endpoint_login_hint_token_types";
    for (number, kind) in told.as_array().unwrap().iter().enumerate() {
        world.advance_seconds(60);
        let client = world.registers(&format!("Kind {number}"), json!({ member: [kind] })).await;
        let by_mail = signed(&key, &claims(&world, &format!("kind {number}")));
        let answer = client.starts(by_token(&client, by_mail)).await;
        let expected = if kind == "email" { "200" } else { "400 invalid_request" };
        assert_eq!(answer.summary(), expected, "{kind}");
    }
    let body = json!({"name": "Shop", member: ["carrier-pigeon"]});
    assert_eq!(world.operator().posts("clients", &body).await.status, 400);
}
