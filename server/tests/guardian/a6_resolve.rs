//! G75 to G100: resolve.

use device_protocol::guardian::resolve::{self, Decision};
use domain::jose::Algorithm;
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Phone, Push, World, device_key, p256_key};

use super::{RESOLVE, assert_x, call, logged, with, without};

/// The claims of a yes.
pub(super) fn yes(world: &World, phone: &Phone<'_>, push: &Push) -> Value {
    resolve::Answer {
        identifier: &phone.identifier(),
        challenge: &push.challenge,
        url: &world.url(RESOLVE),
        issued_at: world.now().seconds(),
        decision: Decision::Accepted,
    }
    .claims()
}

/// Alice's phone, and the push of a fresh request.
async fn asked(world: &World) -> (String, Phone<'_>, Push) {
    let id = world.client().asks_for("alice").await;
    let phone = world.phone_of("alice");
    let push = phone.push_of(&id).await;
    (id, phone, push)
}

/// Sends any text as the signed answer.
async fn sends(world: &World, txtkn: &str, jwt: &str) -> Answer {
    call(world, Method::POST, RESOLVE, txtkn, Some(&resolve::body(jwt))).await
}

const PENDING: &str = "400 authorization_pending";

/// G75, G100: yes is 204 without a body, and the next poll gets tokens.
#[tokio::test]
async fn yes_gives_the_client_tokens() {
    let world = World::new().await;
    let (id, phone, push) = asked(&world).await;
    let answer = phone.answers(&push, Decision::Accepted).await;
    assert_eq!((answer.status, answer.body.len(), answer.header("content-type")), (204, 0, ""));
    assert_eq!(world.client().polls(&id).await, "200");
}

/// G76: no is 204, and the next poll is told so.
#[tokio::test]
async fn no_ends_the_request() {
    let world = World::new().await;
    let (id, phone, push) = asked(&world).await;
    let answer = phone.answers(&push, Decision::Rejected { reason: None }).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let poll = world.client().poll(&id).await;
    assert_eq!(poll.summary(), "400 access_denied");
    assert_eq!(
        poll.member("error_description"),
        "The end-user denied the authorization request or it has been expired"
    );
}

/// G77, G78: reasons and outcomes in the log.
#[tokio::test]
async fn the_log_tells_outcomes_and_reasons() {
    let world = World::new().await;
    for reason in ["mistake", "hack", "any text at all"] {
        let (_, phone, push) = asked(&world).await;
        let answer = phone.answers(&push, Decision::Rejected { reason: Some(reason) }).await;
        assert_eq!(answer.status, 204);
        assert_eq!(logged(&world, "gd_auth_rejected").await[0]["reason"], reason);
        if reason == "hack" {
            // A report: the client asks this person in vain until it is lifted (D16).
            let user = testkit::encoded(world.user_id("alice").as_str());
            let path = format!("users/{user}/refused-clients/{}", world.client().id());
            assert_eq!(world.operator().deletes(&path).await.status, 204);
        }
        world.advance_seconds(1);
    }
    let (_, phone, push) = asked(&world).await;
    assert_x(&sends(&world, &push.txtkn, "a.b.c").await, 401, "invalid_token");
    assert_eq!(logged(&world, "gd_auth_failed").await.len(), 1);
    phone.answers(&push, Decision::Accepted).await;
    let allowed = logged(&world, "gd_auth_succeed").await;
    assert_eq!(allowed[0]["transaction_linking_id"], push.consent_id);
}

/// G82: the URL called, under any base and alias, however its host is written.
#[tokio::test]
async fn any_address_of_the_tenant_may_be_signed() {
    let world = World::builder().dev().start().await;
    for audience in [
        "https://login.example.com/appliance-mfa/api/resolve-transaction",
        "https://LOGIN.example.com:443/api/resolve-transaction",
        "https://login.example.com/guardian/api/resolve-transaction",
        "http://localhost:8080/appliance-mfa/api/resolve-transaction",
    ] {
        let (_, phone, push) = asked(&world).await;
        let claims = with(&yes(&world, &phone, &push), "aud", audience);
        let answer = phone.answers_with(&push, &claims).await;
        assert_eq!(answer.status, 204, "{audience}: {}", answer.text());
        world.advance_seconds(60);
    }
}

/// G83, G86, G91: what a signed answer may not say; the request still waits.
#[tokio::test]
async fn an_answer_that_says_another_thing_changes_nothing() {
    let world = World::new().await;
    let (id, phone, push) = asked(&world).await;
    let good = yes(&world, &phone, &push);
    for claims in [
        with(&good, "aud", "https://evil.example/appliance-mfa/api/resolve-transaction"),
        with(&good, "aud", world.url("appliance-mfa/api/enroll")),
        with(&good, "aud", json!([world.url(RESOLVE)])),
        with(&good, "aud", world.issuer()),
        with(&good, "sub", "another challenge"),
        without(&good, "auth0_guardian_accepted"),
        with(&good, "auth0_guardian_accepted", "true"),
        with(&good, "auth0_guardian_method", "otp"),
    ] {
        assert_x(&phone.answers_with(&push, &claims).await, 401, "invalid_token");
    }
    assert_eq!(world.client().polls(&id).await, PENDING);
    assert_eq!(phone.answers_with(&push, &good).await.status, 204);
}

