//! D8: the inbox, one request, and the stream of events.

use domain::Timestamp;
use http::Method;
use serde_json::Value;
use server::outside::Clock;
use testkit::World;
use testkit::push_services::{PushServices, Reply};

use super::{Answer, Device, Said, asks, assert_refused};

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

pub(super) async fn until_listening(world: &World, number: usize) {
    for _ in 0..20_000_000 {
        if world.app().inboxes.len() == number {
            return;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(world.app().inboxes.len(), number);
}

/// The events of a stream that has ended.
pub(super) fn events(answer: &Answer) -> Vec<(String, Value)> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let text = answer.text();
    let blocks = text.split("\n\n").filter(|block| block.starts_with("event: "));
    let read = |block: &str| {
        let (event, data) = block.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        (event.strip_prefix("event: ").unwrap().to_owned(), data)
    };
    blocks.map(read).collect()
}

/// The same, each with its request.
fn of_requests(answer: &Answer) -> Vec<(String, String)> {
    let events = events(answer).into_iter();
    events.map(|(name, data)| (name, data["request"].as_str().unwrap().to_owned())).collect()
}

/// Lets the listener look before the next thing happens.
pub(super) async fn settles() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}

/// D8, D6: a stream tells what waits, what comes and what became of it, and ends when the device
/// is revoked.
#[tokio::test]
async fn a_device_that_listens_is_told_everything_and_sent_away_when_it_is_revoked() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let client = world.client();
    let first = asks(&world, "alice").await;
    let names = async {
        let mut names = device.inbox().await;
        until_listening(&world, 1).await;
        settles().await;
        for outcome in ["decided", "withdrawn", "expired"] {
            let id = if outcome == "decided" { first.clone() } else { asks(&world, "alice").await };
            settles().await;
            if outcome != "decided" {
                names.push(device.inbox().await[0].clone());
            }
            match outcome {
                "decided" => assert_eq!(device.decides(Said::Approve).await.status, 204),
                "withdrawn" => assert_eq!(client.cancels(&id).await.status, 204),
                _ => {
                    world.advance_seconds(300);
                    world.run_worker().await;
                }
            }
            settles().await;
        }
        let path = format!("guardian/enrollments/{}", device.id);
        assert_eq!(world.operator().deletes(&path).await.status, 204);
        names
    };
    let (told, names) = tokio::join!(device.gets("device/v1/events"), names);
    until_listening(&world, 0).await;
    let mut expected = Vec::new();
    for (name, outcome) in names.iter().zip(["decided", "withdrawn", "expired"]) {
        expected.push((String::from("request"), name.clone()));
        expected.push((String::from(outcome), name.clone()));
    }
    assert_eq!(of_requests(&told), expected);
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
    let deletes = async {
        until_listening(&world, 1).await;
        settles().await;
        assert_eq!(world.operator().deletes("users/auth0%7Calice").await.status, 204);
    };
    let (told, ()) = tokio::join!(device.gets("device/v1/events"), deletes);
    assert!(of_requests(&told).is_empty());
    until_listening(&world, 0).await;
}

/// O375: one stream of a device, the newest; more devices than may: 503 with `Retry-After`; a
/// server that stops ends them all.
#[tokio::test]
async fn streams_are_bounded() {
    let world =
        World::builder().configured(|config| config.limits.device_streams = 1).start().await;
    let device = Device::of(&world, "alice").await;
    let other = Device::of(&world, "alice").await;
    let rest = async {
        until_listening(&world, 1).await;
        let full = other.gets("device/v1/events").await;
        assert_refused(&full, 503, "unavailable");
        assert!(full.number("retry-after") > 0);
        let newest = device.gets("device/v1/events");
        let stops = async {
            settles().await;
            world.app().inboxes.close();
        };
        tokio::join!(newest, stops).0
    };
    let (former, newest) = tokio::join!(device.gets("device/v1/events"), rest);
    assert_eq!((of_requests(&former).len(), of_requests(&newest).len()), (0, 0));
    assert_refused(&device.gets("device/v1/events").await, 503, "unavailable");
    let refused = world.request(Method::GET, "device/v1/events", &[], "").await;
    assert_refused(&refused, 401, "invalid_proof");
}
