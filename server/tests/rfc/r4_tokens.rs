//! R4 to R23: assertions, revocation, access tokens, algorithms and names of people.

use std::sync::Arc;

use domain::jose::{Algorithm, HeaderFields, KeyType, SigningKey};
use http::Method;
use serde_json::{Value, json};
use testkit::{Client, Form, World, client_key, p256_key};

use super::{PAYMENTS, for_payments, introspected, text, world};

/// R4, A10: an assertion is the client's own, for us alone, short-lived and named; its type may be
/// said.
#[tokio::test]
async fn an_assertion_is_the_clients_and_for_us_alone() {
    let world = world().await;
    let key = p256_key();
    let client = world.registers_with_key("Signer", Arc::clone(&key), json!({})).await;
    let now = world.now().seconds();
    let wrong = [
        ("iss", json!("Bank")),
        ("iss", Value::Null),
        ("sub", json!("Bank")),
        ("sub", Value::Null),
        ("exp", Value::Null),
        ("exp", json!(now - 1)),
        ("exp", json!(now + 301)),
        ("jti", Value::Null),
        ("aud", json!("https://other-op.example/")),
        ("aud", json!([world.issuer(), "https://other-op.example/"])),
        ("aud", json!(world.url("oauth/token"))),
        ("aud", Value::Null),
    ];
    let starts = async |claims: &Value, typ: Option<&str>| {
        let form = client.with_assertion(
            Form::new().with("scope", "openid"),
            Client::assertion(&key, claims, typ),
        );
        world.post_form("bc-authorize", &form, &[]).await.summary()
    };
    for (name, value) in wrong {
        let mut claims = client.assertion_claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
        assert_eq!(starts(&claims, None).await, "401 invalid_client", "{name} {value}");
    }
    for typ in [None, Some("JWT"), Some("client-authentication+jwt")] {
        assert_eq!(starts(&client.assertion_claims(), typ).await, "400 invalid_request");
    }
    for typ in ["at+jwt", "dpop+jwt", "oauth-authz-req+jwt", "logout+jwt"] {
        let told = starts(&client.assertion_claims(), Some(typ)).await;
        assert_eq!(told, "401 invalid_client", "{typ}");
    }
}

/// R8: an unknown token is no fault; a refresh token takes the grant along; and when all access to
/// a person is revoked, what they are asked at that moment ends too.
#[tokio::test]
async fn a_revocation_ends_the_grant() {
    let world = world().await;
    let client = world.client();
    let answer = client.revokes("never-was").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let offline = |form: Form| form.with("scope", "openid offline_access");
    let tokens = client.gets_tokens("alice", offline).await;
    let newer = client.refreshes(&text(&tokens, "refresh_token")).await.json();
    assert_eq!(client.revokes(&text(&tokens, "refresh_token")).await.status, 200);
    for token in [text(&tokens, "access_token"), text(&newer, "access_token")] {
        assert_eq!(introspected(&client, &token).await, json!({"active": false}));
    }
    let refused = client.refreshes(&text(&tokens, "refresh_token")).await;
    assert_eq!(refused.summary(), "400 invalid_grant");
    let (undecided, approved) = (client.asks_for("alice").await, client.asks_for("alice").await);
    world.phone_of("alice").approves(&approved).await;
    let push = world.phone_of("alice").push_of(&undecided).await;
    let other = client.asks_for("bob").await;
    let path = "users/auth0%7Calice/revoke-access";
    assert_eq!(world.operator().posts(path, &json!({})).await.status, 204);
    for id in [&undecided, &approved] {
        assert_eq!(client.polls(id).await, "400 access_denied");
    }
    let yes = device_protocol::guardian::resolve::Decision::Accepted;
    assert!(world.phone_of("alice").answers(&push, yes).await.status >= 400);
    assert_eq!(client.polls(&undecided).await, "400 access_denied");
    assert_eq!(client.polls(&other).await, "400 authorization_pending");
}

/// R10: an access token in RFC 9068's own dialect, with how and when the person approved.
#[tokio::test]
async fn an_access_token_of_rfc_9068_says_all_it_must() {
    let world = world().await;
    let api = "https://rfc9068.example/";
    let dialect = json!({"identifier": api, "token_dialect": "rfc9068_profile",
        "allow_offline_access": true});
    world.registers_api(dialect).await;
    let client = world.client();
    let ask = |form: Form| {
        let form = form.with("audience", api).with("acr_values", "urn:aizuchi:acr:device");
        form.with("scope", "openid offline_access")
    };
    let approved_at = world.now().seconds();
    let first = client.gets_tokens("alice", ask).await;
    world.advance_seconds(60);
    let renewed = client.refreshes(&text(&first, "refresh_token")).await.json();
    let mut names = std::collections::BTreeSet::new();
    for tokens in [&first, &renewed] {
        let token = world.verified(&text(tokens, "access_token")).await;
        assert_eq!(token.header["typ"], "at+jwt");
        let claims = &token.claims;
        assert_eq!(claims["iss"], json!(world.issuer()));
        assert_eq!(claims["aud"], json!([api, world.url("userinfo")]));
        assert_eq!(claims["sub"], "auth0|alice");
        assert_eq!(claims["client_id"], json!(client.id()));
        assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
        assert!(names.insert(text(claims, "jti")));
        assert_eq!(claims["acr"], "urn:aizuchi:acr:device");
        assert_eq!(claims["auth_time"], json!(approved_at));
        let told = introspected(&client, &text(tokens, "access_token")).await;
        assert_eq!((&told["acr"], &told["auth_time"]), (&claims["acr"], &claims["auth_time"]));
    }
    let plain = client.gets_tokens("alice", for_payments).await;
    let plain = world.verified(&text(&plain, "access_token")).await;
    assert_eq!((plain.claims.get("acr"), plain.claims.get("auth_time")), (None, None));
}

