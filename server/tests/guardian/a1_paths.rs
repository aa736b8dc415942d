//! G1 to G15: paths and transport.

use http::Method;
use serde_json::json;
use testkit::{World, p256_key};

use super::{assert_x, call, code_for, enroll, enroll_body, enrolled, ticket_header};

/// G2: the same calls at `/api/…` and `/guardian/api/…`.
#[tokio::test]
async fn the_calls_are_served_under_every_alias() {
    let world = World::new().await;
    for root in ["appliance-mfa/api", "api", "guardian/api"] {
        world.adds_user(&format!("of-{}", root.len())).await;
        let tx = code_for(&world, &format!("of-{}", root.len()), false).await;
        let header = ticket_header(&tx);
        let path = format!("{root}/enroll");
        let body = enroll_body(&p256_key());
        let answer = world.post_json(&path, &body, &[("authorization", header.as_str())]).await;
        assert_eq!(answer.status, 201, "{root}: {}", answer.text());
        let (id, token) = (answer.member("id"), answer.member("token"));
        let account = format!("{root}/device-accounts/{id}");
        let renamed = json!({ "name": "New" });
        let answer = call(&world, Method::PATCH, &account, &token, Some(&renamed)).await;
        assert_eq!(answer.status, 200, "{root}: {}", answer.text());
        let answer = call(
            &world,
            Method::POST,
            &format!("{root}/resolve-transaction"),
            "x",
            Some(&json!({})),
        )
        .await;
        assert_x(&answer, 401, "invalid_token");
        assert_eq!(call(&world, Method::DELETE, &account, &token, None).await.status, 204);
    }
}

/// G3: the consent record at `/appliance-mfa/rich-consents/{id}` too.
#[tokio::test]
async fn a_consent_has_two_addresses() {
    let world = World::new().await;
    let id = world.client().asks_for("alice").await;
    let phone = world.phone_of("alice");
    let push = phone.push_of(&id).await;
    for root in ["rich-consents", "appliance-mfa/rich-consents"] {
        let path = format!("{root}/{}", push.consent_id);
        let proof = super::a7_consents::proof_for(&world, &phone.key(), &push, &world.url(&path));
        let answer = super::a7_consents::read(&world, &path, &push.txtkn, Some(&proof)).await;
        assert_eq!((answer.status, answer.member("id")), (200, push.consent_id.clone()), "{root}");
    }
}

/// G4: behind a tenant's prefix, and nothing of one tenant works in another.
#[tokio::test]
async fn a_tenants_devices_and_tickets_are_its_own() {
    let world = World::new().await;
    let acme = world.second_tenant("acme").await;
    let tx = code_for(&acme, "alice", false).await;
    let body = enroll_body(&p256_key());
    assert_x(&enroll(&world, &tx, &body).await, 404, "enrollment_transaction_not_found");
    let device = enroll(&acme, &tx, &body).await;
    assert_eq!(device.status, 201, "{}", device.text());
    assert_eq!(device.member("url"), "https://login.example.com/t/acme/appliance-mfa");
    let account = format!("appliance-mfa/api/device-accounts/{}", device.member("id"));
    let token = device.member("token");
    let empty = json!({});
    let answer = call(&world, Method::PATCH, &account, &token, Some(&empty)).await;
    assert_x(&answer, 404, "device_account_not_found");
    assert_eq!(call(&acme, Method::PATCH, &account, &token, Some(&empty)).await.status, 200);
    let id = acme.client().asks_for("bob").await;
    let push = acme.phone_of("bob").push_of(&id).await;
    let body = json!({ "challenge_response": "a.b.c" });
    let answer = call(&world, Method::POST, super::RESOLVE, &push.txtkn, Some(&body)).await;
    assert_x(&answer, 401, "invalid_token");
    acme.phone_of("bob").approves(&id).await;
}

/// G6: a final slash, another scheme, a wrong tenant: never a redirect.
#[tokio::test]
async fn nothing_ever_redirects() {
    let world = World::new().await;
    for path in [
        "appliance-mfa/api/enroll/",
        "appliance-mfa/api/resolve-transaction/",
        "appliance-mfa/api/device-accounts/dev_x/",
        "rich-consents/cns_x/",
        "appliance-mfa/rich-consents/cns_x/",
        "appliance-mfa",
        "appliance-mfa/",
        "t/nobody/appliance-mfa/api/enroll",
        "t/nobody/rich-consents/cns_x",
        "api",
        "api/",
        "guardian/",
    ] {
        for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
            let answer = world.request(method.clone(), path, &[], "").await;
            assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.status);
            if method != Method::HEAD {
                assert!(answer.json()["errorCode"].is_string(), "{method} {path}");
            }
        }
    }
}

/// Part of G6: over plain HTTP, which only trusted proxies may speak.
#[tokio::test]
async fn plain_http_is_refused_and_not_redirected() {
    let world = World::new().await;
    let app = world.app();
    let plain = server::http::behind_proxies(server::http::router(app.clone()), &app);
    let request = http::Request::post("/appliance-mfa/api/enroll").body(axum::body::Body::empty());
    let answer = tower::ServiceExt::oneshot(plain, request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 403);
}