/// G84, G85: another `iss` is taken, unless the tenant is strict.
#[tokio::test]
async fn another_iss_is_taken_unless_the_tenant_is_strict() {
    let world = World::new().await;
    let (_, phone, push) = asked(&world).await;
    let claims = with(&yes(&world, &phone, &push), "iss", push.device.clone());
    assert_eq!(phone.answers_with(&push, &claims).await.status, 204);
    assert_eq!(logged(&world, "gd_auth_succeed").await[0]["identifier_matches"], false);
    let world = World::builder().settings(|all| all.strict_device_identifier = true).start().await;
    let (_, phone, push) = asked(&world).await;
    let good = yes(&world, &phone, &push);
    for iss in [push.device.as_str(), "another"] {
        let answer = phone.answers_with(&push, &with(&good, "iss", iss)).await;
        assert_x(&answer, 401, "invalid_token");
    }
    assert_eq!(phone.answers_with(&push, &good).await.status, 204);
}

/// G87, G88: how far the phone's clock may be off.
#[tokio::test]
async fn the_phones_clock_may_be_off_a_little() {
    let world = World::new().await;
    let (id, phone, push) = asked(&world).await;
    let good = yes(&world, &phone, &push);
    let now = world.now().seconds();
    for claims in [with(&good, "exp", now - 61), with(&good, "iat", now + 301)] {
        assert_x(&phone.answers_with(&push, &claims).await, 401, "invalid_token");
    }
    assert_eq!(world.client().polls(&id).await, PENDING);
    let claims = with(&with(&good, "exp", now - 60), "iat", now + 300);
    assert_eq!(phone.answers_with(&push, &claims).await.status, 204);
}

/// G89, G90: the enrolled key with its own algorithm, and no other; P-256 with ES256.
#[tokio::test]
async fn only_the_enrolled_key_decides() {
    let world = World::new().await;
    let (id, phone, push) = asked(&world).await;
    let claims = yes(&world, &phone, &push).to_string();
    let rsa = device_key();
    for alg in ["none", "HS256", "RS256"] {
        let header = json!({ "alg": alg, "typ": "JWT" }).to_string();
        let jwt = rsa.sign_compact(Algorithm::Rs256, &header, &claims).unwrap();
        assert_x(&sends(&world, &push.txtkn, &jwt).await, 401, "invalid_token");
    }
    let header = resolve::header("ES256").to_string();
    let jwt = p256_key().sign_compact(Algorithm::Es256, &header, &claims).unwrap();
    assert_x(&sends(&world, &push.txtkn, &jwt).await, 401, "invalid_token");
    assert_eq!(world.client().polls(&id).await, PENDING);
    let jwt = phone.key().sign_compact(Algorithm::Es256, &header, &claims).unwrap();
    assert_eq!(sends(&world, &push.txtkn, &jwt).await.status, 204);
}

/// Part of G89: RSA devices answer with RS256 and nothing else.
#[tokio::test]
async fn an_rsa_device_answers_with_rs256() {
    let world = World::new().await;
    world.phone_of("alice").enrolls_with(device_key(), "GCM").await;
    let (_, phone, push) = asked(&world).await;
    let claims = yes(&world, &phone, &push).to_string();
    for (algorithm, header) in
        [(Algorithm::Rs256, "ES256"), (Algorithm::Ps256, "PS256"), (Algorithm::Rs512, "RS512")]
    {
        let header = resolve::header(header).to_string();
        let jwt = device_key().sign_compact(algorithm, &header, &claims).unwrap();
        assert_x(&sends(&world, &push.txtkn, &jwt).await, 401, "invalid_token");
    }
    assert_eq!(phone.answers(&push, Decision::Accepted).await.status, 204);
}

/// G92: a body without a signed answer.
#[tokio::test]
async fn a_body_without_an_answer_is_refused() {
    let world = World::new().await;
    let (_, _, push) = asked(&world).await;
    for body in [json!({}), json!({ "challenge_response": 7 }), json!([]), json!("x")] {
        let answer = call(&world, Method::POST, RESOLVE, &push.txtkn, Some(&body)).await;
        assert_x(&answer, 400, "invalid_body");
    }
    let authorization = format!("Bearer {}", push.txtkn);
    let headers = [("authorization", authorization.as_str())];
    let answer = world.request(Method::POST, RESOLVE, &headers, "not json").await;
    assert_x(&answer, 400, "invalid_body");
}

