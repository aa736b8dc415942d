//! O231 to O236: one person.

use serde_json::json;
use testkit::{Answer, Browser, World, unescaped};

use crate::{page_of, text, told};

async fn says(browser: &Browser<'_>, world: &World, person: &str) -> String {
    text(&browser.opens(&page_of(world, person)).await)
}

/// O231: who it is, what they have, and whether they can be asked.
#[tokio::test]
async fn a_person_s_page_tells_devices_identities_and_whether_they_can_be_asked() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    let said = says(&browser, &world, "alice").await;
    for part in ["auth0|alice", "alice@example.com", "Cannot be asked now", "No device is enrolled"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.contains("Identities Connection Username-Password-Authentication"), "{said}");
    let phone = world.phone_of("alice");
    phone.enrolls().await;
    let said = says(&browser, &world, "alice").await;
    for part in [
        "Can be asked now",
        "Reachable",
        "Google (FCM)",
        "Last used never",
        phone.device_id().as_str(),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let id = world.client().asks_for("alice").await;
    world.run_worker().await;
    phone.approves(&id).await;
    world.advance_seconds(180);
    assert!(says(&browser, &world, "alice").await.contains("Last used 3 minutes ago"));

    let body = json!({"enabled": false});
    let off = world
        .operator()
        .request(http::Method::PUT, "guardian/factors/push-notification", &body)
        .await;
    assert_eq!(off.status, 200, "{}", off.text());
    assert!(
        says(&browser, &world, "alice")
            .await
            .contains("push factor of this tenant is switched off")
    );
    let list = text(&browser.opens("/console/users?q=alice").await);
    assert!(list.contains("Can be asked"), "{list}");
    assert_eq!(browser.opens(&page_of(&world, "nobody")).await.status, 404);
}

/// O232: from the row while it is there, from the log afterwards.
#[tokio::test]
async fn requests_are_shown_with_their_outcome_also_after_their_row_was_swept() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    let phone = world.phone_of("alice");
    phone.enrolls().await;
    let waiting = world.client().asks_for("alice").await;
    world.run_worker().await;
    let said = says(&browser, &world, "alice").await;
    for part in ["Waiting for an answer", "Asked by", "Push handed over", "Until"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    phone.approves(&waiting).await;
    assert!(says(&browser, &world, "alice").await.contains("Approved, tokens not collected"));
    assert_eq!(world.client().polls(&waiting).await, "200");
    assert!(says(&browser, &world, "alice").await.contains("Approved, tokens issued"));
    let denied = world.client().asks_for("alice").await;
    world.run_worker().await;
    phone.denies(&denied).await;
    let late = world.client().asks_for("alice").await;
    world.run_worker().await;
    let outcomes = ["Denied by the person", "Approved, tokens issued"];
    for seconds in [301, 3_000] {
        world.advance_seconds(seconds);
        world.run_worker().await;
        let browser = world.browser().signed_in().await;
        let said = says(&browser, &world, "alice").await;
        for part in outcomes.iter().chain(&["Expired without an end"]) {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    drop(late);
}

/// O233: the code enrolls one phone, the link is there to be sent.
#[tokio::test]
async fn a_ticket_s_code_enrolls_one_phone_also_a_further_one() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    let code = |page: &Answer| {
        let html = page.text();
        let (_, rest) = html.split_once("id=\"code-text\">").unwrap();
        unescaped(rest.split('<').next().unwrap())
    };
    let page = browser.opens(&page_of(&world, "alice")).await;
    let ticket = browser.submits(&page, "/ticket", &[]).await;
    assert!(ticket.text().contains("<svg") && ticket.text().contains("/mfa/enrollment?ticket="));
    let uri = code(&ticket);
    assert!(uri.starts_with("otpauth://totp/") && uri.contains("enrollment_tx_id="), "{uri}");
    assert!(says(&browser, &world, "alice").await.contains("A code was shown and not used yet"));
    let tx = |uri: &str| {
        let (_, rest) = uri.split_once("enrollment_tx_id=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let first = world.phone_of("alice");
    let answer = first.enrolls_by(&tx(&uri), testkit::p256_key(), "GCM").await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let further = world.second_phone_of("alice");
    let twice = further.enrolls_by(&tx(&uri), testkit::p256_key(), "GCM").await;
    assert!((400..500).contains(&twice.status), "the code is for one device");
    let again = browser.submits(&page, "/ticket", &[]).await;
    let second = world.second_phone_of("alice");
    let answer = second.enrolls_by(&tx(&code(&again)), testkit::p256_key(), "GCM").await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let said = says(&browser, &world, "alice").await;
    assert_eq!(said.matches("Last used").count(), 2, "{said}");
}

/// O234, O236: gone at once, and told with who did it.
#[tokio::test]
async fn a_removed_device_is_gone_and_one_of_another_person_stays() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    let (alice, bob) = (world.phone_of("alice"), world.phone_of("bob"));
    alice.enrolls().await;
    bob.enrolls().await;
    let page = browser.opens(&page_of(&world, "alice")).await;
    let action = format!("/devices/{}/remove", alice.device_id().replace('_', "%5F"));
    let token = page.text().split("name=\"form_token\" value=\"").nth(1).unwrap()[..43].to_owned();
    let foreign = format!("{}/devices/{}/remove", page_of(&world, "alice"), bob.device_id());
    let form = testkit::Form::new().with("form_token", token);
    assert_eq!(browser.sends(&foreign, &form, &[]).await.status, 404);
    assert!(says(&browser, &world, "bob").await.contains("Can be asked now"));

    let after = browser.submits(&page, &action, &[]).await;
    let said = text(&after);
    assert!(
        said.contains("The device was removed.") && said.contains("No device is enrolled"),
        "{said}"
    );
    let event = told(&world, "gd_unenroll").await;
    assert_eq!(event["operator"]["name"], "operator");
    assert_eq!(browser.posts(&page, &action, &[]).await.status, 404, "twice");
}

/// O235, O236: blocked at once, unblocked at once.
#[tokio::test]
async fn a_blocked_person_cannot_be_asked_until_unblocked() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    world.phone_of("alice").enrolls().await;
    let page = browser.opens(&page_of(&world, "alice")).await;
    let page = browser.submits(&page, "/block", &[]).await;
    let said = text(&page);
    assert!(said.contains("Blocked.") && said.contains("This person is blocked"), "{said}");
    let client = world.client();
    assert_eq!(client.starts(client.asking("alice")).await.status, 403);
    assert_eq!(told(&world, "console_user_blocked").await["operator"]["name"], "operator");
    let page = browser.submits(&page, "/unblock", &[]).await;
    assert!(text(&page).contains("Can be asked now"));
    assert_eq!(client.starts(client.asking("alice")).await.status, 200);
    world.run_worker().await;
    assert_eq!(told(&world, "console_user_unblocked").await["operator"]["name"], "operator");
}
