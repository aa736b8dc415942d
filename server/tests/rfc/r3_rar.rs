//! R3: rich authorization requests (RFC 9396) in the profiles of CIBA.

use std::sync::Arc;

use domain::jose::Algorithm;
use serde_json::{Value, json};
use testkit::{Client, Form, World, p256_key};

use super::{introspected, text, world};

const SHOP: &str = "https://shop.example/api";

/// An API whose payments have a schema and are shown in two languages, and whose notes have none.
async fn registers_shop(world: &World) {
    let payment = json!({
        "type": "payment",
        "schema": {
            "type": "object",
            "required": ["type", "amount", "to"],
            "additionalProperties": false,
            "properties": {
                "type": {"const": "payment"},
                "amount": {"type": "string", "pattern": "^[0-9]{1,9}$"},
                "to": {"type": "object", "properties": {"name": {"type": "string"}}},
            },
        },
        "display": {"en": ["Pay {amount} yen", "to {to.name}"], "ja": ["{to.name} に {amount} 円"]},
    });
    world
        .registers_api(json!({
            "identifier": SHOP,
            "allow_offline_access": true,
            "authorization_details": [payment, {"type": "note"}],
        }))
        .await;
}

fn payment(amount: &str) -> Value {
    json!({"type": "payment", "amount": amount, "to": {"name": "Ann & Co"}})
}

fn with(form: Form, details: &Value) -> Form {
    form.with("audience", SHOP)
        .with("scope", "openid offline_access")
        .with("authorization_details", details.to_string())
}

async fn told(client: &Client<'_>, form: Form) -> String {
    client.starts(form).await.summary()
}

/// R3, F22, N41: what was asked is shown in the person's language, and granted as it was asked: in
/// the answer, in the token, and to whoever asks about it.
#[tokio::test]
async fn details_are_shown_and_granted() {
    let world = world().await;
    registers_shop(&world).await;
    let client = world.client();
    let details = json!([payment("2500"), {"type": "note", "x": [1, null]}]);
    let id = client.asks_with("alice", |form| with(form, &details)).await;
    let phone = world.phone_of("alice");
    let push = phone.push_of(&id).await;
    for (languages, locale, lines) in [
        ("", "en", json!(["Pay 2500 yen", "to Ann & Co"])),
        ("fr, ja-JP;q=0.8, en;q=0.5", "ja", json!(["Ann & Co に 2500 円"])),
    ] {
        let requested = &phone.reads_in(&push, languages).await.json()["requested_details"];
        assert_eq!(requested["authorization_details"], details);
        assert_eq!(requested["scope"], json!(["openid", "offline_access"]));
        assert_eq!(requested["display"], json!({"locale": locale, "lines": lines}));
    }
    phone.approves(&id).await;
    let tokens = client.redeems(&id).await;
    assert_eq!(tokens["authorization_details"], details);
    let token = text(&tokens, "access_token");
    assert_eq!(world.verified(&token).await.claims["authorization_details"], details);
    assert_eq!(introspected(&client, &token).await["authorization_details"], details);
    let refresh = text(&tokens, "refresh_token");
    assert_eq!(introspected(&client, &refresh).await["authorization_details"], details);
}

/// N55: malformed, empty, damaged on its way, unknown, against the schema: one error for all, and
/// nobody is asked.
#[tokio::test]
async fn details_that_cannot_be_used_are_refused() {
    let world = world().await;
    registers_shop(&world).await;
    let client = world.client();
    let twice = r#"[{"type":"note","a":1,"a":2}]"#;
    let encoded = "%5B%7B%22type%22%3A%22note%22%7D%5D";
    let large = json!([{"type": "note", "n": 9_007_199_254_740_993_u64}]).to_string();
    for bad in ["x", "{", "[]", "{}", "[7]", "[{}]", r#"{"type":"note"}"#, twice, encoded, &large] {
        let form = with(client.asking("alice"), &json!([])).with("authorization_details", bad);
        assert_eq!(told(&client, form).await, "400 invalid_authorization_details", "{bad}");
    }
    for bad in [
        json!([{"type": "unheard-of"}]),
        json!([{"type": "payment"}]),
        json!([payment("12 yen")]),
        json!([payment("1"), {"type": "payment", "amount": 5, "to": {}}]),
        json!([{"type": "payment", "amount": "5", "to": {}, "more": true}]),
        json!([{"type": "note", "x": "y".repeat(2049)}]),
    ] {
        let form = with(client.asking("alice"), &bad);
        assert_eq!(told(&client, form).await, "400 invalid_authorization_details", "{bad}");
    }
    let no_api = with(client.asking("alice"), &json!([payment("5")])).without("audience");
    assert_eq!(told(&client, no_api).await, "400 invalid_authorization_details");
    assert!(world.phone_of("alice").pushes().await.is_empty());
}

