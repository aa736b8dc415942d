//! O140 to O145: the settings and the signing keys of a tenant.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, World};

use super::a11_management::{denied, token_with};

async fn settings(world: &World) -> Value {
    world.operator().gets("tenants/settings").await.json()
}

async fn with_scope(world: &World, scope: &str, method: Method, path: &str) -> Answer {
    let token = token_with(world, &format!("with-{scope}"), &[scope]).await;
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    world.request(method, &format!("api/v2/{path}"), &headers, "{}").await
}

/// O140, O141: settings are shown, changed, kept, cleared, and count at once.
#[tokio::test]
async fn settings_are_read_and_changed() {
    let world = World::new().await;
    let operator = world.operator();
    let first = settings(&world).await;
    assert_eq!(
        (&first["friendly_name"], &first["default_profile"], &first["lenient_audience_none"]),
        (&json!("Example"), &json!("auth0"), &json!(true))
    );
    let flags = json!({
        "enable_dynamic_client_registration": false, "revoke_refresh_token_grant": false,
    });
    assert_eq!(first["flags"], flags);
    assert_eq!(first.get("push_factor"), None);
    let change = json!({
        "friendly_name": "Example Bank",
        "picture_url": "https://example.com/logo.png",
        "support_email": "help@example.com",
        "session_lifetime": 72.5,
        "flags": {"enable_client_connections": false},
        "resource_parameter_profile": "compatibility",
        "unknown_member": true,
    });
    let answer = operator.patches("tenants/settings", &change).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let changed = settings(&world).await;
    assert_eq!(changed, answer.json());
    for name in ["friendly_name", "picture_url", "support_email", "session_lifetime"] {
        assert_eq!(changed[name], change[name]);
    }
    assert_eq!(changed["resource_parameter_profile"], "compatibility");
    assert_eq!(changed.get("unknown_member"), None);
    let body = json!({"flags": {"revoke_refresh_token_grant": true}, "picture_url": null});
    let changed = operator.patches("tenants/settings", &body).await.json();
    let flags = json!({
        "enable_client_connections": false, "enable_dynamic_client_registration": false,
        "revoke_refresh_token_grant": true,
    });
    assert_eq!((&changed["flags"], changed.get("picture_url")), (&flags, None));
    let some = operator.gets("tenants/settings?fields=friendly_name,flags").await.json();
    assert_eq!(some, json!({"friendly_name": "Example Bank", "flags": flags}));
}

/// O141: what is set counts from the next request on.
#[tokio::test]
async fn a_changed_setting_counts_at_once() {
    let world = World::new().await;
    let client = world.client();
    let ask = || client.asking("alice").with("audience", "None");
    world.phone_of("alice").is_ready().await;
    assert_eq!(client.starts(ask()).await.status, 200);
    let strict = json!({"lenient_audience_none": false});
    assert_eq!(world.operator().patches("tenants/settings", &strict).await.status, 200);
    assert_eq!(client.starts(ask()).await.status, 403);
}

/// O142: what is wrong is refused as a whole.
#[tokio::test]
async fn a_wrong_setting_changes_nothing() {
    let world = World::new().await;
    let first = settings(&world).await;
    for wrong in [
        json!({"friendly_name": 7}),
        json!({"friendly_name": ""}),
        json!({"friendly_name": "New", "default_profile": "oidc"}),
        json!({"friendly_name": "New", "default_profile": "fapi-ciba"}),
        json!({"profiles": []}),
        json!({"profiles": ["oidc"]}),
        json!({"profiles": ["ciba"]}),
        json!({"lenient_audience_none": "yes"}),
        json!({"flags": {"a": 1}}),
        json!({"flags": []}),
        json!({"error_page": {"html": "x".repeat(20_000)}}),
        json!({"enabled_locales": "en"}),
        json!([]),
    ] {
        let refused = world.operator().patches("tenants/settings", &wrong).await;
        denied(&refused, 400, "invalid_body");
        assert_eq!(settings(&world).await, first, "{wrong}");
    }
    for (scope, method) in
        [("update:tenant_settings", Method::GET), ("read:tenant_settings", Method::PATCH)]
    {
        let refused = with_scope(&world, scope, method, "tenants/settings").await;
        denied(&refused, 403, "insufficient_scope");
    }
}

async fn keys(world: &World) -> Vec<Value> {
    world.operator().gets("keys/signing").await.json().as_array().unwrap().clone()
}

