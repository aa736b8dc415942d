//! W79 to W108: `POST /bc-authorize`, refused. Nothing is pushed, nothing is stored, nothing counts.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Client, Form, World, assert_refused};

const NO_CHANNEL: &str = "No eligible notification channels were found.";

async fn with_phone() -> World {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    world
}

/// That a request is refused so, and that nothing came of it.
async fn is_refused(client: &Client<'_>, world: &World, form: Form, wanted: (u16, &str, &str)) {
    let before = world.phone_of("alice").pushes().await.len();
    let answer = client.starts(form).await;
    assert_refused(&answer, wanted.0, wanted.1, wanted.2);
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(world.phone_of("alice").pushes().await.len(), before);
}

/// What every refused request in a list gets.
async fn all_are_refused(
    change: impl Fn(Form, &str) -> Form,
    values: &[&str],
    wanted: (u16, &str, &str),
) {
    let world = with_phone().await;
    let client = world.client();
    for value in values {
        is_refused(&client, &world, change(client.asking("alice"), value), wanted).await;
    }
    for _ in 0..5 {
        client.asks_for("alice").await;
    }
}

/// W79, W80: `openid` must be asked for.
#[tokio::test]
async fn a_scope_without_openid_is_refused() {
    let wanted = (400, "invalid_request", "openid scope must be requested");
    let scopes = ["profile", "", "OpenID", "openidx", "profile email"];
    all_are_refused(|form, scope| form.with("scope", scope), &scopes, wanted).await;
    all_are_refused(|form, _| form.without("scope"), &[""], wanted).await;
}

/// W81: there is a binding message.
#[tokio::test]
async fn a_binding_message_is_required() {
    let wanted = (400, "invalid_request", "binding_message is required");
    all_are_refused(|form, text| form.with("binding_message", text), &["", " ", "   "], wanted)
        .await;
    all_are_refused(|form, _| form.without("binding_message"), &[""], wanted).await;
}

/// W82: only the 64 signs, whatever a keyboard has.
#[tokio::test]
async fn other_characters_in_a_binding_message_are_refused() {
    let text =
        "binding_message can contain only alphanumerics, whitespace and `+-_.,:#` characters";
    let messages = [
        "a$",
        "b?",
        "c!",
        "dé",
        "日本",
        "ok 👍",
        "a\tb",
        "a\rb",
        "a\nb",
        "<b>",
        "a\u{202e}b",
        "a\u{a0}b",
        "\u{0}",
    ];
    let wanted = (400, "invalid_request", text);
    all_are_refused(|form, text| form.with("binding_message", text), &messages, wanted).await;
}

/// W83: 64 characters.
#[tokio::test]
async fn a_long_binding_message_is_refused() {
    let long = "x".repeat(65);
    let wanted = (400, "invalid_request", "binding_message must not exceed 64 characters");
    all_are_refused(|form, text| form.with("binding_message", text), &[&long], wanted).await;
}

/// W84: the other profiles have a code of their own.
#[tokio::test]
async fn other_profiles_say_invalid_binding_message() {
    let world = World::builder()
        .settings(|settings| settings.profiles = ["auth0", "ciba"].map(String::from).to_vec())
        .start()
        .await;
    world.phone_of("alice").is_ready().await;
    let client = world.registers("ciba-client", json!({"profile": "ciba"})).await;
    for message in ["x".repeat(65), "ok 👍".into(), "a\u{202e}b".into(), "a\u{7}b".into()] {
        let answer = client.starts(client.asking("alice").with("binding_message", &message)).await;
        assert_eq!(answer.summary(), "400 invalid_binding_message", "{message:?}");
    }
}

