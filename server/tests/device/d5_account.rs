//! D5, D6: a device changes, goes, takes another key, or the place of one that was lost.

use http::Method;
use serde_json::{Value, json};
use testkit::{World, p256_key};

use super::{
    Device, algorithm, assert_refused, enroll, enroll_body, enrolls, jwk_of, logged, short_ticket,
    signed, web_ticket, with,
};

/// O373: name, channel and language, each alone; what a push service knows it by is not told.
#[tokio::test]
async fn a_device_changes_what_is_given_and_nothing_else() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let path = "device/v1/device";
    let mut expected = json!({
        "device": device.id, "name": "Alice's own", "channel": { "kind": "none" }, "locale": "en",
    });
    for (name, value, shown) in [
        ("name", json!("Kitchen"), json!("Kitchen")),
        ("channel", json!({ "kind": "fcm", "token": "secret-token" }), json!({ "kind": "fcm" })),
        ("locale", json!("ja"), json!("ja")),
    ] {
        let answer = device.calls(Method::PATCH, path, Some(&json!({ name: value }))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        expected[name] = shown;
        assert_eq!(answer.json(), expected);
    }
    for body in [json!({ "name": "" }), json!({ "channel": 7 }), json!([])] {
        let refused = device.calls(Method::PATCH, path, Some(&body)).await;
        assert_refused(&refused, 400, "invalid_body");
    }
    assert_eq!(logged(&world, "gd_update_device_account").await.len(), 3);
}

/// O373: a device that ends its enrollment is unknown from then on.
#[tokio::test]
async fn a_device_that_goes_is_gone() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    assert_eq!(device.calls(Method::DELETE, "device/v1/device", None).await.status, 204);
    assert_refused(&device.gets("device/v1/requests").await, 401, "unknown_device");
    assert_eq!(logged(&world, "gd_unenroll").await.len(), 1);
    let client = world.client();
    assert_eq!(client.starts(client.asking("alice")).await.status, 400);
}

/// O373: the old key signs the call, the new one proves itself; then only the new one counts.
#[tokio::test]
async fn a_device_takes_another_key() {
    let world = World::new().await;
    let mut device = Device::of(&world, "alice").await;
    let (new, other) = (p256_key(), p256_key());
    let path = "device/v1/device/key";
    let claims = enroll::device_claims(&device.id, &world.issuer(), world.now().seconds());
    let header = enroll::header(algorithm(&new));
    let body = |proof: String| json!({ "key": jwk_of(&new), "proof": proof });
    for (body, status, code) in [
        (body(signed(&other, &header, &claims)), 401, "wrong_key"),
        (body(signed(&new, &header, &with(&claims, "device", "dev_x"))), 400, "invalid_body"),
        (json!({ "key": jwk_of(&new) }), 400, "invalid_body"),
    ] {
        let refused = device.calls(Method::POST, path, Some(&body)).await;
        assert_refused(&refused, status, code);
    }
    let good = body(signed(&new, &header, &claims));
    let answer = device.calls(Method::POST, path, Some(&good)).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_refused(&device.gets("device/v1/requests").await, 401, "wrong_key");
    device.key = new;
    assert_eq!(device.gets("device/v1/requests").await.status, 200);
}

/// D6: an administrator's ticket, and one by another device of the person: who enrolls takes the
/// place of the lost device, which is unknown from the same moment on.
#[tokio::test]
async fn a_new_device_takes_the_place_of_a_lost_one() {
    let world = World::new().await;
    let lost = Device::of(&world, "alice").await;
    // Not a further device: the replaced one does not count.
    let web = web_ticket(&world, "alice", json!({ "replaces": lost.id })).await;
    let ticket = short_ticket(&world, &web).await;
    assert_eq!(lost.gets("device/v1/requests").await.status, 200);
    let new = Device::by(&world, &ticket, p256_key()).await;
    assert_refused(&lost.gets("device/v1/requests").await, 401, "unknown_device");
    assert_eq!(new.gets("device/v1/requests").await.status, 200);
    assert_eq!(logged(&world, "gd_enrollment_complete").await[0]["replaces"], lost.id);

    let second = Device::of(&world, "alice").await;
    let body = json!({ "replaces": new.id });
    let made = second.calls(Method::POST, "device/v1/tickets", Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(made.member("ticket_url").ends_with(&made.member("ticket_id")));
    let ticket = short_ticket(&world, &made.member("ticket_id")).await;
    let newest = Device::by(&world, &ticket, p256_key()).await;
    assert_refused(&new.gets("device/v1/requests").await, 401, "unknown_device");
    assert_eq!(second.gets("device/v1/requests").await.status, 200);
    assert_eq!(newest.gets("device/v1/requests").await.status, 200);
}

/// D6: nobody else's device, and a failed enrollment revokes nothing.
#[tokio::test]
async fn only_a_device_of_the_same_person_is_replaced() {
    let world = World::new().await;
    let (mine, theirs) = (Device::of(&world, "alice").await, Device::of(&world, "bob").await);
    for lost in [theirs.id.as_str(), "dev_unknown"] {
        let body = json!({ "replaces": lost });
        let refused = mine.calls(Method::POST, "device/v1/tickets", Some(&body)).await;
        assert_refused(&refused, 404, "not_found");
        let user = world.user_id("alice");
        let body = json!({ "user_id": user.as_str(), "replaces": lost });
        let refused = world.operator().posts("guardian/enrollments/ticket", &body).await;
        assert_eq!(refused.status, 404, "{}", refused.text());
    }
    let refused = mine.calls(Method::POST, "device/v1/tickets", Some(&json!({}))).await;
    assert_refused(&refused, 400, "invalid_body");
    let web = web_ticket(&world, "alice", json!({ "replaces": mine.id })).await;
    let ticket = short_ticket(&world, &web).await;
    let bad = with(&enroll_body(&world, &ticket, &p256_key()), "proof", "a.b.c");
    assert_eq!(enrolls(&world, &bad).await.status, 400);
    assert_eq!(mine.gets("device/v1/requests").await.status, 200);
}

/// O373: of two changes at once, each is done once.
#[tokio::test]
async fn changes_at_once_do_not_undo_each_other() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let (name, locale) = (json!({ "name": "A" }), json!({ "locale": "ja" }));
    let (one, two) = tokio::join!(
        device.calls(Method::PATCH, "device/v1/device", Some(&name)),
        device.calls(Method::PATCH, "device/v1/device", Some(&locale)),
    );
    assert_eq!((one.status, two.status), (200, 200));
    let now = device.calls(Method::PATCH, "device/v1/device", Some(&json!({}))).await.json();
    assert_eq!((&now["name"], &now["locale"]), (&Value::from("A"), &Value::from("ja")));
}
