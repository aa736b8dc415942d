//! C10, C34 to C46: signed authentication requests.

use std::sync::Arc;

use domain::jose::{Algorithm, HeaderFields, KeyType, SigningKey};
use serde_json::{Value, json};
use testkit::{Answer, Client, Form, World, client_key, p256_key};

use super::{assert_error, is_refused, world};

const ALG: &str = "backchannel_authentication_request_signing_alg";

/// A client that signs its requests with this algorithm and key.
async fn signing<'w>(world: &'w World, alg: &str, key: &SigningKey) -> Client<'w> {
    let jwks = json!({"keys": [key.public().to_jwk(Some("r1"), None)]});
    let name = format!("Signs with {alg}");
    world.registers(&name, json!({ALG: alg, "jwks": jwks})).await
}

fn with_request(jwt: impl Into<String>) -> Form {
    Form::new().with("request", jwt)
}

async fn sends(client: &Client<'_>, key: &SigningKey, claims: &Value) -> Answer {
    client.starts(with_request(Client::assertion(key, claims, None))).await
}

/// A World, a client that signs with ES256, and its key.
async fn signed_world() -> (World, Arc<SigningKey>) {
    (world().await, p256_key())
}

/// C34, N23, R6: three algorithms, each where it is registered and nowhere else.
#[tokio::test]
async fn requests_are_signed_as_registered() {
    let world = world().await;
    let ed25519 = Arc::new(SigningKey::generate(KeyType::Ed25519).unwrap());
    let keys = [
        ("PS256", Algorithm::Ps256, client_key()),
        ("ES256", Algorithm::Es256, p256_key()),
        ("EdDSA", Algorithm::Ed25519, Arc::clone(&ed25519)),
        ("Ed25519", Algorithm::Ed25519, ed25519),
    ];
    for (alg, algorithm, key) in &keys {
        let client = signing(&world, alg, key).await;
        let claims = || client.request_claims(&client.asking("alice"));
        let jwt = Client::assertion_by(key, *algorithm, &claims(), None);
        let answer = client.starts(with_request(jwt)).await;
        assert_eq!(answer.status, 200, "{alg}: {}", answer.text());
        for (_, other, other_key) in keys.iter().filter(|(_, other, _)| other != algorithm) {
            let jwt = Client::assertion_by(other_key, *other, &claims(), None);
            assert_error(&client.starts(with_request(jwt)).await, "400 invalid_request");
        }
        world.advance_seconds(60);
    }
    let rsa = client_key();
    let client = world.registered("Signs with PS256");
    let claims = client.request_claims(&client.asking("alice"));
    let rs256 = Client::assertion_by(&rsa, Algorithm::Rs256, &claims, None);
    let encrypted = String::from("a.b.c.d.e");
    for jwt in [rs256, encrypted, header_only("none", &claims), header_only("HS256", &claims)] {
        assert_error(&client.starts(with_request(jwt)).await, "400 invalid_request");
    }
}

/// A JWT whose header names `alg`, and whose signature is nothing.
fn header_only(alg: &str, claims: &Value) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&json!({"alg": alg})), part(claims), part(&json!("mac")))
}

/// C10, C46, N23: who registered no algorithm sends no signed requests; and only asymmetric ones can be
/// registered.
#[tokio::test]
async fn who_registered_no_algorithm_signs_no_request() {
    let (world, key) = signed_world().await;
    let jwks = json!({"keys": [key.public().to_jwk(None, None)]});
    let client = world.registers("Unsigned", json!({ "jwks": jwks })).await;
    let claims = client.request_claims(&client.asking("alice"));
    let form = with_request(Client::assertion(&key, &claims, None));
    is_refused(&client, &world, form, "400 invalid_request").await;
    for alg in ["none", "HS256", "RS256", "ES384", "RSA-OAEP", ""] {
        let body = json!({"name": "x", "profile": "ciba", ALG: alg});
        let answer = world.operator().posts("clients", &body).await;
        assert_eq!(answer.status, 400, "{alg}: {}", answer.text());
    }
    for wrong in [json!({"keys": []}), json!({}), json!({"keys": [{"kty": "oct", "k": "AA"}]})] {
        let body = json!({"name": "x", "profile": "ciba", "jwks": wrong});
        assert_eq!(world.operator().posts("clients", &body).await.status, 400, "{wrong}");
    }
}

