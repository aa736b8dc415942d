//! A19: as many as there may be, and one more.

use testkit::World;

/// A19: a tenant's requests and the polls that wait are capped: one more is told to come back, and
/// those that were there are served.
#[tokio::test]
async fn one_more_than_there_may_be_is_told_to_come_back() {
    let builder = World::builder().profile("ciba").configured(|config| {
        config.limits.open_per_tenant = 2;
        config.limits.waiting_polls = 1;
    });
    let world = builder.start().await;
    let client = world.client();
    let (first, second) = (client.asks_for("alice").await, client.asks_for("bob").await);
    world.phone_of("carol").is_ready().await;
    let refused = client.starts(client.asking("carol")).await;
    assert_eq!(refused.summary(), "503 temporarily_unavailable");
    assert!(refused.number("retry-after") > 0);
    assert!(world.phone_of("carol").pushes().await.is_empty());
    let others = async {
        world.until_polls_wait(1).await;
        let full = client.long_poll(&second, 30).await;
        assert_eq!(full.summary(), "503 temporarily_unavailable");
        assert!(full.number("retry-after") > 0);
        world.phone_of("alice").approves(&first).await;
    };
    let (answer, ()) = tokio::join!(client.long_poll(&first, 30), others);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let third = client.asks_for("carol").await;
    world.phone_of("bob").approves(&second).await;
    assert_eq!(client.polls(&second).await, "200");
    world.phone_of("carol").denies(&third).await;
    assert_eq!(client.polls(&third).await, "400 access_denied");
}
