//! A5 and A6: words that deceive, and the name of a request in the wrong hands.

use device_protocol::guardian::resolve::{self, Decision};
use http::Method;
use serde_json::json;
use testkit::{Push, World};

use super::world;

/// A5: characters that hide, turn or stack words are refused, and the request with them.
#[tokio::test]
async fn words_that_deceive_reach_nobody() {
    for profile in ["auth0", "ciba"] {
        let world = World::builder().profile(profile).start().await;
        let client = world.client();
        world.phone_of("alice").is_ready().await;
        let deceiving = [
            ("a control character", "Pay\u{7}1"),
            ("a line break", "Pay 1\nApproved"),
            ("a carriage return", "Pay 1\rApproved"),
            ("a tab stop of old", "Pay\u{b}1"),
            ("DEL", "Pay\u{7f}1"),
            ("C1", "Pay\u{85}1"),
            ("right to left", "Pay \u{202e}0001"),
            ("an isolate", "Pay \u{2066}1\u{2069}"),
            ("a mark of direction", "Pay \u{200f}1"),
            ("zero width", "Pay\u{200b}1"),
            ("a joiner", "Pay\u{200d}1"),
            ("a byte order mark", "\u{feff}Pay 1"),
            ("a soft hyphen", "Pay\u{ad}1"),
            ("a letter of another script", "P\u{430}y 1"),
            ("a full-width letter", "\u{ff30}ay 1"),
            ("stacked marks", "P\u{301}\u{302}\u{303}ay"),
            ("a tag", "Pay\u{e0041}1"),
            ("an emoji", "Pay 1 \u{1f600}"),
            ("a line separator", "Pay\u{2028}1"),
            ("nothing visible", "\u{3164}"),
        ];
        for (what, message) in deceiving {
            let form = client.asking("alice").with("binding_message", message);
            let answer = client.posts("bc-authorize", form).await;
            let code = answer.json()["error"].as_str().unwrap().to_owned();
            let codes = ["invalid_binding_message", "invalid_request"];
            let is_told = answer.status == 400 && codes.contains(&code.as_str());
            assert!(is_told, "{profile}: {what}: {}", answer.text());
        }
        assert!(world.phone_of("alice").pushes().await.is_empty(), "{profile}");
    }
}

/// Every way in which somebody who knows a request's name might try to answer it.
async fn tries_to_answer(world: &World, id: &str, push: &Push) {
    let claims = resolve::Answer {
        identifier: &world.phone_of("alice").identifier(),
        challenge: id,
        url: &world.url("appliance-mfa/api/resolve-transaction"),
        issued_at: world.now().seconds(),
        decision: Decision::Accepted,
    };
    let path = "appliance-mfa/api/resolve-transaction";
    let as_challenge = world.phone_of("alice").answers_with(push, &claims.claims()).await;
    assert!((400..=404).contains(&as_challenge.status), "{}", as_challenge.text());
    let bearer = format!("Bearer {id}");
    let scheme = format!("MFA-DPoP {id}");
    let tries = [
        (Method::POST, String::from(path), bearer.as_str()),
        (Method::GET, format!("rich-consents/{id}"), &scheme),
        (Method::GET, format!("rich-consents/{}", push.consent_id), &scheme),
        (Method::POST, format!("dev/ciba/{id}/allow"), ""),
        (Method::POST, format!("ciba/{id}/allow"), ""),
    ];
    for (method, path, authorization) in tries {
        let headers = [("authorization", authorization), ("content-type", "application/json")];
        let body = json!({"challenge_response": id, "auth_req_id": id}).to_string();
        let answer = world.request(method, &path, &headers, body).await;
        assert!((400..=404).contains(&answer.status), "{path}: {}", answer.status);
    }
}

/// A6: whoever knows an `auth_req_id` can neither approve nor collect, with another client's proof
/// or with none; the name is in no entry of the log and in nothing that is sent to the phone.
#[tokio::test]
async fn the_name_of_a_request_approves_nothing_and_is_nowhere() {
    let world = world().await;
    let client = world.client();
    let stranger = world.registers("Stranger", json!({})).await;
    let id = client.asks_for("alice").await;
    let push = world.phone_of("alice").push_of(&id).await;
    tries_to_answer(&world, &id, &push).await;
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    assert_eq!(stranger.polls(&id).await, "400 invalid_grant");
    assert!(stranger.cancels(&id).await.status >= 400);
    let consent = world.phone_of("alice").reads(&push).await;
    world.phone_of("alice").approves(&id).await;
    assert_eq!(stranger.polls(&id).await, "400 invalid_grant");
    let nobody = client.proving(testkit::Proof::Nothing);
    assert_eq!(nobody.polls(&id).await, "401 invalid_client");
    assert!(client.redeems(&id).await["access_token"].is_string());
    assert_eq!(client.polls(&id).await, "400 invalid_grant");
    let log = world.operator().gets("logs?per_page=100").await;
    assert!(log.json().as_array().unwrap().len() > 5);
    for text in [log.text(), push.payload.to_string(), consent.text()] {
        assert!(!text.contains(&id), "{text}");
    }
}
