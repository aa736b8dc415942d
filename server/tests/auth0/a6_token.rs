//! W122 to W154: `POST /oauth/token` with the CIBA grant, in the order of the requirements.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Client, Form, Proof, World, assert_refused};

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const OVER: &str = "The end-user denied the authorization request or it has been expired";
const PAYMENTS: &str = "https://api.example.com/payments";

#[track_caller]
fn is_pending(answer: &Answer) {
    let text = "The end-user authorization is pending";
    assert_refused(answer, 400, "authorization_pending", text);
}

#[track_caller]
fn is_over(answer: &Answer) {
    assert_refused(answer, 400, "access_denied", OVER);
}

#[track_caller]
fn is_unknown(answer: &Answer) {
    assert_refused(answer, 403, "invalid_grant", "Invalid or expired auth_req_id");
}

/// That a poll was too fast, and the interval is `seconds` from now on.
#[track_caller]
fn is_slowed_to(answer: &Answer, seconds: i64) {
    let text = format!("You are polling faster than allowed. Try again in {seconds} seconds.");
    let body = json!({"error": "slow_down", "error_description": text, "interval": seconds});
    assert_eq!((answer.status, answer.json()), (429, body));
    assert_eq!(answer.number("retry-after"), seconds);
}

fn json_poll(client: &Client<'_>, id: &str) -> Value {
    client.polling(id).to_json()
}

/// W122, W123: a form and a JSON object are the same question.
#[tokio::test]
async fn a_poll_may_be_a_form_or_json() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    is_pending(&client.poll(&id).await);
    world.advance_seconds(5);
    is_pending(&client.posts_json("oauth/token", json_poll(&client, &id)).await);
    world.phone_of("alice").approves(&id).await;
    let answer = client.posts_json("oauth/token", json_poll(&client, &id)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// W124: `null` and an empty scope are as good as nothing.
#[tokio::test]
async fn null_members_count_as_absent() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    let mut body = json_poll(&client, &id);
    body["scope"] = "".into();
    body["audience"] = Value::Null;
    body["client_assertion"] = Value::Null;
    body["organization"] = Value::Null;
    is_pending(&client.posts_json("oauth/token", body).await);
}

/// W125: the first poll may come at once.
#[tokio::test]
async fn the_first_poll_is_never_too_fast() {
    let world = World::new().await;
    let client = world.client();
    for person in ["alice", "bob", "carol"] {
        let id = client.asks_for(person).await;
        is_pending(&client.poll(&id).await);
    }
}

/// W126: an error is a JSON object with two texts.
#[tokio::test]
async fn every_error_is_json() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    for answer in [
        client.poll(&id).await,
        client.poll(&id).await,
        client.poll("unknown").await,
        client.posts("oauth/token", Form::new()).await,
        world.post_form("oauth/token", &Form::new(), &[]).await,
        world.request(Method::POST, "oauth/token", &[], "x").await,
        world.request(Method::GET, "oauth/token", &[], "").await,
    ] {
        assert!(answer.status >= 400);
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(
            !answer.member("error").is_empty() && !answer.member("error_description").is_empty()
        );
    }
}

/// W127: five seconds apart is in time, and half a second early is too.
#[tokio::test]
async fn polls_at_the_interval_are_in_time() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    for ms in [5_000, 4_500, 5_500, 4_500, 60_000] {
        is_pending(&client.poll(&id).await);
        world.advance_ms(ms);
    }
    is_pending(&client.poll(&id).await);
    world.advance_ms(4_499);
    is_slowed_to(&client.poll(&id).await, 10);
}

/// W128: a second later is too fast.
#[tokio::test]
async fn a_poll_too_soon_is_slowed_down() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    is_pending(&client.poll(&id).await);
    world.advance_seconds(1);
    is_slowed_to(&client.poll(&id).await, 10);
}

