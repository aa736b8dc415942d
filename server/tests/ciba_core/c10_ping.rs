//! CIBA 10.2 (C67 to C71): a client of ping mode is told that there is an outcome.

use std::sync::Arc;

use device_protocol::guardian::resolve::Decision;
use serde_json::{Value, json};
use server::outside::{Allowed, Clock, Outbound, Unanswered, Window};
use testkit::push_services::{PushServices, Reply};
use testkit::{Client, World};

use super::{ENDPOINT, NOTIFICATION_TOKEN, asks, asks_with, bodies, logged, notified, works};

/// C67, P3, N13: yes, no, and taken back: each is told once, with nothing but the request's name.
#[tokio::test]
async fn each_outcome_is_told_once_and_nothing_beside_it() {
    for outcome in ["yes", "no", "taken back"] {
        let (world, script) = notified("ping", json!({})).await;
        script.then(204, &Value::Null);
        let id = asks(&world, "alice").await;
        works(&world, 5).await;
        assert!(script.calls().is_empty(), "nothing is decided");
        match outcome {
            "yes" => world.phone_of("alice").approves(&id).await,
            "no" => world.phone_of("alice").denies(&id).await,
            _ => assert_eq!(world.registered("shop").cancels(&id).await.status, 204),
        }
        works(&world, 320).await;
        let calls = script.calls();
        assert_eq!(calls.len(), 1, "{outcome}");
        let call = &calls[0];
        assert_eq!((call.method.as_str(), call.url.as_str()), ("POST", ENDPOINT));
        let header = |name: &str| {
            let mut all = call.headers.iter().filter(|(known, _)| known.as_str() == name);
            all.next().map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header("authorization").unwrap(), format!("Bearer {NOTIFICATION_TOKEN}"));
        assert_eq!(header("content-type").unwrap(), "application/json");
        assert_eq!(bodies(&script), [json!({"auth_req_id": id})]);
    }
}

/// C59, C67, N13: expiry is told nobody, and a client that polls is never called.
#[tokio::test]
async fn expiry_and_clients_that_poll_are_not_told() {
    let (world, script) = notified("ping", json!({})).await;
    asks(&world, "alice").await;
    let poller = world.client();
    let id = poller.asks_for("bob").await;
    world.phone_of("bob").approves(&id).await;
    works(&world, 320).await;
    assert!(script.calls().is_empty());
    let endpoint = json!({"backchannel_client_notification_endpoint": ENDPOINT});
    let with_endpoint = world.registers("poller", endpoint).await;
    let id = with_endpoint.asks_for("carol").await;
    world.phone_of("carol").denies(&id).await;
    works(&world, 2).await;
    assert!(script.calls().is_empty());
}

/// C68, P5, N17: 204, and 200 with any body, are good; the tokens are there at once, however
/// little time has gone by since the last poll.
#[tokio::test]
async fn a_client_that_was_told_collects_at_once() {
    for (status, body) in [(204, Value::Null), (200, json!({"hello": "there"}))] {
        let (world, script) = notified("ping", json!({})).await;
        script.then(status, &body);
        let (client, id) = (world.registered("shop"), asks(&world, "alice").await);
        assert_eq!(client.polls(&id).await, "400 authorization_pending");
        world.phone_of("alice").approves(&id).await;
        world.run_worker().await;
        assert_eq!(script.calls().len(), 1);
        assert_eq!(client.polls(&id).await, "200");
        assert_eq!(client.polls(&id).await, "400 invalid_grant");
        works(&world, 320).await;
        assert_eq!(script.calls().len(), 1);
    }
}

/// C56, C62, P10: a client of ping mode may poll like any other, at its interval.
#[tokio::test]
async fn a_client_of_ping_mode_may_poll() {
    let (world, _script) = notified("ping", json!({})).await;
    let client = world.registered("shop");
    world.phone_of("alice").is_ready().await;
    let form = client.asking("alice").with("client_notification_token", NOTIFICATION_TOKEN);
    let started = client.starts(form).await;
    assert_eq!(started.json()["interval"], 5);
    let id = started.member("auth_req_id");
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    assert_eq!(client.polls(&id).await, "400 slow_down");
    world.phone_of("alice").approves(&id).await;
    // The endpoint cannot be reached; the tokens can.
    works(&world, 3).await;
    assert_eq!(client.polls(&id).await, "200");
}

/// C69, C70, P7: a redirect is not followed; neither it nor an error of the client's that does not
/// pass is called again. The flow completes by polling.
#[tokio::test]
async fn what_does_not_pass_is_never_called_again() {
    for status in [301, 302, 307, 308, 400, 401, 403, 404, 410] {
        let (world, script) = notified("ping", json!({})).await;
        script.then(status, &Value::Null);
        let id = asks(&world, "alice").await;
        world.phone_of("alice").approves(&id).await;
        works(&world, 60).await;
        assert_eq!(script.calls().len(), 1, "{status}");
        assert_eq!(world.registered("shop").polls(&id).await, "200");
        let told = logged(&world, "ciba_notification_failed").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["details"]["error"]["message"], format!("status {status}"));
    }
}

