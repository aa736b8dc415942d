//! Whatever is sent: a 4xx with a body a developer can act on, nothing stored, nothing pushed, and
//! the server goes on.

use http::Method;
use serde_json::json;
use testkit::{Answer, Form, World};

/// That `answer` refuses in the OAuth shape, with words.
#[track_caller]
fn is_told(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
    let body = answer.json();
    let words = body["error_description"].as_str().unwrap_or_default();
    assert!(body["error"].is_string() && !words.is_empty(), "{what}: {body}");
    assert!(words.len() < 400, "{what}: {words}");
}

async fn still_serves(world: &World) {
    let client = world.client();
    assert!(world.phone_of("alice").pushes().await.is_empty());
    let id = client.asks_for("alice").await;
    world.phone_of("alice").approves(&id).await;
    assert_eq!(client.polls(&id).await, "200");
    let left = client.starts(client.asking("alice")).await;
    assert_eq!(left.status, 200, "refused requests counted: {}", left.text());
}

async fn fresh() -> World {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    world
}

/// The whole good start and poll, with credentials.
fn good(world: &World) -> [(&'static str, Form); 4] {
    let client = world.client();
    let with = |form| client.credentials(form).0;
    [
        ("bc-authorize", with(client.asking("alice"))),
        ("oauth/token", with(client.polling(&"A".repeat(64)))),
        (
            "oauth/token",
            with(Form::new().with("grant_type", "refresh_token").with("refresh_token", "x")),
        ),
        (
            "oauth/token",
            with(Form::new().with("grant_type", "client_credentials").with("audience", "x")),
        ),
    ]
}

#[tokio::test]
async fn every_parameter_missing_or_empty_is_told() {
    let world = fresh().await;
    for (path, form) in good(&world) {
        for name in form.names() {
            for form in [form.clone().without(&name), form.clone().with(&name, "")] {
                is_told(&world.post_form(path, &form, &[]).await, &format!("{path} {name}"));
            }
        }
    }
    still_serves(&world).await;
}

#[tokio::test]
async fn every_parameter_doubled_is_told() {
    let world = fresh().await;
    for (path, form) in good(&world) {
        for name in form.names() {
            let value = form.get(&name).unwrap().to_owned();
            for again in [value, String::from("other"), String::new()] {
                let form = form.clone().and(&name, &again);
                let answer = world.post_form(path, &form, &[]).await;
                is_told(&answer, &format!("{path} {name}={again}"));
            }
        }
    }
    still_serves(&world).await;
}

#[tokio::test]
async fn every_parameter_too_long_is_told() {
    let world = fresh().await;
    for (path, form) in good(&world) {
        for name in form.names() {
            for length in [9_000, 60_000] {
                let form = form.clone().with(&name, "x".repeat(length));
                is_told(&world.post_form(path, &form, &[]).await, &format!("{path} {name}"));
            }
        }
    }
    let client = world.client();
    let (form, _) = client.credentials(client.asking("alice"));
    let named = form.clone().with(&"n".repeat(300), "x");
    is_told(&world.post_form("bc-authorize", &named, &[]).await, "a long name");
    let many = (0..200).fold(form, |form, n| form.with(&format!("p{n}"), "x"));
    is_told(&world.post_form("bc-authorize", &many, &[]).await, "many parameters");
    still_serves(&world).await;
}

#[tokio::test]
async fn every_member_of_a_wrong_type_is_told() {
    let world = fresh().await;
    for (path, form) in &good(&world)[1..] {
        for name in form.names() {
            for value in
                [json!(7), json!(true), json!([]), json!(["x"]), json!({"a": 1}), json!(1e300)]
            {
                let mut body = form.to_json();
                body[&name] = value.clone();
                let answer = world.post_json(path, &body, &[]).await;
                is_told(&answer, &format!("{path} {name}={value}"));
            }
        }
    }
    still_serves(&world).await;
}

#[tokio::test]
async fn a_body_of_more_than_64_kib_is_told() {
    let world = fresh().await;
    for path in ["bc-authorize", "oauth/token", "oauth/revoke"] {
        for (content_type, body) in [
            ("application/x-www-form-urlencoded", format!("scope={}", "x".repeat(65_536))),
            ("application/json", format!("{{\"scope\":\"{}\"}}", "x".repeat(1_000_000))),
        ] {
            let headers = [("content-type", content_type)];
            let answer = world.request(Method::POST, path, &headers, body).await;
            is_told(&answer, path);
        }
    }
    let operator = world.operator();
    let answer = operator.posts("clients", &json!({"name": "x".repeat(100_000)})).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    let enroll = json!({"identifier": "x".repeat(100_000)});
    let headers = [("authorization", "Ticket id=\"x\"")];
    let answer = world.post_json("appliance-mfa/api/enroll", &enroll, &headers).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert!(answer.json()["errorCode"].is_string());
    still_serves(&world).await;
}

#[tokio::test]
async fn an_unknown_content_type_is_told() {
    let world = fresh().await;
    for (path, form) in good(&world) {
        for content_type in
            ["text/plain", "multipart/form-data; boundary=x", "application/xml", "", "/", "é"]
        {
            let mut headers = vec![];
            if content_type != "é" {
                headers.push(("content-type", content_type));
            }
            let answer = world.request(Method::POST, path, &headers, form.encode()).await;
            is_told(&answer, &format!("{path} {content_type}"));
        }
    }
    still_serves(&world).await;
}

#[tokio::test]
async fn broken_text_is_told() {
    let world = fresh().await;
    let form_type = [("content-type", "application/x-www-form-urlencoded")];
    let json_type = [("content-type", "application/json")];
    for path in ["bc-authorize", "oauth/token", "oauth/revoke"] {
        for body in [
            &b"scope=\xff\xfe"[..],
            b"scope=%ff%fe",
            b"%ff=x",
            b"scope=%c3%28",
            b"scope=%",
            b"scope=%zz",
            b"\x00\x01\x02",
            b"",
            b"&&&&",
            b"====",
            b"=",
            b"a=%00",
        ] {
            let answer = world.request(Method::POST, path, &form_type, body.to_vec()).await;
            is_told(&answer, path);
        }
    }
    for body in [
        &b"{\"scope\":\"\xff\"}"[..],
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b"\"x\"",
        b"{}x",
        b"{\"a\":\"\\ud800\"}",
        b"{\"grant_type\":1e999}",
        b"\xef\xbb\xbf{}",
        b"{\"client_id\":\"a\",\"client_id\":\"b\"}",
    ] {
        let answer = world.request(Method::POST, "oauth/token", &json_type, body.to_vec()).await;
        is_told(&answer, &String::from_utf8_lossy(body));
    }
    still_serves(&world).await;
}

#[tokio::test]
async fn deep_json_is_told() {
    let world = fresh().await;
    let client = world.client();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let text = format!("{{\"grant_type\":{deep}}}");
        let headers = [("content-type", "application/json")];
        is_told(&world.request(Method::POST, "oauth/token", &headers, text.clone()).await, "body");
        let hint = client.asking("alice").with("login_hint", &deep);
        is_told(&client.starts(hint).await, "login_hint");
        let details = client.asking("alice").with("audience", "https://api.example.com/payments");
        is_told(&client.starts(details.with("authorization_details", &deep)).await, "details");
        let bearer = format!("Bearer {}", world.operator().token().await);
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let answer = world.request(Method::POST, "api/v2/users", &headers, text.clone()).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        let headers = [("content-type", "application/json"), ("authorization", "Ticket id=\"x\"")];
        let path = "appliance-mfa/api/enroll";
        let answer = world.request(Method::POST, path, &headers, text).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text());
    }
    still_serves(&world).await;
}

