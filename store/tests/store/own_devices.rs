//! Devices of our own dialect: what they are asked and shown, what they decided, and whom they
//! reported.

use domain::ciba::challenge::Receipt;
use domain::ciba::delivery::Mode;
use domain::ciba::transaction::{Answer, Answered, Begun, Denied, Names, Stored, Transaction};
use domain::people::{Device, Own, PushService};
use domain::{ClientId, ConsentId, DeviceId, Timestamp, TransactionId, UserId};
use store::issuer_keys::{self, IssuerKeyRow, Purpose};
use store::receipts::{self, ReceiptRow};
use store::{
    Database, Write, Written, contents, enrollments, inbox, refusals, replays, transactions,
};

use crate::common::NOW;
use crate::transactions::{acme, bank, begun_by, done, hash, tenant};

fn one() -> DeviceId {
    DeviceId::new("dev_one")
}

/// A request that asks `dev_one` by its inbox, begun at a moment.
fn begun(number: u8, at: Timestamp) -> Begun {
    let like = begun_by(number, Mode::Poll);
    let facts = like.facts();
    let names = Names {
        auth_req_hash: facts.auth_req_hash,
        txn: facts.txn,
        name_version: facts.name_version,
        consent_id: facts.consent_id.clone(),
    };
    let mut challenges = facts.challenges.clone();
    if let Some(first) = challenges.first_mut() {
        first.service = PushService::Inbox;
        first.receipt = Receipt::Unneeded;
    }
    Begun::new(names, bank(), facts.asked.clone(), challenges, 5, at)
}

async fn begin(database: &Database, number: u8, at: Timestamp) {
    done(database, transactions::begin(&acme(), &begun(number, at), NOW, None)).await;
}

fn name(stored: Stored, now: Timestamp) -> ConsentId {
    stored.at(now).facts().consent_id.clone()
}

async fn user(database: &Database) -> UserId {
    let (device, _) = enrollments::one(database, &acme(), &one()).await.unwrap().unwrap();
    device.user
}

async fn denied(database: &Database, number: u8, now: Timestamp) -> Denied {
    let stored = transactions::find(database, &acme(), &hash(number)).await.unwrap().unwrap();
    let no = Answer::Deny { reason: Some(String::from("suspicious")) };
    let answered = stored.at(now).answer(&one(), no, now);
    let denied = if let Answered::Denied(denied) = answered { Some(denied) } else { None };
    denied.unwrap()
}

#[tokio::test]
async fn an_inbox_lists_what_is_undecided_newest_first() {
    let (_place, database) = tenant().await;
    for number in 1..=3 {
        begin(&database, number, NOW.plus_ms(i64::from(number / 2))).await;
    }
    let (tenant, device) = (acme(), one());
    let all = inbox::waiting(&database, (&tenant, &device), (None, 10), NOW).await.unwrap();
    let all: Vec<_> = all.into_iter().map(|stored| name(stored, NOW)).collect();
    assert_eq!(all.len(), 3);
    assert!(all.windows(2).all(|two| two[0] > two[1]), "{all:?}");
    let mut paged = Vec::new();
    let mut behind: Option<(Timestamp, String)> = None;
    loop {
        let from = behind.as_ref().map(|(at, name)| (*at, name.as_str()));
        let who = (&tenant, &device);
        let mut page = inbox::waiting(&database, who, (from, 1), NOW).await.unwrap();
        let Some(stored) = page.pop() else { break };
        let facts = stored.at(NOW).facts().clone();
        behind = Some((facts.created_at, facts.consent_id.to_string()));
        paged.push(facts.consent_id);
    }
    assert_eq!(paged, all);
    let other = DeviceId::new("dev_two");
    assert!(inbox::waiting(&database, (&tenant, &other), (None, 9), NOW).await.unwrap().is_empty());
    let found = inbox::one(&database, (&tenant, &device), &all[0]).await.unwrap().unwrap();
    assert_eq!(name(found, NOW), all[0]);
    assert!(inbox::one(&database, (&tenant, &other), &all[0]).await.unwrap().is_none());
    let late = NOW.plus_seconds(301);
    assert!(
        inbox::waiting(&database, (&tenant, &device), (None, 9), late).await.unwrap().is_empty()
    );
}