/// W129: the interval grows by five to thirty, and never falls; not by a restart either.
#[tokio::test]
async fn the_interval_grows_and_never_falls() {
    let world = World::new().await;
    let client = world.registers("Patient", json!({"max_requested_expiry": 3600})).await;
    let id = client.asks_with("alice", |form| form.with("requested_expiry", "3600")).await;
    is_pending(&client.poll(&id).await);
    world.advance_seconds(1);
    for seconds in [10, 15, 20, 25, 30, 30, 30] {
        is_slowed_to(&client.poll(&id).await, seconds);
        world.advance_seconds(4);
    }
    world.restart().await;
    world.advance_seconds(30);
    is_pending(&client.poll(&id).await);
    world.advance_seconds(29);
    is_slowed_to(&client.poll(&id).await, 30);
}

/// W130: automatic repetitions within three seconds change nothing.
#[tokio::test]
async fn an_echo_of_a_slow_down_does_not_escalate() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    is_pending(&client.poll(&id).await);
    world.advance_seconds(1);
    is_slowed_to(&client.poll(&id).await, 10);
    for ms in [300, 300, 300, 2_000] {
        world.advance_ms(ms);
        is_slowed_to(&client.poll(&id).await, 10);
    }
    world.advance_ms(7_100);
    is_pending(&client.poll(&id).await);
}

/// W131: who waits as told is in time.
#[tokio::test]
async fn waiting_as_told_is_in_time() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    is_pending(&client.poll(&id).await);
    world.advance_seconds(1);
    is_slowed_to(&client.poll(&id).await, 10);
    world.advance_seconds(10);
    is_pending(&client.poll(&id).await);
    world.advance_seconds(10);
    is_pending(&client.poll(&id).await);
}

/// W132: the other profiles say it with a 400.
#[tokio::test]
async fn the_other_profiles_slow_down_with_400() {
    let world = World::builder()
        .settings(|settings| settings.profiles = ["auth0", "ciba"].map(String::from).to_vec())
        .start()
        .await;
    let client = world.registers("ciba-client", json!({"profile": "ciba"})).await;
    let id = client.asks_for("alice").await;
    is_pending(&client.poll(&id).await);
    world.advance_seconds(1);
    let answer = client.poll(&id).await;
    let text = "You are polling faster than allowed. Try again in 10 seconds.";
    assert_refused(&answer, 400, "slow_down", text);
    assert_eq!(answer.number("retry-after"), 10);
}

/// W133: impatience kills nothing.
#[tokio::test]
async fn twenty_polls_without_a_pause_harm_nothing() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    is_pending(&client.poll(&id).await);
    for _ in 0..19 {
        is_slowed_to(&client.poll(&id).await, 10);
    }
    world.phone_of("alice").approves(&id).await;
    assert!(client.redeems(&id).await["access_token"].is_string());
}

/// W134: the outcome is never withheld for speed.
#[tokio::test]
async fn a_decision_is_told_at_once() {
    let world = World::new().await;
    let client = world.client();
    let (yes, no) = (client.asks_for("alice").await, client.asks_for("alice").await);
    for id in [&yes, &no] {
        is_pending(&client.poll(id).await);
        is_slowed_to(&client.poll(id).await, 10);
    }
    world.phone_of("alice").approves(&yes).await;
    world.phone_of("alice").denies(&no).await;
    is_over(&client.poll(&no).await);
    assert_eq!(client.polls(&yes).await, "200");
}

/// W135: no is no, every time.
#[tokio::test]
async fn a_denied_request_stays_denied() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    world.phone_of("alice").denies(&id).await;
    for _ in 0..3 {
        is_over(&client.poll(&id).await);
        world.advance_seconds(1);
    }
    world.restart().await;
    is_over(&client.poll(&id).await);
}

/// W136: undecided until it was too late.
#[tokio::test]
async fn an_undecided_request_expires() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    world.advance_ms(299_999);
    is_pending(&client.poll(&id).await);
    world.advance_ms(1);
    is_over(&client.poll(&id).await);
}

/// W136: the other profiles say `expired_token`.
#[tokio::test]
async fn the_other_profiles_say_expired_token() {
    let world = World::builder()
        .settings(|settings| settings.profiles = ["auth0", "ciba"].map(String::from).to_vec())
        .start()
        .await;
    let client = world.registers("ciba-client", json!({"profile": "ciba"})).await;
    let id = client.asks_for("alice").await;
    world.advance_seconds(300);
    let text = "The auth_req_id has expired";
    assert_refused(&client.poll(&id).await, 400, "expired_token", text);
}

