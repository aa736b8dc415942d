//! What clients show of themselves: wanted, looked at by one, settled, forgotten.

use domain::oauth::client_site::{PictureKind, SiteKind};
use domain::{ClientId, Fingerprint, TenantId, Timestamp};
use store::client_sites::{self, ClientSite, PAUSE_MS};
use store::clients::{self, ClientRow};
use store::{Database, Write, Written, logos, sweep};

use crate::common::{NOW, Place};
use crate::transactions::done;

const ADDRESS: &str = "https://shop.example.com/logo.png";

fn acme() -> TenantId {
    TenantId::new("acme")
}

fn shop() -> ClientId {
    ClientId::new("shop")
}

fn wanted(at: Timestamp) -> ClientSite {
    ClientSite {
        tenant: acme(),
        client: shop(),
        kind: SiteKind::Logo,
        named: ADDRESS.to_owned(),
        logo: None,
        good_until: None,
        problem: None,
        looked_at: None,
        due_at: at,
        attempts: 0,
    }
}

async fn only(database: &Database) -> ClientSite {
    let mut sites = client_sites::of_client(database, &acme(), &shop()).await.unwrap();
    assert_eq!(sites.len(), 1);
    sites.remove(0)
}

fn want(named: &str, now: Timestamp) -> Write {
    client_sites::want(&acme(), &shop(), (SiteKind::Logo, named), now)
}

/// O480: of two nodes one looks, and what it finds is noted only if the client still names it.
#[tokio::test]
async fn a_site_is_looked_at_by_one() {
    let place = Place::new();
    let database = place.open().await;
    done(&database, want(ADDRESS, NOW)).await;
    assert_eq!(client_sites::due(&database, NOW.plus_ms(-1)).await.unwrap(), []);
    let due = client_sites::due(&database, NOW).await.unwrap();
    assert_eq!(due, [wanted(NOW)]);
    let until = NOW.plus_seconds(60);
    done(&database, client_sites::lease(&due[0], NOW, until)).await;
    let again = database.run(client_sites::lease(&due[0], NOW, until)).await;
    assert_eq!(again, Ok(Written::Overtaken));
    let was = ClientSite { due_at: until, looked_at: Some(NOW), ..wanted(NOW) };
    assert_eq!(only(&database).await, was);
    let (hash, good) = (Fingerprint::of(b"picture"), NOW.plus_seconds(1_000));
    let is = ClientSite { logo: Some(hash), good_until: Some(good), due_at: good, ..was.clone() };
    let found = client_sites::settle(&was, &is);
    let kept = logos::keep(&acme(), &hash, (PictureKind::Png, b"picture"), good);
    done(&database, found.clone().and(kept)).await;
    assert_eq!(only(&database).await, is);
    assert!(is.is_shown(NOW) && !is.is_shown(good));
    assert_eq!(database.run(found).await, Ok(Written::Overtaken));
    let logo = logos::one(&database, &acme(), &hash).await.unwrap();
    assert_eq!(logo, Some((PictureKind::Png, b"picture".to_vec())));
    assert_eq!(logos::one(&database, &TenantId::new("other"), &hash).await.unwrap(), None);
}

/// O482, O480: naming the same keeps what was seen and has it looked at again, though no oftener than
/// once a minute; naming another forgets it at once.
#[tokio::test]
async fn naming_another_forgets_what_was_seen() {
    let place = Place::new();
    let database = place.open().await;
    done(&database, want(ADDRESS, NOW)).await;
    let until = NOW.plus_seconds(60);
    done(&database, client_sites::lease(&wanted(NOW), NOW, until)).await;
    let was = only(&database).await;
    let is = ClientSite {
        logo: Some(Fingerprint::of(b"a")),
        good_until: Some(NOW.plus_seconds(9_000)),
        problem: Some(String::from("none")),
        due_at: NOW.plus_seconds(9_000),
        attempts: 3,
        ..was.clone()
    };
    done(&database, client_sites::settle(&was, &is)).await;
    let soon = NOW.plus_ms(PAUSE_MS - 1);
    done(&database, want(ADDRESS, soon)).await;
    let same = ClientSite { due_at: NOW.plus_ms(PAUSE_MS), attempts: 0, ..is.clone() };
    assert_eq!(only(&database).await, same);
    let later = NOW.plus_ms(PAUSE_MS);
    done(&database, want("https://shop.example.com/other.png", later)).await;
    let other = ClientSite {
        named: String::from("https://shop.example.com/other.png"),
        looked_at: Some(NOW),
        ..wanted(later)
    };
    assert_eq!(only(&database).await, other);
    done(&database, client_sites::forget(&acme(), &shop(), SiteKind::Domain)).await;
    assert_eq!(only(&database).await, other);
    done(&database, client_sites::forget(&acme(), &shop(), SiteKind::Logo)).await;
    assert_eq!(client_sites::of_client(&database, &acme(), &shop()).await.unwrap(), []);
}

#[tokio::test]
async fn what_a_client_shows_goes_with_the_client() {
    let place = Place::new();
    let database = place.open().await;
    let row = ClientRow {
        client_id: shop(),
        secret_hash: None,
        document: String::from("{}"),
        created_at: NOW,
        updated_at: NOW,
    };
    done(&database, clients::insert(&acme(), &row).and(want(ADDRESS, NOW))).await;
    assert_eq!(only(&database).await, wanted(NOW));
    // Whose change is overtaken wants nothing.
    let elsewhere = clients::insert(&acme(), &row).and(want("https://b.example/", NOW));
    assert_eq!(database.run(elsewhere).await, Ok(Written::Overtaken));
    assert_eq!(only(&database).await, wanted(NOW));
    done(&database, clients::delete(&acme(), &shop(), NOW)).await;
    assert_eq!(client_sites::due(&database, NOW).await.unwrap(), []);
}

/// O482: a picture that is kept again stays, one that nobody shows is swept.
#[tokio::test]
async fn pictures_that_nobody_shows_are_swept() {
    let place = Place::new();
    let database = place.open().await;
    let (one, two) = (Fingerprint::of(b"one"), Fingerprint::of(b"two"));
    let keeps = |hash: &Fingerprint, until: Timestamp| {
        logos::keep(&acme(), hash, (PictureKind::Webp, b"bytes"), until)
    };
    done(&database, keeps(&one, NOW.plus_ms(1))).await;
    done(&database, keeps(&two, NOW.plus_ms(1))).await;
    done(&database, keeps(&one, NOW.plus_ms(9))).await;
    assert_eq!(sweep::run(&database, NOW.plus_ms(1)).await, Ok(false));
    assert!(logos::one(&database, &acme(), &one).await.unwrap().is_some());
    assert_eq!(logos::one(&database, &acme(), &two).await.unwrap(), None);
}
