//! W77, W199, W230, W231, W275, W276 to W278, W293 and O146 to O149: refresh tokens, access,
//! consents, and what this server never has.

use http::Method;
use serde_json::{Value, json};
use testkit::{Client, World};

use super::a11_management::{assert_denied, denied, token_with};

const PAYMENTS: &str = "https://api.example.com/payments";

/// The refresh token that a person's approval gives the client.
async fn token_of(client: &Client<'_>, person: &str, audience: &str) -> String {
    let tokens = client
        .gets_tokens(person, |form| {
            let form = form.with("scope", "openid offline_access");
            if audience.is_empty() { form } else { form.with("audience", audience) }
        })
        .await;
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

async fn ids_of(world: &World, person: &str) -> Vec<String> {
    let path = format!("users/auth0%7C{person}/refresh-tokens");
    let list = world.operator().gets(&path).await.json();
    let list = list["tokens"].as_array().unwrap().iter();
    list.map(|token| token["id"].as_str().unwrap().to_owned()).collect()
}

async fn is_good(client: &Client<'_>, token: &str) -> bool {
    client.refreshes(token).await.status == 200
}

/// W199, W293: the token of an approval, and what administrators keep beside it.
#[tokio::test]
async fn a_refresh_token_is_shown_and_labelled() {
    let world = World::new().await;
    let (operator, client) = (world.operator(), world.client());
    let token = token_of(&client, "alice", PAYMENTS).await;
    world.advance_seconds(60);
    assert!(is_good(&client, &token).await);
    let id = ids_of(&world, "alice").await.remove(0);
    let path = format!("refresh-tokens/{id}");
    let shown = operator.gets(&path).await.json();
    assert_eq!(shown["id"], id);
    assert_eq!(
        (&shown["user_id"], &shown["client_id"], &shown["session_id"]),
        (&json!("auth0|alice"), &json!(client.id()), &Value::Null)
    );
    let servers = json!([{"audience": PAYMENTS, "scopes": "openid offline_access"}]);
    assert_eq!((&shown["resource_servers"], &shown["rotating"]), (&servers, &json!(false)));
    assert_eq!(shown["last_exchanged_at"], world.now().to_iso());
    assert_eq!((&shown["device"], &shown["refresh_token_metadata"]), (&json!({}), &Value::Null));
    assert!(shown["created_at"].is_string());
    for member in ["idle_expires_at", "expires_at"] {
        assert!(shown.get(member).is_some(), "{member}");
    }
    assert!(!shown.to_string().contains(&token));

    let change = json!({"refresh_token_metadata": {"ticket": "T-1", "by": "ann"}});
    let changed = operator.patches(&path, &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["refresh_token_metadata"], change["refresh_token_metadata"]);
    let less = json!({"refresh_token_metadata": {"ticket": null}});
    let changed = operator.patches(&path, &less).await.json();
    assert_eq!(changed["refresh_token_metadata"], json!({"by": "ann"}));
    let none = json!({"refresh_token_metadata": null});
    operator.patches(&path, &none).await;
    assert_eq!(operator.gets(&path).await.json()["refresh_token_metadata"], Value::Null);
    for wrong in [json!("x"), json!([]), json!({"a": "x".repeat(20_000)})] {
        let body = json!({ "refresh_token_metadata": wrong });
        denied(&operator.patches(&path, &body).await, 400, "invalid_body");
    }

    assert_eq!(operator.deletes(&path).await.status, 204);
    assert!(!is_good(&client, &token).await);
    assert_eq!(operator.deletes(&path).await.status, 204);
    denied(&operator.gets(&path).await, 404, "inexistent_refresh_token");
    denied(&operator.patches(&path, &change).await, 404, "inexistent_refresh_token");
}

/// O146: rotation changes the token, not its name or its label.
#[tokio::test]
async fn a_rotated_token_keeps_its_name() {
    let world = World::new().await;
    let rotating = json!({"refresh_token": {"rotation_type": "rotating", "expiration_type":
        "expiring", "token_lifetime": 86_400}});
    let client = world.registers("rotating", rotating).await;
    let token = token_of(&client, "alice", "").await;
    let id = ids_of(&world, "alice").await.remove(0);
    let path = format!("refresh-tokens/{id}");
    let label = json!({"refresh_token_metadata": {"by": "ann"}});
    assert_eq!(world.operator().patches(&path, &label).await.status, 200);
    let next = client.refreshes(&token).await.member("refresh_token");
    assert_eq!(ids_of(&world, "alice").await, [id]);
    let shown = world.operator().gets(&path).await.json();
    assert_eq!(
        (&shown["rotating"], &shown["refresh_token_metadata"]),
        (&json!(true), &json!({"by": "ann"}))
    );
    assert_eq!(world.operator().deletes(&path).await.status, 204);
    assert!(!is_good(&client, &next).await);
}

/// W230, O147: the tokens of a user, page by page, and the end of all of them.
#[tokio::test]
async fn the_tokens_of_a_user_are_listed_and_ended() {
    let world = World::new().await;
    let (operator, bank) = (world.operator(), world.client());
    let shop = world.registers("shop", json!({"name": "Shop"})).await;
    let mut tokens = Vec::new();
    for client in [&bank, &bank, &shop] {
        tokens.push(token_of(client, "alice", "").await);
        world.advance_seconds(60);
    }
    let of_bob = token_of(&bank, "bob", "").await;
    let all = ids_of(&world, "alice").await;
    assert_eq!(all.len(), 3);
    let mut seen = Vec::new();
    let mut path = String::from("users/auth0%7Calice/refresh-tokens?take=2");
    for more in [true, false] {
        let page = operator.gets(&path).await.json();
        let ids = page["tokens"].as_array().unwrap().iter();
        seen.extend(ids.map(|token| token["id"].as_str().unwrap().to_owned()));
        assert_eq!(page.get("next").is_some(), more);
        let next = page["next"].as_str().unwrap_or_default();
        path = format!("users/auth0%7Calice/refresh-tokens?take=2&from={next}");
    }
    assert_eq!(seen, all);
    let filter = "refresh-tokens?user_id=auth0%7Calice&client_id=shop&fields=client_id";
    let found = operator.gets(filter).await.json();
    assert_eq!(found, json!({"refresh_tokens": [{"client_id": "shop"}]}));
    denied(&operator.gets("refresh-tokens").await, 400, "invalid_query_string");
    denied(&operator.gets("users/x/refresh-tokens").await, 404, "inexistent_user");
    denied(&operator.deletes("users/x/refresh-tokens").await, 404, "inexistent_user");

    let path = "users/auth0%7Calice/refresh-tokens";
    assert_eq!(operator.deletes(path).await.status, 204);
    assert_eq!(ids_of(&world, "alice").await, Vec::<String>::new());
    for (client, token) in [&bank, &bank, &shop].into_iter().zip(&tokens) {
        assert!(!is_good(client, token).await);
    }
    assert!(is_good(&bank, &of_bob).await);
    assert_eq!(operator.deletes(path).await.status, 204);
}

/// O148: which tokens a call names, and no others.
#[tokio::test]
async fn tokens_are_revoked_by_name_person_client_and_api() {
    let world = World::new().await;
    let (operator, bank) = (world.operator(), world.client());
    let shop = world.registers("shop", json!({"name": "Shop"})).await;
    world.grants("shop", PAYMENTS, "user", &["read:balance"]).await;
    let mut living = Vec::new();
    for (client, audience) in [(&bank, PAYMENTS), (&bank, ""), (&shop, PAYMENTS), (&shop, "")] {
        living.push((client, token_of(client, "alice", audience).await));
        world.advance_seconds(60);
    }
    let of_bob = token_of(&bank, "bob", "").await;
    let revoked = async |body: Value| {
        let answer = operator.posts("refresh-tokens/revoke", &body).await;
        assert_eq!(answer.status, 204, "{body}: {}", answer.text());
        let mut good = Vec::new();
        for (client, token) in &living {
            good.push(is_good(client, token).await);
        }
        good
    };
    let bank_id = bank.id();
    let narrow = json!({"user_id": "auth0|alice", "client_id": bank_id, "audience": PAYMENTS});
    assert_eq!(revoked(narrow).await, [false, true, true, true]);
    let of_client = json!({"user_id": "auth0|alice", "client_id": bank_id});
    assert_eq!(revoked(of_client).await, [false, false, true, true]);
    let shops = operator.gets("refresh-tokens?user_id=auth0%7Calice").await.json();
    let payment = shops["refresh_tokens"].as_array().unwrap().iter();
    let payment: Vec<&Value> =
        payment.filter(|token| token["resource_servers"][0]["audience"] == PAYMENTS).collect();
    assert_eq!(
        revoked(json!({"ids": [payment[0]["id"], "rt_unknown"]})).await,
        [false, false, false, true]
    );
    assert_eq!(revoked(json!({"user_id": "auth0|alice"})).await, [false; 4]);
    assert!(is_good(&bank, &of_bob).await);
    for wrong in [
        json!({}),
        json!({"ids": ["a"], "user_id": "u"}),
        json!({"client_id": "c"}),
        json!({"user_id": "u", "audience": "a"}),
        json!({"ids": vec!["a"; 101]}),
        json!({"ids": "a"}),
    ] {
        let refused = operator.posts("refresh-tokens/revoke", &wrong).await;
        denied(&refused, 400, "invalid_body");
    }
}

/// W231, O149: all access of a user ends, unless it is to be preserved.
#[tokio::test]
async fn access_is_revoked() {
    let world = World::new().await;
    let (operator, client) = (world.operator(), world.client());
    let tokens =
        client.gets_tokens("alice", |form| form.with("scope", "openid offline_access")).await;
    let (refresh, access) =
        (tokens["refresh_token"].as_str().unwrap(), tokens["access_token"].as_str().unwrap());
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str())];
    let path = "users/auth0%7Calice/revoke-access";
    let preserved = operator.posts(path, &json!({"preserve_refresh_tokens": true})).await;
    assert_eq!(preserved.status, 204);
    assert!(is_good(&client, refresh).await);
    let unknown = operator.posts(path, &json!({"session_id": "s"})).await;
    denied(&unknown, 404, "inexistent_session");
    let wrong = operator.posts(path, &json!({"preserve_refresh_tokens": "yes"})).await;
    denied(&wrong, 400, "invalid_body");
    assert_eq!(world.request(Method::GET, "userinfo", &headers, "").await.status, 200);
    let token = operator.token().await;
    let authorization = format!("Bearer {token}");
    let bodyless = [("authorization", authorization.as_str())];
    let api = format!("api/v2/{path}");
    assert_eq!(world.request(Method::POST, &api, &bodyless, "").await.status, 204);
    assert!(!is_good(&client, refresh).await);
    assert_eq!(world.request(Method::GET, "userinfo", &headers, "").await.status, 401);
    denied(&operator.posts("users/x/revoke-access", &json!({})).await, 404, "inexistent_user");
    for scope in ["delete:sessions", "delete:refresh_tokens"] {
        let authorization = format!("Bearer {}", token_with(&world, scope, &[scope]).await);
        let headers = [("authorization", authorization.as_str())];
        let refused = world.request(Method::POST, &api, &headers, "").await;
        denied(&refused, 403, "insufficient_scope");
    }
}

