//! R19 and OpenID Connect Core 5.5: what a client can ask to be told, class of authentication and
//! claims.

use http::Method;
use serde_json::{Value, json};
use testkit::{Form, World};

use super::{PAYMENTS, introspected, text, world};

const DEVICE: &str = "urn:aizuchi:acr:device";

async fn id_token(world: &World, tokens: &Value) -> Value {
    world.verified(&text(tokens, "id_token")).await.claims
}

async fn userinfo(world: &World, token: &str) -> Value {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    world.request(Method::GET, "userinfo", &headers, "").await.json()
}

/// R19, R10: a resource server that wants a fresh or stronger authentication gets `acr` and the
/// moment of the approval, in the ID token and in an access token of RFC 9068.
#[tokio::test]
async fn a_stepped_up_token_says_how_and_when() {
    let world = world().await;
    let modern =
        json!({"identifier": "https://modern.example", "token_dialect": "rfc9068_profile"});
    world.registers_api(modern).await;
    let client = world.client();
    let ask = |form: Form| {
        form.with("acr_values", DEVICE)
            .with("max_age", "0")
            .with("audience", "https://modern.example")
    };
    let id = client.asks_with("alice", ask).await;
    world.advance_seconds(7);
    let approved_at = world.now().seconds();
    world.phone_of("alice").approves(&id).await;
    world.advance_seconds(20);
    let tokens = client.redeems(&id).await;
    let access = world.verified(&text(&tokens, "access_token")).await.claims.clone();
    let told = introspected(&client, &text(&tokens, "access_token")).await;
    for claims in [&access, &id_token(&world, &tokens).await, &told] {
        assert_eq!((&claims["acr"], &claims["auth_time"]), (&json!(DEVICE), &json!(approved_at)));
    }
    let expected = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"];
    assert!(expected.iter().all(|name| access.get(*name).is_some()), "{access}");
}

/// OpenID Connect Core 5.5: claims by name, in the ID token and from `/userinfo`, for tokens with
/// and without an API; the person is shown which.
#[tokio::test]
async fn claims_can_be_asked_for_by_name() {
    let world = world().await;
    let client = world.client();
    let wish = json!({
        "id_token": {"email": null, "acr": {"essential": true}, "unheard_of": {"essential": true}},
        "userinfo": {"name": {"essential": false}, "phone_number": null},
        "more": 5,
    });
    for audience in ["", PAYMENTS] {
        let ask = |form: Form| {
            let form = form.with("claims", wish.to_string()).with("audience", audience);
            form.with("scope", "openid offline_access")
        };
        let id = client.asks_with("alice", ask).await;
        let consent = world.phone_of("alice").consent_of(&id).await;
        assert_eq!(
            consent["requested_details"]["claims"],
            json!(["name", "email", "phone_number"])
        );
        world.phone_of("alice").approves(&id).await;
        let tokens = client.redeems(&id).await;
        let again = client.refreshes(&text(&tokens, "refresh_token")).await.json();
        for tokens in [tokens, again] {
            let claims = id_token(&world, &tokens).await;
            assert_eq!(
                (&claims["email"], &claims["acr"]),
                (&json!("alice@example.com"), &json!(DEVICE))
            );
            assert_eq!((claims.get("name"), claims.get("unheard_of")), (None, None));
            let told = userinfo(&world, &text(&tokens, "access_token")).await;
            assert_eq!(told, json!({"sub": "auth0|alice", "name": "alice Example"}), "{audience}");
        }
    }
    let metadata = world.get(".well-known/openid-configuration").await.json();
    assert_eq!(metadata["claims_parameter_supported"], json!(true));
}

/// OpenID Connect Core 5.5.1.1: what is essential and cannot be had is told before anybody is
/// asked.
#[tokio::test]
async fn essential_claims_that_cannot_be_had_are_refused() {
    let world = world().await;
    let client = world.client();
    let asked = async |wish: Value| {
        let form = client.asking("alice").with("claims", wish.to_string());
        client.starts(form).await.summary()
    };
    for bad in [json!(5), json!([]), json!({"id_token": 5}), json!({"userinfo": {"email": true}})] {
        assert_eq!(asked(bad.clone()).await, "400 invalid_request", "{bad}");
    }
    for text in
        ["{", "{\"id_token\":{},\"id_token\":{}}", &format!("{{\"x\":\"{}\"}}", "y".repeat(4096))]
    {
        let form = client.asking("alice").with("claims", text);
        assert_eq!(client.starts(form).await.summary(), "400 invalid_request", "{text}");
    }
    let acr = |essential: bool, values: &[&str]| json!({"id_token": {"acr": {"essential": essential, "values": values}}});
    assert_eq!(asked(acr(true, &["urn:gold"])).await, "403 access_denied");
    assert_eq!(
        asked(json!({"id_token": {"sub": {"value": "auth0|bob"}}})).await,
        "403 access_denied"
    );
    assert!(world.phone_of("alice").pushes().await.is_empty());
    for good in [
        acr(false, &["urn:gold"]),
        acr(true, &["urn:gold", DEVICE]),
        json!({"id_token": {"sub": {"value": "auth0|alice"}}}),
    ] {
        assert_eq!(asked(good.clone()).await, "200", "{good}");
    }
}
