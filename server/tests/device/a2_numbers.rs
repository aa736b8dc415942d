//! A2, A3: a yes that nobody meant, and one that was meant for another request.

use device_protocol::aizuchi::content;
use serde_json::{Value, json};
use testkit::{Answer, World};

use super::{Device, Said, assert_refused, with};

/// Alice is asked with a number; `auth_req_id` and the number.
async fn asks(world: &World, message: &str) -> (String, String) {
    let client = world.client();
    let form = client.asking("alice").with("match", "true").with("binding_message", message);
    let answer = client.starts(form.with("request_context", r#"{"shop":"Ginza"}"#)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    (answer.member("auth_req_id"), answer.member("match_code"))
}

async fn says_yes(device: &Device<'_>, request: &str, number: Option<&str>) -> Answer {
    let words = device.reads(request).await;
    let claims = device.decision_claims(request, &words, Said::Approve);
    let claims = number.map_or(claims.clone(), |number| with(&claims, "match", number));
    device.sends(request, &device.decision_of(&claims)).await
}

/// Whether a text is somewhere in what a device was sent.
fn holds(sent: &Value, text: &str) -> bool {
    match sent {
        Value::String(one) => one == text,
        Value::Array(all) => all.iter().any(|one| holds(one, text)),
        Value::Object(all) => all.values().any(|one| holds(one, text)),
        Value::Number(number) => number.to_string() == text,
        Value::Null | Value::Bool(_) => false,
    }
}

/// A2: what is asked, by whom and from where is read before anything can be approved; a yes without
/// the words that were shown, without the number, or with a wrong one, is none; and the number is in
/// nothing that the device is sent.
#[tokio::test]
async fn nobody_approves_blindly() {
    let world = World::builder().profile("ciba").start().await;
    let device = Device::of(&world, "alice").await;
    let (id, code) = asks(&world, "Pay 21-49").await;
    let list = device.gets("device/v1/requests").await.json();
    let request = list["requests"][0]["request"].as_str().unwrap().to_owned();
    // The words were never read: nothing can be approved by a tap on a notification.
    let unread = device.decision_claims(&request, "unread", Said::Approve);
    let unread = device.decision_of(&with(&unread, "match", code.as_str()));
    assert_refused(&device.sends(&request, &unread).await, 400, "wrong_hash");
    let words = device.reads(&request).await;
    let shown = device.verified(&words);
    assert_eq!(shown["client"]["id"], world.client().id());
    assert!(!shown["client"]["name"].as_str().unwrap().is_empty());
    assert_eq!(shown["binding_message"], "Pay 21-49");
    assert_eq!(shown["scope"][0]["value"], "openid");
    assert_eq!(shown["context"], json!({"shop": "Ginza"}));
    assert_eq!(shown["created_at"], world.now().seconds());
    assert!(!holds(&shown, &code) && !holds(&list, &code));
    assert!(!content::hash(&words).is_empty());
    assert_refused(&says_yes(&device, &request, None).await, 400, "wrong_match");
    let wrong = format!("{:02}", (code.parse::<u32>().unwrap() + 1) % 100);
    assert_refused(&says_yes(&device, &request, Some(&wrong)).await, 400, "wrong_match");
    assert_eq!(world.client().polls(&id).await, "400 authorization_pending");
    assert_eq!(says_yes(&device, &request, Some(&code)).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "200");
}

/// A3: of two requests at once the number of one does not approve the other, whose client gets
/// nothing; both are listed, each with its own words.
#[tokio::test]
async fn the_number_of_one_request_approves_no_other() {
    let world = World::builder().profile("ciba").start().await;
    let device = Device::of(&world, "alice").await;
    let (attackers, attackers_code) = asks(&world, "Login 1").await;
    let (own, code) = loop {
        world.advance_seconds(20);
        let (id, code) = asks(&world, "Login 2").await;
        if code != attackers_code {
            break (id, code);
        }
        assert_eq!(world.client().cancels(&id).await.status, 204);
    };
    let waiting = device.inbox().await;
    assert_eq!(waiting.len(), 2);
    let messages = [&waiting[0], &waiting[1]].map(|request| device.reads(request));
    let [second, first] = messages;
    let (second, first) = (second.await, first.await);
    assert_eq!(device.verified(&first)["binding_message"], "Login 1");
    assert_eq!(device.verified(&second)["binding_message"], "Login 2");
    let answer = says_yes(&device, &waiting[1], Some(&code)).await;
    assert_refused(&answer, 400, "wrong_match");
    assert_eq!(world.client().polls(&attackers).await, "400 authorization_pending");
    assert_eq!(says_yes(&device, &waiting[0], Some(&code)).await.status, 204);
    assert_eq!(world.client().polls(&own).await, "200");
    assert_eq!(device.inbox().await, [waiting[1].clone()]);
}
