//! D8: the inbox, one request, and the stream of events.

use domain::Timestamp;
use http::Method;
use serde_json::Value;
use server::outside::Clock;
use testkit::World;
use testkit::push_services::{PushServices, Reply};

use super::{Device, Said, asks, assert_refused};

/// D8: newest first, page by page, and only what waits for this person.
#[tokio::test]
async fn what_waits_is_listed_newest_first() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let theirs = Device::of(&world, "bob").await;
    for _ in 0..3 {
        asks(&world, "alice").await;
        world.advance_ms(7);
    }
    asks(&world, "bob").await;
    assert_eq!(theirs.inbox().await.len(), 1);
    let all = device.inbox().await;
    assert_eq!(all.len(), 3);
    let listed = device.gets("device/v1/requests").await.json();
    let created = |at: usize| listed["requests"][at]["created_at"].as_i64().unwrap();
    assert!(created(0) >= created(1) && created(1) >= created(2));
    assert!(listed["next"].is_null());
    let first = device.gets("device/v1/requests?take=2").await.json();
    let next = first["next"].as_str().unwrap();
    let second = device.gets(&format!("device/v1/requests?take=2&from={next}")).await.json();
    assert_eq!(first["requests"][1]["request"], all[1].as_str());
    assert_eq!(second["requests"][0]["request"], all[2].as_str());
    assert!(second["next"].is_null());
    // Another's request is none of this device's.
    let foreign = theirs.inbox().await[0].clone();
    let answer = device.gets(&format!("device/v1/requests/{foreign}")).await;
    assert_refused(&answer, 404, "not_found");
}

/// D8: what is decided, taken back or over is listed no more, and says so when it is read.
#[tokio::test]
async fn what_is_over_waits_no_more() {
    for (outcome, status, code) in
        [("yes", 409, "decided"), ("back", 409, "withdrawn"), ("late", 410, "expired")]
    {
        let world = World::new().await;
        let device = Device::of(&world, "alice").await;
        let id = asks(&world, "alice").await;
        let request = device.inbox().await[0].clone();
        match outcome {
            "yes" => assert_eq!(device.decides(Said::Approve).await.status, 204),
            "back" => assert_eq!(world.client().cancels(&id).await.status, 204),
            _ => world.advance_seconds(300),
        }
        assert_eq!(device.inbox().await, Vec::<String>::new());
        let answer = device.gets(&format!("device/v1/requests/{request}")).await;
        assert_refused(&answer, status, code);
    }
}

/// D8, D6: a stream tells what waits, what comes and what became of it, and ends when the device
/// is revoked.
#[tokio::test]
async fn a_device_that_listens_is_told_everything_and_sent_away_when_it_is_revoked() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let client = world.client();
    let mut id = asks(&world, "alice").await;
    let mut stream = device.listens().await;
    assert_eq!(world.app().inboxes.len(), 1);
    let mut told = stream.next().await;
    for outcome in ["decided", "withdrawn", "expired"] {
        let name = device.inbox().await[0].clone();
        assert_eq!(told, Some(of_request("request", &name)));
        let falls = async {
            match outcome {
                "decided" => assert_eq!(device.decides(Said::Approve).await.status, 204),
                "withdrawn" => assert_eq!(client.cancels(&id).await.status, 204),
                _ => world.advance_seconds(300),
            }
            // As often as the worker does it: the stream may not wait for its end yet.
            works(&world).await;
        };
        let fallen = tokio::select! { told = stream.next() => told, () = falls => None };
        assert_eq!(fallen, Some(of_request(outcome, &name)));
        if outcome != "expired" {
            (told, id) = tokio::join!(stream.next(), asks(&world, "alice"));
        }
    }
    let path = format!("guardian/enrollments/{}", device.id);
    let revoked = async { assert_eq!(world.operator().deletes(&path).await.status, 204) };
    assert_eq!(tokio::join!(stream.next(), revoked).0, None);
    assert_eq!(world.app().inboxes.len(), 0);
}

/// An event that names a request.
fn of_request(name: &str, request: &str) -> (String, Value) {
    (name.to_owned(), serde_json::json!({ "request": request }))
}

/// Does the work that is due again and again.
async fn works(world: &World) {
    loop {
        world.run_worker().await;
        tokio::task::yield_now().await;
    }
}

/// N43: while the push service is down a request is accepted, and answered from the inbox.
#[tokio::test]
async fn a_request_is_answered_from_the_inbox_while_pushes_fail() {
    let services = PushServices::start(|| Clock::hand(Timestamp::from_ms(testkit::START))).await;
    let builder = World::builder().configured(|config| services.configure(config));
    let world = builder.with_push_services().start().await;
    world.phone_of("alice").enrolls_with(testkit::p256_key(), "GCM").await;
    let device = Device::of(&world, "alice").await;
    for _ in 0..20 {
        services.fcm.token_endpoint_replies(Reply::Close);
    }
    let id = asks(&world, "alice").await;
    world.run_worker().await;
    assert_eq!(services.fcm.count(), 0);
    assert_eq!(device.decides(Said::Approve).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "200");
}

/// O468: a person who is deleted has no devices: the stream of one ends at once.
#[tokio::test]
async fn the_stream_of_a_deleted_persons_device_ends() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let mut stream = device.listens().await;
    let deletes = async {
        assert_eq!(world.operator().deletes("users/auth0%7Calice").await.status, 204);
    };
    assert_eq!(tokio::join!(stream.next(), deletes).0, None);
    assert_eq!(world.app().inboxes.len(), 0);
}

/// O375: one stream of a device, the newest; more devices than may: 503 with `Retry-After`; a
/// server that stops ends them all.
#[tokio::test]
async fn streams_are_bounded() {
    let world =
        World::builder().configured(|config| config.limits.device_streams = 1).start().await;
    let device = Device::of(&world, "alice").await;
    let other = Device::of(&world, "alice").await;
    let mut former = device.listens().await;
    let full = other.gets("device/v1/events").await;
    assert_refused(&full, 503, "unavailable");
    assert!(full.number("retry-after") > 0);
    let mut newest = device.listens().await;
    assert_eq!(former.next().await, None);
    let stops = async { world.app().inboxes.close() };
    assert_eq!(tokio::join!(newest.next(), stops).0, None);
    assert_refused(&device.gets("device/v1/events").await, 503, "unavailable");
    let refused = world.request(Method::GET, "device/v1/events", &[], "").await;
    assert_refused(&refused, 401, "invalid_proof");
}
