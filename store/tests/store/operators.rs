//! Operators, their links, sessions and passkeys.

use domain::{Fingerprint, TenantId};
use store::operator_passkeys::{self, Ceremony, Passkey};
use store::operator_sessions::{self, Method, Session};
use store::operators::{self, Link, Operator};
use store::{Database, Write, Written};

use crate::common::{NOW, Place};

fn acme() -> TenantId {
    TenantId::new("acme")
}

fn operator(id: &str, name: &str) -> Operator {
    Operator { id: id.to_owned(), name: name.to_owned(), created_at: NOW }
}

fn hash(text: &str) -> Fingerprint {
    Fingerprint::of(text.as_bytes())
}

fn session(token: &str, operator: &Operator) -> Session {
    Session {
        fingerprint: hash(token),
        operator: operator.clone(),
        method: Method::Link,
        created_at: NOW,
        expires_at: NOW.plus_seconds(60),
    }
}

fn passkey(id: &str, operator: &Operator) -> Passkey {
    Passkey {
        id: hash(id),
        operator: operator.id.clone(),
        name: String::from("laptop"),
        document: String::from("{\"counter\":0}"),
        created_at: NOW,
        last_used_at: None,
    }
}

async fn done(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Done));
}

async fn overtaken(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Overtaken));
}

#[tokio::test]
async fn a_name_is_one_operator_s_of_its_tenant() {
    let place = Place::new();
    let database = place.open().await;
    let mika = operator("1", "Mika");
    done(&database, operators::insert(&acme(), &mika)).await;
    overtaken(&database, operators::insert(&acme(), &operator("2", "Mika"))).await;
    done(&database, operators::insert(&TenantId::new("other"), &operator("2", "Mika"))).await;
    assert_eq!(operators::by_name(&database, &acme(), "Mika").await, Ok(Some(mika.clone())));
    assert_eq!(operators::one(&database, &acme(), "1").await, Ok(Some(mika.clone())));
    assert_eq!(operators::one(&database, &acme(), "2").await, Ok(None));
    assert_eq!(operators::list(&database, &acme()).await, Ok(vec![(mika, 0)]));
}

#[tokio::test]
async fn of_many_who_spend_a_link_at_once_one_gets_a_session() {
    let place = Place::new();
    let database = place.open().await;
    let mika = operator("1", "Mika");
    let link = Link {
        fingerprint: hash("link"),
        operator: String::from("1"),
        created_at: NOW,
        expires_at: NOW.plus_seconds(60),
    };
    done(&database, operators::insert(&acme(), &mika)).await;
    done(&database, operators::insert_link(&acme(), &link)).await;
    let found = operators::by_link(&database, &acme(), &hash("link"), NOW).await;
    assert_eq!(found, Ok(Some(mika.clone())));
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..10 {
        let (database, session) = (database.clone(), session(&number.to_string(), &mika));
        asked.spawn(async move {
            let write = operators::spend_link(&acme(), &hash("link"), NOW)
                .and(operator_sessions::begin(&acme(), &session));
            database.run(write).await.unwrap()
        });
    }
    let answers = asked.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Written::Done).count(), 1);
    let found = operators::by_link(&database, &acme(), &hash("link"), NOW).await;
    assert_eq!(found, Ok(None));
    let late = Link { fingerprint: hash("late"), ..link };
    done(&database, operators::insert_link(&acme(), &late)).await;
    overtaken(&database, operators::spend_link(&acme(), &hash("late"), late.expires_at)).await;
}

