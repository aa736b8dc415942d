//! W256 to W260, O108, O109, O115, O116: a tenant's push services, through the Management API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use testkit::push_services::{PushServices, TOPIC};
use testkit::{Answer, World};

use super::{asked, at_start, enrolled, logged};

const BASE: &str = "guardian/factors/push-notification";
const MODERN: &[u8] = include_bytes!("../../../testkit/push/apns-modern.p12");
const KEYCHAIN: &[u8] = include_bytes!("../../../testkit/push/apns-keychain.p12");
const WITH_PASSWORD: &[u8] = include_bytes!("../../../testkit/push/apns-with-password.p12");

/// A World without accounts of its own, and the services.
async fn bare() -> (World, PushServices) {
    let services = PushServices::start(at_start).await;
    let builder = World::builder().configured(|config| services.point(config));
    (builder.with_push_services().start().await, services)
}

async fn puts(world: &World, path: &str, body: &Value) -> Answer {
    world.operator().request(Method::PUT, &format!("{BASE}/{path}"), body).await
}

async fn selects(world: &World, provider: &str) {
    let answer = puts(world, "selected-provider", &json!({ "provider": provider })).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"provider": provider})));
}

/// W256: read, select, refuse what is none.
#[tokio::test]
async fn the_provider_is_selected() {
    let (world, _services) = bare().await;
    let read = async || world.operator().gets(&format!("{BASE}/selected-provider")).await.json();
    assert_eq!(read().await, json!({"provider": "guardian"}));
    for provider in ["direct", "sns", "guardian"] {
        selects(&world, provider).await;
        assert_eq!(read().await, json!({ "provider": provider }));
    }
    for wrong in [json!({"provider": "apns"}), json!({"provider": 1}), json!({})] {
        let answer = puts(&world, "selected-provider", &wrong).await;
        assert_eq!((answer.status, answer.member("errorCode").as_str()), (400, "invalid_body"));
    }
}

/// W257, O108: p12 files as OpenSSL and Keychain write them; their keys never come back.
#[tokio::test]
async fn apple_takes_the_certificate_of_a_p12() {
    for (name, p12) in [("openssl", MODERN), ("keychain", KEYCHAIN)] {
        let (world, services) = bare().await;
        let body = json!({"sandbox": true, "bundle_id": TOPIC, "p12": STANDARD.encode(p12)});
        let answer = puts(&world, "providers/apns", &body).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(answer.json(), json!({"sandbox": true, "bundle_id": TOPIC}));
        let shown = world.operator().gets(&format!("{BASE}/providers/apns")).await;
        assert_eq!(shown.json(), json!({"sandbox": true, "bundle_id": TOPIC, "enabled": true}));
        selects(&world, "direct").await;
        enrolled(&world, "alice", "APNS").await;
        asked(&world, "alice").await;
        assert_eq!(services.apns.count(), 1, "{name}");
        assert!(!services.apns.received()[0].headers.contains_key("authorization"));
    }
}

/// O108: files that cannot work are refused when they are set, and change nothing.
#[tokio::test]
async fn a_p12_that_cannot_work_is_refused() {
    let (world, _services) = bare().await;
    let good = json!({"bundle_id": TOPIC, "p12": STANDARD.encode(MODERN)});
    assert_eq!(puts(&world, "providers/apns", &good).await.status, 200);
    let cut = STANDARD.encode(&MODERN[..1000]);
    let key = STANDARD.encode(WITH_PASSWORD);
    let certificate = STANDARD.encode(include_bytes!("../../../testkit/push/apns-client-ca.pem"));
    for p12 in ["no base64!", "", "AAAA", &cut, &key, &certificate, &"A".repeat(44_000)] {
        let body = json!({"bundle_id": TOPIC, "p12": p12});
        let answer = puts(&world, "providers/apns", &body).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(answer.member("errorCode"), "invalid_body");
        assert!(answer.text().contains("p12"), "{}", answer.text());
    }
    let shown = world.operator().gets(&format!("{BASE}/providers/apns")).await.json();
    assert_eq!(shown["enabled"], true);
}

/// O109: a tenant's token key.
#[tokio::test]
async fn apple_takes_the_token_key_of_a_tenant() {
    let (world, services) = bare().await;
    let team = services.apns.team();
    let (key, id) = (team.p8.as_str(), team.key_id.as_str());
    let body = json!({"bundle_id": TOPIC, "p8": key, "key_id": id, "team_id": team.team_id});
    for missing in ["key_id", "team_id"] {
        let mut body = body.clone();
        body.as_object_mut().unwrap().remove(missing);
        let answer = puts(&world, "providers/apns", &body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains(missing), "{}", answer.text());
    }
    let answer = puts(&world, "providers/apns", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!answer.text().contains("PRIVATE KEY"));
    enrolled(&world, "alice", "APNS").await;
    asked(&world, "alice").await;
    assert_eq!(services.apns.count(), 1);
    let sandbox = json!({"sandbox": true});
    let path = format!("{BASE}/providers/apns");
    let changed = world.operator().patches(&path, &sandbox).await.json();
    assert_eq!((&changed["sandbox"], &changed["key_id"]), (&json!(true), &json!(id)));
    asked(&world, "alice").await;
    assert_eq!(services.apns.count(), 2, "PATCH leaves the key");
}