/// C70, P8, N14: what may pass is tried again, with growing and differing pauses.
#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let (world, script) = notified("ping", json!({})).await;
    for status in [500, 408, 425, 429, 503] {
        script.then(status, &Value::Null);
    }
    script.then_none(Unanswered::TooSlow);
    script.then_none(Unanswered::Unreachable(String::from("refused")));
    script.then(204, &Value::Null);
    let id = asks(&world, "alice").await;
    world.phone_of("alice").approves(&id).await;
    let mut moments = Vec::new();
    for second in 0..280 {
        let before = script.calls().len();
        world.run_worker().await;
        if script.calls().len() > before {
            moments.push(second);
        }
        world.advance_seconds(1);
    }
    assert_eq!(moments.len(), 8, "{moments:?}");
    assert_eq!(bodies(&script), vec![json!({"auth_req_id": id}); 8]);
    let pauses: Vec<i32> = moments.windows(2).map(|two| two[1] - two[0]).collect();
    for (pause, least) in pauses.iter().zip([1, 2, 4, 8, 16, 32, 32]) {
        assert!((least..=least + least / 2 + 1).contains(pause), "{pauses:?}");
    }
    assert!(logged(&world, "ciba_notification_failed").await.is_empty());
}

/// C70, P8, N14: tries end with the request, and the administrator is told.
#[tokio::test]
async fn tries_end_with_the_request() {
    let (world, script) = notified("ping", json!({})).await;
    let id = asks_with(&world, "alice", |form| form.with("requested_expiry", "60")).await;
    world.phone_of("alice").approves(&id).await;
    works(&world, 58).await;
    let tries = script.calls().len();
    assert!((4..=7).contains(&tries), "{tries}");
    works(&world, 100).await;
    assert_eq!(script.calls().len(), tries);
    let told = logged(&world, "ciba_notification_failed").await;
    assert_eq!((told.len(), &told[0]["details"]["mode"]), (1, &json!("ping")));
    assert!(!told[0].to_string().contains(&id) && !told[0].to_string().contains("8d67dc78"));
}

/// P9: what is decided in the last moment is told all the same.
#[tokio::test]
async fn a_decision_in_the_last_moment_is_told_once() {
    let (world, script) = notified("ping", json!({})).await;
    script.then(503, &Value::Null);
    let id = asks(&world, "alice").await;
    world.advance_ms(299_999);
    let push = world.phone_of("alice").push_of(&id).await;
    let answer = world.phone_of("alice").answers(&push, Decision::Accepted).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    world.advance_seconds(5);
    works(&world, 20).await;
    assert_eq!(bodies(&script), [json!({"auth_req_id": id})]);
}

/// N16, P1, C67: a crash between decision and notice loses nothing; the longest token and the
/// endpoint's query arrive as they were.
#[tokio::test]
async fn a_notice_survives_a_restart_unchanged() {
    let (world, script) = notified("ping", json!({})).await;
    let longest = format!("{}=", "Aa0-._~+/".repeat(114).split_at(1023).0);
    let client = world.registered("shop");
    let id =
        client.asks_with("alice", |form| form.with("client_notification_token", &longest)).await;
    let push = world.phone_of("alice").push_of(&id).await;
    let answer = world.phone_of("alice").answers(&push, Decision::Accepted).await;
    assert_eq!((answer.status, script.calls().len()), (204, 0));
    world.restart().await;
    world.run_worker().await;
    let calls = script.calls();
    assert_eq!((calls.len(), calls[0].url.as_str()), (1, ENDPOINT));
    let bearer = calls[0].headers[0].1.to_str().unwrap();
    assert_eq!((longest.len(), bearer), (1024, format!("Bearer {longest}").as_str()));
    let app = world.app();
    let faults = store::notices::due(&app.database, world.now().plus_seconds(60)).await.unwrap();
    assert!(!format!("{faults:?}").contains(&longest), "it is stored sealed");
}

/// C24, N20: clients that are told need a token of good shape; others need none.
#[tokio::test]
async fn the_notification_token_is_checked_where_it_counts() {
    for mode in ["ping", "push"] {
        let (world, _script) = notified(mode, json!({})).await;
        let client = world.registered("shop");
        world.phone_of("alice").is_ready().await;
        let too_long = "a".repeat(1025);
        for token in [None, Some(""), Some("a b"), Some("a=b"), Some("ä"), Some(too_long.as_str())]
        {
            let form = client.asking("alice");
            let form = match token {
                Some(token) => form.with("client_notification_token", token),
                None => form,
            };
            let answer = client.starts(form).await;
            assert_eq!(answer.summary(), "400 invalid_request", "{mode} {token:?}");
        }
        let poller: Client<'_> = world.client();
        let form = poller.asking("alice").with("client_notification_token", too_long);
        assert_eq!(poller.starts(form).await.status, 200);
    }
}

