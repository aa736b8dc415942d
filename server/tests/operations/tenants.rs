//! O51: which tenant a request is for.

use http::Method;
use store::{Written, tenants};
use testkit::World;

const OWN: &str = "login.acme.example";

async fn issuer(world: &World, path: &str, host: &str) -> String {
    let path = format!("{path}.well-known/openid-configuration");
    let answer = world.request(Method::GET, &path, &[("host", host)], "").await;
    assert_eq!(answer.status, 200, "{path} {host}");
    let text = answer.text();
    assert!(!text.contains("evil") && !text.contains("10.0.0.1"), "{text}");
    answer.member("issuer")
}

/// O51: by host name and by prefix the same paths; a foreign host is the first tenant's.
#[tokio::test]
async fn a_tenant_is_found_by_its_host_or_its_prefix() {
    let world = World::new().await;
    let acme = world.second_tenant("acme").await;
    let host = tenants::add_host(acme.tenant_id(), OWN);
    assert_eq!(world.app().database.run(host).await, Ok(Written::Done));
    let (own, shared) = ("https://login.acme.example/", "https://login.example.com/");
    assert_eq!(issuer(&world, "", OWN).await, own);
    assert_eq!(issuer(&world, "", "LOGIN.ACME.EXAMPLE:443").await, own);
    let below = format!("{shared}t/acme/");
    assert_eq!(issuer(&world, "t/acme/", "login.example.com").await, below);
    for foreign in ["evil.example", "evil.example:8443", "10.0.0.1", "login.acme.example.evil"] {
        assert_eq!(issuer(&world, "", foreign).await, shared, "{foreign}");
        assert_eq!(issuer(&world, "t/acme/", foreign).await, below, "{foreign}");
    }
    for (method, path) in [
        (Method::POST, "bc-authorize"),
        (Method::POST, "oauth/token"),
        (Method::POST, "oauth/revoke"),
        (Method::POST, "ciba/cancel"),
        (Method::GET, "userinfo"),
        (Method::GET, ".well-known/jwks.json"),
        (Method::POST, "appliance-mfa/api/enroll"),
        (Method::POST, "appliance-mfa/api/start-flow"),
        (Method::POST, "appliance-mfa/api/resolve-transaction"),
        (Method::GET, "rich-consents/cns_x"),
        (Method::GET, "assets/page.css"),
        (Method::GET, "api/v2/users"),
        (Method::GET, "api/v2/clients"),
    ] {
        let by_host = world.request(method.clone(), path, &[("host", OWN)], "").await;
        let by_prefix = world.request(method, &format!("t/acme/{path}"), &[], "").await;
        assert_ne!(by_host.status, 404, "{path}");
        assert_eq!(by_host.summary(), by_prefix.summary(), "{path}");
    }
    let unknown = world.get("t/nobody/.well-known/openid-configuration").await;
    assert_eq!(unknown.status, 404);
    for name in ["nobody", "acme", "default"] {
        assert!(!unknown.text().contains(name), "{}", unknown.text());
    }
}