/// R3: in a signed request they are a JSON array.
#[tokio::test]
async fn details_in_a_signed_request_are_an_array() {
    let world = world().await;
    registers_shop(&world).await;
    let key = p256_key();
    let members = json!({"backchannel_authentication_request_signing_alg": "ES256"});
    let client = world.registers_with_key("Signs", Arc::clone(&key), members).await;
    for (details, expected) in [
        (json!([payment("70")]), "200"),
        (json!([]), "400 invalid_authorization_details"),
        (json!([payment("x")]), "400 invalid_authorization_details"),
        (json!({"type": "note"}), "400 invalid_authorization_details"),
    ] {
        let form = with(client.asking("alice"), &json!([])).without("authorization_details");
        let mut claims = client.request_claims(&form);
        claims["authorization_details"] = details;
        let request = Client::assertion_by(&key, Algorithm::Es256, &claims, None);
        assert_eq!(told(&client, Form::new().with("request", request)).await, expected);
    }
}

/// R3: of what was granted, less can be asked for with each token; more cannot.
#[tokio::test]
async fn a_token_can_be_for_less_than_was_granted() {
    let world = world().await;
    registers_shop(&world).await;
    let client = world.client();
    let details = json!([payment("1"), payment("2")]);
    let id = client.asks_with("alice", |form| with(form, &details)).await;
    world.phone_of("alice").approves(&id).await;
    let less = json!([payment("2")]);
    let poll = |wish: &Value| client.polling(&id).with("authorization_details", wish.to_string());
    for bad in [json!([payment("3")]), json!([]), json!([payment("1"), {"type": "note"}])] {
        let answer = client.posts("oauth/token", poll(&bad)).await;
        assert_eq!(answer.summary(), "400 invalid_authorization_details", "{bad}");
        world.advance_seconds(5);
    }
    let tokens = client.posts("oauth/token", poll(&less)).await.json();
    assert_eq!(tokens["authorization_details"], less);
    let token = world.verified(&text(&tokens, "access_token")).await;
    assert_eq!(token.claims["authorization_details"], less);
    let all = client.refreshes(&text(&tokens, "refresh_token")).await.json();
    assert_eq!(all["authorization_details"], details);
    let form = Form::new()
        .with("grant_type", "refresh_token")
        .with("refresh_token", text(&tokens, "refresh_token"))
        .with("authorization_details", less.to_string());
    assert_eq!(client.posts("oauth/token", form).await.json()["authorization_details"], less);
}

/// R3: the types that can be asked for are told; a schema or template that could do harm is no
/// type's.
#[tokio::test]
async fn types_are_registered_and_told() {
    let world = world().await;
    registers_shop(&world).await;
    let types = async || {
        let metadata = world.get(".well-known/openid-configuration").await.json();
        metadata["authorization_details_types_supported"].clone()
    };
    assert_eq!(types().await, json!(["note", "payment", "payment_initiation"]));
    let made = async |entry: Value| {
        let body = json!({"identifier": "https://new.example/", "authorization_details": [entry]});
        world.operator().posts("resource-servers", &body).await.status
    };
    for bad in [
        json!({"type": ""}),
        json!({"type": "t", "schema": 5}),
        json!({"type": "t", "schema": {"type": "nonsense"}}),
        json!({"type": "t", "schema": {"$ref": "https://elsewhere.example/x"}}),
        json!({"type": "t", "schema": {"not": {"$ref": "#/not"}}}),
        json!({"type": "t", "display": {"en": "no list"}}),
    ] {
        assert_eq!(made(bad.clone()).await, 400, "{bad}");
    }
    let good = json!({"type": "new", "schema": {"required": ["x"]}, "display": {"en": ["{x}"]}});
    assert_eq!(made(good).await, 201);
    assert_eq!(types().await, json!(["new", "note", "payment", "payment_initiation"]));
    let other = World::new().await.get(".well-known/openid-configuration").await.json();
    assert_eq!(other.get("authorization_details_types_supported"), None);
}
