//! C17 to C22: the authentication request's transport.

use http::Method;
use serde_json::json;
use testkit::{Client, Form, Proof, client_key};

use super::{assert_error, is_refused, world};

const FORM: &str = "application/x-www-form-urlencoded";

/// C17, N27: a POST of a form in UTF-8, and nothing else.
#[tokio::test]
async fn a_request_is_a_form_in_utf_8() {
    let world = world().await;
    let client = world.client();
    let (form, _) = client.credentials(client.asking("alice"));
    for content_type in [
        "application/json",
        "text/plain",
        "",
        "application/x-www-form-urlencoded; charset=iso-8859-1",
        "application/x-www-form-urlencoded; charset=\"utf-16\"",
    ] {
        let headers = [("content-type", content_type)];
        let answer = world.request(Method::POST, "bc-authorize", &headers, form.encode()).await;
        assert_error(&answer, "400 invalid_request");
    }
    let latin = format!("{}&x=%E4", form.encode());
    let answer =
        world.request(Method::POST, "bc-authorize", &[("content-type", FORM)], latin).await;
    assert_error(&answer, "400 invalid_request");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = world.request(method.clone(), "bc-authorize", &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
    }
    for content_type in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        "application/x-www-form-urlencoded;charset=\"utf-8\"",
    ] {
        let headers = [("content-type", content_type)];
        let answer = world.request(Method::POST, "bc-authorize", &headers, form.encode()).await;
        assert_eq!(answer.status, 200, "{content_type}: {}", answer.text());
    }
    world.run_worker().await;
}

/// C18: a client proves who it is by its own method; a public one cannot.
#[tokio::test]
async fn without_its_own_proof_no_client_may_ask() {
    let world = world().await;
    let client = world.client();
    let public = world.registers("Public", json!({"token_endpoint_auth_method": "none"})).await;
    for client in [
        client.proving(Proof::Nothing),
        client.proving(Proof::Secret(String::from("wrong"))),
        client.proving(Proof::Basic(String::from("wrong"))),
        client.proving(Proof::Assertion(client_key())),
        world.client_of("nobody", Proof::Secret(String::from("secret"))),
        public,
    ] {
        is_refused(&client, &world, client.asking("alice"), "401 invalid_client").await;
    }
    let answer = world.post_form("bc-authorize", &client.asking("alice"), &[]).await;
    assert_error(&answer, "401 invalid_client");
}

/// C19: whom an assertion may be meant for, strictly and as in 2021.
#[tokio::test]
async fn an_assertion_is_meant_for_us() {
    let world = world().await;
    let strict =
        world.registers("Strict", json!({"token_endpoint_auth_method": "private_key_jwt"})).await;
    let members = json!({
        "token_endpoint_auth_method": "private_key_jwt", "assertion_audience": "ciba-2021",
    });
    let older = world.registers("Older", members).await;
    let (issuer, token) = (world.issuer(), world.url("oauth/token"));
    let backchannel = world.url("bc-authorize");
    let bare = issuer.trim_end_matches('/');
    let audiences = [
        (json!(issuer), true, true),
        (json!([issuer]), true, true),
        (json!(token), false, true),
        (json!(backchannel), false, true),
        (json!([issuer, backchannel]), false, true),
        (json!([issuer, "https://other.example/"]), false, false),
        (json!(bare), false, false),
        (json!("https://other.example/"), false, false),
        (json!([]), false, false),
    ];
    for (audience, by_strict, by_older) in audiences {
        for (client, is_taken) in [(&strict, by_strict), (&older, by_older)] {
            let mut claims = client.assertion_claims();
            claims["aud"] = audience.clone();
            let assertion = Client::assertion(&client_key(), &claims, None);
            let form = client.with_assertion(Form::new(), assertion);
            let answer = world.post_form("bc-authorize", &form, &[]).await;
            let expected = if is_taken { "400 invalid_request" } else { "401 invalid_client" };
            assert_eq!(answer.summary(), expected, "{} {audience}", client.id());
        }
    }
}

/// C20, C45, N27: what is not known is ignored, `request_uri` too, from which nothing is loaded.
#[tokio::test]
async fn unknown_parameters_are_ignored() {
    let world = world().await;
    let client = world.client();
    let form = client.asking("alice").with("x", "y").with("request_uri", "https://rp.example/r");
    assert_eq!(client.starts(form).await.status, 200);
    let pushes = world.phone_of("alice").pushes().await.len();
    let only = Form::new().with("request_uri", "https://rp.example/r");
    assert_error(&client.starts(only).await, "400 invalid_request");
    assert_eq!(world.phone_of("alice").pushes().await.len(), pushes);
}

/// C21, N18: nothing may be said twice, but for which resources.
#[tokio::test]
async fn a_doubled_parameter_is_refused() {
    let world = world().await;
    let client = world.client();
    let form = client.asking("alice").with("requested_expiry", "60").with("x", "y");
    let others = [
        "login_hint_token",
        "id_token_hint",
        "client_notification_token",
        "acr_values",
        "user_code",
        "request",
        "request_uri",
        "request_context",
        "authorization_details",
        "audience",
        "claims",
    ];
    for name in form.names().into_iter().chain(others.map(str::to_owned)) {
        let value = form.get(&name).unwrap_or("x");
        let form = form.clone().with(&name, value).and(&name, value);
        is_refused(&client, &world, form, "400 invalid_request").await;
    }
    let payments = "https://api.example.com/payments";
    let form = client.asking("alice").and("resource", payments).and("resource", payments);
    assert_eq!(client.starts(form).await.status, 200);
}
