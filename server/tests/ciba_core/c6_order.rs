//! C47 to C52: the order of the checks, and hints.

use serde_json::json;

use super::{is_refused, world};

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
