//! G17, G23, G41, G42: a ticket works once, in time, for one device unless it allows more.

use domain::people::{TX_LIFETIME_S, Ticket, TicketKind, WEB_LIFETIME_S};
use domain::{DeviceId, Fingerprint, TenantId, Timestamp, UserId};
use store::{Database, Write, Written, tickets};
use tokio::task::JoinSet;

use crate::common::{NOW, Place};

fn tenant() -> TenantId {
    TenantId::new("acme")
}

fn user() -> UserId {
    UserId::new("auth0|alice")
}

fn web(text: &str) -> Ticket {
    Ticket {
        fingerprint: Fingerprint::of(text.as_bytes()),
        kind: TicketKind::Web,
        user: user(),
        allow_multiple: false,
        replaces: None,
        is_of_device: false,
        created_at: NOW,
        expires_at: NOW.plus_seconds(WEB_LIFETIME_S),
        used_at: None,
    }
}

fn tx(text: &str, parent: Option<&Ticket>) -> Ticket {
    let enrollment = DeviceId::new(format!("dev_{text}"));
    let parent = parent.map(|parent| parent.fingerprint);
    let expires_at = NOW.plus_seconds(TX_LIFETIME_S);
    Ticket { kind: TicketKind::Tx { parent, enrollment }, expires_at, ..web(text) }
}

/// What the enrollment flow adds behind the spent ticket.
fn enrolled(ticket: &Ticket, identifier: &str, now: Timestamp) -> Write {
    const INSERT: &str = "
        INSERT INTO enrollments (tenant_id, id, user_id, identifier, name, push_service,
            public_jwk, token_hash, base_url, enrolled_at)
        SELECT $1, $2, $3, $4, '', 'GCM', '{}', $5, '', $6 WHERE {guard}";
    let TicketKind::Tx { enrollment, .. } = &ticket.kind else { unreachable!("not of a QR code") };
    let token = ticket.fingerprint;
    tickets::spend_for_enrollment(&tenant(), ticket, identifier, now).also(
        INSERT,
        [
            (&tenant()).into(),
            enrollment.into(),
            (&ticket.user).into(),
            identifier.into(),
            token.into(),
            now.into(),
        ],
    )
}

async fn store_all(database: &Database, all: &[&Ticket]) {
    for ticket in all {
        let stored = database.run(tickets::insert(&tenant(), ticket)).await;
        assert_eq!(stored, Ok(Written::Done));
    }
}

async fn alice(database: &Database) {
    const INSERT: &str = "
        INSERT INTO users (tenant_id, user_id, blocked, document, created_at, updated_at)
        VALUES ($1, $2, 0, '{}', 0, 0)";
    let write = Write::new().exactly(1, INSERT, [(&tenant()).into(), (&user()).into()]);
    assert_eq!(database.run(write).await, Ok(Written::Done));
}

async fn devices(database: &Database) -> i64 {
    database.one("SELECT count(*) FROM enrollments", &[]).await.unwrap().unwrap().int(0).unwrap()
}

async fn used(database: &Database, ticket: &Ticket) -> bool {
    let found = tickets::find(database, &tenant(), &ticket.fingerprint).await.unwrap().unwrap();
    found.used_at.is_some()
}

#[tokio::test]
async fn a_ticket_is_read_back_as_it_was_stored() {
    let place = Place::new();
    let database = place.open().await;
    let web = web("web");
    let tx = tx("tx", Some(&web));
    store_all(&database, &[&web, &tx]).await;
    for ticket in [&web, &tx] {
        let found = tickets::find(&database, &tenant(), &ticket.fingerprint).await.unwrap();
        assert_eq!(found.as_ref(), Some(ticket));
    }
    let device = DeviceId::new("dev_tx");
    let found = tickets::find_by_enrollment(&database, &tenant(), &device).await.unwrap();
    assert_eq!(found.as_ref(), Some(&tx));
    let other = TenantId::new("other");
    assert_eq!(tickets::find(&database, &other, &web.fingerprint).await, Ok(None));
    let again = database.run(tickets::insert(&tenant(), &web)).await;
    assert_eq!(again, Ok(Written::Overtaken), "a text is used for one ticket only");
}

#[tokio::test]
async fn a_spent_ticket_takes_its_web_ticket_along() {
    let place = Place::new();
    let database = place.open().await;
    alice(&database).await;
    let web = web("web");
    let (first, second) = (tx("first", Some(&web)), tx("second", Some(&web)));
    store_all(&database, &[&web, &first, &second]).await;
    assert_eq!(database.run(enrolled(&first, "phone", NOW)).await, Ok(Written::Done));
    assert!(used(&database, &web).await);
    for again in [&first, &second] {
        let refused = database.run(enrolled(again, "phone", NOW)).await;
        assert_eq!(refused, Ok(Written::Overtaken));
    }
    assert!(!used(&database, &second).await, "what is refused changes nothing");
    assert_eq!(devices(&database).await, 1);
}

