//! R10, R14: resource indicators (RFC 8707), and whom access tokens are for.

use serde_json::{Value, json};
use testkit::{Client, Form, World};

use super::{introspected, text, world};

const LEDGER: &str = "https://ledger.example/";
const MAIL: &str = "https://mail.example/";

async fn registers_apis(world: &World) {
    for (identifier, scope, lifetime) in [(LEDGER, "ledger", 600), (MAIL, "mail", 300)] {
        world
            .registers_api(json!({
                "identifier": identifier,
                "scopes": [{"value": scope}],
                "token_lifetime": lifetime,
                "token_dialect": "rfc9068_profile",
                "allow_offline_access": true,
                "authorization_details": [{"type": scope}],
            }))
            .await;
    }
}

fn for_both(form: Form) -> Form {
    form.with("scope", "openid offline_access ledger mail")
        .and("resource", LEDGER)
        .and("resource", MAIL)
}

async fn claims(world: &World, tokens: &Value) -> Value {
    world.verified(&text(tokens, "access_token")).await.claims
}

async fn refreshed(client: &Client<'_>, token: &str, resources: &[&str]) -> testkit::Answer {
    let form = Form::new().with("grant_type", "refresh_token").with("refresh_token", token);
    let form = resources.iter().fold(form, |form, one| form.and("resource", *one));
    client.posts("oauth/token", form).await
}

/// R10, R14, N56: a request for two APIs gives tokens for both, or for the one that is asked for;
/// what is foreign is refused and spends nothing.
#[tokio::test]
async fn a_request_can_be_for_several_apis() {
    let world = world().await;
    registers_apis(&world).await;
    let client = world.client();
    let id = client.asks_with("alice", for_both).await;
    let consent = world.phone_of("alice").consent_of(&id).await;
    assert_eq!(consent["requested_details"]["audience"], json!(format!("{LEDGER} {MAIL}")));
    world.phone_of("alice").approves(&id).await;
    let foreign = client.polling(&id).with("resource", "https://api.example.com/payments");
    let answer = client.posts("oauth/token", foreign).await;
    assert_eq!(answer.summary(), "400 invalid_target");
    let tokens = client.redeems(&id).await;
    let both = claims(&world, &tokens).await;
    let userinfo = world.url("userinfo");
    assert_eq!(both["aud"], json!([LEDGER, MAIL, userinfo]));
    assert_eq!((&both["scope"], &tokens["expires_in"]), (&tokens["scope"], &json!(300)));
    assert_eq!(tokens["scope"], json!("openid offline_access ledger mail"));
    let told = introspected(&client, &text(&tokens, "access_token")).await;
    assert_eq!((&told["aud"], &told["auth_time"]), (&both["aud"], &both["auth_time"]));
    let refresh = text(&tokens, "refresh_token");
    let one = refreshed(&client, &refresh, &[MAIL]).await.json();
    let claimed = claims(&world, &one).await;
    assert_eq!(claimed["aud"], json!([MAIL, userinfo]));
    assert_eq!(one["scope"], json!("openid offline_access mail"));
    let foreign = refreshed(&client, &refresh, &[MAIL, "https://other.example/"]).await;
    assert_eq!(foreign.summary(), "400 invalid_target");
    let again = refreshed(&client, &refresh, &[LEDGER, MAIL]).await.json();
    assert_eq!(claims(&world, &again).await["aud"], both["aud"]);
}

/// R14, N56: at the redemption too, and details follow their API.
#[tokio::test]
async fn a_redemption_can_be_for_one_of_them() {
    let world = world().await;
    registers_apis(&world).await;
    let client = world.client();
    let details = json!([{"type": "ledger", "n": 1}, {"type": "mail", "n": 2}]);
    let ask = |form: Form| for_both(form).with("authorization_details", details.to_string());
    let id = client.asks_with("alice", ask).await;
    world.phone_of("alice").approves(&id).await;
    let form = client.polling(&id).with("resource", LEDGER);
    let tokens = client.posts("oauth/token", form).await.json();
    assert_eq!(claims(&world, &tokens).await["aud"], json!([LEDGER, world.url("userinfo")]));
    assert_eq!(tokens["authorization_details"], json!([{"type": "ledger", "n": 1}]));
    assert_eq!(tokens["scope"], json!("openid offline_access ledger"));
    let all = client.refreshes(&text(&tokens, "refresh_token")).await.json();
    assert_eq!(all["authorization_details"], details);
}

/// R14: an API that does not exist, one that lets the client not in, and too many.
#[tokio::test]
async fn resources_that_cannot_be_had_are_refused() {
    let world = world().await;
    registers_apis(&world).await;
    let closed = json!({"identifier": "https://closed.example/", "subject_type_authorization":
        {"user": {"policy": "deny_all"}}});
    world.registers_api(closed).await;
    let client = world.client();
    let asking =
        |resource: &str| client.asking("alice").and("resource", LEDGER).and("resource", resource);
    for (resource, expected) in [
        (LEDGER, "200"),
        ("https://unknown.example/", "400 invalid_target"),
        ("https://closed.example/", "400 unauthorized_client"),
        (&world.url("api/v2/"), "400 unauthorized_client"),
        (&"x".repeat(9000), "400 invalid_target"),
    ] {
        assert_eq!(client.starts(asking(resource)).await.summary(), expected, "{resource}");
    }
    let many = (0..6)
        .fold(client.asking("alice"), |form, n| form.and("resource", format!("https://{n}/")));
    assert_eq!(client.starts(many).await.summary(), "400 invalid_target");
}

/// N18, C21: every parameter sent twice is refused, at both endpoints; `resource` may repeat.
#[tokio::test]
async fn only_resource_may_repeat() {
    let world = world().await;
    registers_apis(&world).await;
    let client = world.client();
    let names = [
        "scope",
        "binding_message",
        "login_hint",
        "login_hint_token",
        "id_token_hint",
        "acr_values",
        "client_notification_token",
        "user_code",
        "requested_expiry",
        "request",
        "audience",
        "claims",
        "authorization_details",
        "request_context",
        "client_id",
        "match",
        "unknown",
    ];
    for name in names {
        let form = client.asking("alice").and(name, "x").and(name, "x");
        assert_eq!(client.starts(form).await.summary(), "400 invalid_request", "{name}");
    }
    let id = client.asks_with("alice", for_both).await;
    world.phone_of("alice").approves(&id).await;
    for name in ["grant_type", "auth_req_id", "scope", "authorization_details", "audience"] {
        let form = client.polling(&id).and(name, "x").and(name, "x");
        let answer = client.posts("oauth/token", form).await;
        assert_eq!(answer.summary(), "400 invalid_request", "{name}");
    }
    let form = client.polling(&id).and("resource", LEDGER).and("resource", MAIL);
    assert_eq!(client.posts("oauth/token", form).await.status, 200);
}
