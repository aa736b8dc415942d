//! Certificates that are fetched.

use store::acme::{self, ChallengeRow};
use store::sealed::{self, Place as Column};
use store::{Database, Write, Written};

use crate::common::{NOW, Place};

async fn run(database: &Database, write: Write) -> Written {
    database.run(write).await.unwrap()
}

#[tokio::test]
async fn a_host_wants_a_certificate_once_and_keeps_what_it_has() {
    let place = Place::new();
    let database = place.open().await;
    assert_eq!(run(&database, acme::want("b.example", NOW)).await, Written::Done);
    assert_eq!(run(&database, acme::want("b.example", NOW)).await, Written::Overtaken);
    assert_eq!(run(&database, acme::want("a.example", NOW)).await, Written::Done);
    let late = NOW.plus_seconds(300);
    assert_eq!(run(&database, acme::failed("b.example", "busy", 1, late)).await, Written::Done);
    let hosts = acme::hosts(&database).await.unwrap();
    assert_eq!((hosts[0].host.as_str(), hosts[1].host.as_str()), ("a.example", "b.example"));
    assert_eq!((hosts[1].attempts, hosts[1].problem.as_deref()), (1, Some("busy")));
    assert_eq!((hosts[1].next_at, &hosts[1].certificate), (late, &None));
    let end = NOW.plus_seconds(900);
    let keep = |host| acme::obtained(host, ("chain", b"key"), end, late);
    assert_eq!(run(&database, keep("b.example")).await, Written::Done);
    assert_eq!(run(&database, keep("c.example")).await, Written::Overtaken);
    let host = acme::hosts(&database).await.unwrap().remove(1);
    assert_eq!(host.certificate, Some((String::from("chain"), b"key".to_vec())));
    assert_eq!((host.expires_at, host.attempts, host.problem), (Some(end), 0, None));
    assert_eq!(run(&database, acme::failed("b.example", "busy", 1, end)).await, Written::Done);
    assert!(acme::hosts(&database).await.unwrap()[1].certificate.is_some(), "it stays");
}

#[tokio::test]
async fn an_account_is_kept_once_and_challenges_pass() {
    let place = Place::new();
    let database = place.open().await;
    assert_eq!(acme::account(&database, "https://d").await.unwrap(), None);
    let keep = |sealed: &[u8]| acme::keep_account("https://d", sealed, NOW);
    assert_eq!(run(&database, keep(b"first")).await, Written::Done);
    assert_eq!(run(&database, keep(b"second")).await, Written::Overtaken);
    assert_eq!(acme::account(&database, "https://d").await.unwrap().unwrap(), b"first");
    let shown = |certificate: &str| ChallengeRow {
        host: String::from("a.example"),
        certificate: certificate.to_owned(),
        sealed: b"key".to_vec(),
        expires_at: NOW.plus_seconds(60),
    };
    assert_eq!(run(&database, acme::show(&shown("one"))).await, Written::Done);
    assert_eq!(run(&database, acme::show(&shown("two"))).await, Written::Done);
    assert_eq!(acme::challenges(&database, NOW).await.unwrap(), [shown("two")]);
    assert_eq!(acme::challenges(&database, NOW.plus_seconds(60)).await.unwrap(), []);
    assert_eq!(run(&database, acme::hide("a.example")).await, Written::Done);
    assert_eq!(acme::challenges(&database, NOW).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_sealed_of_them_is_found_and_replaced() {
    let place = Place::new();
    let database = place.open().await;
    for write in [
        acme::keep_account("https://d", b"account", NOW),
        acme::want("a.example", NOW),
        acme::want("b.example", NOW),
        acme::obtained("b.example", ("chain", b"key"), NOW, NOW),
    ] {
        assert_eq!(run(&database, write).await, Written::Done);
    }
    for (column, secret, associated) in [
        (Column::AcmeAccounts, b"account".as_slice(), "acme_accounts//https://d"),
        (Column::AcmeCertificates, b"key".as_slice(), "acme_certificates//b.example"),
    ] {
        let found = sealed::page(&database, column, ("", "")).await.unwrap();
        assert_eq!((found.len(), found[0].sealed.as_slice()), (1, secret));
        assert_eq!(found[0].associated(), associated.as_bytes());
        assert_eq!(sealed::page(&database, column, ("", &found[0].id)).await.unwrap(), []);
        assert_eq!(run(&database, sealed::replace(&found[0], b"anew")).await, Written::Done);
        assert_eq!(run(&database, sealed::replace(&found[0], b"late")).await, Written::Overtaken);
    }
    assert_eq!(sealed::page(&database, Column::AcmeChallenges, ("", "")).await.unwrap(), []);
}
