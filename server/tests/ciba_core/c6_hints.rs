//! C28, C51: what a `login_hint` may be, and who is behind it.

use serde_json::{Value, json};
use testkit::{Client, World};

use super::{assert_error, is_refused, world};

async fn hinted(client: &Client<'_>, hint: impl ToString) -> String {
    let form = client.asking("alice").with("login_hint", hint.to_string());
    client.starts(form).await.summary()
}

async fn knows_the_phone_of(world: &World, person: &str, number: &str) {
    let path = format!("users/auth0|{person}");
    let answer = world.operator().patches(&path, &json!({"phone_number": number})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// C28, N37: a user id, or one of four subject identifiers; what a client's policy leaves out is
/// refused.
#[tokio::test]
async fn a_login_hint_is_a_user_id_or_a_subject_identifier() {
    let world = world().await;
    knows_the_phone_of(&world, "alice", "+81312345678").await;
    let hints = [
        ("user_id", json!("auth0|alice")),
        ("iss_sub", json!({"format": "iss_sub", "iss": world.issuer(), "sub": "auth0|alice"})),
        ("email", json!({"format": "email", "email": "Alice@Example.com"})),
        ("phone_number", json!({"format": "phone_number", "phone_number": "+81312345678"})),
        ("opaque", json!({"format": "opaque", "id": "auth0|alice"})),
    ];
    let text = |hint: &Value| hint.as_str().map_or_else(|| hint.to_string(), str::to_owned);
    let client = world.client();
    for (format, hint) in &hints {
        assert_eq!(hinted(&client, text(hint)).await, "200", "{format}");
        world.advance_seconds(20);
    }
    assert_eq!(world.phone_of("alice").pushes().await.len(), hints.len());
    for (format, _) in &hints {
        let members = json!({"login_hint_formats": [format]});
        let narrow = world.registers(&format!("Only {format}"), members).await;
        world.advance_seconds(60);
        for (other, hint) in &hints {
            let expected = if other == format { "200" } else { "400 invalid_request" };
            assert_eq!(hinted(&narrow, text(hint)).await, expected, "{format} {other}");
        }
    }
    let members = json!({"hint_parameters": ["id_token_hint"]});
    let other = world.registers("No login_hint", members).await;
    assert_eq!(hinted(&other, "auth0|alice").await, "400 invalid_request");
}

/// C51: malformed is the client's fault, unknown is nobody's; and an address that two share names
/// neither.
#[tokio::test]
async fn a_hint_that_names_nobody_is_told_from_one_that_says_nothing() {
    let world = world().await;
    let client = world.client();
    for hint in [
        json!({"format": "iss_sub", "iss": "https://other.example/", "sub": "auth0|alice"}),
        json!({"format": "iss_sub", "iss": world.issuer()}),
        json!({"format": "email", "email": "alice"}),
        json!({"format": "email", "email": 5}),
        json!({"format": "phone_number", "phone_number": "0312345678"}),
        json!({"format": "phone_number", "phone_number": "+1234567890123456"}),
        json!({"format": "opaque", "id": ""}),
        json!({"format": "account", "uri": "acct:alice@example.com"}),
        json!({"format": "aliases", "identifiers": []}),
        json!({}),
    ] {
        let form = client.asking("alice").with("login_hint", hint.to_string());
        is_refused(&client, &world, form, "400 invalid_request").await;
    }
    for broken in ["{", "{\"format\":\"opaque\",\"id\":\"a\",\"id\":\"b\"}"] {
        let form = client.asking("alice").with("login_hint", broken);
        is_refused(&client, &world, form, "400 invalid_request").await;
    }
    for unknown in [
        "auth0|nobody".to_owned(),
        "[1]".to_owned(),
        json!({"format": "email", "email": "nobody@example.com"}).to_string(),
        json!({"format": "phone_number", "phone_number": "+15550100"}).to_string(),
        json!({"format": "opaque", "id": "nobody"}).to_string(),
    ] {
        let form = client.asking("alice").with("login_hint", &unknown);
        is_refused(&client, &world, form, "400 unknown_user_id").await;
    }
    knows_the_phone_of(&world, "alice", "+81312345678").await;
    knows_the_phone_of(&world, "bob", "+81312345678").await;
    let shared = json!({"format": "phone_number", "phone_number": "+81312345678"}).to_string();
    let form = client.asking("alice").with("login_hint", &shared);
    is_refused(&client, &world, form, "400 unknown_user_id").await;
    knows_the_phone_of(&world, "bob", "+81312345679").await;
    let form = client.asking("alice").with("login_hint", &shared);
    let answer = client.starts(form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_error(&client.poll("x").await, "400 invalid_grant");
}
