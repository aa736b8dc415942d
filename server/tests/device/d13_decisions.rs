//! D11 to D13, D16: the words, their hash, and the decision over them.

use device_protocol::aizuchi::content;
use device_protocol::aizuchi::decision::{self, Reason};
use http::Method;
use serde_json::{Value, json};
use testkit::World;

use super::{Device, Said, asks, assert_refused, logged, signed, with, without};

async fn asks_with(world: &World, form: testkit::Form) -> String {
    let answer = world.client().starts(form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.member("auth_req_id")
}

/// O376: the words are signed by the pinned key, the same bytes each time, one for each language,
/// and hold what was asked, nothing of it changed.
#[tokio::test]
async fn the_words_of_a_request_are_signed_and_stay_the_same() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let client = world.client();
    let form = client.asking("alice").with("binding_message", "Pay 21-49");
    let _id = asks_with(&world, form).await;
    let request = device.inbox().await[0].clone();
    let words = device.reads(&request).await;
    assert_eq!(device.reads(&request).await, words);
    world.restart().await;
    assert_eq!(device.reads(&request).await, words);
    let claims = device.verified(&words);
    let now = testkit::START / 1000;
    for (name, value) in [
        ("v", json!(1)),
        ("request", json!(request)),
        ("iss", json!(world.issuer())),
        ("user", json!(device.user)),
        ("binding_message", json!("Pay 21-49")),
        ("created_at", json!(now)),
        ("expires_at", json!(now + 300)),
        ("user_verification", json!("none")),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert_eq!(claims["client"]["id"], client.id());
    assert_eq!(claims["scope"][0]["value"], "openid");
    let ja = device.gets(&format!("device/v1/requests/{request}?locale=ja-JP")).await;
    let ja = device.verified(&ja.member("content"));
    assert_eq!(
        (&ja["display"]["locale"], &claims["display"]["locale"]),
        (&json!("ja"), &json!("en"))
    );
}

/// D13: a yes over the words that were shown is a yes; the same decision again is no error, and
/// anything else afterwards is `decided`.
#[tokio::test]
async fn a_signed_yes_is_collected_once_and_may_be_sent_again() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let id = asks(&world, "alice").await;
    let request = device.inbox().await[0].clone();
    let words = device.reads(&request).await;
    let claims = device.decision_claims(&request, &words, Said::Approve);
    let decision = device.decision_of(&claims);
    assert_eq!(device.sends(&request, &decision).await.status, 204);
    assert_eq!(device.sends(&request, &decision).await.status, 204);
    let other = device.decision_of(&with(&claims, "jti", "another"));
    assert_refused(&device.sends(&request, &other).await, 409, "decided");
    let no = device.decision_claims(&request, &words, Said::Deny(None));
    assert_refused(&device.sends(&request, &device.decision_of(&no)).await, 409, "decided");
    assert_eq!(world.client().polls(&id).await, "200");
    assert_eq!(device.sends(&request, &decision).await.status, 204);
    assert_eq!(logged(&world, "gd_auth_succeed").await.len(), 1);
}

/// D13: a no is a no, with each of its reasons.
#[tokio::test]
async fn a_signed_no_is_told_as_access_denied() {
    for reason in [None, Some(Reason::Mistake), Some(Reason::Other)] {
        let world = World::new().await;
        let device = Device::of(&world, "alice").await;
        let id = asks(&world, "alice").await;
        assert_eq!(device.decides(Said::Deny(reason)).await.status, 204);
        assert_eq!(world.client().polls(&id).await, "400 access_denied");
        let told = logged(&world, "gd_auth_rejected").await;
        assert_eq!(told[0]["reason"], reason.map_or(Value::Null, |r| r.as_str().into()));
        // Only a report refuses the client.
        asks(&world, "alice").await;
    }
}

