//! G44 to G56: device accounts.

use device_protocol::guardian::{account, resolve};
use domain::jose::{Algorithm, SigningKey};
use http::Method;
use serde_json::{Value, json};
use testkit::{World, p256_key};

use super::{assert_x, call, code_for, devices_of, enroll, enroll_body, enrolled, logged, with};

/// The claims of a device that speaks for itself.
pub(super) fn credential(world: &World, device: &str, user: &str) -> Value {
    let url = world.url("appliance-mfa/api/device-accounts");
    account::Credential { device, user, url: &url, issued_at: world.now().seconds() }.claims()
}

pub(super) fn signed_credential(key: &SigningKey, claims: &Value) -> String {
    let algorithm = key.public().key_type().default_algorithm();
    super::signed(key, &resolve::header(algorithm.name()), claims)
}

fn path_of(device: &Value) -> String {
    format!("appliance-mfa/api/device-accounts/{}", device["id"].as_str().unwrap())
}

fn token_of(device: &Value) -> &str {
    device["token"].as_str().unwrap()
}

/// G44, G45: by a JWT of its key or by its opaque token, the same answer.
#[tokio::test]
async fn a_device_changes_its_account_with_either_credential() {
    let world = World::new().await;
    let (key, device) = enrolled(&world, "alice").await;
    let jwt =
        signed_credential(&key, &credential(&world, device["id"].as_str().unwrap(), "auth0|alice"));
    let change = json!({
        "identifier": "new-identifier",
        "name": "New",
        "push_credentials": { "service": "APNS", "token": "aa11" },
    });
    for bearer in [jwt.as_str(), token_of(&device)] {
        let answer = call(&world, Method::PATCH, &path_of(&device), bearer, Some(&change)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json(), with(&change, "id", device["id"].clone()));
    }
}

/// G46: only what is given changes.
#[tokio::test]
async fn only_what_is_given_changes() {
    let world = World::new().await;
    let (_, device) = enrolled(&world, "alice").await;
    let mut expected = json!({
        "id": device["id"], "identifier": "a1b2c3d4e5f60718", "name": "Pixel",
        "push_credentials": { "service": "GCM", "token": "fcm-token" },
    });
    for change in [
        json!({}),
        json!({ "name": "Second" }),
        json!({ "identifier": "other" }),
        json!({ "push_credentials": { "service": "GCM", "token": "t2" } }),
        json!({ "unknown": 1 }),
    ] {
        let answer =
            call(&world, Method::PATCH, &path_of(&device), token_of(&device), Some(&change)).await;
        for (name, value) in change.as_object().unwrap() {
            if expected.get(name).is_some() {
                expected[name] = value.clone();
            }
        }
        assert_eq!((answer.status, answer.json()), (200, expected.clone()), "{change}");
    }
}

/// G47: the next push goes to the new token.
#[tokio::test]
async fn a_new_push_token_gets_the_next_push() {
    let world = World::new().await;
    let (_, device) = enrolled(&world, "alice").await;
    let change = json!({ "push_credentials": { "service": "APNS", "token": "fresh-token" } });
    let answer =
        call(&world, Method::PATCH, &path_of(&device), token_of(&device), Some(&change)).await;
    assert_eq!(answer.status, 200);
    let client = world.client();
    assert_eq!(client.starts(client.asking("alice")).await.status, 200);
    let app = world.app();
    let tray = app.courier.tray().unwrap();
    assert_eq!(tray.pushes_to("fcm-token").len(), 0);
    let pushes = tray.pushes_to("fresh-token");
    assert_eq!(pushes.len(), 1);
    assert!(pushes[0].payload["aps"].is_object(), "an APNs token gets an APNs payload");
}

