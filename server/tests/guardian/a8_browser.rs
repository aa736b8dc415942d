//! G121 to G133: the browser client `auth0-guardian.js`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use device_protocol::guardian::resolve::Decision;
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, World, p256_key};

use super::{
    START_FLOW, assert_x, call, enroll, enroll_body, start_flow, ticket_for, ticket_header,
};

const STATE: &str = "appliance-mfa/api/transaction-state";
const SEND: &str = "appliance-mfa/api/send-push-notification";

async fn state(world: &World, token: &str) -> Answer {
    call(world, Method::POST, STATE, token, None).await
}

/// G121, G133: the members of the answer, and a three-part token with `exp` and `txid`.
#[tokio::test]
async fn a_flow_starts_with_its_members() {
    let world = World::new().await;
    for transport in ["polling", "socket"] {
        let ticket = ticket_for(&world, "alice", false).await;
        let header = ticket_header(&ticket);
        let body = json!({ "state_transport": transport });
        let answer =
            world.post_json(START_FLOW, &body, &[("authorization", header.as_str())]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let flow = answer.json();
        assert_eq!(flow["available_enrollment_methods"], json!(["push"]));
        assert_eq!(flow["available_authentication_methods"], json!(["push"]));
        let token = flow["transaction_token"].as_str().unwrap();
        assert_eq!(token.split('.').count(), 3);
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert!(claims["exp"].as_i64().unwrap() > world.now().seconds());
        assert!(claims["txid"].as_str().unwrap().starts_with("tx_"));
    }
    assert_eq!(world.get("socket.io/").await.status, 404);
}

/// G122: with and without a device.
#[tokio::test]
async fn a_flow_tells_whether_the_person_has_a_device() {
    let world = World::new().await;
    let flow = start_flow(&world, &ticket_for(&world, "alice", false).await).await.json();
    assert!(flow["enrollment_tx_id"].is_string());
    for name in ["id", "otp_secret", "recovery_code"] {
        assert!(flow["device_account"][name].is_string(), "{name}");
    }
    world.phone_of("alice").enrolls().await;
    let flow = start_flow(&world, &ticket_for(&world, "alice", false).await).await.json();
    assert!(flow.get("enrollment_tx_id").is_none());
    let account = &flow["device_account"];
    for name in ["methods", "available_methods", "available_authenticator_types"] {
        assert!(account[name].is_array(), "{name}");
    }
    assert_eq!(account["name"], "alice");
    assert!(account.as_object().unwrap().contains_key("phone_number"));
}

/// G123: dead tickets and malformed headers.
#[tokio::test]
async fn a_dead_ticket_starts_nothing() {
    let world = World::new().await;
    let unknown = start_flow(&world, "AbCdEfGhIjKlMnOpQrStUvWxYz012345").await;
    assert_x(&unknown, 404, "enrollment_transaction_not_found");
    let ticket = ticket_for(&world, "alice", false).await;
    let tx = start_flow(&world, &ticket).await.member("enrollment_tx_id");
    assert_x(&start_flow(&world, &tx).await, 404, "enrollment_transaction_not_found");
    assert_eq!(enroll(&world, &tx, &enroll_body(&p256_key())).await.status, 201);
    assert_x(&start_flow(&world, &ticket).await, 404, "enrollment_transaction_not_found");
    for header in ["Ticket", "Ticket id=", "Basic abc"] {
        let answer = world.post_json(START_FLOW, &json!({}), &[("authorization", header)]).await;
        assert_x(&answer, 401, "invalid_bearer_format");
    }
    let request_token = [("authorization", "Bearer a.b.c")];
    let answer = world.post_json(START_FLOW, &json!({}), &request_token).await;
    assert_x(&answer, 401, "invalid_token");
}

/// G124: pending, then accepted with the enrollment and a signed result.
#[tokio::test]
async fn the_page_learns_of_the_enrollment() {
    let world = World::new().await;
    let flow = start_flow(&world, &ticket_for(&world, "alice", false).await).await;
    let token = flow.member("transaction_token");
    let before = state(&world, &token).await.json();
    assert_eq!((&before["state"], &before["enrollment"]), (&json!("pending"), &Value::Null));
    assert!(before.get("token").is_none());
    let tx = flow.member("enrollment_tx_id");
    let device = enroll(&world, &tx, &enroll_body(&p256_key())).await;
    let after = state(&world, &token).await.json();
    assert_eq!(after["state"], "accepted");
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["enrollment"]["id"], device.member("id"));
    assert_eq!(after["token"].as_str().unwrap().split('.').count(), 3);
}