#[tokio::test]
async fn a_session_lives_until_its_end_and_the_eleventh_ends_the_oldest() {
    let place = Place::new();
    let database = place.open().await;
    let mika = operator("1", "Mika");
    overtaken(&database, operator_sessions::begin(&acme(), &session("x", &mika))).await;
    done(&database, operators::insert(&acme(), &mika)).await;
    for number in 0..11 {
        let created_at = NOW.plus_ms(number);
        let new = Session { created_at, ..session(&number.to_string(), &mika) };
        done(&database, operator_sessions::begin(&acme(), &new)).await;
    }
    let find = async |token: &str, now| {
        operator_sessions::find(&database, &acme(), &hash(token), now).await.unwrap()
    };
    assert_eq!(find("0", NOW).await, None);
    let second = find("1", NOW).await.unwrap();
    assert_eq!((second.method.name(), &second.operator), ("link", &mika));
    assert_eq!(find("1", second.expires_at).await, None);
    let later = second.expires_at.plus_seconds(60);
    done(&database, operator_sessions::extend(&acme(), &hash("1"), later)).await;
    assert!(find("1", second.expires_at).await.is_some());
    done(&database, operator_sessions::end(&acme(), &hash("1"))).await;
    overtaken(&database, operator_sessions::end(&acme(), &hash("1"))).await;
    overtaken(&database, operator_sessions::extend(&acme(), &hash("1"), later)).await;
    done(&database, operators::delete(&acme(), "1")).await;
    overtaken(&database, operators::delete(&acme(), "1")).await;
    assert_eq!(find("2", NOW).await, None);
}

#[tokio::test]
async fn a_passkey_is_kept_used_and_removed_by_its_owner_only() {
    let place = Place::new();
    let database = place.open().await;
    let (mika, noa) = (operator("1", "Mika"), operator("2", "Noa"));
    let laptop = passkey("laptop", &mika);
    overtaken(&database, operator_passkeys::insert(&acme(), &laptop)).await;
    assert_eq!(operator_passkeys::exist(&database, &acme()).await, Ok(false));
    done(&database, operators::insert(&acme(), &mika)).await;
    done(&database, operator_passkeys::insert(&acme(), &laptop)).await;
    overtaken(&database, operator_passkeys::insert(&acme(), &laptop)).await;
    assert_eq!(operator_passkeys::exist(&database, &acme()).await, Ok(true));
    done(&database, operator_passkeys::used(&acme(), &laptop, "{\"counter\":1}", NOW)).await;
    overtaken(&database, operator_passkeys::used(&acme(), &laptop, "{\"counter\":1}", NOW)).await;
    let found = operator_passkeys::of_operator(&database, &acme(), "1").await.unwrap();
    assert_eq!((found.len(), found[0].last_used_at), (1, Some(NOW)));
    for number in 1..operator_passkeys::PASSKEY_LIMIT {
        let further = passkey(&number.to_string(), &mika);
        done(&database, operator_passkeys::insert(&acme(), &further)).await;
    }
    overtaken(&database, operator_passkeys::insert(&acme(), &passkey("one more", &mika))).await;
    overtaken(&database, operator_passkeys::delete(&acme(), &noa.id, &laptop.id)).await;
    done(&database, operator_passkeys::delete(&acme(), &mika.id, &laptop.id)).await;
}

#[tokio::test]
async fn a_challenge_is_taken_once_and_in_time() {
    let place = Place::new();
    let database = place.open().await;
    for operator in [None, Some(String::from("1"))] {
        let name = hash(&format!("{operator:?}"));
        let ceremony = Ceremony {
            fingerprint: name,
            operator,
            document: String::from("{}"),
            expires_at: NOW.plus_seconds(60),
        };
        done(&database, operator_passkeys::begin_ceremony(&acme(), &ceremony)).await;
        overtaken(&database, operator_passkeys::begin_ceremony(&acme(), &ceremony)).await;
        let find =
            async |now| operator_passkeys::ceremony(&database, &acme(), &name, now).await.unwrap();
        assert_eq!(find(NOW).await.as_ref(), Some(&ceremony));
        assert_eq!(find(ceremony.expires_at).await, None);
        done(&database, operator_passkeys::take_ceremony(&acme(), &name)).await;
        overtaken(&database, operator_passkeys::take_ceremony(&acme(), &name)).await;
    }
}
