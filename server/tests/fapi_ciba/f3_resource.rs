//! F30, F32 and R22: what takes tokens: `/userinfo`, and the sample API of `aizuchi dev`.

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use testkit::World;

use super::fixture::{Certificate, INTERACTION, Stage, VARIANTS, showing};

const ADDRESSES: [&str; 3] = ["198.51.100.119", "2001:db8::1893:25c8:1946", "nonsense"];

async fn visits(
    stage: &Stage,
    path: &str,
    headers: &[(&str, &str)],
    shown: Option<&Certificate>,
) -> testkit::Answer {
    let mut request = Request::get(stage.world.path(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    stage.world.send(showing(request.body(Body::empty()).unwrap(), shown)).await
}

/// F32, F24: the token in its header alone, a date, UTF-8, and a name for each visit; the address of
/// the person may be of either kind, and need not be there.
#[tokio::test]
async fn a_resource_server_has_manners() {
    let stage = Stage::new(VARIANTS[0]).await;
    let party = stage.party("visitor").await;
    let tokens = party.flows(&party.claims()).await;
    let token = tokens["access_token"].as_str().unwrap();
    let (bearer, shown) = (format!("Bearer {token}"), Some(&party.certificate));
    let authorized = ("authorization", bearer.as_str());
    for path in ["userinfo", "dev/resource"] {
        for address in ADDRESSES {
            let headers = [
                authorized,
                ("x-fapi-interaction-id", INTERACTION),
                ("x-fapi-customer-ip-address", address),
                ("x-fapi-auth-date", "Tue, 11 Sep 2012 19:43:31 GMT"),
            ];
            let answer = visits(&stage, path, &headers, shown).await;
            assert_eq!(answer.status, 200, "{path} {address}: {}", answer.text());
            assert_eq!(answer.header("x-fapi-interaction-id"), INTERACTION);
            assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
            assert_eq!(answer.header("date"), stage.world.now().to_http());
        }
        let unnamed = visits(&stage, path, &[authorized], shown).await;
        let (one, two) = (unnamed, visits(&stage, path, &[authorized], shown).await);
        let name = one.header("x-fapi-interaction-id");
        assert_eq!((one.status, name.len()), (200, 36), "{name}");
        assert_ne!(name, two.header("x-fapi-interaction-id"), "each visit has its own");
        let in_query = format!("{path}?access_token={token}");
        assert_eq!(visits(&stage, &in_query, &[], shown).await.summary(), "401 invalid_token");
        let form = format!("access_token={token}");
        let posted = Request::post(stage.world.path(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let status = stage.world.send(showing(posted, shown)).await.status;
        assert!([401, 405].contains(&status), "{path}: {status}");
        let other = Certificate::new("thief");
        for stolen in [None, Some(&other)] {
            let answer = visits(&stage, path, &[authorized], stolen).await;
            assert_eq!(answer.summary(), "401 invalid_token", "{path}");
            assert!(!answer.header("x-fapi-interaction-id").is_empty());
        }
    }
}

/// O351, R1: the sample API takes tokens for itself and for nobody else, and no person's who is
/// blocked.
#[tokio::test]
async fn the_sample_api_takes_its_own_tokens() {
    let stage = Stage::new(VARIANTS[2]).await;
    let other = json!({"identifier": "https://other.example", "scopes": [{"value": "x"}]});
    stage.world.registers_api(other).await;
    let party = stage.party("visitor").await;
    let mut claims = party.claims();
    claims["audience"] = "https://api.example.com/payments".into();
    claims["scope"] = "openid read:balance".into();
    let tokens = party.flows(&claims).await;
    let token = tokens["access_token"].as_str().unwrap();
    let told = party.visits(token, &[], &party.certificate).await.json();
    assert_eq!(told["sub"], stage.world.user_id("alice").as_str());
    assert!(told["scope"].as_str().unwrap().contains("read:balance"), "{told}");
    let mut claims = party.claims();
    claims["audience"] = "https://other.example".into();
    let id = party.begins(&claims).await;
    stage.decides(&id, "allow").await;
    let answer = party.collects(&id).await.json();
    let foreign = answer["access_token"].as_str().unwrap();
    let visit = party.visits(foreign, &[], &party.certificate).await;
    assert_eq!(visit.summary(), "401 invalid_token", "it is for another API");
    let path = format!("users/{}", testkit::encoded(stage.world.user_id("alice").as_str()));
    stage.world.operator().patches(&path, &json!({"blocked": true})).await;
    let visit = party.visits(token, &[], &party.certificate).await;
    assert_eq!(visit.summary(), "401 invalid_token");
}

/// R22: a client without a token is told where it is described who gives them.
#[tokio::test]
async fn the_sample_api_says_who_gives_tokens() {
    let world = World::builder().dev().start().await;
    let acme = world.second_tenant("acme").await;
    for (tenant, below) in [(&world, ""), (&acme, "t/acme/")] {
        let refused = tenant.get("dev/resource").await;
        assert_eq!(refused.summary(), "401 invalid_token");
        let challenge = refused.header("www-authenticate");
        let (_, rest) = challenge.split_once("resource_metadata=\"").unwrap();
        let url = rest.split('"').next().unwrap();
        let well_known = ".well-known/oauth-protected-resource";
        assert_eq!(url, world.url(&format!("{well_known}/{below}dev/resource")));
        let path = url.strip_prefix("https://login.example.com/").unwrap();
        let told = world.request(Method::GET, path, &[], "").await.json();
        assert_eq!(told["resource"], tenant.url("dev/resource"));
        assert_eq!(told["authorization_servers"], json!([tenant.issuer()]));
        assert_eq!(told["bearer_methods_supported"], json!(["header"]));
        let home = told["authorization_servers"][0].as_str().unwrap();
        let home = home.strip_prefix("https://login.example.com/").unwrap();
        let metadata = world.get(&format!("{home}.well-known/openid-configuration")).await.json();
        assert_eq!(metadata["issuer"], told["authorization_servers"][0]);
    }
    let nobody = world.get(".well-known/oauth-protected-resource/t/nobody/dev/resource").await;
    assert_eq!(nobody.status, 404);
}

/// N66: the development tools are not there without `dev`.
#[tokio::test]
async fn the_development_tools_are_not_served_in_earnest() {
    let world = World::builder().profile("fapi-ciba").start().await;
    world.phone_of("alice").is_ready().await;
    let signer = super::Signer::new(&world, "Signer").await;
    let id = signer.starts(&signer.claims()).await.member("auth_req_id");
    let tools = [
        (Method::POST, format!("dev/ciba/{id}/allow")),
        (Method::POST, format!("dev/ciba/{id}/deny")),
        (Method::POST, String::from("dev/users/auth0%7Calice/phone")),
        (Method::POST, String::from("dev/clock/advance?seconds=1")),
        (Method::GET, String::from("dev/tray/any")),
        (Method::GET, String::from("dev/resource")),
        (Method::GET, String::from(".well-known/oauth-protected-resource/dev/resource")),
    ];
    for (method, path) in tools {
        assert_eq!(world.request(method, &path, &[], "").await.status, 404, "{path}");
        assert_eq!(world.get(&format!("t/default/{path}")).await.status, 404, "{path}");
    }
    let still: Value = json!("400 authorization_pending");
    assert_eq!(signer.client.polls(&id).await, still.as_str().unwrap());
}

/// F30: who knows the issuer finds everything else in its discovery document, the addresses for
/// certificates too, and the same in the document of RFC 8414.
#[tokio::test]
async fn the_issuer_is_all_that_a_client_must_know() {
    let stage = Stage::new(VARIANTS[2]).await;
    let world = &stage.world;
    let metadata = world.get(".well-known/openid-configuration").await.json();
    let other = world.get(".well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata, other);
    let issuer = metadata["issuer"].as_str().unwrap();
    let (here, there) = (world.issuer(), "https://mtls.login.example.com/");
    assert_eq!(issuer, here);
    let party = stage.party("finder").await;
    let aliases = &metadata["mtls_endpoint_aliases"];
    let path = |of: &Value, name: &str, base: &str| {
        of[name].as_str().unwrap().strip_prefix(base).unwrap().to_owned()
    };
    for (of, base) in [(&metadata, here.as_str()), (aliases, there)] {
        let start = path(of, "backchannel_authentication_endpoint", base);
        let started = party.posts(&start, party.signed(&party.claims())).await;
        assert_eq!(started.status, 200, "{}", started.text());
        world.run_worker().await;
        let id = started.member("auth_req_id");
        stage.decides(&id, "allow").await;
        let token = path(of, "token_endpoint", base);
        let answer = party.posts(&token, party.client.polling(&id)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let access_token = answer.member("access_token");
        let asking = || testkit::Form::new().with("token", &access_token);
        let told = party.posts(&path(of, "introspection_endpoint", base), asking()).await;
        assert_eq!(told.json()["active"], true);
        let bearer = format!("Bearer {access_token}");
        let headers = [("authorization", bearer.as_str())];
        let shown = Some(&party.certificate);
        let person = visits(&stage, &path(of, "userinfo_endpoint", base), &headers, shown).await;
        assert_eq!(person.json()["sub"], world.user_id("alice").as_str());
        let gone = party.posts(&path(of, "revocation_endpoint", base), asking()).await;
        assert_eq!(gone.status, 200, "{}", gone.text());
        let told = party.posts(&path(of, "introspection_endpoint", base), asking()).await;
        assert_eq!(told.json(), json!({"active": false}));
    }
    let keys = world.get(&path(&metadata, "jwks_uri", &here)).await.json();
    assert!(keys["keys"].as_array().is_some_and(|keys| !keys.is_empty()));
}
