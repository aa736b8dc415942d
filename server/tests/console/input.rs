//! O240: whatever is sent to the console.

use http::Method;
use testkit::{Form, World};

use crate::page_of;

/// O240: a page or a redirect, never a 5xx.
#[tokio::test]
async fn no_input_breaks_a_page() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    let long = "x".repeat(4_000);
    let mut paths = vec![format!("/console/users?q={long}"), format!("/console/users/{long}")];
    for path in [
        "/console/users?q=%00%ff%fe&page=-1",
        "/console/users?q=%F0%9F%98%80&q=2&page=x",
        "/console/users?q=name%3A",
        "/console/users?q=%3A%3A%3A&page=4294967295",
        "/console/users/%00",
        "/console/users/%ff",
        "/console/users/..%2F..%2Fetc",
        "/console/users/a/devices/b/remove",
        "/console/%3Cscript%3E",
        "/console//users",
        "/console/sign-in?link=%00&next=%0d%0aset-cookie:x",
        "/console/passkeys?done=%00",
    ] {
        paths.push(path.to_owned());
    }
    for path in &paths {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT] {
            let headers = [("cookie", "__Host-aizuchi-console-default=%00; =; ;;a")];
            let answer =
                world.request(method.clone(), &path[1..], &headers, "a=%00&form_token=").await;
            assert!(answer.status < 500, "{method} {path}: {}", answer.status);
        }
        assert!(browser.opens(path).await.status < 500, "{path}");
        let form = Form::new().with("form_token", "\0").with("back", "\r\n");
        assert!(browser.sends(path, &form, &[]).await.status < 500, "{path}");
    }
    let whole = "y".repeat(70_000);
    let answer = browser.sends("/console/language", &Form::new().with("back", whole), &[]).await;
    assert_eq!(answer.status, 413);
    for body in ["", "{", "null", "[]", r#"{"challenge":5,"credential":[]}"#] {
        for path in ["console/sign-in/passkey", "console/sign-in/challenge", "console/passkeys"] {
            let answer = world.request(Method::POST, path, &[], body).await;
            assert!(answer.status < 500, "{path} {body}: {}", answer.status);
        }
    }
}

/// O240: what people are called is text, never a part of the page.
#[tokio::test]
async fn a_name_is_shown_as_it_is() {
    let world = World::new().await;
    let name = "<img src=x onerror=alert(1)> \"'&";
    let user = testkit::encoded(world.user_id("alice").as_str());
    let body = serde_json::json!({ "name": name });
    assert_eq!(world.operator().patches(&format!("users/{user}"), &body).await.status, 200);
    let browser = world.browser().signed_in().await;
    for path in ["/console/users?q=onerror", &page_of(&world, "alice")] {
        let page = browser.opens(path).await;
        assert!(!page.text().contains("<img"), "{path}");
        assert!(testkit::unescaped(&page.text()).contains(name), "{path}");
    }
}
