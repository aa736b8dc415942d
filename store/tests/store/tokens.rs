//! Refresh tokens, opaque access tokens, idempotency keys.

use crate::common::{NOW, Place};
use domain::{ClientId, Fingerprint, TenantId, Timestamp, UserId};
use store::access_tokens::AccessTokenRow;
use store::idempotency_keys::IdempotencyRow;
use store::refresh_tokens::{RefreshTokenRow, TokenFilter};
use store::{Database, Write, Written, access_tokens, idempotency_keys, refresh_tokens};

const LATER: Timestamp = NOW.plus_ms(1000);

fn acme() -> TenantId {
    TenantId::new("acme")
}

fn bank() -> ClientId {
    ClientId::new("bank")
}

fn alice() -> UserId {
    UserId::new("auth0|alice")
}

async fn done(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Done));
}

async fn overtaken(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Overtaken));
}

fn refresh(name: &str, family: &str) -> RefreshTokenRow {
    RefreshTokenRow {
        hash: Fingerprint::of(name.as_bytes()),
        id: name.to_owned(),
        family: family.to_owned(),
        client_id: bank(),
        user_id: alice(),
        grant: String::from("{}"),
        created_at: NOW,
        last_used_at: None,
        idle_expires_at: Some(NOW.plus_ms(2000)),
        expires_at: Some(NOW.plus_ms(5000)),
        rotated_at: None,
        is_revoked: false,
        metadata: None,
    }
}

fn access(name: &str, family: Option<&str>) -> AccessTokenRow {
    AccessTokenRow {
        hash: Fingerprint::of(name.as_bytes()),
        client_id: bank(),
        user_id: alice(),
        scope: String::from("openid"),
        family: family.map(String::from),
        confirmation: Some(String::from(r#"{"jkt":"x"}"#)),
        claims: Some(String::from("email name")),
        created_at: NOW,
        expires_at: LATER,
    }
}

async fn read(database: &Database, name: &str) -> RefreshTokenRow {
    let hash = Fingerprint::of(name.as_bytes());
    refresh_tokens::by_hash(database, &acme(), &hash).await.unwrap().unwrap()
}

async fn is_good(database: &Database, name: &str) -> bool {
    let hash = Fingerprint::of(name.as_bytes());
    access_tokens::by_hash(database, &acme(), &hash, NOW).await.unwrap().is_some()
}

#[tokio::test]
async fn a_refresh_token_is_rotated_once() {
    let place = Place::new();
    let database = place.open().await;
    done(&database, refresh_tokens::insert(&acme(), &refresh("a", "f"))).await;
    assert_eq!(read(&database, "a").await, refresh("a", "f"));
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..10 {
        let next = refresh(&format!("b{number}"), "f");
        let write = refresh_tokens::rotate(&acme(), &refresh("a", "f").hash, &next, LATER);
        let database = database.clone();
        asked.spawn(async move { database.run(write).await.unwrap() });
    }
    let answers = asked.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Written::Done).count(), 1);
    let rotated = read(&database, "a").await;
    assert_eq!((rotated.rotated_at, rotated.last_used_at), (Some(LATER), Some(LATER)));
    let alive = refresh_tokens::of_user(&database, &acme(), &alice(), LATER).await.unwrap();
    assert_eq!(alive.len(), 1);
}

#[tokio::test]
async fn a_refresh_token_that_ran_out_is_not_rotated() {
    let place = Place::new();
    let database = place.open().await;
    done(&database, refresh_tokens::insert(&acme(), &refresh("a", "f"))).await;
    let (hash, next) = (refresh("a", "f").hash, refresh("b", "f"));
    let idle = refresh_tokens::rotate(&acme(), &hash, &next, NOW.plus_ms(2000));
    overtaken(&database, idle).await;
    let used = refresh_tokens::used(&acme(), &hash, Some(NOW.plus_ms(9000)), LATER);
    done(&database, used).await;
    let old = refresh_tokens::rotate(&acme(), &hash, &next, NOW.plus_ms(5000));
    overtaken(&database, old).await;
    let alive = refresh_tokens::of_user(&database, &acme(), &alice(), NOW.plus_ms(5000)).await;
    assert_eq!(alive, Ok(vec![]));
    done(&database, refresh_tokens::rotate(&acme(), &hash, &next, NOW.plus_ms(4999))).await;
}

