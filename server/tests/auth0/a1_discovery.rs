//! W1 to W17: ground rules, discovery, keys.

use http::Method;
use serde_json::{Value, json};
use testkit::{Form, World};

const CONFIGURATION: &str = ".well-known/openid-configuration";

async fn metadata(world: &World) -> Value {
    let answer = world.get(CONFIGURATION).await;
    assert_eq!(answer.status, 200);
    answer.json()
}

/// W1: the issuer is the address with its slash, port included.
#[tokio::test]
async fn the_issuer_is_the_public_address_with_its_slash() {
    for url in ["https://login.example.com/", "https://localhost:8443/"] {
        let world = World::builder().public_url(url).start().await;
        let answer = world.get(CONFIGURATION).await;
        assert_eq!((answer.status, answer.json()["issuer"].as_str()), (200, Some(url)));
        assert!(answer.header("content-type").starts_with("application/json"));
    }
}

/// W2: both well-known places give one document.
#[tokio::test]
async fn the_authorization_server_metadata_is_the_same_document() {
    let world = World::new().await;
    let other = world.get(".well-known/oauth-authorization-server").await;
    assert_eq!((other.status, other.json()), (200, metadata(&world).await));
}

/// W3, W5: the endpoints.
#[tokio::test]
async fn every_endpoint_is_named_where_sdks_look_for_it() {
    let world = World::new().await;
    let metadata = metadata(&world).await;
    for (member, path) in [
        ("backchannel_authentication_endpoint", "bc-authorize"),
        ("token_endpoint", "oauth/token"),
        ("userinfo_endpoint", "userinfo"),
        ("jwks_uri", ".well-known/jwks.json"),
        ("revocation_endpoint", "oauth/revoke"),
        ("registration_endpoint", "oidc/register"),
    ] {
        assert_eq!(metadata[member], world.url(path), "{member}");
    }
}

/// W4, W9: a tenant in profile `auth0` delivers by poll, and says nothing of user codes or signed
/// requests.
#[tokio::test]
async fn a_tenant_of_auth0s_profile_polls_and_nothing_else() {
    let metadata = metadata(&World::new().await).await;
    assert_eq!(metadata["backchannel_token_delivery_modes_supported"], json!(["poll"]));
    assert_eq!(metadata.get("backchannel_user_code_parameter_supported"), None);
    let signing = "backchannel_authentication_request_signing_alg_values_supported";
    assert_eq!(metadata.get(signing), None);
}

/// W6: every address is https and on the issuer's origin.
#[tokio::test]
async fn every_address_in_the_metadata_is_on_the_issuers_origin() {
    let world = World::new().await;
    let metadata = metadata(&world).await;
    let mut addresses = 0;
    for (member, value) in metadata.as_object().unwrap() {
        if let Some(text) = value.as_str().filter(|text| text.contains("://")) {
            assert!(text.starts_with(&world.issuer()), "{member}: {text}");
            addresses += 1;
        }
    }
    assert!(addresses >= 7, "{metadata}");
}

/// W7: what is supported, as B8 lists it, without HS256 (WD38).
#[tokio::test]
async fn the_metadata_list_what_the_server_does() {
    let metadata = metadata(&World::new().await).await;
    let holds = |member: &str, values: &[&str]| {
        let list = metadata[member].as_array().unwrap_or_else(|| panic!("no {member}"));
        for value in values {
            assert!(list.contains(&json!(value)), "{member} lacks {value}");
        }
        assert!(!list.contains(&json!("HS256")), "{member} holds HS256");
    };
    holds("scopes_supported", &["openid", "profile", "email", "offline_access"]);
    holds(
        "claims_supported",
        &["sub", "iss", "aud", "exp", "iat", "auth_time", "name", "nickname", "picture", "email"],
    );
    holds("code_challenge_methods_supported", &["S256"]);
    holds("subject_types_supported", &["public"]);
    holds("id_token_signing_alg_values_supported", &["RS256", "ES256"]);
    let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    holds("token_endpoint_auth_methods_supported", &methods);
    let algorithms = ["RS256", "RS384", "PS256"];
    holds("token_endpoint_auth_signing_alg_values_supported", &algorithms);
}

