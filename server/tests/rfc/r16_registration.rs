//! R16, C7 to C16, N60, N62: clients that register themselves (RFC 7591) and look after themselves
//! (RFC 7592).

use std::sync::Arc;

use domain::jose::{Algorithm, KeyType, SigningKey};
use http::Method;
use serde_json::{Value, json};
use server::outside::Outbound;
use testkit::push_services::Scripted;
use testkit::{Answer, Client, Proof, World, client_key, p256_key};

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const MODE: &str = "backchannel_token_delivery_mode";
const ENDPOINT: &str = "backchannel_client_notification_endpoint";
const ALG: &str = "backchannel_authentication_request_signing_alg";
const USER_CODE: &str = "backchannel_user_code_parameter";

/// A World of this profile, where anybody may register.
async fn open(profile: &str) -> World {
    let any = |settings: &mut server::tenancy::Settings| settings.open_registration = true;
    World::builder().profile(profile).settings(any).start().await
}

pub(super) fn set_of(key: &SigningKey, kid: &str) -> Value {
    let alg = key.public().key_type().default_algorithm();
    json!({ "keys": [key.public().to_jwk(Some(kid), Some(alg))] })
}

/// Good metadata of a client that polls and proves itself by this key.
fn by_key(key: &SigningKey) -> Value {
    json!({
        "client_name": "Shop", "grant_types": [CIBA, "refresh_token"], "response_types": [],
        "token_endpoint_auth_method": "private_key_jwt", "jwks": set_of(key, "one"), MODE: "poll",
    })
}

fn with(mut metadata: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        metadata[name] = value.clone();
        if value.is_null() {
            metadata.as_object_mut().unwrap().remove(name);
        }
    }
    metadata
}

async fn registers(world: &World, token: Option<&str>, metadata: &Value) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    world.post_json("oidc/register", metadata, &headers).await
}

/// A call of a registered client about itself.
async fn calls(world: &World, method: Method, client: &Value, metadata: Option<&Value>) -> Answer {
    let token = client["registration_access_token"].as_str().unwrap();
    let uri = client["registration_client_uri"].as_str().unwrap();
    let path = uri.strip_prefix(&world.issuer()).unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = metadata.map(ToString::to_string).unwrap_or_default();
    world.request(method, path, &headers, body).await
}

/// What a registered client would send back to stay as it is.
fn unchanged(client: &Value) -> Value {
    let ours = json!({
        "registration_access_token": null, "registration_client_uri": null,
        "client_id_issued_at": null, "client_secret_expires_at": null, "client_secret": null,
    });
    with(client.clone(), &ours)
}

#[track_caller]
fn is_refused(answer: &Answer, expected: &str) {
    assert_eq!(answer.summary(), expected, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.member("error_description").is_empty());
}

