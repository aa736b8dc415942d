//! T39 to T43: what a client answers when it is told.

use serde_json::{Value, json};

use super::fixture::{NOTIFICATION_TOKEN, Stage, VARIANTS};

/// The flow of a client that answers its notification like this; how often it was called within
/// the time the suite listens on.
async fn told(status: u16, body: &Value) {
    for variant in VARIANTS.into_iter().filter(|variant| variant.pings) {
        let stage = Stage::new(variant).await;
        let party = stage.party("told").await;
        let id = party.begins(&party.claims()).await;
        stage.script.then(status, body);
        stage.script.then(204, &Value::Null);
        stage.decides(&id, "allow").await;
        party.is_told(&id, 0, NOTIFICATION_TOKEN);
        for _ in 0..15 {
            stage.world.advance_seconds(1);
            stage.world.run_worker().await;
        }
        assert_eq!(stage.script.calls().len(), 1, "{status}: never called again");
        party.is_good(&party.polls(&id).await).await;
    }
}

/// T39: 200 and a body, which counts for nothing.
#[tokio::test]
async fn a_client_that_answers_with_a_body() {
    told(200, &json!({"hello": "there"})).await;
}

/// T40, T42: 401: no second call, and the tokens are there for who polls.
#[tokio::test]
async fn a_client_that_answers_401() {
    told(401, &Value::Null).await;
}

/// T41: 403.
#[tokio::test]
async fn a_client_that_answers_403() {
    told(403, &Value::Null).await;
}

/// T43: 301: nobody goes there, within fifteen seconds and after.
#[tokio::test]
async fn a_client_that_points_elsewhere() {
    told(301, &Value::Null).await;
}
