//! W116 to W121: limits that are off until they are switched on, with Auth0's numbers.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::{Method, Request};
use serde_json::{Value, json};
use server::config::{Config, Limits};
use testkit::{Answer, Client, Form, World, assert_refused};

use super::a11_management::denied;

/// The limits as Auth0 has them.
fn auth0() -> Limits {
    Limits { like_auth0: true, ..Limits::default() }.filled()
}

async fn world(change: impl FnOnce(&mut Limits)) -> World {
    let uncounted = |config: &mut Config| {
        config.limits.prompts_per_user_per_minute = 61;
        change(&mut config.limits);
    };
    World::builder().configured(uncounted).start().await
}

/// That a limit of this many is told with its numbers; how long to wait.
#[track_caller]
fn is_limited(answer: &Answer, limit: i64) -> i64 {
    assert_refused(answer, 429, "too_many_requests", "Rate limit exceeded.");
    assert!(answer.json().get("interval").is_none());
    numbers(answer, limit)
}

#[track_caller]
fn numbers(answer: &Answer, limit: i64) -> i64 {
    assert_eq!(answer.number("x-ratelimit-limit"), limit);
    assert_eq!(answer.number("x-ratelimit-remaining"), 0);
    assert!(answer.number("x-ratelimit-reset") > 1_600_000_000);
    let wait = answer.number("retry-after");
    assert!(wait >= 1);
    wait
}

/// The entries of the log about limits: the key of each.
async fn told(world: &World) -> Vec<Value> {
    let log = world.operator().gets("logs?q=type:api_limit").await.json();
    log.as_array().unwrap().iter().map(|entry| entry["details"]["limit"].clone()).collect()
}

async fn starts_from(client: &Client<'_>, world: &World, address: &str, form: Form) -> Answer {
    let mut request = Request::post("/bc-authorize")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(client.credentials(form).0.encode().into())
        .unwrap();
    request.extensions_mut().insert(ConnectInfo(address.parse::<SocketAddr>().unwrap()));
    world.send(request).await
}

/// W116, W291: five hundred at once from one address, one more each 120 ms; one word in the log.
#[tokio::test]
async fn one_address_may_start_so_many_at_once() {
    let world = world(|limits| limits.starts_per_address = auth0().starts_per_address).await;
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    let (one, other) = ("203.0.113.7:40000", "203.0.113.8:40000");
    for _ in 0..500 {
        let refused = starts_from(&client, &world, one, Form::new()).await;
        assert_eq!(refused.status, 400, "what is refused counts too: {}", refused.text());
    }
    let late = starts_from(&client, &world, one, client.asking("alice")).await;
    assert_eq!(is_limited(&late, 500), 1);
    is_limited(&starts_from(&client, &world, one, client.asking("alice")).await, 500);
    let elsewhere = starts_from(&client, &world, other, client.asking("alice")).await;
    assert_eq!(elsewhere.status, 200);
    world.advance_ms(120);
    let again = starts_from(&client, &world, one, client.asking("alice")).await;
    assert_eq!(again.status, 200, "{}", again.text());
    is_limited(&starts_from(&client, &world, one, client.asking("alice")).await, 500);
    assert_eq!(told(&world).await, [json!("starts_per_address")]);
    world.run_worker().await;
}

/// W117: five hundred a minute for the tenant; the person's own limit answers first (W108).
#[tokio::test]
async fn one_tenant_may_start_so_many_a_minute() {
    let world = world(|limits| limits.starts_per_tenant = auth0().starts_per_tenant).await;
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    for number in 0..500 {
        let answer = client.posts("bc-authorize", client.asking("alice")).await;
        assert_eq!(answer.status, 200, "{number}: {}", answer.text());
        world.advance_ms(100);
    }
    let late = client.starts(client.asking("alice")).await;
    assert_eq!(is_limited(&late, 500), 10);
    let acme = world.second_tenant("acme").await;
    acme.client().asks_for("alice").await;
    world.advance_seconds(10);
    client.asks_for("alice").await;
    assert_eq!(told(&world).await, [json!("starts_per_tenant")]);
}

/// W108, W117: of the person's limit and the tenant's, the person's answers.
#[tokio::test]
async fn the_persons_limit_answers_before_the_tenants() {
    let world = World::builder()
        .configured(|config| config.limits.starts_per_tenant = "6/minute".parse().unwrap())
        .start()
        .await;
    let client = world.client();
    for _ in 0..5 {
        client.asks_for("alice").await;
    }
    client.asks_for("bob").await;
    is_limited(&client.starts(client.asking("bob")).await, 6);
    let both = client.starts(client.asking("alice")).await;
    assert_eq!(both.number("x-ratelimit-limit"), 5, "{}", both.text());
}

