//! C1 to C6: provider metadata.

use http::Method;
use serde_json::{Value, json};
use testkit::{Form, Proof, World, client_key, p256_key};

use super::world;

async fn metadata(world: &World) -> Value {
    world.get(".well-known/openid-configuration").await.json()
}

/// C1, C4: where requests go, how results come, and the grant that fetches them.
#[tokio::test]
async fn the_endpoint_the_modes_and_the_grant_are_told() {
    let world = world().await;
    let metadata = metadata(&world).await;
    assert_eq!(metadata["backchannel_authentication_endpoint"], world.url("bc-authorize"));
    let modes = metadata["backchannel_token_delivery_modes_supported"].as_array().unwrap();
    assert!(modes.contains(&json!("poll")), "{modes:?}");
    for mode in modes {
        assert!(["poll", "ping", "push"].contains(&mode.as_str().unwrap()), "{mode}");
    }
    let grants = metadata["grant_types_supported"].as_array().unwrap();
    assert!(grants.contains(&json!("urn:openid:params:grant-type:ciba")), "{grants:?}");
}

/// C2: which algorithms a request may be signed with; nothing where no request may be signed.
#[tokio::test]
async fn the_algorithms_of_signed_requests_are_told() {
    let member = "backchannel_authentication_request_signing_alg_values_supported";
    let algorithms = metadata(&world().await).await[member].clone();
    assert_eq!(algorithms, json!(["PS256", "ES256", "Ed25519", "EdDSA"]));
    assert_eq!(metadata(&World::new().await).await.get(member), None);
}

/// C5, C12: no authentication metadata of its own: both endpoints take what the token endpoint's
/// says.
#[tokio::test]
async fn both_endpoints_take_the_same_authentication() {
    let world = world().await;
    let metadata = metadata(&world).await;
    for member in metadata.as_object().unwrap().keys() {
        assert!(!member.starts_with("backchannel_authentication_endpoint_auth"), "{member}");
    }
    let by_secret = world.client();
    let by_key =
        world.registers("Keyed", json!({"token_endpoint_auth_method": "private_key_jwt"})).await;
    let basic = by_secret.proving(Proof::Basic(by_secret.secret().to_owned()));
    for (method, client) in [
        ("client_secret_post", &by_secret),
        ("client_secret_basic", &basic),
        ("private_key_jwt", &by_key),
    ] {
        let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
        assert!(methods.contains(&json!(method)), "{method}");
        let started = client.posts("bc-authorize", Form::new()).await;
        assert_eq!(started.summary(), "400 invalid_request", "{method}");
        assert_eq!(client.polls("unknown").await, "400 invalid_grant", "{method}");
    }
    // registered for one method, authenticated by no other
    let secret = Proof::Secret(String::from("secret-of-Keyed"));
    let other = by_key.proving(secret);
    assert_eq!(other.posts("bc-authorize", Form::new()).await.summary(), "401 invalid_client");
    assert_eq!(other.polls("unknown").await, "401 invalid_client");
    let assertion = Proof::Assertion(client_key());
    let other = by_secret.proving(assertion);
    assert_eq!(other.posts("bc-authorize", Form::new()).await.summary(), "401 invalid_client");
    assert_eq!(other.polls("unknown").await, "401 invalid_client");
}

/// C22: where the tenant says so, clients that ask people authenticate with no shared secret, those
/// that are registered and those that would be.
#[tokio::test]
async fn a_tenant_can_refuse_shared_secrets() {
    let world = world().await;
    let by_key =
        world.registers("Keyed", json!({"token_endpoint_auth_method": "private_key_jwt"})).await;
    let by_secret = world.client();
    let basic = by_secret.proving(Proof::Basic(by_secret.secret().to_owned()));
    let operator = world.operator();
    let made = async |members: Value| {
        let mut body = json!({"name": "New", "grant_types": ["urn:openid:params:grant-type:ciba"]});
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        operator.posts("clients", &body).await.status
    };
    let jwks = json!({"keys": [p256_key().public().to_jwk(None, None)]});
    let (key, machine) = (
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}),
        json!({"grant_types": ["client_credentials"]}),
    );
    for (is_on, by_secret_told, new) in
        [(false, "400 invalid_grant", 201), (true, "401 invalid_client", 400)]
    {
        let change = json!({"refuse_shared_secrets": is_on});
        assert_eq!(operator.patches("tenants/settings", &change).await.status, 200);
        assert_eq!(by_secret.polls("unknown").await, by_secret_told);
        assert_eq!(basic.polls("unknown").await, by_secret_told);
        let started = by_secret.posts("bc-authorize", Form::new()).await.summary();
        assert_eq!(started == "401 invalid_client", is_on, "{started}");
        assert_eq!(by_key.polls("unknown").await, "400 invalid_grant");
        assert_eq!(made(json!({})).await, new);
        assert_eq!(made(key.clone()).await, 201);
        assert_eq!(made(machine.clone()).await, 201, "who asks nobody may have a secret");
    }
}