#[tokio::test]
async fn the_words_of_a_language_are_kept_once() {
    let (_place, database) = tenant().await;
    let (tenant, request) = (acme(), hash(1));
    let insert =
        |content| contents::insert(&tenant, &request, ("en", "hash", content), NOW.plus_ms(9));
    done(&database, insert("a.b.c")).await;
    assert_eq!(database.run(insert("d.e.f")).await, Ok(Written::Overtaken));
    let kept = contents::in_language(&database, &tenant, (&request, "en")).await.unwrap();
    assert_eq!(kept.as_deref(), Some("a.b.c"));
    let kept = contents::of_hash(&database, &tenant, (&request, "hash")).await.unwrap();
    assert_eq!(kept.as_deref(), Some("a.b.c"));
    assert_eq!(contents::in_language(&database, &tenant, (&request, "ja")).await, Ok(None));
    assert_eq!(contents::of_hash(&database, &tenant, (&hash(2), "hash")).await, Ok(None));
}

#[tokio::test]
async fn a_tenant_has_one_key_for_each_purpose() {
    let (_place, database) = tenant().await;
    for purpose in Purpose::ALL {
        let row = IssuerKeyRow {
            purpose,
            kid: format!("kid of {}", purpose.name()),
            public_jwk: String::from("{}"),
            sealed_private: vec![7],
            created_at: NOW,
        };
        done(&database, issuer_keys::add(&acme(), &row)).await;
        let again = IssuerKeyRow { kid: String::from("other"), ..row };
        let again = issuer_keys::add(&acme(), &again);
        assert_eq!(database.run(again).await, Ok(Written::Overtaken));
    }
    let kept = issuer_keys::of_tenant(&database, &acme()).await.unwrap();
    assert_eq!(kept.len(), Purpose::ALL.len());
    assert!(kept.iter().all(|row| row.kid.starts_with("kid of")));
}

#[tokio::test]
async fn a_decision_leaves_one_receipt() {
    let (_place, database) = tenant().await;
    let row = ReceiptRow {
        client: bank(),
        user: user(&database).await,
        device: one(),
        decision_hash: hash(9),
        receipt: String::from("a.b.c"),
        created_at: NOW,
        expires_at: NOW.plus_ms(9),
    };
    let txn = TransactionId::new([1; 16]);
    done(&database, receipts::insert(&acme(), &txn, &row)).await;
    let again = receipts::insert(&acme(), &txn, &row);
    assert_eq!(database.run(again).await, Ok(Written::Overtaken));
    assert_eq!(receipts::one(&database, &acme(), &txn).await, Ok(Some(row)));
    let other = TransactionId::new([2; 16]);
    assert_eq!(receipts::one(&database, &acme(), &other).await, Ok(None));
}

/// D16: in one write with the no, whatever else the client has waiting is taken back, and it asks
/// in vain until that is lifted.
#[tokio::test]
async fn a_report_takes_back_what_waits_and_refuses_what_comes() {
    let (_place, database) = tenant().await;
    for number in 1..=3 {
        begin(&database, number, NOW).await;
    }
    let now = NOW.plus_ms(5);
    let (tenant, user) = (acme(), user(&database).await);
    let denied = denied(&database, 1, now).await;
    let write = transactions::deny(&tenant, &denied)
        .and(transactions::withdraw_others(&tenant, &denied))
        .and(refusals::add(&tenant, &user, &bank()));
    done(&database, write).await;
    for (number, is_denied) in [(1, true), (2, false), (3, false)] {
        let stored = transactions::find(&database, &tenant, &hash(number)).await.unwrap().unwrap();
        let transaction = stored.at(now);
        assert_eq!(matches!(transaction, Transaction::Denied(_)), is_denied);
        assert_eq!(matches!(transaction, Transaction::Withdrawn(_)), !is_denied);
    }
    let pair = (&user, &bank());
    let back = transactions::withdrawn_at(&database, &tenant, pair, now).await.unwrap();
    assert_eq!(back.len(), 2);
    let refused = transactions::begin(&tenant, &begun(4, now), NOW, None);
    assert_eq!(database.run(refused).await, Ok(Written::Overtaken));
    let person = enrollments::person(&database, &tenant, &user).await.unwrap().unwrap();
    assert!(person.refuses(&bank()) && !person.refuses(&ClientId::new("ban")));
    // Again is nothing, and one more name does not touch the first.
    for client in ["bank", "shop"] {
        let add = Write::new().and(refusals::add(&tenant, &user, &ClientId::new(client)));
        done(&database, add).await;
    }
    let list = refusals::of_user(&database, &tenant, &user).await.unwrap().unwrap();
    assert_eq!(list, [bank(), ClientId::new("shop")]);
    done(&database, refusals::lift(&tenant, &user, &bank())).await;
    let again = refusals::lift(&tenant, &user, &bank());
    assert_eq!(database.run(again).await, Ok(Written::Overtaken));
    done(&database, transactions::begin(&tenant, &begun(4, now), NOW, None)).await;
    let nobody = UserId::new("nobody");
    assert_eq!(refusals::of_user(&database, &tenant, &nobody).await, Ok(None));
}