/// D12: over other words, of another device, person, issuer, request, or by another key:
/// refused by its code, and the request waits on.
#[tokio::test]
async fn a_decision_that_does_not_hold_decides_nothing() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let other = Device::of(&world, "alice").await;
    let id = asks(&world, "alice").await;
    world.advance_ms(3);
    asks(&world, "alice").await;
    let waiting = device.inbox().await;
    let (request, second) = (waiting[1].clone(), waiting[0].clone());
    let words = device.reads(&request).await;
    let second_words = device.reads(&second).await;
    let good = device.decision_claims(&request, &words, Said::Approve);
    let header = decision::header("ES256", &device.id);
    let hash_of_claims = content::hash(&device.verified(&words).to_string());
    for (decision, status, code) in [
        (device.decision_of(&with(&good, "content_hash", hash_of_claims)), 400, "wrong_hash"),
        (
            device.decision_of(&with(&good, "content_hash", content::hash(&second_words))),
            400,
            "wrong_hash",
        ),
        (
            device.decision_of(&with(&good, "content_hash", content::hash(&format!("{words} ")))),
            400,
            "wrong_hash",
        ),
        (device.decision_of(&with(&good, "request", second.as_str())), 400, "invalid_body"),
        (device.decision_of(&with(&good, "iss", other.id.as_str())), 400, "invalid_body"),
        (device.decision_of(&with(&good, "sub", "auth0|bob")), 400, "invalid_body"),
        (device.decision_of(&with(&good, "aud", "https://x/")), 400, "invalid_body"),
        (device.decision_of(&with(&good, "decision", "perhaps")), 400, "invalid_body"),
        (device.decision_of(&with(&good, "reason", "mistake")), 400, "invalid_body"),
        (device.decision_of(&without(&good, "jti")), 400, "invalid_body"),
        (signed(&other.key, &header, &good), 401, "wrong_key"),
        (signed(&device.key, &with(&header, "typ", "JWT"), &good), 400, "invalid_body"),
        (signed(&device.key, &with(&header, "kid", other.id.as_str()), &good), 400, "invalid_body"),
        (device.decision_of(&with(&good, "iat", world.now().seconds() + 121)), 401, "clock_off"),
        (device.decision_of(&with(&good, "iat", testkit::START / 1000 - 121)), 401, "clock_off"),
    ] {
        assert_refused(&device.sends(&request, &decision).await, status, code);
    }
    let decision = device.decision_of(&good);
    let path = format!("device/v1/requests/{request}/decision");
    let with_passkey = json!({ "decision": decision, "passkey": {} });
    let refused = device.calls(Method::POST, &path, Some(&with_passkey)).await;
    assert_refused(&refused, 400, "passkey_invalid");
    let refused = device.sends("cns_unknown", &decision).await;
    assert_refused(&refused, 404, "not_found");
    world.advance_seconds(5);
    assert_eq!(world.client().polls(&id).await, "400 authorization_pending");
    // A refused answer consumes nothing: the same decision is good.
    assert_eq!(device.sends(&request, &decision).await.status, 204);
}

/// D13: made without a network, sent later: good as long as the request waits.
#[tokio::test]
async fn a_decision_may_be_sent_later_but_not_too_late() {
    for (outcome, status) in [("in time", 204), ("late", 410), ("back", 409)] {
        let world = World::new().await;
        let device = Device::of(&world, "alice").await;
        let id = asks(&world, "alice").await;
        let request = device.inbox().await[0].clone();
        let words = device.reads(&request).await;
        let claims = device.decision_claims(&request, &words, Said::Approve);
        match outcome {
            "in time" => world.advance_seconds(299),
            "late" => world.advance_seconds(300),
            _ => assert_eq!(world.client().cancels(&id).await.status, 204),
        }
        let answer = device.sends(&request, &device.decision_of(&claims)).await;
        assert_eq!(answer.status, status, "{outcome}: {}", answer.text());
        match outcome {
            "late" => assert_refused(&answer, 410, "expired"),
            "back" => assert_refused(&answer, 409, "withdrawn"),
            _ => {}
        }
    }
}

