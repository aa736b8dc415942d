//! D11: who asks, beyond the name: a logo that the server has fetched and serves, and a domain that
//! speaks for the client; and everything else that stands in the signed words.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::Fingerprint;
use http::Method;
use serde_json::{Value, json};
use server::outside::{Allowed, Outbound, Unanswered, Window};
use testkit::World;
use testkit::push_services::{Page, Scripted, Site};

use super::{Device, asks, assert_refused, logged};

const PNG: &[u8] = include_bytes!("../../../web/authenticator/icons/192.png");
const OTHER_PNG: &[u8] = include_bytes!("../../../web/authenticator/icons/badge.png");
const LARGE_PNG: &[u8] = include_bytes!("../../../web/authenticator/icons/512.png");
const JPEG: &[u8] =
    b"\xff\xd8\xff\xe0\0\x04\0\0\xff\xc0\0\x11\x08\0\x20\0\x20\x03\x01\"\0\x02\x11\x01\x03\x11\x01";
const WEBP: &[u8] = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x1f\0\0\x1f\0\0";
const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
const LOGO: &str = "https://shop.example.com/logo.png";
const DAY_S: i64 = 86_400;

fn name_of(picture: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Fingerprint::of(picture).as_bytes())
}

/// A World whose clients have a site on this machine, which the operator allows, or not.
async fn with_site(allow: &[&str]) -> (World, Site) {
    let site = Site::start().await;
    let allowed = allow.iter().map(|text| Allowed::parse(text).unwrap()).collect();
    let window: Arc<dyn Outbound> = Arc::new(Window::open(allowed, site.ca_file()).unwrap());
    (World::builder().outbound(window).start().await, site)
}

/// A World whose clients' sites come from a script.
async fn scripted() -> (World, Arc<Scripted>) {
    let script = Arc::new(Scripted::new());
    let outbound: Arc<dyn Outbound> = Arc::<Scripted>::clone(&script);
    (World::builder().profile("ciba").outbound(outbound).start().await, script)
}

/// Changes the bank, and lets the worker look.
async fn shows(world: &World, members: Value) {
    changes(world, members).await;
    world.run_worker().await;
}

