//! A write that is overtaken for no reason that its flow could tell, because another node used the
//! id of its log event: the flow decides again, and nobody is refused what they may have.

use domain::{LogEvent, UserId};
use serde_json::json;
use store::log_events::{self, LogPage};
use store::{Faults, Write, Written};
use testkit::{Phone, World, p256_key};

const ALL: LogPage = LogPage { offset: 0, limit: 100, newest_first: false };

async fn world() -> (World, Faults) {
    let faults = Faults::new();
    let world = World::builder().faults(faults.clone()).start().await;
    world.phone_of("alice").is_ready().await;
    (world, faults)
}

async fn log(world: &World) -> Vec<LogEvent> {
    log_events::list(&world.app().database, world.tenant_id(), ALL).await.unwrap()
}

/// An event of this id, as another node would have written it.
async fn other_node_uses(world: &World, id: i64) {
    let event = LogEvent {
        id,
        at: world.now(),
        kind: String::from("gd_send_pn"),
        client_id: None,
        user_id: Some(UserId::new("auth0|bob")),
        document: json!({}),
    };
    let write = log_events::append(Write::new(), world.tenant_id(), &event);
    assert_eq!(world.app().database.run(write).await, Ok(Written::Done));
}

/// Part of W283: entries of one millisecond stand in the order in which they happened.
#[tokio::test]
async fn the_log_keeps_the_order_of_one_millisecond() {
    let (world, _) = world().await;
    let client = world.client();
    for _ in 0..3 {
        let id = client.asks_for("alice").await;
        world.phone_of("alice").approves(&id).await;
        client.redeems(&id).await;
    }
    let log = log(&world).await;
    assert!(log.iter().all(|event| event.at == world.now()));
    let kinds: Vec<&str> = log.iter().map(|event| event.kind.as_str()).collect();
    let loop_of_one =
        ["ciba_start_succeeded", "gd_send_pn", "gd_auth_succeed", "ciba_exchange_succeeded"];
    let enrollment = ["gd_start_enroll", "gd_enrollment_complete"];
    assert_eq!(kinds, [&enrollment[..], &loop_of_one, &loop_of_one, &loop_of_one].concat());
}

#[tokio::test]
async fn an_id_that_another_node_used_delays_a_start_and_refuses_nobody() {
    let (world, _) = world().await;
    let last = log(&world).await.last().unwrap().id;
    for id in [last + 1, last + 2] {
        other_node_uses(&world, id).await;
    }
    let client = world.client();
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let log = log(&world).await;
    let begun = log.iter().find(|event| event.kind == "ciba_start_succeeded").unwrap();
    assert_eq!(begun.id, last + 3);
}

#[tokio::test]
async fn a_start_that_is_overtaken_each_time_may_come_again_in_a_second() {
    let (world, faults) = world().await;
    let client = world.client();
    faults.take_log_ids(3);
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(answer.summary(), "503 temporarily_unavailable", "{}", answer.text());
    assert_eq!(answer.number("retry-after"), 1);
    assert_eq!(world.phone_of("alice").pushes().await.len(), 0);
    assert_eq!(client.starts(client.asking("alice")).await.status, 200);
}

/// O276: what became of a push is kept, though another node used the id of its entry.
#[tokio::test]
async fn the_receipt_of_a_push_is_kept_whatever_is_overtaken() {
    let (world, faults) = world().await;
    let client = world.client();
    let answer = client.posts("bc-authorize", client.asking("alice")).await;
    faults.take_log_ids(2);
    world.run_worker().await;
    let sent = log(&world).await.into_iter().filter(|event| event.kind == "gd_send_pn").count();
    assert_eq!((answer.status, sent), (200, 1));
    world.advance_seconds(10);
    world.run_worker().await;
    assert_eq!(world.phone_of("alice").pushes().await.len(), 1, "it is not due again");
}