/// What the server says of a value names the value's fault, not the value.
#[tokio::test]
async fn a_description_says_which_limit_or_character() {
    let world = fresh().await;
    let client = world.client();
    for (name, value, said) in [
        ("binding_message", "x".repeat(65), "64 characters"),
        ("binding_message", String::from("a$b"), "alphanumerics"),
        ("requested_expiry", String::from("301"), "between 1 and 300"),
        ("scope", "openid ".repeat(2000), "8192 bytes"),
    ] {
        let answer = client.starts(client.asking("alice").with(name, &value)).await;
        let text = answer.member("error_description");
        assert!(text.contains(said), "{text}");
    }
    still_serves(&world).await;
}

/// Names of another tenant open nothing here.
#[tokio::test]
async fn tickets_and_consents_of_another_tenant_are_unknown() {
    let world = fresh().await;
    let acme = world.second_tenant("acme").await;
    let body = json!({"user_id": "auth0|alice"});
    let ticket =
        acme.operator().posts("guardian/enrollments/ticket", &body).await.member("ticket_id");
    let here = world.phone_of("alice").starts_flow(&ticket).await;
    assert_eq!(here.summary(), "404 enrollment_transaction_not_found");
    let flow = acme.phone_of("alice").starts_flow(&ticket).await.member("enrollment_tx_id");
    let here = world.phone_of("bob").enrolls_by(&flow, testkit::p256_key(), "GCM").await;
    assert_eq!(here.summary(), "404 enrollment_transaction_not_found");
    let there = acme.phone_of("alice").enrolls_by(&flow, testkit::p256_key(), "GCM").await;
    assert_eq!(there.status, 201);
    let id = acme.client().asks_for("alice").await;
    let push = acme.phone_of("alice").push_of(&id).await;
    assert_eq!(world.phone_of("alice").reads(&push).await.summary(), "401 invalid_token");
    let yes = device_protocol::guardian::resolve::Decision::Accepted;
    assert_eq!(world.phone_of("alice").answers(&push, yes).await.summary(), "401 invalid_token");
    assert_eq!(acme.client().polls(&id).await, "400 authorization_pending");
    still_serves(&world).await;
}