/// C61, N48: a ping, and fifty polls at once: one set of tokens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_polls_beside_a_ping_get_one_set_of_tokens() {
    let (world, script) = notified("ping", json!({})).await;
    script.then(204, &Value::Null);
    let id = Arc::new(asks(&world, "alice").await);
    world.phone_of("alice").approves(&id).await;
    let other = world.second_node().await.map(Arc::new);
    let world = Arc::new(world);
    let nodes = [Arc::clone(&world), other.unwrap_or_else(|| Arc::clone(&world))];
    let racers = (0..50).map(|number: usize| {
        let (world, id) = (Arc::clone(&nodes[number % 2]), Arc::clone(&id));
        tokio::spawn(async move {
            if number.is_multiple_of(10) {
                world.run_worker().await;
            }
            world.registered("shop").polls(&id).await
        })
    });
    let mut told = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        told.push(racer.await.unwrap());
    }
    told.sort();
    assert_eq!(told[0], "200");
    assert!(told[1..].iter().all(|one| one == "400 invalid_grant"), "{told:?}");
    world.run_worker().await;
    assert_eq!(script.calls().len(), 1);
}

/// P4, O305, A8: addresses that nobody may call, however they are written, and names that stand for
/// them: no request leaves, it is final, and why is in the administrator's log alone.
#[tokio::test]
async fn addresses_that_are_not_public_are_never_called() {
    let window = Window::open(Vec::new(), std::path::Path::new("")).unwrap();
    let outbound: Arc<dyn Outbound> = Arc::new(window);
    let world = World::builder().profile("ciba").outbound(outbound).start().await;
    let hosts = [
        "127.0.0.1",
        "[::1]",
        "localhost",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "[fd00::1]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "8.8.8.8:25",
    ];
    for (number, host) in hosts.iter().enumerate() {
        let name = format!("shop-{number}");
        let members = json!({
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint": format!("https://{host}/cb"),
        });
        let client = world.registers(&name, members).await;
        let token = |form: testkit::Form| form.with("client_notification_token", "secret");
        let id = client.asks_with("alice", token).await;
        world.phone_of("alice").approves(&id).await;
        world.run_worker().await;
        let told = logged(&world, "ciba_notification_failed").await;
        assert_eq!(told.len(), number + 1, "{host}");
        let is_told = told.iter().any(|one| {
            let why = one["details"]["error"]["message"].as_str().unwrap();
            one["client_id"] == name && why.starts_with("not called: ")
        });
        assert!(is_told, "{host}: {told:?}");
        let collected = client.poll(&id).await;
        assert_eq!(collected.status, 200);
        world.advance_seconds(60);
    }
}

/// C69, C71, P3: through the real window: a certificate that nobody vouches for gets no bearer, a
/// redirect is not followed, and an endless body is cut off and good all the same.
#[tokio::test]
async fn only_the_endpoint_that_proves_itself_is_told() {
    let services = PushServices::start(Clock::system).await;
    let other = services.fcm.url();
    services.apns.replies("shop", Reply::Redirect(format!("{other}elsewhere")));
    services.apns.replies("shop", Reply::Megabyte(200));
    let nobody = std::path::Path::new("");
    let told = [
        (nobody.to_owned(), Some("cannot be reached: ")),
        (services.ca_file(), Some("status 30")),
        (services.ca_file(), None),
    ];
    for (ca_file, expected) in told {
        let allowed = vec![Allowed::parse("localhost").unwrap()];
        let outbound: Arc<dyn Outbound> = Arc::new(Window::open(allowed, &ca_file).unwrap());
        let world = World::builder().profile("ciba").outbound(outbound).start().await;
        let members = json!({
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint":
                format!("{}3/device/shop", services.apns.url()),
        });
        drop(world.registers("shop", members).await);
        let id = asks_with(&world, "alice", |form| form.with("requested_expiry", "1")).await;
        world.phone_of("alice").approves(&id).await;
        world.run_worker().await;
        let failed = logged(&world, "ciba_notification_failed").await;
        assert_eq!(failed.len(), usize::from(expected.is_some()), "{failed:?}");
        if let Some(expected) = expected {
            let why = failed[0]["details"]["error"]["message"].as_str().unwrap();
            assert!(why.starts_with(expected), "{why}");
        }
    }
    assert_eq!(services.fcm.connections(), 0, "nobody went where the redirect pointed");
}