/// W258, W259, O115: Google's service account, and its old server key.
#[tokio::test]
async fn google_takes_the_service_account_of_a_tenant() {
    let (world, services) = bare().await;
    let old = puts(&world, "providers/fcm", &json!({"server_key": "AAAAabc"})).await;
    assert_eq!((old.status, old.json()), (200, json!({})));
    selects(&world, "direct").await;
    enrolled(&world, "alice", "GCM").await;
    asked(&world, "alice").await;
    let failures = logged(&world, "gd_send_pn_failure").await;
    assert!(failures[0]["error"]["message"].as_str().unwrap().contains("providers/fcmv1"));
    let account = services.fcm.service_account();
    let cut = account.get(..200).unwrap();
    for text in ["", "{}", "no JSON", "[]", "{\"type\":\"authorized_user\"}", cut] {
        let answer = puts(&world, "providers/fcmv1", &json!({"server_credentials": text})).await;
        assert_eq!((answer.status, answer.member("errorCode").as_str()), (400, "invalid_body"));
    }
    let answer = puts(&world, "providers/fcmv1", &json!({"server_credentials": account})).await;
    assert_eq!((answer.status, answer.json()), (200, json!({})));
    asked(&world, "alice").await;
    assert_eq!(services.fcm.count(), 1);
}

/// W260: Amazon's settings are kept and shown without the secret.
#[tokio::test]
async fn amazons_settings_are_kept() {
    let (world, _services) = bare().await;
    let body = json!({
        "aws_access_key_id": "AKIA", "aws_secret_access_key": "hush", "aws_region": "us-east-1",
        "sns_apns_platform_application_arn": "arn:a", "sns_gcm_platform_application_arn": "arn:g",
    });
    let answer = puts(&world, "providers/sns", &body).await;
    assert_eq!((answer.status, answer.json()), (200, body.clone()));
    let path = format!("{BASE}/providers/sns");
    let mut shown = body;
    shown.as_object_mut().unwrap().remove("aws_secret_access_key");
    assert_eq!(world.operator().gets(&path).await.json(), shown);
    let changed = world.operator().patches(&path, &json!({"aws_region": "eu-west-1"})).await.json();
    shown["aws_region"] = json!("eu-west-1");
    assert_eq!(changed, shown);
    selects(&world, "sns").await;
    enrolled(&world, "alice", "GCM").await;
    asked(&world, "alice").await;
    let failures = logged(&world, "gd_send_pn_failure").await;
    assert!(failures[0]["error"]["message"].as_str().unwrap().contains("`sns`"));
}

/// O116: what lies in the database is sealed, and bound to its tenant.
#[tokio::test]
async fn credentials_are_sealed_at_rest() {
    let (world, services) = bare().await;
    let account = services.fcm.service_account();
    let answer = puts(&world, "providers/fcmv1", &json!({"server_credentials": account})).await;
    assert_eq!(answer.status, 200);
    let app = world.app();
    let rows = store::push_providers::list(&app.database, world.tenant_id()).await.unwrap();
    let sealed = rows[0].sealed.clone().unwrap();
    let holds = |needle: &str| sealed.windows(needle.len()).any(|it| it == needle.as_bytes());
    assert!(!holds("PRIVATE KEY") && !holds("example-guardian"));
    assert_eq!(rows[0].document, "{}");
    let other = world.second_tenant("other").await;
    let write = store::push_providers::put(other.tenant_id(), &rows[0]);
    assert_eq!(app.database.run(write).await, Ok(store::Written::Done));
    assert!(app.push_accounts(other.tenant_id(), world.now()).await.is_err());
}

/// Part of W256: scopes, methods and providers that there are not.
#[tokio::test]
async fn paths_and_methods_are_those_of_auth0() {
    let (world, _services) = bare().await;
    let operator = world.operator();
    assert_eq!(operator.gets(&format!("{BASE}/providers/fcm")).await.status, 405);
    assert_eq!(operator.gets(&format!("{BASE}/providers/fcmv1")).await.status, 405);
    assert_eq!(operator.gets(&format!("{BASE}/providers/duo")).await.status, 404);
    let answer = world.get(&format!("api/v2/{BASE}/selected-provider")).await;
    assert_eq!(answer.status, 401);
}
