//! W200 to W215: the Management API's common rules.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, World};

/// Status, sentence and code of a refusal, its envelope checked (W203).
pub(crate) fn envelope(answer: &Answer) -> (u16, String, Option<String>) {
    let body = answer.json();
    assert!(answer.header("content-type").starts_with("application/json"));
    assert_eq!(body["statusCode"], answer.status);
    let reason = http::StatusCode::from_u16(answer.status).unwrap().canonical_reason().unwrap();
    assert_eq!(body["error"], reason);
    let code = body.get("errorCode").map(|code| code.as_str().unwrap().to_owned());
    assert_eq!(body.as_object().unwrap().len(), if code.is_some() { 4 } else { 3 }, "{body}");
    (answer.status, body["message"].as_str().unwrap().to_owned(), code)
}

/// That `answer` is M(status, message, code).
#[track_caller]
pub(crate) fn assert_denied(answer: &Answer, status: u16, message: &str, code: Option<&str>) {
    let expected = (status, message.to_owned(), code.map(String::from));
    assert_eq!(envelope(answer), expected);
}

/// That `answer` is a refusal with this status and code; gives the message.
#[track_caller]
pub(crate) fn denied(answer: &Answer, status: u16, code: &str) -> String {
    let (found, message, found_code) = envelope(answer);
    assert_eq!((found, found_code.as_deref()), (status, Some(code)), "{message}");
    message
}

async fn with_token(world: &World, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    world.request(Method::GET, "api/v2/users", &headers, "").await
}

/// A program with these scopes only, and its token.
pub(crate) async fn token_with(world: &World, name: &str, scopes: &[&str]) -> String {
    let program = json!({"grant_types": ["client_credentials"]});
    let client = world.registers(name, program).await;
    let audience = world.url("api/v2/");
    world.grants(name, &audience, "client", scopes).await;
    client.asks_for_itself(&audience).await.member("access_token")
}

/// W200: client credentials for the Management API.
#[tokio::test]
async fn a_program_gets_a_token_for_the_management_api() {
    let world = World::new().await;
    let token = token_with(&world, "reader", &["read:users"]).await;
    let claims = world.verified(&token).await.claims;
    assert_eq!(
        (&claims["aud"], &claims["scope"]),
        (&json!(world.url("api/v2/")), &json!("read:users"))
    );
    assert_eq!(with_token(&world, &token).await.status, 200);
}

/// W201: no token, an unreadable one, one of another tenant or for another API, an old one.
#[tokio::test]
async fn a_token_must_be_there_ours_for_us_and_in_time() {
    let world = World::new().await;
    let acme = world.second_tenant("acme").await;
    let none = world.get("api/v2/users").await;
    assert_denied(&none, 401, "Missing authentication", None);
    let basic = [("authorization", "Basic YTpi")];
    let basic = world.request(Method::GET, "api/v2/users", &basic, "").await;
    assert_denied(&basic, 401, "Missing authentication", None);
    let good = world.operator().token().await;
    let payments = "https://api.example.com/payments";
    world.grants(world.client().id(), payments, "client", &["read:balance"]).await;
    let other_api = world.client().asks_for_itself(payments).await.member("access_token");
    let (head, signature) = good.rsplit_once('.').unwrap();
    let forged =
        format!("{head}.{}{signature}", if signature.starts_with('A') { "B" } else { "A" });
    let unsigned =
        format!("{}.", head.replacen(head.split('.').next().unwrap(), "eyJhbGciOiJub25lIn0", 1));
    let foreign = acme.operator().token().await;
    for token in ["x", "a.b.c", &other_api, &forged, &unsigned, &foreign] {
        let answer = with_token(&world, token).await;
        assert_denied(&answer, 401, "Invalid token", None);
    }
    assert_eq!(with_token(&world, &good).await.status, 200);
    world.advance_seconds(100_000);
    let old = with_token(&world, &good).await;
    assert_denied(&old, 401, "Expired token received for JSON Web Token validation", None);
}

#[tokio::test]
async fn the_token_of_a_deleted_client_is_good_for_nothing() {
    let world = World::new().await;
    let token = token_with(&world, "reader", &["read:users"]).await;
    assert_eq!(world.operator().deletes("clients/reader").await.status, 204);
    assert_denied(&with_token(&world, &token).await, 401, "Invalid token", None);
}

