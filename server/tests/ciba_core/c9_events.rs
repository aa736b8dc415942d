//! O306 to O308: `GET /ciba/events` (decision 34).

use http::Method;
use serde_json::json;
use testkit::{Answer, Client, Proof, World};

use super::world;

/// The stream of a request, as HTTP Basic gets it.
async fn listens(world: &World, client: &Client<'_>, id: &str) -> Answer {
    let basic = client.proving(Proof::Basic(client.secret().to_owned()));
    let (_, headers) = basic.credentials(testkit::Form::new());
    let authorization = headers[0].1.as_str();
    let headers = [("authorization", authorization), ("aizuchi-auth-req-id", id)];
    world.request(Method::GET, "ciba/events", &headers, "").await
}

async fn until_streams(world: &World, number: usize) {
    for _ in 0..20_000_000 {
        if world.app().listening.len() == number {
            return;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(world.app().listening.len(), number);
}

#[track_caller]
fn is_event(answer: &Answer, name: &str) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.text(), format!("event: {name}\ndata: {{}}\n\n"));
}

/// O306: whatever becomes of a request, whoever listens is told in that moment, or at once if it
/// is so already; the tokens are still to be had, once.
#[tokio::test]
async fn one_event_tells_what_became_of_a_request() {
    for (outcome, name) in
        [("yes", "decided"), ("no", "decided"), ("back", "withdrawn"), ("late", "expired")]
    {
        let world = world().await;
        let client = world.client();
        let id = client.asks_for("alice").await;
        let falls = async {
            until_streams(&world, 1).await;
            match outcome {
                "yes" => world.phone_of("alice").approves(&id).await,
                "no" => world.phone_of("alice").denies(&id).await,
                "back" => assert_eq!(client.cancels(&id).await.status, 204),
                _ => {
                    world.advance_seconds(300);
                    world.run_worker().await;
                }
            }
        };
        let (told, ()) = tokio::join!(listens(&world, &client, &id), falls);
        is_event(&told, name);
        until_streams(&world, 0).await;
        is_event(&listens(&world, &client, &id).await, name);
        if outcome == "yes" {
            assert_eq!(client.polls(&id).await, "200");
            assert_eq!(client.polls(&id).await, "400 invalid_grant");
            is_event(&listens(&world, &client, &id).await, name);
        }
    }
}

/// O301, O306: the decision falls on another node.
#[tokio::test]
async fn a_decision_of_another_node_is_told_too() {
    let world = world().await;
    let Some(other) = world.second_node().await else { return };
    let client = world.client();
    let id = client.asks_for("alice").await;
    let falls = async {
        until_streams(&world, 1).await;
        assert_eq!(world.phone_of("alice").inbox().len(), 1);
        other.phone_of("alice").approves(&id).await;
        world.run_worker().await;
    };
    let (told, ()) = tokio::join!(listens(&world, &client, &id), falls);
    is_event(&told, "decided");
}

/// O307: whoever proves nothing, or asks for what is another's, hears nothing; what stands in the
/// address does not count.
#[tokio::test]
async fn nobody_hears_of_another_clients_request() {
    let world = world().await;
    let client = world.client();
    let stranger = world.registers("stranger", json!({})).await;
    let id = client.asks_for("alice").await;
    assert_eq!(listens(&world, &stranger, &id).await.summary(), "400 invalid_grant");
    assert_eq!(listens(&world, &client, "unknown").await.summary(), "400 invalid_grant");
    let bare = [("aizuchi-auth-req-id", id.as_str())];
    let get = async |path: String, headers: &[(&str, &str)]| {
        world.request(Method::GET, &path, headers, "").await.summary()
    };
    assert_eq!(get(String::from("ciba/events"), &bare).await, "401 invalid_client");
    let secret = format!("ciba/events?client_id={}&client_secret={}", client.id(), client.secret());
    assert_eq!(get(secret, &bare).await, "401 invalid_client");
    let basic = client.proving(Proof::Basic(client.secret().to_owned()));
    let (_, headers) = basic.credentials(testkit::Form::new());
    let authorization = [("authorization", headers[0].1.as_str())];
    let in_address = format!("ciba/events?auth_req_id={id}");
    assert_eq!(get(in_address, &authorization).await, "400 invalid_request");
    let posted = world.request(Method::POST, "ciba/events", &authorization, "").await;
    assert_eq!((posted.status, posted.header("allow")), (405, "GET"));
}

/// O306, W37: a client with a key shows a fresh assertion, which counts once.
#[tokio::test]
async fn an_assertion_in_a_header_opens_a_stream_once() {
    let world = world().await;
    let members = json!({"token_endpoint_auth_method": "private_key_jwt"});
    let client = world.registers("signer", members).await;
    let id = client.asks_for("alice").await;
    world.phone_of("alice").denies(&id).await;
    let assertion = Client::assertion(&testkit::client_key(), &client.assertion_claims(), None);
    let headers = [("client-assertion", assertion.as_str()), ("aizuchi-auth-req-id", &id)];
    let listen = async || world.request(Method::GET, "ciba/events", &headers, "").await;
    is_event(&listen().await, "decided");
    assert_eq!(listen().await.summary(), "401 invalid_client");
}

/// O308: a request has one stream, the server so many in all, and none when it stops.
#[tokio::test]
async fn streams_are_bounded_and_end_with_the_server() {
    let world = World::builder()
        .profile("ciba")
        .configured(|config| config.limits.event_streams = 1)
        .start()
        .await;
    let client = world.client();
    let first = client.asks_for("alice").await;
    let second = client.asks_for("bob").await;
    let others = async {
        until_streams(&world, 1).await;
        assert_eq!(listens(&world, &client, &first).await.summary(), "400 slow_down");
        let refused = listens(&world, &client, &second).await;
        assert_eq!(refused.summary(), "503 temporarily_unavailable");
        assert!(refused.number("retry-after") > 0);
        world.app().listening.close();
    };
    let (told, ()) = tokio::join!(listens(&world, &client, &first), others);
    assert_eq!((told.status, told.text().as_str()), (200, ""));
}