async fn changes(world: &World, members: Value) {
    let path = format!("clients/{}", world.client().id());
    let answer = world.operator().patches(&path, &members).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// What the Management API says of how the bank appears.
async fn appearance(world: &World) -> Value {
    let path = format!("clients/{}/appearance", world.client().id());
    let answer = world.operator().gets(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The signed words of a fresh request.
async fn words(world: &World, device: &Device<'_>) -> Value {
    let words = words_at_once(world, device).await;
    world.run_worker().await;
    words
}

/// The same, read before any worker has worked.
async fn words_at_once(world: &World, device: &Device<'_>) -> Value {
    let client = world.client();
    let begun = client.posts("bc-authorize", client.asking("alice")).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let request = device.inbox().await[0].clone();
    let words = device.verified(&device.reads(&request).await);
    assert_eq!(client.cancels(&begun.member("auth_req_id")).await.status, 204);
    world.advance_seconds(61);
    words
}

/// O480, O482: the logo is fetched when it is named and again the next day, never while a request begins,
/// and served under its hash.
#[tokio::test]
async fn a_logo_is_fetched_by_the_server_and_named_by_its_hash() {
    let (world, site) = with_site(&["localhost"]).await;
    let device = Device::of(&world, "alice").await;
    let logo = site.has("/logo", Page::File("application/octet-stream", PNG.into()));
    changes(&world, json!({ "logo_uri": logo })).await;
    let before = words_at_once(&world, &device).await;
    assert_eq!((&before["logo"], &before["client"]["domain"]), (&Value::Null, &Value::Null));
    assert_eq!(site.connections(), 0, "no request waits for a site");
    assert_eq!(appearance(&world).await["logo_uri"]["state"], "waiting");
    world.run_worker().await;
    assert_eq!(site.asked(), ["/logo"]);
    let hash = name_of(PNG);
    let path = format!("device/v1/logos/{hash}");
    let told = words(&world, &device).await;
    assert_eq!(told["logo"], json!({ "path": path, "sha256": hash }));
    let view = appearance(&world).await;
    assert_eq!(view["logo_uri"]["state"], "shown");
    assert_eq!((&view["logo_uri"]["logo"], &view["domain"]), (&told["logo"], &Value::Null));
    let served = world.get(&path).await;
    assert_eq!((served.status, served.body.as_slice()), (200, PNG));
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "public, max-age=31536000, immutable"),
    ] {
        assert_eq!(served.header(name), value);
    }
    world.advance_seconds(DAY_S);
    for _ in 0..3 {
        world.run_worker().await;
    }
    assert_eq!(site.asked(), ["/logo", "/logo"]);
    for nothing in [&name_of(OTHER_PNG), "x", "..%2f..%2fetc", "%00", ""] {
        let answer = world.get(&format!("device/v1/logos/{nothing}")).await;
        assert_refused(&answer, 404, "not_found");
    }
    let post = world.request(Method::POST, &path, &[], String::new()).await;
    assert_refused(&post, 405, "method_not_allowed");
}

/// D11: the members of the words, all of them in one request; of templates also which they are.
#[tokio::test]
async fn the_words_hold_everything_that_is_shown() {
    let (world, script) = scripted().await;
    let device = Device::of(&world, "alice").await;
    let api = json!({
        "identifier": "https://pay.example/", "name": "Bank account",
        "scopes": [{"value": "pay", "description": "Pay from your account"}],
        "authorization_details": [
            {"type": "payment", "display": {"en": ["Pay {amount} yen to {to}"]}},
        ],
    });
    world.registers_api(api).await;
    script.then_bytes(200, PNG);
    let bank = world.client().id().to_owned();
    let list = json!({ "clients": [{ "issuer": world.issuer(), "client_id": bank }] });
    script.then(200, &list);
    shows(&world, json!({ "logo_uri": LOGO })).await;
    shows(&world, json!({ "domain": "bank.example" })).await;
    let details = json!([{"type": "payment", "amount": "500", "to": "Bob"}]);
    let context = json!({ "place": "Kyoto" });
    let client = world.client();
    let form = client
        .asking("alice")
        .with("scope", "openid pay")
        .with("audience", "https://pay.example/")
        .with("binding_message", "Pay 21-49")
        .with("request_context", context.to_string())
        .with("match", "true")
        .with("authorization_details", details.to_string());
    let answer = client.starts(form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let request = device.inbox().await[0].clone();
    let words = device.verified(&device.reads(&request).await);
    let now = world.now().seconds();
    let template = name_of(br#"["Pay {amount} yen to {to}"]"#);
    for (name, value) in [
        ("v", json!(1)),
        ("request", json!(request)),
        ("iss", json!(world.issuer())),
        ("user", json!(device.user)),
        ("client", json!({ "id": bank, "name": "Bank", "domain": "bank.example" })),
        (
            "logo",
            json!({
                "path": format!("device/v1/logos/{}", name_of(PNG)), "sha256": name_of(PNG),
            }),
        ),
        ("binding_message", json!("Pay 21-49")),
        ("audience", json!({ "identifier": "https://pay.example/", "name": "Bank account" })),
        ("authorization_details", details),
        (
            "display",
            json!({
                "locale": "en", "lines": ["Pay 500 yen to Bob"], "template_sha256": template,
            }),
        ),
        ("context", context),
        ("match", json!({ "style": "type" })),
        ("user_verification", json!("none")),
        ("created_at", json!(now)),
        ("expires_at", json!(now + 300)),
    ] {
        assert_eq!(words[name], value, "{name}");
    }
    let pay = json!({ "value": "pay", "description": "Pay from your account" });
    assert!(words["scope"].as_array().unwrap().contains(&pay));
}

/// O480: PNG, JPEG and WebP are taken by their first bytes, whatever they are called.
#[tokio::test]
async fn pictures_are_known_by_what_they_are() {
    let (world, site) = with_site(&["localhost"]).await;
    let device = Device::of(&world, "alice").await;
    for (path, called, picture, is) in [
        ("/a.png", "text/html", PNG, "image/png"),
        ("/b", "image/svg+xml", JPEG, "image/jpeg"),
        ("/c.svg", "image/png", WEBP, "image/webp"),
        ("/d", "image/png", LARGE_PNG, "image/png"),
    ] {
        let logo = site.has(path, Page::File(called, picture.into()));
        shows(&world, json!({ "logo_uri": logo })).await;
        let told = words(&world, &device).await;
        assert_eq!(told["logo"]["sha256"], json!(name_of(picture)), "{path}");
        let served = world.get(told["logo"]["path"].as_str().unwrap()).await;
        assert_eq!((served.header("content-type"), served.body.as_slice()), (is, picture));
    }
}

/// O481: what is no picture of ours is refused and told, once for each reason, and the request goes out
/// without a logo.
#[tokio::test]
async fn what_is_no_picture_is_not_shown_and_told() {
    let (world, site) = with_site(&["localhost"]).await;
    let device = Device::of(&world, "alice").await;
    let inside = site.has("/inside.png", Page::File("image/png", PNG.into()));
    let wide = [&PNG[..16], &2_000_u32.to_be_bytes(), &PNG[20..]].concat();
    let mut told_before = 0;
    for (path, page, why) in [
        ("/svg", Page::File("image/png", SVG.into()), "programs"),
        ("/html", Page::File("image/png", b"<!doctype html><p>".as_slice().into()), "programs"),
        ("/gif", Page::File("image/gif", b"GIF89a\x01\0\x01\0\0\0\0".as_slice().into()), "neither"),
        ("/wide", Page::File("image/png", wide.into()), "2000 by 192 pixels"),
        ("/large", Page::File("image/png", vec![7; 10 * 1024 * 1024].into()), "longer than 65536"),
        ("/moved", Page::Moved(inside), "status 307; redirects are not followed"),
        ("/gone", Page::Status(404), "status 404"),
        ("/busy", Page::Status(503), "status 503"),
    ] {
        let logo = site.has(path, page);
        shows(&world, json!({ "logo_uri": logo })).await;
        world.run_worker().await;
        let view = appearance(&world).await["logo_uri"].clone();
        assert_eq!((&view["state"], &view["logo"]), (&json!("failed"), &Value::Null), "{path}");
        let problem = view["problem"].as_str().unwrap();
        assert!(problem.contains(why), "{path}: {problem}");
        assert_eq!(words(&world, &device).await["logo"], Value::Null, "{path}");
        let log = logged(&world, "client_logo_failed").await;
        assert_eq!(log.len(), told_before + 1, "{path}");
        assert_eq!(log[0]["logo_uri"], json!(logo));
        assert_eq!(log[0]["error"]["message"], json!(problem));
        told_before = log.len();
    }
    assert!(!site.asked().contains(&String::from("/inside.png")), "no redirect is followed");
}

/// O481: addresses that are not public, and what is not https, are not called at all.
#[tokio::test]
async fn logos_at_addresses_that_are_not_public_are_not_fetched() {
    let (world, site) = with_site(&[]).await;
    let device = Device::of(&world, "alice").await;
    let here = site.has("/logo.png", Page::File("image/png", PNG.into()));
    let by_number = here.replace("localhost", "127.0.0.1");
    let plain = here.replace("https:", "http:");
    for logo in [&here, &by_number, &plain, "https://10.0.0.1/logo.png", "ftp://a.example/", "logo"]
    {
        shows(&world, json!({ "logo_uri": logo })).await;
        let view = appearance(&world).await["logo_uri"].clone();
        assert_eq!((&view["state"], &view["named"]), (&json!("failed"), &json!(logo)));
        assert_eq!(words(&world, &device).await["logo"], Value::Null, "{logo}");
    }
    assert_eq!(site.connections(), 0);
}

/// O481, O480: a site that is slow or away is asked again, with growing pauses, within five seconds and
/// for at most 64 KiB; what was seen there stays for a week.
#[tokio::test]
async fn a_site_that_is_away_takes_nothing_back_at_once() {
    let (world, script) = scripted().await;
    let device = Device::of(&world, "alice").await;
    script.then_bytes(200, PNG);
    shows(&world, json!({ "logo_uri": LOGO })).await;
    let limits = script.calls()[0].limits;
    assert_eq!((limits.within.as_secs(), limits.answer_bytes), (5, 64 * 1024));
    let mut calls = 1;
    world.advance_seconds(DAY_S);
    for pause in [0, 60, 120, 240] {
        world.advance_seconds(pause - 1);
        world.run_worker().await;
        assert_eq!(script.calls().len(), calls, "{pause}");
        world.advance_seconds(1);
        script.then_none(Unanswered::TooSlow);
        world.run_worker().await;
        calls += 1;
        assert_eq!(script.calls().len(), calls, "{pause}");
    }
    let view = appearance(&world).await["logo_uri"].clone();
    assert_eq!((&view["state"], &view["problem"]), (&json!("shown"), &json!("no answer in time")));
    assert_eq!(logged(&world, "client_logo_failed").await.len(), 1, "one reason is told once");
    assert_eq!(words(&world, &device).await["logo"]["sha256"], json!(name_of(PNG)));
    world.advance_seconds(6 * DAY_S);
    assert_eq!(words(&world, &device).await["logo"], Value::Null);
    assert_eq!(appearance(&world).await["logo_uri"]["state"], "failed");
}

/// O482: another picture is another hash from the next request on; what was signed stays, and its
/// picture with it, until it is swept. Who names no logo shows none at once.
#[tokio::test]
async fn another_picture_is_another_hash() {
    let (world, site) = with_site(&["localhost"]).await;
    let device = Device::of(&world, "alice").await;
    let logo = site.has("/logo", Page::File("image/png", PNG.into()));
    shows(&world, json!({ "logo_uri": logo })).await;
    let id = asks(&world, "alice").await;
    let request = device.inbox().await[0].clone();
    let signed = device.reads(&request).await;
    site.has("/logo", Page::File("image/png", OTHER_PNG.into()));
    world.advance_seconds(61);
    shows(&world, json!({ "logo_uri": logo })).await;
    assert_eq!(device.reads(&request).await, signed, "what was signed stays");
    assert_eq!(world.client().cancels(&id).await.status, 204);
    assert_eq!(words(&world, &device).await["logo"]["sha256"], json!(name_of(OTHER_PNG)));
    let (old, new) = (name_of(PNG), name_of(OTHER_PNG));
    let serves = async |hash: &str| world.get(&format!("device/v1/logos/{hash}")).await.status;
    assert_eq!((serves(&old).await, serves(&new).await), (200, 200));
    for _ in 0..12 {
        world.advance_seconds(DAY_S);
        world.run_worker().await;
    }
    assert_eq!((serves(&old).await, serves(&new).await), (404, 200), "nobody shows the old one");
    changes(&world, json!({ "logo_uri": null })).await;
    assert_eq!(words(&world, &device).await["logo"], Value::Null);
    let asked = site.asked().len();
    world.advance_seconds(2 * DAY_S);
    world.run_worker().await;
    assert_eq!(site.asked().len(), asked);
}

/// O482: a picture is served to the tenant that has it, and to no other.
#[tokio::test]
async fn tenants_have_pictures_of_their_own() {
    let (world, site) = with_site(&["localhost"]).await;
    let other = world.second_tenant("acme").await;
    let (one, two) = (site.has("/1", Page::File("image/png", PNG.into())), "/2");
    let two = site.has(two, Page::File("image/png", OTHER_PNG.into()));
    shows(&world, json!({ "logo_uri": one })).await;
    shows(&other, json!({ "logo_uri": two })).await;
    let (theirs, ours) = (Device::of(&other, "alice").await, Device::of(&world, "alice").await);
    for (world, device, has, lacks) in
        [(&world, &ours, PNG, OTHER_PNG), (&other, &theirs, OTHER_PNG, PNG)]
    {
        let logo = words(world, device).await["logo"].clone();
        assert_eq!(logo["sha256"], json!(name_of(has)));
        assert_eq!(world.get(logo["path"].as_str().unwrap()).await.body.as_slice(), has);
        let foreign = world.get(&format!("device/v1/logos/{}", name_of(lacks))).await;
        assert_refused(&foreign, 404, "not_found");
    }
}

/// O480: a client that registers itself has its logo fetched like any other.
#[tokio::test]
async fn who_registers_itself_has_a_logo_too() {
    let script = Arc::new(Scripted::new());
    let outbound: Arc<dyn Outbound> = Arc::<Scripted>::clone(&script);
    let open = |settings: &mut server::tenancy::Settings| settings.open_registration = true;
    let world = World::builder().settings(open).outbound(outbound).start().await;
    let metadata = json!({
        "client_name": "Shop", "redirect_uris": ["https://shop.example.com/back"], "logo_uri": LOGO,
        "domain": "bank.example",
    });
    let made = world.post_json("oidc/register", &metadata, &[]).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["logo_uri"], LOGO);
    script.then_bytes(200, PNG);
    world.run_worker().await;
    let called: Vec<String> = script.calls().iter().map(|call| call.url.to_string()).collect();
    assert_eq!(called, [LOGO], "a domain is for administrators to name");
    let path = format!("clients/{}/appearance", made.member("client_id"));
    let view = world.operator().gets(&path).await.json();
    assert_eq!((&view["logo_uri"]["state"], &view["domain"]), (&json!("shown"), &Value::Null));
}

/// O483: a domain is shown while the list that stands there names this client at this issuer, and at no
/// other time; both is told.
#[tokio::test]
async fn a_domain_is_shown_while_it_speaks_for_the_client() {
    let (world, script) = scripted().await;
    let device = Device::of(&world, "alice").await;
    let bank = world.client().id().to_owned();
    let list =
        |issuer: &str, id: &str| json!({ "clients": [{ "issuer": issuer, "client_id": id }] });
    let issuer = world.issuer();
    changes(&world, json!({ "domain": "bank.example" })).await;
    let before = words_at_once(&world, &device).await;
    assert_eq!(before["client"]["domain"], Value::Null, "not proven yet");
    script.then(200, &list(&issuer, &bank));
    world.run_worker().await;
    let call = script.calls()[0].clone();
    assert_eq!(call.url.as_str(), "https://bank.example/.well-known/aizuchi-clients.json");
    assert_eq!(words(&world, &device).await["client"]["domain"], "bank.example");
    assert_eq!(logged(&world, "client_domain_verified").await.len(), 1);
    let view = appearance(&world).await["domain"].clone();
    assert_eq!((&view["state"], &view["named"]), (&json!("shown"), &json!("bank.example")));
    assert_eq!(view["proof"]["content"], list(&issuer, &bank));
    assert_eq!(view["proof"]["url"], call.url.as_str());
    for (status, body) in [
        (200, list("https://elsewhere.example/", &bank)),
        (200, list(&issuer, "another")),
        (200, json!({ "clients": "all" })),
        (200, json!("<html>")),
        (404, list(&issuer, &bank)),
        (302, list(&issuer, &bank)),
    ] {
        world.advance_seconds(DAY_S);
        script.then(status, &body);
        world.run_worker().await;
        assert_eq!(words(&world, &device).await["client"]["domain"], Value::Null, "{body}");
        assert_eq!(appearance(&world).await["domain"]["state"], "failed");
        world.advance_seconds(DAY_S);
        script.then(200, &list(&issuer, &bank));
        world.run_worker().await;
        assert_eq!(words(&world, &device).await["client"]["domain"], "bank.example");
    }
    world.advance_seconds(DAY_S);
    script.then(200, &list(&format!("{issuer}t/default/"), &bank));
    world.run_worker().await;
    assert_eq!(words(&world, &device).await["client"]["domain"], "bank.example", "its other name");
    let withdrawn = logged(&world, "client_domain_failed").await;
    assert_eq!((withdrawn.len(), &withdrawn[0]["domain"]), (6, &json!("bank.example")));
    changes(&world, json!({ "domain": "other.example" })).await;
    assert_eq!(
        words(&world, &device).await["client"]["domain"],
        Value::Null,
        "another is not proven"
    );
}

/// O483: the view is for whom may read clients; names that could be read in two ways are refused.
#[tokio::test]
async fn administrators_see_how_a_client_appears() {
    let (world, _script) = scripted().await;
    assert_eq!(appearance(&world).await, json!({ "logo_uri": null, "domain": null }));
    assert_eq!(world.operator().gets("clients/nobody/appearance").await.status, 404);
    let path = format!("api/v2/clients/{}/appearance", world.client().id());
    assert_eq!(world.get(&path).await.status, 401);
    let path = format!("clients/{}", world.client().id());
    for domain in ["Bank.example", "bank", "bank.example/x", "127.0.0.1", "bücher.example", ""] {
        let answer = world.operator().patches(&path, &json!({ "domain": domain })).await;
        assert_eq!(answer.status, 400, "{domain}");
        assert!(answer.text().contains("host name in lower case"), "{}", answer.text());
    }
}
