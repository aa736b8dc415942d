//! C23 to C33: each parameter of the authentication request.

use serde_json::json;
use testkit::Form;

use super::{assert_error, is_refused, world};

/// C23, N26: `scope` must be there and hold `openid`; order does not matter.
#[tokio::test]
async fn the_scope_holds_openid() {
    let world = world().await;
    let client = world.client();
    let asking = || client.asking("alice");
    is_refused(&client, &world, asking().without("scope"), "400 invalid_request").await;
    is_refused(&client, &world, asking().with("scope", ""), "400 invalid_request").await;
    for scope in ["profile", "openid unheard_of", "Openid", "openid \"x\"", "openid\tprofile"] {
        is_refused(&client, &world, asking().with("scope", scope), "400 invalid_scope").await;
    }
    for scope in ["openid profile email", "email profile openid"] {
        assert_eq!(client.starts(asking().with("scope", scope)).await.status, 200, "{scope}");
    }
}

/// C29, N28: one hint, exactly; an empty one is none.
#[tokio::test]
async fn there_is_exactly_one_hint() {
    let world = world().await;
    let client = world.client();
    let asking = || client.asking("alice");
    let none = [asking().without("login_hint"), asking().with("login_hint", "")];
    let two = [asking().with("id_token_hint", "x"), asking().with("login_hint_token", "x")];
    let three = asking().with("id_token_hint", "x").with("login_hint_token", "x");
    let others = three.clone().without("login_hint");
    for form in none.into_iter().chain(two).chain([others, three]) {
        is_refused(&client, &world, form, "400 invalid_request").await;
    }
    let form = asking().with("id_token_hint", "").with("login_hint_token", "");
    assert_eq!(client.starts(form).await.status, 200);
}

/// C32: how long a request may live, in whole seconds.
#[tokio::test]
async fn the_asked_expiry_is_honoured() {
    let world = world().await;
    let client = world.client();
    for bad in ["0", "-1", "1.5", "soon", "1e2", " 60", "+60", "0x10"] {
        let form = client.asking("alice").with("requested_expiry", bad);
        is_refused(&client, &world, form, "400 invalid_request").await;
    }
    for (asked, given) in [
        ("10", 10),
        ("30", 30),
        ("300", 300),
        ("100000000", 300),
        ("99999999999999999999999999", 300),
    ] {
        let form = client.asking("alice").with("requested_expiry", asked);
        let answer = client.starts(form).await;
        assert_eq!(answer.json()["expires_in"], json!(given), "{asked}");
    }
}

/// C33, N27: what stands in the query is not read.
#[tokio::test]
async fn the_query_is_not_read() {
    let world = world().await;
    let client = world.client();
    let (form, _) = client.credentials(client.asking("alice").without("scope"));
    let answer = world.post_form("bc-authorize?scope=openid", &form, &[]).await;
    assert_error(&answer, "400 invalid_request");
    let path = format!("bc-authorize?{}", client.asking("alice").encode());
    let answer = world.post_form(&path, &client.credentials(Form::new()).0, &[]).await;
    assert_error(&answer, "400 invalid_request");
    assert!(world.phone_of("alice").pushes().await.is_empty());
}