/// R17: `Ed25519` is an algorithm by its own name, and each key has the algorithms that it is
/// registered for and no others.
#[tokio::test]
async fn a_key_has_its_own_algorithms() {
    let world = world().await;
    let ed25519 = Arc::new(SigningKey::generate(KeyType::Ed25519).unwrap());
    let members = json!({});
    let client = world.registers_with_key("Edward", Arc::clone(&ed25519), members).await;
    let sends = async |jwt: String| {
        let form = client.with_assertion(Form::new().with("scope", "openid"), jwt);
        world.post_form("bc-authorize", &form, &[]).await.summary()
    };
    let claims = || client.assertion_claims().to_string();
    for alg in ["Ed25519", "EdDSA"] {
        let header = json!({ "alg": alg }).to_string();
        let jwt = ed25519.sign_compact(Algorithm::Ed25519, &header, &claims()).unwrap();
        assert_eq!(sends(jwt).await, "400 invalid_request", "{alg}");
    }
    let (p256, rsa) = (p256_key(), client_key());
    for (key, algorithm) in
        [(&p256, Algorithm::Es256), (&rsa, Algorithm::Rs256), (&rsa, Algorithm::Ps256)]
    {
        let jwt = key.sign(algorithm, &HeaderFields::default(), &claims()).unwrap();
        assert_eq!(sends(jwt).await, "401 invalid_client", "{}", algorithm.name());
    }
    for alg in ["none", "HS256", "ES256", "ed25519", "Ed448", ""] {
        let header = json!({ "alg": alg }).to_string();
        let jwt = ed25519.sign_compact(Algorithm::Ed25519, &header, &claims()).unwrap();
        assert_eq!(sends(jwt).await, "401 invalid_client", "{alg}");
    }
}

/// R20: each form of RFC 9493's that names a person here names one in a `login_hint_token`; the
/// others are refused.
#[tokio::test]
async fn a_hint_token_names_people_as_rfc_9493_does() {
    let key = p256_key();
    let jwks = json!({"keys": [key.public().to_jwk(Some("k1"), Some(Algorithm::Es256))]});
    let issuer = String::from("https://broker.example/");
    let trusted = server::tenancy::TrustedIssuer { issuer: issuer.clone(), jwks };
    let settings = |all: &mut server::tenancy::Settings| {
        all.login_hint_token_issuers = vec![trusted];
    };
    let world = World::builder().profile("ciba").settings(settings).start().await;
    world.phone_of("alice").is_ready().await;
    let number = json!({"phone_number": "+81312345678"});
    assert_eq!(world.operator().patches("users/auth0%7Calice", &number).await.status, 200);
    let client = world.client();
    let hinted = async |sub_id: &Value, number: usize| {
        let now = world.now().seconds();
        let claims = json!({
            "iss": issuer, "aud": world.issuer(), "iat": now, "exp": now + 120,
            "jti": format!("hint-{number}"), "sub_id": sub_id,
        });
        let token = Client::assertion(&key, &claims, None);
        let form = client.asking("alice").without("login_hint").with("login_hint_token", token);
        client.starts(form).await.summary()
    };
    let people = [
        json!({"format": "iss_sub", "iss": world.issuer(), "sub": "auth0|alice"}),
        json!({"format": "email", "email": "alice@example.com"}),
        json!({"format": "phone_number", "phone_number": "+81312345678"}),
        json!({"format": "opaque", "id": "auth0|alice"}),
    ];
    for (number, person) in people.iter().enumerate() {
        assert_eq!(hinted(person, number).await, "200", "{person}");
        world.advance_seconds(30);
    }
    let strange = [
        json!({"format": "account", "uri": "acct:alice@example.com"}),
        json!({"format": "did", "url": "did:example:123"}),
        json!({"format": "aliases", "identifiers": [people[0]]}),
        json!({"email": "alice@example.com"}),
        json!({"format": "email"}),
        json!({"format": "email", "email": ["alice@example.com"]}),
        json!({"format": "iss_sub", "iss": "https://other.example/", "sub": "auth0|alice"}),
    ];
    for (number, person) in strange.iter().enumerate() {
        assert_eq!(hinted(person, 10 + number).await, "400 invalid_request", "{person}");
    }
}

/// R12, A11: what another issuer signed opens nothing here, whoever holds it: each token says whose
/// it is, and the metadata and every ID token name the issuer.
#[tokio::test]
async fn tokens_of_another_issuer_open_nothing() {
    let world = world().await;
    let elsewhere = world.second_tenant("elsewhere").await;
    elsewhere.phone_of("alice").is_ready().await;
    let ask = |form: Form| form.with("audience", PAYMENTS).with("scope", "openid read:balance");
    let foreign = elsewhere.client().gets_tokens("alice", ask).await;
    let ours = world.client().gets_tokens("alice", ask).await;
    let opens = async |token: &Value| {
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        world.request(Method::GET, "userinfo", &headers, "").await.status
    };
    assert_eq!(opens(&ours["access_token"]).await, 200);
    assert_eq!(opens(&foreign["access_token"]).await, 401);
    let told = introspected(&world.client(), &text(&foreign, "access_token")).await;
    assert_eq!(told, json!({"active": false}));
    for (world, tokens) in [(&world, &ours), (&elsewhere, &foreign)] {
        let metadata = world.get(".well-known/openid-configuration").await.json();
        let token = world.verified(&text(tokens, "id_token")).await;
        assert_eq!(token.claims["iss"], metadata["issuer"]);
    }
}