/// G48: the next answer is expected under the new identifier.
#[tokio::test]
async fn a_new_identifier_is_the_next_iss() {
    let world = World::builder().settings(|all| all.strict_device_identifier = true).start().await;
    let phone = world.phone_of("alice");
    let id = world.client().asks_for("alice").await;
    let push = phone.push_of(&id).await;
    let path = format!("appliance-mfa/api/device-accounts/{}", phone.device_id());
    let change = json!({ "identifier": "new-identifier" });
    let changed = call(&world, Method::PATCH, &path, &phone.account_token(), Some(&change)).await;
    assert_eq!(changed.status, 200);
    let claims = super::a6_resolve::yes(&world, &phone, &push);
    assert_x(&phone.answers_with(&push, &claims).await, 401, "invalid_token");
    let claims = with(&claims, "iss", "new-identifier");
    assert_eq!(phone.answers_with(&push, &claims).await.status, 204);
}

/// G49: a wrong type, or half a `push_credentials`.
#[tokio::test]
async fn a_member_of_a_wrong_type_is_refused() {
    let world = World::new().await;
    let (_, device) = enrolled(&world, "alice").await;
    for change in [
        json!({ "name": 1 }),
        json!({ "name": null }),
        json!({ "identifier": ["a"] }),
        json!({ "push_credentials": "t" }),
        json!({ "push_credentials": { "service": "GCM" } }),
        json!({ "push_credentials": { "token": "t" } }),
        json!([]),
    ] {
        let answer =
            call(&world, Method::PATCH, &path_of(&device), token_of(&device), Some(&change)).await;
        assert_x(&answer, 400, "invalid_body");
    }
    assert_eq!(devices_of(&world, "alice").await[0]["name"], "Pixel");
}

/// G50: everything that can be wrong with the JWT.
#[tokio::test]
async fn a_jwt_speaks_for_its_own_enrollment_only() {
    let world = World::new().await;
    let (key, device) = enrolled(&world, "alice").await;
    let (_, other) = enrolled(&world, "bob").await;
    let good = credential(&world, device["id"].as_str().unwrap(), "auth0|alice");
    let now = world.now().seconds();
    let mut bearers: Vec<String> = [
        with(&good, "iss", other["id"].clone()),
        with(&good, "sub", "auth0|bob"),
        with(&good, "aud", world.url("appliance-mfa/api/resolve-transaction")),
        with(&good, "aud", "https://evil.example/appliance-mfa/api/device-accounts"),
        with(&good, "exp", now - 61),
        with(&good, "iat", now + 61),
    ]
    .iter()
    .map(|claims| signed_credential(&key, claims))
    .collect();
    bearers.push(signed_credential(&p256_key(), &good));
    let rs = testkit::device_key();
    let header = json!({ "alg": "RS256", "typ": "JWT" }).to_string();
    bearers.push(rs.sign_compact(Algorithm::Rs256, &header, &good.to_string()).unwrap());
    for bearer in &bearers {
        for method in [Method::PATCH, Method::DELETE] {
            let body = json!({});
            let answer = call(&world, method, &path_of(&device), bearer, Some(&body)).await;
            assert_x(&answer, 401, "invalid_token");
        }
    }
    let jwt = signed_credential(&key, &good);
    let foreign = call(&world, Method::PATCH, &path_of(&other), &jwt, Some(&json!({}))).await;
    assert_x(&foreign, 401, "invalid_token");
    assert_eq!(devices_of(&world, "alice").await.len(), 1);
}

