//! A4, C83: where a request comes from, where it is answered, and what the tenant makes of it.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use device_protocol::aizuchi::decision::Reason;
use device_protocol::guardian::resolve::Decision;
use http::Request;
use serde_json::{Value, json};
use testkit::{Answer, World};

use super::{Device, Said, assert_refused, logged};

const TOKYO: [f64; 2] = [35.68, 139.77];
const YOKOHAMA: [f64; 2] = [35.44, 139.64];
const LONDON: [f64; 2] = [51.51, -0.13];
const HERE: &str = "198.51.100.1";

fn place([latitude, longitude]: [f64; 2]) -> Value {
    json!({"latitude": latitude, "longitude": longitude})
}

async fn world(policy: Value) -> World {
    let world = World::builder().profile("ciba").start().await;
    let body = json!({"context_policy": policy});
    let answer = world.operator().patches("tenants/settings", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["context_policy"], policy);
    world
}

async fn starts(world: &World, context: Option<Value>) -> Answer {
    let client = world.client();
    let form = client.asking("alice");
    let form = match context {
        Some(context) => form.with("request_context", context.to_string()),
        None => form,
    };
    client.starts(form).await
}

/// A yes to the newest request, from a place and an address.
async fn approves(device: &Device<'_>, from: Option<[f64; 2]>, address: &str) -> Answer {
    let request = device.inbox().await[0].clone();
    let words = device.reads(&request).await;
    let claims = device.decision_claims(&request, &words, Said::Approve);
    let mut body = json!({"decision": device.decision_of(&claims)});
    if let Some(from) = from {
        body["location"] = place(from);
    }
    let path = format!("device/v1/requests/{request}/decision");
    let text = body.to_string();
    let proof = device.proof_of(&device.proof_claims("POST", &path, &text));
    let peer = SocketAddr::new(address.parse().unwrap(), 4711);
    let request = Request::post(device.world.path(&path))
        .header("device-proof", proof)
        .extension(ConnectInfo(peer))
        .body(Body::from(text));
    device.world.send(request.unwrap()).await
}

/// A4, C83: the context is kept with the request and shown to the person; the policy refuses an
/// approval from too far away, which decides nothing: a near one, a no and a report still count.
#[tokio::test]
async fn a_far_away_yes_is_refused_and_a_near_one_counts() {
    let world = world(json!({"max_distance_km": 100})).await;
    let device = Device::of(&world, "alice").await;
    let from = || Some(json!({"location": place(TOKYO), "shop": "Ginza"}));
    let id = starts(&world, from()).await.member("auth_req_id");
    let request = device.inbox().await[0].clone();
    let shown = device.verified(&device.reads(&request).await);
    assert_eq!(shown["context"], from().unwrap());
    let far = approves(&device, Some(LONDON), HERE).await;
    assert_refused(&far, 403, "disabled");
    assert!(far.json()["message"].as_str().unwrap().contains("too far"));
    assert_eq!(world.client().polls(&id).await, "400 authorization_pending");
    assert_eq!(logged(&world, "gd_auth_failed").await.len(), 1);
    assert_eq!(approves(&device, Some(YOKOHAMA), HERE).await.status, 204);
    world.advance_seconds(5);
    assert_eq!(world.client().polls(&id).await, "200");
    let id = starts(&world, from()).await.member("auth_req_id");
    assert_refused(&approves(&device, Some(LONDON), HERE).await, 403, "disabled");
    assert_eq!(device.decides(Said::Deny(Some(Reason::Suspicious))).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "400 access_denied");
}

/// A4: what is not known follows the policy's default: `allow`, or `refuse`, which refuses a
/// request without a place at once, since nobody could approve it.
#[tokio::test]
async fn what_is_not_known_follows_the_default() {
    let lenient = world(json!({"max_distance_km": 100})).await;
    let device = Device::of(&lenient, "alice").await;
    assert_eq!(starts(&lenient, None).await.status, 200);
    assert_eq!(approves(&device, Some(LONDON), HERE).await.status, 204);
    assert_eq!(starts(&lenient, Some(json!({"location": place(TOKYO)}))).await.status, 200);
    assert_eq!(approves(&device, None, HERE).await.status, 204);
    let strict = world(json!({"max_distance_km": 100, "unknown": "refuse"})).await;
    let device = Device::of(&strict, "alice").await;
    for context in [None, Some(json!({"location": "Tokyo"})), Some(json!({"ip_address": "::1"}))] {
        let refused = starts(&strict, context).await;
        assert_eq!(refused.summary(), "403 access_denied", "{}", refused.text());
    }
    assert_eq!(starts(&strict, Some(json!({"location": place(TOKYO)}))).await.status, 200);
    assert_refused(&approves(&device, None, HERE).await, 403, "disabled");
    assert_eq!(approves(&device, Some(TOKYO), HERE).await.status, 204);
    for bad in [json!({"max_distance_km": 0}), json!({"more": 1}), json!([])] {
        let body = json!({"context_policy": bad});
        assert_eq!(strict.operator().patches("tenants/settings", &body).await.status, 400, "{bad}");
    }
}

/// O464: with `same_network` a device in another network than the one that asks approves nothing,
/// whichever dialect it speaks; a no counts from everywhere.
#[tokio::test]
async fn a_yes_from_another_network_is_refused() {
    let world = world(json!({"same_network": true, "unknown": "refuse"})).await;
    let device = Device::of(&world, "alice").await;
    let context = json!({"ip_address": "192.0.2.7"});
    assert_eq!(starts(&world, None).await.summary(), "403 access_denied");
    let id = starts(&world, Some(context.clone())).await.member("auth_req_id");
    assert_refused(&approves(&device, None, HERE).await, 403, "disabled");
    assert_eq!(world.client().polls(&id).await, "400 authorization_pending");
    assert_eq!(approves(&device, None, "192.0.2.200").await.status, 204);
    let (client, phone) = (world.client(), world.phone_of("bob"));
    phone.is_ready().await;
    let form = client.asking("bob").with("request_context", context.to_string());
    let id = client.starts(form).await.member("auth_req_id");
    let push = phone.push_of(&id).await;
    let answer = phone.answers(&push, Decision::Accepted).await;
    let code = answer.json()["errorCode"].as_str().unwrap().to_owned();
    assert_eq!((answer.status, code.as_str()), (403, "feature_disabled_by_admin"));
    let no = Decision::Rejected { reason: None };
    assert_eq!(phone.answers(&push, no).await.status, 204);
    assert_eq!(client.polls(&id).await, "400 access_denied");
}
