//! O51: which tenant a request is for.

use http::Method;
use serde_json::{Value, json};
use server::flows;
use store::{Written, resource_servers, tenants};
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

/// O524: a tenant of an older server: what became grantable since can be granted; what programs hold,
/// and the tenant's other APIs, stay as they were.
#[tokio::test]
async fn what_became_grantable_can_be_granted_by_tenants_that_are_there() {
    let world = World::new().await;
    let (app, operator) = (world.app(), world.operator());
    let identifier = world.url("api/v2/");
    let program = json!({ "grant_types": ["client_credentials"] });
    world.registers("mailer", program).await;
    let stored = async || {
        let found = resource_servers::by_identifier(&app.database, world.tenant_id(), &identifier);
        found.await.unwrap().unwrap()
    };
    let was = stored().await;
    let mut older: Value = serde_json::from_str(&was.document).unwrap();
    let all = older["scopes"].as_array().unwrap().clone();
    let is_older = |scope: &&Value| !scope["value"].as_str().unwrap().contains("email_provider");
    older["scopes"] = all.iter().filter(is_older).cloned().collect();
    older["name"] = "Our management".into();
    let write = resource_servers::replace(world.tenant_id(), &was, &older.to_string(), world.now());
    assert_eq!(app.database.run(write).await, Ok(Written::Done));
    let grant = json!({
        "client_id": "mailer", "audience": identifier, "scope": ["read:email_provider"],
    });
    assert_eq!(operator.posts("client-grants", &grant).await.status, 400);
    let grants = operator.gets("client-grants").await.json();
    let others = operator.gets("resource-servers").await.json();
    for _ in 0..2 {
        flows::renew_management_api(&app, world.tenant_id(), world.now()).await.unwrap();
    }
    let is: Value = serde_json::from_str(&stored().await.document).unwrap();
    let values = |list: &[Value]| {
        let mut values: Vec<String> =
            list.iter().map(|scope| scope["value"].as_str().unwrap().to_owned()).collect();
        values.sort_unstable();
        values
    };
    assert_eq!(values(is["scopes"].as_array().unwrap()), values(&all), "each once");
    assert_eq!(is["name"], "Our management");
    assert_eq!(operator.gets("client-grants").await.json(), grants);
    let payments = |list: &Value| {
        let mut all = list.as_array().unwrap().iter();
        all.find(|one| one["identifier"] == "https://api.example.com/payments").unwrap().clone()
    };
    assert_eq!(payments(&operator.gets("resource-servers").await.json()), payments(&others));
    let made = operator.posts("client-grants", &grant).await;
    assert_eq!(made.status, 201, "{}", made.text());
}
