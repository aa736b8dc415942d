//! T10 to T27: what the certification suite sends as a signed request, by a client that polls.

use domain::jose::Algorithm;
use serde_json::{Value, json};
use testkit::{Client, client_key};

use super::{Signer, is_invalid, world};

async fn is_refused_with(name: &str, value: Value) {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let _other = Signer::new(&world, "Other").await;
    is_invalid(&world, signer.starts(&signer.claims_with(name, value)).await).await;
}

/// T10, T11: no audience, and another's.
#[tokio::test]
async fn a_request_that_is_not_for_us() {
    is_refused_with("aud", Value::Null).await;
    is_refused_with("aud", json!("https://other.example/")).await;
}

/// T12, T13: no issuer, and another client.
#[tokio::test]
async fn a_request_that_is_not_the_clients() {
    is_refused_with("iss", Value::Null).await;
    is_refused_with("iss", json!("Other")).await;
}

/// T14, T15: no end, and one that is over.
#[tokio::test]
async fn a_request_that_is_over() {
    is_refused_with("exp", Value::Null).await;
    is_refused_with("exp", json!(testkit::START / 1000 - 60)).await;
}

/// T17, T18, T19: no beginning, or one that is still to come.
#[tokio::test]
async fn a_request_that_has_not_begun() {
    is_refused_with("iat", Value::Null).await;
    is_refused_with("nbf", Value::Null).await;
    is_refused_with("nbf", json!(testkit::START / 1000 + 600)).await;
}

/// T21: no name.
#[tokio::test]
async fn a_request_without_a_name() {
    is_refused_with("jti", Value::Null).await;
}

/// T22, T23, T25: no signature, a broken one, and another client's.
#[tokio::test]
async fn a_request_that_the_client_did_not_sign() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let other = Signer::new(&world, "Other").await;
    is_invalid(&world, signer.sends(unsigned(&signer.claims())).await).await;
    let good = Client::assertion(&signer.key, &signer.claims(), None);
    let (said, signature) = good.rsplit_once('.').unwrap();
    let broken: String = signature.chars().rev().collect();
    is_invalid(&world, signer.sends(format!("{said}.{broken}")).await).await;
    is_invalid(&world, signer.sends(format!("{said}.")).await).await;
    let by_other = Client::assertion(&other.key, &signer.claims(), None);
    is_invalid(&world, signer.sends(by_other).await).await;
    let weak = Client::assertion_by(&client_key(), Algorithm::Rs256, &signer.claims(), None);
    is_invalid(&world, signer.sends(weak).await).await;
    assert_eq!(signer.sends(good).await.status, 200);
}

fn unsigned(claims: &Value) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({"alg": "none"})), part(claims))
}

/// T26: two hints.
#[tokio::test]
async fn a_request_with_two_hints() {
    is_refused_with("login_hint_token", json!("x")).await;
}

/// T8, T9: how long as text, and words that no device should show.
#[tokio::test]
async fn how_long_may_be_text_and_words_are_limited() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let words = "\u{1f600} \u{6f22}\u{5b57} 1234 ".repeat(46);
    let answer = signer.starts(&signer.claims_with("binding_message", json!(words))).await;
    assert_eq!(answer.summary(), "400 invalid_binding_message");
    let answer = signer.starts(&signer.claims_with("requested_expiry", json!("30"))).await;
    assert_eq!(answer.json().get("expires_in"), Some(&json!(30)));
    let id = answer.member("auth_req_id");
    assert_eq!(signer.client.polls(&id).await, "400 authorization_pending");
    world.phone_of("alice").approves(&id).await;
    assert_eq!(signer.client.polls(&id).await, "200");
}

/// T6, T7: short words, and scopes in another order; the whole flow.
#[tokio::test]
async fn short_words_and_scopes_in_any_order() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    for (name, value) in [("binding_message", "1234"), ("scope", "email profile openid")] {
        let answer = signer.starts(&signer.claims_with(name, json!(value))).await;
        let id = answer.member("auth_req_id");
        assert_eq!(signer.client.polls(&id).await, "400 authorization_pending");
        world.phone_of("alice").approves(&id).await;
        let tokens = signer.client.redeems(&id).await;
        let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
        assert_eq!(
            (&token.header["alg"], &token.claims["sub"]),
            (&json!("ES256"), &json!("auth0|alice"))
        );
    }
}

/// T3: the person says no; T27: another client's id.
#[tokio::test]
async fn a_denial_and_another_clients_id() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let other = Signer::new(&world, "Other").await;
    let mut claims = signer.claims();
    claims["binding_message"] = json!("1234");
    let answer = signer.starts(&claims).await;
    let id = answer.member("auth_req_id");
    assert_eq!(signer.client.polls(&id).await, "400 authorization_pending");
    assert_eq!(other.client.polls(&id).await, "400 invalid_grant");
    let push = world.phone_of("alice").pushes().await.remove(0);
    let no = device_protocol::guardian::resolve::Decision::Rejected { reason: None };
    assert_eq!(world.phone_of("alice").answers(&push, no).await.status, 204);
    assert_eq!(signer.client.polls(&id).await, "400 access_denied");
}

/// T5: nobody answers, and it is over.
#[tokio::test]
async fn an_unanswered_request_expires() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let answer = signer.starts(&signer.claims_with("requested_expiry", json!(10))).await;
    assert_eq!(answer.json().get("expires_in"), Some(&json!(10)));
    world.advance_seconds(10);
    assert_eq!(signer.client.polls(&answer.member("auth_req_id")).await, "400 expired_token");
}