/// C52: the kinds of `login_hint_token`s that are taken are told where any is (F21), and they, the
/// issuers and the age of hints are written down.
#[tokio::test]
async fn the_kinds_of_hint_tokens_are_told() {
    let member = "backchannel_endpoint_login_hint_token_types_supported";
    assert_eq!(metadata(&world().await).await.get(member), None, "nobody is trusted");
    let jwks = json!({"keys": [p256_key().public().to_jwk(None, None)]});
    let issuer = String::from("https://directory.example.com");
    let trusted = server::tenancy::TrustedIssuer { issuer, jwks };
    let trusting = |settings: &mut server::tenancy::Settings| {
        settings.login_hint_token_issuers = vec![trusted.clone()];
    };
    let world = World::builder().profile("ciba").settings(trusting).start().await;
    let types = json!(["iss_sub", "email", "phone_number", "opaque"]);
    assert_eq!(metadata(&world).await[member], types);
    let only = |settings: &mut server::tenancy::Settings| {
        settings.login_hint_token_issuers = vec![trusted.clone()];
        settings.profiles = vec![String::from("auth0")];
    };
    let world = World::builder().settings(only).start().await;
    assert_eq!(metadata(&world).await.get(member), None, "auth0 reads no such token");
    let written = include_str!("../../../docs/ciba.md");
    for word in ["`login_hint_token_issuers`", "`ciba.id_token_hint_age_s`", member] {
        assert!(written.contains(word), "{word}");
    }
    for kind in types.as_array().unwrap() {
        assert!(written.contains(&format!("`{}`", kind.as_str().unwrap())), "{kind}");
    }
}

/// N65, R11: whatever is sent to the authorization endpoint is answered with a plain page that
/// says `unsupported_response_type`, and leads nowhere.
#[tokio::test]
async fn the_authorization_endpoint_leads_nowhere() {
    let world = world().await;
    assert_eq!(metadata(&world).await["authorization_endpoint"], world.url("authorize"));
    let query = "response_type=code&client_id=x&redirect_uri=https%3A%2F%2Frp.example%2F&state=s";
    let bad = "response_type=token&redirect_uri=javascript%3Aalert(1)&response_mode=form_post";
    for query in ["", query, bad, "request_uri=https%3A%2F%2Frp.example%2F", "%ff"] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let path = format!("authorize?{query}");
            let answer = world.request(method.clone(), &path, &[], query.to_owned()).await;
            assert_eq!(answer.status, 400, "{method} {query}");
            assert!(answer.header("content-type").starts_with("text/html"), "{method}");
            assert_eq!(answer.header("location"), "");
            assert_eq!(answer.header("refresh"), "");
            let text = answer.text();
            assert!(text.contains("unsupported_response_type"), "{text}");
            assert!(!text.contains("rp.example") && !text.contains("javascript"), "{text}");
            assert!(
                !text.contains("iss="),
                "no answer in front of a browser, so no iss (RFC 9207)"
            );
        }
    }
}

/// R9: both well-known places, for an issuer with a path in both ways to write them; the issuer is
/// exactly what the address says. F30: nothing else tells of the server.
#[tokio::test]
async fn metadata_are_where_both_standards_look_for_them() {
    let world = world().await;
    let acme = world.second_tenant("acme").await;
    let names = ["openid-configuration", "oauth-authorization-server"];
    for name in names {
        let first = world.get(&format!(".well-known/{name}")).await;
        assert_eq!((first.status, &first.json()["issuer"]), (200, &json!(world.issuer())));
        let below = acme.get(&format!(".well-known/{name}")).await;
        assert_eq!((below.status, &below.json()["issuer"]), (200, &json!(acme.issuer())));
        for tail in ["", "/"] {
            let turned = world.get(&format!(".well-known/{name}/t/acme{tail}")).await;
            assert_eq!((turned.status, turned.json()), (200, below.json()));
        }
        assert_eq!(world.get(&format!(".well-known/{name}/t/nobody")).await.status, 404);
        assert_eq!(world.get(&format!(".well-known/{name}/t/acme/x")).await.status, 404);
    }
    let page = world.get("authorize?response_type=code").await;
    assert!(page.text().contains("unsupported_response_type"));
    assert_eq!((page.status, page.header("location")), (400, ""));
    for other in ["webfinger?resource=acct:a@login.example.com", "host-meta", "openid-federation"] {
        assert_eq!(world.get(&format!(".well-known/{other}")).await.status, 404, "{other}");
    }
}

/// Of F39: a client may register that it uses the aliases, and they are there for it.
#[tokio::test]
async fn a_client_registers_that_it_uses_the_aliases() {
    let operator_told = async |value: Value| {
        let world = world().await;
        let body = json!({"name": "Aliased", "use_mtls_endpoint_aliases": value});
        let made = world.operator().posts("clients", &body).await;
        (made.status, made.json()["use_mtls_endpoint_aliases"].clone())
    };
    assert_eq!(operator_told(json!(true)).await, (201, json!(true)));
    assert_eq!(operator_told(json!("yes")).await.0, 400);
}
