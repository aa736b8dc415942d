//! CIBA 4, as far as it is about clients (C7 to C9): the modes and what they need, as the Management
//! API takes them.

use serde_json::{Value, json};
use testkit::{Operator, World};

use super::ENDPOINT;

const CIBA: &str = "urn:openid:params:grant-type:ciba";

async fn creates(operator: &Operator<'_>, members: Value) -> (u16, Value) {
    let mut body = json!({"name": "Shop", "grant_types": [CIBA], "profile": "ciba"});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = operator.posts("clients", &body).await;
    (answer.status, answer.json())
}

/// O303: a client has one mode of its profile's; ping and push need an https endpoint, ping the
/// grant as well.
#[tokio::test]
async fn a_mode_is_one_of_the_profile_and_has_what_it_needs() {
    let world = World::builder().profile("ciba").start().await;
    let operator = world.operator();
    let (mode, endpoint) =
        ("backchannel_token_delivery_mode", "backchannel_client_notification_endpoint");
    for good in [
        json!({}),
        json!({mode: "poll"}),
        json!({mode: "ping", endpoint: ENDPOINT}),
        json!({mode: "push", endpoint: ENDPOINT, "grant_types": []}),
        json!({mode: "ping", endpoint: ENDPOINT, "profile": "fapi-ciba"}),
    ] {
        let (status, client) = creates(&operator, good.clone()).await;
        assert_eq!(status, 201, "{good} {client}");
        assert_eq!(client[mode].as_str(), good[mode].as_str());
    }
    for bad in [
        json!({mode: "pull"}),
        json!({mode: 1}),
        json!({mode: "ping"}),
        json!({mode: "push"}),
        json!({mode: "ping", endpoint: "http://shop.example.com/cb"}),
        json!({mode: "ping", endpoint: "shop.example.com"}),
        json!({mode: "ping", endpoint: "https://user:password@shop.example.com/"}),
        json!({mode: "ping", endpoint: "https://shop.example.com/#part"}),
        json!({mode: "ping", endpoint: ENDPOINT, "grant_types": ["refresh_token"]}),
        json!({mode: "ping", endpoint: ENDPOINT, "profile": "auth0"}),
    ] {
        let (status, told) = creates(&operator, bad.clone()).await;
        assert_eq!((status, &told["errorCode"]), (400, &json!("invalid_body")), "{bad} {told}");
    }
}

/// F4, P14, N12: no push for clients of profile `fapi-ciba`, new or changed, and none by default.
#[tokio::test]
async fn push_is_not_for_fapi_clients_and_nobodys_by_default() {
    let world = World::builder().profile("fapi-ciba").start().await;
    let operator = world.operator();
    let push = json!({
        "backchannel_token_delivery_mode": "push",
        "backchannel_client_notification_endpoint": ENDPOINT,
    });
    let mut fapi = push.clone();
    fapi["profile"] = "fapi-ciba".into();
    assert_eq!(creates(&operator, fapi).await.0, 400);
    let (status, client) = creates(&operator, json!({"profile": "fapi-ciba"})).await;
    assert_eq!((status, &client["backchannel_token_delivery_mode"]), (201, &Value::Null));
    let path = format!("clients/{}", client["client_id"].as_str().unwrap());
    assert_eq!(operator.patches(&path, &push).await.status, 400);
    // The other way round: a push client does not become one of FAPI's.
    let (_, client) = creates(&operator, push).await;
    let path = format!("clients/{}", client["client_id"].as_str().unwrap());
    let change = json!({"profile": "fapi-ciba"});
    assert_eq!(operator.patches(&path, &change).await.status, 400);
    let change = json!({"backchannel_client_notification_endpoint": null});
    assert_eq!(operator.patches(&path, &change).await.status, 400);
}

/// O305, A8: endpoints whose very address is not public are not registered, however it is written.
#[tokio::test]
async fn endpoints_that_are_not_public_are_not_registered() {
    let world = World::builder().profile("ciba").start().await;
    let operator = world.operator();
    for host in [
        "127.0.0.1",
        "[::1]",
        "localhost",
        "a.localhost",
        "localhost.",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "[::ffff:10.0.0.1]",
        "[fe80::1]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[64:ff9b::7f00:1]",
        "shop.example.com:22",
    ] {
        let members = json!({
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint": format!("https://{host}/cb"),
        });
        let (status, told) = creates(&operator, members).await;
        assert_eq!(status, 400, "{host} {told}");
    }
}

/// C1: what the profiles of the tenant's clients offer, and no more.
#[tokio::test]
async fn discovery_names_the_modes_of_the_tenants_profiles() {
    for (profiles, modes) in [
        (&["auth0"][..], json!(["poll"])),
        (&["fapi-ciba"], json!(["poll", "ping"])),
        (&["auth0", "ciba"], json!(["poll", "ping", "push"])),
    ] {
        let world = World::builder()
            .settings(|settings| {
                settings.profiles = profiles.iter().map(ToString::to_string).collect();
            })
            .start()
            .await;
        let metadata = world.get(".well-known/openid-configuration").await.json();
        assert_eq!(metadata["backchannel_token_delivery_modes_supported"], modes);
    }
}
