//! O222 to O229: the way in, and what keeps others out.

use domain::Fingerprint;
use http::Method;
use store::operator_sessions;
use testkit::{Form, World};

use crate::{page_of, text, told};

/// O222, O236: looking spends nothing; the button signs in, once.
#[tokio::test]
async fn a_link_signs_in_once_and_only_by_its_button() {
    let world = World::new().await;
    let link = world.console_link("Mika").await;
    let browser = world.browser();
    for _ in 0..3 {
        let page = browser.opens(&link).await;
        assert_eq!(page.status, 200);
        assert!(text(&page).contains("This link signs you in as Mika"), "{}", text(&page));
        assert_eq!(browser.cookie("default"), None);
    }
    let page = browser.opens(&link).await;
    let inside = browser.submits(&page, "console/sign-in", &[]).await;
    assert!(text(&inside).contains("Add a passkey now"), "{}", text(&inside));
    let event = told(&world, "console_signed_in").await;
    assert_eq!(
        (&event["operator"]["name"], &event["details"]["method"]),
        (&"Mika".into(), &"link".into())
    );

    let other = world.browser();
    let again = other.submits(&page, "console/sign-in", &[]).await;
    assert_eq!(again.status, 403);
    let looked = other.opens(&link).await;
    assert_eq!(looked.status, 404);
    for page in [again, looked] {
        assert!(text(&page).contains("This link does not work"), "{}", text(&page));
        assert!(text(&page).contains("aizuchi console link"));
    }
    assert_eq!(other.cookie("default"), None);
}

/// O222: an hour is all it has.
#[tokio::test]
async fn a_link_is_good_for_an_hour() {
    let world = World::new().await;
    let link = world.console_link("Mika").await;
    world.advance_seconds(3_599);
    assert_eq!(world.browser().opens(&link).await.status, 200);
    world.advance_seconds(1);
    assert_eq!(world.browser().opens(&link).await.status, 404);
    assert_eq!(world.browser().opens("/console/sign-in?link=unknown").await.status, 404);
}

/// O223: what the cookie says of itself, and what the database keeps.
#[tokio::test]
async fn the_cookie_is_for_this_host_and_this_browser_alone() {
    let world = World::new().await;
    let browser = world.browser();
    let page = browser.opens(&world.console_link("Mika").await).await;
    let answer = browser.posts(&page, "console/sign-in", &[]).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-aizuchi-console-default="), "{cookie}");
    for attribute in ["Path=/;", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    let token = browser.cookie("default").unwrap();
    assert_eq!(token.len(), 43);
    let app = world.app();
    let hash = Fingerprint::of(token.as_bytes());
    let found = operator_sessions::find(&app.database, world.tenant_id(), &hash, world.now()).await;
    assert_eq!(found.unwrap().unwrap().operator.name, "Mika");
}

/// O224, O236: an hour unused, twelve in all, or until signed out.
#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_after_twelve_hours() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    let is_in = async || browser.opens("/console/users").await.text().contains("alice@");
    for _ in 0..12 {
        assert!(is_in().await);
        world.advance_seconds(3_590);
    }
    assert!(is_in().await);
    world.advance_seconds(120);
    assert!(!is_in().await, "twelve hours are over");

    let browser = world.browser().signed_in().await;
    world.advance_seconds(3_600);
    assert!(!browser.opens("/console/users").await.text().contains("alice@"), "an hour unused");

    let browser = world.browser().signed_in().await;
    let thief = world.browser();
    thief.steals(&browser);
    let page = browser.opens("/console/users").await;
    browser.submits(&page, "console/sign-out", &[]).await;
    assert_eq!(browser.cookie("default"), None);
    assert!(!thief.opens("/console/users").await.text().contains("alice@"), "signed out");
    assert_eq!(told(&world, "console_signed_out").await["operator"]["name"], "operator");
}

/// O221, O224: at most ten sessions, none of an operator who is none any more.
#[tokio::test]
async fn an_operator_has_ten_sessions_and_none_once_removed() {
    let world = World::new().await;
    let first = world.browser().signed_in().await;
    let mut last = None;
    for _ in 0..10 {
        world.advance_seconds(1);
        last = Some(world.browser().signed_in().await);
    }
    let last = last.unwrap();
    assert!(
        !first.opens("/console/users").await.text().contains("alice@"),
        "the eleventh ended it"
    );
    assert!(last.opens("/console/users").await.text().contains("alice@"));
    let tenant = world.tenant_id().to_string();
    let name = String::from("operator");
    let remove = server::admin::Command::ConsoleRemove { tenant, name };
    server::admin::execute(&world.app(), remove, world.now()).await.unwrap();
    assert!(!last.opens("/console/users").await.text().contains("alice@"), "removed");
}

/// O225: who is not signed in comes back to the page, and to no other host.
#[tokio::test]
async fn signing_in_leads_back_to_the_page_that_was_asked_for() {
    let world = World::new().await;
    let browser = world.browser();
    let target = page_of(&world, "alice");
    let asked = world.get(&target[1..]).await;
    assert_eq!(asked.status, 303);
    let sign_in = asked.header("location").to_owned();
    assert!(sign_in.starts_with("/console/sign-in?next=%2Fconsole%2Fusers%2F"), "{sign_in}");
    let link = world.console_link("Mika").await;
    let both = link.replace("sign-in?", &format!("{}&", &sign_in["/console/".len()..]));
    let page = browser.opens(&both).await;
    let answer = browser.posts(&page, "console/sign-in", &[]).await;
    assert_eq!(answer.header("location"), target);

    for bad in ["//evil.example/console/", "https://evil.example/", "/console/\\evil", "/api/v2/"] {
        let page = browser.opens(&world.console_link("Mika").await).await;
        let answer = browser.posts(&page, "console/sign-in", &[("next", bad)]).await;
        assert!(answer.header("location").starts_with("/console/passkeys"), "{bad}");
    }
}

