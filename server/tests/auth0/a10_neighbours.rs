//! W188 to W198: revocation, userinfo, client credentials, refresh tokens.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Client, Form, Proof, World, assert_refused};

const PAYMENTS: &str = "https://api.example.com/payments";
const UNKNOWN: &str = "Unknown or invalid refresh token.";

fn offline(form: Form) -> Form {
    form.with("audience", PAYMENTS).with("scope", "openid read:balance offline_access")
}

async fn refresh_token(client: &Client<'_>, person: &str) -> String {
    let tokens = client.gets_tokens(person, offline).await;
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

async fn userinfo(world: &World, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    world.request(Method::GET, "userinfo", &[("authorization", &bearer)], "").await
}

#[track_caller]
fn is_empty_ok(answer: &Answer) {
    assert_eq!((answer.status, answer.body.len()), (200, 0), "{}", answer.text());
}

/// W188, W189: revoked by form or JSON, and again, without a word.
#[tokio::test]
async fn a_revoked_token_is_dead() {
    let world = World::new().await;
    let client = world.client();
    let first = refresh_token(&client, "alice").await;
    is_empty_ok(&client.revokes(&first).await);
    assert_refused(&client.refreshes(&first).await, 403, "invalid_grant", UNKNOWN);
    is_empty_ok(&client.revokes(&first).await);
    is_empty_ok(&client.revokes("never-was").await);
    let second = refresh_token(&client, "alice").await;
    is_empty_ok(&client.posts_json("oauth/revoke", json!({"token": second})).await);
    assert_refused(&client.refreshes(&second).await, 403, "invalid_grant", UNKNOWN);
}

/// W190: who revokes must say who it is, and what.
#[tokio::test]
async fn revoking_needs_a_client_and_a_token() {
    let world = World::new().await;
    let client = world.client();
    let wrong = client.proving(Proof::Secret(String::from("wrong")));
    assert_eq!(wrong.revokes("x").await.status, 401);
    assert!(wrong.revokes("x").await.json()["error_description"].is_string());
    for form in [Form::new(), Form::new().with("token", "")] {
        assert_eq!(client.posts("oauth/revoke", form).await.summary(), "400 invalid_request");
    }
}

/// W191: another client's token lives on.
#[tokio::test]
async fn nobody_revokes_anothers_token() {
    let world = World::new().await;
    let client = world.client();
    let token = refresh_token(&client, "alice").await;
    let other = world.registers("Other", json!({})).await;
    is_empty_ok(&other.revokes(&token).await);
    assert_eq!(client.refreshes(&token).await.status, 200);
}

/// W192: where the tenant says so, all of that user, client and audience die.
#[tokio::test]
async fn a_revocation_may_end_the_whole_grant() {
    let world = World::builder().settings(|it| it.revocation_deletes_grant = true).start().await;
    let client = world.client();
    let (one, two) = (refresh_token(&client, "alice").await, refresh_token(&client, "alice").await);
    let bobs = refresh_token(&client, "bob").await;
    is_empty_ok(&client.revokes(&one).await);
    assert_eq!(client.refreshes(&two).await.summary(), "403 invalid_grant");
    assert_eq!(client.refreshes(&bobs).await.status, 200);
}

/// W193: what userinfo tells, by scope.
#[tokio::test]
async fn userinfo_tells_what_was_granted() {
    let world = World::new().await;
    let client = world.client();
    let ask = |form: Form| form.with("scope", "openid profile email");
    let tokens = client.gets_tokens("alice", ask).await;
    let token = tokens["access_token"].as_str().unwrap();
    let body = userinfo(&world, token).await.json();
    assert_eq!(
        (&body["sub"], &body["email"]),
        (&json!("auth0|alice"), &json!("alice@example.com"))
    );
    for member in ["nickname", "name", "picture", "updated_at", "email_verified"] {
        assert!(body.get(member).is_some(), "{member}: {body}");
    }
    assert!(body["updated_at"].as_str().unwrap().ends_with('Z'), "{body}");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let posted = world.request(Method::POST, "userinfo", &headers, "").await;
    assert_eq!((posted.status, posted.json()), (200, body));
    let tokens = client.gets_tokens("alice", |form| form).await;
    let body = userinfo(&world, tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(body, json!({"sub": "auth0|alice"}));
}

/// W194: anything else is no token.
#[tokio::test]
async fn userinfo_wants_a_token_for_itself() {
    let world = World::new().await;
    let client = world.client();
    let tokens = client.gets_tokens("alice", offline).await;
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(userinfo(&world, &access).await.status, 200);
    world.grants(client.id(), PAYMENTS, "client", &["read:balance"]).await;
    let machine = client.asks_for_itself(PAYMENTS).await.member("access_token");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let id_token = tokens["id_token"].as_str().unwrap();
    let push = &world.phone_of("alice").pushes().await[0];
    let damaged = format!("{}AAAA", &access[..access.len() - 4]);
    let nobody = world.get("userinfo").await;
    let mut answers = vec![nobody];
    for token in ["", "x", "a.b.c", refresh, id_token, &machine, &push.txtkn, &damaged] {
        answers.push(userinfo(&world, token).await);
    }
    world.advance_seconds(86_400);
    answers.push(userinfo(&world, &access).await);
    for answer in answers {
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        assert_eq!(answer.json()["error"], "invalid_token");
    }
}

/// W195: a program's own token.
#[tokio::test]
async fn a_program_gets_a_token_of_its_own() {
    let world = World::new().await;
    let client = world.client();
    world.grants(client.id(), PAYMENTS, "client", &["read:balance"]).await;
    let form = client.asks_for_itself(PAYMENTS).await;
    let body = json!({
        "grant_type": "client_credentials", "audience": PAYMENTS, "organization": Value::Null,
    });
    for answer in [form, client.posts_json("oauth/token", body).await] {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(86_400), &json!("Bearer")));
        assert_eq!(body["scope"], "read:balance");
        assert_eq!((body.get("id_token"), body.get("refresh_token")), (None, None));
        let token = world.verified(body["access_token"].as_str().unwrap()).await;
        assert_eq!(token.claims["sub"], format!("{}@clients", client.id()));
        assert_eq!(token.claims["aud"], PAYMENTS);
        assert_eq!(token.claims["gty"], "client-credentials");
    }
}