#[tokio::test]
async fn a_request_goes_its_way_whatever_is_overtaken() {
    let (world, faults) = world().await;
    let client = world.client();
    let phone = world.phone_of("alice");
    let overtaken = || faults.take_log_ids(2);
    overtaken();
    let id = client.asks_for("alice").await;
    let push = phone.push_of(&id).await;
    overtaken();
    phone.approves(&id).await;
    overtaken();
    assert_eq!(client.polls(&id).await, "200");
    assert_eq!(client.polls(&id).await, "403 invalid_grant");

    let id = client.asks_for("alice").await;
    overtaken();
    phone.denies(&id).await;
    assert_eq!(client.polls(&id).await, "400 access_denied");

    let id = client.asks_for("alice").await;
    overtaken();
    assert_eq!(client.cancels(&id).await.status, 204);
    assert_eq!(client.polls(&id).await, "400 access_denied");
    overtaken();
    assert_eq!(phone.reads(&push).await.status, 200);
    overtaken();
    assert_eq!(client.cancels(&id).await.status, 204);
}

#[tokio::test]
async fn what_was_refused_is_told_to_the_log_even_if_overtaken() {
    let (world, faults) = world().await;
    let client = world.client();
    faults.take_log_ids(2);
    let bad = client.asking("alice").with("scope", "profile");
    assert_eq!(client.starts(bad).await.summary(), "400 invalid_request");
    let id = client.asks_for("alice").await;
    world.phone_of("alice").denies(&id).await;
    for _ in 0..2 {
        faults.take_log_ids(2);
        assert_eq!(client.polls(&id).await, "400 access_denied");
    }
    faults.take_log_ids(2);
    assert_eq!(client.polls("unknown").await, "403 invalid_grant");
    let kinds: Vec<String> = log(&world).await.into_iter().map(|event| event.kind).collect();
    let told = |kind: &str| kinds.iter().filter(|told| *told == kind).count();
    assert_eq!(told("ciba_start_failed"), 1);
    assert_eq!(told("ciba_exchange_failed"), 2, "the denied one once, the unknown one");
}

#[tokio::test]
async fn a_device_comes_and_goes_whatever_is_overtaken() {
    let (world, faults) = world().await;
    let operator = world.operator();
    let ticket = async |person: &str| {
        let body = json!({"user_id": world.user_id(person).as_str(), "send_mail": false});
        operator.posts("guardian/enrollments/ticket", &body).await.member("ticket_id")
    };
    let enroll = async |phone: &Phone<'_>, person: &str| {
        let ticket = ticket(person).await;
        faults.take_log_ids(2);
        let flow = phone.starts_flow(&ticket).await;
        assert_eq!(flow.status, 200, "{}", flow.text());
        let tx = flow.member("enrollment_tx_id");
        faults.take_log_ids(2);
        let enrolled = phone.enrolls_by(&tx, p256_key(), "GCM").await;
        assert_eq!(enrolled.status, 201, "{}", enrolled.text());
        let again = phone.enrolls_by(&tx, p256_key(), "GCM").await;
        assert_eq!(again.summary(), "404 enrollment_transaction_not_found");
    };
    let bob = world.phone_of("bob");
    enroll(&bob, "bob").await;
    faults.take_log_ids(2);
    let device = operator.deletes(&format!("guardian/enrollments/{}", bob.device_id())).await;
    assert_eq!(device.status, 204, "{}", device.text());

    let carol = world.phone_of("carol");
    enroll(&carol, "carol").await;
    let flow = carol.starts_flow(&ticket("carol").await).await.member("transaction_token");
    let authorization = format!("Bearer {flow}");
    let headers = [("authorization", authorization.as_str())];
    faults.take_log_ids(2);
    let path = "appliance-mfa/api/send-push-notification";
    let asked = world.post_json(path, &json!({}), &headers).await;
    assert!((200..300).contains(&asked.status), "{} {}", asked.status, asked.text());
    assert_eq!(carol.pushes().await.len(), 1);
    faults.take_log_ids(2);
    carol.unenrolls().await;
}

/// A `DPoP` proof is good once, and so for one request, however often it is decided anew.
#[tokio::test]
async fn a_bound_token_is_given_whatever_is_overtaken() {
    let faults = Faults::new();
    let world = World::builder().profile("ciba").faults(faults.clone()).start().await;
    let client = world.client().bound_to(&p256_key());
    let id = client.asks_for("alice").await;
    world.phone_of("alice").approves(&id).await;
    faults.take_log_ids(2);
    assert_eq!(client.redeems(&id).await["token_type"], "DPoP");
}
