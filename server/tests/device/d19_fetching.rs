//! D19: who may see a receipt, and how much of it.

use device_protocol::aizuchi::receipt::MEDIA_TYPE;
use domain::aizuchi::{Verified, verify_receipt};
use domain::jose::parse_set;
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Client, Form, Proof, World};

use super::{Device, Said, asks, assert_refused};

const SEVEN_YEARS_S: i64 = 7 * 366 * 24 * 3600;

/// Alice approves a request of the world's client; where her receipt is, below the issuer.
async fn approved(world: &World, device: &Device<'_>) -> String {
    let id = asks(world, "alice").await;
    let answer = device.decides(Said::Approve).await;
    assert_eq!(answer.status, 204);
    let location = answer.header("location");
    let path = location.strip_prefix(&world.issuer()).unwrap().to_owned();
    let tokens = world.client().redeems(&id).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(path, format!("receipts/{}", token.claims["txn"].as_str().unwrap()));
    path
}

async fn verified(world: &World, answer: &Answer) -> Verified {
    assert_eq!((answer.status, answer.header("content-type")), (200, MEDIA_TYPE));
    assert_eq!(answer.header("cache-control"), "no-store");
    let set = world.get(".well-known/jwks.json").await.json();
    verify_receipt(&answer.text(), &parse_set(&set).unwrap()).unwrap()
}

async fn gets(world: &World, path: &str, headers: &[(&str, &str)]) -> Answer {
    world.request(Method::GET, path, headers, "").await
}

/// The client, authenticated in its headers.
async fn client_gets(client: &Client<'_>, world: &World, path: &str) -> Answer {
    let basic = client.proving(Proof::Basic(client.secret().to_owned()));
    let (_, headers) = basic.credentials(Form::new());
    gets(world, path, &[("authorization", headers[0].1.as_str())]).await
}

async fn auditor(world: &World, name: &str, scope: &str) -> String {
    let program = json!({ "grant_types": ["client_credentials"] });
    let client = world.registers(name, program).await;
    let audience = world.url("api/v2/");
    world.grants(name, &audience, "client", &[scope]).await;
    format!("Bearer {}", client.asks_for_itself(&audience).await.member("access_token"))
}

/// D19: a decision tells where its receipt is, and so does the ID token (`txn`); each device of the
/// person gets it whole, and the answer that was repeated tells the same.
#[tokio::test]
async fn every_device_of_the_person_gets_the_whole() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let second = Device::of(&world, "alice").await;
    let path = approved(&world, &device).await;
    for one in [&device, &second] {
        let held = verified(&world, &one.gets(&path).await).await;
        assert_eq!(held.receipt.hidden, 0);
        assert_eq!(held.receipt.parts.device.unwrap().id, device.id);
        assert!(held.decision.is_some());
    }
    let bobs = Device::of(&world, "bob").await;
    assert_refused(&bobs.gets(&path).await, 404, "not_found");
    assert_refused(&device.gets(&format!("receipts/{}", "0".repeat(32))).await, 404, "not_found");
    assert_refused(&device.gets("receipts/what%00ever").await, 404, "not_found");
}

/// D19: the client is shown who approved what, vouched for by the same signature, and neither the
/// device nor what it signed; whichever way it authenticates.
#[tokio::test]
async fn the_client_gets_a_view_without_the_device() {
    let world = World::builder().profile("ciba").start().await;
    let device = Device::of(&world, "alice").await;
    let path = approved(&world, &device).await;
    let client = world.client();
    let whole = device.gets(&path).await.text();
    let views = [client_gets(&client, &world, &path).await, client.posts(&path, Form::new()).await];
    for view in views {
        let held = verified(&world, &view).await;
        assert_eq!((held.receipt.hidden, &held.decision), (2, &None));
        assert_eq!(held.receipt.said.user, world.user_id("alice").as_str());
        assert!(held.receipt.said.is_approved);
        assert!(whole.starts_with(&view.text()));
        assert!(!decoded(&view.text()).contains(&device.id));
        assert!(decoded(&whole).contains(&device.id));
    }
    let members = json!({"token_endpoint_auth_method": "private_key_jwt"});
    let signer = world.registers("signer", members).await;
    let id = signer.starts(signer.asking("alice")).await.member("auth_req_id");
    let location = device.decides(Said::Deny(None)).await.header("location").to_owned();
    let path = location.strip_prefix(&world.issuer()).unwrap();
    let assertion = Client::assertion(&testkit::client_key(), &signer.assertion_claims(), None);
    let headers = [("client-assertion", assertion.as_str())];
    let held = verified(&world, &gets(&world, path, &headers).await).await;
    assert!(!held.receipt.said.is_approved);
    // The assertion counts once; a fresh one in a form will do.
    assert_eq!(gets(&world, path, &headers).await.status, 401);
    assert_eq!(signer.posts(path, Form::new()).await.status, 200);
    assert_eq!(signer.polls(&id).await, "400 access_denied");
}