/// W85, W86: the hint is a JSON object.
#[tokio::test]
async fn a_login_hint_that_is_no_object_is_refused() {
    let required = (400, "invalid_request", "login_hint is required");
    all_are_refused(|form, _| form.with("login_hint", ""), &[""], required).await;
    all_are_refused(|form, _| form.without("login_hint"), &[""], required).await;
    let text = "login_hint parameter validation failed: value must be a JSON object";
    let hints = ["alice", "[]", "\"auth0|alice\"", "null", "7", "{", "{}x", "auth0|alice"];
    let wanted = (400, "invalid_request", text);
    all_are_refused(|form, hint| form.with("login_hint", hint), &hints, wanted).await;
}

/// W87: the one format.
#[tokio::test]
async fn a_hint_of_another_format_is_refused() {
    let hints = [
        json!({"format": "email", "email": "alice@example.com"}),
        json!({"format": "ISS_SUB", "iss": "https://login.example.com/", "sub": "auth0|alice"}),
        json!({"iss": "https://login.example.com/", "sub": "auth0|alice"}),
        json!({"format": 7}),
        json!({}),
    ]
    .map(|hint| hint.to_string());
    let hints: Vec<&str> = hints.iter().map(String::as_str).collect();
    let text = "login_hint parameter validation failed: \"format\" contains unsupported format";
    let wanted = (400, "invalid_request", text);
    all_are_refused(|form, hint| form.with("login_hint", hint), &hints, wanted).await;
}

