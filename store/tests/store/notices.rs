//! What clients are told: due with the decision, taken by one node, gone when it is delivered.

use crate::common::NOW;
use crate::transactions::{acme, approved, begun_by, done, later, tenant, withdrawn};
use domain::ciba::delivery::Mode;
use domain::ciba::transaction::{Begun, USER_BLOCKED};
use store::notices::{self, NewNotice, Notice};
use store::sealed::{self, Place};
use store::{Database, Written, sweep, transactions, users};

fn begun(number: u8) -> Begun {
    begun_by(number, Mode::Push)
}

async fn begin_notified(database: &Database, number: u8) {
    let begun = begun(number);
    let facts = begun.facts();
    let notice = NewNotice {
        txn: facts.txn,
        auth_req_hash: facts.auth_req_hash,
        user: facts.user_id(),
        sealed_token: b"token".to_vec(),
        confirmation: Some(String::from(r#"{"jkt":"x"}"#)),
        expires_at: facts.expires_at,
    };
    let write = transactions::begin(&acme(), &begun, NOW, None);
    done(database, write.and(notices::insert(&acme(), notice))).await;
}

async fn due(database: &Database, seconds: i64) -> Vec<Notice> {
    notices::due(database, later(seconds)).await.unwrap()
}

#[tokio::test]
async fn a_notice_is_due_with_the_decision_and_taken_by_one_node() {
    let (_place, database) = tenant().await;
    begin_notified(&database, 1).await;
    assert!(due(&database, 250).await.is_empty());
    let approved = approved(&database, 1, later(1)).await;
    done(&database, transactions::approve(&acme(), &approved)).await;
    assert!(due(&database, 0).await.is_empty());
    let all = due(&database, 1).await;
    assert_eq!((all.len(), all[0].attempts, &all[0].sealed_token), (1, 0, &b"token".to_vec()));
    assert_eq!(all[0].txn, begun(1).facts().txn.to_string());
    done(&database, notices::lease(&all[0], later(30))).await;
    let second = database.run(notices::lease(&all[0], later(31))).await;
    assert_eq!(second, Ok(Written::Overtaken));
    assert!(due(&database, 29).await.is_empty());
    done(&database, notices::again(&all[0], later(5))).await;
    assert_eq!(database.run(notices::again(&all[0], later(6))).await, Ok(Written::Overtaken));
    let again = due(&database, 5).await.remove(0);
    assert_eq!(again.attempts, 1);
    let _is_unfinished = sweep::run(&database, later(3_600)).await.unwrap();
    assert_eq!(due(&database, 3_600).await.len(), 1, "what is due is not swept");
    done(&database, notices::remove(&again)).await;
    assert_eq!(database.run(notices::remove(&again)).await, Ok(Written::Overtaken));
}

#[tokio::test]
async fn what_is_sent_is_kept_with_the_step_that_made_it() {
    let (_place, database) = tenant().await;
    begin_notified(&database, 1).await;
    let approved = approved(&database, 1, NOW).await;
    done(&database, transactions::approve(&acme(), &approved)).await;
    let notice = due(&database, 0).await.remove(0);
    let failed = approved.fail(USER_BLOCKED.to_owned());
    let keep = |body: &[u8]| {
        let first = transactions::fail(&acme(), &failed);
        first.and(notices::keep_body(&notice, body.to_vec()))
    };
    assert_eq!(notices::body(&database, &notice).await.unwrap(), None);
    done(&database, keep(b"one")).await;
    assert_eq!(database.run(keep(b"two")).await, Ok(Written::Overtaken));
    assert_eq!(notices::body(&database, &notice).await.unwrap(), Some(b"one".to_vec()));
    let places = [Place::NoticeTokens, Place::NoticeBodies];
    for (place, sealed) in places.into_iter().zip([&b"token"[..], b"one"]) {
        let page = sealed::page(&database, place, ("", "")).await.unwrap();
        assert_eq!((page.len(), page[0].sealed.as_slice()), (1, sealed));
        assert_eq!(page[0].associated(), sealed::associated(place, &acme(), &notice.txn));
        done(&database, sealed::replace(&page[0], b"anew")).await;
    }
    let notice = due(&database, 0).await.remove(0);
    assert_eq!(notice.sealed_body, Some(b"anew".to_vec()));
}

#[tokio::test]
async fn a_withdrawal_and_a_deleted_person_are_told_and_the_undecided_swept() {
    let (_place, database) = tenant().await;
    for number in [1, 2] {
        begin_notified(&database, number).await;
    }
    let withdrawn = withdrawn(&database, 1, NOW).await;
    done(&database, transactions::withdraw(&acme(), &withdrawn)).await;
    assert_eq!(due(&database, 0).await.len(), 1);
    let user = begun(2).facts().user_id().clone();
    done(&database, users::delete(&acme(), &user, NOW)).await;
    let all = due(&database, 0).await;
    assert_eq!(all.len(), 2);
    let (_place, database) = tenant().await;
    begin_notified(&database, 3).await;
    let _is_unfinished = sweep::run(&database, later(3_600)).await.unwrap();
    assert!(database.one("SELECT 1 FROM notices", &[]).await.unwrap().is_none());
}