/// W137: ten minutes after its end a request is still known.
#[tokio::test]
async fn an_ended_request_is_remembered_for_ten_minutes() {
    let world = World::new().await;
    let client = world.client();
    let (late, denied) = (client.asks_for("alice").await, client.asks_for("alice").await);
    world.phone_of("alice").denies(&denied).await;
    world.advance_seconds(300);
    for _ in 0..10 {
        world.advance_seconds(60);
        world.run_worker().await;
        is_over(&client.poll(&late).await);
        is_over(&client.poll(&denied).await);
    }
}

/// W138: approved in time, first polled after `expires_in`.
#[tokio::test]
async fn an_approval_that_is_not_collected_in_time_buys_nothing() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    world.phone_of("alice").approves(&id).await;
    world.advance_seconds(301);
    is_over(&client.poll(&id).await);
}

/// W139: the tokens.
#[tokio::test]
async fn an_approved_request_gives_tokens() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    world.phone_of("alice").approves(&id).await;
    let answer = client.poll(&id).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let body = answer.json();
    assert!(body["access_token"].is_string() && body["id_token"].is_string(), "{body}");
    assert!(body["expires_in"].is_u64(), "{body}");
    assert_eq!((&body["token_type"], &body["scope"]), (&json!("Bearer"), &json!("openid")));
}

/// W140: once.
#[tokio::test]
async fn an_approval_is_good_once() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    world.phone_of("alice").approves(&id).await;
    client.redeems(&id).await;
    is_unknown(&client.poll(&id).await);
    world.restart().await;
    is_unknown(&client.poll(&id).await);
}

/// W141: what never was.
#[tokio::test]
async fn an_invented_id_is_unknown() {
    let world = World::new().await;
    for id in ["x", &"A".repeat(64), &"A".repeat(5000), "%00", "é"] {
        is_unknown(&world.client().poll(id).await);
    }
}

/// W142: another client learns nothing and spoils nothing.
#[tokio::test]
async fn a_request_belongs_to_its_client() {
    let world = World::new().await;
    let client = world.client();
    let thief = world.registers("Thief", json!({})).await;
    let id = client.asks_for("alice").await;
    is_unknown(&thief.poll(&id).await);
    is_pending(&client.poll(&id).await);
    world.phone_of("alice").approves(&id).await;
    is_unknown(&thief.poll(&id).await);
    assert_eq!(client.polls(&id).await, "200");
}

/// W144: there must be an id, and it is a text.
#[tokio::test]
async fn a_poll_names_its_request() {
    let world = World::new().await;
    let client = world.client();
    let text = "auth_req_id is required";
    for form in [client.polling(""), client.polling("x").without("auth_req_id")] {
        let answer = client.posts("oauth/token", form).await;
        assert_refused(&answer, 400, "invalid_request", text);
    }
    for id in [json!(7), json!(["x"]), json!({}), json!(true), Value::Null] {
        let body = json!({"grant_type": CIBA, "auth_req_id": id});
        let answer = client.posts_json("oauth/token", body).await;
        assert_refused(&answer, 400, "invalid_request", text);
    }
}

/// W145, W146: a poll is authenticated, and the client still has the grant.
#[tokio::test]
async fn who_polls_must_still_be_allowed_to() {
    let world = World::new().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    let wrong = client.proving(Proof::Secret(String::from("wrong")));
    assert_refused(&wrong.poll(&id).await, 401, "access_denied", "Unauthorized");
    world.phone_of("alice").approves(&id).await;
    let path = format!("clients/{}", client.id());
    let taken = world.operator().patches(&path, &json!({"grant_types": ["refresh_token"]})).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    let answer = client.poll(&id).await;
    assert_eq!(answer.summary(), "403 unauthorized_client");
    let text = "Grant type 'urn:openid:params:grant-type:ciba' not allowed for the client.";
    assert_eq!(answer.member("error_description"), text);
    assert_eq!(answer.member("error_uri"), "https://auth0.com/docs/clients/client-grant-types");
    let back = world.operator().patches(&path, &json!({"grant_types": [CIBA]})).await;
    assert_eq!(back.status, 200);
    assert_eq!(client.polls(&id).await, "200");
}

