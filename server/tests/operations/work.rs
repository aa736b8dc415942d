//! O59, O60: what the worker does with what is over and with what could not be sent.

use domain::jose::auth_req_hash;
use domain::{Fingerprint, Timestamp};
use server::outside::Receipt;
use store::{Faults, Write, Written, replays, transactions};
use testkit::{START, World};

/// So many replays, used up now.
async fn backlog(world: &World, rows: u32) {
    let app = world.app();
    for first in (0..rows).step_by(50) {
        let numbers = first..rows.min(first + 50);
        let write = numbers.fold(Write::new(), |write, number| {
            let seen = Fingerprint::of(&number.to_be_bytes());
            write.and(replays::first_use(world.tenant_id(), &seen, world.now()))
        });
        assert_eq!(app.database.run(write).await, Ok(Written::Done));
    }
}

/// The writes of one sweep: a batch each.
async fn sweeps(world: &World, faults: &Faults) -> u64 {
    let before = faults.writes();
    world.run_worker().await;
    faults.writes() - before
}

/// O59: batches are small, a sweep is bounded, and a request in between is served.
#[tokio::test]
async fn a_long_backlog_is_swept_in_small_batches_while_requests_go_on() {
    let faults = Faults::new();
    let world = World::builder().on_sqlite().faults(faults.clone()).start().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    world.run_worker().await;
    backlog(&world, 450).await;
    assert_eq!(sweeps(&world, &faults).await, 3, "batches of at most 200 rows");
    assert_eq!(sweeps(&world, &faults).await, 0);
    backlog(&world, 10_300).await;
    let (batches, polled) = tokio::join!(sweeps(&world, &faults), client.polls(&id));
    assert_eq!((batches, polled.as_str()), (50, "400 authorization_pending"));
    assert_eq!(sweeps(&world, &faults).await, 2, "the next sweep goes on");
    world.phone_of("alice").approves(&id).await;
    assert_eq!(client.polls(&id).await, "200");
    let hash = auth_req_hash(&id);
    let app = world.app();
    assert!(transactions::find(&app.database, world.tenant_id(), &hash).await.unwrap().is_some());
    world.advance_seconds(6 * 86_400);
    world.run_worker().await;
    assert!(transactions::find(&app.database, world.tenant_id(), &hash).await.unwrap().is_none());
}

/// When the only push that waits is tried again.
async fn next_try(world: &World) -> Option<i64> {
    let before_the_end = Timestamp::from_ms(START + 299_999);
    let due = transactions::with_due_pushes(&world.app().database, before_the_end).await.unwrap();
    assert!(due.len() <= 1);
    due.first().map(|push| push.due_at.ms())
}

async fn given_up(world: &World) -> usize {
    let page = store::log_events::LogPage { offset: 0, limit: 100, newest_first: true };
    let events =
        store::log_events::list(&world.app().database, world.tenant_id(), page).await.unwrap();
    events.iter().filter(|event| event.kind == "gd_send_pn_failure").count()
}

/// The push service is down for the first of alice's devices.
async fn service_is_down(world: &World) {
    let app = world.app();
    let user = world.user_id("alice");
    let devices = store::enrollments::of_user(&app.database, world.tenant_id(), &user).await;
    let token = devices.unwrap().remove(0).push_token.unwrap();
    app.courier.tray().unwrap().answer_with(&token, Receipt::Later(String::from("503")));
}

/// O60: a push is tried again with growing pauses until the request is over, also across a restart.
#[tokio::test]
async fn a_push_is_tried_again_until_the_request_is_over() {
    let world = World::new().await;
    let client = world.client();
    world.phone_of("alice").is_ready().await;
    service_is_down(&world).await;
    let began = world.now();
    client.asks_for("alice").await;
    let mut pauses = Vec::new();
    while let Some(due_at) = next_try(&world).await {
        assert_eq!(given_up(&world).await, 0);
        pauses.push(due_at - world.now().ms());
        world.set_time(Timestamp::from_ms(due_at - 1));
        if pauses.len() == 3 {
            world.restart().await;
            service_is_down(&world).await;
        }
        world.run_worker().await;
        assert_eq!(next_try(&world).await, Some(due_at), "not before it is due");
        world.set_time(Timestamp::from_ms(due_at));
        world.run_worker().await;
    }
    assert!(pauses.len() > 6, "{pauses:?}");
    for (number, pause) in pauses.iter().enumerate() {
        let least = 1000 << number.min(5);
        assert!((least..=least * 3 / 2).contains(pause), "{pauses:?}");
    }
    assert_eq!(given_up(&world).await, 1);
    let tried_for = world.now().ms_since(began);
    assert!((250_000..300_000).contains(&tried_for), "{tried_for}");
}

/// Part of O60: the service back, the next try reaches the phone, after a restart too.
#[tokio::test]
async fn a_push_that_waited_arrives_after_a_restart() {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    service_is_down(&world).await;
    let id = world.client().asks_for("alice").await;
    world.restart().await;
    world.advance_seconds(2);
    world.phone_of("alice").approves(&id).await;
    assert_eq!(world.client().polls(&id).await, "200");
    assert_eq!(given_up(&world).await, 0);
}
