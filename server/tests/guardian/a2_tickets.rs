//! G16 to G23: tickets and the QR text.

use device_protocol::guardian::otpauth::Enrollment;
use http::Method;
use serde_json::json;
use testkit::{Answer, Form, World, p256_key};

use super::{assert_x, code_for, enroll, enroll_body, start_flow, ticket_for};

async fn open(world: &World, ticket: &str) -> Answer {
    world.get(&format!("mfa/enrollment?ticket={ticket}")).await
}

/// The page's button.
async fn press(world: &World, path: &str, ticket: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let form = Form::new().with("ticket", ticket).encode();
    world.request(Method::POST, path, &headers, form).await
}

/// The otpauth text on the page, as a browser would copy it.
fn text_on(page: &str) -> String {
    let (_, rest) = page.split_once("<pre").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    let (text, _) = rest.split_once("</pre>").unwrap();
    text.replace("&#38;", "&").replace("&amp;", "&")
}

/// G16: the opened link, once its button was pressed (D3): a QR code, the same text for copying, a
/// link that opens the app on this phone.
#[tokio::test]
async fn the_page_shows_a_code_a_text_and_a_link() {
    let world = World::new().await;
    let ticket = ticket_for(&world, "alice", false).await;
    for path in ["mfa/enrollment", "guardian/enroll"] {
        let opened = world.get(&format!("{path}?ticket={ticket}")).await;
        assert_eq!(opened.status, 200, "{}", opened.text());
        let answer = press(&world, path, &ticket).await;
        let page = answer.text();
        assert_eq!(answer.status, 200, "{page}");
        assert!(answer.header("content-type").starts_with("text/html"));
        assert!(page.contains("<svg"), "no QR code");
        assert!(page.contains("href=\"otpauth://totp/"), "no link");
        assert!(text_on(&page).starts_with("otpauth://totp/Example:"), "{}", text_on(&page));
        assert!(!page.contains("<script>"), "no program of the page's own");
    }
}

/// G17, W250: reopened, a fresh code; used, unknown or expired, one and the same page without a code.
#[tokio::test]
async fn a_dead_link_shows_the_same_page_whatever_it_died_of() {
    let world = World::new().await;
    let ticket = ticket_for(&world, "alice", false).await;
    let old = ticket_for(&world, "bob", false).await;
    let path = "mfa/enrollment";
    let first = text_on(&press(&world, path, &ticket).await.text());
    let second = text_on(&press(&world, path, &ticket).await.text());
    assert_ne!(first, second);
    let tx = Enrollment::parse(&second).unwrap().enrollment_tx_id;
    assert_eq!(enroll(&world, &tx, &enroll_body(&p256_key())).await.status, 201);
    let unknown = open(&world, "AbCdEfGhIjKlMnOpQrStUvWxYz012345").await;
    let used = open(&world, &ticket).await;
    world.advance_seconds(5 * 86_400);
    let expired = open(&world, &old).await;
    let none = world.get("mfa/enrollment").await;
    let pressed = press(&world, path, &old).await;
    for dead in [&unknown, &used, &expired, &none, &pressed] {
        assert_eq!((dead.status, dead.text()), (404, unknown.text()));
        assert!(!dead.text().contains("<svg") && !dead.text().contains("otpauth"));
    }
}

/// G17, W250: five days.
#[tokio::test]
async fn a_link_works_until_its_last_moment() {
    let world = World::new().await;
    let ticket = ticket_for(&world, "alice", false).await;
    world.advance_ms(5 * 86_400_000 - 1);
    assert_eq!(open(&world, &ticket).await.status, 200);
    world.advance_ms(1);
    assert_eq!(open(&world, &ticket).await.status, 404);
}

/// G18, G20, G21: the text, its label and query in their order.
#[tokio::test]
async fn the_text_has_its_parts_in_order() {
    let world = World::new().await;
    let ticket = ticket_for(&world, "alice", false).await;
    let text = text_on(&press(&world, "mfa/enrollment", &ticket).await.text());
    let url = url::Url::parse(&text).unwrap();
    assert_eq!((url.scheme(), url.host_str()), ("otpauth", Some("totp")));
    assert!(text.starts_with("otpauth://totp/Example:alice%40example.com?"), "{text}");
    let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["enrollment_tx_id", "issuer", "id", "base_url"]);
    assert!(text.contains("base_url=https%3A%2F%2Flogin.example.com%2Fappliance-mfa"), "{text}");
}

/// G22: the alphabet of `{tx}`.
#[tokio::test]
async fn a_code_is_32_letters_and_digits() {
    let world = World::new().await;
    for person in ["alice", "bob", "carol"] {
        let tx = code_for(&world, person, false).await;
        assert_eq!(tx.len(), 32);
        assert!(tx.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{tx}");
    }
}

/// G23, G35: five minutes and one enrollment.
#[tokio::test]
async fn a_code_enrolls_once_within_five_minutes() {
    let world = World::new().await;
    let body = enroll_body(&p256_key());
    let late = code_for(&world, "alice", false).await;
    world.advance_seconds(300);
    assert_x(&enroll(&world, &late, &body).await, 404, "enrollment_transaction_not_found");
    let tx = code_for(&world, "alice", true).await;
    world.advance_ms(299_999);
    assert_eq!(enroll(&world, &tx, &body).await.status, 201);
    assert_x(&enroll(&world, &tx, &body).await, 404, "enrollment_transaction_not_found");
    let unknown = "AbCdEfGhIjKlMnOpQrStUvWxYz012345";
    assert_x(&enroll(&world, unknown, &body).await, 404, "enrollment_transaction_not_found");
}

#[tokio::test]
async fn a_link_that_is_opened_again_and_again_has_few_live_codes() {
    let world = World::new().await;
    let ticket = ticket_for(&world, "alice", false).await;
    let mut codes = Vec::new();
    for _ in 0..=server::flows::LIVE_CODES {
        world.advance_ms(1);
        codes.push(start_flow(&world, &ticket).await.member("enrollment_tx_id"));
    }
    let body = enroll_body(&p256_key());
    assert_x(&enroll(&world, &codes[0], &body).await, 404, "enrollment_transaction_not_found");
    assert_eq!(enroll(&world, codes.last().unwrap(), &body).await.status, 201);
}

#[tokio::test]
async fn a_link_for_a_first_phone_shows_no_code_to_who_has_one() {
    let world = World::new().await;
    let ticket = ticket_for(&world, "alice", false).await;
    world.phone_of("alice").enrolls().await;
    let answer = open(&world, &ticket).await;
    assert_eq!(answer.status, 409);
    assert!(!answer.text().contains("<svg"));
    let several = ticket_for(&world, "alice", true).await;
    assert_eq!(open(&world, &several).await.status, 200);
    let off = json!({ "enabled": false });
    let factor = "guardian/factors/push-notification";
    let switched = world.operator().request(Method::PUT, factor, &off).await;
    assert_eq!(switched.status, 200, "{}", switched.text());
    assert_eq!(open(&world, &several).await.status, 403);
}
