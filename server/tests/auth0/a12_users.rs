//! W216 to W245: users and their search.

use serde_json::{Value, json};
use store::Faults;
use testkit::{Operator, World, encoded};

use super::a11_management::{assert_denied, denied};

async fn made(operator: &Operator<'_>, body: &Value) -> Value {
    let answer = operator.posts("users", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

async fn found(operator: &Operator<'_>, q: &str) -> Vec<String> {
    let answer = operator.gets(&format!("users?q={}&sort=user_id:1", encoded(q))).await;
    assert_eq!(answer.status, 200, "{q}: {}", answer.text());
    let users = answer.json();
    let ids = users.as_array().unwrap().iter();
    ids.map(|user| user["user_id"].as_str().unwrap().to_owned()).collect()
}

async fn refused(operator: &Operator<'_>, q: &str) -> String {
    let answer = operator.gets(&format!("users?q={}", encoded(q))).await;
    denied(&answer, 400, "invalid_query_string")
}

/// W216: the list.
#[tokio::test]
async fn users_are_listed_plain_or_with_totals() {
    let world = World::new().await;
    let operator = world.operator();
    let users = operator.gets("users").await.json();
    assert_eq!(users.as_array().unwrap().len(), 4);
    let path = "users?page=0&per_page=3&include_totals=true&sort=name:-1&fields=name\
                &include_fields=true&q=name%3A*example&search_engine=v3&primary_order=true";
    let page = operator.gets(path).await.json();
    let names: Vec<_> = page["users"].as_array().unwrap().iter().map(|u| &u["name"]).collect();
    assert_eq!(names, ["dave Example", "carol Example", "bob Example"]);
    assert_eq!((&page["start"], &page["limit"]), (&json!(0), &json!(3)));
    assert_eq!((&page["length"], &page["total"]), (&json!(3), &json!(4)));
    for bad in
        ["sort=name", "sort=password:1", "sort=name:2", "search_engine=v9", "fields=a&fields=b"]
    {
        denied(&operator.gets(&format!("users?{bad}")).await, 400, "invalid_query_string");
    }
}

/// W217: by e-mail, exactly, in lower case.
#[tokio::test]
async fn users_are_found_by_their_address() {
    let world = World::new().await;
    let operator = world.operator();
    let users = operator.gets("users-by-email?email=Alice%40Example.com").await.json();
    assert_eq!(users[0]["user_id"], "auth0|alice");
    assert_eq!(operator.gets("users-by-email?email=alice%40example").await.json(), json!([]));
    denied(&operator.gets("users-by-email").await, 400, "invalid_query_string");
}

/// W218: one user.
#[tokio::test]
async fn a_user_is_read_whole_or_in_part() {
    let world = World::new().await;
    let operator = world.operator();
    let user = operator.gets("users/auth0%7Calice?fields=email,user_id").await;
    let expected = json!({"email": "alice@example.com", "user_id": "auth0|alice"});
    assert_eq!((user.status, user.json()), (200, expected));
    let nobody = operator.gets("users/auth0%7Cnobody").await;
    assert_denied(&nobody, 404, "The user does not exist.", Some("inexistent_user"));
}

/// W219: the members of a user.
#[tokio::test]
async fn a_user_has_the_members_of_a_recorded_one() {
    let world = World::new().await;
    let body = json!({
        "connection": "db", "email": "New@Example.com", "password": "s3cret!", "username": "newbie",
        "user_metadata": {"a": 1}, "app_metadata": {"b": 2}, "blocked": false,
    });
    let user = made(&world.operator(), &body).await;
    let id = user["user_id"].as_str().unwrap().strip_prefix("auth0|").unwrap();
    assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let names: Vec<&String> = user.as_object().unwrap().keys().collect();
    let expected = [
        "app_metadata",
        "blocked",
        "created_at",
        "email",
        "email_verified",
        "identities",
        "name",
        "nickname",
        "picture",
        "updated_at",
        "user_id",
        "user_metadata",
        "username",
    ];
    assert_eq!(names, expected);
    let identity =
        json!({"connection": "db", "user_id": id, "provider": "auth0", "isSocial": false});
    assert_eq!(user["identities"], json!([identity]));
    let read = world.operator().gets(&format!("users/auth0%7C{id}")).await;
    assert_eq!(read.json(), user);
    assert!(!read.text().contains("s3cret"));
}

/// W220: one address, one user of a connection.
#[tokio::test]
async fn an_address_is_taken_once_in_its_connection() {
    let world = World::new().await;
    let operator = world.operator();
    let body = json!({"connection": "db", "email": "twin@example.com"});
    made(&operator, &body).await;
    let again = json!({"connection": "db", "email": "TWIN@example.com"});
    let answer = operator.posts("users", &again).await;
    assert_denied(&answer, 409, "The user already exists.", Some("auth0_idp_error"));
    let google =
        json!({"connection": "google-oauth2", "user_id": "7", "email": "twin@example.com"});
    assert_eq!(made(&operator, &google).await["user_id"], "google-oauth2|7");
    let taken = json!({"email": "twin@example.com"});
    let made = made(&operator, &json!({"connection": "db", "email": "free@example.com"})).await;
    let path = format!("users/{}", encoded(made["user_id"].as_str().unwrap()));
    let answer = operator.patches(&path, &taken).await;
    assert_denied(&answer, 409, "The user already exists.", Some("auth0_idp_error"));
}

/// W221: a change merges metadata at the first level.
#[tokio::test]
async fn a_change_merges_metadata_and_null_removes() {
    let world = World::new().await;
    let operator = world.operator();
    let path = "users/auth0%7Calice";
    let body = json!({"user_metadata": {"a": {"x": 1}, "b": 1}, "app_metadata": {"plan": "gold"}});
    assert_eq!(operator.patches(path, &body).await.status, 200);
    let body = json!({"user_metadata": {"a": {"y": 2}, "b": null, "c": true}, "blocked": true});
    let user = operator.patches(path, &body).await.json();
    assert_eq!(user["user_metadata"], json!({"a": {"y": 2}, "c": true}));
    assert_eq!(user["app_metadata"], json!({"plan": "gold"}));
    assert_eq!(user["blocked"], true);
    assert_eq!(operator.gets(path).await.json(), user);
    let nobody = operator.patches("users/x", &json!({"name": "x"})).await;
    assert_denied(&nobody, 404, "The user does not exist.", Some("inexistent_user"));
    let wrong = operator.patches(path, &json!({"user_metadata": []})).await;
    denied(&wrong, 400, "invalid_body");
}

/// W221: `app_metadata` alone can be changed with a scope of its own.
#[tokio::test]
async fn application_metadata_have_a_scope_of_their_own() {
    let world = World::new().await;
    let client = world.registers("meta", json!({"grant_types": ["client_credentials"]})).await;
    let audience = world.url("api/v2/");
    world.grants("meta", &audience, "client", &["update:users_app_metadata"]).await;
    let token = client.asks_for_itself(&audience).await.member("access_token");
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    for (body, status) in [(json!({"app_metadata": {"a": 1}}), 200), (json!({"name": "x"}), 403)] {
        let path = "api/v2/users/auth0%7Calice";
        let answer = world.request(http::Method::PATCH, path, &headers, body.to_string()).await;
        assert_eq!(answer.status, status, "{body}");
    }
}

/// W222: devices, tokens and pending requests die with the user.
#[tokio::test]
async fn a_deleted_user_takes_everything_along() {
    let world = World::new().await;
    let (bank, operator) = (world.client(), world.operator());
    let payments = "https://api.example.com/payments";
    let scope = "openid offline_access";
    let tokens = bank
        .gets_tokens("alice", |form| form.with("scope", scope).with("audience", payments))
        .await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let pending = bank.asks_for("alice").await;
    let approved = bank.asks_for("alice").await;
    world.phone_of("alice").approves(&approved).await;
    assert_eq!(bank.polls(&pending).await, "400 authorization_pending");
    assert_eq!(operator.deletes("users/auth0%7Calice").await.status, 204);
    assert_eq!(bank.polls(&pending).await, "400 access_denied");
    assert_eq!(bank.polls(&approved).await, "400 access_denied");
    assert_eq!(bank.refreshes(refresh_token).await.status, 403);
    assert_eq!(operator.gets("users/auth0%7Calice/enrollments").await.status, 404);
    world.adds_user("alice").await;
    let enrollments = operator.gets("users/auth0%7Calice/enrollments").await;
    assert_eq!(enrollments.json(), json!([]));
}

/// W245: found by e-mail, asked by id.
#[tokio::test]
async fn a_user_found_by_address_can_be_asked() {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    let q = encoded("email:\"ALICE@example.com\"");
    let found = world.operator().gets(&format!("users?q={q}&search_engine=v3")).await.json();
    let id = found[0]["user_id"].as_str().unwrap();
    let client = world.client();
    let hint = client.hint(id);
    let answer = client.starts(client.asking("alice").with("login_hint", hint)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// W232: case matters, but not for names and addresses.
#[tokio::test]
async fn case_does_not_matter_for_names_and_addresses() {
    let world = World::new().await;
    let operator = world.operator();
    let body = json!({
        "connection": "db", "user_id": "zoe", "email": "zoe@example.com", "name": "Zoë Ö",
        "given_name": "Zoë", "family_name": "Ö", "nickname": "Zo", "username": "Zoe",
    });
    made(&operator, &body).await;
    for q in [
        "email:\"ZOE@Example.com\"",
        "name:\"zoË ö\"",
        "given_name:ZOË",
        "family_name:ö",
        "nickname:zO",
        "username:Zoe",
    ] {
        assert_eq!(found(&operator, q).await, ["auth0|zoe"], "{q}");
    }
    for q in ["username:zoe", "user_id:\"AUTH0|zoe\""] {
        assert!(found(&operator, q).await.is_empty(), "{q}");
    }
}

/// W233, W234: nested fields, operators and brackets.
#[tokio::test]
async fn nested_fields_and_operators_are_understood() {
    let world = World::new().await;
    let operator = world.operator();
    let body = json!({
        "user_metadata": {"team": "a"}, "app_metadata": {"plan": "x"}, "blocked": true,
    });
    operator.patches("users/auth0%7Cbob", &body).await;
    for q in [
        "user_metadata.team:\"a\"",
        "app_metadata.plan:\"x\"",
        "email:\"nobody@x.y\" OR (name:\"BOB example\" AND NOT blocked:false)",
        "blocked:true",
        "identities.connection:\"Username-Password-Authentication\" AND user_metadata.team:a",
    ] {
        assert_eq!(found(&operator, q).await, ["auth0|bob"], "{q}");
    }
    assert_eq!(found(&operator, "email.domain:\"example.com\"").await.len(), 4);
    assert_eq!(
        found(&operator, "email.domain:\"example.com\" AND NOT blocked:true").await.len(),
        3
    );
}

/// W235, W236, W237: existence, ranges and wildcards.
#[tokio::test]
async fn existence_ranges_and_wildcards_are_understood() {
    let world = World::new().await;
    let operator = world.operator();
    let body = json!({"connection": "sms", "user_id": "1", "phone_number": "+81312345678"});
    made(&operator, &body).await;
    assert_eq!(found(&operator, "NOT _exists_:email").await, ["sms|1"]);
    assert_eq!(found(&operator, "_exists_:nickname").await.len(), 4);
    assert_eq!(found(&operator, "created_at:[2026-11-23 TO 2026-11-24}").await.len(), 5);
    assert_eq!(found(&operator, "created_at:{2026-11-23 TO *]").await.len(), 0);
    assert_eq!(found(&operator, "name:ali*").await, ["auth0|alice"]);
    assert_eq!(found(&operator, "name:*ice*").await, ["auth0|alice"]);
    assert_eq!(found(&operator, "name:*exam*").await.len(), 4);
    assert!(refused(&operator, "name:*ex").await.contains("at character 6"));
}

/// W238, W239: what is not supported is refused at its character.
#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let world = World::new().await;
    let operator = world.operator();
    for (q, at) in [
        ("user_metadata.team:a*", "at character 20"),
        ("user_metadata.age:[1 TO 2]", "at character 19"),
        ("alice", "at character 1:"),
        ("name:\"alice", "at character 6"),
        ("(name:a", "at character 1:"),
        ("name:a AND", "at character 11"),
        ("shoe_size:40", "at character 1:"),
        ("name:a name:b", "at character 8"),
    ] {
        let message = refused(&operator, q).await;
        assert!(message.contains(at), "{q}: {message}");
    }
    let long = format!("name:{}", "a".repeat(5000));
    assert!(refused(&operator, &long).await.contains("4096"));
}

/// W240, W241: any engine is the newest; order and fields.
#[tokio::test]
async fn engines_order_and_fields() {
    let world = World::new().await;
    let operator = world.operator();
    for engine in ["v1", "v2", "v3"] {
        let path = format!("users?search_engine={engine}&q=name%3A*alice*");
        assert_eq!(operator.gets(&path).await.json().as_array().unwrap().len(), 1, "{engine}");
    }
    world.advance_seconds(1);
    world.adds_user("erin").await;
    let newest = operator.gets("users?sort=created_at:-1&fields=user_id,email&per_page=1").await;
    let expected = json!([{"user_id": "auth0|erin", "email": "erin@example.com"}]);
    assert_eq!(newest.json(), expected);
    let but = operator.gets("users?fields=email&include_fields=false").await.json();
    assert!(but[0].get("email").is_none() && but[0].get("name").is_some());
    let path = "users?connection=google-oauth2";
    assert_eq!(operator.gets(path).await.json(), json!([]));
}

/// W242: a thousand can be paged through, and no more.
#[tokio::test]
async fn paging_reaches_a_thousand_users() {
    let world = World::new().await;
    let operator = world.operator();
    let past = operator.gets("users?page=10&per_page=100").await;
    assert_eq!((past.status, past.json()), (200, json!([])));
    let app = world.app();
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..997 {
        let body = json!({"connection": "db", "user_id": format!("n{number}")});
        let user = domain::people::User::created(body.as_object().unwrap(), "", world.now());
        let write = store::users::insert(world.tenant_id(), &user.unwrap(), world.now());
        let database = app.database.clone();
        asked.spawn(async move { database.run(write).await.unwrap() });
    }
    asked.join_all().await;
    let last = operator.gets("users?page=9&per_page=100").await;
    assert_eq!(last.json().as_array().unwrap().len(), 100);
    let past = operator.gets("users?page=10&per_page=100").await;
    let message = "You can only page through the first 1000 records.";
    assert_denied(&past, 400, message, Some("invalid_paging"));
    let few = operator.gets("users?page=10&per_page=100&q=name%3A*alice*").await;
    assert_eq!((few.status, few.json()), (200, json!([])));
}

/// W243: a search that does not end in two seconds is given up; the server goes on searching.
#[tokio::test]
async fn a_search_that_takes_too_long_is_given_up() {
    let faults = Faults::new();
    let world = World::builder().faults(faults.clone()).start().await;
    let operator = world.operator();
    faults.set_endless_searches(true);
    let late = operator.gets("users?q=name%3Aa*").await;
    assert_denied(&late, 503, "The search took longer than 2 seconds. Narrow it down.", None);
    faults.set_endless_searches(false);
    assert_eq!(found(&operator, "name:alice*").await, ["auth0|alice"]);
}

/// W244: found at once.
#[tokio::test]
async fn a_user_just_created_is_found() {
    let world = World::new().await;
    let operator = world.operator();
    let user = made(&operator, &json!({"connection": "db", "email": "now@example.com"})).await;
    assert_eq!(
        found(&operator, "email:\"now@example.com\"").await,
        [user["user_id"].as_str().unwrap()]
    );
}

#[tokio::test]
async fn users_of_another_tenant_are_not_there() {
    let world = World::new().await;
    let acme = world.second_tenant("acme").await;
    let body = json!({"connection": "db", "user_id": "only", "email": "only@acme.example"});
    made(&acme.operator(), &body).await;
    assert_eq!(world.operator().gets("users/auth0%7Conly").await.status, 404);
    assert!(found(&world.operator(), "email:\"only@acme.example\"").await.is_empty());
    assert_eq!(world.operator().deletes("users/auth0%7Conly").await.status, 204);
    assert_eq!(acme.operator().gets("users/auth0%7Conly").await.status, 200);
}
