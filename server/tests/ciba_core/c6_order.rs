//! C47 to C52: the order of the checks, and hints.

use serde_json::json;
use testkit::Form;

use super::{assert_error, is_refused, world};

/// C51: a hint that maps to nobody who could be asked.
#[tokio::test]
async fn nobody_to_ask_is_an_unknown_user() {
    let world = world().await;
    let client = world.client();
    world.phone_of("bob").is_ready().await;
    let blocked = world.operator().patches("users/auth0|bob", &json!({"blocked": true})).await;
    assert_eq!(blocked.status, 200, "{}", blocked.text());
    for person in ["nobody", "bob", "carol"] {
        let form = client.asking("alice").with("login_hint", client.hint(person));
        is_refused(&client, &world, form, "400 unknown_user_id").await;
    }
    for hint in ["{", "{}", "{\"format\":\"iss_sub\"}", "{\"format\":\"account\",\"uri\":\"x\"}"] {
        let form = client.asking("alice").with("login_hint", hint);
        is_refused(&client, &world, form, "400 invalid_request").await;
    }
    let foreign =
        json!({"format": "iss_sub", "iss": "https://other.example/", "sub": "auth0|alice"});
    let form = client.asking("alice").with("login_hint", foreign.to_string());
    is_refused(&client, &world, form, "400 invalid_request").await;
}

/// C47, N31: of two faults the earlier one is told.
#[tokio::test]
async fn of_two_faults_the_earlier_is_told() {
    type Fault = fn(Form) -> Form;
    let world = world().await;
    let steps: [(Fault, &str); 5] = [
        (|form| form.with("client_secret", "wrong"), "401 invalid_client"),
        (|form| form.and("x", "1").and("x", "2"), "400 invalid_request"),
        (|form| form.with("id_token_hint", "x"), "400 invalid_request"),
        (|form| form.with("login_hint", "auth0|nobody"), "400 unknown_user_id"),
        (|form| form.with("scope", "profile"), "400 invalid_scope"),
    ];
    let good = || {
        let client = world.client();
        client.credentials(client.asking("alice")).0
    };
    for (first, (fault, expected)) in steps.iter().enumerate() {
        let alone = world.post_form("bc-authorize", &fault(good()), &[]).await;
        assert_error(&alone, expected);
        for (later, _) in steps.iter().skip(first + 1) {
            let both = world.post_form("bc-authorize", &fault(later(good())), &[]).await;
            assert_error(&both, expected);
        }
    }
    // The person before what is required, and what is required before the words.
    let form = good().with("login_hint", "auth0|nobody").with("binding_message", "\u{202e}");
    assert_error(&world.post_form("bc-authorize", &form, &[]).await, "400 unknown_user_id");
    let form = good().with("binding_message", "\u{202e}");
    assert_error(&world.post_form("bc-authorize", &form, &[]).await, "400 invalid_binding_message");
    let without = world.registers("Without", json!({"grant_types": ["refresh_token"]})).await;
    let answer = without.posts("bc-authorize", Form::new().and("x", "1").and("x", "2")).await;
    assert_error(&answer, "400 unauthorized_client");
}