/// G125: expired, foreign, or another kind of token.
#[tokio::test]
async fn another_token_learns_nothing() {
    let world = World::new().await;
    let acme = world.second_tenant("acme").await;
    let flow = start_flow(&world, &ticket_for(&world, "alice", false).await).await;
    let token = flow.member("transaction_token");
    assert_x(&state(&acme, &token).await, 401, "invalid_token");
    let id = world.client().asks_for("bob").await;
    let push = world.phone_of("bob").push_of(&id).await;
    for other in ["", "x", "a.b.c", push.txtkn.as_str(), &format!("{token}x")] {
        assert_x(&state(&world, other).await, 401, "invalid_token");
    }
    world.advance_seconds(360);
    assert_x(&state(&world, &token).await, 401, "invalid_token");
}

/// G127: a person with a phone is asked, at most five times a minute.
#[tokio::test]
async fn the_page_asks_a_person_who_has_a_phone() {
    let world = World::new().await;
    let phone = world.phone_of("alice");
    phone.enrolls().await;
    let flow = start_flow(&world, &ticket_for(&world, "alice", false).await).await;
    let token = flow.member("transaction_token");
    for number in 1..=5 {
        let answer = call(&world, Method::POST, SEND, &token, None).await;
        assert_eq!((answer.status, answer.json()), (200, json!({})), "{}", answer.text());
        world.run_worker().await;
        let app = world.app();
        let sent = app.courier.tray().unwrap().pushes_to("push-token-0").len();
        assert_eq!(sent, number);
    }
    let answer = call(&world, Method::POST, SEND, &token, None).await;
    assert_x(&answer, 429, "too_many_pn");
    assert_eq!(state(&world, &token).await.member("state"), "pending");
    let push = phone.pushes().await.remove(0);
    let consent = phone.reads(&push).await;
    assert_eq!(consent.status, 200, "{}", consent.text());
    assert_eq!(phone.answers(&push, Decision::Accepted).await.status, 204);
    assert_eq!(state(&world, &token).await.member("state"), "accepted");
}

/// Part of G124: a person who says no.
#[tokio::test]
async fn the_page_learns_that_the_person_said_no() {
    let world = World::new().await;
    let phone = world.phone_of("alice");
    phone.enrolls().await;
    let flow = start_flow(&world, &ticket_for(&world, "alice", false).await).await;
    let token = flow.member("transaction_token");
    assert_eq!(call(&world, Method::POST, SEND, &token, None).await.status, 200);
    let push = phone.pushes().await.remove(0);
    assert_eq!(phone.answers(&push, Decision::Rejected { reason: None }).await.status, 204);
    assert_eq!(state(&world, &token).await.member("state"), "rejected");
    let again = call(&world, Method::POST, SEND, &token, None).await;
    assert_x(&again, 404, "login_transaction_not_found");
}

/// G130: text messages; and part of G128 and G129: one-time codes, which are off.
#[tokio::test]
async fn what_is_not_offered_says_so() {
    let world = World::new().await;
    for (path, code) in [
        ("verify-otp", "feature_disabled"),
        ("recover-account", "feature_disabled"),
        ("device-accounts/dev_x/sms-enroll", "enrollment_method_disabled"),
    ] {
        let path = format!("appliance-mfa/api/{path}");
        assert_x(&call(&world, Method::POST, &path, "x", Some(&json!({}))).await, 403, code);
    }
}

/// G132: a custom domain as `https://h/guardian/`.
#[tokio::test]
async fn the_flow_works_below_guardian_too() {
    let world = World::new().await;
    let header = ticket_header(&ticket_for(&world, "alice", false).await);
    let headers = [("authorization", header.as_str())];
    let flow = world.post_json("guardian/api/start-flow", &json!({}), &headers).await;
    assert_eq!(flow.status, 200, "{}", flow.text());
    let token = flow.member("transaction_token");
    let path = "guardian/api/transaction-state";
    assert_eq!(call(&world, Method::POST, path, &token, None).await.member("state"), "pending");
}