#[tokio::test]
async fn a_revoked_family_is_dead_with_members_that_came_later_too() {
    let place = Place::new();
    let database = place.open().await;
    done(&database, refresh_tokens::insert(&acme(), &refresh("a", "f"))).await;
    done(&database, refresh_tokens::insert(&acme(), &refresh("z", "other"))).await;
    done(&database, access_tokens::insert(&acme(), &access("x", Some("f")))).await;
    done(&database, access_tokens::insert(&acme(), &access("y", None))).await;
    done(&database, refresh_tokens::revoke_family(&acme(), "f", LATER)).await;
    // What a rotation that raced with the revocation may have added.
    done(&database, refresh_tokens::insert(&acme(), &refresh("b", "f"))).await;
    assert!(read(&database, "a").await.is_revoked);
    assert!(read(&database, "b").await.is_revoked);
    assert!(!read(&database, "z").await.is_revoked);
    let next = refresh("c", "f");
    let write = refresh_tokens::rotate(&acme(), &refresh("b", "f").hash, &next, LATER);
    overtaken(&database, write).await;
    overtaken(&database, refresh_tokens::used(&acme(), &refresh("b", "f").hash, None, LATER)).await;
    let alive = refresh_tokens::of_user(&database, &acme(), &alice(), NOW).await.unwrap();
    assert_eq!(alive.len(), 1);
    assert!(!is_good(&database, "x").await);
    assert!(is_good(&database, "y").await);
}

#[tokio::test]
async fn revoking_reaches_families_clients_or_all_of_a_user() {
    let place = Place::new();
    let database = place.open().await;
    let shop = ClientId::new("shop");
    for name in ["a", "b", "c", "d"] {
        done(&database, refresh_tokens::insert(&acme(), &refresh(name, name))).await;
    }
    let of_shop = RefreshTokenRow { client_id: shop.clone(), ..refresh("s", "s") };
    done(&database, refresh_tokens::insert(&acme(), &of_shop)).await;
    let of_bob = RefreshTokenRow { user_id: UserId::new("bob"), ..refresh("bob", "bob") };
    done(&database, refresh_tokens::insert(&acme(), &of_bob)).await;
    done(&database, access_tokens::insert(&acme(), &access("x", None))).await;
    done(&database, refresh_tokens::revoke_families(&acme(), &["a", "b"], LATER)).await;
    assert!(read(&database, "b").await.is_revoked);
    assert!(!read(&database, "c").await.is_revoked);
    let write = refresh_tokens::revoke_of_user_and_client(&acme(), &alice(), &bank(), LATER);
    done(&database, write).await;
    assert!(read(&database, "c").await.is_revoked);
    assert!(!read(&database, "s").await.is_revoked);
    assert!(!is_good(&database, "x").await);
    done(&database, refresh_tokens::revoke_of_user(&acme(), &alice(), LATER)).await;
    assert!(read(&database, "s").await.is_revoked);
    assert!(!read(&database, "bob").await.is_revoked);
}

#[tokio::test]
async fn an_access_token_is_good_until_it_ends_or_its_client_revokes_it() {
    let place = Place::new();
    let database = place.open().await;
    let token = access("x", Some("f"));
    done(&database, access_tokens::insert(&acme(), &token)).await;
    let found = access_tokens::by_hash(&database, &acme(), &token.hash, NOW).await;
    assert_eq!(found, Ok(Some(token.clone())));
    assert_eq!(access_tokens::by_hash(&database, &acme(), &token.hash, LATER).await, Ok(None));
    let other = TenantId::new("other");
    assert_eq!(access_tokens::by_hash(&database, &other, &token.hash, NOW).await, Ok(None));
    let foreign = access_tokens::delete(&acme(), &ClientId::new("shop"), &token.hash);
    overtaken(&database, foreign).await;
    done(&database, access_tokens::delete(&acme(), &bank(), &token.hash)).await;
    assert!(!is_good(&database, "x").await);
}

