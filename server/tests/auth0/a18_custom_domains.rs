//! O151 to O155: the host names of a tenant.

use std::net::IpAddr;

use http::{Method, Request};
use serde_json::{Value, json};
use testkit::World;

use super::a11_management::{denied, token_with};

const OURS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const OTHERS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 9));

/// A server that is known as `id.example.com`, at 192.0.2.1.
async fn public_world() -> World {
    let world = World::builder()
        .public_url("https://id.example.com/")
        .configured(|config| config.proxy.trusted = vec!["192.0.2.64/26".parse().unwrap()])
        .start()
        .await;
    world.app().resolver.says("id.example.com", &[OURS]);
    world
}

async fn claimed(world: &World, domain: &str, kind: &str) -> Value {
    let body = json!({"domain": domain, "type": kind});
    let answer = world.operator().posts("custom-domains", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

async fn verified(world: &World, domain: &Value) -> Value {
    let path = format!("custom-domains/{}/verify", domain["custom_domain_id"].as_str().unwrap());
    let answer = world.operator().posts(&path, &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn issuer_at(world: &World, host: &str) -> String {
    let request = Request::get("/.well-known/openid-configuration").header("host", host);
    world.send(request.body(axum::body::Body::empty()).unwrap()).await.member("issuer")
}

/// O151, O152: a domain is claimed, verified, and the tenant's from then on.
#[tokio::test]
async fn a_domain_that_points_here_becomes_a_host_of_the_tenant() {
    let world = public_world().await;
    let acme = world.second_tenant("acme").await;
    let domain = claimed(&acme, "Login.Acme.example", "auth0_managed_certs").await;
    let id = domain["custom_domain_id"].as_str().unwrap();
    assert!(id.starts_with("cd_") && id.len() == 19, "{id}");
    let expected = json!({
        "custom_domain_id": id,
        "domain": "login.acme.example",
        "primary": true,
        "status": "pending_verification",
        "type": "auth0_managed_certs",
        "verification": {"methods": [
            {"name": "cname", "record": "id.example.com", "domain": "login.acme.example"},
        ]},
        "tls_policy": "recommended",
        "custom_client_ip_header": null,
        "domain_metadata": {},
    });
    assert_eq!(domain, expected);
    assert_eq!(issuer_at(&world, "login.acme.example").await, "https://id.example.com/");
    world.app().resolver.says("login.acme.example", &[OTHERS, OURS]);
    let ready = verified(&acme, &domain).await;
    assert_eq!((&ready["status"], ready.get("cname_api_key")), (&json!("ready"), None));
    assert_eq!(verified(&acme, &domain).await["status"], "ready");
    assert_eq!(issuer_at(&world, "login.acme.example").await, "https://login.acme.example/");
    assert_eq!(issuer_at(&world, "id.example.com").await, "https://id.example.com/");
    let listed = acme.operator().gets("custom-domains?fields=domain,status").await.json();
    assert_eq!(listed, json!([{"domain": "login.acme.example", "status": "ready"}]));
    assert_eq!(world.operator().gets("custom-domains").await.json(), json!([]));
}

/// O152: a domain with a proxy of its own gets the key that the proxy sends, this once.
#[tokio::test]
async fn a_domain_behind_a_trusted_proxy_gets_a_key() {
    let world = public_world().await;
    let domain = claimed(&world, "login.example", "self_managed_certs").await;
    assert_eq!(domain["origin_domain_name"], "id.example.com");
    world.app().resolver.says("login.example", &["192.0.2.77".parse().unwrap()]);
    let ready = verified(&world, &domain).await;
    let key = ready["cname_api_key"].as_str().unwrap();
    let (database, tenant) = (world.app().database.clone(), world.tenant_id());
    let stored = store::custom_domains::by_domain(&database, tenant, "login.example").await;
    let hash = stored.unwrap().unwrap().api_key_hash.unwrap();
    assert!(hash.matches(key.as_bytes()));
    assert_eq!(verified(&world, &domain).await.get("cname_api_key"), None);
    assert!(!world.operator().gets("custom-domains").await.text().contains(key));
}

/// O153: a domain that points nowhere, or elsewhere, stays pending and says why.
#[tokio::test]
async fn a_domain_that_does_not_point_here_stays_pending() {
    let world = public_world().await;
    let domain = claimed(&world, "login.example", "auth0_managed_certs").await;
    let id = domain["custom_domain_id"].as_str().unwrap();
    for (addresses, words) in [(vec![], "has no address"), (vec![OTHERS], "does not point to")] {
        world.app().resolver.says("login.example", &addresses);
        let pending = verified(&world, &domain).await;
        assert_eq!(pending["status"], "pending_verification");
        let verification = &pending["verification"];
        assert_eq!(verification["status"], "failed");
        assert_eq!(verification["last_verified_at"], world.now().to_iso());
        assert!(verification["error_msg"].as_str().unwrap().contains(words), "{pending}");
        let test = world.operator().posts(&format!("custom-domains/{id}/test"), &json!({})).await;
        assert_eq!((test.status, &test.json()["success"]), (200, &json!(false)));
        assert!(test.member("message").contains(words));
    }
    assert_eq!(issuer_at(&world, "login.example").await, "https://id.example.com/");
    world.app().resolver.says("login.example", &[OURS]);
    let test = world.operator().posts(&format!("custom-domains/{id}/test"), &json!({})).await;
    assert_eq!(test.json(), json!({"success": true}));
}

/// O154: a domain is changed and given up.
#[tokio::test]
async fn a_domain_is_changed_and_given_up() {
    let world = public_world().await;
    let operator = world.operator();
    let domain = claimed(&world, "login.example", "auth0_managed_certs").await;
    let path = format!("custom-domains/{}", domain["custom_domain_id"].as_str().unwrap());
    let change = json!({"custom_client_ip_header": "cf-connecting-ip", "domain": "evil.example",
        "domain_metadata": {"for": "shop"}, "relying_party_identifier": "example"});
    let changed = operator.patches(&path, &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json(), operator.gets(&path).await.json());
    assert_eq!(changed.member("domain"), "login.example");
    for name in ["custom_client_ip_header", "domain_metadata", "relying_party_identifier"] {
        assert_eq!(changed.json()[name], change[name]);
    }
    let none = operator.patches(&path, &json!({"custom_client_ip_header": null})).await.json();
    assert_eq!(none["custom_client_ip_header"], Value::Null);
    for wrong in [json!({"tls_policy": "old"}), json!({"custom_client_ip_header": "x-evil"})] {
        denied(&operator.patches(&path, &wrong).await, 400, "invalid_body");
    }
    world.app().resolver.says("login.example", &[OURS]);
    verified(&world, &domain).await;
    assert_eq!(issuer_at(&world, "login.example").await, "https://login.example/");
    assert_eq!(operator.deletes(&path).await.status, 204);
    assert_eq!(issuer_at(&world, "login.example").await, "https://id.example.com/");
    let code = "inexistent_custom_domain";
    denied(&operator.deletes(&path).await, 404, code);
    denied(&operator.gets(&path).await, 404, code);
    denied(&operator.patches(&path, &json!({})).await, 404, code);
    denied(&operator.posts(&format!("{path}/verify"), &json!({})).await, 404, code);
    claimed(&world, "login.example", "auth0_managed_certs").await;
}

/// O155: what is taken or no host name, and who may.
#[tokio::test]
async fn a_taken_or_impossible_domain_is_refused() {
    let world = public_world().await;
    let (operator, acme) = (world.operator(), world.second_tenant("acme").await);
    world.app().resolver.says("login.example", &[OURS]);
    let first = claimed(&world, "login.example", "auth0_managed_certs").await;
    let of_acme = claimed(&acme, "login.example", "auth0_managed_certs").await;
    let body = |domain: &str| json!({"domain": domain, "type": "auth0_managed_certs"});
    let taken = "custom_domain_already_exists";
    denied(&operator.posts("custom-domains", &body("LOGIN.example")).await, 409, taken);
    denied(&operator.posts("custom-domains", &body("id.example.com")).await, 409, taken);
    assert_eq!(verified(&world, &first).await["status"], "ready");
    let path = format!("custom-domains/{}/verify", of_acme["custom_domain_id"].as_str().unwrap());
    denied(&acme.operator().posts(&path, &json!({})).await, 409, taken);
    let third = world.second_tenant("third").await;
    let refused = third.operator().posts("custom-domains", &body("login.example")).await;
    denied(&refused, 409, taken);
    let long = format!("{}.example", "a".repeat(64));
    for name in [
        "",
        "localhost",
        "192.0.2.1",
        "[::1]",
        "a.example:8443",
        "*.example",
        "a..example",
        "-a.example",
        "a_b.example",
        "https://a.example",
        "a.example/",
        "ä.example",
        long.as_str(),
    ] {
        denied(&operator.posts("custom-domains", &body(name)).await, 400, "invalid_body");
    }
    for wrong in [
        json!({"domain": "a.example"}),
        json!({"type": "auth0_managed_certs"}),
        json!({"domain": "a.example", "type": "other"}),
        json!({"domain": 7, "type": "auth0_managed_certs"}),
    ] {
        denied(&operator.posts("custom-domains", &wrong).await, 400, "invalid_body");
    }
    let authorization =
        format!("Bearer {}", token_with(&world, "reader", &["read:custom_domains"]).await);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    for (method, path) in [
        (Method::POST, "custom-domains"),
        (Method::PATCH, "custom-domains/cd_x"),
        (Method::DELETE, "custom-domains/cd_x"),
        (Method::POST, "custom-domains/cd_x/verify"),
    ] {
        let answer = world.request(method, &format!("api/v2/{path}"), &headers, "{}").await;
        denied(&answer, 403, "insufficient_scope");
    }
}