#[tokio::test]
async fn a_ticket_is_refused_from_its_last_moment_on() {
    let place = Place::new();
    let database = place.open().await;
    alice(&database).await;
    let tx = tx("tx", None);
    store_all(&database, &[&tx]).await;
    let late = database.run(enrolled(&tx, "phone", tx.expires_at)).await;
    assert_eq!(late, Ok(Written::Overtaken));
    let in_time = database.run(enrolled(&tx, "phone", tx.expires_at.plus_ms(-1))).await;
    assert_eq!(in_time, Ok(Written::Done));
}

#[tokio::test]
async fn a_web_ticket_enrolls_nothing_itself() {
    let place = Place::new();
    let database = place.open().await;
    alice(&database).await;
    let web = web("web");
    store_all(&database, &[&web]).await;
    let spent = tickets::spend_for_enrollment(&tenant(), &web, "phone", NOW);
    assert_eq!(database.run(spent).await, Ok(Written::Overtaken));
}

#[tokio::test]
async fn a_further_device_needs_a_ticket_that_allows_it_or_its_own_identifier() {
    let place = Place::new();
    let database = place.open().await;
    alice(&database).await;
    let (first, other, same) = (tx("first", None), tx("other", None), tx("same", None));
    let several = Ticket { allow_multiple: true, ..tx("several", None) };
    store_all(&database, &[&first, &other, &same, &several]).await;
    assert_eq!(database.run(enrolled(&first, "phone", NOW)).await, Ok(Written::Done));
    assert_eq!(database.run(enrolled(&other, "tablet", NOW)).await, Ok(Written::Overtaken));
    assert_eq!(database.run(enrolled(&same, "phone", NOW)).await, Ok(Written::Done));
    assert_eq!(database.run(enrolled(&several, "tablet", NOW)).await, Ok(Written::Done));
}

#[tokio::test]
async fn a_user_who_is_gone_enrolls_nothing() {
    let place = Place::new();
    let database = place.open().await;
    let tx = tx("tx", None);
    store_all(&database, &[&tx]).await;
    assert_eq!(database.run(enrolled(&tx, "phone", NOW)).await, Ok(Written::Overtaken));
    assert!(!used(&database, &tx).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_first_devices_that_enroll_at_once_one_does() {
    let place = Place::new();
    let database = place.open().await;
    alice(&database).await;
    for round in 0..5 {
        let mut racers = JoinSet::new();
        for number in 0..20 {
            let tx = tx(&format!("r{round}n{number}"), None);
            store_all(&database, &[&tx]).await;
            let database = database.clone();
            racers.spawn(async move {
                database.run(enrolled(&tx, &format!("phone {number}"), NOW)).await.unwrap()
            });
        }
        let answers = racers.join_all().await;
        assert_eq!(answers.iter().filter(|answer| **answer == Written::Done).count(), 1);
        assert_eq!(devices(&database).await, 1);
        let cleared = Write::new().also("DELETE FROM enrollments", []);
        assert_eq!(database.run(cleared).await, Ok(Written::Done));
    }
}

#[tokio::test]
async fn pending_devices_are_listed_until_they_enroll_expire_or_are_withdrawn() {
    let place = Place::new();
    let database = place.open().await;
    alice(&database).await;
    let (first, second, web) = (tx("first", None), tx("second", None), web("web"));
    store_all(&database, &[&first, &second, &web]).await;
    let pending = async |now| {
        let listed = tickets::pending_of_user(&database, &tenant(), &user(), now).await.unwrap();
        listed.len()
    };
    assert_eq!(pending(NOW).await, 2);
    assert_eq!(pending(first.expires_at).await, 0);
    assert_eq!(database.run(enrolled(&first, "phone", NOW)).await, Ok(Written::Done));
    assert_eq!(pending(NOW).await, 1);
    let withdraw = || tickets::withdraw(&tenant(), &DeviceId::new("dev_second"));
    assert_eq!(database.run(withdraw()).await, Ok(Written::Done));
    assert_eq!(database.run(withdraw()).await, Ok(Written::Overtaken));
    assert_eq!(pending(NOW).await, 0);
    let all = Write::new().and(tickets::delete_of_user(&tenant(), &user()));
    assert_eq!(database.run(all).await, Ok(Written::Done));
    assert_eq!(tickets::find(&database, &tenant(), &web.fingerprint).await, Ok(None));
}