/// W202: every path asks for its scope.
#[tokio::test]
async fn a_token_without_the_scope_is_refused_with_the_scopes_that_would_do() {
    let world = World::new().await;
    let token = token_with(&world, "nobody", &["read:guardian_factors"]).await;
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    for (method, path, scopes) in [
        ("GET", "users", "read:users"),
        ("POST", "users", "create:users"),
        ("GET", "users-by-email?email=a", "read:users"),
        ("GET", "users/x", "read:users"),
        ("DELETE", "users/x", "delete:users"),
        ("GET", "users/x/enrollments", "read:users"),
        ("GET", "users/x/authentication-methods", "read:authentication_methods"),
        ("POST", "users/x/authentication-methods", "create:authentication_methods"),
        ("DELETE", "users/x/authentication-methods", "delete:authentication_methods"),
        ("DELETE", "users/x/authentication-methods/y", "delete:authentication_methods"),
        ("DELETE", "users/x/authenticators", "delete:guardian_enrollments"),
        ("DELETE", "users/x/multifactor/guardian", "update:users"),
        ("POST", "guardian/enrollments/ticket", "create:guardian_enrollment_tickets"),
        ("GET", "guardian/enrollments/x", "read:guardian_enrollments"),
        ("DELETE", "guardian/enrollments/x", "delete:guardian_enrollments"),
        ("PUT", "guardian/factors/push-notification", "update:guardian_factors"),
        ("GET", "clients", "read:clients"),
        ("POST", "clients", "create:clients"),
        ("GET", "clients/x", "read:clients"),
        ("DELETE", "clients/x", "delete:clients"),
        ("POST", "clients/x/rotate-secret", "update:client_keys"),
        ("GET", "clients/x/credentials", "read:client_credentials"),
        ("POST", "clients/x/credentials", "create:client_credentials"),
        ("GET", "clients/x/credentials/y", "read:client_credentials"),
        ("PATCH", "clients/x/credentials/y", "update:client_credentials"),
        ("DELETE", "clients/x/credentials/y", "delete:client_credentials"),
        ("GET", "resource-servers", "read:resource_servers"),
        ("POST", "resource-servers", "create:resource_servers"),
        ("GET", "resource-servers/x", "read:resource_servers"),
        ("PATCH", "resource-servers/x", "update:resource_servers"),
        ("DELETE", "resource-servers/x", "delete:resource_servers"),
        ("GET", "client-grants", "read:client_grants"),
        ("POST", "client-grants", "create:client_grants"),
        ("GET", "client-grants/x", "read:client_grants"),
        ("PATCH", "client-grants/x", "update:client_grants"),
        ("DELETE", "client-grants/x", "delete:client_grants"),
        ("PATCH", "users/x", "update:users,update:users_app_metadata"),
        ("PATCH", "clients/x", "update:clients,update:client_keys,update:client_credentials"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = world.request(method, &format!("api/v2/{path}"), &headers, "{}").await;
        let message = format!("Insufficient scope, expected any of: {scopes}");
        assert_denied(&answer, 403, &message, Some("insufficient_scope"));
    }
    let path = "api/v2/guardian/factors";
    assert_eq!(world.request(Method::GET, path, &headers, "").await.status, 200);
}

/// W203, W204: the envelope, and a path that does not exist.
#[tokio::test]
async fn an_unknown_path_and_an_unknown_method_have_the_envelope_too() {
    let world = World::new().await;
    for path in ["", "nonsense", "users/x/y/z", "users/"] {
        assert_denied(&world.operator().gets(path).await, 404, "Not Found", None);
    }
    let answer = world.operator().deletes("users").await;
    assert_eq!(envelope(&answer).0, 405);
    assert!(answer.header("allow").contains("POST"), "{}", answer.header("allow"));
    let unknown = world.request(Method::GET, "t/nobody/api/v2/users", &[], "").await;
    assert_denied(&unknown, 404, "Not Found", None);
}

/// W205: percent-encoded ids.
#[tokio::test]
async fn an_id_is_found_encoded_and_raw() {
    let world = World::new().await;
    for path in ["users/auth0%7Calice", "users/auth0|alice"] {
        let path = path.replace('|', "%7c");
        assert_eq!(world.operator().gets(&path).await.member("user_id"), "auth0|alice");
    }
    let answer = world.operator().gets("users/%ff").await;
    assert_eq!(envelope(&answer).0, 400);
}

/// W206: what is created is answered with 201.
#[tokio::test]
async fn creating_answers_201_with_the_object() {
    let world = World::new().await;
    let operator = world.operator();
    let key = json!({"credential_type": "public_key", "name": "k", "pem": super::a14_clients::PEM});
    for (path, body) in [
        ("users", json!({"connection": "db", "email": "new@example.com"})),
        ("clients", json!({"name": "New"})),
        ("resource-servers", json!({"identifier": "https://new.example.com"})),
        (&*format!("clients/{}/credentials", world.client().id()), key),
        (
            "client-grants",
            json!({
                "client_id": world.client().id(), "scope": ["read:balance"],
                "audience": "https://api.example.com/payments",
            }),
        ),
    ] {
        let answer = operator.posts(path, &body).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        assert!(answer.json().is_object());
    }
}

/// W208: deleting what exists, and a user that is gone.
#[tokio::test]
async fn deleting_answers_204_without_a_body() {
    let world = World::new().await;
    for _ in 0..2 {
        let answer = world.operator().deletes("users/auth0%7Calice").await;
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        assert_eq!(answer.header("content-type"), "");
    }
}

/// W209: bad bodies.
#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_with_what_is_wrong() {
    let world = World::new().await;
    let operator = world.operator();
    let authorization = format!("Bearer {}", operator.token().await);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let deep = format!("{}{}", "{\"a\":".repeat(10_000), "1");
    let bodies: [(&[u8], &str); 8] = [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "must be a JSON object"),
        (b"\xff\xfe", "no JSON"),
        (b"{\"connection\":\"a\",\"connection\":\"b\"}", "connection"),
        (b"{\"email\":\"a@b.c\"}", "Missing required property: connection"),
        (b"{\"connection\":\"db\",\"email\":5}", "Expected type string but found type integer"),
        (deep.as_bytes(), "no JSON"),
    ];
    for (body, what) in bodies {
        let answer = world.request(Method::POST, "api/v2/users", &headers, body.to_vec()).await;
        let message = denied(&answer, 400, "invalid_body");
        assert!(message.contains(what), "{message}");
    }
    let long = vec![b' '; 64 * 1024 + 1];
    let answer = world.request(Method::POST, "api/v2/users", &headers, long).await;
    assert!(denied(&answer, 413, "invalid_body").contains("65536"));
    let form = [("authorization", authorization.as_str()), ("content-type", "text/plain")];
    let answer = world.request(Method::POST, "api/v2/users", &form, "{}").await;
    assert_eq!(envelope(&answer).0, 415);
    let unknown = json!({"connection": "db", "email": "x@example.com", "unheard_of": {"a": []}});
    let made = operator.posts("users", &unknown).await;
    assert_eq!((made.status, made.json().get("unheard_of")), (201, None));
}

