//! Many at once, on one node and on two: what must happen once happens once.

use std::sync::Arc;

use testkit::{Answer, Client, World};
use tokio::task::JoinSet;

/// Runs `work` fifty times at once and counts the answers.
async fn fifty<F, W>(work: W) -> std::collections::BTreeMap<String, usize>
where
    F: Future<Output = Answer> + Send + 'static,
    W: Fn(usize) -> F,
{
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        tasks.spawn(work(number));
    }
    let mut counted = std::collections::BTreeMap::new();
    while let Some(answer) = tasks.join_next().await {
        *counted.entry(answer.unwrap().summary()).or_default() += 1;
    }
    counted
}

fn counts(pairs: &[(&str, usize)]) -> std::collections::BTreeMap<String, usize> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// The World and, on PostgreSQL, a second node; on SQLite the same one twice.
async fn nodes() -> [Arc<World>; 2] {
    let world = Arc::new(World::new().await);
    let second = world.second_node().await.map(Arc::new);
    [Arc::clone(&world), second.unwrap_or(world)]
}

async fn polls(world: Arc<World>, id: Arc<String>) -> Answer {
    world.client().poll(&id).await
}

async fn starts(world: Arc<World>, form: testkit::Form) -> Answer {
    let client: Client<'_> = world.client();
    client.posts("bc-authorize", form).await
}

/// W143, A7: fifty poll one approval, one gets the tokens.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_pollers_redeem_one_approval_once() {
    let nodes = nodes().await;
    let id = nodes[0].client().asks_for("alice").await;
    nodes[0].phone_of("alice").approves(&id).await;
    let id = Arc::new(id);
    let counted = fifty(|n| polls(Arc::clone(&nodes[n % 2]), Arc::clone(&id))).await;
    assert_eq!(counted, counts(&[("200", 1), ("403 invalid_grant", 49)]));
}

/// W110, W111: fifty start for one user at once, five pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_starts_for_one_user_give_five() {
    let nodes = nodes().await;
    nodes[0].phone_of("alice").is_ready().await;
    let forms: Vec<_> = (0..50).map(|_| nodes[0].client().asking("alice")).collect();
    let counted = fifty(|n| starts(Arc::clone(&nodes[n % 2]), forms[n].clone())).await;
    assert_eq!(counted, counts(&[("200", 5), ("429 too_many_requests", 45)]));
    nodes[0].run_worker().await;
    nodes[1].run_worker().await;
    let pushes = nodes[1].phone_of("alice").pushes().await.len();
    nodes[0].phone_of("alice").pushes().await;
    assert_eq!(nodes[0].phone_of("alice").pushes().await.len().max(pushes), 5);
}

/// W37: one assertion, fifty times at once, starts one request.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_assertion_sent_fifty_times_works_once() {
    let nodes = nodes().await;
    nodes[0].phone_of("alice").is_ready().await;
    let members = serde_json::json!({"token_endpoint_auth_method": "private_key_jwt"});
    let client = nodes[0].registers("KeyClient", members).await;
    let (form, _) = client.credentials(client.asking("alice"));
    let counted = fifty(|n| {
        let (world, form) = (Arc::clone(&nodes[n % 2]), form.clone());
        async move { world.post_form("bc-authorize", &form, &[]).await }
    })
    .await;
    assert_eq!(counted, counts(&[("200", 1), ("401 access_denied", 49)]));
    nodes[0].run_worker().await;
    nodes[1].run_worker().await;
}

/// Decision 4: one idempotency key, fifty times at once, is one request.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_idempotency_key_sent_fifty_times_is_one_request() {
    let nodes = nodes().await;
    nodes[0].phone_of("alice").is_ready().await;
    let client = nodes[0].client();
    let (form, _) = client.credentials(client.asking("alice"));
    let mut tasks = JoinSet::new();
    for n in 0..50 {
        let (world, form) = (Arc::clone(&nodes[n % 2]), form.clone());
        let headers = [("idempotency-key", "once")];
        tasks.spawn(async move { world.post_form("bc-authorize", &form, &headers).await });
    }
    let mut ids = std::collections::BTreeSet::new();
    while let Some(answer) = tasks.join_next().await {
        ids.insert(answer.unwrap().member("auth_req_id"));
    }
    assert_eq!(ids.len(), 1);
    nodes[0].run_worker().await;
    nodes[1].run_worker().await;
    let pushes = nodes[1].phone_of("alice").pushes().await.len();
    assert_eq!(nodes[0].phone_of("alice").pushes().await.len().max(pushes), 1);
}

/// A refresh token that rotates is exchanged once, whoever is faster.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rotating_refresh_token_is_exchanged_once() {
    let nodes = nodes().await;
    let members = serde_json::json!({
        "refresh_token": {"rotation_type": "rotating", "expiration_type": "expiring"},
    });
    let client = nodes[0].registers("Rotating", members).await;
    let ask = |form: testkit::Form| form.with("scope", "openid offline_access");
    let tokens = client.gets_tokens("alice", ask).await;
    let token = tokens["refresh_token"].as_str().unwrap().to_owned();
    let form =
        testkit::Form::new().with("grant_type", "refresh_token").with("refresh_token", token);
    let (form, _) = client.credentials(form);
    let counted = fifty(|n| {
        let (world, form) = (Arc::clone(&nodes[n % 2]), form.clone());
        async move { world.post_form("oauth/token", &form, &[]).await }
    })
    .await;
    assert_eq!(counted, counts(&[("200", 1), ("403 invalid_grant", 49)]));
}

/// W128, W129: polls that reach two nodes are paced as if there were one.
#[tokio::test]
async fn two_nodes_pace_one_request() {
    let [first, second] = nodes().await;
    if Arc::ptr_eq(&first, &second) {
        return;
    }
    let id = first.client().asks_for("alice").await;
    assert_eq!(first.client().polls(&id).await, "400 authorization_pending");
    let both = |seconds| {
        first.advance_seconds(seconds);
        second.advance_seconds(seconds);
    };
    both(1);
    assert_eq!(second.client().poll(&id).await.number("retry-after"), 10);
    both(4);
    assert_eq!(first.client().poll(&id).await.number("retry-after"), 15);
    both(14);
    assert_eq!(second.client().poll(&id).await.number("retry-after"), 20);
    both(20);
    assert_eq!(first.client().polls(&id).await, "400 authorization_pending");
}

/// What one node decides, the other knows at once.
#[tokio::test]
async fn two_nodes_know_one_decision() {
    let [first, second] = nodes().await;
    let id = first.client().asks_for("alice").await;
    assert_eq!(second.client().polls(&id).await, "400 authorization_pending");
    first.phone_of("alice").approves(&id).await;
    assert_eq!(second.client().polls(&id).await, "200");
    assert_eq!(first.client().polls(&id).await, "403 invalid_grant");
}