/// W77, W275: an approval on a phone leaves no consent, and what is not there can be deleted.
#[tokio::test]
async fn ciba_leaves_no_grant() {
    let world = World::new().await;
    let operator = world.operator();
    token_of(&world.client(), "alice", PAYMENTS).await;
    assert_eq!(operator.gets("grants?user_id=auth0%7Calice").await.json(), json!([]));
    let page = operator.gets("grants?include_totals=true&per_page=5").await.json();
    assert_eq!(page, json!({"start": 0, "limit": 5, "length": 0, "total": 0, "grants": []}));
    assert_eq!(operator.deletes("grants/cgr_unknown").await.status, 204);
    assert_eq!(operator.deletes("grants?user_id=auth0%7Calice").await.status, 204);
    denied(&operator.deletes("grants").await, 400, "invalid_query_string");
    denied(&operator.gets("grants?per_page=101").await, 400, "invalid_query_string");
    assert_eq!(ids_of(&world, "alice").await.len(), 1);
}

/// W276, W277, W278: what deployment tools look up and this server never has.
#[tokio::test]
async fn what_this_server_never_has_is_not_found() {
    let world = World::new().await;
    for (path, text, code) in [
        ("connections/con_x", "The connection does not exist", Some("inexistent_connection")),
        ("roles/rol_x", "The role does not exist.", None),
        ("organizations/org_x", "No organization found by that id or name", None),
        ("organizations/name/x", "No organization found by that id or name", None),
        (
            "emails/provider",
            "There is not a configured email provider",
            Some("inexistent_email_provider"),
        ),
    ] {
        assert_denied(&world.operator().gets(path).await, 404, text, code);
    }
}