/// C35, N19: nothing but the client's authentication may stand beside it.
#[tokio::test]
async fn nothing_stands_beside_a_signed_request() {
    let (world, key) = signed_world().await;
    let client = signing(&world, "ES256", &key).await;
    for name in [
        "scope",
        "client_notification_token",
        "acr_values",
        "login_hint_token",
        "id_token_hint",
        "login_hint",
        "binding_message",
        "user_code",
        "requested_expiry",
        "resource",
        "audience",
        "authorization_details",
        "request_context",
        "request_uri",
        "claims",
        "unknown",
        "request",
    ] {
        let claims = client.request_claims(&client.asking("alice"));
        let jwt = Client::assertion(&key, &claims, None);
        let form = with_request(jwt).and(name, "x");
        is_refused(&client, &world, form, "400 invalid_request").await;
    }
}

/// C36, C37, C38: for us, from the client, and not over.
#[tokio::test]
async fn a_signed_request_is_ours_the_clients_and_current() {
    let (world, key) = signed_world().await;
    let client = signing(&world, "ES256", &key).await;
    let now = world.now().seconds();
    let wrong = [
        ("aud", Value::Null),
        ("aud", json!("https://other.example/")),
        ("aud", json!(world.url("bc-authorize"))),
        ("aud", json!([])),
        ("iss", Value::Null),
        ("iss", json!("BankBankBankBankBankBankBankBank")),
        ("iss", json!(5)),
        ("exp", Value::Null),
        ("exp", json!(now)),
        ("exp", json!(now - 1)),
        ("exp", json!("soon")),
        ("exp", json!(now + 90_000)),
    ];
    are_refused((&client, &key), &world, &wrong).await;
    let mut claims = client.request_claims(&client.asking("alice"));
    claims["aud"] = json!(["https://other.example/", world.issuer()]);
    assert_eq!(sends(&client, &key, &claims).await.status, 200);
}

async fn are_refused(
    (client, key): (&Client<'_>, &SigningKey),
    world: &World,
    wrong: &[(&str, Value)],
) {
    for (name, value) in wrong {
        let mut claims = client.request_claims(&client.asking("alice"));
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(*name);
        } else {
            claims[*name] = value.clone();
        }
        let answer = sends(client, key, &claims).await;
        assert_eq!(answer.summary(), "400 invalid_request", "{name} {value}: {}", answer.text());
    }
    assert!(world.phone_of("alice").pushes().await.is_empty());
}

/// C39, C40, C41: when it was made, from when it is good, and its name.
#[tokio::test]
async fn a_signed_request_says_when_it_was_made_and_has_a_name() {
    let (world, key) = signed_world().await;
    let client = signing(&world, "ES256", &key).await;
    let now = world.now().seconds();
    let wrong = [
        ("iat", Value::Null),
        ("iat", json!(now + 120)),
        ("iat", json!("now")),
        ("nbf", Value::Null),
        ("nbf", json!(now + 120)),
        ("jti", Value::Null),
        ("jti", json!("")),
        ("jti", json!(7)),
    ];
    are_refused((&client, &key), &world, &wrong).await;
    let mut claims = client.request_claims(&client.asking("alice"));
    claims["iat"] = json!(now + 8);
    claims["nbf"] = json!(now + 8);
    assert_eq!(sends(&client, &key, &claims).await.status, 200);
}

/// C42, C32, N24: values are strings; how long may be a number too, and what extends the standard
/// any JSON.
#[tokio::test]
async fn values_are_strings_but_for_numbers_and_extensions() {
    let (world, key) = signed_world().await;
    let client = signing(&world, "ES256", &key).await;
    let wrong = [
        ("scope", json!(["openid"])),
        ("login_hint", json!({"format": "opaque", "id": "auth0|alice"})),
        ("binding_message", json!(5)),
        ("acr_values", json!(["a"])),
        ("user_code", json!(1234)),
        ("requested_expiry", json!(true)),
        ("requested_expiry", json!(0)),
        ("requested_expiry", json!(-1)),
        ("requested_expiry", json!(1.5)),
        ("requested_expiry", json!("0")),
        ("requested_expiry", json!("text")),
        ("request", json!("x")),
    ];
    are_refused((&client, &key), &world, &wrong).await;
    for (expiry, given) in
        [(json!(30), 30), (json!("30"), 30), (json!(1_000_000), 300), (json!("1000000"), 300)]
    {
        let mut claims = client.request_claims(&client.asking("alice"));
        claims["requested_expiry"] = expiry.clone();
        claims["request_context"] = json!({"place": {"lat": 35.6}});
        claims["unknown"] = json!([1, {"x": null}]);
        let answer = sends(&client, &key, &claims).await;
        assert_eq!(answer.json()["expires_in"], json!(given), "{expiry}: {}", answer.text());
    }
}

