//! Users and their devices.

use crate::common::{NOW, Place};
use domain::people::{Device, PushService, User};
use domain::{DeviceId, Fingerprint, TenantId, Timestamp, UserId};
use serde_json::{Value, json};
use store::{Database, Write, Written, enrollments, transactions, users};

fn acme() -> TenantId {
    TenantId::new("acme")
}

async fn done(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Done));
}

async fn overtaken(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Overtaken));
}

fn user(id: &str, more: &Value) -> User {
    let mut body = json!({"connection": "db", "user_id": id}).as_object().unwrap().clone();
    body.extend(more.as_object().unwrap().clone());
    User::created(&body, "0", NOW).unwrap()
}

fn patched(user: &User, body: &Value) -> User {
    user.patched(body.as_object().unwrap(), NOW.plus_ms(1)).unwrap()
}

fn device(id: &str, user: &User, identifier: &str) -> Device {
    Device {
        id: DeviceId::new(id),
        user: user.id().clone(),
        identifier: identifier.to_owned(),
        name: String::from("phone"),
        push_service: PushService::Gcm,
        push_token: Some(String::from("token")),
        public_jwk: String::from("{}"),
        base_url: String::from("https://localhost:8443/appliance-mfa"),
        enrolled_at: NOW,
        last_auth_at: None,
        own: None,
    }
}

fn hash() -> Fingerprint {
    Fingerprint::of(b"opaque")
}

/// A transaction that is pending, or approved by a device.
fn transaction(number: u8, user: &User, approved_by: Option<&str>) -> Write {
    const INSERT: &str = "
        INSERT INTO transactions (tenant_id, auth_req_hash, txn, name_version, consent_id,
            client_id, user_id, request, challenges, state, created_at, expires_at, interval_s,
            decided_at, decided_by, push_attempts)
        VALUES ('acme', $1, $1, 1, 'cns', 'client', $2, '{}', '{}', $3, 1, 2, 5, $4, $5, 0)";
    let state = if approved_by.is_some() { "approved" } else { "pending" };
    let params = [
        vec![number].into(),
        user.id().into(),
        state.into(),
        approved_by.map(|_| NOW).into(),
        approved_by.into(),
    ];
    Write::new().exactly(1, INSERT, params)
}