/// Everything of a receipt that can be read without a key.
fn decoded(receipt: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let texts = receipt.split(['.', '~']);
    let texts = texts.filter_map(|text| URL_SAFE_NO_PAD.decode(text).ok());
    texts.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

/// D19: an auditor gets the whole; whoever lacks the scope, is another client or nobody is told that
/// there is none.
#[tokio::test]
async fn auditors_get_the_whole_and_others_are_told_there_is_none() {
    let world = World::builder().profile("ciba").start().await;
    let device = Device::of(&world, "alice").await;
    let path = approved(&world, &device).await;
    let token = auditor(&world, "auditor", "read:receipts").await;
    let held = verified(&world, &gets(&world, &path, &[("authorization", &token)]).await).await;
    assert_eq!(held.receipt.hidden, 0);

    let reader = auditor(&world, "reader", "read:users").await;
    let answer = gets(&world, &path, &[("authorization", &reader)]).await;
    assert_eq!((answer.status, &answer.json()["errorCode"]), (404, &json!("inexistent_receipt")));
    let stranger = world.registers("stranger", json!({})).await;
    let public = world.registers("public", json!({"token_endpoint_auth_method": "none"})).await;
    for answer in [
        gets(&world, &path, &[]).await,
        client_gets(&stranger, &world, &path).await,
        stranger.posts(&path, Form::new()).await,
    ] {
        assert_eq!(answer.summary(), "404 not_found");
    }
    let answer = gets(&world, &format!("{path}?client_id={}", public.id()), &[]).await;
    assert_eq!(answer.status, 401);
    assert_eq!(gets(&world, &path, &[("authorization", "Bearer x.y.z")]).await.status, 401);
    let deleted = world.request(Method::DELETE, &path, &[], "").await;
    assert_eq!((deleted.status, deleted.header("allow")), (405, "GET, POST"));
}

/// D19: kept for seven years, then gone.
#[tokio::test]
async fn a_receipt_is_kept_for_seven_years() {
    let world = World::builder().profile("ciba").start().await;
    let device = Device::of(&world, "alice").await;
    let path = approved(&world, &device).await;
    world.advance_seconds(SEVEN_YEARS_S - 60);
    world.run_worker().await;
    assert_eq!(client_gets(&world.client(), &world, &path).await.status, 200);
    world.advance_seconds(60);
    assert_eq!(client_gets(&world.client(), &world, &path).await.status, 404);
    world.run_worker().await;
    assert_eq!(device.gets(&path).await.status, 404);
}

/// O494: a tenant keeps receipts as long as it says, and what it says later is for later ones.
#[tokio::test]
async fn a_tenant_says_how_long_receipts_are_kept() {
    const DAY_S: i64 = 24 * 3600;
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let operator = world.operator();
    for wrong in [json!(0), json!(36_601), json!("1"), json!(null)] {
        let body = json!({ "receipt_lifetime_days": wrong });
        assert_eq!(operator.patches("tenants/settings", &body).await.status, 400, "{body}");
    }
    let mut kept = Vec::new();
    for days in [30, 1] {
        let body = json!({ "receipt_lifetime_days": days });
        let changed = operator.patches("tenants/settings", &body).await;
        assert_eq!(changed.json()["receipt_lifetime_days"], days);
        kept.push(approved(&world, &device).await);
    }
    for (after_s, first, second) in
        [(DAY_S - 60, 200, 200), (60, 200, 404), (29 * DAY_S - 60, 200, 404), (60, 404, 404)]
    {
        world.advance_seconds(after_s);
        for (path, status) in [(&kept[0], first), (&kept[1], second)] {
            assert_eq!(device.gets(path).await.status, status, "{after_s}");
        }
        world.run_worker().await;
    }
}

/// O523: whoever reads a receipt counts: a device with the calls of its address, an auditor with
/// those of the Management API, each told in its own words.
#[tokio::test]
async fn reading_a_receipt_counts_like_any_other_call() {
    let limited = World::builder().configured(|config| {
        config.limits.devices_per_address = "20/minute".parse().unwrap();
        config.limits.management_per_tenant = "20/minute".parse().unwrap();
    });
    let world = limited.start().await;
    let device = Device::of(&world, "alice").await;
    let path = approved(&world, &device).await;
    let auditor = auditor(&world, "auditor", "read:receipts").await;
    world.advance_seconds(60);
    let audits = async || gets(&world, &path, &[("authorization", auditor.as_str())]).await;
    for left in (0..20).rev() {
        for answer in [device.gets(&path).await, audits().await] {
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.number("x-ratelimit-remaining"), left);
        }
    }
    let late = device.gets(&path).await;
    assert_refused(&late, 429, "too_many_requests");
    assert!(late.number("retry-after") > 0);
    assert_refused(&device.gets("device/v1/requests").await, 429, "too_many_requests");
    let late = audits().await;
    assert_eq!((late.status, late.json()["errorCode"].as_str()), (429, Some("too_many_requests")));
    assert!(late.number("retry-after") > 0);
    // The client counts elsewhere.
    assert_eq!(client_gets(&world.client(), &world, &path).await.status, 200);
    world.advance_seconds(60);
    assert_eq!(device.gets(&path).await.status, 200);
}

/// D18: the key of receipts stands in the key set however often those of tokens are rotated.
#[tokio::test]
async fn a_receipt_outlives_the_keys_of_tokens() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let path = approved(&world, &device).await;
    for _ in 0..3 {
        let rotated = world.operator().posts("keys/signing/rotate", &Value::Null).await;
        assert!(rotated.status < 300, "{}", rotated.text());
        world.advance_seconds(40 * 24 * 3600);
        world.run_worker().await;
    }
    verified(&world, &device.gets(&path).await).await;
}