/// G51, G52: fractional times; the same JWT on two calls.
#[tokio::test]
async fn a_jwt_with_fractions_is_good_more_than_once() {
    let world = World::new().await;
    let (key, device) = enrolled(&world, "alice").await;
    let claims = credential(&world, device["id"].as_str().unwrap(), "auth0|alice");
    let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    let claims = with(&claims, "iat", json!(format!("{iat}.25").parse::<f64>().unwrap()));
    let claims = with(&claims, "exp", json!(format!("{exp}.75").parse::<f64>().unwrap()));
    let jwt = signed_credential(&key, &claims);
    for _ in 0..2 {
        let answer = call(&world, Method::PATCH, &path_of(&device), &jwt, Some(&json!({}))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// G53: the opaque token of another device or of a deleted one.
#[tokio::test]
async fn an_opaque_token_opens_its_own_account_only() {
    let world = World::new().await;
    let (_, alice) = enrolled(&world, "alice").await;
    let (_, bob) = enrolled(&world, "bob").await;
    let (_, gone) = enrolled(&world, "carol").await;
    let deleted = call(&world, Method::DELETE, &path_of(&gone), token_of(&gone), None).await;
    assert_eq!(deleted.status, 204);
    for bearer in [token_of(&bob), token_of(&gone), "", "x"] {
        let answer = call(&world, Method::PATCH, &path_of(&alice), bearer, Some(&json!({}))).await;
        assert_x(&answer, 401, "invalid_token");
    }
    let none = world.request(Method::DELETE, &path_of(&alice), &[], "").await;
    assert_x(&none, 401, "invalid_token");
}

/// G54: after a deletion nothing of the device opens anything, and it gets no more pushes.
#[tokio::test]
async fn a_deleted_device_is_gone_for_good() {
    let world = World::new().await;
    let (key, device) = enrolled(&world, "alice").await;
    let claims = credential(&world, device["id"].as_str().unwrap(), "auth0|alice");
    let jwt = signed_credential(&key, &claims);
    let answer = call(&world, Method::DELETE, &path_of(&device), &jwt, None).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(devices_of(&world, "alice").await, Vec::<Value>::new());
    assert_eq!(logged(&world, "gd_unenroll").await[0]["device_id"], device["id"]);
    let client = world.client();
    assert_eq!(client.starts(client.asking("alice")).await.status, 400);
    for bearer in [jwt.as_str(), token_of(&device)] {
        let answer = call(&world, Method::DELETE, &path_of(&device), bearer, None).await;
        assert_x(&answer, 404, "device_account_not_found");
    }
    let tx = code_for(&world, "alice", false).await;
    assert_eq!(enroll(&world, &tx, &enroll_body(&key)).await.status, 201);
}

/// G55: an id that does not exist.
#[tokio::test]
async fn an_unknown_device_is_told_so() {
    let world = World::new().await;
    let path = "appliance-mfa/api/device-accounts/dev_0123456789abcdef";
    for method in [Method::PATCH, Method::DELETE] {
        let answer = call(&world, method, path, "some-token", Some(&json!({}))).await;
        assert_x(&answer, 404, "device_account_not_found");
    }
}

/// G56: a change is logged.
#[tokio::test]
async fn a_change_is_told_to_the_log() {
    let world = World::new().await;
    let (_, device) = enrolled(&world, "alice").await;
    let change = json!({ "name": "New" });
    call(&world, Method::PATCH, &path_of(&device), token_of(&device), Some(&change)).await;
    let entries = logged(&world, "gd_update_device_account").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["changed"]["name"], true);
    assert_eq!(entries[0]["changed"]["identifier"], false);
}

/// G57: where calls of one address are limited, each answer tells the numbers.
#[tokio::test]
async fn a_limit_on_device_calls_is_told_with_every_answer() {
    let world = World::builder()
        .configured(|config| config.limits.devices_per_address = "3/minute".parse().unwrap())
        .start()
        .await;
    let path = "appliance-mfa/api/device-accounts/dev_none";
    for left in [2, 1, 0] {
        let answer = call(&world, Method::PATCH, path, "nobodys", Some(&json!({}))).await;
        assert!(answer.status < 429, "{}", answer.text());
        assert_eq!(answer.number("x-ratelimit-limit"), 3);
        assert_eq!(answer.number("x-ratelimit-remaining"), left);
        assert_eq!(answer.number("x-ratelimit-reset"), world.now().seconds() + 60);
    }
    let late = call(&world, Method::PATCH, path, "nobodys", Some(&json!({}))).await;
    assert_x(&late, 429, "too_many_requests");
    assert_eq!((late.number("x-ratelimit-remaining"), late.number("retry-after")), (0, 60));
    let consent = call(&world, Method::GET, "rich-consents/cns_none", "nobodys", None).await;
    assert_x(&consent, 429, "too_many_requests");
    assert_eq!(logged(&world, "api_limit").await.len(), 1);
    world.advance_seconds(60);
    let again = call(&world, Method::PATCH, path, "nobodys", Some(&json!({}))).await;
    assert_eq!(again.number("x-ratelimit-remaining"), 2);
}