async fn published(world: &World) -> Vec<String> {
    let set = world.get(".well-known/jwks.json").await.json();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// O143: the keys with their certificates.
#[tokio::test]
async fn signing_keys_are_shown() {
    let world = World::new().await;
    let list = keys(&world).await;
    assert_eq!(list.len(), 2);
    let set = world.get(".well-known/jwks.json").await.json();
    for key in &list {
        let kid = key["kid"].as_str().unwrap();
        assert_eq!((&key["current"], &key["revoked"]), (&json!(true), &json!(false)));
        assert!(key.get("previous").is_none() && key.get("next").is_none());
        let cert = key["cert"].as_str().unwrap();
        let inner = cert.lines().filter(|line| !line.starts_with("-----")).collect::<String>();
        let jwk = set["keys"].as_array().unwrap().iter().find(|jwk| jwk["kid"] == kid);
        assert_eq!(jwk.is_some(), key["alg"] == "RS256");
        assert!(jwk.is_none_or(|jwk| jwk["x5c"][0] == inner));
        assert!(cert.starts_with("-----BEGIN CERTIFICATE-----\r\n"));
        assert!(key["pkcs7"].as_str().unwrap().starts_with("-----BEGIN PKCS7-----\r\nMII"));
        let fingerprint = key["fingerprint"].as_str().unwrap();
        assert_eq!((fingerprint.len(), fingerprint.matches(':').count()), (59, 19));
        assert_eq!(fingerprint.replace(':', ""), key["thumbprint"].as_str().unwrap());
        let one = world.operator().gets(&format!("keys/signing/{kid}")).await;
        assert_eq!((one.status, &one.json()), (200, key));
    }
    denied(&world.operator().gets("keys/signing/x").await, 404, "inexistent_signing_key");
    let refused = with_scope(&world, "update:signing_keys", Method::GET, "keys/signing").await;
    denied(&refused, 403, "insufficient_scope");
}

/// O144, O145: a rotation, and the end of the old key.
#[tokio::test]
async fn keys_are_rotated_and_revoked() {
    let world = World::new().await;
    let operator = world.operator();
    let old: Vec<String> =
        keys(&world).await.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
    let before = operator.token().await;
    world.advance_seconds(1);
    let rotated = operator.request(Method::POST, "keys/signing/rotate", &json!({})).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text());
    let kid = rotated.member("kid");
    assert!(rotated.member("cert").starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(!old.contains(&kid));
    let list = keys(&world).await;
    assert_eq!(list.len(), 4);
    for key in &list {
        let is_old = old.iter().any(|kid| key["kid"] == *kid);
        assert_eq!(key.get("previous"), is_old.then_some(&json!(true)));
        assert_eq!(key.get("current"), (!is_old).then_some(&json!(true)));
        assert_eq!(key.get("current_until").is_some(), is_old);
    }
    let tokens = world.client().gets_tokens("alice", |form| form).await;
    let id_token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(id_token.header["kid"], kid);
    assert_eq!(published(&world).await.len(), 2, "the old one and the new one for RS256");

    let path = format!("keys/signing/{kid}/revoke");
    let in_use = operator.request(Method::PUT, &path, &json!({})).await;
    denied(&in_use, 400, "invalid_uri");
    let fresh = token_with(&world, "fresh", &["read:users", "update:signing_keys"]).await;
    for kid in &old {
        let path = format!("api/v2/keys/signing/{kid}/revoke");
        let authorization = format!("Bearer {fresh}");
        let headers = [("authorization", authorization.as_str())];
        for _ in 0..2 {
            let revoked = world.request(Method::PUT, &path, &headers, "").await;
            assert_eq!((revoked.status, revoked.member("kid")), (200, kid.clone()));
        }
    }
    let published = published(&world).await;
    assert!(published.contains(&kid) && !old.iter().any(|kid| published.contains(kid)));
    for (token, status) in [(&before, 401), (&fresh, 200)] {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str())];
        let answer = world.request(Method::GET, "api/v2/users", &headers, "").await;
        assert_eq!(answer.status, status);
    }
    let token = token_with(&world, "reader", &["read:signing_keys"]).await;
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    let list = world.request(Method::GET, "api/v2/keys/signing", &headers, "").await.json();
    let revoked = list.as_array().unwrap().iter().filter(|key| key["revoked"] == true);
    assert_eq!(revoked.filter(|key| key["revoked_at"].is_string()).count(), 2);
}
