//! W283 to W288: what the log keeps of each outcome, read from storage.

use domain::LogEvent;
use serde_json::Value;
use store::log_events::{self, LogPage};
use testkit::World;

const PAGE: LogPage = LogPage { offset: 0, limit: 100, newest_first: false };

async fn events(world: &World, kind: &str) -> Vec<LogEvent> {
    let app = world.app();
    let tenant = domain::TenantId::new(server::tenancy::FIRST_TENANT);
    let all = log_events::list(&app.database, &tenant, PAGE).await.unwrap();
    all.into_iter().filter(|event| event.kind == kind).collect()
}

fn details(event: &LogEvent) -> &Value {
    &event.document["details"]
}

/// Nothing that a reader of the log could use or should not see.
fn assert_silent(event: &LogEvent, secrets: &[&str]) {
    let text = event.document.to_string();
    for secret in secrets {
        assert!(!text.contains(secret), "{text} holds {secret}");
    }
}

/// W187, W283: one entry for an accepted start, which names the channel and no secret.
#[tokio::test]
async fn an_accepted_start_is_told_once_without_its_secrets() {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    let form = client.asking("alice");
    let message = form.get("binding_message").unwrap().to_owned();
    let id = client.asks_for("alice").await;
    let told = events(&world, "ciba_start_succeeded").await;
    assert_eq!(told.len(), 1);
    let event = &told[0];
    assert_eq!(details(event)["notification_channel"], "guardian-push");
    let consent = details(event)["transaction_linking_id"].as_str().unwrap();
    assert!(consent.starts_with("cns_") && consent.len() == 26, "{consent}");
    let body = details(event)["body"].as_object().unwrap();
    assert!(body.keys().all(|name| ["audience", "login_hint", "scope"].contains(&name.as_str())));
    assert_eq!(body["scope"], form.get("scope").unwrap());
    assert_silent(event, &[&id, &message, client.secret()]);
    let exchanged = {
        world.phone_of("alice").approves(&id).await;
        client.redeems(&id).await;
        events(&world, "ciba_exchange_succeeded").await
    };
    assert_eq!(details(&exchanged[0])["notification_channel"], "guardian-push");
}

/// W284: any refusal of a start leaves one entry that says why.
#[tokio::test]
async fn a_refused_start_is_told_once_and_says_why() {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    let bad = client.asking("alice").with("binding_message", "Pay $25");
    let refused = client.starts(bad).await;
    let told = events(&world, "ciba_start_failed").await;
    assert_eq!(told.len(), 1);
    assert_eq!(details(&told[0])["error"]["message"], refused.json()["error_description"]);
    assert!(details(&told[0])["body"].is_object());
    assert_eq!(told[0].client_id.as_ref().unwrap().as_str(), client.id());

    let wrong = client
        .asking("alice")
        .with("client_id", client.id())
        .with("client_secret", "n0t-the-s3cret");
    let answer = world.post_form("bc-authorize", &wrong, &[]).await;
    assert_eq!(answer.status, 401);
    let told = events(&world, "ciba_start_failed").await;
    assert_eq!(told.len(), 2);
    assert!(details(&told[1])["client_authentication_error"].is_string());
    assert_silent(&told[1], &["n0t-the-s3cret", client.secret()]);
}

/// W285: tokens leave one entry with the audience at its top.
#[tokio::test]
async fn issued_tokens_are_told_once() {
    let world = World::new().await;
    let client = world.client();
    world.phone_of("alice").is_ready().await;
    let id = client.asks_for("alice").await;
    world.phone_of("alice").approves(&id).await;
    let tokens = client.redeems(&id).await;
    let told = events(&world, "ciba_exchange_succeeded").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].document["audience"], world.url("userinfo"));
    let started = events(&world, "ciba_start_succeeded").await;
    let link = &details(&told[0])["transaction_linking_id"];
    assert_eq!(*link, details(&started[0])["transaction_linking_id"]);
    let id_token = tokens["id_token"].as_str().unwrap();
    assert_silent(&told[0], &[&id, id_token, tokens["access_token"].as_str().unwrap()]);
}

/// W286, W287: a refused exchange is told once for each error, a pending or too fast poll never.
#[tokio::test]
async fn refused_exchanges_are_told_once_and_pending_polls_never() {
    let world = World::new().await;
    let client = world.client();
    world.phone_of("alice").is_ready().await;
    let id = client.asks_for("alice").await;
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    assert_eq!(client.polls(&id).await, "429 slow_down");
    assert!(events(&world, "ciba_exchange_failed").await.is_empty());
    world.phone_of("alice").denies(&id).await;
    for _ in 0..3 {
        assert_eq!(client.polls(&id).await, "400 access_denied");
    }
    let told = events(&world, "ciba_exchange_failed").await;
    assert_eq!(told.len(), 1);
    assert!(details(&told[0])["error"]["message"].is_string());
    for _ in 0..3 {
        assert_eq!(client.polls("of-nobody").await, "403 invalid_grant");
    }
    assert_eq!(events(&world, "ciba_exchange_failed").await.len(), 2);
}

/// Part of W288: every entry says who, where and through which SDK.
#[tokio::test]
async fn every_entry_says_who_and_through_what() {
    let world = World::new().await;
    let client = world.client();
    world.phone_of("alice").is_ready().await;
    let sdk = "eyJuYW1lIjoiYXV0aDAtcHl0aG9uIiwidmVyc2lvbiI6IjYuOC4wIn0";
    let (form, _) = client.credentials(client.asking("alice"));
    for header in [sdk, "not-decodable"] {
        let answer = world.post_form("bc-authorize", &form, &[("auth0-client", header)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    world.run_worker().await;
    let told = events(&world, "ciba_start_succeeded").await;
    for event in &told {
        for member in ["client_name", "description", "details", "hostname", "ip"] {
            assert!(event.document.get(member).is_some(), "{member}");
        }
        assert!(event.id > 0);
    }
    let sdks = told.iter().filter_map(|event| event.document.get("auth0_client"));
    assert_eq!(sdks.map(|sdk| &sdk["name"]).collect::<Vec<_>>(), ["auth0-python"]);
}
