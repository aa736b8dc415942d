//! C64, N47: polls that wait for their outcome, in every profile.

use domain::oauth::client::CIBA_GRANT;
use serde_json::json;
use testkit::{Client, World};

/// A client of this profile.
async fn client_in<'w>(world: &'w World, profile: &str) -> Client<'w> {
    world.registers(&format!("shop-{profile}"), json!({"profile": profile})).await
}

/// W155, C64, N47: no, yes, or taken back: the poll is answered in that moment, and by nothing else.
#[tokio::test]
async fn a_poll_that_waits_is_answered_when_the_outcome_is_there() {
    let world = World::new().await;
    for profile in ["auth0", "ciba"] {
        let client = client_in(&world, profile).await;
        for (number, expected) in
            ["200", "400 access_denied", "400 access_denied"].iter().enumerate()
        {
            let person = ["alice", "bob", "carol"][number];
            let id = client.asks_for(person).await;
            let decided = async {
                world.until_polls_wait(1).await;
                match number {
                    0 => world.phone_of(person).approves(&id).await,
                    1 => world.phone_of(person).denies(&id).await,
                    _ => assert_eq!(client.cancels(&id).await.status, 204),
                }
            };
            let (answer, ()) = tokio::join!(client.long_poll(&id, 30), decided);
            assert_eq!(answer.summary(), *expected, "{profile}");
            world.until_polls_wait(0).await;
        }
        world.advance_seconds(60);
    }
}

/// C64, N47: without an outcome the wait ends when it is over, after 30 seconds however long it
/// was wished for, and the next poll may come at once.
#[tokio::test]
async fn a_wait_without_outcome_ends_and_is_never_longer_than_thirty_seconds() {
    let world = World::new().await;
    for profile in ["auth0", "ciba"] {
        let client = client_in(&world, profile).await;
        let id = client.asks_for("alice").await;
        for (wished_s, held_s) in [(7, 7), (30, 30), (31, 30), (i64::MAX, 30)] {
            let time = async {
                world.until_polls_wait(1).await;
                world.advance_ms(held_s * 1000 - 1);
                world.run_worker().await;
                world.until_polls_wait(1).await;
                world.advance_ms(1);
                world.run_worker().await;
            };
            let (answer, ()) = tokio::join!(client.long_poll(&id, wished_s), time);
            assert_eq!(answer.summary(), "400 authorization_pending", "{profile} {wished_s}");
        }
    }
}

/// C64, N47: the time of the request runs out while the poll waits.
#[tokio::test]
async fn a_poll_that_waits_is_answered_when_the_request_expires() {
    let world = World::new().await;
    for (profile, expected) in [("auth0", "400 access_denied"), ("ciba", "400 expired_token")] {
        let client = client_in(&world, profile).await;
        let id = client.asks_with("alice", |form| form.with("requested_expiry", "10")).await;
        let time = async {
            world.until_polls_wait(1).await;
            world.advance_seconds(10);
            world.run_worker().await;
        };
        let (answer, ()) = tokio::join!(client.long_poll(&id, 30), time);
        assert_eq!(answer.summary(), expected);
    }
}

/// C64, N47: one poll of a request waits; a second one, waiting or not, is told to slow down at
/// once, and the first waits on.
#[tokio::test]
async fn a_second_poll_beside_one_that_waits_is_slowed_down() {
    let world = World::new().await;
    for (profile, slowed) in [("auth0", "429 slow_down"), ("ciba", "400 slow_down")] {
        let client = client_in(&world, profile).await;
        let id = client.asks_for("alice").await;
        let second = async {
            world.until_polls_wait(1).await;
            // Late enough for a poll, were it the only one.
            for seconds in [6, 11] {
                world.advance_seconds(seconds);
                let refused = if seconds == 6 {
                    client.poll(&id).await
                } else {
                    client.long_poll(&id, 30).await
                };
                assert_eq!(refused.summary(), slowed);
            }
            assert_eq!(world.app().waiting.len(), 1);
            world.phone_of("alice").approves(&id).await;
        };
        let (answer, ()) = tokio::join!(client.long_poll(&id, 30), second);
        assert_eq!(answer.status, 200, "{}", answer.text());
        world.advance_seconds(60);
    }
}

/// C64: after a wait of full length the next poll may come at once, though the interval has grown
/// beyond 30 seconds; one more behind it is too fast again.
#[tokio::test]
async fn a_full_wait_makes_up_for_a_grown_interval() {
    let world = World::new().await;
    let client = client_in(&world, "ciba").await;
    let id = client.asks_for("alice").await;
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    for _ in 0..6 {
        assert_eq!(client.polls(&id).await, "400 slow_down");
    }
    world.advance_seconds(35);
    let time = async {
        world.until_polls_wait(1).await;
        world.advance_seconds(30);
        world.run_worker().await;
    };
    let (answer, ()) = tokio::join!(client.long_poll(&id, 30), time);
    assert_eq!(answer.summary(), "400 authorization_pending");
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    assert_eq!(client.polls(&id).await, "400 slow_down");
}