/// G93: no token, one that is none of ours, or one of a device that is gone.
#[tokio::test]
async fn a_token_that_is_none_is_refused() {
    let world = World::new().await;
    let (_, phone, push) = asked(&world).await;
    let body = json!({ "challenge_response": "a.b.c" });
    assert_x(&world.post_json(RESOLVE, &body, &[]).await, 401, "invalid_token");
    let forged = format!("{}x", push.txtkn);
    for token in ["x", forged.as_str(), &phone.account_token()] {
        let answer = call(&world, Method::POST, RESOLVE, token, Some(&body)).await;
        assert_x(&answer, 401, "invalid_token");
    }
    let claims = yes(&world, &phone, &push);
    let jwt = super::signed(&phone.key(), &resolve::header("ES256"), &claims);
    phone.unenrolls().await;
    assert_x(&sends(&world, &push.txtkn, &jwt).await, 401, "invalid_token");
}

/// G94: an expired transaction, still stored or swept away.
#[tokio::test]
async fn an_expired_request_cannot_be_answered() {
    let world = World::new().await;
    let (_, phone, push) = asked(&world).await;
    for seconds in [300, 3600] {
        world.advance_seconds(seconds);
        world.run_worker().await;
        let answer = phone.answers(&push, Decision::Accepted).await;
        assert_x(&answer, 404, "login_transaction_not_found");
    }
    let foreign = world.second_tenant("acme").await;
    let body = json!({ "challenge_response": "a.b.c" });
    let answer = call(&foreign, Method::POST, RESOLVE, &push.txtkn, Some(&body)).await;
    assert_x(&answer, 401, "invalid_token");
}

/// G95, G96: the same answer again is 204, the other one is not.
#[tokio::test]
async fn an_answer_may_be_repeated_but_not_changed() {
    let world = World::new().await;
    let no = Decision::Rejected { reason: None };
    for (first, other) in [(Decision::Accepted, no), (no, Decision::Accepted)] {
        let (id, phone, push) = asked(&world).await;
        assert_eq!(phone.answers(&push, first).await.status, 204);
        assert_eq!(phone.answers(&push, first).await.status, 204);
        assert_x(&phone.answers(&push, other).await, 404, "login_transaction_not_found");
        let outcome = world.client().polls(&id).await;
        assert_eq!(outcome == "200", first == Decision::Accepted, "{outcome}");
        assert_eq!(phone.answers(&push, first).await.status, 204, "after the client was told");
        world.advance_seconds(300);
        assert_x(&phone.answers(&push, first).await, 404, "login_transaction_not_found");
    }
}

/// G97: another device is too late.
#[tokio::test]
async fn the_second_device_is_too_late() {
    let world = World::new().await;
    let (first, second) = (world.phone_of("alice"), world.second_phone_of("alice"));
    first.is_ready().await;
    second.is_ready().await;
    let id = world.client().asks_for("alice").await;
    let push = second.push_of(&id).await;
    first.approves(&id).await;
    for decision in [Decision::Accepted, Decision::Rejected { reason: None }] {
        assert_x(&second.answers(&push, decision).await, 404, "login_transaction_not_found");
    }
    assert_eq!(world.client().polls(&id).await, "200");
}

/// G98: yes and no at the same moment: one is taken, and the poll agrees with it.
#[tokio::test]
async fn of_two_answers_at_once_one_is_taken() {
    let world = World::new().await;
    let (first, second) = (world.phone_of("alice"), world.second_phone_of("alice"));
    first.is_ready().await;
    second.is_ready().await;
    for _ in 0..5 {
        let id = world.client().asks_for("alice").await;
        let (a, b) = (first.push_of(&id).await, second.push_of(&id).await);
        let no = Decision::Rejected { reason: None };
        let (yes, no) = tokio::join!(first.answers(&a, Decision::Accepted), second.answers(&b, no));
        let mut statuses = [yes.status, no.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 404]);
        let poll = world.client().polls(&id).await;
        assert_eq!(poll == "200", yes.status == 204, "{poll}");
        world.advance_seconds(60);
    }
}

/// G99: blocked since the push.
#[tokio::test]
async fn a_blocked_person_cannot_approve() {
    let world = World::new().await;
    let (id, phone, push) = asked(&world).await;
    let path = format!("users/{}", testkit::encoded("auth0|alice"));
    let blocked = world.operator().patches(&path, &json!({ "blocked": true })).await;
    assert_eq!(blocked.status, 200, "{}", blocked.text());
    let answer = phone.answers(&push, Decision::Accepted).await;
    assert_x(&answer, 404, "login_transaction_not_found");
    assert_ne!(world.client().polls(&id).await, "200");
}

#[tokio::test]
async fn where_the_tenant_demands_it_nobody_approves_what_no_phone_has_read() {
    let world = World::builder().settings(|all| all.require_consent_read = true).start().await;
    let client = world.client();
    world.phone_of("alice").is_ready().await;
    assert_eq!(client.starts(client.asking("alice")).await.status, 200);
    let phone = world.phone_of("alice");
    let push = phone.pushes().await.remove(0);
    assert_x(&phone.answers(&push, Decision::Accepted).await, 401, "invalid_token");
    assert_eq!(phone.reads(&push).await.status, 200);
    assert_eq!(phone.answers(&push, Decision::Accepted).await.status, 204);
}
