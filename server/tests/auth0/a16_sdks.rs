//! W301 to W303: SDKs whose requests are known from their source, sent as that source writes them.
//! Those that can be run are in `tests/compat` and in the recordings of `golden`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::{Answer, Form, World};

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const PAYMENTS: &str = "https://api.example.com/payments";

/// `Auth0-Client` as these SDKs write it.
fn telemetry(name: &str, version: &str) -> String {
    STANDARD.encode(json!({"name": name, "version": version, "env": {}}).to_string())
}

async fn posts(world: &World, path: &str, form: &Form, sdk: &str) -> Answer {
    world.post_form(path, form, &[("auth0-client", sdk), ("accept", "*/*")]).await
}

/// W301: Java starts and polls by form, writes `requested_expiry`, revokes and refreshes by JSON,
/// and sends a 429 again three times within a second: the interval does not grow by that.
#[tokio::test]
async fn the_java_sdk_gets_tokens_and_its_retries_do_no_harm() {
    let world = World::new().await;
    let client = world.client();
    let sdk = telemetry("auth0-java", "5.0.0");
    world.phone_of("alice").is_ready().await;
    let start = Form::new()
        .with("scope", "openid offline_access")
        .with("binding_message", "21-49-38")
        .with("login_hint", client.hint("alice"))
        .with("audience", PAYMENTS)
        .with("requested_expiry", "120")
        .with("client_id", client.id())
        .with("client_secret", client.secret());
    let started = posts(&world, "bc-authorize", &start, &sdk).await;
    assert_eq!((started.status, &started.json()["expires_in"]), (200, &json!(120)));
    let id = started.member("auth_req_id");
    let poll = Form::new()
        .with("auth_req_id", &id)
        .with("grant_type", CIBA)
        .with("client_id", client.id())
        .with("client_secret", client.secret());
    assert_eq!(
        posts(&world, "oauth/token", &poll, &sdk).await.summary(),
        "400 authorization_pending"
    );
    world.advance_seconds(1);
    for wait_ms in [0, 100, 200, 400] {
        world.advance_ms(wait_ms);
        let slowed = posts(&world, "oauth/token", &poll, &sdk).await;
        assert_eq!((slowed.status, slowed.number("retry-after")), (429, 10));
        assert_eq!(slowed.json()["interval"], 10);
    }
    world.advance_seconds(10);
    assert_eq!(
        posts(&world, "oauth/token", &poll, &sdk).await.summary(),
        "400 authorization_pending"
    );
    let push = world.phone_of("alice").pushes().await.remove(0);
    let yes = device_protocol::guardian::resolve::Decision::Accepted;
    assert_eq!(world.phone_of("alice").answers(&push, yes).await.status, 204);
    let tokens = posts(&world, "oauth/token", &poll, &sdk).await.json();
    for member in ["access_token", "id_token", "scope"] {
        assert!(tokens[member].is_string(), "{member}: {tokens}");
    }
    assert!(tokens["expires_in"].is_u64());
    let token = tokens["refresh_token"].as_str().unwrap();
    let credentials = json!({"client_id": client.id(), "client_secret": client.secret()});
    let with = |members: Value| {
        let mut body = credentials.clone();
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let renew = with(json!({"grant_type": "refresh_token", "refresh_token": token}));
    assert_eq!(world.post_json("oauth/token", &renew, &[]).await.status, 200);
    let revoke = with(json!({"token": token}));
    assert_eq!(world.post_json("oauth/revoke", &revoke, &[]).await.status, 200);
    assert_eq!(world.post_json("oauth/token", &renew, &[]).await.summary(), "403 invalid_grant");
}

/// W302: go reads the keys when it is made, sends five members with sorted names, and checks the ID
/// token: RS256, issuer, audience, subject, times.
#[tokio::test]
async fn the_go_sdk_gets_tokens_its_rules_accept() {
    let world = World::new().await;
    let client = world.client();
    let sdk = telemetry("go-auth0", "3.1.0");
    let keys = world.get(".well-known/jwks.json").await;
    assert_eq!(keys.status, 200);
    world.phone_of("alice").is_ready().await;
    let start = Form::new()
        .with("binding_message", "TEST-BINDING-MESSAGE")
        .with("client_id", client.id())
        .with("client_secret", client.secret())
        .with("login_hint", client.hint("alice"))
        .with("scope", "openid");
    let started = posts(&world, "bc-authorize", &start, &sdk).await;
    assert_eq!(started.status, 200, "{}", started.text());
    let id = started.member("auth_req_id");
    let push = world.phone_of("alice").pushes().await.remove(0);
    let yes = device_protocol::guardian::resolve::Decision::Accepted;
    assert_eq!(world.phone_of("alice").answers(&push, yes).await.status, 204);
    let poll = Form::new()
        .with("auth_req_id", id)
        .with("client_id", client.id())
        .with("client_secret", client.secret())
        .with("grant_type", CIBA);
    let tokens = posts(&world, "oauth/token", &poll, &sdk).await.json();
    is_taken_by_the_rules(&world, tokens["id_token"].as_str().unwrap()).await;
}

/// What go and .NET ask of an ID token, with the keys that discovery names.
async fn is_taken_by_the_rules(world: &World, id_token: &str) {
    let token = world.verified(id_token).await;
    let (claims, now) = (&token.claims, world.now().seconds());
    assert_eq!(token.header["alg"], "RS256");
    assert_eq!(claims["iss"], world.issuer());
    let audience = &claims["aud"];
    let own = json!(world.client().id());
    assert!(*audience == own || audience.as_array().is_some_and(|all| all.contains(&own)));
    assert!(!claims["sub"].as_str().unwrap().is_empty());
    assert!(claims["iat"].as_i64().unwrap() <= now + 60);
    assert!(claims["exp"].as_i64().unwrap() > now - 60);
    assert_eq!(claims.get("nonce"), None);
}

/// W303: .NET asks discovery for the keys, proves itself by an assertion with `nbf`, `iat` and
/// `auth_time` as text, revokes by form, and checks the ID token.
#[tokio::test]
async fn the_dotnet_sdk_gets_tokens_its_rules_accept() {
    let world = World::new().await;
    let members = json!({"token_endpoint_auth_method": "private_key_jwt"});
    let by_key = world.registers("DotNet", members).await;
    let sdk = telemetry("Auth0.Net", "7.49.0");
    let discovered = world.get(".well-known/openid-configuration").await.json();
    assert_eq!(discovered["jwks_uri"], world.url(".well-known/jwks.json"));
    world.phone_of("alice").is_ready().await;
    let proven = |form: Form| {
        let now = world.now().seconds();
        let mut claims = by_key.assertion_claims();
        claims["nbf"] = now.into();
        claims["exp"] = (now + 180).into();
        claims["auth_time"] = format!("{now}").into();
        let key = testkit::client_key();
        by_key.with_assertion(form, testkit::Client::assertion(&key, &claims, Some("JWT")))
    };
    let start = Form::new()
        .with("binding_message", "21-49-38")
        .with("login_hint", by_key.hint("alice"))
        .with("scope", "openid offline_access")
        .with("audience", PAYMENTS)
        .with("requested_expiry", "300")
        .with("authorization_details", r#"[{"type":"payment_initiation"}]"#);
    let started = posts(&world, "bc-authorize", &proven(start), &sdk).await;
    assert_eq!(started.status, 200, "{}", started.text());
    let started = started.json();
    assert!(started["expires_in"].is_u64() && started["interval"].is_u64());
    let push = world.phone_of("alice").pushes().await.remove(0);
    let yes = device_protocol::guardian::resolve::Decision::Accepted;
    assert_eq!(world.phone_of("alice").answers(&push, yes).await.status, 204);
    let poll = by_key.polling(started["auth_req_id"].as_str().unwrap());
    let tokens = posts(&world, "oauth/token", &proven(poll), &sdk).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let tokens = tokens.json();
    assert!(tokens["authorization_details"].is_array());
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(
        (&token.claims["iss"], &token.claims["aud"]),
        (&json!(world.issuer()), &json!("DotNet"))
    );
    assert_eq!(token.header["alg"], "RS256");
    let revoke = Form::new().with("token", tokens["refresh_token"].as_str().unwrap());
    assert_eq!(posts(&world, "oauth/revoke", &proven(revoke), &sdk).await.status, 200);
}
