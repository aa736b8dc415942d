//! W47 to W78: `POST /bc-authorize`, accepted.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Form, World};

const ALL_SIGNS: &str = "+-_.,:#";

/// That `answer` acknowledges a request; how long it lives.
#[track_caller]
fn lives(answer: &Answer) -> i64 {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["auth_req_id", "expires_in", "interval"]);
    assert_eq!(body["interval"], json!(5));
    body["expires_in"].as_i64().unwrap()
}

async fn with_phone() -> World {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    world
}

/// W47, W49: 200 with exactly three members.
#[tokio::test]
async fn a_good_request_is_acknowledged() {
    let world = with_phone().await;
    let client = world.client();
    let form = client.asking("alice").with("binding_message", "21-49-38");
    let answer = client.starts(form).await;
    assert_eq!(lives(&answer), 300);
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
}

/// W48: a character set in the content type, parameters in any order.
#[tokio::test]
async fn the_order_of_parameters_does_not_matter() {
    let world = with_phone().await;
    let client = world.client();
    let (form, _) = client.credentials(client.asking("alice"));
    for content_type in [
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/x-www-form-urlencoded; charset=utf-8",
        "Application/X-WWW-Form-URLEncoded",
    ] {
        let headers = [("content-type", content_type)];
        let body = form.clone().reversed().encode();
        let answer = world.request(Method::POST, "bc-authorize", &headers, body).await;
        assert_eq!(lives(&answer), 300);
    }
    world.run_worker().await;
}

/// W50: 64 characters of the base64url alphabet, never the same.
#[tokio::test]
async fn an_auth_req_id_is_long_and_new() {
    let world = with_phone().await;
    let client = world.client();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..5 {
        let id = client.asks_for("alice").await;
        assert_eq!(id.len(), 64);
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{id}");
        assert!(seen.insert(id));
    }
}

/// W51, W52: both are numbers, and the interval is 5.
#[tokio::test]
async fn lifetime_and_interval_are_numbers() {
    let world = with_phone().await;
    let client = world.client();
    let body = client.starts(client.asking("alice")).await.json();
    assert!(body["expires_in"].is_u64() && body["interval"].is_u64(), "{body}");
    assert_eq!(body["interval"], 5);
}

/// W53, W55: five minutes by default and at most.
#[tokio::test]
async fn a_request_lives_five_minutes() {
    let world = with_phone().await;
    let client = world.client();
    assert_eq!(lives(&client.starts(client.asking("alice")).await), 300);
    for expiry in ["", "300"] {
        let form = client.asking("alice").with("requested_expiry", expiry);
        assert_eq!(lives(&client.starts(form).await), 300, "{expiry:?}");
    }
}

/// W54: a life of one second is over two seconds later.
#[tokio::test]
async fn a_request_may_live_for_a_second() {
    let world = with_phone().await;
    let client = world.client();
    let id = client.asks_with("alice", |form| form.with("requested_expiry", "1")).await;
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    world.advance_seconds(2);
    assert_eq!(client.polls(&id).await, "400 access_denied");
}

/// W56: a request may live three days, and is pushed like any other.
#[tokio::test]
async fn a_client_may_ask_for_three_days() {
    let world = with_phone().await;
    let client = world.registers("Patient", json!({"max_requested_expiry": 259_200})).await;
    let form = client.asking("alice").with("requested_expiry", "259200");
    assert_eq!(lives(&client.starts(form).await), 259_200);
    assert_eq!(world.phone_of("alice").pushes().await.len(), 1);
    let id = client.asks_with("alice", |form| form.with("requested_expiry", "259200")).await;
    world.advance_seconds(259_000);
    world.phone_of("alice").approves(&id).await;
    assert_eq!(client.polls(&id).await, "200");
}

/// W57: the maximum of a client has bounds.
#[tokio::test]
async fn a_clients_maximum_has_bounds() {
    let world = World::new().await;
    let path = format!("clients/{}", world.client().id());
    for wrong in [0, 259_201, -1] {
        let answer = world.operator().patches(&path, &json!({"max_requested_expiry": wrong})).await;
        assert_eq!(answer.summary(), "400 invalid_body", "{wrong}");
    }
    let good = world.operator().patches(&path, &json!({"max_requested_expiry": 259_200})).await;
    assert_eq!(good.json()["max_requested_expiry"], 259_200);
}