#[tokio::test]
async fn a_key_is_changed_by_who_knows_the_former_and_a_replaced_device_is_gone() {
    let (_place, database) = tenant().await;
    let (was, _) = enrollments::one(&database, &acme(), &one()).await.unwrap().unwrap();
    done(&database, enrollments::change_key(&acme(), &was, r#"{"new":1}"#)).await;
    let again = enrollments::change_key(&acme(), &was, r#"{"other":1}"#);
    assert_eq!(database.run(again).await, Ok(Written::Overtaken));
    let other = UserId::new("auth0|other");
    done(&database, enrollments::delete_replaced(&acme(), &other, &one())).await;
    assert!(enrollments::one(&database, &acme(), &one()).await.unwrap().is_some());
    done(&database, enrollments::delete_replaced(&acme(), &was.user, &one())).await;
    assert!(enrollments::one(&database, &acme(), &one()).await.unwrap().is_none());
}

#[tokio::test]
async fn what_was_seen_is_known() {
    let (_place, database) = tenant().await;
    assert_eq!(replays::is_known(&database, &acme(), &hash(1)).await, Ok(false));
    done(&database, replays::first_use(&acme(), &hash(1), NOW)).await;
    assert_eq!(replays::is_known(&database, &acme(), &hash(1)).await, Ok(true));
}

#[tokio::test]
async fn a_device_opens_once_and_only_what_it_was_asked() {
    let (_place, database) = tenant().await;
    begin(&database, 1, NOW).await;
    let consent = begun(1, NOW).facts().consent_id.clone();
    let (tenant, device, other) = (acme(), one(), DeviceId::new("dev_other"));
    let who = (&tenant, &device);
    assert_eq!(inbox::opened_at(&database, who, &consent).await, Ok(None));
    done(&database, inbox::note_opened((&tenant, &other), &consent, NOW)).await;
    assert_eq!(inbox::opened_at(&database, (&tenant, &other), &consent).await, Ok(None));
    done(&database, inbox::note_opened(who, &consent, NOW)).await;
    done(&database, inbox::note_opened(who, &consent, NOW.plus_ms(5))).await;
    assert_eq!(inbox::opened_at(&database, who, &consent).await, Ok(Some(NOW)));
}

/// Part of O444: the channel that was called gone goes, a newer one stays.
#[tokio::test]
async fn a_channel_is_dropped_once_and_no_other() {
    let (_place, database) = tenant().await;
    let read = async || enrollments::one(&database, &acme(), &one()).await.unwrap().unwrap().0;
    let first = read().await;
    let own = |token: &str| {
        let channel = format!("{{\"kind\":\"fcm\",\"token\":\"{token}\"}}");
        Own::from_columns(&channel, "en").unwrap()
    };
    let to = |own: Own| Device {
        push_service: PushService::Inbox,
        push_token: None,
        own: Some(own),
        ..first.clone()
    };
    let (was, now) = (to(own("a")), to(own("b")));
    done(&database, enrollments::change(&acme(), &first, &was)).await;
    assert_eq!(read().await, was);
    done(&database, enrollments::change(&acme(), &was, &now)).await;
    done(&database, enrollments::drop_channel(&acme(), &one(), &own("a"))).await;
    assert_eq!(read().await, now);
    done(&database, enrollments::drop_channel(&acme(), &one(), &own("b"))).await;
    let dropped = read().await;
    assert_eq!(dropped.own, Some(own("b").without_channel()));
    assert!(!dropped.is_woken() && dropped.is_reachable());
    assert_eq!(dropped.to_user_enrollment()["reachable"], false);
    done(&database, enrollments::change(&acme(), &dropped, &to(own("c")))).await;
    assert_eq!(read().await.to_user_enrollment()["reachable"], true);
}
