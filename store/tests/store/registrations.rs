//! Clients that register themselves.

use crate::common::{NOW, Place};
use domain::{ClientId, Fingerprint, TenantId};
use store::clients::{self, ClientRow};
use store::registrations::{self, InitialToken};
use store::{Written, sweep};

fn acme() -> TenantId {
    TenantId::new("acme")
}

fn token(mark: u8, uses_left: i64) -> InitialToken {
    InitialToken {
        hash: Fingerprint::of(&[mark]),
        id: format!("reg_{mark}"),
        metadata: String::from("{}"),
        uses_left,
        created_at: NOW.plus_ms(mark.into()),
        expires_at: NOW.plus_seconds(60),
    }
}

fn client(name: &str) -> ClientRow {
    ClientRow {
        client_id: ClientId::new(name),
        secret_hash: None,
        document: String::from("{}"),
        created_at: NOW,
        updated_at: NOW,
    }
}

#[tokio::test]
async fn an_initial_token_is_spent_as_often_as_it_says_and_in_its_time() {
    let place = Place::new();
    let database = place.open().await;
    for token in [token(1, 1), token(2, 5)] {
        let write = registrations::insert_initial_token(&acme(), &token);
        assert_eq!(database.run(write).await, Ok(Written::Done));
    }
    let list = registrations::initial_tokens(&database, &acme()).await.unwrap();
    assert_eq!(list, [token(1, 1), token(2, 5)]);
    let spend = |mark: u8, after_s| {
        let hash = Fingerprint::of(&[mark]);
        registrations::spend_initial_token(&acme(), &hash, NOW.plus_seconds(after_s))
    };
    assert_eq!(database.run(spend(1, 0)).await, Ok(Written::Done));
    assert_eq!(database.run(spend(1, 0)).await, Ok(Written::Overtaken));
    assert_eq!(database.run(spend(2, 60)).await, Ok(Written::Overtaken));
    let found = registrations::initial_token(&database, &acme(), &Fingerprint::of(&[1])).await;
    assert_eq!(found.unwrap().map(|token| token.uses_left), Some(0));
    let other = TenantId::new("other");
    let found = registrations::initial_token(&database, &other, &Fingerprint::of(&[2])).await;
    assert_eq!(found, Ok(None));
    let delete = |id| registrations::delete_initial_token(&acme(), id);
    assert_eq!(database.run(delete("reg_1")).await, Ok(Written::Done));
    assert_eq!(database.run(delete("reg_1")).await, Ok(Written::Overtaken));
    assert_eq!(sweep::run(&database, NOW.plus_seconds(60)).await, Ok(false));
    assert_eq!(registrations::initial_tokens(&database, &acme()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_registration_comes_and_goes_with_its_client() {
    let place = Place::new();
    let database = place.open().await;
    let initial = token(1, 1);
    let write = registrations::insert_initial_token(&acme(), &initial);
    assert_eq!(database.run(write).await, Ok(Written::Done));
    let hash = Fingerprint::of(b"own");
    let register = |name: &str| {
        let client = client(name);
        registrations::spend_initial_token(&acme(), &initial.hash, NOW)
            .and(clients::insert(&acme(), &client))
            .and(registrations::insert(&acme(), &client.client_id, hash, NOW))
    };
    assert!(registrations::has_room(&database, &acme()).await.unwrap());
    assert_eq!(database.run(register("one")).await, Ok(Written::Done));
    assert_eq!(database.run(register("two")).await, Ok(Written::Overtaken));
    let (one, two) = (ClientId::new("one"), ClientId::new("two"));
    assert_eq!(registrations::token_of(&database, &acme(), &one).await, Ok(Some(hash)));
    assert_eq!(registrations::token_of(&database, &acme(), &two).await, Ok(None));
    assert_eq!(clients::one(&database, &acme(), &two).await, Ok(None));
    assert_eq!(database.run(clients::delete(&acme(), &one, NOW)).await, Ok(Written::Done));
    assert_eq!(registrations::token_of(&database, &acme(), &one).await, Ok(None));
}
