//! N29, N39, N40, N49, N52: the loop under conditions that no certification makes.

use std::collections::BTreeSet;

use device_protocol::guardian::resolve::{self, Decision};
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{Client, Form, World};

use super::{assert_error, world};

/// N29, R5: CIBA has no pushed requests: a client that must push its authorization requests may ask.
#[tokio::test]
async fn who_must_push_authorization_requests_may_ask() {
    let world = world().await;
    let members = json!({"require_pushed_authorization_requests": true});
    let client = world.registers("Pushes", members).await;
    let tokens = client.gets_tokens("alice", |form| form).await;
    assert!(tokens["access_token"].is_string());
}

/// N39: four people and three clients at once: each gets what was meant for it.
#[tokio::test]
async fn many_at_once_do_not_meet() {
    const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];
    let world = world().await;
    for person in PEOPLE {
        world.phone_of(person).is_ready().await;
    }
    for name in ["One", "Two", "Three"] {
        world.registers(name, json!({})).await;
    }
    let pairs =
        PEOPLE.iter().flat_map(|person| ["One", "Two", "Three"].map(|name| (*person, name)));
    let asked = pairs.map(async |(person, name)| {
        let client = world.registered(name);
        let id = client.starts(client.asking(person)).await.member("auth_req_id");
        (person, name, id)
    });
    let asked = join_all(asked).await;
    assert_eq!(asked.iter().map(|(_, _, id)| id).collect::<BTreeSet<_>>().len(), 12);
    let outcomes = asked.iter().map(async |(person, name, id)| {
        let (client, phone) = (world.registered(name), world.phone_of(person));
        let says_yes = (person.len() + name.len()) % 2 == 0;
        if says_yes {
            phone.approves(id).await;
        } else {
            phone.denies(id).await;
        }
        let other = world.registered(if *name == "One" { "Two" } else { "One" });
        assert_error(&other.poll(id).await, "400 invalid_grant");
        let answer = client.poll(id).await;
        if !says_yes {
            assert_error(&answer, "400 access_denied");
            return;
        }
        let token = world.verified(&answer.member("id_token")).await;
        assert_eq!(token.claims["sub"], json!(world.user_id(person).as_str()));
        assert_eq!(token.claims["aud"], json!(name));
    });
    join_all(outcomes).await;
}

/// N40: no, for whatever reason, is no; what is neither yes nor no is refused and decides nothing.
#[tokio::test]
async fn what_is_neither_yes_nor_no_decides_nothing() {
    let world = world().await;
    let (client, phone) = (world.client(), world.phone_of("alice"));
    for reason in [None, Some("refused"), Some("cancelled")] {
        let id = client.asks_for("alice").await;
        let push = phone.push_of(&id).await;
        let answer = phone.answers(&push, Decision::Rejected { reason }).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        assert_error(&client.poll(&id).await, "400 access_denied");
    }
    let id = client.asks_for("alice").await;
    let push = phone.push_of(&id).await;
    let url = world.url("appliance-mfa/api/resolve-transaction");
    let good = resolve::Answer {
        identifier: &phone.identifier(),
        challenge: &push.challenge,
        url: &url,
        issued_at: world.now().seconds(),
        decision: Decision::Accepted,
    };
    for verdict in [json!("maybe"), json!("true"), json!(1), Value::Null, json!({}), json!([true])]
    {
        let mut claims = good.claims();
        claims["auth0_guardian_accepted"] = verdict.clone();
        let answer = phone.answers_with(&push, &claims).await;
        assert_eq!(answer.status, 401, "{verdict}");
    }
    assert_error(&client.poll(&id).await, "400 authorization_pending");
    phone.approves(&id).await;
    assert_eq!(client.polls(&id).await, "200");
}

/// N49, A7: an `auth_req_id` that was exchanged is worth nothing; with the tenant's option, using
/// it again ends what it gave.
#[tokio::test]
async fn using_a_request_again_may_end_what_it_gave() {
    for ends in [false, true] {
        let world = world().await;
        let change = json!({ "reuse_revokes_grant": ends });
        assert_eq!(world.operator().patches("tenants/settings", &change).await.status, 200);
        let client = world.client();
        let other = world.registers("Other", json!({})).await;
        let ask = |form: Form| form.with("scope", "openid offline_access");
        let id = client.asks_with("alice", ask).await;
        world.phone_of("alice").approves(&id).await;
        let tokens = client.redeems(&id).await;
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let bystander = client.gets_tokens("alice", ask).await;
        assert_error(&other.poll(&id).await, "400 invalid_grant");
        assert_eq!(client.refreshes(refresh).await.status, 200, "another client ends nothing");
        world.advance_seconds(5);
        assert_error(&client.poll(&id).await, "400 invalid_grant");
        let expected = if ends { "400 invalid_grant" } else { "200" };
        assert_eq!(client.refreshes(refresh).await.summary(), expected);
        let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        let opened = world.request(http::Method::GET, "userinfo", &headers, "").await;
        assert_eq!(opened.status, if ends { 401 } else { 200 });
        let untouched = bystander["refresh_token"].as_str().unwrap();
        assert_eq!(client.refreshes(untouched).await.status, 200);
        assert_error(&client.poll(&id).await, "400 invalid_grant");
    }
}

/// Two nodes on PostgreSQL, one elsewhere; each step happens at the next, and whoever took a step
/// dies behind it.
struct Relay {
    nodes: Vec<World>,
    turn: usize,
}

impl Relay {
    async fn next(&mut self) -> &World {
        let last = self.turn % self.nodes.len();
        self.nodes[last].restart().await;
        self.turn += 1;
        &self.nodes[self.turn % self.nodes.len()]
    }
}

fn bank(world: &World) -> Client<'_> {
    world.client()
}

/// N52: a restart, and another node, between every two steps of the loop.
#[tokio::test]
async fn a_restart_between_any_two_steps_changes_nothing() {
    let first = world().await;
    let second = first.second_node().await;
    let mut relay = Relay { nodes: [first].into_iter().chain(second).collect(), turn: 0 };
    for says_yes in [true, false] {
        let node = relay.next().await;
        let ask = |form: Form| form.with("scope", "openid offline_access");
        let id = bank(node).asks_with("alice", ask).await;
        let node = relay.next().await;
        assert_eq!(bank(node).polls(&id).await, "400 authorization_pending");
        assert_eq!(bank(node).polls(&id).await, "400 slow_down");
        let slowed = bank(relay.next().await).polls(&id).await;
        assert_eq!(slowed, "400 slow_down", "the grown interval is known everywhere");
        let node = relay.next().await;
        let push = node.phone_of("alice").push_of(&id).await;
        let node = relay.next().await;
        assert_eq!(node.phone_of("alice").reads(&push).await.status, 200);
        let decision =
            if says_yes { Decision::Accepted } else { Decision::Rejected { reason: None } };
        let node = relay.next().await;
        assert_eq!(node.phone_of("alice").answers(&push, decision).await.status, 204);
        let node = relay.next().await;
        if !says_yes {
            assert_eq!(bank(node).polls(&id).await, "400 access_denied");
            assert_eq!(bank(relay.next().await).polls(&id).await, "400 access_denied");
            continue;
        }
        let tokens = bank(node).redeems(&id).await;
        assert_eq!(bank(relay.next().await).polls(&id).await, "400 invalid_grant");
        let refresh = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(bank(relay.next().await).refreshes(refresh).await.status, 200);
        assert_eq!(bank(relay.next().await).revokes(refresh).await.status, 200);
        let refused = bank(relay.next().await).refreshes(refresh).await;
        assert_eq!(refused.summary(), "400 invalid_grant");
    }
}