/// Headers nobody should send.
#[tokio::test]
async fn strange_headers_are_no_reason_to_fail() {
    let world = fresh().await;
    let client = world.client();
    let long = "x".repeat(20_000);
    for headers in [
        vec![("auth0-client", long.as_str())],
        vec![("auth0-client", "bnVsbA")],
        vec![("auth0-client", "{}"), ("user-agent", "")],
        vec![("host", "evil.example.com")],
        vec![("host", "")],
        vec![("x-forwarded-host", "evil.example.com"), ("forwarded", "host=evil")],
        vec![("prefer", "wait=99999999999999999999")],
    ] {
        let (form, _) = client.credentials(client.polling("x"));
        let answer = world.post_form("oauth/token", &form, &headers).await;
        assert_eq!(answer.summary(), "403 invalid_grant", "{headers:?}");
    }
    for value in ["Basic", "Basic ", "Bearer x", "Digest x", "Basic AAAA", "é", ""] {
        let headers = [("authorization", value)];
        let answer = world.post_form("oauth/token", &Form::new(), &headers).await;
        assert_eq!(answer.status, 401, "{value}");
    }
    still_serves(&world).await;
}

/// Every path with every method and nonsense for a body: never a 5xx, and no redirect.
#[tokio::test]
async fn no_path_falls_over() {
    let world = fresh().await;
    let bearer = format!("Bearer {}", world.operator().token().await);
    let bodies = ["", "{}", "[]", "null", "\u{0}", "{\"a\":{\"b\":[1,2,{}]}}"];
    for path in [
        "api/v2/users",
        "api/v2/users/x",
        "api/v2/users-by-email",
        "api/v2/users?page=-1",
        "api/v2/users?q=%5B",
        "api/v2/users?q=a:b:c",
        "api/v2/users?per_page=99999",
        "api/v2/clients",
        "api/v2/clients/x",
        "api/v2/clients/x/credentials",
        "api/v2/resource-servers",
        "api/v2/client-grants",
        "api/v2/guardian/factors",
        "api/v2/guardian/enrollments/x",
        "api/v2/guardian/enrollments/ticket",
        "appliance-mfa/api/enroll",
        "api/start-flow",
        "appliance-mfa/api/resolve-transaction",
        "appliance-mfa/api/device-accounts/x",
        "rich-consents/x",
        "rich-consents/%00",
        "mfa/enrollment",
        "mfa/enrollment?ticket=x",
        "guardian/enroll?ticket=%ff",
        "mfa/enrollment/state",
        "ciba/cancel",
        "userinfo",
        "t/x/y",
        "%ff",
        "dev/tray/x",
    ] {
        for method in [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            for body in bodies {
                let headers =
                    [("content-type", "application/json"), ("authorization", bearer.as_str())];
                let answer = world.request(method.clone(), path, &headers, body).await;
                let status = answer.status;
                assert!(
                    status < 500 && !(300..400).contains(&status),
                    "{method} {path} {body}: {status} {}",
                    answer.text()
                );
            }
        }
    }
    still_serves(&world).await;
}