/// W118: what is exchanged, refused or expired no longer counts.
#[tokio::test]
async fn one_tenant_may_have_so_many_open_requests() {
    assert_eq!(auth0().open_per_tenant, 5_000);
    let world = world(|limits| limits.open_per_tenant = 3).await;
    let (client, phone) = (world.client(), world.phone_of("alice"));
    let short = client.asks_with("alice", |form| form.with("requested_expiry", "60")).await;
    let (approved, denied) = (client.asks_for("alice").await, client.asks_for("alice").await);
    let full = async |wait: i64| {
        let answer = client.starts(client.asking("alice")).await;
        assert_eq!(is_limited(&answer, 3), wait);
    };
    full(60).await;
    phone.approves(&approved).await;
    full(60).await;
    assert_eq!(client.polls(&approved).await, "200");
    let third = client.asks_for("alice").await;
    full(60).await;
    phone.denies(&denied).await;
    let fourth = client.asks_for("alice").await;
    full(60).await;
    world.advance_seconds(60);
    assert_eq!(client.polls(&short).await, "400 access_denied");
    client.asks_for("alice").await;
    full(240).await;
    assert_eq!(client.cancels(&third).await.status, 204);
    client.asks_for("alice").await;
    assert_eq!(client.cancels(&fourth).await.status, 204);
    assert_eq!(told(&world).await, vec![json!("open_per_tenant"); 5]);
}

/// W119: a hundred calls a second; a poll above them is no early poll.
#[tokio::test]
async fn one_tenant_may_call_so_often() {
    let limit = auth0().authentication_per_tenant;
    let world = world(|limits| limits.authentication_per_tenant = limit).await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    world.advance_seconds(5);
    for _ in 0..99 {
        assert_eq!(client.polls("nobodys").await, "403 invalid_grant");
    }
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    world.advance_ms(998);
    assert_eq!(is_limited(&client.poll(&id).await, 100), 1);
    assert_eq!(is_limited(&client.starts(client.asking("alice")).await, 100), 1);
    assert_eq!(is_limited(&client.cancels(&id).await, 100), 1);
    assert_eq!(is_limited(&client.revokes("x").await, 100), 1);
    world.advance_ms(4_002);
    assert_eq!(client.polls(&id).await, "400 authorization_pending", "the timer did not change");
}

/// W120: ten times at once, then five times a minute, for each person.
#[tokio::test]
async fn userinfo_may_be_asked_so_often_about_one_person() {
    let world = world(|limits| limits.userinfo_per_user = auth0().userinfo_per_user).await;
    let client = world.client();
    let token = async |person: &str| {
        let tokens = client.gets_tokens(person, |form| form.with("scope", "openid")).await;
        format!("Bearer {}", tokens["access_token"].as_str().unwrap())
    };
    let (alice, bob) = (token("alice").await, token("bob").await);
    let asks = async |bearer: &str| {
        world.request(Method::GET, "userinfo", &[("authorization", bearer)], "").await
    };
    for _ in 0..10 {
        assert_eq!(asks(&alice).await.status, 200);
    }
    assert_eq!(is_limited(&asks(&alice).await, 10), 12);
    assert_eq!(asks(&bob).await.status, 200);
    world.advance_seconds(12);
    assert_eq!(asks(&alice).await.status, 200);
    is_limited(&asks(&alice).await, 10);
    assert_eq!(asks("Bearer nobodys").await.status, 401);
    assert_eq!(told(&world).await, [json!("userinfo_per_user")]);
}

/// W121: fifty at once, then sixteen a second.
#[tokio::test]
async fn the_management_api_may_be_called_so_often() {
    let world = world(|limits| limits.management_per_tenant = auth0().management_per_tenant).await;
    let operator = world.operator();
    for left in (0..50).rev() {
        let answer = operator.gets("users").await;
        assert_eq!((answer.status, answer.number("x-ratelimit-remaining")), (200, left));
    }
    let late = operator.gets("users").await;
    assert_eq!(denied(&late, 429, "too_many_requests"), "Global limit has been reached");
    assert_eq!(numbers(&late, 50), 1);
    let acme = world.second_tenant("acme").await;
    assert_eq!(acme.operator().gets("users").await.status, 200);
    world.advance_ms(63);
    assert_eq!(operator.gets("users").await.status, 200);
    assert_eq!(operator.gets("users").await.status, 429);
    world.advance_seconds(1);
    assert_eq!(told(&world).await, [json!("management_per_tenant")]);
}

/// Without a word in the configuration, nothing of this is counted.
#[tokio::test]
async fn nothing_is_limited_by_itself() {
    let world = World::new().await;
    let operator = world.operator();
    for _ in 0..60 {
        let answer = operator.gets("users").await;
        assert!(answer.status == 200 && !answer.headers.contains_key("x-ratelimit-limit"));
    }
}
