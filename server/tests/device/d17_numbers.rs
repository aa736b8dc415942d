//! D17: the number that the other screen shows, entered on a device of our own dialect.

use serde_json::{Value, json};
use testkit::{Answer, World};

use super::{Device, Said, assert_refused, logged, with};

/// Alice is asked with a number; `auth_req_id` and the number.
async fn asks(world: &World) -> (String, String) {
    let client = world.client();
    let answer = client.starts(client.asking("alice").with("match", "true")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    (answer.member("auth_req_id"), answer.member("match_code"))
}

async fn ciba() -> World {
    World::builder().profile("ciba").start().await
}

async fn choosing() -> World {
    let settings = |all: &mut server::tenancy::Settings| all.match_style = "choose".into();
    World::builder().profile("ciba").settings(settings).start().await
}

fn other(code: &str) -> String {
    format!("{:02}", (code.parse::<u32>().unwrap() + 1) % 100)
}

/// A yes to the newest request with this number, if any; not sent yet.
async fn yes(device: &Device<'_>, number: Option<&str>) -> (String, String) {
    let request = device.inbox().await[0].clone();
    let content = device.reads(&request).await;
    let claims = device.decision_claims(&request, &content, Said::Approve);
    let claims = number.map_or(claims.clone(), |number| with(&claims, "match", number));
    (request, device.decision_of(&claims))
}

async fn says_yes(device: &Device<'_>, number: Option<&str>) -> Answer {
    let (request, decision) = yes(device, number).await;
    device.sends(&request, &decision).await
}

/// D17: the content says how the number is entered and not which it is; without it nothing is
/// approved, and lacking it counts for nothing.
#[tokio::test]
async fn the_number_is_typed_and_told_to_the_client_alone() {
    let world = ciba().await;
    let device = Device::of(&world, "alice").await;
    let (id, code) = asks(&world).await;
    let request = device.inbox().await[0].clone();
    let content = device.verified(&device.reads(&request).await);
    assert_eq!(content["match"], json!({ "style": "type" }));
    assert!(content.as_object().unwrap().values().all(|value| *value != code.as_str()));
    for _ in 0..3 {
        assert_refused(&says_yes(&device, None).await, 400, "wrong_match");
    }
    assert_eq!(world.client().polls(&id).await, "400 authorization_pending");
    assert_eq!(says_yes(&device, Some(&code)).await.status, 204);
    world.advance_seconds(5);
    assert_eq!(world.client().polls(&id).await, "200");
}

/// D17: the second wrong entry denies, on whichever device of the person it is made; the right number
/// is no help any more, and there is no receipt of a decision that nobody took.
#[tokio::test]
async fn the_second_wrong_entry_denies_whichever_device_it_is_made_on() {
    let world = ciba().await;
    let (first, second) = (Device::of(&world, "alice").await, Device::of(&world, "alice").await);
    let (id, code) = asks(&world).await;
    let wrong = other(&code);
    let (request, sent) = yes(&first, Some(&wrong)).await;
    // The reply was lost: the same again is the same entry.
    for _ in 0..3 {
        assert_refused(&first.sends(&request, &sent).await, 400, "wrong_match");
    }
    assert_eq!(world.client().polls(&id).await, "400 authorization_pending");
    assert_refused(&says_yes(&second, Some(&wrong)).await, 400, "wrong_match");
    world.advance_seconds(5);
    assert_eq!(world.client().polls(&id).await, "400 access_denied");
    let claims = first.decision_claims(&request, "", Said::Approve);
    let right = first.decision_of(&with(&claims, "match", code.as_str()));
    assert_refused(&first.sends(&request, &right).await, 409, "decided");
    let told = logged(&world, "gd_auth_rejected").await;
    assert_eq!((told.len(), &told[0]["reason"]), (1, &json!("wrong_number")));
}

/// D17: after one wrong entry the right one still approves.
#[tokio::test]
async fn one_wrong_entry_is_forgiven() {
    let world = ciba().await;
    let device = Device::of(&world, "alice").await;
    let (id, code) = asks(&world).await;
    assert_refused(&says_yes(&device, Some(&other(&code))).await, 400, "wrong_match");
    assert_eq!(says_yes(&device, Some(&code)).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "200");
}

/// D17: `choose` shows three different numbers, the right one among them, none marked, the same at
/// every reading, in every language and on every device.
#[tokio::test]
async fn three_numbers_to_choose_from_stay_the_same() {
    let world = choosing().await;
    let (first, second) = (Device::of(&world, "alice").await, Device::of(&world, "alice").await);
    let (id, code) = asks(&world).await;
    let request = first.inbox().await[0].clone();
    let mut shown = Vec::new();
    for (device, language) in [(&first, "en"), (&first, "ja"), (&second, "ja"), (&first, "en")] {
        let path = format!("device/v1/requests/{request}?locale={language}");
        let content = device.verified(&device.gets(&path).await.member("content"));
        shown.push(content["match"].clone());
        world.restart().await;
    }
    assert!(shown.iter().all(|one| *one == shown[0]), "{shown:?}");
    let members: Vec<&str> = shown[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members.len(), 2, "{members:?}");
    assert_eq!(shown[0]["style"], "choose");
    let mut numbers: Vec<&Value> = shown[0]["numbers"].as_array().unwrap().iter().collect();
    assert!(numbers.contains(&&json!(code)), "{code}: {numbers:?}");
    numbers.sort_by_key(|number| number.as_str().unwrap().to_owned());
    numbers.dedup();
    assert_eq!(numbers.len(), 3);
    assert_eq!(says_yes(&second, Some(&code)).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "200");
}

/// D17: with `choose` the first wrong pick denies.
#[tokio::test]
async fn the_first_wrong_pick_denies() {
    let world = choosing().await;
    let device = Device::of(&world, "alice").await;
    let (id, code) = asks(&world).await;
    assert_refused(&says_yes(&device, Some(&other(&code))).await, 400, "wrong_match");
    assert_eq!(world.client().polls(&id).await, "400 access_denied");
}

/// D17: the tenant can ask for a number whatever the client says; a no needs none.
#[tokio::test]
async fn a_tenant_asks_for_numbers_by_its_setting() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let change = json!({ "match_code_required": true, "match_style": "choose" });
    let changed = world.operator().patches("tenants/settings", &change).await;
    assert_eq!((changed.status, &changed.json()["match_style"]), (200, &json!("choose")));
    let wrong = json!({ "match_style": "draw" });
    assert_eq!(world.operator().patches("tenants/settings", &wrong).await.status, 400);
    let client = world.client();
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(answer.member("match_code").len(), 2);
    let id = answer.member("auth_req_id");
    assert_eq!(device.decides(Said::Deny(None)).await.status, 204);
    assert_eq!(client.polls(&id).await, "400 access_denied");
}