/// W58, W59: the misspelt name counts where it can do no harm.
#[tokio::test]
async fn request_expiry_is_an_alias_that_never_fails() {
    let world = with_phone().await;
    let client = world.client();
    let form = client.asking("alice").with("request_expiry", "120");
    assert_eq!(lives(&client.starts(form.clone()).await), 120);
    assert_eq!(lives(&client.starts(form.with("requested_expiry", "60")).await), 60);
    world.advance_seconds(60);
    for nonsense in ["0", "abc", "301", "1e2", "-5"] {
        let form = client.asking("alice").with("request_expiry", nonsense);
        assert_eq!(lives(&client.starts(form).await), 300, "{nonsense}");
    }
}

/// W58: the other profiles do not know the misspelt name.
#[tokio::test]
async fn request_expiry_alone_means_nothing_elsewhere() {
    let world = World::builder()
        .settings(|settings| settings.profiles = ["auth0", "ciba"].map(String::from).to_vec())
        .start()
        .await;
    world.phone_of("alice").is_ready().await;
    let client = world.registers("ciba-client", json!({"profile": "ciba"})).await;
    let answer = client.starts(client.asking("alice").with("request_expiry", "120")).await;
    assert_eq!(
        (answer.status, &answer.json()["expires_in"]),
        (200, &json!(300)),
        "{}",
        answer.text()
    );
}

/// W60, W61, W62: what a binding message may be, shown as it was sent.
#[tokio::test]
async fn binding_messages_reach_the_phone_unchanged() {
    let world = with_phone().await;
    let client = world.client();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let (first, second) = alphabet.split_at(31);
    for message in [
        "x".repeat(64),
        format!("{first}{ALL_SIGNS}"),
        format!("{second}{ALL_SIGNS}"),
        String::from("Confirm payment of 2500"),
    ] {
        let id = client.asks_with("alice", |form| form.with("binding_message", &message)).await;
        let consent = world.phone_of("alice").consent_of(&id).await;
        assert_eq!(consent["requested_details"]["binding_message"], message.as_str());
    }
}