/// O226: what no page of ours sent changes nothing.
#[tokio::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    let address = page_of(&world, "alice");
    let page = browser.opens(&address).await;
    let block = format!("{address}/block");
    let token = page.text().split("name=\"form_token\" value=\"").nth(1).unwrap()[..43].to_owned();
    let good = Form::new().with("form_token", token.as_str());
    let ours = ("sec-fetch-site", "same-origin");
    for (form, headers) in [
        (Form::new(), vec![ours]),
        (Form::new().with("form_token", "x"), vec![ours]),
        (good.clone(), vec![("sec-fetch-site", "cross-site")]),
        (good.clone(), vec![("sec-fetch-site", "same-site")]),
        (good.clone(), vec![("origin", "https://evil.example")]),
        (good.clone(), vec![("origin", "null")]),
        (good.clone(), vec![("origin", "https://login.example.com.evil.example")]),
    ] {
        let answer = browser.sends(&block, &form, &headers).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        assert!(text(&answer).contains("Nothing was changed"));
    }
    let other = world.browser().signed_in().await;
    assert_eq!(other.sends(&block, &good, &[ours]).await.status, 403, "another session's token");
    assert!(!text(&browser.opens(&address).await).contains("This person is blocked"));
    let answer = browser.sends(&block, &good, &[("origin", "https://login.example.com")]).await;
    assert_eq!(answer.status, 303);
    let link = world.console_link("Mika").await;
    let stolen = world.browser();
    let page = stolen.opens(&link).await;
    let text = page.text();
    let spent = text.split("name=\"link\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = Form::new().with("link", spent);
    let answer = stolen.sends("/console/sign-in", &form, &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(
        (answer.status, stolen.cookie("default")),
        (403, None),
        "nobody is signed in unasked"
    );
}

/// O227: after thirty failures a minute has to pass; whoever is signed in works on.
#[tokio::test]
async fn too_many_tries_to_sign_in_wait_for_the_next_minute() {
    let world = World::new().await;
    let inside = world.browser().signed_in().await;
    world.advance_seconds(60);
    let (browser, form) = (world.browser(), Form::new().with("link", "guess"));
    for _ in 0..30 {
        assert_eq!(browser.sends("/console/sign-in", &form, &[]).await.status, 403);
    }
    let answer = browser.sends("/console/sign-in", &form, &[]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "60"));
    let challenge = browser.calls("/console/sign-in/challenge", "", &serde_json::json!({})).await;
    assert_eq!(challenge.status, 429);
    assert_eq!(inside.opens("/console/users").await.status, 200);
    world.advance_seconds(60);
    assert_eq!(browser.sends("/console/sign-in", &form, &[]).await.status, 403);
}

/// O228: nothing may be put into a page that runs, and nobody keeps it.
#[tokio::test]
async fn every_page_forbids_what_it_does_not_need() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    let user = page_of(&world, "alice");
    let mut pages = Vec::new();
    for path in
        ["/console/users", "/console/passkeys", "/console/sign-in", "/console/nowhere", &user]
    {
        pages.push(browser.opens(path).await);
    }
    let page = browser.opens(&user).await;
    pages.push(browser.submits(&page, "/ticket", &[]).await);
    for page in pages {
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        let html = page.text();
        assert!(
            !html.contains(" style=") && !html.contains("<style") && !has_handler(&html),
            "{html}"
        );
        assert!(!html.contains("<script>"));
    }
    for asset in ["assets/console.css", "assets/passkey.js"] {
        assert_eq!(world.get(asset).await.status, 200, "{asset}");
    }
}

/// Whether a tag has an attribute such as `onclick`.
fn has_handler(html: &str) -> bool {
    let tags = html.split('<').filter_map(|part| part.split('>').next());
    tags.flat_map(str::split_whitespace).any(|part| part.starts_with("on") && part.contains('='))
}

/// O229: the language of the header, and the one that was chosen.
#[tokio::test]
async fn pages_are_in_the_language_that_is_wanted() {
    let world = World::new().await;
    let page = world.browser().speaking("ja-JP,en;q=0.5").opens("/console/sign-in").await;
    assert!(page.text().contains("<html lang=\"ja\">") && page.text().contains("サインイン"));
    let browser = world.browser().speaking("de").signed_in().await;
    let page = browser.opens("/console/users?q=ali").await;
    assert!(page.text().contains("<html lang=\"en\">"));
    let page = browser.submits(&page, "console/language", &[("language", "ja")]).await;
    assert!(page.text().contains("<html lang=\"ja\">") && page.text().contains("value=\"ali\""));
    assert!(browser.opens("/console/passkeys").await.text().contains("パスキー"));
    let answer = world
        .request(Method::POST, "console/language", &[], "language=ja&back=https://evil.example/")
        .await;
    assert_eq!(answer.header("location"), "/console/users");
}
