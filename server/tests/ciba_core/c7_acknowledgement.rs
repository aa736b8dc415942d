//! C53 to C56: the acknowledgement.

use std::collections::BTreeSet;

use device_protocol::guardian::resolve::Decision;
use serde_json::json;

use super::world;

/// C53: JSON that nobody may keep.
#[tokio::test]
async fn an_acknowledgement_is_json_that_nobody_keeps() {
    let world = world().await;
    let client = world.client();
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    assert!(answer.header("content-type").starts_with("application/json"));
    assert!(answer.json().is_object());
}

/// C54: 43 characters of base64url, different each time.
#[tokio::test]
async fn a_name_is_hard_to_guess() {
    let world = world().await;
    let client = world.client();
    let mut names = BTreeSet::new();
    for person in ["alice", "bob", "carol", "dave"] {
        let id = client.asks_for(person).await;
        assert_eq!(id.len(), 43);
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{id}");
        assert!(shannon_bits(&id) > 160.0, "{id}: {}", shannon_bits(&id));
        names.insert(id);
    }
    assert_eq!(names.len(), 4);
}

/// As certification computes it: the text's own distribution times its length.
fn shannon_bits(text: &str) -> f64 {
    let length = f64::from(u32::try_from(text.len()).unwrap());
    let letters: BTreeSet<char> = text.chars().collect();
    let bits = letters.iter().map(|letter| {
        let count = u32::try_from(text.chars().filter(|c| c == letter).count()).unwrap();
        let share = f64::from(count) / length;
        -share * share.log2()
    });
    bits.sum::<f64>() * length
}

/// C55, N51: how long it lives is counted from the request, and then it is over.
#[tokio::test]
async fn a_request_lives_from_its_receipt() {
    let world = world().await;
    let client = world.client();
    let answer = client.starts(client.asking("alice").with("requested_expiry", "10")).await;
    assert_eq!(answer.json()["expires_in"], json!(10));
    let id = answer.member("auth_req_id");
    let push = world.phone_of("alice").push_of(&id).await;
    world.advance_ms(9_999);
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    world.advance_ms(1);
    assert_eq!(client.polls(&id).await, "400 expired_token");
    assert!(world.phone_of("alice").answers(&push, Decision::Accepted).await.status >= 400);
    assert_eq!(client.polls(&id).await, "400 expired_token");
}

/// C56, N46: the interval, the server's or the tenant's, is told to a client that polls.
#[tokio::test]
async fn a_polling_client_is_told_the_interval() {
    let world = world().await;
    let client = world.client();
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(answer.json()["interval"], json!(5));
    let slower = |config: &mut server::config::Config| config.ciba.interval_s = 7;
    let world = testkit::World::builder().profile("ciba").configured(slower).start().await;
    let client = world.client();
    world.phone_of("alice").is_ready().await;
    for (set, told_s) in [(json!(null), 7), (json!(9), 9), (json!(null), 7)] {
        let change = json!({ "ciba_interval_s": set });
        let answer = world.operator().patches("tenants/settings", &change).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let (form, _) = client.credentials(client.asking("alice"));
        let once = [("idempotency-key", form.get("binding_message").unwrap())];
        let answer = world.post_form("bc-authorize", &form, &once).await;
        assert_eq!(answer.json()["interval"], json!(told_s));
        let again = world.post_form("bc-authorize", &form, &once).await;
        assert_eq!(again.json()["interval"], json!(told_s));
        let id = answer.member("auth_req_id");
        assert_eq!(client.polls(&id).await, "400 authorization_pending");
        world.advance_seconds(told_s - 1);
        assert_eq!(client.polls(&id).await, "400 slow_down");
        world.advance_seconds(told_s + 5);
        assert_eq!(client.polls(&id).await, "400 authorization_pending");
        world.run_worker().await;
    }
    for wrong in [json!(0), json!(-1), json!(21_601), json!("5"), json!(1.5)] {
        let change = json!({ "ciba_interval_s": wrong });
        assert_eq!(world.operator().patches("tenants/settings", &change).await.status, 400);
    }
}