async fn states(database: &Database) -> Vec<String> {
    const READ: &str = "SELECT state FROM transactions ORDER BY auth_req_hash";
    let rows = database.all(READ, &[]).await.unwrap();
    rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_user_is_found_by_id_by_address_and_by_account() {
    let place = Place::new();
    let database = place.open().await;
    let alice = user("alice", &json!({"email": "Alice@example.com", "blocked": true}));
    done(&database, users::insert(&acme(), &alice, NOW)).await;
    assert_eq!(users::one(&database, &acme(), alice.id()).await, Ok(Some(alice.clone())));
    let found = users::by_email(&database, &acme(), "alice@example.com").await;
    assert_eq!(found, Ok(vec![alice.clone()]));
    let found = users::by_identity_email(&database, &acme(), "db", "alice@example.com").await;
    assert_eq!(found, Ok(Some(alice.id().clone())));
    let other = TenantId::new("other");
    assert_eq!(users::one(&database, &other, alice.id()).await, Ok(None));
    assert_eq!(users::by_email(&database, &other, "alice@example.com").await, Ok(vec![]));
}

#[tokio::test]
async fn a_phone_number_finds_whoever_has_it_now() {
    let place = Place::new();
    let database = place.open().await;
    let ids = async |number: &str| {
        let users = users::by_phone(&database, &acme(), number).await.unwrap();
        users.iter().map(|user| user.id().to_string()).collect::<Vec<_>>()
    };
    let one = user("one", &json!({"phone_number": "+811"}));
    done(&database, users::insert(&acme(), &one, NOW)).await;
    assert_eq!(ids("+811").await, ["auth0|one"]);
    let was = users::stored(&database, &acme(), one.id()).await.unwrap().unwrap();
    let moved = patched(&one, &json!({"phone_number": "+812"}));
    done(&database, users::replace(&acme(), &was, &moved, NOW)).await;
    assert!(ids("+811").await.is_empty());
    for name in ["two", "three"] {
        let other = user(name, &json!({"phone_number": "+812"}));
        done(&database, users::insert(&acme(), &other, NOW)).await;
    }
    assert_eq!(ids("+812").await.len(), 2, "one more than one is enough to know");
}

#[tokio::test]
async fn an_address_is_unique_in_its_connection_only() {
    let place = Place::new();
    let database = place.open().await;
    let email = json!({"email": "a@b.c"});
    done(&database, users::insert(&acme(), &user("one", &email), NOW)).await;
    overtaken(&database, users::insert(&acme(), &user("two", &email), NOW)).await;
    let two = UserId::new("auth0|two");
    assert_eq!(users::one(&database, &acme(), &two).await, Ok(None));
    let google = json!({"email": "a@b.c", "connection": "google-oauth2"});
    done(&database, users::insert(&acme(), &user("three", &google), NOW)).await;
    overtaken(&database, users::insert(&acme(), &user("one", &json!({})), NOW)).await;
    assert_eq!(users::by_email(&database, &acme(), "a@b.c").await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_user_changes_only_from_what_is_stored_and_only_to_a_free_address() {
    let place = Place::new();
    let database = place.open().await;
    let one = user("one", &json!({"email": "one@b.c"}));
    let two = user("two", &json!({"email": "two@b.c"}));
    done(&database, users::insert(&acme(), &one, NOW)).await;
    done(&database, users::insert(&acme(), &two, NOW)).await;
    let was = users::stored(&database, &acme(), one.id()).await.unwrap().unwrap();
    let taken = patched(&one, &json!({"email": "two@b.c"}));
    overtaken(&database, users::replace(&acme(), &was, &taken, NOW)).await;
    let free = patched(&one, &json!({"email": "uno@b.c", "user_metadata": {"a": 1}}));
    done(&database, users::replace(&acme(), &was, &free, NOW)).await;
    overtaken(&database, users::replace(&acme(), &was, &free, NOW)).await;
    assert_eq!(users::one(&database, &acme(), one.id()).await, Ok(Some(free)));
    let moved = users::by_identity_email(&database, &acme(), "db", "uno@b.c").await;
    assert_eq!(moved, Ok(Some(one.id().clone())));
    done(&database, users::insert(&acme(), &user("new", &json!({"email": "one@b.c"})), NOW)).await;
}

#[tokio::test]
async fn of_many_changes_at_once_each_that_is_done_is_kept() {
    let place = Place::new();
    let database = place.open().await;
    let alice = user("alice", &json!({}));
    done(&database, users::insert(&acme(), &alice, NOW)).await;
    let was = users::stored(&database, &acme(), alice.id()).await.unwrap().unwrap();
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..10 {
        let body = json!({"user_metadata": {"number": number}});
        let write = users::replace(&acme(), &was, &patched(&alice, &body), NOW);
        let database = database.clone();
        asked.spawn(async move { database.run(write).await.unwrap() });
    }
    let answers = asked.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Written::Done).count(), 1);
}

/// W222: devices, tokens and pending transactions of the user die with it.
#[tokio::test]
async fn a_deleted_user_takes_devices_and_open_requests_along() {
    let place = Place::new();
    let database = place.open().await;
    let alice = user("alice", &json!({"email": "a@b.c"}));
    let bob = user("bob", &json!({}));
    for user in [&alice, &bob] {
        done(&database, users::insert(&acme(), user, NOW)).await;
    }
    done(&database, enrollments::insert(&acme(), &device("dev_1", &alice, "x"), hash())).await;
    done(&database, enrollments::insert(&acme(), &device("dev_2", &bob, "x"), hash())).await;
    done(&database, transaction(1, &alice, None)).await;
    done(&database, transaction(2, &alice, Some("dev_1"))).await;
    done(&database, transaction(3, &bob, None)).await;
    done(&database, users::delete(&acme(), alice.id(), NOW)).await;
    overtaken(&database, users::delete(&acme(), alice.id(), NOW)).await;
    assert_eq!(enrollments::of_user(&database, &acme(), alice.id()).await, Ok(vec![]));
    assert_eq!(enrollments::of_user(&database, &acme(), bob.id()).await.unwrap().len(), 1);
    assert_eq!(states(&database).await, ["failed", "failed", "pending"]);
    done(&database, users::insert(&acme(), &alice, NOW)).await;
}

/// R8: what is asked of a person ends with all access to them, and nobody else's.
#[tokio::test]
async fn revoked_access_ends_open_requests() {
    let place = Place::new();
    let database = place.open().await;
    let (alice, bob) = (user("alice", &json!({})), user("bob", &json!({})));
    for user in [&alice, &bob] {
        done(&database, users::insert(&acme(), user, NOW)).await;
    }
    done(&database, enrollments::insert(&acme(), &device("dev_1", &alice, "x"), hash())).await;
    done(&database, transaction(1, &alice, None)).await;
    done(&database, transaction(2, &alice, Some("dev_1"))).await;
    done(&database, transaction(3, &bob, None)).await;
    done(&database, transactions::end_of_user(&acme(), (alice.id(), None), Timestamp::from_ms(2)))
        .await;
    assert_eq!(states(&database).await, ["pending", "approved", "pending"], "too late to end");
    done(&database, transactions::end_of_user(&acme(), (alice.id(), None), Timestamp::from_ms(1)))
        .await;
    assert_eq!(states(&database).await, ["failed", "failed", "pending"]);
}

#[tokio::test]
async fn a_device_is_listed_read_changed_and_gone() {
    let place = Place::new();
    let database = place.open().await;
    let alice = user("alice", &json!({}));
    let phone = device("dev_1", &alice, "x");
    done(&database, enrollments::insert(&acme(), &phone, hash())).await;
    overtaken(&database, enrollments::insert(&acme(), &phone, hash())).await;
    assert_eq!(enrollments::of_user(&database, &acme(), alice.id()).await, Ok(vec![phone.clone()]));
    let read = enrollments::one(&database, &acme(), &phone.id).await;
    assert_eq!(read, Ok(Some((phone.clone(), hash()))));
    assert_eq!(enrollments::one(&database, &TenantId::new("o"), &phone.id).await, Ok(None));
    let newer = Device { name: String::from("tablet"), push_token: None, ..phone.clone() };
    done(&database, enrollments::change(&acme(), &phone, &newer)).await;
    overtaken(&database, enrollments::change(&acme(), &phone, &newer)).await;
    done(&database, enrollments::change(&acme(), &newer, &phone)).await;
    done(&database, enrollments::drop_push_token(&acme(), &phone.id, "old")).await;
    let (read, _) = enrollments::one(&database, &acme(), &phone.id).await.unwrap().unwrap();
    assert_eq!(read.push_token.as_deref(), Some("token"), "a newer token is left alone");
    done(&database, enrollments::drop_push_token(&acme(), &phone.id, "token")).await;
    done(&database, enrollments::answered(&acme(), &phone.id, NOW)).await;
    let (read, _) = enrollments::one(&database, &acme(), &phone.id).await.unwrap().unwrap();
    assert_eq!((read.push_token.as_deref(), read.last_auth_at), (None, Some(NOW)));
    assert!(!read.is_reachable());
    done(&database, enrollments::delete(&acme(), &phone.id)).await;
    overtaken(&database, enrollments::delete(&acme(), &phone.id)).await;
}

#[tokio::test]
async fn a_device_that_enrolls_again_replaces_itself_only() {
    let place = Place::new();
    let database = place.open().await;
    let (alice, bob) = (user("alice", &json!({})), user("bob", &json!({})));
    for phone in
        [device("dev_1", &alice, "x"), device("dev_2", &alice, "y"), device("dev_3", &bob, "x")]
    {
        done(&database, enrollments::insert(&acme(), &phone, hash())).await;
    }
    let again = device("dev_4", &alice, "x");
    let write = enrollments::delete_by_identifier(&acme(), alice.id(), "x")
        .and(enrollments::insert(&acme(), &again, hash()));
    done(&database, write).await;
    let ids = |devices: Vec<Device>| -> Vec<String> {
        devices.into_iter().map(|device| device.id.to_string()).collect()
    };
    let left = enrollments::of_user(&database, &acme(), alice.id()).await.unwrap();
    assert_eq!(ids(left), ["dev_2", "dev_4"]);
    let left = enrollments::of_user(&database, &acme(), bob.id()).await.unwrap();
    assert_eq!(ids(left), ["dev_3"]);
    done(&database, enrollments::delete_of_user(&acme(), alice.id())).await;
    assert_eq!(enrollments::of_user(&database, &acme(), alice.id()).await, Ok(vec![]));
}

#[tokio::test]
async fn a_person_is_read_together_with_their_devices_in_the_order_they_enrolled() {
    let place = Place::new();
    let database = place.open().await;
    let (alice, bob) = (user("alice", &json!({})), user("bob", &json!({"blocked": true})));
    for user in [&alice, &bob] {
        done(&database, users::insert(&acme(), user, NOW)).await;
    }
    let later = Device { enrolled_at: NOW.plus_ms(1), ..device("dev_a", &alice, "1") };
    let first = device("dev_b", &alice, "2");
    for device in [&later, &first] {
        done(&database, enrollments::insert(&acme(), device, hash())).await;
    }
    let read = async |user: &UserId| enrollments::person(&database, &acme(), user).await.unwrap();
    let expected = enrollments::Person {
        is_blocked: false,
        refused_clients: Vec::new(),
        devices: vec![first, later],
    };
    assert_eq!(read(alice.id()).await, Some(expected));
    let expected =
        enrollments::Person { is_blocked: true, refused_clients: Vec::new(), devices: vec![] };
    assert_eq!(read(bob.id()).await, Some(expected));
    assert_eq!(read(&UserId::new("nobody")).await, None);
}
