//! Passkeys of people, and the challenges of new ones.

use domain::people::{TX_LIFETIME_S, Ticket, TicketKind, WEB_LIFETIME_S};
use domain::{DeviceId, Fingerprint, TenantId, UserId};
use store::passkeys::{self, Ceremony, PASSKEY_LIMIT, Passkey};
use store::{Database, Write, Written, sweep, tickets, users};

use crate::common::{NOW, Place};

fn acme() -> TenantId {
    TenantId::new("acme")
}

fn alice() -> UserId {
    UserId::new("auth0|alice")
}

fn hash(text: &str) -> Fingerprint {
    Fingerprint::of(text.as_bytes())
}

fn passkey(id: &str) -> Passkey {
    Passkey {
        id: hash(id),
        user: alice(),
        rp_id: String::from("login.example.com"),
        name: String::from("laptop"),
        document: String::from("{\"counter\":0}"),
        created_at: NOW,
        last_used_at: None,
    }
}

fn ceremony(name: &str, ticket: Option<Fingerprint>) -> Ceremony {
    Ceremony {
        fingerprint: hash(name),
        user: alice(),
        ticket,
        document: String::from("{}"),
        expires_at: NOW.plus_seconds(300),
    }
}

async fn done(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Done));
}

async fn overtaken(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Overtaken));
}

async fn with_alice(place: &Place) -> Database {
    const INSERT: &str = "
        INSERT INTO users (tenant_id, user_id, blocked, document, created_at, updated_at)
        VALUES ($1, $2, 0, '{}', 0, 0)";
    let database = place.open().await;
    let write = Write::new().exactly(1, INSERT, [(&acme()).into(), (&alice()).into()]);
    done(&database, write).await;
    database
}

#[tokio::test]
async fn a_passkey_is_a_persons_and_goes_with_them() {
    let place = Place::new();
    let database = with_alice(&place).await;
    let first = passkey("a");
    done(&database, passkeys::insert(&acme(), &first)).await;
    overtaken(&database, passkeys::insert(&acme(), &first)).await;
    let strange = Passkey { user: UserId::new("auth0|nobody"), ..passkey("b") };
    overtaken(&database, passkeys::insert(&acme(), &strange)).await;
    assert_eq!(passkeys::of_user(&database, &acme(), &alice()).await, Ok(vec![first.clone()]));

    let later = NOW.plus_seconds(5);
    done(&database, passkeys::used(&acme(), &first, "{\"counter\":1}", later)).await;
    overtaken(&database, passkeys::used(&acme(), &first, "{\"counter\":2}", later)).await;
    let list = passkeys::of_user(&database, &acme(), &alice()).await.unwrap();
    assert_eq!((list[0].last_used_at, list[0].document.as_str()), (Some(later), "{\"counter\":1}"));

    overtaken(&database, passkeys::delete(&acme(), &UserId::new("auth0|bob"), &first.id)).await;
    done(&database, passkeys::delete(&acme(), &alice(), &first.id)).await;
    overtaken(&database, passkeys::delete(&acme(), &alice(), &first.id)).await;
    for id in 0..PASSKEY_LIMIT {
        done(&database, passkeys::insert(&acme(), &passkey(&id.to_string()))).await;
    }
    overtaken(&database, passkeys::insert(&acme(), &passkey("one more"))).await;
    done(&database, passkeys::delete_of_user(&acme(), &alice())).await;
    assert_eq!(passkeys::of_user(&database, &acme(), &alice()).await, Ok(Vec::new()));
    done(&database, passkeys::insert(&acme(), &passkey("last"))).await;
    done(&database, users::delete(&acme(), &alice(), NOW)).await;
    assert_eq!(passkeys::of_user(&database, &acme(), &alice()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_challenge_is_taken_once_and_swept_when_it_is_too_late() {
    let place = Place::new();
    let database = with_alice(&place).await;
    let under = ceremony("x", Some(hash("ticket")));
    for kept in [under.clone(), ceremony("y", None)] {
        done(&database, passkeys::begin_ceremony(&acme(), &kept)).await;
        let found = passkeys::ceremony(&database, &acme(), &kept.fingerprint, NOW).await;
        assert_eq!(found, Ok(Some(kept)));
    }
    let registered = passkeys::take_ceremony(&acme(), &under.fingerprint)
        .and(passkeys::insert(&acme(), &passkey("a")));
    done(&database, registered).await;
    let again = passkeys::take_ceremony(&acme(), &under.fingerprint)
        .and(passkeys::insert(&acme(), &passkey("b")));
    overtaken(&database, again).await;
    assert_eq!(passkeys::of_user(&database, &acme(), &alice()).await.unwrap().len(), 1);
    let late = NOW.plus_seconds(300);
    assert_eq!(passkeys::ceremony(&database, &acme(), &hash("y"), late).await, Ok(None));
    sweep::run(&database, late).await.unwrap();
    overtaken(&database, passkeys::take_ceremony(&acme(), &hash("y"))).await;
}

#[tokio::test]
async fn a_ticket_is_spent_for_one_passkey_unless_a_device_made_it() {
    let place = Place::new();
    let database = with_alice(&place).await;
    let web = Ticket {
        fingerprint: hash("web"),
        kind: TicketKind::Web,
        user: alice(),
        allow_multiple: true,
        replaces: None,
        is_of_device: false,
        created_at: NOW,
        expires_at: NOW.plus_seconds(WEB_LIFETIME_S),
        used_at: None,
    };
    let code = |name: &str, is_of_device| Ticket {
        fingerprint: hash(name),
        kind: TicketKind::Tx {
            parent: Some(web.fingerprint),
            enrollment: DeviceId::new(format!("dev_{name}")),
        },
        is_of_device,
        expires_at: NOW.plus_seconds(TX_LIFETIME_S),
        ..web.clone()
    };
    let (of_device, good, other) = (code("1", true), code("2", false), code("3", false));
    for ticket in [&web, &of_device, &good, &other] {
        done(&database, tickets::insert(&acme(), ticket)).await;
    }
    let found = tickets::find(&database, &acme(), &of_device.fingerprint).await;
    assert_eq!(found, Ok(Some(of_device.clone())));
    overtaken(&database, tickets::spend_for_passkey(&acme(), &of_device, NOW)).await;
    overtaken(&database, tickets::spend_for_passkey(&acme(), &good, good.expires_at)).await;
    done(&database, tickets::spend_for_passkey(&acme(), &good, NOW)).await;
    overtaken(&database, tickets::spend_for_passkey(&acme(), &good, NOW)).await;
    overtaken(&database, tickets::spend_for_passkey(&acme(), &other, NOW)).await;
}