/// C63, C64: a poll that comes too early is told so at once, however long it would wait.
#[tokio::test]
async fn a_poll_that_comes_too_early_does_not_wait() {
    let world = World::new().await;
    let client = client_in(&world, "ciba").await;
    let id = client.asks_for("alice").await;
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    assert_eq!(client.long_poll(&id, 30).await.summary(), "400 slow_down");
}

/// C60, C64: another client's request, an unknown one and a decided one are answered at once.
#[tokio::test]
async fn nobody_waits_for_what_is_not_his_or_decided() {
    let world = World::new().await;
    let (client, stranger) = (client_in(&world, "ciba").await, world.client());
    let id = client.asks_for("alice").await;
    assert_eq!(stranger.long_poll(&id, 30).await.summary(), "403 invalid_grant");
    assert_eq!(client.long_poll("unknown", 30).await.summary(), "400 invalid_grant");
    world.phone_of("alice").denies(&id).await;
    assert_eq!(client.long_poll(&id, 30).await.summary(), "400 access_denied");
    assert!(world.app().waiting.is_empty());
}

/// C65, N58, O300: one poll more than may wait is told to come back; those that wait are served, and a
/// client that goes away leaves its place.
#[tokio::test]
async fn the_polls_that_wait_are_bounded_in_all() {
    let world = World::builder().configured(|config| config.limits.waiting_polls = 2).start().await;
    let client = client_in(&world, "ciba").await;
    let mut ids = Vec::new();
    for person in ["alice", "bob", "carol"] {
        ids.push(client.asks_for(person).await);
    }
    let third = async {
        world.until_polls_wait(2).await;
        let refused = client.long_poll(&ids[2], 30).await;
        assert_eq!(refused.summary(), "503 temporarily_unavailable");
        assert!(refused.number("retry-after") > 0);
        assert_eq!(client.polls(&ids[2]).await, "400 authorization_pending");
        world.phone_of("alice").approves(&ids[0]).await;
        world.phone_of("bob").approves(&ids[1]).await;
    };
    let (one, two, ()) =
        tokio::join!(client.long_poll(&ids[0], 30), client.long_poll(&ids[1], 30), third);
    assert_eq!((one.status, two.status), (200, 200));
    world.advance_seconds(5);
    tokio::select! {
        _ = client.long_poll(&ids[2], 30) => panic!("nothing was decided"),
        () = world.until_polls_wait(1) => {}
    }
    assert!(world.app().waiting.is_empty());
}

/// O301: the decision falls on another node.
#[tokio::test]
async fn a_decision_taken_by_another_node_ends_the_wait() {
    let world = World::new().await;
    let Some(other) = world.second_node().await else { return };
    let client = client_in(&world, "ciba").await;
    let id = client.asks_for("alice").await;
    let decided = async {
        world.until_polls_wait(1).await;
        assert_eq!(world.phone_of("alice").inbox().len(), 1);
        other.phone_of("alice").approves(&id).await;
        world.run_worker().await;
    };
    let (answer, ()) = tokio::join!(client.long_poll(&id, 30), decided);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// O302: a server that stops lets nobody wait.
#[tokio::test]
async fn a_server_that_stops_sends_those_who_wait_away() {
    let world = World::new().await;
    let client = client_in(&world, "ciba").await;
    let id = client.asks_for("alice").await;
    let stops = async {
        world.until_polls_wait(1).await;
        world.app().waiting.close();
    };
    let (answer, ()) = tokio::join!(client.long_poll(&id, 30), stops);
    assert_eq!(answer.summary(), "400 authorization_pending");
    world.advance_seconds(5);
    assert_eq!(client.long_poll(&id, 30).await.summary(), "400 authorization_pending");
}

/// W37, C64: the assertion of a poll that waited is spent once, and for good.
#[tokio::test]
async fn the_assertion_of_a_poll_that_waited_counts_once() {
    let world = World::new().await;
    let members = json!({
        "profile": "ciba", "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": [CIBA_GRANT],
    });
    let client = world.registers("signer", members).await;
    let id = client.asks_for("alice").await;
    let assertion = Client::assertion(&testkit::client_key(), &client.assertion_claims(), None);
    let form = client.with_assertion(client.polling(&id), assertion);
    let headers = [("prefer", "wait=30")];
    let decided = async {
        world.until_polls_wait(1).await;
        world.phone_of("alice").approves(&id).await;
    };
    let (answer, ()) = tokio::join!(world.post_form("oauth/token", &form, &headers), decided);
    assert_eq!(answer.status, 200, "{}", answer.text());
    world.restart().await;
    let again = world.post_form("oauth/token", &form, &headers).await;
    assert_eq!(again.summary(), "401 invalid_client");
}
