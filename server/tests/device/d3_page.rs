//! D3, D4: the page behind an enrollment link.

use http::Method;
use serde_json::{Value, json};
use store::tickets;
use testkit::{Answer, Form, World, p256_key};

use super::{Device, asks, assert_refused, enroll_body, enrolls, logged, web_ticket};

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15";

async fn opens(world: &World, ticket: &str, headers: &[(&str, &str)]) -> Answer {
    let path = format!("mfa/enrollment?ticket={ticket}");
    world.request(Method::GET, &path, headers, "").await
}

/// What the page's forms send.
async fn presses(world: &World, path: &str, form: &Form, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![
        ("content-type", "application/x-www-form-urlencoded"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    ];
    all.retain(|(name, _)| headers.iter().all(|(given, _)| given != name));
    all.extend_from_slice(headers);
    world.request(Method::POST, path, &all, form.encode()).await
}

fn of(ticket: &str) -> Form {
    Form::new().with("ticket", ticket)
}

async fn shows(world: &World, ticket: &str) -> Answer {
    let answer = presses(world, "mfa/enrollment", &of(ticket), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

/// The code that a page shows: the hidden field of its form.
fn code_on(page: &Answer) -> String {
    let page = page.text();
    let (_, rest) = page.split_once(r#"name="code" value=""#).unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

async fn state(world: &World, ticket: &str, code: &str) -> String {
    let form = of(ticket).with("code", code);
    let answer = presses(world, "mfa/enrollment/state", &form, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.member("state")
}

async fn pending(world: &World) -> usize {
    let (app, user) = (world.app(), world.user_id("alice"));
    let tenant = world.tenant_id();
    tickets::pending_of_user(&app.database, tenant, &user, world.now()).await.unwrap().len()
}

/// D3: the web ticket makes the page for five days, a POST makes a code of five minutes, again and
/// again until a device is enrolled; used, too old and unknown are answered alike.
#[tokio::test]
async fn a_button_makes_a_short_code_and_opening_makes_nothing() {
    let world = World::new().await;
    let (ticket, old) =
        (web_ticket(&world, "alice", json!({})).await, web_ticket(&world, "bob", json!({})).await);
    for _ in 0..3 {
        assert_eq!(opens(&world, &ticket, &[]).await.status, 200);
    }
    assert_eq!(pending(&world).await, 0);
    world.advance_seconds(4 * 86_400);
    let first = code_on(&shows(&world, &ticket).await);
    assert_eq!(pending(&world).await, 1);
    world.advance_seconds(300);
    let key = p256_key();
    let late = enrolls(&world, &enroll_body(&world, &first, &key)).await;
    assert_refused(&late, 404, "not_found");
    let second = code_on(&shows(&world, &ticket).await);
    world.advance_ms(299_999);
    assert_eq!(enrolls(&world, &enroll_body(&world, &second, &key)).await.status, 201);
    let mut answers = Vec::new();
    let unknown = "AbCdEfGhIjKlMnOpQrStUvWxYz012345";
    for dead in [ticket.as_str(), unknown] {
        answers.push(opens(&world, dead, &[]).await);
        answers.push(presses(&world, "mfa/enrollment", &of(dead), &[]).await);
    }
    assert_eq!(opens(&world, &old, &[]).await.status, 200);
    world.advance_seconds(86_400);
    answers.push(opens(&world, &old, &[]).await);
    answers.push(presses(&world, "mfa/enrollment", &of(&old), &[]).await);
    for answer in &answers {
        assert_eq!((answer.status, answer.text()), (404, answers[0].text()));
        assert!(answer.text().contains("used already, is too old"), "{}", answer.text());
    }
}

/// O400: who opens the link reads what it is; nobody else's page presses the button.
#[tokio::test]
async fn only_its_own_page_makes_a_code() {
    let world = World::new().await;
    let ticket = web_ticket(&world, "alice", json!({})).await;
    let page = opens(&world, &ticket, &[]).await;
    assert!(page.text().contains("alice@example.com") && page.text().contains("agree"));
    assert!(page.text().contains(r#"<form method="post" action="/mfa/enrollment">"#));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for header in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let refused = presses(&world, "mfa/enrollment", &of(&ticket), &[header]).await;
        assert_eq!(refused.status, 403, "{header:?}");
    }
    assert_eq!(pending(&world).await, 0);
    assert_eq!(logged(&world, "gd_start_enroll").await, Vec::<Value>::new());
    let origin = world.issuer();
    let ours = [("origin", origin.trim_end_matches('/'))];
    let shown = presses(&world, "mfa/enrollment", &of(&ticket), &ours).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    assert_eq!(pending(&world).await, 1);
}

/// D4: three ways in, the code in a fragment; on an iPhone the app first, and a code to paste
/// instead of "this browser", with nothing spent before.
#[tokio::test]
async fn the_page_offers_three_ways_in() {
    let world = World::new().await;
    let ticket = web_ticket(&world, "alice", json!({})).await;
    let page = shows(&world, &ticket).await;
    let code = code_on(&page);
    let text = page.text();
    assert!(text.contains(&format!("href=\"/authenticator/#enroll={code}\"")), "{text}");
    let phone = format!("href=\"{}authenticator/#enroll={code}\"", world.issuer());
    assert!(text.contains(&phone), "{text}");
    assert!(text.contains("href=\"otpauth://totp/"), "{text}");
    assert_eq!(text.matches("<svg").count(), 2, "a picture for each of two ways");
    assert!(!text.contains(&format!("?enroll={code}")));

    let iphone = [("user-agent", IPHONE)];
    let before = pending(&world).await;
    let page = opens(&world, &ticket, &iphone).await.text();
    assert!(page.contains("Add to Home Screen") && page.contains("href=\"/authenticator/\""));
    assert_eq!(pending(&world).await, before);
    let page = presses(&world, "mfa/enrollment", &of(&ticket), &iphone).await;
    let code = code_on(&page);
    assert!(page.text().contains(&format!("<p class=\"secret\" tabindex=\"0\">{code}</p>")));
    assert!(!page.text().contains("href=\"/authenticator/#enroll="), "{}", page.text());
    let by_paste = enrolls(&world, &enroll_body(&world, &code, &p256_key())).await;
    assert_eq!(by_paste.status, 201, "{}", by_paste.text());
}

/// O493, D4: Safari of an iPad says that it is a Mac: both ways stand on the page, the iPad's hidden
/// until its program knows. What says that it is anything else has no such thing.
#[tokio::test]
async fn what_says_that_it_is_a_mac_may_be_an_ipad() {
    const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15";
    let world = World::new().await;
    let ticket = web_ticket(&world, "alice", json!({})).await;
    for (agent, is_mac) in [(MAC, true), ("Mozilla/5.0 (X11; Linux x86_64)", false)] {
        let agent = [("user-agent", agent)];
        let page = opens(&world, &ticket, &agent).await.text();
        assert_eq!(page.contains(r#"<section class="first" data-ipad hidden"#), is_mac);
        assert_eq!(page.contains("Add to Home Screen"), is_mac);
        assert_eq!(page.contains("assets/enrollment.js"), is_mac);
        let page = presses(&world, "mfa/enrollment", &of(&ticket), &agent).await;
        let (code, page) = (code_on(&page), page.text());
        assert!(page.contains(&format!("href=\"/authenticator/#enroll={code}\"")));
        assert_eq!(page.contains(r#"<section class="first" data-ipad hidden"#), is_mac);
        assert_eq!(page.contains(r#"<section class="way" data-no-ipad aria"#), is_mac);
        let secret = format!(r#"tabindex="0">{code}</p>"#);
        assert_eq!(page.matches(&secret).count(), if is_mac { 2 } else { 1 });
    }
}

/// D4: the page shows the short code of the new key, and the person's other devices are told of
/// the new one, by an event and in their list.
#[tokio::test]
async fn a_new_device_is_compared_and_told_to_the_others() {
    let world = World::new().await;
    let listening = Device::of(&world, "alice").await;
    let more = json!({ "allow_multiple_enrollments": true });
    let ticket = web_ticket(&world, "alice", more).await;
    let key = p256_key();
    let mut stream = listening.listens().await;
    // The stream has looked once: it tells what is new since then.
    asks(&world, "alice").await;
    assert_eq!(stream.next().await.unwrap().0, "request");
    let enrolled = async {
        let code = code_on(&shows(&world, &ticket).await);
        let answer = enrolls(&world, &enroll_body(&world, &code, &key)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        (code, answer.member("device"))
    };
    let (told, (code, new)) = tokio::join!(stream.next(), enrolled);
    let key_code = device_protocol::aizuchi::key_code(key.public().fingerprint().as_bytes());
    let expected = json!({
        "device": new, "name": "Alice's own", "enrolled_at": world.now().seconds(),
        "code": key_code,
    });
    assert_eq!(told, Some((String::from("device"), expected.clone())));
    let list = listening.gets("device/v1/devices").await.json();
    assert_eq!(list["devices"].as_array().unwrap().last(), Some(&expected));
    assert_eq!(logged(&world, "gd_enrollment_complete").await[0]["device_id"], new);

    let form = of(&ticket).with("code", &code);
    let page = presses(&world, "mfa/enrollment", &form, &[]).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains(&format!(">{key_code}</p>")), "{}", page.text());
    assert!(page.text().contains("Alice&#39;s own"), "{}", page.text());
}

/// O401: what the page's program learns, and what becomes of a code that is too old.
#[tokio::test]
async fn the_page_learns_how_its_code_stands() {
    let world = World::new().await;
    let ticket = web_ticket(&world, "alice", json!({})).await;
    let theirs = web_ticket(&world, "bob", json!({})).await;
    let old = code_on(&shows(&world, &ticket).await);
    assert_eq!(state(&world, &ticket, &old).await, "waiting");
    assert_eq!(state(&world, &theirs, &old).await, "over", "another link's code");
    assert_eq!(state(&world, &ticket, "unknown").await, "over");
    assert_eq!(state(&world, &ticket, &ticket).await, "over");
    world.advance_seconds(300);
    assert_eq!(state(&world, &ticket, &old).await, "over");
    let form = of(&ticket).with("code", &old);
    let late = presses(&world, "mfa/enrollment", &form, &[]).await;
    assert!(late.text().contains("not good any more"), "{}", late.text());
    let code = code_on(&shows(&world, &ticket).await);
    let other = code_on(&shows(&world, &ticket).await);
    let device = Device::by(&world, &code, p256_key()).await;
    assert_eq!(state(&world, &ticket, &code).await, "enrolled");
    assert_eq!(state(&world, &ticket, &other).await, "over", "its link is used");
    let path = format!("guardian/enrollments/{}", device.id);
    assert_eq!(world.operator().deletes(&path).await.status, 204);
    assert_eq!(state(&world, &ticket, &code).await, "over");
}

/// O402: the language of the page, and its switch.
#[tokio::test]
async fn the_page_speaks_english_and_japanese() {
    let world = World::new().await;
    let ticket = web_ticket(&world, "alice", json!({})).await;
    for (query, header, language) in [
        ("", "", "en"),
        ("", "ja-JP,en;q=0.5", "ja"),
        ("&ui_locales=ja", "en", "ja"),
        ("&ui_locales=fr+ja+en", "en", "ja"),
        ("&ui_locales=xx", "ja", "ja"),
    ] {
        let link = format!("{ticket}{query}");
        let page = opens(&world, &link, &[("accept-language", header)]).await.text();
        assert!(page.contains(&format!("<html lang=\"{language}\">")), "{query} {header}");
        assert_eq!(page.contains("端末を追加"), language == "ja");
        assert!(page.contains("value=\"ja\"") && page.contains("value=\"en\""));
    }
    let code = code_on(&shows(&world, &ticket).await);
    let form = of(&ticket).with("code", &code).with("ui_locales", "ja");
    let page = presses(&world, "mfa/enrollment", &form, &[]).await;
    assert!(page.text().contains("<html lang=\"ja\">"));
    assert_eq!(code_on(&page), code);
    let dead = presses(&world, "mfa/enrollment", &of("x").with("ui_locales", "ja"), &[]).await;
    assert!(dead.text().contains("このリンクは使えません"), "{}", dead.text());
}

/// O403: the devices of one person alone.
#[tokio::test]
async fn a_device_lists_those_of_its_person() {
    let world = World::new().await;
    let (one, two) = (Device::of(&world, "alice").await, Device::of(&world, "alice").await);
    Device::of(&world, "bob").await;
    world.phone_of("carol").enrolls().await;
    let list = one.gets("device/v1/devices").await.json();
    let ids: Vec<&str> =
        list["devices"].as_array().unwrap().iter().map(|d| d["device"].as_str().unwrap()).collect();
    assert_eq!(ids, [one.id.as_str(), &two.id]);
    assert_eq!(list["devices"][0].as_object().unwrap().len(), 4);
}