/// D13: of two devices that decide at once, one does.
#[tokio::test]
async fn two_devices_at_once_decide_once() {
    let world = World::new().await;
    let (one, two) = (Device::of(&world, "alice").await, Device::of(&world, "alice").await);
    let id = asks(&world, "alice").await;
    let request = one.inbox().await[0].clone();
    let signs = async |device: &Device<'_>, answer| {
        let words = device.reads(&request).await;
        device.decision_of(&device.decision_claims(&request, &words, answer))
    };
    let yes = signs(&one, Said::Approve).await;
    let no = signs(&two, Said::Deny(None)).await;
    let (yes, no) = tokio::join!(one.sends(&request, &yes), two.sends(&request, &no));
    let mut statuses = [yes.status, no.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "{} {}", yes.text(), no.text());
    let expected = if yes.status == 204 { "200" } else { "400 access_denied" };
    assert_eq!(world.client().polls(&id).await, expected);
}

/// D16: "this wasn't me" takes the client's other requests back, and it asks that person in vain,
/// until an administrator lifts it; others may ask, and the client may ask others.
#[tokio::test]
async fn a_report_sweeps_the_clients_requests_away() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let theirs = Device::of(&world, "bob").await;
    let client = world.client();
    let other = world.registers("other", json!({})).await;
    let first = asks(&world, "alice").await;
    let second = asks(&world, "alice").await;
    let of_bob = asks(&world, "bob").await;
    let of_other = other.starts(other.asking("alice")).await.member("auth_req_id");
    world.advance_ms(1);
    let third = asks(&world, "alice").await;
    assert_eq!(device.decides(Said::Deny(Some(Reason::Suspicious))).await.status, 204);
    for id in [&first, &second, &third] {
        assert_eq!(client.polls(id).await, "400 access_denied");
    }
    assert_eq!(device.inbox().await.len(), 1);
    assert_eq!(theirs.inbox().await.len(), 1);
    let refused = client.starts(client.asking("alice")).await;
    assert_eq!(refused.summary(), "403 access_denied", "{}", refused.text());
    assert!(!refused.text().contains("report"), "{}", refused.text());
    assert_eq!(other.polls(&of_other).await, "400 authorization_pending");
    assert_eq!(client.polls(&of_bob).await, "400 authorization_pending");
    let told = logged(&world, "ciba_reported").await;
    assert_eq!((told.len(), &told[0]["client_id"]), (1, &json!(client.id())));

    let user = testkit::encoded(world.user_id("alice").as_str());
    let path = format!("users/{user}/refused-clients");
    let listed = world.operator().gets(&path).await;
    assert_eq!(listed.json(), json!([{ "client_id": client.id() }]));
    let one = format!("{path}/{}", client.id());
    assert_eq!(world.operator().deletes(&one).await.status, 204);
    assert_eq!(world.operator().deletes(&one).await.status, 404);
    assert_eq!(world.operator().gets(&path).await.json(), json!([]));
    world.advance_seconds(60);
    asks(&world, "alice").await;
}

/// D16: Guardian's `hack` means the same and does the same (decision 17).
#[tokio::test]
async fn guardians_hack_is_a_report_too() {
    let world = World::new().await;
    let client = world.client();
    let first = client.asks_for("alice").await;
    let second = client.asks_for("alice").await;
    let phone = world.phone_of("alice");
    let push = phone.push_of(&second).await;
    let hack = device_protocol::guardian::resolve::Decision::Rejected { reason: Some("hack") };
    assert_eq!(phone.answers(&push, hack).await.status, 204);
    for id in [&first, &second] {
        assert_eq!(client.polls(id).await, "400 access_denied");
    }
    let refused = client.starts(client.asking("alice")).await;
    assert_eq!(refused.summary(), "403 access_denied");
    assert_eq!(logged(&world, "ciba_reported").await.len(), 1);
}