#[track_caller]
fn is_made(answer: &Answer) -> Value {
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

/// C16: all four CIBA metadata come back as they were taken, when made, read and changed.
#[tokio::test]
async fn what_was_registered_is_told() {
    let world = open("ciba").await;
    let key = p256_key();
    let asked = with(
        by_key(&key),
        &json!({
            MODE: "ping", ENDPOINT: "https://shop.example.com/cb", ALG: "ES256", USER_CODE: true,
            "jwks": null, "jwks_uri": "https://shop.example.com/keys",
        }),
    );
    let client = is_made(&registers(&world, None, &asked).await);
    let read = calls(&world, Method::GET, &client, None).await;
    let changed = with(unchanged(&client), &json!({ ALG: "PS256" }));
    let changed = calls(&world, Method::PUT, &client, Some(&changed)).await;
    for (told, alg) in [(&client, "ES256"), (&read.json(), "ES256"), (&changed.json(), "PS256")] {
        assert_eq!(told[MODE], "ping", "{told}");
        assert_eq!(told[ENDPOINT], "https://shop.example.com/cb");
        assert_eq!((&told[ALG], &told[USER_CODE]), (&json!(alg), &json!(true)));
        assert_eq!(told["grant_types"], json!([CIBA, "refresh_token"]));
        assert_eq!(told["response_types"], json!([]));
        assert_eq!(told["registration_access_token"], client["registration_access_token"]);
        assert_eq!(told["client_id_issued_at"], world.now().seconds());
        assert_eq!(told.get("client_secret"), None);
    }
    // C11: false unless it is said
    let client = is_made(&registers(&world, None, &by_key(&key)).await);
    assert_eq!(client[USER_CODE], false);
}

/// Metadata that break a good client of mode poll.
fn broken_modes() -> Vec<Value> {
    let endpoint = "https://shop.example.com/cb";
    vec![
        json!({ MODE: null }),
        json!({ MODE: "carrier-pigeon" }),
        json!({ MODE: ["poll", "ping"] }),
        json!({ MODE: "ping" }),
        json!({ MODE: "push" }),
        json!({ MODE: "ping", ENDPOINT: "http://shop.example.com/cb" }),
        json!({ MODE: "push", ENDPOINT: "shop.example.com" }),
        json!({ MODE: "poll", "grant_types": ["refresh_token"] }),
        json!({ MODE: "poll", "grant_types": null }),
        json!({ MODE: "ping", ENDPOINT: endpoint, "grant_types": ["refresh_token"] }),
        json!({ MODE: "push", ENDPOINT: endpoint, "profile": "fapi-ciba" }),
        json!({ ALG: "HS256" }),
        json!({ ALG: "none" }),
        json!({ ALG: "RS256" }),
        json!({ "grant_types": [CIBA, "authorization_code"] }),
    ]
}

/// C7, C8, C9: one mode that the profile offers, with what it needs.
#[tokio::test]
async fn a_mode_without_what_it_needs_is_not_registered() {
    let world = open("ciba").await;
    let key = p256_key();
    for members in &broken_modes() {
        let answer = registers(&world, None, &with(by_key(&key), members)).await;
        is_refused(&answer, "400 invalid_client_metadata");
    }
    // a push client redeems nothing
    let push = json!({
        MODE: "push", ENDPOINT: "https://shop.example.com/cb", "grant_types": [], "jwks": null,
        "jwks_uri": "https://shop.example.com/keys",
    });
    is_made(&registers(&world, None, &with(by_key(&key), &push)).await);
}

/// N60: nor by an update, which is checked as the client that would come of it.
#[tokio::test]
async fn an_update_that_breaks_a_client_is_refused() {
    let world = open("ciba").await;
    let key = p256_key();
    let bad = broken_modes();
    for members in &bad {
        let answer = registers(&world, None, &with(by_key(&key), members)).await;
        is_refused(&answer, "400 invalid_client_metadata");
    }
    let client = is_made(&registers(&world, None, &by_key(&key)).await);
    for members in bad.iter().filter(|members| members.get("profile").is_none()) {
        let changed = with(unchanged(&client), members);
        let answer = calls(&world, Method::PUT, &client, Some(&changed)).await;
        is_refused(&answer, "400 invalid_client_metadata");
    }
    assert_eq!(calls(&world, Method::GET, &client, None).await.json()[MODE], "poll");
}

/// Of C11: the flag is false unless it is said, and means nothing while no user codes are taken.
#[tokio::test]
async fn who_sends_user_codes_says_so() {
    let world = open("ciba").await;
    let key = p256_key();
    for (members, expected) in [
        (json!({}), json!(false)),
        (json!({ USER_CODE: false }), json!(false)),
        (json!({ USER_CODE: true }), json!(true)),
    ] {
        let client = is_made(&registers(&world, None, &with(by_key(&key), &members)).await);
        assert_eq!(client[USER_CODE], expected);
    }
    let answer = registers(&world, None, &with(by_key(&key), &json!({ USER_CODE: "yes" }))).await;
    is_refused(&answer, "400 invalid_client_metadata");
}

/// A statement of this issuer about a client.
fn statement(key: &SigningKey, issuer: &str, claims: &Value) -> String {
    let claims = with(claims.clone(), &json!({ "iss": issuer }));
    Client::assertion(key, &claims, None)
}

/// C15, C80: an endpoint is taken if a trusted statement names it or it stands on the host of the
/// keys, and from an administrator; from nobody else, and an update changes nothing of that.
/// N62: the same four.
#[tokio::test]
async fn a_notification_endpoint_must_be_the_clients_own() {
    let authority = p256_key();
    let jwks = set_of(&authority, "authority");
    let script = Arc::new(Scripted::new());
    let outbound: Arc<dyn Outbound> = Arc::<Scripted>::clone(&script);
    let world = World::builder()
        .profile("ciba")
        .outbound(outbound)
        .settings(move |settings| {
            settings.open_registration = true;
            let issuer = String::from("https://directory.example.com");
            settings.software_statement_issuers =
                vec![server::tenancy::TrustedIssuer { issuer, jwks }];
        })
        .start()
        .await;
    let (key, endpoint) = (p256_key(), "https://shop.example.com/cb");
    let ping = with(by_key(&key), &json!({ MODE: "ping", ENDPOINT: endpoint }));
    is_refused(&registers(&world, None, &ping).await, "400 invalid_client_metadata");
    let elsewhere =
        with(ping.clone(), &json!({ "jwks": null, "jwks_uri": "https://other.example.com/keys" }));
    is_refused(&registers(&world, None, &elsewhere).await, "400 invalid_client_metadata");
    let beside = with(elsewhere, &json!({ "jwks_uri": "https://shop.example.com/keys" }));
    let client = is_made(&registers(&world, None, &beside).await);
    for (name, value) in [(ENDPOINT, "https://victim.example.com/cb"), ("jwks_uri", "https://a.b/")]
    {
        let changed = with(unchanged(&client), &json!({ name: value }));
        let answer = calls(&world, Method::PUT, &client, Some(&changed)).await;
        is_refused(&answer, "400 invalid_client_metadata");
    }
    let issuer = "https://directory.example.com";
    let named = statement(&authority, issuer, &json!({ ENDPOINT: endpoint }));
    let client = is_made(
        &registers(&world, None, &with(ping.clone(), &json!({ "software_statement": named })))
            .await,
    );
    assert_eq!(
        (&client[ENDPOINT], &client["software_statement"]),
        (&json!(endpoint), &json!(named))
    );
    let other = statement(&authority, issuer, &json!({ "client_name": "Shop" }));
    let answer =
        registers(&world, None, &with(ping.clone(), &json!({ "software_statement": other }))).await;
    is_refused(&answer, "400 invalid_client_metadata");
    let administrator = world.operator().token().await;
    is_made(&registers(&world, Some(&administrator), &ping).await);
    assert!(script.calls().is_empty(), "nobody is called to prove anything");
}

/// O333: what a statement says counts more than what stands beside it; one that is no statement, or
/// of an issuer that is not trusted, is refused by its own name.
#[tokio::test]
async fn software_statements_are_checked() {
    let (authority, stranger) = (p256_key(), p256_key());
    let jwks = set_of(&authority, "authority");
    let world = World::builder()
        .profile("ciba")
        .settings(move |settings| {
            settings.open_registration = true;
            let issuer = String::from("https://directory.example.com");
            settings.software_statement_issuers =
                vec![server::tenancy::TrustedIssuer { issuer, jwks }];
        })
        .start()
        .await;
    let (issuer, now) = ("https://directory.example.com", world.now().seconds());
    let key = p256_key();
    let sends = async |jwt: Value| {
        let metadata = with(by_key(&key), &json!({ "software_statement": jwt }));
        registers(&world, None, &metadata).await
    };
    let named = json!({ "client_name": "As the directory knows it", "exp": now + 60 });
    let good = statement(&authority, issuer, &named);
    assert_eq!(is_made(&sends(good.clone().into()).await)["client_name"], named["client_name"]);
    for bad in [
        json!("x.y.z"),
        json!(7),
        json!(statement(&stranger, issuer, &named)),
        json!(statement(&authority, issuer, &json!({ "exp": now }))),
        json!(statement(&authority, issuer, &json!({ "nbf": now + 60 }))),
        json!(Client::assertion(&authority, &json!({ "iss": issuer }), Some("at+jwt"))),
        json!(Client::assertion(&authority, &json!({}), None)),
        json!("a".repeat(9_000)),
    ] {
        is_refused(&sends(bad).await, "400 invalid_software_statement");
    }
    let foreign = statement(&stranger, "https://elsewhere.example.com", &named);
    is_refused(&sends(foreign.into()).await, "400 unapproved_software_statement");
}

/// O330: nobody registers without leave: the tenant's flag, an initial access token, or a program
/// that may make clients.
#[tokio::test]
async fn nobody_registers_without_leave() {
    let world = World::builder().profile("ciba").start().await;
    let metadata = by_key(&p256_key());
    for token in [None, Some("iat_unknown"), Some("nonsense"), Some("a.b.c"), Some("")] {
        let answer = registers(&world, token, &metadata).await;
        is_refused(&answer, "401 invalid_token");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
    let operator = world.operator();
    is_made(&registers(&world, Some(&operator.token().await), &metadata).await);
    let program = json!({"grant_types": ["client_credentials"], "profile": "auth0"});
    let weak = world.registers("Weak", program).await;
    world.grants("Weak", &world.url("api/v2/"), "client", &["read:clients"]).await;
    let token = weak.asks_for_itself(&world.url("api/v2/")).await.member("access_token");
    is_refused(&registers(&world, Some(&token), &metadata).await, "401 invalid_token");
    let flags = |is_on: bool| json!({"flags": {"enable_dynamic_client_registration": is_on}});
    assert_eq!(operator.patches("tenants/settings", &flags(true)).await.status, 200);
    let client = is_made(&registers(&world, None, &metadata).await);
    is_refused(&registers(&world, Some("iat_unknown"), &metadata).await, "401 invalid_token");
    let settings = operator.gets("tenants/settings").await.json();
    assert_eq!(settings["flags"]["enable_dynamic_client_registration"], true);
    assert_eq!(operator.patches("tenants/settings", &flags(false)).await.status, 200);
    is_refused(&registers(&world, None, &metadata).await, "401 invalid_token");
    let told = operator.gets("logs?q=type:client_registered").await.json();
    assert_eq!(told.as_array().unwrap().len(), 2);
    assert_eq!(told[0]["client_id"], client["client_id"], "{told}");
}

/// O331: an initial access token is told once, registers as many clients as it says in the time it
/// says, and what it fixes holds.
#[tokio::test]
async fn an_initial_access_token_is_good_for_so_many_clients() {
    let world = World::builder().profile("ciba").start().await;
    let operator = world.operator();
    let fixed = json!({"profile": "fapi-ciba", "assertion_audience": "ciba-2021"});
    let wanted = json!({"uses": 2, "expires_in": 600, "metadata": fixed});
    let made = operator.posts("initial-access-tokens", &wanted).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.member("token");
    let list = operator.gets("initial-access-tokens").await.json();
    assert_eq!((&list[0]["uses_left"], list[0].get("token")), (&json!(2), None));
    let metadata = with(by_key(&p256_key()), &json!({"profile": "auth0"}));
    let client = is_made(&registers(&world, Some(&token), &metadata).await);
    assert_eq!(client["profile"], "fapi-ciba");
    assert_eq!(client["assertion_audience"], "ciba-2021");
    for name in ["profile", "assertion_audience"] {
        let other = if name == "profile" { "ciba" } else { "strict" };
        let changed = with(unchanged(&client), &json!({ name: other }));
        let answer = calls(&world, Method::PUT, &client, Some(&changed)).await;
        is_refused(&answer, "400 invalid_client_metadata");
    }
    // What is refused spends nothing.
    let bad = with(metadata.clone(), &json!({ "jwks": null }));
    is_refused(&registers(&world, Some(&token), &bad).await, "400 invalid_client_metadata");
    is_made(&registers(&world, Some(&token), &metadata).await);
    is_refused(&registers(&world, Some(&token), &metadata).await, "401 invalid_token");
    // too old, and taken back
    let made = operator.posts("initial-access-tokens", &json!({"expires_in": 60})).await;
    world.advance_seconds(60);
    let answer = registers(&world, Some(&made.member("token")), &metadata).await;
    is_refused(&answer, "401 invalid_token");
    let made = operator.posts("initial-access-tokens", &json!({})).await;
    let path = format!("initial-access-tokens/{}", made.member("id"));
    assert_eq!(operator.deletes(&path).await.status, 204);
    assert_eq!(operator.deletes(&path).await.status, 404);
    let answer = registers(&world, Some(&made.member("token")), &metadata).await;
    is_refused(&answer, "401 invalid_token");
    for bad in [json!({"uses": 0}), json!({"expires_in": 1}), json!({"metadata": "x"})] {
        assert_eq!(operator.posts("initial-access-tokens", &bad).await.status, 400, "{bad}");
    }
}

/// O331: of many who come at once with a token for one client, one registers.
#[tokio::test]
async fn a_token_for_one_client_registers_one() {
    let world = World::builder().profile("ciba").start().await;
    let made = world.operator().posts("initial-access-tokens", &json!({})).await;
    let (token, metadata) = (made.member("token"), by_key(&p256_key()));
    let tries = (0..20).map(|_| registers(&world, Some(&token), &metadata));
    let answers = futures_util::future::join_all(tries).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.summary() == "401 invalid_token").count();
    assert_eq!((made, refused), (1, 19));
}

/// O332: a client is read, changed and deleted by its own token and no other, and the token of one
/// that is gone is an unknown one.
#[tokio::test]
async fn a_registered_client_looks_after_itself_and_nobody_else() {
    let world = open("ciba").await;
    let (one, two) = (p256_key(), p256_key());
    let first = is_made(&registers(&world, None, &by_key(&one)).await);
    let second = is_made(&registers(&world, None, &by_key(&two)).await);
    let token = "registration_access_token";
    for stolen in [second[token].clone(), json!("rat_x"), json!("")] {
        let thief = with(first.clone(), &json!({ token: stolen }));
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = calls(&world, method, &thief, Some(&unchanged(&first))).await;
            is_refused(&answer, "401 invalid_token");
        }
    }
    let other = with(unchanged(&first), &json!({ "client_id": second["client_id"] }));
    let answer = calls(&world, Method::PUT, &first, Some(&other)).await;
    is_refused(&answer, "400 invalid_client_metadata");
    let given = with(unchanged(&first), &json!({ "client_id_issued_at": 1 }));
    let answer = calls(&world, Method::PUT, &first, Some(&given)).await;
    is_refused(&answer, "400 invalid_client_metadata");
    // another key, from now on
    let id = first["client_id"].as_str().unwrap();
    let changed = with(unchanged(&first), &json!({ "jwks": set_of(&two, "two") }));
    assert_eq!(calls(&world, Method::PUT, &first, Some(&changed)).await.status, 200);
    let poll = async |key: &Arc<SigningKey>| {
        world.client_of(id, Proof::Assertion(Arc::clone(key))).polls("unknown").await
    };
    assert_eq!(poll(&two).await, "400 invalid_grant");
    assert_eq!(poll(&one).await, "401 invalid_client");
    let gone = calls(&world, Method::DELETE, &first, None).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(poll(&two).await, "401 invalid_client");
    is_refused(&calls(&world, Method::GET, &first, None).await, "401 invalid_token");
    for path in ["oidc/register/%ff", "oidc/register/%00", "oidc/register/x"] {
        is_refused(&world.get(path).await, "401 invalid_token");
    }
    let answer = world.request(Method::PATCH, "oidc/register/x", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, PUT, DELETE"));
    assert_eq!(world.get("oidc/register").await.status, 405);
}

/// A21: an update that leaves something out, or turns it, never makes a client weaker.
#[tokio::test]
async fn no_update_makes_a_client_weaker() {
    let world = open("ciba").await;
    let key = p256_key();
    let bound = "tls_client_certificate_bound_access_tokens";
    let strong = with(by_key(&key), &json!({ bound: true, "dpop_bound_access_tokens": true }));
    let client = is_made(&registers(&world, None, &strong).await);
    for turned in [
        json!({ "token_endpoint_auth_method": "none" }),
        json!({ "token_endpoint_auth_method": "client_secret_basic" }),
        json!({ "token_endpoint_auth_method": "none", "jwks": null }),
        json!({ "jwks": null }),
        json!({ bound: false }),
        json!({ "dpop_bound_access_tokens": false }),
        json!({ "profile": "auth0" }),
        json!({ "grant_types": [] }),
        json!({ MODE: null }),
    ] {
        let changed = with(unchanged(&client), &turned);
        let answer = calls(&world, Method::PUT, &client, Some(&changed)).await;
        is_refused(&answer, "400 invalid_client_metadata");
    }
    for silent in ["token_endpoint_auth_method", bound, "dpop_bound_access_tokens", "profile"] {
        let changed = with(unchanged(&client), &json!({ silent: null }));
        let answer = calls(&world, Method::PUT, &client, Some(&changed)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()[silent], client[silent], "{silent}");
    }
    let secret = json!({ "token_endpoint_auth_method": "client_secret_post", "jwks": null });
    let client = is_made(&registers(&world, None, &with(by_key(&key), &secret)).await);
    let public = with(unchanged(&client), &json!({ "token_endpoint_auth_method": "none" }));
    let answer = calls(&world, Method::PUT, &client, Some(&public)).await;
    is_refused(&answer, "400 invalid_client_metadata");
    let machine = json!({
        "token_endpoint_auth_method": "none", "grant_types": ["refresh_token"], MODE: null,
        "jwks": null,
    });
    let public = is_made(&registers(&world, None, &with(by_key(&key), &machine)).await);
    let confidential = json!({ "token_endpoint_auth_method": "client_secret_post" });
    let changed = with(unchanged(&public), &confidential);
    let answer = calls(&world, Method::PUT, &public, Some(&changed)).await;
    is_refused(&answer, "400 invalid_client_metadata");
}

/// O334: what is too large, not JSON, or a promise we would not keep, is refused by name.
#[tokio::test]
async fn metadata_that_cannot_be_kept_are_refused() {
    let world = open("ciba").await;
    let key = p256_key();
    let many: Vec<Value> = (0..33).map(|_| set_of(&client_key(), "k")["keys"][0].clone()).collect();
    for members in [
        json!({ "jwks": { "keys": many } }),
        json!({ "jwks": { "keys": [] } }),
        json!({ "jwks": { "keys": [{"kty": "oct", "k": "c2VjcmV0"}] } }),
        json!({ "jwks_uri": "https://shop.example.com/keys" }),
        json!({ "subject_type": "pairwise" }),
        json!({ "id_token_encrypted_response_alg": "RSA-OAEP" }),
        json!({ "tls_client_auth_san_dns": "shop.example.com" }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
        json!({ "token_endpoint_auth_method": "tls_client_auth" }),
        json!({ "token_endpoint_auth_method": "none" }),
        json!({ "id_token_signed_response_alg": "HS256" }),
        json!({ "id_token_signed_response_alg": "none" }),
        json!({ "client_name": "<b>Bank</b>" }),
        json!({ "client_name": "x".repeat(256) }),
        json!({ "logo_uri": "http://127.0.0.1/logo" }),
        json!({ "profile": "nonsense" }),
        json!({ "response_types": "code" }),
    ] {
        let answer = registers(&world, None, &with(by_key(&key), &members)).await;
        is_refused(&answer, "400 invalid_client_metadata");
    }
    for uri in ["nonsense", "http://shop.example.com/", "https://a.b/#c", "javascript:alert(1)"] {
        let answer =
            registers(&world, None, &with(by_key(&key), &json!({ "redirect_uris": [uri] }))).await;
        is_refused(&answer, "400 invalid_redirect_uri");
    }
    let json = [("content-type", "application/json")];
    for body in ["", "{", "[]", "{\"a\":1,\"a\":2}", "\"\\u0000\"", "{\"client_name\":\"\\u0000\"}"]
    {
        let answer = world.request(Method::POST, "oidc/register", &json, body).await;
        is_refused(&answer, "400 invalid_client_metadata");
    }
    let answer = world.request(Method::POST, "oidc/register", &json, "x".repeat(70_000)).await;
    is_refused(&answer, "413 invalid_request");
    let text = [("content-type", "text/plain")];
    let answer = world.request(Method::POST, "oidc/register", &text, "{}").await;
    is_refused(&answer, "400 invalid_request");
}

/// O334: registrations of one address are counted where that is switched on.
#[tokio::test]
async fn registrations_of_an_address_can_be_limited() {
    let limited = |config: &mut server::config::Config| {
        config.limits.registrations_per_address = "2/minute".parse().unwrap();
    };
    let world = World::builder()
        .profile("ciba")
        .configured(limited)
        .settings(|settings| settings.open_registration = true)
        .start()
        .await;
    let metadata = by_key(&p256_key());
    for _ in 0..2 {
        is_made(&registers(&world, None, &metadata).await);
    }
    let answer = registers(&world, None, &metadata).await;
    is_refused(&answer, "503 temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "60");
}

/// Of W5: in profile `auth0` the answer has Auth0's members, the client is a third party, and CIBA
/// is not for it (W102).
#[tokio::test]
async fn auth0s_clients_register_as_at_auth0() {
    let world = open("auth0").await;
    let metadata = json!({
        "client_name": "My Dynamic Application",
        "redirect_uris": ["https://application.example.com/callback", "com.example.app:/back"],
    });
    let client = is_made(&registers(&world, None, &metadata).await);
    assert_eq!(client["client_name"], "My Dynamic Application");
    assert_eq!(client["redirect_uris"], metadata["redirect_uris"]);
    assert_eq!(client["client_secret_expires_at"], 0);
    assert_eq!(client["token_endpoint_auth_method"], "client_secret_post");
    assert!(client["client_secret"].as_str().unwrap().len() >= 32);
    let id = client["client_id"].as_str().unwrap();
    let kept = world.operator().gets(&format!("clients/{id}")).await.json();
    assert_eq!((&kept["is_first_party"], &kept["name"]), (&json!(false), &client["client_name"]));
    let asks = with(metadata, &json!({ "grant_types": [CIBA], MODE: "poll" }));
    is_refused(&registers(&world, None, &asks).await, "400 invalid_client_metadata");
}

/// Of F2, F17 and F26: no secrets in profile `fapi-ciba`, and no PKCS #1 signatures.
#[tokio::test]
async fn a_fapi_client_registers_with_strong_keys_only() {
    let world = open("fapi-ciba").await;
    let rsa = client_key();
    let jwks = json!({ "keys": [rsa.public().to_jwk(Some("rsa"), None)] });
    let good = with(
        by_key(&rsa),
        &json!({ "jwks": jwks, "token_endpoint_auth_signing_alg": "PS256", ALG: "PS256" }),
    );
    let client = is_made(&registers(&world, None, &good).await);
    assert_eq!(client["id_token_signed_response_alg"], "ES256");
    let client = world.client_of(client["client_id"].as_str().unwrap(), Proof::Nothing);
    for (algorithm, expected) in [
        (Algorithm::Ps256, "400 invalid_grant"),
        (Algorithm::Rs256, "401 invalid_client"),
        (Algorithm::Ps384, "401 invalid_client"),
    ] {
        let jwt = Client::assertion_by(&rsa, algorithm, &client.assertion_claims(), None);
        let form = client.with_assertion(client.polling("unknown"), jwt);
        assert_eq!(world.post_form("oauth/token", &form, &[]).await.summary(), expected);
    }
    for weak in [
        json!({ "token_endpoint_auth_method": "client_secret_basic" }),
        json!({ "token_endpoint_auth_method": null }),
        json!({ "token_endpoint_auth_method": "none" }),
        json!({ "token_endpoint_auth_signing_alg": "RS256" }),
        json!({ "id_token_signed_response_alg": "RS256" }),
        json!({ ALG: "RS256" }),
    ] {
        let answer = registers(&world, None, &with(good.clone(), &weak)).await;
        is_refused(&answer, "400 invalid_client_metadata");
    }
    let ed = SigningKey::generate(KeyType::Ed25519).unwrap();
    is_made(&registers(&world, None, &by_key(&ed)).await);
}