/// C43, N21: a signed request is good once, also after a restart and on another node.
#[tokio::test]
async fn a_signed_request_is_good_once() {
    let (world, key) = signed_world().await;
    let client = signing(&world, "ES256", &key).await;
    let claims = client.request_claims(&client.asking("alice"));
    assert_eq!(sends(&client, &key, &claims).await.status, 200);
    assert_error(&sends(&client, &key, &claims).await, "400 invalid_request");
    world.restart().await;
    assert_error(&sends(&client, &key, &claims).await, "400 invalid_request");
    if let Some(node) = world.second_node().await {
        let answer = sends(&client.at(&node), &key, &claims).await;
        assert_error(&answer, "400 invalid_request");
    }
    let other = signing(&world, "PS256", &client_key()).await;
    let mut same = other.request_claims(&other.asking("alice"));
    same["jti"] = claims["jti"].clone();
    let jwt = Client::assertion_by(&client_key(), Algorithm::Ps256, &same, None);
    assert_eq!(other.starts(with_request(jwt)).await.status, 200, "another client's name");
    assert_eq!(world.phone_of("alice").pushes().await.len(), 2);
}

/// C44, N22, R6: what kind of token it says it is.
#[tokio::test]
async fn another_kind_of_token_is_no_request() {
    let (world, key) = signed_world().await;
    let client = signing(&world, "ES256", &key).await;
    for typ in ["client-authentication+jwt", "at+jwt", "dpop+jwt", "logout+jwt", "x"] {
        let claims = client.request_claims(&client.asking("alice"));
        let jwt = Client::assertion(&key, &claims, Some(typ));
        is_refused(&client, &world, with_request(jwt), "400 invalid_request").await;
    }
    for typ in [None, Some("jwt"), Some("OAuth-AuthZ-Req+JWT"), Some("application/JWT")] {
        let claims = client.request_claims(&client.asking("alice"));
        let jwt = Client::assertion(&key, &claims, typ);
        assert_eq!(client.starts(with_request(jwt)).await.status, 200, "{typ:?}");
    }
}

/// C34: the signature is the client's, by any key of its set that fits.
#[tokio::test]
async fn the_signature_is_the_clients() {
    let (world, key) = signed_world().await;
    let (old, stranger) = (p256_key(), p256_key());
    let keys = [
        json!({"kty": "oct-of-tomorrow"}),
        old.public().to_jwk(Some("same"), None),
        key.public().to_jwk(Some("same"), Some(Algorithm::Es256)),
    ];
    let members = json!({ALG: "ES256", "jwks": {"keys": keys}});
    let client = world.registers("Rotates", members).await;
    let claims = || client.request_claims(&client.asking("alice"));
    let named = |key: &SigningKey, kid: Option<&str>| {
        let fields = HeaderFields { typ: None, kid, jwk: None };
        key.sign(Algorithm::Es256, &fields, &claims().to_string()).unwrap()
    };
    for (jwt, is_good) in [
        (named(&stranger, None), false),
        (named(&stranger, Some("same")), false),
        (named(&key, Some("another")), false),
        (named(&key, None), true),
        (named(&old, Some("same")), true),
        (named(&key, Some("same")), true),
    ] {
        let answer = client.starts(with_request(jwt)).await;
        let expected = if is_good { "200" } else { "400 invalid_request" };
        assert_eq!(answer.summary(), expected, "{}", answer.text());
    }
}

/// C47: who may not ask at all is told so before its JWT is looked at; a broken JWT before its
/// parameters.
#[tokio::test]
async fn a_signed_request_is_opened_after_the_client_is_known() {
    let (world, key) = signed_world().await;
    let jwks = json!({"keys": [key.public().to_jwk(None, None)]});
    let members = json!({ALG: "ES256", "jwks": jwks, "grant_types": ["refresh_token"]});
    let without = world.registers("No grant", members).await;
    is_refused(&without, &world, with_request("x"), "400 unauthorized_client").await;
    let client = signing(&world, "ES256", &key).await;
    let nobody = client.asking("alice").with("login_hint", "auth0|nobody");
    let mut claims = client.request_claims(&nobody);
    assert_error(&sends(&client, &key, &claims).await, "400 unknown_user_id");
    claims["jti"] = json!("another");
    claims["aud"] = json!("https://other.example/");
    assert_error(&sends(&client, &key, &claims).await, "400 invalid_request");
}