/// G14: no device call waits for a push service: here none runs, and no client polls.
#[tokio::test]
async fn no_device_call_waits_for_anybody() {
    let world = World::new().await;
    let phone = world.phone_of("alice");
    phone.enrolls().await;
    let client = world.client();
    assert_eq!(client.starts(client.asking("alice")).await.status, 200);
    let push = phone.pushes().await.remove(0);
    let form = client.asking("alice");
    assert_eq!(client.posts("bc-authorize", form).await.status, 200, "a push that nobody sends");
    assert_eq!(phone.reads(&push).await.status, 200);
    let no = device_protocol::guardian::resolve::Decision::Rejected { reason: None };
    assert_eq!(phone.answers(&push, no).await.status, 204);
    phone.unenrolls().await;
    world.run_worker().await;
}

/// G7: an unknown path below ours names the right one.
#[tokio::test]
async fn an_unknown_path_is_told_the_right_one() {
    let world = World::new().await;
    for path in [
        "api/enrol",
        "appliance-mfa/enroll",
        "appliance-mfa/api/v2/users",
        "guardian/api/x/y",
        "rich-consents",
        "rich-consents/a/b",
    ] {
        let answer = world.post_json(path, &json!({}), &[]).await;
        assert_x(&answer, 404, "not_found");
        assert!(answer.member("message").contains("/appliance-mfa/api/enroll"));
    }
    let management = world.get("api/v2/nothing").await;
    assert!(management.json().get("description").is_none(), "the Management API answers itself");
}

/// G8: another method than the path takes.
#[tokio::test]
async fn another_method_is_refused_and_told_which_are_taken() {
    let world = World::new().await;
    for (method, path, allow) in [
        (Method::GET, "appliance-mfa/api/enroll", "POST"),
        (Method::PUT, "appliance-mfa/api/resolve-transaction", "POST"),
        (Method::GET, "appliance-mfa/api/device-accounts/dev_x", "DELETE, PATCH"),
        (Method::POST, "rich-consents/cns_x", "GET"),
        (Method::GET, "api/start-flow", "POST"),
    ] {
        let answer = world.request(method, path, &[], "").await;
        assert_x(&answer, 405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
}

/// G10, G131: without the headers of the SDKs, or with nonsense in them.
#[tokio::test]
async fn no_header_of_the_sdks_is_needed() {
    let world = World::new().await;
    let tx = code_for(&world, "alice", false).await;
    let body = enroll_body(&p256_key()).to_string();
    let authorization = ticket_header(&tx);
    let headers = [
        ("authorization", authorization.as_str()),
        ("auth0-client", "this-is-a-client-id"),
        ("accept-language", "en_US"),
        ("x-global-tracking-id", "abc"),
    ];
    let answer = world.request(Method::POST, super::ENROLL, &headers, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// G11, G12: both content types, escapes, unknown members, whitespace, any order.
#[tokio::test]
async fn json_may_be_written_in_any_way() {
    let world = World::new().await;
    for (person, content_type) in
        [("alice", "application/json"), ("bob", "application/json; charset=utf-8")]
    {
        let tx = code_for(&world, person, false).await;
        let authorization = ticket_header(&tx);
        let headers = [("authorization", authorization.as_str()), ("content-type", content_type)];
        let key = super::jwk_of(&p256_key());
        let body = format!(
            "\n {{\"public_key\": {key}, \"more\": [1, {{}}], \"name\": \"Bob\\u0027s \\/ é\",\n\
             \"push_credentials\": {{\"token\": \"t\", \"service\": \"GCM\", \"x\": 1}}, \
             \"identifier\": \"i\" }} \n\n"
        );
        let answer = world.request(Method::POST, super::ENROLL, &headers, body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(super::devices_of(&world, person).await[0]["name"], "Bob's / é");
    }
}

/// G9: mime type of answers with a body; no body and no type with 204.
#[tokio::test]
async fn answers_have_the_type_that_ios_insists_on() {
    let world = World::new().await;
    let (_, device) = enrolled(&world, "alice").await;
    let path = format!("appliance-mfa/api/device-accounts/{}", device["id"].as_str().unwrap());
    let token = device["token"].as_str().unwrap();
    let answer = call(&world, Method::PATCH, &path, token, Some(&json!({}))).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let answer = call(&world, Method::DELETE, &path, token, None).await;
    assert_eq!((answer.status, answer.header("content-type")), (204, ""));
    assert!(answer.body.is_empty());
}

/// G13: whatever is wrong, the envelope.
#[tokio::test]
async fn every_error_is_the_envelope() {
    let world = World::new().await;
    let huge = "x".repeat(70_000);
    let headers = [("authorization", "Ticket id=\"AbC\"")];
    let answer = world.request(Method::POST, super::ENROLL, &headers, huge).await;
    assert_x(&answer, 400, "invalid_body");
    let answer = world.request(Method::POST, super::ENROLL, &[], "").await;
    assert_x(&answer, 401, "invalid_token");
    let answer = world.get("t/nobody/rich-consents/cns_x").await;
    assert_x(&answer, 404, "not_found");
    let strange = world.get("rich-consents/%ff%00").await;
    assert!(strange.json()["errorCode"].is_string(), "{}", strange.text());
}