/// W88: the issuer is this tenant.
#[tokio::test]
async fn a_hint_of_another_issuer_is_refused() {
    let issuers = [
        json!("https://other.example.com/"),
        json!("http://login.example.com/"),
        json!(""),
        json!("https://login.example.com/x"),
        json!("https://login.example.com:8443/"),
        json!(7),
        Value::Null,
    ];
    let hints = issuers
        .map(|iss| json!({"format": "iss_sub", "iss": iss, "sub": "auth0|alice"}).to_string());
    let mut hints: Vec<&str> = hints.iter().map(String::as_str).collect();
    hints.push(r#"{"format":"iss_sub","sub":"auth0|alice"}"#);
    let text = "iss within login_hint does not match the issuer of this tenant";
    let wanted = (400, "invalid_request", text);
    all_are_refused(|form, hint| form.with("login_hint", hint), &hints, wanted).await;
}

/// W89: the subject is a text.
#[tokio::test]
async fn a_hint_without_a_subject_is_refused() {
    let issuer = "https://login.example.com/";
    let hints = [json!(""), json!(7), Value::Null, json!(["auth0|alice"]), json!({})]
        .map(|sub| json!({"format": "iss_sub", "iss": issuer, "sub": sub}).to_string());
    let mut hints: Vec<&str> = hints.iter().map(String::as_str).collect();
    hints.push(r#"{"format":"iss_sub","iss":"https://login.example.com/"}"#);
    let text = "login_hint parameter validation failed: \"sub\" contains unsupported format";
    let wanted = (400, "invalid_request", text);
    all_are_refused(|form, hint| form.with("login_hint", hint), &hints, wanted).await;
}

/// W90: nobody has that id, whatever it looks like.
#[tokio::test]
async fn an_unknown_user_is_refused() {
    let long = "x".repeat(5000);
    let subjects =
        ["auth0|Random-ID", "x", "auth0|", "AUTH0|alice", "auth0|alice ", "'; --", &long];
    let hints = subjects.map(|sub| {
        json!({"format": "iss_sub", "iss": "https://login.example.com/", "sub": sub}).to_string()
    });
    let hints: Vec<&str> = hints.iter().map(String::as_str).collect();
    let wanted = (400, "unknown_user_id", "User ID is malformed or unknown");
    all_are_refused(|form, hint| form.with("login_hint", hint), &hints, wanted).await;
}

/// W91: a blocked user is not asked.
#[tokio::test]
async fn a_blocked_user_is_refused() {
    let world = with_phone().await;
    let client = world.client();
    let operator = world.operator();
    assert_eq!(
        operator.patches("users/auth0%7Calice", &json!({"blocked": true})).await.status,
        200
    );
    let wanted = (403, "access_denied", "user is blocked");
    is_refused(&client, &world, client.asking("alice"), wanted).await;
    assert_eq!(
        operator.patches("users/auth0%7Calice", &json!({"blocked": false})).await.status,
        200
    );
    client.asks_for("alice").await;
}

/// W92, W93: without a confirmed device there is no channel; a ticket alone is no device.
#[tokio::test]
async fn a_user_without_a_device_is_refused() {
    let world = with_phone().await;
    let client = world.client();
    let text = format!("{NO_CHANNEL} guardian-push: User does not have push notifications set up");
    let wanted = (400, "invalid_request", text.as_str());
    is_refused(&client, &world, client.asking("bob"), wanted).await;
    let ticket = world
        .operator()
        .posts("guardian/enrollments/ticket", &json!({"user_id": "auth0|bob"}))
        .await;
    let flow = world.phone_of("bob").starts_flow(&ticket.member("ticket_id")).await;
    assert_eq!(flow.status, 200);
    is_refused(&client, &world, client.asking("bob"), wanted).await;
    world.phone_of("alice").unenrolls().await;
    let answer = client.starts(client.asking("alice")).await;
    assert_refused(&answer, wanted.0, wanted.1, wanted.2);
}

/// W94: the push factor may be off.
#[tokio::test]
async fn a_tenant_may_switch_the_push_factor_off() {
    let world = with_phone().await;
    let client = world.client();
    let factor = "guardian/factors/push-notification";
    let off = world.operator().request(Method::PUT, factor, &json!({"enabled": false})).await;
    assert_eq!(off.status, 200, "{}", off.text());
    let text = format!("{NO_CHANNEL} guardian-push: Push notifications not enabled on tenant");
    is_refused(&client, &world, client.asking("alice"), (400, "invalid_request", &text)).await;
}

/// W95: a client without channels reaches nobody.
#[tokio::test]
async fn a_client_without_channels_is_refused() {
    let world = with_phone().await;
    let members = json!({"async_approval_notification_channels": []});
    let client = world.registers("Silent", members).await;
    is_refused(&client, &world, client.asking("alice"), (400, "invalid_request", NO_CHANNEL)).await;
}

/// W96, W97: the expiry is an integer between one and the client's maximum.
#[tokio::test]
async fn a_strange_expiry_is_refused() {
    let text = "requested_expiry must be an integer between 1 and 300";
    let values =
        ["0", "-5", "1.5", "5m", "1e2", "301", "+5", " 5", "0x10", "٥", "99999999999999999999"];
    let wanted = (400, "invalid_request", text);
    all_are_refused(|form, value| form.with("requested_expiry", value), &values, wanted).await;
}

/// W97: above the maximum, `ciba` lowers.
#[tokio::test]
async fn other_profiles_lower_an_expiry() {
    let world = World::builder()
        .settings(|settings| settings.profiles = ["auth0", "ciba"].map(String::from).to_vec())
        .start()
        .await;
    world.phone_of("alice").is_ready().await;
    let client = world.registers("ciba-client", json!({"profile": "ciba"})).await;
    let answer = client.starts(client.asking("alice").with("requested_expiry", "301")).await;
    assert_eq!((answer.status, &answer.json()["expires_in"]), (200, &json!(300)));
}

/// W98, W99: which APIs there are, and that the Management API is none for a person.
#[tokio::test]
async fn an_audience_must_be_an_api_for_people() {
    let world = with_phone().await;
    let client = world.client();
    let unknown = client.asking("alice").with("audience", "https://nowhere.example/");
    let text = "Service not found: https://nowhere.example/";
    is_refused(&client, &world, unknown, (403, "access_denied", text)).await;
    let management = client.asking("alice").with("audience", world.url("api/v2/"));
    let text = "Client is not authorized to access \"https://login.example.com/api/v2/\".";
    is_refused(&client, &world, management, (403, "access_denied", text)).await;
}

/// W100: an API may deny everyone, or those without a grant.
#[tokio::test]
async fn an_api_may_want_a_grant() {
    let world = with_phone().await;
    let client = world.client();
    for (policy, audience) in [
        ("deny_all", "https://closed.example/"),
        ("require_client_grant", "https://by-grant.example/"),
    ] {
        let policy = json!({"user": {"policy": policy}});
        let api = json!({"identifier": audience, "subject_type_authorization": policy});
        world.registers_api(api).await;
        let text = format!(
            "Client is not authorized to access \"{audience}\". You need to create a \
             \"client-grant\" associated to this API."
        );
        let form = client.asking("alice").with("audience", audience);
        is_refused(&client, &world, form.clone(), (403, "access_denied", &text)).await;
        world.grants(client.id(), audience, "client", &[]).await;
        is_refused(&client, &world, form, (403, "access_denied", &text)).await;
    }
    world.grants(client.id(), "https://by-grant.example/", "user", &[]).await;
    client.asks_with("alice", |form| form.with("audience", "https://by-grant.example/")).await;
}

/// W101: a consent policy that CIBA cannot keep.
#[tokio::test]
async fn an_api_with_mfa_consent_is_refused() {
    let world = with_phone().await;
    let client = world.client();
    let audience = "https://mfa.example/";
    let policy = "transactional-authorization-with-mfa";
    world.registers_api(json!({"identifier": audience, "consent_policy": policy})).await;
    let text = format!("The consent policy {policy} is not supported for CIBA");
    let form = client.asking("alice").with("audience", audience);
    is_refused(&client, &world, form, (400, "invalid_request", &text)).await;
}

#[track_caller]
fn assert_grant_refused(answer: &Answer) {
    let text = "Grant type 'urn:openid:params:grant-type:ciba' not allowed for the client.";
    let uri = "https://auth0.com/docs/clients/client-grant-types";
    let body = json!({"error": "unauthorized_client", "error_description": text, "error_uri": uri});
    assert_eq!((answer.status, answer.json()), (403, body));
}

/// W102, W103: which clients may ask people at all.
#[tokio::test]
async fn a_client_without_the_grant_is_refused() {
    let world = with_phone().await;
    for (name, members) in [
        ("NoGrant", json!({"grant_types": ["client_credentials"]})),
        ("ThirdParty", json!({"is_first_party": false})),
        ("NotConformant", json!({"oidc_conformant": false})),
        ("Public", json!({"token_endpoint_auth_method": "none"})),
    ] {
        let client = world.registers(name, members).await;
        assert_grant_refused(&client.starts(client.asking("alice")).await);
    }
    assert!(world.phone_of("alice").pushes().await.is_empty());
}

/// W104: nothing may be said twice.
#[tokio::test]
async fn a_doubled_parameter_is_refused() {
    let world = with_phone().await;
    let client = world.client();
    let form = client.asking("alice").with("requested_expiry", "60").with("x", "y");
    for name in form.names() {
        let text = format!("Duplicate parameter: {name}");
        let form = form.clone().and(&name, form.get(&name).unwrap());
        is_refused(&client, &world, form, (400, "invalid_request", &text)).await;
    }
}

/// W105: a form, in the body.
#[tokio::test]
async fn another_content_type_is_refused() {
    let world = with_phone().await;
    let client = world.client();
    let (form, _) = client.credentials(client.asking("alice"));
    for content_type in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
        "application/x-www-form-urlencoded-not",
    ] {
        let headers = [("content-type", content_type)];
        for body in [form.encode(), form.to_json().to_string()] {
            let answer = world.request(Method::POST, "bc-authorize", &headers, body).await;
            assert_eq!(answer.summary(), "400 invalid_request", "{content_type}");
        }
    }
    let untyped = world.request(Method::POST, "bc-authorize", &[], form.encode()).await;
    assert_eq!(untyped.summary(), "400 invalid_request");
    let path = format!("bc-authorize?{}", client.asking("alice").encode());
    let answer = world.post_form(&path, &client.credentials(Form::new()).0, &[]).await;
    assert_refused(&answer, 400, "invalid_request", "login_hint is required");
    let path = format!("bc-authorize?{}", form.encode());
    let answer = world.post_form(&path, &Form::new(), &[]).await;
    assert_refused(&answer, 401, "access_denied", "Unauthorized");
}

/// W106: only POST.
#[tokio::test]
async fn another_method_is_refused() {
    let world = World::new().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = world.request(method.clone(), "bc-authorize", &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
    }
}

/// W107: another kind of hint is no `login_hint`.
#[tokio::test]
async fn other_hints_do_not_count() {
    let world = with_phone().await;
    let client = world.client();
    for hint in ["id_token_hint", "login_hint_token"] {
        let form = client.asking("alice").with(hint, "x");
        let instead = form.clone().without("login_hint");
        let wanted = (400, "invalid_request", "login_hint is required");
        is_refused(&client, &world, instead, wanted).await;
        assert_eq!(client.starts(form).await.status, 200);
    }
}

/// W108: of several faults the first in the order answers.
#[tokio::test]
async fn faults_are_told_in_a_fixed_order() {
    let world = with_phone().await;
    let client = world.client();
    let details = "https://api.example.com/payments";
    // Everything wrong at once; each step mends the fault that answered.
    let mut form = Form::new()
        .with("client_id", client.id())
        .with("client_secret", "wrong")
        .with("login_hint", "x")
        .with("binding_message", "!")
        .with("scope", "profile")
        .with("requested_expiry", "0")
        .with("audience", "https://nowhere.example/")
        .with("authorization_details", "x")
        .and("doubled", "1")
        .and("doubled", "2");
    let hint =
        |sub: &str| json!({"format": "iss_sub", "iss": world.issuer(), "sub": sub}).to_string();
    let steps = [
        ("Unauthorized", "client_secret", client.secret().to_owned()),
        ("Duplicate parameter: doubled", "doubled", String::new()),
        ("must be a JSON object", "login_hint", hint("nobody")),
        ("binding_message can contain only", "binding_message", String::from("ok")),
        ("openid scope must be requested", "scope", String::from("openid")),
        ("requested_expiry must be", "requested_expiry", String::from("60")),
        ("Service not found", "audience", details.to_owned()),
        (
            "authorization_details",
            "authorization_details",
            String::from("[{\"type\":\"payment_initiation\"}]"),
        ),
        ("User ID is malformed or unknown", "login_hint", hint("auth0|bob")),
        ("No eligible notification channels", "login_hint", hint("auth0|alice")),
    ];
    for (expected, name, value) in steps {
        let answer = world.post_form("bc-authorize", &form, &[]).await;
        let text = answer.member("error_description");
        assert!(text.contains(expected), "{expected}: {text}");
        form = if name == "doubled" { form.without(name) } else { form.with(name, value) };
    }
    assert_eq!(world.post_form("bc-authorize", &form, &[]).await.status, 200);
    world.run_worker().await;
}

/// W109: what we broke is said to be ours, without what it was.
#[tokio::test]
async fn an_unexpected_failure_tells_nothing_of_the_insides() {
    let world = with_phone().await;
    let spoiled = store::clients::ClientRow {
        client_id: domain::ClientId::new("spoiled"),
        secret_hash: Some(domain::Fingerprint::of(b"secret-of-spoiled")),
        document: String::from("{}"),
        created_at: world.now(),
        updated_at: world.now(),
    };
    let insert = store::clients::insert(world.tenant_id(), &spoiled);
    assert_eq!(world.app().database.run(insert).await, Ok(store::Written::Done));
    let client = world.registered("spoiled");
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(answer.summary(), "500 server_error");
    let words = answer.member("error_description");
    assert!(!words.contains("spoiled") && !words.contains("document"), "{words}");
    assert!(world.phone_of("alice").pushes().await.is_empty());
}