/// O467: a key set names each key with the one algorithm it is for; where an API asks for another, the
/// same RSA key stands there once more under a name of its own, and its tokens name that.
#[tokio::test]
async fn every_algorithm_has_a_key_of_its_name() {
    let world = World::new().await;
    let shown = async || {
        let set = world.get(".well-known/jwks.json").await.json();
        set["keys"].as_array().unwrap().clone()
    };
    let before = shown().await;
    assert!(before.iter().all(|key| key["alg"] == "RS256"));
    for (number, algorithm) in ["PS256", "RS512"].into_iter().enumerate() {
        let audience = format!("https://{algorithm}.example/");
        world.registers_api(json!({"identifier": audience, "signing_alg": algorithm})).await;
        let ask = |form: Form| form.with("audience", audience.as_str());
        let tokens = world.client().gets_tokens("alice", ask).await;
        let token = world.verified(tokens["access_token"].as_str().unwrap()).await;
        let keys = shown().await;
        assert_eq!(keys.len(), before.len() * (number + 2));
        let named = |kid: &Value| keys.iter().filter(|key| key["kid"] == *kid).collect::<Vec<_>>();
        let own = named(&token.header["kid"]);
        assert_eq!((own.len(), &own[0]["alg"]), (1, &json!(algorithm)));
        assert!(before.iter().any(|key| key["n"] == own[0]["n"] && key["kid"] != own[0]["kid"]));
    }
    // An ID token of its client is signed as before.
    let tokens = world.client().gets_tokens("alice", |form| form).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert!(before.iter().any(|key| key["kid"] == token.header["kid"]));
}

/// W8: the CIBA grant is listed.
#[tokio::test]
async fn the_ciba_grant_is_listed() {
    let metadata = metadata(&World::new().await).await;
    let ciba = json!("urn:openid:params:grant-type:ciba");
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&ciba));
}

/// W10: without mTLS, nothing of it is told.
#[tokio::test]
async fn nothing_of_mtls_is_told_where_it_is_off() {
    let metadata = metadata(&World::new().await).await;
    let methods = metadata["token_endpoint_auth_methods_supported"].to_string();
    assert!(!methods.contains("tls_client_auth"), "{methods}");
    assert_eq!(metadata.get("tls_client_certificate_bound_access_tokens"), None);
    assert_eq!(metadata.get("mtls_endpoint_aliases"), None);
}

/// W10: with mTLS, the methods and the addresses where certificates are asked for; W6, which are the
/// only ones elsewhere.
#[tokio::test]
async fn where_certificates_are_asked_for_is_told_where_it_is_on() {
    let mtls = |config: &mut server::config::Config| {
        config.server.mtls_url = String::from("https://mtls.example.com/");
    };
    let off = World::builder().configured(mtls).start().await;
    assert_eq!(metadata(&off).await.get("mtls_endpoint_aliases"), None, "the tenant's switch");
    let world = World::builder()
        .configured(mtls)
        .settings(|settings| settings.mtls.enable_endpoint_aliases = true)
        .start()
        .await;
    let metadata = metadata(&world).await;
    let aliases = json!({
        "token_endpoint": "https://mtls.example.com/oauth/token",
        "revocation_endpoint": "https://mtls.example.com/oauth/revoke",
        "introspection_endpoint": "https://mtls.example.com/oauth/introspect",
        "userinfo_endpoint": "https://mtls.example.com/userinfo",
        "backchannel_authentication_endpoint": "https://mtls.example.com/bc-authorize",
    });
    assert_eq!(metadata["mtls_endpoint_aliases"], aliases);
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    for member in
        ["token_endpoint_auth_methods_supported", "revocation_endpoint_auth_methods_supported"]
    {
        let methods = metadata[member].as_array().unwrap();
        for method in ["tls_client_auth", "self_signed_tls_client_auth", "private_key_jwt"] {
            assert!(methods.contains(&json!(method)), "{member}: {method}");
        }
    }
}

/// W11: what is named is served; the authorization endpoint is a plain page.
#[tokio::test]
async fn every_endpoint_in_the_metadata_is_served() {
    let world = World::new().await;
    let metadata = metadata(&world).await;
    for (member, value) in metadata.as_object().unwrap() {
        let Some(path) = value.as_str().and_then(|url| url.strip_prefix(&world.issuer())) else {
            continue;
        };
        if member != "issuer" {
            let answer = world.get(path).await;
            assert!(![404, 500].contains(&answer.status), "{member}: {}", answer.status);
        }
    }
    assert_eq!(metadata["authorization_endpoint"], world.url("authorize"));
    let page = world.get("authorize?response_type=code&client_id=x").await;
    assert_eq!(page.status, 400);
    assert!(page.text().contains("unsupported_response_type"), "{}", page.text());
}

/// W12: public keys with everything a verifier wants, and nothing private.
#[tokio::test]
async fn the_key_set_is_public_and_complete() {
    let world = World::new().await;
    let answer = world.get(".well-known/jwks.json").await;
    assert_eq!(answer.status, 200);
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    assert!(keys.iter().any(|key| key["kty"] == "RSA"), "{keys:?}");
    for key in keys {
        assert_eq!(key["use"], "sig");
        for member in ["alg", "kid"] {
            assert!(key[member].is_string(), "{member}: {key}");
        }
        if key["kty"] == "RSA" {
            for member in ["n", "e", "x5t"] {
                assert!(key[member].is_string(), "{member}: {key}");
            }
            assert!(key["x5c"][0].is_string(), "{key}");
        }
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert_eq!(key.get(private), None, "{private}");
        }
    }
}