/// W147: which grants there are.
#[tokio::test]
async fn another_grant_type_is_refused() {
    let world = World::new().await;
    let client = world.client();
    for grant in ["password", "x", "urn:ietf:params:oauth:grant-type:device_code", "CIBA"] {
        let answer = client.posts("oauth/token", Form::new().with("grant_type", grant)).await;
        let text = format!("Unsupported grant type: {grant}");
        assert_refused(&answer, 403, "unsupported_grant_type", &text);
    }
    let none = client.posts("oauth/token", Form::new()).await;
    assert_eq!(none.summary(), "400 invalid_request");
}

fn offline(form: Form) -> Form {
    form.with("scope", "openid offline_access")
}

/// W148: a refresh token, where scope, API and client allow it.
#[tokio::test]
async fn offline_access_gives_a_refresh_token() {
    let world = World::new().await;
    let client = world.client();
    let changes: [fn(Form) -> Form; 2] = [offline, |form| offline(form).with("audience", PAYMENTS)];
    for change in changes {
        let tokens = client.gets_tokens("alice", change).await;
        assert!(tokens["refresh_token"].is_string(), "{tokens}");
        assert_eq!(tokens["scope"], "openid offline_access");
    }
}

/// W149: if one of the three is missing there is none, and no error.
#[tokio::test]
async fn without_all_three_there_is_no_refresh_token() {
    let world = World::new().await;
    world.registers_api(json!({"identifier": "https://online.example/"})).await;
    let no_grant = world.registers("NoRefresh", json!({"grant_types": [CIBA]})).await;
    let bank = world.client();
    let online: fn(Form) -> Form = |form| offline(form).with("audience", "https://online.example/");
    let unasked: fn(Form) -> Form = |form| form.with("audience", PAYMENTS);
    let asked: fn(Form) -> Form = offline;
    for (client, change) in [(&bank, unasked), (&bank, online), (&no_grant, asked)] {
        let tokens = client.gets_tokens("alice", change).await;
        assert_eq!((tokens.get("refresh_token"), &tokens["scope"]), (None, &json!("openid")));
    }
}

/// W150: details come back as an array.
#[tokio::test]
async fn details_are_answered_as_json() {
    let world = World::new().await;
    let details =
        json!([{"type": "payment_initiation", "amount": {"value": "2500", "n": [1, 2.5]}}]);
    let ask = |form: Form| {
        form.with("audience", PAYMENTS).with("authorization_details", details.to_string())
    };
    let tokens = world.client().gets_tokens("alice", ask).await;
    assert_eq!(tokens["authorization_details"], details);
}

/// W152: what the API does not define is not shown and not granted.
#[tokio::test]
async fn undefined_scopes_are_dropped() {
    let world = World::new().await;
    let client = world.client();
    let ask = |form: Form| {
        form.with("audience", PAYMENTS).with("scope", "openid read:balance read:everything")
    };
    let id = client.asks_with("alice", ask).await;
    let consent = world.phone_of("alice").consent_of(&id).await;
    let shown = consent["requested_details"]["scope"].as_array().unwrap().clone();
    assert!(shown.contains(&json!("read:balance")), "{consent}");
    assert!(!shown.contains(&json!("read:everything")), "{consent}");
    world.phone_of("alice").approves(&id).await;
    let tokens = client.redeems(&id).await;
    assert_eq!(tokens["scope"], "openid read:balance");
}

/// W153: blocked or deleted after the approval.
#[tokio::test]
async fn a_user_who_is_gone_gives_no_tokens() {
    let world = World::new().await;
    let client = world.client();
    let (one, two) = (client.asks_for("alice").await, client.asks_for("bob").await);
    world.phone_of("alice").approves(&one).await;
    world.phone_of("bob").approves(&two).await;
    let operator = world.operator();
    assert_eq!(
        operator.patches("users/auth0%7Calice", &json!({"blocked": true})).await.status,
        200
    );
    assert_eq!(operator.deletes("users/auth0%7Cbob").await.status, 204);
    is_over(&client.poll(&one).await);
    assert_eq!(client.polls(&two).await, "400 access_denied");
}

/// W154: only POST.
#[tokio::test]
async fn another_method_is_refused() {
    let world = World::new().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = world.request(method, "oauth/token", &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    }
}
