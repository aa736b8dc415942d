//! A16: who can be asked is not told, where the tenant keeps it private.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use testkit::push_services::Scripted;
use testkit::{Answer, Client, Form, World};

/// Alice can be asked; bob is blocked, carol has no device, dora is called in no way.
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dora"];

async fn world(is_private: bool) -> World {
    let world = World::builder().profile("ciba").outbound(std::sync::Arc::new(Scripted::new()));
    let world = world.settings(|settings| settings.privacy_mode = is_private).start().await;
    for person in ["alice", "bob"] {
        world.phone_of(person).is_ready().await;
    }
    blocks(&world, "bob").await;
    world
}

async fn blocks(world: &World, person: &str) {
    let path = format!("users/auth0%7C{person}");
    let answer = world.operator().patches(&path, &json!({"blocked": true})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// What a client can see of an answer that is not different each time anyway.
fn shape(answer: &Answer) -> (String, Vec<String>, Value) {
    let changing = ["date", "x-request-id", "request-id", "traceparent"];
    let headers = answer.headers.keys().map(|name| name.as_str().to_owned());
    let mut body = answer.json();
    for name in ["auth_req_id", "match_code"] {
        if let Some(value) = body.get_mut(name) {
            *value = value.as_str().unwrap().len().into();
        }
    }
    (answer.summary(), headers.filter(|name| !changing.contains(&name.as_str())).collect(), body)
}

/// The same call about each of the people; what a client sees is the same. Gives the answers.
async fn alike(about: impl AsyncFn(&'static str) -> Answer) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    for person in PEOPLE {
        let answer = about(person).await;
        if let Some(first) = answers.first() {
            assert_eq!(shape(&answer), shape(first), "{person}");
        }
        answers.push(answer);
    }
    answers
}

async fn asks_all(client: &Client<'_>, change: impl Fn(Form) -> Form + Send + Sync) -> Vec<String> {
    let answers = alike(async |person| client.starts(change(client.asking(person))).await).await;
    assert_eq!(answers[0].status, 200, "{}", answers[0].text());
    answers.iter().map(|answer| answer.member("auth_req_id")).collect()
}

/// The answers to one poll of each.
async fn polls_all(client: &Client<'_>, ids: &[String]) -> String {
    let place = |person| PEOPLE.iter().position(|one| *one == person).unwrap();
    let answers = alike(async |person| client.poll(&ids[place(person)]).await).await;
    answers[0].summary()
}

/// N38, A16, C51: who is unknown, blocked or without a device is told as `unknown_user_id`; with
/// privacy mode the request is acknowledged like any other, waits like any other, and runs out.
#[tokio::test]
async fn who_cannot_be_asked_is_told_or_kept_private() {
    let open = world(false).await;
    for person in ["bob", "carol", "dora"] {
        let client = open.client();
        assert_eq!(client.starts(client.asking(person)).await.summary(), "400 unknown_user_id");
    }
    let world = world(true).await;
    let client = world.client();
    let ids = asks_all(&client, |form| form).await;
    for expected in ["authorization_pending", "slow_down", "slow_down"] {
        assert_eq!(polls_all(&client, &ids).await, format!("400 {expected}"));
    }
    assert_eq!(world.phone_of("alice").pushes().await.len(), 1);
    assert!(world.phone_of("bob").pushes().await.is_empty());
    world.advance_seconds(150);
    world.restart().await;
    assert_eq!(polls_all(&client, &ids).await, "400 authorization_pending");
    world.advance_seconds(150);
    for _ in 0..3 {
        assert_eq!(polls_all(&client, &ids).await, "400 expired_token");
        world.advance_seconds(200);
        world.run_worker().await;
    }
    world.advance_seconds(200);
    world.run_worker().await;
    assert_eq!(polls_all(&client, &ids).await, "400 invalid_grant");
}

/// A16: nor does a client learn it from a wait, from taking its request back, from doing so
/// twice, or from an `Idempotency-Key`.
#[tokio::test]
async fn a_wait_and_a_cancel_tell_nothing() {
    let world = world(true).await;
    let client = world.client();
    let ids = asks_all(&client, |form| form).await;
    for id in &ids {
        let time = async {
            world.until_polls_wait(1).await;
            world.advance_ms(7_000);
            world.run_worker().await;
        };
        let (answer, ()) = tokio::join!(client.long_poll(id, 7), time);
        assert_eq!(answer.summary(), "400 authorization_pending");
    }
    for _ in 0..2 {
        for id in &ids {
            let answer = client.cancels(id).await;
            assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        }
    }
    assert_eq!(polls_all(&client, &ids).await, "400 access_denied");
    for person in PEOPLE {
        let (form, _) = client.credentials(client.asking(person));
        let key = [("idempotency-key", person)];
        let first = world.post_form("bc-authorize", &form, &key).await;
        world.run_worker().await;
        let again = world.post_form("bc-authorize", &form, &key).await;
        assert_eq!((first.status, first.text()), (200, again.text()), "{person}");
    }
}

/// A16: nor by how long the answer takes.
#[tokio::test]
async fn time_tells_nothing() {
    const ROUNDS: usize = 41;
    /// What the machine's other work may make of it.
    const NOISE: u32 = 3;
    let world = world(true).await;
    let client = world.client();
    let mut took: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        for (person, took) in PEOPLE.iter().zip(&mut took) {
            let form = client.asking(person);
            let before = now();
            let answer = client.posts("bc-authorize", form).await;
            took.push(before.elapsed());
            assert_eq!(answer.status, 200);
        }
        world.run_worker().await;
        world.advance_seconds(20);
    }
    // The quickest of each is what the server did; the others are what else the machine does.
    let quickest = took.map(|took| took.into_iter().min().unwrap());
    let (least, most) = (quickest.iter().min().unwrap(), quickest.iter().max().unwrap());
    assert!(*most < *least * NOISE, "{quickest:?}");
}

#[expect(clippy::disallowed_methods, reason = "how long an answer takes is what is looked at")]
fn now() -> Instant {
    Instant::now()
}

/// A16: the limits count people who cannot be asked as all others.
#[tokio::test]
async fn limits_tell_nothing() {
    let world = world(true).await;
    let client = world.client();
    for _ in 0..5 {
        asks_all(&client, |form| form).await;
    }
    let sixth = alike(async |person| client.starts(client.asking(person)).await).await;
    assert_eq!(sixth[0].summary(), "403 access_denied");
    assert_eq!(sixth[0].header("retry-after"), "60");
    for limits in [
        json!({"pending_per_user": 1}),
        json!({"starts_per_user_per_minute": 1}),
        json!({"wait_after_refusal": 60}),
        json!({"wait_after_refusal": 60, "wait_grows_to": 3600}),
    ] {
        world.advance_seconds(700);
        let waits = limits.get("wait_after_refusal").is_some();
        let name = limits.to_string();
        let client = world.registers(&name, json!({"prompt_limits": limits})).await;
        asks_all(&client, |form| form).await;
        world.advance_seconds(if waits { 301 } else { 1 });
        let second = alike(async |person| client.starts(client.asking(person)).await).await;
        assert_eq!(second[0].summary(), "403 access_denied", "{name}");
        let told = alike(async |person| {
            let answer = client.starts(client.asking(person)).await;
            assert!(!answer.header("retry-after").is_empty(), "{name}");
            answer
        });
        let after: Vec<String> =
            told.await.iter().map(|answer| answer.header("retry-after").to_owned()).collect();
        assert!(after.iter().all(|one| *one == after[0]), "{name}: {after:?}");
    }
}

/// A16: nor from a number to match, the parameter `claims`, an address, a token as hint, or what
/// else is wrong with the request.
#[tokio::test]
async fn what_is_asked_beside_tells_nothing() {
    let world = world(true).await;
    let client = world.client();
    let ids = asks_all(&client, |form| form.with("match", "true")).await;
    assert_eq!(polls_all(&client, &ids).await, "400 authorization_pending");
    let wrong = [("scope", "openid nonsense"), ("binding_message", "\u{202e}"), ("resource", "x")];
    for (name, value) in wrong {
        let about = async |person| client.starts(client.asking(person).with(name, value)).await;
        assert_eq!(alike(about).await[0].status, 400, "{name}");
    }
    let named = |person: &str, sub: String| {
        let claims = json!({"id_token": {"sub": {"value": sub}}}).to_string();
        client.asking(person).with("claims", claims)
    };
    let own = async |person| client.starts(named(person, format!("auth0|{person}"))).await;
    assert_eq!(alike(own).await[0].summary(), "200");
    let other = async |person| client.starts(named(person, String::from("auth0|eve"))).await;
    assert_eq!(alike(other).await[0].summary(), "403 access_denied");
    world.advance_seconds(60);
    for sub in ["auth0|alice", "auth0|eve"] {
        let by_address = async |person| {
            let hint = json!({"format": "email", "email": format!("{person}@example.com")});
            let form = named(person, sub.to_owned()).with("login_hint", hint.to_string());
            client.starts(form).await
        };
        assert_eq!(alike(by_address).await[0].summary(), "200", "{sub}");
    }
    world.advance_seconds(60);
    let alice = client.gets_tokens("alice", |form| form).await;
    let token = alice["id_token"].as_str().unwrap();
    let hinted = async || {
        let form = client.asking("alice").without("login_hint").with("id_token_hint", token);
        client.starts(form).await
    };
    let before = hinted().await;
    blocks(&world, "alice").await;
    let after = hinted().await;
    assert_eq!((shape(&before), before.status), (shape(&after), 200));
    assert_eq!(world.phone_of("alice").pushes().await.len(), 4);
}

/// O460: a client that is registered for user codes is told nothing by them: a code that is
/// missing, wrong or tried too often is acknowledged, and nobody is asked; the right one asks.
#[tokio::test]
async fn user_codes_tell_nothing() {
    let world = world(true).await;
    let path = "users/auth0|alice/user-code";
    let body = json!({"user_code": "gold fish"});
    assert_eq!(world.operator().request(Method::PUT, path, &body).await.status, 204);
    let client = world.registers("Codes", json!({"backchannel_user_code_parameter": true})).await;
    let too_long = "x".repeat(65);
    asks_all(&client, |form| form).await;
    for code in ["wrong", &too_long] {
        asks_all(&client, |form| form.with("user_code", code)).await;
    }
    assert!(world.phone_of("alice").pushes().await.is_empty());
    let rights =
        async || client.starts(client.asking("alice").with("user_code", "gold fish")).await;
    assert_eq!(rights().await.status, 200);
    assert_eq!(world.phone_of("alice").pushes().await.len(), 1);
    for _ in 0..2 {
        world.advance_seconds(60);
        for _ in 0..3 {
            asks_all(&client, |form| form.with("user_code", "wrong")).await;
        }
    }
    assert_eq!(rights().await.status, 200);
    assert_eq!(world.phone_of("alice").pushes().await.len(), 1);
    let logs = world.operator().gets("logs?per_page=50").await.text();
    for why in ["user_code is required", "The user_code is wrong", "Too many wrong user codes"] {
        assert!(logs.contains(why), "{why}: {logs}");
    }
}

/// O461: the log tells the operator why nobody is asked, and no request of somebody who does not
/// exist is kept under a name that could become somebody's.
#[tokio::test]
async fn the_operator_is_told() {
    let world = world(true).await;
    let client = world.client();
    let ids = asks_all(&client, |form| form).await;
    let logs = world.operator().gets("logs?q=type:ciba_start_failed").await.json();
    let told: Vec<String> = logs.as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(told.len(), 3);
    for why in ["user is blocked", "does not have push", "malformed or unknown"] {
        let one = told.iter().find(|one| one.contains(why)).unwrap_or_else(|| panic!("{told:?}"));
        assert!(one.contains("nobody is asked") && one.contains("\"acknowledged\":true"));
    }
    let body = json!({"connection": "db", "user_id": "dora", "email": "dora@example.com"});
    assert_eq!(world.operator().posts("users", &body).await.status, 201);
    world.phone_of("dora").is_ready().await;
    assert!(world.phone_of("dora").pushes().await.is_empty());
    assert_eq!(client.polls(&ids[3]).await, "400 authorization_pending");
}

/// A16: without privacy mode a client that is told too often of people who cannot be asked begins
/// nothing for a while, whoever it asks about.
#[tokio::test]
async fn a_client_may_be_wrong_so_often() {
    let world = world(false).await;
    let limits = json!({"prompt_limits": {"unknown_per_minute": 2}});
    let client = world.registers("Guesser", limits).await;
    let asks = async |person| client.starts(client.asking(person)).await;
    for person in ["dora", "carol"] {
        assert_eq!(asks(person).await.summary(), "400 unknown_user_id");
        assert_eq!(asks("alice").await.status, if person == "dora" { 200 } else { 503 });
    }
    let refused = asks("bob").await;
    assert_eq!(refused.summary(), "503 temporarily_unavailable");
    assert_eq!(refused.header("retry-after"), "60");
    assert_eq!(world.client().starts(world.client().asking("alice")).await.status, 200);
    world.advance_seconds(60);
    assert_eq!(asks("alice").await.status, 200);
}