/// W196: what can be wrong with that.
#[tokio::test]
async fn a_program_is_refused_what_it_was_not_granted() {
    let world = World::new().await;
    let client = world.client();
    let wrong = client.proving(Proof::Secret(String::from("wrong")));
    let answer = wrong.asks_for_itself(PAYMENTS).await;
    assert_refused(&answer, 401, "access_denied", "Unauthorized");
    let answer = client.asks_for_itself("https://nowhere.example/").await;
    assert_refused(&answer, 403, "access_denied", "Service not found: https://nowhere.example/");
    let text = format!(
        "Client is not authorized to access \"{PAYMENTS}\". You need to create a \
         \"client-grant\" associated to this API."
    );
    let answer = client.asks_for_itself(PAYMENTS).await;
    assert_refused(&answer, 403, "access_denied", &text);
}

/// W197: a refresh, by form or JSON, with and without scope.
#[tokio::test]
async fn a_refresh_token_gives_new_tokens() {
    let world = World::new().await;
    let client = world.client();
    let token = refresh_token(&client, "alice").await;
    let base = json!({"grant_type": "refresh_token", "refresh_token": token});
    let with = |scope: &str| {
        let mut body = base.clone();
        body["scope"] = scope.into();
        body
    };
    world.advance_seconds(100);
    let answers = [
        client.refreshes(&token).await,
        client.posts_json("oauth/token", base.clone()).await,
        client.posts_json("oauth/token", with("")).await,
        client.posts_json("oauth/token", with("openid read:balance offline_access")).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(86_400)));
        assert_eq!(body["scope"], "openid read:balance offline_access");
        assert_eq!(body.get("refresh_token"), None, "this client's do not rotate");
        let access = world.verified(body["access_token"].as_str().unwrap()).await;
        let id_token = world.verified(body["id_token"].as_str().unwrap()).await;
        assert_eq!(access.claims["iat"], world.now().seconds());
        assert_eq!(
            (&access.claims["sub"], &id_token.claims["sub"]),
            (&json!("auth0|alice"), &json!("auth0|alice"))
        );
    }
    let less = client.posts_json("oauth/token", with("openid")).await.json();
    assert_eq!(less["scope"], "openid");
    let more = client.posts_json("oauth/token", with("openid transfer:funds")).await;
    assert!(!more.text().contains("\"transfer:funds\""), "{}", more.text());
}

/// W197: a token that rotates is good once; using it again ends the family.
#[tokio::test]
async fn a_rotated_token_used_again_ends_its_family() {
    let world = World::new().await;
    let rotating =
        json!({"refresh_token": {"rotation_type": "rotating", "expiration_type": "expiring"}});
    let client = world.registers("Rotating", rotating).await;
    let first = refresh_token(&client, "alice").await;
    let second = client.refreshes(&first).await.member("refresh_token");
    assert_ne!(first, second);
    let third = client.refreshes(&second).await.member("refresh_token");
    world.advance_seconds(1);
    assert_refused(&client.refreshes(&first).await, 403, "invalid_grant", UNKNOWN);
    assert_refused(&client.refreshes(&third).await, 403, "invalid_grant", UNKNOWN);
}

/// W197: without leeway there is none in the very millisecond of the rotation either; with leeway, a
/// second use within it is only refused.
#[tokio::test]
async fn the_leeway_alone_decides_whether_a_second_use_is_theft() {
    let world = World::new().await;
    for (leeway, survives) in [(0, false), (10, true)] {
        let rotating = json!({"refresh_token": {
            "rotation_type": "rotating", "expiration_type": "expiring", "leeway": leeway,
        }});
        let client = world.registers(&format!("Leeway{leeway}"), rotating).await;
        let first = refresh_token(&client, "alice").await;
        let second = client.refreshes(&first).await.member("refresh_token");
        assert_refused(&client.refreshes(&first).await, 403, "invalid_grant", UNKNOWN);
        assert_eq!(client.refreshes(&second).await.status == 200, survives, "{leeway}");
    }
}

/// W198: no token, another's, an old one.
#[tokio::test]
async fn a_refresh_token_must_be_the_clients_own() {
    let world = World::new().await;
    let client = world.client();
    let token = refresh_token(&client, "alice").await;
    let other = world.registers("Other", json!({})).await;
    assert_refused(&other.refreshes(&token).await, 403, "invalid_grant", UNKNOWN);
    assert_refused(&client.refreshes("never-was").await, 403, "invalid_grant", UNKNOWN);
    assert_eq!(client.refreshes("").await.summary(), "400 invalid_request");
    assert_eq!(client.refreshes(&token).await.status, 200);
    let blocked = world.operator().patches("users/auth0%7Calice", &json!({"blocked": true})).await;
    assert_eq!(blocked.status, 200);
    assert!(client.refreshes(&token).await.status >= 400);
}