/// Whatever a caller sends, the fault is the caller's.
#[tokio::test]
async fn no_name_in_a_path_or_query_breaks_the_server() {
    let world = World::new().await;
    let operator = world.operator();
    let names =
        ["%00", "a%00b", "%ff", "%F0%9F%98%80", "'%3B--", "..", "%2e%2e%2f", &"x".repeat(5000)];
    let paths = [
        "users/{}",
        "users/{}/enrollments",
        "users/{}/authentication-methods",
        "users/{}/authentication-methods/push%7C{}",
        "users/{}/multifactor/{}",
        "guardian/enrollments/{}",
        "guardian/factors/{}",
        "clients/{}",
        "clients/{}/credentials",
        "clients/{}/credentials/{}",
        "clients/{}/rotate-secret",
        "resource-servers/{}",
        "client-grants/{}",
        "users?q={}",
        "users?q=name%3A{}",
        "users?q=user_metadata.{}%3Aa",
        "users?sort={}%3A1",
        "users?fields={}",
        "users?connection={}",
        "users-by-email?email={}",
        "clients?app_type={}",
        "client-grants?take=1&from={}",
        "client-grants?audience={}",
    ];
    let wrong = json!({"identifier": [], "scopes": {}, "client_id": {}, "audience": 1, "pem": []});
    for name in names {
        for path in paths {
            let path = path.replace("{}", name);
            for answer in [operator.gets(&path).await, operator.deletes(&path).await] {
                assert!(answer.status < 500, "{path}: {}", answer.text());
            }
            for method in [Method::POST, Method::PATCH, Method::PUT] {
                let answer = operator.request(method, &path, &wrong).await;
                assert!(answer.status < 500, "{path}: {}", answer.text());
            }
        }
    }
}

/// Nor does any body.
#[tokio::test]
async fn no_body_breaks_the_server() {
    let world = World::new().await;
    let operator = world.operator();
    let bodies = [
        json!({}),
        json!({"name": "\u{0}", "connection": "db", "email": "a@b.c"}),
        json!({"user_metadata": {"\u{0}": {"deep": ["\u{0}"]}}, "connection": "db"}),
        json!({"user_metadata": {"a": "\u{0}"}, "connection": "db", "email": "c@b.c"}),
        json!({"identifier": [], "scopes": {}, "client_id": {}, "audience": 1, "pem": []}),
        json!({"client_authentication_methods": {"private_key_jwt": {"credentials": [1, {}]}}}),
        json!({"client_authentication_methods": {"x": []}, "name": "x", "profile": "y"}),
        json!({"enabled": "x", "user_id": ["x"], "expires_at": {}, "grant_types": [[]]}),
    ];
    let id = world.client().id().to_owned();
    for body in &bodies {
        for path in ["users", "clients", "resource-servers", "client-grants"] {
            let answer = operator.posts(path, body).await;
            assert!((400..500).contains(&answer.status), "{path} {body}: {}", answer.text());
        }
        for path in [
            format!("clients/{id}"),
            format!("clients/{id}/credentials"),
            String::from("users/auth0%7Calice"),
            String::from("guardian/enrollments/ticket"),
            String::from("guardian/factors/push-notification"),
        ] {
            for method in [Method::POST, Method::PATCH, Method::PUT] {
                let answer = operator.request(method, &path, body).await;
                assert!(answer.status < 500, "{path} {body}: {}", answer.text());
            }
        }
    }
    assert_eq!(operator.gets("users?q=app_metadata.a%3Ab").await.status, 200);
}

