//! D10, O458: what became of a request on each device, as an operator sees it.

use device_protocol::aizuchi::content;
use device_protocol::aizuchi::decision::{self, Answer as Said, Decision};
use domain::jose::Algorithm;
use http::Method;
use serde_json::json;
use testkit::World;
use testkit::push_services::Reply;

use super::own::{Own, enrolled, subscribed};
use super::{advance, begins, world_with_services};

/// What the person's page says of a device.
async fn says(world: &World, own: &Own) -> String {
    let path = format!("/console/users/{}", world.user_id("alice").as_str().replace('|', "%7C"));
    let page = world.browser().signed_in().await.opens(&path).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let page = page.text();
    let marker = format!("<dt><code>{}</code></dt><dd>", own.id);
    let found = page.split(marker.as_str()).nth(1);
    assert!(found.is_some(), "{page}");
    found.unwrap().split("</dd>").next().unwrap().to_owned()
}

/// Approves what the device was shown.
async fn decides(world: &World, own: &Own, (request, words): (&str, &str)) {
    let claims = Decision {
        device: &own.id,
        user: world.user_id("alice").as_str(),
        issuer: &world.issuer(),
        jti: "the only one",
        issued_at: world.now().seconds(),
        request,
        content_hash: &content::hash(words),
        match_code: None,
        answer: Said::Approve,
    }
    .claims();
    let header = decision::header("ES256", &own.id).to_string();
    let signed = own.key.sign_compact(Algorithm::Es256, &header, &claims.to_string()).unwrap();
    let body = json!({ "decision": signed }).to_string();
    let path = format!("device/v1/requests/{request}/decision");
    let answer = own.calls(world, Method::POST, &path, &body).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

/// D10, O458: queued, refused and why, taken, opened, decided, for a channel of each kind of end.
#[tokio::test]
async fn the_record_tells_what_became_of_a_request_on_each_device() {
    let (world, services) = world_with_services().await;
    let to = subscribed(&world, &services).await;
    let own = enrolled(&world, "alice", to.channel("web_push")).await;
    let gone = subscribed(&world, &services).await;
    let lost = enrolled(&world, "alice", gone.channel("unified_push")).await;
    services.web.forgets(&gone.token);
    let busy = vec![("retry-after", String::from("5"))];
    services.web.replies(&to.token, Reply::Refuse(503, "busy", busy));
    begins(&world, "alice").await;
    assert!(says(&world, &own).await.starts_with("Push not sent yet"));
    world.run_worker().await;
    let queued = says(&world, &own).await;
    assert!(queued.starts_with("Push not sent yet (web_push)"), "{queued}");
    let refused = says(&world, &lost).await;
    assert!(
        refused.starts_with("Push failed (unified_push)") && refused.contains("410"),
        "{refused}"
    );
    advance(&world, &services, 6);
    world.run_worker().await;
    let taken = says(&world, &own).await;
    assert!(
        taken.starts_with("Push handed over (web_push)") && !taken.contains("opened"),
        "{taken}"
    );
    let listed = own.calls(&world, Method::GET, "device/v1/requests", "").await;
    let request = listed.json()["requests"][0]["request"].as_str().unwrap().to_owned();
    let path = format!("device/v1/requests/{request}");
    let words = own.calls(&world, Method::GET, &path, "").await.member("content");
    let opened = says(&world, &own).await;
    assert!(opened.contains("opened") && !opened.contains("decided"), "{opened}");
    assert!(!says(&world, &lost).await.contains("opened"));
    decides(&world, &own, (&request, &words)).await;
    let decided = says(&world, &own).await;
    assert!(decided.contains("opened") && decided.contains("decided"), "{decided}");
    assert!(!says(&world, &lost).await.contains("decided"));
}