#[tokio::test]
async fn an_idempotency_key_begins_one_request_until_it_runs_out() {
    let place = Place::new();
    let database = place.open().await;
    let key = |request: &str, expires_at| IdempotencyRow {
        key_hash: Fingerprint::of(b"key"),
        body_hash: Fingerprint::of(b"body"),
        auth_req_hash: Fingerprint::of(request.as_bytes()),
        expires_at,
    };
    let first = key("1", LATER);
    done(&database, idempotency_keys::remember(&acme(), &bank(), &first, NOW)).await;
    let second = key("2", NOW.plus_ms(3000));
    overtaken(&database, idempotency_keys::remember(&acme(), &bank(), &second, NOW)).await;
    let found = idempotency_keys::by_key(&database, &acme(), &bank(), &first.key_hash, NOW).await;
    assert_eq!(found, Ok(Some(first.clone())));
    let gone = idempotency_keys::by_key(&database, &acme(), &bank(), &first.key_hash, LATER).await;
    assert_eq!(gone, Ok(None));
    done(&database, idempotency_keys::remember(&acme(), &bank(), &second, LATER)).await;
    let found = idempotency_keys::by_key(&database, &acme(), &bank(), &first.key_hash, LATER).await;
    assert_eq!(found, Ok(Some(second)));
}

#[tokio::test]
async fn living_tokens_are_found_by_name_and_paged() {
    let place = Place::new();
    let database = place.open().await;
    let labelled = RefreshTokenRow { metadata: Some(String::from("{}")), ..refresh("a", "a") };
    done(&database, refresh_tokens::insert(&acme(), &labelled)).await;
    let of_shop = RefreshTokenRow { client_id: ClientId::new("shop"), ..refresh("b", "b") };
    done(&database, refresh_tokens::insert(&acme(), &of_shop)).await;
    done(&database, refresh_tokens::insert(&acme(), &refresh("c", "c"))).await;
    let found = async |id: &str, now| refresh_tokens::by_id(&database, &acme(), id, now).await;
    assert_eq!(found("a", NOW).await, Ok(Some(labelled.clone())));
    assert_eq!(found("x", NOW).await, Ok(None));
    assert_eq!(found("a", NOW.plus_ms(2000)).await, Ok(None));
    let user = alice();
    let page = async |client: Option<&ClientId>, after: &str, most| {
        let filter = TokenFilter { user: &user, client };
        let rows = refresh_tokens::page(&database, &acme(), filter, (after, most), NOW).await;
        rows.unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(page(None, "", 2).await, ["a", "b"]);
    assert_eq!(page(None, "b", 2).await, ["c"]);
    assert_eq!(page(Some(&bank()), "", 9).await, ["a", "c"]);
    done(&database, refresh_tokens::change_metadata(&acme(), "a", None)).await;
    assert_eq!(found("a", NOW).await.unwrap().unwrap().metadata, None);
    overtaken(&database, refresh_tokens::change_metadata(&acme(), "x", Some("{}"))).await;

    let next = RefreshTokenRow { hash: Fingerprint::of(b"a2"), ..labelled.clone() };
    done(&database, refresh_tokens::rotate(&acme(), &labelled.hash, &next, LATER)).await;
    assert_eq!(found("a", LATER).await.unwrap().unwrap().hash, next.hash);
    done(&database, refresh_tokens::revoke_family(&acme(), "a", LATER)).await;
    assert_eq!(found("a", LATER).await, Ok(None));
    assert_eq!(page(None, "", 9).await, ["b", "c"]);
}