/// W12: a key set holds RSA keys only until somebody wants others; auth0-python fails at them.
#[tokio::test]
async fn elliptic_keys_are_shown_once_they_are_wanted() {
    let world = World::new().await;
    let kinds = async || {
        let keys = world.get(".well-known/jwks.json").await.json()["keys"].clone();
        let kinds = keys.as_array().unwrap().iter().map(|key| key["kty"].clone());
        kinds.map(|kind| kind.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds().await, ["RSA"]);
    world.registers("Modern", json!({"jwt_configuration": {"alg": "ES256"}})).await;
    let mut both = kinds().await;
    both.sort();
    assert_eq!(both, ["EC", "RSA"]);
}

/// W14: through a domain of its own, a tenant's addresses and tokens carry that domain.
#[tokio::test]
async fn a_custom_domain_is_the_issuer_of_what_comes_through_it() {
    let world = World::new().await;
    let host = "login.bank.example";
    let added = store::tenants::add_host(world.tenant_id(), host);
    assert_eq!(world.app().database.run(added).await.unwrap(), store::Written::Done);
    let through = [("host", host)];
    let answer = world.request(Method::GET, CONFIGURATION, &through, "").await;
    let metadata = answer.json();
    assert_eq!(metadata["issuer"], "https://login.bank.example/");
    assert_eq!(metadata["token_endpoint"], "https://login.bank.example/oauth/token");
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    let asking = client.asking("alice").with("audience", "https://api.example.com/payments");
    let started = world.post_form("bc-authorize", &client.credentials(asking).0, &through).await;
    let id = started.member("auth_req_id");
    let push = world.phone_of("alice").pushes().await.remove(0);
    let yes = device_protocol::guardian::resolve::Decision::Accepted;
    assert_eq!(world.phone_of("alice").answers(&push, yes).await.status, 204);
    let form = client.credentials(client.polling(&id)).0;
    let tokens = world.post_form("oauth/token", &form, &through).await.json();
    let access = world.verified(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(access.claims["iss"], "https://login.bank.example/");
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(token.claims["iss"], "https://login.bank.example/");
}

/// W15: a tenant below a prefix has its own issuer, and its tokens are good nowhere else.
#[tokio::test]
async fn tenants_below_prefixes_do_not_know_each_other() {
    let world = World::new().await;
    let acme = world.second_tenant("acme").await;
    let document = metadata(&acme).await;
    assert_eq!(document["issuer"], "https://login.example.com/t/acme/");
    assert_eq!(document["token_endpoint"], "https://login.example.com/t/acme/oauth/token");
    let tokens = acme.client().gets_tokens("alice", |form| form).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(acme.request(Method::GET, "userinfo", &headers, "").await.status, 200);
    assert_eq!(world.request(Method::GET, "userinfo", &headers, "").await.status, 401);
    let id_token = acme.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(id_token.claims["iss"], acme.issuer());
    let operator = format!("Bearer {}", acme.operator().token().await);
    let headers = [("authorization", operator.as_str())];
    assert_eq!(acme.request(Method::GET, "api/v2/users", &headers, "").await.status, 200);
    assert_eq!(world.request(Method::GET, "api/v2/users", &headers, "").await.status, 401);
    let id = acme.client().asks_for("bob").await;
    assert_eq!(world.client().polls(&id).await, "403 invalid_grant");
    assert_eq!(acme.client().polls(&id).await, "400 authorization_pending");
}

/// W16: no API path answers with a redirect.
#[tokio::test]
async fn no_api_path_redirects() {
    let world = World::new().await;
    for path in [
        "bc-authorize",
        "oauth/token",
        "oauth/revoke",
        "userinfo",
        "authorize",
        "ciba/cancel",
        ".well-known/openid-configuration",
        ".well-known/jwks.json",
        "api/v2/users",
        "api/v2/clients",
        "appliance-mfa/api/enroll",
        "rich-consents/cns_x",
        "",
        "nowhere",
    ] {
        for path in [path.to_owned(), format!("{path}/"), format!("t/none/{path}")] {
            for method in [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS] {
                let answer = world.request(method.clone(), &path, &[], "").await;
                assert!(!(300..400).contains(&answer.status), "{method} {path}: {}", answer.status);
                assert!(answer.status < 500, "{method} {path}: {}", answer.status);
            }
        }
    }
}

/// W17: nothing of a start or an exchange may be kept by anyone.
#[tokio::test]
async fn answers_of_starts_and_exchanges_are_not_stored() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    let mut answers = vec![
        client.starts(client.asking("alice")).await,
        client.starts(client.asking("alice").without("scope")).await,
        client.poll(&id).await,
        client.poll("unknown").await,
        client.proving(testkit::Proof::Nothing).poll(&id).await,
    ];
    world.phone_of("alice").approves(&id).await;
    answers.push(client.poll(&id).await);
    for answer in answers {
        assert_eq!(answer.header("cache-control"), "no-store", "{}", answer.text());
    }
}
