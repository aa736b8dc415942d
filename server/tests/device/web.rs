//! O422, O423: the files of the web authenticator, and what any device may know before it is one.

use testkit::{Answer, World};

use super::assert_refused;

/// The folder of the present version, as the page names it.
fn folder_in(page: &str) -> String {
    let (_, rest) = page.split_once("files/").unwrap();
    format!("files/{}", rest.split('/').next().unwrap())
}

async fn again(world: &World, path: &str, tag: &str) -> Answer {
    world.request(http::Method::GET, path, &[("if-none-match", tag)], String::new()).await
}

/// O422: the page, and every file that it names, with and without a tenant's prefix.
#[tokio::test]
async fn the_app_is_served_as_it_lies_there() {
    let world = World::new().await;
    for prefix in ["", "t/default/"] {
        let page = world.get(&format!("{prefix}authenticator/")).await;
        assert_eq!((page.status, page.header("cache-control")), (200, "no-cache"));
        let policy = page.header("content-security-policy");
        for part in
            ["default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let folder = format!("{prefix}authenticator/{}", folder_in(&page.text()));
        for (name, kind) in [
            ("main.js", "text/javascript; charset=utf-8"),
            ("app.css", "text/css; charset=utf-8"),
            ("words/en.json", "application/json"),
            ("words/ja.json", "application/json"),
            ("icons/192.png", "image/png"),
        ] {
            let path = format!("{folder}/{name}");
            let file = world.get(&path).await;
            assert_eq!((file.status, file.header("content-type")), (200, kind), "{path}");
            assert!(file.header("cache-control").contains("immutable"), "{path}");
            assert_eq!(file.header("x-content-type-options"), "nosniff");
            let tag = file.header("etag").to_owned();
            assert!(tag.starts_with('"'), "{tag}");
            let same = again(&world, &path, &tag).await;
            assert_eq!((same.status, same.text().as_str()), (304, ""), "{path}");
            assert_eq!(again(&world, &path, "\"another\"").await.status, 200);
            let headers = [("accept-encoding", "gzip, br"), ("if-none-match", &tag)];
            let small = world.request(http::Method::GET, &path, &headers, String::new()).await;
            if !kind.starts_with("image/") {
                assert_eq!((small.status, small.header("content-encoding")), (200, "gzip"));
                assert_ne!(small.header("etag"), tag, "each encoding has a tag of its own");
            }
        }
        for path in ["authenticator/files/another/main.js", "authenticator/other"] {
            assert_eq!(world.get(&format!("{prefix}{path}")).await.status, 404, "{path}");
        }
        assert_eq!(world.get(&format!("{folder}/sw.js")).await.status, 404);
        let beside = world.get(&format!("{prefix}authenticator")).await;
        assert_eq!((beside.status, beside.header("location")), (308, "authenticator/"));
    }
    assert_eq!(world.get("t/nobody/authenticator/").await.status, 404);
}

/// O422: the service worker knows the version and its files; the manifest speaks the reader's language.
#[tokio::test]
async fn the_app_can_be_installed() {
    let world = World::new().await;
    let page = world.get("authenticator/").await;
    let folder = folder_in(&page.text());
    let worker = world.get("authenticator/sw.js").await;
    assert_eq!((worker.status, worker.header("cache-control")), (200, "no-cache"));
    let version = folder.trim_start_matches("files/");
    assert!(worker.text().contains(version) && worker.text().contains("main.js"));
    let mut descriptions = Vec::new();
    for language in ["en", "ja"] {
        let headers = [("accept-language", language)];
        let path = "authenticator/manifest.webmanifest";
        let manifest = world.request(http::Method::GET, path, &headers, String::new()).await;
        assert_eq!(manifest.header("content-type"), "application/manifest+json");
        let manifest = manifest.json();
        assert_eq!((&manifest["scope"], &manifest["lang"]), (&"./".into(), &language.into()));
        assert!(!manifest["name"].as_str().unwrap().contains('\u{2068}'));
        for icon in manifest["icons"].as_array().unwrap() {
            let icon = format!("authenticator/{}", icon["src"].as_str().unwrap());
            assert_eq!(world.get(&icon).await.status, 200, "{icon}");
        }
        descriptions.push(manifest["description"].clone());
    }
    assert_ne!(descriptions[0], descriptions[1]);
}

/// O423: without a proof, for the tenant of the path, by `GET` alone.
#[tokio::test]
async fn whoever_may_become_a_device_is_told_whom_it_answers_to() {
    let world = World::new().await;
    let told = world.get("device/v1/configuration").await;
    assert_eq!((told.status, told.header("cache-control")), (200, "no-store"));
    let told = told.json();
    assert_eq!(told["issuer"], world.issuer().as_str());
    assert_eq!(told["languages"], serde_json::json!(["en", "ja"]));
    assert_eq!(told["passkeys"], true);
    assert!(!told["name"].as_str().unwrap().is_empty());
    let answer = world.post_json("device/v1/configuration", &serde_json::json!({}), &[]).await;
    assert_refused(&answer, 405, "method_not_allowed");
    assert_refused(&world.get("t/nobody/device/v1/configuration").await, 404, "not_found");
}