/// W210: bad paging.
#[tokio::test]
async fn a_page_that_is_none_is_refused() {
    let world = World::new().await;
    for path in ["users", "clients", "resource-servers", "client-grants"] {
        for query in [
            "per_page=101",
            "page=-1",
            "per_page=-1",
            "page=one",
            "page=1.5",
            "include_totals=yes",
            "page=1&page=2",
        ] {
            let answer = world.operator().gets(&format!("{path}?{query}")).await;
            denied(&answer, 400, "invalid_query_string");
        }
    }
}

/// W211, W212, W213: plain and with totals, past the end, and pages of two.
#[tokio::test]
async fn lists_have_pages() {
    let world = World::new().await;
    world.adds_user("erin").await;
    let operator = world.operator();
    for (path, key) in [
        ("users", "users"),
        ("clients", "clients"),
        ("resource-servers", "resource_servers"),
        ("client-grants", "client_grants"),
        ("users/auth0%7Calice/authentication-methods", "authenticators"),
    ] {
        let plain = operator.gets(path).await.json();
        let totals = operator.gets(&format!("{path}?include_totals=true")).await.json();
        assert_eq!(totals[key], plain, "{path}");
        assert_eq!(totals["start"], 0);
        assert_eq!(totals["limit"], 50);
        assert_eq!(totals["total"], plain.as_array().unwrap().len());
        let past = operator.gets(&format!("{path}?page=7&include_totals=true")).await;
        assert_eq!((past.status, &past.json()[key]), (200, &json!([])));
    }
    let page = async |page: u32| {
        let path = format!("users?page={page}&per_page=2&include_totals=true&fields=user_id");
        operator.gets(&path).await.json()
    };
    let names = |page: &Value| -> Vec<String> {
        let users = page["users"].as_array().unwrap().iter();
        users.map(|user| user["user_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&page(1).await), ["auth0|carol", "auth0|dave"]);
    let last = page(2).await;
    assert_eq!(names(&last), ["auth0|erin"]);
    assert_eq!((&last["start"], &last["limit"], &last["total"]), (&json!(4), &json!(2), &json!(5)));
    assert_eq!(page(3).await["users"], json!([]));
}

/// W214: lists by checkpoint.
#[tokio::test]
async fn a_checkpoint_list_ends_without_a_next() {
    let world = World::new().await;
    let operator = world.operator();
    for number in 0..3 {
        let identifier = format!("https://api{number}.example.com");
        operator.posts("resource-servers", &json!({"identifier": identifier})).await;
        let body = json!({"client_id": world.client().id(), "audience": identifier, "scope": []});
        assert_eq!(operator.posts("client-grants", &body).await.status, 201);
    }
    let mut seen = Vec::new();
    let mut path = String::from("client-grants?take=2");
    loop {
        let page = operator.gets(&path).await.json();
        seen.extend(page["client_grants"].as_array().unwrap().clone());
        let Some(next) = page.get("next").and_then(Value::as_str) else { break };
        assert_eq!(page["client_grants"].as_array().unwrap().len(), 2);
        path = format!("client-grants?take=2&from={next}");
    }
    assert_eq!(seen.len(), 4, "the administrator's own and three");
}

/// W215: the header names a custom domain of the tenant.
#[tokio::test]
async fn urls_carry_the_custom_domain_that_was_asked_for() {
    let world = World::new().await;
    let add = store::tenants::add_host(world.tenant_id(), "login.acme.example");
    assert_eq!(world.app().database.run(add).await, Ok(store::Written::Done));
    let authorization = format!("Bearer {}", world.operator().token().await);
    for (domain, expected) in [
        ("login.acme.example", "https://login.acme.example/mfa/enrollment?ticket="),
        ("evil.example", "https://login.example.com/mfa/enrollment?ticket="),
    ] {
        let headers = [("authorization", authorization.as_str()), ("auth0-custom-domain", domain)];
        let body = json!({"user_id": "auth0|alice"});
        let path = "api/v2/guardian/enrollments/ticket";
        let answer = world.post_json(path, &body, &headers).await;
        assert!(answer.member("ticket_url").starts_with(expected), "{}", answer.text());
        let users = world.request(Method::GET, "api/v2/users", &headers, "").await;
        assert_eq!(users.status, 200);
    }
}
