//! W156 to W170: what the tokens say.

use http::Method;
use serde_json::{Value, json};
use testkit::{Form, Token, World};

const PAYMENTS: &str = "https://api.example.com/payments";

fn payments(form: Form) -> Form {
    form.with("audience", PAYMENTS).with("scope", "openid read:balance")
}

async fn access_token(world: &World, audience: &str) -> (Token, Value) {
    let ask = |form: Form| form.with("audience", audience).with("scope", "openid read:x");
    let tokens = world.client().gets_tokens("alice", ask).await;
    (world.verified(tokens["access_token"].as_str().unwrap()).await, tokens)
}

fn members(claims: &Value) -> Vec<&str> {
    claims.as_object().unwrap().keys().map(String::as_str).collect()
}

/// W156, W157, W159: Auth0's own dialect.
#[tokio::test]
async fn an_access_token_has_auth0s_claims() {
    let world = World::new().await;
    let tokens = world.client().gets_tokens("alice", payments).await;
    let token = world.verified(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!((&token.header["typ"], &token.header["alg"]), (&json!("JWT"), &json!("RS256")));
    assert!(token.header["kid"].is_string());
    assert_eq!(token.claims["iss"], world.issuer());
    assert_eq!(token.claims["sub"], "auth0|alice");
    assert_eq!(token.claims["azp"], world.client().id());
    assert_eq!(token.claims["scope"], "openid read:balance");
    assert_eq!(token.claims["iat"], world.now().seconds());
    for absent in ["client_id", "jti", "gty", "nonce", "permissions"] {
        assert_eq!(token.claims.get(absent), None, "{absent}");
    }
}

/// W158: for the API and for userinfo.
#[tokio::test]
async fn an_access_token_is_for_the_api_and_userinfo() {
    let world = World::new().await;
    let tokens = world.client().gets_tokens("alice", payments).await;
    let token = world.verified(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(token.claims["aud"], json!([PAYMENTS, world.url("userinfo")]));
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    let answer = world.request(Method::GET, "userinfo", &headers, "").await;
    assert_eq!(answer.json()["sub"], "auth0|alice");
}

/// W159, W160: RFC 9068's dialect.
#[tokio::test]
async fn an_api_may_want_rfc_9068() {
    let world = World::new().await;
    let api = json!({
        "identifier": "https://rfc9068.example/",
        "token_dialect": "rfc9068_profile",
        "scopes": [{"value": "read:x"}],
    });
    world.registers_api(api).await;
    let (token, _) = access_token(&world, "https://rfc9068.example/").await;
    assert_eq!(token.header["typ"], "at+jwt");
    assert_eq!(token.claims["client_id"], world.client().id());
    assert!(token.claims["jti"].is_string());
    for absent in ["azp", "gty", "permissions"] {
        assert_eq!(token.claims.get(absent), None, "{absent}");
    }
}

/// W161: the dialects that tell permissions.
#[tokio::test]
async fn an_api_may_want_permissions() {
    let world = World::new().await;
    for dialect in ["access_token_authz", "rfc9068_profile_authz"] {
        let audience = format!("https://{}.example/", dialect.replace('_', "-"));
        world
            .registers_api(json!({
                "identifier": audience,
                "token_dialect": dialect,
                "scopes": [{"value": "read:x"}],
            }))
            .await;
        let (token, _) = access_token(&world, &audience).await;
        assert!(token.claims["permissions"].is_array(), "{}", token.claims);
    }
}

/// W162: the algorithms of an API, and the one that is not offered.
#[tokio::test]
async fn an_api_chooses_its_algorithm() {
    let world = World::new().await;
    for algorithm in ["RS256", "RS512", "PS256", "ES256"] {
        let audience = format!("https://{}.example/", algorithm.to_lowercase());
        world.registers_api(json!({"identifier": audience, "signing_alg": algorithm})).await;
        let (token, _) = access_token(&world, &audience).await;
        assert_eq!(token.header["alg"], algorithm);
        world.advance_seconds(60);
    }
    let body = json!({"identifier": "https://hs256.example/", "signing_alg": "HS256"});
    let answer = world.operator().posts("resource-servers", &body).await;
    assert_eq!(answer.summary(), "400 invalid_body");
}

/// W163: a token lives as long as its API says.
#[tokio::test]
async fn an_api_chooses_the_lifetime() {
    let world = World::new().await;
    let api = json!({"identifier": "https://short.example/", "token_lifetime": 60});
    world.registers_api(api).await;
    for (audience, seconds) in [(PAYMENTS, 86_400), ("https://short.example/", 60)] {
        let (token, tokens) = access_token(&world, audience).await;
        assert_eq!(tokens["expires_in"], seconds);
        let lives = token.claims["exp"].as_i64().unwrap() - token.claims["iat"].as_i64().unwrap();
        assert_eq!(lives, seconds);
    }
}

/// W164: details are in the token.
#[tokio::test]
async fn details_are_in_the_access_token() {
    let world = World::new().await;
    let details = json!([{"type": "payment_initiation", "amount": "2500"}]);
    let ask = |form: Form| payments(form).with("authorization_details", details.to_string());
    let tokens = world.client().gets_tokens("alice", ask).await;
    let token = world.verified(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(token.claims["authorization_details"], details);
}

/// W165: without an API the token is opaque, and good at userinfo only.
#[tokio::test]
async fn without_an_audience_the_access_token_is_opaque() {
    let world = World::new().await;
    let tokens = world.client().gets_tokens("alice", |form| form).await;
    let token = tokens["access_token"].as_str().unwrap();
    assert!(!token.contains('.') && token.len() >= 43, "{token}");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(world.request(Method::GET, "userinfo", &headers, "").await.status, 200);
    assert_eq!(world.request(Method::GET, "api/v2/users", &headers, "").await.status, 401);
}

/// W166, W169: the ID token.
#[tokio::test]
async fn an_id_token_says_who_approved_when() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    world.advance_seconds(20);
    world.phone_of("alice").approves(&id).await;
    let approved = world.now().seconds();
    world.advance_seconds(30);
    let tokens = client.redeems(&id).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(token.header["alg"], "RS256");
    assert_eq!(token.claims["iss"], world.issuer());
    assert_eq!(token.claims["aud"], client.id());
    assert_eq!(token.claims["sub"], "auth0|alice");
    assert_eq!(token.claims["iat"], world.now().seconds());
    assert_eq!(token.claims["auth_time"], approved);
    for absent in ["nonce", "sid", "at_hash"] {
        assert_eq!(token.claims.get(absent), None, "{absent}");
    }
}

/// W166: a client may want another algorithm.
#[tokio::test]
async fn a_client_chooses_the_algorithm_of_its_id_tokens() {
    let world = World::new().await;
    let client = world.registers("Modern", json!({"jwt_configuration": {"alg": "ES256"}})).await;
    let tokens = client.gets_tokens("alice", |form| form).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(token.header["alg"], "ES256");
}

/// W167: ten hours, or what the client says.
#[tokio::test]
async fn an_id_token_lives_as_long_as_the_client_says() {
    let world = World::new().await;
    let short = json!({"jwt_configuration": {"lifetime_in_seconds": 60}});
    let short = world.registers("Short", short).await;
    for (client, seconds) in [(world.client(), 36_000), (short, 60)] {
        let tokens = client.gets_tokens("alice", |form| form).await;
        let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
        let lives = token.claims["exp"].as_i64().unwrap() - token.claims["iat"].as_i64().unwrap();
        assert_eq!(lives, seconds);
    }
}

/// W168: claims by scope.
#[tokio::test]
async fn claims_follow_the_scopes() {
    let world = World::new().await;
    let ask = |form: Form| form.with("scope", "openid profile email");
    let tokens = world.client().gets_tokens("alice", ask).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    for present in ["nickname", "name", "picture", "updated_at", "email", "email_verified"] {
        assert!(token.claims.get(present).is_some(), "{present}: {}", token.claims);
    }
    assert_eq!(token.claims["email"], "alice@example.com");
    assert_eq!(token.claims["email_verified"], true);
    let tokens = world.client().gets_tokens("alice", |form| form).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    for absent in ["nickname", "name", "picture", "updated_at", "email", "email_verified"] {
        assert_eq!(token.claims.get(absent), None, "{absent}: {:?}", members(&token.claims));
    }
}

/// W170: the subject is the very text of the hint.
#[tokio::test]
async fn the_subject_is_the_one_of_the_hint() {
    let world = World::new().await;
    let tokens = world.client().gets_tokens("alice", payments).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    let userinfo = world.request(Method::GET, "userinfo", &headers, "").await.json();
    assert_eq!(userinfo["sub"], "auth0|alice");
    for token in ["access_token", "id_token"] {
        let token = world.verified(tokens[token].as_str().unwrap()).await;
        assert_eq!(token.claims["sub"], "auth0|alice");
    }
}

/// W13: a token's key is published, also right after a rotation.
#[tokio::test]
async fn a_rotation_breaks_no_token() {
    let world = World::new().await;
    let before = world.client().gets_tokens("alice", payments).await;
    let rotate = server::admin::Command::KeyRotate { tenant: world.tenant_id().to_string() };
    server::admin::execute(&world.app(), rotate, world.now()).await.unwrap();
    let after = world.client().gets_tokens("alice", payments).await;
    let old = world.verified(before["id_token"].as_str().unwrap()).await;
    let new = world.verified(after["id_token"].as_str().unwrap()).await;
    assert_ne!(old.header["kid"], new.header["kid"]);
}

/// A retired key stays published as long as anything it signed can be good, an ID token as a hint
/// included, and no longer.
#[tokio::test]
async fn a_retired_key_is_forgotten_when_all_it_signed_is_over() {
    let world = World::new().await;
    let published =
        async || world.get(".well-known/jwks.json").await.json()["keys"].as_array().unwrap().len();
    let rotate = async || {
        let rotate = server::admin::Command::KeyRotate { tenant: world.tenant_id().to_string() };
        server::admin::execute(&world.app(), rotate, world.now()).await.unwrap();
        published().await
    };
    assert_eq!((published().await, rotate().await), (1, 2));
    world.advance_seconds(60 * 86_400 + 1);
    assert_eq!(rotate().await, 2, "the first is gone, the second and third are there");
}
