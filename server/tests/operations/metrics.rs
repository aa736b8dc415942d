//! O58 and O254 to O256: what operators watch, and the name that ties a request to its lines.

use std::collections::BTreeSet;

use http::Method;
use testkit::World;

use super::{ops, post};

/// The page that lists the metrics for people.
const LIST: &str = include_str!("../../../docs/operate.md");

async fn page(world: &World) -> String {
    let answer = ops(world, "/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    answer.text()
}

fn value(page: &str, sample: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(sample))?;
    line.trim().parse().ok()
}

/// O58: health and metrics on the operators' listener, and nowhere else.
#[tokio::test]
async fn the_public_paths_know_no_metrics() {
    let world = World::new().await;
    for path in ["/metrics", "/health/live", "/health/ready"] {
        assert_eq!(ops(&world, path).await.status, 200, "{path}");
        assert_eq!(
            world.request(Method::GET, path.trim_start_matches('/'), &[], "").await.status,
            404,
            "{path}"
        );
    }
}

/// O254: a whole loop and its refusals are counted, by labels of our own only.
#[tokio::test]
async fn a_loop_is_counted() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone_of("alice");
    let id = client.asks_for("alice").await;
    let open = page(&world).await;
    assert_eq!(value(&open, "aizuchi_transactions_total{outcome=\"started\"}"), Some(1.0));
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    phone.approves(&id).await;
    client.redeems(&id).await;
    assert_eq!(client.starts(client.asking("nobody")).await.status, 400);
    assert_eq!(post(&world, "made/up/by/somebody").await.status, 404);
    let page = page(&world).await;
    for (sample, count) in [
        ("aizuchi_transactions_total{outcome=\"approved\"}", 1.0),
        ("aizuchi_transactions_total{outcome=\"redeemed\"}", 1.0),
        ("aizuchi_pushes_total{service=\"GCM\",outcome=\"sent\"}", 1.0),
        ("aizuchi_refusals_total{endpoint=\"/oauth/token\",error=\"authorization_pending\"}", 1.0),
        ("aizuchi_http_requests_total{method=\"POST\",path=\"/bc-authorize\",status=\"200\"}", 1.0),
        ("aizuchi_http_requests_total{method=\"POST\",path=\"/bc-authorize\",status=\"400\"}", 1.0),
        ("aizuchi_http_requests_total{method=\"POST\",path=\"other\",status=\"404\"}", 1.0),
        ("aizuchi_http_request_duration_seconds_count{path=\"/bc-authorize\"}", 2.0),
        ("aizuchi_http_requests_in_flight", 0.0),
    ] {
        assert_eq!(value(&page, sample), Some(count), "{sample}\n{page}");
    }
    assert!(!page.contains("made") && !page.contains(&id), "{page}");
}

/// O255: the list for operators names each metric, and no other.
#[tokio::test]
async fn the_list_of_metrics_is_complete() {
    let world = World::new().await;
    let client = world.client();
    // A family shows itself with its first member.
    client.asks_for("alice").await;
    assert_eq!(client.starts(client.asking("nobody")).await.status, 400);
    let page = page(&world).await;
    let served: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let listed: BTreeSet<&str> = LIST
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("aizuchi_") || name.starts_with("process_"))
        .collect();
    assert_eq!(served, listed);
}

/// O256: the answer names the request; a caller's trace is taken up, nonsense is not.
#[tokio::test]
async fn an_answer_names_its_request() {
    let world = World::new().await;
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let sent = format!("00-{id}-00f067aa0ba902b7-01");
    let named = async |headers: &[(&str, &str)]| {
        let answer = world.request(Method::GET, ".well-known/jwks.json", headers, "").await;
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(named(&[("traceparent", &sent)]).await, id);
    let (first, second) = (named(&[]).await, named(&[("traceparent", "nonsense")]).await);
    assert_eq!((first.len(), second.len()), (32, 32));
    assert_ne!(first, second);
}