/// W63, W64: JSON in any spacing, order and with members nobody knows.
#[tokio::test]
async fn the_login_hint_is_read_as_json() {
    let world = with_phone().await;
    let client = world.client();
    let issuer = world.issuer();
    for hint in [
        format!(r#"{{"format":"iss_sub","iss":"{issuer}","sub":"auth0|alice"}}"#),
        format!(r#"{{ "format": "iss_sub", "iss": "{issuer}", "sub": "auth0|alice" }}"#),
        format!(
            "{{\n\t\"sub\" : \"auth0|alice\",\n\"iss\":\"{issuer}\" , \"format\":\"iss_sub\"}}\n"
        ),
        format!(
            r#"{{"x":[1,{{"y":null}}],"sub":"auth0\u007calice","iss":"{issuer}","format":"iss_sub"}}"#
        ),
    ] {
        let answer = client.starts(client.asking("alice").with("login_hint", &hint)).await;
        assert_eq!(lives(&answer), 300, "{hint}");
    }
}

/// W65, W66: the issuer of a hint is any of the tenant's own, with or without its slash.
#[tokio::test]
async fn the_issuer_of_a_hint_may_be_any_of_the_tenants() {
    let world = with_phone().await;
    let added = store::tenants::add_host(world.tenant_id(), "login.bank.example");
    assert_eq!(world.app().database.run(added).await.unwrap(), store::Written::Done);
    let client = world.client();
    for issuer in [
        "https://login.example.com/",
        "https://login.example.com",
        "https://LOGIN.example.com:443/",
        "https://login.bank.example/",
        "https://login.bank.example",
    ] {
        let hint = json!({"format": "iss_sub", "iss": issuer, "sub": "auth0|alice"}).to_string();
        let answer = client.starts(client.asking("alice").with("login_hint", hint)).await;
        assert_eq!(lives(&answer), 300, "{issuer}");
    }
}

/// W67: asking for more than the API gives is no error.
#[tokio::test]
async fn offline_access_that_an_api_forbids_is_left_out() {
    let world = with_phone().await;
    let audience = "https://api.example.com/online-only";
    world.registers_api(json!({"identifier": audience, "scopes": [{"value": "read:x"}]})).await;
    let client = world.client();
    let ask = |form: Form| {
        form.with("scope", "openid profile email offline_access").with("audience", audience)
    };
    let tokens = client.gets_tokens("alice", ask).await;
    assert_eq!(tokens.get("refresh_token"), None);
    assert!(!tokens["scope"].as_str().unwrap().contains("offline_access"), "{tokens}");
}

/// W68, W69, W70: no audience, an empty one and `None` are the same.
#[tokio::test]
async fn without_an_audience_the_consent_is_for_userinfo() {
    let world = with_phone().await;
    let client = world.client();
    let changes: [fn(Form) -> Form; 3] =
        [|form| form, |form| form.with("audience", ""), |form| form.with("audience", "None")];
    for change in changes {
        let id = client.asks_with("alice", change).await;
        let consent = world.phone_of("alice").consent_of(&id).await;
        assert_eq!(consent["requested_details"]["audience"], "https://login.example.com/userinfo");
    }
}

/// W70: where the tenant is strict, or an API has that name, `None` is an audience.
#[tokio::test]
async fn none_may_be_an_audience_after_all() {
    let strict = World::builder().settings(|it| it.lenient_audience_none = false).start().await;
    strict.phone_of("alice").is_ready().await;
    let client = strict.client();
    let answer = client.starts(client.asking("alice").with("audience", "None")).await;
    testkit::assert_refused(&answer, 403, "access_denied", "Service not found: None");
    let world = with_phone().await;
    world.registers_api(json!({"identifier": "None"})).await;
    let id = world.client().asks_with("alice", |form| form.with("audience", "None")).await;
    let consent = world.phone_of("alice").consent_of(&id).await;
    assert_eq!(consent["requested_details"]["audience"], "None");
}

/// W71: `resource` counts only where the tenant says so, and `audience` wins.
#[tokio::test]
async fn resource_is_an_audience_in_compatibility_only() {
    let payments = "https://api.example.com/payments";
    for (profile, with_audience, expected) in [
        ("audience", false, "https://login.example.com/userinfo"),
        ("compatibility", false, payments),
        ("compatibility", true, "https://api.example.com/other"),
    ] {
        let change = |it: &mut server::tenancy::Settings| {
            it.resource_parameter_profile = String::from(profile);
        };
        let world = World::builder().settings(change).start().await;
        world.registers_api(json!({"identifier": "https://api.example.com/other"})).await;
        let client = world.client();
        let change = |form: Form| {
            let form = form.with("resource", payments);
            if with_audience {
                form.with("audience", "https://api.example.com/other")
            } else {
                form
            }
        };
        let id = client.asks_with("alice", change).await;
        let consent = world.phone_of("alice").consent_of(&id).await;
        assert_eq!(consent["requested_details"]["audience"], expected);
    }
}

/// W72: what is not known is ignored.
#[tokio::test]
async fn unknown_parameters_are_ignored() {
    let world = with_phone().await;
    let client = world.client();
    let form =
        client.asking("alice").with("acr_values", "x").with("response_type", "code").with("", "x");
    assert_eq!(lives(&client.starts(form).await), 300);
}

/// W73: one push per confirmed device, within the request's life.
#[tokio::test]
async fn every_device_of_the_person_gets_one_push() {
    let world = with_phone().await;
    world.second_phone_of("alice").enrolls().await;
    world.phone_of("bob").enrolls().await;
    let id = world.client().asks_for("alice").await;
    for phone in [world.phone_of("alice"), world.second_phone_of("alice")] {
        let pushes = phone.pushes().await;
        assert_eq!(pushes.len(), 1);
        assert_eq!(pushes[0].device, phone.device_id());
        assert_eq!(pushes[0].sent_at, world.now());
        phone.push_of(&id).await;
    }
    assert!(world.phone_of("bob").pushes().await.is_empty());
    world.run_worker().await;
    assert_eq!(world.phone_of("alice").pushes().await.len(), 1);
}

/// W74: a push service that is down changes nothing for the client; the failure is logged.
#[tokio::test]
async fn a_push_service_that_is_down_is_not_the_clients_matter() {
    use server::outside::Receipt;
    let world = with_phone().await;
    let app = world.app();
    let user = world.user_id("alice");
    let devices = store::enrollments::of_user(&app.database, world.tenant_id(), &user).await;
    let token = devices.unwrap().remove(0).push_token.unwrap();
    let refused = Receipt::Refused(String::from("the push service says no"));
    app.courier.tray().unwrap().answer_with(&token, refused);
    let client = world.client();
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(lives(&answer), 300);
    let page = store::log_events::LogPage { offset: 0, limit: 10, newest_first: true };
    let told = store::log_events::list(&app.database, world.tenant_id(), page).await.unwrap();
    assert!(told.iter().any(|event| event.kind == "gd_send_pn_failure"), "{told:?}");
    assert_eq!(client.polls(&answer.member("auth_req_id")).await, "400 authorization_pending");
}

/// W75: a consent record with an id of its own, in push and log alike.
#[tokio::test]
async fn a_request_has_a_consent_record() {
    let world = with_phone().await;
    let id = world.client().asks_for("alice").await;
    let push = world.phone_of("alice").push_of(&id).await;
    let name = push.consent_id.strip_prefix("cns_").unwrap();
    assert_eq!(name.len(), 22);
    assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{name}");
    let consent = world.phone_of("alice").reads(&push).await;
    assert_eq!(consent.json()["id"], push.consent_id.as_str());
}

/// W76: an approval is good for its own request only.
#[tokio::test]
async fn an_equal_request_is_asked_again() {
    let world = with_phone().await;
    let client = world.client();
    let form = client.asking("alice").with("audience", "https://api.example.com/payments");
    let first = client.starts(form.clone()).await.member("auth_req_id");
    world.phone_of("alice").approves(&first).await;
    client.redeems(&first).await;
    let second = client.starts(form).await.member("auth_req_id");
    assert_eq!(client.polls(&second).await, "400 authorization_pending");
    assert_eq!(world.phone_of("alice").pushes().await.len(), 2);
}

/// W78: no cookie, no session, no login.
#[tokio::test]
async fn no_session_is_made() {
    let world = with_phone().await;
    let client = world.client();
    let started = client.starts(client.asking("alice")).await;
    let id = started.member("auth_req_id");
    world.phone_of("alice").approves(&id).await;
    let exchanged = client.poll(&id).await;
    assert_eq!(exchanged.status, 200);
    for answer in [started, exchanged] {
        assert_eq!(answer.header("set-cookie"), "");
    }
}

/// Decision 3: a client may take its request back, and the phone's card disappears.
#[tokio::test]
async fn a_client_may_cancel() {
    let world = with_phone().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    let push = world.phone_of("alice").push_of(&id).await;
    let other = world.registers("Other", json!({})).await;
    assert_eq!(other.cancels(&id).await.summary(), "403 invalid_grant");
    let answer = client.cancels(&id).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let poll = client.poll(&id).await;
    assert_eq!(poll.summary(), "400 access_denied");
    assert_eq!(poll.member("error_description"), "The authorization request was withdrawn");
    let decision = device_protocol::guardian::resolve::Decision::Accepted;
    assert_eq!(world.phone_of("alice").answers(&push, decision).await.status, 404);
    assert_eq!(client.polls(&id).await, "400 access_denied");
}

/// Decision 4: the same key and body give the same request, and no second push.
#[tokio::test]
async fn an_idempotency_key_makes_a_repeated_start_the_same_start() {
    let world = with_phone().await;
    let client = world.client();
    let (form, _) = client.credentials(client.asking("alice"));
    let headers = [("idempotency-key", "order-42")];
    let first = world.post_form("bc-authorize", &form, &headers).await;
    assert_eq!(lives(&first), 300);
    world.advance_seconds(10);
    world.restart().await;
    let second = world.post_form("bc-authorize", &form, &headers).await;
    assert_eq!(second.status, 200, "{}", second.text());
    let ids: Vec<Value> =
        [&first, &second].map(|answer| answer.json()["auth_req_id"].clone()).into();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(world.phone_of("alice").pushes().await.len(), 1);
    let other = form.with("binding_message", "something else");
    let third = world.post_form("bc-authorize", &other, &headers).await;
    let text = "The Idempotency-Key was used for a different request";
    testkit::assert_refused(&third, 400, "invalid_request", text);
}
