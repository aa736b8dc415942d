//! D7, and the errors of D15: every call is proven.

use http::{Method, Request};
use serde_json::json;
use testkit::World;

use super::{Device, assert_refused, proof, signed, with, without};

const LIST: &str = "device/v1/requests";
const DEVICE: &str = "device/v1/device";

/// D7: type, algorithm, device, method, address, body, time: whatever is another, it is refused.
#[tokio::test]
async fn a_proof_is_of_this_device_and_this_call() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let other = Device::of(&world, "alice").await;
    let body = json!({ "name": "B" }).to_string();
    let good = device.proof_claims("PATCH", DEVICE, &body);
    let sends =
        async |proof: String| device.calls_with(Method::PATCH, DEVICE, (&body, &proof)).await;
    let by_header = |header: &serde_json::Value| signed(&device.key, header, &good);
    let header = proof::header("ES256", &device.id);
    for (proof, code) in [
        (by_header(&with(&header, "typ", "dpop+jwt")), "invalid_proof"),
        (by_header(&without(&header, "kid")), "invalid_proof"),
        (by_header(&with(&header, "kid", "dev_unknown")), "unknown_device"),
        (by_header(&with(&header, "kid", other.id.as_str())), "wrong_key"),
        (signed(&other.key, &header, &good), "wrong_key"),
        (device.proof_of(&with(&good, "htm", "GET")), "invalid_proof"),
        (device.proof_of(&with(&good, "htu", world.url(LIST))), "invalid_proof"),
        (
            device.proof_of(&with(&good, "htu", "https://evil.example/device/v1/device")),
            "invalid_proof",
        ),
        (device.proof_of(&without(&good, "bh")), "invalid_proof"),
        (device.proof_of(&with(&good, "bh", "AAAA")), "invalid_proof"),
        (device.proof_of(&without(&good, "jti")), "invalid_proof"),
        (device.proof_of(&without(&good, "iat")), "invalid_proof"),
        (String::from("a.b.c"), "invalid_proof"),
        (String::new(), "invalid_proof"),
    ] {
        assert_refused(&sends(proof).await, 401, code);
    }
    let without_any = world.request(Method::GET, LIST, &[], "").await;
    assert_refused(&without_any, 401, "invalid_proof");
    // None of this has used the proof up.
    assert_eq!(sends(device.proof_of(&good)).await.status, 200);
}

/// D7: the host's letter case, the port of the scheme and a query do not count.
#[tokio::test]
async fn an_address_may_be_written_otherwise() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let claims = device.proof_claims("GET", LIST, "");
    for url in [
        "https://LOGIN.example.com/device/v1/requests",
        "https://login.example.com:443/device/v1/requests?take=3",
    ] {
        let proof = device.proof_of(&with(&claims, "htu", url));
        let answer = device.calls_with(Method::GET, &format!("{LIST}?take=3"), ("", &proof)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// D7: 120 seconds either way; further off, the answer says what time it is, and with that time
/// the device is let in.
#[tokio::test]
async fn a_clock_that_is_off_is_told_the_time() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let now = world.now().seconds();
    for (off_s, is_good) in [(-121, false), (-120, true), (120, true), (121, false)] {
        let claims = with(&device.proof_claims("GET", LIST, ""), "iat", now + off_s);
        let answer = device.calls_with(Method::GET, LIST, ("", &device.proof_of(&claims))).await;
        if is_good {
            assert_eq!(answer.status, 200, "{off_s}: {}", answer.text());
            continue;
        }
        assert_refused(&answer, 401, "clock_off");
        assert_eq!(answer.header("date"), "Mon, 23 Nov 2026 05:00:00 GMT");
        let told = httpdate_seconds(answer.header("date"));
        let corrected = with(&device.proof_claims("GET", LIST, ""), "iat", told);
        let proof = device.proof_of(&corrected);
        assert_eq!(device.calls_with(Method::GET, LIST, ("", &proof)).await.status, 200);
    }
}

/// The only date of these tests.
fn httpdate_seconds(date: &str) -> i64 {
    assert_eq!(date, "Mon, 23 Nov 2026 05:00:00 GMT");
    testkit::START / 1000
}

/// D7: a `jti` changes something once, also after a restart; a look may be repeated.
#[tokio::test]
async fn a_proof_changes_something_once() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let body = json!({ "name": "B" }).to_string();
    let proof = device.proof_of(&device.proof_claims("PATCH", DEVICE, &body));
    assert_eq!(device.calls_with(Method::PATCH, DEVICE, (&body, &proof)).await.status, 200);
    for _ in 0..2 {
        let again = device.calls_with(Method::PATCH, DEVICE, (&body, &proof)).await;
        assert_refused(&again, 401, "replayed");
        world.restart().await;
    }
    // The name is the device's own: another device may use the same.
    let other = Device::of(&world, "alice").await;
    let claims = device.proof_claims("PATCH", DEVICE, &body);
    for device in [&device, &other] {
        let proof = device.proof_of(&claims);
        assert_eq!(device.calls_with(Method::PATCH, DEVICE, (&body, &proof)).await.status, 200);
    }
    let look = device.proof_of(&device.proof_claims("GET", LIST, ""));
    for _ in 0..2 {
        assert_eq!(device.calls_with(Method::GET, LIST, ("", &look)).await.status, 200);
    }
}

/// O374: what is no path, no method, no tenant or too long is told in the dialect's own words, and
/// nothing that is sent makes the server fail.
#[tokio::test]
async fn whatever_is_sent_is_answered_in_code_and_message() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    assert_refused(&world.get("device/v1/nothing").await, 404, "not_found");
    for (method, path, allow) in [
        (Method::GET, "device/v1/enrollments", "POST"),
        (Method::POST, "device/v1/device", "DELETE, PATCH"),
        (Method::DELETE, "device/v1/requests", "GET"),
    ] {
        let answer = world.request(method, path, &[], "").await;
        assert_refused(&answer, 405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allow);
    }
    let long = "x".repeat(65 * 1024);
    let answer = world.request(Method::POST, "device/v1/enrollments", &[], long).await;
    assert_refused(&answer, 400, "invalid_body");
    let nobody = Request::get("/t/nobody/device/v1/requests").body(axum::body::Body::empty());
    assert_refused(&world.send(nobody.unwrap()).await, 404, "not_found");
    for path in ["%00", "%ff%fe", "cns_%F0%9F%98%80", "..%2F.."] {
        let path = format!("device/v1/requests/{path}");
        let answer = device.gets(&path).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.text());
    }
    for query in ["take=0", "take=101", "take=x", "from=x", "from=9-"] {
        let path = format!("{LIST}?{query}");
        let answer = device.gets(&path).await;
        assert!(answer.status < 500, "{query}: {}", answer.text());
    }
    assert_refused(&device.gets("device/v1/requests?take=0").await, 400, "invalid_body");
}