/// O380: wrong entries by several devices at once: two of them end the request, whoever comes first.
#[tokio::test]
async fn wrong_entries_at_once_are_counted_together() {
    let world = ciba().await;
    let devices = [
        Device::of(&world, "alice").await,
        Device::of(&world, "alice").await,
        Device::of(&world, "alice").await,
        Device::of(&world, "alice").await,
    ];
    let (id, code) = asks(&world).await;
    let wrong = other(&code);
    let wrong = Some(wrong.as_str());
    let mut signed = Vec::new();
    for device in &devices {
        signed.push(yes(device, wrong).await);
    }
    let sends = |device: usize| {
        let (request, decision) = &signed[device];
        devices[device].sends(request, decision)
    };
    let answers = tokio::join!(sends(0), sends(1), sends(2), sends(3));
    let answers = [answers.0, answers.1, answers.2, answers.3];
    for answer in &answers {
        assert!(matches!(answer.status, 400 | 404 | 409), "{}", answer.text());
    }
    let is_wrong = |answer: &&Answer| answer.json()["code"] == "wrong_match";
    assert!(answers.iter().filter(is_wrong).count() >= 2);
    assert_eq!(world.client().polls(&id).await, "400 access_denied");
    assert_eq!(logged(&world, "gd_auth_rejected").await.len(), 1);
    assert!(devices[0].inbox().await.is_empty());
}

/// Only devices that take numbers are asked: a Guardian phone beside one of ours is not.
#[tokio::test]
async fn a_guardian_phone_beside_it_is_not_asked() {
    let world = ciba().await;
    world.phone_of("alice").is_ready().await;
    let device = Device::of(&world, "alice").await;
    let (id, code) = asks(&world).await;
    assert!(world.phone_of("alice").pushes().await.is_empty());
    assert_eq!(says_yes(&device, Some(&code)).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "200");
}
