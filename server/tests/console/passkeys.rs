//! O238, O239: passkeys.

use serde_json::{Value, json};
use testkit::{Answer, Authenticator, Browser, World};

use crate::{text, told};

const ORIGIN: &str = "https://login.example.com";

async fn form_token(browser: &Browser<'_>) -> String {
    let page = browser.opens("/console/passkeys").await.text();
    page.split("data-token=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn challenge(browser: &Browser<'_>, path: &str, token: &str) -> Value {
    let answer = browser.calls(path, token, &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Adds a passkey to who is signed in.
async fn adds(browser: &Browser<'_>, device: &mut Authenticator) -> Answer {
    let token = form_token(browser).await;
    let begun = challenge(browser, "/console/passkeys/challenge", &token).await;
    let credential = device.creates(&begun["options"], ORIGIN);
    let body = json!({
        "challenge": begun["challenge"], "credential": credential, "name": "work laptop",
    });
    browser.calls("/console/passkeys", &token, &body).await
}

async fn signs_in(browser: &Browser<'_>, device: &Authenticator, origin: &str) -> Answer {
    let begun = challenge(browser, "/console/sign-in/challenge", "").await;
    let body = json!({
        "challenge": begun["challenge"], "credential": device.answers(&begun["options"], origin),
    });
    browser.calls("/console/sign-in/passkey", "", &body).await
}

/// O238, O236: added once, it signs in without a name.
#[tokio::test]
async fn a_passkey_signs_in_without_a_name() {
    let world = World::new().await;
    let inside = world.browser().signed_in().await;
    let mut device = Authenticator::default();
    let added = adds(&inside, &mut device).await;
    assert_eq!(added.json()["to"], "/console/passkeys?done=added", "{}", added.text());
    let said = text(&inside.opens("/console/passkeys").await);
    assert!(said.contains("work laptop") && said.contains("Last used never"), "{said}");
    told(&world, "console_passkey_added").await;

    world.advance_seconds(120);
    let browser = world.browser();
    let answer = signs_in(&browser, &device, ORIGIN).await;
    assert_eq!(answer.json()["to"], "/console/users", "{}", answer.text());
    assert!(text(&browser.opens("/console/users").await).contains("alice@"));
    let event = told(&world, "console_signed_in").await;
    assert_eq!(event["details"]["method"], "passkey");
    let said = text(&browser.opens("/console/passkeys").await);
    assert!(said.contains("Last used 0 s ago"), "{said}");
}

/// O238: each challenge once and in time, for the session and the origin it was made for.
#[tokio::test]
async fn a_challenge_is_answered_once_in_time_and_here() {
    let world = World::new().await;
    let inside = world.browser().signed_in().await;
    let mut device = Authenticator::default();
    let token = form_token(&inside).await;
    let begun = challenge(&inside, "/console/passkeys/challenge", &token).await;
    let credential = device.creates(&begun["options"], ORIGIN);
    let body = json!({ "challenge": begun["challenge"], "credential": credential });
    let other = world.browser();
    let page = other.opens(&world.console_link("Mika").await).await;
    other.submits(&page, "console/sign-in", &[]).await;
    let theirs = form_token(&other).await;
    assert_eq!(other.calls("/console/passkeys", &theirs, &body).await.status, 400, "another's");
    assert_eq!(inside.calls("/console/passkeys", "x", &body).await.status, 403, "no form token");
    assert_eq!(inside.calls("/console/passkeys", &token, &body).await.status, 200);
    assert_eq!(inside.calls("/console/passkeys", &token, &body).await.status, 400, "twice");

    let browser = world.browser();
    let begun = challenge(&browser, "/console/sign-in/challenge", "").await;
    let credential = device.answers(&begun["options"], ORIGIN);
    let body = json!({ "challenge": begun["challenge"], "credential": credential });
    world.advance_seconds(300);
    assert_eq!(browser.calls("/console/sign-in/passkey", "", &body).await.status, 400, "late");
    assert_eq!(signs_in(&browser, &device, "https://evil.example").await.status, 403);
    let stranger = signs_in(&browser, &Authenticator::default(), ORIGIN).await;
    assert!([400, 403].contains(&stranger.status), "{}", stranger.status);
    device.verifies_user = false;
    assert_eq!(signs_in(&browser, &device, ORIGIN).await.status, 403, "nobody was verified");
    assert_eq!(browser.cookie("default"), None);
    device.verifies_user = true;
    let begun = challenge(&browser, "/console/sign-in/challenge", "").await;
    let credential = device.answers(&begun["options"], ORIGIN);
    let body = json!({ "challenge": begun["challenge"], "credential": credential });
    assert_eq!(browser.calls("/console/sign-in/passkey", "", &body).await.status, 200);
    assert_eq!(browser.calls("/console/sign-in/passkey", "", &body).await.status, 400, "replayed");
}

/// O239: removed, it signs nobody in; nor does one of an operator who was.
#[tokio::test]
async fn a_removed_passkey_signs_nobody_in() {
    let world = World::new().await;
    let inside = world.browser().signed_in().await;
    let mut device = Authenticator::default();
    adds(&inside, &mut device).await;
    let page = inside.opens("/console/passkeys").await;
    let page = inside.submits(&page, "/remove", &[]).await;
    assert!(text(&page).contains("The passkey was removed."));
    told(&world, "console_passkey_removed").await;
    assert_eq!(signs_in(&world.browser(), &device, ORIGIN).await.status, 403);

    adds(&inside, &mut device).await;
    assert_eq!(signs_in(&world.browser(), &device, ORIGIN).await.status, 200);
    let tenant = world.tenant_id().to_string();
    let name = String::from("operator");
    let list = server::admin::Command::ConsoleList { tenant: tenant.clone() };
    let operators = server::admin::execute(&world.app(), list, world.now()).await.unwrap();
    assert_eq!(operators[0]["passkeys"], 1);
    let remove = server::admin::Command::ConsoleRemove { tenant, name };
    server::admin::execute(&world.app(), remove, world.now()).await.unwrap();
    assert_eq!(signs_in(&world.browser(), &device, ORIGIN).await.status, 403);
}

/// O220: a server that starts prints a link, until somebody has a passkey.
#[tokio::test]
async fn a_start_gives_a_link_until_there_is_a_passkey() {
    let world = World::new().await;
    let link = server::admin::first_link(&world.app()).await.unwrap().unwrap();
    let browser = world.browser();
    let page = browser.opens(&link).await;
    assert_eq!(browser.submits(&page, "console/sign-in", &[]).await.status, 200);
    adds(&browser, &mut Authenticator::default()).await;
    assert_eq!(server::admin::first_link(&world.app()).await.unwrap(), None);
}
